package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// answers runs a bot with one slash command, "go", and one button, "press",
// both with the handler, and returns it with a user who uses them.
func answers(t *testing.T, rt discord.Route) (*discordtest.Server, *discordtest.User) {
	t.Helper()
	r := discord.NewRouter()
	rt.Pattern = "go"
	r.Add(rt)
	rt.Pattern, rt.Press = "", "press"
	r.Add(rt)
	r.Handle("board", func(c *discord.Context) error {
		return c.Reply("board", discord.Row{{Label: "Press", ID: discord.Cmd("press")}})
	})
	s := discordtest.Start(t, r)
	return s, s.User("Anna")
}

// TestDeferral: an answer that is late is deferred, and is the same as one in time.
func TestDeferral(t *testing.T) {
	for _, tt := range []struct {
		name     string
		route    discord.Route
		deferred bool // by the handler itself
		opts     []discord.SendOption
		alone    bool // only the user sees the answer
	}{
		{name: "public"},
		{name: "ephemeral", opts: []discord.SendOption{discord.Ephemeral}, alone: true},
		{name: "a route of ephemeral answers", route: discord.Route{Ephemeral: true}, alone: true},
		{name: "deferred by the handler", deferred: true},
	} {
		for _, pause := range []time.Duration{0, 5 * time.Second} {
			bubble(t, fmt.Sprintf("%s after %v", tt.name, pause), func(t *testing.T) {
				tt.route.Handler = func(c *discord.Context) error {
					if tt.deferred {
						if err := c.Defer(); err != nil {
							return err
						}
					}
					time.Sleep(pause)
					var m discord.Message
					if err := c.Reply("first", append(tt.opts, discord.Into(&m))...); err != nil {
						return err
					}
					if m.Content != "first" || m.ID == 0 {
						t.Errorf("Into: %+v", m)
					}
					if err := c.Edit("edited"); err != nil {
						return err
					}
					return c.Send("second", discord.Silent)
				}
				s, anna := answers(t, tt.route)
				boris := s.User("Boris")
				sees := anna.Sees
				if tt.alone {
					sees = anna.SeesEphemeral
				}
				anna.Slash("go")
				if pause > 0 || tt.deferred {
					anna.SeesThinking()
				}
				sees("first")
				anna.SeesEdited("edited")
				if tt.route.Ephemeral {
					anna.SeesEphemeral("second")
				} else {
					anna.Sees("second")
				}
				anna.Slash("board")
				anna.Sees("board")
				anna.Clicks("Press")
				sees("first")
				anna.SeesEdited("edited")
				if tt.route.Ephemeral {
					anna.SeesEphemeral("second")
					boris.SeesNothing()
				} else {
					anna.Sees("second")
				}
				anna.SeesNothing()
			})
		}
	}
}

// TestDeferredBy: a deferral by the handler itself decides about the first answer.
func TestDeferredBy(t *testing.T) {
	bubble(t, "ephemeral", func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			if err := errors.Join(c.Defer(discord.Ephemeral), c.Defer(), c.Reply("one")); err != nil {
				return err
			}
			return c.Reply("two")
		}})
		_ = s
		anna.Slash("go")
		anna.SeesEphemeral("one")
		if m := anna.Sees("two"); m.Flags.Has(discord.FlagEphemeral) {
			t.Error("the second answer is ephemeral too")
		}
	})
	bubble(t, "public, and the answer is not", func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			return errors.Join(c.Defer(), c.Reply("one", discord.Ephemeral))
		}})
		anna.Slash("go")
		anna.SeesEphemeral("one")
		if n := len(s.Calls("DELETE /webhooks/*/*/messages/@original")); n != 1 {
			t.Errorf("the placeholder was deleted %d times", n)
		}
		s.User("Boris").SeesNothing()
	})
}

// TestDeferredPress: after Defer with Ephemeral, the first message in answer to a press is
// for the user alone, as it is in answer to a command. An edit of the button's message is not.
func TestDeferredPress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			if c.Interaction().Message == nil {
				return nil
			}
			return errors.Join(c.Defer(discord.Ephemeral), c.Edit("pressed"), c.Reply("one"), c.Reply("two"))
		}})
		anna.Slash("board")
		anna.Sees("board")
		anna.Clicks("Press")
		anna.SeesEdited("pressed")
		anna.SeesEphemeral("one")
		if m := anna.Sees("two"); m.Flags.Has(discord.FlagEphemeral) {
			t.Error("the second answer is ephemeral too")
		}
		s.User("Boris").SeesNothing()
	})
}

// TestFullLane: the answer is deferred when the event is taken, not when the handler begins.
func TestFullLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			time.Sleep(20 * time.Second)
			return c.Reply("done")
		}})
		for range 5 {
			anna.Slash("go")
		}
		boris := s.User("Boris") // of another lane
		boris.Slash("board")
		boris.Sees("board")
		for range 5 {
			anna.SeesThinking()
		}
		start := time.Now()
		for range 5 { // longer than a test waits for one
			time.Sleep(20 * time.Second)
			anna.Sees("done")
		}
		if took := time.Since(start); took > 101*time.Second {
			t.Errorf("took %v", took)
		}
		anna.SeesNothing()
	})
}

// TestFullLaneEphemeral: only the user sees that the bot is thinking if the
// route says so, even before its handler begins.
func TestFullLaneEphemeral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, anna := answers(t, discord.Route{Ephemeral: true, Handler: func(c *discord.Context) error {
			time.Sleep(4 * time.Second)
			return c.Reply("done")
		}})
		anna.Slash("go")
		anna.Slash("go")
		anna.SeesEphemeral("done")
		anna.SeesEphemeral("done")
		if n := len(s.Calls("DELETE /webhooks/*/*/messages/@original")); n != 0 {
			t.Errorf("%d placeholders were shown to everybody", n)
		}
	})
}

// TestSaidNothing: a handler that returns without an answer shows nothing and leaves nothing
// behind, in time or late.
func TestSaidNothing(t *testing.T) {
	for name, h := range map[string]discord.HandlerFunc{
		"nil":    silent,
		"error":  func(*discord.Context) error { return errors.New("broken") },
		"panic":  func(*discord.Context) error { panic("broken") },
		"late":   func(*discord.Context) error { time.Sleep(4 * time.Second); return nil },
		"Delete": func(c *discord.Context) error { return errors.Join(c.Reply("oops"), c.Delete()) },
	} {
		bubble(t, name, func(t *testing.T) {
			s, anna := answers(t, discord.Route{Handler: h})
			anna.Slash("go")
			if name == "Delete" {
				anna.Sees("oops")
			}
			time.Sleep(10 * time.Second)
			anna.SeesNothing()
			anna.Slash("board")
			board := anna.Sees("board")
			anna.Clicks("Press")
			if name == "Delete" {
				anna.Sees("oops")
			}
			time.Sleep(10 * time.Second)
			anna.SeesNothing()
			if left := messages(t, s); len(left) != 1 || left[0].ID != board.ID {
				t.Errorf("left in the channel: %+v", left)
			}
		})
	}
}

// messages returns the messages of the first channel.
func messages(t *testing.T, s *discordtest.Server) (all []discord.Message) {
	t.Helper()
	for m, err := range s.Client().Messages(t.Context(), s.General.ID, discord.Span{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// TestAnswersUnderFaults: a limit, a lost answer, a server error do not keep the first
// answer from coming once, in time.
func TestAnswersUnderFaults(t *testing.T) {
	const callback = "POST /interactions/*/*/callback"
	for name, f := range map[string]discordtest.Fault{
		"429":        {Call: callback, Times: 1, Status: 429, RetryAfter: 600 * time.Millisecond, Scope: "user"},
		"lost":       {Call: callback, Times: 1, Lost: true},
		"502":        {Call: callback, Times: 1, Status: 502, HTML: true},
		"edit lost":  {Call: "PATCH /webhooks/*/*/messages/@original", Times: 1, Lost: true},
		"global 429": {Call: "GET /users/*", Times: 1, Status: 429, RetryAfter: 8 * time.Second, Scope: "global"},
	} {
		for _, pause := range []time.Duration{0, 4 * time.Second} {
			bubble(t, fmt.Sprint(name, " after ", pause), func(t *testing.T) {
				var s *discordtest.Server
				s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
					if name == "global 429" {
						go c.Client().User(c, c.UserID()) // meanwhile no other call goes out
					}
					time.Sleep(pause + 100*time.Millisecond)
					return c.Reply("done")
				}})
				s.Fail(f)
				anna.Slash("go")
				anna.Sees("done")
				anna.SeesNothing()
				if left := messages(t, s); len(left) != 1 {
					t.Errorf("%d messages", len(left))
				}
				anna.Slash("board")
				anna.Sees("board")
				if f.Call == callback {
					s.Fail(f)
				}
				anna.Clicks("Press")
				anna.Sees("done")
				anna.SeesNothing()
				if left := messages(t, s); len(left) != 3 {
					t.Errorf("%d messages after the press", len(left))
				}
			})
		}
	}
	bubble(t, "form", func(t *testing.T) {
		form := discord.Form{ID: discord.Cmd("x"), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A"}}}
		opened := make(chan error, 1)
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			err := c.Open(form)
			opened <- err
			return err
		}})
		s.Fail(discordtest.Fault{Call: callback, Times: 1, Lost: true})
		anna.Slash("go")
		anna.SeesForm("T")
		if err := <-opened; err != nil {
			t.Error(err)
		}
	})
}

// TestExpired: 15 minutes after the interaction there is no answer any more, and no call.
func TestExpired(t *testing.T) {
	for _, first := range []bool{true, false} {
		bubble(t, fmt.Sprint("answered ", first), func(t *testing.T) {
			got := make(chan error, 4)
			r := discord.NewRouter()
			r.Handle("go", func(c *discord.Context) error {
				if first {
					if err := c.Reply("first"); err != nil {
						return err
					}
				}
				return c.Park(func() error {
					time.Sleep(15*time.Minute + time.Second)
					got <- c.Reply("late")
					got <- c.Edit("late")
					got <- c.Delete()
					got <- c.Open(discord.Form{ID: discord.Cmd("x"), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A"}}})
					return nil
				})
			})
			s := discordtest.Start(t, r)
			anna := s.User("Anna")
			anna.Slash("go")
			time.Sleep(3 * time.Second)
			before := len(s.Calls("*"))
			for range 4 {
				err := <-got
				var late *discord.AnswerError
				if !errors.Is(err, discord.ErrExpired) || !errors.As(err, &late) || late.After < 15*time.Minute || !strings.Contains(err.Error(), "with Client.Send") {
					t.Errorf("%v", err)
				}
			}
			if n := len(s.Calls("*")) - before; n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestTooLate: an event that comes too late to be answered is an error that says so.
func TestTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan error, 1)
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			err := c.Reply("late")
			got <- err
			return err
		}})
		s.Gateway.Late(10 * time.Second)
		anna.Slash("go")
		err := <-got
		if !errors.Is(err, discord.ErrExpired) || !errors.Is(err, discord.CodeUnknownInteraction) || !strings.Contains(err.Error(), "the event came too late") {
			t.Error(err)
		}
		anna.SeesNoResponse()
	})
}

// TestShow: all pages that a user browses are one message.
func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Handle("book", func(c *discord.Context) error {
			return errors.Join(c.Show("page 1", discord.Row{{Label: "Next", ID: discord.Cmd("page", 2)}}), c.Show("page one"))
		})
		r.Press("page {n:int}", func(c *discord.Context) error { return c.Show("page " + c.Arg("n")) })
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		for _, begin := range []func(){func() { anna.Says("!book") }, func() { anna.Slash("book") }} {
			begin()
			anna.Sees("page 1")
			anna.SeesEdited("page one")
			anna.Clicks("Next")
			anna.SeesEdited("page 2")
		}
		anna.SeesNothing()
	})
}

// TestAnswerAgain: an event that comes again after a crash is not answered twice.
func TestAnswerAgain(t *testing.T) {
	const id = `"id":"11","application_id":"12","token":"tok","channel_id":"5","user":{"id":"6"},"version":1`
	const original = "/api/webhooks/12/tok/messages/@original"
	for _, tt := range []struct {
		name, data string
		want       []string
	}{
		{"command", `{` + id + `,"type":2,"data":{"type":1,"name":"go"}}`, []string{"PATCH " + original}},
		{"press that was answered", `{` + id + `,"type":3,"message":{"id":"7"},"data":{"custom_id":"press"}}`, []string{"GET " + original, "PATCH " + original}},
		{"press that was deferred", `{` + id + `,"type":3,"message":{"id":"20"},"data":{"custom_id":"press"}}`, []string{"GET " + original, "POST /api/webhooks/12/tok"}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/callback") {
					writeJSON(w, 400, `{"code":40060,"message":"Interaction has already been acknowledged."}`)
					return
				}
				writeJSON(w, 200, `{"id":"20"}`)
			})
			r := discord.NewRouter()
			h := func(c *discord.Context) error { return c.Reply("again") }
			r.Handle("go", h)
			r.Press("press", h)
			d := &discord.Dispatcher{Client: api.client, Handler: r}
			if err := d.Dispatch(t.Context(), event(t, "INTERACTION_CREATE", tt.data)); err != nil {
				t.Fatal(err)
			}
			d.Stop(t.Context())
			want := append([]string{"POST /api/interactions/11/tok/callback"}, tt.want...)
			if got := api.lines(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%q", got)
			}
			for _, c := range api.calls() {
				if c.Header.Get("Authorization") != "" {
					t.Error("the bot's token was sent")
				}
			}
		})
	}
}

// TestAnswerMistakes: answers that cannot be are errors that name the place.
func TestAnswerMistakes(t *testing.T) {
	i := event(t, "INTERACTION_CREATE", `{"id":"11","application_id":"12","token":"tok","type":5,"channel_id":"5","data":{"custom_id":"x"}}`)
	m := event(t, "MESSAGE_CREATE", `{"id":"1","channel_id":"5","author":{"id":"6"}}`)
	form := discord.Form{ID: discord.Cmd("x"), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A"}}}
	client := discord.NewClient("t")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"Reply", discord.NewContext(t.Context(), client, i).Reply(""), "discord: Context.Reply: the message is empty: give it a text, an embed, a file or a sticker"},
		{"Send", discord.NewContext(t.Context(), client, i).Send(""), "discord: Context.Send: the message is empty: give it a text, an embed, a file or a sticker"},
		{"Show", discord.NewContext(t.Context(), client, i).Show("x", discord.ReplyTo(1)), "discord: Context.Show: ReplyTo is for a message that is sent: leave it out of an edit"},
		{"Edit", discord.NewContext(t.Context(), client, i).Edit(strings.Repeat("x", 2001)), "discord: Context.Edit: content has 2001 characters: Discord takes at most 2000"},
		{"ReplyTo", discord.NewContext(t.Context(), client, i).Edit("x", discord.ReplyTo(1)), "discord: Context.Edit: ReplyTo is for a message that is sent: leave it out of an edit"},
		{"Open in answer to a form", discord.NewContext(t.Context(), client, i).Open(form), "discord: Open after 0s: no form opens in answer to a form: answer with a button that opens it"},
		{"Open of a bad form", discord.NewContext(t.Context(), client, i).Open(discord.Form{}), "discord: Context.Open: custom_id is empty: make it with Cmd"},
		{"Open in answer to a message", discord.NewContext(t.Context(), client, m).Open(form), "discord: Open: a MESSAGE_CREATE event cannot open a form: answer with a button that opens it"},
		{"Delete", discord.NewContext(t.Context(), client, i).Delete(), "discord: Delete after 0s: there is no answer to delete: answer first"},
		{"no client", discord.NewContext(t.Context(), nil, i).Reply("x"), "discord: the Context has no Client to ask Discord with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || tt.err.Error() != tt.want {
				t.Errorf("%v", tt.err)
			}
		})
	}
	if c := discord.NewContext(t.Context(), client, m); c.Interaction() != nil || c.Locale() != "" || c.Picked() != nil || c.Input("x") != "" {
		t.Error("a message is an interaction")
	}
	var raw struct{ Token string }
	c := discord.NewContext(t.Context(), client, i)
	if json.Unmarshal(c.Event().Data, &raw); strings.Contains(fmt.Sprintf("%+v %v", c.Interaction(), c.Reply("")), raw.Token) {
		t.Error("the token shows")
	}
}
