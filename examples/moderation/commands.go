package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vkrouter/vk"
)

// enough is the number of warnings at which a member is removed.
const enough = 3

func rules(c *vk.Context) error {
	return c.Reply("Be kind, write no advertisements, and call the administrators by !report.")
}

// report mentions the administrators, so that their phones ring. Explain
// answers a member that may not report again yet.
func report(c *vk.Context) error {
	var admins []string
	for m, err := range c.Client().Members(c, c.PeerID()) {
		if err != nil {
			return err
		}
		if m.Admin && m.User != nil {
			admins = append(admins, m.User.Mention())
		}
	}
	return c.Reply("Please have a look: " + strings.Join(admins, ", "))
}

// The arguments of the commands. A field of type User parses a mention, a link
// or an ID into the user's page.
type (
	whoAndWhy struct {
		Who    vk.User
		Reason string
	}
	whoAndTime struct {
		Who  vk.User
		Time time.Duration
	}
	whoOnly struct{ Who vk.User }
)

// of returns the key of the user with the given ID, not necessarily the author
// of the message.
func of(c *vk.Context, id int64) vk.Key { return vk.Key{Peer: c.PeerID(), User: id} }

func (m *moderator) warn(c *vk.Context, a whoAndWhy) error {
	return m.addWarning(c, a.Who, a.Reason)
}

// addWarning warns a member, and removes the member at the last warning. If the
// bot is stopped in the middle and the event is handled again, Update starts
// with the state from before the event, so it still counts as one warning.
func (m *moderator) addWarning(c *vk.Context, who vk.User, reason string) error {
	var n int
	err := m.members.Update(c, of(c, who.ID), func(v *member) error {
		v.Warnings++
		n = v.Warnings
		if n >= enough {
			v.Warnings = 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s, this is warning %d of %d.", who.Mention(), n, enough)
	if reason != "" {
		text += " " + vk.Escape(reason) // the reason may contain @all
	}
	if err := c.Send(text); err != nil || n < enough {
		return err
	}
	return c.Client().Kick(c, c.PeerID(), who.ID)
}

func (m *moderator) forgive(c *vk.Context, a whoOnly) error {
	if err := m.members.Delete(c, of(c, a.Who.ID)); err != nil {
		return err
	}
	return c.Send(a.Who.Mention() + ", all is forgiven.")
}

func (m *moderator) mute(c *vk.Context, a whoAndTime) error {
	err := m.members.Update(c, of(c, a.Who.ID), func(v *member) error {
		v.Muted = time.Now().Add(a.Time)
		return nil
	})
	if err != nil {
		return err
	}
	return c.Send(a.Who.Mention() + " is silent for " + c.Arg("time") + ".")
}

func (m *moderator) kick(c *vk.Context, a whoAndWhy) error {
	if err := c.Client().Kick(c, c.PeerID(), a.Who.ID); err != nil {
		return err
	}
	text := a.Who.FirstName + " is gone."
	if a.Reason != "" {
		text += " " + vk.Escape(a.Reason)
	}
	return c.Send(text)
}

func (m *moderator) ban(c *vk.Context, a whoAndTime) error {
	err := m.members.Update(c, of(c, a.Who.ID), func(v *member) error {
		v.Banned = time.Now().Add(a.Time)
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.Client().Kick(c, c.PeerID(), a.Who.ID); err != nil {
		return err
	}
	return c.Send(a.Who.FirstName + " is gone for " + c.Arg("time") + ".")
}
