package middleware_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/middleware"
)

// BenchmarkCooldown compares a use of one of many live keys with a map that is
// guarded by a lock and a look at the clock.
func BenchmarkCooldown(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			c := newStub(nil).context(b, 1, 1, "x")
			var user int64
			by := func(*vk.Context) vk.Key { return vk.Key{User: user} }
			var mu sync.Mutex
			last := make(map[vk.Key]time.Time)
			cd := middleware.NewCooldown(1<<30, time.Hour, by)
			use := middleware.Use(cd)
			for i := range n {
				user = int64(i)
				last[by(c)] = time.Now()
				use(c)
			}
			rnd := rand.New(rand.NewPCG(1, 2)) // so that each side uses different keys, which are not in the cache
			versus.Run(b, "map", 1, func() {
				user = rnd.Int64N(int64(n))
				if err := use(c); err != nil {
					b.Fatal(err)
				}
			}, func() {
				user = rnd.Int64N(int64(n))
				key, now := by(c), time.Now()
				mu.Lock()
				last[key] = now
				mu.Unlock()
			})
		})
	}
}

// BenchmarkMiddleware compares a command inside five middlewares with the same
// command without them.
func BenchmarkMiddleware(b *testing.B) {
	pass := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error { return next(c) }
	}
	for _, bb := range []struct {
		name string
		mw   []vk.Middleware
	}{
		{"that=do-nothing", []vk.Middleware{pass, pass, pass, pass, pass}},
		{"that=are-of-the-package", []vk.Middleware{
			middleware.IgnoreBots(), middleware.Explain(), middleware.OnError(func(_ *vk.Context, err error) error { return err }),
			middleware.Recover(), middleware.NewCooldown(1<<30, time.Hour, vk.PerUser).Wrap,
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := newStub(nil)
			serve := func(mw ...vk.Middleware) func() {
				c, r := s.context(b, 1, 1, "!ping"), vk.NewRouter("!")
				r.Use(mw...)
				r.Handle("ping", nothing)
				return func() {
					if err := r.Serve(c); err != nil {
						b.Fatal(err)
					}
				}
			}
			versus.Run(b, "none", 1, serve(bb.mw...), serve())
		})
	}
}
