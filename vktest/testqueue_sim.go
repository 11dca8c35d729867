package vktest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// workers runs several workers concurrently. Some of their calls end early,
// some workers leave, and some stop without leaving. No event may be lost or
// handled after it was finished, and each lane's events must be handled in
// order.
func (t *queueTest) workers() {
	s := &queueSim{queueTest: t, lanes: make([]queueSimLane, 12), over: time.Now().Add(9 * time.Second)}
	s.end = s.over.Add(time.Minute)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() { s.work(i, rand.New(rand.NewPCG(rand.Uint64(), 2))) })
	}
	wg.Wait()
	for i := range s.lanes {
		if l := &s.lanes[i]; !l.finished() {
			t.Errorf("lane %d: %d of %d events are done", i, l.done, l.put)
		}
	}
	t.Logf("TestQueue: workers: %d events, %d answers lost, %d deaths", s.total, s.lost, s.deaths)
}

// A queueSim is a group of concurrent workers.
type queueSim struct {
	*queueTest
	over time.Time // no events are put after this time
	end  time.Time // all events must be finished at this time

	mu           sync.Mutex
	lanes        []queueSimLane
	names, total int
	lost, deaths int
}

// A queueSimLane is the known state of a lane. Its events are 1, 2, 3 and so
// on.
type queueSimLane struct {
	putting sync.Mutex // the events are put one after another

	// The rest is guarded by queueSim.mu.
	put   int   // the last event that was put
	done  int   // the last one for which Done had an answer
	maybe int   // the last one for which Done had an error
	epoch int64 // the greatest
}

func (l *queueSimLane) finished() bool { return max(l.done, l.maybe) >= l.put }

// A queueSimWorker is one of the workers.
type queueSimWorker struct {
	*queueSim
	q      vk.Queue
	w      vk.QueueWorker
	r      *rand.Rand
	held   map[string]*queueSimHeld
	unsure bool
	beat   time.Time
}

// A queueSimHeld is a lane that a worker holds.
type queueSimHeld struct {
	epoch, last int64
	events      []vk.QueuedEvent // unfinished events
}

// work runs a worker, and the workers that replace it.
func (s *queueSim) work(i int, r *rand.Rand) {
	w := &queueSimWorker{queueSim: s, q: s.queues[i%len(s.queues)], r: r}
	w.begin()
	lives := 2
	for !s.Failed() && time.Now().Before(s.end) {
		w.w.Room = max(0, 3-len(w.held))
		n := r.IntN(100)
		alive := time.Now().Before(s.over)
		switch {
		case w.unsure || time.Since(w.beat) > vk.QueueLease/4:
			w.callBeat()
		case !alive && s.finished():
			w.q.Leave(context.Background(), w.w)
			return
		case n < 30 && alive:
			w.callPut()
		case n < 90:
			w.callDone()
		case n < 98:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(100))*time.Millisecond)
			w.call(ctx, cancel, func(ctx context.Context) (vk.QueueAnswer, error) { return w.q.Take(ctx, w.w) })
		case n < 99 && alive && r.IntN(20) == 0:
			if w.q.Leave(context.Background(), w.w) == nil {
				w.begin()
			}
		case alive && lives > 0 && r.IntN(100) == 0:
			lives-- // the worker dies, and another one starts
			s.mu.Lock()
			s.deaths++
			s.mu.Unlock()
			w.begin()
		}
	}
}

// finished reports whether all events are finished.
func (s *queueSim) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.lanes {
		if !s.lanes[i].finished() {
			return false
		}
	}
	return true
}

// begin makes w a new worker.
func (w *queueSimWorker) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names++
	w.w = vk.QueueWorker{Group: w.group, ID: fmt.Sprint("worker ", w.names)}
	w.held = make(map[string]*queueSimHeld)
	w.unsure = false
}

// hurried returns a context that may end during a call.
func (w *queueSimWorker) hurried() (context.Context, context.CancelFunc) {
	if w.r.IntN(10) > 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), time.Duration(w.r.IntN(2000))*time.Microsecond)
}

// call makes a call and applies its answer, or loses the answer.
func (w *queueSimWorker) call(ctx context.Context, cancel context.CancelFunc, f func(context.Context) (vk.QueueAnswer, error)) bool {
	defer cancel()
	before := make([]int, len(w.lanes))
	w.mu.Lock()
	for i := range w.lanes {
		before[i] = w.lanes[i].done
	}
	w.mu.Unlock()
	a, err := f(ctx)
	if err != nil || w.r.IntN(20) == 0 {
		w.mu.Lock()
		w.lost++
		w.mu.Unlock()
		w.unsure = true
		return false
	}
	for _, l := range a.Lost {
		if h := w.held[l.Lane]; h != nil && h.epoch == l.Epoch {
			w.forget(l.Lane)
		}
	}
	for _, b := range a.Batches {
		w.apply(b, before)
	}
	return true
}

// forget drops a lost lane. The events with an unanswered Done may be finished.
func (w *queueSimWorker) forget(lane string) {
	delete(w.held, lane)
}

// lane returns the known state of a lane.
func (w *queueSimWorker) lane(name string) (*queueSimLane, int) {
	i, _ := strconv.Atoi(name)
	return &w.lanes[i], i
}

// apply applies a batch and compares it with the known state. before holds the
// events that were finished before the call.
func (w *queueSimWorker) apply(b vk.QueueBatch, before []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, i := w.lane(b.Lane)
	h := w.held[b.Lane]
	first := h == nil || h.epoch != b.Epoch
	if first {
		h = &queueSimHeld{epoch: b.Epoch}
		w.held[b.Lane] = h
	}
	if b.After != h.last {
		w.Errorf("lane %s: a batch comes after %d, want %d", b.Lane, b.After, h.last)
	}
	l.epoch = max(l.epoch, b.Epoch)
	for j, e := range b.Events {
		n, _ := strconv.Atoi(queueLabel(e))
		switch {
		case n <= before[i]:
			w.Errorf("lane %s: event %d is delivered in epoch %d after it was done", b.Lane, n, b.Epoch)
		case j == 0 && first && n > max(l.done, l.maybe)+1:
			w.Errorf("lane %s: epoch %d begins with event %d, and %d are done", b.Lane, b.Epoch, n, max(l.done, l.maybe))
		case e.Seq <= h.last:
			w.Errorf("lane %s: event %d has Seq %d after %d", b.Lane, n, e.Seq, h.last)
		case len(h.events) > 0 && queueLabel(h.events[len(h.events)-1]) != fmt.Sprint(n-1):
			w.Errorf("lane %s: event %d follows event %s", b.Lane, n, queueLabel(h.events[len(h.events)-1]))
		}
		h.last = e.Seq
		h.events = append(h.events, e)
	}
}

// callPut puts the next events of a lane, until the Queue has accepted them.
func (w *queueSimWorker) callPut() {
	i := w.r.IntN(len(w.lanes))
	l := &w.lanes[i]
	if !l.putting.TryLock() {
		return
	}
	defer l.putting.Unlock()
	w.mu.Lock()
	first := l.put + 1
	n := 1 + w.r.IntN(3)
	l.put += n
	w.total += n
	w.mu.Unlock()
	var events []vk.QueueEvent
	for j := range n {
		e := queueEvent(fmt.Sprint(i), fmt.Sprint(first+j))
		e.ID = fmt.Sprintf("%d/%d", i, first+j)
		events = append(events, e)
	}
	for !w.Failed() {
		ctx, cancel := w.hurried()
		if w.call(ctx, cancel, func(ctx context.Context) (vk.QueueAnswer, error) { return w.q.Put(ctx, w.w, events, nil) }) {
			return
		}
		w.callBeat()
	}
}

// callDone finishes the first events of the lanes, or gives one lane back.
func (w *queueSimWorker) callDone() {
	var done []vk.QueueDone
	last := make(map[string]int) // the last finished event
	former := make(map[string]bool)
	for _, lane := range slices.Sorted(maps.Keys(w.held)) {
		h := w.held[lane]
		d := vk.QueueDone{Lane: lane, Epoch: h.epoch}
		for _, e := range h.events[:w.r.IntN(len(h.events)+1)] {
			d.Seqs = append(d.Seqs, e.Seq)
			last[lane], _ = strconv.Atoi(queueLabel(e))
		}
		if w.r.IntN(20) == 0 {
			d.GiveBack, d.Pause = true, time.Duration(w.r.IntN(50))*time.Millisecond
		}
		w.mu.Lock()
		l, _ := w.lane(lane)
		former[lane] = l.epoch > h.epoch
		l.maybe = max(l.maybe, last[lane])
		w.mu.Unlock()
		done = append(done, d)
	}
	ctx, cancel := w.hurried()
	var answer vk.QueueAnswer
	if !w.call(ctx, cancel, func(ctx context.Context) (a vk.QueueAnswer, err error) {
		answer, err = w.q.Done(ctx, w.w, done)
		if err == nil {
			w.finish(done, last, former, answer)
		}
		return answer, err
	}) {
		return // the finished events are finished again after the Beat, if the lanes are still held
	}
}

// finish records the finished events. A Done of a former holder must be
// refused.
func (w *queueSimWorker) finish(done []vk.QueueDone, last map[string]int, former map[string]bool, a vk.QueueAnswer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range done {
		if slices.ContainsFunc(a.Lost, func(l vk.QueueLost) bool { return l.Lane == d.Lane }) {
			continue
		}
		if former[d.Lane] {
			w.Errorf("lane %s: Done with epoch %d of a former holder is accepted", d.Lane, d.Epoch)
		}
		l, _ := w.lane(d.Lane)
		l.done = max(l.done, last[d.Lane])
		h := w.held[d.Lane]
		h.events = slices.DeleteFunc(h.events, func(e vk.QueuedEvent) bool { return slices.Contains(d.Seqs, e.Seq) })
		if d.GiveBack {
			delete(w.held, d.Lane)
		}
	}
}

// callBeat calls Beat until it gets an answer.
func (w *queueSimWorker) callBeat() {
	for !w.Failed() {
		var held []vk.QueueHeld
		for _, lane := range slices.Sorted(maps.Keys(w.held)) {
			held = append(held, vk.QueueHeld{Lane: lane, Epoch: w.held[lane].epoch, Last: w.held[lane].last})
		}
		w.beat = time.Now()
		ctx, cancel := context.WithCancel(context.Background())
		if w.call(ctx, cancel, func(ctx context.Context) (vk.QueueAnswer, error) { return w.q.Beat(ctx, w.w, held) }) {
			w.unsure = false
			return
		}
	}
}
