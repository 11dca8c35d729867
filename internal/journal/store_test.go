package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBytes: at 1,000 events a second, one at a time, however long their
// handlers take and while 10,000 others wait, an event costs at most twice its
// size, and two writes.
func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		takes  time.Duration
		parked int
	}{
		{0, 0}, {100 * time.Millisecond, 0}, {time.Second, 0}, {10 * time.Second, 0}, {time.Second, 10_000},
	} {
		t.Run(fmt.Sprintf("%v beside %d", tt.takes, tt.parked), func(t *testing.T) {
			test := func(t *testing.T, f form) {
				s := newShakyStore(1, 0)
				j, _ := f.openNext(t, s)
				for n := range tt.parked / 50 {
					var parked []*Entry
					for i := range 50 {
						parked = append(parked, event(fmt.Sprint("parked ", n, i), 400))
					}
					j.Add("0", parked...)
					if err := j.Write(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Minute)
				s.written()
				events := 2000 + int(tt.takes/time.Millisecond)
				size := 0
				for n := range events {
					e := event(fmt.Sprint(n), 420)
					size = len(e.Data)
					j.Add(fmt.Sprint(n), e)
					if err := j.Write(t.Context()); err != nil {
						t.Fatal(err)
					}
					time.AfterFunc(tt.takes, func() { e.Done() })
					time.Sleep(time.Millisecond)
				}
				time.Sleep(tt.takes + time.Second)
				bytes, swaps := s.written()
				if x := float64(bytes) / float64(events*size); x > 2 || float64(swaps)/float64(events) > 2.1 {
					t.Errorf("%.2f times its size, %.2f writes", x, float64(swaps)/float64(events))
				}
				if n := len(s.keys()); n > tt.parked/50+2 {
					t.Errorf("%d keys are left", n)
				}
				j.Close(t.Context())
			}
			for _, f := range []form{forms[0], forms[3]} {
				t.Run(f.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { test(t, f) })
				})
			}
		})
	}
}

// TestFewerKeys: long-waiting events in batches of their own are merged into a
// few large batches, in order, and each is written once for that.
func TestFewerKeys(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := newShakyStore(1, 0)
		j, _ := f.openNext(t, s)
		var want []string
		for n := range 1000 {
			id := fmt.Sprintf("%04d", n)
			want = append(want, id)
			j.Add(id, event(id, 400))
			if err := j.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		last := event("9999", 400)
		j.Add("9999", last)
		j.Write(t.Context())
		last.Done()
		time.Sleep(time.Minute)
		s.written()
		time.Sleep(time.Hour)
		if n := len(s.keys()); n > 6 {
			t.Errorf("%d keys for 1000 events", n)
		}
		if bytes, _ := s.written(); f.exclusive && bytes > 0 {
			t.Errorf("%d bytes while nothing happens", bytes)
		}
		j.Abandon()
		time.Sleep(time.Minute)
		j, left := f.openNext(t, s)
		if got := ids(left); !slices.Equal(got, want) {
			t.Errorf("%d events, in this order: %.200q", len(got), got)
		}
		if j.Place() != "9999" {
			t.Errorf("the place is %s", j.Place())
		}
		j.Close(t.Context())
	})
}

// TestDoneInBatch: marking one of many events of a batch as done costs a small
// value. When a quarter is done, the batch is written again and those values
// are removed.
func TestDoneInBatch(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := newShakyStore(1, 0)
		j, _ := f.openNext(t, s)
		var events []*Entry
		for n := range 100 {
			events = append(events, event(fmt.Sprintf("%03d", n), 400))
		}
		j.Add("1", events...)
		j.Write(t.Context())
		s.written()
		count := func() (marks int) {
			for _, key := range s.keys() {
				if strings.HasPrefix(key, "done/7/") {
					marks++
				}
			}
			return marks
		}
		for n := range 24 {
			called := false
			events[n].Done(func(context.Context) { called = true })
			synctest.Wait()
			if got := count(); got != n+1 || !called {
				t.Fatalf("%d values after %d events, called %v", got, n+1, called)
			}
		}
		if bytes, _ := s.written(); bytes > 24*100 {
			t.Errorf("%d bytes for 24 events", bytes)
		}
		events[24].Done()
		time.Sleep(FlushTime)
		synctest.Wait()
		if n := count(); n != 0 {
			t.Errorf("%d values when a quarter is done", n)
		}
		j.Abandon()
		time.Sleep(time.Minute)
		j, left := f.openNext(t, s)
		if len(left) != 75 || left[0].ID != "025" {
			t.Errorf("%d are left", len(left))
		}
		j.Close(t.Context())
	})
}

// TestTries: an event counts the runs that have died since it was written, but
// not while its handler waits, nor the runs that were stopped. It counts more
// than two only if it was tried.
func TestTries(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := newShakyStore(1, 0)
		j, _ := f.openNext(t, s)
		j.Add("1", event("a", 10))
		j.Write(t.Context())
		j.Add("2", event("b", 10))
		j.Write(t.Context())
		next := func(stop bool, want ...int) []*Entry {
			t.Helper()
			if stop {
				j.Close(t.Context())
			} else {
				j.Abandon()
			}
			time.Sleep(time.Minute)
			var left []*Entry
			j, left = f.openNext(t, s)
			var got []int
			for _, e := range left {
				got = append(got, e.Tries())
			}
			if !slices.Equal(got, want) {
				t.Errorf("tries %v, want %v", got, want)
			}
			return left
		}
		left := next(false, 1, 1)
		left[0].Calm(true)
		time.Sleep(time.Minute)
		next(false, 1, 2)
		left = next(false, 2, 2)
		j.Try(t.Context(), left[1:])
		left = next(false, 2, 3)
		j.Try(t.Context(), left[1:])
		left = next(false, 2, 4)
		j.Try(t.Context(), left[:1])
		left = next(false, 3, 4)
		j.Try(t.Context(), left[1:])
		j.Passed(left[1:])
		left = next(false, 3, 5) // the store does not know that b has passed
		j.Try(t.Context(), left[1:])
		j.Passed(left[1:])
		time.Sleep(time.Second)
		j.Try(t.Context(), nil)
		next(false, 3, 1)
		next(true, 0, 0)
		next(true, 0, 0)
		next(false, 1, 1)
		j.Close(t.Context())
	})
}

// TestRepeats: the next run knows that a source repeats its events, until it
// has run for three hours without such a source.
func TestRepeats(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := newShakyStore(1, 0)
		j, _ := f.openNext(t, s)
		if j.Repeats() {
			t.Error("at first")
		}
		if err := j.SetRepeats(t.Context()); err != nil || !j.Repeats() {
			t.Error(err)
		}
		j.Abandon()
		time.Sleep(time.Minute)
		j, _ = f.openNext(t, s)
		if !j.Repeats() {
			t.Error("not known to the next run")
		}
		time.Sleep(4 * time.Hour)
		if j.Repeats() {
			t.Error("after four hours without such a source")
		}
		j.Close(t.Context())
		j, _ = f.openNext(t, s)
		if j.Repeats() {
			t.Error("in the run after that")
		}
		j.Close(t.Context())
	})
}

// TestUnreadable: a malformed value is an error that names it, and the journal
// is left unchanged for repair.
func TestUnreadable(t *testing.T) {
	for key, value := range map[string]string{
		"place": "{", "1": "?", "2": `{"ts":"1","events":[[1,2]]}`, "0": `{"owner":""}`,
	} {
		t.Run(key, func(t *testing.T) {
			eachForm(t, func(t *testing.T, f form) {
				s := newShakyStore(1, 0)
				j, _ := f.openNext(t, s)
				j.Add("1", event("a", 10))
				j.Write(t.Context())
				j.Close(t.Context())
				key := "journal/7/" + key
				old := s.values.Get(key)
				s.values.Swap(key, old, []byte(value), 0)
				want := ErrCannotRead
				if strings.HasSuffix(key, "/0") {
					want = ErrFormat
				}
				for range 2 {
					if _, _, err := Open(t.Context(), f.options(s)); !errors.Is(err, want) || !strings.Contains(err.Error(), key) {
						t.Errorf("%v", err)
					}
				}
				s.values.Swap(key, []byte(value), old, 0)
				j, left := f.openNext(t, s)
				if len(left) != 1 || left[0].Tries() != 0 {
					t.Errorf("%d events after it was mended", len(left))
				}
				j.Close(t.Context())
			})
		})
	}
}

// TestStaleOwner: an owner that comes back after its lease does not change the
// new owner's values, and does not use the new owner's numbers.
func TestStaleOwner(t *testing.T) {
	f := form{name: "shared", lister: true}
	synctest.Test(t, func(t *testing.T) {
		s := newShakyStore(1, 0)
		a, _ := f.openNext(t, s)
		a.beat.Stop() // it hangs
		a.Add("1", event("a", 10))
		a.Write(t.Context())
		b, left := f.openNext(t, s)
		left[0].Done()
		b.Add("2", event("b", 10))
		b.Write(t.Context())
		time.Sleep(time.Minute)
		if a.Owned() || !b.Owned() {
			t.Errorf("owned by a %v, by b %v", a.Owned(), b.Owned())
		}
		a.Add("3", event("c", 10))
		a.Write(t.Context())
		if err := a.SetRepeats(t.Context()); !errors.Is(err, ErrTaken) || !a.Lost() {
			t.Errorf("a: %v", err)
		}
		if err := a.Write(t.Context()); !errors.Is(err, ErrTaken) {
			t.Errorf("a writes: %v", err)
		}
		a.Close(t.Context())
		b.Abandon()
		time.Sleep(time.Minute)
		b, left = f.openNext(t, s)
		if got := ids(left); !slices.Contains(got, "b") || slices.Contains(got, "a") || b.Place() != "2" {
			t.Errorf("left %q at %s", got, b.Place())
		}
		b.Close(t.Context())
	})
}

// TestForgetsWhileFailing: done events are not kept in memory while the store
// fails, and functions registered with Done are called when it recovers.
func TestForgetsWhileFailing(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := newShakyStore(1, 0)
		var notices []NoticeKind
		f.tell = func(n Notice) { notices = append(notices, n.Kind) }
		j, _ := f.openNext(t, s)
		s.setShare(1)
		calls := 0
		for n := range 500 {
			e := event(fmt.Sprint(n), 1000)
			j.Add(fmt.Sprint(n), e)
			if err := j.Write(t.Context()); err == nil {
				t.Fatal("it was written")
			}
			var after []func(context.Context)
			if n == 250 {
				after = append(after, func(context.Context) { calls++ })
			}
			e.Done(after...)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		j.mu.Lock()
		pending, maybe := len(j.pending), len(j.draft.maybe)
		j.mu.Unlock()
		if pending > 2 || calls != 0 {
			t.Errorf("%d events are kept that are done, and %d versions of a batch; %d calls", pending, maybe, calls)
		}
		s.setShare(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if calls != 1 || !slices.Equal(notices, []NoticeKind{Failing, Working}) {
			t.Errorf("%d calls, notices %v", calls, notices)
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if j, _ = f.openNext(t, s); j.Place() != "499" {
			t.Errorf("the place is %s", j.Place())
		}
		j.Close(t.Context())
	})
}

// TestStoreIsDownIdle: in an idle journal, a long failure of a shared store is
// reported once, and so is its recovery.
func TestStoreIsDownIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShakyStore(1, 0)
		var notices []NoticeKind
		j, _, err := Open(t.Context(), Options{
			Store: s, Journal: "journal/7/", Done: "done/7/", Timeout: time.Second,
			Tell: func(n Notice) { notices = append(notices, n.Kind) },
		})
		if err != nil {
			t.Fatal(err)
		}
		s.setShare(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(notices, []NoticeKind{Failing}) {
			t.Errorf("notices %v while the store fails", notices)
		}
		s.setShare(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(notices, []NoticeKind{Failing, Working}) || !j.Owned() {
			t.Errorf("notices %v, owned: %v", notices, j.Owned())
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A stubbornStore refuses every change once it is set.
type stubbornStore struct {
	*shakyStore
	refuses bool
}

func (s *stubbornStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.refuses {
		return false, nil
	}
	return s.shakyStore.Swap(ctx, key, old, new, ttl)
}

// TestStubbornStore: the error names the key if the store has the expected value and
// does not swap it.
func TestStubbornStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stubbornStore{shakyStore: newShakyStore(1, 0)}
		j, _, err := Open(t.Context(), Options{Store: s, Exclusive: true, Journal: "journal/7/", Done: "done/7/", Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Abandon()
		s.refuses = true
		const want = `"journal/7/place" changes while it is written`
		if err := j.SetRepeats(t.Context()); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}
