package discord_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// An asking is a bot with one command, /ask and !ask, and the outcome of the
// command.
type asking struct {
	*discordtest.Server
	anna, boris *discordtest.User
	ends        chan error
}

// startAsking runs a bot with a command handled by h. It also has the command
// other.
func startAsking(t *testing.T, h discord.HandlerFunc) *asking {
	a := &asking{ends: make(chan error, 10)}
	r := discord.NewRouter("!")
	r.Handle("ask {rest...?}", func(c *discord.Context) error {
		err := h(c)
		a.ends <- err
		return nil
	})
	r.Handle("other", func(c *discord.Context) error { return c.Reply("other") })
	r.Press("vote {choice}", func(c *discord.Context) error { return c.Reply("voted") })
	all := func(g *discord.Gateway) { g.Intents = discord.IntentsAll }
	a.Server = discordtest.Config{Setup: all}.Start(t, r)
	a.anna, a.boris = a.User("Anna"), a.User("Boris")
	return a
}

// ended returns the error of the command.
func (a *asking) ended(t *testing.T) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-a.ends:
		return err
	case <-time.After(3 * time.Hour):
		t.Fatal("the handler has not ended")
		return nil
	}
}

func TestAsk(t *testing.T) {
	reply := func(opts ...discord.SendOption) discord.HandlerFunc {
		return func(c *discord.Context) error {
			a, err := c.Ask("Q?", opts...)
			if err != nil {
				return err
			}
			return a.Reply("got " + a.Text())
		}
	}
	for _, tt := range []struct {
		name string
		h    discord.HandlerFunc
		f    func(a *asking)
		want error
	}{
		{"a message", reply(), func(a *asking) {
			a.boris.Says("mine")
			a.anna.In(a.Channel("elsewhere")).Says("there")
			a.anna.Says("blue")
			a.anna.Sees("got blue")
		}, nil},
		{"a mention before it", reply(), func(a *asking) {
			a.anna.Says(discord.Mention(a.Bot()) + ", blue")
			a.anna.Sees("got blue")
		}, nil},
		{"a button", reply(discord.Answers("Yes", "No")), func(a *asking) {
			a.boris.Clicks("No")
			a.anna.Clicks("Yes")
			a.anna.Sees("got Yes")
		}, nil},
		{"a choice in writing", reply(discord.Answers("Yes", "No")), func(a *asking) {
			a.anna.Says("  yes ")
			a.anna.Sees("got Yes")
		}, nil},
		{"a row of one's own", reply(discord.Row{{Label: "Tea"}, {Label: "Vote", ID: discord.Cmd("vote", "x")}}), func(a *asking) {
			a.anna.Clicks("Vote")
			a.anna.Sees("voted")
			a.anna.Clicks("Tea")
			a.anna.Sees("got Tea")
		}, nil},
		{"a menu", reply(discord.Menu{Placeholder: "Size", Options: []discord.MenuOption{{Value: "S"}, {Value: "M"}}}), func(a *asking) {
			a.anna.Picks("Size", "M")
			a.anna.Sees("got M")
		}, nil},
		{"a command that is a choice", reply(discord.Answers("!other")), func(a *asking) {
			a.anna.Says("!other")
			a.anna.Sees("got !other")
		}, nil},
		{"a word of Cancel", reply(discord.Cancel("stop")), func(a *asking) { a.anna.Says("STOP") }, discord.ErrCanceled},
		{"a command", reply(), func(a *asking) { a.anna.Says("!other"); a.anna.Sees("other") }, discord.ErrInterrupted},
		{"a slash command", reply(), func(a *asking) { a.anna.Slash("other"); a.anna.Sees("other") }, discord.ErrInterrupted},
		{"nothing", reply(discord.Within(time.Minute)), func(a *asking) { time.Sleep(2 * time.Minute) }, discord.ErrNoAnswer},
		{"nothing for an hour", reply(), func(a *asking) { time.Sleep(61 * time.Minute) }, discord.ErrNoAnswer},
	} {
		for _, way := range []string{"typed", "slash"} {
			t.Run(tt.name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := startAsking(t, tt.h)
					if way == "typed" {
						a.anna.Says("!ask")
					} else {
						a.anna.Slash("ask")
					}
					a.anna.Sees("Q?")
					tt.f(a)
					if err := a.ended(t); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
						t.Errorf("the handler ended with %v, want %v", err, tt.want)
					}
				})
			})
		}
	}
}

// TestAskSomebodyElse: From puts the question to another user, or to all.
func TestAskSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var boris, there atomic.Uint64
		a := startAsking(t, func(c *discord.Context) error {
			key := discord.From{User: discord.ID(boris.Load())}
			if c.Arg("rest") == "all" {
				key = discord.From(discord.PerChannel(c))
			} else if c.Arg("rest") == "there" {
				key.Channel = discord.ID(there.Load())
			}
			got, err := c.Ask("Q?", key)
			if err != nil {
				return err
			}
			return got.Send("from " + discord.Mention(got.UserID()))
		})
		boris.Store(uint64(a.boris.ID))
		elsewhere := a.Channel("elsewhere")
		there.Store(uint64(elsewhere.ID))
		a.anna.Says("!ask")
		a.anna.Sees("Q?")
		a.anna.Says("me")
		a.boris.Says("me")
		a.boris.Sees("from " + a.boris.Mention())
		a.anna.Says("!ask all")
		a.anna.Sees("Q?")
		a.boris.Says("me")
		a.boris.Sees("from " + a.boris.Mention())
		a.anna.Says("!ask there")
		a.boris.In(elsewhere).Sees("Q?")
		a.boris.In(elsewhere).Says("me")
		a.boris.In(elsewhere).Sees("from " + a.boris.Mention())
	})
}

// TestAskParsed: the question is put again, on the answer that does not parse.
func TestAskParsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			n, err := discord.Ask(c, "How many?", strconv.Atoi, discord.Retry(1, "A number."), discord.Answers("7"))
			if err != nil {
				return err
			}
			return c.Send(fmt.Sprint(n))
		})
		a.anna.Slash("ask")
		a.anna.Sees("How many?")
		a.anna.Says("some")
		a.anna.Sees("A number.")
		a.anna.Clicks("7")
		a.anna.Sees("7")
		if err := a.ended(t); err != nil {
			t.Error(err)
		}
		a.anna.Says("!ask")
		a.anna.Sees("How many?")
		a.anna.Says("some")
		a.anna.Sees("A number.")
		a.anna.Says("secret")
		var wrong *discord.InputError
		if err := a.ended(t); !errors.As(err, &wrong) || wrong.Text != "secret" || !errors.Is(err, strconv.ErrSyntax) {
			t.Errorf("%v", err)
		}
	})
}

// TestAskLong: a conversation by buttons outlives the token of the slash command.
func TestAskLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			on := c
			for i := range 5 {
				got, err := on.Ask("Q"+strconv.Itoa(i), discord.Answers("Go on"))
				if err != nil {
					return err
				}
				on = got
			}
			return on.Edit("The end.")
		})
		a.anna.Slash("ask")
		for i := range 5 {
			m := a.anna.Sees("Q" + strconv.Itoa(i))
			time.Sleep(10 * time.Minute)
			a.anna.ClicksOn(m, "Go on")
		}
		a.anna.SeesEdited("The end.")
		if err := a.ended(t); err != nil {
			t.Error(err)
		}
	})
}

// TestAskOldButton: a press on a button of a question that has ended tells the
// user so.
func TestAskOldButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			_, err := c.Ask("Q?", discord.Answers("Yes"), discord.Within(time.Minute))
			return err
		})
		a.anna.Slash("ask")
		m := a.anna.Sees("Q?")
		time.Sleep(2 * time.Minute)
		if err := a.ended(t); !errors.Is(err, discord.ErrNoAnswer) {
			t.Error(err)
		}
		a.anna.ClicksOn(m, "Yes")
		a.anna.SeesEphemeral("This question is over, or somebody else was asked.")
	})
}

// TestAskOther: a press by another user on a button of an open question tells that user so, and
// so does a form that comes too late.
func TestAskOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAsking(t, func(c *discord.Context) error {
			press, err := c.Ask("Q?", discord.Answers("Yes"))
			if err != nil {
				return err
			}
			_, _, err = discord.OpenAsk[struct{ X string }](press, discord.Form{Title: "T", Inputs: []discord.Input{{Name: "x", Label: "X"}}}, discord.Within(time.Minute))
			return err
		})
		a.anna.Slash("ask")
		m := a.anna.Sees("Q?")
		a.boris.Speaks("ru")
		a.boris.ClicksOn(m, "Yes")
		a.boris.SeesEphemeral("Этот вопрос уже закрыт или задан не вам.")
		a.anna.ClicksOn(m, "Yes")
		a.anna.SeesForm("T")
		time.Sleep(2 * time.Minute)
		if err := a.ended(t); !errors.Is(err, discord.ErrNoAnswer) {
			t.Error(err)
		}
		a.anna.Fills("X", "late")
		a.anna.SeesEphemeral("It is too late for this form. Please start again.")
	})
}

func TestOpenAsk(t *testing.T) {
	form := discord.Form{Title: "A poll", Inputs: []discord.Input{{Name: "question", Label: "What?"}, {Name: "number", Label: "How many?", Optional: true}}}
	type poll struct {
		Question string
		Number   int
	}
	for _, tt := range []struct {
		name string
		f    func(a *asking)
		want string
	}{
		{"filled in", func(a *asking) {
			a.anna.Fills("What?", "Tea?", "How many?", "3")
			a.anna.Sees("Tea? 3")
		}, ""},
		{"wrong", func(a *asking) { a.anna.Fills("What?", "Tea?", "How many?", "three") }, `discord: usage: form "A poll"`},
		{"a command instead", func(a *asking) { a.anna.Slash("other") }, discord.ErrInterrupted.Error()},
		{"closed", func(a *asking) { time.Sleep(time.Hour) }, discord.ErrNoAnswer.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := startAsking(t, func(c *discord.Context) error {
					p, answer, err := discord.OpenAsk[poll](c, form)
					if err != nil {
						return err
					}
					return answer.Reply(fmt.Sprint(p.Question, " ", p.Number))
				})
				a.anna.Slash("ask")
				a.anna.SeesForm("A poll")
				tt.f(a)
				if err := a.ended(t); err == nil && tt.want != "" || err != nil && (tt.want == "" || !strings.HasPrefix(err.Error(), tt.want)) {
					t.Errorf("%v, want %s", err, tt.want)
				}
			})
		})
	}
}

// TestAskMistakes: questions that cannot be answered are errors.
func TestAskMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    discord.HandlerFunc
		want string
	}{
		{"Retry", func(c *discord.Context) error { _, err := c.Ask("Q?", discord.Retry(1, "x")); return err },
			"discord: Context.Ask: Retry takes something that tells right answers from wrong ones: use the function Ask"},
		{"Within in a message", func(c *discord.Context) error { return c.Send("x", discord.Within(1)) }, "Within is for questions, and this is none: ask with Context.Ask"},
		{"Answers in a message", func(c *discord.Context) error { return c.Send("x", discord.Answers("a")) }, "Answers is for questions, and this is none: ask with Context.Ask"},
		{"a label that is too long", func(c *discord.Context) error {
			_, err := c.Ask("Q?", discord.Answers(strings.Repeat("x", 81)))
			return err
		},
			"components[0].components[0].label has 81 characters: Discord takes at most 80"},
		{"a form with a key", func(c *discord.Context) error {
			_, _, err := discord.OpenAsk[struct{}](c, discord.Form{}, discord.From{})
			return err
		}, "discord: OpenAsk: From is for questions: a form is sent by the user who sees it: leave it out"},
		{"a form without an input for a field", func(c *discord.Context) error {
			_, _, err := discord.OpenAsk[struct{ Name, Address string }](c, discord.Form{Inputs: []discord.Input{{Name: "name"}, {Name: "adress"}}})
			return err
		}, `discord: OpenAsk: Form.Inputs has no input for the field "address" of the struct: give an Input this Name, or leave out the field`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := startAsking(t, tt.h)
				a.anna.Slash("ask")
				if err := a.ended(t); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v\nwant %s", err, tt.want)
				}
			})
		})
	}
	t.Run("no texts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := discord.NewRouter()
			ends := make(chan error, 1)
			r.Handle("ask", func(c *discord.Context) error { _, err := c.Ask("Q?"); ends <- err; return nil })
			bot := discordtest.Start(t, r)
			bot.User("Anna").Slash("ask")
			var wrong *discord.ConfigError
			if err := <-ends; !errors.As(err, &wrong) || wrong.Field != "Gateway.Intents" || !strings.Contains(err.Error(), "MESSAGE_CONTENT") {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("no Dispatcher", func(t *testing.T) {
		e, _ := discord.NewEvent("MESSAGE_CREATE", []byte(`{"channel_id":"1","author":{"id":"2"}}`))
		c := discord.NewContext(t.Context(), discord.NewClient("t"), e)
		if _, err := c.Ask("Q?"); err != discord.ErrNoDispatcher {
			t.Errorf("%v", err)
		}
		if _, _, err := discord.Wait(c, discord.EventMessageCreate, nil); err != discord.ErrNoDispatcher {
			t.Errorf("%v", err)
		}
	})
}
