package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocMoreRows runs the rows of docs/vk_botting.md about missing features
// and the order of the steps before a command.
func TestDocMoreRows(t *testing.T) { runRows(t, moreRows) }

var moreRows = rowCases{
	// What was missing
	"routing by payload": func(tr *trial) {
		tr.r.Handle("buy {what}", func(c *vk.Context) error { return tr.note(c.Arg("what"))(c) })
		vk.Press(tr.r, "item", func(c *vk.Context, n int) error { return tr.note(words(n))(c) })
		cmd, _ := json.Marshal(vk.Cmd("buy", "tea"))
		for _, payload := range []string{string(cmd), `{"item":5}`} {
			quoted, _ := json.Marshal(payload)
			tr.event("message_new", `{"message":{"peer_id":1,"from_id":1,"payload":`+string(quoted)+`}}`)
		}
		tr.did("tea", "5")
	},
	"routes that are not commands": func(tr *trial) {
		tr.r.Text("yes|of course", tr.note("text"))
		tr.r.When(vk.Regexp(`^\d+$`), tr.note("number"))
		tr.r.When(vk.Has("photo"), tr.note("photo"))
		tr.r.When(vk.If(func(c *vk.Context) bool { return len(c.Text()) == 3 }).And(vk.Regexp("^a")), tr.note("both"))
		tr.says("of course", "42", "abc", "xyz")
		tr.event("message_new", `{"message":{"peer_id":1,"from_id":1,"attachments":[{"type":"photo","photo":{}}]}}`)
		tr.did("text", "number", "both", "photo")
	},
	"command groups with a body": func(tr *trial) {
		tr.r.Route("admin", func(r *vk.Router) { r.Handle("", tr.note("body")); r.Handle("ban", tr.note("ban")) })
		tr.says("!admin", "!admin ban").did("body", "ban")
	},
	"help, descriptions, hidden": func(tr *trial) {
		tr.r.Handle("help {command...?}", middleware.Help(tr.r))
		tr.r.Add(vk.Route{Pattern: "a", Doc: "does a", Handler: tr.note("")})
		tr.r.Add(vk.Route{Pattern: "secret", Hidden: true, Handler: tr.note("")})
		c, rec := vktest.NewContext("!help")
		tr.r.Serve(c)
		tr.yes(strings.Contains(rec.Text(), "does a"), !strings.Contains(rec.Text(), "secret"))
	},
	"owner, administrators, members": func(tr *trial) {
		c := said(tr.T, "x")
		tr.is(words(middleware.All(middleware.Users(c.FromID()), middleware.Not(middleware.ChatOnly))(c), middleware.Any(middleware.ChatOnly, middleware.PrivateOnly)(c)), "<nil> <nil>")
		tr.r.Handle("a", func(c *vk.Context) error {
			return tr.note(words(middleware.ChatAdmin(c), middleware.Manager("administrator")(c) != nil, middleware.Member(c)))(c)
		})
		bot, anna := tr.start()
		anna.Joins()
		chat := bot.Chat("Flat", anna)
		bot.MakeBotAdmin(chat)
		anna.In(chat).Says("!a")
		bot.Wait(tr.Context())
		tr.did("<nil> true <nil>")
	},
	"a limit of handlers at the same time": func(tr *trial) { tr.concurrency() },
	"different cooldowns":                  func(tr *trial) { tr.limits() },
	"carousels, links, silent": func(tr *trial) {
		m, p := tr.sends("x", vk.Carousel{{Title: "T", Description: "D", Buttons: []vk.Button{vk.LinkButton("b", "https://vk.com")}}}, vk.Silent, vk.Extra{"subscribe_id": 1})
		tr.is(words(m.Buttons, p["silent"], p["subscribe_id"]), "[b] 1 1")
	},
	"webhooks | `vk.Callback`": func(tr *trial) {
		bot := quiet.New(tr.T)
		tr.r.Handle("a", func(c *vk.Context) error {
			if c.RetryCounter() == 0 {
				return errors.Join(tr.note("first")(c), vk.RetryAfter(time.Minute))
			}
			return tr.note("again")(c)
		})
		cb := &vk.Callback{Client: bot.Client(), Handler: tr.r, Logger: quiet.Logger}
		defer cb.Stop(tr.Context())
		tr.is(cb.Setup(tr.Context(), bot.Host(cb)), nil)
		bot.User("Anna").Says("!a")
		time.Sleep(10 * time.Minute)
		tr.did("first", "again")
	},
	"dialogues | `c.Ask(text)`": func(tr *trial) {
		path := tr.TempDir() + "/bot.db"
		dialogue := func() {
			store, err := filestore.Open(path)
			tr.is(err, nil)
			defer store.Close()
			steps := &vk.Session[int]{Store: store, Name: "step"}
			tr.r = vk.NewRouter("!")
			tr.r.When(steps.If(vk.PerUser, func(n int) bool { return n > 0 }), tr.note("second"))
			tr.r.When(vk.Regexp("."), func(c *vk.Context) error {
				return errors.Join(steps.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil }), tr.note("first")(c))
			})
			tr.is(tr.says("hello").err, nil)
		}
		dialogue()
		dialogue() // after a restart
		tr.did("first", "second")
	},
	"rate limits, captchas, wrappers": func(tr *trial) { tr.captcha() },
	"execute, many recipients":        func(tr *trial) { tr.batches() },
	"uploads of other kinds": func(tr *trial) {
		user := quiet.New(tr.T)
		tr.is(words(vk.WallPhotoFor(1).Type, vk.StoryVideoFor(1).Server != "", vk.CoverFor(1).Save != ""), "photo true true")
		src := vk.Bytes("cat.png", picture())
		n := int64(0)
		src.Progress = func(sent, _ int64) { n = sent }
		a, err := user.AdminClient().Upload(tr.Context(), vk.WallPhotoFor(user.GroupID), src)
		tr.is(words(a.Type, n > 0, err), "photo true <nil>")
	},
	"other events": func(tr *trial) { hear(tr, vk.EventDonutMoneyWithdraw, "") },
	"chats | `client.Members(ctx, peer)`": func(tr *trial) {
		tr.lists()
		tr.r = vk.NewRouter("!")
		tr.r.Handle("pin", func(c *vk.Context) error {
			m, _ := c.Message()
			cl := c.Client()
			return tr.note(words(cl.Pin(c, c.PeerID(), m.CMID), cl.Delete(c, c.PeerID(), m.CMID), cl.Call(c, "messages.editChat", vk.Params{"chat_id": c.ChatID(), "title": "New"}, nil)))(c)
		})
		bot, anna := tr.start()
		chat := bot.Chat("Flat", anna)
		bot.MakeBotAdmin(chat)
		anna.In(chat).Says("!pin")
		bot.Wait(tr.Context())
		tr.did("<nil> <nil> <nil>")
	},
	"lists, history": func(tr *trial) { tr.lists() },
	"events during downtime": func(tr *trial) {
		store := new(vk.MemoryStore)
		bot := quiet.New(tr.T)
		anna := bot.User("Anna")
		gap := false
		run := func() {
			ctx, cancel := context.WithTimeout(tr.Context(), time.Minute)
			defer cancel()
			d := &vk.Dispatcher{Client: bot.Client(), Handler: tr.r, Store: store, Logger: quiet.Logger}
			(&vk.Poller{Client: bot.Client(), Dispatcher: d, Logger: quiet.Logger, OnGap: func(string, string) { gap = true }}).Run(ctx)
			d.Stop(tr.Context())
		}
		tr.r.Listen(func(c *vk.Context) error { return tr.note(c.Text())(c) })
		run()
		anna.Says("meanwhile")
		run()
		tr.did("meanwhile")
		anna.Says("lost")
		bot.LoseHistory()
		run()
		tr.yes(gap)
	},
	"tests | package vktest": func(tr *trial) {
		tr.r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		_, anna := tr.start()
		anna.Says("!ping")
		anna.Hears("pong")
	},
	"stopping, panics, contexts": func(tr *trial) {
		d := &vk.Dispatcher{Handler: tr.r, DrainTime: time.Second, Logger: quiet.Logger}
		tr.r.Handle("a", func(c *vk.Context) error {
			<-c.Done()
			return tr.note(words(errors.Is(context.Cause(c), vk.ErrStopped)))(c)
		})
		e, _ := vk.NewMessageEvent(1, &vk.Message{PeerID: 1, FromID: 1, Text: "!a"})
		tr.is(d.Dispatch(tr.Context(), e), nil)
		begin := time.Now()
		d.Stop(tr.Context())
		tr.yes(time.Since(begin) >= time.Second)
		tr.did("true")
		h := middleware.Logger(nil)(tr.note("logged"))
		tr.is(h(said(tr.T, "x")), nil)
	},
	"metrics, health": func(tr *trial) {
		bot := quiet.New(tr.T)
		client := bot.Client()
		var mu sync.Mutex
		steps := make(map[vk.Step]bool)
		client.Observer = func(_ context.Context, o vk.Observation) {
			mu.Lock()
			defer mu.Unlock()
			steps[o.Step] = true
		}
		p := &vk.Poller{Client: client, Handler: tr.r, Logger: quiet.Logger}
		ctx, cancel := context.WithTimeout(tr.Context(), time.Minute)
		defer cancel()
		anna := bot.User("Anna")
		p.Ready = func(int64) { anna.Says("x") }
		tr.is(p.Run(ctx), nil)
		mu.Lock()
		defer mu.Unlock()
		tr.is(words(steps[vk.StepPolled], steps[vk.StepDone], p.Status().GroupID == bot.GroupID, new(vk.Dispatcher).Pending()), "true true true 0")
	},
	"users and communities in texts": func(tr *trial) { tr.resolves() },
	"languages": func(tr *trial) {
		tr.r.Use(middleware.Explain())
		tr.r.Handle("a {n:int}", tr.note(""))
		bot, _ := tr.start()
		said := make(map[string]string)
		for _, lang := range []string{"ru", "en"} {
			who := bot.Person(vktest.Person{Lang: lang})
			who.Says("!a x")
			said[lang] = who.HearsLike("").Text
		}
		tr.yes(said["ru"] != said["en"], strings.ContainsAny(said["ru"], "абвгд"))
	},

	// Steps to a command
	"2 | cog's and bot's checks": func(tr *trial) {
		tr.r.Check(tr.check("check"))
		rt := tr.r.Handle("a", tr.note("ran"))
		rt.SetEnabled(false)
		tr.says("!a").did()
		tr.yes(errors.Is(tr.err, vk.ErrDisabled))
	},
	"3 | checks of the bot": func(tr *trial) {
		tr.r.Mount("m", func(r *vk.Router) error {
			r.Check(tr.check("module"))
			r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{tr.check("command")}, Handler: tr.note("ran")})
			return nil
		})
		tr.r.Check(tr.check("bot"))
		tr.says("!a").did("bot", "module", "command", "ran")
	},
	"4 | cooldown, then": func(tr *trial) {
		claims := 0
		tr.r.Use(middleware.Claim(func(*vk.Context) (func(), error) { claims++; return func() { claims-- }, nil }))
		tr.r.Handle("a {n:int}", tr.note("ran"))
		tr.r.Handle("b", tr.note("ran"), middleware.Before(tr.fail("refused")))
		tr.says("!a x", "!b").did("refused")
		tr.is(claims, 0)
		tr.says("!a 1").did("ran")
		tr.is(claims, 1)
	},
	"5 | hooks before": func(tr *trial) {
		tr.nested(tr.note("body")).did("before bot", "before module", "before command", "body", "after command", "after module", "after bot")
	},
	"6 | body": func(tr *trial) { tr.r.Handle("a", tr.note("body")); tr.says("!a").did("body") },
	"7 | hooks after": func(tr *trial) {
		own := errors.New("own")
		tr.r.Use(middleware.After(func(_ *vk.Context, err error) error { tr.add("after " + err.Error()); return own }))
		tr.r.Handle("a", tr.fail("body"))
		tr.r.Handle("b", tr.note("body"), middleware.Before(tr.fail("hook")))
		tr.says("!a").did("body", "after body")
		tr.yes(errors.Is(tr.err, own), strings.Contains(tr.err.Error(), "body"))
		tr.says("!b").did("hook", "after hook")
	},
	"8 | error handlers": func(tr *trial) {
		on := func(word string) vk.Middleware {
			return middleware.OnError(func(_ *vk.Context, err error) error { tr.add(word); return err })
		}
		tr.r.Use(on("bot"))
		tr.r.Mount("m", func(r *vk.Router) error {
			r.Use(on("module"))
			add := func(pattern string, h vk.HandlerFunc, more ...vk.Middleware) *vk.Route {
				return r.Handle(pattern, h, append([]vk.Middleware{on("command")}, more...)...)
			}
			add("check", tr.note("body")).Check(middleware.ChatOnly)
			add("args {n:int}", tr.note("body"))
			add("hook", tr.note("body"), middleware.Before(func(*vk.Context) error { return errors.New("no") }))
			add("body", func(*vk.Context) error { return errors.New("no") })
			add("panic", func(*vk.Context) error { panic("no") })
			return nil
		})
		for _, text := range []string{"!check", "!args x", "!hook", "!body", "!panic"} {
			tr.says(text).did("command", "module", "bot")
		}
	},
	"9 | completion also": func(tr *trial) {
		tr.r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error { err := next(c); tr.add(words(err == nil)); return err }
		})
		tr.r.Handle("a", tr.note("body"))
		tr.r.Add(vk.Route{Pattern: "b", Checks: []vk.Check{middleware.ChatOnly}, Handler: tr.note("body")})
		tr.says("!a", "!b").did("body", "true", "false")
	},
}

// nested runs a command with hooks, in a module with hooks, in a bot with
// hooks.
func (tr *trial) nested(body vk.HandlerFunc) *trial {
	tr.r.Use(tr.hooks("bot"))
	tr.r.Mount("m", func(r *vk.Router) error {
		r.Use(tr.hooks("module"))
		r.Handle("a", body, tr.hooks("command"))
		r.Handle("b", body, middleware.Before(func(*vk.Context) error { return errors.New("no") }))
		return nil
	})
	return tr.says("!a")
}
