package vktest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// TestQueue tests whether a [vk.Queue] works as documented. It calls open three
// times for Queues over the same data, as in three processes; all may be the
// same. It uses communities with random numbers above 2⁴⁰, and leaves a few
// small values behind, so that it can run against a database that is in use. It
// takes about 25 seconds, longer on a machine that is busy, and no real time in a
// bubble of [testing/synctest].
func TestQueue(t testing.TB, open func() vk.Queue) {
	t.Helper()
	queues := []vk.Queue{open(), open(), open()}
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, c := range queueCases {
		// Parts of the cases wait for leases to end, so all cases run
		// concurrently.
		wg.Go(func() {
			seed := rand.Uint64()
			runCase(t, "TestQueue: "+c.name, c.once, func(try *caseTry) {
				test := &queueTest{caseTry: try, seed: seed, group: 1<<40 + rand.Int64N(1<<40)}
				for _, q := range queues {
					test.queues = append(test.queues, timedQueue{q, try})
				}
				c.run(test)
			})
		})
	}
}

// queueCases are the rules of a vk.Queue.
var queueCases = []struct {
	name string
	run  func(*queueTest)
	once bool // it finds mistakes by chance: another run might hide them
}{
	{"order", (*queueTest).order, false},
	{"held", (*queueTest).held, false},
	{"room", (*queueTest).room, false},
	{"epochs", (*queueTest).epochs, false},
	{"duplicates", (*queueTest).duplicates, false},
	{"done", (*queueTest).done, false},
	{"give back", (*queueTest).giveBack, false},
	{"pause", (*queueTest).pause, false},
	{"many events", (*queueTest).manyEvents, false},
	{"large events", (*queueTest).largeEvents, false},
	{"take waits", (*queueTest).takeWaits, false},
	{"take wakes", (*queueTest).takeWakes, false},
	{"take ends", (*queueTest).takeEnds, false},
	{"take of a worker that left", (*queueTest).takeLeft, false},
	{"death", (*queueTest).death, false},
	{"tries", (*queueTest).tries, false},
	{"renewal", (*queueTest).renewal, false},
	{"outage", (*queueTest).outage, false},
	{"leave", (*queueTest).leave, false},
	{"beat", (*queueTest).beat, false},
	{"lead", (*queueTest).leading, false},
	{"communities", (*queueTest).communities, false},
	{"names", (*queueTest).names, false},
	{"copies", (*queueTest).copies, false},
	{"context", (*queueTest).context, false},
	{"workers", (*queueTest).workers, true},
	{"model", (*queueTest).model, false},
}

// queueSlack is the time that a wake-up may take on a busy machine.
const queueSlack = 2 * time.Second

// A queueTest is a case of TestQueue.
type queueTest struct {
	*caseTry
	seed   uint64 // the same in all tries
	queues []vk.Queue
	group  int64
	made   int   // number of workers
	last   int64 // the greatest epoch so far
}

// A queueHand is a worker of a case, for cases in which one call follows
// another.
type queueHand struct {
	*queueTest
	q     vk.Queue
	w     vk.QueueWorker
	lanes map[string]*queueHeldLane
}

// A queueHeldLane is a lane from the point of view of its worker.
type queueHeldLane struct {
	epoch, last int64
	events      map[string]vk.QueuedEvent // by label
}

// worker returns a new worker with room for more lanes.
func (t *queueTest) worker(room int) *queueHand {
	t.made++
	return &queueHand{
		queueTest: t, q: t.queues[t.made%len(t.queues)],
		w:     vk.QueueWorker{Group: t.group, ID: fmt.Sprint("worker ", t.made), Room: room},
		lanes: make(map[string]*queueHeldLane),
	}
}

// queueEvent returns an event with a label.
func queueEvent(lane, label string) vk.QueueEvent {
	data, _ := json.Marshal(label)
	return vk.QueueEvent{Lane: lane, Data: data}
}

// queueList returns the events of a text such as "a:1,2 b:3", which has lanes
// and labels.
func queueList(text string) (events []vk.QueueEvent) {
	for _, part := range strings.Fields(text) {
		lane, labels, _ := strings.Cut(part, ":")
		for _, label := range strings.Split(labels, ",") {
			events = append(events, queueEvent(lane, label))
		}
	}
	return events
}

// put puts events, and expects the given ones in the answer; see queueList.
func (h *queueHand) put(events, want string) {
	h.Helper()
	a, err := h.q.Put(context.Background(), h.w, queueList(events), nil)
	h.expect("Put", a, err, want)
}

// take calls Take, and expects the given events.
func (h *queueHand) take(want string) {
	h.Helper()
	a, err := h.q.Take(context.Background(), h.w)
	h.expect("Take", a, err, want)
}

// now expects that the given events are available for the worker now.
func (h *queueHand) now(want string) {
	h.Helper()
	a, err := h.q.Done(context.Background(), h.w, nil)
	h.expect("Done of nothing", a, err, want)
}

// finished calls Done for events, such as "a:1,2 b:3", of lanes that the worker knows.
func (h *queueHand) finished(events, want string) {
	h.Helper()
	a, err := h.q.Done(context.Background(), h.w, h.toDone(events))
	h.expect("Done", a, err, want)
}

// toDone returns the arguments of Done for events.
func (h *queueHand) toDone(events string) (done []vk.QueueDone) {
	for _, part := range strings.Fields(events) {
		lane, labels, _ := strings.Cut(part, ":")
		l := h.lanes[lane]
		d := vk.QueueDone{Lane: lane, Epoch: l.epoch}
		for _, label := range strings.Split(labels, ",") {
			d.Seqs = append(d.Seqs, l.events[label].Seq)
		}
		done = append(done, d)
	}
	return done
}

// back gives a lane back.
func (h *queueHand) back(lane string, pause time.Duration, want string) {
	h.Helper()
	a, err := h.q.Done(context.Background(), h.w, []vk.QueueDone{{Lane: lane, Epoch: h.lanes[lane].epoch, GiveBack: true, Pause: pause}})
	h.expect("Done that gives back", a, err, want)
}

// beats calls Beat with the lanes that the worker knows.
func (h *queueHand) beats(want string) {
	h.Helper()
	var held []vk.QueueHeld
	for lane, l := range h.lanes {
		held = append(held, vk.QueueHeld{Lane: lane, Epoch: l.epoch, Last: l.last})
	}
	h.beatWith(held, want)
}

func (h *queueHand) beatWith(held []vk.QueueHeld, want string) {
	h.Helper()
	a, err := h.q.Beat(context.Background(), h.w, held)
	h.expect("Beat", a, err, want)
}

// leaves calls Leave.
func (h *queueHand) leaves() {
	h.Helper()
	if err := h.q.Leave(context.Background(), h.w); err != nil {
		h.Fatalf("Leave: %v", err)
	}
	clear(h.lanes)
}

// expect expects an answer, such as "a:1,2 b:3 lost:c", and makes the worker know it.
func (h *queueHand) expect(call string, a vk.QueueAnswer, err error, want string) {
	h.Helper()
	if err != nil {
		h.Fatalf("%s of %s: %v", call, h.w.ID, err)
	}
	if got := queueText(a); got != want {
		h.Fatalf("%s of %s: the answer is %q, want %q", call, h.w.ID, got, want)
	}
	for _, l := range a.Lost {
		if known := h.lanes[l.Lane]; known != nil && known.epoch == l.Epoch {
			delete(h.lanes, l.Lane)
		}
	}
	for _, b := range a.Batches {
		h.apply(call, b)
	}
}

// apply makes the worker know a batch.
func (h *queueHand) apply(call string, b vk.QueueBatch) {
	h.Helper()
	l := h.lanes[b.Lane]
	if l == nil || l.epoch != b.Epoch {
		if b.Epoch <= h.last {
			h.Errorf("%s: %s has the epoch %d: want one above %d", call, b.Lane, b.Epoch, h.last)
		}
		h.last = max(h.last, b.Epoch)
		l = &queueHeldLane{epoch: b.Epoch, events: make(map[string]vk.QueuedEvent)}
		h.lanes[b.Lane] = l
	}
	if b.After != l.last {
		h.Errorf("%s: the batch of %s comes after %d, want %d", call, b.Lane, b.After, l.last)
	}
	for _, e := range b.Events {
		if e.Seq <= l.last {
			h.Errorf("%s: an event of %s has Seq %d after %d", call, b.Lane, e.Seq, l.last)
		}
		l.last = e.Seq
		l.events[queueLabel(e)] = e
	}
}

// queueLabel returns the label of an event.
func queueLabel(e vk.QueuedEvent) (label string) {
	if err := json.Unmarshal(e.Data, &label); err != nil {
		return fmt.Sprintf("(%.20q)", e.Data)
	}
	return label
}

// queueText writes an answer as a text. The number of Tries follows a label after "+".
func queueText(a vk.QueueAnswer) string {
	var parts []string
	for _, b := range a.Batches {
		var labels []string
		for _, e := range b.Events {
			label := queueLabel(e)
			if e.Tries > 0 {
				label += fmt.Sprint("+", e.Tries)
			}
			labels = append(labels, label)
		}
		parts = append(parts, b.Lane+":"+strings.Join(labels, ","))
	}
	var lost []string
	for _, l := range a.Lost {
		lost = append(lost, "lost:"+l.Lane)
	}
	slices.Sort(lost)
	return strings.Join(append(parts, lost...), " ")
}

// beating makes workers call Beat with their lanes, four times per lease, for
// d.
func (t *queueTest) beating(d time.Duration, workers ...*queueHand) {
	t.Helper()
	for end := time.Now().Add(d); ; t.sleep(vk.QueueLease / 4) {
		for _, h := range workers {
			h.beats("")
		}
		if time.Now().After(end) {
			return
		}
	}
}

// until makes workers call Beat until the first one gets events, and returns
// the events.
func (t *queueTest) until(limit time.Duration, workers ...*queueHand) (got string, after time.Duration) {
	t.Helper()
	start := time.Now()
	for time.Since(start) < limit {
		for _, h := range workers {
			held := make([]vk.QueueHeld, 0, len(h.lanes))
			for _, lane := range slices.Sorted(maps.Keys(h.lanes)) {
				held = append(held, vk.QueueHeld{Lane: lane, Epoch: h.lanes[lane].epoch, Last: h.lanes[lane].last})
			}
			a, err := h.q.Beat(context.Background(), h.w, held)
			got := queueText(a)
			h.expect("Beat", a, err, got)
			if got != "" {
				return got, time.Since(start)
			}
		}
		t.sleep(vk.QueueLease / 20)
	}
	t.Fatalf("nothing after %v", limit)
	return "", 0
}
