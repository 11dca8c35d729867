package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vkrouter/vk"
)

// enough is how many warnings somebody gets.
const enough = 3

func rules(c *vk.Context) error {
	return c.Reply("Be kind, write no advertisements, and call the administrators by !report.")
}

// report mentions the administrators, so that their phones ring. Of who may not
// do that again yet, Explain tells.
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

// target returns whom a command is about. What was written there is a mention,
// a link or an id, and the user of {who:user} is the number in it.
func target(c *vk.Context) (vk.User, error) {
	id, _ := vk.Arg[int64](c, "who")
	return c.Client().User(c, id)
}

// of is the key of somebody else than who has written.
func of(c *vk.Context, id int64) vk.Key { return vk.Key{Peer: c.PeerID(), User: id} }

func (m *moderator) warn(c *vk.Context) error {
	who, err := target(c)
	if err != nil {
		return err
	}
	return m.addWarning(c, who, c.Arg("reason"))
}

// addWarning warns somebody, and removes who was warned enough. If the bot is
// stopped in the middle and the event is handled again, Update begins with the
// state from before the event: it is one warning all the same.
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
		text += " " + vk.Escape(reason) // people write @all, too
	}
	if err := c.Send(text); err != nil || n < enough {
		return err
	}
	return remove(c, who.ID)
}

func (m *moderator) forgive(c *vk.Context) error {
	who, err := target(c)
	if err != nil {
		return err
	}
	if err := m.members.Delete(c, of(c, who.ID)); err != nil {
		return err
	}
	return c.Send(who.Mention() + ", all is forgiven.")
}

func (m *moderator) mute(c *vk.Context) error {
	who, err := target(c)
	if err != nil {
		return err
	}
	err = m.members.Update(c, of(c, who.ID), func(v *member) error {
		v.Muted = until(c)
		return nil
	})
	if err != nil {
		return err
	}
	return c.Send(who.Mention() + " is silent for " + c.Arg("time") + ".")
}

func (m *moderator) kick(c *vk.Context) error {
	who, err := target(c)
	if err != nil {
		return err
	}
	if err := remove(c, who.ID); err != nil {
		return err
	}
	text := who.FirstName + " is gone."
	if reason := c.Arg("reason"); reason != "" {
		text += " " + vk.Escape(reason)
	}
	return c.Send(text)
}

func (m *moderator) ban(c *vk.Context) error {
	who, err := target(c)
	if err != nil {
		return err
	}
	err = m.members.Update(c, of(c, who.ID), func(v *member) error {
		v.Banned = until(c)
		return nil
	})
	if err != nil {
		return err
	}
	if err := remove(c, who.ID); err != nil {
		return err
	}
	return c.Send(who.FirstName + " is gone for " + c.Arg("time") + ".")
}

// until returns when the time that the command names is over.
func until(c *vk.Context) time.Time {
	d, _ := vk.Arg[time.Duration](c, "time")
	return time.Now().Add(d)
}

// remove removes somebody from the chat. There is no method for it here, but a
// call of VK's takes nothing more than its name.
func remove(c *vk.Context, id int64) error {
	const chats = 2_000_000_000 // where the numbers of conversations that are chats begin
	return c.Client().Call(c, "messages.removeChatUser", vk.Params{"chat_id": c.PeerID() - chats, "member_id": id}, nil)
}
