package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A route written out whole: what help shows of it, its other names, and who may
// use it.
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

// A list of commands, as a help command shows it.
func ExampleRouter_Walk() {
	r := vk.NewRouter("!")
	r.Add(vk.Route{Pattern: "rules", Doc: "What is allowed here.", Handler: func(c *vk.Context) error { return nil }})
	r.Route("admin", func(r *vk.Router) {
		r.Defaults = vk.Route{Hidden: true} // all of its routes
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

// A text as a whole, without a prefix.
func ExampleRouter_Text() {
	r := vk.NewRouter("!")
	r.Text("hello|hi there|привет", func(c *vk.Context) error { return c.Send("Hello!") })
	c, rec := vktest.NewContext("Hi  there")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: Hello!
}

// A button whose payload is a value of the bot's own.
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

// Anybody can send any payload.
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

// Another route in the place of one, while the bot runs.
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

// What a message would run.
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

// Every event, of whatever kind: for a log, or for kinds that are new.
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
