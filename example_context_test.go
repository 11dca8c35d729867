package vk_test

import (
	"fmt"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A handler that runs another command, as if the person had written it.
func ExampleContext_Invoke() {
	r := vk.NewRouter("!")
	roll := r.Handle("roll {sides:int=6}", func(c *vk.Context) error {
		return c.Send("A die of " + c.Arg("sides"))
	})
	r.Handle("coin", func(c *vk.Context) error { return c.Invoke(roll, "2") })
	c, rec := vktest.NewContext("!coin")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: A die of 2
}

// How a command was written.
func ExampleContext_Invoked() {
	r := vk.NewRouter("!")
	r.Handle("buy|get {what...}", func(c *vk.Context) error {
		fmt.Printf("%q %q %q\n", c.Prefix(), c.Invoked(), c.Line())
		return nil
	})
	c, _ := vktest.NewContext("!get green  tea")
	r.Serve(c)
	// Output: "!" "get" "green  tea"
}

// Who wrote, and who the bot is.
func ExampleContext_Author() {
	r := vk.NewRouter("!")
	r.Handle("who", func(c *vk.Context) error {
		author, err := c.Author(vk.Fields("sex"))
		if err != nil {
			return err
		}
		self, err := c.Self()
		if err != nil {
			return err
		}
		return c.Send(author.Name + " wrote to " + self.Name)
	})
	c, rec := vktest.NewContext("!who")
	if err := r.Serve(c); err != nil {
		fmt.Println(err)
	}
	fmt.Println(rec.Text())
	// Output: Anna wrote to Bot
}
