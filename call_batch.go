package vk

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/pace"
	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	// maxPacked is how many calls VK makes in one execute.
	maxPacked = 25

	// maxCode bounds the code of an execute of several calls, in bytes. VK
	// tells no limit. What is large in a call is the text of a message, and 25
	// long ones fit.
	maxCode = 256 << 10

	// maxRides is in how many envelopes that failed as a whole a call travels
	// before it goes alone.
	maxRides = 2
)

// An envelope is an execute that carries several calls. It is sent by a
// goroutine of its own, for the calls' contexts end at different times.
type envelope struct {
	client *Client
	ctx    context.Context // ends when nobody waits for any of the calls
	cancel context.CancelFunc
	level  int          // of priority
	here   atomic.Int32 // calls that somebody waits for
	split  atomic.Bool  // it was too much for VK at once
}

// newEnvelope returns an empty envelope, whose cancel must be called.
func (c *Client) newEnvelope(ctx context.Context, level int) *envelope {
	e := &envelope{client: c, level: level}
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return e
}

// An outcome is what an envelope brought for one of its calls.
type outcome struct {
	raw    json.RawMessage
	err    error
	alone  bool // it cannot tell: the call is to be made alone
	failed bool // as a whole
}

// packable reports whether the call may travel with others.
func (x *call) packable() bool {
	return x.client.Batch && x.effect != effectDoubles && x.plain && !x.solo && !x.client.alone.Load()
}

// prepare makes the call ready to travel.
func (x *call) prepare() {
	if x.piece == nil {
		x.piece = appendCall(nil, x.method, x.params)
	}
	x.done = make(chan outcome, 1)
}

// enter puts a call that is prepared into the envelope.
func (e *envelope) enter(x *call) {
	x.in = e
	e.here.Add(1)
}

// gather sends x, which has got w's turn, in an envelope together with those
// who wait for theirs. It returns false if there are none.
func (c *Client) gather(w *pace.Waiter, x *call) bool {
	e := c.newEnvelope(x.ctx, w.Priority)
	size := len(x.piece)
	calls := append(make([]*call, 0, maxPacked), x)
	c.limiter.Gather(w, func(w *pace.Waiter) (take, more bool) {
		o, _ := w.Load.(*call)
		if o == nil || o.done == nil {
			return false, true // not one to be packed
		}
		if size += len(o.piece); size > maxCode {
			return false, false
		}
		calls = append(calls, o)
		e.enter(o)
		return true, len(calls) < maxPacked
	})
	if len(calls) == 1 {
		e.cancel()
		return false
	}
	e.enter(x)
	go func() {
		defer e.cancel()
		e.send(calls)
	}()
	return true
}

// ride waits for what the envelope brings.
func (x *call) ride() (json.RawMessage, error) {
	x.goes()
	select {
	case o := <-x.done:
		x.done = nil
		if o.failed {
			x.rides++
		}
		x.solo = o.alone || x.rides == maxRides
		if o.alone {
			return x.take()
		}
		return o.raw, o.err
	case <-x.ctx.Done():
		if x.in.here.Add(-1) == 0 {
			x.in.cancel()
		}
		return nil, callError(x.ctx, x.method, nil)
	}
}

// send makes the calls with one request, for which it has a turn.
func (e *envelope) send(calls []*call) {
	c := e.client
	code := []byte("return [")
	for i, x := range calls {
		if i > 0 {
			code = append(code, ',')
		}
		code = append(code, x.piece...)
	}
	code = append(code, "];"...)
	params := []pair{{"code", string(code)}, {"v", c.version()}}
	if c.Lang != "" {
		params = append(params, pair{"lang", c.Lang})
	}
	began := time.Now()
	a, err := c.post(e.ctx, "execute", formOf(params))
	switch {
	case err != nil:
		for _, x := range calls {
			x.done <- outcome{err: callError(x.ctx, x.method, err), failed: true}
		}
	case a.Error != nil:
		e.refused(calls, a.Error, began)
	default:
		e.deliver(calls, a, began)
	}
}

// refused does what is to be done when VK refuses the request as a whole.
func (e *envelope) refused(calls []*call, r *refusal, began time.Time) {
	switch r.Code {
	case CodeTooManyRequests, CodeUnknown, CodeServer:
		if r.Code == CodeTooManyRequests {
			e.client.limiter.Refused(began)
		}
		for _, x := range calls {
			x.done <- outcome{err: x.failed(r), failed: true}
		}
		return
	case CodeCompile, CodeRuntime:
		// Too much in one answer, or one of the calls breaks it.
		if half := len(calls) / 2; half > 0 {
			e.split.Store(true)
			e.again(calls[:half])
			e.again(calls[half:])
			return
		}
	case CodeUnknownMethod, CodePermission, CodeAccess, CodeMethodDisabled, CodeGroupAuth, CodeAppAuth:
		e.client.alone.Store(true) // execute is not for this token
	}
	sendAlone(calls)
}

// again makes another request for some of the calls.
func (e *envelope) again(calls []*call) {
	if len(calls) > 1 {
		if e.client.limiter.Try() {
			e.send(calls)
			return
		}
		if _, err := e.client.limiter.Wait(e.ctx, &pace.Waiter{Priority: e.level}); err == nil {
			e.send(calls)
			return
		}
	}
	sendAlone(calls)
}

func sendAlone(calls []*call) {
	for _, x := range calls {
		x.done <- outcome{alone: true}
	}
}

// deliver gives each call what VK answered to it.
func (e *envelope) deliver(calls []*call, a reply, began time.Time) {
	var results []json.RawMessage
	tolerant.Unmarshal(a.Response, &results)
	if len(results) != len(calls) {
		sendAlone(calls)
		return
	}
	refusals, unclear := match(calls, results, a.ExecuteErrors)
	for i, x := range calls {
		r := refusals[i]
		switch {
		case unclear[i]:
			x.done <- outcome{alone: true}
		case r == nil:
			x.done <- outcome{raw: results[i]}
		default:
			x.done <- x.settle(r, began)
		}
	}
}

// settle returns the outcome of a call that VK refused within an envelope.
func (x *call) settle(r *refusal, began time.Time) outcome {
	switch r.Code {
	case CodeCaptcha, CodeValidation, CodeConfirmation, CodeTokenConfirmation:
		return outcome{alone: true} // what a person needs is not told here
	case CodeUnknownMethod, CodeRequest, CodeCompile, CodeRuntime:
		return outcome{alone: true} // perhaps it is not for execute
	case CodeTooManyRequests:
		x.client.limiter.Refused(began)
	}
	return outcome{err: x.failed(r)}
}

// failed returns VK's refusal of an envelope, or within it, as if the call had
// been made alone.
func (x *call) failed(r *refusal) *Error {
	err := r.error(x.method)
	err.Params = x.told()
	return err
}

// told returns the call's parameters as VK would tell them.
func (x *call) told() map[string]string {
	told := make(map[string]string, len(x.params)+len(x.common)+1)
	for _, params := range [...][]pair{{{"method", x.method}}, x.common, x.params} {
		for _, p := range params {
			told[p.name] = shown(p.name, p.value)
		}
	}
	return told
}

// match finds out which of the results are refusals: a call that fails is false
// in VK's answer, sometimes null, and its error is the next one of its method.
// But there are methods that answer false. Where the numbers do not fit it is
// unclear.
//
// VK sometimes adds an error of execute itself, which sums up the others.
func match(calls []*call, results []json.RawMessage, errs []refusal) (refusals []*refusal, unclear []bool) {
	refusals, unclear = make([]*refusal, len(calls)), make([]bool, len(calls))
	if len(errs) == 0 {
		return refusals, unclear
	}
	type count struct {
		errs         []*refusal
		falses, null int
	}
	methods := make(map[string]*count, 1)
	for i, x := range calls {
		n := methods[x.method]
		if n == nil {
			n = new(count)
			methods[x.method] = n
		}
		switch string(results[i]) {
		case "false":
			n.falses++
		case "null":
			n.null++
		}
	}
	stray := false // an error of nobody
	for i := range errs {
		if n := methods[errs[i].Method]; n != nil {
			n.errs = append(n.errs, &errs[i])
		} else if !isExecute(errs[i].Method) {
			stray = true
		}
	}
	for i, x := range calls {
		n := methods[x.method]
		result := string(results[i])
		failed := result == "false" || result == "null" && n.falses != len(n.errs)
		switch total := len(n.errs); {
		case !failed || total == 0 && !stray:
		case total > 0 && (total == n.falses || total == n.falses+n.null):
			// The numbers must stay as they are for the calls to come.
			k := 0
			for j := range i {
				if calls[j].method == x.method && refusals[j] != nil {
					k++
				}
			}
			refusals[i] = n.errs[k]
		default:
			unclear[i] = true
		}
	}
	return refusals, unclear
}

// isExecute reports whether a method is execute or a stored procedure.
func isExecute(method string) bool {
	return method == "execute" || strings.HasPrefix(method, "execute.")
}

// A dialog is where messages keep their order: a conversation, at one priority.
type dialog struct {
	peer  string
	level int
}

// dialogs returns where the call must keep its place, each once.
func (x *call) dialogs() []dialog {
	switch x.method {
	case "messages.send", "messages.edit", "messages.delete":
	default:
		return nil
	}
	var found []dialog
	level := x.level()
	for _, name := range [...]string{"peer_ids", "peer_id", "user_ids", "user_id", "chat_id", "domain"} {
		value, _ := lookUp(x.params, name)
		for peer := range strings.SplitSeq(value, ",") {
			peer = strings.TrimSpace(peer)
			if peer == "" {
				continue
			}
			if id, err := strconv.ParseInt(peer, 10, 64); err == nil && name == "chat_id" {
				peer = strconv.FormatInt(chatPeers+id, 10)
			}
			if d := (dialog{peer, level}); !slices.Contains(found, d) {
				found = append(found, d)
			}
		}
	}
	return found
}
