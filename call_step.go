package vk

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"strconv"

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
	if value := answerStep(raw, err); value != nil && !found {
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
	if value := answerStep(raw, err); value != nil && s.trail.KeepSaid(said, value) != nil {
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

// answerStep returns the value of a call's step: nil if VK has not responded.
func answerStep(raw json.RawMessage, err error) []byte {
	if err == nil {
		return append([]byte{stepAnswer}, raw...)
	}
	return refusalStep(raw, err, 0)
}

// refusalStep returns the value of a step that VK has refused, for a peer if
// that is known: nil if err is no refusal. A captcha does not count: the call
// is made again.
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
