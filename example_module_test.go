package vk_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A module is a function that registers. What it registers comes and goes as
// one, while the bot runs.
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
		log.Fatal(err) // and the old ones are still there
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

// What is wrong with a module, all of it, and nothing has changed.
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

// What there is of modules, for an admin's command.
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
