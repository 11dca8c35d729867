package vktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vkrouter/vk"
)

// order checks that the events of a lane are delivered in order, in one batch
// or in several.
func (t *queueTest) order() {
	a, b := t.worker(10), t.worker(0)
	a.put("x:1,2,3", "x:1,2,3")
	a.put("x:4", "x:4")
	b.put("x:5,6", "")
	b.put("x:7", "")
	a.now("x:5,6,7")
	a.now("")
	b.put("y:1 x:8 y:2", "")
	a.now("x:8 y:1,2")
	for label, e := range a.lanes["x"].events {
		if e.Tries != 0 || e.ID != "" {
			t.Errorf("event %s has Tries %d and ID %q", label, e.Tries, e.ID)
		}
	}
}

// held checks that a lane has one worker.
func (t *queueTest) held() {
	a, b := t.worker(10), t.worker(10)
	a.put("x:1", "x:1")
	b.now("")
	b.put("x:2 y:1", "y:1")
	b.now("")
	a.now("x:2")
	a.put("y:2", "")
	b.now("y:2")
	a.finished("x:1", "")
	b.now("")
	a.finished("x:2", "")
	b.put("x:3", "x:3")
	a.now("")
}

// room checks that a worker gets at most Room free lanes, those with the oldest
// events.
func (t *queueTest) room() {
	none, two, many := t.worker(0), t.worker(2), t.worker(100)
	none.put("a:1 b:1 c:1 d:1 b:2 a:2", "")
	none.now("")
	two.now("a:1,2 b:1,2")
	two.finished("a:1,2", "c:1 d:1")
	two.now("")
	two.w.Room = 0
	two.back("b", 0, "")
	none.put("e:1 f:1", "")
	many.w.Room = 1
	many.now("b:1,2")
	many.put("g:1", "e:1")
	many.w.Room = 100
	many.put("h:1", "f:1 g:1 h:1")
	for lane, want := range map[string]int{"a": 0, "x": -1} {
		many.w.Room = want
		many.put(lane+":9", "")
	}
}

// epochs checks that each time a lane gets a holder, it has a new epoch.
func (t *queueTest) epochs() {
	a, b := t.worker(1), t.worker(0)
	for i := range 5 {
		label := fmt.Sprint(i)
		a.put("x:"+label, "x:"+label) // apply compares the epochs
		a.finished("x:"+label, "")
		delete(a.lanes, "x")
	}
	a.put("x:a,b", "x:a,b")
	first := a.lanes["x"].epoch
	a.back("x", 0, "x:a,b")
	if a.lanes["x"].epoch <= first {
		t.Errorf("epoch %d after %d", a.lanes["x"].epoch, first)
	}
	seq := a.lanes["x"].last
	a.leaves()
	b.put("y:1", "")
	b.w.Room = 2
	b.now("x:a,b y:1")
	if b.lanes["y"].last <= seq {
		t.Errorf("Seq %d after %d", b.lanes["y"].last, seq)
	}
}

// duplicates checks that an ID is put once, whether or not its event is
// finished.
func (t *queueTest) duplicates() {
	a, b := t.worker(10), t.worker(10)
	put := func(h *queueHand, want string, ids ...string) {
		t.Helper()
		var events []vk.QueueEvent
		for _, id := range ids {
			e := queueEvent("x", id)
			e.ID = id
			events = append(events, e)
		}
		answer, err := h.q.Put(context.Background(), h.w, events, nil)
		h.expect("Put", answer, err, want)
	}
	put(a, "x:1,2", "1", "1", "2", "1")
	put(a, "", "1")
	put(b, "", "2")
	put(a, "x:3", "2", "3", "1")
	if id := a.lanes["x"].events["3"].ID; id != "3" {
		t.Errorf("the ID is %q, want 3", id)
	}
	a.finished("x:1,2,3", "")
	put(b, "", "1", "2", "3")
	put(b, "x:4", "4")
	put(b, "x:,", "", "") // no ID: no duplicates
	id := strings.Repeat("5", 200)
	put(b, "x:"+id, id, id)
	put(a, "", id)
	put(a, "", "4")
	b.leaves()
	put(a, "x:4,,,"+id, "4")
}

// done checks that each event is finished by itself, and only by the holder.
func (t *queueTest) done() {
	a, b := t.worker(10), t.worker(10)
	a.put("x:1,2,3 y:1", "x:1,2,3 y:1")
	a.finished("x:2", "")
	a.finished("x:2", "") // it no longer exists
	x := *a.lanes["x"]
	b.lanes["x"] = &x
	b.finished("x:1", "lost:x")
	a.lanes["x"].epoch++
	a.finished("x:1", "lost:x")
	a.lanes["x"] = &x
	a.finished("y:1", "")
	a.finished("y:1", "lost:y")
	answer, err := a.q.Done(context.Background(), a.w, []vk.QueueDone{{Lane: "none", Epoch: 1, Seqs: []int64{1}}, {Lane: "x", Epoch: x.epoch, Seqs: []int64{1 << 40}}})
	a.expect("Done", answer, err, "lost:none")
	a.w.Room = 0
	a.back("x", 0, "")
	b.now("x:1,3")
	b.put("x:4", "x:4")
	b.finished("x:4,1,3", "")
	a.finished2(x.epoch)
	b.now("")
}

// finished2 expects that a lane without events is not held.
func (h *queueHand) finished2(epoch int64) {
	h.Helper()
	answer, err := h.q.Done(context.Background(), h.w, []vk.QueueDone{{Lane: "x", Epoch: epoch, GiveBack: true}})
	h.expect("Done", answer, err, "lost:x")
}

// giveBack checks that a lane with events goes to another worker, which gets
// all unfinished events.
func (t *queueTest) giveBack() {
	a, b := t.worker(10), t.worker(10)
	a.put("x:1,2,3", "x:1,2,3")
	a.finished("x:1", "")
	old := a.lanes["x"]
	a.w.Room = 0
	a.back("x", 0, "")
	b.put("x:4", "x:2,3,4")
	a.finished("x:2", "lost:x")
	a.beatWith([]vk.QueueHeld{{Lane: "x", Epoch: old.epoch, Last: old.last}}, "lost:x")
	done := b.toDone("x:2,3")
	done[0].GiveBack = true
	answer, err := b.q.Done(context.Background(), b.w, done)
	b.expect("Done", answer, err, "x:4")
	done = b.toDone("x:4")
	done[0].GiveBack = true
	answer, err = b.q.Done(context.Background(), b.w, done)
	b.expect("Done", answer, err, "")
	b.put("x:5", "x:5")
}

// pause checks that a lane that was given back with a pause is not taken before
// its end.
func (t *queueTest) pause() {
	const pause = 1500 * time.Millisecond
	a, b := t.worker(10), t.worker(10)
	a.put("x:1,2 y:1", "x:1,2 y:1")
	start := time.Now()
	a.w.Room = 0
	a.back("x", pause, "")
	a.put("x:3", "")
	b.put("x:4 z:1", "z:1")
	a.beats("lost:x")
	if time.Since(start) < pause {
		b.now("")
	}
	b.take("x:1,2,3,4")
	if d := time.Since(start); d < pause-10*time.Millisecond || d > pause+queueSlack {
		t.Errorf("a pause of %v ended after %v", pause, d)
	}
	b.back("x", time.Hour, "")
	b.put("x:5", "")
	b.finished("z:1", "")
	b.put("z:2", "z:2")
	b.leaves()
	a.w.Room = 10
	a.now("z:2") // Leave ends no pause
}

// manyEvents checks that an answer has at most 256 events, and that the next
// ones have the rest.
func (t *queueTest) manyEvents() {
	const most = 256
	ctx := context.Background()
	a, b := t.worker(0), t.worker(10)
	var events []vk.QueueEvent
	want := make(map[string]int)
	for i := range 400 {
		events = append(events, queueEvent("x", fmt.Sprint(i)), queueEvent(fmt.Sprint("y", i%5), fmt.Sprint(i)))
	}
	answer, err := a.q.Put(ctx, a.w, events, nil)
	a.expect("Put", answer, err, "")
	for total := 0; total < len(events); {
		answer, err := b.q.Take(ctx, b.w)
		b.expect("Take", answer, err, queueText(answer))
		n := 0
		for _, batch := range answer.Batches {
			for _, e := range batch.Events {
				n++
				i := want[batch.Lane]
				if label := queueLabel(e); batch.Lane == "x" && label != fmt.Sprint(i) {
					t.Fatalf("event %s of %s, want %d", label, batch.Lane, i)
				}
				want[batch.Lane] = i + 1
			}
		}
		if n == 0 || n > most {
			t.Fatalf("an answer has %d events, want 1 to %d; %d were delivered before", n, most, total)
		}
		total += n
	}
	b.now("")
	if want["x"] != 400 || want["y3"] != 80 {
		t.Errorf("%d events of x and %d of y3, want 400 and 80", want["x"], want["y3"])
	}
}

// largeEvents checks that an answer has at most a megabyte, or one event.
func (t *queueTest) largeEvents() {
	ctx := context.Background()
	a, b := t.worker(10), t.worker(10)
	half, over := strings.Repeat("h", 600<<10), strings.Repeat("o", 1200<<10)
	for _, lane := range []string{"x", "y"} {
		answer, err := a.q.Put(ctx, a.w, []vk.QueueEvent{queueEvent(lane, half), queueEvent(lane, half), queueEvent(lane, over), queueEvent(lane, "s")}, nil)
		for n := 1; ; n++ {
			if err != nil {
				t.Fatalf("answer %d of %s: %v", n, lane, err)
			}
			if n > 4 {
				break
			}
			size, events := 0, 0
			for _, batch := range answer.Batches {
				for _, e := range batch.Events {
					size += len(e.Data)
					events++
				}
				a.apply("Take", batch)
			}
			if events == 0 || events > 1 && size > 1<<20 {
				t.Fatalf("answer %d of %s has %d events with %d bytes", n, lane, events, size)
			}
			if len(a.lanes[lane].events) == 3 { // two have the same label
				break
			}
			answer, err = a.q.Take(ctx, a.w)
		}
		if got := a.lanes[lane].events; len(got) != 3 || len(got[over].Data) < 1200<<10 {
			t.Errorf("%d kinds of events of %s, want 3", len(got), lane)
		}
	}
	b.now("")
	a.leaves()
	for n := 0; n < 8; {
		answer, err := b.q.Take(ctx, b.w)
		if err != nil || len(answer.Batches) == 0 {
			t.Fatalf("Take after %d events: %v", n, err)
		}
		for _, batch := range answer.Batches {
			n += len(batch.Events)
			b.apply("Take", batch)
		}
	}
}

// communities checks that communities share nothing.
func (t *queueTest) communities() {
	a := t.worker(10)
	b := &queueHand{queueTest: t, q: a.q, w: a.w, lanes: make(map[string]*queueHeldLane)}
	b.w.Group++
	ctx := context.Background()
	e := queueEvent("x", "1")
	e.ID = "1"
	for _, h := range []*queueHand{a, b} {
		h.last = 0
		answer, err := h.q.Put(ctx, h.w, []vk.QueueEvent{e}, nil)
		h.expect("Put", answer, err, "x:1")
		if _, leads, err := h.q.Lead(ctx, h.w, "poll"); !leads || err != nil {
			t.Errorf("Lead: %v, %v", leads, err)
		}
	}
	a.last = max(a.lanes["x"].epoch, b.lanes["x"].epoch)
	a.leaves()
	b.w.ID += "2"
	b.now("")
	if _, leads, _ := b.q.Lead(ctx, b.w, "poll"); leads {
		t.Errorf("the end of a worker of another community frees a role")
	}
}

// names checks that lanes, workers, roles and IDs may be any text, and data any
// bytes.
func (t *queueTest) names() {
	ctx := context.Background()
	a := t.worker(100)
	names := []string{"a", "A", "a b", "a:b", "a\nb", "{a}", "a*", "'", `"`, `\`, "я", "🙂", "0", "-1", "1e3", "nil", strings.Repeat("l", 100)}
	for i, name := range names {
		a.w.ID = "worker " + name
		if _, leads, err := a.q.Lead(ctx, a.w, name); !leads || err != nil {
			t.Errorf("Lead of %q: %v, %v", name, leads, err)
		}
		data := fmt.Sprintf(`{"name":%q,"zero":"\u0000","many":"%s"}`, name, strings.Repeat("я", i))
		answer, err := a.q.Put(ctx, a.w, []vk.QueueEvent{{ID: name, Lane: name, Data: []byte(data)}}, &vk.QueueMark{Role: name, Value: name})
		if err != nil || len(answer.Batches) != 1 {
			t.Fatalf("Put into %q: %v, %v", name, answer, err)
		}
		b := answer.Batches[0]
		if e := b.Events[0]; b.Lane != name || e.ID != name || string(e.Data) != data {
			t.Errorf("Put of %s into %q: the answer is %q %q %s", data, name, b.Lane, e.ID, e.Data)
		}
		held := []vk.QueueHeld{{Lane: name, Epoch: b.Epoch, Last: b.Events[0].Seq, Parked: []int64{b.Events[0].Seq}}}
		if answer, err = a.q.Beat(ctx, a.w, held); err != nil || len(answer.Batches)+len(answer.Lost) > 0 {
			t.Errorf("Beat with %q: %v, %v", name, answer, err)
		}
		if value, _, err := a.q.Lead(ctx, a.w, name); value != name || err != nil {
			t.Errorf("the value of %q is %q, %v", name, value, err)
		}
	}
}

// copies checks that a Queue and its users share no memory.
func (t *queueTest) copies() {
	a, b := t.worker(10), t.worker(10)
	events := queueList("x:1 y:2")
	answer, err := a.q.Put(context.Background(), a.w, events, nil)
	a.expect("Put", answer, err, "x:1 y:2")
	for _, batch := range answer.Batches {
		clear(batch.Events[0].Data)
	}
	for _, e := range events {
		clear(e.Data)
	}
	seq := a.lanes["x"].last
	parked := []int64{seq}
	a.beatWith([]vk.QueueHeld{{Lane: "x", Epoch: a.lanes["x"].epoch, Last: seq, Parked: parked}, {Lane: "y", Epoch: a.lanes["y"].epoch, Last: a.lanes["y"].last}}, "")
	parked[0] = 0
	a.leaves()
	b.now("x:1 y:2")
}

// context checks that a call with an ended ctx changes nothing.
func (t *queueTest) context() {
	a := t.worker(10)
	a.now("")
	over, cancel := context.WithCancelCause(context.Background())
	why := errors.New("over")
	cancel(why)
	_, err := a.q.Put(over, a.w, queueList("x:1"), nil)
	errs := map[string]error{"Put": err}
	_, errs["Take"] = a.q.Take(over, a.w)
	_, errs["Done"] = a.q.Done(over, a.w, nil)
	_, errs["Beat"] = a.q.Beat(over, a.w, nil)
	_, _, errs["Lead"] = a.q.Lead(over, a.w, "poll")
	errs["Leave"] = a.q.Leave(over, a.w)
	for call, err := range errs {
		if err == nil {
			t.Errorf("%s with a context that has ended: no error", call)
		}
	}
	a.now("")
	_, err = a.q.Put(context.Background(), a.w, []vk.QueueEvent{queueEvent(strings.Repeat("l", 101), "1")}, nil)
	if err == nil {
		t.Errorf("Put into a lane of 101 bytes: no error")
	}
	if _, err = a.q.Put(context.Background(), vk.QueueWorker{Group: t.group, Room: 1}, nil, nil); err == nil {
		t.Errorf("Put of a worker without an ID: no error")
	}
	a.now("")
}
