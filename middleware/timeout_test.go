package middleware_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

func TestTimeout(t *testing.T) {
	own := errors.New("own")
	for name, tt := range map[string]struct {
		h    vk.HandlerFunc
		took time.Duration
		want error // nil for none
	}{
		"in time":               {func(c *vk.Context) error { time.Sleep(time.Second); return c.Err() }, time.Second, nil},
		"its own error in time": {func(c *vk.Context) error { return own }, 0, own},
		"goes by the cause":     {func(c *vk.Context) error { <-c.Done(); return context.Cause(c) }, time.Minute, middleware.ErrTimeout},
		"goes by Err":           {func(c *vk.Context) error { <-c.Done(); return c.Err() }, time.Minute, middleware.ErrTimeout},
		"an inner deadline is not this one": {func(c *vk.Context) error {
			ctx, cancel := context.WithTimeout(c, time.Second)
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		}, time.Second, context.DeadlineExceeded},
		"made it all the same": {func(c *vk.Context) error { time.Sleep(2 * time.Minute); return nil }, 2 * time.Minute, nil},
		"its own error, later": {func(c *vk.Context) error { <-c.Done(); return own }, time.Minute, own},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := middleware.Timeout(time.Minute)(tt.h)(newStub(nil).context(t, 1, 1, "x"))
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if tt.want == nil && err != nil || !errors.Is(err, tt.want) {
					t.Errorf("err = %v, want %v", err, tt.want)
				}
				if tt.want != middleware.ErrTimeout && errors.Is(err, middleware.ErrTimeout) {
					t.Errorf("err = %v is a timeout", err)
				}
				if tt.want == middleware.ErrTimeout && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("err = %v is not context.DeadlineExceeded", err)
				}
			})
		})
	}
}

// TestTimeoutIsExplained checks that the outer middleware can still send
// messages after a timeout.
func TestTimeoutIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain(), middleware.Timeout(time.Second))
		r.Handle("slow", func(c *vk.Context) error { <-c.Done(); return c.Err() })
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!slow")
		anna.Hears("That took too long. Try again later.")
	})
}

// TestTyping checks that typing shows while the handler runs, not if it does
// not begin, and for at most a minute.
func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(middleware.Typing(), func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				time.Sleep(time.Second) // typing must not show yet
				return next(c)
			}
		})
		r.Handle("work {d:int}", func(c *vk.Context) error {
			time.Sleep(time.Duration(len(c.Arg("d"))) * 6 * time.Second)
			return c.Reply("done")
		})
		r.Handle("think", func(c *vk.Context) error {
			c.Park(func() error { time.Sleep(time.Hour); return nil })
			return c.Reply("done")
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		calls := func() int { return len(bot.Calls("messages.setActivity")) }

		anna.Says("!work many")
		anna.HearsNothing()
		anna.Says("!nope")
		anna.HearsNothing()
		if n := calls(); n != 0 {
			t.Errorf("typing shows for a handler that does not begin: %d calls", n)
		}
		anna.Says("!work 11")
		anna.SeesTyping()
		time.Sleep(13 * time.Second)
		anna.Hears("done")
		n := calls()
		if n < 2 || n > 3 {
			t.Errorf("%d calls in 12 seconds", n)
		}
		time.Sleep(time.Minute)
		if now := calls(); now != n {
			t.Errorf("%d calls after the end", now-n)
		}
		anna.Says("!think")
		time.Sleep(2 * time.Hour)
		anna.Hears("done")
		if more := calls() - n; more > 13 {
			t.Errorf("%d calls in an hour", more)
		}
	})
}

// TestTypingIsDecoration checks that a failure to show typing is not an error.
func TestTypingIsDecoration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(middleware.Typing())
		r.Handle("work", func(c *vk.Context) error { time.Sleep(30 * time.Second); return c.Reply("done") })
		bot := vktest.Start(t, r)
		bot.Fail("messages.setActivity", vktest.Error(vk.CodeFlood))
		anna := bot.User("Anna")
		anna.Says("!work")
		time.Sleep(30 * time.Second)
		anna.Hears("done")
	})
}
