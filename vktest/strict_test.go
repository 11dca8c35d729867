package vktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func TestChanceZero(t *testing.T) {
	bot := vktest.New(t)
	never := bot.Fail("users.get", vktest.Error(vk.CodeServer), vktest.Chance(0))
	for range 20 {
		if err := bot.AdminClient().Call(t.Context(), "users.get", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if never.Hits() != 0 {
		t.Errorf("%d hits", never.Hits())
	}
}

// TestFailRefuses checks that an impossible or invalid fault fails the test
// that sets it up.
func TestFailRefuses(t *testing.T) {
	reset := vktest.Reset()
	for _, tt := range []struct {
		on   string
		what []vktest.FaultOption
		want string
	}{
		{"messages.snd", []vktest.FaultOption{reset}, `vktest: Fail("messages.snd"): there is no method, section, event or place "messages.snd"; use a method, a section such as`},
		{"message.*", []vktest.FaultOption{reset}, "there is no method, section, event or place"},
		{"messages.get*", []vktest.FaultOption{reset}, "there is no method, section, event or place"},
		{"Message_new", []vktest.FaultOption{reset}, "there is no method, section, event or place"},
		{"message_new.start", []vktest.FaultOption{reset}, "there is no method, section, event or place"},
		{"longpoll 1", []vktest.FaultOption{reset}, "there is no method, section, event or place"},
		{"", []vktest.FaultOption{reset}, "there is no method, section, event or place"},
		{"messages.send", nil, "a fault needs an effect or a Delay"},
		{"messages.send", []vktest.FaultOption{vktest.Times(3)}, "a fault needs an effect or a Delay"},
		{"messages.send", []vktest.FaultOption{reset, vktest.Empty()}, "more than one effect"},
		{"messages.send", []vktest.FaultOption{reset, vktest.Chance(-0.1)}, "Chance(-0.1) is not between 0 and 1"},
		{"messages.send", []vktest.FaultOption{reset, vktest.Chance(5)}, "Chance(5) is not between 0 and 1"},
		{"messages.send", []vktest.FaultOption{reset, vktest.Chance(math.NaN())}, "Chance(NaN)"},
		{"messages.send", []vktest.FaultOption{reset, vktest.Times(-1)}, "Times is negative"},
		{"messages.send", []vktest.FaultOption{reset, vktest.Skip(-1)}, "Skip is negative"},
		{"messages.send", []vktest.FaultOption{reset, vktest.During(-1, 0)}, "During is negative"},
		{"messages.send", []vktest.FaultOption{reset, vktest.During(1, -1)}, "During is negative"},
		{"messages.send", []vktest.FaultOption{vktest.Delay(-1)}, "Delay is negative"},
		{"messages.send", []vktest.FaultOption{vktest.Stall(-1)}, "Stall is negative"},
		{"messages.send", []vktest.FaultOption{vktest.Slow(-1)}, "Slow is negative"},
		{"messages.send", []vktest.FaultOption{vktest.Huge(-1)}, "Huge is negative"},
		{"message_new", []vktest.FaultOption{vktest.Duplicate(-1)}, "Duplicate is negative"},
		{"message_new", []vktest.FaultOption{vktest.Late(-1)}, "Late is negative"},
		{"messages.send", []vktest.FaultOption{vktest.Status(99)}, "Status(99) is not an HTTP status from 200 to 599"},
		{"messages.send", []vktest.FaultOption{vktest.Error(0)}, `vktest: Fail("messages.send"): an API error without a code`},
		{vktest.LongPoll, []vktest.FaultOption{vktest.Failed(4)}, "Failed(4) is not 1, 2 or 3"},
		{vktest.LongPoll, []vktest.FaultOption{vktest.Failed(0)}, "Failed(0) is not 1, 2 or 3"},
		{"messages.send", []vktest.FaultOption{vktest.Failed(1)}, `Fail("messages.send"): this cannot happen to calls, but to polls`},
		{"messages.send", []vktest.FaultOption{vktest.Lost()}, "this cannot happen to calls, but to events"},
		{vktest.LongPoll, []vktest.FaultOption{vktest.Reset(), vktest.Peer(1)}, "a fault of polls cannot be limited to a conversation"},
		{vktest.LongPoll, []vktest.FaultOption{vktest.Error(6)}, "this cannot happen to polls, but to calls"},
		{"message_new", []vktest.FaultOption{vktest.Status(502)}, "this cannot happen to requests to webhooks and events, but to calls, polls and uploads"},
		{"messages", []vktest.FaultOption{reset}, `"messages" is a section: say "messages.*"`},
		{"message_new", []vktest.FaultOption{vktest.Poison("{")}, "the poison is not JSON"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			said := fails(t, func(t testing.TB) { vktest.New(t).Fail(tt.on, tt.what...) })
			if !strings.Contains(said, tt.want) || strings.Contains(said, "fakevk") {
				t.Errorf("it says %q, without %q", said, tt.want)
			}
		})
	}
	bot := vktest.New(t)
	for _, on := range []string{
		"messages.send", "execute", "messages.*", "message_new", "a_kind_of_tomorrow",
		vktest.LongPoll, vktest.Upload, vktest.Callback, vktest.Anything, "longpoll", "webhook", "event",
	} {
		bot.Fail(on, vktest.Delay(time.Second)).Remove()
	}
}

// TestAddCallbackRefuses checks that webhooks that VK's settings page would
// refuse fail the test.
func TestAddCallbackRefuses(t *testing.T) {
	hook := http.NotFoundHandler()
	for want, test := range map[string]func(*vktest.Server){
		"vktest: AddCallback: a community has at most 10 callback servers": func(s *vktest.Server) {
			for range 11 {
				s.AddCallback(hook, "")
			}
		},
		"vktest: AddCallback: the secret of a callback server has at most 50 characters": func(s *vktest.Server) {
			s.AddCallback(hook, strings.Repeat("s", 51))
		},
	} {
		if said := fails(t, func(t testing.TB) { test(vktest.New(t)) }); said != want {
			t.Errorf("it says %q, not %q", said, want)
		}
	}
}

// TestServerRefuses checks other mistakes of the test itself.
func TestServerRefuses(t *testing.T) {
	for want, test := range map[string]func(testing.TB){
		"unknown scope posts":      func(t testing.TB) { vktest.Config{Scopes: []string{"posts"}}.New(t) },
		"unknown intent spam":      func(t testing.TB) { vktest.Config{Intents: []string{"spam"}}.New(t) },
		"unknown language xx":      func(t testing.TB) { vktest.New(t).Person(vktest.Person{Lang: "xx"}) },
		"screen name bot is taken": func(t testing.TB) { vktest.New(t).Person(vktest.Person{ScreenName: "bot"}) },
		`Anna is "gone"`:           func(t testing.TB) { vktest.New(t).Person(vktest.Person{Name: "Anna", Deactivated: "gone"}) },
		"Emit x: json":             func(t testing.TB) { vktest.New(t).Emit("x", make(chan int)) },
		"the message is empty":     func(t testing.TB) { vktest.New(t).User("Anna").Says("") },
		"is deleted":               func(t testing.TB) { vktest.New(t).Person(vktest.Person{Deactivated: "deleted"}).Says("x") },
	} {
		if said := fails(t, test); !strings.Contains(said, want) || !strings.HasPrefix(said, "vktest: ") {
			t.Errorf("it says %q, without %q", said, want)
		}
	}
}

// hooked returns a webhook that confirms itself and passes events to a
// function.
func hooked(s *vktest.Server, event func(w http.ResponseWriter, r *http.Request)) {
	confirmed := false
	s.AddCallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !confirmed {
			confirmed = true
			io.WriteString(w, s.ConfirmationCode())
			return
		}
		event(w, r)
	}), "")
}

// TestWebhookTimeout checks that an attempt lasts at most ten seconds, however
// long the handler takes, and that its request's context ends with it.
func TestWebhookTimeout(t *testing.T) {
	for name, handler := range map[string]func(w http.ResponseWriter, r *http.Request) error{
		"sleeps": func(w http.ResponseWriter, r *http.Request) error {
			time.Sleep(time.Minute)
			io.WriteString(w, "ok")
			return r.Context().Err()
		},
		"heeds its context": func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			io.WriteString(w, "ok")
			return r.Context().Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := vktest.New(t)
				ended := make(chan error, 10)
				hooked(fake, func(w http.ResponseWriter, r *http.Request) { ended <- handler(w, r) })
				fake.User("Anna").Says("hi")
				time.Sleep(time.Millisecond)
				start := time.Now()
				fake.Wait(t.Context())
				if d := time.Since(start); d < 9*time.Second || d > 11*time.Second {
					t.Errorf("the attempt lasts %v", d)
				}
				if all := fake.Deliveries(); len(all) != 2 || all[1].OK || all[1].Status != 0 || all[1].Next.IsZero() {
					t.Errorf("%+v", all)
				}
				if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the handler's context: %v", err)
				}
			})
		})
	}
}

// TestWebhookClose checks that Close ends the request of a handler that waits
// for it, and waits for the handler.
func TestWebhookClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := vktest.New(t)
		returned := false
		hooked(fake, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			time.Sleep(time.Second)
			returned = true
		})
		fake.User("Anna").Says("hi")
		time.Sleep(time.Second)
		start := time.Now()
		fake.Close()
		if d := time.Since(start); d != time.Second || !returned {
			t.Errorf("it takes %v; the handler has returned: %v", d, returned)
		}
	})
}

// An erring is a test that keeps its errors.
type erring struct {
	testing.TB
	said string
}

func (e *erring) Errorf(format string, args ...any) { e.said = fmt.Sprintf(format, args...) }

// TestWebhookHangs checks that Close stops waiting for a handler that never
// returns, and reports it.
func TestWebhookHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &erring{TB: t}
		fake := vktest.New(e)
		hang := make(chan struct{})
		hooked(fake, func(http.ResponseWriter, *http.Request) { <-hang })
		fake.User("Anna").Says("hi")
		time.Sleep(time.Second)
		fake.Close()
		if want := "vktest: a webhook's handler is still running a minute after its request ended"; e.said != want {
			t.Errorf("it says %q", e.said)
		}
		close(hang)
	})
}

// TestWebhookBreaks checks that a handler that panics or ends its goroutine
// closes the connection, as in a real server.
func TestWebhookBreaks(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"panics": func(http.ResponseWriter, *http.Request) { panic("oops") },
		"ends":   func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
		"aborts": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := vktest.New(t)
			hooked(fake, handler)
			fake.User("Anna").Says("hi")
			fake.Wait(t.Context())
			if all := fake.Deliveries(); len(all) != 2 || all[1].OK || all[1].Status != 0 {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestWaitLeavesRetries checks that Wait does not wait for VK's retries in some
// minutes.
func TestWaitLeavesRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.Start(t, newRouter())
		hooked(bot, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusInternalServerError)
		})
		anna := bot.User("Anna")
		anna.Says("hi")
		start := time.Now()
		if err := bot.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		anna.HearsNothing()
		if d := time.Since(start); d < time.Second || d > 2*time.Second {
			t.Errorf("it waits for %v", d)
		}
		if all := bot.Deliveries(); len(all) != 2 {
			t.Errorf("%+v", all)
		}
	})
}

// TestHearsNothingOfBusyBot checks that HearsNothing stops waiting for a
// handler that never returns.
func TestHearsNothingOfBusyBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		said := fails(t, func(t testing.TB) {
			anna := vktest.Start(t, vk.HandlerFunc(func(*vk.Context) error { <-end; return nil })).User("Anna")
			anna.Says("hi")
			anna.HearsNothing()
		})
		close(end)
		for _, want := range []string{"Anna should hear nothing, but the bot is still busy after 10s", "Anna: hi"} {
			if !strings.Contains(said, want) {
				t.Errorf("it says\n%s\nwithout %q", said, want)
			}
		}
	})
}

// TestCallsOfBot checks that an administrator's calls are not among the bot's.
func TestCallsOfBot(t *testing.T) {
	bot := vktest.New(t)
	for _, c := range []*vk.Client{bot.AdminClient(), bot.Client()} {
		if err := c.Call(t.Context(), "utils.getServerTime", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if calls := bot.Calls(""); len(calls) != 1 {
		t.Errorf("%+v", calls)
	}
}

// TestToken checks that a program with the address and the token acts as the
// community's bot.
func TestToken(t *testing.T) {
	fake := vktest.NewServer()
	defer fake.Close()
	client := vk.NewClient(fake.Token)
	client.BaseURL = fake.URL + "/method/"
	var got struct {
		Groups []vk.Group `json:"groups"`
	}
	if err := client.Call(t.Context(), "groups.getById", nil, &got); err != nil || len(got.Groups) != 1 || got.Groups[0].ID != fake.GroupID {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPersons checks each kind of Person.
func TestPersons(t *testing.T) {
	bot := vktest.New(t)
	send := func(u *vktest.User) string { return fmt.Sprint(bot.Client().Send(t.Context(), u.ID, "x")) }
	for _, tt := range []struct {
		person vktest.Person
		writes bool
		want   string
	}{
		{vktest.Person{Name: "Anna"}, true, "<nil>"},
		{vktest.Person{Name: "Gone", Deactivated: "deleted"}, false, "error 18:"},
		{vktest.Person{Name: "Out", Deactivated: "banned"}, false, "error 18:"},
		{vktest.Person{Name: "Shy", DenyMessages: true}, true, "error 901:"},
		{vktest.Person{Name: "Hidden", Private: true}, true, "error 902:"},
	} {
		u := bot.Person(tt.person)
		if tt.writes {
			u.Says("hi")
		}
		if err := send(u); !strings.Contains(err, tt.want) {
			t.Errorf("to %s: %s, want %s", u.Name, err, tt.want)
		}
	}
	jane := bot.Person(vktest.Person{Name: "Jane Roe", ScreenName: "jane.roe", Sex: 1, Closed: true})
	type profile struct {
		FirstName  string `json:"first_name"`
		LastName   string `json:"last_name"`
		ScreenName string `json:"screen_name"`
		Sex        int    `json:"sex"`
		IsClosed   bool   `json:"is_closed"`
	}
	got, err := vk.Call[[]profile](t.Context(), bot.Client(), "users.get", vk.Params{"user_ids": jane.ID, "fields": "screen_name,sex"})
	if want := (profile{"Jane", "Roe", "jane.roe", 1, true}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v", got, err)
	}
	if nobody := bot.Person(vktest.Person{}); nobody.Name == "" {
		t.Error("no name was generated")
	}
}

func TestMentionsOnly(t *testing.T) {
	bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error { return c.Send("heard " + c.Text()) }))
	anna := bot.User("Anna")
	tea := bot.Chat("Tea", anna)
	bot.MentionsOnly(tea)
	anna.In(tea).Says("hi")
	anna.In(tea).HearsNothing()
	anna.In(tea).Says("/hi")
	anna.In(tea).Hears("heard /hi")
}

// TestMuted checks that a message of a muted user fails the test until the time
// is over, and that the bot gets nothing.
func TestMuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{TB: t}
		bot := vktest.Start(f, vk.HandlerFunc(func(c *vk.Context) error { return c.Send("heard " + c.Text()) }))
		anna, boris := bot.User("Anna"), bot.User("Boris")
		tea := bot.Chat("Tea", anna, boris)
		bot.MakeBotAdmin(tea)
		if err := bot.Client().Mute(t.Context(), tea.ID, time.Hour, boris.ID); err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func(u *vktest.User){
			`say "hi"`: func(u *vktest.User) { u.Says("hi") },
			"type":     func(u *vktest.User) { u.Types() },
		} {
			f.said = ""
			func() {
				defer func() { recover() }()
				do(boris.In(tea))
			}()
			want := fmt.Sprintf("vktest: Boris cannot %s: fakevk: not allowed: %d is muted in chat %d for another 1h0m0s", name, boris.ID, tea.ID)
			if f.said != want {
				t.Errorf("it says %q, not %q", f.said, want)
			}
		}
		anna.In(tea).HearsNothing()
		boris.Says("alone")
		boris.Hears("heard alone")
		time.Sleep(time.Hour)
		boris.In(tea).Says("hi")
		boris.In(tea).Hears("heard hi")
	})
}

func TestConfigScopes(t *testing.T) {
	bot := vktest.Config{Scopes: []string{"photos"}}.New(t)
	anna := bot.User("Anna")
	anna.Says("hi")
	if err := bot.Client().Send(t.Context(), anna.ID, "x"); !strings.Contains(fmt.Sprint(err), "error 15: Access denied: no access to call this method") {
		t.Error(err)
	}
}

func TestConfigIntents(t *testing.T) {
	for _, tt := range []struct {
		intents []string
		want    string
	}{{nil, "<nil>"}, {[]string{}, "error 943"}, {[]string{"game_notification"}, "error 943"}, {[]string{"promo_newsletter"}, "<nil>"}} {
		bot := vktest.Config{Intents: tt.intents}.New(t)
		anna := bot.User("Anna")
		anna.Says("hi")
		err := bot.Client().Send(t.Context(), anna.ID, "x", vk.Extra{"intent": "promo_newsletter"})
		if !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%q: %v, want %s", tt.intents, err, tt.want)
		}
	}
}
