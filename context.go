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
	"time"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/hooks"
	"github.com/vkrouter/vk/internal/lazyctx"
	"github.com/vkrouter/vk/internal/lifetime"
)

// A Handler responds to events. It is what a source of events drives; a
// [*Router] is one. An error that Serve returns is an outcome, to be logged: it
// does not make the event come again.
//
// Serve is called for events of different conversations at the same time, and
// for those of one conversation one after the other.
type Handler interface {
	Serve(*Context) error
}

// A HandlerFunc is the function that a bot's author writes: for a command, a
// kind of event, or as a whole bot.
type HandlerFunc func(*Context) error

// Serve calls f(c).
func (f HandlerFunc) Serve(c *Context) error { return f(c) }

// A Middleware wraps a handler in something that happens around it.
type Middleware func(next HandlerFunc) HandlerFunc

// Wrap returns a handler with middleware around it, the first outermost: what is
// to happen around a whole bot, its listeners included.
//
//	bot := vk.Wrap(r, middleware.IgnoreBots(), trace)
//	log.Fatal(vk.Run(ctx, token, bot))
//
// For which kinds of events the bot has handlers is known of it as it is of h:
// see [Diagnose], [Poller.EnableEvents] and [Callback.Setup].
func Wrap(h Handler, mw ...Middleware) Handler {
	return &wrapped{chain(mw, h.Serve), h}
}

// A wrapped is a handler with middleware around it.
type wrapped struct {
	HandlerFunc
	inner Handler
}

// A Context is what a handler holds: the event, and the means to respond.
//
// It is also a [context.Context] to pass on to whatever takes one. It ends
// when the handler returns, with cause [ErrTimeLimit] when the handler takes
// too long, and with cause [ErrStopped] when the bot stops and the time for
// finishing is over. A bot's stop alone does not end it: what a handler has
// begun to say it can say to the end.
//
// A Context is safe for concurrent use, and is not used again for another
// event.
type Context struct {
	ctx    context.Context
	event  *Event
	client *Client
	inv    *invocation
	via    string // which of several Routers of the invocation has it; see through
	fold   bool   // for a Prefix: Router.Fold
}

// An invocation is one run of one handler for one event. The Contexts that
// WithContext makes of its Context share it.
type invocation struct {
	name  string      // the handler, as named in errors
	id    string      // it, as named in random ids and steps; if empty, the name
	outer *invocation // the one around it, or nil
	via   string      // see Context
	turn  turn
	ctx   lazyctx.Context // of its Context, if it has one that ends when the handler returns

	// Of a route: what was matched.
	route    *Route
	prefix   string
	text     string // behind the prefix
	line     string // the rest of it, behind the words
	args     args
	captures []capture
	refused  error              // by a check, or because a condition failed
	module   *Module            // that the handler is of, or nil
	life     *lifetime.Lifetime // of its edition, or nil

	hooks hooks.Hooks[*Context] // added by middleware

	mu      sync.Mutex
	message *Message  // decoded on demand
	found   *findings // nil until something is
	sends   map[string]int
	scoped  string     // see scope; "" until asked for
	router  *Router    // the first that served the event here
	routers *[]*Router // the others, or nil
}

// NewContext returns a Context for one event, to be given to a Handler by a
// source of events that is not of this package, or by a test. Its values and
// its end are those of ctx.
func NewContext(ctx context.Context, client *Client, e *Event) *Context {
	return newContext(ctx, client, e, noTurn{})
}

func newContext(ctx context.Context, client *Client, e *Event, t turn) *Context {
	made := &struct {
		c   Context
		inv invocation
	}{}
	made.c = Context{ctx: ctx, event: e, client: client, inv: &made.inv}
	made.inv.turn = t
	return &made.c
}

// WithContext returns a Context like c whose deadline, end and values are those
// of ctx, which must have come from c: a value set for the handlers inside a
// middleware, a shorter deadline.
func (c *Context) WithContext(ctx context.Context) *Context {
	if ctx == nil {
		panic("vk: WithContext: nil context")
	}
	d := *c
	d.ctx = ctx
	return &d
}

// Deadline is that of the context.Context inside.
func (c *Context) Deadline() (time.Time, bool) { return c.ctx.Deadline() }

// Done is that of the context.Context inside.
func (c *Context) Done() <-chan struct{} { return c.ctx.Done() }

// Err is that of the context.Context inside. context.Cause(c) tells more.
func (c *Context) Err() error { return c.ctx.Err() }

// Value is that of the context.Context inside.
func (c *Context) Value(key any) any {
	if key == (sendScopeKey{}) {
		return c
	}
	return c.ctx.Value(key)
}

// Route returns the route that the handler runs for, or nil outside of one: in
// a listener, in a NotFound.
func (c *Context) Route() *Route { return c.inv.route }

// Module returns the module that the handler is of, or nil.
func (c *Context) Module() *Module { return c.inv.module }

// Prefix returns the prefix that the command was written with: "" if that had
// none, as a button's has, and if the text is no command line. In a condition,
// in the handler of one, and in a NotFound, it is that of a command that there is
// none of.
func (c *Context) Prefix() string { return c.inv.prefix }

// Invoked returns the words that the route was found by, as they were written:
// of "!Admin  BAN anna" it is "Admin  BAN". In a NotFound or a condition it is the
// first word, and outside of a command it is "".
func (c *Context) Invoked() string {
	i := c.inv
	if i.route == nil {
		word, _ := command.CutSpace(command.SkipSpace(i.line))
		return word
	}
	return strings.TrimSpace(strings.TrimSuffix(i.text, i.line))
}

// Line returns what was written behind the words of the command: all of its
// arguments, as they stand. In a NotFound or a condition it is all that stands
// behind the prefix, and outside of a command it is "".
func (c *Context) Line() string { return strings.TrimSpace(c.inv.line) }

// Event returns the event, which must not be changed.
func (c *Context) Event() *Event { return c.event }

// Client returns the client that the bot answers with.
func (c *Context) Client() *Client { return c.client }

// Text returns the text of the message that the event is about, else "".
func (c *Context) Text() string { return c.event.head.text }

// PeerID returns the conversation that the event is from: a user's id,
// 2000000000 plus a chat's number, or minus a community's id. Of an event
// outside conversations, such as group_join or wall_post_new, it is the dialog
// with the person who caused it, so that Send writes to them in private; and 0 if
// no person did, such as where the community itself has published a post.
func (c *Context) PeerID() int64 { return c.event.head.peer }

// FromID returns who caused the event: a user's id, minus a community's, or 0
// if VK does not tell.
func (c *Context) FromID() int64 { return c.event.head.from }

// IsChat reports whether the event is from a chat of several people.
func (c *Context) IsChat() bool { return c.PeerID() > chatPeers }

// ChatID returns the number of the chat that the event is from, as methods such
// as messages.removeChatUser take it, or 0 if it is from none.
func (c *Context) ChatID() int64 {
	if !c.IsChat() {
		return 0
	}
	return c.PeerID() - chatPeers
}

// Payload returns the payload of the button that was pressed, as JSON, or nil.
// Its bytes must not be changed. Anybody can send any payload: it is no proof of
// which button it was.
func (c *Context) Payload() json.RawMessage { return c.event.head.payload }

// Lang returns the language of the app that the person writes in, as a code
// such as "ru" or "en", or "" if VK does not tell: it does so of new messages
// only, and of eight languages.
func (c *Context) Lang() string { return c.event.head.lang }

// Message returns the message that the event is about, which must not be
// changed. It is decoded when first asked for. An event that is not about a
// message (a press of a callback button, a join) has none: that is an error.
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

// FullMessage is Message, but whole: where VK has cropped the message for the
// event, it is fetched, once for each handler. See [Message.Cropped]. What an event has of a long
// message is its text, one attachment and one forwarded message. A message that
// was deleted meanwhile is an error that wraps [ErrNotFound].
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

// Author returns the page of who caused the event, a person or a community, or
// an error that wraps [ErrNotFound] if nobody did. Each call asks VK; see
// [Client.Profiles].
func (c *Context) Author(opts ...ProfileOption) (Profile, error) {
	return c.client.Profile(c, c.FromID(), opts...)
}

// Self returns the page of the bot: that of the community which the event is
// from. Each call asks VK; see [Client.Profiles], and [Client.Self] for the page
// of any token.
func (c *Context) Self(opts ...ProfileOption) (Profile, error) {
	return c.client.Profile(c, -c.event.GroupID, opts...)
}

// A Key says whose something is: what a cooldown counts by, and whose state a
// session is. Keys are compared as a whole; a zero field stands for everybody. A
// [Session] passes over Group: its state is each community's own anyway.
type Key struct {
	Group int64  // the community whose conversation Peer is: each numbers its chats by itself
	Peer  int64  // the conversation
	User  int64  // the person, or minus a community's id
	Name  string // whatever else is to be told apart
}

// Global is the key that everybody shares.
func Global(*Context) Key { return Key{} }

// PerUser is the key of a person, wherever they write.
func PerUser(c *Context) Key { return Key{User: c.FromID()} }

// PerChat is the key of a conversation, whoever writes in it.
func PerChat(c *Context) Key { return Key{Group: c.event.GroupID, Peer: c.PeerID()} }

// PerMember is the key of a person in one conversation.
func PerMember(c *Context) Key {
	return Key{Group: c.event.GroupID, Peer: c.PeerID(), User: c.FromID()}
}

// Payload decodes the payload of the button that was pressed, from JSON. It is
// an error if the event has none or one that is no T, as null is no int: anybody
// can send any payload, and a button of an older version of the bot may still be
// there.
// [Context.Payload] returns it undecoded.
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

// Edit is [Client.Edit] of the message. Outside of handlers, call
// client.Edit(ctx, sent.PeerID, sent.CMID, …).
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
	if i.routers == nil {
		i.routers = new([]*Router)
	}
	n := slices.Index(*i.routers, r)
	if n < 0 {
		n = len(*i.routers)
		*i.routers = append(*i.routers, r)
	}
	d := *c
	d.via = strconv.Itoa(n+2) + ":"
	return &d
}
