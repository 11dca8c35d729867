package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// question forwards a person's message to the staff. VK shows them the author
// and the files. The first message opens a ticket.
func (d *desk) question(c *vk.Context) error {
	chat, err := d.chats.Get(c, vk.Key{})
	if err != nil {
		return err
	}
	if chat == 0 {
		return middleware.Refuse("Our desk is not open yet.")
	}
	m, err := c.Message()
	if err != nil {
		return err
	}
	author, err := c.Author()
	if err != nil {
		return err
	}
	var t ticket
	first := false
	err = d.tickets.Update(c, vk.PerUser(c), func(v *ticket) error {
		if first = v.Opened.IsZero(); first {
			*v = ticket{Name: author.Name, Opened: time.Now()}
		}
		if v.Waiting.IsZero() {
			v.Waiting = time.Now()
		}
		t = *v
		return nil
	})
	if err != nil {
		return err
	}
	// If the process dies here, another one handles the message again. It sends
	// with the same random ids, so that nobody sees anything twice.
	var sent vk.Sent
	err = c.Client().Send(c, chat, t.String(), vk.Forward(m), buttons(c.FromID(), t), vk.Into(&sent))
	if err != nil {
		return errors.Join(err, c.Send("We cannot be reached at the moment. Please write again later."))
	}
	if err := d.note(c, sent, c.FromID()); err != nil || !first {
		return err
	}
	return c.Send("Thank you! " + office.promise(time.Now()))
}

// note notes that a message in the chat of the staff is about user.
func (d *desk) note(c *vk.Context, sent vk.Sent, user int64) error {
	return d.forwards.Update(c, forwardKey(sent.PeerID, sent.CMID), func(v *int64) error { *v = user; return nil })
}

// forwardKey returns the key of a message in the chat of the staff.
func forwardKey(chat, cmid int64) vk.Key {
	return vk.Key{Peer: chat, Name: strconv.FormatInt(cmid, 10)}
}

// answer sends a reply of the staff to the author of the forwarded message.
// Other messages in the chat are talk among the staff.
func (d *desk) answer(c *vk.Context) error {
	m, err := c.FullMessage() // VK crops messages with several files
	if err != nil || m.Reply == nil {
		return err
	}
	user, err := d.forwards.Get(c, forwardKey(c.PeerID(), m.Reply.CMID))
	switch {
	case err != nil:
		return err
	case user == 0 && m.Reply.FromID == -c.Event().GroupID && len(m.Reply.Forwarded) > 0:
		// The process that forwarded it has died just now, or the TTL is over.
		return c.Reply("Not sent: I do not know whose message that is. Try again in a minute.")
	case user == 0:
		return nil
	}
	author, err := c.Author()
	if err != nil {
		return err
	}
	for _, a := range m.Attachments {
		if _, ok := a.Ref(); !ok && a.Sticker == nil {
			return c.Reply("Not sent: a " + a.Type + " cannot be passed on.")
		}
	}
	err = c.Client().Send(c, user, m.Text, vk.Options(m.Attachments...))
	switch {
	case isUnwelcome(err):
		return c.Reply("Not sent: this person accepts no messages from us.")
	case err != nil:
		return errors.Join(err, c.Reply("Not sent: VK does not take the message."))
	}
	err = d.change(c, user, func(t *ticket) error {
		t.Waiting = time.Time{}
		if t.StaffID == 0 {
			t.StaffID, t.Staff = c.FromID(), author.Name
		}
		return nil
	})
	if errors.Is(err, errClosed) {
		return nil
	}
	return err
}

// isUnwelcome reports whether a person does not let the community write.
func isUnwelcome(err error) bool {
	return errors.Is(err, vk.CodeBlacklisted) || errors.Is(err, vk.CodeCannotWrite) || errors.Is(err, vk.CodePrivacy)
}
