package vk

import (
	"encoding/json"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A table is what a Router's registrations come to: made at the first event
// after a change, and never changed itself. An event keeps the table that it
// began with.
type table struct {
	prefix    func(*Context) (string, bool)
	listeners map[string][]*listener
	root      node
	fold      bool    // Router.Fold: the words in the tree are folded
	unknown   *target // for a line with a prefix that leads nowhere
}

// A node of the tree of command words.
type node struct {
	next     map[string]*node
	route    *target
	notFound *target // of the Router that is here
}

func (n *node) at(word string) *node {
	next := n.next[word]
	if next == nil {
		if n.next == nil {
			n.next = make(map[string]*node)
		}
		next = new(node)
		n.next[word] = next
	}
	return next
}

// get returns the node that a word leads to, or nil. The word is of cutWord's
// making: at most maxWord bytes, and folding makes no more of them.
func (n *node) get(word string, fold bool) *node {
	if !fold {
		return n.next[word]
	}
	var b [maxWord]byte
	return n.next[string(appendFold(b[:0], word))]
}

// compile makes and publishes the table.
func (r *Router) compile() *table {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.table.Load(); t != nil {
		return t // somebody else was faster
	}
	if r.unknown == nil {
		// Composed when first needed, without the lock: middleware may
		// register something.
		use := r.use[:len(r.use):len(r.use)]
		run := sync.OnceValue(func() HandlerFunc { return chain(use, unknown) })
		r.unknown = &target{name: "NotFound", run: func(c *Context) error { return run()(c) }}
	}
	t := &table{prefix: r.Prefix, fold: r.Fold, listeners: make(map[string][]*listener), unknown: r.unknown}
	for _, l := range r.listeners {
		t.listeners[l.kind] = append(t.listeners[l.kind], l)
	}
	for _, to := range r.targets {
		for _, words := range to.pattern.expand() {
			n := &t.root
			for _, word := range words {
				n = n.at(foldWord(word, t.fold))
			}
			if to.route != nil {
				n.route = to
			} else {
				n.notFound = to
			}
		}
	}
	r.table.Store(t)
	return t
}

// chain wraps h in mw, the first outermost.
func chain(mw []Middleware, h HandlerFunc) HandlerFunc {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](h)
	}
	return h
}

// answer is the innermost handler of a route: it does not run unless the
// checks allow it and the arguments are right. Middleware sees the error either
// way.
func answer(rt *Route) HandlerFunc {
	return func(c *Context) error {
		if err := c.inv.refused; err != nil {
			return err
		}
		if _, err := c.parseArgs(); err != nil {
			return err
		}
		return c.inv.run(c, rt.Handler)
	}
}

// unknown is the NotFound of a Router that has none.
func unknown(c *Context) error {
	return &NotFoundError{Prefix: c.inv.prefix, Line: c.inv.line}
}

// serve runs the listeners, then the route. What comes after a listener is
// deferred: it is run even if the listener ends the goroutine.
func (t *table) serve(c *Context, listeners []*listener, errs *handlerErrors) {
	if len(listeners) == 0 {
		t.route(c, errs)
		return
	}
	defer t.serve(c, listeners[1:], errs)
	errs.add(c.invoke(listeners[0].name, listeners[0].run, nil))
}

// route offers the event to who waits for one, and runs its route if nobody has
// taken it.
func (t *table) route(c *Context, errs *handlerErrors) {
	m, err := t.match(c)
	errs.add(err)
	if err != nil || c.offer(m) || m.to == nil {
		return
	}
	errs.add(c.invoke(m.to.name, m.to.run, func(i *invocation) {
		i.route, i.prefix, i.line, i.life = m.to.route, m.prefix, m.line, m.to.life
	}))
}

// A destination is where an event leads.
type destination struct {
	to     *target // nil if nowhere
	prefix string
	line   string // the rest of the text, behind prefix and words
}

// match finds the route of a command line: that of the button which was
// pressed, else that of the message's text.
func (t *table) match(c *Context) (m destination, err error) {
	typed := c.event.Kind == string(EventMessageNew) && !c.event.head.out
	if !typed && c.event.Kind != string(EventMessageEvent) {
		return destination{}, nil
	}
	if line := trimLeft(buttonLine(c.event.head.payload)); line != "" {
		if to, rest := t.find(line); to != nil && to.route != nil {
			return destination{to, "", rest}, nil
		}
	}
	if !typed {
		return destination{}, nil
	}
	text, prefix := c.event.head.text, ""
	if t.prefix != nil {
		found := false
		err := c.invoke("Prefix", func(c *Context) error {
			prefix, found = t.prefix(c)
			return nil
		}, func(i *invocation) { i.fold = t.fold })
		if err != nil || !found || !strings.HasPrefix(text, prefix) {
			return destination{}, err
		}
		text = text[len(prefix):]
	}
	if prefix == "" {
		text = trimLeft(text)
	}
	if text == "" || startsWithSpace(text) {
		return destination{}, nil
	}
	to, rest := t.find(text)
	if to == nil {
		if prefix == "" {
			return destination{}, nil // not meant for the bot: middleware, such as a cooldown, is not to count it
		}
		to = t.unknown
	}
	return destination{to, prefix, rest}, nil
}

// buttonLine returns the command line that a button's payload is, as [Cmd]
// makes it, or "".
func buttonLine(payload json.RawMessage) string {
	if len(payload) == 0 || payload[0] != '{' {
		return ""
	}
	var p struct {
		Command string `json:"command"`
	}
	if tolerant.Unmarshal(payload, &p) != nil {
		return ""
	}
	return p.Command
}

// find returns the route with the most words that the text begins with, and the
// rest of the text. Where the innermost Router whose words the text begins with
// has more of them, it is that Router's NotFound, with all of the text. Where
// there is neither, it is nil.
func (t *table) find(text string) (to *target, rest string) {
	to, rest = t.root.notFound, text
	n := &t.root
	for at := text; n.next != nil; {
		var word string
		word, at = cutWord(at)
		if n = n.get(word, t.fold); n == nil {
			break
		}
		switch {
		case n.route != nil:
			to, rest = n.route, at
		case n.notFound != nil:
			to, rest = n.notFound, text
		}
	}
	return to, rest
}

// cutWord cuts the first word off. One that is longer than any in the tree
// comes back empty.
func cutWord(s string) (word, rest string) {
	s = trimLeft(s)
	for i := 0; i < len(s); {
		if ' ' < s[i] && s[i] < utf8.RuneSelf {
			i++ // the usual case, faster
		} else {
			r, n := utf8.DecodeRuneInString(s[i:])
			if unicode.IsSpace(r) {
				return s[:i], s[i:]
			}
			i += n
		}
		if i > maxWord {
			return "", s
		}
	}
	return s, ""
}
