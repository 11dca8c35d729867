package fakevk

import (
	"encoding/json"

	"github.com/vkrouter/vk/internal/vkscript"
)

func init() {
	register("execute", userOrGroup, scopeNone, (*call).execute)
}

// Limits of the parser. VK publishes none.
const (
	maxScript      = 1 << 20 // bytes
	maxScriptDepth = 64
)

// scriptLimits are the limits of a script. VK publishes only the limit of
// calls. The others keep an endless loop or a string that doubles from costing
// much here.
var scriptLimits = vkscript.Limits{
	Code:     maxScript,
	Nesting:  maxScriptDepth,
	Chain:    2000,
	Steps:    100_000,
	Calls:    25,
	Response: 5 << 20,
	Memory:   64 << 20,
	Depth:    8 * maxScriptDepth,
}

// An executeError is a failed call inside an execute. VK sends neither a subcode
// nor a captcha with it.
type executeError struct {
	Method string `json:"method"`
	Code   int    `json:"error_code"`
	Msg    string `json:"error_msg"`
}

// execute runs a script. It counts as one request for the rate limit. A failed
// call is false in the script and an entry of execute_errors. If the script
// fails, the calls made before are not undone.
func (c *call) execute() (any, *apiError) {
	c.require("code")
	script, err := vkscript.Parse(c.str("code"), scriptLimits)
	if err != nil {
		return nil, fail(codeCompile, "%s", err)
	}
	var errs []executeError
	response, err := script.Run(vkscript.Options{
		Args: c.params,
		Call: func(method string, params map[string]string) (json.RawMessage, bool) {
			response, fault := c.inner(method, params)
			if fault != nil {
				errs = append(errs, executeError{method, fault.code, fault.msg})
				return nil, false
			}
			return response, true
		},
	})
	if err != nil {
		return nil, fail(codeRuntime, "%s", err)
	}
	if n := len(errs); n > 0 && c.w.cfg.ExecuteSummary {
		last := errs[n-1]
		last.Method = c.name
		errs = append(errs, last)
	}
	c.executeErrors = errs
	return response, nil
}

// inner makes a call inside an execute and records it. The call has the
// execute's token and version.
func (c *call) inner(method string, params map[string]string) (json.RawMessage, *apiError) {
	secretKey := params["secret_key"] // withoutSecrets removes it
	in := &call{
		w: c.w, name: method, params: withoutSecrets(params), baseURL: c.baseURL,
		token: c.token, version: c.version, nested: true, secretKey: secretKey,
	}
	response, fault := in.invoke()
	c.remarks = append(c.remarks, in.remarks...)
	if fault != nil {
		c.w.record(in, nil, fault)
		return nil, fault
	}
	body := mustJSON(response)
	c.w.record(in, body, nil)
	return body, nil
}

// invoke runs a call after its token, version and rate limit were checked.
func (c *call) invoke() (any, *apiError) {
	c.method = methods[c.name]
	if c.method == nil {
		return nil, c.unknownMethod()
	}
	if err := c.checkKind(); err != nil {
		return nil, err
	}
	return c.run()
}

// withoutSecrets removes secrets, which a script cannot set, and empty values
// from the parameters of an inner call.
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
