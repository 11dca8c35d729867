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

	// callbackQueue is how many events wait for one server; more are dropped.
	callbackQueue = 10_000

	defaultCallbackTimeout = 10 * time.Second
)

// What is known of a callback server.
const (
	callbackUnconfigured = "unconfigured" // never asked to confirm itself
	callbackWait         = "wait"         // was asked
	callbackOK           = "ok"
	callbackFailed       = "failed"
)

// A CallbackSpec describes a callback server of a community to
// [World.AddCallback].
type CallbackSpec struct {
	URL    string // empty leaves the server unconfigured, until it is edited
	Title  string // at most 14 characters
	Secret string // at most 50

	APIVersion string // of the events; empty means 5.199

	// Events switches single events on and off, with the defaults of
	// [LongPollSettings]. A server that groups.addCallbackServer adds gets none
	// until groups.setCallbackSettings.
	Events map[string]bool

	// Confirmed leaves out the confirmation request.
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
	Waiting    int    // events and confirmations on their way or to be tried again
	Due        int    // of them, those on their way or due now
	Dropped    int    // given up, after the last attempt or since too much was waiting
}

// A callback is a callback server and what it has still to be sent.
type callback struct {
	id        int64
	group     int64
	creator   int64
	url       string
	title     string
	secret    string
	version   string
	status    string
	byAPI     bool // decides which confirmation code it must know
	confirmed bool // has answered with it
	off       map[string]bool
	removed   bool

	queue     []*parcel
	away      int           // parcels that are being delivered
	asking    bool          // one of them is a confirmation
	senders   int           // goroutines
	wake      chan struct{} // of a sender that waits
	failures  int           // in a row
	dropped   int
	pausedTil time.Time
}

// A parcel is one thing to deliver.
type parcel struct {
	event   Event // zero in a confirmation
	body    json.RawMessage
	confirm bool
	tries   int // attempts so far
	failed  int // of them, those that count for the schedule
	due     time.Time
}

// AddCallback adds a callback server to a community, as its admin would on the
// settings page, and asks it to confirm itself: it must answer with the
// [World.ConfirmationCode]. Events that happen meanwhile are sent afterwards.
// It returns the number of the server and panics at more than VK allows: the
// test itself is wrong then.
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

// newCallback adds a server with every event switched off.
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

// RemoveCallback takes a callback server from a community; what waits for it is
// lost.
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

// ConfirmationCode is what the callback servers of a community must answer to
// the request of type confirmation. Servers that were added by the API have a
// code of their own, which groups.getCallbackConfirmationCode tells.
func (w *World) ConfirmationCode(group int64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.confirmationCode(w.mustGroup(group).spec.ID, false)
}

func (w *World) confirmationCode(group int64, byAPI bool) string {
	return w.hex(8, "confirmation", group, int64(boolInt(byAPI)))
}

// Callbacks returns the callback servers of a community.
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

// confirm asks a server to confirm itself. What waited for it is lost.
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

// callBack has an event sent to the servers of a community that ask for it.
func (w *World) callBack(g *group, e Event) {
	for _, cb := range g.callbacks {
		if cb.takes() && !cb.off[e.Type] {
			w.enqueue(cb, &parcel{event: e, body: e.Envelope(cb.version, cb.secret)})
		}
	}
}

// takes reports whether the server gets events: it has confirmed itself, or is
// about to and gets them afterwards.
func (cb *callback) takes() bool {
	return cb.url != "" && (cb.confirmed || cb.status == callbackWait)
}

// enqueue adds something to deliver and sees to it that somebody does.
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

// rouse wakes the sender that waits, if one does.
func (cb *callback) rouse() {
	select {
	case cb.wake <- struct{}{}:
	default:
	}
}

// next takes out of the queue what is to be delivered now. If there is nothing,
// it returns how long it will be until there is; a negative time means that
// there is nothing to wait for.
func (cb *callback) next() (*parcel, time.Duration) {
	t := now()
	soonest := time.Duration(-1)
	if cb.asking { // whoever asks goes on
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

// dueAt is when something in the queue is to be sent.
func (cb *callback) dueAt(p *parcel) time.Time {
	if !p.confirm && p.due.Before(cb.pausedTil) {
		return cb.pausedTil
	}
	return p.due
}

// due counts what is in the queue and to be sent now.
func (cb *callback) due() int {
	n := 0
	for _, p := range cb.queue {
		if !cb.dueAt(p).After(now()) {
			n++
		}
	}
	return n
}

// settings are the events as groups.getCallbackSettings tells them.
func (cb *callback) settings() map[string]any {
	events := make(map[string]int, len(eventNames))
	for _, e := range eventNames {
		events[e] = boolInt(!cb.off[e])
	}
	return map[string]any{"api_version": cb.version, "events": events}
}

// A Delivery is one attempt to send something to a callback server.
type Delivery struct {
	Server  int64
	Type    string // of the event, or confirmation
	EventID string
	Attempt int // counted from 1
	Time    time.Time
	Status  int         // of the answer; 0 when there was none
	Header  http.Header // of the request
	Body    json.RawMessage
	Answer  string    // the beginning of the answer's body
	Err     string    // why there was no answer
	OK      bool      // the server has taken it
	Next    time.Time // when it will be tried again; zero when it will not
}

// Deliveries returns the attempts to send something to the callback servers of
// a community, oldest first. Config.CallLimit bounds how many are remembered.
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

// String is for failure messages of tests.
func (d Delivery) String() string {
	return fmt.Sprintf("%s to %d, attempt %d: %d %q %s", d.Type, d.Server, d.Attempt, d.Status, d.Answer, d.Err)
}
