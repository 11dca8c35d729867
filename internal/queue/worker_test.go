package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A script is a Queue that answers as a test says.
type script struct {
	mu    sync.Mutex
	put   Answer // for the next Put
	take  []Answer
	late  chan Answer // if not nil, the answer of the Takes that begin
	beat  Answer
	err   error // of all calls
	full  error // of Put
	names []string
	done  []Done
}

func (s *script) call(name string, a Answer) (Answer, error) {
	s.names = append(s.names, name)
	if s.err != nil {
		return Answer{}, s.err
	}
	return a, nil
}

// Put implements [Queue].
func (s *script) Put(_ context.Context, _ ID, events []Event, _ *Mark) (Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.put
	for i, b := range a.Batches {
		for k := range b.Events {
			a.Batches[i].Events[k].Data = events[k].Data
		}
	}
	s.put = Answer{}
	if s.full != nil {
		return Answer{}, s.full
	}
	return s.call("Put", a)
}

// Take implements [Queue].
func (s *script) Take(ctx context.Context, _ ID) (Answer, error) {
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return Answer{}, s.err
	}
	if len(s.take) > 0 {
		a := s.take[0]
		s.take = s.take[1:]
		s.mu.Unlock()
		return a, nil
	}
	late := s.late
	s.mu.Unlock()
	if late != nil {
		select {
		case a := <-late:
			return a, nil
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
	select {
	case <-time.After(time.Second):
		s.mu.Lock()
		defer s.mu.Unlock()
		return Answer{}, s.err
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// Done implements [Queue].
func (s *script) Done(_ context.Context, _ ID, done []Done) (Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.call("Done", Answer{})
	if err == nil {
		s.done = append(s.done, done...)
	}
	return a, err
}

// Beat implements [Queue].
func (s *script) Beat(context.Context, ID, []Held) (Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.beat
	s.beat = Answer{}
	return s.call("Beat", a)
}

// Lead implements [Queue].
func (s *script) Lead(context.Context, ID, string) (string, bool, error) { return "", true, nil }

// Leave implements [Queue].
func (s *script) Leave(context.Context, ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.call("Leave", Answer{})
	return err
}

func (s *script) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// count returns the number of calls of a name.
func (s *script) count(name string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.names {
		if other == name {
			n++
		}
	}
	return n
}

// batch returns a batch of events with the given Seqs.
func batch(lane string, epoch, after int64, seqs ...int64) Batch {
	b := Batch{Lane: lane, Epoch: epoch, After: after}
	for _, seq := range seqs {
		b.Events = append(b.Events, Queued{Seq: seq, Data: fmt.Append(nil, seq)})
	}
	return b
}

// A bench is a worker and the items that it has handed out.
type bench struct {
	*Worker
	q *script

	mu    sync.Mutex
	items []*Item
	ended []string
	told  []string
}

// begin starts a worker, in a bubble.
func begin(t *testing.T) *bench {
	b := &bench{q: new(script)}
	b.Worker = New(Config{
		Queue: b.q, Group: 1, Slots: NewSlots(10), MaxTries: 5, Suspect: 2,
		Handle: func(_ context.Context, it *Item) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.items = append(b.items, it)
		},
		End: func(items []*Item, lost bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, it := range items {
				b.ended = append(b.ended, fmt.Sprintf("%d lost=%v", it.Seq, lost))
			}
		},
		Drop:  func(it *Item) { it.Done(nil) },
		Quiet: func(context.Context) {},
		Tell: func(err error, failures int) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.told = append(b.told, fmt.Sprint(err, " ", failures))
		},
	})
	b.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		b.Stop(ctx)
	})
	synctest.Wait()
	return b
}

// bring makes the next Take return answers.
func (b *bench) bring(answers ...Answer) {
	b.q.set(func() { b.q.take = append(b.q.take, answers...) })
	time.Sleep(2 * time.Second)
}

// got expects the items that were handed out since it was last asked, by Seq.
func (b *bench) got(t *testing.T, want ...int64) []*Item {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var seqs []int64
	for _, it := range b.items {
		seqs = append(seqs, it.Seq)
	}
	if !slices.Equal(seqs, want) {
		t.Errorf("handed out %v, want %v", seqs, want)
	}
	items := b.items
	b.items = nil
	return items
}

// TestAnswers: answers that overtake each other, or bring events again, are applied in
// the order of the lane, and each event once.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []Answer
		want    []int64
	}{
		{"in order", []Answer{{Batches: []Batch{batch("a", 1, 0, 2, 3)}}, {Batches: []Batch{batch("a", 1, 3, 4)}}}, []int64{2, 3, 4}},
		{"overtaken", []Answer{{Batches: []Batch{batch("a", 1, 3, 4)}}, {Batches: []Batch{batch("a", 1, 0, 2, 3)}}}, []int64{2, 3, 4}},
		{"overtaken twice", []Answer{{Batches: []Batch{batch("a", 1, 4, 5)}}, {Batches: []Batch{batch("a", 1, 3, 4)}}, {Batches: []Batch{batch("a", 1, 0, 2, 3)}}}, []int64{2, 3, 4, 5}},
		{"again", []Answer{{Batches: []Batch{batch("a", 1, 0, 2, 3)}}, {Batches: []Batch{batch("a", 1, 0, 2, 3, 4)}}}, []int64{2, 3, 4}},
		{"of a former epoch", []Answer{{Batches: []Batch{batch("a", 9, 0, 2)}}, {Batches: []Batch{batch("a", 1, 0, 2, 3)}}}, []int64{2}},
		{"of a new epoch", []Answer{{Batches: []Batch{batch("a", 1, 0, 2)}}, {Batches: []Batch{batch("a", 9, 0, 2, 3)}}}, []int64{2, 2, 3}},
		{"of two lanes", []Answer{{Batches: []Batch{batch("a", 1, 0, 2), batch("b", 3, 0, 4)}}}, []int64{2, 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := begin(t)
				for _, a := range tt.answers {
					b.bring(a)
				}
				b.got(t, tt.want...)
			})
		})
	}
}

// TestOld: an event that comes back from the call that has put it was in nobody's hands
// before. One that is taken may have been, unless it has come to a lane that is held.
func TestOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		b.q.set(func() { b.q.put = Answer{Batches: []Batch{batch("a", 1, 0, 2)}} })
		if err := b.Put(context.Background(), []Event{{ID: "x", Lane: "a", Data: []byte(`{"x":1}`)}}, nil); err != nil {
			t.Fatal(err)
		}
		b.bring(Answer{Batches: []Batch{batch("b", 3, 0, 4)}}, Answer{Batches: []Batch{batch("b", 3, 4, 5)}})
		items := b.got(t, 2, 4, 5)
		for i, want := range []bool{false, true, false} {
			if items[i].Old != want {
				t.Errorf("event %d: Old is %v", items[i].Seq, items[i].Old)
			}
		}
		if string(items[0].Data) != `{"x":1}` {
			t.Errorf("the data are %s", items[0].Data)
		}
	})
}

// TestManyInLane: of a lane with many events, a few are handed out at a time, so that
// others do not wait behind them. Events with handlers that wait do not count.
func TestManyInLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		var seqs []int64
		for seq := range int64(100) {
			seqs = append(seqs, seq+2)
		}
		b.bring(Answer{Batches: []Batch{batch("a", 1, 0, seqs...), batch("b", 200, 0, 201)}})
		items := b.got(t, append(slices.Clone(seqs[:maxOut]), 201)...)
		if !items[0].Begin(context.Background()) {
			t.Fatal("it must not begin")
		}
		items[0].Calm(true)
		synctest.Wait()
		b.got(t, seqs[maxOut])
		items[0].Calm(false)
		items[0].Done(nil)
		items[1].Done(nil)
		synctest.Wait()
		b.got(t, seqs[maxOut+1])
		if s := b.State(); s.Lanes != 2 || s.Waiting != 99 {
			t.Errorf("the state is %+v, want 2 lanes and 99 events that wait", s)
		}
		items[2].Return(0)
		time.Sleep(time.Second)
		b.got(t) // the lane is given back
	})
}

// TestReports: events that are done are reported together, at most every 50 ms, and again
// if that fails, after a Beat. The functions that are to follow are called when the Queue has them.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		var seqs []int64
		for seq := range int64(100) {
			seqs = append(seqs, seq+2)
		}
		b.bring(Answer{Batches: []Batch{batch("a", 1, 0, seqs...)}})
		var items []*Item
		var after atomic.Int32
		for i := range seqs {
			if len(items) == 0 {
				synctest.Wait()
				items = b.got(t, seqs[i:min(i+maxOut, len(seqs))]...)
			}
			it := items[0]
			items = items[1:]
			if !it.Begin(context.Background()) {
				t.Fatal("it must not begin")
			}
			if i == 60 {
				if n, k := b.q.count("Done"), after.Load(); n < 2 || n > 3 || k < 40 {
					t.Errorf("%d reports of 60 events in 60 ms, %d followed", n, k)
				}
				b.q.set(func() { b.q.err = errors.New("down") })
				time.Sleep(time.Second)
			}
			it.Done(func() { after.Add(1) })
			time.Sleep(time.Millisecond)
		}
		b.q.set(func() { b.q.err, b.q.names = nil, nil })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		var reported []int64
		for _, d := range b.q.done {
			reported = append(reported, d.Seqs...)
		}
		if n := after.Load(); !slices.Equal(reported, seqs) || n != 100 {
			t.Errorf("reported %v, %d followed", reported, n)
		}
		if b.q.names[0] != "Beat" {
			t.Errorf("the first call after a failure is %s", b.q.names[0])
		}
		if want := []string{"down 0", "<nil> "}; len(b.told) != 2 || b.told[0] != want[0] || b.told[1][:6] != want[1] {
			t.Errorf("told %q", b.told)
		}
		if s := b.State(); s.Lanes != 0 {
			t.Errorf("an empty lane is still held: %+v", s)
		}
	})
}

// TestFull: a Queue that refuses events for a time, while other calls succeed, fails once.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		full := errors.New("memory full")
		put := func(want error) {
			t.Helper()
			b.q.set(func() { b.q.full = want })
			err := b.Put(context.Background(), []Event{{Lane: "a", Data: []byte(`1`)}}, nil)
			if !errors.Is(err, want) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		tells := func(want ...string) {
			t.Helper()
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.Equal(b.told, want) {
				t.Errorf("told %q, want %q", b.told, want)
			}
		}
		for range 5 {
			put(full)
		}
		if s := b.State(); s.Err != nil {
			t.Errorf("the last call is a Beat, and the state has the error %v", s.Err)
		}
		put(nil)
		tells("memory full 0", "<nil> 5")
		put(full)
		time.Sleep(refusedFor) // without events, the Beats tell
		tells("memory full 0", "<nil> 5", "memory full 0", "<nil> 1")
	})
}

// TestLost: the handlers of a lane that was lost must end, and their reports count for
// nothing.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		b.bring(Answer{Batches: []Batch{batch("a", 1, 0, 2, 3)}})
		items := b.got(t, 2, 3)
		items[0].Begin(context.Background())
		items[0].Calm(true)
		if s := b.State(); s.Lanes != 1 || s.Parked != 0 || s.Waiting != 1 {
			t.Errorf("before: %+v", s)
		}
		late := make(chan Answer)
		b.q.set(func() { b.q.late = late })
		time.Sleep(time.Second + 1)
		b.q.set(func() { b.q.late, b.q.beat = nil, Answer{Lost: []Lost{{"a", 1}}} })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(b.ended, []string{"2 lost=true"}) || !items[0].Lost() || items[1].Begin(context.Background()) {
			t.Errorf("ended %v, lost %v", b.ended, items[0].Lost())
		}
		items[0].Done(func() { t.Error("what follows a lost event is called") })
		time.Sleep(2 * time.Second)
		if n := b.q.count("Done"); n > 0 {
			t.Errorf("%d reports of a lost lane", n)
		}
		late <- Answer{Batches: []Batch{batch("a", 1, 0, 4)}} // of a call that began before the loss
		synctest.Wait()
		b.got(t)
		b.bring(Answer{Batches: []Batch{batch("a", 9, 0, 2)}})
		b.got(t, 2)
	})
}

// TestReturn: an item that is not handled goes back with its lane and a pause, when the
// others of the lane that run have ended.
func TestReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		b.bring(Answer{Batches: []Batch{batch("a", 1, 0, 2, 3, 4)}})
		items := b.got(t, 2, 3, 4)
		items[0].Begin(context.Background())
		items[0].Calm(true)
		items[1].Begin(context.Background())
		items[1].Return(time.Minute)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(b.ended, []string{"2 lost=false"}) || !items[0].Leaves() || items[2].Begin(context.Background()) {
			t.Errorf("ended %v, leaves %v", b.ended, items[0].Leaves())
		}
		if n := b.q.count("Done"); n > 0 {
			t.Error("the lane is given back while a handler runs")
		}
		items[0].Return(0)
		time.Sleep(time.Second)
		synctest.Wait()
		want := Done{Lane: "a", Epoch: 1, GiveBack: true, Pause: time.Minute}
		if len(b.q.done) != 1 || fmt.Sprint(b.q.done[0]) != fmt.Sprint(want) {
			t.Errorf("reported %+v, want %+v", b.q.done, want)
		}
	})
}

// TestStale: no handler begins after the lease, unless the Queue says which lanes are still held.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t)
		b.bring(Answer{Batches: []Batch{batch("a", 1, 0, 2), batch("b", 1, 0, 3)}})
		items := b.got(t, 2, 3)
		b.q.set(func() { b.q.err = errors.New("down") })
		time.Sleep(Lease + 2*time.Second)
		if items[0].Begin(context.Background()) {
			t.Error("an event begins after the lease")
		}
		b.q.set(func() { b.q.err = nil })
		if !items[1].Begin(context.Background()) {
			t.Error("an event must not begin although a Beat has gone well")
		}
		items[1].Done(nil)
	})
}

// TestParcel: the name of the call that has put an event is found, also if the queue has
// changed white space and the order of the fields.
func TestParcel(t *testing.T) {
	for _, tt := range []struct{ name, in, by, data string }{
		{"as put", string(wrap("abc", []byte(`{"x":"}"}`))), "abc", `{"x":"}"}`},
		{"as JSONB", `{"by": "abc", "data": {"x": 1}}`, "abc", `{"x": 1}`},
		{"in another order", `{"data":{"x":1},"by":"abc"}`, "abc", `{"x":1}`},
		{"a number", string(wrap("abc", []byte(`1`))), "abc", `1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			by, data, err := unwrap([]byte(tt.in))
			if by != tt.by || string(data) != tt.data || err != nil {
				t.Errorf("got %q, %s, %v", by, data, err)
			}
		})
	}
	if _, _, err := unwrap([]byte("x")); err == nil {
		t.Error("no error for what is no parcel")
	}
}
