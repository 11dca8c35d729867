package discord_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func TestWatch(t *testing.T) {
	reaction := func(c *discord.Context, opts ...discord.WaitOption) error {
		w := discord.NewWatch(c, discord.EventReactionAdd, func(c *discord.Context, e *discord.ReactionAdd) bool { return e.Emoji.Name == "👍" }, opts...)
		defer w.Stop()
		if err := c.Send("Who?"); err != nil {
			return err
		}
		for range 2 {
			a, e, err := w.Next()
			if err != nil {
				return err
			}
			if err := a.Send("thanks " + discord.Mention(e.UserID)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, tt := range []struct {
		name string
		h    discord.HandlerFunc
		f    func(t *testing.T, a *asking)
		want error
	}{
		{"reactions", func(c *discord.Context) error { return reaction(c) }, func(t *testing.T, a *asking) {
			m := a.boris.Sees("Who?")
			a.boris.Reacts(m, "👎")
			a.boris.Reacts(m, "👍")
			a.boris.Sees("thanks " + a.boris.Mention())
			a.anna.Reacts(m, "👍")
			a.anna.Sees("thanks " + a.anna.Mention())
		}, nil},
		{"one user", func(c *discord.Context) error { return reaction(c, discord.From(discord.PerMember(c))) }, func(t *testing.T, a *asking) {
			m := a.boris.Sees("Who?")
			a.boris.Reacts(m, "👍")
			a.anna.Reacts(m, "👍")
			a.anna.Sees("thanks " + a.anna.Mention())
			time.Sleep(2 * time.Hour)
		}, discord.ErrNoAnswer},
		{"a member of the guild", func(c *discord.Context) error {
			_, e, err := discord.Wait(c, discord.EventMemberAdd, nil)
			if err != nil {
				return err
			}
			return c.Send("Hello, " + e.User.DisplayName())
		}, func(t *testing.T, a *asking) {
			synctest.Wait()
			a.Stranger("Vera").Joins(a.Home)
			a.anna.Sees("Hello, Vera")
		}, nil},
		{"the oldest first, and routes last", func(c *discord.Context) error {
			if c.Arg("rest") == "" {
				_, _, err := discord.Wait(c, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) bool {
					return c.Route() != nil && c.Route().Pattern == "other" && m.Content == "!other"
				})
				return err
			}
			return nil
		}, func(t *testing.T, a *asking) {
			a.anna.Says("other")
			a.anna.Says("!other")
			a.anna.SeesNothing()
			a.anna.Says("!other")
			a.anna.Sees("other")
		}, nil},
		{"a press", func(c *discord.Context) error {
			if err := c.Send("Vote", discord.Row{{Label: "Yes", ID: discord.Cmd("vote", "yes")}}); err != nil {
				return err
			}
			a, _, err := discord.Wait(c, discord.EventInteractionCreate, nil)
			if err != nil {
				return err
			}
			time.Sleep(5 * time.Second) // the press is deferred meanwhile
			return a.Edit("Done")
		}, func(t *testing.T, a *asking) {
			a.anna.Sees("Vote")
			synctest.Wait() // for the handler, which waits now
			a.boris.Clicks("Yes")
			a.boris.SeesEdited("Done")
		}, nil},
		{"a panic", func(c *discord.Context) error {
			_, _, err := discord.Wait(c, discord.EventMessageCreate, func(*discord.Context, *discord.MessageCreate) bool { panic(errBroken) })
			return err
		}, func(t *testing.T, a *asking) { a.anna.Says("x") }, errBroken},
		{"a Goexit", func(c *discord.Context) error {
			_, _, err := discord.Wait(c, discord.EventMessageCreate, func(*discord.Context, *discord.MessageCreate) bool {
				runtime.Goexit()
				return true
			})
			if err == nil || err.Error() != "discord: wait for MESSAGE_CREATE: called runtime.Goexit" {
				return fmt.Errorf("the wait ended with %v", err)
			}
			return nil
		}, func(t *testing.T, a *asking) {
			a.anna.Says("lost")
			synctest.Wait()
			a.anna.Says("!other")
			a.anna.Sees("other")
		}, nil},
		{"Park", func(c *discord.Context) error {
			return c.Park(func() error { time.Sleep(5 * time.Second); return c.Send("awake") })
		}, func(t *testing.T, a *asking) {
			a.anna.Says("!other")
			a.anna.Sees("other")
			a.anna.Sees("awake")
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := startAsking(t, tt.h)
				a.anna.Says("!ask")
				tt.f(t, a)
				if err := a.ended(t); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
					t.Errorf("the handler ended with %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// TestWatchOfWrongKind: the kind's name is tied to another type.
func TestWatchOfWrongKind(t *testing.T) {
	defer func() {
		if v, _ := recover().(string); !strings.Contains(v, `a wait for "MESSAGE_CREATE" (at wait_test.go:`) {
			t.Errorf("panic: %v", v)
		}
	}()
	e, _ := discord.NewEvent("READY", []byte(`{}`))
	c := discord.NewContext(t.Context(), nil, e)
	discord.NewWatch(c, discord.Kind[discord.Ready]("MESSAGE_CREATE"), nil)
}

// TestWatchWithoutIntents: a kind that Discord does not send is an error at once.
func TestWatchWithoutIntents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		ends := make(chan error, 1)
		r.Handle("ask", func(c *discord.Context) error {
			_, _, err := discord.Wait(c, discord.EventReactionAdd, nil)
			ends <- err
			return nil
		})
		discordtest.Start(t, r).User("Anna").Says("!ask")
		var wrong *discord.ConfigError
		if err := <-ends; !errors.As(err, &wrong) || wrong.Field != "Gateway.Intents" || !strings.Contains(err.Error(), "GUILD_MESSAGE_REACTIONS") {
			t.Errorf("%v", err)
		}
	})
}

// TestWaitOutsideOfRouters: middleware around a Router gets the answers before everything.
func TestWaitOutsideOfRouters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Handle("other", func(c *discord.Context) error { return c.Reply("other") })
		first := true
		h := discord.Wrap(r, func(next discord.HandlerFunc) discord.HandlerFunc {
			return func(c *discord.Context) error {
				if c.Kind() == "MESSAGE_CREATE" && first {
					first = false
					a, err := c.Ask("Who are you?")
					if err != nil {
						return err
					}
					return a.Send("Hello, " + a.Text())
				}
				return next(c)
			}
		})
		bot := discordtest.Start(t, h)
		anna := bot.User("Anna")
		anna.Says("!other")
		anna.Sees("Who are you?")
		anna.Says("!other")
		anna.Sees("Hello, !other")
		anna.Says("!other")
		anna.Sees("other")
	})
}

// TestQuestionOverRestart: a bot that is stopped while a question is open gets the command
// and the answers again; no message is shown twice, and nothing is counted twice.
func TestQuestionOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(discord.MemoryStore)
		counts := &discord.Session[int]{Store: store, Name: "count"}
		var mu sync.Mutex
		var ends []error
		newBot := func() discord.Handler {
			r := discord.NewRouter("!")
			r.Handle("order", func(c *discord.Context) error {
				err := order(c, counts)
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, err)
				return err
			})
			return r
		}
		bot := discordtest.Config{Setup: func(g *discord.Gateway) { g.Store = store }}.Start(t, newBot())
		anna := bot.User("Anna")
		anna.Says("!order")
		anna.Sees("What?")
		anna.Says("tea")
		anna.Sees("tea: how many?")
		synctest.Wait()
		if err := bot.Stop(); err != nil {
			t.Fatal(err)
		}
		bot.Start(newBot())
		synctest.Wait()
		anna.SeesNothing()
		anna.Says("3")
		anna.Sees("3 of tea")
		synctest.Wait()
		if n, err := counts.Get(context.Background(), discord.Key{}); n != 1 || err != nil {
			t.Errorf("counted %d times, %v", n, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(ends) != 2 || !errors.Is(ends[0], discord.ErrStopped) || ends[1] != nil {
			t.Errorf("the handlers ended with %v", ends)
		}
	})
}

// order asks two questions.
func order(c *discord.Context, counts *discord.Session[int]) error {
	if err := counts.Update(c, discord.Key{}, func(n *int) error { *n++; return nil }); err != nil {
		return err
	}
	what, err := c.Ask("What?")
	if err != nil {
		return err
	}
	many, err := c.Ask(what.Text() + ": how many?")
	if err != nil {
		return err
	}
	return many.Send(many.Text() + " of " + what.Text())
}

// TestHooks: claims and hooks around a route, with middleware around the whole bot.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log []string
		note := func(s string) { mu.Lock(); defer mu.Unlock(); log = append(log, s) }
		hooks := func(name string) discord.Middleware {
			return func(next discord.HandlerFunc) discord.HandlerFunc {
				return func(c *discord.Context) error {
					c.Claim(func(*discord.Context) (func(), error) {
						note("claim " + name)
						return func() { note("back " + name) }, nil
					})
					c.Before(func(c *discord.Context) error {
						note("before " + name)
						if c.Arg("n") == "7" {
							return errBroken
						}
						return nil
					})
					c.After(func(c *discord.Context, err error) error { note("after " + name); return nil })
					return next(c)
				}
			}
		}
		r := discord.NewRouter("!")
		r.Use(hooks("in"))
		r.Handle("roll {n:int}", func(c *discord.Context) error {
			note("handler")
			defer func() {
				if recover() == nil {
					t.Error("a hook can be added in the handler")
				}
			}()
			c.Before(func(*discord.Context) error { return nil })
			return nil
		})
		bot := discordtest.Start(t, discord.Wrap(r, hooks("out")))
		anna := bot.User("Anna")
		for _, tt := range []struct {
			text string
			want []string
		}{
			{"!roll 5", []string{"claim out", "claim in", "before out", "before in", "handler", "after in", "after out"}},
			{"!roll x", nil},
			{"!roll 7", []string{"claim out", "claim in", "before out", "back in", "back out"}},
		} {
			anna.Says(tt.text)
			synctest.Wait()
			mu.Lock()
			if !slices.Equal(log, tt.want) {
				t.Errorf("%s: %q, want %q", tt.text, log, tt.want)
			}
			log = nil
			mu.Unlock()
		}
	})
}
