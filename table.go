package vk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A table is what a Router's registrations come to: made at the first event
// after a change, and never changed itself. An event keeps the table that it
// began with.
type table struct {
	prefix    func(*Context) (string, bool)
	listeners map[string][]*listener
	root      *node
}

// A node of the tree of command words.
type node struct {
	next     map[string]*node
	route    *Route
	run      HandlerFunc // the route's, with its middleware around
	notFound HandlerFunc // of the Router that is here, likewise
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

// compile makes and publishes the table.
func (r *Router) compile() *table {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.table.Load(); t != nil {
		return t // somebody else was faster
	}
	t := &table{prefix: r.Prefix, listeners: make(map[string][]*listener), root: new(node)}
	for _, l := range r.listeners {
		t.listeners[l.kind] = append(t.listeners[l.kind], l)
	}
	r.compileInto(t.root, nil)
	if t.root.notFound == nil {
		t.root.notFound = chain(r.use, unknown)
	}
	r.table.Store(t)
	return t
}

// compileInto adds r and the Routers inside of it to the tree; use is the
// middleware of r and of those around it.
func (r *Router) compileInto(root *node, use []Middleware) {
	use = append(use[:len(use):len(use)], r.use...)
	for _, rt := range r.routes {
		run := chain(use, chain(rt.Use, answer(rt)))
		for _, path := range rt.pattern.expand() {
			n := root
			for _, word := range path {
				n = n.at(word)
			}
			n.route, n.run = rt, run
		}
	}
	if r.notFound != nil {
		p, _ := parsePattern(strings.Join(r.path(), " ")) // parsed by Route before
		run := chain(use, r.notFound)
		for _, path := range p.expand() {
			n := root
			for _, word := range path {
				n = n.at(word)
			}
			n.notFound = run
		}
	}
	for _, in := range r.inner {
		in.compileInto(root, use)
	}
}

// chain wraps h in mw, the first outermost.
func chain(mw []Middleware, h HandlerFunc) HandlerFunc {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](h)
	}
	return h
}

// answer is the innermost handler of a route: no argument, no answer.
func answer(rt *Route) HandlerFunc {
	return func(c *Context) error {
		if _, err := c.parseArgs(); err != nil {
			return err
		}
		return rt.Handler(c)
	}
}

// unknown is the NotFound of a Router that has none.
func unknown(c *Context) error {
	if c.inv.prefix == "" {
		return nil
	}
	return &NotFoundError{Prefix: c.inv.prefix, Line: c.inv.line}
}

// serve runs the listeners, then the route. A listener that calls
// runtime.Goexit takes the goroutine along; the others are run on its way out.
func (t *table) serve(c *Context, listeners []*listener, errs *[]error) {
	if len(listeners) == 0 {
		t.route(c, errs)
		return
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		var late []error
		t.serve(c, listeners[1:], &late)
		for _, err := range late {
			c.inv.job.report(err)
		}
	}()
	if err := c.invoke(listeners[0].name, listeners[0].run, nil); err != nil {
		*errs = append(*errs, err)
	}
	returned = true
	t.serve(c, listeners[1:], errs)
}

// route runs the route of a command line.
func (t *table) route(c *Context, errs *[]error) {
	if c.event.Kind != string(EventMessageNew) || c.event.head.out {
		return
	}
	text := c.event.head.text
	prefix := ""
	if t.prefix != nil {
		var ok bool
		if prefix, ok = t.prefix(c); !ok || !strings.HasPrefix(text, prefix) {
			return
		}
		text = text[len(prefix):]
	}
	if prefix == "" {
		text = trimLeft(text)
	}
	if text == "" || startsWithSpace(text) {
		return
	}
	rt, run, line := t.find(text)
	name := ""
	if rt != nil {
		name = rt.Pattern
	}
	err := c.invoke(name, run, func(i *invocation) {
		i.route, i.prefix, i.line = rt, prefix, line
	})
	if err != nil {
		*errs = append(*errs, err)
	}
}

// find returns the route with the most words that the text begins with, what
// to run for it, and the rest of the text. Where there is none, it returns the
// NotFound handler of the innermost Router whose words the text begins with.
func (t *table) find(text string) (rt *Route, run HandlerFunc, rest string) {
	run, rest = t.root.notFound, text
	n := t.root
	for at := text; ; {
		var word string
		word, at = cutWord(at)
		if n = n.next[word]; n == nil {
			return rt, run, rest
		}
		if n.notFound != nil {
			rt, run, rest = nil, n.notFound, text
		}
		if n.route != nil {
			rt, run, rest = n.route, n.run, at
		}
	}
}

// cutWord cuts the first word off. One that is longer than any in the tree
// comes back empty.
func cutWord(s string) (word, rest string) {
	s = trimLeft(s)
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		if unicode.IsSpace(r) {
			return s[:i], s[i:]
		}
		if i += n; i > maxWord {
			return "", s
		}
	}
	return s, ""
}
