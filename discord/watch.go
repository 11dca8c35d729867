package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// waitTime is the time of waits without [Within].
const waitTime = time.Hour

// A Watch takes events for the handler that has made it, by [NewWatch], in their order. Its
// methods are safe for concurrent use.
type Watch[T any] struct {
	w    *wait
	err  error  // why it does not take anything
	stop func() // removes the function that ends it with its context
}

// NewWatch returns a Watch for events of a kind that match. It takes them from
// now on, whether or not Next is called: an event that a message provokes is
// taken by a watch that was made before the message was sent.
//
//	w := discord.NewWatch(c, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) bool {
//		return m.Content == "42"
//	}, discord.Within(time.Minute))
//	defer w.Stop()
//	c.Send("What is six times seven? The first one wins.")
//	winner, _, err := w.Next()
//
// An event is offered first to listeners, which see it in any case, then to
// waiting handlers: of those with a match that returns true, the one that has
// waited longest takes it. If no handler takes it, it continues to its route,
// which is the Route of the Context that match gets: nil if there is none. If a
// handler is not run by a Router, such as middleware around one, its waits come
// before everything else, and see no Route.
//
// A Watch sees the events of c's channel, and events of c's guild that have no
// channel; [From] changes that. A nil match takes all that it sees. It is
// called for one event at a time of each lane, perhaps while the handler does
// something else, and should be quick. If it panics, the Watch ends with a
// [*PanicError], and if it calls runtime.Goexit, with another error.
//
// Taken events are kept for Next, up to 1024; further ones continue to their
// routes. The Watch ends with c, when the bot stops, when the handler's module
// is unmounted, and by [Within]. It must be made by a handler, or by
// middleware, that a [Dispatcher] runs.
//
// The intents of a bot are not derived from its Watches: for a kind without a
// listener, set [Gateway.Intents]. Without one of its intents, Next returns a
// [*ConfigError].
//
// NewWatch panics if the kind's name is tied to another type, as [On] does.
func NewWatch[T any](c *Context, k Kind[T], match func(c *Context, e *T) bool, opts ...WaitOption) *Watch[T] {
	w := newWatch(c, k, match, callers(1), false, opts)
	if w.err == nil {
		stop := context.AfterFunc(c.ctx, w.w.stop)
		w.stop = sync.OnceFunc(func() { stop() })
	}
	return w
}

// Wait waits for one event, as a [Watch] does that takes no other. It is narrower than
// wait_for of other libraries, because the awaited event is mostly an answer: it sees the
// events of its own channel, unless [From] says otherwise; it ends after an hour, unless
// [Within] does; and it takes the event, so that no other wait and no command gets it. An
// event of another lane that comes before the call is not seen: if the handler does
// something that provokes such an event, NewWatch before that is better.
func Wait[T any](c *Context, k Kind[T], match func(c *Context, e *T) bool, opts ...WaitOption) (*Context, *T, error) {
	w := newWatch(c, k, match, callers(1), true, opts)
	defer w.Stop()
	return w.Next()
}

func newWatch[T any](c *Context, k Kind[T], fits func(*Context, *T) bool, place string, once bool, opts []WaitOption) *Watch[T] {
	if known, t := kindTable[k.Name()].typ, reflect.TypeFor[T](); known != nil && t != known && t != reflect.TypeFor[json.RawMessage]() {
		panic(fmt.Sprintf("discord: a wait for %q (at %s): its object is a %s, not a %s", k.Name(), place, known, t))
	}
	w := &wait{c: c, kinds: []string{k.Name()}}
	w.Most, w.Once = maxKept, once
	within, channel := waitTime, ID(0)
	guild, of := c.GuildID(), c.ChannelID()
	w.wants = func(e *Event) bool {
		if e.ChannelID != 0 {
			return e.ChannelID == of
		}
		return e.GuildID == 0 || e.GuildID == guild
	}
	for _, opt := range opts {
		switch opt := opt.(type) {
		case Within:
			within = time.Duration(opt)
		case From:
			channel, w.wants = opt.Channel, opt.has
		}
	}
	w.look = func(c *Context, to *match) (f finding, err error) {
		if to != nil {
			own := *to // it has the arguments, which each invocation guards by itself
			own.args = args{}
			to = &own
		}
		name, returned := "wait for "+k.Name(), false
		defer func() {
			if !returned { // otherwise match would end the handlers of all further events, too
				w.Fail(nameError(name, errMatchExit))
			}
		}()
		err = c.invoke(name, func(c *Context) error {
			e, err := decode[T](c.event)
			if err != nil {
				return nil // its errors are reported by listeners: this wait does not need the event
			}
			if fits == nil || fits(c, e) {
				f = finding{interest: consumes, v: e}
			}
			return nil
		}, to)
		returned = true
		return f, err
	}
	err := checkWatch(c, k.Name(), k.Intents())
	if err == nil {
		err = w.start(channel, dueIn(within))
	}
	return &Watch[T]{w: w, err: err}
}

// errMatchExit is the error of a Watch whose match has ended its goroutine.
var errMatchExit = errors.New("called runtime.Goexit")

// checkWatch returns the error of a wait for events that Discord does not send to the bot.
func checkWatch(c *Context, kind string, need Intents) error {
	g := c.Gateway()
	if g == nil || need == 0 || g.intents()&need != 0 {
		return nil
	}
	return &ConfigError{
		Place: "Watch of " + kind, Field: "Gateway.Intents", Text: "the bot does not get such events: it has none of the intents " + need.String(),
		Mend: "set Gateway.Intents",
	}
}

// dueIn returns the time after a duration, or the zero time if that is zero or less.
func dueIn(within time.Duration) time.Time {
	if within <= 0 {
		return time.Time{}
	}
	return time.Now().Add(within)
}

// Next returns the next event that the Watch takes, in the order in which they
// were taken, and blocks until there is one: a Context to answer with, and the
// event's object, decoded for this Watch alone. While Next waits, the handler
// has given up its turn, as in [Context.Park]; when an event comes, the handler
// continues before any other of its lane.
//
// The Context has the values, the end and the time limit of the Context that
// the Watch was made with. The handler must answer an interaction that its
// Watch has taken, by this Context.
//
// An error is [ErrNoAnswer], [ErrStopped], [ErrUnmounted], [ErrNoDispatcher], a
// [*PanicError], or the cause with which the context has ended. It is returned
// when there is no more event to return.
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

// Stop ends the Watch: later events are not offered to it. Events that it has
// taken and Next has not returned are dropped. The end of the handler stops its
// watches.
func (w *Watch[T]) Stop() {
	if w.stop != nil {
		w.stop()
	}
	w.w.stop()
}

// A WaitOption is [Within] or [From].
type WaitOption interface{ waitOption() }

// Within limits the time of a wait, and how long a question is open. After it,
// [ErrNoAnswer] is returned. The default is an hour; zero or less means no
// limit.
//
// The time of a [Watch] starts when it is made. The time of a question starts
// when it is sent, and restarts each time that it is sent again.
//
// It is a [SendOption] for questions only: an error in any other message.
type Within time.Duration

func (w Within) waitOption() {}

func (w Within) apply(*outgoing) error { return errNotAsked("Within") }

// From selects the source of the awaited events, for a [Watch] or a question:
// one guild, channel or user, or several of these together; From{} selects all
// events everywhere. A question can thus be put to another user, in another
// channel, or, by From(discord.PerChannel(c)), to the first user in the channel
// who answers and is not a bot.
//
// Without it, a question is for the user who caused the event, in the channel
// of the event. A question for a Key without a Channel is put there, too.
// Message and Name are ignored.
//
// It is a [SendOption] for questions only: an error in any other message.
type From Key

func (f From) waitOption() {}

func (f From) apply(*outgoing) error { return errNotAsked("From") }

// has reports whether an event is of the key.
func (f From) has(e *Event) bool {
	return (f.Guild == 0 || f.Guild == e.GuildID) && (f.Channel == 0 || f.Channel == e.ChannelID) && (f.User == 0 || f.User == e.UserID)
}

func errNotAsked(name string) error {
	return misuse(name, "is for questions, and this is none", "ask with Context.Ask")
}
