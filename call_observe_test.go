package vk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/vktest"
)

// observe records the observations of c's Observer in a diary.
func observe(c *vk.Client) *diary {
	d := newDiary()
	c.Observer = func(_ context.Context, o vk.Observation) {
		line := o.Step.String()
		if o.Method != "" {
			line += fmt.Sprintf(" %s #%d", o.Method, o.Attempt)
		}
		if o.Event != nil {
			line += " " + o.Event.ID
		}
		if o.Wait != 0 {
			line += " wait " + o.Wait.Round(time.Second/10).String()
		}
		if o.Took != 0 {
			line += " took " + o.Took.Round(time.Second/10).String()
		}
		if o.Route != "" {
			line += fmt.Sprintf(" by %q", o.Route)
		}
		if o.Step == vk.StepPolled {
			line += fmt.Sprint(" events ", o.Events)
		}
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		d.note("%s", line)
	}
	return d
}

func TestObserveCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if n++; n == 1 {
				http.Error(w, "down", http.StatusBadGateway)
				return
			}
			io.WriteString(w, `{"response":1}`)
		})
		a.client.RPS = 1
		d := observe(a.client)
		if err := a.client.Call(t.Context(), "users.get", nil, nil); err != nil {
			t.Error(err)
		}
		// The pause is random: its length is compared with itself below.
		if len(d.lines) != 5 || !strings.Contains(d.lines[2], "repeat users.get #1 wait ") {
			t.Fatalf("%q", d.lines)
		}
		down := `: vk: users.get: HTTP 502 Bad Gateway from vk.test/method/users.get with content type "text/plain; charset=utf-8" where JSON was expected`
		for i, want := range []string{"call users.get #1", "called users.get #1 took 1s" + down, down, "call users.get #2", "called users.get #2 took 1s"} {
			if !strings.HasSuffix(d.lines[i], want) {
				t.Errorf("%s, want %s", d.lines[i], want)
			}
		}

		// Calls that never get a turn are reported too, in pairs.
		time.Sleep(time.Minute)
		d.lines, d.start = nil, time.Now()
		var calls sync.WaitGroup
		calls.Go(func() { a.client.Call(t.Context(), "users.get", nil, nil) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		calls.Go(func() { a.client.Call(ctx, "groups.getById", nil, nil) })
		synctest.Wait()
		calls.Go(func() { a.client.Call(vk.WithPriority(t.Context(), vk.PriorityLow), "wall.get", nil, nil) })
		calls.Wait()
		d.is(t,
			"0s call users.get #1",
			"0s call groups.getById #1",
			"0s call wall.get #1",
			"500ms called groups.getById #1 wait 500ms: vk: groups.getById: context deadline exceeded",
			"1s called users.get #1 took 1s",
			"2.02s called wall.get #1 wait 1s took 1s", // VK's second, and a little,
		)
	})
}

// TestObserveBatch: each call of a bundle is reported separately.
func TestObserveBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		c := s.Client()
		c.Batch, c.RPS = true, 1
		var mu sync.Mutex
		counts := make(map[vk.Step]int)
		var longest time.Duration
		c.Observer = func(_ context.Context, o vk.Observation) {
			mu.Lock()
			defer mu.Unlock()
			counts[o.Step]++
			longest = max(longest, o.Wait)
		}
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				if err := c.Call(t.Context(), "utils.getServerTime", nil, nil); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if diff := cmp.Diff(map[vk.Step]int{vk.StepCall: 20, vk.StepCalled: 20}, counts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if longest < time.Second/2 || longest > 2*time.Second {
			t.Errorf("waited for %v", longest)
		}
		if n := len(s.Calls("execute")); n == 0 {
			t.Error("nothing was packed")
		}
	})
}

func TestObservePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			switch n {
			case 0:
				fmt.Fprintf(w, `{"ts":"101","updates":[%s,%s]}`, update("a"), update("b"))
			case 1:
				io.WriteString(w, `{"failed":2}`)
			default:
				wait(r)
				io.WriteString(w, `{"ts":"101","updates":[]}`)
			}
		}
		d := observe(p.client)
		if _, err := p.run(t, 30*time.Second); err != nil {
			t.Error(err)
		}
		var polls []string
		for _, line := range d.lines {
			if _, line, _ = strings.Cut(line, " "); strings.HasPrefix(line, "polled") {
				polls = append(polls, line)
			}
		}
		want := []string{
			"polled events 2", "polled events 0: vk: long poll: failed 2", "polled took 25s events 0",
		}
		if diff := cmp.Diff(want, polls); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := strings.Count(p.log.String(), `msg="vk: event done"`); n != 2 {
			t.Errorf("%d lines of events:\n%s", n, p.log.String())
		}
		if !strings.Contains(p.log.String(), "level=DEBUG msg=\"vk: event done\" route=\"\" waited=0s took=0s failed=false kind=message_new event=a peer=1\n") {
			t.Errorf("log:\n%s", p.log.String())
		}
	})
}

func TestObserveEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(vk.Router)
		r.Handle("sleep", func(*vk.Context) error { time.Sleep(time.Second); return errors.New("tired") })
		r.Handle("ask", func(c *vk.Context) error {
			time.Sleep(time.Second)
			_, _, err := vk.Wait(c, vk.EventMessageNew, nil)
			time.Sleep(time.Second)
			return err
		})
		r.Handle("park", func(c *vk.Context) error {
			return c.Park(func() error { time.Sleep(time.Minute); return nil })
		})
		r.Handle("exit", func(*vk.Context) error { runtime.Goexit(); return nil })
		r.Handle("panic", func(*vk.Context) error { panic("oh") })
		r.Handle("hang", func(*vk.Context) error { time.Sleep(time.Hour); return nil })
		client := vk.NewClient("x")
		d := observe(client)
		dispatcher := &vk.Dispatcher{Client: client, Handler: r, Logger: slog.New(slog.DiscardHandler)}
		send := func(peer int64, text string) {
			t.Helper()
			if err := dispatcher.Dispatch(t.Context(), message(t, peer, text)); err != nil {
				t.Fatal(err)
			}
		}
		is := func(want ...string) {
			t.Helper()
			synctest.Wait()
			d.is(t, want...)
			d.lines, d.start = nil, time.Now()
		}

		send(1, "sleep")
		synctest.Wait()
		send(1, "else")
		time.Sleep(2 * time.Second)
		is("0s taken 1-sleep", "0s begun 1-sleep", "0s taken 1-else",
			`1s done 1-sleep took 1s by "sleep": vk: sleep: tired`,
			"1s begun 1-else wait 1s", "1s done 1-else wait 1s")

		send(1, "ask")
		time.Sleep(time.Hour)
		send(1, "me")
		time.Sleep(2 * time.Second)
		is("0s taken 1-ask", "0s begun 1-ask", "1s parked 1-ask",
			"1h0m0s taken 1-me", "1h0m0s begun 1-me", "1h0m0s done 1-me",
			"1h0m0s resumed 1-ask wait 59m59s", `1h0m1s done 1-ask took 2s by "ask"`)

		send(1, "park")
		time.Sleep(time.Hour)
		is("0s taken 1-park", "0s begun 1-park", "0s parked 1-park", "1m0s resumed 1-park wait 1m0s", `1m0s done 1-park by "park"`)

		send(1, "exit")
		is("0s taken 1-exit", "0s begun 1-exit", `0s done 1-exit by "exit": vk: exit: the handler called runtime.Goexit`)

		send(1, "panic")
		is("0s taken 1-panic", "0s begun 1-panic", `0s done 1-panic by "panic": vk: panic: panic: oh`)

		send(1, "hang")
		time.Sleep(2 * time.Hour)
		is("0s taken 1-hang", "0s begun 1-hang", `1m10s done 1-hang took 1m10s by "hang": vk: hang: abandoned: vk: the handler's time limit is over: context deadline exceeded`)

		// A stop ends waiting handlers, and prevents further ones from
		// beginning.
		send(1, "ask")
		send(2, "hang")
		send(2, "late")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		d.lines = nil
		go dispatcher.Stop(context.Background())
		time.Sleep(2 * time.Hour)
		is("2s resumed 1-ask wait 1s", `3s done 1-ask took 2s by "ask": vk: ask: stopped`,
			`22s done 2-hang took 22s by "hang": vk: hang: abandoned: vk: stopped`, "22s done 2-late wait 22s: vk: stopped")
	})
}

// TestObserverPanics: the observed operations continue.
func TestObserverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		logger, log := logTo()
		c := s.Client()
		c.Logger = logger
		c.Observer = func(context.Context, vk.Observation) { panic("oh") }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		p := &vk.Poller{Client: c, Handler: pinger(), Logger: slog.New(slog.DiscardHandler)}
		go func() { ended <- p.Run(ctx) }()
		synctest.Wait()
		anna := s.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), `msg="vk: Observer panicked" step=call err="panic: oh" stack=`); n != 1 {
			t.Errorf("%d lines of it:\n%s", n, log)
		}
	})
}

// TestDispatcherObserver: the Dispatcher's Observer gets the steps of events
// without a Client, and of events that have a Client without an Observer. It
// gets no others.
func TestDispatcherObserver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client *vk.Client
		want   string
	}{
		{"no client", nil, "taken begun done"},
		{"a client without an Observer", vk.NewClient("t"), "taken begun done"},
		{"a client with an Observer", &vk.Client{Observer: func(context.Context, vk.Observation) {}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var steps []string
				d := &vk.Dispatcher{
					Client:  tt.client,
					Handler: vk.HandlerFunc(func(*vk.Context) error { return nil }),
					Observer: func(_ context.Context, o vk.Observation) {
						mu.Lock()
						defer mu.Unlock()
						steps = append(steps, o.Step.String())
					},
				}
				if err := d.Dispatch(t.Context(), message(t, 1, "hi")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if got := strings.Join(steps, " "); got != tt.want {
					t.Errorf("steps %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// TestDispatcherObserverPanics: a Dispatcher with a panicking Observer handles
// its events, and the log has one line.
func TestDispatcherObserverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, log := logTo()
		handled := 0
		d := &vk.Dispatcher{
			Handler:  vk.HandlerFunc(func(*vk.Context) error { handled++; return nil }),
			Observer: func(context.Context, vk.Observation) { panic("oh") },
			Logger:   logger,
		}
		for range 3 {
			if err := d.Dispatch(t.Context(), message(t, 1, "hi")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := strings.Count(log.String(), "vk: Observer panicked"); handled != 3 || n != 1 {
			t.Errorf("%d handled, %d lines:\n%s", handled, n, log)
		}
	})
}

func TestStepString(t *testing.T) {
	var got []string
	for s := vk.Step(0); s <= vk.StepDone+1; s++ {
		got = append(got, s.String())
	}
	if want := "unknown call called repeat polled taken begun parked resumed done unknown"; strings.Join(got, " ") != want {
		t.Errorf("%q", got)
	}
}

// BenchmarkObserver measures the cost of an Observer for an event in a
// Dispatcher, and for a call. It reports the time relative to the same without
// an Observer.
func BenchmarkObserver(b *testing.B) {
	const peers, turn = 1000, 1000
	events := make([]*vk.Event, peers)
	for i := range events {
		events[i] = message(b, int64(i+1), "x")
	}
	observe := func(context.Context, vk.Observation) {}
	dispatch := func(b *testing.B, o vk.Observer) func() {
		client := vk.NewClient("x")
		client.Observer = o
		var handled sync.WaitGroup
		d := &vk.Dispatcher{Client: client, Logger: slog.New(slog.DiscardHandler), Handler: vk.HandlerFunc(func(*vk.Context) error {
			handled.Done()
			return nil
		})}
		b.Cleanup(func() { d.Stop(context.Background()) })
		return func() {
			handled.Add(turn)
			for i := range turn {
				d.Dispatch(b.Context(), events[i%peers])
			}
			handled.Wait()
		}
	}
	call := func(b *testing.B, o vk.Observer) func() {
		client := benchAPI(b)
		client.Observer = o
		return func() { client.Call(b.Context(), "users.get", nil, nil) }
	}
	b.Run("event", func(b *testing.B) { versus.Run(b, "none", turn, dispatch(b, observe), dispatch(b, nil)) })
	b.Run("call", func(b *testing.B) { versus.Run(b, "none", 1, call(b, observe), call(b, nil)) })
}
