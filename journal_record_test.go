package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A shakyStore fails as often as it is told to, half of the times after it has
// done what it was to do.
type shakyStore struct {
	values *MemoryStore
	mu     sync.Mutex
	rng    *rand.Rand
	share  float64
	bytes  int             // written
	used   map[string]bool // the keys of all calls of Swap
}

func newShakyStore(seed uint64, share float64) *shakyStore {
	return &shakyStore{values: new(MemoryStore), rng: rand.New(rand.NewPCG(seed, 2)), share: share, used: make(map[string]bool)}
}

// fails reports whether something is to fail, and whether it is to be done all
// the same.
func (s *shakyStore) fails() (fails, does bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.Float64() < s.share, s.rng.IntN(2) == 0
}

func (s *shakyStore) setShare(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.share = share
}

// written returns how many bytes were written since the last time.
func (s *shakyStore) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.bytes
	s.bytes = 0
	return n
}

var errShaken = errors.New("shaken")

func (s *shakyStore) Get(ctx context.Context, key string) ([]byte, error) {
	if fails, _ := s.fails(); fails {
		return nil, errShaken
	}
	return s.values.Get(ctx, key)
}

func (s *shakyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	fails, does := s.fails()
	if fails && !does {
		return false, errShaken
	}
	s.mu.Lock()
	s.bytes += len(new)
	s.used[key] = true
	s.mu.Unlock()
	swapped, err := s.values.Swap(ctx, key, old, new, ttl)
	if fails {
		return false, errShaken
	}
	return swapped, err
}

// keys returns the keys that have a value.
func (s *shakyStore) keys() (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.used {
		if value, _ := s.values.Get(context.Background(), key); value != nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// ownStore is a shakyStore that no other process has.
type ownStore struct{ *shakyStore }

func (ownStore) Exclusive() bool { return true }

// openNext opens a journal of community 7, as the next run of a bot does.
func openNext(t *testing.T, store Store) *journal {
	t.Helper()
	d := &Dispatcher{Store: store, Logger: slog.New(slog.DiscardHandler), Handler: parked}
	for {
		if jr, err := d.journal(t.Context(), 7); err == nil {
			return jr
		} else if !errors.Is(err, errShaken) {
			t.Fatal(err)
		}
	}
}

// inheritAll takes over what the dead have left, as a Poller does when it
// begins.
func (jr *journal) inheritAll(t *testing.T) {
	t.Helper()
	jr.hand(t.Context())
	defer func() { <-jr.handing }()
	for {
		if _, err := jr.inherit(t.Context()); err == nil {
			return
		} else if !errors.Is(err, errShaken) {
			t.Fatal(err)
		}
	}
}

// undone returns the events in a journal that are not done, in their order.
func (jr *journal) undone() (ids []string) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	all := slices.Clone(jr.tail)
	for _, s := range jr.segments {
		live := 0
		for i, e := range s.entries {
			if (e == nil) != (s.state[i] == stateHandled) {
				panic("state and entries of a segment differ")
			}
			if e != nil {
				all = append(all, e)
				live++
			}
		}
		if live != s.live {
			panic("a segment has miscounted")
		}
	}
	slices.SortFunc(all, func(a, b *journalEntry) int { return int(a.seq - b.seq) })
	for _, e := range all {
		if !e.handled {
			ids = append(ids, e.ev.ID)
		}
	}
	return ids
}

func (jr *journal) countSegments() int {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return len(jr.segments)
}

func (jr *journal) find(id string) *journalEntry {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	for _, e := range jr.idle {
		if e.ev.ID == id {
			return e
		}
	}
	return nil
}

// TestSegmentsModel: whatever a journal does and in whatever moment its process
// dies, the next run has each event that was written and is not done, in their
// order, and none that was done before the last write. Nothing is left in the
// Store when all is done.
func TestSegmentsModel(t *testing.T) {
	for _, share := range []float64{0, 0.2} {
		for _, shared := range []bool{false, true} {
			for seed := range uint64(2) {
				t.Run(fmt.Sprintf("fails=%v shared=%v seed=%d", share, shared, seed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { journalModel(t, share, shared, seed) })
				})
			}
		}
	}
}

func journalModel(t *testing.T, share float64, shared bool, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	shaky := newShakyStore(seed, share)
	var store Store = ownStore{shaky}
	if shared {
		store = others{shaky}
	}
	pad := strings.Repeat("x", 6000)
	var (
		jr      = openNext(t, store)
		n       int
		added   []string        // what is not done, in its order
		safe    map[string]bool // of it, what was there at the last write that went well
		done    []string        // since then
		most    int             // segments at once
		checked int
	)
	written := func() {
		safe, done = make(map[string]bool), nil
		for _, id := range added {
			safe[id] = true
		}
	}
	written()
	save := func() bool {
		if jr.write(t.Context(), false) != nil {
			return false
		}
		written()
		most = max(most, jr.countSegments())
		return true
	}
	for range 250 {
		switch p := rng.IntN(100); {
		case p < 40:
			var events []*Event
			for range 1 + rng.IntN(6) {
				n++
				id := fmt.Sprintf("%06d", n)
				added = append(added, id)
				events = append(events, textEvent(t, id, pad))
			}
			jr.add(fmt.Sprint(n), events)
			save()
		case p < 75 && len(added) > 0:
			for range min(len(added), 1+rng.IntN(8)) {
				i := rng.IntN(len(added))
				jr.find(added[i]).settle(true)
				done = append(done, added[i])
				added = slices.Delete(added, i, i+1)
			}
		case p < 90:
			time.Sleep(time.Duration(rng.Int64N(int64(3 * time.Second)))) // it writes by itself, too
			synctest.Wait()
			jr.mu.Lock()
			all := !jr.dirty
			jr.mu.Unlock()
			if all {
				written()
			}
		case p < 95:
			save()
		default:
			clean := checked%2 == 1
			if clean {
				jr.close(t.Context())
				jr.mu.Lock()
				clean = !jr.dirty
				jr.mu.Unlock()
			} else {
				jr.end() // it dies
			}
			if shared {
				time.Sleep(time.Minute) // until it is known to be dead
			}
			jr = openNext(t, store)
			if shared {
				time.Sleep(time.Minute) // those before it may have failed with the record in hand
				jr.inheritAll(t)
			}
			got := jr.undone()
			if !slices.IsSorted(got) {
				t.Fatalf("out of order: %v", got)
			}
			if clean && !slices.Equal(got, added) {
				t.Fatalf("after a stop\n%v, want\n%v", got, added)
			}
			for id := range safe {
				if !slices.Contains(got, id) && !slices.Contains(done, id) {
					t.Fatalf("%s is lost", id)
				}
			}
			for _, id := range got {
				if !slices.Contains(added, id) && !slices.Contains(done, id) {
					t.Fatalf("%s was done", id)
				}
			}
			checked++
			added = got
			written() // opening writes
		}
	}
	if most == 0 || checked < 2 {
		t.Errorf("%d segments at most, %d new runs: this says little", most, checked)
	}
	for _, id := range added {
		jr.find(id).settle(true)
	}
	shaky.setShare(0)
	jr.close(t.Context())
	for range 3 { // the store may have failed when something was to be erased
		time.Sleep(time.Minute)
		others := make([]*journal, 12) // a new run begins with any record that nobody has
		for i := range others {
			others[i] = openNext(t, store)
		}
		for _, jr := range others {
			jr.close(t.Context())
		}
	}
	for _, key := range shaky.keys() {
		if strings.Count(key, "/") != 2 {
			t.Errorf("left: %s", key)
		}
	}
	if r := stored(t, shaky.values, 0); !r.empty() || len(r.Unused) != 0 {
		t.Errorf("at the end %+v", r)
	}
}

// TestManyWait: what one more event costs in writing does not grow with how
// many people think about an answer.
func TestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shaky := newShakyStore(1, 0)
		jr := openNext(t, ownStore{shaky})
		const many = 2000
		pad := strings.Repeat("x", 1000)
		for n := range many {
			jr.add(fmt.Sprint(n), []*Event{textEvent(t, fmt.Sprint(n), pad)})
			if n%50 == 0 {
				time.Sleep(time.Second)
				jr.save(t.Context())
			}
		}
		time.Sleep(2 * time.Second)
		jr.save(t.Context())
		shaky.written()
		for n := range 100 {
			jr.add(fmt.Sprint(many+n), []*Event{textEvent(t, fmt.Sprint("more", n), pad)})
			jr.save(t.Context())
			e := jr.find(fmt.Sprint("more", n))
			e.settle(true)
		}
		if got := shaky.written() / 100; got > 100<<10 {
			t.Errorf("%d bytes for each event, with %d not done", got, many)
		}
		jr.close(t.Context())
		if jr = openNext(t, ownStore{shaky}); len(jr.undone()) != many {
			t.Errorf("%d of %d", len(jr.undone()), many)
		}
		jr.close(t.Context())
	})
}

// fill adds events that are large enough for a segment, and has them moved there.
func (jr *journal) fill(t *testing.T, name string) (ids []string) {
	t.Helper()
	for n := range 20 {
		id := fmt.Sprintf("%s%02d", name, n)
		jr.add("1", []*Event{textEvent(t, id, strings.Repeat("x", 10_000))})
		ids = append(ids, id)
	}
	time.Sleep(2 * time.Second)
	jr.add("2", nil)
	if err := jr.write(t.Context(), true); err != nil || jr.countSegments() != 1 {
		t.Fatal(err, jr.countSegments())
	}
	return ids
}

// TestTriesInSegments: how often the bot has died of an event is known of those
// in segments, too.
func TestTriesInSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(MemoryStore)
		jr := openNext(t, store)
		jr.fill(t, "a")
		for _, want := range []string{"1111", "2222"} {
			jr.end() // it dies
			jr = openNext(t, store)
			if r := stored(t, store, 0); len(r.Segments) != 1 || !strings.HasPrefix(r.Segments[0].State, want) {
				t.Errorf("want %s…: %+v", want, r)
			}
		}
		jr.close(t.Context())
		if r := stored(t, store, 0); !strings.HasPrefix(r.Segments[0].State, "0000") {
			t.Errorf("after a stop %+v", r)
		}
	})
}

// TestSegmentsOfCutOff: a process that was taken for dead has in its new record
// what it had in segments, which are another's by then.
func TestSegmentsOfCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		link := &cutStore{Store: shared}
		a, b := openNext(t, link), openNext(t, shared)
		want := a.fill(t, "a")
		link.cut.Store(true)
		time.Sleep(time.Minute)
		b.inheritAll(t)
		link.cut.Store(false)
		time.Sleep(time.Minute)
		for _, jr := range []*journal{a, b} {
			jr.close(t.Context())
		}
		for slot := range 2 { // b's, and a's by now
			left, err := b.load(t.Context(), stored(t, shared, slot))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range left.entries {
				got = append(got, e.ev.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("slot %d has %v", slot, got)
			}
		}
	})
}

// TestInheritSegments: what a process that has died had in segments is taken
// over, after what its heir has, and erased.
func TestInheritSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shaky := newShakyStore(1, 0)
		store := others{shaky}
		a, b := openNext(t, store), openNext(t, store)
		want := append(b.fill(t, "b"), a.fill(t, "a")[1:]...)
		a.find("a00").settle(true)
		a.write(t.Context(), true)
		a.end() // it dies
		time.Sleep(time.Minute)
		b.inheritAll(t)
		if got := b.undone(); !slices.Equal(got, want) {
			t.Errorf("got\n%v, want\n%v", got, want)
		}
		if r := stored(t, store, 0); r.Owner != "" || !r.empty() || len(r.Unused) != 0 {
			t.Errorf("left %+v", r)
		}
		b.close(t.Context())
		named := len(stored(t, store, 1).Segments)
		for _, key := range shaky.keys() {
			named -= strings.Count(key, "/") / 3
		}
		if named != 0 {
			t.Errorf("%+v, and there are %v", stored(t, store, 1), shaky.keys())
		}
	})
}

// TestSegmentMissing: a record that names a segment which is not there is an
// error that says so.
func TestSegmentMissing(t *testing.T) {
	store := new(MemoryStore)
	for name, tc := range map[string]struct{ value, state, want string }{
		"missing": {"", "0", `"journal/7/X/0" cannot be read: there is no such segment`},
		"broken":  {"{", "0", `"journal/7/X/0" cannot be read`},
		"short":   {"[]", "0", "1 events, of 0"},
		"state":   {`[{"seq":1,"event":{"type":"a"}}]`, "?", "the state '?'"},
	} {
		t.Run(name, func(t *testing.T) {
			jr := &journal{group: 7}
			for key, value := range map[string]string{
				jr.key(0):            string(record{Segments: []recordSegment{{"X/0", tc.state}}}.append(nil)),
				jr.segmentKey("X/0"): tc.value,
			} {
				old, _ := store.Get(t.Context(), key)
				store.Swap(t.Context(), key, old, []byte(value), 0)
			}
			_, err := (&Dispatcher{Store: store}).journal(t.Context(), 7)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
