package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Reader reads the arguments of one command line.
type Reader struct {
	// Context returns the context for Converters that need one. It may be
	// called for each of them, and is not called if there is none. If Context
	// is nil, they get context.Background.
	Context func() context.Context

	// IgnoreExtra allows words behind the last argument.
	IgnoreExtra bool
}

// An Argument is the value that a placeholder got.
type Argument struct {
	Text  string // as it was written, or the default
	Value any    // a []any for a list; nil if it was left out and has no default
}

// An ArgError says that a line has the wrong arguments.
type ArgError struct {
	Name  string // the placeholder without a matching argument, or ""
	Want  string // the types that it takes; see [Param.Want]
	Value string // the text in its place, or the text that is left over

	// Err is the mistake: ErrMissing, ErrExtra, a *QuoteError, or the error of
	// the type's Converter, which is ErrType; that of several types is a
	// *UnionError.
	Err error
}

// Error names the placeholder, the text and the mistake.
func (e *ArgError) Error() string {
	s := ""
	if e.Name != "" {
		s = e.Name + ": "
	}
	if e.Value != "" {
		s += fmt.Sprintf("%.40q ", e.Value)
	}
	return s + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }

// The mistakes of arguments, beside [ErrType] and [ErrBadQuote].
var (
	ErrMissing = errors.New("is missing")   // the text ended before the argument
	ErrExtra   = errors.New("is left over") // the text goes on behind the last argument
)

// A UnionError says why an argument is of none of several types.
type UnionError struct {
	Types []string // their names
	Errs  []error  // of each, in the same order
}

// Error names the types.
func (e *UnionError) Error() string {
	return ErrType.Error() + " than " + strings.Join(e.Types, "|")
}

// Unwrap returns e.Errs: the error is [ErrType], as they are.
func (e *UnionError) Unwrap() []error { return e.Errs }

// Read returns the arguments of the placeholders, one for each, from the text
// behind a command's words. A mistake in the text is an [*ArgError]; every other
// error is that of a Converter that could not find out, wrapped with the
// placeholder's name.
func (r Reader) Read(params []Param, text string) ([]Argument, error) {
	if len(params) == 0 && text == "" {
		return nil, nil
	}
	l := line{rest: strings.TrimSpace(text)}
	args := make([]Argument, len(params))
	implied := false // an argument was
	for i := range params {
		p := &params[i]
		arg, taken, err := r.argument(&l, p)
		if err == nil && !taken && !implied {
			arg, implied, err = r.implied(p)
			taken = implied
		}
		switch {
		case err != nil || taken:
		case p.skips(l.rest):
			arg, err = r.fallback(p)
		default:
			return nil, l.last.mistake()
		}
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", p.Name, err)
		}
		args[i] = arg
	}
	switch {
	case l.rest == "" || r.IgnoreExtra:
		return args, nil
	case l.first.err != nil:
		return nil, l.first.mistake() // tells more than that the word is left over
	}
	return nil, &ArgError{Value: l.rest, Err: ErrExtra}
}

// ReadNamed is Read for arguments that come by the names of their placeholders.
// The text of a list has its elements as a line does; every other text is one
// argument, as it stands. A text without a placeholder is ignored.
func (r Reader) ReadNamed(params []Param, texts map[string]string) ([]Argument, error) {
	r.IgnoreExtra = false
	args := make([]Argument, len(params))
	for i := range params {
		p := &params[i]
		text, given := texts[p.Name]
		if given && !p.List && !p.Rest {
			text = string(AppendWord(nil, text))
		}
		one, err := r.Read(params[i:i+1], text)
		if err != nil {
			return nil, err
		}
		args[i] = one[0]
	}
	return args, nil
}

// A line is a text from which arguments are being taken.
type line struct {
	rest  string  // not taken yet
	first refusal // of the first word of rest, by the first placeholder that did not take it,
	last  refusal // and by the last
}

// A refusal says why a placeholder did not take a word. It is none if err is
// nil.
type refusal struct {
	by   *Param
	word string
	err  error
}

func (f refusal) mistake() *ArgError {
	return &ArgError{Name: f.by.Name, Want: f.by.Want(), Value: f.word, Err: f.err}
}

// refuse notes that p does not take a word at the beginning of l.
func (l *line) refuse(p *Param, word string, why error) {
	l.last = refusal{p, word, why}
	if l.first.err == nil {
		l.first = l.last
	}
}

// take cuts l down to rest, since the text before it is an argument.
func (l *line) take(rest string) {
	l.rest, l.first.err = rest, nil
}

// argument takes the argument of p from l. If l does not begin with one, taken
// is false and l has the refusal. The error is that of a Converter that could
// not find out; so it is with single, list and value.
func (r Reader) argument(l *line, p *Param) (arg Argument, taken bool, err error) {
	switch {
	case l.rest == "":
		l.refuse(p, "", ErrMissing)
		return Argument{}, false, nil
	case p.Rest:
		return r.value(l, p, l.rest, "")
	case p.List:
		return r.list(l, p)
	}
	return r.single(l, p)
}

// single takes an argument of one word.
func (r Reader) single(l *line, p *Param) (arg Argument, taken bool, err error) {
	word, rest, err := p.cut(l.rest)
	if err != nil {
		l.refuse(p, l.rest, err)
		return Argument{}, false, nil
	}
	return r.value(l, p, word, SkipSpace(rest))
}

// list takes as many words as match p's types. If it ends before l does, l has
// the refusal of the next word.
func (r Reader) list(l *line, p *Param) (arg Argument, taken bool, err error) {
	s := l.rest
	var values []any
	for l.rest != "" {
		elem, taken, err := r.single(l, p)
		if err != nil {
			return Argument{}, false, err
		}
		if !taken {
			break
		}
		values = append(values, elem.Value)
	}
	if values == nil {
		return Argument{}, false, nil
	}
	return Argument{strings.TrimSpace(s[:len(s)-len(l.rest)]), values}, true, nil
}

// value takes a text, behind which rest follows, if it has a value.
func (r Reader) value(l *line, p *Param, text, rest string) (arg Argument, taken bool, err error) {
	v, refused, err := r.convert(p, text)
	switch {
	case err != nil:
		return Argument{}, false, err
	case refused != nil:
		l.refuse(p, text, refused)
		return Argument{}, false, nil
	}
	l.take(rest)
	return Argument{text, v}, true, nil
}

// convert returns the value of a text, made by the first of p's types that
// accepts it. If no type accepts it, it returns refused, which is ErrType; if a
// type could not decide, it returns that type's error.
func (r Reader) convert(p *Param, text string) (v any, refused, err error) {
	var errs []error
	for i := range p.Converters {
		conv := &p.Converters[i]
		ctx := context.Background()
		if conv.Needs && r.Context != nil {
			ctx = r.Context()
		}
		v, err = conv.Convert(ctx, text)
		switch {
		case err == nil:
			return v, nil, nil
		case !errors.Is(err, ErrType):
			return nil, nil, err
		case len(p.Converters) == 1:
			return nil, err, nil
		}
		errs = append(errs, err)
	}
	return nil, &UnionError{slices.Clone(p.Types), errs}, nil
}

// implied returns the unwritten argument of p, from the first of its types that
// has one. The error is that of a Converter that could not decide.
func (r Reader) implied(p *Param) (arg Argument, ok bool, err error) {
	for i := range p.Converters {
		conv := &p.Converters[i]
		if conv.Implied == nil || r.Context == nil {
			continue
		}
		text, ok := conv.Implied(r.Context())
		if !ok {
			continue
		}
		v, err := conv.Convert(r.Context(), text)
		switch {
		case errors.Is(err, ErrType):
			continue
		case err != nil:
			return Argument{}, false, err
		case p.List:
			v = []any{v}
		}
		return Argument{text, v}, true, nil
	}
	return Argument{}, false, nil
}

// fallback returns the argument of a placeholder without one in the line.
func (r Reader) fallback(p *Param) (Argument, error) {
	if !p.HasDefault {
		return Argument{}, nil
	}
	v, refused, err := r.convert(p, p.Default)
	if refused != nil {
		err = errors.New(refused.Error()) // it is not the user's mistake
	}
	if err != nil {
		return Argument{}, fmt.Errorf("default %.40q: %w", p.Default, err)
	}
	if p.List {
		v = []any{v}
	}
	return Argument{p.Default, v}, nil
}
