package vk

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// A listener is a handler that was added by On or Listen.
type listener struct {
	kind    string // "" for all
	name    string // in errors
	id      string // in random ids and steps
	run     HandlerFunc
	edition *edition // the module's edition; nil outside of modules
}

// On adds a listener, which is a handler of all events of one kind. It gets
// the event's object. The object is decoded once for all listeners of the
// event, and must not be changed. On returns a function that removes the
// listener.
//
// Listeners of a derived kind, such as message_new.chat_kick_user, get the
// events of VK's kind that are also of the derived kind; the object is that of
// the event. The listeners of an event's kind and of its derived kind run in
// the order in which they were added.
//
// The kind may have any name, even one that this package does not know yet,
// and any type that its object can be decoded into; [json.RawMessage] always
// works. On panics if h is nil, or if this package has another type for the
// name. A constant such as [EventGroupJoin] always has the right type.
func On[T any](r *Router, k Kind[T], h func(c *Context, e *T) error) (remove func()) {
	l := &listener{kind: string(k)}
	place := callers(1)
	mistake := func(format string, args ...any) func() {
		err := fmt.Errorf("vk: On %q (at %s): "+format, append([]any{string(k), place}, args...)...)
		r.change(func(*registry) error { return err })
		return func() {}
	}
	if h == nil {
		return mistake("nil handler")
	}
	if k == "" {
		return mistake("no kind: see Listen for all kinds")
	}
	if t := reflect.TypeFor[T](); !fits(string(k), t) {
		return mistake("its object is a %s, not a %s", kindTypes[string(k)], t)
	}
	l.run = func(c *Context) error {
		e, err := decodeShared[T](c.event)
		if err != nil {
			return err
		}
		return h(c, e)
	}
	return r.listen(l, place)
}

// Listen adds a listener of the events of all kinds, known or not.
// [Context.Event] returns the event, undecoded. Listen is otherwise like [On],
// and its listeners run among those of On, in registration order. It returns a
// function that removes the listener, and panics if h is nil.
func (r *Router) Listen(h HandlerFunc) (remove func()) {
	place := callers(1)
	if h == nil {
		r.change(func(*registry) error { return fmt.Errorf("vk: Listen (at %s): nil handler", place) })
		return func() {}
	}
	return r.listen(&listener{run: h}, place)
}

func (r *Router) listen(l *listener, place string) (remove func()) {
	l.edition = r.edition
	l.name = "listener of " + l.kind + " at "
	if l.kind == "" {
		l.name = "listener at "
	}
	l.name, l.id = l.name+place, l.name+fileOf(place)
	if isTimer(l.kind) {
		l.name = "timer " + l.kind[len(timerKind):]
		l.id = l.name
	}
	if r.edition != nil {
		l.name += " in " + r.edition.module.name
		l.id += " in " + r.edition.module.name
	}
	r.change(func(g *registry) error { g.addListener(l); return nil })
	top := r.top()
	return func() {
		top.mu.Lock()
		defer top.mu.Unlock()
		gone := func(other *listener) bool { return other == l }
		if g, _, err := r.registry(); err == nil {
			g.listeners = slices.DeleteFunc(g.listeners, gone)
			top.table.Store(nil)
		}
	}
}

// prepare sets up an invocation of the listener.
func (l *listener) prepare(i *invocation) {
	i.id = l.id
	i.of(l.edition)
}

// A hearing maps the kinds of events to their listeners.
type hearing struct {
	kinds map[string][]*listener // of kinds and derived kinds with listeners
	all   []*listener            // the listeners of every other kind
}

func newHearing(listeners []*listener) hearing {
	h := hearing{kinds: make(map[string][]*listener)}
	for _, l := range listeners {
		h.kinds[l.kind] = nil
	}
	delete(h.kinds, "")
	for _, l := range listeners {
		if l.kind == "" {
			h.all = append(h.all, l)
		}
		for kind := range h.kinds {
			if l.kind == "" && !isTimer(kind) || l.kind == kind || l.kind == rawKind(kind) {
				h.kinds[kind] = append(h.kinds[kind], l)
			}
		}
	}
	return h
}

// of returns the listeners of an event, in registration order.
func (h *hearing) of(e *Event) []*listener {
	if e.Derived != "" {
		if to, ok := h.kinds[e.Derived]; ok {
			return to
		}
	}
	if to, ok := h.kinds[e.Kind]; ok {
		return to
	}
	if isTimer(e.Kind) {
		return nil
	}
	return h.all
}

// kindsOf returns the kinds of events that h has handlers for, without
// duplicates and sorted by name: VK's own kinds, not those derived from them.
// known is false if the kinds of h are unknown: h is not a [*Router], wrapped
// or not, or it only listens to all kinds. Kinds that a handler waits for with
// a Watch are not included.
func kindsOf(h Handler) (kinds []string, known bool) {
	for w, ok := h.(*wrapped); ok; w, ok = h.(*wrapped) {
		h = w.inner
	}
	r, ok := h.(*Router)
	if !ok {
		return nil, false
	}
	return r.kinds()
}

// kindsWanted is kindsOf with additional kinds; a derived kind counts as the
// kind that it is derived from. known is true if more has any.
func kindsWanted(h Handler, more []string) (kinds []string, known bool) {
	kinds, known = kindsOf(h)
	for _, kind := range more {
		kinds = append(kinds, rawKind(kind))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), known || len(more) > 0
}

// kinds is kindsOf for a Router. A listener of all kinds adds none, because it
// does not need any one of them. Routes answer messages and presses of
// buttons; a NotFound answers messages.
func (r *Router) kinds() (kinds []string, known bool) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	names := make(map[string]struct{})
	all := false
	for _, l := range top.reg.listeners {
		if raw := rawKind(l.kind); isTimer(l.kind) {
			continue // not a kind of VK's
		} else if raw != "" {
			names[raw] = struct{}{}
		} else {
			all = true
		}
	}
	for _, t := range top.reg.targets {
		names[string(EventMessageNew)] = struct{}{}
		if t.route != nil {
			names[string(EventMessageEvent)] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names)), len(names) > 0 || !all
}

// timerKind is the prefix of the kinds of timer events.
const timerKind = "vk.timer."

// isTimer reports whether events of a kind come from timers, and not from VK.
func isTimer(kind string) bool { return strings.HasPrefix(kind, timerKind) }

// A PrefixFunc finds the prefix at the beginning of a message's text that
// makes the rest a command line; ok is false if there is none. See
// [Router.Prefix].
type PrefixFunc func(*Context) (prefix string, ok bool)

// Literal returns a [PrefixFunc] that finds the longest of the given prefixes
// that the text begins with. An empty one matches every text. With
// [Router.Fold], their case is ignored.
//
// A prefix matches exactly: a space after "!" is not part of it, and "! ping"
// is not a command. If a space is required, it belongs in the prefix: "bot, ".
// If it is optional, see [PrefixFunc.Spaced].
func Literal(prefixes ...string) PrefixFunc {
	sorted := slices.Clone(prefixes)
	slices.SortStableFunc(sorted, func(a, b string) int { return len(b) - len(a) })
	return func(c *Context) (string, bool) {
		text := c.Text()
		for _, p := range sorted {
			if strings.HasPrefix(text, p) {
				return p, true
			}
			if c.fold {
				if n, ok := command.FoldPrefix(text, p); ok {
					return text[:n], true
				}
			}
		}
		return "", false
	}
}

// Spaced returns a PrefixFunc that also finds the prefixes of f with white
// space before or after them, as phone keyboards insert it:
//
//	r.Prefix = vk.Literal("!").Spaced() // "! ping" and " !ping" are commands
//
// The space is part of the prefix. So "! that" is an unknown command, while
// without Spaced it is not a command line.
func (f PrefixFunc) Spaced() PrefixFunc {
	if f == nil {
		panic("vk: Spaced: nil function (at " + callers(1) + ")")
	}
	return func(c *Context) (string, bool) {
		text := c.Text()
		trimmed := command.SkipSpace(text)
		e := *c.event
		e.head.text = trimmed
		inner := *c
		inner.event = &e
		prefix, ok := f(&inner)
		if !ok || prefix == "" || !strings.HasPrefix(trimmed, prefix) {
			return prefix, ok
		}
		rest := command.SkipSpace(trimmed[len(prefix):])
		return text[:len(text)-len(rest)], true
	}
}

// Mentioned returns a [PrefixFunc] that finds a mention of the community at
// the beginning of the text, in any of the forms that users write:
//
//	[club1|@tea] ping
//	[public1|Tea], ping
//	[event1|Tea]: ping
//	@club1 ping
//	@club1 (Tea), ping
//	*club1 ping
//
// VK produces the first form for a mention that a user picks from the list or
// types, and for a text button that is pressed in a chat. A comma or colon
// after the mention belongs to the prefix, as do spaces, which are optional. A
// mention alone is the command without words, if there is one: see
// [Router.Handle].
//
// VK puts the community's number into mentions. For texts in which it does
// not, Mentioned takes the community's short addresses: with Mentioned("tea"),
// "@tea, ping" and "[tea|Tea] ping" are mentions as well.
func Mentioned(screenNames ...string) PrefixFunc {
	names := slices.Clone(screenNames)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, "@")
	}
	return func(c *Context) (string, bool) {
		n := mentionLen(c.event, names)
		return c.Text()[:n], n > 0
	}
}

// mentionLen returns the length of the mention of the community at the
// beginning of an event's text, with the separators after it, or 0 if there is
// none. The names are other short addresses of the community.
func mentionLen(e *Event, names []string) int {
	text := e.head.text
	s := command.SkipSpace(text)
	id, name, n, ok := parseMarkup(s)
	switch {
	case !ok:
		return 0
	case id != 0:
		ok = id == -e.GroupID
	default:
		ok = slices.ContainsFunc(names, func(own string) bool { return command.EqualFold(own, name) })
	}
	if !ok {
		return 0
	}
	rest := command.SkipSpace(s[n:])
	if rest != "" && (rest[0] == ',' || rest[0] == ':') {
		rest = command.SkipSpace(rest[1:])
	}
	return len(text) - len(rest)
}

// NoPrefixInPrivate is a [Router.Prefix] that allows commands without a prefix
// in private conversations with the community. It finds nothing in chats. It
// is meant for [AnyPrefix].
func NoPrefixInPrivate(c *Context) (prefix string, ok bool) {
	return "", !c.IsChat() && c.PeerID() != 0
}

// AnyPrefix returns a [PrefixFunc] that finds the longest prefix of those that
// the given ones find:
//
//	r.Prefix = vk.AnyPrefix(vk.Mentioned(), vk.Literal("!", "/"), vk.NoPrefixInPrivate)
//
// After a mention, it also accepts another prefix: a bot that gets only its
// mentions in a chat can still be called in the usual way, "@tea !ping".
// AnyPrefix without arguments finds nothing. It panics if one is nil.
func AnyPrefix(find ...PrefixFunc) PrefixFunc {
	find = slices.Clone(find)
	for _, f := range find {
		if f == nil {
			panic("vk: AnyPrefix: nil function (at " + callers(1) + ")")
		}
	}
	longest := func(c *Context) (prefix string, ok bool) {
		for _, f := range find {
			if p, found := f(c); found && (!ok || len(p) > len(prefix)) {
				prefix, ok = p, true
			}
		}
		return prefix, ok
	}
	return func(c *Context) (string, bool) {
		prefix, ok := longest(c)
		if !ok || !strings.HasPrefix(c.Text(), prefix) {
			return prefix, ok
		}
		if _, _, _, mention := parseMarkup(command.SkipSpace(prefix)); !mention {
			return prefix, true
		}
		e := *c.event
		e.head.text = c.Text()[len(prefix):]
		behind := *c
		behind.event = &e
		more, _ := longest(&behind)
		if !strings.HasPrefix(e.head.text, more) {
			more = ""
		}
		return prefix + more, true
	}
}
