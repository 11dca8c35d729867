package discord

import (
	"strings"
	"sync"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A table is the listeners and routes of a Router. It does not change.
type table struct {
	kinds map[string][]*listener // of kinds with listeners, those of all kinds included
	all   []*listener            // of every other kind

	routed      bool // a message may have a route
	interactive bool // there are routes
	prefix      PrefixFunc
	bots        bool // messages of bots have routes, too
	words       command.Tree[target]
	texts       map[string]*target // by sameText
	conds       []*target
	unknown     *target // for a line with a prefix that no command matches

	slash   map[string]*target // by their words, joined by spaces
	menus   map[menuKey]*target
	presses command.Tree[target]
	submits command.Tree[target]
}

// A target is a route, or a Router's NotFound.
type target struct {
	name     string        // in errors and nonces
	label    string        // in the errors of its registration
	place    string        // in the source
	reserved []reservation // no other target has one of them
	words    [][]string    // the commands that lead to it, those of aliases included
	slash    [][]string    // those of its pattern, if it is a slash command
	texts    []string      // and the texts
	presses  [][]string    // the commands of buttons
	submits  [][]string    // the commands of forms
	menu     menuKey       // the command in the menus of users or messages
	route    *Route        // nil for a NotFound
	run      HandlerFunc
	edition  *edition // of the module that it is of, or nil
}

// A menuKey is a command in the menus of users or of messages. The zero menuKey is none.
type menuKey struct {
	typ  CommandType
	name string
}

// current returns the table, and makes it if something has changed.
func (r *Router) current() *table {
	if t := r.table.Load(); t != nil {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checkFold()
	t := &table{
		kinds: make(map[string][]*listener), texts: make(map[string]*target),
		slash: make(map[string]*target), menus: make(map[menuKey]*target),
		prefix: r.Prefix, bots: r.AnswerBots, words: command.Tree[target]{Fold: r.Fold},
	}
	t.addListeners(r.reg.listeners)
	for _, to := range r.reg.targets {
		t.add(to)
	}
	t.interactive = len(r.reg.targets) > 0
	t.routed = t.prefix != nil && len(r.reg.targets) > 0 || len(t.texts) > 0 || len(t.conds) > 0
	use := r.use[:len(r.use):len(r.use)]
	run := sync.OnceValue(func() HandlerFunc { return chain(use, notFound) }) // without the lock: middleware may register something
	t.unknown = &target{name: "NotFound", run: func(c *Context) error { return run()(c) }}
	r.table.Store(t)
	return t
}

func (t *table) addListeners(all []*listener) {
	for _, l := range all {
		if l.kind != "" {
			t.kinds[l.kind] = nil
		}
	}
	for _, l := range all {
		if l.kind == "" {
			t.all = append(t.all, l)
		}
		for kind := range t.kinds {
			if l.kind == "" || l.kind == kind {
				t.kinds[kind] = append(t.kinds[kind], l)
			}
		}
	}
}

func (t *table) add(to *target) {
	for _, words := range to.words {
		switch {
		case to.route == nil:
			t.words.AddFallback(words, to)
		case to.route.Only != SlashOnly:
			t.words.Add(words, to)
		}
	}
	for _, words := range to.slash {
		t.slash[strings.Join(words, " ")] = to
	}
	for _, words := range to.presses {
		t.presses.Add(words, to)
	}
	for _, words := range to.submits {
		t.submits.Add(words, to)
	}
	if to.menu != (menuKey{}) {
		t.menus[to.menu] = to
	}
	for _, text := range to.texts {
		t.texts[text] = to
	}
	if to.route != nil && to.route.When != nil {
		t.conds = append(t.conds, to)
	}
}

// A match is a message that a route may answer, and the route that it leads to. The
// invocation of a route, a condition or a Prefix has one.
type match struct {
	to      *target // nil if nowhere
	whole   string  // the text of the message
	fold    bool    // the Router's Fold, for a Prefix
	prefix  string
	line    string // behind the words of the command; without one, behind the prefix
	refused error  // by the checks, or the error of the condition
	args    args   // guarded by the mu of the invocation
	probe   *probe // of a Prefix, instead of a message; see needsContent

	// Of interactions.
	named   map[string]string // the arguments that come by name
	byName  bool              // arguments do: all of a slash command, the inputs of a form
	extra   bool              // words may be left over: the choices of a menu
	partial bool              // of a completion: the user is still typing
}

// route runs the route of a message.
func (t *table) route(c *Context, errs *handlerErrors) {
	text, ok := t.typed(c)
	if !ok {
		c.offer(nil)
		return
	}
	m := &match{whole: text}
	if err := t.find(c, m); err != nil {
		errs.add(err)
		return
	}
	if c.offer(m) || !t.routed {
		return
	}
	t.findRest(c, m)
	if m.to != nil {
		errs.add(c.invoke(m.to.name, m.to.run, m))
	}
}

// typed returns the text of a message that a user wrote. ok is false for other
// messages, which no route answers.
func (t *table) typed(c *Context) (text string, ok bool) {
	kind, bot, webhook := MessageDefault, false, false
	s := scan.New(c.event.Data)
	if !s.Object() {
		return "", false
	}
	for s.Member() {
		switch string(s.Key()) {
		case "content":
			b, _ := tolerant.Text(s.Value())
			text = string(b)
		case "type":
			n, _ := tolerant.Int(s.Value())
			kind = MessageType(n)
		case "webhook_id":
			webhook = idOf(s.Value()) != 0
		case "author":
			bot = isBot(&s)
		default:
			s.Value()
		}
	}
	switch {
	case kind != MessageDefault && kind != MessageReply, webhook, bot && !t.bots:
		return "", false
	}
	me := c.Me().ID
	return text, me == 0 || c.UserID() != me
}

// isBot walks over a user and reports whether it is a bot.
func isBot(s *scan.Scanner) (bot bool) {
	if !s.Object() {
		return false
	}
	for s.Member() {
		if string(s.Key()) == "bot" {
			bot = string(s.Value()) == "true"
		} else {
			s.Value()
		}
	}
	return bot
}

// find finds the command of a message. If there is none, m may lead to a NotFound.
func (t *table) find(c *Context, m *match) error {
	prefix, found, err := t.findPrefix(c, m.whole)
	if err != nil || !found || !strings.HasPrefix(m.whole, prefix) {
		return err
	}
	text := m.whole[len(prefix):]
	if prefix == "" {
		text = command.SkipSpace(text)
	}
	switch {
	case text == "" && prefix != "" && t.words.Wordless() != nil:
		m.to, m.prefix = t.words.Wordless(), prefix // the prefix alone
		return nil
	case text == "" || command.StartsWithSpace(text):
		return nil
	}
	to, rest := t.words.Find(text)
	if to == nil {
		if prefix == "" {
			return nil // not meant for the bot: middleware is not to count it
		}
		to = t.unknown
	}
	m.to, m.prefix, m.line = to, prefix, rest
	return nil
}

// findPrefix asks the Router's Prefix about a text.
func (t *table) findPrefix(c *Context, text string) (prefix string, ok bool, err error) {
	if t.prefix == nil {
		return "", false, nil
	}
	err = contain(func() error {
		prefix, ok = t.prefix(c.withMatch(&match{whole: text, fold: t.words.Fold}))
		return nil
	})
	return prefix, ok, nameError("Prefix", err)
}

// withMatch returns a Context like c that has a match, without an invocation of its own.
func (c *Context) withMatch(m *match) *Context {
	d := newContext(c.ctx, c.client, c.event, c.inv.job)
	d.inv.name, d.inv.match, d.inv.answer = c.inv.name, m, c.inv.answer
	return d
}

// findRest finds the route of a message that is not a command: the route of its
// text, or the first one with a matching condition. If there is none, m is not
// changed.
func (t *table) findRest(c *Context, m *match) {
	if m.to != nil && m.to.route != nil {
		return
	}
	if to := t.texts[sameText(m.whole)]; to != nil {
		m.to, m.prefix, m.line = to, "", ""
		return
	}
	if len(t.conds) == 0 {
		return
	}
	asked := *m
	asked.to = nil
	err := c.invoke("When", func(c *Context) error {
		for _, to := range t.conds {
			ok := false
			err := contain(func() (err error) { ok, err = to.route.When(c); return err })
			if ok || err != nil {
				m.to, m.line, m.refused = to, "", err
				return nil
			}
		}
		return nil
	}, &asked)
	if err != nil { // cannot be: the panic of a condition is an error of its route
		m.refused = err
	}
}

// sameText returns a text in the form that it is compared in.
func sameText(s string) string {
	return command.Fold(strings.Join(strings.Fields(s), " "))
}

// notFound is the NotFound of a Router that has none.
func notFound(c *Context) error {
	return &NotFoundError{Prefix: c.inv.match.prefix, Line: c.inv.match.line}
}
