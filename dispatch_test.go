package vk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// message returns the event of a message from a peer.
func message(t testing.TB, peer int64, text string) *vk.Event {
	e, err := vk.ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":"%d-%s","object":{"message":{"peer_id":%d,"from_id":%d,"text":%q}}}`, peer, text, peer, peer, text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A diary records events in order.
type diary struct {
	mu    sync.Mutex
	lines []string
	start time.Time
}

func newDiary() *diary { return &diary{start: time.Now()} }

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v ", time.Since(d.start))+fmt.Sprintf(format, args...))
}

func (d *diary) is(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if diff := cmp.Diff(want, d.lines); diff != "" {
		t.Errorf("diary (-want +got):\n%s", diff)
	}
}

// logTo returns a logger and its output.
func logTo() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}

func TestDispatchOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		dispatcher := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(time.Duration(c.PeerID()) * time.Second)
			d.note("%d %s", c.PeerID(), c.Text())
			return nil
		})}
		for _, text := range []string{"a", "b", "c"} {
			for peer := int64(1); peer <= 2; peer++ {
				if err := dispatcher.Dispatch(t.Context(), message(t, peer, text)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := dispatcher.Pending(); n != 6 {
			t.Errorf("%d pending", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := dispatcher.Pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
		// At 2 s and at 6 s both lanes are at work: their order is undefined.
		if d.lines[1] != "2s 1 b" {
			d.lines[1], d.lines[2] = d.lines[2], d.lines[1]
		}
		d.is(t, "1s 1 a", "2s 1 b", "2s 2 a", "3s 1 c", "4s 2 b", "6s 2 c")
	})
}

// TestDispatchLanes checks which events share a lane.
func TestDispatchLanes(t *testing.T) {
	events := map[string]string{
		"message":       `{"type":"message_new","object":{"message":{"peer_id":5,"from_id":5}}}`,
		"allow":         `{"type":"message_allow","object":{"user_id":5}}`,
		"deny":          `{"type":"message_deny","object":{"user_id":5}}`,
		"join":          `{"type":"group_join","object":{"user_id":5}}`,
		"leave":         `{"type":"group_leave","object":{"user_id":5}}`,
		"press":         `{"type":"message_event","object":{"user_id":5,"peer_id":5}}`,
		"chat":          `{"type":"message_new","object":{"message":{"peer_id":2000000001,"from_id":5}}}`,
		"press in chat": `{"type":"message_event","object":{"user_id":5,"peer_id":2000000001}}`,
		"settings":      `{"type":"donut_money_withdraw","object":{}}`,
		"other":         `{"type":"donut_money_withdraw_error","object":{}}`,
	}
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"message", "allow", true},
		{"message", "deny", true},
		{"message", "join", true},
		{"message", "leave", true},
		{"message", "press", true},
		{"chat", "press in chat", true},
		{"settings", "settings", true},
		{"message", "chat", false},
		{"message", "settings", false},
		{"settings", "other", false},
	} {
		t.Run(tt.a+" and "+tt.b, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error { time.Sleep(time.Second); return nil })}
				start := time.Now()
				for _, name := range []string{tt.a, tt.b} {
					e, err := vk.ParseEvent([]byte(events[name]))
					if err != nil {
						t.Fatal(err)
					}
					d.Dispatch(t.Context(), e)
				}
				d.Stop(t.Context())
				if took := time.Since(start); (took == 2*time.Second) != tt.same {
					t.Errorf("both took %v", took)
				}
			})
		})
	}
}

func TestDispatchBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most int
		var mu sync.Mutex
		d := &vk.Dispatcher{
			MaxEvents: 10,
			Workers:   3,
			Handler: vk.HandlerFunc(func(c *vk.Context) error {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			}),
		}
		for i := range int64(10) {
			if err := d.Dispatch(t.Context(), message(t, i+1, "x")); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := d.Dispatch(ctx, message(t, 11, "x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the eleventh: %v", err)
		}
		start := time.Now()
		if err := d.Dispatch(t.Context(), message(t, 11, "x")); err != nil || time.Since(start) > time.Second {
			t.Errorf("the eleventh again: %v after %v", err, time.Since(start))
		}
		d.Stop(t.Context())
		if most != 3 {
			t.Errorf("%d handlers at once", most)
		}
	})
}

func TestTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		logger, log := logTo()
		dispatcher := &vk.Dispatcher{
			Logger: logger,
			Handler: vk.HandlerFunc(func(c *vk.Context) error {
				if c.Text() == "quick" {
					d.note("quick")
					return nil
				}
				<-c.Done()
				d.note("%v: %v, %v", c.Err(), context.Cause(c), errors.Is(context.Cause(c), context.DeadlineExceeded))
				return context.Cause(c)
			}),
		}
		dispatcher.Dispatch(t.Context(), message(t, 1, "slow"))
		dispatcher.Dispatch(t.Context(), message(t, 1, "quick"))
		time.Sleep(30 * time.Second)
		dispatcher.Dispatch(t.Context(), message(t, 2, "slow"))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		const end = "context canceled: vk: the handler's time limit is over: context deadline exceeded, true"
		d.is(t, "1m0s "+end, "1m0s quick", "1m30s "+end)
		if s := log.String(); strings.Contains(s, "ERROR") || !strings.Contains(s, "time limit") {
			t.Errorf("log:\n%s", s)
		}
	})
}

// TestAbandoned: a handler that never ends is logged and then abandoned, with
// its stack in the log. Its conversation goes on.
func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		logger, log := logTo()
		forever := make(chan struct{})
		dispatcher := &vk.Dispatcher{
			Logger:    logger,
			Workers:   1,
			MaxEvents: 2,
			Handler: vk.HandlerFunc(func(c *vk.Context) error {
				d.note("%s", c.Text())
				if c.Text() == "stuck" {
					stuckHandler(c, forever)
				}
				return nil
			}),
		}
		for _, text := range []string{"stuck", "next", "third"} {
			if err := dispatcher.Dispatch(t.Context(), message(t, 1, text)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		d.is(t, "0s stuck", "1m10s next", "1m10s third")
		if !strings.Contains(log.String(), "stuckHandler") || !strings.Contains(log.String(), "1-stuck") {
			t.Errorf("the log has no stack:\n%s", log)
		}
		if n := strings.Count(log.String(), "abandoned"); n != 1 {
			t.Errorf("%d lines of abandoned handlers", n)
		}
		start := time.Now()
		dispatcher.Stop(t.Context())
		if took := time.Since(start); took != 0 {
			t.Errorf("Stop waits %v for abandoned handlers", took)
		}
		close(forever)
		synctest.Wait()
		if n := dispatcher.Pending(); n != 0 {
			t.Errorf("%d pending after the late end", n)
		}
	})
}

// TestAbandonedLate: the remaining handlers of an abandoned event find their
// context ended.
func TestAbandonedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		logger, _ := logTo()
		var r vk.Router
		vk.On(&r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
			time.Sleep(time.Hour)
			return nil
		})
		r.Handle("x", func(c *vk.Context) error {
			d.note("%v", errors.Is(context.Cause(c), vk.ErrTimeLimit))
			return nil
		})
		dispatcher := &vk.Dispatcher{Handler: &r, Logger: logger}
		dispatcher.Dispatch(t.Context(), message(t, 1, "x"))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		d.is(t, "1h0m0s true")
	})
}

//go:noinline
func stuckHandler(_ *vk.Context, forever chan struct{}) { <-forever }

// TestLimitPerHandler: each listener and the route have the full time limit.
func TestLimitPerHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r vk.Router
		ended := 0
		slow := func(c *vk.Context) error {
			time.Sleep(50 * time.Second)
			if c.Err() != nil {
				ended++
			}
			return nil
		}
		for range 3 {
			vk.On(&r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { return slow(c) })
		}
		r.Handle("go", slow)
		d := &vk.Dispatcher{Handler: &r, DrainTime: time.Hour}
		d.Dispatch(t.Context(), message(t, 1, "go"))
		start := time.Now()
		d.Stop(t.Context())
		if took := time.Since(start); took != 200*time.Second || ended != 0 {
			t.Errorf("took %v, %d ended", took, ended)
		}
	})
}

func TestNoTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		dispatcher := &vk.Dispatcher{TimeLimit: -1, DrainTime: 24 * time.Hour, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(time.Hour)
			d.note("%v", c.Err())
			return nil
		})}
		dispatcher.Dispatch(t.Context(), message(t, 1, "x"))
		dispatcher.Stop(t.Context())
		d.is(t, "1h0m0s <nil>")
	})
}

// TestStop: a handler that ends in time is done; a slower one sees ErrStopped;
// one that never ends is abandoned; events that have not begun do not begin.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		logger, log := logTo()
		forever := make(chan struct{})
		dispatcher := &vk.Dispatcher{
			Logger:    logger,
			DrainTime: 5 * time.Second,
			Grace:     2 * time.Second,
			Handler: vk.HandlerFunc(func(c *vk.Context) error {
				switch c.Text() {
				case "short":
					time.Sleep(time.Second)
				case "long":
					<-c.Done()
					d.note("long: %v", context.Cause(c))
					return context.Cause(c)
				case "stuck":
					<-forever
				}
				d.note("%s", c.Text())
				return nil
			}),
		}
		for peer, text := range []string{1: "short", 2: "long", 3: "stuck"} {
			dispatcher.Dispatch(t.Context(), message(t, int64(peer), text))
		}
		dispatcher.Dispatch(t.Context(), message(t, 1, "short"))
		dispatcher.Dispatch(t.Context(), message(t, 2, "waits behind long"))
		dispatcher.Stop(t.Context())
		d.note("stopped")
		d.is(t, "0s ", "1s short", "2s short", "5s long: vk: stopped", "7s stopped")
		if err := dispatcher.Dispatch(t.Context(), message(t, 1, "x")); !errors.Is(err, vk.ErrStopped) {
			t.Errorf("Dispatch after Stop: %v", err)
		}
		if s := log.String(); strings.Contains(s, "level=ERROR") != strings.Contains(s, "abandoned") || !strings.Contains(s, "events=1") {
			t.Errorf("log:\n%s", s)
		}
		close(forever)
		synctest.Wait()
	})
}

// TestDispatchAfterStop: an event that is not accepted takes no room.
func TestDispatchAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &vk.Dispatcher{MaxEvents: 1, Handler: vk.HandlerFunc(func(c *vk.Context) error { return nil })}
		d.Stop(t.Context())
		for range 3 {
			if err := d.Dispatch(t.Context(), message(t, 1, "x")); err != vk.ErrStopped {
				t.Error(err)
			}
		}
	})
}

// TestStopContext: the end of Stop's own context ends the drain early.
func TestStopContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		dispatcher := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error {
			<-c.Done()
			d.note("%v", context.Cause(c))
			return nil
		})}
		dispatcher.Dispatch(t.Context(), message(t, 1, "x"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		dispatcher.Stop(ctx)
		d.is(t, "1s vk: stopped")
	})
}

// TestContextEnds: a handler's Context ends when the handler returns, not
// before. So does every context derived from it, without a goroutine.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, cancel := context.WithCancel(t.Context())
		var kept *vk.Context
		var derived context.Context
		d := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error {
			kept = c
			cancel()
			before := runtime.NumGoroutine()
			var stop context.CancelFunc
			derived, stop = context.WithCancel(c)
			_ = stop
			if n := runtime.NumGoroutine(); n != before {
				t.Errorf("deriving a context took %d goroutines", n-before)
			}
			if c.Err() != nil || derived.Err() != nil {
				t.Error("the context ended with the bot's")
			}
			return nil
		})}
		d.Dispatch(run, message(t, 1, "x"))
		d.Stop(t.Context())
		if kept.Err() == nil || derived.Err() == nil {
			t.Error("the context did not end with the handler")
		}
	})
}

func TestNoHandler(t *testing.T) {
	if err := new(vk.Dispatcher).Dispatch(t.Context(), message(t, 1, "x")); err == nil {
		t.Error("no error without a Handler")
	}
}

// BenchmarkDispatch measures the cost of a Dispatcher for an event with a
// handler that does nothing, compared with a goroutine for each event, which
// keeps no order and no limit. In the last form, a thousand handlers wait
// meanwhile.
func BenchmarkDispatch(b *testing.B) {
	const peers = 1000
	events := make([]*vk.Event, peers)
	for i := range events {
		events[i] = message(b, int64(i+1), "x")
	}
	client := vk.NewClient("x")
	b.Run("goroutine", func(b *testing.B) {
		b.ReportAllocs()
		room := make(chan struct{}, 8192)
		var wg sync.WaitGroup
		i := 0
		for b.Loop() {
			room <- struct{}{}
			e := events[i%peers]
			i++
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				_ = vk.NewContext(ctx, client, e)
				<-room
			})
		}
		wg.Wait()
	})
	for _, waiting := range []int{0, 1000} {
		b.Run(fmt.Sprintf("dispatcher/waiting=%d", waiting), func(b *testing.B) {
			b.ReportAllocs()
			d := &vk.Dispatcher{Client: client, Logger: slog.New(slog.DiscardHandler), Handler: vk.HandlerFunc(func(c *vk.Context) error {
				if c.Text() == "wait" {
					_, _, err := vk.Wait(c, vk.EventMessageNew, nil)
					return err
				}
				return nil
			})}
			for i := range waiting {
				d.Dispatch(b.Context(), message(b, int64(peers+1+i), "wait"))
			}
			i := 0
			for b.Loop() {
				d.Dispatch(b.Context(), events[i%peers])
				i++
			}
			d.Stop(context.Background())
		})
	}
}
