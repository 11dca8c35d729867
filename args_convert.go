package vk

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// A Converter makes the value of an argument from its text: it is a type that
// placeholders can name. Every Router has these:
//
//	string    any word; as {x...}, the rest of the text
//	word      any word; as {x...}, a list of words
//	int       a whole number: any type of integer
//	float     a number, with a point or a comma: float32, float64
//	bool      yes y true t on enable 1 да включить правда, no n false f off disable 0 нет выключить ложь: bool
//	duration  90s, 1h30m, 7d, 2w, 1,5ч, 10 минут, 1 день 2 часа: time.Duration, never negative
//	time      15:04, 02.01.2006, 31.12 18:00, завтра 10:00, RFC 3339, as [TimeIn](UTC): time.Time
//	url       an address of the web, whose scheme may be left out: url.URL, *url.URL
//	user      a person: int64, the id, or [User]
//	group     a community: int64, the id, which is positive, or [Group]
//	page      either: int64, negative for a community, or [Profile]
//	peer      either, or a chat by its number: int64, whom messages go to
//
// A person or community is mentioned ("[id1|Anna Petrova]", "@id1", "@durov"),
// linked to ("vk.com/durov") or an id ("1", "id1", "club1"). What has a number
// in it is taken at its word, a short address is asked of VK by
// https://dev.vk.com/ru/method/utils.resolveScreenName, and a page, where a
// field wants it, by [Client.Profiles]; what does not exist is a wrong
// argument. A bare "durov" is a word like others, and none of these.
//
// A mention with spaces in it is one argument for these four types, without
// quotation marks, as are "10 минут" for duration and "31.12 18:00" for time.
//
// [Router.Converter] gives names to others, which [OneOf], [ParseFunc],
// [ConvertFunc] and [TimeIn] make; the zero Converter is none. A field of a type
// that has an UnmarshalText method needs none: it takes any placeholder whose
// value is text.
type Converter struct {
	typ     reflect.Type // what convert returns is of this type
	convert func(c *Context, text string) (any, error)
	needs   bool                  // convert needs the Context: without it, there is none
	choices []string              // of OneOf: what it takes
	span    func(s string) int    // how much of s, in spaces too, is one argument; 0: a word, as always
	page    func(peer int64) bool // of user, group, page: whether a peer is one
}

// ParseFunc returns a Converter that reads a text by itself, such as
// ParseFunc(netip.ParseAddr). Whatever error parse returns is the person's
// mistake: the command ends in an [*ArgError] with it.
func ParseFunc[T any](parse func(text string) (T, error)) Converter {
	if parse == nil {
		panic("vk: ParseFunc: nil function (at " + callers(1) + ")")
	}
	return Converter{typ: reflect.TypeFor[T](), convert: func(_ *Context, text string) (any, error) {
		v, err := parse(text)
		if err != nil {
			return nil, misfit(err)
		}
		return v, nil
	}}
}

// ConvertFunc returns a Converter that needs to know more than the text: who
// asks, a call, a database. An error that wraps [ErrArgType] is the person's
// mistake and ends in an [*ArgError]:
//
//	return nil, fmt.Errorf("%w: nobody has this role", vk.ErrArgType)
//
// Every other error means that it could not be found out. It is the command's
// outcome, as if the handler had returned it.
//
// The Context has no arguments, and ends when the handler's does.
func ConvertFunc[T any](convert func(c *Context, text string) (T, error)) Converter {
	if convert == nil {
		panic("vk: ConvertFunc: nil function (at " + callers(1) + ")")
	}
	return Converter{typ: reflect.TypeFor[T](), needs: true, convert: func(c *Context, text string) (any, error) {
		v, err := convert(c, text)
		if err != nil {
			return nil, err
		}
		return v, nil
	}}
}

// OneOf returns a Converter that takes one of the given words, whatever its
// case. The value is the word as it is given here. OneOf panics if there is no
// word, or one twice.
func OneOf(words ...string) Converter {
	if len(words) == 0 {
		panic("vk: OneOf: no words (at " + callers(1) + ")")
	}
	byFold := make(map[string]string, len(words))
	for _, w := range words {
		key := foldWord(w, true)
		if _, twice := byFold[key]; twice {
			panic(fmt.Sprintf("vk: OneOf: %q twice (at %s)", w, callers(1)))
		}
		byFold[key] = w
	}
	return Converter{typ: reflect.TypeFor[string](), choices: slices.Clone(words), convert: func(_ *Context, text string) (any, error) {
		if w, ok := byFold[foldWord(text, true)]; ok {
			return w, nil
		}
		return nil, ErrArgType
	}}
}

// Converter gives a type of arguments the name by which placeholders of r, and
// of Routers inside of it, call it: after
//
//	r.Converter("size", vk.OneOf("S", "M", "L"))
//
// there is {x:size}. A name is made as a placeholder's. It may be one that is
// there already, as "time", but not "string" or "word". It holds for the routes
// that are added from now on; those that are there keep the types they have.
//
// Converter panics if the name or the Converter is none.
func (r *Router) Converter(name string, conv Converter) {
	fail := func(why string) {
		panic(fmt.Sprintf("vk: Converter %q (at %s): %s", name, callers(2), why))
	}
	switch {
	case name == "" || nameLen(name) != len(name):
		fail("not a name")
	case name == "string" || name == "word":
		fail("the type of text cannot be another")
	case conv.convert == nil:
		fail("the zero Converter")
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	types := make(map[string]Converter)
	if old := r.types.Load(); old != nil {
		maps.Copy(types, *old)
	}
	types[name] = conv
	r.types.Store(&types)
}

// typeNamed returns the type that the placeholders of r call by a name.
func (r *Router) typeNamed(name string) (Converter, bool) {
	for ; r != nil; r = r.outer {
		if types := r.types.Load(); types != nil {
			if conv, ok := (*types)[name]; ok {
				return conv, true
			}
		}
	}
	return builtinType(name)
}

// misfit makes of a converter's error one that is the person's mistake.
func misfit(err error) error {
	if errors.Is(err, ErrArgType) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrArgType, err)
}

// into returns the Converter whose values a field of type t can hold, of those
// that v makes; ok is false if there is none. It is here, and not when the field
// is set, that a number is found too large for it: what is wrong with an
// argument has to show before anything is done.
func (v Converter) into(t reflect.Type) (conv Converter, ok bool) {
	kind := t.Kind()
	then := func(f func(c *Context, x any) (any, error)) (Converter, bool) {
		convert := v.convert
		v.convert = func(c *Context, text string) (any, error) {
			x, err := convert(c, text)
			if err != nil {
				return nil, err
			}
			return f(c, x)
		}
		v.typ = t
		return v, true
	}
	switch {
	case v.typ.Kind() == reflect.String && reflect.PointerTo(t).Implements(textUnmarshaler):
		return then(func(_ *Context, x any) (any, error) {
			into := reflect.New(t)
			if err := into.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(reflect.ValueOf(x).String())); err != nil {
				return nil, misfit(err)
			}
			return into.Elem().Interface(), nil
		})
	case v.typ.AssignableTo(t):
		return v, true
	case v.page != nil && (t == reflect.TypeFor[User]() || t == reflect.TypeFor[Group]() || t == reflect.TypeFor[Profile]()):
		return v.fetching(t)
	case v.typ.Kind() == reflect.Pointer && v.typ.Elem() == t:
		return then(func(_ *Context, x any) (any, error) { return reflect.ValueOf(x).Elem().Interface(), nil })
	case v.typ == reflect.TypeFor[int64]() && t != reflect.TypeFor[time.Duration]():
		zero := reflect.Zero(t)
		switch {
		case zero.CanInt():
			if t.Bits() == 64 {
				return v, true
			}
			return then(func(_ *Context, x any) (any, error) {
				if zero.OverflowInt(x.(int64)) {
					return nil, errRange
				}
				return x, nil
			})
		case zero.CanUint() && kind != reflect.Uintptr:
			return then(func(_ *Context, x any) (any, error) {
				if n := x.(int64); n < 0 || zero.OverflowUint(uint64(n)) {
					return nil, errRange
				}
				return x, nil
			})
		}
	case v.typ == reflect.TypeFor[float64]():
		if zero := reflect.Zero(t); zero.CanFloat() {
			if t.Bits() == 64 {
				return v, true
			}
			return then(func(_ *Context, x any) (any, error) {
				if zero.OverflowFloat(x.(float64)) {
					return nil, errRange
				}
				return x, nil
			})
		}
	case v.typ == reflect.TypeFor[string]() && kind == reflect.String, v.typ == reflect.TypeFor[bool]() && kind == reflect.Bool:
		return v, true
	}
	return Converter{}, false
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// errRange is the error of a number that its field cannot hold.
var errRange = fmt.Errorf("%w: out of range", ErrArgType)
