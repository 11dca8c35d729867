package vk

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// A listener is what On or Listen has added.
type listener struct {
	kind    string // or "" for all
	name    string // in errors
	id      string // in random ids and steps
	run     HandlerFunc
	edition *edition // of the module that it is of; nil if it is of none
}

// On adds a listener: a handler of all events of one kind, with the event's
// object. The object is decoded once for all listeners of the event, and must not
// be changed. On returns a function that removes the listener again.
//
// A derived kind, such as message_new.chat_kick_user, has the events that are of
// this kind besides their own; its object is that of the event. The listeners of
// an event, of its kind and of its derived kind, run in the order in which they
// were added.
//
// The kind may be of any name, also one that this package does not know
// yet, and of any type that its object fits; [json.RawMessage] fits all. On
// panics if h is nil, or if the name is tied to another type in this package: a
// constant such as [EventGroupJoin] always has the right one.
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

// Listen adds a listener of the events of all kinds, known or not, as they come:
// [Context.Event] has them. It is otherwise like [On], and runs among the
// listeners that On has added in the order of registration. Listen returns what
// removes the listener again, and panics if h is nil.
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

// A hearing is who listens to what.
type hearing struct {
	kinds map[string][]*listener // of kinds and derived kinds with listeners
	all   []*listener            // of every other kind
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

// of returns the listeners of an event, in the order of their registration.
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

// kindsOf returns the kinds of events that h has handlers for, each once and in
// the order of their names: VK's own, not those that are derived of them. known
// is false if h does not tell: it is not a [*Router], wrapped or not, or one that
// only listens to all kinds. What a handler waits for with a Watch is not among
// them.
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

// kindsWanted is kindsOf with more kinds, derived ones as what they are derived
// of: who names some tells what is wanted.
func kindsWanted(h Handler, more []string) (kinds []string, known bool) {
	kinds, known = kindsOf(h)
	for _, kind := range more {
		kinds = append(kinds, rawKind(kind))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), known || len(more) > 0
}

// kinds is kindsOf for a Router. A listener of all kinds adds none: it hears
// what comes. Routes answer messages, and the presses of buttons that stand for
// them; a NotFound answers messages.
func (r *Router) kinds() (kinds []string, known bool) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	names := make(map[string]struct{})
	all := false
	for _, l := range top.reg.listeners {
		if raw := rawKind(l.kind); isTimer(l.kind) {
			continue // no kind of VK's
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

// timerKind begins the kinds of the events of timers.
const timerKind = "vk.timer."

// isTimer reports whether events of a kind are not VK's, but those of timers.
func isTimer(kind string) bool { return strings.HasPrefix(kind, timerKind) }

// A PrefixFunc finds the prefix at the beginning of a message's text that makes
// the rest a command line; ok is false if there is none. See [Router.Prefix].
type PrefixFunc func(*Context) (prefix string, ok bool)

// Literal returns a [PrefixFunc] that finds the given prefixes, the longest
// one that fits. An empty one fits every text. With [Router.Fold] their case
// does not matter.
//
// A prefix is found as it is written: behind "!", a space is no part of it, and
// "! ping" is no command. Where people are to put a space, it is in the prefix:
// "bot, ". Where they may, see [PrefixFunc.Spaced].
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

// Spaced returns a PrefixFunc that finds what f finds also with white space before
// or behind it, as keyboards of phones put there:
//
//	r.Prefix = vk.Literal("!").Spaced() // "! ping" and " !ping" are commands
//
// The space is part of the prefix. So "! that" is a command that there is none
// of, where without Spaced it is nobody's.
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
// the beginning of the text, in any way that people write one:
//
//	[club1|@tea] ping
//	[public1|Tea], ping
//	[event1|Tea]: ping
//	@club1 ping
//	@club1 (Tea), ping
//	*club1 ping
//
// The first is what VK makes of a mention that a person picks from the list, or
// types, and of a text button that is pressed in a chat. A comma or a colon
// behind it belongs to the prefix, as do spaces, of which there may be none. A
// mention with nothing behind it is the command without a word, if there is one:
// see [Router.Handle].
//
// VK passes a mention on with the community's number in it. For texts in which
// it does not, Mentioned takes the community's short addresses: with
// Mentioned("tea"), "@tea, ping" and "[tea|Tea] ping" are mentions as well.
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

// mentionLen returns how much of an event's text is a mention of the community
// at its beginning, with what parts it from the rest: 0 if there is none. The
// names are other short addresses of the community.
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

// NoPrefixInPrivate is a [Router.Prefix] by which a person need not write any
// in a private conversation with the community. It finds nothing in chats. It is
// for [AnyPrefix].
func NoPrefixInPrivate(c *Context) (prefix string, ok bool) {
	return "", !c.IsChat() && c.PeerID() != 0
}

// AnyPrefix returns a [PrefixFunc] that finds what any of the given ones
// finds, the longest if several do:
//
//	r.Prefix = vk.AnyPrefix(vk.Mentioned(), vk.Literal("!", "/"), vk.NoPrefixInPrivate)
//
// Behind a mention, it takes another of them as well: a bot that is told of
// nothing in a chat but its mentions is still called as people are used to,
// "@tea !ping". AnyPrefix of none finds nothing. It panics if one is nil.
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
