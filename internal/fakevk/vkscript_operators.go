package fakevk

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

func (x sign) eval(m *machine) any {
	m.step()
	v := m.value(x.operand)
	if x.operator == "!" {
		return !truth(v)
	}
	return m.arithmetic("-", whole(0), m.operand("-", v))
}

func (x operation) eval(m *machine) any {
	m.step()
	left := m.value(x.left)
	switch x.operator {
	case "&&":
		if !truth(left) {
			return left
		}
		return m.value(x.right)
	case "||":
		if truth(left) {
			return left
		}
		return m.value(x.right)
	}
	right := m.value(x.right)
	switch x.operator {
	case "==":
		return equal(left, right)
	case "!=":
		return !equal(left, right)
	case "<", ">", "<=", ">=":
		return m.compare(x.operator, left, right)
	case "+":
		return m.plus(left, right)
	}
	return m.arithmetic(x.operator, m.operand(x.operator, left), m.operand(x.operator, right))
}

// operand is a value that something is computed with. VKScript has no NaN: what
// would be one is an error here.
func (m *machine) operand(operator string, v any) num {
	n, ok := numeric(v)
	if !ok {
		m.fail("operand of '%s' is %s, not a number", operator, kindOf(v))
	}
	return n
}

func (m *machine) arithmetic(operator string, a, b num) any {
	if b.f == 0 && (operator == "/" || operator == "%") {
		m.fail("division by zero")
	}
	if a.whole && b.whole {
		if n, ok := integers(operator, a.i, b.i); ok {
			return whole(n).value(m)
		}
	}
	var f float64
	switch operator {
	case "+":
		f = a.f + b.f
	case "-":
		f = a.f - b.f
	case "*":
		f = a.f * b.f
	case "/":
		f = a.f / b.f
	case "%":
		f = math.Mod(a.f, b.f)
	}
	return num{f: f}.value(m)
}

// integers computes with whole numbers, if the result is one that fits.
func integers(operator string, a, b int64) (int64, bool) {
	switch operator {
	case "+":
		return a + b, (a+b > a) == (b > 0)
	case "-":
		return a - b, (a-b < a) == (b > 0)
	case "*":
		if a == 0 || b == 0 {
			return 0, true
		}
		return a * b, a*b/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
	case "/":
		if b == -1 {
			return -a, a != math.MinInt64
		}
		return a / b, a%b == 0
	}
	if b == -1 {
		return 0, true
	}
	return a % b, true
}

// plus adds numbers, joins texts, and puts arrays one behind the other. What is
// no array, such as the items of a call that failed, adds nothing to one.
func (m *machine) plus(a, b any) any {
	left, isLeft := a.(*array)
	right, isRight := b.(*array)
	if isLeft || isRight {
		var items []any
		for _, part := range []struct {
			list *array
			ok   bool
			v    any
		}{{left, isLeft, a}, {right, isRight, b}} {
			switch {
			case part.ok:
				m.made(elementSize * len(part.list.items))
				items = append(items, part.list.items...)
			case part.v != nil:
				m.fail("an array and %s cannot be added", kindOf(part.v))
			}
		}
		return &array{items: slices.Clip(items)}
	}
	for _, v := range []any{a, b} {
		switch v.(type) {
		case string, *object:
			left, right := m.text(a), m.text(b)
			m.made(len(left) + len(right))
			return left + right
		}
	}
	return m.arithmetic("+", m.operand("+", a), m.operand("+", b))
}

// equal compares as JavaScript's == does.
func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return s == t
		}
	}
	x, isNumber := numeric(a)
	y, isToo := numeric(b)
	if isNumber && isToo {
		return x.compare(y) == 0
	}
	return a == b
}

func (n num) compare(o num) int {
	if n.whole && o.whole {
		return cmp.Compare(n.i, o.i)
	}
	return cmp.Compare(n.f, o.f)
}

func (m *machine) compare(operator string, a, b any) bool {
	var c int
	s, isText := a.(string)
	t, isToo := b.(string)
	if isText && isToo {
		c = strings.Compare(s, t)
	} else {
		c = m.operand(operator, a).compare(m.operand(operator, b))
	}
	switch operator {
	case "<":
		return c < 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	}
	return c >= 0
}

// methodsOfValues are the methods that VK's page lists, of arrays and of
// strings.
var methodsOfValues map[string]func(m *machine, of any, args []any) any

func init() {
	list := func(name string, f func(m *machine, a *array, args []any) any) func(*machine, any, []any) any {
		return func(m *machine, of any, args []any) any {
			a, ok := of.(*array)
			if !ok {
				m.fail("%s has no method '%s'", kindOf(of), name)
			}
			m.made(elementSize * len(args))
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
	m.made(elementSize * len(a.items))
	a.items = append(slices.Clone(args), a.items...)
	return number(len(a.items))
}

// splice takes out a part, returns it, and puts the further arguments in its
// place.
func (m *machine) splice(a *array, args []any) any {
	m.made(elementSize * len(a.items))
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
		m.made(elementSize * (to - from))
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
		m.made(elementSize * len(of.items))
		return number(slices.IndexFunc(of.items, func(v any) bool { return equal(plain(v), arg(args, 0)) }))
	case string:
		m.made(len(of))
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
		m.made(elementSize * (strings.Count(s, sep) + 1))
		out.items = out.items[:0]
		if s != "" || sep != "" {
			for part := range strings.SplitSeq(s, sep) {
				out.items = append(out.items, part)
			}
		}
	}
	return out
}

// runes is a text as its characters, which are what indexes count.
func (m *machine) runes(s string) []rune {
	m.made(4 * len(s))
	return []rune(s)
}

func arg(args []any, i int) any {
	if i < len(args) {
		return plain(args[i])
	}
	return nil
}

// bound is a position in a list, from its end if it is negative; null means def.
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

// span is the part that slice takes.
func span(args []any, length int) (from, to int) {
	from = bound(arg(args, 0), 0, length)
	return from, max(from, bound(arg(args, 1), length, length))
}
