package fakevk

import "encoding/json"

func init() {
	register("execute", userOrGroup, scopeNone, (*call).execute)
}

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
	body := m.encode(m.run(s))
	if len(body) > maxExecuteResponse {
		return nil, fail(codeRuntime, "response size is too big")
	}
	if n := len(m.errors); n > 0 && c.w.cfg.ExecuteSummary {
		last := m.errors[n-1]
		last.Method = c.name
		m.errors = append(m.errors, last)
	}
	c.executeErrors = m.errors
	return json.RawMessage(body), nil
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
