package discord

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// A Gateway is a source of events: it connects to Discord, as one or several shards,
// and gives the events to a handler.
//
// Its fields must not change while it runs. It runs once at a time, and may run again
// after that. Its methods are safe for concurrent use.
//
// See https://discord.com/developers/docs/events/gateway.
type Gateway struct {
	// Client has the token, and is the client of the handlers.
	Client *Client

	// Handler gets the events; see [Handler] about their order.
	Handler Handler

	// Dispatcher decides when events are handled. Nil means one of the Gateway's
	// own, which ends with Run. If it is given, its Handler counts, and the
	// Gateway's must be nil.
	Dispatcher *Dispatcher

	// Intents are the groups of events that Discord sends. If zero, they are those
	// that the handlers and State need; see [IntentsOf].
	Intents Intents

	// Shards are the shards to run. If zero, they are all that Discord recommends.
	Shards Shards

	// Turn is called before each identification of a shard and blocks until the
	// shard may identify: for a bot of several processes, which must share
	// Discord's limit. Nil means that only the shards of this Gateway have to wait
	// for each other. An error ends Run.
	Turn func(ctx context.Context, shard Shard) error

	// Presence is the bot's first status. Nil means online without an activity.
	Presence *Presence

	// State keeps guilds, channels and roles in memory. Nil keeps nothing.
	State *State

	// Store keeps the session of each shard, so that a bot that restarts within
	// about a minute misses no event. Nil keeps nothing; see [Gateway.Run].
	Store Store

	// Commands says where the slash commands of the Router are registered when Run starts.
	// The default is everywhere, if they are others than Discord has. A Router without slash
	// commands changes nothing.
	Commands CommandSync

	// NoZlib turns off the compression of the connection, which costs some time
	// for each event and saves most of the traffic.
	NoZlib bool

	// Ready is called when a shard has begun or resumed a session. It should be
	// quick. Nil means that nothing is called.
	Ready func(Shard)

	// Logger gets starts, stops, and failures that the Gateway survives. It is also
	// that of the Dispatcher if that is the Gateway's own. Nil means
	// slog.Default().
	Logger *slog.Logger

	busy    atomic.Bool             // Run is under way
	running atomic.Pointer[running] // the last or current Run
	me      atomic.Pointer[User]
}

// Run runs a bot: it connects to Discord with a bot's token and gives the events to
// h until ctx ends. It then lets the running handlers finish and returns nil. An
// error that the gateway cannot survive, such as a wrong token, is returned.
//
// Run is short for
//
//	(&discord.Gateway{Client: discord.NewClient(token), Handler: h}).Run(ctx)
func Run(ctx context.Context, token string, h Handler) error {
	return (&Gateway{Client: NewClient(token), Handler: h}).Run(ctx)
}

// check returns the mistake in the fields, or nil.
func (g *Gateway) check() *ConfigError {
	d := g.Dispatcher
	switch {
	case g.Client == nil:
		return misuse("Gateway.Client", "is nil", "set it to discord.NewClient(token)")
	case d == nil && isNil(g.Handler):
		return misuse("Gateway.Handler", "is nil", "set it, for instance to a *discord.Router")
	case d != nil && g.Handler != nil:
		return misuse("Gateway.Handler", "is set beside the Dispatcher's", "set one of them")
	case d != nil && isNil(d.Handler):
		return misuse("Dispatcher.Handler", "is nil", "set it, for instance to a *discord.Router")
	}
	if g.Presence != nil {
		if wrong := g.Presence.check("Gateway.Presence"); wrong != nil {
			return wrong
		}
	}
	return g.Shards.check()
}

// isNil reports whether there is no handler, also inside of the interface.
func isNil(h Handler) bool {
	switch h := h.(type) {
	case nil:
		return true
	case *Router:
		return h == nil
	case HandlerFunc:
		return h == nil
	}
	return false
}

// handler returns the handler of the events.
func (g *Gateway) handler() Handler {
	if g.Dispatcher != nil {
		return g.Dispatcher.Handler
	}
	return g.Handler
}

// intents returns the intents to identify with.
func (g *Gateway) intents() Intents {
	if g.Intents != 0 {
		return g.Intents
	}
	return IntentsOf(g.handler()) | g.State.intents()
}

// Me returns the bot's own user. It is the zero User before the first READY, which
// listeners of [EventReady] are not.
func (g *Gateway) Me() User {
	if me := g.me.Load(); me != nil {
		return *me
	}
	return User{}
}

// Status returns the state of each shard of the last Run, or nil before the first.
func (g *Gateway) Status() []ShardStatus {
	r := g.running.Load()
	if r == nil {
		return nil
	}
	list := make([]ShardStatus, 0, len(r.shards))
	for _, s := range r.shards {
		s.mu.Lock()
		list = append(list, s.status)
		s.mu.Unlock()
	}
	return list
}

// Latency returns the time that the last heartbeat took to be acknowledged, the mean
// of all shards that have had one, or 0.
func (g *Gateway) Latency() time.Duration {
	sum, n := time.Duration(0), 0
	for _, s := range g.Status() {
		if s.Latency > 0 {
			sum += s.Latency
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / time.Duration(n)
}
