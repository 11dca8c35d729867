package fakevk

import "encoding/json"

// What a run may not exceed. VK publishes no limit of operations; the fake's
// keep a loop without an end, or a text that doubles, from costing much.
const (
	maxExecuteCalls    = 25
	maxExecuteResponse = 5 << 20            // bytes, of all the calls and of the result
	maxExecuteSteps    = 100_000            // besides one for each byte of the code
	maxExecuteCopied   = 64 << 20           // bytes, of all that a script makes
	elementSize        = 64                 // bytes that one more element or field counts for
	maxExecuteDepth    = 8 * maxScriptDepth // of a value that leaves the script
)

// A machine is one run of a script. What goes wrong ends it by a panic with an
// abort, as everywhere in a call.
type machine struct {
	call      *call // of execute itself
	variables []any
	result    any
	steps     int // that are left
	calls     int
	size      int // bytes of all responses and arguments
	copied    int
	errors    []executeError
}

// run returns what the script returns, null if it does not.
func (m *machine) run(s script) any {
	m.variables = make([]any, s.variables)
	m.steps = maxExecuteSteps + s.length
	s.body.run(m)
	return m.result
}

// fail ends the run with error 13.
func (m *machine) fail(format string, args ...any) {
	m.call.abort(fail(codeRuntime, append([]any{format}, args...)...))
}

func (m *machine) step() {
	if m.steps--; m.steps < 0 {
		m.fail("too many operations")
	}
}

// made counts what the script makes out of what it has.
func (m *machine) made(bytes int) {
	if m.copied += bytes; m.copied > maxExecuteCopied {
		m.fail("memory limit is exceeded")
	}
}

// got counts what the script has got hold of.
func (m *machine) got(bytes int) {
	if m.size += bytes; m.size > maxExecuteResponse {
		m.fail("response size is too big")
	}
}

// A statement runs, and reports whether it has ended the script.
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

// An expression has a value; see vkscript_value.go.
type expression interface{ eval(*machine) any }

// value is the value of an expression whose inside is looked at.
func (m *machine) value(x expression) any { return plain(x.eval(m)) }

func (x literal) eval(m *machine) any {
	m.step()
	return x.value
}

func (x arrayLiteral) eval(m *machine) any {
	m.step()
	m.made(elementSize * len(x))
	a := &array{items: make([]any, len(x))}
	for i, item := range x {
		a.items[i] = item.eval(m)
	}
	return a
}

func (x objectLiteral) eval(m *machine) any {
	m.step()
	m.made(elementSize * len(x))
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

// eval of Args as a whole is an object of its own each time: it is not to be
// written to.
func (x arguments) eval(m *machine) any {
	o := new(object)
	for name, v := range m.call.params {
		m.step()
		m.got(len(v))
		o.set(name, v)
	}
	o.sort()
	return o
}

func (x access) eval(m *machine) any {
	m.step()
	if _, ok := x.of.(arguments); ok {
		v, ok := m.call.params[m.text(m.value(x.key))]
		if !ok {
			return nil // an argument that the request does not have
		}
		m.got(len(v))
		return v
	}
	return m.field(m.value(x.of), m.value(x.key))
}

// eval takes a field of each element. Of what is no array, such as the false of
// a call that failed, nothing can be taken.
func (x pluck) eval(m *machine) any {
	m.step()
	list, ok := m.value(x.of).(*array)
	if !ok {
		return nil
	}
	m.made(elementSize * len(list.items))
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
	return nil // the parser lets nothing else through
}

func (x removal) eval(m *machine) any {
	m.step()
	switch of := m.value(x.what.of).(type) {
	case *object:
		m.made(elementSize * len(of.names))
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

// eval of a call that fails is false.
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
			m.made(len(params[name]))
		}
	}
	return m.invoke(x.method, params)
}

// invoke makes a call.
func (m *machine) invoke(method string, params map[string]string) any {
	if m.calls++; m.calls > maxExecuteCalls {
		m.fail("too many api calls")
	}
	outer := m.call
	c := &call{
		w: outer.w, name: method, params: withoutSecrets(params), baseURL: outer.baseURL,
		token: outer.token, version: outer.version, nested: true, secretKey: params["secret_key"],
	}
	response, fault := c.invoke()
	if fault != nil {
		c.w.record(c, nil, fault)
		m.errors = append(m.errors, executeError{method, fault.code, fault.msg})
		return false
	}
	body := mustJSON(response)
	c.w.record(c, body, nil)
	m.got(len(body))
	return &answered{raw: body}
}

// paramText is a value as the parameter of a call: a list of plain values is
// joined with commas, anything deeper is JSON.
func (m *machine) paramText(v any) string {
	switch v := plain(v).(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "1"
		}
		return "0"
	case string:
		return v
	case json.Number:
		return v.String()
	case *array:
		if text, ok := m.commas(v); ok {
			return text
		}
	}
	return string(m.encode(v))
}
