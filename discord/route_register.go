package discord

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/command"
)

// A reservation is a thing that only one target may have.
type reservation struct{ what, name string }

// A ConflictError says that a registration wants something that another has already: the
// words of a command, a text, the name of a module. A Router panics with an error that wraps
// it; [Router.Mount] returns it. If it is about the name of a module, it is [ErrMounted].
type ConflictError struct {
	What  string // the subject of the conflict, such as: the words "admin ban"
	Other string // the place where the other was registered, as file:line

	module bool
}

// Error names the conflict and the place of the other registration.
func (e *ConflictError) Error() string {
	if e.module {
		return fmt.Sprintf("another module has %s (at %s)", e.What, e.Other)
	}
	return fmt.Sprintf("another route has %s (at %s)", e.What, e.Other)
}

// Is reports whether target is [ErrMounted] and the name of a module is taken.
func (e *ConflictError) Is(target error) bool { return e.module && target == ErrMounted }

// A registrationMistake is the error of a registration at a place in the source.
type registrationMistake struct {
	label, place string
	err          error
}

func (e *registrationMistake) Error() string {
	return fmt.Sprintf("discord: %s (at %s): %v", e.label, e.place, e.err)
}

func (e *registrationMistake) Unwrap() error { return e.err }

// registrationError returns the error of a registration at a place in the source.
func registrationError(label, place string, err error) error {
	return &registrationMistake{label, place, err}
}

// addRoute registers a route.
func (r *Router) addRoute(rt Route, place string) *Route {
	whole, err := r.newRoute(rt, place)
	if err != nil {
		panic(registrationError(whole.target.label, place, err))
	}
	r.register(whole.target)
	return whole
}

// newRoute returns a route that can be registered, or the mistake in it.
func (r *Router) newRoute(rt Route, place string) (*Route, error) {
	whole := new(Route)
	*whole = rt
	whole.router, whole.params, whole.convs = r, nil, nil
	whole.Use, whole.Checks, whole.Aliases = slices.Clone(rt.Use), slices.Clone(rt.Checks), slices.Clone(rt.Aliases)
	t := &target{place: place, route: whole, label: rt.label(), edition: r.edition}
	whole.target = t
	err := whole.check()
	if err == nil && rt.isCommand() {
		whole.Pattern = strings.TrimSpace(r.path + " " + rt.Pattern)
		err = t.addCommand(whole.Pattern, rt.Aliases)
	}
	if err == nil && rt.Text != "" {
		err = t.addTexts(rt.Text)
	}
	if err == nil && rt.isComponent() {
		err = t.addComponent()
	}
	if err == nil && rt.isMenu() {
		err = t.addMenu()
	}
	if err != nil {
		return whole, err
	}
	t.name = whole.name(place)
	t.run = r.run(whole)
	return whole, nil
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
	case rt.In < Anywhere || rt.In > InDM:
		return fmt.Errorf("the field In is %d: it must be Anywhere, InGuild or InDM", rt.In)
	case rt.Only < 0 || rt.Only > SlashOnly:
		return fmt.Errorf("the field Only is %d: it must be zero, TypedOnly or SlashOnly", rt.Only)
	case rt.Only == SlashOnly && (rt.Pattern == "" || rt.Hidden || len(rt.Aliases) > 0):
		return errors.New("it is SlashOnly, and has no Pattern, or is Hidden, or has Aliases, which are typed")
	case rt.Only != 0 && (rt.isComponent() || rt.isMenu()):
		return errors.New("the field Only is set: it is for commands")
	case rt.kinds() > 1:
		return errors.New("it has more than one of the fields Pattern, Press, Submit, UserMenu and MessageMenu: add a Route for each")
	case rt.Only == TypedOnly && rt.router.top().Prefix == nil:
		return errors.New("it is TypedOnly, and the Router has no Prefix to type it with")
	}
	return rt.checkPlace()
}

// checkPlace returns the error of a route that can answer nowhere.
func (rt *Route) checkPlace() error {
	if need := rt.needed(); rt.In == InDM && need != 0 {
		return fmt.Errorf("it is InDM and needs %s, which nobody has outside of guilds", need)
	}
	return nil
}

// addTexts adds the texts that lead to the target, which | separates.
func (t *target) addTexts(texts string) error {
	for text := range strings.SplitSeq(texts, "|") {
		text = sameText(text)
		switch {
		case text == "":
			return errors.New("an empty text")
		case slices.Contains(t.texts, text):
			return fmt.Errorf("the text %q twice", text)
		}
		t.texts = append(t.texts, text)
		t.reserved = append(t.reserved, reservation{"the text", text})
	}
	return nil
}

// addCommand adds the words that lead to the target, and its parameters.
func (t *target) addCommand(pattern string, aliases []string) error {
	rt := t.route
	r := rt.router
	p, err := r.parsePattern(pattern)
	if err != nil {
		return err
	}
	if err := rt.setParams(p.Params); err != nil {
		return err
	}
	t.words = p.Expand()
	if pattern != "" && !rt.Hidden && rt.Only != TypedOnly {
		t.slash = t.words
	}
	for _, alias := range aliases {
		a, err := r.parsePattern(strings.TrimSpace(r.path + " " + alias))
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
		words := reservation{"the words", r.foldedWords(words)}
		if slices.Contains(t.reserved, words) {
			return fmt.Errorf("the words %q twice", words.name)
		}
		t.reserved = append(t.reserved, words)
	}
	return nil
}

// kinds returns how many of the mutually exclusive fields of a route are set.
func (rt *Route) kinds() (n int) {
	for _, set := range []bool{rt.Pattern != "" || len(rt.Aliases) > 0 || rt.Text != "" || rt.When != nil, rt.Press != "", rt.Submit != "", rt.UserMenu != "", rt.MessageMenu != ""} {
		if set {
			n++
		}
	}
	return n
}

// setParams sets the placeholders of the route.
func (rt *Route) setParams(params []command.Param) error {
	rt.params = params
	for i := range rt.params {
		var convs []Converter
		for _, name := range rt.params[i].Types {
			conv, _ := rt.router.converter(name)
			convs = append(convs, conv)
		}
		rt.convs = append(rt.convs, convs)
	}
	return rt.bound.Refine(rt.params)
}

// addComponent adds the words of buttons or forms that lead to the target.
func (t *target) addComponent() error {
	rt := t.route
	r := rt.router
	what, field := "the words of presses", &rt.Press
	if rt.Submit != "" {
		what, field = "the words of forms", &rt.Submit
	}
	*field = strings.TrimSpace(r.path + " " + *field)
	p, err := r.parsePattern(*field)
	switch {
	case err != nil:
		return err
	case len(p.Words) == 0:
		return errors.New("no word to find it by")
	case rt.Submit != "":
		p.Params = append(p.Params, rt.inputs...)
	}
	if err := rt.setParams(p.Params); err != nil {
		return err
	}
	words := p.Expand()
	if rt.Submit != "" {
		t.submits = words
	} else {
		t.presses = words
	}
	for _, w := range words {
		t.reserved = append(t.reserved, reservation{what, strings.Join(w, " ")})
	}
	return nil
}

// addMenu adds the name of a command in the menus of users or messages.
func (t *target) addMenu() error {
	rt := t.route
	t.menu = menuKey{CommandUser, rt.UserMenu}
	what := "the user menu"
	if rt.MessageMenu != "" {
		t.menu, what = menuKey{CommandMessage, rt.MessageMenu}, "the message menu"
	}
	name := t.menu.name
	if n := utf8.RuneCountInString(name); n > maxName || strings.TrimSpace(name) != name {
		return &SlashError{Command: name, Text: fmt.Sprintf("the name %.40q has %d characters, or spaces around, and Discord takes 1 to %d without", name, n, maxName), Mend: "use another name"}
	}
	t.reserved = append(t.reserved, reservation{what, name})
	return nil
}

// foldedWords returns the words as they are compared.
func (r *Router) foldedWords(words []string) string {
	s := strings.Join(words, " ")
	if r.top().Fold {
		s = command.Fold(s)
	}
	return s
}

// register adds a target at the end. It panics if another target has the same words or text, or if
// Discord would refuse the slash commands.
func (r *Router) register(t *target) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	top.checkFold()
	g, err := r.registry()
	if err != nil {
		panic(err)
	}
	if err := g.addTarget(t, -1); err != nil {
		panic(registrationError(t.label, t.place, err))
	}
	if !top.routed {
		top.routed, top.fold = true, top.Fold
	}
	top.table.Store(nil)
}

// checkFold panics if Fold has changed since the first route. The caller holds mu.
func (r *Router) checkFold() {
	if r.routed && r.Fold != r.fold {
		panic("discord: Fold was set after a route was added: set it before, since it decides which words are the same")
	}
}
