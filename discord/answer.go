package discord

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
)

// errNoChannel returns the error of an answer to an event without a channel.
func (c *Context) errNoChannel() error {
	return errors.New("discord: a " + c.event.Kind + " event has no channel to answer in: use Client.Send")
}

// Send sends a message to the channel that the event is from; see [Client.Send].
func (c *Context) Send(text string, opts ...SendOption) error {
	if c.ChannelID() == 0 {
		return c.errNoChannel()
	}
	_, err := c.client.Send(c, c.ChannelID(), text, opts...)
	return err
}

// Reply is Send with a reference to the message that the event is about, which
// Discord shows above the text. If that message is gone, the answer is sent all the
// same.
func (c *Context) Reply(text string, opts ...SendOption) error {
	if id := c.messageID(); id != 0 {
		opts = append([]SendOption{ReplyTo(id)}, opts...)
	}
	return c.Send(text, opts...)
}

// Edit edits the message that the event is about, which must be the bot's own; see
// [Client.EditMessage].
func (c *Context) Edit(text string, opts ...SendOption) error {
	id := c.messageID()
	if id == 0 || c.ChannelID() == 0 {
		return errors.New("discord: a " + c.event.Kind + " event has no message to edit: use Client.EditMessage")
	}
	_, err := c.client.EditMessage(c, c.ChannelID(), id, text, opts...)
	return err
}

// Delete deletes the message that the event is about; see [Client.DeleteMessage].
func (c *Context) Delete(opts ...CallOption) error {
	id := c.messageID()
	if id == 0 || c.ChannelID() == 0 {
		return errors.New("discord: a " + c.event.Kind + " event has no message to delete: use Client.DeleteMessage")
	}
	return c.client.DeleteMessage(c, c.ChannelID(), id, opts...)
}

// Typing shows in the channel that the bot is typing, for ten seconds or until it
// sends a message; see [Client.Typing].
func (c *Context) Typing() error {
	if c.ChannelID() == 0 {
		return c.errNoChannel()
	}
	return c.client.Typing(c, c.ChannelID())
}

// nonce implements nonceScope: the nonces follow from the event, so that a message
// that was sent before a crash is not sent again after it.
func (c *Context) nonce(channel ID, name string) string {
	e, i := c.event, c.inv
	if e.Seq == 0 {
		return nonceFor(context.Background(), channel, name)
	}
	if name == "" {
		i.mu.Lock()
		if i.sends == nil {
			i.sends = make(map[ID]int)
		}
		name = "number " + strconv.Itoa(i.sends[channel])
		i.sends[channel]++
		i.mu.Unlock()
	} else {
		name = "named " + name
	}
	h := sha256.New()
	for _, part := range []string{e.Kind, e.Shard.String(), strconv.FormatInt(e.Seq, 10), i.name, channel.String(), name} {
		h.Write([]byte(part + "\x00"))
	}
	h.Write(e.Data)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}
