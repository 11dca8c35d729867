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
