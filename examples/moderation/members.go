package main

import (
	"time"

	"github.com/vkrouter/vk"
)

// deaf is middleware that ignores muted and banned members. It does not wrap
// listeners.
func (m *moderator) deaf(next vk.HandlerFunc) vk.HandlerFunc {
	return func(c *vk.Context) error {
		if muted, err := m.muted(c); muted || err != nil {
			return err
		}
		return next(c)
	}
}

// silence deletes messages of muted and banned members.
func (m *moderator) silence(c *vk.Context, e *vk.MessageNew) error {
	if e.Message.Action != nil {
		return nil // a service message, for example that a member joined
	}
	if muted, err := m.muted(c); !muted {
		return err
	}
	return c.Client().Delete(c, c.PeerID(), e.Message.CMID)
}

func (m *moderator) muted(c *vk.Context) (bool, error) {
	v, err := m.members.Get(c, vk.PerMember(c))
	return time.Now().Before(v.Muted), err
}

// welcome greets new members, whether they joined or were invited, unless they
// are banned.
func (m *moderator) welcome(c *vk.Context, e *vk.MessageNew) error {
	id := e.Message.Action.MemberID
	if id == -c.Event().GroupID {
		return c.Send("Hello! Make me an administrator, please: I cannot see or remove anything else.")
	}
	if id < 0 {
		return nil // another bot
	}
	v, err := m.members.Get(c, of(c, id))
	if err != nil {
		return err
	}
	if time.Now().Before(v.Banned) {
		return c.Client().Kick(c, c.PeerID(), id)
	}
	who, err := c.Client().User(c, id)
	if err != nil {
		return err
	}
	return c.Send("Welcome, " + who.Mention() + "! What is allowed here: !rules")
}
