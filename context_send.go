package vk

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Send sends a message to the conversation that the event is from. Of several
// sends in one handler, each is delivered once: see [Client.Send].
func (c *Context) Send(text string, opts ...SendOption) error {
	if c.PeerID() == 0 {
		return errors.New("vk: a " + c.event.Kind + " event has no conversation to answer in")
	}
	return c.client.Send(c, c.PeerID(), text, opts...)
}

// Reply is Send with a reference to the message that the event is about, which
// VK shows above the text. After a press of a callback button that is the
// message with the button.
func (c *Context) Reply(text string, opts ...SendOption) error {
	if cmid := c.event.head.cmid; cmid != 0 {
		opts = append([]SendOption{ReplyTo(Sent{PeerID: c.PeerID(), CMID: cmid})}, opts...)
	}
	return c.Send(text, opts...)
}

// Show shows a menu: it edits the message whose callback button was pressed,
// and sends one where there is none, because the event is not such a press, or
// because the button is below the input field. It also sends where VK no longer
// lets the message be edited, since it is older than a day. See [Client.Edit]
// for what an edit leaves of the message, and [Client.Send].
func (c *Context) Show(text string, opts ...SendOption) error {
	if cmid := c.event.head.cmid; cmid != 0 && c.event.press != nil {
		err := c.client.Edit(c, c.PeerID(), cmid, text, opts...)
		if !errors.Is(err, codeEditExpired) && !errors.Is(err, codeEditKind) {
			return err
		}
	}
	return c.Send(text, opts...)
}

// Typing shows in the conversation that the bot is typing: see [Client.Typing].
func (c *Context) Typing() error { return c.client.Typing(c, c.PeerID()) }

// KeepTyping shows in the conversation that the bot is typing while f runs: see
// [Client.KeepTyping].
func (c *Context) KeepTyping(f func() error) error {
	return c.client.KeepTyping(c, c.PeerID(), f)
}

// Edit is [Client.Edit] of the message.
func (s Sent) Edit(c *Context, text string, opts ...SendOption) error {
	if s.CMID == 0 && s.ID != 0 {
		opts = append([]SendOption{Extra{"message_id": s.ID}}, opts...)
	}
	return c.client.Edit(c, s.PeerID, s.CMID, text, opts...)
}

// Delete is [Client.Delete] of the message, with all its parts.
func (s Sent) Delete(c *Context) error {
	switch {
	case len(s.Parts) > 0:
		return c.client.Delete(c, s.PeerID, s.Parts...)
	case s.CMID == 0 && s.ID == 0:
		return errUnnamed("messages.delete")
	case s.CMID == 0:
		return errors.Join(c.client.delete(c, Params{"message_ids": s.ID, "delete_for_all": true})...)
	}
	return c.client.Delete(c, s.PeerID, s.CMID)
}

// Pin is [Client.Pin] of the message.
func (s Sent) Pin(c *Context) error {
	if s.CMID == 0 {
		return errUnnamed("messages.pin")
	}
	return c.client.Pin(c, s.PeerID, s.CMID)
}

// errUnnamed returns the error of a method on a Sent without the number that the
// API method takes.
func errUnnamed(method string) error {
	return fmt.Errorf("vk: %s: the number of the message is not known: VK tells none for messages sent with a user's token", method)
}

// React is [Client.React] to the message.
func (s Sent) React(c *Context, reaction int) error {
	if s.CMID == 0 {
		return errUnnamed("messages.sendReaction")
	}
	return c.client.React(c, s.PeerID, s.CMID, reaction)
}

// Reply is [Client.Send] of an answer to the message.
func (s Sent) Reply(c *Context, text string, opts ...SendOption) error {
	return c.client.Send(c, s.PeerID, text, append([]SendOption{ReplyTo(s)}, opts...)...)
}

// through returns the Context for the handlers of a Router. Each of several
// Routers that one handler gives an event to has a scope of its own, and the
// same again when it is given the event again.
func (c *Context) through(r *Router) *Context {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.router == nil {
		i.router = r
	}
	if i.router == r {
		return c
	}
	n := slices.Index(i.routers, r)
	if n < 0 {
		n = len(i.routers)
		i.routers = append(i.routers, r)
	}
	d := *c
	d.via = strconv.Itoa(n+2) + ":"
	return &d
}

// sendKey implements sendScope.
func (c *Context) sendKey(to, name string) (key sendKey, ok bool) {
	switch {
	case c.event.ID == "":
		return key, false
	case name != "":
		return digest(c.event.ID, c.inv.scope(), to, "named "+name), true
	}
	return digest(c.event.ID, c.inv.scope(), to, "number "+strconv.Itoa(c.inv.count(to))), true
}

// actsFor implements sendScope.
func (c *Context) actsFor(client *Client) int64 {
	if client != c.client {
		return 0
	}
	return c.event.GroupID
}

// count returns how many sends of the invocation to the same peer came before.
func (i *invocation) count(to string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sends == nil {
		i.sends = make(map[string]int)
	}
	n := i.sends[to]
	i.sends[to]++
	return n
}

// scope names the handler that the invocation is of, and those around it: no
// other handler of the event has the same scope.
func (i *invocation) scope() string {
	if i.outer == nil {
		return ""
	}
	return i.outer.scope() + "\x00" + i.via + i.name
}
