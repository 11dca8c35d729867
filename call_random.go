package vk

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"maps"
)

// By its random_id VK knows a message that was sent before. Each send has one
// key, from which the random ids of its parts follow. In a handler, the key
// follows from the event, the handler, whom the message is for, and its name or
// how many came before it: it is the same whenever and wherever the same
// handler handles the same event. Elsewhere it follows from the name, or is
// random.

// A sendKey identifies one send.
type sendKey [sha256.Size]byte

// A sendScope is the handler that a send is made in. A context.Context made of
// a handler's returns it for sendScopeKey.
type sendScope interface {
	// sendKey returns the key of the handler's next send to a peer, which may
	// be named. It reports false if the keys of the handler's event do not
	// repeat, because the event has no ID.
	sendKey(to, name string) (key sendKey, ok bool)

	// actsFor returns the community that the handler's event is for, if the
	// handler answers with the Client, else 0.
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

// digest is a hash of strings that tells ("ab", "c") from ("a", "bc").
func digest(of ...string) sendKey {
	var b []byte
	for _, s := range of {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// randomID returns the random_id of one part of a send: a positive int32,
// because VK wraps others, and takes 0 for none.
func randomID(key sendKey, part int) int64 {
	sum := sha256.Sum256(binary.AppendUvarint(key[:], uint64(part)))
	return max(int64(binary.BigEndian.Uint32(sum[:])>>1), 1)
}

// withRandomID returns the parameters of a call with a random_id, if the call
// is a messages.send that has none.
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
