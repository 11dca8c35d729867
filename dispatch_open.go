package vk

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// An OpenHandler is a handler that waits.
type OpenHandler struct {
	Event *Event    // that it handles
	Route string    // the name of the route that the event led to; "" if it is a listener
	Since time.Time // when it first waited, also before a restart

	job *job
}

// Open returns the handlers that wait for something, those that have waited longest
// first.
func (d *Dispatcher) Open() (open []OpenHandler) {
	for _, j := range d.waits.jobs() {
		if j.isParked() {
			j.steps.mu.Lock()
			open = append(open, OpenHandler{j.ev, j.steps.route, j.steps.since, j})
			j.steps.mu.Unlock()
		}
	}
	slices.SortFunc(open, func(a, b OpenHandler) int { return a.Since.Compare(b.Since) })
	return open
}

// End ends the handler's wait with [ErrEnded]. The handler goes on with that;
// when it returns, its event is done.
func (h OpenHandler) End() { h.job.d.waits.endJob(h.job, ErrEnded) }

// jobs returns the jobs whose handlers wait, or have a Watch.
func (ws *waits) jobs() []*job {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	all := make(map[*job]bool)
	for s := range ws.stays {
		all[s.job] = true
	}
	return slices.Collect(maps.Keys(all))
}

// endJob ends all that a job's handlers wait for.
func (ws *waits) endJob(j *job, why error) {
	ws.mu.Lock()
	var ends []func(error)
	for s := range ws.stays {
		if s.job == j {
			ends = append(ends, s.end)
		}
	}
	ws.mu.Unlock()
	for _, end := range ends {
		end(why)
	}
}

// Erase removes what the Store has of a person, in all communities: the sessions and
// timers whose key has the user, or the dialog with the user; and the handlers that
// wait for the person, with all that they have done: they end with [ErrEnded]. Call it
// while the bot runs. It blocks until that is done or ctx ends. What the bot's own
// handlers keep elsewhere is theirs to erase.
//
// Erase takes a Store that is a [Lister]. Another is a [*ConfigError].
func (d *Dispatcher) Erase(ctx context.Context, user int64) error {
	d.init()
	if d.Store == nil {
		return nil
	}
	var ended []*job
	for _, j := range d.waits.jobs() {
		if j.ev.head.from == user || j.ev.head.peer == user {
			d.waits.endJob(j, ErrEnded)
			ended = append(ended, j)
		}
	}
	for _, j := range ended {
		for !j.hasEnded() {
			if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
	for _, kind := range []string{"session/", "timer/"} {
		var keys []string
		err := listStore(ctx, d.guarded(), "Dispatcher.Erase", kind, func(key string, _ []byte) bool {
			if isOf(key[len(kind):], user) {
				keys = append(keys, key)
			}
			return true
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			d.erase(ctx, key, nil)
			d.forgetTimer(key)
		}
	}
	return context.Cause(ctx)
}

// isOf reports whether the end of a key names a user: a community, a quoted name, a
// conversation and a person.
func isOf(key string, user int64) bool {
	_, rest, _ := strings.Cut(key, "/")
	name, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return false
	}
	parts := strings.SplitN(strings.TrimPrefix(rest[len(name):], "/"), "/", 3)
	id := strconv.FormatInt(user, 10)
	return len(parts) == 3 && (parts[0] == id || parts[1] == id)
}

// forgetTimer notes that a timer's record was erased.
func (d *Dispatcher) forgetTimer(key string) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.timers))
	d.mu.Unlock()
	for _, q := range all {
		q.remove(key)
	}
}

// foreign returns an error if the events that w waits for may come to another process,
// because they are of another conversation and the Dispatcher has a Queue.
func (w *wait) foreign(place string) error {
	j := jobOf(w.c)
	if j == nil || j.item == nil {
		return nil
	}
	own := laneOf(j.ev)
	switch {
	case own.peer == 0: // it has no conversation: the events of its kind are one lane
		if w.kind == own.kind && w.key.Peer == 0 && w.key.User == 0 {
			return nil
		}
	case w.key.Peer == own.peer:
		return nil
	case w.key.Peer == 0 && w.key.User == own.peer && w.kind != "" && !strings.HasPrefix(w.kind, "message_"):
		return nil // events that have no conversation are in the lane of their user
	}
	return &ConfigError{
		Place: place, Field: "From",
		Text: "with a Queue, a handler cannot wait for events of another conversation: another process may get them",
		Mend: "wait in the handler's own conversation, or keep in a Session what is waited for, and let a route handle it",
	}
}
