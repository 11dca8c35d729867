package vk_test

import (
	"fmt"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Routes for what is no command: they are looked at in their order, and the
// first that holds answers.
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
