package discord

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// A Route is a command, or one of the other things
// that a bot answers and that the fields name. A Route that a Router has returned must not be changed; a copy
// of it can be changed and added to another Router.
type Route struct {
	// Pattern is the command; see [Router.Handle]. In a Route that a Router returns,
	// it has the words of the routers around.
	Pattern string

	// Aliases are other words for the typed command, as in a pattern without
	// placeholders. The words of the routers around stand before them too. They are
	// no slash commands: "ban|kick" in the Pattern is two of these.
	Aliases []string

	// Text is a whole message; see [Router.Text].
	Text string

	// When is a condition; see [Router.When].
	When Cond

	// Press is a pattern for presses of buttons and choices in menus; see [Router.Press].
	Press string

	// Submit is a pattern for forms that were sent; see [Submit].
	Submit string

	// UserMenu and MessageMenu are names of commands in the menus of users and of
	// messages; see [Router.UserMenu].
	UserMenu, MessageMenu string

	// Doc describes the command for users. The first line is a summary. A line
	// "name: text" describes the argument of that name.
	Doc string

	// Hidden keeps the route out of lists of commands: [Router.Commands] does not
	// have it. It answers typed messages all the same.
	Hidden bool

	// IgnoreExtra allows words behind the last argument.
	IgnoreExtra bool

	// Need are the permissions that the user needs in the channel, besides those of
	// [Router.Need]. A route with Need answers in guilds only.
	Need Permissions

	// In says where the route answers. The default is Anywhere.
	In Where

	// Only limits the ways to reach the command. The default is every way.
	Only Surface

	// Ephemeral shows the answers to a slash command, a press or a form only to the
	// user who caused it, as the option [Ephemeral] does, including the notice that
	// the bot is thinking.
	Ephemeral bool

	// Use is middleware for this route alone, inside of the Router's.
	Use []Middleware

	// Checks are for this route alone, after the Router's.
	Checks []Check

	// Handler answers.
	Handler HandlerFunc

	// Of a Route that a Router has returned.
	params []command.Param
	convs  [][]Converter   // for each type of each placeholder
	inputs []command.Param // of a Submit
	bound  command.Binding // of a Command
	router *Router         // that it was added to
	target *target
}

// Where says where a route answers.
type Where int

// The places.
const (
	Anywhere Where = iota
	InGuild        // in the channels of guilds
	InDM           // in direct messages
)

// A Surface is a way to reach a command.
type Surface int

// The ways.
const (
	// TypedOnly is for commands that are typed behind a prefix, and no slash commands: so
	// their patterns need not keep Discord's limits.
	TypedOnly Surface = 1

	// SlashOnly is for slash commands that cannot be typed.
	SlashOnly Surface = 2
)

// A Cond is a condition for a route: whether it answers a message. It must not have
// effects. An error says that this cannot be known.
type Cond func(*Context) (bool, error)

// Handle adds a route: a pattern and the handler of the commands that match it.
//
// A pattern is words, by which the command is found, then placeholders for its
// arguments. It is also the usage that users are shown.
//
//	pattern     = words { " " placeholder }
//	words       = alt { " " alt }    alt = word { "|" word }
//	placeholder = "{" name [ ":" type { "|" type } ] [ "..." ] [ "?" | "=" default ] "}"
//	default     = up to "}", or a Go-quoted string
//
// The words of "admin ban|kick" are those of two commands. If a text begins
// with the words of several routes, the one with the most words is chosen. A
// word has at most 64 bytes. A name is letters, digits and underscores and
// begins with no digit.
//
//	{name}        one word, or several in quotation marks
//	{n:int}       one word that is a whole number; see [Converter] for all types
//	{x:int|bool}  one word, of the first type that takes it
//	{why...}      the rest of the text, as it stands
//	{n:int...}    as many words as are numbers
//	{n:int?}      a number or nothing: a word that is no number is left for the next placeholder
//	{n:int=6}     a number, or 6 at the end of the text
//
// The list of {n:int...} has at least one number, unless it ends in "?" or
// "=6". A word in quotation marks, such as " or «» or „“, can contain spaces; a
// backslash before a mark or a backslash makes it an ordinary character.
//
// An empty pattern is the prefix alone, such as a mention of the bot with
// nothing behind it; it needs a Prefix. For the empty pattern of a Router that
// has words, see [Router.Route].
//
// If words are left over, unless the Route sets IgnoreExtra, or if an argument
// is missing or invalid, the result is an [*ArgError], and the handler does not
// run.
//
// The same pattern is a slash command, unless the Route is Hidden or
// [TypedOnly]; [Router.Commands] has the rules. Handle panics if Discord would
// refuse the slash command, if the pattern is malformed, if the handler is nil,
// or if another route has the same words.
func (r *Router) Handle(pattern string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Pattern: pattern, Use: mw, Handler: h}, callers(1))
}

// Add adds a route that is written out. It is otherwise like [Router.Handle].
func (r *Router) Add(rt Route) *Route { return r.addRoute(rt, callers(1)) }

// Command adds a route with a handler that gets its arguments in a struct: each
// placeholder fills the field of its name, without regard to case and
// underscores. The type of the field must be able to hold the placeholder's
// type; see [Converter]. A slice is for a list; a pointer, which stays nil if
// nothing was given, and an any are for all types. A number that is too large
// for its field is a wrong argument.
//
// Command panics if fields and placeholders do not match, and where
// [Router.Handle] does.
func Command[A any](r *Router, pattern string, h func(*Context, A) error, mw ...Middleware) *Route {
	return addCommand(r, Route{Pattern: pattern, Use: mw}, h, callers(1))
}

// AddCommand is [Command] for a route that is written out, with all but its Handler: with
// a Doc, for instance, or a Need. It may have a Press in place of the Pattern.
func AddCommand[A any](r *Router, rt Route, h func(*Context, A) error) *Route {
	return addCommand(r, rt, h, callers(1))
}

func addCommand[A any](r *Router, rt Route, h func(*Context, A) error, place string) *Route {
	if rt.Submit != "" {
		panic(registrationError(rt.label(), place, errors.New("it is a Submit: use the function Submit, or Router.Add")))
	}
	p, err := r.parsePattern(rt.pattern())
	if err == nil {
		rt.bound, err = command.Bind(reflect.TypeFor[A](), p.Params)
	}
	if err == nil && rt.Handler != nil {
		err = errors.New("the Route has a Handler already")
	}
	if err != nil {
		panic(registrationError(rt.label(), place, err))
	}
	if h != nil {
		rt.Handler = bind(rt.bound, h)
	}
	return r.addRoute(rt, place)
}

// Text adds a route for messages that say nothing else than one of some texts, as in
// "yes|of course", without a prefix. Case does not count, nor do spaces around and more
// than one between words. The words of the routers around do not stand before them.
//
// Text panics if another route has one of the texts, and where [Router.Handle] does.
func (r *Router) Text(texts string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Text: notEmpty(texts), Use: mw, Handler: h}, callers(1))
}

// notEmpty returns the value of a field of a Route that says what the route is: an empty
// one would make it a command without words.
func notEmpty(field string) string { return cmp.Or(field, " ") }

// When adds a route for messages for which a condition holds; it is asked if no command
// and no text fits. If a condition fails, its route runs no further than its middleware,
// which gets the error; no other route is looked for.
func (r *Router) When(cond Cond, h HandlerFunc, mw ...Middleware) *Route {
	if cond == nil {
		panic(registrationError("When", callers(1), errors.New("nil condition")))
	}
	return r.addRoute(Route{When: cond, Use: mw, Handler: h}, callers(1))
}

// If returns the condition that ok reports.
func If(ok func(*Context) bool) Cond {
	if ok == nil {
		panic("discord: If (at " + callers(1) + "): nil function")
	}
	return func(c *Context) (bool, error) { return ok(c), nil }
}

// NotFound sets the handler for a typed command line that no route matches; with words of
// its own, that of those lines which begin with them. There can be one for the same words.
// Its middleware is that of r's routes; their checks do not concern it. A slash command or a
// press without a route is of an older version of the bot; see [Router.Press].
//
// Without one, a line with a prefix ends in a [*NotFoundError], which middleware sees, and
// a text without one is left alone.
func (r *Router) NotFound(h HandlerFunc) {
	t := &target{label: "NotFound", name: strings.TrimSpace("NotFound " + r.path), place: callers(1), edition: r.edition}
	if h == nil {
		panic(registrationError(t.label, t.place, errors.New("nil handler")))
	}
	p, _ := r.parsePattern(r.path) // parsed by Route before
	t.words = p.Expand()
	for _, words := range t.words {
		t.reserved = append(t.reserved, reservation{"the NotFound of", r.foldedWords(words)})
	}
	t.run = r.wrap(func(c *Context) error { return c.inv.run(c, h) })
	r.register(t)
}

// A NotFoundError reports that a user wrote a command that does not exist.
type NotFoundError struct {
	Prefix string // the beginning of the text
	Line   string // the rest of it
}

// Error names the command.
func (e *NotFoundError) Error() string {
	word, _, _ := strings.Cut(e.Line, " ")
	return fmt.Sprintf("discord: no command %.40q", e.Prefix+word)
}

// Walk ranges over the routes of r and of Routers inside of it, each once, in the order in
// which they were added. Only commands have a Pattern.
func (r *Router) Walk() iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		for _, t := range r.top().registered() {
			if t.route != nil && t.route.within(r) && !yield(t.route) {
				return
			}
		}
	}
}

// registered returns the targets. r is the outermost Router.
func (r *Router) registered() []*target {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reg.targets)
}

// within reports whether the route is of r or of a Router inside of it.
func (rt *Route) within(r *Router) bool {
	for in := rt.router; in != nil; in = in.outer {
		if in == r {
			return true
		}
	}
	return false
}

// Lookup returns the command that has exactly these words, as in "admin ban": none that
// has fewer, as a message would find. The words of the Routers around r stand before
// them. No words are those of the prefix alone.
func (r *Router) Lookup(words string) (*Route, bool) {
	line := strings.TrimSpace(command.Usage(r.path) + " " + words)
	t := r.top().current()
	to, rest := t.words.Find(line)
	if line == "" {
		to = t.words.Wordless()
	}
	if to == nil || to.route == nil || strings.TrimSpace(rest) != "" {
		return nil, false
	}
	return to.route, true
}

// Words returns the words of a command without its placeholders, such as "admin ban" for
// the Pattern "admin ban|kick {user}": of several words in one place the first.
func (rt *Route) Words() string {
	usage, _, _ := strings.Cut(command.Usage(rt.Pattern), "{")
	return strings.TrimSpace(usage)
}

// Usage returns how the command is written, without a prefix: the pattern, but of words
// that stand for each other only the first.
func (rt *Route) Usage() string { return command.Usage(rt.pattern()) }

// pattern returns the pattern that the placeholders are of.
func (rt *Route) pattern() string { return cmp.Or(rt.Pattern, rt.Press, rt.Submit) }

// isCommand reports whether words lead to the route. A route that nothing leads to counts
// as a command without words.
func (rt *Route) isCommand() bool {
	return rt.Pattern != "" || len(rt.Aliases) > 0 || rt.Text == "" && rt.When == nil && !rt.isComponent() && !rt.isMenu()
}

// isComponent reports whether buttons or forms lead to the route.
func (rt *Route) isComponent() bool { return rt.Press != "" || rt.Submit != "" }

// isMenu reports whether the menus of users or messages lead to the route.
func (rt *Route) isMenu() bool { return rt.UserMenu != "" || rt.MessageMenu != "" }

// ownPattern returns a pattern of the route without the words of the Routers around.
func (rt *Route) ownPattern(pattern string) string {
	if rt.router == nil || pattern == "" {
		return pattern
	}
	return strings.TrimSpace(strings.TrimPrefix(pattern, rt.router.path))
}

// label returns the name of the route in errors of its registration.
func (rt *Route) label() string {
	switch {
	case rt.isCommand():
		return fmt.Sprintf("pattern %q", rt.Pattern)
	case rt.Text != "":
		return fmt.Sprintf("text %q", strings.TrimSpace(rt.Text))
	case rt.Press != "":
		return fmt.Sprintf("press %q", strings.TrimSpace(rt.Press))
	case rt.Submit != "":
		return fmt.Sprintf("form %q", strings.TrimSpace(rt.Submit))
	case rt.UserMenu != "":
		return fmt.Sprintf("user menu %q", strings.TrimSpace(rt.UserMenu))
	case rt.MessageMenu != "":
		return fmt.Sprintf("message menu %q", strings.TrimSpace(rt.MessageMenu))
	}
	return "When"
}

// Route returns the route that the handler runs for, or nil outside of one: in a listener,
// in a NotFound.
func (c *Context) Route() *Route {
	if m := c.inv.match; m != nil && m.to != nil {
		return m.to.route
	}
	return nil
}

// Prefix returns the prefix that the command was written with, or "". In a condition, in
// the handler of one, and in a NotFound, it is that of a command that does not exist.
func (c *Context) Prefix() string {
	if m := c.inv.match; m != nil {
		return m.prefix
	}
	return ""
}

// Line returns the text behind the words of the command: all of its arguments, as they
// stand. In a NotFound or a condition it is all the text behind the prefix, and outside of
// a command it is "".
func (c *Context) Line() string {
	if m := c.inv.match; m != nil {
		return strings.TrimSpace(m.line)
	}
	return ""
}

// name returns the name of the route's target.
func (rt *Route) name(place string) string {
	if rt.isCommand() {
		return cmp.Or(rt.Pattern, rt.label())
	}
	if rt.When == nil {
		return rt.label()
	}
	return "When at " + place
}
