package docs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocCommandRows runs the rows of docs/vk_botting.md about errors, commands
// and features missing in the reference.
func TestDocCommandRows(t *testing.T) { runRows(t, commandRows) }

// fails adds a route, with the pattern "a" and a handler unless the route has
// its own, and returns the error for a text.
func (tr *trial) fails(rt vk.Route, text string) error {
	if rt.Pattern == "" {
		rt.Pattern = "a"
	}
	if rt.Handler == nil {
		rt.Handler = tr.note("ran")
	}
	tr.r.Add(rt)
	return tr.says(text).err
}

var commandRows = rowCases{
	// Exceptions
	"`VKApiError`": func(tr *trial) {
		bot, client, anna := tr.client()
		bot.Fail("messages.send", vktest.Error(vk.CodeFlood))
		err := client.Send(tr.Context(), anna.ID, "x")
		e, ok := as[*vk.Error](err)
		tr.yes(ok, errors.Is(err, vk.CodeFlood), !e.Unreachable(), e.Wait() > 0)
		tr.yes((&vk.Error{Code: vk.CodeTooManyRequests}).Temporary(), (&vk.Error{Code: vk.CodeCannotWrite}).Unreachable())
		_, wrong := as[*vk.ParamError](bot.Client().Call(tr.Context(), "users.get", vk.Params{"x": func() {}}, nil))
		_, token := as[*vk.ConfigError](vk.Run(tr.Context(), "a\nb", tr.r))
		tr.yes(wrong, token)
	},
	"`CommandNotFound`": func(tr *trial) {
		tr.r.Use(tr.around("use"))
		_, ok := as[*vk.NotFoundError](tr.says("!nope").err)
		tr.yes(ok)
		tr.did("use", "use sees an error")
		tr.r.NotFound(tr.note("not found"))
		tr.says("!nope").did("use", "not found")
	},
	"`CommandOnCooldown`": func(tr *trial) {
		tr.r.Handle("a", tr.note("ran"), middleware.NewCooldown(1, time.Minute, vk.PerUser).Wrap)
		e, ok := as[*middleware.CooldownError](tr.says("!a", "!a").err)
		tr.yes(ok)
		tr.is(words(e.Rate, e.Per, e.Key != vk.Key{}, e.RetryAfter), "1 1m0s true 1m0s")
		tr.yes(errors.Is(new(middleware.ConcurrencyError), middleware.ErrRefused))
	},
	"`CheckFailure`": func(tr *trial) {
		err := tr.fails(vk.Route{Checks: []vk.Check{middleware.ChatOnly}}, "!a")
		_, ok := as[*vk.CheckError](err)
		tr.yes(ok, errors.Is(err, middleware.ErrChatOnly), errors.Is(err, middleware.ErrRefused))
	},
	"`CommandInvokeError`": func(tr *trial) {
		own := errors.New("own")
		tr.yes(errors.Is(tr.fails(vk.Route{Handler: func(*vk.Context) error { return own }}, "!a"), own))
		_, ok := as[*vk.PanicError](tr.fails(vk.Route{Pattern: "b", Handler: func(*vk.Context) error { panic(1) }}, "!b"))
		tr.yes(ok)
	},
	"`ArgumentError`": func(tr *trial) {
		e, ok := as[*vk.ArgError](tr.fails(vk.Route{Pattern: "a {n:int}"}, "!a x"))
		tr.yes(ok)
		tr.is(words(e.Usage, e.Name, e.Want, e.Value), "!a {n:int} n int x")
	},
	"`BadArgument`": func(tr *trial) {
		e, ok := as[*vk.ArgError](tr.fails(vk.Route{Pattern: "a {n:int|bool}"}, "!a x"))
		tr.yes(ok, errors.Is(e.Err, vk.ErrArgType))
		tr.is(e.Want, "int|bool")
	},
	"`BadUnionArgument`": func(tr *trial) {
		e, ok := as[*vk.UnionError](tr.fails(vk.Route{Pattern: "a {n:int|bool}"}, "!a x"))
		tr.yes(ok)
		tr.is(words(e.Types, len(e.Errs)), "[int bool] 2")
	},
	"`ConversionError`": func(tr *trial) {
		down := errors.New("database down")
		tr.r.Converter("role", vk.ConvertFunc(func(*vk.Context, string) (int, error) { return 0, down }))
		err := tr.fails(vk.Route{Pattern: "a {x:role}"}, "!a x")
		_, arg := as[*vk.ArgError](err)
		tr.yes(errors.Is(err, down), !arg)
		tr.r.Converter("size", vk.ParseFunc(func(string) (int, error) { return 0, errors.New("no size") }))
		tr.yes(errors.Is(tr.fails(vk.Route{Pattern: "b {x:size}"}, "!b x"), vk.ErrArgType))
	},
	"`MissingRequiredArgument`": func(tr *trial) { tr.is(tr.takes("{a}", ""), "ErrMissingArg") },
	"`TooManyArguments`": func(tr *trial) {
		tr.is(tr.takes("{a}", "x y"), "ErrExtraArg")
		tr.is(tr.takes("{a}", "x "), "a=x")
	},
	"`ExtensionError`, `ExtensionFailed`": func(tr *trial) {
		own := errors.New("own")
		_, err := tr.r.Mount("m", func(*vk.Router) error { return own })
		e, ok := as[*vk.ModuleError](err)
		tr.yes(ok, errors.Is(err, own))
		tr.is(words(e.Name, e.Op), "m mount")
	},
	"`ExtensionAlreadyLoaded`": func(tr *trial) {
		nothing := func(*vk.Router) error { return nil }
		tr.r.Mount("m", nothing)
		_, err := tr.r.Mount("m", nothing)
		_, ok := as[*vk.ConflictError](err)
		tr.yes(ok, errors.Is(err, vk.ErrMounted))
	},
	"`ExtensionNotLoaded`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(*vk.Router) error { return nil })
		tr.yes(mod.Unmount() == nil, errors.Is(mod.Unmount(), vk.ErrUnmounted))
	},
	"`UnexpectedQuoteError`": func(tr *trial) {
		err := tr.fails(vk.Route{Pattern: "a {x:word}"}, `!a "x`)
		e, ok := as[*vk.QuoteError](err)
		tr.yes(ok, errors.Is(err, vk.ErrBadQuote), e.Kind == vk.QuoteUnclosed)
	},
	"`LoginError`": func(tr *trial) {
		bot := quiet.New(tr.T)
		client := bot.Client()
		client.Token = vk.NewSecret("wrong")
		err := (&vk.Poller{Client: client, Handler: tr.r, Logger: quiet.Logger}).Run(tr.Context())
		tr.yes(errors.Is(err, vk.CodeAuth))
	},
	"upload failures": func(tr *trial) {
		bot, client, anna := tr.client()
		bot.Fail(vktest.Upload, vktest.Status(400))
		_, err := client.Upload(tr.Context(), vk.PhotoFor(anna.ID), vk.Bytes("a.png", []byte("x")))
		_, ok := as[*vk.UploadError](err)
		tr.yes(ok)
	},
	"`asyncio.TimeoutError`": func(tr *trial) {
		tr.in(func(c *vk.Context) {
			_, err := c.Ask("?", vk.Within(time.Minute))
			tr.add(words(errors.Is(err, vk.ErrNoAnswer)))
		})
		tr.did() // it waits
		time.Sleep(2 * time.Minute)
		tr.did("true")
		bot := quiet.Start(tr.T, vk.HandlerFunc(func(c *vk.Context) error {
			_, err := vk.Ask(c, "?", func(string) (int, error) { return 0, errors.New("useless") })
			_, ok := as[*vk.AnswerError](err)
			return tr.note(words(ok))(c)
		}))
		anna := bot.User("Anna")
		anna.Says("hi")
		anna.Hears("?")
		anna.Says("x")
		bot.Wait(tr.Context())
		tr.did("true")
	},
	"(missing) | `*vk.PayloadError`": func(tr *trial) {
		vk.Press(tr.r, "item", func(*vk.Context, int) error { return nil })
		tr.event("message_new", `{"message":{"peer_id":1,"from_id":1,"text":"x","payload":"{\"item\":\"old\"}"}}`)
		_, ok := as[*vk.PayloadError](tr.err)
		tr.yes(ok)
		store := new(vk.MemoryStore)
		c := said(tr.T, "x")
		(&vk.Session[string]{Store: store, Name: "s"}).Update(c, vk.PerUser(c), func(v *string) error { *v = "old"; return nil })
		_, err := (&vk.Session[int]{Store: store, Name: "s"}).Get(c, vk.PerUser(c))
		_, ok = as[*vk.SessionError](err)
		tr.yes(ok)
	},

	// GroupMixin and Command
	"`GroupMixin`": func(tr *trial) {
		tr.r.Route("admin", func(r *vk.Router) { r.Handle("ban", tr.note("ban")) })
		tr.r.Group(func(r *vk.Router) { r.Use(tr.around("group")); r.Handle("in", tr.note("in")) })
		tr.r.Handle("out", tr.note("out"))
		tr.says("!admin ban", "!in", "!out").did("ban", "group", "in", "out")
	},
	"`all_commands`, `commands`": func(tr *trial) {
		tr.r.Handle("a|b", tr.note(""))
		tr.r.Route("c", func(r *vk.Router) { r.Handle("d", tr.note("")) })
		tr.is(len(slices.Collect(tr.r.Walk())), 2)
	},
	"`get_command` | `r.Lookup(\"admin ban\")` | |": func(tr *trial) {
		tr.r.Handle("admin ban", tr.note(""))
		_, ok := tr.r.Lookup("admin ban")
		_, not := tr.r.Lookup("admin")
		tr.yes(ok, !not)
	},
	"`case_insensitive` | `vk.Router.Fold` | |": func(tr *trial) {
		tr.r.Fold = true
		tr.r.Handle("a", tr.note("ran"))
		tr.says("!A").did("ran")
	},
	"`add_command`, `remove_command`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "a", Handler: tr.note("a")})
		tr.r.Handle("b", tr.note("b"))
		tr.r.Remove(rt)
		tr.says("!a", "!b").did("b")
	},
	"`Command(func, …)`": func(tr *trial) { tr.yes(tr.fails(vk.Route{}, "!a") == nil); tr.did("ran") },
	"`name` | `vk.Route.Pattern`": func(tr *trial) {
		tr.r.Handle("foo", tr.note("foo"))
		tr.is(tr.r.Handle("foo bar", tr.note("foo bar")).Pattern, "foo bar")
		tr.says("!foo bar", "!foo\n bar").did("foo bar", "foo bar")
	},
	"`callback`": func(tr *trial) {
		rt := tr.r.Handle("a", tr.note("ran"))
		rt.Handler(said(tr.T, "x"))
		tr.did("ran")
	},
	"`aliases`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "ban|block {x}", Aliases: []string{"get out"}, Handler: tr.note("ran")})
		tr.says("!ban x", "!block x", "!get out x").did("ran", "ran", "ran")
		tr.yes(!strings.Contains(rt.Usage(), "get out"))
	},
	"signature, annotations": func(tr *trial) {
		tr.r.Handle("a {s:string} {w:word} {i:int} {f:float} {b:bool} {d:duration} {t:time} {u:url} {v:user} {g:group} {p:page} {q:peer} {n:int=1} {x:int|bool?}", tr.note("ran"))
		bot, anna := tr.start()
		anna.Says(fmt.Sprintf("!a s w 1 2.5 yes 1h 12:30 https://vk.com @id%d @club%d @id%d @id%d", anna.ID, bot.GroupID, anna.ID, anna.ID))
		bot.Wait(tr.Context())
		tr.did("ran")
	},
	"default, `Optional`": func(tr *trial) {
		tr.is(tr.takes("{n:int=6}", ""), "n=6")
		tr.is(tr.takes("{n:int?} {x}", "word"), "x=word")
	},
	"keyword-only argument": func(tr *trial) {
		tr.is(tr.takes("{reason...}", `a  "b" c`), `reason=a  "b" c`)
		tr.r.Converter("role", vk.ConvertFunc(func(_ *vk.Context, s string) (string, error) { return "<" + s + ">", nil }))
		tr.r.Handle("a {role:role...}", func(c *vk.Context) error { s, _ := vk.Arg[string](c, "role"); return tr.note(s)(c) })
		tr.says("!a of the house").did("<of the house>")
	},
	"greedy (private)": func(tr *trial) { tr.is(tr.takes("{n:int...}", "1 2 3"), "n=[1 2 3]") },
	"converters, `Union`": func(tr *trial) {
		tr.r.Converter("size", vk.OneOf("S", "M"))
		vk.Command(tr.r, "a {size:size} {who:user}", func(c *vk.Context, a struct {
			Size string
			Who  vk.User
		}) error {
			return tr.note(a.Size + " " + a.Who.FirstName)(c)
		})
		bot, anna := tr.start()
		boris := bot.User("Boris")
		anna.Says(fmt.Sprintf("!a M @id%d", boris.ID))
		chat := bot.Chat("Flat", anna, boris)
		first := boris.In(chat).Says("hello")
		anna.In(chat).Replies(first, "!a S")
		bot.Wait(tr.Context())
		tr.didInAnyOrder("M Boris", "S Boris")
	},
	"quotes | the same": func(tr *trial) { tr.is(quotedOf(tr.T, "„a b“ don’t a\\\\b"), "a b → don’t → a\\b") },
	"bool words": func(tr *trial) {
		for _, w := range []string{"yes", "TRUE", "да", "ON"} {
			tr.is(tr.takes("{a:bool}", w), "a=true")
		}
	},
	"`enabled`": func(tr *trial) {
		rt := tr.r.Handle("a", tr.note("ran"))
		rt.SetEnabled(false)
		tr.yes(!rt.Enabled())
		tr.says("!a").did()
		rt.SetEnabled(true)
		tr.says("!a").did("ran")
	},
	"`cog`, `cog_name`": func(tr *trial) {
		var rt *vk.Route
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error { rt = r.Handle("a", tr.note("")); return nil })
		tr.yes(rt.Module() == mod, tr.r.Handle("b", tr.note("")).Module() == nil)
	},
	"`checks`, `add_check`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{tr.check("1"), tr.check("2")}, Handler: tr.note("ran")})
		remove := rt.Check(tr.check("3"))
		tr.says("!a").did("1", "2", "3", "ran")
		remove()
		tr.says("!a").did("1", "2", "ran")
	},
	"`can_run`": func(tr *trial) {
		rt := tr.r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{middleware.ChatOnly}, Handler: tr.note("ran")})
		tr.yes(errors.Is(rt.Allowed(said(tr.T, "x")), middleware.ErrChatOnly))
		tr.did()
	},
	"`rest_is_raw`": func(tr *trial) {
		tr.is(tr.takes("{reason...}", `"a" b`), `reason="a" b`)
		tr.is(tr.takes("{reason...}", ""), "ErrMissingArg")
		tr.is(tr.takes("{reason...?}", ""), "")
	},
	"`invoked_subcommand` | `c.Route()` | never set": func(tr *trial) {
		tr.r.Route("admin", func(r *vk.Router) {
			r.Handle("ban", func(c *vk.Context) error { return tr.note(c.Route().Words())(c) })
		})
		tr.says("!admin ban").did("admin ban")
	},
	"`cooldown_after_parsing`": func(tr *trial) {
		tr.r.Handle("a {n:int}", tr.note("ran"), middleware.NewCooldown(1, time.Hour, vk.PerUser).Wrap)
		tr.says("!a x", "!a 1").did("ran")
	},
	"`reset_cooldown`": func(tr *trial) {
		cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
		tr.r.Handle("a", tr.note("ran"), cd.Wrap)
		tr.says("!a", "!a").did("ran")
		cd.Reset(said(tr.T, "x"))
		tr.says("!a").did("ran")
		cd.ResetKey(vk.PerUser(said(tr.T, "x")))
		tr.says("!a").did("ran")
	},
	"`clean_params`": func(tr *trial) {
		rt := tr.r.Handle("a {n:int} {x?}", tr.note(""))
		tr.is(words(len(rt.Params()), rt.Params()[0].Name, rt.Usage()), "2 n a {n:int} {x?}")
	},
	"`error`, `before_invoke`, `after_invoke`": func(tr *trial) {
		tr.r.Handle("a", tr.fail("ran"), middleware.OnError(func(_ *vk.Context, err error) error { return tr.note("error")(nil) }), middleware.Before(tr.note("before")))
		tr.r.Handle("b", tr.note("b"))
		tr.says("!a", "!b").did("before", "ran", "error", "b")
	},
	"`commands.command`": func(tr *trial) {
		rt := vk.Route{Pattern: "ping", Handler: tr.note("pong")}
		tr.r.Add(rt)
		tr.says("!ping").did("pong")
	},

	// Not in the reference
	"`limiters.check`": func(tr *trial) {
		tr.yes(tr.fails(vk.Route{Checks: []vk.Check{func(*vk.Context) error { return errors.New("no") }}}, "!a") != nil)
		tr.did()
	},
	"`limiters.in_user_list`": func(tr *trial) {
		c := said(tr.T, "x")
		tr.yes(middleware.Users(c.FromID())(c) == nil, errors.Is(middleware.Users(c.FromID()+1)(c), middleware.ErrRefused))
	},
	"`Converter`, `Greedy`": func(tr *trial) {
		tr.r.Converter("twice", vk.ConvertFunc(func(c *vk.Context, s string) (string, error) { return s + s, nil }))
		tr.r.Handle("a {x:twice...}", func(c *vk.Context) error { return tr.note(words(vk.Arg[string](c, "x")))(c) })
		tr.says("!a b").did("bb true")
		tr.is(tr.takes("{n:int...}", "1 2"), "n=[1 2]")
	},
	"`Cog.get_commands`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("a", tr.note("")); return nil })
		tr.r.Handle("b", tr.note(""))
		tr.is(len(slices.Collect(mod.Walk())), 1)
	},
	"`Bot.can_run`": func(tr *trial) { tr.is(tr.r.Handle("a", tr.note("")).Allowed(said(tr.T, "x")), nil) },
	"`Bot.close`": func(tr *trial) {
		bot := quiet.New(tr.T)
		ctx, cancel := context.WithCancel(tr.Context())
		ended := make(chan error)
		go func() {
			ended <- (&vk.Poller{Client: bot.Client(), Handler: tr.r, Logger: quiet.Logger, Ready: func(int64) { cancel() }}).Run(ctx)
		}()
		tr.is(<-ended, nil)
	},
	"`fetch_user`, `fetch_group`": func(tr *trial) {
		bot := quiet.New(tr.T)
		anna := bot.User("Anna")
		u, err := bot.Client().User(tr.Context(), anna.ID)
		g, errG := bot.Client().Group(tr.Context(), bot.GroupID)
		p, errP := bot.Client().Profiles(tr.Context(), []int64{-bot.GroupID, anna.ID})
		tr.is(words(u.FirstName, g.ID == bot.GroupID, len(p), p[0].Group != nil, p[1].User != nil, err, errG, errP), "Anna true 2 true true <nil> <nil> <nil>")
	},
	"`get_own_user_page`": func(tr *trial) {
		p, err := quiet.New(tr.T).AdminClient().Self(tr.Context())
		tr.yes(err == nil, p.User != nil)
	},
	"`enable_longpoll`": func(tr *trial) { tr.enables() },
	"`print_warnings`": func(tr *trial) {
		vk.On(tr.r, vk.EventMessageTypingState, func(*vk.Context, *vk.MessageTyping) error { return nil })
		bot := quiet.New(tr.T)
		found := vk.Diagnose(tr.Context(), bot.Client(), tr.r)
		tr.yes(len(found) > 0, strings.Contains(fmt.Sprint(found), "message_typing_state"))
	},
	"`cooldown=`, `checks=`": func(tr *trial) {
		cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
		tr.fails(vk.Route{Use: []vk.Middleware{cd.Wrap}, Checks: []vk.Check{tr.check("check")}}, "!a")
		tr.says("!a").did("check", "ran", "check")
	},
	"`recursively_remove_all_commands`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("a", tr.note("a")); return nil })
		tr.r.Handle("b", tr.note("b"))
		mod.Unmount()
		for rt := range tr.r.Walk() {
			tr.r.Remove(rt)
		}
		tr.says("!a", "!b").did()
	},
}

// enables runs a Poller with EnableEvents while long poll is off.
func (tr *trial) enables() {
	bot := quiet.New(tr.T)
	set := vk.Params{"group_id": bot.GroupID, "enabled": false, "message_new": false, "group_join": false}
	tr.is(bot.AdminClient().Call(tr.Context(), "groups.setLongPollSettings", set, nil), nil)
	vk.On(tr.r, vk.EventGroupJoin, func(*vk.Context, *vk.GroupJoin) error { return nil })
	run := func(enable bool) error {
		ctx, cancel := context.WithCancel(tr.Context())
		defer cancel()
		return (&vk.Poller{Client: bot.Client(), Handler: tr.r, Logger: quiet.Logger, EnableEvents: enable, Ready: func(int64) { cancel() }}).Run(ctx)
	}
	tr.yes(errors.Is(run(false), vk.ErrLongPollOff))
	tr.is(run(true), nil)
	settings, err := vk.Call[struct {
		On     bool            `json:"is_enabled"`
		Events map[string]bool `json:"events"`
	}](tr.Context(), bot.AdminClient(), "groups.getLongPollSettings", vk.Params{"group_id": bot.GroupID})
	tr.is(words(settings.On, settings.Events["group_join"], settings.Events["message_new"], err), "true true false <nil>")
}
