package vk

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
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
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "a", "a"), 0)
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

// TestKeepWithoutID: an event that VK has sent without an id is kept too.
func TestKeepWithoutID(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		o := newOfferer(store, parked)
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "", "a"), 0)
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
			if _, _, err := o.d.admit(ctx, o.feed, nil, textEvent(t, "a", "a"), 0); !errors.Is(err, context.DeadlineExceeded) {
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

// TestNotTakenComesAgain: an event for which there was no room in time is taken
// when it comes again.
func TestNotTakenComesAgain(t *testing.T) {
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
			j := &job{d: d, feed: f, ctx: t.Context(), ev: textEvent(t, id, id)}
			holder, err := d.putOnce(ctx, j)
			if holder != j {
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
