package vk

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// Erase deletes a user's data from the Store, in all communities: the sessions and
// timers with a key of the user or of the dialog with the user, and the user's unfinished
// events whose handlers wait, or were interrupted by the end of an earlier run, with all
// recorded steps. The waits of these handlers end with [ErrEnded]; handlers that have not
// begun again do not run. Erase blocks until the data is deleted or ctx is done.
//
// Call Erase while the bot runs. In a handler, pass its Context or one made of it: then
// the conversation goes on while Erase blocks, so that the user's other handlers can end.
// If the Store fails, Erase returns its error, and may be called again. It does not
// delete data that the bot's own handlers keep elsewhere.
//
// Erase needs a Store that is a [Lister]. For any other Store, and for an id that is not
// a user's, such as 0 or a chat's, it returns a [*ConfigError].
func (d *Dispatcher) Erase(ctx context.Context, user int64) error {
	d.init()
	if user == 0 || user >= chatPeers {
		return &ConfigError{Place: "Dispatcher.Erase", Text: fmt.Sprint(user, " is not the id of a user"), Mend: "pass a user's id, such as Context.FromID"}
	}
	if d.Store == nil {
		return nil
	}
	var own *job
	if c, _ := ctx.Value(sendScopeKey{}).(*Context); c != nil {
		own = jobOf(c)
	}
	if own != nil && own.park(false) {
		defer func() {
			own.unpark(false)
			own.back()
		}()
	}
	if err := d.eraseHandlers(ctx, user, own); err != nil {
		return err
	}
	for _, kind := range []string{"session/", "timer/"} {
		found := make(map[string][]byte)
		err := listStore(ctx, d.guarded(), "Dispatcher.Erase", kind, func(key string, value []byte) bool {
			if isOf(key[len(kind):], user) {
				found[key] = slices.Clone(value)
			}
			return true
		})
		if err != nil {
			return err
		}
		for key, value := range found {
			if err := d.erase(ctx, key, value); err != nil {
				return fmt.Errorf("vk: Dispatcher.Erase: %q: %w", key, err)
			}
			if kind == "timer/" {
				d.forgetTimer(ctx, key, value)
			}
		}
	}
	return context.Cause(ctx)
}

// eraseHandlers ends the unfinished handlers of a user, except own, and blocks until
// their trails are deleted.
func (d *Dispatcher) eraseHandlers(ctx context.Context, user int64, own *job) error {
	d.markErased(user, own) // so that none begins meanwhile
	if err := d.eraseIdle(ctx, user); err != nil {
		return err
	}
	for _, j := range d.markErased(user, own) { // with those that were being dispatched
		if err := d.eraseHandler(ctx, j); err != nil {
			return err
		}
	}
	return d.eraseIdle(ctx, user) // a stop may have cut handlers off
}

// markErased returns the unfinished jobs of a user, except own. Those that have not begun
// do not begin.
func (d *Dispatcher) markErased(user int64, own *job) []*job {
	jobs := d.waits.jobs()
	jobs = append(jobs, d.dedupe.replays()...)
	jobs = append(jobs, d.timerReplays()...)
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j == own || !j.ev.isOf(user) })
	for _, j := range jobs {
		j.erased.Store(true)
	}
	return jobs
}

// eraseHandler ends the waits of a handler, and blocks until the handler has ended and its
// trail is deleted, which is once the Store records its event as done.
func (d *Dispatcher) eraseHandler(ctx context.Context, j *job) error {
	for !j.hasEnded() {
		d.waits.endJob(j, ErrEnded) // also the waits after the first ErrEnded
		if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if j.isUndone() {
		return nil // its event is idle
	}
	return d.awaitErased(ctx, j.ev)
}

// awaitErased blocks until the Store has no trail of an event.
func (d *Dispatcher) awaitErased(ctx context.Context, e *Event) error {
	for {
		left, err := d.guarded().Get(ctx, trailKey(e))
		if err != nil {
			return fmt.Errorf("vk: Dispatcher.Erase: %q: %w", trailKey(e), err)
		}
		if len(left) == 0 {
			return nil
		}
		if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// eraseIdle drops the events of a user that earlier runs have left and no job handles yet,
// and blocks until their trails are deleted.
func (d *Dispatcher) eraseIdle(ctx context.Context, user int64) error {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.journals))
	d.mu.Unlock()
	for _, o := range all {
		select {
		case <-o.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if o.err != nil {
			continue
		}
		dropped, err := o.jr.discardIdle(ctx, user)
		if err != nil {
			return fmt.Errorf("vk: Dispatcher.Erase: %w", err)
		}
		for _, e := range dropped {
			if err := d.awaitErased(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// discardIdle discards a user's idle events, and returns them.
func (jr *journal) discardIdle(ctx context.Context, user int64) (dropped []*Event, err error) {
	if err := jr.hand(ctx); err != nil {
		return nil, err
	}
	defer jr.endHand()
	for {
		jr.mu.Lock()
		e := jr.next(func(e *journalEntry) bool { return e.ev.isOf(user) })
		jr.mu.Unlock()
		if e == nil {
			return dropped, nil
		}
		if err := jr.discard(e); err != nil {
			return dropped, err
		}
		dropped = append(dropped, e.ev)
	}
}

// replays returns the jobs of events that an earlier attempt may have begun.
func (c *deduper) replays() (jobs []*job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.running {
		if j.replayed {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// forgetTimer records that a timer's record was erased, and erases the steps that an
// earlier run recorded for it.
func (d *Dispatcher) forgetTimer(ctx context.Context, key string, value []byte) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.timers))
	d.mu.Unlock()
	for _, q := range all {
		q.remove(key)
	}
	var r timerRecord
	group, _, _ := strings.Cut(strings.TrimPrefix(key, "timer/"), "/")
	id, err := strconv.ParseInt(group, 10, 64)
	if err != nil || json.Unmarshal(value, &r) != nil {
		return
	}
	if e, err := r.event(id, key); err == nil {
		d.dropTrail(ctx, e)
	}
}

// timerReplays returns the jobs of timers that an earlier run may have begun.
func (d *Dispatcher) timerReplays() (jobs []*job) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.timers))
	d.mu.Unlock()
	for _, q := range all {
		q.mu.Lock()
		for _, f := range q.firing {
			if f.job != nil && f.due.Before(q.began) {
				jobs = append(jobs, f.job)
			}
		}
		q.mu.Unlock()
	}
	return jobs
}

// isOf reports whether a user caused the event, or it belongs to the dialog with the user.
func (e *Event) isOf(user int64) bool { return e.head.from == user || e.head.peer == user }

// isOf reports whether the end of a key names a user. It consists of a community, a
// quoted name, a conversation and a user.
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
