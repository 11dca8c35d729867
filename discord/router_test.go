package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
)

// serveEvent gives an event to a handler, outside of a Dispatcher.
func serveEvent(t *testing.T, h discord.Handler, e *discord.Event) error {
	t.Helper()
	return h.Serve(discord.NewContext(t.Context(), discord.NewClient("t"), e))
}

func TestRouterListeners(t *testing.T) {
	r := discord.NewRouter()
	var d diary
	note := func(text string) { d.lines = append(d.lines, text) }
	take := func(want string) {
		t.Helper()
		if got := strings.Join(d.lines, " "); got != want {
			t.Errorf("noted %q, want %q", got, want)
		}
		d.lines = nil
	}
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		note("typed:" + m.Content)
		return nil
	})
	removeAll := r.Listen(func(c *discord.Context) error { note("all:" + c.Kind()); return nil })
	removeRaw := discord.On(r, discord.Kind[json.RawMessage]("MESSAGE_CREATE"), func(c *discord.Context, raw *json.RawMessage) error {
		note(fmt.Sprint("raw:", len(*raw) == len(c.Event().Data)))
		return nil
	})
	discord.On(r, discord.Kind[struct{ A int }]("BRAND_NEW"), func(c *discord.Context, e *struct{ A int }) error {
		note(fmt.Sprint("new:", e.A))
		return nil
	})
	send := func(kind, data string) {
		t.Helper()
		if err := serveEvent(t, r, event(t, kind, data)); err != nil {
			t.Error(err)
		}
	}
	send("MESSAGE_CREATE", `{"content":"hi"}`)
	take("typed:hi all:MESSAGE_CREATE raw:true")
	send("BRAND_NEW", `{"a":7}`)
	take("all:BRAND_NEW new:7")
	send("TYPING_START", `{}`)
	take("all:TYPING_START")
	removeAll()
	removeAll() // does nothing
	removeRaw()
	send("MESSAGE_CREATE", `{"content":"hi"}`)
	send("TYPING_START", `{}`)
	take("typed:hi")
}

func TestRouterMiddleware(t *testing.T) {
	r := discord.NewRouter()
	var order []string
	mark := func(name string) discord.Middleware {
		return func(next discord.HandlerFunc) discord.HandlerFunc {
			return func(c *discord.Context) error {
				order = append(order, name)
				return next(c)
			}
		}
	}
	listen := func(r *discord.Router, name string) {
		discord.On(r, discord.EventTypingStart, func(*discord.Context, *discord.TypingStart) error {
			order = append(order, name)
			return nil
		})
	}
	r.Use(mark("a"), mark("b"))
	r.Group(func(r *discord.Router) {
		r.Use(mark("c"))
		listen(r, "inner")
		r.Group(func(r *discord.Router) { listen(r, "innermost") })
	})
	listen(r, "outer")
	if err := serveEvent(t, discord.Wrap(r, mark("whole")), event(t, "TYPING_START", `{}`)); err != nil {
		t.Error(err)
	}
	if got := strings.Join(order, " "); got != "whole a b c inner a b c innermost a b outer" {
		t.Errorf("the order is %q", got)
	}
}

var listenerLine = regexp.MustCompile(`go:\d+:`)
var testLine = regexp.MustCompile(`[a-z_]+_test\.go:\d+`)

func TestRouterErrors(t *testing.T) {
	r := discord.NewRouter()
	r.Listen(func(*discord.Context) error { return errBroken })
	r.Listen(func(*discord.Context) error { panic(errBroken) })
	err := serveEvent(t, r, event(t, "TYPING_START", `{}`))
	var p *discord.PanicError
	if !errors.Is(err, errBroken) || !errors.As(err, &p) || !strings.Contains(string(p.Stack), "router_test.go") {
		t.Errorf("%v", err)
	}
	if want := "discord: listener at router_test.go:N: broken\ndiscord: listener at router_test.go:N: panic: broken"; listenerLine.ReplaceAllString(err.Error(), "go:N:") != want {
		t.Errorf("%q\nwant %q", err, want)
	}
	if err := serveEvent(t, r, &discord.Event{Kind: "X", Data: json.RawMessage(`{`)}); err == nil {
		t.Error("no error")
	}
	typed := discord.NewRouter()
	discord.On(typed, discord.EventTypingStart, func(*discord.Context, *discord.TypingStart) error { return nil })
	err = serveEvent(t, typed, &discord.Event{Kind: "TYPING_START", Data: json.RawMessage(`{"user_id":`)})
	if err == nil || !strings.HasPrefix(err.Error(), "discord: listener of TYPING_START at router_test.go:") {
		t.Errorf("an event that is no JSON: %v", err)
	}
}

func TestRouterMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(r *discord.Router)
		want string
	}{
		{"nil listener", func(r *discord.Router) { discord.On[discord.TypingStart](r, discord.EventTypingStart, nil) }, `discord: On "TYPING_START" (at router_test.go:`},
		{"no kind", func(r *discord.Router) {
			discord.On(r, discord.Kind[int](""), func(*discord.Context, *int) error { return nil })
		}, `discord: On "" (at router_test.go:`},
		{"wrong type", func(r *discord.Router) {
			discord.On(r, discord.Kind[discord.Ready]("TYPING_START"), func(*discord.Context, *discord.Ready) error { return nil })
		}, `discord: On "TYPING_START" (at router_test.go:`},
		{"nil listener of all", func(r *discord.Router) { r.Listen(nil) }, "discord: Listen (at router_test.go:"},
		{"nil middleware", func(r *discord.Router) { r.Use(nil) }, "discord: Use: nil middleware (at router_test.go:"},
		{"late middleware", func(r *discord.Router) {
			r.Listen(func(*discord.Context) error { return nil })
			r.Use(func(h discord.HandlerFunc) discord.HandlerFunc { return h })
		}, "discord: Use after a listener or a route was added (at router_test.go:"},
		{"late middleware outside", func(r *discord.Router) {
			r.Group(func(r *discord.Router) { r.Listen(func(*discord.Context) error { return nil }) })
			r.Use(func(h discord.HandlerFunc) discord.HandlerFunc { return h })
		}, "discord: Use after a listener or a route was added (at router_test.go:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if v := recover(); !strings.HasPrefix(fmt.Sprint(v), tt.want) {
					t.Errorf("panic: %v, want %s", v, tt.want)
				}
			}()
			tt.make(discord.NewRouter())
		})
	}
}

func TestIntentsOf(t *testing.T) {
	empty, some, all := discord.NewRouter(), discord.NewRouter(), discord.NewRouter()
	discord.On(some, discord.EventBanAdd, func(*discord.Context, *discord.BanAdd) error { return nil })
	some.Group(func(r *discord.Router) {
		discord.On(r, discord.EventPresenceUpdate, func(*discord.Context, *discord.PresenceUpdate) error { return nil })
	})
	all.Listen(func(*discord.Context) error { return nil })
	same := func(next discord.HandlerFunc) discord.HandlerFunc { return next }
	for _, tt := range []struct {
		name string
		h    discord.Handler
		want discord.Intents
	}{
		{"empty", empty, 0},
		{"some", some, discord.IntentGuildModeration | discord.IntentGuildPresences},
		{"wrapped", discord.Wrap(discord.Wrap(some, same), same), discord.IntentGuildModeration | discord.IntentGuildPresences},
		{"all", all, discord.IntentsUnprivileged},
		{"function", discord.HandlerFunc(func(*discord.Context) error { return nil }), discord.IntentsUnprivileged},
	} {
		if got := discord.IntentsOf(tt.h); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
