package vk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
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
	"github.com/vkrouter/vk/internal/versus"
)

// TestSettlement: an event is settled once its own handlers have ended and those that
// have consumed it, in either order, and is handled only if all have handled it.
func TestSettlement(t *testing.T) {
	boom := errors.New("boom")
	again := fmt.Errorf("not now: %w", redeliverError{})
	for _, tt := range []struct {
		name    string
		how     ending // of the event's own job
		err     error
		cut     bool   // a stop has ended one of its waits
		taker   ending // of the job that has consumed the event; notEnded for none
		repeats bool
		want    settlement
		outcome error
	}{
		{"handled", handled, nil, false, notEnded, true, isHandled, nil},
		{"failed", handled, boom, false, notEnded, true, isHandled, boom},
		{"cut off", cutOff, boom, false, notEnded, true, notHandled, ErrStopped},
		{"skipped", skipped, nil, false, notEnded, true, notHandled, ErrStopped},
		{"a wait was stopped", handled, nil, true, notEnded, true, notHandled, ErrStopped},
		{"asks again", handled, again, false, notEnded, true, isRedelivered, redeliverError{}},
		{"asks again, cut off", cutOff, again, false, notEnded, true, notHandled, ErrStopped},
		{"asks again in vain", handled, again, false, notEnded, false, isHandled, redeliverError{}},
		{"consumed and handled", handled, nil, false, handled, true, isHandled, nil},
		{"consumed and cut off", handled, nil, false, cutOff, true, notHandled, ErrStopped},
		{"consumed and handled, its own cut off", cutOff, nil, false, handled, true, notHandled, ErrStopped},
	} {
		for _, takerFirst := range []bool{false, true} {
			if takerFirst && tt.taker == notEnded {
				continue
			}
			t.Run(fmt.Sprintf("%s, taker first %v", tt.name, takerFirst), func(t *testing.T) {
				j, by := &job{repeats: tt.repeats, ev: new(Event)}, &job{ev: new(Event)}
				if tt.cut {
					j.noteCut()
				}
				if tt.taker != notEnded && !by.consume(j) {
					t.Fatal("not consumed")
				}
				endTaker := func() (s settlement) {
					x := by.end(tt.taker, nil)
					for _, of := range x.consumed {
						s = of.release(x.how)
					}
					return s
				}
				var got settlement
				switch {
				case takerFirst:
					if early := endTaker(); early != unsettled {
						t.Errorf("settled as %d before it has ended", early)
					}
					got = j.end(tt.how, tt.err).settled
				case tt.taker != notEnded:
					if early := j.end(tt.how, tt.err).settled; early != unsettled {
						t.Errorf("settled as %d before its taker has ended", early)
					}
					got = endTaker()
				default:
					got = j.end(tt.how, tt.err).settled
				}
				if got != tt.want {
					t.Errorf("settled as %d, want %d", got, tt.want)
				}
				if err := j.outcome(); !errors.Is(err, tt.outcome) {
					t.Errorf("outcome %v, want %v", err, tt.outcome)
				}
				if j.isUndone() != (tt.want == notHandled) {
					t.Errorf("undone: %v", j.isUndone())
				}
				if by.consume(j) || (&job{ev: new(Event)}).consume(j) {
					t.Error("consumed after the end")
				}
			})
		}
	}
}

// TestAttempt: an attempt keeps its number and the first value for a key.
func TestAttempt(t *testing.T) {
	var a, b attempt
	type key struct{}
	if v := a.value(key{}); v != nil {
		t.Error("value before:", v)
	}
	if v := a.remember(key{}, 1); v != 1 {
		t.Error("first:", v)
	}
	if v := a.remember(key{}, 2); v != 1 {
		t.Error("second:", v)
	}
	if v := a.value(key{}); v != 1 {
		t.Error("value:", v)
	}
	if v := b.value(key{}); v != nil {
		t.Error("of another attempt:", v)
	}
	if id := a.id(); id == 0 || id != a.id() || id == b.id() {
		t.Error("ids:", a.id(), b.id())
	}
}

// TestReportLevels: users' mistakes and the ends of waits are not logged as errors.
// Each of several handlers' errors has a log line with its own level.
func TestReportLevels(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want slog.Level
	}{
		{io.EOF, slog.LevelError},
		{&PanicError{Value: "x"}, slog.LevelError},
		{&NotFoundError{}, slog.LevelInfo},
		{&ArgError{}, slog.LevelInfo},
		{&CheckError{Err: io.EOF}, slog.LevelInfo},
		{&PayloadError{Err: io.EOF}, slog.LevelInfo},
		{&AnswerError{Err: io.EOF}, slog.LevelInfo},
		{ErrDisabled, slog.LevelInfo},
		{ErrTimeLimit, slog.LevelInfo},
		{context.Canceled, slog.LevelInfo},
		{RetryAfter(time.Second), slog.LevelInfo},
		{ErrStopped, slog.LevelDebug},
		{ErrUnmounted, slog.LevelDebug},
		{errHandled, slog.LevelDebug},
		{ErrInterrupted, slog.LevelDebug},
		{ErrCanceled, slog.LevelDebug},
		{ErrNoAnswer, slog.LevelDebug},
	} {
		var b strings.Builder
		d := &Dispatcher{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		j := &job{d: d, ctx: t.Context(), ev: textEvent(t, "a", "a")}
		j.report(fmt.Errorf("wrapped: %w", tt.err))
		if want := "level=" + tt.want.String() + " "; !strings.Contains(b.String(), want) || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%T %v: %s", tt.err, tt.err, b.String())
		}
		var p *PanicError
		if errors.As(tt.err, &p) != strings.Contains(b.String(), "stack=") {
			t.Errorf("%T: the stack: %s", tt.err, b.String())
		}
	}
}

// TestStopOneSource: when the time to drain one source is over, its handlers end,
// including those that follow them, and no more of its events begin. Handlers of
// another source go on.
func TestStopOneSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var lines []string
		start := time.Now()
		listener := func(c *Context) error {
			select {
			case <-c.Done():
			case <-time.After(20 * time.Second):
			}
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, fmt.Sprint(time.Since(start), " ", c.Text(), " ", context.Cause(c)))
			return nil
		}
		r := NewRouter("!")
		r.Listen(listener)
		r.Listen(listener)
		d := &Dispatcher{Handler: r, DrainTime: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)}
		d.init()
		mine, others := d.feed(), d.feed()
		put := func(f *feed, peer int, text string) {
			t.Helper()
			e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","object":{"message":{"peer_id":%d,"from_id":%d,"text":%q}}}`, peer, peer, text))
			if err == nil {
				err = d.put(t.Context(), &job{d: d, feed: f, ctx: context.WithoutCancel(t.Context()), ev: e})
			}
			if err != nil {
				t.Error(err)
			}
		}
		put(others, 1, "theirs")
		put(mine, 1, "mine, behind it")
		put(mine, 2, "mine")
		d.drain(t.Context(), mine)
		d.Stop(t.Context())
		want := []string{"5s mine vk: stopped", "5s mine vk: stopped", "20s theirs <nil>", "40s theirs <nil>"}
		if fmt.Sprint(lines) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", lines, want)
		}
		if mine.skipped != 1 {
			t.Errorf("%d skipped", mine.skipped)
		}
	})
}

// BenchmarkSourceRoute measures an event's path from its bytes to a command's handler,
// with the time limit but without the lanes, in units of json.Unmarshal into a struct
// with four fields. The limit is 0.5.
func BenchmarkSourceRoute(b *testing.B) {
	for name, raw := range benchEvents() {
		b.Run("event="+name, func(b *testing.B) {
			handled := 0
			r := NewRouter("!")
			for i := range 1_000 {
				r.Handle(fmt.Sprint("command", i), func(*Context) error { handled++; return nil })
			}
			d := &Dispatcher{Handler: r}
			d.init()
			client := NewClient("unused")
			route := func() {
				e, err := ParseEvent(raw)
				if err != nil {
					b.Fatal(err)
				}
				j := &job{d: d, feed: d.direct, ctx: context.Background(), client: client, ev: e}
				d.watchdog.Begin(&j.task, &j.feed.group, j)
				if err := j.Run(); err != nil {
					b.Fatal(err)
				}
				d.watchdog.End(&j.task)
			}
			routed := 0
			versus.Run(b, "json.Unmarshal", 1, func() {
				routed++
				route()
			}, func() {
				var e bareEvent
				if err := json.Unmarshal(raw, &e); err != nil || e.Object.Message.Text == "" {
					b.Fatal(e, err)
				}
			})
			if handled != routed {
				b.Fatalf("%d of %d events were handled", handled, routed)
			}
		})
	}
}

// BenchmarkSourcePoll measures the long poll in batches of 100 events of as many users,
// through a Poller and its Dispatcher to the end of each handler, in units of a minimal
// loop that polls and decodes. The limit is 1.
func BenchmarkSourcePoll(b *testing.B) {
	const batch = 100
	for name, raw := range benchEvents() {
		b.Run("event="+name, func(b *testing.B) {
			var body bytes.Buffer
			body.WriteString(`{"ts":"2","updates":[`)
			for i := range batch {
				if i > 0 {
					body.WriteByte(',')
				}
				one := bytes.ReplaceAll(raw, []byte("148273615"), fmt.Append(nil, 148273000+i))
				one = bytes.Replace(one, []byte(`"event_id":"da94c7c15197d35a45ed6a76df5271eb8a90b5bc",`), nil, 1) // otherwise the next batch would be duplicates
				body.Write(one)
			}
			body.WriteString(`]}`)
			hc := &http.Client{Transport: &pollServer{body.Bytes()}}
			var batches sync.WaitGroup
			r := NewRouter("!")
			r.Handle("command500", func(*Context) error { batches.Done(); return nil })
			client := NewClient("unused")
			client.HTTPClient = hc
			d := &Dispatcher{Handler: r}
			d.init()
			f := &follower{Poller: &Poller{Client: client}, d: d, feed: d.feed(), base: b.Context(), server: "http://poll.test", key: "k", ts: "1"}
			versus.Run(b, "poll+json.Unmarshal", batch, func() {
				batches.Add(batch)
				p := f.ask(b.Context(), f.ts)
				f.move(b.Context(), p)
				if p.err != nil {
					b.Fatal(p.err)
				}
				if err := f.handle(b.Context(), p.events); err != nil {
					b.Fatal(err)
				}
				batches.Wait()
			}, func() {
				resp, err := hc.Get("http://poll.test?act=a_check&key=k&ts=1&wait=25")
				if err != nil {
					b.Fatal(err)
				}
				all, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					b.Fatal(err)
				}
				var answer struct {
					TS      string      `json:"ts"`
					Updates []bareEvent `json:"updates"`
				}
				if err := json.Unmarshal(all, &answer); err != nil {
					b.Fatal(err)
				}
				for _, e := range answer.Updates {
					if !strings.HasPrefix(e.Object.Message.Text, "!") {
						b.Fatal(e)
					}
				}
			})
			d.Stop(context.Background())
		})
	}
}

// BenchmarkSourceLanes measures the cost of a Dispatcher for events of a thousand
// users, in units of a goroutine for each event, which keeps no order. The limit is 3.
// With work to do, the last form is in units of a loop that does all the work on one
// core.
func BenchmarkSourceLanes(b *testing.B) {
	const peers, turn = 1000, 1000
	events := make([]*Event, peers)
	for i := range events {
		e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","object":{"message":{"peer_id":%d,"from_id":%[1]d,"text":"x"}}}`, i+1))
		if err != nil {
			b.Fatal(err)
		}
		events[i] = e
	}
	block := make([]byte, 16<<10)
	for _, bb := range []struct {
		work    int // blocks that each handler hashes
		against string
	}{{0, "goroutine"}, {1, "goroutine"}, {1, "loop"}} {
		b.Run(fmt.Sprintf("work=%d/against=%s", bb.work, bb.against), func(b *testing.B) {
			do := func() {
				for range bb.work {
					sha256.Sum256(block)
				}
			}
			var done sync.WaitGroup
			client := NewClient("unused")
			d := &Dispatcher{Client: client, Handler: HandlerFunc(func(*Context) error {
				do()
				done.Done()
				return nil
			})}
			dispatch := func() {
				done.Add(turn)
				for i := range turn {
					if err := d.Dispatch(b.Context(), events[i%peers]); err != nil {
						b.Fatal(err)
					}
				}
				done.Wait()
			}
			bare := map[string]func(){
				"goroutine": func() {
					done.Add(turn)
					for i := range turn {
						go func() {
							ctx, cancel := context.WithCancel(context.Background())
							defer cancel()
							_ = NewContext(ctx, client, events[i%peers])
							do()
							done.Done()
						}()
					}
					done.Wait()
				},
				"loop": func() {
					for range turn {
						do()
					}
				},
			}[bb.against]
			versus.Run(b, bb.against, turn, dispatch, bare)
			d.Stop(context.Background())
		})
	}
}

// TestAbandonedOffer: an event with a handler that is abandoned while a wait examines
// the event is settled then, once: the wait cannot consume it any more.
func TestAbandonedOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		block := make(chan struct{})
		got := make(map[string]int)
		r.Handle("watch", func(c *Context) error {
			w := NewWatch(c, EventMessageNew, func(c *Context, e *MessageNew) bool {
				if e.Message.Text == "slow" {
					<-block
				}
				return true
			}, From{})
			defer w.Stop()
			_, e, err := w.Next()
			if err == nil {
				got[e.Message.Text]++
			}
			return err
		})
		p := newReplayer(t, &r, nil)
		p.take(t, "watch")
		p.take(t, "2:slow")
		time.Sleep(time.Minute + 2*time.Second)
		p.expect(t, map[string]bool{"slow": true})
		close(block)
		synctest.Wait()
		p.expect(t, map[string]bool{"slow": true})
		p.take(t, "3:quick")
		p.expect(t, map[string]bool{"slow": true, "quick": true, "watch": true})
		if diff := cmp.Diff(map[string]int{"quick": 1}, got); diff != "" {
			t.Errorf("consumed (-want +got):\n%s", diff)
		}
		p.d.Stop(t.Context())
	})
}

// TestAbandonedAmongMany: the log has the stacks of all handlers that are abandoned at
// once, even while thousands of others are parked, and Stop waits for these lines.
func TestAbandonedAmongMany(t *testing.T) {
	const parked, stuck = 3000, 20
	var r Router
	forever := make(chan struct{})
	r.Handle("park", func(c *Context) error { return c.Park(func() error { <-c.Done(); return nil }) })
	r.Handle("stuck", func(c *Context) error { stuckInAbandoned(forever); return nil })
	defer close(forever)
	var log bytes.Buffer
	d := &Dispatcher{Handler: &r, Grace: time.Millisecond, DrainTime: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))}
	for i := range parked + stuck {
		text := "park"
		if i >= parked {
			text = "stuck"
		}
		e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":"%d","group_id":1,"object":{"message":{"from_id":%[1]d,"peer_id":%[1]d,"text":%q}}}`, i+1, text))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Dispatch(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for len(d.room) > stuck {
		runtime.Gosched()
	}
	d.Stop(t.Context())
	if n := strings.Count(log.String(), "stuckInAbandoned(...)"); n != stuck {
		t.Errorf("%d stacks of %d handlers:\n%.3000s", n, stuck, &log)
	}
	if n := strings.Count(log.String(), "handler=stuck"); n != stuck {
		t.Errorf("%d lines for %d handlers", n, stuck)
	}
}

// TestCoronerRests: looks for stacks take a tenth of the time, apart from saved time,
// however often handlers are abandoned. Stop does not wait for a rest.
func TestCoronerRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var looks []string
		k := &coroner{find: func(cases []lostHandler) (map[uint32]string, error) {
			looks = append(looks, fmt.Sprint(time.Since(start), " for ", len(cases)))
			time.Sleep(time.Second)
			return nil, nil
		}}
		lost := []lostHandler{{&job{d: &Dispatcher{Logger: slog.New(slog.DiscardHandler)}, ctx: t.Context(), ev: new(Event)}, "h"}}
		given := 0
		for n := range 15 {
			go k.take(lost, func() { given++ })
			synctest.Wait()
			if given != n+1 {
				t.Errorf("%d given up, want %d: it does not wait for a look", given, n+1)
			}
			time.Sleep(1100 * time.Millisecond)
		}
		k.wait()
		if took := time.Since(start); took != 17500*time.Millisecond {
			t.Errorf("all is logged after %v", took)
		}
		if diff := cmp.Diff([]string{"0s for 1", "1.1s for 1", "2.2s for 1", "10s for 7", "16.5s for 5"}, looks); diff != "" {
			t.Errorf("looks (-want +got):\n%s", diff)
		}
	})
}

//go:noinline
func stuckInAbandoned(forever chan struct{}) { <-forever }
