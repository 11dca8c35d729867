package discord_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/discord/middleware"
)

// TestAskSideBySide: questions to two users in one channel, and each gets its own answers, by
// text, by a button and by a menu with the same words.
func TestAskSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			got, err := c.Ask("Q for "+discord.Mention(c.UserID()), discord.Answers("Yes", "No"),
				discord.Menu{Placeholder: "Size", Options: []discord.MenuOption{{Value: "S"}, {Value: "M"}}})
			if err != nil {
				return err
			}
			return got.Reply(discord.Mention(got.UserID()) + " says " + got.Text())
		})
		for _, way := range []func(u *discordtest.User, m discord.Message, text string){
			func(u *discordtest.User, _ discord.Message, text string) { u.Says(text) },
			func(u *discordtest.User, m discord.Message, text string) { u.ClicksOn(m, text) },
		} {
			a.anna.Says("!ask")
			first := a.anna.Sees("Q for " + a.anna.Mention())
			a.boris.Slash("ask")
			second := a.boris.Sees("Q for " + a.boris.Mention())
			way(a.boris, second, "No")
			a.boris.Sees(a.boris.Mention() + " says No")
			way(a.anna, first, "Yes")
			a.anna.Sees(a.anna.Mention() + " says Yes")
		}
		a.anna.Says("!ask")
		a.anna.Sees("Q for " + a.anna.Mention())
		a.boris.Slash("ask")
		a.boris.Sees("Q for " + a.boris.Mention())
		a.boris.Picks("Size", "S")
		a.boris.Sees(a.boris.Mention() + " says S")
		a.anna.Says("m")
		a.anna.Sees(a.anna.Mention() + " says m")
		for range 6 {
			if err := a.ended(t); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestAskOthersButton: a press of another user on a button of the question is
// not an answer.
func TestAskOthersButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			_, err := c.Ask("Q?", discord.Answers("Yes"), discord.Within(time.Minute))
			return err
		})
		a.anna.Slash("ask")
		m := a.anna.Sees("Q?")
		a.boris.ClicksOn(m, "Yes")
		time.Sleep(2 * time.Minute)
		if err := a.ended(t); !errors.Is(err, discord.ErrNoAnswer) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// TestAskThenForm: the press that answers a question opens a form.
func TestAskThenForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			press, err := c.Ask("Ready?", discord.Answers("Fill in"))
			if err != nil {
				return err
			}
			f, answer, err := discord.OpenAsk[struct{ Name string }](press, discord.Form{Title: "You", Inputs: []discord.Input{{Name: "name", Label: "Name"}}})
			if err != nil {
				return err
			}
			size, err := answer.Ask("Which size, "+f.Name+"?", discord.Menu{Placeholder: "Size", Options: []discord.MenuOption{{Value: "S"}, {Value: "M"}}})
			if err != nil {
				return err
			}
			return size.Edit(f.Name+" takes "+size.Text(), discord.Components())
		})
		a.anna.Slash("ask")
		a.anna.Sees("Ready?")
		a.anna.Clicks("Fill in")
		a.anna.SeesForm("You")
		a.anna.Fills("Name", "Anna")
		a.anna.Sees("Which size, Anna?")
		a.anna.Picks("Size", "M")
		a.anna.SeesEdited("Anna takes M")
		if err := a.ended(t); err != nil {
			t.Error(err)
		}
	})
}

// TestWaitStopped: a stop ends waits at once, with its cause, however they wait.
func TestWaitStopped(t *testing.T) {
	for name, h := range map[string]discord.HandlerFunc{
		"Ask": func(c *discord.Context) error { _, err := c.Ask("Q?"); return err },
		"Wait": func(c *discord.Context) error {
			_, _, err := discord.Wait(c, discord.EventReactionAdd, nil)
			return err
		},
		"Watch": func(c *discord.Context) error {
			w := discord.NewWatch(c, discord.EventMessageCreate, nil)
			defer w.Stop()
			_, _, err := w.Next()
			return err
		},
		"OpenAsk": func(c *discord.Context) error {
			_, _, err := discord.OpenAsk[struct{}](c, discord.Form{Title: "A form", Inputs: []discord.Input{{Name: "x", Label: "X"}}})
			return err
		},
		"Park": func(c *discord.Context) error {
			return c.Park(func() error { <-c.Done(); return context.Cause(c) })
		},
		"later": func(c *discord.Context) error {
			if _, err := c.Ask("Q?"); err == nil {
				return errors.New("an answer")
			}
			_, err := c.Ask("Again?") // after the stop
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := startAsking(t, h)
				a.anna.Slash("ask")
				synctest.Wait()
				begin := time.Now()
				if err := a.Stop(); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took > time.Second {
					t.Errorf("the stop took %v", took)
				}
				if err := a.ended(t); !errors.Is(err, discord.ErrStopped) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// TestWaitTimeLimit: the time in which a handler waits does not count, the time after the
// answer does, and a context that ends ends the wait with its cause.
func TestWaitTimeLimit(t *testing.T) {
	for _, tt := range []struct {
		name string
		mw   discord.Middleware
		slow time.Duration // after the answer
		want error
	}{
		{"the wait does not count", nil, 30 * time.Second, nil},
		{"the time after it does", nil, 70 * time.Second, discord.ErrTimeLimit},
		{"Timeout counts it", middleware.Timeout(10 * time.Minute), 0, middleware.ErrTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ends := make(chan error, 1)
				r := discord.NewRouter("!")
				var mw []discord.Middleware
				if tt.mw != nil {
					mw = append(mw, tt.mw)
				}
				r.Handle("ask", func(c *discord.Context) (err error) {
					defer func() { ends <- err }()
					if _, err := c.Ask("Q?"); err != nil {
						return err
					}
					select {
					case <-time.After(tt.slow):
						return nil
					case <-c.Done():
						return context.Cause(c)
					}
				}, mw...)
				anna := discordtest.Start(t, r).User("Anna")
				anna.Says("!ask")
				anna.Sees("Q?")
				time.Sleep(50 * time.Minute)
				anna.Says("blue")
				if err := <-ends; !errors.Is(err, tt.want) || err != nil && tt.want == nil {
					t.Errorf("%v, want %v", err, tt.want)
				}
			})
		})
	}
}

// TestSlashQuestionOverRestart: if the bot is stopped while the handler of a
// slash command waits for a press, the handler continues in the next process.
func TestSlashQuestionOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(discord.MemoryStore)
		counts := &discord.Session[int]{Store: store, Name: "count"}
		newBot := func() discord.Handler {
			r := discord.NewRouter()
			r.Handle("order", func(c *discord.Context) error {
				if err := counts.Update(c, discord.Key{}, func(n *int) error { *n++; return nil }); err != nil {
					return err
				}
				what, err := c.Ask("What?", discord.Answers("Tea", "Coffee"))
				if err != nil {
					return err
				}
				many, err := what.Ask("How many?", discord.Answers("1", "2"))
				if err != nil {
					return err
				}
				return many.Reply(fmt.Sprint(many.Text(), " of ", what.Text()))
			})
			return r
		}
		bot := discordtest.Config{Setup: func(g *discord.Gateway) { g.Store = store }}.Start(t, newBot())
		anna := bot.User("Anna")
		anna.Slash("order")
		anna.Sees("What?")
		anna.Clicks("Tea")
		m := anna.Sees("How many?")
		synctest.Wait()
		if err := bot.Stop(); err != nil {
			t.Fatal(err)
		}
		bot.Start(newBot())
		synctest.Wait()
		anna.SeesNothing()
		anna.ClicksOn(m, "2")
		anna.Sees("2 of Tea")
		synctest.Wait()
		if n, err := counts.Get(context.Background(), discord.Key{}); n != 1 || err != nil {
			t.Errorf("counted %d times, %v", n, err)
		}
	})
}
