package discord

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// An ArgError says that a command was written with the wrong arguments. The handler has
// not run.
type ArgError struct {
	Route *Route // the command
	Usage string // how to write the command: the prefix and words that the user used, such as an alias, and its placeholders
	Name  string // the placeholder without a fitting argument, or ""
	Want  string // the types that it takes, or of a OneOf the words: "int|bool", "S|M"
	Value string // the text in its place, or the text that is left over

	// Err is the mistake: ErrMissingArg, ErrExtraArg, a *QuoteError, or the error of the
	// type's Converter, which wraps ErrArgType; that of several types is a *UnionError.
	Err error
}

// Error names the usage and the mistake.
func (e *ArgError) Error() string {
	wrong := command.ArgError{Name: e.Name, Want: e.Want, Value: e.Value, Err: e.Err}
	return "discord: usage: " + e.Usage + ": " + wrong.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }

// IsStale reports whether the arguments come from a button, a menu or a form
// that an older version of the bot has sent: the user has not written them. If
// the handler does not answer, the library tells the user.
func (e *ArgError) IsStale() bool {
	rt := e.Route
	return rt != nil && rt.isComponent() && !slices.ContainsFunc(rt.inputs, func(p command.Param) bool { return p.Name == e.Name })
}

// The mistakes of arguments, for errors.Is with an [ArgError].
var (
	ErrMissingArg = command.ErrMissing  // the text ended before the argument
	ErrExtraArg   = command.ErrExtra    // there is more text behind the last argument
	ErrArgType    = command.ErrType     // the argument does not convert
	ErrBadQuote   = command.ErrBadQuote // a quotation mark has no counterpart, or is inside of a word
)

// A UnionError says why an argument is of none of several types.
type UnionError struct {
	Types []string // their names
	Errs  []error  // of each, in the same order
}

// Error names the types.
func (e *UnionError) Error() string { return (*command.UnionError)(e).Error() }

// Unwrap returns e.Errs: the error is [ErrArgType], as they are.
func (e *UnionError) Unwrap() []error { return e.Errs }

// A QuoteError reports an error in the quotation marks of an argument, as the
// Err of an [ArgError]. It is [ErrBadQuote].
type QuoteError struct {
	Kind   QuoteKind
	Rune   rune // the mark, or for QuoteNoSpace the rune behind it
	Offset int  // of Rune in the ArgError's Value, in bytes
}

// A QuoteKind is a kind of error in quotation marks.
type QuoteKind int

// The mistakes.
const (
	QuoteInside   QuoteKind = iota + 1 // a mark that opens a quotation, inside a word: a"b
	QuoteNoSpace                       // no space behind the mark that closes one: "a"b
	QuoteUnclosed                      // the text ends before the quotation does: "a b
)

// Error names the mark and the mistake.
func (e *QuoteError) Error() string {
	return (&command.QuoteError{Kind: command.QuoteKind(e.Kind), Rune: e.Rune, Offset: e.Offset}).Error()
}

// Unwrap returns [ErrBadQuote].
func (e *QuoteError) Unwrap() error { return ErrBadQuote }

// args are the arguments of a command, once parsed.
type args struct {
	parsed bool
	values []command.Argument // one for each placeholder
	err    error
}

// parseArgs parses the command's arguments, the first time it is called. It does so
// without a lock, because Converters may wait: if two calls begin at the same time, both
// parse, and one's result is kept.
func (c *Context) parseArgs() ([]command.Argument, error) {
	i, rt := c.inv, c.Route()
	if rt == nil {
		return nil, nil
	}
	i.mu.Lock()
	done := i.match.args
	i.mu.Unlock()
	if done.parsed {
		return done.values, done.err
	}
	values, err := c.readArgs(rt)
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.match.args.parsed {
		i.match.args = args{true, values, err}
	}
	return i.match.args.values, i.match.args.err
}

// readArgs reads the arguments of the route from the line.
func (c *Context) readArgs(rt *Route) ([]command.Argument, error) {
	m := c.inv.match
	var child *Context // for Converters, once one needs it
	r := command.Reader{
		IgnoreExtra: rt.IgnoreExtra || m.extra,
		Context: func() context.Context {
			if child == nil {
				child = c.withMatch(&match{whole: m.whole, prefix: m.prefix})
			}
			return child
		},
	}
	values, err := readMatch(&r, rt, m)
	if err != nil {
		return nil, c.argError(rt, err)
	}
	return values, nil
}

// readMatch reads the arguments that a match has: in a line, by name, or both.
func readMatch(r *command.Reader, rt *Route, m *match) ([]command.Argument, error) {
	switch {
	case !m.byName:
		return r.Read(rt.params, m.line)
	case rt.Submit == "":
		return r.ReadNamed(rt.params, m.named)
	}
	inLine := len(rt.params) - len(rt.inputs)
	values, err := r.Read(rt.params[:inLine], m.line)
	if err != nil {
		return nil, err
	}
	named, err := r.ReadNamed(rt.params[inLine:], m.named)
	return append(values, named...), err
}

// argError returns the public error for one of package command.
func (c *Context) argError(rt *Route, err error) error {
	wrong, ok := err.(*command.ArgError)
	if !ok {
		return fmt.Errorf("discord: %w", err)
	}
	public := &ArgError{Route: rt, Usage: c.typedUsage(rt), Name: wrong.Name, Want: wrong.Want, Value: wrong.Value, Err: wrong.Err}
	switch err := wrong.Err.(type) {
	case *command.QuoteError:
		public.Err = &QuoteError{QuoteKind(err.Kind), err.Rune, err.Offset}
	case *command.UnionError:
		public.Err = (*UnionError)(err)
	}
	return public
}

// typedUsage returns the usage of the command, with the words that the user
// wrote.
func (c *Context) typedUsage(rt *Route) string {
	m := c.inv.match
	if rt.isMenu() {
		return rt.label()
	}
	words := strings.TrimSuffix(strings.TrimPrefix(m.whole, m.prefix), m.line)
	if usage, ok := command.UsageAs(rt.pattern(), rt.target.words, strings.Fields(words)); ok {
		return m.prefix + usage
	}
	return m.prefix + rt.Usage()
}

// Arg returns the text of a command's argument by the name of its placeholder, or of its
// default. It is "" if there is none of that name or it was not given. The function [Arg]
// returns the argument's value.
func (c *Context) Arg(name string) string { return c.arg(name).Text }

// arg returns the argument of a placeholder, or the zero one.
func (c *Context) arg(name string) command.Argument {
	if m := c.inv.match; m != nil && m.partial {
		return command.Argument{Text: m.named[name]}
	}
	values, _ := c.parseArgs()
	for i, arg := range values {
		if c.Route().params[i].Name == name {
			return arg
		}
	}
	return command.Argument{}
}

// Arg returns the value of a command's argument by the name of its placeholder:
//
//	user, ok := discord.Arg[discord.ID](c, "user") // of {user:user}
//
// T is any type that a field for it can have in the struct of a [Command], but for those
// that only such a field fetches, such as [User]. If T cannot hold the value, or there is
// none, ok is false. A default is a value too.
func Arg[T any](c *Context, name string) (v T, ok bool) {
	arg := c.arg(name)
	if arg.Value == nil || !command.Assign(reflect.ValueOf(&v).Elem(), arg.Value) {
		var none T
		return none, false
	}
	return v, true
}

// Values returns the values of a list, such as {n:int...}, by the name of its placeholder.
// It returns nil if there is none, or if T cannot hold the values.
func Values[T any](c *Context, name string) []T {
	list, _ := Arg[[]T](c, name)
	return list
}

// A Param is a placeholder in the pattern of a Route, for a help command.
type Param struct {
	Name  string
	Types []string // names of types, the first that fits is taken; at least one

	// Choices are the words that fit, if all types are made by [OneOf]; else nil.
	Choices []string

	List     bool   // any number of words
	Rest     bool   // all of the text that is left
	Optional bool   // it may be left out
	Default  string // the text that is taken if it is left out, or ""
}

// Params returns the placeholders of the route's pattern, in order.
func (rt *Route) Params() []Param {
	params := make([]Param, len(rt.params))
	for i := range rt.params {
		p := &rt.params[i]
		params[i] = Param{
			Name: p.Name, Types: slices.Clone(p.Types), Choices: p.Choices(), List: p.List, Rest: p.Rest,
			Optional: p.Optional || p.HasDefault, Default: p.Default,
		}
	}
	return params
}

// parsePattern reads a pattern with the types of r. Its errors name the part that is wrong;
// the caller adds the pattern itself.
func (r *Router) parsePattern(s string) (*command.Pattern, error) {
	p, err := command.Parse(s, r.typeNamed)
	var unknown *command.UnknownTypeError
	if errors.As(err, &unknown) {
		return nil, fmt.Errorf("%w; the types are %s", err, strings.Join(r.typeNames(), ", "))
	}
	return p, err
}

// typeNames returns the names of the types that patterns of r can have.
func (r *Router) typeNames() []string {
	names := slices.Collect(maps.Keys(builtinTypes))
	for ; r != nil; r = r.outer {
		names = slices.AppendSeq(names, maps.Keys(load(&r.types)))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
