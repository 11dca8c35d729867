package middleware_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// BenchmarkCooldown is a use of one of so many live keys, against that of a map
// with a lock around and a look at the clock.
func BenchmarkCooldown(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		s := newStub(nil)
		contexts := make([]*vk.Context, 1<<12)
		for i := range contexts {
			contexts[i] = s.context(b, 1, int64(i), "x")
		}
		order := make([]int64, 1<<16) // the same for both, and without a pattern
		for i := range order {
			order[i] = rand.Int64N(int64(n))
		}
		user := new(int64)
		by := func(*vk.Context) vk.Key { return vk.Key{User: *user} }
		b.Run(fmt.Sprintf("map/keys=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var mu sync.Mutex
			m := make(map[vk.Key]time.Time)
			for i := range n {
				m[vk.Key{User: int64(i)}] = time.Now()
			}
			i := 0
			for b.Loop() {
				*user = order[i&(len(order)-1)]
				key, now := by(contexts[0]), time.Now()
				mu.Lock()
				m[key] = now
				mu.Unlock()
				i++
			}
		})
		b.Run(fmt.Sprintf("cooldown/keys=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			cd := middleware.NewCooldown(1<<30, time.Hour, by)
			use := middleware.Use(cd)
			for i := range n {
				*user = int64(i)
				use(contexts[0])
			}
			i := 0
			for b.Loop() {
				*user = order[i&(len(order)-1)]
				if err := use(contexts[0]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkMiddleware is a command with so many middlewares around.
func BenchmarkMiddleware(b *testing.B) {
	for _, bb := range []struct {
		name string
		mw   []vk.Middleware
	}{
		{"none", nil},
		{"five", []vk.Middleware{
			middleware.IgnoreBots(), middleware.Explain(), middleware.OnError(func(_ *vk.Context, err error) error { return err }),
			middleware.Recover(), middleware.NewCooldown(1<<30, time.Hour, vk.PerUser).Wrap,
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := newStub(nil)
			r := vk.NewRouter("!")
			r.Use(bb.mw...)
			r.Handle("ping", nothing)
			c := s.context(b, 1, 1, "!ping")
			for b.Loop() {
				if err := r.Serve(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
