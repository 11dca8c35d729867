package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
)

// says gives a message of a member to a handler.
func says(h discord.Handler, user int, text string) {
	e, err := discord.NewEvent("MESSAGE_CREATE", fmt.Appendf(nil, `{"id":"9","guild_id":"4","channel_id":"8","author":{"id":"%d"},"member":{"roles":["5"]},"content":%q}`, user, text))
	if err == nil {
		err = h.Serve(discord.NewContext(context.Background(), discord.NewClient("t"), e))
	}
	if err != nil {
		fmt.Println(err)
	}
}

// The usual middleware of a bot.
func Example() {
	r := discord.NewRouter("!")
	r.Use(middleware.Locale("ru"), middleware.Explain(), middleware.Logger(slog.Default()), middleware.Timeout(10*time.Second))
	r.Handle("help {command...?}", middleware.Help(r))
	bot := discord.Wrap(r, middleware.IgnoreBots(), middleware.OnError(func(_ *discord.Context, err error) error {
		if errors.Is(err, middleware.ErrTimeout) {
			return nil
		}
		return err
	}), middleware.Recover())
	_ = bot // for discord.Run
}

// A bot's own errors in words.
func ExampleExplain() {
	errSoldOut := errors.New("sold out")
	r := discord.NewRouter("!")
	r.Use(middleware.Explain(func(_ *discord.Context, err error) string {
		if errors.Is(err, errSoldOut) {
			return "Sold out."
		}
		return ""
	}))
	r.Handle("buy", func(*discord.Context) error { return errSoldOut })
	r.Handle("monday", func(*discord.Context) error {
		if time.Now().Weekday() != time.Monday {
			return middleware.Refuse("Only on Mondays.")
		}
		return nil
	})
}

// Two uses in a minute, for each user.
func ExampleCooldown() {
	cd := middleware.NewCooldown(2, time.Minute, discord.PerUser)
	r := discord.NewRouter("!")
	r.Use(middleware.OnError(func(_ *discord.Context, err error) error {
		var often *middleware.CooldownError
		if errors.As(err, &often) {
			fmt.Println(often.Rate, often.Per, often.Key.User, often.RetryAfter > 50*time.Second, often.Again)
			return nil
		}
		return err
	}))
	r.Handle("roll", func(*discord.Context) error { fmt.Println("rolled"); return nil }, cd.Wrap)
	r.Handle("left", func(c *discord.Context) error { fmt.Println(cd.Left(c)); return nil })
	r.Handle("reset", func(c *discord.Context) error { cd.Reset(c); return nil })
	for range 3 {
		says(r, 1, "!roll")
	}
	says(r, 1, "!reset")
	says(r, 1, "!left")
	cd.ResetKey(discord.Key{User: 1})
	// Output:
	// rolled
	// rolled
	// 2 1m0s 1 true false
	// 0s
}

// A cooldown that does not hold for everybody, and a limit on handlers at the same time.
func ExampleMaxConcurrency() {
	owner := discord.ID(1)
	cd := &middleware.Cooldown{By: discord.PerUser, Limit: func(c *discord.Context) (int, time.Duration) {
		if c.UserID() == owner {
			return 0, 0
		}
		return 1, time.Hour
	}}
	one := middleware.NewMaxConcurrency(1, discord.PerChannel)
	line := &middleware.MaxConcurrency{N: 2, Queue: -1}
	r := discord.NewRouter("!")
	r.Use(middleware.OnError(func(_ *discord.Context, err error) error {
		var busy *middleware.ConcurrencyError
		if errors.As(err, &busy) {
			fmt.Println("busy:", busy.N)
			return nil
		}
		return err
	}))
	r.Handle("other", func(*discord.Context) error { return nil }, one.Wrap)
	r.Handle("quiz", func(*discord.Context) error {
		says(r, 2, "!other") // while the quiz runs
		return nil
	}, one.Wrap, line.Wrap, cd.Wrap)
	says(r, 1, "!quiz")
	// Output: busy: 1
}

// Checks limit a command to some users; Explain tells the others.
func ExampleAny() {
	r := discord.NewRouter("!")
	staff := middleware.Any(middleware.HasRole(7), middleware.Users(1), middleware.All(middleware.GuildOnly, middleware.Not(middleware.HasRole(5))))
	r.Check(middleware.NotUsers(3))
	r.Add(discord.Route{Pattern: "clean", Checks: []discord.Check{staff}, Handler: func(*discord.Context) error { fmt.Println("cleaned"); return nil }})
	r.Add(discord.Route{Press: "clean", Checks: []discord.Check{middleware.Needs(discord.PermManageMessages)}, Handler: func(*discord.Context) error { return nil }})
	r.Add(discord.Route{Pattern: "secret", Checks: []discord.Check{middleware.DMOnly}, Handler: func(*discord.Context) error { return nil }})
	for user := range 3 {
		says(r, user+1, "!clean")
	}
	// Output:
	// cleaned
	// discord: clean: refused: the member has none of the roles, and not for this user, and not for this user
	// discord: clean: refused: not for this user
}

// ErrRefused tells refusals from failures.
func ExampleErrRefused() {
	fmt.Println(errors.Is(middleware.ErrNoRole, middleware.ErrRefused), errors.Is(middleware.Refuse("No."), middleware.ErrRefused))
	fmt.Println(errors.Is(&discord.PermissionError{Missing: discord.PermBanMembers}, middleware.ErrRefused))
	// Output:
	// true true
	// true
}

// Hooks as middleware.
func ExampleClaim() {
	r := discord.NewRouter("!")
	r.Use(
		middleware.Claim(func(*discord.Context) (giveBack func(), err error) { fmt.Println("taken"); return nil, nil }),
		middleware.Before(func(*discord.Context) error { fmt.Println("before"); return nil }),
		middleware.After(func(*discord.Context, error) error { fmt.Println("after"); return nil }),
	)
	r.Handle("go", func(*discord.Context) error { fmt.Println("go"); return nil })
	says(r, 1, "!go")
	// Output:
	// taken
	// before
	// go
	// after
}
