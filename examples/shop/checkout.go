package main

import (
	"crypto/rand"
	"errors"
	"regexp"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/api"
	"github.com/vkrouter/vk/middleware"
)

// An order is a user's order and its progress.
type order struct {
	ID      string // set in the first step, so that it is the same order however often it is confirmed
	Step    string // the current question: "address", "phone" or "confirm"
	Items   cart
	Address string
	Phone   string
}

func (o order) String() string {
	return o.Items.String() + "\n" + vk.Escape(o.Address) + "\n" + o.Phone
}

// at returns the condition that the user is at a step. No handler waits for the
// answer: the bot can be stopped, and the next process continues.
func (s *shop) at(step string) vk.Cond {
	return s.drafts.If(vk.PerMember, func(o order) bool { return o.Step == step })
}

// cancelButton returns the keyboard sent with every question.
func cancelButton() *vk.Keyboard {
	kb := &vk.Keyboard{Inline: true}
	return kb.Row(vk.CallbackButton("Cancel", vk.Cmd("cancel")))
}

// checkout starts an order.
func (s *shop) checkout(c *vk.Context) error {
	items, err := s.carts.Get(c, vk.PerUser(c))
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return middleware.Refuse("Your cart is empty.")
	}
	id := rand.Text()[:8]
	err = s.drafts.Update(c, vk.PerMember(c), func(o *order) error {
		*o = order{ID: id, Step: "address", Items: items}
		return nil
	})
	if err != nil {
		return err
	}
	return c.Send("Where to? Street and house, please.", cancelButton())
}

func (s *shop) address(c *vk.Context) error {
	text, err := addressOf(c.Text())
	if err != nil {
		return c.Reply(wrongAddress, cancelButton())
	}
	err = s.drafts.Update(c, vk.PerMember(c), func(o *order) error {
		o.Address, o.Step = text, "phone"
		return nil
	})
	if err != nil {
		return err
	}
	return c.Send("Your phone number?", cancelButton())
}

// The replies to invalid answers.
const (
	wrongAddress = "Street and house, please."
	wrongPhone   = "A number such as +7 912 345-67-89, please."
)

// addressOf returns the address in an answer.
func addressOf(text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) < 5 || len(text) > 200 {
		return "", errors.New("that is no address")
	}
	return text, nil
}

// phoneOf returns the phone number in an answer, in its international form.
func phoneOf(text string) (string, error) {
	m := number.FindStringSubmatch(notDigits.ReplaceAllString(text, ""))
	if m == nil {
		return "", errors.New("that is no phone number")
	}
	return "+7" + m[2], nil
}

var (
	notDigits = regexp.MustCompile(`[\s()-]`)
	number    = regexp.MustCompile(`^(\+7|7|8)(\d{10})$`)
)

func (s *shop) phone(c *vk.Context) error {
	number, err := phoneOf(c.Text())
	if err != nil {
		return c.Reply(wrongPhone, cancelButton())
	}
	var draft order
	err = s.drafts.Update(c, vk.PerMember(c), func(o *order) error {
		o.Phone, o.Step = number, "confirm"
		draft = *o
		return nil
	})
	if err != nil {
		return err
	}
	kb := cancelButton()
	kb.Row(vk.CallbackButton("Confirm", map[string]string{"confirm": draft.ID}).Positive())
	return c.Send("Is that right?\n"+draft.String(), kb)
}

// confirm places an order once. If the user presses twice, or the event is
// handled again because the bot was stopped in the middle, the order with this
// number exists already.
func (s *shop) confirm(c *vk.Context, id string) error {
	key := vk.Key{User: c.FromID(), Name: id}
	o, err := s.drafts.Get(c, vk.PerMember(c))
	if err != nil {
		return err
	}
	if o.ID != id || o.Step != "confirm" {
		placed, err := s.orders.Get(c, key)
		if err != nil {
			return err
		}
		if placed.ID == id && id != "" {
			return c.Snackbar("Order " + id + " is on its way.")
		}
		return middleware.Refuse("This order was given up.")
	}
	// Persist the order first, then delete the data that are no longer needed. Each
	// step is idempotent.
	if err := s.orders.Update(c, key, func(v *order) error { *v = o; return nil }); err != nil {
		return err
	}
	if err := s.carts.Delete(c, vk.PerUser(c)); err != nil {
		return err
	}
	if err := s.drafts.Delete(c, vk.PerMember(c)); err != nil {
		return err
	}
	if err := c.Show(thanks(o)); err != nil {
		return err
	}
	return s.announce(c, o)
}

func thanks(o order) string { return "Thank you! Your order " + o.ID + ":\n" + o.String() }

// announce notifies the community of a new order.
func (s *shop) announce(c *vk.Context, o order) error {
	// The conversation gets a star among the community's messages.
	if _, err := api.Call(c, c.Client(), api.MessagesMarkAsImportantConversation{PeerID: c.PeerID()}); err != nil {
		return err
	}
	manager, err := s.managers.Get(c, vk.Key{})
	if err != nil || manager == 0 {
		return err
	}
	return c.Client().Send(c, manager, "Order "+o.ID+":\n"+o.String())
}

// takeOrders makes a manager of the community the user who is notified of
// orders, instead of the previous one.
func (s *shop) takeOrders(c *vk.Context) error {
	err := s.managers.Update(c, vk.Key{}, func(id *int64) error { *id = c.FromID(); return nil })
	if err != nil {
		return err
	}
	return c.Reply("I tell you of every order from now on.")
}

func (s *shop) cancel(c *vk.Context) error {
	if err := s.drafts.Delete(c, vk.PerMember(c)); err != nil {
		return err
	}
	return c.Show("As you like. Your cart stays.")
}
