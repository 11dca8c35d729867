package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A Route in full has its help text, aliases, and a check of its users.
func ExampleRoute() {
	r := vk.NewRouter("!")
	ban := r.Add(vk.Route{
		Pattern: "ban {who} {reason...?}",
		Aliases: []string{"throw out"},
		Doc:     "Removes somebody from the chat.",
		Checks: []vk.Check{func(c *vk.Context) error {
			if c.FromID() != 1 {
				return errors.New("for admins only")
			}
			return nil
		}},
		Handler: func(c *vk.Context) error { return c.Reply("Gone.") },
	})
	c, _ := vktest.NewContext("!throw out anna")
	var refused *vk.CheckError
	if errors.As(ban.Allowed(c), &refused) {
		fmt.Println("refused:", refused.Err)
	}

	ban.SetEnabled(false)
	err := r.Serve(c)
	fmt.Println(ban.Enabled(), errors.Is(err, vk.ErrDisabled))
	// Output:
	// refused: for admins only
	// false true
}

// A help command lists the commands.
func ExampleRouter_Walk() {
	r := vk.NewRouter("!")
	r.Add(vk.Route{Pattern: "rules", Doc: "What is allowed here.", Handler: func(c *vk.Context) error { return nil }})
	r.Route("admin", func(r *vk.Router) {
		r.Defaults = vk.Route{Hidden: true} // all of its routes that are not Shown
		r.Handle("reload", func(c *vk.Context) error { return nil })
	})
	for rt := range r.Walk() {
		if rt.Pattern != "" && !rt.Hidden {
			fmt.Printf("!%s: %s\n", rt.Pattern, rt.Doc)
		}
	}
	rt, ok := r.Lookup("admin reload")
	fmt.Println(rt.Pattern, ok)
	// Output:
	// !rules: What is allowed here.
	// admin reload true
}

// A text can be matched as a whole, without a prefix.
func ExampleRouter_Text() {
	r := vk.NewRouter("!")
	r.Text("hello|hi there|привет", func(c *vk.Context) error { return c.Send("Hello!") })
	c, rec := vktest.NewContext("Hi  there")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: Hello!
}

// A button's payload can be a value of the bot's own type.
func ExamplePress() {
	r := vk.NewRouter("!")
	r.Handle("shop", func(c *vk.Context) error {
		kb := &vk.Keyboard{Inline: true}
		kb.Row(vk.CallbackButton("Tea", map[string]int{"item": 5}), vk.CallbackButton("Coffee", map[string]int{"item": 6}))
		return c.Send("What will it be?", kb)
	})
	vk.Press(r, "item", func(c *vk.Context, id int) error {
		return c.Show(fmt.Sprintf("Item %d is yours.", id))
	})

	fake := vktest.NewServer()
	defer fake.Close()
	fake.Start(r)
	anna := fake.User("Anna")
	anna.Says("!shop")
	fmt.Println(anna.HearsLike("").Text)
	anna.Presses("Coffee")
	fmt.Println(anna.SeesEdited("Item 6 is yours.").Text)
	// Output:
	// What will it be?
	// Item 6 is yours.
}

// Users can send any payload.
func ExamplePayloadError() {
	r := vk.NewRouter("!")
	vk.Press(r, "item", func(c *vk.Context, id int) error { return nil })
	e, err := vk.ParseEvent([]byte(`{"type":"message_event","object":{"peer_id":1,"user_id":1,"payload":{"item":"all"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	var wrong *vk.PayloadError
	if errors.As(r.Serve(vk.NewContext(context.Background(), nil, e)), &wrong) {
		fmt.Printf("%s: %s\n", wrong.Key, wrong.Value)
	}
	// Output: item: "all"
}

// A route can be replaced while the bot runs.
func ExampleRouter_Replace() {
	r := vk.NewRouter("!")
	motd := r.Handle("motd", func(c *vk.Context) error { return c.Send("Welcome!") })
	motd, ok := r.Replace(motd, vk.Route{
		Pattern: "motd|news",
		Handler: func(c *vk.Context) error { return c.Send("We are closed on Monday.") },
	})
	fmt.Println(motd.Pattern, ok)
	c, rec := vktest.NewContext("!news")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output:
	// motd|news true
	// We are closed on Monday.
}

// Hooks are like the lines of a function: a Before is a line that may return an
// error, an After is a defer, and the handler is the last line.
func ExampleContext_Claim() {
	door := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			c.Claim(func(*vk.Context) (giveBack func(), err error) {
				fmt.Println("take the key")
				return func() { fmt.Println("give the key back") }, nil
			})
			c.Before(func(*vk.Context) error { fmt.Println("open"); return nil })
			c.After(func(_ *vk.Context, err error) error { fmt.Println("close:", err); return nil })
			c.Before(func(c *vk.Context) error {
				if c.Arg("what") == "piano" {
					return errors.New("too large")
				}
				return nil
			})
			return next(c)
		}
	}
	r := vk.NewRouter("!")
	r.Handle("carry {what}", func(c *vk.Context) error { fmt.Println("carry the", c.Arg("what")); return nil }, door)
	for _, text := range []string{"!carry chair", "!carry piano"} {
		c, _ := vktest.NewContext(text)
		r.Serve(c)
	}
	// Output:
	// take the key
	// open
	// carry the chair
	// close: <nil>
	// take the key
	// open
	// close: too large
	// give the key back
}

// A registered route can be changed while the bot runs.
func ExampleRoute_Update() {
	r := vk.NewRouter("!")
	shop := r.Handle("shop|store {item?}", func(c *vk.Context) error { return c.Send("Tea, coffee.") })
	shop, err := shop.Update(func(rt *vk.Route) { rt.Doc = "Shows what there is." })
	fmt.Println(shop.Words()+":", shop.Doc, err)

	open := shop.Check(func(*vk.Context) error { return errors.New("closed on Monday") })
	c, _ := vktest.NewContext("!shop")
	fmt.Println(r.Serve(c))
	open() // removes the check
	fmt.Println(r.Serve(c))

	r.Remove(shop)
	_, err = shop.Update(func(rt *vk.Route) { rt.Hidden = true })
	fmt.Println(errors.Is(err, vk.ErrRemoved))
	// Output:
	// shop: Shows what there is. <nil>
	// vk: shop|store {item?}: refused: closed on Monday
	// <nil>
	// true
}

// Users can add commands.
func ExampleRouter_TryAdd() {
	r := vk.NewRouter("!")
	r.Handle("learn {words} {answer...}", func(c *vk.Context) error {
		answer := c.Arg("answer")
		_, err := r.TryAdd(c.Arg("words"), vk.Route{Handler: func(c *vk.Context) error { return c.Send(answer) }})
		var taken *vk.ConflictError
		var words *vk.WordsError
		switch {
		case errors.As(err, &taken):
			return c.Send("There is a command of this name.")
		case errors.As(err, &words):
			return c.Send("That is no name: " + words.Err.Error())
		}
		return err
	})
	for _, text := range []string{`!learn "good night" Sleep well!`, "!good night", "!learn learn x", "!learn a|b x"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Text())
	}
	// Output:
	//
	// Sleep well!
	// There is a command of this name.
	// That is no name: '|' cannot be in a word
}

// Match finds the route of a message.
func ExampleRouter_Match() {
	r := vk.NewRouter("!")
	r.Handle("order {what} {n:int=1}", func(c *vk.Context) error { return nil })
	c, _ := vktest.NewContext("!order tea")
	found, err := r.Match(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Route().Pattern, found.Arg("what"), found.Arg("n"))
	// Output: order {what} {n:int=1} tea 1
}

// This listener receives events of every kind, for a log, or for new kinds.
func ExampleRouter_Listen() {
	var r vk.Router
	r.Listen(func(c *vk.Context) error {
		fmt.Println(c.Event().Kind, string(c.Event().Object))
		return nil
	})
	e, err := vk.ParseEvent([]byte(`{"type":"something_new","object":{"n":1}}`))
	if err != nil {
		log.Fatal(err)
	}
	r.Serve(vk.NewContext(context.Background(), nil, e))
	// Output: something_new {"n":1}
}

// These routes are for messages that are not commands: they are tried in order,
// and the first one that matches handles the message.
func ExampleRouter_When() {
	private := vk.If((*vk.Context).IsChat).Not()
	var loud vk.Cond = func(c *vk.Context) (bool, error) { return len(c.Text()) > 30, nil }

	r := vk.NewRouter("!")
	r.When(vk.Has("photo", "video"), func(c *vk.Context) error { return c.Reply("Nice picture.") })
	r.When(vk.Regexp(`(?i)my name is (?P<name>\pL+)`), func(c *vk.Context) error {
		return c.Reply("Hello, " + c.Arg("name"))
	})
	r.When(private.And(loud.Or(vk.Regexp(`!!!$`))), func(c *vk.Context) error { return c.Reply("Not so loud.") })

	for _, text := range []string{"Hi, my name is Anna.", "What!!!", "Fine."} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Printf("%q\n", rec.Text())
	}
	// Output:
	// "Hello, Anna"
	// "Not so loud."
	// ""
}

// The bot is addressed by a mention, or by a sign; in private, neither is
// needed.
func ExampleAnyPrefix() {
	r := &vk.Router{Prefix: vk.AnyPrefix(vk.Mentioned("tea"), vk.Literal("!"), vk.NoPrefixInPrivate)}
	r.Handle("ping", func(c *vk.Context) error {
		fmt.Printf("%q\n", c.Prefix())
		return nil
	})
	for _, text := range []string{"@tea, ping", "@tea !ping", "!ping", "ping"} {
		c, _ := vktest.NewContext(text)
		r.Serve(c)
	}
	// Output:
	// "@tea, "
	// "@tea !"
	// "!"
	// ""
}

// A function can find the prefix: here, any single sign.
func ExamplePrefixFunc() {
	var sign vk.PrefixFunc = func(c *vk.Context) (string, bool) {
		text := c.Text()
		return text[:min(1, len(text))], strings.IndexAny(text, "!/.") == 0
	}
	r := &vk.Router{Prefix: sign}
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	c, rec := vktest.NewContext(".ping")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: pong
}

func ExampleMentioned() {
	r := &vk.Router{Prefix: vk.Mentioned()}
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says(fmt.Sprintf("[club%d|@bot], ping", bot.GroupID))
	fmt.Println(anna.HearsLike("").Text)
	// Output: pong
}

// The prefix alone has a route of its own: users address a bot by its name to
// learn its commands.
func ExampleRouter_Handle_prefixAlone() {
	r := &vk.Router{Prefix: vk.AnyPrefix(vk.Mentioned("tea"), vk.Literal("!"))}
	r.Handle("", func(c *vk.Context) error { return c.Reply("Hello! Say: @tea help") })
	for _, text := range []string{"@tea", "@tea, ", "tea"} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Printf("%q\n", rec.Text())
	}
	// Output:
	// "Hello! Say: @tea help"
	// "Hello! Say: @tea help"
	// ""
}

// A condition can check the prefix of an unknown command: small talk is only
// for messages that are not commands.
func ExampleContext_Prefix() {
	r := vk.NewRouter("!")
	r.NotFound(func(c *vk.Context) error { return c.Reply("There is no " + c.Prefix() + c.Invoked()) })
	r.When(vk.If(func(c *vk.Context) bool { return c.Prefix() == "" }), func(c *vk.Context) error {
		return c.Reply("Nice weather.")
	})
	for _, text := range []string{"hello", "!hello you"} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Println(rec.Text())
	}
	// Output:
	// Nice weather.
	// There is no !hello
}

// Commands match in any case, as phones write them.
func ExampleRouter_fold() {
	r := &vk.Router{Prefix: vk.Literal("бот, "), Fold: true}
	r.Handle("отчёт", func(c *vk.Context) error { return c.Send("Вот он.") })
	for _, text := range []string{"бот, отчёт", "Бот, Отчет"} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Println(rec.Text())
	}
	// Output:
	// Вот он.
	// Вот он.
}

// The keyboards of phones insert unwanted spaces.
func ExamplePrefixFunc_Spaced() {
	r := &vk.Router{Prefix: vk.Literal("!").Spaced()}
	r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
	for _, text := range []string{"!ping", "! ping", " !ping"} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Println(rec.Text())
	}
	// Output:
	// pong
	// pong
	// pong
}

// Bots ignore each other, unless a Router allows it.
func ExampleRouter_answerBots() {
	r := &vk.Router{Prefix: vk.Literal("!"), AnswerBots: true}
	r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
	c, rec := vktest.NewContext("hi")
	raw := fmt.Appendf(nil, `{"type":"message_new","group_id":1,"object":{"message":{"peer_id":%d,"from_id":-2,"text":"!ping"}}}`, c.PeerID())
	e, err := vk.ParseEvent(raw)
	if err != nil {
		log.Fatal(err)
	}
	r.Serve(vk.NewContext(c, c.Client(), e))
	fmt.Println(rec.Text())
	// Output: pong
}

// A module is a function that registers routes. They are added and removed
// together, while the bot runs.
func ExampleRouter_Mount() {
	jokes := func(text string) func(r *vk.Router) error {
		return func(r *vk.Router) error {
			r.Check(func(c *vk.Context) error {
				if c.IsChat() {
					return errors.New("not in chats")
				}
				return nil
			})
			r.Handle("joke", func(c *vk.Context) error { return c.Send(text + " from " + c.Module().Name()) })
			r.Cleanup(func() { fmt.Println("closing", text) })
			return nil
		}
	}
	r := vk.NewRouter("!")
	m, err := r.Mount("jokes", jokes("Knock knock"))
	if err != nil {
		log.Fatal(err)
	}
	tell := func() {
		c, rec := vktest.NewContext("!joke")
		r.Serve(c)
		fmt.Printf("%q\n", rec.Text())
	}
	tell()
	if err := m.Swap(jokes("A horse walks into a bar")); err != nil {
		log.Fatal(err) // the old ones stay registered
	}
	tell()
	if err := m.Unmount(); err != nil {
		log.Fatal(err)
	}
	tell()
	// Output:
	// "Knock knock from jokes"
	// closing Knock knock
	// "A horse walks into a bar from jokes"
	// closing A horse walks into a bar
	// ""
}

// A ModuleError lists all errors of a module; nothing has changed.
func ExampleModuleError() {
	h := func(c *vk.Context) error { return nil }
	r := vk.NewRouter("!")
	r.Handle("ban", h)
	_, err := r.Mount("moderation", func(r *vk.Router) error {
		r.Handle("warn", h)
		r.Handle("ban", h)
		return nil
	})
	var failed *vk.ModuleError
	var conflict *vk.ConflictError
	if errors.As(err, &failed) && errors.As(err, &conflict) {
		fmt.Printf("cannot %s %s: somebody has %s\n", failed.Op, failed.Name, conflict.What)
	}
	_, ok := r.Lookup("warn")
	fmt.Println(ok)

	m, _ := r.Mount("empty", func(r *vk.Router) error { return nil })
	_, err = r.Mount("empty", func(r *vk.Router) error { return nil })
	fmt.Println(errors.Is(err, vk.ErrMounted))
	m.Unmount()
	fmt.Println(errors.Is(m.Unmount(), vk.ErrUnmounted))
	// Output:
	// cannot mount moderation: somebody has the words "ban"
	// false
	// true
	// true
}

// An admin's command lists the modules.
func ExampleRouter_Modules() {
	r := vk.NewRouter("!")
	r.Mount("quiz", func(r *vk.Router) error {
		r.Handle("quiz", func(c *vk.Context) error { return nil })
		return nil
	})
	vk.Command(r, "modules", func(c *vk.Context, _ struct{}) error {
		for m := range r.Modules() {
			for rt := range m.Walk() {
				fmt.Println(m.Name(), rt.Pattern, rt.Module() == m)
			}
		}
		return nil
	})
	vk.Command(r, "unload {name}", func(c *vk.Context, a struct{ Name string }) error {
		m, ok := r.Module(a.Name)
		if !ok {
			return c.Reply("There is no such module.")
		}
		return m.Unmount()
	})
	for _, text := range []string{"!modules", "!unload quiz", "!modules"} {
		c, _ := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
	}
	// Output: quiz quiz true
}
