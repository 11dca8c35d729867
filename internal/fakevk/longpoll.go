package fakevk

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	pollHistory = 256 // events kept per community
	pollWait    = 25  // seconds, if the client gives none
	pollWaitMax = 90
	keyLifetime = time.Hour
)

// A longPoll is the Bots Long Poll of one community. Its ts counts events: a
// client with ts N has received all events up to N.
type longPoll struct {
	group   int64
	enabled bool
	version string
	off     map[string]bool // events switched off

	emitted int64             // events created, delivered or not
	head    int64             // ts of the newest event
	events  []json.RawMessage // the latest events; the newest has ts head
	acked   int64             // greatest ts that a poll carried
	waiting int               // number of waiting polls

	keys map[string]keyState
	wake chan struct{} // closed when there are new events; nil if no poll waits
}

// A keyState is the state of an issued key. Unknown keys count as expired.
type keyState struct {
	expires   time.Time
	forgotten bool
}

// Responses of the long poll server.
type (
	pollUpdates struct {
		TS      string            `json:"ts"` // a string, unlike the ts of failed
		Updates []json.RawMessage `json:"updates"`
	}
	pollFailed struct {
		Failed int   `json:"failed"`
		TS     int64 `json:"ts,omitempty"`
	}
)

func (l *longPoll) init(group int64) {
	*l = longPoll{group: group, head: 1, keys: make(map[string]keyState)}
	l.acked = l.head
}

// CheckEvents returns an error if the settings of a source of events name a
// version that is none, or an event that VK does not have.
func CheckEvents(version string, events map[string]bool) error {
	if _, ok := parseVersion(version); version != "" && !ok {
		return fmt.Errorf("fakevk: version %q is no version of the API, such as %s", version, currentVersion)
	}
	for e := range events {
		if !slices.Contains(eventNames, e) {
			return fmt.Errorf("fakevk: unknown event %q: the events are %s", e, strings.Join(eventNames, ", "))
		}
	}
	return nil
}

func mustEvents(version string, events map[string]bool) {
	if err := CheckEvents(version, events); err != nil {
		panic(err.Error())
	}
}

func (l *longPoll) configure(s LongPollSettings) {
	mustEvents(s.APIVersion, s.Events)
	l.enabled = !s.Disabled
	l.version = cmp.Or(s.APIVersion, currentVersion)
	l.off = make(map[string]bool)
	for _, e := range offByDefault {
		l.off[e] = true
	}
	for e, on := range s.Events {
		l.off[e] = !on
	}
	l.notify()
}

// accept adds an event to the history, if it is switched on, and wakes the
// waiting polls.
func (l *longPoll) accept(e Event) {
	if l.enabled && !l.off[e.Type] {
		l.append(e.Envelope(l.version, ""))
	}
}

func (l *longPoll) append(update json.RawMessage) {
	l.head++
	l.events = append(l.events, update)
	if len(l.events) > pollHistory {
		l.events[0] = nil
		l.events = l.events[1:]
	}
	l.notify()
}

func (l *longPoll) notify() {
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

// issue creates a key. A key is valid for an hour. Expired keys are dropped,
// because unknown keys get the same response.
func (l *longPoll) issue(key string) {
	t := now()
	maps.DeleteFunc(l.keys, func(_ string, s keyState) bool { return !t.Before(s.expires) })
	l.keys[key] = keyState{expires: t.Add(keyLifetime)}
}

// take returns the response to a poll, or nil if the poll must wait.
func (l *longPoll) take(key string, ts int64) any {
	k, known := l.keys[key]
	switch {
	case known && k.forgotten:
		return pollFailed{Failed: 3}
	case !known || !l.enabled || !now().Before(k.expires):
		return pollFailed{Failed: 2}
	case ts > l.head || ts < l.head-int64(len(l.events)):
		return pollFailed{Failed: 1, TS: l.head}
	}
	l.acked = max(l.acked, ts)
	if ts == l.head {
		return nil
	}
	return pollUpdates{
		TS:      strconv.FormatInt(l.head, 10),
		Updates: l.events[len(l.events)-int(l.head-ts):],
	}
}

// serveLongPoll serves one poll. It responds at once if there are events.
// Otherwise it waits until an event comes, the wait expires, the client
// disconnects or the world is closed.
func (w *World) serveLongPoll(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, bodyLimit)
	id, err := parseID(r.PathValue("group"))
	if err != nil || r.FormValue("act") != "a_check" {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	// The server notices a disconnect only after it has read the body.
	io.Copy(io.Discard, r.Body)
	wait := waitOf(r)
	ts, err := strconv.ParseInt(r.FormValue("ts"), 10, 64)
	if err != nil {
		ts = -1
	}
	h, body := w.strikePoll(id, false)
	rw, ok := w.begin(rw, r, h)
	if !ok {
		return
	}
	if body == nil {
		body = w.poll(r, id, r.FormValue("key"), ts, wait)
	}
	if body == nil {
		http.Error(rw, "the server is closed", http.StatusServiceUnavailable)
		return
	}
	writeJSON(rw, r, body)
}

// waitOf returns the duration that a poll may take. Clients in Python and
// JavaScript also send it as a fraction, such as 25.0.
func waitOf(r *http.Request) time.Duration {
	seconds, err := strconv.ParseFloat(r.FormValue("wait"), 64)
	if err != nil || math.IsNaN(seconds) {
		seconds = pollWait
	}
	return time.Duration(min(max(seconds, 0), pollWaitMax)) * time.Second
}

// poll waits for the response to one poll. It returns nil if the world was
// closed or the client disconnected.
func (w *World) poll(r *http.Request, group int64, key string, ts int64, wait time.Duration) []byte {
	var timeout <-chan time.Time
	for {
		body, wake := w.pollOnce(group, key, ts)
		if body != nil {
			return body
		}
		if timeout == nil {
			t := time.NewTimer(wait)
			defer t.Stop()
			timeout = t.C
		}
		ended, gone := false, false
		select {
		case <-wake:
		case <-timeout:
			ended = true
		case <-r.Context().Done():
			gone = true
		case <-w.done:
			gone = true
		}
		w.stopWaiting(group)
		switch {
		case gone:
			return nil
		case ended:
			return mustJSON(pollUpdates{TS: strconv.FormatInt(ts, 10), Updates: []json.RawMessage{}})
		}
	}
}

// pollOnce returns the response to a poll. If there is none yet, it returns a
// channel that is closed when there may be one; the poll then counts as waiting
// until stopWaiting.
func (w *World) pollOnce(group int64, key string, ts int64) ([]byte, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[group]
	if g == nil {
		return mustJSON(pollFailed{Failed: 2}), nil
	}
	if a := g.lp.take(key, ts); a != nil {
		w.touch()
		return mustJSON(a), nil
	}
	if g.lp.wake == nil {
		g.lp.wake = make(chan struct{})
	}
	g.lp.waiting++
	w.touch()
	return nil, g.lp.wake
}

func (w *World) stopWaiting(group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups[group].lp.waiting--
	w.touch()
}

// Delivered reports how far a community's long poll has been read. acked is the
// number of the last event that a client has acknowledged by asking for the
// events after it; head is the number of the newest event. They are equal if a
// client has received everything.
func (w *World) Delivered(group int64) (acked, head int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	return l.acked, l.head
}

// Polling returns the number of a community's polls that wait for an event now.
func (w *World) Polling(group int64) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mustGroup(group).lp.waiting
}

// AtHead reports whether a client of a community's long poll has received every
// event and waits for more. The client may still be busy, because it polls
// again before it has handled the last events.
func (w *World) AtHead(group int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	return l.waiting > 0 && l.acked == l.head
}

// ExpireKey expires every long poll key of a community. Polls get failed 2
// until they use a new key; waiting polls get it at once. The events are kept.
func (w *World) ExpireKey(group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	clear(l.keys)
	l.notify()
}

// ForgetSession makes the long poll server lose its state for a community.
// Polls get failed 3 until they use a new key. The events so far and their
// numbers are lost, so a client that keeps its old ts gets failed 1.
func (w *World) ForgetSession(group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	for k, s := range l.keys {
		s.forgotten = true
		l.keys[k] = s
	}
	l.events = nil
	l.head += 4 * pollHistory
	l.notify()
}

// LosePollHistory drops the events that a community's long poll keeps. A client
// that has not received them gets failed 1.
func (w *World) LosePollHistory(group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	l.events = nil
}
