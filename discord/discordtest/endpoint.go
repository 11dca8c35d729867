package discordtest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
)

// An endpoint is the bot's HTTP server for interactions.
type endpoint struct {
	handler   http.Handler
	server    *http.Server
	transport *http.Transport
	served    chan struct{}
}

// close ends the server. A nil endpoint has none.
func (e *endpoint) close() {
	if e == nil {
		return
	}
	e.transport.CloseIdleConnections()
	e.server.Close()
	<-e.served
}

// busy reports whether the handler has work to do, as far as it tells.
func (e *endpoint) busy() bool {
	if e == nil {
		return false
	}
	h, ok := e.handler.(interface{ Pending() int })
	return ok && h.Pending() > 0
}

// Serve makes h the bot's endpoint for interactions, which come there as signed HTTP
// requests from then on, and no longer through the gateway. Before, Discord checks
// the endpoint: it must answer a PING, and refuse those with a wrong signature. The
// test fails if it does not. If h has a method Pending() int, [Server.Wait] waits
// until that returns zero. Serve may be called once.
func (s *Server) Serve(h http.Handler) {
	s.tb().Helper()
	l := memnet.Listen("bot.test:80")
	e := &endpoint{
		handler: h, transport: &http.Transport{DialContext: l.Dial}, served: make(chan struct{}),
		server: &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)},
	}
	s.mu.Lock()
	again := s.endpoint != nil || s.closed
	if !again {
		s.endpoint = e
	}
	s.mu.Unlock()
	if again {
		l.Close()
		s.fatalf("Serve was called before, or the fake is closed")
		return
	}
	go func() {
		defer close(e.served)
		e.server.Serve(l)
	}()
	s.must("the endpoint", s.fake.SetEndpoint(context.Background(), &http.Client{Transport: e.transport}, "http://bot.test/"))
}

// PublicKey returns the key, in hexadecimal, by which the bot's endpoint verifies
// Discord's signatures.
func (s *Server) PublicKey() string { return s.fake.PublicKey() }

// Sign returns the headers of a request with a body that Discord sends to the bot's
// endpoint at a time, for tests of forged and repeated requests.
func (s *Server) Sign(at time.Time, body []byte) http.Header { return s.fake.Sign(at, body) }
