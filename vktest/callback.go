package vktest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// AddCallback makes VK send the community's events to a webhook as well, as if
// its address were entered on the settings page. VK asks the webhook at once to
// confirm itself with the [Server.ConfirmationCode]. Requests are made as VK
// makes them. If the response is not "ok", or does not come within 10 s, VK
// retries after 10 s, 3 min, 10 min, 30 min and 1 h. The requests reach the
// handler without a network. All kinds of events are sent except message_reply,
// message_edit, message_typing_state and message_read. There are at most ten
// webhooks, and a secret has at most 50 characters.
//
// The context of a handler's request is canceled when VK's timeout expires and
// when the server is closed.
func (s *Server) AddCallback(h http.Handler, secret string) {
	s.tb().Helper()
	s.try("AddCallback", func() {
		s.world.AddCallback(s.GroupID, fakevk.CallbackSpec{URL: s.hooks.add(h), Title: "webhook", Secret: secret})
	})
}

// Host gives a handler an address at which VK reaches it without a network, and
// returns the address. It is for programs that register the address themselves,
// as [vk.Callback.Setup] does.
func (s *Server) Host(h http.Handler) (address string) { return s.hooks.add(h) }

// ConfirmationCode returns the code with which a webhook added by AddCallback
// confirms itself. Webhooks registered by the API have another code.
func (s *Server) ConfirmationCode() string { return s.world.ConfirmationCode(s.GroupID) }

// A Delivery is an attempt to deliver an event to a webhook.
type Delivery struct {
	Kind    string    // of the event, or "confirmation"
	EventID string    // of the event
	Attempt int       // counted from 1
	Time    time.Time // of the attempt
	Status  int       // the HTTP status of the response, or 0
	Answer  string    // the beginning of the response
	OK      bool      // the webhook acknowledged the event
	Next    time.Time // the time of the next attempt; zero if there is none
}

// Deliveries returns all attempts, oldest first.
func (s *Server) Deliveries() []Delivery {
	var all []Delivery
	for _, d := range s.world.Deliveries(s.GroupID) {
		all = append(all, Delivery{d.Type, d.EventID, d.Attempt, d.Time, d.Status, d.Answer, d.OK, d.Next})
	}
	return all
}

// hooks is the network between VK and the webhooks: it calls their handlers.
// Other addresses belong to webhooks of other programs.
type hooks struct {
	log *slog.Logger

	mu       sync.Mutex
	handlers map[string]http.Handler // by host
	running  int                     // number of running handlers
	returned chan struct{}           // closed when one of them returns; nil if nothing waits
}

func (h *hooks) add(handler http.Handler) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := url.URL{Scheme: "https", Host: fmt.Sprintf("hook%d.test", len(h.handlers)+1), Path: "/"}
	h.handlers[u.Host] = handler
	return u.String()
}

func (h *hooks) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	handler := h.handlers[r.URL.Host]
	h.mu.Unlock()
	if handler == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	h.begin()
	answered := make(chan *http.Response, 1)
	go func() {
		defer h.end()
		defer close(answered)
		if resp := h.serve(handler, r); resp != nil {
			answered <- resp
		}
	}()
	select {
	case resp, ok := <-answered:
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		if !ok {
			return nil, errBroken
		}
		return resp, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

var errBroken = errors.New("vktest: the webhook closed the connection without a response")

// serve calls a handler and returns its response. It returns nil if the handler
// panics, which is logged as by an http.Server, or ends its goroutine.
func (h *hooks) serve(handler http.Handler, sent *http.Request) (resp *http.Response) {
	ctx, cancel := context.WithCancel(sent.Context())
	defer cancel() // as a server does after the handler returns
	r := sent.Clone(ctx)
	if r.Body == nil {
		r.Body = http.NoBody // as a server passes it to its handlers
	}
	defer r.Body.Close()
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			h.log.Error("vktest: webhook handler panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	resp = rec.Result()
	resp.Request = sent
	return resp
}

func (h *hooks) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running++
}

func (h *hooks) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running--
	if h.returned != nil {
		close(h.returned)
		h.returned = nil
	}
}

// wait waits until no handler is running, for at most the given time, and
// reports whether none is.
func (h *hooks) wait(atMost time.Duration) bool {
	late := time.NewTimer(atMost)
	defer late.Stop()
	for {
		h.mu.Lock()
		if h.running == 0 {
			h.mu.Unlock()
			return true
		}
		if h.returned == nil {
			h.returned = make(chan struct{})
		}
		returned := h.returned
		h.mu.Unlock()
		select {
		case <-returned:
		case <-late.C:
			return false
		}
	}
}
