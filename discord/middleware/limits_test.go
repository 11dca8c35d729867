package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/discord/middleware"
)

func TestCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cd := middleware.NewCooldown(2, time.Minute, discord.PerUser)
		r := discord.NewRouter("!")
		r.Use(middleware.Explain())
		r.Handle("roll {n:int}", func(c *discord.Context) error { return c.Reply("rolled") }, cd.Wrap)
		r.Handle("free", func(c *discord.Context) error { cd.Reset(c); return c.Reply("free") })
		r.Handle("left", func(c *discord.Context) error { return c.Reply(cd.Left(c).String()) })
		bot := discordtest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		roll := func(u *discordtest.User, want string) {
			t.Helper()
			u.Slash("roll", "n", 5)
			if want == "rolled" {
				u.Sees(want)
			} else {
				u.SeesEphemeral(want)
			}
		}
		roll(anna, "rolled")
		anna.Says("!roll x") // costs nothing
		anna.SeesLike("is not a whole number")
		roll(anna, "rolled")
		roll(anna, "Wait 60 seconds.")
		anna.Speaks("ru")
		roll(anna, "Подождите 60 секунд.")
		roll(boris, "rolled")
		anna.Says("!left")
		anna.Sees("1m0s")
		anna.Says("!roll 1")
		anna.SeesNothing() // it was said before
		anna.Says("!free")
		anna.Sees("free")
		roll(anna, "rolled")
		cd.ResetKey(discord.Key{User: anna.ID})
		anna.Says("!left")
		anna.Sees("0s")
	})
}

func TestCooldownLimit(t *testing.T) {
	cd := &middleware.Cooldown{Limit: func(c *discord.Context) (int, time.Duration) {
		if c.UserID() == 1 {
			return 0, 0
		}
		return 1, time.Minute
	}}
	r := discord.NewRouter("!")
	r.Handle("roll", func(*discord.Context) error { return nil }, cd.Wrap)
	for i, tt := range []struct {
		user    int
		refused bool
	}{{1, false}, {1, false}, {2, false}, {3, true}} {
		err := r.Serve(message(t, tt.user, "!roll"))
		var limited *middleware.CooldownError
		if errors.As(err, &limited) != tt.refused || errors.Is(err, middleware.ErrRefused) != tt.refused {
			t.Errorf("%d: %v", i, err)
		}
		if tt.refused && (limited.Rate != 1 || limited.Per != time.Minute || limited.Key != discord.Key{} || limited.RetryAfter <= 0 || limited.Error() == "") {
			t.Errorf("%+v", limited)
		}
	}
}

// message returns the Context of a message.
func message(t *testing.T, user int, text string) *discord.Context {
	t.Helper()
	e, err := discord.NewEvent("MESSAGE_CREATE", fmt.Appendf(nil, `{"id":"9","channel_id":"8","author":{"id":"%d"},"content":%q}`, user, text))
	if err != nil {
		t.Fatal(err)
	}
	return discord.NewContext(context.Background(), discord.NewClient("t"), e)
}

func TestMaxConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		mc := middleware.NewMaxConcurrency(1, discord.PerChannel)
		queue := &middleware.MaxConcurrency{By: discord.PerChannel, Queue: 1}
		work := func(c *discord.Context) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			defer func() { mu.Lock(); running--; mu.Unlock() }()
			_, err := c.Ask("Go on?", discord.Answers("Yes"))
			return errors.Join(err, c.Send("done"))
		}
		r := discord.NewRouter("!")
		r.Use(middleware.Explain())
		r.Handle("quiz", work, mc.Wrap)
		r.Handle("queue", work, queue.Wrap)
		bot := discordtest.Start(t, r)
		anna, boris, vera := bot.User("Anna"), bot.User("Boris"), bot.User("Vera")
		anna.Slash("quiz")
		anna.Sees("Go on?")
		boris.Slash("quiz")
		boris.SeesEphemeral("This is running already. Try again when it is done.")
		anna.Clicks("Yes")
		anna.Sees("done")
		synctest.Wait() // the handler has returned
		boris.Slash("quiz")
		boris.Sees("Go on?")
		boris.Clicks("Yes")
		boris.Sees("done")
		synctest.Wait()

		anna.Says("!queue")
		anna.Sees("Go on?")
		boris.Says("!queue")
		vera.Says("!queue")
		vera.Sees("This is running already. Try again when it is done.")
		anna.Says("yes")
		anna.Sees("done")
		anna.Sees("Go on?")
		boris.Says("yes")
		boris.Sees("done")
		if most != 1 {
			t.Errorf("%d at the same time", most)
		}
	})
}

// TestMiddlewareHooks: claims and hooks as middleware.
func TestMiddlewareHooks(t *testing.T) {
	log := ""
	r := discord.NewRouter("!")
	r.Use(
		middleware.Claim(func(*discord.Context) (func(), error) { log += "c"; return func() { log += "g" }, nil }),
		middleware.Before(func(c *discord.Context) error {
			log += "b"
			if c.UserID() == 2 {
				return errBroken
			}
			return nil
		}),
		middleware.After(func(_ *discord.Context, err error) error { log += "a"; return err }),
	)
	r.Handle("x", func(*discord.Context) error { log += "x"; return nil })
	if err := r.Serve(message(t, 1, "!x")); err != nil || log != "cbxa" {
		t.Errorf("%q, %v", log, err)
	}
	log = ""
	if err := r.Serve(message(t, 2, "!x")); !errors.Is(err, errBroken) || log != "cbg" {
		t.Errorf("%q, %v", log, err)
	}
}
