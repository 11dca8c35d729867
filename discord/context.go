package discord

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/hooks"
	"github.com/vkrouter/vk/internal/lifetime"
	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A Handler responds to events. A [*Router] is one. An error that Serve returns is
// logged; it does not make the event come again.
//
// Serve is called for events of different lanes at the same time, and for those of
// one lane one after the other; see [Dispatcher].
type Handler interface {
	Serve(*Context) error
}

// A HandlerFunc is a function that handles an event: a listener, or a whole bot.
type HandlerFunc func(*Context) error

// Serve calls f(c).
func (f HandlerFunc) Serve(c *Context) error { return f(c) }

// A Middleware wraps a handler in something that happens around it.
type Middleware func(next HandlerFunc) HandlerFunc

// Wrap returns a handler with middleware around it, the first outermost. The
// intents of the result are those of h; see [IntentsOf]. Wrap panics if h or one of
// mw is nil.
func Wrap(h Handler, mw ...Middleware) Handler {
	if isNil(h) || slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }) {
		panic("discord: Wrap: nil handler or middleware (at " + callers(1) + ")")
	}
	return &wrapped{chain(mw, h.Serve), h}
}

// A wrapped is a handler with middleware around it.
type wrapped struct {
	HandlerFunc
	inner Handler
}

// chain returns h with middleware around it, the first outermost.
func chain(mw []Middleware, h HandlerFunc) HandlerFunc {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](contained(h))
	}
	return h
}

// contained returns h as a middleware gets it: a panic of h is an error to the
// middleware, and the hooks that are added inside of h do not outlast the call.
func contained(h HandlerFunc) HandlerFunc {
	return func(c *Context) (err error) {
		mark := c.inv.hooks.Mark()
		defer func() {
			if v := recover(); v != nil {
				err = caught(v)
			}
			c.inv.hooks.Return(mark)
		}()
		return h(c)
	}
}

// A Context gives a handler the event and the means to respond.
//
// It is also a [context.Context] to pass on. It ends when the handler returns, with
// cause [ErrTimeLimit] when the handler takes too long, and with cause [ErrStopped]
// when the bot stops and the time to finish is over. The stop of a bot alone does
// not end it, so that a handler can finish its work.
//
// A Context is safe for concurrent use, and is not used again for another event.
type Context struct {
	ctx    context.Context
	event  *Event
	client *Client
	inv    *invocation
}

// An invocation is one run of one handler for one event. The Contexts that
// WithContext makes of its Context share it.
type invocation struct {
	name  string             // of the handler, for errors
	job   *job               // nil outside of a Dispatcher
	match *match             // of a message that a route may answer; nil in listeners
	outer *invocation        // the one around it, or nil
	life  *lifetime.Lifetime // of the module that it is of, or nil

	hooks hooks.Hooks[*Context] // added by middleware

	answer *response // to the interaction that the event is; nil for other events
	reply  *string   // the text of an answer to a question; else nil

	mu      sync.Mutex
	people  *people  // decoded on demand
	message *Message // likewise
	sends   map[ID]int
	reads   map[sessionRead]sessionMemo // of conditions
	shown   ID                          // by Show
	asked   int                         // questions
}

// NewContext returns a Context for one event, to be given to a Handler by a source
// of events outside of this package, or by a test. Its values and its end are those
// of ctx.
func NewContext(ctx context.Context, client *Client, e *Event) *Context {
	c := newContext(ctx, client, e, nil)
	if e.Kind == "INTERACTION_CREATE" {
		c.inv.answer = newResponse(context.WithoutCancel(ctx), client, e)
	}
	return c
}

func newContext(ctx context.Context, client *Client, e *Event, j *job) *Context {
	made := &struct {
		c   Context
		inv invocation
	}{}
	made.c = Context{ctx: ctx, event: e, client: client, inv: &made.inv}
	made.inv.job = j
	return &made.c
}

// WithContext returns a Context like c with the deadline, the end and the values of
// ctx, which must be derived from c.
func (c *Context) WithContext(ctx context.Context) *Context {
	if ctx == nil {
		panic("discord: WithContext: nil context")
	}
	d := *c
	d.ctx = ctx
	return &d
}

// Deadline is that of the context.Context inside.
func (c *Context) Deadline() (time.Time, bool) { return c.ctx.Deadline() }

// Done is that of the context.Context inside.
func (c *Context) Done() <-chan struct{} { return c.ctx.Done() }

// Err returns the error of the underlying context.Context. context.Cause(c) is
// more specific.
func (c *Context) Err() error { return c.ctx.Err() }

// Value is that of the context.Context inside.
func (c *Context) Value(key any) any {
	switch key {
	case nonceScopeKey{}:
		return c
	case jobKey{}:
		return c.inv.job
	}
	return c.ctx.Value(key)
}

// Client returns the client that the bot answers with.
func (c *Context) Client() *Client { return c.client }

// Gateway returns the Gateway that the event comes from, or nil if it comes from
// elsewhere.
func (c *Context) Gateway() *Gateway {
	if c.inv.job == nil {
		return nil
	}
	return c.inv.job.gateway
}

// Me returns the bot's own user, or the zero User if the event does not come from a
// [Gateway].
func (c *Context) Me() User {
	if g := c.Gateway(); g != nil {
		return g.Me()
	}
	return User{}
}

// Event returns the event, which must not be changed.
func (c *Context) Event() *Event { return c.event }

// Kind returns Discord's name of the event's kind, such as "MESSAGE_CREATE".
func (c *Context) Kind() string { return c.event.Kind }

// Shard returns the shard that the event comes from.
func (c *Context) Shard() Shard { return c.event.Shard }

// GuildID returns the guild that the event is from, or 0: in a direct message, for
// instance.
func (c *Context) GuildID() ID { return c.event.GuildID }

// ChannelID returns the channel that the event is from, or 0 if it is from none.
func (c *Context) ChannelID() ID { return c.event.ChannelID }

// UserID returns the user of the event, or 0: its author, or the member that it is about.
func (c *Context) UserID() ID { return c.event.UserID }

// People are the users of an event, wherever they occur in it.
type people struct {
	Author *User   `json:"author"`
	User   *User   `json:"user"`
	Member *Member `json:"member"`
}

// people returns the users of the event.
func (c *Context) people() (*people, error) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.people == nil {
		p := new(people)
		if err := tolerant.Unmarshal(c.event.Data, p); err != nil {
			return nil, fmt.Errorf("discord: %s: %w", c.event.Kind, err)
		}
		i.people = p
	}
	return i.people, nil
}

// User returns the user of the event, as [Context.UserID], which must not be changed. Many events have no more than the user's ID: then it is an error, and
// [Client.User] gets the user.
func (c *Context) User() (*User, error) {
	p, err := c.people()
	switch {
	case err != nil:
		return nil, err
	case p.Author != nil && p.Author.ID != 0:
		return p.Author, nil
	case p.User != nil && p.User.ID != 0:
		return p.User, nil
	case p.Member != nil && p.Member.User != nil && p.Member.User.ID != 0:
		return p.Member.User, nil
	}
	return nil, errors.New("discord: a " + c.event.Kind + " event has no user: get it by Context.UserID, if that is not 0")
}

// Member returns the guild member of the event, which must not be changed. If the event has none, the [State] of the Gateway is asked.
// If that has none either, it is an error, and [Client.Member] gets the member.
func (c *Context) Member() (*Member, error) {
	p, err := c.people()
	if err != nil {
		return nil, err
	}
	if m := p.Member; m != nil {
		if m.User == nil {
			own := *m
			own.User, _ = c.User()
			return &own, nil
		}
		return m, nil
	}
	if g := c.Gateway(); g != nil && g.State != nil && c.GuildID() != 0 {
		if m := g.State.Member(c.GuildID(), c.UserID()); m != nil {
			return m, nil
		}
	}
	return nil, errors.New("discord: a " + c.event.Kind + " event has no member: get it by Client.Member")
}

// Message returns the message that the event is about, which must not be changed.
// It is decoded when first asked for. A MESSAGE_UPDATE may have parts of it only.
// For a press of a button, it is the message with the button; for a command in the menu
// of messages, the message that it was chosen for. For an event without a message, it is
// an error.
func (c *Context) Message() (*Message, error) {
	switch c.event.Kind {
	case "MESSAGE_CREATE", "MESSAGE_UPDATE":
	case "INTERACTION_CREATE":
		if i := c.Interaction(); i != nil && i.Message != nil {
			return i.Message, nil
		}
		return c.targetMessage()
	default:
		return nil, errors.New("discord: a " + c.event.Kind + " event has no message")
	}
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.message == nil {
		m := new(Message)
		if err := tolerant.Unmarshal(c.event.Data, m); err != nil {
			return nil, fmt.Errorf("discord: %s: %w", c.event.Kind, err)
		}
		i.message = m
	}
	return i.message, nil
}

// Text returns the text of the message that the event is about, or "". For the
// answer to a question, it is the answered text; see [Context.Ask].
func (c *Context) Text() string {
	if t := c.inv.reply; t != nil {
		return *t
	}
	switch c.event.Kind {
	case "MESSAGE_CREATE", "MESSAGE_UPDATE":
	default:
		return ""
	}
	if m := c.inv.match; m != nil {
		if m.probe != nil {
			m.probe.content = true
		}
		return m.whole
	}
	var content string
	s := scan.New(c.event.Data)
	if s.Object() {
		for s.Member() {
			if string(s.Key()) == "content" {
				b, _ := tolerant.Text(s.Value())
				content = string(b)
			} else {
				s.Value()
			}
		}
	}
	return content
}

// messageID returns the message that the event is about, or 0.
func (c *Context) messageID() ID {
	var m struct {
		ID        ID `json:"id"`
		MessageID ID `json:"message_id"`
	}
	tolerant.Unmarshal(c.event.Data, &m)
	switch c.event.Kind {
	case "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE":
		return m.ID
	case "INTERACTION_CREATE":
		if m, err := c.Message(); err == nil {
			return m.ID
		}
	}
	return m.MessageID
}

// invoke runs h as an invocation of its own: named, with a Context that ends when h
// returns, within the time limit, and with panics made errors. m is the match that the
// Context has, or nil.
func (c *Context) invoke(name string, h HandlerFunc, m *match) (err error) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	j := c.inv.job
	child := newContext(ctx, c.client, c.event, j)
	child.inv.name, child.inv.match, child.inv.answer = name, m, c.inv.answer
	child.inv.outer = c.inv
	outer := j.enter(name, cancel)
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		} else if !ended {
			// The goroutine is about to exit, so the error cannot be returned.
			j.report(nameError(name, errGoexit))
		}
		j.leave(outer)
		cancel(nil)
		err = nameError(name, err)
	}()
	err = h(child)
	ended = true
	return err
}

// nameError says of err which handler returned it.
func nameError(name string, err error) error {
	if err == nil || name == "" {
		return err
	}
	return &namedError{name, err}
}

// A namedError is a handler's error with the handler's name.
type namedError struct {
	name string
	err  error
}

// Error returns the name and the error. Its text begins with "discord: " once.
func (e *namedError) Error() string {
	return "discord: " + e.name + ": " + strings.TrimPrefix(e.err.Error(), "discord: ")
}

func (e *namedError) Unwrap() error { return e.err }

// A PanicError is the error that a handler's panic becomes.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // where, as debug.Stack prints it
}

// Error returns the panic's value in words, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value, if the handler panicked with an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// caught returns the error of a recovered value. An error that was raised again is
// returned as it is.
func caught(v any) error {
	if err, ok := v.(*PanicError); ok {
		return err
	}
	return &PanicError{v, debug.Stack()}
}
