package vkscript

import "fmt"

// elementSize is the number of bytes that an element of an array or a field of
// an object counts for in Limits.Memory.
const elementSize = 64

// A machine is one run of a script. Its methods panic with a *RuntimeError,
// which Script.Run returns.
type machine struct {
	options   Options
	limits    Limits
	variables []any
	result    any
	steps     int // those that are left
	calls     int
	received  int // bytes of all responses and arguments that were read
	allocated int // bytes of all values that were made
}

// fail ends the run.
func (m *machine) fail(format string, args ...any) {
	panic(&RuntimeError{fmt.Sprintf(format, args...)})
}

// step counts an operation.
func (m *machine) step() {
	if m.steps--; m.steps < 0 {
		m.fail("too many operations")
	}
}

// allocate counts the bytes of a new value.
func (m *machine) allocate(bytes int) {
	if m.allocated += bytes; m.allocated > m.limits.Memory {
		m.fail("memory limit is exceeded")
	}
}

// receive counts the bytes of a response or an argument.
func (m *machine) receive(bytes int) {
	if m.received += bytes; m.received > m.limits.Response {
		m.fail("response size is too big")
	}
}

// A statement can be run; run reports whether it has ended the script.
type statement interface{ run(*machine) bool }

func (b block) run(m *machine) bool {
	for _, s := range b {
		m.step()
		if s.run(m) {
			return true
		}
	}
	return false
}

func (s returnStatement) run(m *machine) bool {
	m.result = s.value.eval(m)
	return true
}

func (s exprStatement) run(m *machine) bool {
	s.value.eval(m)
	return false
}

func (s ifStatement) run(m *machine) bool {
	for _, b := range s.branches {
		if truth(m.value(b.condition)) {
			return b.body.run(m)
		}
	}
	return s.otherwise != nil && s.otherwise.run(m)
}

func (s whileStatement) run(m *machine) bool {
	for truth(m.value(s.condition)) {
		m.step()
		if s.body.run(m) {
			return true
		}
	}
	return false
}

// An expression has a value. value.go lists the types of values.
type expression interface{ eval(*machine) any }

// value returns the value of x with a response decoded.
func (m *machine) value(x expression) any { return plain(x.eval(m)) }

func (x literal) eval(m *machine) any {
	m.step()
	return x.value
}

func (x arrayLiteral) eval(m *machine) any {
	m.step()
	m.allocate(elementSize * len(x))
	a := &array{items: make([]any, len(x))}
	for i, item := range x {
		a.items[i] = item.eval(m)
	}
	return a
}

func (x objectLiteral) eval(m *machine) any {
	m.step()
	m.allocate(elementSize * len(x))
	o := new(object)
	for _, p := range x {
		o.set(p.name, p.value.eval(m))
	}
	return o
}

func (x variable) eval(m *machine) any {
	m.step()
	return m.variables[x]
}

// eval of Args as a whole returns a new object each time, so that a script cannot
// change the arguments.
func (x arguments) eval(m *machine) any {
	o := new(object)
	for name, v := range m.options.Args {
		m.step()
		m.receive(len(v))
		o.set(name, v)
	}
	o.sort()
	return o
}

func (x access) eval(m *machine) any {
	m.step()
	if _, ok := x.of.(arguments); ok {
		v, ok := m.options.Args[m.text(m.value(x.key))]
		if !ok {
			return nil // the request has no such argument
		}
		m.receive(len(v))
		return v
	}
	return m.field(m.value(x.of), m.value(x.key))
}

// eval returns an array of the fields of all elements, or null if the operand is
// not an array, such as the false of a failed call.
func (x pluck) eval(m *machine) any {
	m.step()
	list, ok := m.value(x.of).(*array)
	if !ok {
		return nil
	}
	m.allocate(elementSize * len(list.items))
	out := &array{items: make([]any, len(list.items))}
	for i, item := range list.items {
		out.items[i] = m.field(item, x.name)
	}
	return out
}

func (x assignment) eval(m *machine) any {
	m.step()
	switch to := x.to.(type) {
	case variable:
		v := x.value.eval(m)
		m.variables[to] = v
		return v
	case access:
		of, key := m.value(to.of), m.value(to.key)
		v := x.value.eval(m)
		m.setField(of, key, v)
		return v
	}
	return nil // the parser allows no other target
}

// eval evaluates only the value that is chosen.
func (x choice) eval(m *machine) any {
	m.step()
	if truth(m.value(x.condition)) {
		return x.yes.eval(m)
	}
	return x.no.eval(m)
}

func (x removal) eval(m *machine) any {
	m.step()
	switch of := m.value(x.what.of).(type) {
	case *object:
		m.allocate(elementSize * len(of.names))
		of.delete(m.text(m.value(x.what.key)))
	case *array:
		if i, ok := index(m.value(x.what.key)); ok && i < len(of.items) {
			of.items[i] = nil
		}
	}
	return true
}

func (x builtin) eval(m *machine) any {
	m.step()
	var v any
	for i, arg := range x.args {
		if a := m.value(arg); i == 0 {
			v = a
		}
	}
	if x.name == "parseInt" {
		return parseNumber(v, true)
	}
	return parseNumber(v, false)
}

func (x methodCall) eval(m *machine) any {
	m.step()
	of := m.value(x.of)
	args := make([]any, len(x.args))
	for i, arg := range x.args {
		args[i] = arg.eval(m)
	}
	return methodsOfValues[x.name](m, of, args)
}

// eval returns false if the call fails.
func (x apiCall) eval(m *machine) any {
	m.step()
	params := make(map[string]string)
	if x.args != nil {
		o, ok := m.value(x.args).(*object)
		if !ok {
			m.fail("method arguments should be an object")
		}
		for i, name := range o.names {
			params[name] = m.paramText(o.values[i])
			m.allocate(len(params[name]))
		}
	}
	if m.calls++; m.calls > m.limits.Calls {
		m.fail("too many api calls")
	}
	response, ok := m.options.Call(x.method, params)
	if !ok {
		return false
	}
	m.receive(len(response))
	return &answered{raw: response}
}
