package discord

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// connectPause is the pause after a connection that ended, and after a call at the
// start that failed.
var connectPause = backoff.Backoff{Min: 500 * time.Millisecond, Max: time.Minute}

// pauseAfter returns the pause before the next attempt, which is at least half a
// second.
func pauseAfter(failures int) time.Duration {
	return max(connectPause.Delay(failures), connectPause.Min)
}

// errHookExit ends Run: a shard has lost its goroutine.
var errHookExit = errors.New("discord: Gateway.Ready or Gateway.Turn called runtime.Goexit: return from it, without t.FailNow")

// A running is one Run of a Gateway.
type running struct {
	*Gateway
	d        *Dispatcher
	feed     *feed
	base     context.Context // the parent of handlers' contexts
	log      *slog.Logger
	intents  Intents
	shards   []*shard
	turns    *turns
	ended    chan struct{} // closed when no shard runs any more
	requests requests
	presence atomic.Pointer[Presence]
	reached  atomic.Bool // a gateway has said hello

	mu  sync.Mutex
	url string // of the gateway
}

// Run connects the shards and gives their events to the handler until ctx ends. It
// then lets the handlers finish the events that were taken, and returns nil.
//
// Run survives lost connections, silence, errors of Discord, and payloads that make
// no sense: it connects again, with growing pauses of at most a minute, and resumes
// the session, so that Discord sends the events that were missed and no event comes
// twice. It returns other errors: a [*CloseError] if Discord closes a connection with
// a code that forbids another one, a [*DialError] if the first connection leads to
// something that is no gateway, [ErrUnauthorized] for a wrong token, and a
// [*ConfigError] for mistakes in the fields and for privileged intents that are not
// enabled for the application.
//
// If the Dispatcher has MaxEvents, the user of an interaction is told that the bot is
// busy, and the interaction is not handled. At any other event, the shard closes its
// connection and resumes when half of the places are free. The events wait at Discord
// meanwhile, which keeps them for some minutes. Interactions wait too, and their users
// see that the bot did not respond.
//
// With a Store, the sessions outlive the process: the next Run resumes them, and its
// first events are those that no handler has finished. After a crash, events of the
// last second may be handled again. A shard of a Gateway with a State begins a new
// session after it has got the missed events, since Discord sends the guilds only
// then; events within that moment are lost.
func (g *Gateway) Run(ctx context.Context) error {
	if wrong := g.check(); wrong != nil {
		return wrong.at("Gateway.Run")
	}
	if g.busy.Swap(true) {
		return (&ConfigError{Field: "Gateway", Text: "the Gateway runs already", Mend: "wait until Run has returned, or make another Gateway"}).at("Gateway.Run")
	}
	defer g.busy.Store(false)
	d := g.Dispatcher
	if d == nil {
		d = &Dispatcher{Handler: g.Handler, Logger: g.Logger}
	}
	d.init()
	r := &running{
		Gateway: g, d: d, feed: d.feed(), base: context.WithoutCancel(ctx), log: cmp.Or(g.Logger, slog.Default()),
		intents: g.intents(), ended: make(chan struct{}),
	}
	if !r.feed.isOpen() {
		return (&ConfigError{Field: "Gateway.Dispatcher", Text: "the Dispatcher was stopped", Mend: "make a new one, and stop it after its Gateways", Err: ErrStopped}).at("Gateway.Run")
	}
	err := r.run(ctx)
	close(r.ended)
	open := r.feed.openJobs()
	d.drain(r.base, r.feed)
	r.leave()
	if len(r.shards) > 0 {
		skipped := r.feed.skippedJobs()
		r.log.LogAttrs(r.base, slog.LevelInfo, "discord: bot stopped", slog.Int("drained", max(open-skipped, 0)), slog.Int("skipped", skipped))
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// run runs the shards until ctx ends or one of them fails for good.
func (r *running) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limits, err := r.limits(ctx)
	switch {
	case err != nil:
		return err
	case r.Shards.Total == 0 && limits.Shards > maxShards:
		return fmt.Errorf("discord: GET /gateway/bot: %d shards are too many: is Client.APIURL Discord's? If so, set Gateway.Shards", limits.Shards)
	}
	if err := r.checkIntents(ctx); err != nil {
		return err
	}
	if err := r.syncCommands(ctx); err != nil {
		return err
	}
	r.presence.Store(r.Presence)
	r.turns = newTurns(r, limits.Limit)
	for _, sh := range r.Shards.all(limits.Shards) {
		r.shards = append(r.shards, newShard(r, sh))
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	r.Gateway.running.Store(r)
	r.log.LogAttrs(ctx, slog.LevelInfo, "discord: bot started", slog.Int("shards", len(r.shards)), slog.Int("of", r.shards[0].shard.Total),
		slog.String("intents", r.intents.String()), slog.Bool("store", r.Store != nil))
	var wg sync.WaitGroup
	for _, s := range r.shards {
		wg.Go(func() {
			err := errHookExit
			defer func() {
				if err != nil {
					cancel(err)
				}
			}()
			err = s.run(ctx)
		})
		if r.Store != nil {
			wg.Go(func() { s.keep(ctx) })
		}
	}
	wg.Wait()
	return context.Cause(ctx)
}

// before returns the shard that identifies before s, or nil: the shards with one key
// go in the order of their numbers.
func (r *running) before(s *shard) *shard {
	for _, other := range r.shards {
		if other.shard.ID == s.shard.ID-len(r.turns.keys) {
			return other
		}
	}
	return nil
}

// limits asks where the gateway is and how many shards may begin.
func (r *running) limits(ctx context.Context) (GatewayBot, error) {
	bot, err := retried(ctx, r, "GET /gateway/bot", r.Client.GatewayBot)
	if err != nil {
		return bot, err
	}
	return bot, r.setURL(bot.URL)
}

// setURL notes the address of the gateway.
func (r *running) setURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return fmt.Errorf("discord: GET /gateway/bot: %.100q is no address of a gateway: is Client.APIURL Discord's?", raw)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.url = raw
	return nil
}

// gatewayURL returns the address of the gateway.
func (r *running) gatewayURL() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.url
}

// retried makes a call until it succeeds, ctx ends, or the error is one that does
// not pass.
func retried[T any](ctx context.Context, r *running, name string, call func(context.Context) (T, error)) (T, error) {
	for failures := 1; ; failures++ {
		v, err := call(ctx)
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return v, context.Cause(ctx)
		case isUntrusted(err):
			return v, (&ConfigError{
				Field: "Client.HTTPClient", Text: "the server's certificate is not trusted", Err: err,
				Mend: "install the system's certificates, or give the certificate of a proxy in the way to the Transport's TLSClientConfig",
			}).at("Gateway.Run")
		case !mayPass(err):
			return v, err
		}
		pause := pauseAfter(failures)
		r.log.LogAttrs(ctx, slog.LevelWarn, "discord: call failed", append(failure(err), slog.String("call", name), slog.Duration("after", pause))...)
		if err := backoff.Sleep(ctx, pause); err != nil {
			return v, err
		}
	}
}

// isUntrusted reports whether the certificate of a server was refused.
func isUntrusted(err error) bool {
	var refused *tls.CertificateVerificationError
	return errors.As(err, &refused)
}

// mayPass reports whether a call that failed may succeed later. Refusals do not.
func mayPass(err error) bool {
	var refused *Error
	var wrong *ConfigError
	switch {
	case errors.As(err, &wrong):
		return false
	case errors.As(err, &refused):
		return refused.Status < 300 || refused.Status == 408 || refused.Status == 425 || refused.Status == 429 || refused.Status >= 500
	}
	return true
}

// checkIntents returns a *ConfigError if the application must not use a privileged
// intent that the bot needs.
func (r *running) checkIntents(ctx context.Context) error {
	if r.intents&IntentsPrivileged == 0 {
		return nil
	}
	app, err := retried(ctx, r, "GET /applications/@me", r.Client.Application)
	if err != nil {
		return err
	}
	missing := r.intents & IntentsPrivileged &^ app.Flags.Intents()
	if missing == 0 {
		return nil
	}
	page := atPortal
	if app.ID != 0 {
		page += "/" + app.ID.String() + "/bot"
	}
	return (&ConfigError{
		Field: "Gateway.Intents",
		Text:  "the privileged intents " + missing.String() + " are switched off for the application, and needed by " + r.needing(missing),
		Mend:  "switch them on at " + page + " under Privileged Gateway Intents, or do without the handlers",
	}).at("Gateway.Run")
}

// needing names the listeners, routes and fields that need one of the intents.
func (r *running) needing(missing Intents) string {
	if r.Gateway.Intents != 0 {
		return "the field Gateway.Intents"
	}
	var names []string
	if router := routerOf(r.handler()); router != nil {
		for _, n := range router.needs() {
			if need := n.intents & missing; need != 0 {
				names = append(names, fmt.Sprintf("the %s (%s)", n.name, need))
			}
		}
	}
	if need := r.State.intents() & missing; need != 0 {
		names = append(names, fmt.Sprintf("the field Gateway.State (%s)", need))
	}
	return strings.Join(names, ", ")
}

// contain runs f, which calls the user's code. A panic is an error.
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		}
	}()
	return f()
}

// failure returns the attributes of an error in the log: also the stack, if it is a
// panic.
func failure(err error) []slog.Attr {
	attrs := []slog.Attr{slog.Any("err", err)}
	var p *PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	return attrs
}
