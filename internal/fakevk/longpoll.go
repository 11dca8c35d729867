package fakevk

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

const (
	pollHistory = 256 // events that a community's long poll keeps
	pollWait    = 25  // seconds, when the client does not say
	pollWaitMax = 90
	keyLifetime = time.Hour
)

// A longPoll is the Bots Long Poll of one community. Its ts counts events: a
// client that has ts N has had all events up to N.
type longPoll struct {
	group   int64
	enabled bool
	version string
	off     map[string]bool // events that are switched off

	emitted int64             // events made, delivered or not
	head    int64             // ts of the newest event
	events  []json.RawMessage // the last of them; the newest has ts head
	acked   int64             // greatest ts a poll came with
	waiting int               // polls

	keys map[string]keyState
	wake chan struct{} // closed when there is something to tell; nil when nobody waits
}

// keyState is what is known of a key that was handed out. Keys not known at
// all count as expired.
type keyState struct {
	expires   time.Time
	forgotten bool
}

// Answers of the long poll server.
type (
	pollUpdates struct {
		TS      string            `json:"ts"` // a string, unlike that of failed
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

func (l *longPoll) configure(s LongPollSettings) {
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

// accept takes an event into the history, if it is switched on, and wakes the
// polls that wait.
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

// issue makes a key. Each is good for an hour; those that have run out are
// dropped, for an unknown key is answered the same way.
func (l *longPoll) issue(key string) {
	t := now()
	maps.DeleteFunc(l.keys, func(_ string, s keyState) bool { return !t.Before(s.expires) })
	l.keys[key] = keyState{expires: t.Add(keyLifetime)}
}

// take is the answer to a poll, or nil if it has to wait.
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

// serveLongPoll answers one poll: at once if events wait, else when one comes,
// the wait runs out, the client goes away or the world is closed.
func (w *World) serveLongPoll(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, bodyLimit)
	id, err := parseID(r.PathValue("group"))
	if err != nil || r.FormValue("act") != "a_check" {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	// The server notices that a client has gone only once the body is read.
	io.Copy(io.Discard, r.Body)
	wait, err := strconv.Atoi(r.FormValue("wait"))
	if err != nil {
		wait = pollWait
	}
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
		body = w.poll(r, id, r.FormValue("key"), ts, time.Duration(min(max(wait, 0), pollWaitMax))*time.Second)
	}
	if body == nil {
		http.Error(rw, "the server is closed", http.StatusServiceUnavailable)
		return
	}
	writeJSON(rw, r, body)
}

// poll waits for the answer to one poll. It is nil when the world was closed
// or the client has gone.
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

// pollOnce returns the answer to a poll or, if there is none yet, the channel
// that is closed when there may be. In that case the poll counts as waiting
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

// Delivered tells how far the long poll of a community has been read: acked is
// the number of the last event that a client has acknowledged by asking for
// what follows it, head that of the newest event. They are equal when a client
// has everything.
func (w *World) Delivered(group int64) (acked, head int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	return l.acked, l.head
}

// Polling returns how many polls of a community wait for an event right now.
func (w *World) Polling(group int64) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mustGroup(group).lp.waiting
}

// AtHead reports whether a client of a community's long poll has every event
// and waits for more. Since it asks again before it has handled what it got,
// it may still be busy.
func (w *World) AtHead(group int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	return l.waiting > 0 && l.acked == l.head
}

// ExpireKey lets every long poll key of a community run out: polls get failed
// 2 until they have a new one, those that wait at once. The events stay.
func (w *World) ExpireKey(group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	clear(l.keys)
	l.notify()
}

// ForgetSession lets the long poll server lose what it knows of a community:
// polls get failed 3 until they have a new key, and both the events so far and
// their numbers are gone, so that a client that keeps its old ts gets failed 1.
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

// LosePollHistory drops the events that a community's long poll keeps: a client
// that has not had them gets failed 1.
func (w *World) LosePollHistory(group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	l.events = nil
}
