package main

import (
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A shop holds the data shared by the bot's handlers. All of its state is in
// sessions of one store, so that users do not notice a restart.
type shop struct {
	carts    *vk.Session[cart]   // by user
	drafts   *vk.Session[order]  // by user, during the checkout
	orders   *vk.Session[order]  // by user and order number
	photos   *vk.Session[string] // by product: the uploaded picture
	managers *vk.Session[int64]  // the user notified of orders
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
	r.Check(middleware.PrivateOnly) // other users must not see an address

	// Users type these commands, as in "/cart", or press a button that represents
	// one, such as VK's own Start button.
	r.Handle("start|menu", s.menu)
	r.Text("menu|hi|hello|привет", s.menu)
	r.Handle("catalogue", s.catalogue)
	r.Handle("cart", s.showCart)
	r.Handle("order", s.checkout)
	r.Handle("express", s.express) // the same as checkout, in one handler
	r.Handle("cancel", s.cancel)
	r.Add(vk.Route{Pattern: "orders", Checks: []vk.Check{middleware.Manager()}, Handler: s.takeOrders})

	// These handle button presses only. Their payloads are typed, but a user can
	// send any payload.
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
