package vk_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestButtonCommands checks that a typed command, a text button and a callback
// button reach the same handler with the same arguments, in private and in a
// chat, and that other payloads do not.
func TestButtonCommands(t *testing.T) {
	newBot := func() *vk.Router {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		r.Handle("menu", func(c *vk.Context) error {
			kb := &vk.Keyboard{Inline: true}
			kb.Row(vk.TextButton("Text", vk.Cmd("shop buy", "green tea", 2)), vk.CallbackButton("Callback", vk.Cmd("shop buy", "green tea", 2)))
			kb.Row(vk.TextButton("Typo", vk.Cmd("shop bye")), vk.CallbackButton("Gone", vk.Cmd("shop bye")))
			kb.Row(vk.TextButton("!menu", vk.Choice("menu")), vk.CallbackButton("Wrong", vk.Cmd("shop buy", "tea", "many")))
			return c.Send("Menu", kb)
		})
		r.Route("shop", func(r *vk.Router) {
			r.Handle("buy {what} {n:int}", func(c *vk.Context) error {
				return c.Send(c.Arg("n") + " × " + c.Arg("what") + " by prefix " + c.Prefix())
			})
		})
		return r
	}
	for _, where := range []string{"private", "chat"} {
		t.Run(where, func(t *testing.T) {
			bot := vktest.Start(t, newBot())
			anna := bot.User("Anna")
			if where == "chat" {
				anna = anna.In(bot.Chat("Tea", anna))
			}
			anna.Says(`!shop buy "green tea" 2`)
			anna.Hears("2 × green tea by prefix !")
			anna.Says("!menu")
			anna.Hears("Menu")
			anna.Presses("Text")
			anna.Hears("2 × green tea by prefix ")
			p := anna.Presses("Callback")
			anna.Hears("2 × green tea by prefix ")
			p.Blank() // no handler answered it
			anna.Presses("Typo")
			anna.Presses("Gone").Blank()
			anna.HearsNothing()
			anna.Presses("Wrong").Snackbar(`n: "many" is not a whole number.`)
			if where == "private" { // in a chat, VK puts a mention before the label
				anna.Presses("!menu") // a Choice is not a command, but its label is
				anna.Hears("Menu")
			}
			anna.HearsNothing()
		})
	}
}

// TestUnansweredPress checks that a press that no handler answers is answered
// blank when all have returned, and that a press is left alone if a handler
// answers it or means to.
func TestUnansweredPress(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    vk.HandlerFunc
		seen func(p *vktest.Press)
	}{
		{"nobody", func(c *vk.Context) error { return nil }, func(p *vktest.Press) { p.Blank() }},
		{"an error", func(c *vk.Context) error { return vk.ErrNotFound }, func(p *vktest.Press) { p.Blank() }},
		{"a panic", func(c *vk.Context) error { panic("boom") }, func(p *vktest.Press) { p.Blank() }},
		{"a snackbar", func(c *vk.Context) error { return c.Snackbar("Yum") }, func(p *vktest.Press) { p.Snackbar("Yum") }},
		{"a link", func(c *vk.Context) error { return c.OpenLink("https://vk.com") }, func(p *vktest.Press) { p.Link("https://vk.com") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
					if c.Text() == "menu" {
						return c.Send("Menu", new(vk.Keyboard).Row(vk.CallbackButton("Press", nil)))
					}
					return tt.h(c)
				}))
				anna := bot.User("Anna")
				anna.Says("menu")
				anna.Hears("Menu")
				tt.seen(anna.Presses("Press"))
				bot.Wait(t.Context())
				if n := len(bot.Calls("messages.sendMessageEventAnswer")); n != 1 {
					t.Errorf("%d answers: %v", n, strings.TrimSpace(bot.Transcript()))
				}
			})
		})
	}
}

// pressed returns a place in which a callback button was pressed, and the
// event of the press.
func pressed(t *testing.T) (*place, *vk.Event) {
	p := newPlace(t)
	if err := p.client.Send(t.Context(), p.anna.ID, "menu", menu("Buy")); err != nil {
		t.Fatal(err)
	}
	return p, p.presses(p.anna, -p.group.ID, 1, "Buy")
}

// shown returns the answer to a press.
func (p *place) shown(e *vk.Event) (fakevk.EventAnswer, bool) {
	_, id, _ := strings.Cut(string(e.Object), `"event_id":"`)
	id, _, _ = strings.Cut(id, `"`)
	press, ok := p.world.Pressed(id)
	if !ok {
		p.t.Fatalf("no press %q", id)
	}
	return press.Answer, press.Answered
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(*vk.Context) error
		want   fakevk.EventAnswer
	}{
		{"blank", (*vk.Context).Answer, fakevk.EventAnswer{}},
		{"snackbar", func(c *vk.Context) error { return c.Snackbar("Added <b>&</b> \"saved\"") },
			fakevk.EventAnswer{Type: "show_snackbar", Text: "Added <b>&</b> \"saved\""}},
		{"the longest snackbar", func(c *vk.Context) error { return c.Snackbar(strings.Repeat("ж", 90)) },
			fakevk.EventAnswer{Type: "show_snackbar", Text: strings.Repeat("ж", 90)}},
		{"link", func(c *vk.Context) error { return c.OpenLink("https://vk.com/club1?a=1&b=2") },
			fakevk.EventAnswer{Type: "open_link", Link: "https://vk.com/club1?a=1&b=2"}},
		{"a link of many &", func(c *vk.Context) error { return c.OpenLink("https://vk.com/?" + strings.Repeat("&", 900)) },
			fakevk.EventAnswer{Type: "open_link", Link: "https://vk.com/?" + strings.Repeat("&", 900)}},
		{"app", func(c *vk.Context) error { return c.OpenApp(51, -7, "x=1") },
			fakevk.EventAnswer{Type: "open_app", AppID: 51, OwnerID: -7, Hash: "x=1"}},
		{"an app of nobody", func(c *vk.Context) error { return c.OpenApp(51, 0, "") },
			fakevk.EventAnswer{Type: "open_app", AppID: 51}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, e := pressed(t)
			if err := tt.answer(p.context(e)); err != nil {
				t.Fatal(err)
			}
			got, answered := p.shown(e)
			if diff := cmp.Diff(tt.want, got); diff != "" || !answered {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, data := p.world.Calls("messages.sendMessageEventAnswer")[0].Params["event_data"]
			if data != (tt.name != "blank") {
				t.Error("event_data:", data)
			}
		})
	}
}

func TestAnswersRefused(t *testing.T) {
	for name, answer := range map[string]func(*vk.Context) error{
		"an empty snackbar":    func(c *vk.Context) error { return c.Snackbar("") },
		"a long snackbar":      func(c *vk.Context) error { return c.Snackbar(strings.Repeat("x", 91)) },
		"no link":              func(c *vk.Context) error { return c.OpenLink("") },
		"a link to nowhere":    func(c *vk.Context) error { return c.OpenLink("https:///x") },
		"a link that is local": func(c *vk.Context) error { return c.OpenLink("vk.com") },
		"a link that acts":     func(c *vk.Context) error { return c.OpenLink("javascript:alert(1)") },
		"a link that is none":  func(c *vk.Context) error { return c.OpenLink("https://\x00") },
		"a long link":          func(c *vk.Context) error { return c.OpenLink("https://vk.com/" + strings.Repeat("x", 1000)) },
		"no app":               func(c *vk.Context) error { return c.OpenApp(0, 0, "") },
		"a long hash":          func(c *vk.Context) error { return c.OpenApp(1, 0, strings.Repeat("x", 1000)) },
	} {
		t.Run(name, func(t *testing.T) {
			p, e := pressed(t)
			c := p.context(e)
			err := answer(c)
			if err == nil || strings.Count(err.Error(), "vk: messages.sendMessageEventAnswer: ") != 1 || len(p.world.Calls("messages.sendMessageEventAnswer")) != 0 {
				t.Errorf("%v", err)
			}
			if err := c.Answer(); err != nil {
				t.Errorf("a refused answer counts as one: %v", err)
			}
		})
	}
}

func TestNoPress(t *testing.T) {
	p := newPlace(t)
	c := p.context(p.says(p.anna, -p.group.ID, "hello"))
	for _, err := range []error{c.Answer(), c.Snackbar("x"), c.OpenLink("https://vk.com"), c.OpenApp(1, 0, "")} {
		if !errors.Is(err, vk.ErrNoPress) || !strings.Contains(err.Error(), "message_new") {
			t.Errorf("%v", err)
		}
	}
	if n := len(p.world.Calls("")); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestAnsweredOnce checks that only one handler can answer a press, and that
// the others get an error.
func TestAnsweredOnce(t *testing.T) {
	p, e := pressed(t)
	var r vk.Router
	errs := make(chan error, 30)
	for range 3 {
		vk.On(&r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { errs <- c.Snackbar("Added") })
			}
			wg.Wait()
			return nil
		})
	}
	if err := r.Serve(p.context(e)); err != nil {
		t.Fatal(err)
	}
	close(errs)
	ok := 0
	for err := range errs {
		if err == nil {
			ok++
		} else if !strings.Contains(err.Error(), "already answered") {
			t.Errorf("%v", err)
		}
	}
	if n := len(p.world.Calls("messages.sendMessageEventAnswer")); ok != 1 || n != 1 {
		t.Errorf("%d answers succeeded, of %d that were sent", ok, n)
	}
}

// TestAnswerAgain checks that repeating an answer that has reached VK is not
// an error: if VK's response was lost, or if the event is handled again.
func TestAnswerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e := pressed(t)
		p.client.MaxAttempts = 3
		through, lost := p.client.HTTPClient.Transport, false
		p.client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := through.RoundTrip(r)
			if !lost {
				lost = true
				return nil, io.ErrUnexpectedEOF
			}
			return resp, err
		})}
		for range 2 {
			if err := p.context(e).Snackbar("Added"); err != nil {
				t.Error(err)
			}
		}
		var codes []int
		for _, call := range p.world.Calls("messages.sendMessageEventAnswer") {
			if call.Error == nil {
				codes = append(codes, 0)
			} else {
				codes = append(codes, call.Error.Code)
			}
		}
		if !slices.Equal(codes, []int{0, 100, 100}) {
			t.Errorf("VK answered %v", codes)
		}
		if a, _ := p.shown(e); a.Text != "Added" {
			t.Errorf("%+v", a)
		}
	})
	// This is the real VK's error for a press that is over.
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":100,"error_msg":"One of the parameters specified was missing or invalid: invalid event_id"}}`))
		e, err := vk.ParseEvent([]byte(pressEvent))
		if err != nil {
			t.Fatal(err)
		}
		if err := vk.NewContext(t.Context(), api.client, e).Answer(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnswerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e := pressed(t)
		c := p.context(e)
		time.Sleep(61 * time.Second)
		if err := c.Answer(); !errors.Is(err, vk.CodeParam) {
			t.Errorf("after a minute: %v", err)
		}
	})
	for _, message := range []string{"event_data is too long", "user_id is invalid"} {
		synctest.Test(t, func(t *testing.T) {
			refused := fmt.Sprintf(`{"error":{"error_code":100,"error_msg":"%s"}}`, message)
			api := newAPI(t, respond(refused, `{"response":1}`))
			e, err := vk.ParseEvent([]byte(pressEvent))
			if err != nil {
				t.Fatal(err)
			}
			c := vk.NewContext(t.Context(), api.client, e)
			if err := c.Snackbar("x"); !errors.Is(err, vk.CodeParam) {
				t.Errorf("%s: %v", message, err)
			}
			if err := c.Answer(); err != nil { // it may be retried
				t.Error(err)
			}
			want := map[string]string{"user_id": "5", "peer_id": "5", "event_id": "f00"}
			if diff := cmp.Diff(want, flat(api.forms[1])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAnswerUser checks that VK refuses answers to presses with a user's
// token, and that it is not asked again once the token is known to be a
// user's.
func TestAnswerUser(t *testing.T) {
	p := newPlace(t)
	me := p.world.AddUser(fakevk.UserSpec{FirstName: "Me"})
	c := p.as(p.world.AddUserToken(me.ID))
	if err := c.Send(t.Context(), p.anna.ID, "x"); err != nil {
		t.Fatal(err)
	}
	e := happened(t, "message_event", `{"event_id":"p","user_id":5,"peer_id":5,"conversation_message_id":1,"payload":{}}`).Event()
	err := vk.NewContext(t.Context(), c, e).Answer()
	var wrong *vk.ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "Client.Token" || wrong.Place != "messages.sendMessageEventAnswer" {
		t.Errorf("%v", err)
	}
	if n := len(p.world.Calls("messages.sendMessageEventAnswer")); n > 0 {
		t.Errorf("%d calls", n)
	}
}
