package vktest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk"
)

// model checks that random sequential calls of several workers have the same
// results as with the Queue in memory. Some answers are lost, and some workers
// die.
func (t *queueTest) model() {
	const tries = 5
	for try := range tries {
		m := newQueueModel(t, try)
		if m.run() {
			return
		}
		t.Logf("TestQueue: model: try %d was interrupted for too long to know which workers are dead", try+1)
	}
	t.Errorf("%d tries were interrupted for more than half a second", tries)
}

// A queueModel makes the same calls to the Queue under test and to one in memory.
type queueModel struct {
	*queueTest
	r       *rand.Rand
	memory  Queue
	workers []*queueModelWorker
	log     []string
	labels  int

	numbers map[int64]int64 // the Seqs and epochs of the Queue under test, by those in memory
	beat    time.Time       // the last Beat
}

// A queueModelWorker is a worker of a queueModel.
type queueModelWorker struct {
	q      vk.Queue
	w      vk.QueueWorker
	held   map[string]vk.QueueHeld // with the numbers of the Queue in memory
	events map[string][]int64      // the Seqs that the worker has received, by lane
	unsure bool                    // an answer was lost
	called time.Time
	silent bool
}

func newQueueModel(t *queueTest, try int) *queueModel {
	m := &queueModel{queueTest: t, r: rand.New(rand.NewPCG(t.seed, 1)), numbers: make(map[int64]int64)}
	group := t.group + int64(try) + 1000
	for i := range 4 {
		m.workers = append(m.workers, &queueModelWorker{
			q: t.queues[i%len(t.queues)], w: vk.QueueWorker{Group: group, ID: fmt.Sprint("worker ", i)},
			held: make(map[string]vk.QueueHeld), events: make(map[string][]int64), called: time.Now(),
		})
	}
	return m
}

// run makes the calls, and reports whether the times between them were short
// enough.
func (m *queueModel) run() bool {
	m.beat = time.Now()
	defer func() {
		for _, w := range m.workers {
			w.q.Leave(context.Background(), w.w)
		}
	}()
	for _, w := range m.workers {
		m.call(w, "Beat")
	}
	for range 3 {
		for range 150 {
			w := m.workers[m.r.IntN(len(m.workers))]
			call := []string{"Put", "Put", "Put", "Done", "Done", "Done", "Done", "Beat", "Lead", "Mark", "Leave"}[m.r.IntN(11)]
			if call == "Leave" && m.r.IntN(4) > 0 {
				call = "Beat"
			}
			if w.unsure {
				call = "Beat"
			}
			if time.Since(m.beat) > vk.QueueLease/4 {
				call = "Beat"
			}
			if !m.call(w, call) {
				return false
			}
		}
		if !m.death() {
			return false
		}
	}
	return true
}

// death keeps one worker silent until it is dead.
func (m *queueModel) death() bool {
	dead := m.workers[m.r.IntN(len(m.workers))]
	for _, w := range m.workers {
		if !m.call(w, "Beat") {
			return false
		}
	}
	dead.silent = true
	start := time.Now()
	for step := 1; step <= 5; step++ { // Beats after 0.9, 1.8 … 4.5, and then 5.4 seconds
		m.sleep(time.Until(start.Add(time.Duration(step) * vk.QueueLease * 18 / 100)))
		for _, w := range m.workers {
			if w != dead && !m.call(w, "Beat") {
				return false
			}
		}
	}
	if time.Since(dead.called) > vk.QueueLease-vk.QueueLease/50 {
		return false
	}
	m.sleep(time.Until(dead.called.Add(vk.QueueLease + vk.QueueLease*8/100)))
	for _, w := range m.workers {
		if w != dead && !m.call(w, "Beat") {
			return false
		}
	}
	dead.silent = false
	return m.call(dead, "Beat")
}

// call makes one call of both Queues and compares the answers. It returns false if the
// time since another call was too long.
func (m *queueModel) call(w *queueModelWorker, call string) bool {
	w.w.Room = m.r.IntN(4)
	if w.silent {
		return true
	}
	if time.Since(m.beat) > vk.QueueLease*45/100 {
		return false
	}
	if call == "Beat" {
		for _, other := range m.workers {
			if d := time.Since(other.called); other != w && !other.silent && d > vk.QueueLease*9/10 {
				return false
			}
		}
		m.beat = time.Now()
	}
	w.called = time.Now()
	ctx := context.Background()
	var got, want vk.QueueAnswer
	var err, memErr error
	switch call {
	case "Put":
		events := m.events()
		m.note("%s puts %s, room %d", w.w.ID, queueEventsText(events), w.w.Room)
		got, err = w.q.Put(ctx, w.w, events, nil)
		want, memErr = m.memory.Put(ctx, w.w, events, nil)
	case "Mark":
		mark := &vk.QueueMark{Role: "poll", Value: fmt.Sprint(m.r.IntN(100))}
		events := m.events()
		m.note("%s puts %s with the mark %s, room %d", w.w.ID, queueEventsText(events), mark.Value, w.w.Room)
		got, err = w.q.Put(ctx, w.w, events, mark)
		want, memErr = m.memory.Put(ctx, w.w, events, mark)
	case "Done":
		mem, target := m.done(w)
		m.note("%s has done %v, room %d", w.w.ID, mem, w.w.Room)
		got, err = w.q.Done(ctx, w.w, target)
		want, memErr = m.memory.Done(ctx, w.w, mem)
	case "Beat":
		mem, target := m.held(w)
		m.note("%s beats with %v, room %d", w.w.ID, mem, w.w.Room)
		got, err = w.q.Beat(ctx, w.w, target)
		want, memErr = m.memory.Beat(ctx, w.w, mem)
		w.unsure = false
	case "Lead":
		m.note("%s leads", w.w.ID)
		value, leads, err := w.q.Lead(ctx, w.w, "poll")
		wantValue, wantLeads, _ := m.memory.Lead(ctx, w.w, "poll")
		if err != nil || value != wantValue || leads != wantLeads {
			m.fail("Lead: %q, %v, %v, want %q, %v", value, leads, err, wantValue, wantLeads)
		}
		return true
	case "Leave":
		m.note("%s leaves", w.w.ID)
		err = w.q.Leave(ctx, w.w)
		memErr = m.memory.Leave(ctx, w.w)
		clear(w.held)
		clear(w.events)
	}
	if (err == nil) != (memErr == nil) || !errors.Is(err, memErr) { // ErrNotLeading or nil
		m.fail("%s: error %v, want %v", call, err, memErr)
	}
	m.compare(w, got, want)
	return true
}

// note writes a call into the log.
func (m *queueModel) note(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

// fail ends the test with the log.
func (m *queueModel) fail(format string, args ...any) {
	m.Helper()
	log := m.log[max(0, len(m.log)-40):]
	m.Fatalf("seed %#x, call %d: %s\nthe last calls:\n%s", m.seed, len(m.log), fmt.Sprintf(format, args...), strings.Join(log, "\n"))
}

// events returns random events, some of them duplicates.
func (m *queueModel) events() (events []vk.QueueEvent) {
	for range m.r.IntN(4) {
		m.labels++
		e := queueEvent(fmt.Sprint("lane", m.r.IntN(6)), fmt.Sprint(m.labels))
		if m.r.IntN(2) == 0 {
			e.ID = fmt.Sprint(m.labels - m.r.IntN(2)*m.r.IntN(20))
		}
		events = append(events, e)
	}
	return events
}

// queueEventsText writes events as a text.
func queueEventsText(events []vk.QueueEvent) string {
	var parts []string
	for _, e := range events {
		parts = append(parts, fmt.Sprintf("%s:%s(%s)", e.Lane, e.Data, e.ID))
	}
	return strings.Join(parts, " ")
}

// done returns random arguments for Done, for the Queue in memory and for the
// one under test.
func (m *queueModel) done(w *queueModelWorker) (mem, target []vk.QueueDone) {
	for _, lane := range slices.Sorted(maps.Keys(w.held)) {
		if m.r.IntN(2) == 0 {
			continue
		}
		d := vk.QueueDone{Lane: lane, Epoch: w.held[lane].Epoch, GiveBack: m.r.IntN(6) == 0}
		if d.GiveBack && m.r.IntN(3) == 0 {
			d.Pause = time.Hour
		}
		for _, seq := range w.events[lane] {
			if m.r.IntN(2) == 0 {
				d.Seqs = append(d.Seqs, seq)
			}
		}
		mem = append(mem, d)
		other := d
		other.Epoch = m.numbers[d.Epoch]
		other.Seqs = m.translate(d.Seqs)
		target = append(target, other)
		if d.GiveBack {
			delete(w.held, lane)
			delete(w.events, lane)
		}
	}
	return mem, target
}

// translate returns the numbers of the Queue under test.
func (m *queueModel) translate(seqs []int64) (other []int64) {
	for _, seq := range seqs {
		other = append(other, m.numbers[seq])
	}
	return other
}

// held returns the arguments for Beat, for the Queue in memory and for the one
// under test. It drops some lanes, and some answers are lost.
func (m *queueModel) held(w *queueModelWorker) (mem, target []vk.QueueHeld) {
	for _, lane := range slices.Sorted(maps.Keys(w.held)) {
		h := w.held[lane]
		switch m.r.IntN(10) {
		case 0:
			delete(w.held, lane)
			delete(w.events, lane)
			continue
		case 1:
			if seqs := w.events[lane]; len(seqs) > 0 {
				h.Last = seqs[m.r.IntN(len(seqs))]
			}
		}
		h.Parked = nil
		for _, seq := range w.events[lane] {
			if m.r.IntN(3) == 0 && !slices.Contains(h.Parked, seq) {
				h.Parked = append(h.Parked, seq)
			}
		}
		slices.Sort(h.Parked)
		mem = append(mem, h)
		other := h
		other.Epoch, other.Last, other.Parked = m.numbers[h.Epoch], m.numbers[h.Last], m.translate(h.Parked)
		target = append(target, other)
	}
	return mem, target
}

// compare compares two answers. Then the worker gets the answer, or it is lost.
func (m *queueModel) compare(w *queueModelWorker, got, want vk.QueueAnswer) {
	m.Helper()
	byLane := func(a, b vk.QueueBatch) int { return strings.Compare(a.Lane, b.Lane) }
	slices.SortFunc(got.Batches, byLane)
	slices.SortFunc(want.Batches, byLane)
	if got, want := queueText(got), queueText(want); got != want {
		m.fail("the answer is %q, want %q", got, want)
	}
	for i, b := range want.Batches {
		other := got.Batches[i]
		m.same(b.Lane+"'s Epoch", other.Epoch, b.Epoch)
		m.same(b.Lane+"'s After", other.After, b.After)
		for j, e := range b.Events {
			m.same(b.Lane+"'s Seq", other.Events[j].Seq, e.Seq)
			if id := other.Events[j].ID; id != e.ID {
				m.fail("the ID of an event is %q, want %q", id, e.ID)
			}
		}
	}
	if m.r.IntN(8) == 0 {
		m.note("(and does not get the answer %s)", queueText(want))
		w.unsure = true
		return
	}
	for _, l := range want.Lost {
		if w.held[l.Lane].Epoch == l.Epoch {
			delete(w.held, l.Lane)
			delete(w.events, l.Lane)
		}
	}
	for _, b := range want.Batches {
		h := w.held[b.Lane]
		if h.Epoch != b.Epoch {
			h = vk.QueueHeld{Lane: b.Lane, Epoch: b.Epoch}
			delete(w.events, b.Lane)
		}
		for _, e := range b.Events {
			h.Last = e.Seq
			w.events[b.Lane] = append(w.events[b.Lane], e.Seq)
		}
		w.held[b.Lane] = h
	}
}

// same compares two numbers. They may differ, but their relation to other
// numbers must be the same.
func (m *queueModel) same(what string, got, want int64) {
	m.Helper()
	if want == 0 {
		if got != 0 {
			m.fail("%s is %d, want 0", what, got)
		}
		return
	}
	if known, ok := m.numbers[want]; ok && known != got {
		m.fail("%s is %d, want %d", what, got, known)
	}
	m.numbers[want] = got
}
