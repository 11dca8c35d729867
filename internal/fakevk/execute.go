package fakevk

import (
	"bytes"
	"encoding/json"
	"strings"
)

func init() {
	register("execute", userOrGroup, scopeNone, (*call).execute)
}

const (
	maxExecuteCalls    = 25
	maxExecuteResponse = 5 << 20 // bytes, of all the calls and of the result
)

// An executeError is a call that failed inside an execute. VK tells nothing
// more of it: no subcode, no captcha.
type executeError struct {
	Method string `json:"method"`
	Code   int    `json:"error_code"`
	Msg    string `json:"error_msg"`
}

// execute runs a script. For the limit of requests it counts as one. A call
// that fails is false in the result and an entry of execute_errors; what was
// called before a script broke off has happened.
func (c *call) execute() (any, *apiError) {
	c.require("code")
	s, err := parseScript(c.str("code"))
	if err != nil {
		return nil, fail(codeCompile, "%s", err)
	}
	m := &machine{call: c}
	v, fault := m.run(s)
	if fault != nil {
		return nil, fault
	}
	body := mustJSON(v)
	if len(body) > maxExecuteResponse {
		return nil, fail(codeRuntime, "response size is too big")
	}
	if n := len(m.errors); n > 0 && c.w.cfg.ExecuteSummary {
		last := m.errors[n-1]
		last.Method = c.name
		m.errors = append(m.errors, last)
	}
	c.executeErrors = m.errors
	return body, nil
}

// A machine is one run of a script.
type machine struct {
	call   *call // of execute itself
	calls  int
	size   int // bytes of all responses and arguments
	errors []executeError
}

// run returns what the script returns, null if it does not.
func (m *machine) run(s script) (any, *apiError) {
	for _, st := range s {
		if v, returned, err := st.run(m); returned || err != nil {
			return v, err
		}
	}
	return nil, nil
}

// A statement runs, and may end the script with a value.
type statement interface {
	run(*machine) (v any, returned bool, err *apiError)
}

func (s returnStatement) run(m *machine) (any, bool, *apiError) {
	v, err := s.value.eval(m)
	return v, true, err
}

func (s exprStatement) run(m *machine) (any, bool, *apiError) {
	_, err := s.value.eval(m)
	return nil, false, err
}

// An expression has a value: nil, bool, string, json.Number, []any, object or,
// untouched, the response of a call as json.RawMessage. What it returns as an
// error ends the script.
type expression interface {
	eval(*machine) (any, *apiError)
}

func (x literal) eval(*machine) (any, *apiError) { return x.value, nil }

// eval of an argument that the request does not have is null.
func (x argument) eval(m *machine) (any, *apiError) {
	v, ok := m.call.params[string(x)]
	if !ok {
		return nil, nil
	}
	return v, m.grow(len(v))
}

func (x arrayLiteral) eval(m *machine) (any, *apiError) {
	list := make([]any, len(x))
	for i, item := range x {
		var err *apiError
		if list[i], err = item.eval(m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (x objectLiteral) eval(m *machine) (any, *apiError) {
	var o object
	for _, p := range x {
		v, err := p.value.eval(m)
		if err != nil {
			return nil, err
		}
		o.set(p.name, v)
	}
	return o, nil
}

// eval of a call that fails is false.
func (x apiCall) eval(m *machine) (any, *apiError) {
	params := make(map[string]string)
	if x.args != nil {
		args, err := x.args.eval(m)
		if err != nil {
			return nil, err
		}
		o, ok := args.(object)
		if !ok {
			return nil, fail(codeRuntime, "method arguments should be an object")
		}
		for i, name := range o.names {
			params[name] = paramText(o.values[i])
		}
	}
	return m.invoke(x.method, params)
}

// invoke makes a call.
func (m *machine) invoke(method string, params map[string]string) (any, *apiError) {
	if m.calls++; m.calls > maxExecuteCalls {
		return nil, fail(codeRuntime, "too many api calls")
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
		return false, nil
	}
	body := mustJSON(response)
	c.w.record(c, body, nil)
	return body, m.grow(len(body))
}

// grow counts what the script has got hold of, so that it cannot multiply it
// without bound.
func (m *machine) grow(bytes int) *apiError {
	if m.size += bytes; m.size > maxExecuteResponse {
		return fail(codeRuntime, "response size is too big")
	}
	return nil
}

// invoke answers a call whose token, version and share of the limit are
// settled.
func (c *call) invoke() (any, *apiError) {
	c.method = methods[c.name]
	if c.method == nil {
		return nil, fail(codeUnknownMethod)
	}
	if err := c.checkKind(); err != nil {
		return nil, err
	}
	return c.run()
}

// withoutSecrets drops from the parameters of an inner call what it may not
// say, and what is empty.
func withoutSecrets(params map[string]string) map[string]string {
	for _, name := range secretParams {
		delete(params, name)
	}
	for name, v := range params {
		if v == "" {
			delete(params, name)
		}
	}
	return params
}

// paramText is a value as the parameter of a call: a list of plain values is
// joined with commas, anything deeper is JSON.
func paramText(v any) string {
	switch v := v.(type) {
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
	case json.RawMessage:
		dec := json.NewDecoder(bytes.NewReader(v))
		dec.UseNumber()
		var decoded any
		dec.Decode(&decoded) // our own answer
		if _, isMap := decoded.(map[string]any); isMap {
			return string(v)
		}
		return paramText(decoded)
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			switch item.(type) {
			case nil, bool, string, json.Number:
				words[i] = paramText(item)
			default:
				return string(mustJSON(v))
			}
		}
		return strings.Join(words, ",")
	default:
		return string(mustJSON(v))
	}
}

// An object is a value of a script that keeps the order of its keys.
type object struct {
	names  []string
	values []any
	index  map[string]int
}

// set gives a key a value; the last of several counts.
func (o *object) set(name string, v any) {
	if i, ok := o.index[name]; ok {
		o.values[i] = v
		return
	}
	if o.index == nil {
		o.index = make(map[string]int)
	}
	o.index[name] = len(o.names)
	o.names = append(o.names, name)
	o.values = append(o.values, v)
}

// MarshalJSON writes the object in the order of its making.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(mustJSON(name))
		b.WriteByte(':')
		b.Write(mustJSON(o.values[i]))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
