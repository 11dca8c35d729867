package vk

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A Watch delivers events in order: with [NewWatch], to the handler that
// created it, and with [WatchOn], the events of a whole bot to other code. Its
// methods are safe for concurrent use.
type Watch[T any] struct {
	w    taker
	err  error  // the reason if the Watch gets no events
	stop func() // ends the Watch when its context is canceled
}

// A taker gets events for a Watch: it is a wait or an onlooker.
type taker interface {
	next() (consumption, error)
	stop()
	drop() // drops the buffered events
}

// NewWatch returns a Watch for events of a kind, or of a derived kind, for
// which match returns true. It consumes events from now on, whether or not
// Next is called. So create it before sending a message to get every event
// that the message provokes.
//
//	w := vk.NewWatch(c, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool {
//		return e.Message.Text == "42"
//	}, vk.Within(time.Minute))
//	defer w.Stop()
//	c.Send("What is six times seven? The first one wins.")
//	winner, _, err := w.Next()
//
// Listeners see an event first, in any case. Then it is offered to waits: of
// those that match, the oldest consumes it. If none does, it goes on to its
// route. That route is the Route of the Context that match gets: nil if there
// is none. For a handler that is not run by a Router, such as middleware
// around one, the waits come before everything else, and see no Route.
//
// A Watch sees the events of c's conversation. For kinds that have no
// conversation, such as group_join, it sees all events. [From] changes this. A
// Watch never sees events of other communities. With a [Queue], a Watch must
// be for c's conversation, or for such events of c's user in private: others
// may arrive at another process, and Next returns a [*ConfigError]. If match
// is nil, all of these events match. Otherwise match is called for one event
// of each conversation at a time, possibly while the handler is running, and
// should be fast. If it panics, the Watch ends with a [*PanicError].
//
// Up to 1024 events are buffered for Next; further ones go on to their routes.
// The Watch ends when c is canceled, when the bot stops, when the handler's
// module is unmounted, and after the time of [Within]. It must be created in a
// handler or middleware that is run by a [Dispatcher].
//
// NewWatch panics if the kind's name has another type, as [On] does.
func NewWatch[T any](c *Context, k Kind[T], match func(c *Context, e *T) bool, opts ...WaitOption) *Watch[T] {
	place := callers(1)
	w := newWatch(c, k, match, place, opts)
	if w.err == nil {
		stop := context.AfterFunc(c.ctx, w.w.stop)
		w.stop = sync.OnceFunc(func() { stop() })
	}
	return w
}

// WatchOn returns a Watch for code outside of handlers, such as a main
// function: it sees the events that d handles from now on, of all
// conversations and communities. [From] limits them, and can also limit them
// to a community.
//
//	w := vk.WatchOn(ctx, d, vk.EventGroupJoin, nil, vk.Within(0))
//	for {
//		c, e, err := w.Next()
//		if err != nil {
//			return err
//		}
//		log.Printf("%d has joined %d", e.UserID, c.Event().GroupID)
//	}
//
// It does not consume events: they still go to listeners, waits and routes,
// and several such watches see the same event. match and [Within] work as for
// [NewWatch], but the Context has no Route. The Watch sees an event just
// before it is handled. If the event is handled again because of its handlers,
// the Watch sees it again.
//
// The Context that Next returns has the values and the cancellation of ctx.
// Messages sent with it are distinct from those of the handlers. Presses of
// callback buttons are answered by the handlers; the Watch's Context can
// answer one only before all handlers have returned.
//
// At most 1024 events are buffered for Next; further ones are dropped. The
// Watch ends when ctx is canceled, by [Dispatcher.Stop], and after the time of
// Within. WatchOn panics as NewWatch does.
func WatchOn[T any](ctx context.Context, d *Dispatcher, k Kind[T], match func(c *Context, e *T) bool, opts ...WaitOption) *Watch[T] {
	checkKind(k, callers(1))
	o := &onlooker{d: d, ctx: ctx, kind: string(k)}
	within := waitTime
	for _, opt := range opts {
		switch opt := opt.(type) {
		case Within:
			within = time.Duration(opt)
		case From:
			o.key = Key(opt)
		}
	}
	if within > 0 {
		o.due = time.Now().Add(within)
	}
	o.look = func(c *Context) (v any, ok bool, err error) {
		name := "watch of " + o.kind
		err = apart(func() error { // so that match cannot end the event's goroutine
			return c.invoke(name, func(c *Context) error {
				e, err := decode[T](c.event)
				if err != nil {
					return nil // listeners report this error
				}
				v, ok = e, match == nil || match(c, e)
				return nil
			}, nil)
		})
		if err == errExit {
			err = named(name, err)
		}
		return v, ok, err
	}
	return &Watch[T]{w: o, err: o.start()}
}

// checkKind panics if a kind's name has a type other than T.
func checkKind[T any](k Kind[T], place string) {
	if t, ok := kindTypes[string(k)]; ok && t != reflect.TypeFor[T]() {
		panic(fmt.Sprintf("vk: a wait for %q (at %s): its object is a %s, not a %s", k, place, t, reflect.TypeFor[T]()))
	}
}

// Wait waits for a single event with a [Watch]. It is narrower than wait_for
// of other libraries, because it usually waits for an answer: it sees only the
// events of its own conversation, unless [From] changes that; it ends after an
// hour, unless [Within] changes that; and it consumes the event, so that no
// other wait and no command gets it. [WatchOn] does not consume events. Events
// of another conversation that arrive before the call are missed: if the
// handler provokes such an event, call NewWatch first. Events of its own
// conversation are held until the handler waits.
func Wait[T any](c *Context, k Kind[T], match func(c *Context, e *T) bool, opts ...WaitOption) (*Context, *T, error) {
	w := newWatch(c, k, match, callers(1), append([]WaitOption{onlyOnce{}}, opts...))
	defer w.Stop()
	return w.Next()
}

func newWatch[T any](c *Context, k Kind[T], match func(*Context, *T) bool, place string, opts []WaitOption) *Watch[T] {
	checkKind(k, place)
	w := &wait{c: c, kind: string(k), most: maxKept}
	if strings.HasPrefix(w.kind, "message_") {
		w.key = Key{Peer: c.PeerID()}
	}
	within := waitTime
	for _, opt := range opts {
		switch opt := opt.(type) {
		case Within:
			within = time.Duration(opt)
		case From:
			w.key = Key(opt)
		case onlyOnce:
			w.once = true
		}
	}
	if err := w.foreign("NewWatch"); err != nil {
		return &Watch[T]{w: w, err: err}
	}
	if s := c.steps(); s.trail != nil {
		w.steps = s.trail
		w.step, _, _ = s.trail.Step(s.key("watch", w.kind, w.key.text()))
		w.decode = func(e *Event) (any, error) { return decode[T](e) }
	}
	w.until(within, w.step.And("due"))
	w.look = func(c *Context, to destination) (f finding, err error) {
		name, returned := "wait for "+w.kind, false
		defer func() {
			if !returned { // otherwise match would end the handlers of all further events, too
				w.fail(named(name, errMatchExit))
			}
		}()
		err = c.invoke(name, func(c *Context) error {
			e, err := decode[T](c.event)
			if err != nil {
				return nil // listeners report this error: such an event does not match
			}
			if match == nil || match(c, e) {
				f = finding{verdict: consumes, v: e}
			}
			return nil
		}, func(i *invocation) {
			if to.to != nil {
				i.route, i.prefix, i.text, i.line = to.to.route, to.prefix, to.text, to.line
			}
		})
		returned = true
		return f, err
	}
	return &Watch[T]{w: w, err: w.start()}
}

// foreign returns an error if another process may get the events that w waits
// for: if they are of another conversation and the Dispatcher has a Queue.
func (w *wait) foreign(place string) error {
	j := jobOf(w.c)
	if j == nil || j.item == nil {
		return nil
	}
	own := laneOf(j.ev)
	switch {
	case own.peer == 0: // no conversation: the events of this kind are one lane
		if w.kind == own.kind && w.key.Peer == 0 && w.key.User == 0 {
			return nil
		}
	case w.key.Peer == own.peer:
		return nil
	case w.key.Peer == 0 && w.key.User == own.peer && w.kind != "" && !strings.HasPrefix(w.kind, "message_"):
		return nil // events without a conversation are in the lane of their user
	}
	return &ConfigError{
		Place: place, Field: "From",
		Text: "with a Queue, a handler cannot wait for events of another conversation: another process may get them",
		Mend: "wait in the handler's own conversation, or save the state in a Session, and let a route handle the event",
	}
}

// waitTime is the default time limit, because an answer may never come.
const waitTime = time.Hour

// Next returns the Watch's next event, in order, and blocks until there is
// one. It returns a Context to respond with, and the event's object, decoded
// for this Watch alone. While Next blocks, the handler is parked, as in
// [Context.Park]; when an event comes, the handler continues before any other
// of its conversation.
//
// The Context has the values, the cancellation and the time limit of the
// Watch's Context. Messages sent with it are distinct from those sent with the
// other one, and are sent once, however often the bot is interrupted.
//
// The error is [ErrNoAnswer], [ErrStopped], [ErrUnmounted], [ErrNoDispatcher],
// the error of a match that has panicked or called runtime.Goexit, or the cause
// with which the context was canceled. It is returned only after all buffered
// events.
func (w *Watch[T]) Next() (*Context, *T, error) {
	if w.err != nil {
		return nil, nil, w.err
	}
	a, err := w.w.next()
	if err != nil {
		return nil, nil, err
	}
	return a.c, a.v.(*T), nil
}

// Stop ends the Watch: later events go on without it. Events that are buffered
// for Next are dropped. A handler's watches are stopped when it returns.
func (w *Watch[T]) Stop() {
	if w.stop != nil {
		w.stop()
	}
	if w.err == nil {
		w.w.stop()
		w.w.drop()
	}
}

// drop implements taker.
func (w *wait) drop() {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	w.queue = nil
}

// drop implements taker.
func (o *onlooker) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = nil
}

// A WaitOption is [Within] or [From].
type WaitOption interface{ waitOption() }

// Within limits the time of a wait or question. After that time, [ErrNoAnswer]
// is returned. The default is an hour, because an answer may never come; zero
// or less means no limit.
//
// The time of a [Watch] starts when it is created. The time of a question
// starts when it is sent, and starts again each time that it is repeated.
//
// Within is a [SendOption] for questions only: it is an error in any other
// message.
type Within time.Duration

func (w Within) waitOption() {}

func (w Within) apply(*outgoing) error { return errNotAsked("Within") }

// From limits a [Watch] or question to the events of one conversation, of one
// user, or of one user in one conversation; From{} allows all users in all
// conversations. So a question can be put to another user, in another
// conversation, or, with From(vk.PerChat(c)), to the first user in the chat
// who answers. A bot can only be asked by its own id.
//
// By default, a question is for the user who caused the event, in the event's
// conversation. A question for a Key without a Peer is sent there too. The
// Name is ignored.
//
// From is a [SendOption] for questions only: it is an error in any other
// message.
type From Key

func (f From) waitOption() {}

func (f From) apply(*outgoing) error { return errNotAsked("From") }

type onlyOnce struct{}

func (onlyOnce) waitOption() {}

func errNotAsked(name string) error {
	return fmt.Errorf("%s is an option of questions only", name)
}
