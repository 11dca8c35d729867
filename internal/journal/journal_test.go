package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
)

// A shakyStore fails a given share of operations, in half of the cases after it
// has executed the operation.
type shakyStore struct {
	values memstore.Store

	mu    sync.Mutex
	rng   *rand.Rand
	share float64
	bytes int // total size of keys and new values
	swaps int
}

func newShakyStore(seed uint64, share float64) *shakyStore {
	return &shakyStore{rng: rand.New(rand.NewPCG(seed, 2)), share: share}
}

var errShaken = errors.New("shaken")

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

// written returns the number of bytes written since the last call, and the
// number of swaps.
func (s *shakyStore) written() (bytes, swaps int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes, swaps = s.bytes, s.swaps
	s.bytes, s.swaps = 0, 0
	return bytes, swaps
}

func (s *shakyStore) Get(ctx context.Context, key string) ([]byte, error) {
	if fails, _ := s.fails(); fails || ctx.Err() != nil {
		return nil, errShaken
	}
	return s.values.Get(key), nil
}

func (s *shakyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	fails, does := s.fails()
	if fails && !does || ctx.Err() != nil {
		return false, errShaken
	}
	s.mu.Lock()
	s.bytes += len(key) + len(new) + memstore.EntryWeight
	s.swaps++
	s.mu.Unlock()
	swapped := s.values.Swap(key, old, new, ttl)
	if fails {
		return false, errShaken
	}
	return swapped, nil
}

func (s *shakyStore) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	if fails, _ := s.fails(); fails {
		return errShaken
	}
	s.values.List(prefix, yield)
	return nil
}

// keys returns the keys that have a value.
func (s *shakyStore) keys() (keys []string) {
	s.values.List("", func(key string, _ []byte) bool {
		keys = append(keys, key)
		return true
	})
	slices.Sort(keys)
	return keys
}

// A form is a kind of store.
type form struct {
	name              string
	exclusive, lister bool
	tell              func(Notice)
}

var forms = []form{
	{name: "own", exclusive: true, lister: true},
	{name: "own without list", exclusive: true},
	{name: "shared", lister: true},
	{name: "shared without list"},
}

func (f form) options(s *shakyStore) Options {
	o := Options{Store: s, Exclusive: f.exclusive, Journal: "journal/7/", Done: "done/7/", Timeout: time.Second, Tell: f.tell}
	if f.lister {
		o.Lister = s
	}
	return o
}

// openNext opens the journal, as the next run does.
func (f form) openNext(t *testing.T, s *shakyStore) (*Journal, []*Entry) {
	t.Helper()
	share := s.share
	defer s.setShare(share)
	for try := 0; ; try++ {
		if try == 3 {
			s.setShare(0) // one of a thousand reads always fails
		}
		j, left, err := Open(t.Context(), f.options(s))
		if err == nil {
			for _, e := range left {
				e.ID = parseID(e)
			}
			return j, left
		}
		if !errors.Is(err, errShaken) {
			t.Fatal(err)
		}
	}
}

// eachForm runs a test with each kind of store, in a bubble.
func eachForm(t *testing.T, test func(t *testing.T, f form)) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, f) })
		})
	}
}

func event(id string, size int) *Entry {
	return NewEntry(id, fmt.Appendf(nil, `{"id":%q,"pad":%q}`, id, strings.Repeat("x", size)), 0)
}

func parseID(e *Entry) string {
	var v struct{ ID string }
	json.Unmarshal(e.Data, &v)
	return v.ID
}

func ids(entries []*Entry) (ids []string) {
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// undone returns the events that the next run has to handle: the entries that
// no value marks as done.
func (s *shakyStore) undone(left []*Entry) (undone []*Entry) {
	for _, e := range left {
		if s.values.Get("done/7/"+e.ID) == nil {
			undone = append(undone, e)
		} else {
			e.Done() // like a caller that asks the store before it begins
		}
	}
	return undone
}

// TestModel: at whatever moment the process dies, the next run receives each
// event that was written and is not done, in order, and no event that was done
// before the last flush. The store is empty when all events are done.
func TestModel(t *testing.T) {
	for _, share := range []float64{0, 0.2} {
		for _, f := range forms {
			for seed := range uint64(2) {
				t.Run(fmt.Sprintf("fails=%v/%s/seed=%d", share, f.name, seed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { model(t, f, share, seed) })
				})
			}
		}
	}
}

func model(t *testing.T, f form, share float64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := newShakyStore(seed, share)
	j, _ := f.openNext(t, s)
	var (
		n         int
		open      []*Entry        // the unfinished events, in order
		safe      map[string]bool // those that existed at the last successful write
		done      []string        // since the last flush
		ts        string          // at that write
		stops     int
		mostDirty int
	)
	var called sync.Map
	settled := func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return len(j.dirty) == 0 && len(j.pending) == 0 && !j.moved && j.failing == 0
	}
	note := func() {
		safe, ts = make(map[string]bool), j.Place()
		for _, e := range open {
			safe[e.ID] = true
		}
	}
	note()
	for range 200 {
		switch p := rng.IntN(100); {
		case p < 40:
			var events []*Entry
			for range 1 + rng.IntN(9) {
				n++
				events = append(events, event(fmt.Sprintf("%06d", n), rng.IntN(3000)))
			}
			j.Add(fmt.Sprint(n), events...)
			open = append(open, events...)
			if j.Write(t.Context()) == nil {
				note()
			}
		case p < 75 && len(open) > 0:
			for range min(len(open), 1+rng.IntN(8)) {
				i := rng.IntN(len(open))
				if rng.IntN(2) == 0 {
					i = rng.IntN(min(len(open), 3)) // usually the old ones
				}
				id := open[i].ID
				var after []func(context.Context)
				if rng.IntN(4) == 0 {
					after = append(after, func(context.Context) { called.Store(id, true) })
				}
				open[i].Done(after...)
				done = append(done, id)
				open = slices.Delete(open, i, i+1)
			}
		case p < 92:
			j.mu.Lock()
			mostDirty = max(mostDirty, len(j.dirty))
			j.mu.Unlock()
			time.Sleep(time.Duration(rng.Int64N(int64(40 * time.Second)))) // the journal writes by itself
			synctest.Wait()
			if settled() {
				note()
				done = nil
			}
		default:
			stop := rng.IntN(2) == 0
			if stop {
				stop = j.Close(t.Context()) == nil
			} else {
				j.Abandon()
			}
			if !f.exclusive {
				time.Sleep(time.Minute)
			}
			var left []*Entry
			j, left = f.openNext(t, s)
			left = s.undone(left)
			stops++
			got := ids(left)
			if !slices.IsSorted(got) {
				t.Fatalf("out of order: %v", got)
			}
			if stop && !slices.Equal(got, ids(open)) {
				t.Fatalf("after a stop\n%v, want\n%v", got, ids(open))
			}
			for id := range safe {
				if !slices.Contains(got, id) && !slices.Contains(done, id) {
					t.Fatalf("%s is lost", id)
				}
			}
			for _, id := range got {
				if _, ok := called.Load(id); ok {
					t.Fatalf("%s was done, and that was said", id)
				}
				if !slices.ContainsFunc(open, func(e *Entry) bool { return e.ID == id }) && !slices.Contains(done, id) {
					t.Fatalf("%s was done", id)
				}
			}
			if len(ts) > len(j.Place()) || ts > j.Place() && len(ts) == len(j.Place()) {
				t.Fatalf("the place is %s, and was %s", j.Place(), ts)
			}
			open, done = left, nil
			note()
		}
	}
	if stops < 2 || mostDirty == 0 {
		t.Errorf("%d stops, %d dirty batches: this says little", stops, mostDirty)
	}
	s.setShare(0)
	for _, e := range open {
		e.Done()
	}
	for range 3 { // the store may have failed during an erasure
		time.Sleep(time.Minute)
		j.Close(t.Context())
		time.Sleep(40 * 24 * time.Hour)
		var left []*Entry
		if j, left = f.openNext(t, s); len(s.undone(left)) > 0 {
			t.Errorf("left %v", ids(left))
		}
		for _, e := range left {
			e.Done()
		}
	}
	j.Close(t.Context())
	if keys := s.keys(); len(keys) > 2 {
		t.Errorf("left: %q", keys)
	}
}
