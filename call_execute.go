package vk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// ExecuteErrors are the calls that failed inside an execute: an execute whose
// calls fail does not fail itself, its code sees false in their place. They are
// returned as an error, together with what the code returned. errors.Is and
// errors.As look at each.
type ExecuteErrors []*Error

// Error tells the first few errors.
func (e ExecuteErrors) Error() string {
	const most = 3
	var b strings.Builder
	fmt.Fprintf(&b, "vk: execute: %d failed", len(e))
	for i, err := range e[:min(len(e), most)] {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		fmt.Fprintf(&b, "%s: error %d: %s", err.Method, int(err.Code), err.Message)
	}
	if len(e) > most {
		b.WriteString("; …")
	}
	return b.String()
}

// Unwrap returns the errors.
func (e ExecuteErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// executeErrors returns what VK tells of failed calls. It leaves out VK's
// summary of the others.
func executeErrors(refusals []refusal) ExecuteErrors {
	var errs, summary ExecuteErrors
	for i := range refusals {
		err := refusals[i].error(refusals[i].Method)
		if isExecute(err.Method) {
			summary = append(summary, err)
		} else {
			errs = append(errs, err)
		}
	}
	if errs == nil {
		return summary
	}
	return errs
}

// Execute runs code, written in VKScript, at VK, and returns what it returns.
// The code finds args as Args.name. It may make 25 calls of the API, for one
// request.
//
// If calls inside failed, Execute returns [ExecuteErrors] together with the
// result, in which they may be false. The request is not made again when VK may
// have run the code: see [ErrMaybeDone].
//
// It calls https://dev.vk.com/ru/method/execute. A procedure that is stored at
// VK is called like any method: Call[T](ctx, c, "execute.name", args).
func Execute[T any](ctx context.Context, c *Client, code string, args Params) (T, error) {
	var out T
	p := make(Params, len(args)+1)
	maps.Copy(p, args)
	if _, ok := p["code"]; ok {
		return out, &ParamError{"execute", "code", errors.New("the name is taken")}
	}
	p["code"] = code
	err := c.Call(ctx, "execute", p, &out)
	return out, err
}
