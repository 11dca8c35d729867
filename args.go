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

// An ArgError reports that a command was written with invalid arguments. The
// handler has not run. middleware.Explain tells the user.
type ArgError struct {
	Route *Route // the command
	Usage string // the correct usage: the prefix and words that the user wrote, such as an alias, and the placeholders
	Name  string // the placeholder without a valid argument, or ""
	Want  string // the types that it accepts, or the words of a OneOf: "int|bool", "S|M"
	Value string // the text in its place, or the extra text

	// Err is the cause: ErrMissingArg, ErrExtraArg, a *QuoteError, or the
	// error of the type's Converter, which wraps ErrArgType. If there are
	// several types, it is a *UnionError.
	Err error
}

// Error returns a message with the usage and the cause.
func (e *ArgError) Error() string {
	wrong := command.ArgError{Name: e.Name, Want: e.Want, Value: e.Value, Err: e.Err}
	return "vk: usage: " + e.Usage + ": " + wrong.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }

// An AnswerError reports an answer that could not be parsed.
type AnswerError struct {
	Text string // the answer
	Err  error  // the error of parse
}

// Error returns a message with Err, but without the answer, which may be long
// or private.
func (e *AnswerError) Error() string { return fmt.Sprintf("vk: cannot parse the answer: %v", e.Err) }

// Unwrap returns e.Err.
func (e *AnswerError) Unwrap() error { return e.Err }

// Causes of an [ArgError], for errors.Is.
var (
	ErrMissingArg = command.ErrMissing // the text ended before the argument
	ErrExtraArg   = command.ErrExtra   // the text continues after the last argument
	ErrArgType    = command.ErrType    // the argument does not convert
)

// A UnionError reports that an argument has none of several types.
type UnionError struct {
	Types []string // their names
	Errs  []error  // the error of each type, in the same order
}

// Error returns a message with the error of each type.
func (e *UnionError) Error() string { return (*command.UnionError)(e).Error() }

// Unwrap returns e.Errs. Since each of them is [ErrArgType], the error is,
// too.
func (e *UnionError) Unwrap() []error { return e.Errs }

// ErrBadQuote is the error of an [ArgError] for text with a quotation mark
// that has no counterpart or is inside a word.
var ErrBadQuote = command.ErrBadQuote

// A QuoteError reports a mistake in the quotation marks of an argument, as the
// Err of an [ArgError]. It is [ErrBadQuote].
type QuoteError struct {
	Kind   QuoteKind
	Rune   rune // the mark, or for QuoteNoSpace the character after it
	Offset int  // the position of Rune in the ArgError's Value, in bytes
}

// A QuoteKind is a kind of mistake in quotation marks.
type QuoteKind int

const (
	QuoteInside   QuoteKind = iota + 1 // an opening mark inside a word: a"b
	QuoteNoSpace                       // no space after a closing mark: "a"b
	QuoteUnclosed                      // no closing mark: "a b
)

// Error returns a message with the mistake.
func (e *QuoteError) Error() string {
	return (&command.QuoteError{Kind: command.QuoteKind(e.Kind), Rune: e.Rune, Offset: e.Offset}).Error()
}

// Unwrap returns [ErrBadQuote].
func (e *QuoteError) Unwrap() error { return ErrBadQuote }

// args caches the arguments of a command.
type args struct {
	parsed bool
	values []command.Argument // one for each placeholder
	err    error
}

// parseArgs parses the command's arguments on the first call. It does so
// without a lock, because Converters may block: two concurrent first calls
// both parse, and one result is kept.
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
	var child *Context // for Converters; nil until one needs it
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

// takes reports whether a line has valid arguments for a route, or may have.
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
// has no arguments, because they are only being parsed.
func (c *Context) forConverters() *Context {
	child := c.newMatched()
	i := child.inv
	i.name, i.outer, i.via, i.prefix, i.life = "arguments", c.inv, c.via, c.inv.prefix, c.inv.life
	return child
}

// argError returns the public error for an error of package command. All of
// that package's errors pass through here.
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

// typedUsage returns the usage of the command: with the words that the user
// wrote, or those of the button, if they lead here.
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

// Arg returns the text of a command's argument, or of its default, by the name
// of its placeholder. It is "" if there is no such placeholder or no argument.
// The function [Arg] returns the argument's value.
func (c *Context) Arg(name string) string {
	if text, ok := c.inv.captured(name); ok {
		return text
	}
	return c.arg(name).Text
}

// arg returns the argument of a placeholder, or the zero Argument.
func (c *Context) arg(name string) command.Argument {
	values, _ := c.parseArgs()
	for i, arg := range values {
		if c.inv.route.params[i].Name == name {
			return arg
		}
	}
	return command.Argument{}
}

// Arg returns the value of a command's argument by the name of its
// placeholder:
//
//	user, ok := vk.Arg[int64](c, "user") // of {user:user}
//
// T is any type that a field for the argument can have in the struct of a
// [Command], except pages, which are only fetched for such fields. If a T
// cannot hold the value, ok is false, as if there were no argument. A default
// counts as a value.
func Arg[T any](c *Context, name string) (v T, ok bool) {
	arg := c.arg(name)
	if arg.Value == nil || !command.Assign(reflect.ValueOf(&v).Elem(), arg.Value) {
		var none T
		return none, false
	}
	return v, true
}

// A Param is a placeholder in the pattern of a Route, for use in a help
// command or a form with buttons.
type Param struct {
	Name  string
	Types []string // names of types, of which the first valid one is used; at least one

	// Choices are the valid words, if all types are made by [OneOf]; else nil.
	Choices []string

	List     bool   // any number of words
	Rest     bool   // the rest of the text
	Optional bool   // it may be omitted
	Default  string // the text that is used if it is omitted, or ""
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

// Usage returns the usage of the command, without a prefix: the pattern with
// only the first of alternative words.
func (rt *Route) Usage() string { return command.Usage(rt.Pattern) }

// parsePattern parses a pattern with the types of r. Its errors name the wrong
// part; the caller adds the pattern itself.
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

// typeNames returns the names of the types for patterns of r.
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

// ownPrefix returns the prefix that a pattern begins with, or "". The Prefix
// is called only for patterns that begin with a sign, as most prefixes do.
func (r *Router) ownPrefix(pattern string) (prefix string) {
	pattern = strings.TrimSpace(pattern)
	find := r.top().Prefix
	sign := strings.TrimLeftFunc(pattern, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '{' })
	if find == nil || sign == "" || sign == pattern || sign[0] == '{' {
		return ""
	}
	e := new(Event)
	e.Kind, e.head.text = string(EventMessageNew), pattern
	contain(func() error { // in case the Prefix needs more of the event than its text
		found, ok := find(newContext(context.Background(), nil, e, noTurn{}))
		if ok && strings.HasPrefix(pattern, found) && found != pattern {
			prefix = found
		}
		return nil
	})
	return prefix
}
