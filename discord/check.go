package discord

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/errtext"
	refusals "github.com/vkrouter/vk/internal/refusal"
)

// A Check decides whether a user may run a command: nil lets it run, an error refuses, for
// the reason that it gives. Checks run before middleware; their refusal is a [*CheckError],
// which middleware sees. They must not have effects.
type Check func(*Context) error

// A CheckError says that a command was refused before its handler ran. Err is the
// error of the check: a [*PermissionError], a [*WhereError], or an error of the bot's own
// checks.
type CheckError struct {
	Err error // the reason
}

// Error gives the reason.
func (e *CheckError) Error() string {
	return "discord: refused: " + errtext.Without("discord: ", e.Err)
}

// Unwrap returns e.Err.
func (e *CheckError) Unwrap() error { return e.Err }

// A PermissionError says that the user lacks permissions that a command needs.
type PermissionError struct {
	Missing Permissions
}

// Error names the permissions.
func (e *PermissionError) Error() string {
	return "the user lacks the permissions " + e.Missing.String()
}

// Is reports whether target is ErrRefused of package middleware.
func (e *PermissionError) Is(target error) bool { return target == refusals.ErrRefused }

// A WhereError says that a command does not answer where it was written.
type WhereError struct {
	In Where // where it answers
}

// Error names the place.
func (e *WhereError) Error() string {
	if e.In == InDM {
		return "the command works in direct messages only"
	}
	return "the command works in guilds only"
}

// Is reports whether target is ErrRefused of package middleware.
func (e *WhereError) Is(target error) bool { return target == refusals.ErrRefused }

// Check adds checks to all routes of r and of Routers inside of it, also those that it has
// already. The checks of outer Routers come first, then those of inner ones, then a route's
// own; the first that refuses ends it. The function that Check returns removes them again.
func (r *Router) Check(checks ...Check) (remove func()) {
	if slices.ContainsFunc(checks, func(f Check) bool { return f == nil }) {
		panic("discord: Check: nil check (at " + callers(1) + ")")
	}
	added := &checkSet{slices.Clone(checks)}
	r.changeChecks(func(sets []*checkSet) []*checkSet { return append(sets, added) })
	return func() {
		r.changeChecks(func(sets []*checkSet) []*checkSet {
			return slices.DeleteFunc(sets, func(s *checkSet) bool { return s == added })
		})
	}
}

// A checkSet is the checks of one call of Check.
type checkSet struct{ checks []Check }

func (r *Router) changeChecks(f func([]*checkSet) []*checkSet) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	sets := f(slices.Clone(load(&r.checks)))
	r.checks.Store(&sets)
}

// load returns the value that a pointer points to, or the zero value.
func load[T any](p *atomic.Pointer[T]) (v T) {
	if at := p.Load(); at != nil {
		v = *at
	}
	return v
}

// Need adds permissions that the user needs in the channel, to all routes of r
// and of Routers inside it, including existing ones: such a route answers in
// guilds only. Administrators and the owner of the guild have all permissions.
//
// Discord shows the slash commands only to members with the permissions. A user
// who types the command without them gets a [*CheckError] with a
// [*PermissionError].
func (r *Router) Need(p Permissions) {
	r.need.Or(uint64(p))
}

// needed returns the permissions that the route and the Routers around it need.
func (rt *Route) needed() Permissions {
	p := rt.Need
	for r := rt.router; r != nil; r = r.outer {
		p |= Permissions(r.need.Load())
	}
	return p
}

// where returns where the route answers, with its Need counted.
func (rt *Route) where() Where {
	if rt.needed() != 0 && rt.In == Anywhere {
		return InGuild
	}
	return rt.In
}

// run returns the handler of a route with its chain of middleware; the decision whether the
// handler runs is innermost. So middleware sees every refusal.
func (r *Router) run(rt *Route) HandlerFunc {
	run := r.wrap(chain(rt.Use, guarded(rt)))
	return func(c *Context) error {
		if m := c.inv.match; m.refused == nil {
			m.refused = rt.Allowed(c)
		}
		return run(c)
	}
}

// guarded returns the innermost handler of a route, which runs the route's only if the
// checks allow it and the arguments are right.
func guarded(rt *Route) HandlerFunc {
	return func(c *Context) error {
		if err := c.inv.match.refused; err != nil {
			return err
		}
		if _, err := c.parseArgs(); err != nil {
			c.noteStale(err)
			return err
		}
		return c.inv.run(c, rt.Handler)
	}
}

// Allowed runs the checks of the route, and nothing else: it returns nil if the event
// of c may come through, and else the [*CheckError] of the check that refuses. A check that
// panics is a [*PanicError].
func (rt *Route) Allowed(c *Context) error {
	return contain(func() error {
		if err := rt.allowHere(c); err != nil {
			return &CheckError{err}
		}
		if err := rt.router.allow(c); err != nil {
			return err
		}
		return runChecks(c, rt.Checks)
	})
}

// allowHere checks the place and the permissions.
func (rt *Route) allowHere(c *Context) error {
	in := rt.where()
	if in == InGuild && c.GuildID() == 0 || in == InDM && c.GuildID() != 0 {
		return &WhereError{in}
	}
	need := rt.needed()
	if need == 0 {
		return nil
	}
	if in == InDM {
		return &PermissionError{need}
	}
	has, err := c.Permissions()
	switch {
	case err != nil:
		return err
	case !has.Has(need):
		return &PermissionError{need &^ has}
	}
	return nil
}

// allow runs the checks of r and of the Routers around it.
func (r *Router) allow(c *Context) error {
	if r == nil {
		return nil
	}
	if err := r.outer.allow(c); err != nil {
		return err
	}
	for _, s := range load(&r.checks) {
		if err := runChecks(c, s.checks); err != nil {
			return err
		}
	}
	return nil
}

func runChecks(c *Context, checks []Check) error {
	for _, f := range checks {
		if err := f(c); err != nil {
			return &CheckError{err}
		}
	}
	return nil
}

// errNoClient is the error of a Context that was made without a Client.
var errNoClient = errors.New("discord: the Context has no Client to ask Discord with")

// Permissions returns the permissions of the event's member in the channel of the event,
// with the channel's overwrites. It takes the guild and the channel from the [State] of the
// Gateway. If they are not there, it gets them by two calls, three in a thread, and keeps
// them for a minute. Outside of guilds it is an error.
func (c *Context) Permissions() (Permissions, error) {
	if c.GuildID() == 0 || c.ChannelID() == 0 {
		return 0, fmt.Errorf("discord: the %s event is not from a channel of a guild, where permissions are", c.event.Kind)
	}
	if i := c.Interaction(); i != nil && i.Member != nil {
		return i.Member.Permissions, nil
	}
	member, err := c.Member()
	if err != nil {
		return 0, err
	}
	guild, err := c.guild()
	if err != nil {
		return 0, err
	}
	if guild, err = c.withRoles(guild, member.Roles); err != nil {
		return 0, err
	}
	channel, err := c.channelByID(c.ChannelID())
	if err != nil {
		return 0, err
	}
	if channel.Type.IsThread() {
		parent, err := c.channelByID(channel.ParentID)
		if err != nil {
			return 0, err
		}
		channel.Overwrites = parent.Overwrites
	}
	return guild.ChannelPermissions(channel, *member), nil
}

// guild returns the event's guild with its roles.
func (c *Context) guild() (Guild, error) {
	if g := c.Gateway(); g != nil && g.State != nil {
		if known := g.State.Guild(c.GuildID()); known != nil && !known.Unavailable {
			return *known, nil
		}
	}
	if c.client == nil {
		return Guild{}, errNoClient
	}
	return remember(c, &c.client.guilds, c.GuildID(), c.client.Guild)
}

// withRoles returns the event's guild with a member's roles. A cached guild that lacks one of
// them is fetched again, once for each role: a member may have roles that are gone.
func (c *Context) withRoles(g Guild, roles []ID) (Guild, error) {
	if c.client == nil {
		return g, nil
	}
	lacks := func(id ID) bool {
		_, gone := c.client.goneRoles.get(id, time.Now())
		return !gone && !slices.ContainsFunc(g.Roles, func(r Role) bool { return r.ID == id })
	}
	if !slices.ContainsFunc(roles, lacks) || !c.client.guilds.forget(g.ID) {
		return g, nil
	}
	g, err := c.guild()
	for _, id := range roles {
		if err == nil && lacks(id) {
			c.client.goneRoles.put(id, struct{}{}, time.Now())
		}
	}
	return g, err
}

// channelByID returns a channel or a thread.
func (c *Context) channelByID(id ID) (Channel, error) {
	if g := c.Gateway(); g != nil && g.State != nil {
		if known := g.State.Channel(id); known != nil {
			return *known, nil
		}
	}
	if c.client == nil {
		return Channel{}, errNoClient
	}
	return remember(c, &c.client.channels, id, c.client.Channel)
}

// rememberFor is how long the guilds and channels that a command needs are
// cached.
const rememberFor = time.Minute

// A memory keeps values that were got by calls.
type memory[T any] struct {
	mu     sync.Mutex
	values map[ID]remembered[T]
	swept  time.Time
}

type remembered[T any] struct {
	value T
	until time.Time
}

// remember returns a value from the cache, or fetches it. Callers that come
// during a fetch make calls of their own.
func remember[T any](ctx context.Context, m *memory[T], id ID, get func(context.Context, ID) (T, error)) (T, error) {
	if v, ok := m.get(id, time.Now()); ok {
		return v, nil
	}
	v, err := get(ctx, id)
	if err == nil {
		m.put(id, v, time.Now())
	}
	return v, err
}

func (m *memory[T]) get(id ID, now time.Time) (v T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.values[id]
	return kept.value, ok && now.Before(kept.until)
}

// forget removes a value, and reports whether it was there.
func (m *memory[T]) forget(id ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.values[id]
	delete(m.values, id)
	return ok
}

// put keeps a value, and forgets those that are too old.
func (m *memory[T]) put(id ID, v T, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.swept) >= rememberFor {
		for old, kept := range m.values {
			if !now.Before(kept.until) {
				delete(m.values, old)
			}
		}
		m.swept = now
	}
	if m.values == nil {
		m.values = make(map[ID]remembered[T])
	}
	m.values[id] = remembered[T]{v, now.Add(rememberFor)}
}
