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
// its address were entered on the settings page, and asks it at once to confirm
// itself with the [Server.ConfirmationCode]. Requests are made as VK makes
// them, and again after 10 s, 3 min, 10 min, 30 min and 1 h if the answer is
// not "ok", or has not come after 10 s; they reach the handler without a
// network. All kinds of events are sent but message_reply, message_edit,
// message_typing_state and message_read. There are at most ten webhooks, and a
// secret has at most 50 characters.
//
// The context of a handler's request ends when VK gives up waiting, and when the
// server closes.
func (s *Server) AddCallback(h http.Handler, secret string) {
	s.tb().Helper()
	s.try("AddCallback", func() {
		s.world.AddCallback(s.GroupID, fakevk.CallbackSpec{URL: s.hooks.add(h), Title: "webhook", Secret: secret})
	})
}

// Host gives a handler an address that VK reaches it at, without a network, and
// returns that: for programs that register it themselves, as by
// [vk.Callback.Setup].
func (s *Server) Host(h http.Handler) (address string) { return s.hooks.add(h) }

// ConfirmationCode returns what a webhook that AddCallback has added answers to
// be confirmed. Those that were registered by the API have another code.
func (s *Server) ConfirmationCode() string { return s.world.ConfirmationCode(s.GroupID) }

// A Delivery is an attempt to send an event to a webhook.
type Delivery struct {
	Kind    string    // of the event, or "confirmation"
	EventID string    // of the event
	Attempt int       // from 1
	Time    time.Time // when
	Status  int       // the HTTP status that was answered, or 0
	Answer  string    // the beginning of what was answered
	OK      bool      // whether the webhook has taken it
	Next    time.Time // when it is tried again; zero if it is not
}

// Deliveries returns all attempts, the oldest first.
func (s *Server) Deliveries() []Delivery {
	var all []Delivery
	for _, d := range s.world.Deliveries(s.GroupID) {
		all = append(all, Delivery{d.Type, d.EventID, d.Attempt, d.Time, d.Status, d.Answer, d.OK, d.Next})
	}
	return all
}

// hooks is the network between VK and the webhooks: it calls their handlers.
// What is not one of them is a webhook of another program.
type hooks struct {
	log *slog.Logger

	mu       sync.Mutex
	handlers map[string]http.Handler // by the host
	running  int                     // handlers
	returned chan struct{}           // closed when one of them returns; nil when nobody waits
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

var errBroken = errors.New("vktest: the webhook broke the connection")

// serve calls a handler and returns its answer: none if it panics, which is
// logged as an http.Server does, or ends its goroutine.
func (h *hooks) serve(handler http.Handler, sent *http.Request) (resp *http.Response) {
	ctx, cancel := context.WithCancel(sent.Context())
	defer cancel() // as a server does when the handler has returned
	r := sent.Clone(ctx)
	if r.Body == nil {
		r.Body = http.NoBody // as a server gives it to its handlers
	}
	defer r.Body.Close()
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			h.log.Error("vktest: a webhook's handler panics", "panic", v, "stack", string(debug.Stack()))
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

// wait waits until no handler runs, but not longer than that, and reports
// whether none does.
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
