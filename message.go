package vk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A SendOption changes or adds to one message that is sent. The options of this
// package are values: what they stand for is theirs to say.
type SendOption interface {
	// apply puts the option into the message, or says why it cannot be sent:
	// then nothing is.
	apply(*outgoing) error
}

// outgoing is a message being put together.
type outgoing struct {
	params Params // of messages.send
	into   *Sent
}

// A Sent tells which message was sent. Get one with [Into].
type Sent struct {
	PeerID int64 // the conversation
	CMID   int64 // the message's number within it
	ID     int64 // the message's id for the community; 0 in chats
}

// Into puts what was sent into s.
func Into(s *Sent) SendOption { return into{s} }

type into struct{ s *Sent }

func (i into) apply(o *outgoing) error {
	o.into = i.s
	return nil
}

// Extra is parameters of messages.send that this package has no option for. It
// overrides what the other arguments set.
//
// See https://dev.vk.com/ru/method/messages.send for VK's list.
type Extra Params

func (e Extra) apply(o *outgoing) error {
	maps.Copy(o.params, e)
	return nil
}

// Send sends a message to the conversation that the event is from. Of several
// sends in one handler, each is delivered once: see [Client.Send].
//
// An empty text is VK's error, unless an [Extra] adds an attachment.
func (c *Context) Send(text string, opts ...SendOption) error {
	if c.PeerID() == 0 {
		return errors.New("vk: a " + c.event.Kind + " event has no conversation to answer in")
	}
	return c.client.Send(c, c.PeerID(), text, opts...)
}

// Reply is Send with a reference to the message that the event is about, which
// VK shows above the text.
func (c *Context) Reply(text string, opts ...SendOption) error {
	if cmid := c.event.head.cmid; cmid != 0 {
		quote, err := json.Marshal(map[string]any{
			"peer_id":                  c.PeerID(),
			"conversation_message_ids": []int64{cmid},
			"is_reply":                 true,
		})
		if err != nil {
			return err
		}
		opts = append([]SendOption{Extra{"forward": json.RawMessage(quote)}}, opts...)
	}
	return c.Send(text, opts...)
}

// Send sends a message to a conversation: a user's id, 2000000000 plus a chat's
// number, or minus a community's id. VK's refusal is an [*Error].
//
// The message has a random_id, by which VK drops a second copy within an hour
// and a hundred messages of the conversation; so a call whose answer was lost
// is made again without showing twice. In a handler, with ctx its Context or
// one made of it, the random_id follows from the event, the handler and the
// sends that the handler made to this peer before: if the event is handled
// again after a crash, its messages do not show twice either. For that, the
// sends of a handler to one peer must come in a fixed order.
//
// It calls https://dev.vk.com/ru/method/messages.send.
func (c *Client) Send(ctx context.Context, peer int64, text string, opts ...SendOption) error {
	o := outgoing{params: Params{"peer_ids": peer, "message": text}}
	for _, opt := range opts {
		if err := opt.apply(&o); err != nil {
			return fmt.Errorf("vk: messages.send: %w", err)
		}
	}
	var raw json.RawMessage
	if err := c.Call(ctx, "messages.send", o.params, &raw); err != nil {
		return err
	}
	var answer []struct {
		PeerID    int64 `json:"peer_id"`
		MessageID int64 `json:"message_id"`
		CMID      int64 `json:"conversation_message_id"`
		Error     *struct {
			Code        Code   `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := tolerant.Unmarshal(raw, &answer); err != nil || len(answer) == 0 {
		return fmt.Errorf("vk: messages.send: the answer names no message: %.100s", raw)
	}
	sent := answer[0]
	if e := sent.Error; e != nil {
		return &Error{Code: e.Code, Message: e.Description, Method: "messages.send"}
	}
	if o.into != nil {
		*o.into = Sent{PeerID: sent.PeerID, CMID: sent.CMID, ID: sent.MessageID}
	}
	return nil
}

// withRandomID returns the parameters of a call with a random_id, if the call
// is a messages.send that has none.
func withRandomID(ctx context.Context, method string, p Params) Params {
	if _, ok := p["random_id"]; ok || method != "messages.send" {
		return p
	}
	with := make(Params, len(p)+1)
	maps.Copy(with, p)
	if c, ok := ctx.Value(scopeKey{}).(*Context); ok && c.event.ID != "" {
		with["random_id"] = c.inv.randomID(c.event.ID, recipient(p))
	} else {
		with["random_id"] = int64(1 + rand.Int32N(1<<31-1))
	}
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

// randomID returns the random_id of the invocation's next message to peer. It
// is the same whenever and wherever the same handler handles the same event.
func (i *invocation) randomID(event, peer string) int64 {
	i.mu.Lock()
	if i.sends == nil {
		i.sends = make(map[string]int)
	}
	n := i.sends[peer]
	i.sends[peer]++
	i.mu.Unlock()

	sum := sha256.Sum256([]byte(event + "\x00" + i.name + "\x00" + peer + "\x00" + strconv.Itoa(n)))
	id := int64(binary.BigEndian.Uint32(sum[:]) >> 1) // a positive int32: VK wraps others
	return max(id, 1)
}
