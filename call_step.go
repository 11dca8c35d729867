package vk

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/trail"
)

// A handler that waits is run again from its start after a restart. Its
// completed steps are then not repeated; they return their recorded results:
// see internal/trail. This file does that for API calls.

// steps are the steps of one handler. The zero value is for code that is not
// run again, and for events that no Store keeps.
type steps struct {
	trail *trail.Trail
	event string // the event's ID
	scope string // identifies the handler
}

// stepsOf returns the steps of the handler of ctx. on reports whether they are
// kept.
func stepsOf(ctx context.Context) (s steps, on bool) {
	scope, ok := ctx.Value(sendScopeKey{}).(sendScope)
	if !ok {
		return s, false
	}
	s = scope.steps()
	if s.trail == nil || ctx.Value(stepKey{}) != nil {
		return steps{}, false
	}
	return s, true
}

// stepKey marks a context for calls that are parts of a larger step.
type stepKey struct{}

// within returns a context for calls that are parts of a step.
func within(ctx context.Context) context.Context { return context.WithValue(ctx, stepKey{}, true) }

// key returns the key of steps of a kind.
func (s steps) key(kind string, about ...string) trail.Key {
	k := trail.KeyOf(s.event, s.scope, kind)
	for _, a := range about {
		k = k.And(a)
	}
	return k
}

// say looks up a message before it is sent.
func (s steps) say(to string, line trail.Line) trail.Said {
	return s.trail.Say(trail.KeyOf(s.event, s.scope, "say", to), line)
}

// sendKey returns the key of a message, from which its random ids are derived.
func (s steps) sendKey(to, name string, said trail.Said) sendKey {
	if !said.Named {
		return digest(s.event, s.scope, to, "number "+strconv.FormatUint(said.Number, 10))
	}
	name = "named " + name
	if said.Number > 0 {
		name += " #" + strconv.FormatUint(said.Number, 10)
	}
	return digest(s.event, s.scope, to, name)
}

// call makes a call, unless an earlier run of the handler of ctx has made it:
// then it returns the recorded response.
func (c *Client) call(ctx context.Context, method string, p Params) (json.RawMessage, error) {
	s, on := stepsOf(ctx)
	switch {
	case !on || method == "messages.setActivity": // shows for seconds
		return c.chain()(ctx, method, withRandomID(ctx, method, p))
	case method == "messages.send":
		return s.callSend(ctx, c, p)
	}
	key, value, found := s.trail.Step(s.callKey(ctx, c, method, p))
	if found {
		if raw, err, ok := readAnswer(value); ok {
			return raw, err
		}
	}
	raw, err := c.chain()(ctx, method, p)
	if value := answerStep(ctx, raw, err); value != nil && !found {
		s.trail.Keep(key, value) // if it is too large, the call is repeated
	}
	return raw, err
}

// callKey returns the key of a call: its method and its parameters.
func (s steps) callKey(ctx context.Context, c *Client, method string, p Params) trail.Key {
	k := s.key("call", method)
	if acts, ok := ctx.Value(sendScopeKey{}).(sendScope); ok && acts.actsFor(c) == 0 {
		k = k.And("of another client")
	}
	if pairs, err := p.text(nil, method); err == nil {
		for _, p := range pairs {
			k = k.And(p.name + "=" + p.value)
		}
	}
	return k
}

// callSend is call for messages.send.
func (s steps) callSend(ctx context.Context, c *Client, p Params) (json.RawMessage, error) {
	to := recipient(p)
	words, _, _ := paramText(p["message"])
	said := s.say(to, trail.Line{Words: words})
	switch {
	case said.Past, said.Found && len(said.Value) == 0:
		return json.RawMessage("0"), nil
	case said.Found:
		if raw, err, ok := readAnswer(said.Value); ok {
			return raw, err
		}
		return json.RawMessage("0"), nil
	}
	if _, ok := p["random_id"]; !ok {
		with := maps.Clone(p)
		with["random_id"] = randomID(s.sendKey(to, "", said), 0)
		p = with
	}
	raw, err := c.chain()(ctx, "messages.send", p)
	if value := answerStep(ctx, raw, err); value != nil && s.trail.KeepSaid(said, value) != nil {
		s.trail.KeepSaid(said, []byte{stepDone})
	}
	return raw, err
}

// The first byte of a step's value.
const (
	stepAnswer  = 'r' // followed by VK's response
	stepRefusal = 'e' // followed by VK's refusal
	stepSent    = 's' // followed by the numbers of a message
	stepDone    = 'd' // done, with an unknown result
	stepFailed  = 'f' // followed by an error: see keptErr
)

// A keptRefusal is VK's refusal in a step.
type keptRefusal struct {
	Raw  json.RawMessage `json:"raw,omitempty"` // for execute
	Peer int64           `json:"peer,omitempty"`
	All  []keptError     `json:"all"`
}

type keptError struct {
	Code    Code   `json:"c"`
	Subcode int    `json:"s,omitempty"`
	Message string `json:"m,omitempty"`
	Text    string `json:"t,omitempty"`
	Method  string `json:"f,omitempty"`
}

// answerStep returns the value of a call's step, or nil if the call is to be
// made again.
func answerStep(ctx context.Context, raw json.RawMessage, err error) []byte {
	if err == nil {
		return append([]byte{stepAnswer}, raw...)
	}
	if value := refusalStep(raw, err, 0); value != nil {
		return value
	}
	return failedStep(ctx, err)
}

// failedStep returns the value of a step that failed without an answer. Such a
// step counts too: if the handler tried again, the next run must not take its
// first attempt for the successful one. The value is nil if the end of the run
// cut the step off, because the next run is to execute it.
func failedStep(ctx context.Context, err error) []byte {
	if ctx.Err() != nil && isRunEnd(context.Cause(ctx)) || isRunEnd(err) {
		return nil
	}
	kept := keepError(err)
	if len(kept.Text) > maxKeptText {
		kept.Text = strings.ToValidUTF8(kept.Text[:maxKeptText], "") + "…"
	}
	return kept.step()
}

// maxKeptText is the length at which the text of a failed step is cut. A
// handler may try again very often.
const maxKeptText = 300

// isRunEnd reports whether err is the end of this run of the handler, which
// another run follows.
func isRunEnd(err error) bool { return errors.Is(err, ErrStopped) }

// fail records that a step failed, for failed. A mistake of the caller is not
// recorded: it occurs again, as an error of its own type.
func (s steps) fail(ctx context.Context, step trail.Key, err error) {
	if value := failedStep(ctx, err); value != nil && !errors.As(err, new(*ConfigError)) {
		s.trail.Keep(step.And("failed"), value)
	}
}

// failed returns the error of a step that failed in an earlier run, or nil.
func (s steps) failed(step trail.Key) error {
	value, found := s.trail.Get(step.And("failed"))
	if !found || len(value) == 0 {
		return nil
	}
	_, err := readError(value)
	return err
}

// A keptErr is the saved form of an error.
type keptErr struct {
	Text  string          `json:"text"`
	Is    []string        `json:"is"` // the errors that errors.Is matches, by errorName
	VK    []keptError     `json:"vk,omitempty"`
	Value json.RawMessage `json:"value,omitempty"` // the result beside the error
}

// step returns the value of a step that failed.
func (k *keptErr) step() []byte {
	b, _ := json.Marshal(k) // all of it can be encoded
	return append([]byte{stepFailed}, b...)
}

// errorName returns a short name that identifies an error in another process.
func errorName(err error) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%T %s", err, err.Error()))
	return base64.RawStdEncoding.EncodeToString(sum[:9])
}

// keepError returns the saved form of an error.
func keepError(err error) *keptErr {
	kept := &keptErr{Text: err.Error()}
	var walk func(err error)
	walk = func(err error) {
		if err == nil || len(kept.Is) > 64 {
			return
		}
		kept.Is = append(kept.Is, errorName(err))
		if e, ok := err.(*Error); ok {
			kept.VK = append(kept.VK, keptError{e.Code, e.Subcode, e.Message, e.Text, e.Method})
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				walk(err)
			}
		}
	}
	walk(err)
	return kept
}

// readError returns the error of a step that failed, and the result beside it.
func readError(value []byte) (result json.RawMessage, err error) {
	e := new(recalledError)
	if err := json.Unmarshal(value[1:], &e.kept); err != nil {
		return nil, fmt.Errorf("vk: the saved error of a step cannot be read: %w", err)
	}
	for _, k := range e.kept.VK {
		e.vk = append(e.vk, &Error{Code: k.Code, Subcode: k.Subcode, Message: k.Message, Text: k.Text, Method: k.Method})
	}
	return e.kept.Value, e
}

// A recalledError is an error of an earlier run.
type recalledError struct {
	kept keptErr
	vk   []error
}

// Error returns the text of the error.
func (e *recalledError) Error() string { return e.kept.Text }

// Is reports whether errors.Is matched target for the original error.
func (e *recalledError) Is(target error) bool {
	name := errorName(target)
	for _, is := range e.kept.Is {
		if is == name {
			return true
		}
	}
	return false
}

// Unwrap returns VK's errors in it.
func (e *recalledError) Unwrap() []error { return e.vk }

// refusalStep returns the value of a step that VK has refused, for a peer if
// that is known: nil if err is no refusal. A captcha that nobody has solved is
// none: see failedStep.
func refusalStep(raw json.RawMessage, err error, peer int64) []byte {
	kept := keptRefusal{Peer: peer}
	var several ExecuteErrors
	var one *Error
	switch {
	case errors.As(err, &several):
		kept.Raw = raw
	case errors.As(err, &one) && one.Code != CodeCaptcha:
		several = ExecuteErrors{one}
	default:
		return nil
	}
	for _, e := range several {
		kept.All = append(kept.All, keptError{e.Code, e.Subcode, e.Message, e.Text, e.Method})
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return nil
	}
	return append([]byte{stepRefusal}, b...)
}

// readAnswer returns VK's response from a step's value.
func readAnswer(value []byte) (raw json.RawMessage, err error, ok bool) {
	if len(value) == 0 {
		return nil, nil, false
	}
	switch value[0] {
	case stepAnswer:
		return value[1:], nil, true
	case stepRefusal:
		var kept keptRefusal
		if json.Unmarshal(value[1:], &kept) != nil || len(kept.All) == 0 {
			return nil, nil, false
		}
		var several ExecuteErrors
		for _, e := range kept.All {
			several = append(several, &Error{Code: e.Code, Subcode: e.Subcode, Message: e.Message, Text: e.Text, Method: e.Method})
		}
		if kept.Raw != nil {
			return kept.Raw, several, true
		}
		return nil, several[0], true
	case stepFailed:
		_, err := readError(value)
		return nil, err, true
	}
	return nil, nil, false
}

// keptPeer returns the peer of a kept refusal, or 0.
func keptPeer(value []byte) int64 {
	var kept keptRefusal
	if len(value) > 0 && json.Unmarshal(value[1:], &kept) == nil {
		return kept.Peer
	}
	return 0
}

// VK recognizes a duplicate message by its random_id. Each send has one key,
// from which the random ids of its parts are derived. In a handler, the key is
// derived from the event, the handler, the recipient, and the message's name or
// the number of earlier messages to the recipient: it is the same whenever and
// wherever the same handler handles the same event. Elsewhere it is derived
// from the name, or is random.

// A sendKey identifies one send.
type sendKey [sha256.Size]byte

// A sendScope is the handler that makes a send. A context.Context derived from
// a handler's returns it for sendScopeKey.
type sendScope interface {
	// sendKey returns the key of the handler's next send to a peer, which may
	// have a name. It reports false if the keys of the handler's event do not
	// repeat, because the event has no ID.
	sendKey(to, name string) (key sendKey, ok bool)

	// actsFor returns the community of the handler's event if the handler
	// replies with the Client, else 0.
	actsFor(c *Client) int64

	// steps returns the steps of the handler, if they are kept.
	steps() steps
}

type sendScopeKey struct{}

// newSendKey returns the key of a send to a peer.
func newSendKey(ctx context.Context, to, name string) (key sendKey) {
	if scope, ok := ctx.Value(sendScopeKey{}).(sendScope); ok {
		if key, ok = scope.sendKey(to, name); ok {
			return key
		}
	}
	if name != "" {
		return digest("", "", to, "named "+name)
	}
	crand.Read(key[:])
	return key
}

// digest is a hash of strings that distinguishes ("ab", "c") from ("a", "bc").
func digest(of ...string) sendKey {
	var b []byte
	for _, s := range of {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// randomID returns the random_id of one part of a send: a positive int32,
// because VK wraps others, and treats 0 as absent.
func randomID(key sendKey, part int) int64 {
	var b [sha256.Size + binary.MaxVarintLen64]byte
	sum := sha256.Sum256(binary.AppendUvarint(append(b[:0], key[:]...), uint64(part)))
	return max(int64(binary.BigEndian.Uint32(sum[:])>>1), 1)
}

// withRandomID returns the parameters of a call with a random_id, if the call
// is a messages.send without one.
func withRandomID(ctx context.Context, method string, p Params) Params {
	if _, ok := p["random_id"]; ok || method != "messages.send" {
		return p
	}
	with := make(Params, len(p)+1)
	maps.Copy(with, p)
	with["random_id"] = randomID(newSendKey(ctx, recipient(p), ""), 0)
	return with
}

// recipientParams are the parameters of messages.send that name recipients.
var recipientParams = [...]string{"peer_ids", "peer_id", "user_id", "chat_id", "domain", "user_ids"}

// recipient returns the recipients of a messages.send in one string.
func recipient(p Params) string {
	for _, name := range recipientParams {
		if s, ok, err := paramText(p[name]); ok && err == nil {
			return s
		}
	}
	return ""
}
