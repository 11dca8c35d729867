package vk_test

import (
	"fmt"

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
