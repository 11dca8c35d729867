package vk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/vkrouter/vk/internal/command"
)

// An ArgError says that a command was written with the wrong arguments. The
// handler has not run. middleware.Explain tells the person.
type ArgError struct {
	Route *Route // the command
	Usage string // how it is to be written: the prefix and words that the person used, such as an alias, and its placeholders
	Name  string // the placeholder without a fitting argument, or ""
	Want  string // the types that it takes, or of a OneOf the words: "int|bool", "S|M"
	Value string // what was written in its place, or what was left over

	// Err is what is wrong: ErrMissingArg, ErrExtraArg, a *QuoteError, or the
	// error of the type's Converter, which wraps ErrArgType; that of several
	// types is a *UnionError.
	Err error
}

// Error names the usage and what is wrong with the arguments.
func (e *ArgError) Error() string {
	wrong := command.ArgError{Name: e.Name, Want: e.Want, Value: e.Value, Err: e.Err}
	return "vk: usage: " + e.Usage + ": " + wrong.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }

// What can be wrong with arguments: errors.Is tells of an [ArgError].
var (
	ErrMissingArg = command.ErrMissing // the text ended before the argument
	ErrExtraArg   = command.ErrExtra   // the text goes on behind the last argument
	ErrArgType    = command.ErrType    // the argument does not convert
)

// A UnionError says why an argument is of none of several types.
type UnionError struct {
	Types []string // their names
	Errs  []error  // what each made of it, in the same order
}

// Error says so.
func (e *UnionError) Error() string { return (*command.UnionError)(e).Error() }

// Unwrap returns e.Errs: the error is [ErrArgType], as they are.
func (e *UnionError) Unwrap() []error { return e.Errs }

// ErrBadQuote is the error of an [ArgError] whose text has a quotation mark
// without a counterpart, or inside of a word.
var ErrBadQuote = command.ErrBadQuote

// A QuoteError says what is wrong with the quotation marks of an argument, as
// the Err of an [ArgError]. It is [ErrBadQuote].
type QuoteError struct {
	Kind   QuoteKind
	Rune   rune // the mark, or for QuoteNoSpace what follows it
	Offset int  // where Rune stands in the ArgError's Value, in bytes
}

// A QuoteKind is what can be wrong with quotation marks.
type QuoteKind int

const (
	QuoteInside   QuoteKind = iota + 1 // a mark that opens a quotation, inside a word: a"b
	QuoteNoSpace                       // no space behind the mark that closes one: "a"b
	QuoteUnclosed                      // the text ends before the quotation does: "a b
)

// Error says what is wrong.
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

// parseArgs parses the command's arguments, the first time it is called. It
// does so without a lock, because Converters may wait: if two calls begin at the
// same time, both parse, and one's result is kept.
func (c *Context) parseArgs() ([]command.Argument, error) {
	i := c.inv
	i.mu.Lock()
	done := i.args
	i.mu.Unlock()
	if done.parsed || i.route == nil {
		return done.values, done.err
	}
	values, err := c.readArgs()
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.args.parsed {
		i.args = args{true, values, err}
	}
	return i.args.values, i.args.err
}

// readArgs reads the arguments of the route from the line.
func (c *Context) readArgs() ([]command.Argument, error) {
	var child *Context // for Converters, once one needs it
	r := command.Reader{
		IgnoreExtra: c.inv.route.IgnoreExtra,
		Context: func() context.Context {
			if child == nil {
				child = c.forConverters()
			}
			return child
		},
	}
	values, err := r.Read(c.inv.route.params, c.inv.line)
	if err != nil {
		return nil, c.argError(err)
	}
	return values, nil
}

// takes reports whether a line has the right arguments for a route, or at least
// not surely wrong ones.
func (c *Context) takes(rt *Route, line string) bool {
	var wrong *command.ArgError
	err := c.invoke("arguments", func(c *Context) error {
		r := command.Reader{IgnoreExtra: rt.IgnoreExtra, Context: func() context.Context { return c }}
		_, err := r.Read(rt.params, line)
		return err
	}, nil)
	return !errors.As(err, &wrong)
}

// forConverters returns the Context for Converters. It belongs to no route: it
// has no arguments, which are only just being found.
func (c *Context) forConverters() *Context {
	child := newContext(c.ctx, c.client, c.event, c.inv.turn)
	i := child.inv
	i.name, i.outer, i.via, i.prefix, i.life = "arguments", c.inv, c.via, c.inv.prefix, c.inv.life
	return child
}

// argError returns the public error for one of package command. All of its
// errors come through here.
func (c *Context) argError(err error) error {
	wrong, ok := err.(*command.ArgError)
	if !ok {
		return fmt.Errorf("vk: %w", err)
	}
	public := &ArgError{Route: c.inv.route, Usage: c.typedUsage(), Name: wrong.Name, Want: wrong.Want, Value: wrong.Value, Err: wrong.Err}
	switch err := wrong.Err.(type) {
	case *command.QuoteError:
		public.Err = &QuoteError{QuoteKind(err.Kind), err.Rune, err.Offset}
	case *command.UnionError:
		public.Err = (*UnionError)(err)
	}
	return public
}

// typedUsage returns how the command is to be written: with the words as the
// person wrote them, or as the button has them, if these lead here.
func (c *Context) typedUsage() string {
	i := c.inv
	for _, text := range [...]string{c.event.head.text, command.SkipSpace(buttonLine(c.event.head.payload))} {
		words, ok := strings.CutPrefix(text, i.prefix)
		if !ok {
			continue
		}
		if words, ok = strings.CutSuffix(words, i.line); !ok {
			continue
		}
		if usage, ok := command.UsageAs(i.route.Pattern, i.route.target.words, strings.Fields(words)); ok {
			return i.prefix + usage
		}
	}
	return i.prefix + i.route.Usage()
}

// Arg returns the text of a command's argument by the name of its placeholder,
// or of its default. It is "" if there is none of that name or it was not
// given. The function [Arg] returns the argument's value.
func (c *Context) Arg(name string) string {
	if text, ok := c.inv.captured(name); ok {
		return text
	}
	return c.arg(name).Text
}

// arg returns the argument of a placeholder, or the zero one.
func (c *Context) arg(name string) command.Argument {
	values, _ := c.parseArgs()
	for i, arg := range values {
		if c.inv.route.params[i].Name == name {
			return arg
		}
	}
	return command.Argument{}
}

// Arg returns the value of a command's argument by the name of its placeholder:
//
//	user, ok := vk.Arg[int64](c, "user") // of {user:user}
//
// T is any type that a field for it can have in the struct of a [Command], but
// for pages, which only such a field fetches. A T that cannot hold the value
// is as if it was not given: ok is false. A default is a value too.
func Arg[T any](c *Context, name string) (v T, ok bool) {
	arg := c.arg(name)
	if arg.Value == nil || !command.Assign(reflect.ValueOf(&v).Elem(), arg.Value) {
		var none T
		return none, false
	}
	return v, true
}

// A Param is a placeholder in the pattern of a Route: for a help command, or a
// form with buttons.
type Param struct {
	Name  string
	Types []string // names of types, the first that fits is taken; at least one

	// Choices are what fits, if all types are made by [OneOf]; else nil.
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
			Name:     p.Name,
			Types:    slices.Clone(p.Types),
			Choices:  p.Choices(),
			List:     p.List,
			Rest:     p.Rest,
			Optional: p.Optional || p.HasDefault,
			Default:  p.Default,
		}
	}
	return params
}

// Usage returns how the command is written, without a prefix: the pattern, but
// of words that stand for each other only the first.
func (rt *Route) Usage() string { return command.Usage(rt.Pattern) }

// parsePattern reads a pattern with the types of r. Its errors name the part
// that is wrong; the caller adds the pattern itself.
func (r *Router) parsePattern(s string) (*command.Pattern, error) {
	p, err := command.Parse(s, r.typeNamed)
	var unknown *command.UnknownTypeError
	if errors.As(err, &unknown) {
		return nil, fmt.Errorf("%w; the types are %s", err, strings.Join(r.typeNames(), ", "))
	}
	if err == nil && len(p.Words) > 0 && r.path == "" {
		if prefix := r.ownPrefix(s); prefix != "" {
			return nil, fmt.Errorf("it begins with the prefix %q, which the Router reads before the command: write %q", prefix, strings.TrimPrefix(strings.TrimSpace(s), prefix))
		}
	}
	return p, err
}

// typeNames returns the names of the types that patterns of r can have.
func (r *Router) typeNames() []string {
	names := slices.Collect(maps.Keys(builtinTypes))
	for ; r != nil; r = r.outer {
		if types := r.types.Load(); types != nil {
			names = slices.AppendSeq(names, maps.Keys(*types))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ownPrefix returns the prefix that a pattern begins with, or "". Only a pattern that
// begins with a sign, which a prefix mostly is, is shown to the Prefix.
func (r *Router) ownPrefix(pattern string) (prefix string) {
	pattern = strings.TrimSpace(pattern)
	find := r.top().Prefix
	sign := strings.TrimLeftFunc(pattern, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '{' })
	if find == nil || sign == "" || sign == pattern || sign[0] == '{' {
		return ""
	}
	e := new(Event)
	e.Kind, e.head.text = string(EventMessageNew), pattern
	contain(func() error { // a Prefix that wants more of the event than its text
		found, ok := find(newContext(context.Background(), nil, e, noTurn{}))
		if ok && strings.HasPrefix(pattern, found) && found != pattern {
			prefix = found
		}
		return nil
	})
	return prefix
}
