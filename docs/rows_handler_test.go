package docs_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocHandlerRows runs the rows of docs/vk_botting.md about bots, modules,
// contexts, prefixes and cooldowns.
func TestDocHandlerRows(t *testing.T) { runRows(t, handlerRows) }

// prefixed returns the prefix and the words found in texts.
func (tr *trial) prefixed(find vk.PrefixFunc, texts ...string) (found []string) {
	r := &vk.Router{Prefix: find}
	r.Handle("a", func(c *vk.Context) error { found = append(found, c.Text()); return nil })
	for _, text := range texts {
		r.Serve(said(tr.T, text))
	}
	return found
}

// mention returns the mention of a bot of [vktest.NewContext].
func (tr *trial) mention() string {
	return vk.Mention(-said(tr.T, "x").Event().GroupID, "bot")
}

var handlerRows = rowCases{
	// Bot
	"`Bot(command_prefix, …)`": func(tr *trial) {
		tr.r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
		bot := quiet.New(tr.T)
		ctx, cancel := context.WithCancel(tr.Context())
		ended := make(chan error)
		go func() {
			ended <- vk.Run(ctx, bot.Token, tr.r, func(p *vk.Poller) {
				p.Client, p.Logger = bot.Client(), quiet.Logger
				p.Client.Lang = "en"
			})
		}()
		synctest.Wait()
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		cancel()
		tr.is(<-ended, nil)
		tr.is(bot.Calls("messages.send")[0].Params["lang"], "en")
	},
	"`session`, `user_agent`": func(tr *trial) {
		client := quiet.New(tr.T).Client()
		agent := ""
		base := client.HTTPClient.Transport
		client.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Set("User-Agent", "mine")
			agent = r.Header.Get("User-Agent")
			return base.RoundTrip(r)
		})}
		tr.is(client.Call(tr.Context(), "utils.getServerTime", nil, nil), nil)
		tr.is(agent, "mine")
	},
	"`v` | `vk.Client.Version`": func(tr *trial) {
		bot := quiet.New(tr.T)
		client := bot.Client()
		client.Call(tr.Context(), "utils.getServerTime", nil, nil)
		client.Version = "5.131"
		client.Call(tr.Context(), "utils.getServerTime", nil, nil)
		calls := bot.Calls("utils.getServerTime")
		tr.is(words(calls[0].Params["v"], calls[1].Params["v"]), "5.199 5.131")
	},
	"`force`": func(tr *trial) { tr.enables() },
	"`lang`": func(tr *trial) {
		bot := quiet.New(tr.T)
		client := bot.Client()
		client.Lang = "fi"
		client.Call(tr.Context(), "utils.getServerTime", nil, nil)
		tr.is(bot.Calls("")[0].Params["lang"], "fi")
	},
	"`cogs`, `extensions`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(*vk.Router) error { return nil })
		tr.is(words(slices.Collect(tr.r.Modules())[0] == mod), "true")
	},

	// Checks, commands, modules
	"`remove_check`": func(tr *trial) {
		tr.r.Handle("a", tr.note("ran"))
		remove := tr.r.Check(tr.check("check"))
		tr.says("!a").did("check", "ran")
		remove()
		tr.says("!a").did("ran")
	},
	"(missing) | `middleware.Users(ids…)`": func(tr *trial) {
		tr.in(func(c *vk.Context) {
			tr.is(middleware.Users(c.FromID())(c), nil)
			tr.yes(errors.Is(middleware.ChatOnly(c), middleware.ErrChatOnly), middleware.ChatAdmin(c) != nil, middleware.Manager()(c) != nil, middleware.Member(c) != nil)
			tr.is(middleware.Any(middleware.ChatOnly, middleware.PrivateOnly)(c), nil)
		})
	},
	"`walk_commands` | `r.Walk()`": func(tr *trial) {
		tr.r.Handle("a|b", tr.note(""))
		tr.r.Route("c", func(r *vk.Router) { r.Handle("d", tr.note("")) })
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("e", tr.note("")); return nil })
		tr.is(words(len(slices.Collect(tr.r.Walk())), len(slices.Collect(mod.Walk()))), "3 1")
	},
	"`command()`": func(tr *trial) {
		type arg struct{ N int }
		h := func(c *vk.Context, a arg) error { return tr.note(words(a.N + 1))(c) }
		tr.r.Handle("a {n:int}", func(c *vk.Context) error { return tr.note(c.Arg("n"))(c) })
		vk.Command(tr.r, "b {n:int}", h)
		vk.AddCommand(tr.r, vk.Route{Pattern: "c {n:int}"}, h)
		tr.says("!a 1", "!b 1", "!c 2").did("1", "2", "3")
	},
	"`remove_cog`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error {
			r.Handle("a", func(c *vk.Context) error {
				_, err := c.Ask("?")
				return tr.note(words(errors.Is(err, vk.ErrUnmounted)))(c)
			})
			r.Listen(tr.note("heard"))
			return nil
		})
		bot, anna := tr.start()
		anna.Says("!a")
		bot.Wait(tr.Context())
		tr.did("heard")
		tr.is(mod.Unmount(), nil)
		anna.Says("!a")
		bot.Wait(tr.Context())
		tr.did("true")
	},
	"`add_listener`, `listen`": func(tr *trial) {
		vk.On(tr.r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return tr.note("1")(c) })
		vk.On(tr.r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return tr.note("2")(c) })
		tr.r.Listen(tr.note("all"))
		tr.says("x").did("1", "2", "all")
		tr.event("group_join", `{"user_id":1}`)
		tr.did("all")
	},
	"`remove_listener`": func(tr *trial) {
		remove := vk.On(tr.r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return tr.note("heard")(c) })
		tr.says("x").did("heard")
		remove()
		tr.says("x").did()
	},
	"`load_extension`, `unload_extension`": func(tr *trial) {
		mod, err := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("a", tr.note("ran")); return nil })
		tr.is(err, nil)
		tr.says("!a").did("ran")
		tr.is(mod.Unmount(), nil)
		tr.says("!a").did()
	},

	// Message processing
	"`get_prefix`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error { return tr.note(c.Prefix())(c) })
		tr.says("!a").did("!")
	},
	"`invoke` | `r.Serve(c)`": func(tr *trial) {
		tr.r.Handle("a", tr.note("ran"))
		tr.is(tr.r.Serve(said(tr.T, "!a")), nil)
		tr.did("ran")
	},
	"`build_msg`": func(tr *trial) {
		e, err := vk.ParseEvent([]byte(`{"type":"message_new","object":{"message":{"text":"hi"}}}`))
		tr.is(err, nil)
		m, err := vk.NewContext(tr.Context(), nil, e).Message()
		tr.is(words(m.Text, err), "hi <nil>")
	},
	"`on_command_error` | `r.Use(middleware.OnError(f))` | the": func(tr *trial) {
		tr.r.Use(middleware.Explain(), middleware.OnError(func(_ *vk.Context, err error) error { return errors.Join(err, tr.note("error")(nil)) }))
		tr.r.Handle("a {n:int}", tr.note("ran"))
		c, rec := vktest.NewContext("!a x")
		tr.r.Serve(c)
		tr.did("error")
		tr.yes(rec.Text() != "")
	},
	"`run(token)`": func(tr *trial) {
		_, ok := as[*vk.ConfigError](vk.Run(tr.Context(), "", tr.r))
		tr.yes(ok, errors.Is(vk.Run(tr.Context(), "", tr.r), vk.ErrNoToken))
	},

	// Prefixes
	"`when_mentioned` |": func(tr *trial) {
		tr.is(len(tr.prefixed(vk.Mentioned(), tr.mention()+" a", tr.mention()+", a", tr.mention()+"a", "a", "!a")), 3)
	},
	"`when_mentioned_or` |": func(tr *trial) {
		tr.is(len(tr.prefixed(vk.AnyPrefix(vk.Mentioned(), vk.Literal("!")), tr.mention()+" a", "!a", "a")), 2)
	},
	"`when_mentioned_or_pm` |": func(tr *trial) {
		tr.is(len(tr.prefixed(vk.AnyPrefix(vk.Mentioned(), vk.NoPrefixInPrivate), tr.mention()+" a", "!a", "a")), 2)
	},
	"`when_mentioned_or_pm_or` |": func(tr *trial) {
		tr.is(len(tr.prefixed(vk.AnyPrefix(vk.Mentioned(), vk.Literal("!"), vk.NoPrefixInPrivate), tr.mention()+" a", "!a", "a", "?a")), 3)
	},
	"a list of prefixes": func(tr *trial) {
		tr.is(len(tr.prefixed(vk.Literal("!", "/"), "!a", "/a", "a")), 2)
		tr.r = vk.NewRouter("!", "/")
		tr.r.Handle("a", tr.note("ran"))
		tr.says("!a", "/a").did("ran", "ran")
	},

	// Context
	"`Context` |": func(tr *trial) {
		tr.in(func(c *vk.Context) {
			var ctx context.Context = c
			tr.is(words(ctx.Err(), c.Client().Call(c, "utils.getServerTime", nil, nil)), "<nil> <nil>")
		})
	},
	"`message` | `c.Message()`": func(tr *trial) {
		tr.r.Listen(func(c *vk.Context) error { _, err := c.Message(); return err })
		tr.event("group_join", `{"user_id":1}`)
		tr.yes(tr.err != nil)
		tr.in(func(c *vk.Context) { m, err := c.FullMessage(); tr.is(words(m.Text, err), "!go <nil>") })
	},
	"`bot` | `c.Client()`": func(tr *trial) { tr.in(func(c *vk.Context) { tr.yes(c.Client() != nil) }) },
	"`args`, `kwargs`": func(tr *trial) {
		tr.r.Handle("a {n:int}", func(c *vk.Context) error {
			n, ok := vk.Arg[int](c, "n")
			return tr.note(words(c.Arg("n"), n, ok, c.Line()))(c)
		})
		vk.Command(tr.r, "b {n:int}", func(c *vk.Context, a struct{ N int }) error { return tr.note(words(a.N))(c) })
		tr.says("!a 05", "!b 6").did("05 5 true 05", "6")
	},
	"`prefix` | `c.Prefix()`": func(tr *trial) { tr.in(func(c *vk.Context) { tr.is(c.Prefix(), "!") }) },
	"`command` | `c.Route()`": func(tr *trial) {
		tr.r.Listen(func(c *vk.Context) error { tr.yes(c.Route() == nil); return nil })
		rt := tr.r.Handle("a", func(c *vk.Context) error { return tr.note(c.Route().Pattern)(c) })
		tr.says("!a").did(rt.Pattern)
	},
	"`invoked_with`": func(tr *trial) {
		invoked := func(c *vk.Context) error { return tr.note(c.Invoked())(c) }
		tr.r.Handle("foo bar|fb", invoked)
		tr.r.NotFound(invoked)
		tr.says("!foo bar", "!foo fb", "!nope x").did("foo bar", "foo fb", "nope")
	},
	"`invoked_subcommand`, `subcommand_passed`": func(tr *trial) {
		tr.r.Route("admin", func(r *vk.Router) {
			r.Handle("ban {x}", func(c *vk.Context) error { return tr.note(c.Route().Words() + ": " + c.Line())(c) })
		})
		tr.says("!admin ban anna").did("admin ban: anna")
	},
	"`command_failed`": func(tr *trial) {
		tr.r.Use(tr.around("use"))
		tr.r.Handle("a", func(c *vk.Context) error { return errors.New("failed") }, func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				c.After(func(_ *vk.Context, err error) error { return tr.note(err.Error())(nil) })
				return next(c)
			}
		})
		tr.says("!a").did("use", "failed", "use sees an error")
	},
	"`reinvoke`": func(tr *trial) {
		again := true
		tr.r.Add(vk.Route{Pattern: "a {x}", Checks: []vk.Check{tr.check("check")}, Use: []vk.Middleware{tr.around("use")}, Handler: func(c *vk.Context) error {
			tr.add(c.Arg("x"))
			if again {
				again = false
				return c.Invoke(c.Route(), c.Line())
			}
			return nil
		}})
		tr.says("!a 1").did("check", "use", "1", "check", "use", "1")
	},
	"`reply` | `c.Reply(text, …)` | `vk.Into": func(tr *trial) {
		var sent vk.Sent
		_, anna := tr.in(func(c *vk.Context) { tr.is(c.Reply("hi", vk.Into(&sent)), nil) })
		tr.is(anna.Hears("hi").CMID, sent.CMID)
	},
	"`get_user`, `get_author`, `fetch_user`, `fetch_author` | `c.Author()`": func(tr *trial) {
		bot, _ := tr.in(func(c *vk.Context) {
			p, err := c.Author()
			tr.is(words(p.User.FirstName, err), "Anna <nil>")
			c.Author()
		})
		tr.is(len(bot.Calls("users.get")), 2)
	},
	"`cog` | `c.Module()`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error {
			r.Handle("a", func(c *vk.Context) error { return tr.note(c.Module().Name())(c) })
			return nil
		})
		tr.says("!a").did(mod.Name())
	},
	"`valid`": func(tr *trial) {
		tr.in(func(c *vk.Context) { tr.yes(c.Route() != nil) })
		tr.yes(said(tr.T, "x").Route() == nil)
	},
	"`author`, `from_id`": func(tr *trial) {
		var id int64
		_, anna := tr.in(func(c *vk.Context) { id = c.FromID() })
		tr.is(id, anna.ID)
	},
	"`peer_id` | `c.PeerID()`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error { return tr.note(words(c.PeerID(), c.ChatID()))(c) })
		bot, anna := tr.start()
		chat := bot.Chat("Flat", anna)
		anna.In(chat).Says("!a")
		bot.Wait(tr.Context())
		tr.did(words(chat.ID, chat.ID-2_000_000_000))
	},
	"`text` | `c.Text()`": func(tr *trial) { tr.is(said(tr.T, "!a b").Text(), "!a b") },
	"(missing) | `c.Lang()`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error { return tr.note(c.Lang())(c) })
		bot, _ := tr.start()
		bot.Person(vktest.Person{Lang: "ru"}).Says("!a")
		bot.Wait(tr.Context())
		tr.did("ru")
	},
	"`me` |": func(tr *trial) {
		bot, _ := tr.in(func(c *vk.Context) {
			p, err := c.Self()
			tr.is(words(p.PeerID == -c.Event().GroupID, err), "true <nil>")
		})
		tr.is(len(bot.Calls("groups.getById")) > 0, true)
	},
	"`send` | `c.Send(text, …)`": func(tr *trial) {
		bot, anna := tr.in(func(c *vk.Context) { tr.is(c.Send("hi", vk.Silent), nil) })
		anna.Hears("hi")
		tr.is(bot.Calls("messages.send")[0].Params["silent"], "1")
	},
	"`trigger_typing` | `c.Typing()`": func(tr *trial) {
		_, anna := tr.in(func(c *vk.Context) { tr.is(c.Typing(), nil) })
		anna.SeesTyping()
	},
	"`typing()`": func(tr *trial) {
		bot, _ := tr.in(func(c *vk.Context) {
			tr.is(c.KeepTyping(func() error { time.Sleep(12 * time.Second); return nil }), nil)
		})
		time.Sleep(time.Minute)
		tr.is(len(bot.Calls("messages.setActivity")), 3)
	},

	// Cogs
	"`Cog` |": func(tr *trial) {
		m := &struct{ state string }{"kept"}
		_, err := tr.r.Mount("filter", func(r *vk.Router) error {
			r.Handle("a", func(c *vk.Context) error { return tr.note(m.state)(c) })
			return nil
		})
		tr.is(err, nil)
		tr.says("!a").did("kept")
	},
	"`qualified_name` | `mod.Name()`": func(tr *trial) {
		mod, _ := tr.r.Mount("filter", func(*vk.Router) error { return nil })
		tr.is(mod.Name(), "filter")
	},
	"`walk_commands` | `mod.Walk()`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error { r.Handle("a", tr.note("")); return nil })
		tr.is(slices.Collect(mod.Walk())[0].Words(), "a")
	},
	"`Cog.listener`": func(tr *trial) {
		mod, _ := tr.r.Mount("m", func(r *vk.Router) error {
			vk.On(r, vk.EventGroupJoin, func(c *vk.Context, _ *vk.GroupJoin) error { return tr.note("heard")(c) })
			return nil
		})
		tr.event("group_join", `{"user_id":1}`)
		mod.Unmount()
		tr.event("group_join", `{"user_id":1}`)
		tr.did("heard")
	},
	"`cog_unload`": func(tr *trial) {
		with := func(word string, err error) func(*vk.Router) error {
			return func(r *vk.Router) error {
				r.Cleanup(func() { tr.add(word) })
				return err
			}
		}
		mod, _ := tr.r.Mount("m", with("first", nil))
		mod.Swap(with("second", nil))
		tr.did("first")
		mod.Unmount()
		tr.did("second")
		tr.r.Mount("m", with("third", errors.New("no")))
		tr.did("third")
	},
	"`cog_check`": func(tr *trial) {
		tr.r.Check(tr.check("bot"))
		tr.r.Mount("m", func(r *vk.Router) error {
			r.Check(tr.check("module"))
			r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{tr.check("route")}, Handler: tr.note("ran")})
			return nil
		})
		tr.says("!a").did("bot", "module", "route", "ran")
	},
	"`cog_command_error`": func(tr *trial) {
		tr.r.Mount("m", func(r *vk.Router) error {
			r.Use(middleware.OnError(func(*vk.Context, error) error { return tr.note("error")(nil) }))
			r.Handle("in", tr.fail("in"))
			return nil
		})
		tr.r.Handle("out", tr.fail("out"))
		tr.says("!in", "!out").did("in", "error", "out")
	},
	"`cog_before_invoke`, `cog_after_invoke`": func(tr *trial) {
		tr.r.Mount("m", func(r *vk.Router) error { r.Use(tr.hooks("module")); r.Handle("in", tr.note("in")); return nil })
		tr.r.Handle("out", tr.note("out"))
		tr.says("!in", "!out").did("before module", "in", "after module", "out")
	},

	// Cooldown
	"`commands.cooldown`": func(tr *trial) {
		cd := middleware.NewCooldown(2, time.Minute, vk.PerUser)
		tr.r.Handle("a", tr.note("a"), cd.Wrap)
		tr.r.Group(func(r *vk.Router) { r.Use(cd.Wrap); r.Handle("b", tr.note("b")) })
		tr.says("!a", "!b", "!a").did("a", "b")
		_, ok := as[*middleware.CooldownError](tr.err)
		tr.yes(ok)
	},
	"`BucketType.default`":      func(tr *trial) { tr.buckets(vk.Global, 1) },
	"`BucketType.user`":         func(tr *trial) { tr.buckets(vk.PerUser, 2) },
	"`BucketType.conversation`": func(tr *trial) { tr.buckets(vk.PerChat, 3) },
	"`BucketType.member`":       func(tr *trial) { tr.buckets(vk.PerMember, 4) },
	"(missing) | `middleware.Cooldown.By`": func(tr *trial) {
		byWord := &middleware.Cooldown{Rate: 1, Per: time.Hour, By: func(c *vk.Context) vk.Key { return vk.Key{Name: c.Arg("x")} }}
		tr.r.Handle("a {x}", tr.note("a"), byWord.Wrap)
		tr.says("!a 1", "!a 2", "!a 1").did("a", "a")
		tr.limits()
	},
	"(missing) | `middleware.NewMaxConcurrency(1, vk.PerChat)`": func(tr *trial) { tr.concurrency() },
}

// roundTrip is an http.RoundTripper made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// buckets checks how often a cooldown of one use admits two users, in private
// and in a chat.
func (tr *trial) buckets(by func(*vk.Context) vk.Key, want int) {
	tr.r.Handle("a", tr.note("ran"), middleware.NewCooldown(1, time.Hour, by).Wrap)
	for _, from := range [][2]int64{{1, 1}, {2, 2}, {1, 2_000_000_001}, {2, 2_000_000_001}} {
		e, _ := vk.NewMessageEvent(1, &vk.Message{FromID: from[0], PeerID: from[1], Text: "!a"})
		tr.r.Serve(vk.NewContext(tr.Context(), nil, e))
	}
	tr.did(strings.Fields(strings.Repeat("ran ", want))...)
}

// limits runs a cooldown with exempt users.
func (tr *trial) limits() {
	cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
	free := false
	cd.Limit = func(*vk.Context) (int, time.Duration) {
		if free {
			return 0, 0
		}
		return 1, time.Hour
	}
	tr.r.Handle("limited", tr.note("ran"), cd.Wrap)
	tr.says("!limited", "!limited").did("ran")
	free = true
	tr.says("!limited").did("ran")
}

// concurrency runs a command with a concurrency limit of one, inside a cooldown
// that rejected runs do not use up.
func (tr *trial) concurrency() {
	cd := middleware.NewCooldown(2, time.Hour, vk.PerUser)
	go1, done := make(chan bool), make(chan error)
	tr.r.Handle("a", func(c *vk.Context) error { <-go1; return nil }, cd.Wrap, middleware.NewMaxConcurrency(1, vk.PerChat).Wrap)
	first, second := said(tr.T, "!a"), said(tr.T, "!a")
	go func() { done <- tr.r.Serve(first) }()
	synctest.Wait()
	_, busy := as[*middleware.ConcurrencyError](tr.r.Serve(second))
	tr.yes(busy)
	close(go1)
	tr.is(<-done, nil)
	tr.is(tr.says("!a").err, nil)
}
