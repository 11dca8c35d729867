package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/vkrouter/vk/internal/tolerant"
)

// outgoing is a message being put together.
type outgoing struct {
	edit   bool     // for messages.edit; else for messages.send
	text   string   // what it says
	spans  []span   // the formats of text
	params Params   // all but the text and its formats
	name   string   // as [As] gave it
	into   *Sent    // nil if nobody wants to know
	doubts []string // what VK may refuse, to be logged if it does
}

// Send sends a message to the conversation that the event is from. Of several
// sends in one handler, each is delivered once: see [Client.Send].
func (c *Context) Send(text string, opts ...SendOption) error {
	if c.PeerID() == 0 {
		return errors.New("vk: a " + c.event.Kind + " event has no conversation to answer in")
	}
	return c.client.Send(c, c.PeerID(), text, opts...)
}

// Reply is Send with a reference to the message that the event is about, which
// VK shows above the text. After a press of a callback button that is the
// message with the button.
func (c *Context) Reply(text string, opts ...SendOption) error {
	if cmid := c.event.head.cmid; cmid != 0 {
		opts = append([]SendOption{ReplyTo(Sent{PeerID: c.PeerID(), CMID: cmid})}, opts...)
	}
	return c.Send(text, opts...)
}

// Send sends a message to a conversation: a user's id, 2000000000 plus a chat's
// number, or minus a community's id. VK's refusal is an [*Error], inside of a
// [*MessageError] where it concerns the recipient: errors.Is(err,
// CodeCannotWrite) tells either way.
//
// A text that is longer than [Client.MaxMessage] is sent as several messages,
// one after the other. The first is the reply, if there is to be one; the last
// has the keyboard, the attachments and whatever else belongs there once. If
// one of them fails, those after it are not sent; see [Into].
//
// Each message has a random_id, by which VK drops a second copy within an hour
// and a hundred messages of the conversation; so a call whose answer was lost
// is made again without showing twice. In a handler, with ctx its Context or
// one made of it, the random_id follows from the event, the handler and the
// sends that the handler made to this peer before: if the event is handled
// again after a crash, its messages do not show twice either. For that, the
// sends of a handler to one peer must come in a fixed order, or have names: see
// [As].
//
// An empty text is VK's error, unless an option adds something to show. With a
// user's token, for which VK takes one recipient only, a message needs an
// Extra{"peer_ids": nil, "peer_id": peer}.
//
// Send calls https://dev.vk.com/ru/method/messages.send.
func (c *Client) Send(ctx context.Context, peer int64, text string, opts ...SendOption) error {
	if peer == 0 {
		return errors.New("vk: messages.send: no recipient")
	}
	o, parts, err := c.compose(ctx, recipient(Params{"peer_ids": peer}), text, opts)
	if err != nil {
		return err
	}
	d := c.deliver(ctx, []int64{peer}, parts)[0]
	if o.into != nil && (d.Sent.CMID != 0 || d.Sent.ID != 0) {
		*o.into = d.Sent
	}
	o.logDoubts(ctx, c, d.Err)
	return d.Err
}

// compose puts a message together and returns the parameters of the calls that
// send it, but for the recipients. They are all there, random ids included,
// before the first call is made.
func (c *Client) compose(ctx context.Context, to, text string, opts []SendOption) (*outgoing, []Params, error) {
	o := &outgoing{text: text, params: make(Params, 4)}
	if err := o.add(opts); err != nil {
		return nil, nil, fmt.Errorf("vk: messages.send: %w", err)
	}
	texts := splitText(o.text, o.spans, c.maxMessage())
	if _, ok := o.params["format_data"]; ok && len(texts) > 1 {
		return nil, nil, errors.New("vk: messages.send: format_data is for one message, and the text needs several")
	}
	ids := o.randomIDs(ctx, to)
	parts := make([]Params, len(texts))
	for i, text := range texts {
		p := make(Params, len(o.params)+3)
		for name, value := range o.params {
			if inPart(name, value, i, len(texts)-1) {
				p[name] = value
			}
		}
		p["random_id"] = ids(i)
		text.put(p)
		parts[i] = p
	}
	return o, parts, nil
}

// add applies options, and checks what only all of them together show.
func (o *outgoing) add(opts []SendOption) error {
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(o); err != nil {
			return err
		}
	}
	if _, ok := o.params["sticker_id"]; ok && o.text != "" {
		return errors.New("a sticker is sent alone: VK would drop the text")
	}
	return o.checkCarousel()
}

// inPart reports whether a parameter of messages.send belongs to part i of a
// message. What shows once shows where the reader comes to it: the reply above
// the text, all else below.
func inPart(name string, value any, i, last int) bool {
	switch name {
	case "reply_to":
		return i == 0
	case "forward":
		var f struct {
			IsReply bool `json:"is_reply"`
		}
		if s, _, err := paramText(value); err == nil && tolerant.Unmarshal([]byte(s), &f) == nil && f.IsReply {
			return i == 0
		}
		return i == last
	case "attachment", "keyboard", "template", "sticker_id", "lat", "long", "payload", "forward_messages":
		return i == last
	}
	return true
}

// maxMessage returns the longest text of one message, in UTF-16 code units.
func (c *Client) maxMessage() int {
	if c.MaxMessage < 0 {
		return math.MaxInt
	}
	return cmp.Or(c.MaxMessage, 4096)
}

// deliver sends the parts of a message to all peers, at most 100, and returns
// what came of it for each of them, in their order. Who does not get one part
// does not get the later ones.
func (c *Client) deliver(ctx context.Context, peers []int64, parts []Params) []Delivery {
	result := make([]Delivery, len(peers))
	todo := make([]*Delivery, len(peers))
	for i, peer := range peers {
		result[i].PeerID = peer
		todo[i] = &result[i]
	}
	for _, part := range parts {
		if len(todo) == 0 {
			break
		}
		answer, err := c.sendPart(ctx, todo, part)
		todo = slices.DeleteFunc(todo, func(d *Delivery) bool {
			d.Err = err
			if err == nil {
				d.Err = d.Sent.add(answer, d.PeerID, len(parts) > 1)
			}
			return d.Err != nil
		})
	}
	return result
}

// A sentItem is what messages.send answers for one recipient.
type sentItem struct {
	PeerID    int64      `json:"peer_id"`
	MessageID int64      `json:"message_id"`
	CMID      int64      `json:"conversation_message_id"`
	Error     *itemError `json:"error"`
}

// An itemError is the error of one recipient or message inside of an answer.
type itemError struct {
	Code        Code   `json:"code"`
	Description string `json:"description"`
}

// sendPart makes one call of messages.send and returns its answer by recipient.
func (c *Client) sendPart(ctx context.Context, to []*Delivery, part Params) (map[int64]sentItem, error) {
	peers := make([]int64, len(to))
	for i, d := range to {
		peers[i] = d.PeerID
	}
	p := Params{"peer_ids": peers}
	maps.Copy(p, part)
	var raw json.RawMessage
	if err := c.Call(ctx, "messages.send", p, &raw); err != nil {
		return nil, err
	}
	var items []sentItem
	if err := tolerant.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("vk: messages.send: %w", err)
	}
	if len(items) == 0 {
		// So VK answers a peer_id, which an Extra can set instead.
		var id int64
		if tolerant.Unmarshal(raw, &id); id != 0 {
			items = []sentItem{{MessageID: id}}
		}
	}
	answer := make(map[int64]sentItem, len(items))
	for _, item := range items {
		if len(items) == 1 && len(peers) == 1 {
			item.PeerID = peers[0]
		}
		answer[item.PeerID] = item
	}
	return answer, nil
}

// add notes the answer for one part, or returns the error in it.
func (s *Sent) add(answer map[int64]sentItem, peer int64, several bool) error {
	item, ok := answer[peer]
	switch {
	case !ok || item.Error == nil && item.CMID == 0 && item.MessageID == 0:
		return &MessageError{PeerID: peer, Err: errors.New("vk: messages.send: the answer names no message")}
	case item.Error != nil:
		return &MessageError{PeerID: peer, Err: item.Error.of("messages.send")}
	}
	s.PeerID, s.CMID, s.ID = peer, item.CMID, item.MessageID
	if several {
		s.Parts = append(s.Parts, item.CMID)
	}
	return nil
}

// of returns the error as one of the method.
func (e *itemError) of(method string) error {
	return &Error{Code: e.Code, Message: e.Description, Method: method}
}
