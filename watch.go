package vk

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A Watch takes events for the handler that has made it, by [NewWatch], or shows
// those of a whole bot, by [WatchOn], in their order. Its methods are safe for concurrent use.
type Watch[T any] struct {
	w    taker
	err  error  // why it does not take anything
	stop func() // what ends it with its context
}

// A taker takes events for a Watch: a wait, or an onlooker.
type taker interface {
	next() (consumption, error)
	stop()
}

// NewWatch returns a Watch for events of a kind, or of a derived kind, that
// match. It takes them from now on, whether or not Next is called: what a
// message provokes comes to a watch that was made before the message was sent.
//
//	w := vk.NewWatch(c, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool {
//		return e.Message.Text == "42"
//	}, vk.Within(time.Minute))
//	defer w.Stop()
//	c.Send("What is six times seven? The first one wins.")
//	winner, _, err := w.Next()
//
// An event is offered first to listeners, which see it in any case, then to
// those who wait: of those whose match says so, the one who has waited longest
// takes it. Only if nobody does, it goes on to its route, which is the Route of
// the Context that match gets: nil if there is none. Of a handler that is not
// run by a Router, such as middleware around one, the waits come before
// everything else, and see no Route.
//
// A Watch sees the events of c's conversation, and of kinds that have no
// conversation, such as group_join, all; [From] says otherwise. Those of other
// communities it never sees. A nil match takes all that it sees. It is called
// for one event at a time of each conversation, perhaps while the handler does
// something else, and should be quick. If it panics, the Watch ends with a
// [*PanicError].
//
// What was taken is kept for Next, up to 1024 events; what comes on top of that
// goes on to its route. The Watch ends with c, when the bot stops, when
// the handler's module is unmounted, and by [Within]. It must be made by a
// handler, or by middleware, that a [Dispatcher] runs.
//
// NewWatch panics if the kind's name is tied to another type, as [On] does.
func NewWatch[T any](c *Context, k Kind[T], match func(c *Context, e *T) bool, opts ...WaitOption) *Watch[T] {
	place := callers(1)
	w := newWatch(c, k, match, place, opts)
	if w.err == nil {
		stop := context.AfterFunc(c.ctx, w.w.stop)
		w.stop = sync.OnceFunc(func() { stop() })
	}
	return w
}

// WatchOn returns a Watch for a program's part that is no handler, such as its
// main function: it sees the events that d handles from now on, of all
// conversations and communities. [From] narrows that, also to a community.
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
// It only looks on: an event goes its way to listeners, to waits and to its
// route all the same, and several such watches see the same event. match and
// [Within] are as those of [NewWatch], but the Context has no Route. The event
// is shown just before it is handled. If its handlers make it come again, it is
// shown again.
//
// The Context that Next returns has the values and the end of ctx. What is sent
// with it is told apart from what handlers send. The handlers answer a press of
// a callback button, unless they have not returned yet.
//
// At most 1024 events are kept for Next, and those on top of that are lost for
// it. The Watch ends with ctx, by [Dispatcher.Stop], and by Within. WatchOn
// panics as NewWatch does.
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
		err = c.invoke("watch of "+o.kind, func(c *Context) error {
			e, err := decode[T](c.event)
			if err != nil {
				return nil // a listener's to complain of
			}
			v, ok = e, match == nil || match(c, e)
			return nil
		}, nil)
		return v, ok, err
	}
	return &Watch[T]{w: o, err: o.start()}
}

// checkKind panics if a kind's name is tied to another type than T.
func checkKind[T any](k Kind[T], place string) {
	if t, ok := kindTypes[string(k)]; ok && t != reflect.TypeFor[T]() {
		panic(fmt.Sprintf("vk: a wait for %q (at %s): its object is a %s, not a %s", k, place, t, reflect.TypeFor[T]()))
	}
}

// Wait waits for one event, as a [Watch] does that takes no other. It is narrower
// than wait_for of other libraries, because what it waits for is mostly an answer:
// it sees the events of its own conversation, unless [From] says otherwise; it
// ends after an hour, unless [Within] does; and it takes the event, so that no
// other wait and no command gets it. [WatchOn] takes none. An event of
// another conversation that comes before the call is not seen: if the handler
// does something that provokes such an event, NewWatch before that is better.
// Those of its own conversation wait until the handler waits.
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
		err = c.invoke("wait for "+w.kind, func(c *Context) error {
			e, err := decode[T](c.event)
			if err != nil {
				return nil // a listener's to complain of: it is not what this waits for
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
		return f, err
	}
	return &Watch[T]{w: w, err: w.start()}
}

// waitTime is for how long is waited for what may never come.
const waitTime = time.Hour

// Next returns the next event that the Watch takes, in the order in which they
// were taken, and waits for it if need be: a Context to answer with, and the
// event's object, decoded for this Watch alone. While Next waits, the handler
// has given up its turn, as in [Context.Park]; when an event comes, the handler
// goes on before any other of its conversation.
//
// The Context has the values, the end and the time limit of the one that the
// Watch was made with. What is sent with it is told apart from what is sent
// with the other one, and is sent once, however often the bot is interrupted.
//
// An error is [ErrNoAnswer], [ErrStopped], [ErrUnmounted], [ErrNoDispatcher], a
// [*PanicError], or the cause with which the context has ended. Each is
// returned when there is no more event to return.
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

// Stop ends the Watch: events go on their way without it. What it has taken
// and Next has not returned is dropped. The end of the handler stops its
// watches.
func (w *Watch[T]) Stop() {
	if w.stop != nil {
		w.stop()
	}
	if w.err == nil {
		w.w.stop()
	}
}

// A WaitOption is [Within] or [From].
type WaitOption interface{ waitOption() }

// Within bounds a wait, and how long a question is open: when the time is over,
// [ErrNoAnswer] is returned. Without it that is an hour, because what is waited
// for may never come; zero or less means no bound.
//
// The time of a [Watch] runs from when it is made; that of a question from when
// it is sent, and anew each time that it is sent again.
//
// It is a [SendOption] for questions only: an error in any other message.
type Within time.Duration

func (w Within) waitOption() {}

func (w Within) apply(*outgoing) error { return errNotAsked("Within") }

// From says whose events are waited for, of a [Watch] or of a question: those
// of one conversation, of one person, or of one person in one conversation;
// From{} are those of everybody, everywhere. So a question can be put to somebody
// else, in another conversation, or, by From(vk.PerChat(c)), to whoever in the
// chat answers first: a person, since another bot is asked by its id alone.
//
// Without it, a question is for the person who has caused the event, in the
// conversation that it is from. A question for a Key without a Peer is put
// there too. The Name does not count.
//
// It is a [SendOption] for questions only: an error in any other message.
type From Key

func (f From) waitOption() {}

func (f From) apply(*outgoing) error { return errNotAsked("From") }

type onlyOnce struct{}

func (onlyOnce) waitOption() {}

func errNotAsked(name string) error {
	return fmt.Errorf("%s is for questions, and this is none", name)
}
