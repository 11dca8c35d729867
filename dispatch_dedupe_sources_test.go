package vk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// follow returns what a Poller beside the offerer is once it follows.
func (o *offerer) follow(t *testing.T) *follower {
	t.Helper()
	f := &follower{Poller: &Poller{}, d: o.d, feed: o.d.feed(), base: context.WithoutCancel(t.Context()), log: slogOr(slog.New(slog.DiscardHandler))}
	if o.d.Store != nil {
		f.journal = journalOf(t, o)
		f.journal.join(f.feed, nil)
	}
	return f
}

// TestOtherSourceStops: an event that both sources have brought and that the end
// of the one has cut off is handled for the other.
func TestOtherSourceStops(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		runs := 0
		o := newOfferer(store, HandlerFunc(func(c *Context) error {
			if runs++; runs == 1 {
				c.Park(func() error { <-c.Done(); return nil })
				return context.Cause(c)
			}
			return nil
		}))
		f := o.follow(t)
		poll := func(events ...json.RawMessage) {
			t.Helper()
			if err := f.handle(t.Context(), events); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		o.offer(t, "a")
		poll(textEvent(t, "a", "a").Raw)
		poll()
		if runs != 1 {
			t.Errorf("%d runs while it is handled", runs)
		}
		o.d.drain(t.Context(), o.feed)
		poll()
		if runs != 2 {
			t.Errorf("%d runs after the end of the other source", runs)
		}
		poll(textEvent(t, "a", "a").Raw)
		if runs != 2 || len(f.elsewhere) != 0 {
			t.Errorf("%d runs when it is done", runs)
		}
		o.d.Stop(t.Context())
	})
}

// TestOtherCallbackStops: what the end of one Callback has cut off, and what was
// kept for that, is handled for another one that goes on.
func TestOtherCallbackStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		o := newOfferer(new(MemoryStore), HandlerFunc(func(c *Context) error {
			if got = append(got, c.Text()); len(got) == 1 {
				c.Park(func() error { <-c.Done(); return nil })
				return context.Cause(c)
			}
			return nil
		}))
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "a", "a"))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o.d.drain(t.Context(), o.feed)
		if kept, err := o.d.keep(t.Context(), j); !kept || err != nil {
			t.Error(kept, err)
		}
		o.feed = o.d.feed()
		o.offer(t, "b")
		if !slices.Equal(got, []string{"a", "a", "b"}) {
			t.Errorf("handled %v", got)
		}
		o.d.Stop(t.Context())
	})
}

// TestWhoIsLeftInherits: what the dead have left is handled for a source that is
// still open, whichever was the first.
func TestWhoIsLeftInherits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		var got []string
		a := newOfferer(shared, parked)
		b := newOfferer(shared, HandlerFunc(func(c *Context) error { got = append(got, c.Text()); return nil }))
		a.offer(t, "a")
		a.keep(t, "a")
		b.offer(t, "first")
		b.d.drain(t.Context(), b.feed)
		b.feed = b.d.feed()
		b.offer(t, "second")
		journalOf(t, a).end() // a dies
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(got) != 3 || got[2] != "a" {
			t.Errorf("handled %v", got)
		}
		a.d.Stop(t.Context())
		b.d.Stop(t.Context())
	})
}

// unkeptStore keeps claims, but no journal while it fails.
type unkeptStore struct {
	Store
	fails *atomic.Bool
}

func (s unkeptStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.fails.Load() && strings.HasPrefix(key, "journal/") {
		return false, errors.New("full")
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// TestUnsavedIsUnclaimed: what a process could not keep, others do not leave to
// it: it may die.
func TestUnsavedIsUnclaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		var fails atomic.Bool
		runs := 0
		a := newOfferer(unkeptStore{shared, &fails}, parked)
		b := newOfferer(shared, HandlerFunc(func(c *Context) error { runs++; return nil }))
		fa, fb := a.follow(t), b.follow(t)
		fails.Store(true)
		for _, f := range []*follower{fa, fb} {
			if err := f.handle(t.Context(), []json.RawMessage{textEvent(t, "a", "a").Raw}); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		journalOf(t, a).end() // a dies
		time.Sleep(time.Minute)
		synctest.Wait()
		if runs != 1 {
			t.Errorf("handled %d times by who is alive", runs)
		}
		a.d.Stop(t.Context())
		b.d.Stop(t.Context())
	})
}

// TestKeepWithoutID: an event that VK has sent without an id is kept too.
func TestKeepWithoutID(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		o := newOfferer(store, parked)
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "", "a"))
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := o.d.keep(t.Context(), j); kept != (store != nil) || err != nil {
			t.Error(kept, err)
		}
		o.d.Stop(t.Context())
	})
}

// TestFullKnowsDone: a Dispatcher that takes no more events still knows those
// that it has handled, or is handling.
func TestFullKnowsDone(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		block := make(chan struct{})
		o := newOfferer(store, HandlerFunc(func(c *Context) error {
			if c.Text() == "slow" {
				<-block
			}
			return nil
		}))
		o.d.room = make(chan struct{}, 1)
		o.offer(t, "done")
		o.offer(t, "slow")
		for id, want := range map[string]admission{"done": alreadyHandled, "slow": alreadyRunning} {
			if state, _, err := o.offer(t, id); state != want || err != nil {
				t.Errorf("%s: %v, %v", id, state, err)
			}
		}
		if _, _, err := o.offer(t, "more"); !errors.Is(err, errFull) {
			t.Error(err)
		}
		close(block)
		synctest.Wait()
		if state, _, err := o.offer(t, "more"); state != admitted || err != nil {
			t.Error(state, err)
		}
		o.d.Stop(t.Context())
	})
}

// slowStore takes its time to be read.
type slowStore struct {
	Store
	get time.Duration
}

func (s slowStore) Get(ctx context.Context, key string) ([]byte, error) {
	select {
	case <-time.After(s.get):
		return s.Store.Get(ctx, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestOpenerGivesUp: who needs the journal first and has no time to wait for it
// takes it from nobody else.
func TestOpenerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOfferer(slowStore{new(MemoryStore), 3 * time.Second}, parked)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var hasty sync.WaitGroup
		hasty.Go(func() {
			if _, _, err := o.d.admit(ctx, o.feed, nil, textEvent(t, "a", "a")); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		synctest.Wait()
		if state, _, err := o.offer(t, "b"); state != admitted || err != nil {
			t.Error(state, err)
		}
		hasty.Wait()
		o.d.Stop(t.Context())
		if _, err := o.d.journal(t.Context(), 8); !errors.Is(err, ErrStopped) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// TestYieldedIsNotOK: VK is not told that an event is done which this process
// has left to another.
func TestYieldedIsNotOK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		a, b := newOfferer(shared, parked), newOfferer(slowStore{shared, time.Second}, parked)
		a.offer(t, "a")
		f := b.follow(t)
		if err := f.handle(t.Context(), []json.RawMessage{textEvent(t, "a", "a").Raw}); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the Poller's job is asking who has the event
		j, state, err := b.d.admit(t.Context(), b.feed, nil, textEvent(t, "a", "a"))
		if state != alreadyRunning || err != nil {
			t.Fatal(state, err)
		}
		<-b.d.dedupe.settledOf(j)
		if err := j.outcome(); !errors.Is(err, ErrStopped) {
			t.Errorf("outcome %v", err)
		}
		if kept, err := b.d.keep(t.Context(), j); kept || err != nil {
			t.Errorf("kept: %v, %v", kept, err)
		}
		a.d.Stop(t.Context())
		b.d.Stop(t.Context())
	})
}

// TestUnreadableRecord: what a dead process has left and cannot be read is told
// once, and does not end who lives.
func TestUnreadableRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		o := newOfferer(shared, parked)
		var log bytes.Buffer
		o.d.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.offer(t, "a")
		jr := journalOf(t, o)
		if _, err := shared.Swap(t.Context(), jr.key(1), nil, []byte("{"), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(log.String(), "cannot be taken over"); n != 1 {
			t.Errorf("%d lines:\n%s", n, log.String())
		}
		if state, _, err := o.offer(t, "b"); state != admitted || err != nil {
			t.Error(state, err)
		}
		o.d.Stop(t.Context())
	})
}

// TestNotTakenIsUnclaimed: an event for which there was no room in time is taken
// when it comes again.
func TestNotTakenIsUnclaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := make(map[string]int)
		d := &Dispatcher{MaxEvents: 1, Handler: HandlerFunc(func(c *Context) error {
			time.Sleep(time.Second)
			runs[c.Text()]++
			return nil
		})}
		d.init()
		f := d.feed()
		take := func(ctx context.Context, id string) error {
			t.Helper()
			holder, err := d.putOnce(ctx, &job{d: d, feed: f, ctx: t.Context(), ev: textEvent(t, id, id)})
			if holder != nil {
				t.Errorf("%s is in other hands", id)
			}
			return err
		}
		if err := take(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := take(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without room: %v", err)
		}
		if err := take(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		d.Stop(t.Context())
		if runs["a"] != 1 || runs["b"] != 1 {
			t.Errorf("runs: %v", runs)
		}
	})
}
