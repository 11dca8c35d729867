package vkscript

import (
	"cmp"
	"math"
	"slices"
	"strings"
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

// operand returns v as a number. The run fails if v is not a number: VKScript has
// no NaN.
func (m *machine) operand(operator string, v any) num {
	n, ok := numeric(v)
	if !ok {
		m.fail("operand of '%s' is %s, not a number", operator, kindOf(v))
	}
	return n
}

// arithmetic computes with numbers, with whole numbers as long as they fit.
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

// integers computes with whole numbers, and reports whether the result is whole
// and fits.
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

// plus adds numbers and concatenates strings and arrays. null, such as the items
// of a failed call, adds nothing to an array.
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
				m.allocate(elementSize * len(part.list.items))
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
			m.allocate(len(left) + len(right))
			return left + right
		}
	}
	return m.arithmetic("+", m.operand("+", a), m.operand("+", b))
}

// equal compares as JavaScript's == does, except that null is equal to null only.
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

// compare compares strings as strings, and other values as numbers.
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
