package vk

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// An ArgError says that a command was written with the wrong arguments. The
// handler has not run. middleware.Explain tells the person.
type ArgError struct {
	Route *Route // the command
	Usage string // how it is to be written: the prefix and words that the person used, and its placeholders
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
	s := "vk: usage: " + e.Usage + ": "
	if e.Name != "" {
		s += e.Name + ": "
	}
	if e.Value != "" {
		s += fmt.Sprintf("%.40q ", e.Value)
	}
	return s + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }

// What can be wrong with arguments: errors.Is tells of an [ArgError].
var (
	ErrMissingArg = errors.New("is missing")         // the text ended before the argument
	ErrExtraArg   = errors.New("is left over")       // the text goes on behind the last argument
	ErrArgType    = errors.New("is of another type") // the argument does not convert
)

// A UnionError says why an argument is of none of several types.
type UnionError struct {
	Types []string // their names
	Errs  []error  // what each made of it, in the same order
}

// Error says so.
func (e *UnionError) Error() string {
	return ErrArgType.Error() + " than " + strings.Join(e.Types, "|")
}

// Unwrap returns e.Errs: the error is [ErrArgType], as they are.
func (e *UnionError) Unwrap() []error { return e.Errs }

// args are the arguments of a command, once parsed.
type args struct {
	parsed bool
	values []value // one for each placeholder
	err    error
}

// A value is one argument.
type value struct {
	text  string
	v     any // converted; nil if it was not given
	given bool
}

// parseArgs parses the command's arguments, the first time it is called. It
// does so without a lock, because Converters may wait: of two that begin at the
// same time, both parse, and one's result is kept.
func (c *Context) parseArgs() ([]value, error) {
	i := c.inv
	i.mu.Lock()
	done := i.args
	i.mu.Unlock()
	if done.parsed || i.route == nil {
		return done.values, done.err
	}
	r := argReader{c: c}
	values, wrong, err := r.read(i.route.params, i.line, i.route.IgnoreExtra)
	if wrong != nil {
		wrong.Route, wrong.Usage = i.route, i.prefix+usage(c.typedWords(), i.route.Pattern)
		err = wrong
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.args.parsed {
		i.args = args{true, values, err}
	}
	return i.args.values, i.args.err
}

// typedWords returns the words of the command as the person wrote them, or as
// the button has them: nil if neither leads here.
func (c *Context) typedWords() []string {
	i := c.inv
	for _, text := range [...]string{c.event.head.text, trimLeft(buttonLine(c.event.head.payload))} {
		if words, ok := strings.CutPrefix(text, i.prefix); ok {
			if words, ok = strings.CutSuffix(words, i.line); ok {
				if typed := strings.Fields(words); isUsage(typed, i.route.Pattern) {
					return typed
				}
			}
		}
	}
	return nil
}

// Arg returns the text of a command's argument by the name of its placeholder,
// or of its default. It is "" if there is none of that name or it was not
// given. The function [Arg] returns the argument's value.
func (c *Context) Arg(name string) string {
	if text, ok := c.inv.captured(name); ok {
		return text
	}
	v, _ := c.arg(name)
	return v.text
}

func (c *Context) arg(name string) (value, bool) {
	values, _ := c.parseArgs()
	for i, v := range values {
		if c.inv.route.params[i].name == name {
			return v, true
		}
	}
	return value{}, false
}

// Arg returns the value of a command's argument by the name of its placeholder:
//
//	user, ok := vk.Arg[int64](c, "user") // of {user:user}
//
// T is any type that a field for it can have in the struct of a [Command], but
// for pages, which only such a field fetches. A T that cannot hold the value
// is as if it was not given: ok is false. A default is a value too.
func Arg[T any](c *Context, name string) (v T, ok bool) {
	arg, _ := c.arg(name)
	if arg.v == nil || !assign(reflect.ValueOf(&v).Elem(), arg.v) {
		var none T
		return none, false
	}
	return v, true
}

// An argReader reads the arguments of one command line.
type argReader struct {
	c     *Context
	child *Context // for Converters; nil until one needs it
}

// context returns the Context for Converters. It is none of a route: it has no
// arguments, which are only just being found.
func (r *argReader) context() *Context {
	if r.child == nil {
		r.child = newContext(r.c.ctx, r.c.client, r.c.event, r.c.inv.turn)
		i := r.child.inv
		i.name, i.outer, i.via, i.prefix, i.life = "arguments", r.c.inv, r.c.via, r.c.inv.prefix, r.c.inv.life
	}
	return r.child
}

// read reads the arguments that params ask for from what follows a command's
// words. It is wrong if the person is to blame, err if somebody else is.
func (r *argReader) read(params []param, line string, extra bool) (values []value, wrong *ArgError, err error) {
	if len(params) == 0 && line == "" {
		return nil, nil, nil
	}
	s := strings.TrimSpace(line)
	values = make([]value, len(params))
	var refused *ArgError // why the first word of s was not taken
	for i := range params {
		p := &params[i]
		v, rest, wrong, err := p.take(r, s)
		if err != nil {
			return nil, nil, fmt.Errorf("vk: argument %s: %w", p.name, err)
		}
		if wrong != nil && !v.given && !p.optional && !(p.list && p.hasDef) {
			return nil, wrong, nil
		}
		if refused == nil || len(rest) < len(s) {
			refused = wrong
		}
		values[i], s = v, rest
	}
	switch {
	case s == "" || extra:
		return values, nil, nil
	case refused != nil:
		return nil, refused, nil // tells more than that the word is left over
	}
	return nil, &ArgError{Value: s, Err: ErrExtraArg}, nil
}

// take reads the argument of p from the beginning of s, and returns what is
// left of s. Wrong says why it did not take more: it may have taken some words
// of a list, or have a value where there is no word to take.
func (p *param) take(r *argReader, s string) (v value, rest string, wrong *ArgError, err error) {
	refuse := func(text string, why error) *ArgError {
		return &ArgError{Name: p.name, Want: p.want(), Value: text, Err: why}
	}
	if s != "" && p.rest() {
		x, no := p.convert(r, s)
		switch {
		case no == nil:
			return value{s, x, true}, "", nil, nil
		case !errors.Is(no, ErrArgType):
			return value{}, s, nil, no
		}
		return value{}, s, refuse(s, no), nil
	}
	var list []any
	for rest = s; rest != ""; {
		word, after, no := p.word(rest)
		var converted any
		if no != nil {
			word = rest
		} else if converted, no = p.convert(r, word); no != nil && !errors.Is(no, ErrArgType) {
			return value{}, s, nil, no
		}
		if no != nil {
			wrong = refuse(word, no)
			break
		}
		after = trimLeft(after)
		if !p.list {
			return value{word, converted, true}, after, nil, nil
		}
		list, rest = append(list, converted), after
	}
	switch {
	case list != nil:
		v = value{strings.TrimSpace(s[:len(s)-len(rest)]), list, true}
	case p.hasDef:
		if v, err = p.fallback(r); err != nil {
			return value{}, s, nil, fmt.Errorf("default %.40q: %w", p.def, err)
		}
	case s == "" && !p.optional:
		wrong = refuse("", ErrMissingArg)
	}
	return v, rest, wrong, nil
}

// word reads the text of one argument of p from the beginning of s.
func (p *param) word(s string) (word, rest string, err error) {
	for i := range p.convs {
		if span := p.convs[i].span; span != nil {
			if n := span(s); n > 0 {
				return s[:n], s[n:], nil
			}
		}
	}
	return nextWord(s)
}

// convert returns the value of the first type of p that takes the text. Its
// error is ErrArgType if none does; any other means that a type could not tell.
func (p *param) convert(r *argReader, text string) (any, error) {
	var errs []error
	for i := range p.convs {
		conv := &p.convs[i]
		var c *Context
		if conv.needs {
			c = r.context()
		}
		v, err := conv.convert(c, text)
		if err == nil || len(p.convs) == 1 || !errors.Is(err, ErrArgType) {
			return v, err
		}
		errs = append(errs, err)
	}
	if errs != nil {
		return nil, &UnionError{slices.Clone(p.types), errs}
	}
	return text, nil
}

// fallback returns the default of p.
func (p *param) fallback(r *argReader) (value, error) {
	v, err := p.convert(r, p.def)
	switch {
	case errors.Is(err, ErrArgType):
		return value{}, errors.New(err.Error()) // but it is not the person's mistake
	case err != nil:
		return value{}, err
	}
	if p.list && !p.rest() {
		v = []any{v}
	}
	return value{p.def, v, false}, nil
}
