package main

import (
	"crypto/rand"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// express is the order of checkout as one handler. It reads from top to bottom
// and keeps its state in variables. If the bot is stopped at a question, the
// next process runs the handler again: finished steps are not repeated, and
// answered questions return their answers.
//
// checkout is the better form if users go back and forth, as between the cart
// and the order, or if other handlers change the same state.
func (s *shop) express(c *vk.Context) error {
	items, err := s.carts.Get(c, vk.PerUser(c))
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return middleware.Refuse("Your cart is empty.")
	}
	// A random value would differ in another run, so Once saves its result.
	id, err := vk.Once(c, "number", func(string) (string, error) { return rand.Text()[:8], nil })
	if err != nil {
		return err
	}
	o := order{ID: id, Items: items}
	// The names allow the texts to change while a user is being asked.
	within, giveUp := vk.Within(24*time.Hour), vk.Cancel("cancel")
	o.Address, err = vk.Ask(c, "Where to? Street and house, please.", addressOf,
		vk.As("address"), vk.Retry(0, wrongAddress), within, giveUp)
	if err != nil {
		return err
	}
	o.Phone, err = vk.Ask(c, "Your phone number?", phoneOf, vk.As("phone"), vk.Retry(0, wrongPhone), within, giveUp)
	if err != nil {
		return err
	}
	answer, err := c.Ask("Is that right?\n"+o.String(), vk.Choices("Confirm", "Cancel"), vk.As("confirm"), within, giveUp)
	if err != nil {
		return err
	}
	if answer.Text() != "Confirm" {
		return answer.Reply("Then I leave it. Your cart stays.")
	}
	key := vk.Key{User: c.FromID(), Name: id}
	if err := s.orders.Update(c, key, func(v *order) error { *v = o; return nil }); err != nil {
		return err
	}
	if err := s.carts.Delete(c, vk.PerUser(c)); err != nil {
		return err
	}
	if err := answer.Send(thanks(o)); err != nil {
		return err
	}
	return s.announce(c, o)
}
