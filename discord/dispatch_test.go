package discord_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
)

// event returns an event of a kind.
func event(t *testing.T, kind, data string) *discord.Event {
	t.Helper()
	e, err := discord.NewEvent(kind, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// message returns a MESSAGE_CREATE in a channel.
func message(t *testing.T, channel int, text string) *discord.Event {
	t.Helper()
	return event(t, "MESSAGE_CREATE", fmt.Sprintf(`{"id":"5","channel_id":"%d","author":{"id":"9","username":"anna"},"content":%q}`, channel, text))
}

// quiet returns a Dispatcher that logs to a buffer.
func quiet(h discord.Handler) (*discord.Dispatcher, *syncBuffer) {
	var log syncBuffer
	return &discord.Dispatcher{Handler: h, Logger: slog.New(slog.NewTextHandler(&log, nil))}, &log
}

// A syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestDispatcherLanes: the events of one lane are handled one after the other, and
// those of different lanes at the same time.
func TestDispatcherLanes(t *testing.T) {
	const (
		member   = `"guild_id":"1","user":{"id":"%d"}`
		inRoom   = `"guild_id":"1","channel_id":"%d","user_id":"7"`
		anywhere = `"guild_id":"%d"`
	)
	for _, tt := range []struct {
		kind  string
		a, b  string
		apart bool // whether the lanes are different
	}{
		{"MESSAGE_CREATE", `{"channel_id":"1","author":{"id":"1"}}`, `{"channel_id":"1","author":{"id":"2"}}`, false},
		{"MESSAGE_CREATE", `{"channel_id":"1"}`, `{"channel_id":"2"}`, true},
		{"TYPING_START", `{"channel_id":"1","guild_id":"1"}`, `{"channel_id":"1","guild_id":"1"}`, false},
		{"INTERACTION_CREATE", `{"channel_id":"1","member":{"user":{"id":"1"}}}`, `{"channel_id":"1","member":{"user":{"id":"2"}}}`, true},
		{"INTERACTION_CREATE", `{"channel_id":"1","user":{"id":"1"}}`, `{"channel_id":"1","user":{"id":"1"}}`, false},
		{"INTERACTION_CREATE", `{"channel_id":"1","user":{"id":"1"}}`, `{"channel_id":"2","user":{"id":"1"}}`, true},
		{"GUILD_MEMBER_UPDATE", fmt.Sprintf("{"+member+"}", 1), fmt.Sprintf("{"+member+"}", 1), false},
		{"GUILD_MEMBER_ADD", fmt.Sprintf("{"+member+"}", 1), fmt.Sprintf("{"+member+"}", 2), true},
		{"GUILD_BAN_ADD", fmt.Sprintf("{"+member+"}", 1), fmt.Sprintf("{"+member+"}", 2), true},
		{"PRESENCE_UPDATE", fmt.Sprintf("{"+member+"}", 1), fmt.Sprintf("{"+member+"}", 2), true},
		{"VOICE_STATE_UPDATE", fmt.Sprintf("{"+inRoom+"}", 1), fmt.Sprintf("{"+inRoom+"}", 2), false}, // a move
		{"GUILD_ROLE_CREATE", fmt.Sprintf("{"+anywhere+"}", 1), fmt.Sprintf("{"+anywhere+"}", 1), false},
		{"GUILD_ROLE_CREATE", fmt.Sprintf("{"+anywhere+"}", 1), fmt.Sprintf("{"+anywhere+"}", 2), true},
		{"READY", `{}`, `{}`, false},
		{"SOMETHING_NEW", `{}`, `null`, false},
	} {
		t.Run(fmt.Sprintf("%s %s %s", tt.kind, tt.a, tt.b), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				d, _ := quiet(discord.HandlerFunc(func(c *discord.Context) error { time.Sleep(time.Second); return nil }))
				for _, data := range []string{tt.a, tt.b} {
					if err := d.Dispatch(t.Context(), event(t, tt.kind, data)); err != nil {
						t.Fatal(err)
					}
				}
				d.Stop(t.Context())
				want := 2 * time.Second
				if tt.apart {
					want = time.Second
				}
				if took := time.Since(began); took != want {
					t.Errorf("both took %v, want %v", took, want)
				}
			})
		})
	}
}

// TestDispatcherOrder: 10,000 events in 200 channels keep their order in each, and
// leave nothing behind.
func TestDispatcherOrder(t *testing.T) {
	const events, channels = 10_000, 200
	var mu sync.Mutex
	seen := make(map[discord.ID][]string)
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		runtime.Gosched()
		mu.Lock()
		defer mu.Unlock()
		seen[m.ChannelID] = append(seen[m.ChannelID], m.Content)
		return nil
	})
	before := runtime.NumGoroutine()
	var heap, after runtime.MemStats
	d, _ := quiet(r)
	for round := range 2 { // the first one fills pools
		runtime.GC()
		runtime.ReadMemStats(&heap)
		for i := range events {
			if err := d.Dispatch(t.Context(), message(t, 1+i%channels, fmt.Sprintf("%05d", i))); err != nil {
				t.Fatal(err)
			}
		}
		for d.Pending() > 0 {
			runtime.Gosched()
		}
		mu.Lock()
		n := 0
		for channel, texts := range seen {
			n += len(texts)
			if !slices.IsSorted(texts) {
				t.Errorf("channel %d: %q", channel, texts)
			}
		}
		clear(seen)
		mu.Unlock()
		if n != events {
			t.Errorf("round %d: %d events were handled", round, n)
		}
	}
	d.Stop(t.Context())
	for range 1000 { // workers end after their last event
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > heap.HeapAlloc+1<<20 {
		t.Errorf("the heap has grown by %d kB", (after.HeapAlloc-heap.HeapAlloc)>>10)
	}
}

// TestDispatcherMaxEvents: at the limit, Dispatch blocks until ctx ends or there is
// room.
func TestDispatcherMaxEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d, _ := quiet(discord.HandlerFunc(func(c *discord.Context) error { <-release; return nil }))
		d.MaxEvents = 2
		for range 2 {
			d.Dispatch(t.Context(), message(t, 1, ""))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Dispatch(ctx, message(t, 1, "")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the limit: %v", err)
		}
		time.AfterFunc(time.Second, func() { close(release) })
		if err := d.Dispatch(t.Context(), message(t, 1, "")); err != nil {
			t.Error(err)
		}
		d.Stop(t.Context())
		if err := d.Dispatch(t.Context(), message(t, 1, "")); !errors.Is(err, discord.ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
		if err := new(discord.Dispatcher).Dispatch(t.Context(), message(t, 1, "")); err == nil || !strings.Contains(err.Error(), "set Dispatcher.Handler") {
			t.Errorf("without a Handler: %v", err)
		}
	})
}

// TestDispatcherFailures: an error, a panic and an end of the goroutine stop no other
// listener and no other event.
func TestDispatcherFailures(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func() error
		want string // in the log
	}{
		{"error", func() error { return errors.New("went wrong") }, "went wrong"},
		{"panic", func() error { panic("went wrong") }, `err="discord: listener of MESSAGE_CREATE at dispatch_test.go:`},
		{"panic of an error", func() error { panic(errors.New("went wrong")) }, "panic: went wrong"},
		{"Goexit", func() error { runtime.Goexit(); return nil }, "the handler called runtime.Goexit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := discord.NewRouter()
				var d diary
				listen := func(name string, f func() error) {
					discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
						d.note(name + m.Content)
						return f()
					})
				}
				listen("a", func() error { return nil })
				listen("b", tt.fail)
				listen("c", tt.fail)
				listen("d", func() error { return nil })
				to, log := quiet(r)
				to.Dispatch(t.Context(), message(t, 1, "1"))
				to.Dispatch(t.Context(), message(t, 1, "2"))
				d.is(t, "a1", "b1", "c1", "d1", "a2", "b2", "c2", "d2")
				to.Stop(t.Context())
				if n := strings.Count(log.String(), "msg=\"discord: handler failed\""); n != 4 || !strings.Contains(log.String(), tt.want) {
					t.Errorf("%d lines in the log:\n%s", n, log)
				}
				if to.Pending() != 0 {
					t.Errorf("%d events are pending", to.Pending())
				}
			})
		})
	}
}

// TestDispatcherHandlerFails: the same for a handler that is no Router.
func TestDispatcherHandlerFails(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error":  func() error { return errors.New("went wrong") },
		"panic":  func() error { panic("went wrong") },
		"Goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to, log := quiet(discord.Wrap(discord.HandlerFunc(func(*discord.Context) error { return fail() })))
				to.Dispatch(t.Context(), message(t, 1, "1"))
				to.Dispatch(t.Context(), message(t, 1, "2"))
				to.Stop(t.Context())
				if n := strings.Count(log.String(), "discord: handler failed"); n != 2 || to.Pending() != 0 {
					t.Errorf("%d lines, %d pending:\n%s", n, to.Pending(), log)
				}
			})
		})
	}
}

// TestDispatcherTimeLimit: a handler that takes too long is told to end, and
// abandoned if it does not.
func TestDispatcherTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var d diary
		d.take()
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			if m.Content != "next" {
				<-c.Done()
				d.note(fmt.Sprint(time.Since(d.since), " ", errors.Is(context.Cause(c), discord.ErrTimeLimit), c.Err()))
			} else {
				d.note(fmt.Sprint(time.Since(d.since), " next"))
			}
			if m.Content == "stubborn" {
				<-release
			}
			return context.Cause(c)
		})
		to, log := quiet(r)
		to.TimeLimit, to.Grace = 5*time.Second, 2*time.Second
		to.Dispatch(t.Context(), message(t, 1, "obedient"))
		to.Dispatch(t.Context(), message(t, 1, "next"))
		to.Dispatch(t.Context(), message(t, 2, "stubborn"))
		to.Dispatch(t.Context(), message(t, 2, "next"))
		time.Sleep(20 * time.Second)
		got := d.take()
		slices.Sort(got)
		want := []string{"5s next", "5s true context canceled", "5s true context canceled", "7s next"}
		if !slices.Equal(got, want) {
			t.Errorf("noted %q, want %q", got, want)
		}
		if s := log.String(); !strings.Contains(s, "discord: handler abandoned: it does not end") || !strings.Contains(s, "dispatch_test.go") {
			t.Errorf("the log is %s", s)
		}
		to.Stop(t.Context())
		close(release)
	})
}

// TestDispatcherPark: a parked handler frees its lane, and resumes before
// events that have not begun.
func TestDispatcherPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			d.note("begin " + m.Content)
			if m.Content == "parked" {
				if err := c.Park(func() error { time.Sleep(10 * time.Second); return nil }); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(4 * time.Second)
			d.note("end " + m.Content)
			return nil
		})
		to, _ := quiet(r)
		to.MaxEvents, to.Workers, to.TimeLimit = 1, 1, 5*time.Second
		for _, text := range []string{"parked", "1", "2", "3"} {
			to.Dispatch(t.Context(), message(t, 1, text))
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		d.is(t, "begin parked", "begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3", "end parked")
		to.Stop(t.Context())
	})
}

// TestDispatcherParkEnds: the wait of a parked handler ends when the Dispatcher
// stops, and when its context has ended before.
func TestDispatcherParkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			wait := func() error { <-c.Done(); return context.Cause(c) }
			d.note(fmt.Sprint(c.Park(wait)))
			d.note(fmt.Sprint(c.Park(wait)))
			return nil
		})
		to, log := quiet(r)
		to.Dispatch(t.Context(), message(t, 1, "x"))
		time.Sleep(time.Hour) // longer than the time limit
		began := time.Now()
		to.Stop(t.Context())
		if took := time.Since(began); took != 0 {
			t.Errorf("Stop took %v", took)
		}
		d.is(t, "discord: stopped", "discord: stopped")
		if log.String() != "" {
			t.Errorf("the log is %s", log)
		}
		c := discord.NewContext(t.Context(), nil, message(t, 1, "x"))
		if err := c.Park(func() error { return errBroken }); err != errBroken {
			t.Errorf("outside of a Dispatcher: %v", err)
		}
	})
}

// TestDispatcherStop: events that have not begun when the time is over are dropped.
func TestDispatcherStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		to, log := quiet(discord.HandlerFunc(func(c *discord.Context) error {
			d.note("begun")
			<-c.Done()
			return context.Cause(c)
		}))
		to.DrainTime = 3 * time.Second
		for range 3 {
			to.Dispatch(t.Context(), message(t, 1, ""))
		}
		began := time.Now()
		to.Stop(t.Context())
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Stop took %v", took)
		}
		d.is(t, "begun")
		if !strings.Contains(log.String(), `msg="discord: stopped before all events were handled" events=2`) {
			t.Errorf("the log is %s", log)
		}
	})
}
