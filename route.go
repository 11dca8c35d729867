package vk

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/vkrouter/vk/internal/command"
)

// A Route is a command, or another route that its fields define, with its
// handler. A Route with several of Pattern, Text, Payload and When answers each
// of them. A Route that a Router has returned must not be changed, except with
// its methods. A copy of it may be changed and added again, to the same Router
// or another one.
type Route struct {
	// Pattern is the command; see [Router.Handle]. In a Route returned by a
	// Router it is complete: it includes the words of the outer Routers.
	Pattern string

	// Aliases are other words for the command, written like a pattern without
	// placeholders. The words of the outer Routers precede them, too.
	Aliases []string

	// Text is the complete text of a message; see [Router.Text].
	Text string

	// Payload is a key in the payload of a button; see [Press].
	Payload string

	// When is a condition; see [Router.When].
	When Cond

	// Doc describes the command for users. The first line is a summary.
	Doc string

	// Hidden hides the route from lists of commands, such as that of a help
	// command. It still answers.
	Hidden bool

	// Shown keeps the route in these lists even if the Router's Defaults hide
	// its routes.
	Shown bool

	// IgnoreExtra allows extra words after the last argument. By default they
	// are an error.
	IgnoreExtra bool

	// Use is middleware for this route alone, inside the Router's.
	Use []Middleware

	// Checks are checks for this route alone, after the Router's.
	Checks []Check

	// Handler handles the event.
	Handler HandlerFunc

	decode func(*Context) (any, error) // of Press: the payload, before the handler

	// Only in a Route returned by a Router.
	params []command.Param
	bound  command.Binding // set by Command
	router *Router         // the Router that it was added to
	path   string          // the words of the outer Routers that the Pattern begins with
	target *target
	off    *atomic.Bool
	added  *atomic.Pointer[[]*checkSet] // by Check; changed under the mu of the outermost Router
}

// Handle adds a route: a pattern and the handler of the commands that match
// it. It returns the route, for [Router.Remove].
//
// A pattern consists of words, which identify the command, and placeholders
// for its arguments. It is also shown to users as the command's usage.
//
//	pattern     = words { " " placeholder }
//	words       = alt { " " alt }    alt = word { "|" word }
//	placeholder = "{" name [ ":" type { "|" type } ] [ "..." ] [ "?" | "=" default ] "}"
//	default     = up to "}", or a Go-quoted string
//
// The pattern "admin ban|kick" has the words of two commands. If a text begins
// with the words of several routes, the one with the most words is chosen. A
// word has at most 64 bytes. A name consists of letters, digits and
// underscores and does not begin with a digit.
//
//	{name}        one word, or several in quotation marks
//	{n:int}       one word that is a whole number; see [Converter] for all types
//	{x:int|bool}  one word, of the first type that accepts it
//	{why...}      the rest of the text, as it stands
//	{n:int...}    as many words as are numbers
//	{n:int?}      a number or nothing: a word that is no number is left for the next placeholder
//	{n:int=6}     a number, or 6 at the end of the text
//
// The list of {n:int...} has at least one number, unless it ends in "?" or
// "=6". A word in quotation marks, such as " or «» or „“, may contain spaces;
// a backslash escapes a mark or a backslash.
//
// An empty pattern is the prefix alone, such as a mention of the bot with
// nothing after it. Without a Prefix there is no such command; for the empty
// pattern of a Router that has words, see [Router.Route].
//
// Extra words are an error unless the Route has IgnoreExtra set, as is a
// missing or invalid argument: the result is an [*ArgError], and the handler
// does not run.
//
// Handle panics if the pattern is malformed, if the handler is nil, or if
// another route has the same words. In a module that is being mounted,
// [Router.Mount] returns the error instead.
func (r *Router) Handle(pattern string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Pattern: pattern, Use: mw, Handler: h}, callers(1))
}

// Add adds a complete Route. It is otherwise like [Router.Handle].
func (r *Router) Add(rt Route) *Route { return r.addRoute(rt, callers(1)) }

// Command adds a route whose handler gets its arguments in a struct. Each
// placeholder fills the field of the same name, ignoring case and underscores.
// The field's type must be able to hold the placeholder's type; see
// [Converter]. A slice holds a list. A pointer, which is nil if there is no
// argument, and an any can hold all types. A number that is too large for its
// field is an argument error.
//
// Command panics if fields and placeholders do not match, and where
// [Router.Handle] does.
func Command[A any](r *Router, pattern string, h func(*Context, A) error, mw ...Middleware) *Route {
	return addCommand(r, Route{Pattern: pattern, Use: mw}, h, callers(1))
}

// AddCommand is [Command] for a Route with further fields, such as a Doc or
// Checks. Its Handler must be nil.
func AddCommand[A any](r *Router, rt Route, h func(*Context, A) error) *Route {
	return addCommand(r, rt, h, callers(1))
}

func addCommand[A any](r *Router, rt Route, h func(*Context, A) error, place string) *Route {
	p, err := r.parsePattern(rt.Pattern)
	if err == nil {
		rt.bound, err = command.Bind(reflect.TypeFor[A](), p.Params)
	}
	if err == nil && rt.Handler != nil {
		err = errors.New("the Route already has a Handler")
	}
	if err != nil {
		return r.refuseRoute(rt, place, err)
	}
	if bound := rt.bound; h != nil {
		rt.Handler = func(c *Context) error {
			var a A
			values, err := c.parseArgs()
			if err != nil {
				return err
			}
			bound.Fill(reflect.ValueOf(&a).Elem(), values)
			return h(c, a)
		}
	}
	return r.addRoute(rt, place)
}

// Text adds a route for messages whose complete text is one of several texts,
// as in "yes|of course", without a prefix. Case is ignored, as are surrounding
// spaces, repeated spaces between words, and a mention of the bot at the
// beginning: in chats, VK puts one before the label of a pressed text button.
// The words of the outer Routers do not precede the texts.
//
// Text panics if another route has one of the texts, and where [Router.Handle]
// does.
func (r *Router) Text(texts string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Text: cmp.Or(texts, " "), Use: mw, Handler: h}, callers(1)) // an empty text is a mistake
}

// When adds a route for written messages and presses of callback buttons for
// which a condition holds. The condition is checked if no command and no text
// matches. See [If], [Regexp] and [Has] for conditions.
//
// If a condition returns an error, only the middleware of its route runs, and
// gets the error; no other route is tried.
func (r *Router) When(cond Cond, h HandlerFunc, mw ...Middleware) *Route {
	rt := Route{When: cond, Use: mw, Handler: h}
	if cond == nil {
		rt.When = func(*Context) (bool, error) { return false, nil }
		return r.refuseRoute(rt, callers(1), errors.New("nil condition"))
	}
	return r.addRoute(rt, callers(1))
}

// Press adds a route for buttons whose payload is a JSON object with the given
// key, and is not a command line; see [Cmd]. The handler gets the value of the
// key, decoded into a T. So
//
//	vk.Press(r, "item", func(c *vk.Context, id int) error { … })
//
// answers vk.TextButton("Tea", map[string]int{"item": 5}) and the callback
// button with that payload. If a payload has the keys of several routes, the
// one that was added first answers.
//
// If the value does not decode, as null does not into an int, the result is a
// [*PayloadError] and the handler does not run. Anyone can send any payload,
// and a button of an older version of the bot may still exist.
//
// Press panics if another route has the key, if the key is empty, and where
// [Router.Handle] does.
func Press[T any](r *Router, key string, h func(c *Context, value T) error, mw ...Middleware) *Route {
	rt := Route{Payload: key, Use: mw}
	if h != nil {
		rt.Handler = func(c *Context) error {
			v, err := c.pressed()
			if err != nil {
				return err
			}
			value, _ := v.(T)
			return h(c, value)
		}
	}
	rt.decode = func(c *Context) (any, error) {
		v, err := decodePayload[T](key, c.Payload())
		return v, err
	}
	return r.addRoute(rt, callers(1))
}

// addRoute registers a route. Errors name place, which is a place in the
// program.
func (r *Router) addRoute(rt Route, place string) *Route {
	rt.Pattern = rt.ownPattern()
	whole, err := r.newRoute(rt, place, r.path)
	if err != nil {
		r.reportMistake(whole.target, err)
	} else {
		r.register(whole.target)
	}
	return whole
}

// refuseRoute reports a mistake in a route.
func (r *Router) refuseRoute(rt Route, place string, mistake error) *Route {
	whole, _ := r.newRoute(rt, place, r.path)
	r.reportMistake(whole.target, mistake)
	return whole
}

// register adds a target at the end.
func (r *Router) register(t *target) {
	r.change(func(g *registry) error {
		if err := g.addTarget(t, -1); err != nil {
			return t.mistake(err)
		}
		return nil
	})
}

// reportMistake reports a mistake in the registration of a target.
func (r *Router) reportMistake(t *target, mistake error) {
	r.change(func(*registry) error { return t.mistake(mistake) })
}

// newRoute returns a complete copy of rt with its target, ready to be
// registered. path precedes its words. With an error, it returns a Route whose
// target names the mistake.
func (r *Router) newRoute(rt Route, place, path string) (*Route, error) {
	whole := r.inherit(rt)
	whole.path = path
	t := &target{place: place, edition: r.edition, route: whole}
	t.setNames()
	whole.target = t
	if err := whole.check(); err != nil {
		return whole, err
	}
	if rt.isCommand() {
		whole.Pattern = strings.TrimSpace(path + " " + rt.Pattern)
		t.name = cmp.Or(whole.Pattern, t.label)
		if err := t.addCommand(whole.Pattern, path, rt.Aliases); err != nil {
			return whole, err
		}
	}
	if rt.Text != "" {
		if err := t.addTexts(rt.Text); err != nil {
			return whole, err
		}
	}
	if rt.Payload != "" {
		t.reserved = append(t.reserved, reservation{reserveKey, rt.Payload})
	}
	t.run = r.run(whole)
	return whole, nil
}

// inherit returns a copy of rt, a route of r, with the defaults of r. A copy
// of a registered route already has its own.
func (r *Router) inherit(rt Route) *Route {
	whole := new(Route)
	*whole = rt
	if rt.router == nil {
		d := r.defaults()
		whole.Doc = cmp.Or(rt.Doc, d.Doc)
		whole.Hidden = rt.Hidden || d.Hidden && !rt.Shown
		whole.IgnoreExtra = rt.IgnoreExtra || d.IgnoreExtra
		if rt.Checks == nil {
			whole.Checks = d.Checks
		}
	}
	whole.router, whole.params = r, nil
	whole.off, whole.added = new(atomic.Bool), new(atomic.Pointer[[]*checkSet])
	if rt.added != nil {
		whole.added.Store(rt.added.Load())
	}
	whole.Use, whole.Checks, whole.Aliases = slices.Clone(whole.Use), slices.Clone(whole.Checks), slices.Clone(whole.Aliases)
	return whole
}

// defaults returns the Defaults of the innermost Router that has any.
func (r *Router) defaults() Route {
	for ; r != nil; r = r.outer {
		if d := r.Defaults; d.Doc != "" || d.Hidden || d.Shown || d.IgnoreExtra || d.Checks != nil {
			return d
		}
	}
	return Route{}
}

// ownPattern returns the Pattern without the words of the outer Routers, which
// the Pattern of a copy of a registered route includes.
func (rt *Route) ownPattern() string {
	if rt.path == "" {
		return rt.Pattern
	}
	own, ok := strings.CutPrefix(rt.Pattern, rt.path)
	if !ok || own != "" && !strings.HasPrefix(own, " ") {
		return rt.Pattern
	}
	return strings.TrimSpace(own)
}

// Words returns the words of a command without its placeholders, such as
// "admin ban" for the Pattern "admin ban|kick {user}": the first of several
// alternatives. [Router.Lookup] of the outermost Router finds the route by
// them. Words returns "" for a route without a Pattern.
func (rt *Route) Words() string {
	var words []string
	for word := range strings.FieldsSeq(rt.Pattern) {
		if word[0] == '{' {
			break
		}
		first, _, _ := strings.Cut(word, "|")
		words = append(words, first)
	}
	return strings.Join(words, " ")
}

// isCommand reports whether words lead to the route. A route without words,
// Text, Payload and When counts as a command without words.
func (rt *Route) isCommand() bool {
	return rt.Pattern != "" || len(rt.Aliases) > 0 || rt.Text == "" && rt.Payload == "" && rt.When == nil && rt.decode == nil
}

// check returns an error if the route lacks something.
func (rt *Route) check() error {
	switch {
	case rt.Handler == nil:
		return errors.New("nil handler")
	case slices.ContainsFunc(rt.Use, func(m Middleware) bool { return m == nil }):
		return errors.New("nil middleware")
	case slices.ContainsFunc(rt.Checks, func(f Check) bool { return f == nil }):
		return errors.New("nil check")
	case rt.Hidden && rt.Shown:
		return errors.New("both Hidden and Shown")
	case rt.decode != nil && rt.Payload == "":
		return errors.New("no key")
	}
	return nil
}

// setNames sets the label of a route's target, and the target's name unless it
// is a command.
func (t *target) setNames() {
	switch rt := t.route; {
	case rt.isCommand():
		t.label = fmt.Sprintf("pattern %.200q", rt.Pattern)
	case rt.Text != "":
		t.label = fmt.Sprintf("text %q", strings.TrimSpace(rt.Text))
		t.name = t.label
	case rt.Payload != "" || rt.decode != nil:
		t.label = fmt.Sprintf("payload %q", rt.Payload)
		t.name = t.label
	default:
		t.label = "When"
		t.name, t.id = "When at "+t.place, "When at "+fileOf(t.place)
		if t.edition != nil {
			t.name += " in " + t.edition.module.name
			t.id += " in " + t.edition.module.name
		}
	}
}

// addTexts adds the texts that lead to the target, separated by |.
func (t *target) addTexts(texts string) error {
	for text := range strings.SplitSeq(texts, "|") {
		text = sameText(text)
		if text == "" {
			return errors.New("an empty text")
		}
		if slices.Contains(t.texts, text) {
			return fmt.Errorf("the text %q twice", text)
		}
		t.texts = append(t.texts, text)
		t.reserved = append(t.reserved, reservation{reserveText, text})
	}
	return nil
}

// addCommand adds the words that lead to the target, and its parameters.
func (t *target) addCommand(pattern, path string, aliases []string) error {
	r, rt := t.route.router, t.route
	p, err := r.parsePattern(pattern)
	if err != nil {
		return err
	}
	rt.params = p.Params
	if err := rt.bound.Refine(rt.params); err != nil {
		return err
	}
	t.words = p.Expand()
	for _, alias := range aliases {
		a, err := r.parsePattern(strings.TrimSpace(path + " " + alias))
		switch {
		case err != nil:
			return fmt.Errorf("the alias %q: %w", alias, err)
		case len(a.Params) > 0:
			return fmt.Errorf("the alias %q: not just words", alias)
		}
		t.words = append(t.words, a.Expand()...)
	}
	for i, words := range t.words {
		if len(words) == 0 && (r.top().Prefix == nil || i == 0 && len(p.Params) > 0) {
			return errors.New("no word to find it by")
		}
		words := reservation{reserveWords, strings.Join(words, " ")}
		if r.top().Fold {
			words.name = command.Fold(words.name)
		}
		if slices.Contains(t.reserved, words) {
			return fmt.Errorf("the words %.200q twice", words.name)
		}
		t.reserved = append(t.reserved, words)
	}
	return nil
}

// mistake wraps an error with the target's label and place in the program.
func (t *target) mistake(err error) error {
	return fmt.Errorf("vk: %s (at %s): %w", t.label, t.place, err)
}

// SetEnabled enables or disables the route while the bot runs. A disabled
// command returns [ErrDisabled] before any check, and middleware sees the
// error; a disabled route of another kind is skipped.
func (rt *Route) SetEnabled(on bool) {
	if rt.off == nil {
		panic("vk: SetEnabled: the Route was not returned by a Router")
	}
	rt.off.Store(!on)
}

// Enabled reports whether the route is enabled, as it is initially.
func (rt *Route) Enabled() bool { return rt.off == nil || !rt.off.Load() }

// ErrDisabled is returned, wrapped, by a disabled command.
var ErrDisabled = errors.New("the command is disabled")

// Module returns the route's module, or nil.
func (rt *Route) Module() *Module {
	if rt.router == nil || rt.router.edition == nil {
		return nil
	}
	return rt.router.edition.module
}
