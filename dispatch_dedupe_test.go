package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// An offerer is a source that redelivers its events until they are done, as a
// webhook does.
type offerer struct {
	d    *Dispatcher
	feed *feed
}

func newOfferer(store Store, h Handler) *offerer {
	o := &offerer{d: &Dispatcher{Handler: h, Store: store, Logger: slog.New(slog.DiscardHandler), Grace: time.Second}}
	o.d.init()
	o.feed = o.d.feed()
	return o
}

func textEvent(t testing.TB, id, text string) *Event {
	e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":%q,"group_id":7,"object":{"message":{"peer_id":1,"from_id":1,"text":%q}}}`, id, text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// offer offers an event. It returns the admission and whether the event is
// settled, with the error of the handlers.
func (o *offerer) offer(t *testing.T, id string) (state admission, settled bool, err error) {
	t.Helper()
	j, state, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, id, id), 0)
	if err != nil {
		return state, false, err
	}
	synctest.Wait()
	if j == nil {
		return state, false, nil
	}
	select {
	case <-o.d.dedupe.settledOf(j):
		return state, true, j.outcome()
	default:
		return state, false, nil
	}
}

// keep saves an event that was offered and is being handled.
func (o *offerer) keep(t *testing.T, id string) (kept bool, err error) {
	t.Helper()
	o.d.dedupe.mu.Lock()
	j := o.d.dedupe.running[idOf(textEvent(t, id, id))]
	o.d.dedupe.mu.Unlock()
	if j == nil {
		t.Fatalf("%s is not being handled", id)
	}
	return o.d.keep(t.Context(), j)
}

type redeliverError struct{}

func (redeliverError) Error() string { return "come again" }

func (redeliverError) comesAgain() bool { return true }

// others hides the method Exclusive of its Store.
type others struct{ Store }

func eachKind(t *testing.T, test func(t *testing.T, store Store)) {
	for name, store := range map[string]func() Store{
		"none":   func() Store { return nil },
		"own":    func() Store { return new(MemoryStore) },
		"shared": func() Store { return others{new(MemoryStore)} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, store()) })
		})
	}
}

// TestAdmitOnce: an event that is offered again counts as running while it is
// handled, and as done afterwards, however it ended.
func TestAdmitOnce(t *testing.T) {
	boom := errors.New("boom")
	eachKind(t, func(t *testing.T, store Store) {
		n := make(map[string]int)
		o := newOfferer(store, HandlerFunc(func(c *Context) error {
			n[c.Text()]++
			switch c.Text() {
			case "slow":
				time.Sleep(time.Second)
			case "fails":
				return boom
			case "again":
				if n["again"] == 1 {
					return fmt.Errorf("not now: %w", redeliverError{})
				}
			}
			return nil
		}))
		for _, tt := range []struct {
			id      string
			state   admission
			settled bool
			err     error
		}{
			{"a", admitted, true, nil},
			{"a", alreadyHandled, false, nil},
			{"fails", admitted, true, boom},
			{"fails", alreadyHandled, false, nil},
			{"again", admitted, true, redeliverError{}},
			{"again", admitted, true, nil},
			{"again", alreadyHandled, false, nil},
			{"slow", admitted, false, nil},
			{"slow", alreadyRunning, false, nil},
		} {
			state, settled, err := o.offer(t, tt.id)
			if state != tt.state || settled != tt.settled || !errors.Is(err, tt.err) {
				t.Errorf("%s: %v, %v, %v", tt.id, state, settled, err)
			}
		}
		j, _, _ := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "slow", "slow"), 0)
		<-o.d.dedupe.settledOf(j)
		if err := j.outcome(); err != nil {
			t.Error(err)
		}
		if state, _, _ := o.offer(t, "slow"); state != alreadyHandled {
			t.Error("slow:", state)
		}
		o.d.Stop(t.Context())
		if _, _, err := o.offer(t, "late"); !errors.Is(err, ErrStopped) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// TestAdmitCutOff: an event that a stop has cut off is not done: it is admitted
// when it is redelivered.
func TestAdmitCutOff(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		h := HandlerFunc(func(c *Context) error {
			return c.Park(func() error { <-c.Done(); return context.Cause(c) })
		})
		o := newOfferer(store, h)
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "a", "a"), 0)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o.d.drain(t.Context(), o.feed)
		<-o.d.dedupe.settledOf(j)
		for range 2 {
			if kept, err := o.d.keep(t.Context(), j); kept != (store != nil) || err != nil {
				t.Errorf("kept after its end: %v, %v", kept, err)
			}
		}
		o.d.Stop(t.Context())
		if err := j.outcome(); !errors.Is(err, ErrStopped) {
			t.Errorf("outcome %v", err)
		}
		o = newOfferer(store, h)
		want := admitted
		if store != nil {
			want = alreadyRunning // it is in the journal
		}
		if state, settled, err := o.offer(t, "a"); state != want || settled || err != nil {
			t.Errorf("%v, %v, %v", state, settled, err)
		}
		if store != nil {
			o.d.Stop(t.Context())
			if got := stored(t, store); len(got) != 1 {
				t.Errorf("it is kept as %q", got)
			}
		}
		o.d.Stop(t.Context())
	})
}

// TestDoneSurvives: an event of a webhook that was handled counts as done after
// a restart too, for as long as VK may redeliver it.
func TestDoneSurvives(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		if store == nil {
			return
		}
		h := HandlerFunc(func(c *Context) error { return nil })
		o := newOfferer(store, h)
		o.offer(t, "a")
		journalOf(t, o).die()
		o = newOfferer(store, h)
		time.Sleep(2 * time.Hour)
		if state, _, err := o.offer(t, "a"); state != alreadyHandled || err != nil {
			t.Error(state, err)
		}
		time.Sleep(2 * time.Hour)
		journalOf(t, o).die()
		o = newOfferer(store, h)
		if state, _, err := o.offer(t, "a"); state != admitted || err != nil {
			t.Error(state, err)
		}
		o.d.Stop(t.Context())
	})
}

// TestKeep: if this run dies, the next run handles a saved event, unless it was
// done before.
func TestKeep(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		block := make(chan struct{})
		o := newOfferer(store, HandlerFunc(func(c *Context) error {
			if c.Text() == "slow" {
				<-block
			}
			return nil
		}))
		quick, _, _ := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "quick", "quick"), 0)
		<-o.d.dedupe.settledOf(quick)
		if kept, err := o.d.keep(t.Context(), quick); kept != (store != nil) || err != nil {
			t.Errorf("a done event: %v, %v", kept, err)
		}
		o.offer(t, "slow")
		kept, err := o.keep(t, "slow")
		if kept != (store != nil) || err != nil {
			t.Errorf("%v, %v", kept, err)
		}
		if store != nil {
			journalOf(t, o).die()
			var got []string
			next := newOfferer(store, HandlerFunc(func(c *Context) error { got = append(got, c.Text()); return nil }))
			if _, err := next.d.resume(t.Context(), next.feed, nil, 7); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if len(got) != 1 || got[0] != "slow" {
				t.Errorf("handled %q", got)
			}
			if state, _, err := next.offer(t, "slow"); state != alreadyHandled || err != nil {
				t.Error(state, err)
			}
			next.d.Stop(t.Context())
		}
		close(block)
		o.d.Stop(t.Context())
	})
}

// failing is a Store that always fails.
type failing struct{}

func (failing) Get(context.Context, string) ([]byte, error) { return nil, errors.New("down") }

func (failing) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, errors.New("down")
}

// TestAdmitStoreDown: an event that cannot be looked up in the Store is not
// admitted: VK redelivers it.
func TestAdmitStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOfferer(failing{}, HandlerFunc(func(c *Context) error { t.Error("handled"); return nil }))
		for range 2 {
			if _, _, err := o.offer(t, "a"); err == nil {
				t.Error("no error")
			}
		}
		if n := len(o.d.dedupe.running); n != 0 {
			t.Errorf("%d are running", n)
		}
		o.d.Stop(t.Context())
	})
}

// TestDedupeIsBounded: the memory of handled events is limited in number and in
// time, and events within both limits are remembered: the last 32,768 of the
// last three hours.
func TestDedupeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c deduper
		state := func(id string) admission {
			j := &job{ev: &Event{ID: id}}
			_, state := c.enter(j)
			if state == admitted {
				c.leave(j, isHandled)
			}
			return state
		}
		const last = 32_768
		for i := range 4 * last {
			if got := state(strconv.Itoa(i)); got != admitted {
				t.Fatal(i, got)
			}
			if i >= last {
				if got := state(strconv.Itoa(i - last + 1)); got != alreadyHandled {
					t.Fatal(i, got)
				}
			}
		}
		if n := len(c.handled[0]) + len(c.handled[1]); n > 2*last {
			t.Errorf("%d are remembered", n)
		}
		time.Sleep(3*time.Hour - time.Second)
		if got := state(strconv.Itoa(4*last - 1)); got != alreadyHandled {
			t.Error("after nearly three hours:", got)
		}
		time.Sleep(10 * time.Hour)
		if got := state(strconv.Itoa(4*last - 1)); got != admitted {
			t.Error("after half a day:", got)
		}
		if n := len(c.handled[0]) + len(c.handled[1]); n > 1 {
			t.Errorf("%d are remembered after a day", n)
		}
		if got := state(""); got != admitted {
			t.Error("no id:", got)
		}
		if got := state(""); got != admitted {
			t.Error("no id, again:", got)
		}
	})
}

// TestKeptIsDone: a handler that asks for redelivery after VK got its
// acknowledgment does not get the event again: no source would bring it.
func TestKeptIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kept := range []bool{true, false} {
			block := make(chan struct{})
			o := newOfferer(new(MemoryStore), HandlerFunc(func(c *Context) error {
				<-block
				return redeliverError{}
			}))
			o.offer(t, "a")
			if kept {
				if ok, err := o.keep(t, "a"); !ok || err != nil {
					t.Error(ok, err)
				}
			}
			close(block)
			synctest.Wait()
			want := admitted
			if kept {
				want = alreadyHandled
			}
			if state, _, _ := o.offer(t, "a"); state != want {
				t.Errorf("kept %v: %v", kept, state)
			}
			o.d.Stop(t.Context())
		}
	})
}

// TestBothSources: an event of a webhook that is being handled is in the
// journal from the time when a Poller brings it too, until it is done.
func TestBothSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(MemoryStore)
		block := make(chan struct{})
		runs := 0
		o := newOfferer(store, HandlerFunc(func(c *Context) error {
			runs++
			<-block
			return nil
		}))
		o.offer(t, "a")
		jr := journalOf(t, o)
		for range 2 { // the poll may repeat it too
			if err := jr.handle(t.Context(), jr.add("1", []*Event{textEvent(t, "a", "a")}), o.feed, nil); err != nil {
				t.Error(err)
			}
		}
		jr.save(t.Context())
		if got := stored(t, store); len(got) != 1 {
			t.Errorf("while it is handled: %q", got)
		}
		close(block)
		time.Sleep(time.Minute)
		if got := stored(t, store); len(got) != 0 || runs != 1 {
			t.Errorf("after %d runs: %q", runs, got)
		}
		o.d.Stop(t.Context())
	})
}

// TestKeepWithoutID: an event without an id from VK is saved too.
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

// TestFullKnowsDone: a Dispatcher that is full still knows the events that it
// has handled, or is handling.
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

// TestNotTakenComesAgain: an event that was refused because there was no room
// is admitted when it is redelivered.
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
