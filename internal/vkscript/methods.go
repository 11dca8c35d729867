package vkscript

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// methodsOfValues are the methods of arrays and strings that VK's page lists.
var methodsOfValues map[string]func(m *machine, of any, args []any) any

func init() {
	list := func(name string, f func(m *machine, a *array, args []any) any) func(*machine, any, []any) any {
		return func(m *machine, of any, args []any) any {
			a, ok := of.(*array)
			if !ok {
				m.fail("%s has no method '%s'", kindOf(of), name)
			}
			m.allocate(elementSize * len(args))
			return f(m, a, args)
		}
	}
	methodsOfValues = map[string]func(*machine, any, []any) any{
		"push":    list("push", (*machine).push),
		"pop":     list("pop", (*machine).pop),
		"shift":   list("shift", (*machine).shift),
		"unshift": list("unshift", (*machine).unshift),
		"splice":  list("splice", (*machine).splice),
		"slice":   (*machine).slice,
		"indexOf": (*machine).indexOf,
		"substr":  (*machine).substr,
		"split":   (*machine).split,
	}
}

func (m *machine) push(a *array, args []any) any {
	a.items = append(a.items, args...)
	return number(len(a.items))
}

func (m *machine) pop(a *array, _ []any) any {
	if len(a.items) == 0 {
		return nil
	}
	last := a.items[len(a.items)-1]
	a.items = a.items[:len(a.items)-1]
	return last
}

func (m *machine) shift(a *array, _ []any) any {
	if len(a.items) == 0 {
		return nil
	}
	first := a.items[0]
	a.items = a.items[1:]
	return first
}

func (m *machine) unshift(a *array, args []any) any {
	m.allocate(elementSize * len(a.items))
	a.items = append(slices.Clone(args), a.items...)
	return number(len(a.items))
}

// splice removes a part of the array, inserts the arguments after the second in
// its place, and returns the part.
func (m *machine) splice(a *array, args []any) any {
	m.allocate(elementSize * len(a.items))
	from := bound(arg(args, 0), 0, len(a.items))
	count := len(a.items) - from
	if len(args) > 1 {
		n, _ := numeric(plain(args[1]))
		count = int(max(0, min(n.f, float64(count))))
	}
	taken := &array{items: slices.Clone(a.items[from : from+count])}
	var more []any
	if len(args) > 2 {
		more = args[2:]
	}
	a.items = slices.Concat(a.items[:from], more, a.items[from+count:])
	return taken
}

func (m *machine) slice(of any, args []any) any {
	switch of := of.(type) {
	case *array:
		from, to := span(args, len(of.items))
		m.allocate(elementSize * (to - from))
		return &array{items: slices.Clone(of.items[from:to])}
	case string:
		runes := m.runes(of)
		from, to := span(args, len(runes))
		return string(runes[from:to])
	}
	m.fail("%s has no method 'slice'", kindOf(of))
	return nil
}

func (m *machine) indexOf(of any, args []any) any {
	switch of := of.(type) {
	case *array:
		m.allocate(elementSize * len(of.items))
		return number(slices.IndexFunc(of.items, func(v any) bool { return equal(plain(v), arg(args, 0)) }))
	case string:
		m.allocate(len(of))
		i := strings.Index(of, m.text(arg(args, 0)))
		if i > 0 {
			i = utf8.RuneCountInString(of[:i])
		}
		return number(i)
	}
	m.fail("%s has no method 'indexOf'", kindOf(of))
	return nil
}

func (m *machine) substr(of any, args []any) any {
	s, ok := of.(string)
	if !ok {
		m.fail("%s has no method 'substr'", kindOf(of))
	}
	runes := m.runes(s)
	from := bound(arg(args, 0), 0, len(runes))
	count := len(runes) - from
	if len(args) > 1 {
		n, _ := numeric(plain(args[1]))
		count = int(max(0, min(n.f, float64(count))))
	}
	return string(runes[from : from+count])
}

func (m *machine) split(of any, args []any) any {
	s, ok := of.(string)
	if !ok {
		m.fail("%s has no method 'split'", kindOf(of))
	}
	out := &array{items: []any{s}}
	if len(args) > 0 {
		sep := m.text(plain(args[0]))
		m.allocate(elementSize * (strings.Count(s, sep) + 1))
		out.items = out.items[:0]
		if s != "" || sep != "" {
			for part := range strings.SplitSeq(s, sep) {
				out.items = append(out.items, part)
			}
		}
	}
	return out
}

// runes returns the characters of a string. Positions in strings count
// characters.
func (m *machine) runes(s string) []rune {
	m.allocate(4 * len(s))
	return []rune(s)
}

// arg returns the argument i, or null if the call has fewer.
func arg(args []any, i int) any {
	if i < len(args) {
		return plain(args[i])
	}
	return nil
}

// bound returns a position in a list. A negative v counts from the end; null
// means def.
func bound(v any, def, length int) int {
	if v == nil {
		return def
	}
	n, _ := numeric(v)
	f := n.f
	if f < 0 {
		f += float64(length)
	}
	return int(max(0, min(f, float64(length))))
}

// span returns the part of a list that the arguments of slice select.
func span(args []any, length int) (from, to int) {
	from = bound(arg(args, 0), 0, length)
	return from, max(from, bound(arg(args, 1), length, length))
}
