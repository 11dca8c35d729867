package docs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocRouterRows runs the rows of docs/vk_botting.md about commands, checks
// and hooks.
func TestDocRouterRows(t *testing.T) { runRows(t, routerRows) }

var routerRows = rowCases{
	"`command_prefix`": func(tr *trial) {
		tr.r = vk.NewRouter("!", "!!")
		tr.r.Handle("a {x?}", func(c *vk.Context) error { tr.add(c.Prefix() + c.Arg("x")); return nil })
		tr.says("!a", "!!a b").did("!", "!!b")
	},
	"`case_insensitive` | `vk.Router.Fold` | of": func(tr *trial) {
		tr.r = &vk.Router{Fold: true, Prefix: vk.Literal("Bot ")}
		tr.r.Route("лёд", func(r *vk.Router) {
			r.Handle("Ban", func(c *vk.Context) error { tr.add(c.Invoked()); return nil })
		})
		tr.says("bOT ЛЕД BAN").did("ЛЕД BAN")
	},
	"`commands` |": func(tr *trial) {
		tr.r.Handle("b|c", tr.note("b"))
		tr.r.Handle("a", tr.note("a"))
		for rt := range tr.r.Walk() {
			tr.add(rt.Words())
		}
		tr.did("b", "a")
	},
	"`add_check`, `check`": func(tr *trial) {
		tr.r.Handle("a", tr.note("ran"))
		remove := tr.r.Check(func(*vk.Context) error { return middleware.Refuse("No.") })
		tr.says("!a").did()
		tr.is(errors.Is(tr.err, middleware.ErrRefused), true)
		remove()
		tr.says("!a").did("ran")
	},
	"`add_check(call_once=True)`": func(tr *trial) {
		tr.r.Use(tr.around("once"))
		rt := tr.r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{tr.check("check")}, Handler: tr.note("ran")})
		c, _ := vktest.NewContext("!a")
		tr.is(rt.Allowed(c), nil)
		tr.did("check")
		tr.says("!a").did("check", "once", "ran")
	},
	"`before_invoke`": func(tr *trial) {
		cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
		tr.r.Use(middleware.Before(tr.note("before")), middleware.Before(tr.note("again")))
		tr.r.Handle("a", tr.note("ran"), cd.Wrap)
		tr.says("!a", "!a").did("before", "again", "ran")
		var refused *middleware.CooldownError
		tr.is(errors.As(tr.err, &refused), true)
	},
	"`after_invoke`": func(tr *trial) {
		own := errors.New("own")
		tr.r.Use(middleware.After(func(_ *vk.Context, err error) error {
			tr.add(fmt.Sprint("after ", err))
			return own
		}), middleware.Before(tr.fail("before")))
		tr.r.Handle("a", tr.note("ran"))
		tr.says("!a").did("before", "after before")
		tr.is(errors.Is(tr.err, own) && strings.Contains(tr.err.Error(), "before"), true)
	},
	"(missing) | `r.Use(middleware.Claim(f))`": func(tr *trial) {
		coins := 2
		tr.r.Use(middleware.Claim(func(*vk.Context) (func(), error) { coins--; return func() { coins++ }, nil }))
		tr.r.Handle("a", tr.note("ran"))
		tr.r.Handle("b", tr.note("ran"), middleware.Before(tr.fail("before")))
		tr.says("!a", "!b").did("ran", "before")
		tr.is(coins, 1)
	},
	"`add_command` |": func(tr *trial) {
		tr.r.Add(vk.Route{Pattern: "ping", Handler: tr.note("ping")})
		text := panics(func() { tr.r.Add(vk.Route{Pattern: "pong|ping", Handler: tr.note("new")}) })
		tr.is(strings.Count(text, "rows_test.go") == 2, true)
		_, err := tr.r.TryAdd("ping", vk.Route{Handler: tr.note("new")})
		var taken *vk.ConflictError
		tr.is(errors.As(err, &taken), true)
		tr.says("!pong", "!ping").did("ping")
	},
	"`remove_command`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "a|b", Aliases: []string{"c", "d"}, Handler: tr.note("ran")})
		rt, err := rt.Update(func(rt *vk.Route) { rt.Aliases = []string{"d"} })
		tr.is(err, nil)
		tr.says("!b", "!c", "!d").did("ran", "ran")
		tr.is(tr.r.Remove(rt), true)
		tr.says("!a", "!b", "!d").did()
	},
	"`get_command` | `r.Lookup(\"admin ban\")` | exactly": func(tr *trial) {
		tr.r.Route("admin", func(r *vk.Router) { r.Handle("ban {x?}", tr.note("ran")) })
		_, ok := tr.r.Lookup("admin ban")
		_, more := tr.r.Lookup("admin ban anna")
		c, _ := vktest.NewContext("!admin ban anna")
		m, err := tr.r.Match(c)
		tr.is(words(ok, more, m.Route().Pattern, m.Arg("x"), err), "true false admin ban {x?} anna <nil>")
		tr.did()
	},
	"`add_cog`": func(tr *trial) {
		tr.r.Handle("taken", tr.note("old"))
		_, err := tr.r.Mount("m", func(r *vk.Router) error {
			r.Handle("free", tr.note("new"))
			r.Handle("taken", tr.note("new"))
			return nil
		})
		var failed *vk.ModuleError
		tr.is(errors.As(err, &failed), true)
		tr.says("!free", "!taken").did("old")
	},
	"`get_cog`": func(tr *trial) {
		mod, _ := tr.r.Mount("filter", func(r *vk.Router) error { r.Handle("x", tr.note("ran")); return nil })
		got, ok := tr.r.Module("filter")
		tr.is(words(got == mod, ok), "true true")
		_, ok = tr.r.Module("x")
		tr.is(ok, false)
	},
	"`reload_extension`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("x", tr.note("old")); return nil })
		err := mod.Swap(func(r *vk.Router) error { r.Handle("x", tr.note("new")); return errors.New("no") })
		tr.is(err != nil, true)
		tr.says("!x").did("old")
		tr.is(mod.Swap(func(r *vk.Router) error { r.Handle("x", tr.note("new")); return nil }), nil)
		tr.says("!x").did("new")
	},
	"`get_context`": func(tr *trial) {
		rt := tr.r.Handle("a", tr.note("ran"))
		e, err := vk.NewMessageEvent(1, &vk.Message{PeerID: 5, FromID: 5, Text: "!a"})
		tr.is(err, nil)
		type key struct{}
		c := vk.NewContext(context.WithValue(tr.Context(), key{}, "v"), nil, e)
		m, err := tr.r.Match(c)
		tr.is(words(m.Route() == rt, m.Value(key{}), err), "true v <nil>")
		tr.did()
	},
	"`bot_check`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error {
			r.Cleanup(tr.r.Check(tr.check("everywhere")))
			r.Check(tr.check("inside"))
			r.Handle("in", tr.note("in"))
			return nil
		})
		tr.r.Handle("out", tr.note("out"))
		tr.says("!in", "!out").did("everywhere", "inside", "in", "everywhere", "out")
		mod.Unmount()
		tr.says("!out").did("out")
	},
	"`command_attrs`": func(tr *trial) {
		tr.r.Defaults = vk.Route{Hidden: true, Doc: "Does."}
		a, b := tr.r.Handle("a", tr.note("a")), tr.r.Add(vk.Route{Pattern: "b", Doc: "Own.", Shown: true, Handler: tr.note("b")})
		tr.is(words(a.Hidden, a.Doc, b.Hidden, b.Doc), "true Does. false Own.")
	},
	"`qualified_name` | `route.Words()`": func(tr *trial) {
		tr.r.Route("admin|a", func(r *vk.Router) { tr.is(r.Handle("ban|kick {who}", tr.note("")).Words(), "admin ban") })
	},
	"`update`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{tr.check("check")}, Use: []vk.Middleware{tr.around("use")}, Handler: tr.note("ran")})
		rt.Check(tr.check("added"))
		rt, err := rt.Update(func(rt *vk.Route) { rt.Doc = "New." })
		tr.is(words(rt.Doc, err), "New. <nil>")
		tr.says("!a").did("check", "added", "use", "ran")
		tr.r.Replace(rt, vk.Route{Handler: tr.note("other")})
		tr.says("!a").did("check", "added", "use", "other")
	},
	"`copy`": func(tr *trial) {
		rt := *tr.r.Handle("a", tr.note("ran"))
		rt.Pattern = "b"
		tr.r.Add(rt)
		tr.says("!a", "!b").did("ran", "ran")
	},
	"`DisabledCommand`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{tr.check("check")}, Handler: tr.note("ran")})
		rt.SetEnabled(false)
		tr.says("!a").did()
		tr.is(errors.Is(tr.err, vk.ErrDisabled), true)
	},
	"`ignore_extra`": func(tr *trial) {
		tr.r.Add(vk.Route{Pattern: "a {x}", IgnoreExtra: true, Handler: tr.note("a")})
		tr.r.Handle("b {x}", tr.note("b"))
		tr.says("!a 1 2", "!b 1 2").did("a")
		tr.is(errors.Is(tr.err, vk.ErrExtraArg), true)
	},
	"`invoke` | `c.Invoke(route, line)`": func(tr *trial) {
		b := tr.r.Add(vk.Route{Pattern: "b {x}", Checks: []vk.Check{tr.check("check")}, Use: []vk.Middleware{tr.around("use")},
			Handler: func(c *vk.Context) error { tr.add(c.Arg("x")); return nil }})
		tr.r.Handle("a", func(c *vk.Context) error { return errors.Join(c.Invoke(b, "1"), b.Handler(c)) })
		tr.says("!a").did("check", "use", "1", "")
	},
	"`is_on_cooldown`": func(tr *trial) {
		cd := middleware.NewCooldown(1, time.Minute, vk.PerUser)
		tr.r.Handle("a", tr.note("ran"), cd.Wrap)
		c, _ := vktest.NewContext("x")
		tr.is(cd.Left(c), time.Duration(0))
		tr.says("!a", "!a").did("ran")
		tr.is(cd.Left(c), time.Minute)
		cd.Reset(c)
		tr.says("!a").did("ran")
	},
	"(missing) | `vk.Literal(\"!\").Spaced()`": func(tr *trial) {
		tr.r = &vk.Router{Prefix: vk.Literal("!").Spaced()}
		tr.r.Handle("ping", tr.note("pong"))
		tr.says("! ping", " !ping", "!ping").did("pong", "pong", "pong")
	},
	"`ClientException`": func(tr *trial) {
		tr.r.Handle("a", tr.note(""))
		_, err := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("a", tr.note("")); return nil })
		var taken *vk.ConflictError
		tr.is(errors.As(err, &taken) && strings.Contains(taken.Other, "rows_test.go"), true)
		tr.r.Mount("m", func(*vk.Router) error { return nil })
		_, err = tr.r.Mount("m", func(*vk.Router) error { return nil })
		tr.is(errors.As(err, &taken) && errors.Is(err, vk.ErrMounted), true)
	},
	"1 | commands and listeners": func(tr *trial) {
		tr.r.Use(tr.around("bot"), tr.hooks("bot"))
		tr.r.Check(tr.check("check bot"))
		cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
		tr.r.Listen(tr.note("listener"))
		tr.r.Mount("m", func(r *vk.Router) error {
			r.Use(tr.around("module"), tr.hooks("module"))
			r.Check(tr.check("check module"))
			r.Add(vk.Route{Pattern: "a {n:int}", Checks: []vk.Check{tr.check("check route")},
				Use: []vk.Middleware{tr.around("route"), tr.hooks("route"), cd.Wrap}, Handler: tr.fail("body")})
			return nil
		})
		checks := []string{"listener", "check bot", "check module", "check route", "bot", "module", "route"}
		errs := []string{"route sees an error", "module sees an error", "bot sees an error"}
		tr.says("!a x").did(append(checks, errs...)...) // a rejected run uses up no cooldown
		ran := append(checks, "before bot", "before module", "before route", "body", "after route", "after module", "after bot")
		tr.says("!a 1").did(append(ran, errs...)...)
		tr.says("!a 1").did(append(checks, errs...)...)
		var cooldown *middleware.CooldownError
		tr.is(errors.As(tr.err, &cooldown), true)
	},
}

// TestDocBotRows runs the rows of docs/vk_botting.md about bots and VK.
func TestDocBotRows(t *testing.T) { runRows(t, botRows) }

var botRows = rowCases{
	"`self_bot`": func(tr *trial) {
		tr.r.Handle("a", tr.note("ran"))
		vk.On(tr.r, vk.EventMessageReply, func(c *vk.Context, m *vk.Message) error { return tr.note("reply " + m.Text)(c) })
		bot := quiet.Start(tr.T, tr.r)
		bot.User("Anna").Says("hi")
		bot.Client().Send(tr.Context(), bot.User("Boris").ID, "!a")
		bot.Emit("message_reply", map[string]any{"peer_id": 1, "from_id": -bot.GroupID, "out": 1, "text": "!a"})
		bot.Wait(tr.Context())
		time.Sleep(time.Second)
		tr.did("reply !a")
	},
	"`process_commands`": func(tr *trial) {
		tr.r.Handle("ping", tr.note("pong"))
		on := false
		bot := quiet.Start(tr.T, vk.HandlerFunc(func(c *vk.Context) error {
			if on {
				return tr.r.Serve(c)
			}
			return nil
		}))
		anna := bot.User("Anna")
		anna.Says("!ping")
		bot.Wait(tr.Context())
		tr.did()
		on = true
		anna.Says("!ping")
		other := map[string]any{"message": map[string]any{"from_id": -777, "peer_id": anna.ID, "text": "!ping", "conversation_message_id": 99}}
		bot.Emit("message_new", other)
		time.Sleep(time.Second)
		tr.did("pong")
		again := &vk.Router{Prefix: vk.Literal("!"), AnswerBots: true}
		again.Handle("ping", tr.note("to bots"))
		e, _ := vk.NewMessageEvent(1, &vk.Message{PeerID: 5, FromID: -777, Text: "!ping"})
		again.Serve(vk.NewContext(tr.Context(), nil, e))
		tr.did("to bots")
	},
	"`on_error` | `vk.Wrap(r, middleware.OnError(f))` | receives": func(tr *trial) {
		vk.On(tr.r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { panic("oh") })
		var p *vk.PanicError
		bot := quiet.Start(tr.T, vk.Wrap(tr.r, middleware.OnError(func(_ *vk.Context, err error) error {
			tr.add(fmt.Sprint(errors.As(err, &p) && len(p.Stack) > 0))
			return nil
		})))
		bot.User("Anna").Says("x")
		bot.Wait(tr.Context())
		tr.did("true")
	},
	"`run(…, owner_id)`": func(tr *trial) {
		bot := quiet.New(tr.T)
		tr.r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		ctx, cancel := context.WithCancel(tr.Context())
		ended := make(chan error)
		go func() {
			ended <- (&vk.Poller{Client: bot.AdminClient(), GroupID: bot.GroupID, Handler: tr.r, Logger: slog.New(slog.DiscardHandler)}).Run(ctx)
		}()
		synctest.Wait()
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		cancel()
		tr.is(<-ended, nil)
	},
	"`as_user`": func(tr *trial) {
		bot := quiet.New(tr.T)
		anna := bot.User("Anna")
		tr.is(bot.AdminClient().Send(tr.Context(), anna.ID, "from me"), nil)
		_, heard := anna.TryNext()
		tr.is(heard, false) // the message is not the bot's
	},
	"`get_user` | `client.User(ctx, id)`": func(tr *trial) {
		_, err := quiet.New(tr.T).Client().User(tr.Context(), 123456)
		tr.is(errors.Is(err, vk.ErrNotFound), true)
	},
	"`get_pages`, `get_page`": func(tr *trial) {
		bot := quiet.New(tr.T)
		anna := bot.User("Anna")
		pages, err := bot.Client().Profiles(tr.Context(), []int64{anna.ID, 123456, 0})
		tr.is(words(len(pages), pages[0].Name != "", pages[1].PeerID, pages[2].PeerID, err), "3 true 0 0 <nil>")
		tr.is(len(bot.Calls("groups.getById")), 0)
	},
	"`sticker_id`": func(tr *trial) {
		client := quiet.New(tr.T).Client()
		tr.is(client.Send(tr.Context(), 1, "x", vk.Sticker(163)) != nil, true)
		tr.is(errors.Is(client.Send(tr.Context(), 1, "x", slices.Repeat(vk.Attachments{{Type: "photo", OwnerID: -1, ID: 2}}, 11)), vk.ErrTooManyAttachments), true)
	},
	"`Keyboard(one_time, inline)`": func(tr *trial) {
		var wrong *vk.KeyboardError
		kb := (&vk.Keyboard{OneTime: true, Inline: true}).Row(vk.TextButton("x", nil))
		tr.is(errors.As(quiet.New(tr.T).Client().Send(tr.Context(), 1, "x", kb), &wrong), true)
	},
	"where | everywhere": func(tr *trial) {
		tr.r.Handle("here|everywhere", func(c *vk.Context) error {
			var opts []vk.WaitOption
			if c.Invoked() == "everywhere" {
				opts = append(opts, vk.From{})
			}
			_, e, err := vk.Wait(c, vk.EventMessageNew, func(_ *vk.Context, e *vk.MessageNew) bool { return e.Message.Text == "tea" }, opts...)
			if err == nil {
				err = tr.note(fmt.Sprint(c.Invoked(), " ", e.Message.FromID == c.FromID()))(c)
			}
			return err
		})
		tr.r.Text("tea", tr.note("route"))
		bot := quiet.Start(tr.T, tr.r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		anna.Says("!here")
		bot.Wait(tr.Context())
		boris.Says("tea")
		bot.Wait(tr.Context())
		tr.did("route") // the answer is not for her
		anna.Says("tea")
		bot.Wait(tr.Context())
		tr.did("here true")
		anna.Says("!everywhere")
		bot.Wait(tr.Context())
		boris.Says("tea")
		bot.Wait(tr.Context())
		tr.did("everywhere false")
	},
}
