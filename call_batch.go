package vk

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/pace"
	"github.com/vkrouter/vk/internal/plainjson"
	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	// maxBundled is the number of calls that VK makes in one execute.
	maxBundled = 25

	// maxCode limits the code of a bundle, in bytes. VK documents no limit. The
	// largest part of a call is the text of a message, and 25 long ones fit.
	maxCode = 256 << 10

	// maxFailedBundles is the number of bundles that may fail as a whole before
	// a call in them is made alone.
	maxFailedBundles = 2
)

// A bundle is an execute that makes several calls. A goroutine of its own sends
// it, because the contexts of the calls end at different times.
type bundle struct {
	client  *Client
	ctx     context.Context // ends when no caller waits for any of the calls
	cancel  context.CancelFunc
	level   int          // its priority
	waiting atomic.Int32 // calls that a caller waits for
	split   atomic.Bool  // VK refused it as too much for one execute
}

// newBundle returns an empty bundle. Its cancel must be called.
func (c *Client) newBundle(ctx context.Context, level int) *bundle {
	b := &bundle{client: c, level: level}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return b
}

// An outcome is the result of a bundle for one of its calls.
type outcome struct {
	kind outcomeKind
	raw  json.RawMessage
	err  error
}

type outcomeKind int

const (
	outcomeAnswered outcomeKind = iota // VK answered the call: with raw or err
	outcomeFailed                      // the bundle failed as a whole, with err
	outcomeAlone                       // the bundle cannot tell: the call is to be made alone
)

// bundleable reports whether the call may be made in a bundle.
func (x *call) bundleable() bool {
	return x.client.Batch && x.effect != effectDoubles && x.plain && !x.alone && !x.client.noExecute.Load()
}

// prepareForBundle makes the call ready for a bundle.
func (x *call) prepareForBundle() {
	if x.code == nil {
		x.code = appendCall(nil, x.method, x.params)
	}
	x.outcome = make(chan outcome, 1)
}

// carry adds a call that is prepared.
func (b *bundle) carry(x *call) {
	x.bundle = b
	b.waiting.Add(1)
}

// gather sends x, which has got w's turn, in a bundle together with the calls
// that wait for theirs. It returns false if there are none.
func (c *Client) gather(w *pace.Waiter, x *call) bool {
	b := c.newBundle(x.ctx, w.Priority)
	size := len(x.code)
	calls := append(make([]*call, 0, maxBundled), x)
	c.limiter.Gather(w, func(w *pace.Waiter) (take, more bool) {
		other, _ := w.Load.(*call)
		if other == nil || other.outcome == nil {
			return false, true // not for a bundle
		}
		if size += len(other.code); size > maxCode {
			return false, false
		}
		calls = append(calls, other)
		b.carry(other)
		return true, len(calls) < maxBundled
	})
	if len(calls) == 1 {
		b.cancel()
		return false
	}
	b.carry(x)
	go func() {
		defer b.cancel()
		b.send(calls)
	}()
	return true
}

// A seat is the place of one call in a bundle. The call finds it in its
// context, because the wrappers of [Client.Use] stand in between.
type seat struct {
	*pace.Seat[*call]
	bundle *bundle
}

type seatKey struct{}

// book returns a bundle with n seats, for calls that are made at the same time.
// It is sent, whether or not the calls would have to wait for the limit, once
// each seat is taken or given up.
func (c *Client) book(ctx context.Context, n int) (*bundle, []seat) {
	b := c.newBundle(ctx, pace.Levels-1)
	b.waiting.Store(1) // until it is sent
	booked := pace.Book(n, b.sendBooked)
	seats := make([]seat, n)
	for i := range seats {
		seats[i] = seat{&booked[i], b}
	}
	return b, seats
}

// takeSeat puts the call into the seat that its context has. It returns false
// if there is none or if the call must not be in a bundle. A seat is good for
// one attempt.
func (x *call) takeSeat() bool {
	s, _ := x.ctx.Value(seatKey{}).(*seat)
	return s != nil && x.bundleable() && s.Take(func() *call {
		x.prepareForBundle()
		s.bundle.carry(x)
		s.bundle.level = min(s.bundle.level, x.level()) // that of the most urgent call
		return x
	})
}

// sendBooked sends a bundle with the calls that took a seat.
func (b *bundle) sendBooked(calls []*call) {
	defer b.cancel()
	if b.waiting.Add(-1) == 0 {
		return
	}
	if len(calls) == 1 {
		makeAlone(calls)
		return
	}
	if b.waitTurn() != nil {
		return // no caller waits any more
	}
	b.send(calls)
}

// waitTurn blocks until the bundle may be sent.
func (b *bundle) waitTurn() error {
	if b.client.limiter.Try() {
		return nil
	}
	_, err := b.client.limiter.Wait(b.ctx, &pace.Waiter{Priority: b.level})
	return err
}

// awaitBundle blocks until the call's bundle brings its outcome.
func (x *call) awaitBundle() (json.RawMessage, error) {
	x.goes()
	select {
	case o := <-x.outcome:
		x.outcome = nil
		if o.kind == outcomeFailed {
			x.failedBundles++
		}
		x.alone = o.kind == outcomeAlone || x.failedBundles == maxFailedBundles
		if o.kind == outcomeAlone {
			return x.takeTurn()
		}
		return o.raw, o.err
	case <-x.ctx.Done():
		if x.bundle.waiting.Add(-1) == 0 {
			x.bundle.cancel()
		}
		return nil, callError(x.ctx, x.method, nil)
	}
}

// send makes the calls with one request. The bundle has a turn for it.
func (b *bundle) send(calls []*call) {
	c := b.client
	code := []byte("return [")
	for i, x := range calls {
		if i > 0 {
			code = append(code, ',')
		}
		code = append(code, x.code...)
	}
	code = append(code, "];"...)
	params := []pair{{"code", string(code)}, {"v", c.version()}}
	if c.Lang != "" {
		params = append(params, pair{"lang", c.Lang})
	}
	began := time.Now()
	var a reply
	err := apart(func() (err error) { a, err = c.post(b.ctx, "execute", formOf(params), new(sending)); return err }) // the transport is the user's
	var panicked *PanicError
	if errors.As(err, &panicked) || err == errExit {
		// The calls are made again, as after a lost connection, and do not tell.
		slogOr(c.Logger).LogAttrs(b.ctx, slog.LevelError, "vk: batch: Client.HTTPClient failed", failure(err)...)
	}
	switch {
	case err != nil:
		for _, x := range calls {
			x.outcome <- outcome{kind: outcomeFailed, err: callError(x.ctx, x.method, err)}
		}
	case a.Error != nil:
		b.refused(calls, a.Error, began)
	default:
		b.distribute(calls, a, began)
	}
}

// refused gives the calls their outcomes when VK refuses the request as a
// whole.
func (b *bundle) refused(calls []*call, r *refusal, began time.Time) {
	switch r.Code {
	case CodeTooManyRequests, CodeUnknown, CodeServer:
		if r.Code == CodeTooManyRequests {
			b.client.limiter.Refused(began)
		}
		for _, x := range calls {
			x.outcome <- outcome{kind: outcomeFailed, err: x.refusalError(r)}
		}
		return
	case CodeCompile, CodeRuntime:
		// Too much for one answer, or one of the calls breaks it.
		if half := len(calls) / 2; half > 0 {
			b.split.Store(true)
			b.resend(calls[:half])
			b.resend(calls[half:])
			return
		}
	case CodeUnknownMethod, CodePermission, CodeAccess, CodeMethodDisabled, CodeGroupAuth, CodeAppAuth:
		b.client.noExecute.Store(true) // execute is not for this token
	}
	makeAlone(calls)
}

// resend makes another request for some of the calls.
func (b *bundle) resend(calls []*call) {
	if len(calls) > 1 && b.waitTurn() == nil {
		b.send(calls)
		return
	}
	makeAlone(calls)
}

// makeAlone tells the calls that each is to be made alone.
func makeAlone(calls []*call) {
	for _, x := range calls {
		x.outcome <- outcome{kind: outcomeAlone}
	}
}

// distribute gives each call its part of VK's answer.
func (b *bundle) distribute(calls []*call, a reply, began time.Time) {
	var results []json.RawMessage
	tolerant.Unmarshal(a.Response, &results)
	if len(results) != len(calls) {
		makeAlone(calls)
		return
	}
	for i, j := range judge(calls, results, a.ExecuteErrors) {
		x := calls[i]
		switch j.meaning {
		case meansResult:
			x.outcome <- outcome{raw: results[i]}
		case meansRefusal:
			x.outcome <- x.refusedInBundle(j.refusal, began)
		case meansUnclear:
			x.outcome <- outcome{kind: outcomeAlone}
		}
	}
}

// refusedInBundle returns the outcome of a call that VK refused in a bundle.
func (x *call) refusedInBundle(r *refusal, began time.Time) outcome {
	switch r.Code {
	case CodeCaptcha, CodeValidation, CodeConfirmation, CodeTokenConfirmation:
		return outcome{kind: outcomeAlone} // execute_errors lack the captcha and the like
	case CodeUnknownMethod, CodeRequest, CodeCompile, CodeRuntime:
		return outcome{kind: outcomeAlone} // perhaps the method is not for execute
	case CodeTooManyRequests:
		x.client.limiter.Refused(began)
	}
	return outcome{err: x.refusalError(r)}
}

// refusalError returns VK's refusal of a bundle, or in it, as the error of the
// call made alone.
func (x *call) refusalError(r *refusal) *Error {
	err := r.error(x.method)
	err.Params = x.shownParams()
	return err
}

// shownParams returns the call's parameters as VK's errors show them.
func (x *call) shownParams() map[string]string {
	all := make(map[string]string, len(x.params)+len(x.common)+1)
	for _, params := range [...][]pair{{{"method", x.method}}, x.common, x.params} {
		for _, p := range params {
			all[p.name] = shown(p.name, p.value)
		}
	}
	return all
}

// A meaning tells a method's result from a refusal, in a bundle's results.
type meaning int

const (
	meansResult  meaning = iota // the method returned it
	meansRefusal                // VK refused the call
	meansUnclear                // either of them
)

// A judgment says how one call of a bundle ended.
type judgment struct {
	meaning meaning
	refusal *refusal // where the result means one
}

// judge returns the judgments of the calls by their results in a bundle. VK
// puts false, sometimes null, in the place of a refused call, and its error
// among errs, in which the errors of one method have the order of the calls.
// But some methods also return false or null. Their numbers decide; see
// [methodTally.sign].
//
// VK may add an error of execute itself, which sums up the others.
func judge(calls []*call, results []json.RawMessage, errs []refusal) []judgment {
	judgments := make([]judgment, len(calls))
	if len(errs) == 0 {
		return judgments
	}
	tallies, stray := tallyMethods(calls, results, errs)
	for i, x := range calls {
		t := tallies[x.method]
		j := &judgments[i]
		if j.meaning = t.sign(stray).meaning(results[i]); j.meaning == meansRefusal {
			j.refusal = t.refusals[t.assigned]
			t.assigned++
		}
	}
	return judgments
}

// A methodTally counts the results and the refusals of one method's calls.
type methodTally struct {
	refusals      []*refusal
	falses, nulls int // among the results
	assigned      int // refusals that have their call
}

// tallyMethods returns the tallies by method. stray reports whether there is an
// error of a method that none of the calls has.
func tallyMethods(calls []*call, results []json.RawMessage, errs []refusal) (tallies map[string]*methodTally, stray bool) {
	tallies = make(map[string]*methodTally, 1)
	for i, x := range calls {
		t := tallies[x.method]
		if t == nil {
			t = new(methodTally)
			tallies[x.method] = t
		}
		switch string(results[i]) {
		case "false":
			t.falses++
		case "null":
			t.nulls++
		}
	}
	for i := range errs {
		if t := tallies[errs[i].Method]; t != nil {
			t.refusals = append(t.refusals, &errs[i])
		} else if !isExecute(errs[i].Method) {
			stray = true
		}
	}
	return tallies, stray
}

// A refusalSign says which results of a method stand for a refusal.
type refusalSign int

const (
	signNone        refusalSign = iota // no result
	signFalse                          // each false
	signFalseOrNull                    // each false and each null
	signUnclear                        // perhaps some of the falses and nulls
)

// sign returns the sign of the method's refusals: the one that stands as often
// among the results as the method has refusals.
func (t *methodTally) sign(stray bool) refusalSign {
	switch n := len(t.refusals); {
	case n == t.falses:
		return signFalse
	case n == t.falses+t.nulls:
		return signFalseOrNull
	case n == 0 && !stray:
		return signNone
	}
	return signUnclear
}

// meaning returns the meaning of a result of the method.
func (s refusalSign) meaning(result json.RawMessage) meaning {
	isFalse, isNull := string(result) == "false", string(result) == "null"
	switch s {
	case signFalse:
		if isFalse {
			return meansRefusal
		}
	case signFalseOrNull:
		if isFalse || isNull {
			return meansRefusal
		}
	case signUnclear:
		if isFalse || isNull {
			return meansUnclear
		}
	}
	return meansResult
}

// isExecute reports whether a method is execute or a stored procedure.
func isExecute(method string) bool {
	return method == "execute" || strings.HasPrefix(method, "execute.")
}

// appendCall appends a call of the API in VKScript.
func appendCall(b []byte, method string, params []pair) []byte {
	b = append(b, "API."...)
	b = append(b, method...)
	b = append(b, '(', '{')
	first := true
	for _, p := range params {
		if p.name == "v" || p.name == "lang" {
			continue // those of the execute
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = plainjson.AppendString(b, p.name) // VKScript's strings are those of JSON
		b = append(b, ':')
		b = plainjson.AppendString(b, p.value)
	}
	return append(b, '}', ')')
}
