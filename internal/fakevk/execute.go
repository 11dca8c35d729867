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
	size   int // bytes of all responses
	errors []executeError
}

// run returns what the script returns, null if it does not.
//
// The values of a script are nil, bool, string, json.Number, []any, object and,
// untouched, the responses of calls as json.RawMessage.
func (m *machine) run(s script) (any, *apiError) {
	for _, st := range s {
		switch st := st.(type) {
		case returnStatement:
			return m.eval(st.value)
		case exprStatement:
			if _, err := m.eval(st.value); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (m *machine) eval(x expression) (any, *apiError) {
	switch x := x.(type) {
	case literal:
		return x.value, nil
	case argument:
		if v, ok := m.call.params[string(x)]; ok {
			return v, nil
		}
		return nil, nil
	case arrayLiteral:
		list := make([]any, len(x))
		for i, item := range x {
			v, err := m.eval(item)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case objectLiteral:
		var o object
		for _, f := range x {
			v, err := m.eval(f.value)
			if err != nil {
				return nil, err
			}
			o.set(f.name, v)
		}
		return o, nil
	case apiCall:
		return m.invoke(x)
	}
	return nil, fail(codeRuntime)
}

// invoke makes a call. What it returns as an error ends the script.
func (m *machine) invoke(x apiCall) (any, *apiError) {
	params := make(map[string]string)
	if x.args != nil {
		args, err := m.eval(x.args)
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
	if m.calls++; m.calls > maxExecuteCalls {
		return nil, fail(codeRuntime, "too many api calls")
	}
	outer := m.call
	c := &call{
		w: outer.w, name: x.method, params: withoutSecrets(params), baseURL: outer.baseURL,
		token: outer.token, version: outer.version, nested: true,
	}
	response, fault := c.invoke()
	if fault != nil {
		c.w.record(c, nil, fault)
		m.errors = append(m.errors, executeError{x.method, fault.code, fault.msg})
		return false, nil
	}
	body := mustJSON(response)
	c.w.record(c, body, nil)
	if m.size += len(body); m.size > maxExecuteResponse {
		return nil, fail(codeRuntime, "response size is too big")
	}
	return body, nil
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
