package main

import (
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A shop is what the bot's handlers share. All of its state is in sessions of
// one store, so that people do not notice a restart.
type shop struct {
	carts    *vk.Session[cart]   // of people
	drafts   *vk.Session[order]  // of people, while they are asked
	orders   *vk.Session[order]  // of people, by the order's number
	photos   *vk.Session[string] // of products: the picture, once it is uploaded
	managers *vk.Session[int64]  // the person who is told of orders
}

// newBot returns the bot, which keeps its data in store.
func newBot(store vk.Store) vk.Handler {
	s := &shop{
		carts:    &vk.Session[cart]{Store: store, Name: "cart", TTL: 30 * 24 * time.Hour},
		drafts:   &vk.Session[order]{Store: store, Name: "draft", TTL: 2 * time.Hour},
		orders:   &vk.Session[order]{Store: store, Name: "order"},
		photos:   &vk.Session[string]{Store: store, Name: "photo"},
		managers: &vk.Session[int64]{Store: store, Name: "manager"},
	}
	r := vk.NewRouter("/")
	r.Use(middleware.Explain())
	r.Check(middleware.PrivateOnly) // an address is nobody else's business

	// People type these commands, as in "/cart", or press a button that stands
	// for one, such as VK's own Start.
	r.Handle("start|menu", s.menu)
	r.Text("menu|hi|hello|привет", s.menu)
	r.Handle("catalogue", s.catalogue)
	r.Handle("cart", s.showCart)
	r.Handle("order", s.checkout)
	r.Handle("express", s.express) // the same as one handler
	r.Handle("cancel", s.cancel)
	r.Add(vk.Route{Pattern: "orders", Checks: []vk.Check{middleware.Manager()}, Handler: s.takeOrders})

	// These are only buttons. Their payloads are typed, and anybody can send any
	// payload.
	vk.Press(r, "buy", s.buy)
	vk.Press(r, "change", s.change)
	vk.Press(r, "confirm", s.confirm)

	// Everything else is an answer to the last question.
	r.When(s.at("address"), s.address)
	r.When(s.at("phone"), s.phone)
	private := vk.If((*vk.Context).IsChat).Not()
	r.When(private, s.menu)
	return r
}

func (s *shop) menu(c *vk.Context) error {
	kb := new(vk.Keyboard).Row(vk.TextButton("Catalogue", vk.Cmd("catalogue")), vk.TextButton("Cart", vk.Cmd("cart")))
	return c.Send("Welcome! What would you like?", kb)
}
