package vk_test

import (
	"fmt"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Called by a mention, or by a sign; in private, neither is needed.
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

// A prefix that a function of one's own finds: any one sign.
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

// The prefix alone has a route of its own: people call a bot by its name to learn
// what it can do.
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

// A condition sees the prefix of a command that there is none of: small talk is
// for what is no command.
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

// Commands in any case, as phones write them.
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
