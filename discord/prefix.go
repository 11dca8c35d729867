package discord

import (
	"context"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// A PrefixFunc finds the prefix at the beginning of a message's text that makes the rest
// a command line; ok is false if there is none. See [Router.Prefix].
//
// To find out the intents, it is also called with the Context of an empty message:
// [IntentsOf] asks for [IntentMessageContent], unless all that the PrefixFunc looks for
// are mentions of the bot, by [Mentioned].
type PrefixFunc func(*Context) (prefix string, ok bool)

// Literal returns a [PrefixFunc] that finds the given prefixes, the longest one
// that fits. An empty one fits every text. With [Router.Fold] their case does
// not matter.
//
// A prefix must match exactly: a space behind "!" is not part of it, and "!
// ping" is not a command. If users must write a space, include it in the
// prefix: "bot, ". If they may, see [PrefixFunc.Spaced].
//
// To see the texts of messages, the bot needs the privileged
// [IntentMessageContent].
func Literal(prefixes ...string) PrefixFunc {
	sorted := slices.Clone(prefixes)
	slices.SortStableFunc(sorted, func(a, b string) int { return len(b) - len(a) })
	return func(c *Context) (string, bool) {
		text := c.Text()
		for _, p := range sorted {
			if strings.HasPrefix(text, p) {
				return p, true
			}
			if m := c.inv.match; m != nil && m.fold {
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
//	r.Prefix = discord.Literal("!").Spaced() // "! ping" and " !ping" are commands
//
// The space is part of the prefix. So "! that" is an unknown command, while
// without Spaced it is not a command line.
func (f PrefixFunc) Spaced() PrefixFunc {
	if f == nil {
		panic("discord: Spaced: nil function (at " + callers(1) + ")")
	}
	return func(c *Context) (string, bool) {
		m := c.inv.match
		if m != nil && m.probe != nil {
			return f(c)
		}
		text := c.Text()
		trimmed := command.SkipSpace(text)
		inner := &match{whole: trimmed}
		if m != nil {
			inner.fold = m.fold
		}
		prefix, ok := f(c.withMatch(inner))
		if !ok || prefix == "" || !strings.HasPrefix(trimmed, prefix) {
			return prefix, ok
		}
		rest := command.SkipSpace(trimmed[len(prefix):])
		return text[:len(text)-len(rest)], true
	}
}

// Mentioned returns a [PrefixFunc] that finds a mention of the bot at the beginning of the
// text. A comma or a colon behind it belongs to the prefix, as do spaces. A mention with
// nothing behind it is the command without a word, if there is one: see [Router.Handle].
//
// Discord sends the texts of messages that mention the bot also without
// [IntentMessageContent]. Mentioned finds nothing in events that do not come from a
// [Gateway], since [Context.Me] is not known there.
func Mentioned() PrefixFunc {
	return func(c *Context) (string, bool) {
		if m := c.inv.match; m != nil && m.probe != nil {
			m.probe.mentioned = true
			return "", false
		}
		text, me := c.Text(), c.Me().ID
		n := mentionLen(text, me)
		return text[:n], n > 0
	}
}

// mentionLen returns the length of the mention of a user that a text begins with, with the
// separator behind it: 0 if there is none.
func mentionLen(text string, user ID) int {
	s := command.SkipSpace(text)
	id, kind, n := parseMention(s)
	if kind != mentionsUser || id != user || user == 0 {
		return 0
	}
	rest := command.SkipSpace(s[n:])
	if rest != "" && (rest[0] == ',' || rest[0] == ':') {
		rest = command.SkipSpace(rest[1:])
	}
	return len(text) - len(rest)
}

// AnyPrefix returns a [PrefixFunc] that finds the prefixes of all the given ones, the
// longest that fits:
//
//	r.Prefix = discord.AnyPrefix(discord.Mentioned(), discord.Literal("!"))
//
// Behind a mention of the bot, it takes another of them as well: "@bot !ping". AnyPrefix
// of none finds nothing. It panics if one is nil.
func AnyPrefix(find ...PrefixFunc) PrefixFunc {
	find = slices.Clone(find)
	for _, f := range find {
		if f == nil {
			panic("discord: AnyPrefix: nil function (at " + callers(1) + ")")
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
		if !ok || mentionLen(prefix, c.Me().ID) == 0 {
			return prefix, ok
		}
		if rest, found := strings.CutPrefix(c.Text(), prefix); found {
			behind := &match{whole: rest}
			if m := c.inv.match; m != nil {
				behind.fold = m.fold
			}
			if more, _ := longest(c.withMatch(behind)); strings.HasPrefix(rest, more) {
				prefix += more
			}
		}
		return prefix, true
	}
}

// A probe notes the questions of a PrefixFunc to the Context that needsContent gives it.
type probe struct{ content, mentioned bool }

// needsContent reports whether the Prefix must see the texts of all messages: whether it
// reads the text, or does anything else than look for a mention of the bot.
func (r *Router) needsContent() bool {
	p := new(probe)
	e := &Event{Kind: "MESSAGE_CREATE", Data: []byte("{}")}
	err := contain(func() error { // the Prefix may want more of the event
		r.Prefix(newContext(context.Background(), nil, e, nil).withMatch(&match{probe: p}))
		return nil
	})
	return err != nil || p.content || !p.mentioned
}

// A need is the intents that a listener or a route needs.
type need struct {
	name    string
	intents Intents
}

// needs returns the needs of the listeners and routes. r is the outermost Router.
func (r *Router) needs() []need {
	r.mu.Lock()
	listeners := slices.Clone(r.reg.listeners)
	r.mu.Unlock()
	var all []need
	for _, l := range listeners {
		all = append(all, need{l.name, l.intents})
	}
	const messages = IntentGuildMessages | IntentDirectMessages
	commands := false // all of them need the same
	for _, t := range r.registered() {
		if t.route != nil && t.route.When != nil || len(t.texts) > 0 {
			all = append(all, need{"route of " + t.label + " at " + t.place, messages | IntentMessageContent})
		}
		if len(t.words) == 0 || r.Prefix == nil || commands || t.route != nil && t.route.Only == SlashOnly {
			continue
		}
		commands = true
		n := need{"Prefix of the Router, for " + t.label + " at " + t.place, messages}
		if r.needsContent() {
			n.intents |= IntentMessageContent
		}
		all = append(all, n)
	}
	return all
}

// IntentsOf returns the intents that a handler needs: for a [*Router], with middleware of
// [Wrap] around it or not, those of its listeners and routes; for another handler all but
// the privileged ones.
//
// Commands need the messages of guilds and DMs if the Router has a Prefix, and their texts,
// the privileged [IntentMessageContent], unless the Prefix is [Mentioned]. [Router.Text] and
// [Router.When] need both.
func IntentsOf(h Handler) Intents {
	r := routerOf(h)
	if r == nil {
		return IntentsUnprivileged
	}
	var all Intents
	for _, n := range r.needs() {
		all |= n.intents
	}
	return all
}

// wants reports whether h may have a handler for events of a kind.
func wants(h Handler, kind string) bool {
	r := routerOf(h)
	if r == nil {
		return true
	}
	t := r.current()
	return len(t.of(kind)) > 0 || t.routed && kind == "MESSAGE_CREATE" || t.interactive && kind == "INTERACTION_CREATE"
}

// managed reports whether the library defers and ends the answers to interactions by itself.
// A Router that has listeners alone leaves that to them.
func managed(h Handler) bool {
	r := routerOf(h)
	return r == nil || r.current().interactive
}
