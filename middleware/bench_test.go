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
// with a lock around and a look at the clock. The two take turns, so that
// whatever else the machine does, it does to both: x-map is how many times as
// long the cooldown takes.
func BenchmarkCooldown(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			b.ReportAllocs()
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
			rnd := rand.New(rand.NewPCG(1, 2))
			users := make([]int64, 256)
			var bare, ours time.Duration
			for b.Loop() {
				for i := range users {
					users[i] = rnd.Int64N(int64(n))
				}
				start := time.Now()
				for _, user = range users {
					key, now := by(c), time.Now()
					mu.Lock()
					last[key] = now
					mu.Unlock()
				}
				bare += time.Since(start)
				for i := range users {
					users[i] = rnd.Int64N(int64(n)) // others: those are in the cache
				}
				start = time.Now()
				for _, user = range users {
					if err := use(c); err != nil {
						b.Fatal(err)
					}
				}
				ours += time.Since(start)
			}
			b.ReportMetric(float64(ours)/float64(bare), "x-map")
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*len(users)), "ns/use")
		})
	}
}

// BenchmarkMiddleware is a command with five middlewares around, against the same
// without. The two take turns: x-none is how many times as long five take.
func BenchmarkMiddleware(b *testing.B) {
	pass := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error { return next(c) }
	}
	for _, bb := range []struct {
		name string
		mw   []vk.Middleware
	}{
		{"that do nothing", []vk.Middleware{pass, pass, pass, pass, pass}},
		{"of this package", []vk.Middleware{
			middleware.IgnoreBots(), middleware.Explain(), middleware.OnError(func(_ *vk.Context, err error) error { return err }),
			middleware.Recover(), middleware.NewCooldown(1<<30, time.Hour, vk.PerUser).Wrap,
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			s := newStub(nil)
			var routers [2]*vk.Router
			var contexts [2]*vk.Context
			for i := range routers {
				contexts[i] = s.context(b, 1, 1, "!ping")
				routers[i] = vk.NewRouter("!")
				if i == 1 {
					routers[i].Use(bb.mw...)
				}
				routers[i].Handle("ping", nothing)
			}
			const runs = 100
			var took [2]time.Duration
			for b.Loop() {
				for i, r := range routers {
					start := time.Now()
					for range runs {
						if err := r.Serve(contexts[i]); err != nil {
							b.Fatal(err)
						}
					}
					took[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "x-none")
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N*runs), "ns/none")
		})
	}
}
