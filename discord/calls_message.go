package discord

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Send sends a message to a channel, a thread or a conversation with a user,
// and returns it.
//
// A message needs a text of at most 2,000 characters, an embed, a file or a
// sticker. If a field is longer than Discord allows, Send returns a
// [*ConfigError] that names it, and sends nothing. The limits of an [Embed], in
// characters: title 256, description 4,096, footer 2,048, author 256, 25 fields
// with a name of 256 and a value of 1,024; in a message, 10 embeds with 6,000
// in all.
//
// The message has a nonce by which Discord detects a duplicate: it is sent only
// once, even if it had to be retried. Mentions notify only users; see
// [Mentions].
func (c *Client) Send(ctx context.Context, channel ID, text string, opts ...SendOption) (Message, error) {
	return c.post(ctx, To("/channels/{}/messages", channel), channel, text, opts)
}

// post sends a message. It has a nonce if it is for a channel.
func (c *Client) post(ctx context.Context, p Path, channel ID, text string, opts []SendOption) (m Message, err error) {
	o, err := makeMessage(text, opts, false)
	if err != nil {
		return m, callError(ctx, &Request{Method: http.MethodPost, Path: p}, err)
	}
	o.body.Flags &^= FlagEphemeral
	if channel != 0 {
		o.nonce, o.body.EnforceNonce = true, true
		o.body.Nonce = nonceFor(ctx, channel, o.name)
		o.body.Username, o.body.AvatarURL = "", ""
	}
	if err = c.Call(ctx, http.MethodPost, p, o, &m); err == nil && o.into != nil {
		*o.into = m
	}
	return m, err
}

// EditMessage changes a message of the bot: its text, unless [KeepText] is
// given, and the rest by the options. Existing embeds and files are kept; see
// [Embeds] and [KeepFiles].
func (c *Client) EditMessage(ctx context.Context, channel, message ID, text string, opts ...SendOption) (m Message, err error) {
	p := To("/channels/{}/messages/{}", channel, message)
	o, err := makeMessage(text, opts, true)
	if err != nil {
		return m, callError(ctx, &Request{Method: http.MethodPatch, Path: p}, err)
	}
	if err = c.Call(ctx, http.MethodPatch, p, o, &m); err == nil && o.into != nil {
		*o.into = m
	}
	return m, err
}

// Message returns a message.
func (c *Client) Message(ctx context.Context, channel, message ID) (Message, error) {
	return Call[Message](ctx, c, http.MethodGet, To("/channels/{}/messages/{}", channel, message), nil)
}

// A Span is a part of the messages of a channel. The zero Span is all of them. [IDAt]
// gives the ID of a moment.
type Span struct {
	Before ID // only messages before this one, the latest first
	After  ID // only messages after this one, the earliest first; Before must be zero
}

// Messages iterates over the messages of a channel: the latest first, or the earliest
// first with Span.After.
func (c *Client) Messages(ctx context.Context, channel ID, s Span) iter.Seq2[Message, error] {
	const size = 100
	p := To("/channels/{}/messages", channel).With("limit", size)
	if s.Before != 0 && s.After != 0 {
		return func(yield func(Message, error) bool) {
			yield(Message{}, misuse("Span", "has both Before and After", "set one of them, and stop at the other").at("GET "+p.template))
		}
	}
	return pages(size, max(s.Before, s.After), func(cursor ID) ([]Message, error) {
		p := p
		if s.After != 0 {
			p = p.With("after", cursor)
		} else if cursor != 0 {
			p = p.With("before", cursor)
		}
		page, err := Call[[]Message](ctx, c, http.MethodGet, p, nil)
		if s.After != 0 {
			slices.SortFunc(page, func(a, b Message) int { return cmp.Compare(a.ID, b.ID) })
		}
		return page, err
	}, func(m *Message) ID { return m.ID })
}

// DeleteMessage deletes a message.
func (c *Client) DeleteMessage(ctx context.Context, channel, message ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodDelete, To("/channels/{}/messages/{}", channel, message), nil, nil, opts...)
}

const (
	bulkMax = 100
	bulkAge = 14*24*time.Hour - time.Minute // Discord deletes no older messages in bulk
)

// DeleteMessages deletes messages of a channel, 100 with one call. Those that are older
// than two weeks take a call each. An ID that is given twice counts once. A call that
// fails does not keep the others from being made; their errors are joined.
func (c *Client) DeleteMessages(ctx context.Context, channel ID, messages []ID, opts ...CallOption) error {
	ids := slices.Clone(messages)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	oldest := IDAt(time.Now().Add(-bulkAge))
	var errs []error
	i := 0
	for ; i < len(ids) && ids[i] < oldest; i++ {
		if errs = append(errs, c.DeleteMessage(ctx, channel, ids[i], opts...)); ctx.Err() != nil {
			return errors.Join(errs...)
		}
	}
	for part := range slices.Chunk(ids[i:], bulkMax) {
		if len(part) == 1 {
			errs = append(errs, c.DeleteMessage(ctx, channel, part[0], opts...))
		} else {
			errs = append(errs, c.Call(ctx, http.MethodPost, To("/channels/{}/messages/bulk-delete", channel), map[string][]ID{"messages": part}, nil, opts...))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// reactionName returns an emoji as the paths of reactions have it. It takes a Unicode
// emoji, "name:id", and the form in messages: "<:name:id>" or "<a:name:id>".
func reactionName(emoji string) string {
	inner, ok := strings.CutPrefix(emoji, "<")
	if !ok {
		return emoji
	}
	inner = strings.TrimSuffix(inner, ">")
	return strings.TrimPrefix(strings.TrimPrefix(inner, "a"), ":")
}

// React adds the bot's reaction to a message. The emoji is a Unicode emoji, or
// "name:id" of a custom one: see [Emoji.APIName].
func (c *Client) React(ctx context.Context, channel, message ID, emoji string) error {
	return c.Call(ctx, http.MethodPut, To("/channels/{}/messages/{}/reactions/{}/@me", channel, message, reactionName(emoji)), nil, nil)
}

// Unreact removes the bot's reaction from a message.
func (c *Client) Unreact(ctx context.Context, channel, message ID, emoji string) error {
	return c.Call(ctx, http.MethodDelete, To("/channels/{}/messages/{}/reactions/{}/@me", channel, message, reactionName(emoji)), nil, nil)
}

// RemoveReaction removes the reaction of a user from a message.
func (c *Client) RemoveReaction(ctx context.Context, channel, message, user ID, emoji string) error {
	return c.Call(ctx, http.MethodDelete, To("/channels/{}/messages/{}/reactions/{}/{}", channel, message, reactionName(emoji), user), nil, nil)
}

// ClearReactions removes all reactions from a message, or those with an emoji.
func (c *Client) ClearReactions(ctx context.Context, channel, message ID, emoji string) error {
	p := To("/channels/{}/messages/{}/reactions", channel, message)
	if emoji != "" {
		p = To("/channels/{}/messages/{}/reactions/{}", channel, message, reactionName(emoji))
	}
	return c.Call(ctx, http.MethodDelete, p, nil, nil)
}

// Reactions iterates over the users who reacted to a message with an emoji, by their
// IDs.
func (c *Client) Reactions(ctx context.Context, channel, message ID, emoji string) iter.Seq2[User, error] {
	p := To("/channels/{}/messages/{}/reactions/{}", channel, message, reactionName(emoji))
	return listAfter(ctx, c, p, 100, func(u *User) ID { return u.ID })
}

// Pin pins a message. It needs [PermPinMessages].
func (c *Client) Pin(ctx context.Context, channel, message ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodPut, To("/channels/{}/messages/pins/{}", channel, message), nil, nil, opts...)
}

// Unpin unpins a message.
func (c *Client) Unpin(ctx context.Context, channel, message ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodDelete, To("/channels/{}/messages/pins/{}", channel, message), nil, nil, opts...)
}
