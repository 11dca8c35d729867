package vk

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestStopOneSource: when the time to drain one source is over, its handlers end,
// those that they are followed by included, and nothing more of it begins.
// Those of another source go on.
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

// TestLimitOfEach: each invocation of an event has all of the time limit, also
// if that of the one before is over just when it begins.
func TestLimitOfEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Dispatcher{Handler: HandlerFunc(func(*Context) error { return nil }), Logger: slog.New(slog.DiscardHandler)}
		d.init()
		j := &job{d: d, feed: d.direct, ctx: context.Background(), ev: textEvent(t, "a", "a")}
		if !d.watchdog.begin(j) {
			t.Fatal("not begun")
		}
		start := time.Now()
		var ends []string
		enter := func(name string) inner {
			return j.enter(inner{name, func(error) { ends = append(ends, fmt.Sprint(name, " ", time.Since(start))) }})
		}
		outer := enter("first")
		time.Sleep(50 * time.Second)
		j.leave(outer)
		time.Sleep(15 * time.Second) // nobody's time, which is not as long as that
		outer = enter("second")
		time.Sleep(55 * time.Second)
		synctest.Wait()
		if len(ends) != 0 || j.abandoned {
			t.Errorf("ended %v, abandoned %v", ends, j.abandoned)
		}
		inside := enter("inside")
		j.leave(inside)
		time.Sleep(55 * time.Second)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if fmt.Sprint(ends) != "[second 3m0s]" {
			t.Errorf("ended %v", ends)
		}
		j.leave(outer)
		if _, ok := d.watchdog.end(j); !ok {
			t.Error("abandoned")
		}
		time.Sleep(time.Minute)
		d.Stop(t.Context())
	})
}
