package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// asker returns a bot that asks for a name, and then greets.
func asker(opts ...vk.SendOption) *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("name", func(c *vk.Context) error {
		a, err := c.Ask("Your name?", opts...)
		if err != nil {
			c.Send(fmt.Sprintf("No name: %v", err))
			return err
		}
		return a.Send("Hello, " + a.Text())
	})
	r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
	return r
}

func TestAsk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := asker()
		seen := 0
		vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { seen++; return nil })
		r.NotFound(func(c *vk.Context) error { return c.Send("What?") })
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!name")
		anna.Hears("Your name?")
		anna.HearsNothing() // a bot that waits for an answer is idle
		time.Sleep(10 * time.Minute)
		anna.Says("!Anna") // not a command
		anna.Hears("Hello, !Anna")
		anna.Says("!Anna")
		anna.Hears("What?")
		if seen != 3 {
			t.Errorf("listeners have seen %d messages", seen)
		}
	})
}

// TestAskInChat checks that a question does not block a chat, and that only
// one user can answer it.
func TestAskInChat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bot := vktest.Start(t, asker())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		chat := bot.Chat("All", anna, boris)
		anna, boris = anna.In(chat), boris.In(chat)
		anna.Says("!name")
		anna.Hears("Your name?")
		boris.Says("Boris")
		boris.Says("!ping")
		boris.Hears("pong")
		boris.Says("!name")
		boris.Hears("Your name?")
		anna.Says("Anna")
		anna.Hears("Hello, Anna")
		boris.Says(fmt.Sprintf("[club%d|@bot], Boris", bot.GroupID))
		boris.Hears("Hello, Boris")
		anna.HearsNothing()
	})
}

// TestAskHundred checks that waiting handlers need no worker and do not count
// in MaxEvents.
func TestAskHundred(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bot := vktest.Config{RPS: -1, Dispatcher: &vk.Dispatcher{Workers: 1, MaxEvents: 2}}.Start(t, asker(vk.Within(0)))
		var people []*vktest.User
		for i := range 100 {
			p := bot.User(fmt.Sprint("P", i))
			p.Says("!name")
			p.Hears("Your name?")
			people = append(people, p)
		}
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		time.Sleep(48 * time.Hour) // no time limit either
		for i, p := range people {
			p.Says(strconv.Itoa(i))
		}
		for i, p := range people {
			p.Hears(fmt.Sprint("Hello, ", i))
		}
	})
}

// TestNothingOvertakes checks that a handler that gets its answer continues
// before later events, which also wait while the handler is busy.
func TestNothingOvertakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary()
		r := vk.NewRouter("!")
		r.Handle("ask", func(c *vk.Context) error {
			for range 2 {
				a, err := c.Ask("?")
				if err != nil {
					return err
				}
				time.Sleep(time.Second)
				d.note("answer %s", a.Text())
			}
			time.Sleep(time.Second)
			d.note("done")
			return nil
		})
		vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { d.note("comes %s", c.Text()); return nil })
		r.Handle("next", func(c *vk.Context) error { d.note("next"); return nil })
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, r)
		anna := bot.User("Anna")
		for _, text := range []string{"!ask", "1", "2", "!next"} {
			anna.Says(text)
		}
		anna.Hears("?")
		anna.Hears("?")
		bot.Wait(t.Context())
		time.Sleep(time.Minute)
		d.is(t, "0s comes !ask", "0s comes 1", "1s answer 1", "1s comes 2", "2s answer 2", "3s done", "3s comes !next", "3s next")
	})
}

// TestInterrupted checks that a command ends a question, whose handler ends
// before the command begins. A text that only looks like a command does not
// end it.
func TestInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		logger, log := logTo()
		bot := vktest.Config{Logger: logger, Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, asker())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		chat := bot.Chat("All", anna, boris)
		anna, boris = anna.In(chat), boris.In(chat)
		anna.Says("!name")
		anna.Hears("Your name?")
		boris.Says("!ping") // somebody else's
		boris.Hears("pong")
		anna.Says("!ping")
		anna.Hears("No name: " + vk.ErrInterrupted.Error())
		anna.Hears("pong")
		anna.Says("Anna")
		anna.HearsNothing()
		if strings.Contains(log.String(), "ERROR") {
			t.Error(log)
		}
	})
}

// TestAskWithoutPrefix checks that, if commands have no prefix, a text that is
// not a complete command is an answer; with AnyText, a command is one, too.
func TestAskWithoutPrefix(t *testing.T) {
	const answered, interrupted = "Hello, ", "No name: "
	yes := vk.TextButton("Yes", vk.Cmd("no"))
	for _, tt := range []struct {
		name  string
		opts  []vk.SendOption
		reply func(u *vktest.User)
		want  string
	}{
		{"no command", nil, func(u *vktest.User) { u.Says("Anna") }, answered},
		{"a command", nil, func(u *vktest.User) { u.Says("no") }, interrupted},
		{"a command and more", nil, func(u *vktest.User) { u.Says("no bad habits") }, answered},
		{"a command with arguments", nil, func(u *vktest.User) { u.Says("add 5") }, interrupted},
		{"a command without its arguments", nil, func(u *vktest.User) { u.Says("add it") }, answered},
		{"a command whose arguments cannot be found out", nil, func(u *vktest.User) { u.Says("ask x") }, interrupted},
		{"a command with a prefix and more", nil, func(u *vktest.User) { u.Says("!no bad habits") }, interrupted},
		{"a button of a command", []vk.SendOption{new(vk.Keyboard).Row(yes)}, func(u *vktest.User) { u.Presses("Yes") }, interrupted},
		{"AnyText: a command", []vk.SendOption{vk.AnyText()}, func(u *vktest.User) { u.Says("no") }, answered},
		{"AnyText: a command with arguments", []vk.SendOption{vk.AnyText()}, func(u *vktest.User) { u.Says("add 5") }, answered},
		{"AnyText: a command with a prefix", []vk.SendOption{vk.AnyText()}, func(u *vktest.User) { u.Says("!no") }, interrupted},
		{"AnyText: a button of a command", []vk.SendOption{vk.AnyText(), new(vk.Keyboard).Row(yes)}, func(u *vktest.User) { u.Presses("Yes") }, interrupted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := asker(tt.opts...)
				r.Prefix = vk.AnyPrefix(vk.Literal("!"), vk.NoPrefixInPrivate)
				r.Converter("db", vk.ConvertFunc(func(*vk.Context, string) (int, error) { panic("down") }))
				r.Handle("no", nothing)
				r.Handle("add {n:int}", nothing)
				r.Handle("ask {x:db}", nothing)
				bot := vktest.Start(t, r)
				anna := bot.User("Anna")
				anna.Says("name")
				anna.Hears("Your name?")
				tt.reply(anna)
				anna.HearsLike("^" + tt.want)
			})
		})
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []vk.SendOption
		want time.Duration
	}{
		{"an hour", nil, time.Hour},
		{"as said", []vk.SendOption{vk.Within(3 * time.Minute)}, 3 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				bot := vktest.Start(t, asker(tt.opts...))
				anna := bot.User("Anna")
				anna.Says("!name")
				anna.Hears("Your name?")
				time.Sleep(tt.want - time.Second)
				anna.HearsNothing()
				time.Sleep(time.Second)
				anna.Hears("No name: " + vk.ErrNoAnswer.Error())
				anna.Says("Anna")
				anna.HearsNothing()
			})
		})
	}
	if !errors.Is(vk.ErrNoAnswer, context.DeadlineExceeded) {
		t.Error("ErrNoAnswer is no DeadlineExceeded")
	}
}

// TestAskTyped checks parsing, repeated questions, choices and canceling.
func TestAskTyped(t *testing.T) {
	for _, tt := range []struct {
		name string
		talk []string // texts of the user and the bot in turn
		want string
	}{
		{"at once", []string{"7"}, "7 <nil>"},
		{"again", []string{"x", "A number!", "y", "A number!", "8"}, "8 <nil>"},
		{"never", []string{"x", "A number!", "y", "A number!", "z"}, `0 vk: cannot parse the answer: strconv.Atoi: parsing "z": invalid syntax`},
		{"cancel", []string{"x", "A number!", " ОТМЕНА "}, "0 " + vk.ErrCanceled.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := vk.NewRouter("!")
				r.Handle("age", func(c *vk.Context) error {
					n, err := vk.Ask(c, "Your age?", strconv.Atoi, vk.Retry(2, "A number!"), vk.Cancel("cancel", "отмена"))
					return c.Send(fmt.Sprint(n, " ", err))
				})
				bot := vktest.Start(t, r)
				anna := bot.User("Anna")
				anna.Says("!age")
				anna.Hears("Your age?")
				for i, text := range tt.talk {
					if i%2 == 0 {
						anna.Says(text)
					} else {
						anna.Hears(text)
					}
				}
				anna.Hears(tt.want)
			})
		})
	}
}

// capitals returns a bot that asks for a capital, with buttons.
func capitals(opts ...vk.SendOption) *vk.Router {
	r := vk.NewRouter()
	r.Handle("quiz", func(c *vk.Context) error {
		a, err := c.Ask("The capital of France?", opts...)
		if err != nil {
			return c.Send(err.Error())
		}
		return a.Send("You say: " + a.Text())
	})
	r.Handle("lyon", func(c *vk.Context) error { return c.Send("a command") })
	r.NotFound(func(c *vk.Context) error { return c.Send("unknown") })
	return r
}

func TestChoices(t *testing.T) {
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprint("Town ", i)
	}
	for _, tt := range []struct {
		name   string
		opts   []vk.SendOption
		answer func(*vktest.User)
		want   string
	}{
		{"pressed", []vk.SendOption{vk.Choices("Paris", "Lyon")}, func(u *vktest.User) { u.Presses("Paris") }, "You say: Paris"},
		{"written", []vk.SendOption{vk.Choices("Paris", "Lyon")}, func(u *vktest.User) { u.Says("paris") }, "You say: Paris"},
		{"a choice rather than a command", []vk.SendOption{vk.Choices("Paris", "lyon")}, func(u *vktest.User) { u.Says("lyon") }, "You say: lyon"},
		{"something else", []vk.SendOption{vk.Choices("Paris", "Lyon")}, func(u *vktest.User) { u.Says("Rome") }, "You say: Rome"},
		{"below the input field", []vk.SendOption{vk.Choices(many...)}, func(u *vktest.User) { u.Presses("Town 10") }, "You say: Town 10"},
		{"a sticker", nil, func(u *vktest.User) { u.Says("", vktest.Photo(10, 10)) }, "You say: "},
		{"options as one", []vk.SendOption{vk.Options(vk.Choices("Paris"), vk.Cancel("x"))}, func(u *vktest.User) { u.Presses("Paris") }, "You say: Paris"},
		{"callback button", []vk.SendOption{(&vk.Keyboard{Inline: true}).Row(vk.CallbackButton("P", vk.Choice("Paris")))},
			func(u *vktest.User) { u.Presses("P").Blank() }, "You say: Paris"},
		{"own text button", []vk.SendOption{(&vk.Keyboard{}).Row(vk.TextButton("P", vk.Choice("Paris")))},
			func(u *vktest.User) { u.Presses("P") }, "You say: Paris"},
	} {
		for _, where := range []string{"private", "chat"} {
			t.Run(tt.name+"/"+where, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					bot := vktest.Start(t, capitals(tt.opts...))
					anna := bot.User("Anna")
					if where == "chat" {
						anna = anna.In(bot.Chat("All", anna))
					}
					anna.Says("quiz")
					anna.Hears("The capital of France?")
					tt.answer(anna)
					anna.Hears(tt.want)
				})
			})
		}
	}
}

// TestOtherButtons checks that presses by other users, and of other questions'
// buttons, are not answers and do not disturb the question.
func TestOtherButtons(t *testing.T) {
	bubble(t, func(t *testing.T) {
		kb := (&vk.Keyboard{Inline: true}).Row(vk.CallbackButton("P", vk.Choice("Paris")), vk.TextButton("L", vk.Choice("Lyon")))
		r := capitals(kb)
		bot := vktest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		chat := bot.Chat("All", anna, boris)
		anna, boris = anna.In(chat), boris.In(chat)
		anna.Says("quiz")
		anna.Hears("The capital of France?")
		boris.Presses("P").Blank()
		boris.HearsNothing()
		boris.Says("quiz")
		boris.Hears("The capital of France?")
		anna.Presses("P").Blank() // of Boris's question
		anna.HearsNothing()
		boris.Presses("P").Blank()
		boris.Hears("You say: Paris")
		anna.Says("Rome")
		anna.Hears("You say: Rome")
		if k := kb.Rows[0][0].Payload; k != vk.Choice("Paris") {
			t.Errorf("the keyboard was changed: %v", k)
		}
	})
}

// TestPressBeforeResponse checks that a press that arrives before VK's
// response to the question is its answer.
func TestPressBeforeResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		bot := vktest.New(t)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		r.Handle("quiz", func(c *vk.Context) error {
			a, err := c.Ask("?", vk.From{Peer: boris.ID, User: boris.ID}, vk.Choices("Yes", "No"))
			if err != nil {
				return err
			}
			return c.Send("He says " + a.Text())
		})
		bot.Client().Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (_ json.RawMessage, err error) {
				defer func() {
					if text, _ := p["message"].(string); text == "?" {
						boris.Presses("Yes")
						time.Sleep(time.Minute / 2)
					}
				}()
				return next(ctx, method, p)
			}
		})
		bot.Start(r)
		boris.Says("hi") // now he can be written to
		boris.HearsNothing()
		anna.Says("quiz")
		time.Sleep(time.Minute)
		anna.Hears("He says Yes")
	})
}

// TestPressOfHandler checks that a press is answered blank before its handler
// waits, even if the press was an answer to a question. The handler that gets
// such an answer can answer the press otherwise.
func TestPressOfHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		button := func(label string, payload any) *vk.Keyboard {
			return (&vk.Keyboard{Inline: true}).Row(vk.CallbackButton(label, payload))
		}
		r.Handle("menu", func(c *vk.Context) error { return c.Send("menu", button("Start", vk.Cmd("go"))) })
		r.Handle("go", func(c *vk.Context) error {
			if _, err := c.Ask("first", button("One", vk.Choice("1"))); err != nil {
				return err
			}
			a, err := c.Ask("second", button("Two", vk.Choice("2")))
			if err != nil {
				return err
			}
			if err := a.Snackbar("Well done"); err != nil {
				return err
			}
			_, err = c.Ask("third", button("Three", vk.Choice("3")))
			return err
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("menu")
		anna.Hears("menu")
		p := anna.Presses("Start")
		anna.Hears("first")
		p.Blank()
		p = anna.Presses("One")
		anna.Hears("second")
		p.Blank()
		p = anna.Presses("Two")
		anna.Hears("third")
		p.Snackbar("Well done")
		anna.Presses("Three").Blank()
		anna.HearsNothing()
		if n := len(bot.Calls("messages.sendMessageEventAnswer")); n != 4 {
			t.Errorf("%d answers", n)
		}
	})
}

// TestAnswerForms checks the comparison of answers, and the parts that are cut
// off.
func TestAnswerForms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("ask", func(c *vk.Context) error {
			a, err := c.Ask("?", vk.Choices("Ещё  раз", "хватит"), vk.Cancel("всё"))
			if err != nil {
				return c.Send(err.Error())
			}
			return a.Send("<" + a.Text() + ">")
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna = anna.In(bot.Chat("All", anna))
		for text, want := range map[string]string{
			"еще РАЗ":                      "<Ещё  раз>",
			" [club%d|@bot]: ХВАТИТ ":      "<хватит>",
			"@club%d, все":                 vk.ErrCanceled.Error(),
			"[public%d|Bot]  other  thing": "<other  thing>",
			"[club1%d|Bot], other":         "<[club1%d|Bot], other>",
		} {
			in := func(s string) string { return strings.ReplaceAll(s, "%d", fmt.Sprint(bot.GroupID)) }
			anna.Says("!ask")
			anna.Hears("?")
			anna.Says(in(text))
			anna.Hears(in(want))
		}
	})
}
