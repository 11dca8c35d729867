package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// handleOnce runs h for an event in a new Dispatcher, like a process that was
// just started.
func handleOnce(t *testing.T, e *vk.Event, h vk.HandlerFunc) {
	t.Helper()
	ran := false
	d := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error {
		ran = true
		if err := h(c); err != nil {
			t.Errorf("event %s: %v", e.ID, err)
		}
		return nil
	})}
	if err := d.Dispatch(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	d.Stop(t.Context())
	if !ran {
		t.Fatal("the event was not handled")
	}
}

// addState adds to a counter.
func addState(c *vk.Context, s *vk.Session[int], n int) error {
	return s.Update(c, vk.PerUser(c), func(v *int) error { *v += n; return nil })
}

// wantState checks the value of the session.
func wantState[T any](t *testing.T, c *vk.Context, s *vk.Session[T], key vk.Key, want T) {
	t.Helper()
	if got, err := s.Get(c, key); err != nil || !cmp.Equal(got, want) {
		t.Errorf("state %+v, %v, want %+v", got, err, want)
	}
}

func TestSession(t *testing.T) {
	type cart struct {
		Items []string
		Step  string
	}
	c, _ := vktest.NewContext("hi")
	s := new(vk.Session[cart])
	key := vk.PerUser(c)
	wantState(t, c, s, key, cart{})
	buy := func(item string) func(*cart) error {
		return func(v *cart) error { v.Items = append(v.Items, item); return nil }
	}
	for _, item := range []string{"tea", "milk"} {
		if err := s.Update(c, key, buy(item)); err != nil {
			t.Fatal(err)
		}
	}
	want := cart{Items: []string{"tea", "milk"}}
	wantState(t, c, s, key, want)

	// The value from Get is the caller's own.
	v, _ := s.Get(c, key)
	v.Items[0] = "coffee"
	wantState(t, c, s, key, want)

	// An error and a panic leave the state unchanged.
	no := errors.New("no")
	if err := s.Update(c, key, func(v *cart) error { v.Step = "x"; v.Items[0] = "x"; return no }); err != no {
		t.Errorf("the error of f: %v", err)
	}
	func() {
		defer func() { recover() }()
		s.Update(c, key, func(v *cart) error { v.Step = "x"; panic("x") })
	}()
	wantState(t, c, s, key, want)
	for range 2 {
		if err := s.Delete(c, key); err != nil {
			t.Fatal(err)
		}
		wantState(t, c, s, key, cart{})
	}
}

// TestSessionKeys checks that state is separate for each community, name and
// part of the key, with any characters in the names.
func TestSessionKeys(t *testing.T) {
	store := new(vk.MemoryStore)
	names := []string{"", "a", "A", `"`, "/", "a/1/2", "\x00", "\xff", "\xfe", "a/5/0/", strings.Repeat("x", 200), strings.Repeat("x", 199) + "y",
		strings.Repeat("\x01", 100), "sha256:x", "sha256:0d9caa5e6ac4f43b62c25b8cf3d5a9a4a7a5d4b3a6bd1a94b8db5d5cd0e6d0ef"}
	type place struct {
		group   int64
		session string
		key     vk.Key
	}
	var places []place
	for _, group := range []int64{0, 1, 5} {
		for _, name := range names {
			for _, key := range []vk.Key{{}, {Peer: 5}, {User: 5}, {Peer: 5, User: 5}, {User: -5}, {Name: "5"}} {
				places = append(places, place{group, name, key})
			}
			places = append(places, place{group, "named", vk.Key{User: 7, Name: name}})
		}
	}
	open := func(p place) (*vk.Context, *vk.Session[int]) {
		return vk.NewContext(t.Context(), nil, &vk.Event{GroupID: p.group}), &vk.Session[int]{Store: store, Name: p.session}
	}
	for i, p := range places {
		c, s := open(p)
		if err := s.Update(c, p.key, func(v *int) error { *v += i; return nil }); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for i, p := range places {
		c, s := open(p)
		wantState(t, c, s, p.key, i)
	}
}

// TestSessionOfAnotherType checks that state that is not of the session's type
// is an error that names its key, keeps the state, and does not show it.
func TestSessionOfAnotherType(t *testing.T) {
	store := new(vk.MemoryStore)
	c, _ := vktest.NewContext("hi")
	key := vk.Key{User: 7, Name: "n"}
	older := &vk.Session[map[string]any]{Store: store, Name: "s"}
	older.Update(c, key, func(v *map[string]any) error { *v = map[string]any{"A": 1, "B": "secret"}; return nil })

	fewer := &vk.Session[struct{ A int }]{Store: store, Name: "s"}
	wantState(t, c, fewer, key, struct{ A int }{1})

	other := &vk.Session[struct{ B int }]{Store: store, Name: "s"}
	_, err := other.Get(c, key)
	for _, err := range []error{err, other.Update(c, key, func(*struct{ B int }) error { t.Error("f runs"); return nil })} {
		var bad *vk.SessionError
		if !errors.As(err, &bad) || bad.Session != "s" || bad.Key != key || string(bad.Value) != `{"A":1,"B":"secret"}` ||
			!strings.HasPrefix(err.Error(), `vk: session s of user 7, name "n": json: `) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
		var j *json.UnmarshalTypeError
		if !errors.As(err, &j) {
			t.Errorf("%v is not what encoding/json says", err)
		}
	}
	wantState(t, c, fewer, key, struct{ A int }{1}) // nothing is lost
	if err := other.Delete(c, key); err != nil {
		t.Error(err)
	}
	wantState(t, c, other, key, struct{ B int }{})

	unstorable := &vk.Session[func()]{Name: "f"}
	var bad *vk.SessionError
	if err := unstorable.Update(c, vk.Key{}, func(v *func()) error { *v = func() {}; return nil }); !errors.As(err, &bad) {
		t.Errorf("a func is stored: %v", err)
	} else if !strings.HasPrefix(err.Error(), "vk: session f of everybody: json: ") {
		t.Error(err)
	}
}

// TestSessionExpires checks that TTL starts at the last update.
func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &vk.Session[int]{TTL: time.Hour}
		c, _ := vktest.NewContext("hi")
		addState(c, s, 1)
		time.Sleep(40 * time.Minute)
		addState(c, s, 1)
		time.Sleep(40 * time.Minute)
		wantState(t, c, s, vk.PerUser(c), 2) // reading does not extend it
		time.Sleep(20 * time.Minute)
		wantState(t, c, s, vk.PerUser(c), 0)
		s = new(vk.Session[int])
		addState(c, s, 1)
		time.Sleep(24 * 365 * time.Hour)
		wantState(t, c, s, vk.PerUser(c), 1)
	})
}

// TestSessionLosesNoUpdate checks that concurrent updates all count.
func TestSessionLosesNoUpdate(t *testing.T) {
	for name, store := range map[string]vk.Store{"own": nil, "file": openStore(t, filepath.Join(t.TempDir(), "s"))} {
		t.Run(name, func(t *testing.T) {
			s := &vk.Session[int]{Store: store}
			c, _ := vktest.NewContext("hi")
			var wg sync.WaitGroup
			for range 128 {
				wg.Go(func() {
					for range 2 {
						if err := s.Update(c, vk.Global(c), func(v *int) error { *v++; return nil }); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			wantState(t, c, s, vk.Global(c), 256)
		})
	}
}

// A brokenStore is a Store that fails, or on which other processes are always
// faster.
type brokenStore struct {
	vk.MemoryStore
	get, swap error
	lose      bool
	gets      int
}

func (s *brokenStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.gets++
	if s.get != nil {
		return nil, s.get
	}
	return s.MemoryStore.Get(ctx, key)
}

func (s *brokenStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.swap != nil || s.lose {
		return false, s.swap
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// TestSessionConflict checks that an update that is always too late ends,
// after some time and with its context.
func TestSessionConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &vk.Session[int]{Store: &brokenStore{lose: true}, Name: "s"}
		c, _ := vktest.NewContext("hi")
		start := time.Now()
		runs := 0
		err := s.Update(c, vk.Global(c), func(v *int) error { runs++; *v++; return nil })
		if !errors.Is(err, vk.ErrContended) || err.Error() != "vk: session s of everybody: others change it all the time" {
			t.Errorf("%v", err)
		}
		if d := time.Since(start); d > 20*time.Second || d < 5*time.Second || runs != 64 {
			t.Errorf("%d runs in %v", runs, d)
		}
		ctx, cancel := context.WithTimeoutCause(c, time.Second, vk.ErrTimeLimit)
		defer cancel()
		if err := addState(c.WithContext(ctx), s, 1); !errors.Is(err, vk.ErrTimeLimit) {
			t.Errorf("%v", err)
		}
		if d := time.Since(start); d > 22*time.Second {
			t.Errorf("ends after %v", d)
		}
	})
	c, _ := vktest.NewContext("hi")
	broken := errors.New("broken")
	for name, store := range map[string]*brokenStore{"get": {get: broken}, "swap": {swap: broken}} {
		s := &vk.Session[int]{Store: store, Name: "s"}
		if err := addState(c, s, 1); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "vk: session s of user ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSessionReplay checks that an event that is handled again sees the same
// state, and that its updates count once.
func TestSessionReplay(t *testing.T) {
	store := new(vk.MemoryStore)
	s := &vk.Session[int]{Store: store, Name: "n"}
	first, second, third := message(t, 1, "first"), message(t, 1, "second"), message(t, 1, "third")
	key := vk.Key{User: 1}
	handleOnce(t, first, func(c *vk.Context) error {
		wantState(t, c, s, key, 0)
		addState(c, s, 1)
		wantState(t, c, s, key, 1)
		return nil
	})
	for range 3 { // the first time, and two repetitions
		handleOnce(t, second, func(c *vk.Context) error {
			wantState(t, c, s, key, 1)
			if ok, err := s.If(vk.PerUser, func(n int) bool { return n == 1 })(c); !ok || err != nil {
				t.Errorf("If: %v, %v", ok, err)
			}
			addState(c, s, 10)
			wantState(t, c, s, key, 11)
			addState(c, s, 100)
			wantState(t, c, s, key, 111)
			if ok, err := s.If(vk.PerUser, func(n int) bool { return n == 111 })(c); !ok || err != nil {
				t.Errorf("If after Update: %v, %v", ok, err)
			}
			return nil
		})
	}
	// An event that only reads saves nothing.
	handleOnce(t, third, func(c *vk.Context) error { wantState(t, c, s, key, 111); return nil })
	handleOnce(t, second, func(c *vk.Context) error { wantState(t, c, s, key, 1); return nil })
	// Deleted state is seen again by the event that deleted it, and only by
	// that.
	for range 3 {
		handleOnce(t, third, func(c *vk.Context) error {
			wantState(t, c, s, key, 111)
			s.Delete(c, key)
			wantState(t, c, s, key, 0)
			addState(c, s, 5)
			wantState(t, c, s, key, 5)
			return s.Delete(c, key)
		})
	}
	fourth := message(t, 1, "fourth")
	for range 2 {
		handleOnce(t, fourth, func(c *vk.Context) error {
			wantState(t, c, s, key, 0)
			return addState(c, s, 7)
		})
	}
	// Outside of a Dispatcher, this does not apply.
	c := vk.NewContext(t.Context(), nil, fourth)
	wantState(t, c, s, key, 7)
	addState(c, s, 1)
	addState(vk.NewContext(t.Context(), nil, fourth), s, 1)
	wantState(t, c, s, key, 9)
	without := message(t, 1, "x")
	without.ID = ""
	for range 2 {
		handleOnce(t, without, func(c *vk.Context) error { return addState(c, s, 10) })
	}
	wantState(t, c, s, key, 29)
}

// TestSessionReplayOfNew checks that state that an event created does not
// exist when the event is handled again.
func TestSessionReplayOfNew(t *testing.T) {
	s := new(vk.Session[int])
	for range 3 {
		handleOnce(t, message(t, 1, "first"), func(c *vk.Context) error {
			wantState(t, c, s, vk.PerUser(c), 0)
			return addState(c, s, 1)
		})
	}
}

// TestSessionForgetsDeleted checks that the remembered value of deleted state
// expires.
func TestSessionForgetsDeleted(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Hour, 100 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := &vk.Session[int]{TTL: ttl}
			handleOnce(t, message(t, 1, "a"), func(c *vk.Context) error { return addState(c, s, 1) })
			b := message(t, 1, "b")
			handleOnce(t, b, func(c *vk.Context) error { return s.Delete(c, vk.PerUser(c)) })
			time.Sleep(59 * time.Minute)
			handleOnce(t, b, func(c *vk.Context) error { wantState(t, c, s, vk.PerUser(c), 1); return nil })
			time.Sleep(24 * time.Hour)
			handleOnce(t, b, func(c *vk.Context) error { wantState(t, c, s, vk.PerUser(c), 0); return nil })
		})
	}
}

// TestSessionListenersAndRoute checks that the handlers of one event see the
// changes of those before them, each time the event is handled.
func TestSessionListenersAndRoute(t *testing.T) {
	s := &vk.Session[int]{Store: new(vk.MemoryStore)}
	var seen []int
	r := new(vk.Router)
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return addState(c, s, 1) })
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return addState(c, s, 1) })
	r.Handle("go", func(c *vk.Context) error {
		v, err := s.Get(c, vk.PerUser(c))
		seen = append(seen, v)
		return errors.Join(err, addState(c, s, 1))
	})
	for range 3 {
		handleOnce(t, message(t, 1, "go"), r.Serve)
	}
	handleOnce(t, message(t, 1, "go on"), func(c *vk.Context) error { wantState(t, c, s, vk.PerUser(c), 3); return nil })
	if fmt.Sprint(seen) != "[2 2 2]" {
		t.Errorf("the route saw %v", seen)
	}
}

// TestSessionStopped checks that a dialogue that was stopped between its
// update and its answer continues there.
func TestSessionStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type order struct{ Step string }
		s := &vk.Session[order]{Store: new(vk.MemoryStore)}
		at := func(step string) vk.Cond {
			return s.If(vk.PerUser, func(o order) bool { return o.Step == step })
		}
		var said []string
		block := true
		serve := vk.HandlerFunc(func(c *vk.Context) error {
			for _, step := range []string{"", "address", "done"} {
				ok, err := at(step)(c)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				said = append(said, c.Text()+" at "+step)
				next := map[string]string{"": "address", "address": "done"}[step]
				err = s.Update(c, vk.PerUser(c), func(o *order) error { o.Step = next; return nil })
				if block && step == "address" {
					<-c.Done()
					return context.Cause(c)
				}
				return err
			}
			return nil
		})
		d := &vk.Dispatcher{Handler: serve}
		d.Dispatch(t.Context(), message(t, 1, "tea"))
		d.Dispatch(t.Context(), message(t, 1, "Nevsky 1"))
		d.Stop(t.Context())
		block = false
		handleOnce(t, message(t, 1, "Nevsky 1"), serve)
		handleOnce(t, message(t, 1, "thanks"), serve)
		if diff := cmp.Diff([]string{"tea at ", "Nevsky 1 at address", "Nevsky 1 at address", "thanks at done"}, said); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestSessionIf checks that consecutive conditions read once, see all changes
// in between, and return errors.
func TestSessionIf(t *testing.T) {
	store := new(brokenStore)
	s := &vk.Session[int]{Store: store, Name: "s"}
	same := &vk.Session[int]{Store: store, Name: "s"}
	is := func(n int) vk.Cond { return s.If(vk.PerUser, func(v int) bool { return v == n }) }
	ask := func(c *vk.Context, n int) {
		t.Helper()
		if ok, err := is(n)(c); !ok || err != nil {
			t.Errorf("is not %d: %v", n, err)
		}
	}
	e := message(t, 1, "a")
	handleOnce(t, e, func(c *vk.Context) error {
		store.gets = 0
		for range 5 {
			ask(c, 0)
			s.If(vk.PerChat, func(int) bool { return true })(c)
		}
		if store.gets != 2 {
			t.Errorf("%d reads of two keys", store.gets)
		}
		addState(c, s, 1)
		ask(c, 1)
		addState(c, same, 1)
		ask(c, 2)
		s.Delete(c, vk.PerUser(c))
		ask(c, 0)
		// This is another event's handler, while the first one waits.
		other := vk.NewContext(c, nil, message(t, 1, "b"))
		addState(other, s, 3)
		ask(c, 3)
		store.gets = 0
		ask(c, 3)
		if store.gets != 0 {
			t.Errorf("%d reads again", store.gets)
		}
		return nil
	})
	// In a route, time may have passed.
	r := new(vk.Router)
	r.Handle("a", func(c *vk.Context) error {
		raw := &vk.Session[int]{Store: store, Name: "s"}
		ask(c, 3)
		addState(vk.NewContext(c, nil, message(t, 1, "b")), raw, 1) // as another process would
		ask(c, 4)
		return nil
	})
	handleOnce(t, message(t, 1, "a"), r.Serve)

	store.get = errors.New("broken")
	handleOnce(t, e, func(c *vk.Context) error {
		if ok, err := is(0)(c); ok || !errors.Is(err, store.get) {
			t.Errorf("%v, %v", ok, err)
		}
		return nil
	})
	store.get = nil
	text := &vk.Session[string]{Store: store, Name: "s"}
	handleOnce(t, message(t, 1, "c"), func(c *vk.Context) error {
		var bad *vk.SessionError
		if ok, err := text.If(vk.PerUser, func(string) bool { return true })(c); ok || !errors.As(err, &bad) {
			t.Errorf("%v, %v", ok, err)
		}
		return nil
	})
}
