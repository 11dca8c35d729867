package vk_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// State of a person, from one message to the next.
func ExampleSession() {
	type cart struct{ Items []string }
	carts := &vk.Session[cart]{Store: new(vk.MemoryStore), Name: "cart", TTL: 24 * time.Hour}

	r := vk.NewRouter("!")
	r.Handle("buy {item...}", func(c *vk.Context) error {
		var n int
		err := carts.Update(c, vk.PerUser(c), func(v *cart) error {
			if len(v.Items) == 3 {
				return errors.New("the cart is full")
			}
			v.Items = append(v.Items, c.Arg("item"))
			n = len(v.Items)
			return nil
		})
		switch {
		case errors.Is(err, vk.ErrContended):
			return c.Send("Not all at once, please.")
		case err != nil:
			return err
		}
		return c.Send(fmt.Sprintf("%d in the cart", n))
	})
	r.Handle("cart", func(c *vk.Context) error {
		v, err := carts.Get(c, vk.PerUser(c))
		if err != nil {
			return err
		}
		return c.Send(fmt.Sprint(v.Items))
	})
	r.Handle("clear", func(c *vk.Context) error { return carts.Delete(c, vk.PerUser(c)) })

	for _, text := range []string{"!buy tea", "!buy milk", "!cart", "!clear", "!cart"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %q\n", text, rec.Text())
	}
	// Output:
	// !buy tea: "1 in the cart"
	// !buy milk: "2 in the cart"
	// !cart: "[tea milk]"
	// !clear: ""
	// !cart: "[]"
}

// A dialogue of several steps. Each answer is led to its step by what is known
// of the person, so that a restart of the bot in between does no harm.
func ExampleSession_If() {
	type order struct{ Step, Item string }
	orders := &vk.Session[order]{Store: new(vk.MemoryStore), Name: "order", TTL: time.Hour}
	at := func(step string) vk.Cond {
		return orders.If(vk.PerUser, func(o order) bool { return o.Step == step })
	}

	r := vk.NewRouter("!")
	r.Handle("order {item...}", func(c *vk.Context) error {
		err := orders.Update(c, vk.PerUser(c), func(o *order) error {
			*o = order{Step: "address", Item: c.Arg("item")}
			return nil
		})
		if err != nil {
			return err
		}
		return c.Send("Where to?")
	})
	r.When(at("address"), func(c *vk.Context) error {
		o, err := orders.Get(c, vk.PerUser(c))
		if err != nil {
			return err
		}
		if err := c.Send(o.Item + " for " + c.Text() + ", thank you!"); err != nil {
			return err
		}
		return orders.Delete(c, vk.PerUser(c))
	})

	for _, text := range []string{"hello", "!order tea", "Nevsky 1", "hello"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %q\n", text, rec.Text())
	}
	// Output:
	// hello: ""
	// !order tea: "Where to?"
	// Nevsky 1: "tea for Nevsky 1, thank you!"
	// hello: ""
}

// What to do with state of an older version of the bot.
func ExampleSessionError() {
	store := new(vk.MemoryStore)
	c, _ := vktest.NewContext("hi")
	older := &vk.Session[string]{Store: store, Name: "city"}
	older.Update(c, vk.PerUser(c), func(v *string) error { *v = "Omsk"; return nil })

	type place struct{ City, Street string }
	places := &vk.Session[place]{Store: store, Name: "city"}
	_, err := places.Get(c, vk.PerUser(c))
	var old *vk.SessionError
	if errors.As(err, &old) {
		fmt.Printf("%s of %t: %s\n", old.Session, old.Key == vk.PerUser(c), old.Value)
		places.Delete(c, old.Key)
	}
	// Output: city of true: "Omsk"
}
