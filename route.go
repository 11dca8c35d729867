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

// A Route is what a bot answers to, and how: a command, or whatever else its
// fields tell; one that has several of Pattern, Text, Payload and When answers
// to each. A Route that a Router has returned must not be changed, except with
// its methods. A copy of it can be changed and added again, to the same Router or
// another one.
type Route struct {
	// Pattern is the command; see [Router.Handle]. In a Route that a Router
	// returns it is whole: with the words of the routers around.
	Pattern string

	// Aliases are other words for the command, as in a pattern without
	// placeholders. The words of the routers around stand before them too.
	Aliases []string

	// Text is what a message may say as a whole; see [Router.Text].
	Text string

	// Payload is a key in the payload of a button; see [Press].
	Payload string

	// When is a condition; see [Router.When].
	When Cond

	// Doc says what the command does, for a person. The first line is a
	// summary.
	Doc string

	// Hidden keeps the route out of lists of commands, as a help command shows
	// them. It answers all the same.
	Hidden bool

	// Shown keeps the route in these lists although the Router's Defaults hide
	// its routes.
	Shown bool

	// IgnoreExtra has words that are left over behind the last argument be no
	// error.
	IgnoreExtra bool

	// Use is middleware for this route alone, inside of the Router's.
	Use []Middleware

	// Checks are for this route alone, after the Router's.
	Checks []Check

	// Handler answers.
	Handler HandlerFunc

	decode func(*Context) (any, error) // of Press: the payload, before the handler

	// Of a Route that a Router has returned.
	params []command.Param
	bound  command.Binding // of a Command
	router *Router         // which it was added to
	target *target
	off    *atomic.Bool
	added  *atomic.Pointer[[]*checkSet] // by Check; changed under the mu of the outermost Router
}

// Handle adds a route: a pattern and the handler of the commands that match it.
// It returns the route, for [Router.Remove].
//
// A pattern is words, by which the command is found, then placeholders for
// its arguments. It is also what people are shown as the command's usage.
//
//	pattern     = words { " " placeholder }
//	words       = alt { " " alt }    alt = word { "|" word }
//	placeholder = "{" name [ ":" type { "|" type } ] [ "..." ] [ "?" | "=" default ] "}"
//	default     = up to "}", or a Go-quoted string
//
// The words of "admin ban|kick" are those of two commands. Of several
// routes whose words a text begins with, the one with the most words is taken.
// A word has at most 64 bytes. A name is letters, digits and underscores and
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
// "=6". A word in quotation marks, of which " and «» and „“ are some, can have
// spaces in it; a backslash before a mark or a backslash makes it a character
// like any other.
//
// An empty pattern is the prefix alone, such as a mention of the bot with nothing
// behind it. Without a Prefix there is no such command; for the empty pattern of
// a Router that has words, see [Router.Route].
//
// Words that are left over are an error, unless the Route says IgnoreExtra, as
// is a missing or unfitting argument: an [*ArgError], instead of running the
// handler.
//
// Handle panics if the pattern is malformed, if the handler is nil, or if
// another route has the same words; inside of a module that is being mounted,
// the error is that of [Router.Mount].
func (r *Router) Handle(pattern string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Pattern: pattern, Use: mw, Handler: h}, callers(1))
}

// Add adds a route that is written out whole. It is otherwise like
// [Router.Handle].
func (r *Router) Add(rt Route) *Route { return r.addRoute(rt, callers(1)) }

// Command adds a route whose handler gets its arguments in a struct: each
// placeholder fills the field of its name, without regard to case and
// underscores. The type of the field must be able to hold the placeholder's:
// [Converter] says which can. A slice is for a list, a pointer, which stays nil
// where nothing was given, and an any are for all types. A number that is too
// large for its field is a wrong argument.
//
// Command panics if fields and placeholders do not match, and where
// [Router.Handle] does.
func Command[A any](r *Router, pattern string, h func(*Context, A) error, mw ...Middleware) *Route {
	return addCommand(r, Route{Pattern: pattern, Use: mw}, h, callers(1))
}

// AddCommand is [Command] for a route that is written out, with all but its
// Handler: with a Doc, for instance, or Checks.
func AddCommand[A any](r *Router, rt Route, h func(*Context, A) error) *Route {
	return addCommand(r, rt, h, callers(1))
}

func addCommand[A any](r *Router, rt Route, h func(*Context, A) error, place string) *Route {
	p, err := r.parsePattern(rt.Pattern)
	if err == nil {
		rt.bound, err = command.Bind(reflect.TypeFor[A](), p.Params)
	}
	if err == nil && rt.Handler != nil {
		err = errors.New("the Route has a Handler already")
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

// Text adds a route for messages that say nothing else than one of some texts,
// as in "yes|of course", without a prefix. Case does not count, nor do spaces
// around and more than one between words, nor a mention of the bot in front: in
// chats VK puts one before the label of a text button that is pressed. The words
// of the routers around do not stand before them.
//
// Text panics if another route has one of the texts, and where [Router.Handle]
// does.
func (r *Router) Text(texts string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Text: texts, Use: mw, Handler: h}, callers(1))
}

// When adds a route for messages that somebody wrote, and for presses of
// callback buttons, for which a condition holds; it is asked if no command and
// no text fits. See [If], [Regexp] and [Has] for conditions.
//
// If a condition fails, its route runs no further than its middleware, which
// gets the error; no other route is looked for.
func (r *Router) When(cond Cond, h HandlerFunc, mw ...Middleware) *Route {
	rt := Route{When: cond, Use: mw, Handler: h}
	if cond == nil {
		rt.When = func(*Context) (bool, error) { return false, nil }
		return r.refuseRoute(rt, callers(1), errors.New("nil condition"))
	}
	return r.addRoute(rt, callers(1))
}

// Press adds a route for the buttons whose payload is a JSON object with the
// given key, and whose payload is no command line; see [Cmd]. The handler gets
// what stands there, decoded into a T. So
//
//	vk.Press(r, "item", func(c *vk.Context, id int) error { … })
//
// answers to vk.TextButton("Tea", map[string]int{"item": 5}) and to the callback
// button of that payload. If there are several such keys, the route that was
// added first answers.
//
// What does not decode is a [*PayloadError], as null does not into an int,
// instead of running the handler:
// anybody can send any payload, and a button of an older version of the bot may
// still be there.
//
// Press panics if another route has the key, if it is empty, and where
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

// addRoute registers a route. place is the place in the program that errors
// name.
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

// newRoute returns a complete copy of rt with its target, which is ready to be
// registered. path is what stands before its words. With an error it returns a
// Route whose target names the mistake.
func (r *Router) newRoute(rt Route, place, path string) (*Route, error) {
	whole := r.inherit(rt)
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

// inherit returns a copy of a route of r with the defaults of r. A copy of a
// registered route has its own already.
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

// defaults returns the Defaults of the innermost Router that has some.
func (r *Router) defaults() Route {
	for ; r != nil; r = r.outer {
		if d := r.Defaults; d.Doc != "" || d.Hidden || d.Shown || d.IgnoreExtra || d.Checks != nil {
			return d
		}
	}
	return Route{}
}

// ownPattern returns the Pattern without the words of the Routers around it,
// which that of a copy of a registered route begins with.
func (rt *Route) ownPattern() string {
	if rt.router == nil || rt.router.path == "" {
		return rt.Pattern
	}
	own, ok := strings.CutPrefix(rt.Pattern, rt.router.path)
	if !ok || own != "" && !strings.HasPrefix(own, " ") {
		return rt.Pattern
	}
	return strings.TrimSpace(own)
}

// Words returns the words of a command without its placeholders, such as "admin
// ban" for the Pattern "admin ban|kick {user}": of several words in one place the
// first. [Router.Lookup] of the outermost Router finds the route by them. Words
// returns "" for a route that has no Pattern.
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

// isCommand reports whether words lead to the route. A route that nothing leads
// to counts as a command without words.
func (rt *Route) isCommand() bool {
	return rt.Pattern != "" || len(rt.Aliases) > 0 || rt.Text == "" && rt.Payload == "" && rt.When == nil && rt.decode == nil
}

// check returns the error of a route that lacks something.
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

// setNames sets the label of the target of a route, and its name unless it is
// that of a command.
func (t *target) setNames() {
	switch rt := t.route; {
	case rt.isCommand():
		t.label = fmt.Sprintf("pattern %q", rt.Pattern)
	case rt.Text != "":
		t.label = fmt.Sprintf("text %q", rt.Text)
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

// addTexts adds the texts that lead to the target, which | separates.
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
			return fmt.Errorf("the words %q twice", words.name)
		}
		t.reserved = append(t.reserved, words)
	}
	return nil
}

// mistake returns an error with the place in the program that it comes from.
func (t *target) mistake(err error) error {
	return fmt.Errorf("vk: %s (at %s): %w", t.label, t.place, err)
}

// SetEnabled switches the route off, and on again, while the bot runs. A
// command that is off refuses with [ErrDisabled], before any check, and
// middleware sees it; a route of any other kind is as if it were not there.
func (rt *Route) SetEnabled(on bool) {
	if rt.off == nil {
		panic("vk: SetEnabled: the Route was not returned by a Router")
	}
	rt.off.Store(!on)
}

// Enabled reports whether the route is switched on, as it is from the beginning.
func (rt *Route) Enabled() bool { return rt.off == nil || !rt.off.Load() }

// ErrDisabled is returned, wrapped, by a command that is switched off.
var ErrDisabled = errors.New("the command is switched off")

// Module returns the module that the route is of, or nil.
func (rt *Route) Module() *Module {
	if rt.router == nil || rt.router.edition == nil {
		return nil
	}
	return rt.router.edition.module
}
