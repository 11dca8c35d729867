package main

import (
	"fmt"
	"strings"

	"github.com/vkrouter/vk"
)

// A cart is the quantity of each product that a user wants, by product ID.
type cart map[string]int

// change is the payload of a cart's button: {"change":{"item":"mint","by":-1}}.
type change struct {
	Item string `json:"item"`
	By   int    `json:"by"`
}

func changeButton(label string, p product, by int) vk.Button {
	return vk.CallbackButton(label+" "+p.name, map[string]change{"change": {p.id, by}})
}

// add adds to the quantity of a product in the cart, or subtracts from it.
func (s *shop) add(c *vk.Context, p product, by int) (n int, err error) {
	err = s.carts.Update(c, vk.PerUser(c), func(v *cart) error {
		if *v == nil {
			*v = make(cart)
		}
		n = min(max((*v)[p.id]+by, 0), 99) // the payload may contain any number
		if (*v)[p.id] = n; n == 0 {
			delete(*v, p.id)
		}
		return nil
	})
	return n, err
}

// buy handles the button on a card: it answers with a notification.
func (s *shop) buy(c *vk.Context, id string) error {
	p, err := find(id)
	if err != nil {
		return err
	}
	n, err := s.add(c, p, 1)
	if err != nil {
		return err
	}
	return c.Snackbar(fmt.Sprintf("%s: %d in your cart", p.name, n))
}

// change handles a button of the cart. It edits the cart's message in place.
func (s *shop) change(c *vk.Context, v change) error {
	p, err := find(v.Item)
	if err != nil {
		return err
	}
	if _, err := s.add(c, p, v.By); err != nil {
		return err
	}
	return s.showCart(c)
}

// showCart shows the cart: it edits the message with the pressed button, or
// sends a new message.
func (s *shop) showCart(c *vk.Context) error {
	v, err := s.carts.Get(c, vk.PerUser(c))
	if err != nil {
		return err
	}
	kb := &vk.Keyboard{Inline: true}
	for _, p := range products {
		if v[p.id] > 0 {
			kb.Row(changeButton("−", p, -1), changeButton("+", p, 1))
		}
	}
	text := "Your cart is empty."
	if len(v) > 0 {
		text = "Your cart:\n" + v.String()
		kb.Row(vk.CallbackButton("Order", vk.Cmd("order")).Positive())
	}
	return c.Show(text, kb)
}

// String lists the products in the cart and their price.
func (v cart) String() string {
	var b strings.Builder
	sum := 0
	for _, p := range products {
		if n := v[p.id]; n > 0 {
			fmt.Fprintf(&b, "%d × %s\n", n, p.name)
			sum += n * p.price
		}
	}
	fmt.Fprintf(&b, "%d ₽ in all", sum)
	return b.String()
}
