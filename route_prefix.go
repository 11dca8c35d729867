package vk

import (
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

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
