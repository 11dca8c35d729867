package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/hooks"
	"github.com/vkrouter/vk/internal/lazyctx"
	"github.com/vkrouter/vk/internal/lifetime"
)

// A Handler responds to events. Sources of events call it; a [*Router] is a
// Handler. An error returned by Serve is logged and does not make the event
// come again.
//
// Serve is called concurrently for events of different conversations, and
// sequentially for events of one conversation.
type Handler interface {
	Serve(*Context) error
}

// A HandlerFunc is a handler function of a bot: for a command, for a kind of
// event, or for a whole bot.
type HandlerFunc func(*Context) error

// Serve calls f(c).
func (f HandlerFunc) Serve(c *Context) error { return f(c) }

// A Middleware wraps a handler, to run code before and after it, or instead of
// it.
type Middleware func(next HandlerFunc) HandlerFunc

// Wrap returns a handler with middleware around it, the first outermost. The
// middleware runs around the whole bot, including its listeners.
//
//	bot := vk.Wrap(r, middleware.IgnoreBots(), trace)
//	log.Fatal(vk.Run(ctx, token, bot))
//
// If the kinds of events that h handles are known, so are those of the wrapped
// handler: see [Diagnose], [Poller.EnableEvents] and [Callback.Setup].
func Wrap(h Handler, mw ...Middleware) Handler {
	requireFunc("Wrap", 1, h == nil || slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }))
	return &wrapped{chain(mw, h.Serve), h}
}

// A wrapped is a handler with middleware around it.
type wrapped struct {
	HandlerFunc
	inner Handler
}

// A Context has the event that a handler runs for, and the methods to respond
// to it.
//
// It is also a [context.Context] that can be passed to other functions. It is
// canceled when the handler returns; with cause [ErrTimeLimit] when the
// handler takes too long; and with cause [ErrStopped] when the bot stops and
// the time to finish is over. The bot's stop alone does not cancel it, so that
// a handler can finish its answers.
//
// A Context is safe for concurrent use, and is not reused for another event.
type Context struct {
	ctx    context.Context
	event  *Event
	client *Client
	inv    *invocation
	via    via  // the Router of the invocation that it belongs to, if there are several
	fold   bool // for a Prefix: Router.Fold
}

// An invocation is one run of one handler for one event. Contexts made by
// WithContext share the invocation of their Context.
//
// Each listener has one, so what only routes need is apart.
type invocation struct {
	name  string      // of the handler, in errors
	id    string      // of the handler, in random ids and steps; if empty, the name
	outer *invocation // the surrounding invocation, or nil
	via   via         // see Context
	turn  turn
	ctx   lazyctx.Context // of its Context, if that ends when the handler returns

	*match                    // unmatched, which must not be changed, if newMatched has not made the Context
	module *Module            // the handler's module, or nil
	life   *lifetime.Lifetime // that of the module's edition, or nil

	added atomic.Pointer[hooks.Hooks[*Context]] // by middleware; see hooks

	mu      sync.Mutex
	message *Message   // decoded on demand
	found   *findings  // nil until something is found
	sends   *sends     // nil until the handler sends
	scoped  string     // see scope; "" until computed
	router  *Router    // the first Router that served the event in this invocation
	routers *[]*Router // the other Routers, or nil
}

// A match is the match of a route.
type match struct {
	route   *Route
	prefix  string
	text    string // after the prefix
	line    string // the rest of the text, after the words
	args    args
	refused error // by a check, or because a condition failed
}

// unmatched is the match of invocations without one.
var unmatched match

// NewContext returns a Context for one event. It is for sources of events
// outside this package and for tests, which pass it to a Handler. Its values,
// deadline and cancellation are those of ctx.
func NewContext(ctx context.Context, client *Client, e *Event) *Context {
	return newContext(ctx, client, e, noTurn{})
}

func newContext(ctx context.Context, client *Client, e *Event, t turn) *Context {
	made := &struct {
		c   Context
		inv invocation
	}{}
	made.c.ctx, made.c.event, made.c.client, made.c.inv = ctx, e, client, &made.inv
	made.inv.turn, made.inv.match = t, &unmatched
	return &made.c
}

// newMatched returns a new Context for the event of c whose invocation can
// have a match.
func (c *Context) newMatched() *Context {
	made := &struct {
		c     Context
		inv   invocation
		match match
		hooks hooks.Hooks[*Context]
	}{}
	made.c.ctx, made.c.event, made.c.client, made.c.inv = c.ctx, c.event, c.client, &made.inv
	made.inv.turn, made.inv.match = c.inv.turn, &made.match
	made.inv.added.Store(&made.hooks)
	return &made.c
}

// hooks returns the hooks of the invocation.
func (i *invocation) hooks() *hooks.Hooks[*Context] {
	if i.added.Load() == nil {
		i.added.CompareAndSwap(nil, new(hooks.Hooks[*Context]))
	}
	return i.added.Load()
}

// WithContext returns a copy of c with the deadline, cancellation and values
// of ctx, which must be derived from c. Use it to set a value for the handlers
// inside a middleware, or a shorter deadline.
func (c *Context) WithContext(ctx context.Context) *Context {
	if ctx == nil {
		panic("vk: WithContext: nil context")
	}
	d := *c
	d.ctx = ctx
	return &d
}

// Deadline implements [context.Context].
func (c *Context) Deadline() (time.Time, bool) { return c.ctx.Deadline() }

// Done implements [context.Context].
func (c *Context) Done() <-chan struct{} { return c.ctx.Done() }

// Err implements [context.Context]. context.Cause(c) returns the cause.
func (c *Context) Err() error { return c.ctx.Err() }

// Value implements [context.Context].
func (c *Context) Value(key any) any {
	if key == (sendScopeKey{}) {
		return c
	}
	return c.ctx.Value(key)
}

// Route returns the route of the handler, or nil if it has none, as in a
// listener or a NotFound.
func (c *Context) Route() *Route { return c.inv.route }

// Module returns the handler's module, or nil.
func (c *Context) Module() *Module { return c.inv.module }

// Prefix returns the prefix of the command. It is "" if the command has none,
// like that of a button, and if the text is not a command line. In a
// condition, in a condition's handler, and in a NotFound, it is the prefix of
// the unknown command.
func (c *Context) Prefix() string { return c.inv.prefix }

// Invoked returns the words that the route was found by, as the user wrote
// them: "Admin  BAN" for "!Admin  BAN anna". In a NotFound or a condition it
// is the first word. Outside of a command it is "".
func (c *Context) Invoked() string {
	i := c.inv
	if i.route == nil {
		word, _ := command.CutSpace(command.SkipSpace(i.line))
		return word
	}
	return strings.TrimSpace(strings.TrimSuffix(i.text, i.line))
}

// Line returns the text after the words of the command: all of its arguments,
// unparsed. In a NotFound or a condition it is the text after the prefix.
// Outside of a command it is "".
func (c *Context) Line() string { return strings.TrimSpace(c.inv.line) }

// Event returns the event, which must not be changed.
func (c *Context) Event() *Event { return c.event }

// Client returns the client that the bot responds with.
func (c *Context) Client() *Client { return c.client }

// Text returns the text of the event's message, or "".
func (c *Context) Text() string { return c.event.head.text }

// PeerID returns the conversation of the event: a user's id, 2000000000 plus a
// chat's number, or minus a community's id. For events that have no
// conversation, such as group_join or wall_post_new, it is the dialog with the
// user who caused the event, so that Send writes to that user in private. It
// is 0 if no user caused it, for instance if the community itself published a
// post.
func (c *Context) PeerID() int64 { return c.event.head.peer }

// FromID returns the sender or originator of the event: a user's id, minus a
// community's id, or 0 if VK does not tell.
func (c *Context) FromID() int64 { return c.event.head.from }

// IsChat reports whether the event is from a chat, which may have several
// members.
func (c *Context) IsChat() bool { return c.PeerID() > chatPeers }

// ChatID returns the number of the event's chat, as methods such as
// messages.removeChatUser take it, or 0 if the event is not from a chat.
func (c *Context) ChatID() int64 {
	if !c.IsChat() {
		return 0
	}
	return c.PeerID() - chatPeers
}

// Payload returns the payload of the pressed button, as JSON, or nil. Its
// bytes must not be changed. Anyone can send any payload: it does not prove
// that a particular button was pressed.
func (c *Context) Payload() json.RawMessage { return c.event.head.payload }

// Lang returns the language of the app that the user writes in, as a code such
// as "ru" or "en". It is "" if VK does not tell: VK does so only for new
// messages, and only for eight languages.
func (c *Context) Lang() string { return langs[c.event.head.lang] }

// Message returns the event's message, which must not be changed. It is
// decoded on the first call. It returns an error if the event is not about a
// message, such as a press of a callback button or a join.
func (c *Context) Message() (*Message, error) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.message != nil {
		return i.message, nil
	}
	var m *Message
	var err error
	switch c.event.Kind {
	case string(EventMessageNew):
		m, err = c.event.newMessage()
	case string(EventMessageReply), string(EventMessageEdit):
		m, err = decode[Message](c.event)
	default:
		err = errors.New("vk: a " + c.event.Kind + " event has no message")
	}
	i.message = m
	return m, err
}

// FullMessage is like Message, but if VK has cropped the message in the event,
// it fetches the complete message, once per handler. See [Message.Cropped]. A
// cropped message has its text, one attachment and one forwarded message. If
// the message was deleted meanwhile, the error wraps [ErrNotFound].
//
// It calls https://dev.vk.com/ru/method/messages.getByConversationMessageId.
func (c *Context) FullMessage() (*Message, error) {
	m, err := c.Message()
	if err != nil || !m.Cropped {
		return m, err
	}
	const method = "messages.getByConversationMessageId"
	whole, err := Call[struct {
		Items []*Message `json:"items"`
	}](c, c.client, method, Params{"peer_id": m.PeerID, "conversation_message_ids": m.CMID})
	switch {
	case err != nil:
		return nil, err
	case len(whole.Items) == 0 || whole.Items[0] == nil:
		return nil, fmt.Errorf("vk: %s: message %d: %w", method, m.CMID, ErrNotFound)
	}
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	i.message = whole.Items[0]
	i.message.Cropped = false
	return i.message, nil
}

// Author returns the page of the user or community that caused the event, or
// an error that wraps [ErrNotFound] if there is none. Each call asks VK; see
// [Client.Profiles].
func (c *Context) Author(opts ...ProfileOption) (Profile, error) {
	return c.client.Profile(c, c.FromID(), opts...)
}

// Self returns the page of the bot's community, which is that of the event.
// Each call asks VK; see [Client.Profiles], and [Client.Self] for the page of
// any token.
func (c *Context) Self(opts ...ProfileOption) (Profile, error) {
	return c.client.Profile(c, -c.event.GroupID, opts...)
}

// A Key identifies the subject of a cooldown, or the owner of a session's
// state. Keys are compared as a whole; a zero field stands for everyone. A
// [Session] ignores Group, because each community's state is separate anyway.
type Key struct {
	Group int64  // the community of the conversation Peer: each numbers its chats separately
	Peer  int64  // the conversation
	User  int64  // the user, or minus a community's id
	Name  string // any further distinction
}

// Global returns the key that everyone shares.
func Global(*Context) Key { return Key{} }

// PerUser returns the key of the user, in all conversations.
func PerUser(c *Context) Key { return Key{User: c.FromID()} }

// PerChat returns the key of the conversation, for all of its users.
func PerChat(c *Context) Key { return Key{Group: c.event.GroupID, Peer: c.PeerID()} }

// PerMember returns the key of the user in the conversation.
func PerMember(c *Context) Key {
	return Key{Group: c.event.GroupID, Peer: c.PeerID(), User: c.FromID()}
}

// Payload decodes the JSON payload of the pressed button. It returns an error
// if the event has none or if it cannot be decoded into a T, as null into an
// int: anyone can send any payload, and a button of an older version of the
// bot may still exist. [Context.Payload] returns the payload undecoded.
func Payload[T any](c *Context) (T, error) {
	raw := c.Payload()
	if raw == nil {
		var none T
		return none, errors.New("vk: the event has no payload")
	}
	v, err := decodeButton[T](raw)
	if err != nil {
		return v, fmt.Errorf("vk: payload: %w", err)
	}
	return v, nil
}

// Send sends a message to the event's conversation. If a handler sends
// several, each is delivered once: see [Client.Send].
func (c *Context) Send(text string, opts ...SendOption) error {
	if c.PeerID() == 0 {
		return errors.New("vk: a " + c.event.Kind + " event has no conversation to answer in")
	}
	return c.client.Send(c, c.PeerID(), text, opts...)
}

// Reply is like Send, with a reference to the event's message, which VK shows
// above the text. After a press of a callback button, that is the message with
// the button.
func (c *Context) Reply(text string, opts ...SendOption) error {
	if cmid := c.event.head.cmid; cmid != 0 {
		opts = append([]SendOption{ReplyTo(Sent{PeerID: c.PeerID(), CMID: cmid})}, opts...)
	}
	return c.Send(text, opts...)
}

// Show shows a menu. It edits the message with the pressed callback button. It
// sends a new message if the event is not such a press, if the button is below
// the input field, or if VK no longer permits the edit because the message is
// older than a day. See [Client.Edit] for the parts of the message that an
// edit keeps, and [Client.Send].
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

// Edit calls [Client.Edit] for the message. Outside of handlers, call
// client.Edit(ctx, sent.PeerID, sent.CMID, …).
func (s Sent) Edit(c *Context, text string, opts ...SendOption) error {
	if s.CMID == 0 && s.ID != 0 {
		opts = append([]SendOption{Extra{"message_id": s.ID}}, opts...)
	}
	return c.client.Edit(c, s.PeerID, s.CMID, text, opts...)
}

// Delete calls [Client.Delete] for the message, with all its parts.
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

// Pin calls [Client.Pin] for the message.
func (s Sent) Pin(c *Context) error {
	if s.CMID == 0 {
		return errUnnamed("messages.pin")
	}
	return c.client.Pin(c, s.PeerID, s.CMID)
}

// errUnnamed returns the error of a method on a Sent that lacks the number
// that the API method takes.
func errUnnamed(method string) error {
	return fmt.Errorf("vk: %s: the message's number is not known: VK returns none for messages sent with a user's token", method)
}

// React calls [Client.React] for the message.
func (s Sent) React(c *Context, reaction int) error {
	if s.CMID == 0 {
		return errUnnamed("messages.sendReaction")
	}
	return c.client.React(c, s.PeerID, s.CMID, reaction)
}

// Reply calls [Client.Send] to send an answer to the message.
func (s Sent) Reply(c *Context, text string, opts ...SendOption) error {
	return c.client.Send(c, s.PeerID, text, append([]SendOption{ReplyTo(s)}, opts...)...)
}

// through returns the Context for the handlers of a Router. If one handler
// passes an event to several Routers, each has its own scope, which is the
// same when it gets the event again.
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
	if i.routers == nil {
		i.routers = new([]*Router)
	}
	n := slices.Index(*i.routers, r)
	if n < 0 {
		n = len(*i.routers)
		*i.routers = append(*i.routers, r)
	}
	d := *c
	d.via = via(n + 2)
	return &d
}

// A via is the number of a Router among those that an invocation passes its
// event to, from 2, or 0 for the first.
type via int32

// String returns the part of a scope.
func (v via) String() string {
	if v == 0 {
		return ""
	}
	return strconv.Itoa(int(v)) + ":"
}
