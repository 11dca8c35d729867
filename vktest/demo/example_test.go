package demo_test

import (
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest/demo"
)

// The main function of a program in examples/.
func ExampleMain() {
	newBot := func(store vk.Store) vk.Handler {
		visits := &vk.Session[int]{Store: store, Name: "visits"}
		r := vk.NewRouter("!")
		r.Handle("hello", func(c *vk.Context) error {
			err := visits.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil })
			if err != nil {
				return err
			}
			return c.Reply("Hello!")
		})
		return r
	}
	demo.Main("Try !hello, Boris: !hello.", newBot, "Boris", "Vera")
}
