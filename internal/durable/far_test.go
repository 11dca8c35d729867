package durable

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableFar: a question with the longest times has no end, also after
// a restart, and other questions end in time.
func TestDurableFar(t *testing.T) {
	for name, age := range map[string]time.Duration{"no MaxAge": -1, "the longest MaxAge": math.MaxInt64} {
		for _, opt := range []vk.Within{0, math.MaxInt64} {
			t.Run(fmt.Sprint(name, ", ", time.Duration(opt)), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					code := func() vk.Handler {
						r := vk.NewRouter("!")
						r.Handle("go", func(c *vk.Context) error {
							a, err := c.Ask("?", opt)
							if errors.Is(err, vk.ErrNoAnswer) {
								return c.Send("Late")
							}
							if err != nil {
								return err
							}
							return c.Send("You said " + a.Text())
						})
						r.Handle("brief", func(c *vk.Context) error {
							_, err := c.Ask("Now?", vk.Within(time.Minute))
							if !errors.Is(err, vk.ErrNoAnswer) {
								return err
							}
							return c.Send("Late")
						})
						return r
					}
					store, log := new(vk.MemoryStore), new(logLines)
					d := &vk.Dispatcher{Store: store, MaxAge: age, Logger: slog.New(slog.NewTextHandler(log, nil))}
					on := vktest.Config{Dispatcher: d, RPS: -1}.New(t)
					on.Start(code())
					anna, boris := on.User("Anna"), on.User("Boris")
					for range 2 {
						anna.Says("!go")
						anna.Hears("?")
						sleep(time.Second)
						boris.Says("!brief")
						boris.Hears("Now?")
						sleep(2 * time.Minute)
						boris.Hears("Late")
						on.Restart(code())
						sleep(2 * time.Hour)
						anna.Says("yes")
						anna.Hears("You said yes")
					}
					if n := log.count("level=ERROR") + log.count("level=WARN"); n > 0 {
						t.Errorf("%d lines of the log are errors or warnings", n)
					}
				})
			})
		}
	}
}
