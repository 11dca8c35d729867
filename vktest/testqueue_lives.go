package vktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vkrouter/vk"
)

// A taken is the answer of a Take in the background.
type taken struct {
	answer vk.QueueAnswer
	err    error
	at     time.Time
}

// taking starts a Take.
func (h *queueHand) taking(ctx context.Context) <-chan taken {
	c := make(chan taken, 1)
	go func() {
		a, err := h.q.Take(ctx, h.w)
		c <- taken{a, err, time.Now()}
	}()
	return c
}

// takeWaits checks that without events, Take returns after five seconds or when
// ctx ends.
func (t *queueTest) takeWaits() {
	a := t.worker(10)
	start := time.Now()
	for time.Since(start) < 3*time.Second { // a Take may return early, but not at once each time
		answer, err := a.q.Take(context.Background(), a.w)
		a.expect("Take", answer, err, "")
		if d := time.Since(start); d > 5*time.Second+queueSlack {
			t.Errorf("Take without events returns after %v, want 5 seconds at the latest", d)
		}
		t.sleep(time.Second)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := a.taking(ctx)
	t.sleep(200 * time.Millisecond)
	start = time.Now()
	cancel()
	if got := <-c; got.at.Sub(start) > queueSlack || len(got.answer.Batches) > 0 {
		t.Errorf("Take whose context ends returns %q %v later", queueText(got.answer), got.at.Sub(start))
	}
	a.put("x:1", "x:1")
}

// takeWakes checks that Take returns as soon as there is an event for its
// worker.
func (t *queueTest) takeWakes() {
	a, b, c := t.worker(10), t.worker(1), t.worker(0)
	wakes := func(why, want string, f func()) {
		t.Helper()
		ch := b.taking(context.Background())
		t.sleep(300 * time.Millisecond)
		start := time.Now()
		f()
		got := <-ch
		b.expect("Take", got.answer, got.err, want)
		if d := got.at.Sub(start); d > queueSlack {
			t.Errorf("Take returns %v after %s", d, why)
		}
	}
	wakes("a new lane", "x:1", func() { c.put("x:1", "") })
	wakes("an event for a lane that is held", "x:2", func() { c.put("x:2", "") })
	wakes("more of them", "x:3,4", func() { a.put("x:3,4", "") })
	a.put("y:1", "y:1")
	wakes("a lane was given back", "y:1", func() { a.w.Room = 0; a.back("y", 0, "") })
	a.w.Room = 1
	a.put("z:1", "z:1")
	b.w.Room = 2
	wakes("its holder left", "z:1", func() { a.leaves() })
	b.w.Room = 0
	silent := b.taking(context.Background())
	c.put("w:1", "")
	a.take("w:1")
	if got := <-silent; len(got.answer.Batches) > 0 {
		t.Errorf("Take of a worker without room returns %q", queueText(got.answer))
	}
}

// takeEnds checks that a Take that ended with its ctx does not keep the news from the Take of
// another worker.
func (t *queueTest) takeEnds() {
	a, b, c := t.worker(1), t.worker(1), t.worker(0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := a.taking(ctx)
	t.sleep(300 * time.Millisecond)
	ch := b.taking(context.Background())
	t.sleep(300 * time.Millisecond)
	cancel()
	<-ended
	start := time.Now()
	c.put("x:1", "")
	got := <-ch
	b.expect("Take", got.answer, got.err, "x:1")
	if d := got.at.Sub(start); d > queueSlack {
		t.Errorf("Take returns %v after a new lane, while the Take of another worker has ended", d)
	}
}

// takeLeft checks that a Take of a worker that has left or died takes nothing.
func (t *queueTest) takeLeft() {
	a, b := t.worker(10), t.worker(10)
	ch := a.taking(context.Background())
	t.sleep(300 * time.Millisecond)
	a.leaves()
	b.w.Room = 0
	b.put("x:1", "")
	if got := <-ch; got.err == nil && len(got.answer.Batches) > 0 {
		t.Errorf("Take of a worker that has left returns %q", queueText(got.answer))
	}
	b.w.Room = 10
	b.now("x:1")
}

// death checks that the lanes of a worker are free one lease after its last
// call, and not before.
func (t *queueTest) death() {
	a, b := t.worker(10), t.worker(10)
	b.beats("")
	a.put("x:1,2 y:1 z:1", "x:1,2 y:1 z:1")
	a.finished("y:1", "")
	start := time.Now()
	a.beats("lost:y")
	b.put("x:3", "")
	got, _ := t.until(vk.QueueLease+vk.QueueLease/2+queueSlack, b)
	if d := time.Since(start); d < vk.QueueLease {
		t.Errorf("a worker is dead after %v, want %v", d, vk.QueueLease)
	}
	if want := "x:1+1,2,3 z:1+1"; got != want {
		t.Errorf("the lanes of the dead: %q, want %q", got, want)
	}
	a.finished("x:1 z:1", "lost:x lost:z")
	a.put("x:4", "")
	b.now("x:4")
	a.put("y:2", "y:2") // it is alive again
	b.finished("x:1,2,3,4 z:1", "")
}

// tries checks that the death of a worker counts for the first delivered event
// with a handler that is not parked.
func (t *queueTest) tries() {
	a, b, c := t.worker(20), t.worker(20), t.worker(0)
	c.beats("")
	a.put("p:1,2,3 all:1 none:1,2 half:1,2 new:1", "p:1,2,3 all:1 none:1,2 half:1,2 new:1")
	a.finished("none:1", "")
	var held []vk.QueueHeld
	for lane, parked := range map[string][]string{"p": {"1", "2"}, "all": {"1"}, "none": nil, "half": {"2"}, "new": {"1"}} {
		l := a.lanes[lane]
		h := vk.QueueHeld{Lane: lane, Epoch: l.epoch, Last: l.last}
		for _, label := range parked {
			h.Parked = append(h.Parked, l.events[label].Seq)
		}
		held = append(held, h)
	}
	a.beatWith(held, "")
	delete(a.lanes, "new")
	a.last = 0
	held = slices.DeleteFunc(held, func(h vk.QueueHeld) bool { return h.Lane == "new" })
	a.beatWith(held, "new:1") // it begins again, and waits for nothing
	for _, h := range held {
		clear(h.Parked)
	}
	c.put("all:2 late:1", "") // not delivered to it
	b.w.Room = 0
	t.beating(vk.QueueLease+vk.QueueLease/4, c, b)
	b.w.Room = 20
	b.now("p:1,2,3+1 all:1,2 none:2+1 half:1+1,2 new:1+1 late:1")
	t.beating(vk.QueueLease+vk.QueueLease/4, c)
	a.now("p:1+1,2,3+1 all:1+1,2 none:2+2 half:1+2,2 new:1+2 late:1+1")
}

// renewal checks that each call except Leave renews the lease.
func (t *queueTest) renewal() {
	ctx := context.Background()
	c := t.worker(0)
	endTake := func() {}
	calls := []func(*queueHand) error{
		func(h *queueHand) error { _, err := h.q.Put(ctx, h.w, nil, nil); return err },
		func(h *queueHand) error { _, err := h.q.Done(ctx, h.w, nil); return err },
		func(h *queueHand) error { _, _, err := h.q.Lead(ctx, h.w, "none"); return err },
		func(h *queueHand) error { h.beats(""); return nil },
		func(h *queueHand) error {
			endTake()
			ctx, cancel := context.WithCancel(ctx)
			ended := h.taking(ctx)
			endTake = func() { cancel(); <-ended }
			return nil
		},
	}
	var workers []*queueHand
	for i := range calls {
		h := t.worker(1)
		label := fmt.Sprint(i)
		h.put("lane"+label+":1", "lane"+label+":1")
		h.w.Room = 0
		workers = append(workers, h)
	}
	for range 4 {
		t.beating(vk.QueueLease/2-vk.QueueLease/20, c)
		for i, call := range calls {
			if err := call(workers[i]); err != nil {
				t.Errorf("call %d of %d: %v", i+1, len(calls), err)
			}
		}
	}
	endTake()
	for i, h := range workers {
		h.finished(fmt.Sprintf("lane%d:1", i), "")
	}
}

// outage checks that if no worker could call Beat, no worker is dead.
func (t *queueTest) outage() {
	a, b := t.worker(10), t.worker(10)
	a.beats("")
	b.beats("")
	a.put("x:1,2", "x:1,2")
	t.lead(a, "poll", "", true)
	t.sleep(vk.QueueLease + vk.QueueLease/5)
	b.beats("") // the first to reach the Queue again
	t.sleep(vk.QueueLease / 4)
	b.beats("")
	t.lead(b, "poll", "", false)
	a.finished("x:1", "")
	a.beats("")
	t.sleep(vk.QueueLease + vk.QueueLease/5)
	a.finished("x:2", "") // before any Beat
	b.beats("")
	a.put("x:3", "x:3")
}

// lead calls Lead and expects its results.
func (t *queueTest) lead(h *queueHand, role, want string, leads bool) {
	t.Helper()
	value, ok, err := h.q.Lead(context.Background(), h.w, role)
	if err != nil || ok != leads || value != want {
		t.Errorf("Lead of %s: %q, %v, %v, want %q, %v", h.w.ID, value, ok, err, want, leads)
	}
}

// leave checks that the lanes of a worker that leaves are free at once, and
// that nothing is counted.
func (t *queueTest) leave() {
	a, b := t.worker(10), t.worker(10)
	a.put("x:1,2 y:1", "x:1,2 y:1")
	t.lead(a, "poll", "", true)
	t.lead(b, "poll", "", false)
	a.leaves()
	b.now("x:1,2 y:1")
	t.lead(b, "poll", "", true)
	t.lead(a, "poll", "", false)
	a.leaves()
	a.leaves()
	b.put("x:3", "x:3")
	t.worker(1).leaves() // without a call before
}

// beat checks that Beat corrects the state of a worker that has missed answers.
func (t *queueTest) beat() {
	a, b := t.worker(10), t.worker(0)
	forget := func() { clear(a.lanes) }
	a.put("x:1,2,3 y:1", "x:1,2,3 y:1")
	a.beats("")
	epoch := a.lanes["x"].epoch
	forget() // as if the answer were lost
	a.last = 0
	a.beats("x:1,2,3 y:1")
	if a.lanes["x"].epoch != epoch {
		t.Errorf("Beat changes the epoch from %d to %d", epoch, a.lanes["x"].epoch)
	}
	b.put("x:4,5", "")
	x := a.lanes["x"]
	before := *x
	a.now("x:4,5")
	x.last = before.last
	a.beats("x:4,5") // their answers were lost
	x.last = x.events["2"].Seq
	a.beats("x:3,4,5")
	a.finished("x:1,2,3", "")
	x.last = x.events["1"].Seq
	a.beats("x:4,5")
	x.last = 0
	a.beats("x:4,5")
	x.epoch--
	a.last = 0
	a.beats("x:4,5 lost:x") // it holds the lane with another epoch
	a.finished("x:4,5", "")
	a.beats("lost:x")
	a.beats("")
	b.put("x:6", "")
	b.beatWith([]vk.QueueHeld{{Lane: "y", Epoch: a.lanes["y"].epoch}}, "lost:y")
	a.now("x:6")
}

// leading checks that one worker leads a role, and that only it sets the value.
func (t *queueTest) leading() {
	ctx := context.Background()
	a, b := t.worker(10), t.worker(0)
	put := func(h *queueHand, role, value string, label string) error {
		e := queueEvent("x", label)
		e.ID = "id " + label
		answer, err := h.q.Put(ctx, h.w, []vk.QueueEvent{e}, &vk.QueueMark{Role: role, Value: value})
		if err == nil {
			h.expect("Put", answer, err, queueText(answer))
		}
		return err
	}
	if err := put(a, "poll", "0", "0"); !errors.Is(err, vk.ErrNotLeading) {
		t.Errorf("Put without a leader: %v", err)
	}
	a.beats("")
	t.lead(a, "poll", "", true)
	t.lead(a, "poll", "", true)
	t.lead(b, "poll", "", false)
	t.lead(b, "timers", "", true)
	if err := put(a, "poll", "place 1", "1"); err != nil {
		t.Errorf("Put of the leader: %v", err)
	}
	for _, role := range []string{"poll", "none"} {
		if err := put(b, role, "place 2", "2"); !errors.Is(err, vk.ErrNotLeading) {
			t.Errorf("Put with the role %q of a worker that does not lead it: %v", role, err)
		}
	}
	t.lead(b, "poll", "place 1", false)
	t.lead(b, "timers", "", true)
	if got := a.lanes["x"].events; len(got) != 1 {
		t.Errorf("%d events, want 1", len(got))
	}
	a.now("")
	a.w.Room = 0
	t.beating(vk.QueueLease+vk.QueueLease/4, b) // a is silent
	b.w.Room = 10
	t.lead(b, "poll", "place 1", true)
	t.lead(a, "poll", "place 1", false)
	if err := put(a, "poll", "place 3", "3"); !errors.Is(err, vk.ErrNotLeading) {
		t.Errorf("Put of a worker that died: %v", err)
	}
	if err := put(b, "poll", "place 2", "2"); err != nil { // its ID was not recorded
		t.Errorf("Put of the new leader: %v", err)
	}
	if _, ok := b.lanes["x"].events["2"]; !ok {
		t.Errorf("an event that was refused with ErrNotLeading is taken for a duplicate")
	}
	t.lead(a, "poll", "place 2", false)
}
