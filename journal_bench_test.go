package vk

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/vkrouter/vk/filestore"
)

// BenchmarkKept is what an event of 1.2 KB costs on its way from a Poller's
// batch of 100 to a handler that does nothing: as if it could come once only,
// then without a Store, and with one. In the last forms, so many other events
// are not done.
func BenchmarkKept(b *testing.B) {
	pad := make([]byte, 900)
	for i := range pad {
		pad[i] = 'x'
	}
	raw := func(i int) []byte {
		return fmt.Appendf(nil, `{"type":"message_new","event_id":"0123456789012345678901234567890123456789%d","group_id":7,"v":"5.199","object":{"message":{"peer_id":%d,"from_id":1,"text":"x","x":%q}}}`, i, i%1000+1, pad)
	}
	bench := func(b *testing.B, store Store, waiting int, once bool) {
		b.ReportAllocs()
		d := &Dispatcher{Store: store, Logger: slog.New(slog.DiscardHandler), Handler: HandlerFunc(func(c *Context) error {
			if c.event.Derived == "wait" {
				return c.Park(func() error { <-c.Done(); return context.Cause(c) })
			}
			return nil
		})}
		d.init()
		f := d.feed()
		var jr *journal
		if store != nil {
			var err error
			if jr, err = d.journal(b.Context(), 7); err != nil {
				b.Fatal(err)
			}
			jr.use(f, nil)
			var events []*Event
			for i := range waiting {
				e, _ := ParseEvent(raw(-1 - i))
				e.Derived = "wait"
				events = append(events, e)
			}
			jr.add("0", events)
			jr.handle(b.Context(), f, nil)
			jr.mu.Lock()
			for _, e := range jr.tail {
				e.came = time.Time{} // they have been waiting for long
			}
			jr.mu.Unlock()
			jr.save(b.Context())
		}
		n := 0
		for b.Loop() {
			if n++; n%100 != 0 {
				continue // an iteration is an event
			}
			events := make([]*Event, 0, 100)
			for i := range 100 {
				e, err := ParseEvent(raw(n + i))
				if err != nil {
					b.Fatal(err)
				}
				events = append(events, e)
			}
			if jr != nil {
				jr.add(strconv.Itoa(n), events)
				jr.save(b.Context())
				jr.handle(b.Context(), f, nil)
				continue
			}
			for _, e := range events {
				j := &job{d: d, feed: f, ctx: b.Context(), ev: e}
				if once {
					d.put(b.Context(), j)
				} else {
					d.putOnce(b.Context(), j)
				}
			}
		}
		d.Stop(context.Background())
	}
	b.Run("unclaimed", func(b *testing.B) { bench(b, nil, 0, true) })
	b.Run("no store", func(b *testing.B) { bench(b, nil, 0, false) })
	for _, waiting := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("memory/waiting=%d", waiting), func(b *testing.B) { bench(b, new(MemoryStore), waiting, false) })
	}
	b.Run("file/waiting=0", func(b *testing.B) {
		s, err := filestore.Open(filepath.Join(b.TempDir(), "s"))
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		bench(b, s, 0, false)
	})
	b.Run("shared/waiting=0", func(b *testing.B) { bench(b, others{new(MemoryStore)}, 0, false) })
}
