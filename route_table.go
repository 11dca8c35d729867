package vk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"sync"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A table is the compiled form of a Router's registrations. It is made at the
// first event after a change, and never changes itself. An event keeps the
// table that it began with.
type table struct {
	prefix  func(*Context) (string, bool)
	bots    bool // messages of communities also have routes
	heard   hearing
	words   command.Tree[target] // words of the commands
	presses []*target            // routes of payload keys
	texts   map[string]*target   // keyed by sameText
	conds   []*target            // routes with a condition
	unknown *target              // for a line with a prefix that matches nothing
}

// A target is a destination of events: a route, or a Router's NotFound.
type target struct {
	name     string        // in errors
	id       string        // in random ids and steps; if empty, the name
	label    string        // in errors of its registration,
	place    string        // and so is this
	reserved []reservation // no other target may have any of these
	words    [][]string    // the words of the commands that lead to it
	texts    []string      // the texts that lead to it
	route    *Route        // nil for a NotFound
	run      HandlerFunc
	edition  *edition // the module's edition; nil outside of modules
	next     *Route   // its replacement; guarded by the mu of the outermost Router
}

// scope returns a string that distinguishes the target from all others, in
// this run of the bot and in the next one.
func (t *target) scope() string { return cmp.Or(t.id, t.name) }

// compile builds and publishes the table.
func (r *Router) compile() *table {
	r.mu.Lock()
	r.checkFold()
	defer r.mu.Unlock()
	if t := r.table.Load(); t != nil {
		return t // another goroutine was faster
	}
	if r.unknown == nil {
		// The chain is composed on first use, without the lock: middleware may
		// register something.
		use := r.use[:len(r.use):len(r.use)]
		run := sync.OnceValue(func() HandlerFunc { return chain(use, unknown) })
		r.unknown = &target{name: "NotFound", run: func(c *Context) error { return run()(c) }}
	}
	t := &table{prefix: r.Prefix, bots: r.AnswerBots, words: command.Tree[target]{Fold: r.Fold}, heard: newHearing(r.reg.listeners), texts: make(map[string]*target), unknown: r.unknown}
	for _, to := range r.reg.targets {
		t.add(to)
	}
	r.table.Store(t)
	return t
}

func (t *table) add(to *target) {
	for _, words := range to.words {
		if to.route != nil {
			t.words.Add(words, to)
		} else {
			t.words.AddFallback(words, to)
		}
	}
	if to.route == nil {
		return
	}
	for _, text := range to.texts {
		t.texts[text] = to
	}
	if to.route.Payload != "" {
		t.presses = append(t.presses, to)
	}
	if to.route.When != nil {
		t.conds = append(t.conds, to)
	}
}

// chain wraps h in mw, the first outermost. Each middleware gets a panic of
// its inner handler as an error.
func chain(mw []Middleware, h HandlerFunc) HandlerFunc {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](contained(h))
	}
	return h
}

// serve runs the listeners, then the route. If a listener ends the goroutine,
// the rest runs nevertheless.
func (t *table) serve(c *Context, listeners []*listener, errs *handlerErrors) {
	routed := false
	defer func() {
		if !routed {
			t.serve(c, listeners, errs)
		}
	}()
	for len(listeners) > 0 {
		l := listeners[0]
		listeners = listeners[1:]
		t.listen(c, l, errs)
	}
	routed = true
	t.route(c, errs)
}

// listen runs a listener, unless it ended in an earlier run.
func (t *table) listen(c *Context, l *listener, errs *handlerErrors) {
	if c.hasEnded(l.id) {
		return
	}
	child := newContext(c.ctx, c.client, c.event, c.inv.turn)
	l.prepare(child.inv)
	err := c.runAs(child, l.name, l.run)
	errs.add(err)
	c.noteEnded(l.id, err)
}

// route offers the event to handlers that wait for one, and runs its route if
// none of them consumes it. Texts and conditions are checked only afterwards:
// a handler that waits for an answer also gets messages that the route of a
// text would match.
func (t *table) route(c *Context, errs *handlerErrors) {
	var m destination
	if t.find(c, &m, errs) {
		errs.add(c.run(&m)) // with little on the stack: the handler may be parked for a long time
	}
}

// find finds the route of an event that no waiting handler consumes. It
// reports whether there is one.
func (t *table) find(c *Context, m *destination, errs *handlerErrors) bool {
	if isTimer(c.event.Kind) {
		return false
	}
	found, err := t.match(c)
	errs.add(err)
	if err != nil {
		return false
	}
	before := c.ledTo()
	if before == "" && c.inv.turn.offer(c, found) {
		return false
	}
	*m = t.matchRest(c, found)
	if before != "" && (m.to == nil || m.to.scope() != before) {
		c.inv.turn.report(&goneError{before})
		return false
	}
	return m.to != nil
}

// A destination is the target of an event, with the matched parts of its text.
type destination struct {
	to       *target // nil if there is none
	prefix   string
	text     string // after the prefix
	line     string // the rest of the text, after the words
	captures []capture
	failed   error // the error that prevented matching
}

// match finds the command of an event: that of the pressed button, else that
// of the message's text. If there is none, m may have a NotFound.
func (t *table) match(c *Context) (m destination, err error) {
	typed := t.typed(c.event)
	if !typed && c.event.Kind != string(EventMessageEvent) {
		return destination{}, nil
	}
	if payload := c.event.head.payload; beginsObject(payload) {
		if line := command.SkipSpace(buttonLine(payload)); line != "" {
			if to, rest := t.words.Find(line); to != nil && to.route != nil {
				return destination{to: to, text: line, line: rest}, nil
			}
		}
		if to := t.findPress(payload); to != nil {
			return destination{to: to}, nil
		}
	}
	if !typed {
		return destination{}, nil
	}
	text, prefix := c.event.head.text, ""
	if t.prefix != nil {
		found := false
		if prefix, found, err = t.findPrefix(c); err != nil || !found || !strings.HasPrefix(text, prefix) {
			return destination{}, err
		}
		text = text[len(prefix):]
	}
	if prefix == "" {
		text = command.SkipSpace(text)
	}
	switch {
	case text == "" && prefix != "" && t.words.Wordless() != nil:
		// This is the prefix alone. Its target has no words to begin other
		// commands with, so Find does not return it.
		return destination{to: t.words.Wordless(), prefix: prefix}, nil
	case text == "" || command.StartsWithSpace(text):
		return destination{}, nil
	}
	to, rest := t.words.Find(text)
	if to == nil {
		if prefix == "" {
			return destination{}, nil // not meant for the bot: middleware, such as a cooldown, must not count it
		}
		to = t.unknown
	}
	return destination{to: to, prefix: prefix, text: text, line: rest}, nil
}

// findPrefix calls the Router's Prefix.
func (t *table) findPrefix(c *Context) (prefix string, ok bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = named("Prefix", caught(v))
		}
	}()
	if t.words.Fold {
		d := *c
		d.fold = true
		c = &d
	}
	prefix, ok = t.prefix(c)
	return prefix, ok, nil
}

// matchRest finds the route of a message or press that has no command: the
// route of its text, else the first whose condition holds, else m. Conditions
// see the prefix and the line of the unknown command.
func (t *table) matchRest(c *Context, m destination) destination {
	typed := t.typed(c.event)
	if m.to != nil && m.to.route != nil || !typed && c.event.Kind != string(EventMessageEvent) {
		return m
	}
	if typed && len(t.texts) > 0 {
		text := c.event.head.text
		to := t.texts[sameText(text)]
		if n := mentionLen(c.event, nil); to == nil && n > 0 {
			to = t.texts[sameText(text[n:])]
		}
		if to != nil && to.route.Enabled() {
			return destination{to: to}
		}
	}
	if len(t.conds) == 0 {
		return m
	}
	err := c.invoke("When", func(c *Context) error {
		for _, to := range t.conds {
			if !to.route.Enabled() {
				continue
			}
			ok, err := to.route.When.matches(c)
			if ok || err != nil {
				m = destination{to: to, prefix: m.prefix, captures: c.inv.captures(), failed: err}
				return nil
			}
		}
		return nil
	}, func(i *invocation) { i.prefix, i.text, i.line = m.prefix, m.text, m.line })
	if err != nil {
		m.failed = err // cannot happen: a panic of a condition is an error
	}
	return m
}

// matches evaluates a condition. All conditions of an event share one
// invocation.
func (f Cond) matches(c *Context) (ok bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			ok, err = false, caught(v)
		}
	}()
	c.inv.capture(nil)
	return f(c)
}

// typed reports whether the event is a message that a user or community wrote
// to the bot, and not a service message of a chat.
func (e *Event) typed() bool {
	return e.Kind == string(EventMessageNew) && !e.head.out && (e.Derived == "" || e.Derived == "message_new.start")
}

// typed reports whether the event is a message that a route may answer.
func (t *table) typed(e *Event) bool { return e.typed() && (t.bots || e.head.from >= 0) }

// findPress returns the route of a key in the payload.
func (t *table) findPress(payload json.RawMessage) *target {
	if len(t.presses) == 0 {
		return nil
	}
	keys := payloadKeys(payload)
	for _, to := range t.presses {
		if _, ok := keys[to.route.Payload]; ok && to.route.Enabled() {
			return to
		}
	}
	return nil
}

// beginsObject reports whether a payload, if it is valid JSON, is an object.
func beginsObject(payload json.RawMessage) bool {
	payload = bytes.TrimLeft(payload, " \t\r\n")
	return len(payload) > 0 && payload[0] == '{'
}

// buttonLine returns the command line in a button's payload, as made by [Cmd],
// or "".
func buttonLine(payload json.RawMessage) string {
	var p struct {
		Command string `json:"command"`
	}
	if tolerant.Unmarshal(payload, &p) != nil {
		return ""
	}
	return p.Command
}

// A namedError is a handler's error with the handler's name.
type namedError struct {
	name string
	err  error
}

// Error returns the name and the error. Its text begins with "vk: " once.
func (e *namedError) Error() string {
	return "vk: " + e.name + ": " + strings.TrimPrefix(e.err.Error(), "vk: ")
}

func (e *namedError) Unwrap() error { return e.err }
