package main

import (
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A desk has the data of the bot. All of it is in sessions of one store: the
// question and its answer come from different conversations, so different
// processes may handle them. For the same reason, no handler waits for an
// answer.
type desk struct {
	chats    *vk.Session[int64]  // under the zero Key: the chat of the staff
	tickets  *vk.Session[ticket] // by user
	forwards *vk.Session[int64]  // by chat and message: the author of the forwarded message
}

// newBot returns the bot, which keeps its data in store. The limits are for
// several processes; nil means that there is only one.
func newBot(store vk.Store, limits vk.Limits) vk.Handler {
	d := &desk{
		chats:    &vk.Session[int64]{Store: store, Name: "chat"},
		tickets:  &vk.Session[ticket]{Store: store, Name: "ticket"},
		forwards: &vk.Session[int64]{Store: store, Name: "forward", TTL: 30 * 24 * time.Hour},
	}
	r := vk.NewRouter("/")
	r.Use(middleware.Explain())

	// A manager of the community types /desk in the chat of the staff.
	r.Add(vk.Route{Pattern: "desk", Checks: []vk.Check{middleware.ChatOnly, middleware.Manager()}, Handler: d.open})

	// These work in that chat only. The payload of a button proves nothing: a
	// user can send any payload, but not from a chat of others.
	r.Group(func(r *vk.Router) {
		r.Check(d.staffOnly)
		r.Handle("tickets", d.list)
		vk.Press(r, "take", d.take)
		vk.Press(r, "close", d.close)
	})
	r.When(d.isStaff, d.answer)

	flood := &middleware.Cooldown{Rate: 20, Per: time.Minute, By: vk.PerUser, Limits: limits, Name: "question"}
	private := vk.If((*vk.Context).IsChat).Not()
	r.When(private, d.question, flood.Wrap)
	return r
}

// open makes a chat the desk, instead of the previous one.
func (d *desk) open(c *vk.Context) error {
	err := d.chats.Update(c, vk.Key{}, func(peer *int64) error { *peer = c.PeerID(); return nil })
	if err != nil {
		return err
	}
	return c.Reply("Questions come to this chat from now on. To answer one, reply to its message.")
}

// isStaff reports whether an event is from the chat of the staff.
func (d *desk) isStaff(c *vk.Context) (bool, error) {
	peer, err := d.chats.Get(c, vk.Key{})
	return c.IsChat() && c.PeerID() == peer, err
}

// staffOnly is isStaff as a check.
func (d *desk) staffOnly(c *vk.Context) error {
	ok, err := d.isStaff(c)
	if err == nil && !ok {
		err = middleware.Refuse("This works only in the chat of the staff.")
	}
	return err
}
