package vktest

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// AddCallback makes VK send the community's events to a webhook as well, as if
// its address were entered on the settings page, and asks it at once to confirm
// itself with the [Server.ConfirmationCode]. Requests are made as VK makes
// them, and again after 10 s, 3 min, 10 min, 30 min and 1 h if the answer is
// not "ok"; they reach the handler without a network. All kinds of events
// are sent but message_reply, message_edit, message_typing_state and
// message_read.
func (s *Server) AddCallback(h http.Handler, secret string) {
	s.world.AddCallback(s.GroupID, fakevk.CallbackSpec{URL: s.hooks.add(h), Title: "webhook", Secret: secret})
}

// ConfirmationCode returns what a webhook answers to be confirmed.
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
	mu       sync.Mutex
	handlers map[string]http.Handler // by the host
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
	return direct{handler}.RoundTrip(r)
}
