package vk

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
)

// By its random_id VK knows a message that was sent before. Each send has one
// key, from which the random ids of its parts follow. In a handler, the key
// follows from the event, the handler, whom the message is for, and its name or
// how many came before it: it is the same whenever and wherever the same
// handler handles the same event. Elsewhere it follows from the name, or is
// random.

// sendKey returns the key of a send. Whom it is for is in to.
func sendKey(ctx context.Context, to, name string) [sha256.Size]byte {
	c, _ := ctx.Value(scopeKey{}).(*Context)
	inEvent := c != nil && c.event.ID != ""
	switch {
	case inEvent && name != "":
		return digest(c.event.ID, c.inv.scope(), to, "named "+name)
	case inEvent:
		return digest(c.event.ID, c.inv.scope(), to, "number "+strconv.Itoa(c.inv.count(to)))
	case name != "":
		return digest("", "", to, "named "+name)
	}
	var key [sha256.Size]byte
	crand.Read(key[:])
	return key
}

// scope names the handler that the invocation is of, and those around it: no
// other handler of the event has the same scope.
func (i *invocation) scope() string {
	if i.outer == nil {
		return ""
	}
	return i.outer.scope() + "\x00" + i.via + i.name
}

// through returns the Context for the handlers of a Router. Each of several
// Routers that one handler gives an event to has a scope of its own, and the
// same again when it is given the event again.
func (c *Context) through(r *Router) *Context {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.router == nil {
		i.router = r
	}
	if i.router == r {
		return c
	}
	n := slices.Index(i.routers, r)
	if n < 0 {
		n = len(i.routers)
		i.routers = append(i.routers, r)
	}
	d := *c
	d.via = strconv.Itoa(n+2) + ":"
	return &d
}

// digest is a hash of strings that tells ("ab", "c") from ("a", "bc").
func digest(of ...string) [sha256.Size]byte {
	var b []byte
	for _, s := range of {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// randomID returns the random_id of one part of a send: a positive int32,
// because VK wraps others, and takes 0 for none.
func randomID(key [sha256.Size]byte, part int) int64 {
	sum := sha256.Sum256(binary.AppendUvarint(key[:], uint64(part)))
	return max(int64(binary.BigEndian.Uint32(sum[:])>>1), 1)
}

// count returns how many sends of the invocation to the same peer came before.
func (i *invocation) count(to string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sends == nil {
		i.sends = make(map[string]int)
	}
	n := i.sends[to]
	i.sends[to]++
	return n
}

// randomIDs returns the function that gives the parts of the message their
// random ids. An Extra may have brought one: it is the first part's, others
// follow from it, and a 0 is for all, because it asks VK not to look.
func (o *outgoing) randomIDs(ctx context.Context, to string) func(part int) any {
	if given := o.params["random_id"]; given != nil {
		text, _, _ := paramText(given)
		return func(part int) any {
			if part == 0 || text == "0" {
				return given
			}
			return randomID(digest(text), part)
		}
	}
	key := sendKey(ctx, to, o.name)
	return func(part int) any { return randomID(key, part) }
}

// withRandomID returns the parameters of a call with a random_id, if the call
// is a messages.send that has none.
func withRandomID(ctx context.Context, method string, p Params) Params {
	if _, ok := p["random_id"]; ok || method != "messages.send" {
		return p
	}
	with := make(Params, len(p)+1)
	maps.Copy(with, p)
	with["random_id"] = randomID(sendKey(ctx, recipient(p), ""), 0)
	return with
}

// recipient returns whom a messages.send is for, in one string.
func recipient(p Params) string {
	for _, name := range [...]string{"peer_ids", "peer_id", "user_id", "chat_id", "domain", "user_ids"} {
		if s, ok, err := paramText(p[name]); ok && err == nil {
			return s
		}
	}
	return ""
}
