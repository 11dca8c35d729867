package discord

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
)

// errNoChannel returns the error of an answer to an event without a channel.
func (c *Context) errNoChannel() error {
	return errors.New("discord: a " + c.event.Kind + " event has no channel to answer in: use Client.Send")
}

// answerMistake returns the error of an answer that cannot be sent.
func answerMistake(op string, err error) error {
	if wrong := (*ConfigError)(nil); errors.As(err, &wrong) {
		return wrong.at("Context." + op)
	}
	return fmt.Errorf("discord: Context.%s: %w", op, err)
}

// answering makes a message for an interaction.
func (c *Context) answering(op, text string, opts []SendOption, edit bool) (*outgoing, error) {
	o, err := makeMessage(text, opts, edit)
	if err != nil {
		return nil, answerMistake(op, err)
	}
	o.body.Username, o.body.AvatarURL, o.body.Reference = "", "", nil
	return o, nil
}

// Send sends a message to the channel that the event is from; see [Client.Send]. In answer
// to an interaction, it is [Context.Reply].
func (c *Context) Send(text string, opts ...SendOption) error { return c.send("Send", text, opts) }

func (c *Context) send(op, text string, opts []SendOption) error {
	if a := c.inv.answer; a != nil {
		o, err := c.answering(op, text, opts, false)
		if err != nil {
			return err
		}
		return a.send(c, op, o)
	}
	if c.ChannelID() == 0 {
		return c.errNoChannel()
	}
	_, err := c.client.Send(c, c.ChannelID(), text, opts...)
	return err
}

// Reply answers the event. In answer to a message, it is Send with a reference to the
// message, which Discord shows above the text. If that message is gone, the answer is sent
// all the same.
//
// In answer to an interaction, that is a slash command, a press of a button, a choice in a
// menu or a form, the first Reply is the answer that Discord waits for, and later ones are
// further messages. Discord waits for three seconds. After two, the library defers the answer, so
// that a handler can take its time, up to 15 minutes: a user sees that the bot is thinking.
// After these, Reply returns an [*AnswerError], which is [ErrExpired]. A handler that
// returns without an answer shows the user nothing.
//
// [Ephemeral] shows the message only to the user. Answers with files are deferred first,
// since sending a file may take long.
func (c *Context) Reply(text string, opts ...SendOption) error {
	if id := c.messageID(); id != 0 && c.inv.answer == nil {
		opts = append([]SendOption{ReplyTo(id)}, opts...)
	}
	return c.send("Reply", text, opts)
}

// Edit edits the message that the event is about, which must be the bot's own; see
// [Client.EditMessage].
//
// In answer to an interaction, it edits the last message that a handler has sent as an
// answer. If there is none, it edits the message with the button or menu; in answer to a
// slash command, it is [Context.Reply]. Buttons and menus stay; see [Components].
func (c *Context) Edit(text string, opts ...SendOption) error {
	if c.inv.answer != nil {
		return c.editAnswer("Edit", text, opts)
	}
	id := c.messageID()
	if id == 0 || c.ChannelID() == 0 {
		return errors.New("discord: a " + c.event.Kind + " event has no message to edit: use Client.EditMessage")
	}
	_, err := c.client.EditMessage(c, c.ChannelID(), id, text, opts...)
	return err
}

func (c *Context) editAnswer(op, text string, opts []SendOption) error {
	o, err := c.answering(op, text, opts, true)
	if err != nil {
		return err
	}
	return c.inv.answer.edit(c, op, o)
}

// Show shows a page of something that the user browses. The first time, it is
// [Context.Edit] in answer to an interaction and [Context.Reply] in answer to a
// message. After that, it edits that answer.
func (c *Context) Show(text string, opts ...SendOption) error {
	if c.inv.answer != nil {
		return c.editAnswer("Show", text, opts)
	}
	i := c.inv
	i.mu.Lock()
	shown := i.shown
	i.mu.Unlock()
	if shown != 0 {
		_, err := c.client.EditMessage(c, c.ChannelID(), shown, text, opts...)
		return err
	}
	if c.ChannelID() == 0 {
		return c.errNoChannel()
	}
	if id := c.messageID(); id != 0 {
		opts = append([]SendOption{ReplyTo(id)}, opts...)
	}
	m, err := c.client.Send(c, c.ChannelID(), text, opts...)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shown = m.ID
	return err
}

// Defer tells Discord that the answer to an interaction will come later. The
// user sees that the bot is thinking; with [Ephemeral] no other user does, and
// no other user sees the first answer. After a press of a button nothing is
// shown. If there is an answer already, Defer does nothing.
//
// The library defers by itself after two seconds. Defer is for handlers that
// are known to be slow. In answer to other events, it is [Context.Typing].
func (c *Context) Defer(opts ...SendOption) error {
	a := c.inv.answer
	if a == nil {
		return c.Typing()
	}
	o := new(outgoing)
	if err := Options(opts...).apply(o); err != nil {
		return err
	}
	return a.deferBy(c, o.body.Flags&FlagEphemeral != 0)
}

// Open shows a form to the user who has run a slash command or pressed a
// button. It must be the first answer: after another one, and after the library
// has deferred the answer, it returns an [*AnswerError], which is
// [ErrAnswered]. [Submit] adds the route for the submitted form.
//
// For an invalid form, such as one with a title that is too long, it returns a
// [*ConfigError], and nothing is shown.
func (c *Context) Open(f Form) error {
	a := c.inv.answer
	if a == nil {
		return errors.New("discord: Open: a " + c.event.Kind + " event cannot open a form: answer with a button that opens it")
	}
	body, err := f.body()
	if err != nil {
		return answerMistake("Open", err)
	}
	return a.open(c, body)
}

// Delete deletes the message that the event is about; see [Client.DeleteMessage]. In answer
// to an interaction, it deletes the last message that a handler has sent as an answer; if
// there is none, the message with the button or menu.
func (c *Context) Delete(opts ...CallOption) error {
	if a := c.inv.answer; a != nil {
		return a.delete(c, "Delete")
	}
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
