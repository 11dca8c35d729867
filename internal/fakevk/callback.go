package fakevk

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Limits of callback servers.
const (
	maxCallbacks      = 10
	maxCallbackTitle  = 14
	maxCallbackSecret = 50

	// callbackQueue limits the number of events queued for one server. Events
	// above the limit are dropped.
	callbackQueue = 10_000

	defaultCallbackTimeout = 10 * time.Second
)

// The states of a callback server.
const (
	callbackUnconfigured = "unconfigured" // never asked to confirm itself
	callbackWait         = "wait"         // asked to confirm itself
	callbackOK           = "ok"
	callbackFailed       = "failed"
)

// A CallbackSpec describes a callback server of a community to
// [World.AddCallback].
type CallbackSpec struct {
	URL    string // if empty, the server is unconfigured until it is edited
	Title  string // at most 14 characters
	Secret string // at most 50 characters

	APIVersion string // of the events; the default is 5.199

	// Events switches single events on and off; the defaults are those of
	// [LongPollSettings]. A server added by groups.addCallbackServer gets no
	// events until groups.setCallbackSettings.
	Events map[string]bool

	// Confirmed skips the confirmation request.
	Confirmed bool
}

// A CallbackServer is a callback server as tests see it.
type CallbackServer struct {
	ID         int64
	URL        string
	Title      string
	Secret     string
	APIVersion string
	Status     string // unconfigured, wait, ok or failed
	Waiting    int    // events and confirmations being sent or queued for a retry
	Due        int    // those of Waiting that are being sent or due now
	Dropped    int    // events dropped after the last attempt or because the queue was full
}

// A callback is a callback server and its queue.
type callback struct {
	id        int64
	group     int64
	creator   int64
	url       string
	title     string
	secret    string
	version   string
	status    string
	byAPI     bool // selects the confirmation code that it must return
	confirmed bool // has returned the code
	off       map[string]bool
	removed   bool

	queue     []*parcel
	away      int           // parcels being delivered
	asking    bool          // one of them is a confirmation
	senders   int           // number of sender goroutines
	wake      chan struct{} // wakes a waiting sender
	failures  int           // consecutive
	dropped   int
	pausedTil time.Time
}

// A parcel is one event or confirmation to deliver.
type parcel struct {
	event   Event // zero in a confirmation
	body    json.RawMessage
	confirm bool
	tries   int // attempts so far
	failed  int // those of tries that count for the retry schedule
	due     time.Time
}

// AddCallback adds a callback server to a community, as its admin would on the
// settings page, and sends it a confirmation request. The server must respond
// with the [World.ConfirmationCode]. Events that happen meanwhile are sent
// afterwards. AddCallback returns the server's id. It panics if the server
// exceeds VK's limits, because then the test itself is wrong.
func (w *World) AddCallback(group int64, s CallbackSpec) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.mustGroup(group)
	switch {
	case len(g.callbacks) >= maxCallbacks:
		panic(fmt.Sprintf("fakevk: a community has at most %d callback servers", maxCallbacks))
	case len([]rune(s.Title)) > maxCallbackTitle:
		panic(fmt.Sprintf("fakevk: the title of a callback server has at most %d characters", maxCallbackTitle))
	case len([]rune(s.Secret)) > maxCallbackSecret:
		panic(fmt.Sprintf("fakevk: the secret of a callback server has at most %d characters", maxCallbackSecret))
	}
	mustEvents(s.APIVersion, s.Events)
	cb := w.newCallback(g, s.URL, s.Title, s.Secret)
	cb.version = cmp.Or(s.APIVersion, currentVersion)
	for _, e := range eventNames {
		cb.off[e] = slices.Contains(offByDefault, e)
	}
	for e, on := range s.Events {
		cb.off[e] = !on
	}
	switch {
	case s.Confirmed:
		cb.status, cb.confirmed = callbackOK, true
	case s.URL != "":
		w.confirm(cb)
	}
	return cb.id
}

// newCallback adds a server with all events switched off.
func (w *World) newCallback(g *group, url, title, secret string) *callback {
	g.lastCallback++
	cb := &callback{
		id: g.lastCallback, group: g.spec.ID, url: url, title: title, secret: secret,
		version: currentVersion, status: callbackUnconfigured,
		off: make(map[string]bool), wake: make(chan struct{}, 1),
	}
	for _, e := range eventNames {
		cb.off[e] = true
	}
	g.callbacks = append(g.callbacks, cb)
	w.touch()
	return cb
}

// RemoveCallback removes a callback server from a community. Its queued events
// are lost.
func (w *World) RemoveCallback(group, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.mustGroup(group)
	if cb := g.callback(id); cb != nil {
		w.removeCallback(g, cb)
	}
}

func (w *World) removeCallback(g *group, cb *callback) {
	cb.removed, cb.queue = true, nil
	g.callbacks = slices.DeleteFunc(g.callbacks, func(x *callback) bool { return x == cb })
	cb.rouse()
	w.touch()
}

// ConfirmationCode returns the code with which the community's callback servers
// must respond to a request of type confirmation. Servers added by the API have
// a code of their own, which groups.getCallbackConfirmationCode returns.
func (w *World) ConfirmationCode(group int64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.confirmationCode(w.mustGroup(group).spec.ID, false)
}

func (w *World) confirmationCode(group int64, byAPI bool) string {
	return w.hex(8, "confirmation", group, int64(boolInt(byAPI)))
}

// Callbacks returns a community's callback servers.
func (w *World) Callbacks(group int64) []CallbackServer {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []CallbackServer
	for _, cb := range w.mustGroup(group).callbacks {
		out = append(out, CallbackServer{
			ID: cb.id, URL: cb.url, Title: cb.title, Secret: cb.secret, APIVersion: cb.version,
			Status: cb.status, Waiting: len(cb.queue) + cb.away, Due: cb.away + cb.due(), Dropped: cb.dropped,
		})
	}
	return out
}

func (g *group) callback(id int64) *callback {
	for _, cb := range g.callbacks {
		if cb.id == id {
			return cb
		}
	}
	return nil
}

// confirm sends a server a confirmation request. The events queued for it are
// lost.
func (w *World) confirm(cb *callback) {
	request := struct {
		GroupID int64  `json:"group_id"`
		Type    string `json:"type"`
		Secret  string `json:"secret,omitempty"`
	}{GroupID: cb.group, Type: "confirmation"}
	if !w.cfg.ConfirmWithoutSecret {
		request.Secret = cb.secret
	}
	cb.status, cb.failures, cb.pausedTil = callbackWait, 0, time.Time{}
	cb.queue, cb.confirmed = nil, false
	w.enqueue(cb, &parcel{confirm: true, body: mustJSON(request)})
}

// callBack queues an event for the community's servers that have it switched
// on.
func (w *World) callBack(g *group, e Event) {
	for _, cb := range g.callbacks {
		if cb.takes() && !cb.off[e.Type] {
			w.enqueue(cb, &parcel{event: e, body: e.Envelope(cb.version, cb.secret)})
		}
	}
}

// takes reports whether the server gets events: it is confirmed, or its
// confirmation is pending and the events are sent after it.
func (cb *callback) takes() bool {
	return cb.url != "" && (cb.confirmed || cb.status == callbackWait)
}

// enqueue adds a parcel to the queue and makes sure that a sender delivers it.
func (w *World) enqueue(cb *callback, p *parcel) {
	switch {
	case w.closed || cb.removed:
		return
	case len(cb.queue) >= callbackQueue:
		cb.dropped++
		return
	}
	p.due = now()
	cb.queue = append(cb.queue, p)
	w.touch()
	if cb.senders < max(w.cfg.CallbackParallel, 1) {
		cb.senders++
		w.senders.Go(func() { w.run(cb) })
		return
	}
	cb.rouse()
}

// rouse wakes the waiting sender, if there is one.
func (cb *callback) rouse() {
	select {
	case cb.wake <- struct{}{}:
	default:
	}
}

// next removes a parcel that is due from the queue. If none is due, it returns
// the time until one is; a negative time means that there is nothing to wait
// for.
func (cb *callback) next() (*parcel, time.Duration) {
	t := now()
	soonest := time.Duration(-1)
	if cb.asking { // the sender that asks for confirmation continues
		return nil, soonest
	}
	for i, p := range cb.queue {
		if d := cb.dueAt(p).Sub(t); d > 0 {
			if soonest < 0 || d < soonest {
				soonest = d
			}
			continue
		}
		cb.queue = slices.Delete(cb.queue, i, i+1)
		cb.away++
		cb.asking = p.confirm
		return p, 0
	}
	return nil, soonest
}

// dueAt returns the time at which a queued parcel is to be sent.
func (cb *callback) dueAt(p *parcel) time.Time {
	if !p.confirm && p.due.Before(cb.pausedTil) {
		return cb.pausedTil
	}
	return p.due
}

// due returns the number of queued parcels that are due now.
func (cb *callback) due() int {
	n := 0
	for _, p := range cb.queue {
		if !cb.dueAt(p).After(now()) {
			n++
		}
	}
	return n
}

// settings returns the switches of events in the form of
// groups.getCallbackSettings.
func (cb *callback) settings() map[string]any {
	events := make(map[string]int, len(eventNames))
	for _, e := range eventNames {
		events[e] = boolInt(!cb.off[e])
	}
	return map[string]any{"api_version": cb.version, "events": events}
}

// A Delivery is one attempt to deliver an event or a confirmation request to a
// callback server.
type Delivery struct {
	Server  int64
	Type    string // of the event, or confirmation
	EventID string
	Attempt int // counted from 1
	Time    time.Time
	Status  int         // of the response; 0 if there was none
	Header  http.Header // of the request
	Body    json.RawMessage
	Answer  string    // the beginning of the response body
	Err     string    // the reason if there was no response
	OK      bool      // the server acknowledged it
	Next    time.Time // the time of the next attempt; zero if there is none
}

// Deliveries returns the attempts to deliver to the community's callback
// servers, oldest first. Config.CallLimit limits how many are kept.
func (w *World) Deliveries(group int64) []Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.mustGroup(group).deliveries)
}

func (w *World) recordDelivery(g *group, d Delivery) {
	d.Header = maps.Clone(d.Header)
	g.deliveries = append(g.deliveries, d)
	if len(g.deliveries) > w.cfg.CallLimit {
		g.deliveries[0] = Delivery{}
		g.deliveries = g.deliveries[1:]
	}
	w.touch()
}

// String formats the delivery for failure messages of tests.
func (d Delivery) String() string {
	return fmt.Sprintf("%s to %d, attempt %d: %d %q %s", d.Type, d.Server, d.Attempt, d.Status, d.Answer, d.Err)
}
