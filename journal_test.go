package vk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stored returns the texts of the events that a MemoryStore has in the journal
// of community 7.
func stored(t *testing.T, s Store) (texts []string) {
	t.Helper()
	if o, ok := s.(others); ok {
		s = o.Store
	}
	s.(Lister).List(t.Context(), "journal/7/", func(key string, value []byte) bool {
		for _, part := range strings.Split(string(value), `"text":"`)[1:] {
			text, _, _ := strings.Cut(part, `"`)
			texts = append(texts, text)
		}
		return true
	})
	return texts
}

// journalOf opens the journal of community 7.
func journalOf(t *testing.T, o *offerer) *journal {
	t.Helper()
	jr, err := o.d.journal(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	return jr
}

// die ends a journal as if its process died. In a shared Store, its lease has
// ended when die returns.
func (jr *journal) die() {
	jr.end()
	jr.kept.Abandon()
}

// parked is a handler that waits until it is stopped.
var parked = HandlerFunc(func(c *Context) error {
	c.Park(func() error { <-c.Done(); return nil })
	return context.Cause(c)
})

// A sharedStore is a MemoryStore that is not known to belong to one process.
type sharedStore struct{ values *MemoryStore }

func (s sharedStore) Get(ctx context.Context, key string) ([]byte, error) {
	return s.values.Get(ctx, key)
}

func (s sharedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	return s.values.Swap(ctx, key, old, new, ttl)
}

func (s sharedStore) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	return s.values.List(ctx, prefix, yield)
}

// TestJournalTaken: if two processes share a Store, one owns the journal. The
// other gets ErrJournalTaken until the owner stops or does not renew its lease.
func TestJournalTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := sharedStore{new(MemoryStore)}
		open := func() (*offerer, error) {
			o := newOfferer(store, parked)
			_, err := o.d.journal(t.Context(), 7)
			return o, err
		}
		a, err := open()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := open(); !errors.Is(err, ErrJournalTaken) || time.Since(began) > 6*time.Second {
			t.Errorf("while the owner lives: %v, after %v", err, time.Since(began))
		} else if !strings.Contains(err.Error(), "Dispatcher.Queue") {
			t.Errorf("the error does not name the remedy: %v", err)
		}
		a.d.Stop(t.Context())
		began = time.Now()
		b, err := open()
		if err != nil || time.Since(began) > 0 {
			t.Errorf("after a stop: %v, after %v", err, time.Since(began))
		}
		journalOf(t, b).die()
		began = time.Now()
		c, err := open()
		if err != nil || time.Since(began) > 16*time.Second {
			t.Errorf("after a death: %v, after %v", err, time.Since(began))
		}
		c.d.Stop(t.Context())
	})
}

// TestJournalFormat: a journal in the previous format is rejected, with the
// remedy, and is not changed.
func TestJournalFormat(t *testing.T) {
	store := new(MemoryStore)
	old := []byte(`{"owner":"","until":0,"ts":"5","at":0,"events":[],"segments":[],"unused":[]}`)
	store.Swap(t.Context(), "journal/7/0", nil, old, 0)
	_, err := (&Dispatcher{Store: store}).journal(t.Context(), 7)
	var wrong *ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "Dispatcher.Store" || !strings.Contains(wrong.Mend, "journal/7/") {
		t.Errorf("%v", err)
	}
	if got, _ := store.Get(t.Context(), "journal/7/0"); string(got) != string(old) {
		t.Errorf("it is %s now", got)
	}
}

// A cutStore is a Store that can be cut off.
type cutStore struct {
	sharedStore
	cut atomic.Bool
}

func (s *cutStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.cut.Load() {
		return nil, errors.New("cut off")
	}
	return s.sharedStore.Get(ctx, key)
}

func (s *cutStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.cut.Load() {
		return false, errors.New("cut off")
	}
	return s.sharedStore.Swap(ctx, key, old, new, ttl)
}

// TestCutOffProcess: a process that cannot reach the store for longer than the
// lease loses the journal. It accepts no more events, and does not report them
// as saved.
func TestCutOffProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := sharedStore{new(MemoryStore)}
		link := &cutStore{sharedStore: shared}
		a := newOfferer(link, parked)
		a.offer(t, "a")
		if kept, err := a.keep(t, "a"); !kept || err != nil {
			t.Error(kept, err)
		}
		link.cut.Store(true)
		time.Sleep(20 * time.Second)
		b := newOfferer(shared, parked)
		if _, err := b.d.resume(t.Context(), b.feed, nil, 7); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(journalOf(t, b).idle); n != 0 || b.d.waits.stays == nil {
			t.Errorf("b has not begun the events of a: %d left", n)
		}
		link.cut.Store(false)
		if kept, _ := a.keep(t, "a"); kept && !journalOf(t, a).kept.Owned() {
			t.Error("a still keeps events")
		}
		time.Sleep(time.Minute)
		if _, _, err := a.offer(t, "new"); !errors.Is(err, ErrJournalTaken) {
			t.Errorf("a takes more events: %v", err)
		}
		b.d.Stop(t.Context())
		if state, _, err := a.offer(t, "newer"); state != admitted || err != nil {
			t.Errorf("when b has stopped: %v, %v", state, err)
		}
		for _, o := range []*offerer{a, b} {
			o.d.Stop(t.Context())
		}
	})
}

// TestOnDone: functions registered with onDone are called once the Store has
// the event as done, and not if a stop has cut the handler off.
func TestOnDone(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut off=%v", cut), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(MemoryStore)
				var calls, left int
				end := make(chan struct{})
				o := newOfferer(store, HandlerFunc(func(c *Context) error {
					jobOf(c).onDone(func(context.Context) {
						calls++
						left = len(stored(t, store))
					})
					return c.Park(func() error {
						select {
						case <-c.Done():
						case <-end:
						}
						return context.Cause(c)
					})
				}))
				jr := journalOf(t, o)
				jr.use(o.feed, nil)
				jr.add("1", []*Event{textEvent(t, "b", "b")})
				entries := jr.add("2", []*Event{textEvent(t, "a", "a")})
				jr.save(t.Context())
				if err := jr.handle(t.Context(), entries, o.feed, nil); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if !cut {
					close(end)
				}
				synctest.Wait()
				if !cut && (calls != 1 || left > 2) {
					t.Errorf("%d calls; %d events are in the Store", calls, left)
				}
				o.d.Stop(t.Context())
				if cut && calls != 0 {
					t.Error("called")
				}
			})
		})
	}
}

// TestOrderBehindStore: an event that the Store looks up slowly is not
// overtaken by the next event of its conversation, from any source.
func TestOrderBehindStore(t *testing.T) {
	for _, second := range []string{"webhook", "poll"} {
		t.Run(second, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var order []string
				store := slowKeyStore{MemoryStore: new(MemoryStore), slow: "/e1"}
				o := newOfferer(store, HandlerFunc(func(c *Context) error { order = append(order, c.Text()); return nil }))
				o.offer(t, "e0")
				go o.d.admit(t.Context(), o.feed, nil, textEvent(t, "e1", "e1"), 0)
				time.Sleep(10 * time.Millisecond)
				if second == "webhook" {
					o.offer(t, "e2")
				} else {
					jr := journalOf(t, o)
					jr.handle(t.Context(), jr.add("1", []*Event{textEvent(t, "e2", "e2")}), o.feed, nil)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if got := strings.Join(order, " "); got != "e0 e1 e2" {
					t.Errorf("handled %s", got)
				}
				o.d.Stop(t.Context())
			})
		})
	}
}

// A slowKeyStore is slow for some keys.
type slowKeyStore struct {
	*MemoryStore
	slow string
}

func (s slowKeyStore) Get(ctx context.Context, key string) ([]byte, error) {
	if strings.HasSuffix(key, s.slow) {
		time.Sleep(100 * time.Millisecond)
	}
	return s.MemoryStore.Get(ctx, key)
}

// TestGuardedStore: the panics of a Store become errors, and a Lister remains a
// Lister.
func TestGuardedStore(t *testing.T) {
	d := &Dispatcher{Store: panicStore{}}
	s := d.guarded()
	l, ok := s.(Lister)
	if !ok {
		t.Fatal("it is no Lister any more")
	}
	if err := l.List(t.Context(), "a", nil); err == nil || !strings.Contains(err.Error(), "Store.List") {
		t.Errorf("List: %v", err)
	}
	if _, err := s.Get(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "Store.Get") {
		t.Errorf("Get: %v", err)
	}
	if _, ok := (&Dispatcher{Store: failing{}}).guarded().(Lister); ok {
		t.Error("a Store that cannot list is a Lister now")
	}
}

// A panicStore always panics.
type panicStore struct{ failing }

func (panicStore) Get(context.Context, string) ([]byte, error) { panic("get") }

func (panicStore) List(context.Context, string, func(string, []byte) bool) error { panic("list") }
