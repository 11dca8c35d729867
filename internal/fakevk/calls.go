package fakevk

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// A Call is one API call, as the world remembers it.
type Call struct {
	Method string
	Params map[string]string // without empty ones and secrets
	Owner  int64             // of the token: a user, minus a community, or 0
	Nested bool              // made by an execute, which is listed after it as a call of its own
	Time   time.Time

	Response json.RawMessage // the value of "response"; nil after an error
	Error    *CallError      // nil after a response
}

// A CallError is the error that a call returned.
type CallError struct {
	Code    int
	Subcode int
	Msg     string
}

// Calls returns the calls of one method, oldest first. If the name is empty, it
// returns all calls. Config.CallLimit limits the number of calls kept; their
// total size is limited to 64 MB.
func (w *World) Calls(method string) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Call
	for _, c := range w.calls {
		if method == "" || c.Method == method {
			c.Params = maps.Clone(c.Params)
			c.Response = slices.Clone(c.Response)
			out = append(out, c)
		}
	}
	return out
}

func (w *World) record(c *call, body []byte, fault *apiError) {
	r := Call{Method: c.name, Params: c.params, Nested: c.nested, Time: now()}
	if c.token != nil {
		r.Owner = c.token.owner
	}
	if fault == nil {
		r.Response = body
	} else {
		r.Error = &CallError{fault.code, fault.subcode, fault.msg}
	}
	w.calls = append(w.calls, r)
	w.callSize += r.size()
	for len(w.calls) > w.cfg.CallLimit || w.callSize > maxCallSize && len(w.calls) > 1 {
		w.callSize -= w.calls[0].size()
		w.calls[0] = Call{}
		w.calls = w.calls[1:]
	}
	w.tell(Change{Kind: ChangeCall, Call: &r})
	w.touch()
}

const maxCallSize = 64 << 20 // bytes

// size returns the approximate size of the call in bytes.
func (c *Call) size() int {
	n := len(c.Method) + len(c.Response)
	for k, v := range c.Params {
		n += len(k) + len(v)
	}
	return n
}
