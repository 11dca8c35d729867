package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/tolerant"
)

// Send sends a message to a conversation: a user's id, 2000000000 plus a chat's
// number, or minus a community's id. VK's refusal is an [*Error], wrapped in a
// [*MessageError] if it concerns the recipient: errors.Is(err, CodeCannotWrite)
// works for both.
//
// A text longer than [Client.MaxMessage] is sent as several messages, one after
// another. The first is the reply, if there is one; the last has the keyboard,
// the attachments and other options that belong to the message once. If a
// message fails, those after it are not sent; see [Into].
//
// Each message has a random_id. VK drops a duplicate within an hour and a
// hundred messages of the conversation, so a call with a lost response is
// retried without a second message. In a handler, with its Context as ctx or
// one derived from it, the random_id is derived from the event, the handler and
// the handler's earlier sends to this peer. So if the event is handled again
// after a crash, its messages are not duplicated either. For that, a handler's
// sends to one peer must have a fixed order, or names: see [As].
//
// An empty text is an error from VK, unless an option adds visible content.
//
// With a user token, the message is the user's own. In a handler, if the token
// is the one that the handler replies with and its user administers the
// community, the message is the community's. In both cases VK returns only the
// message's ID, so the CMID that [Into] gets is 0; in chats of a community, the
// ID is 0 too. The Client determines the kind of the token once, when VK
// refuses the first message.
//
// Send calls https://dev.vk.com/ru/method/messages.send.
func (c *Client) Send(ctx context.Context, peer int64, text string, opts ...SendOption) error {
	if peer == 0 {
		return errors.New("vk: messages.send: no recipient")
	}
	var m struct { // one allocation for the usual message, of one part
		outgoing
		parts [1]Params
		peer  [1]int64
		item  [1]sentItem
	}
	o := &m.outgoing
	if err := o.compose(text, opts); err != nil {
		return err
	}
	name := "" // the peer's, for the send's key, which is random without a name and a handler
	if o.name != "" || ctx.Value(sendScopeKey{}) != nil {
		name = recipient(Params{"peer_ids": peer})
	}
	step := newSendStep(ctx, name, o)
	if step.isDone() {
		sent, err := readSent(step.said.Value, peer)
		if o.into != nil && err == nil {
			*o.into = sent
		}
		return err
	}
	parts, err := c.parts(m.parts[:0], o, o.randomIDs(ctx, name, step))
	if err != nil {
		return err
	}
	to := [1]Delivery{{PeerID: peer}}
	m.peer[0] = peer
	c.deliver(ctx, to[:], m.peer[:], parts, c.chain(), &m.item)
	d := to[0]
	step.keep(ctx, d)
	if o.into != nil && (d.Err == nil || d.Sent.CMID != 0 || d.Sent.ID != 0) {
		*o.into = d.Sent
	}
	o.logDoubts(ctx, c, d.Err)
	return d.Err
}

// compose sets the text and applies the options.
func (o *outgoing) compose(text string, opts []SendOption) error {
	o.text, o.params = text, make(Params, 4)
	if err := o.applyOptions(opts); err != nil {
		return fmt.Errorf("vk: messages.send: %w", err)
	}
	return nil
}

// maxMessage returns the longest text of one message, in UTF-16 code units.
func (c *Client) maxMessage() int {
	if c.MaxMessage < 0 {
		return math.MaxInt
	}
	return cmp.Or(c.MaxMessage, 4096)
}

// deliver sends the parts of a message to peers, at most 100, and sets the
// results in their deliveries. A peer that does not get one part does not get
// the later ones. The function call makes the calls. deliver changes the parts.
// room is for the result of a call, or nil if there are several peers.
func (c *Client) deliver(ctx context.Context, to []Delivery, peers []int64, parts []Params, call CallFunc, room *[1]sentItem) {
	for _, part := range parts {
		if len(peers) == 0 {
			break
		}
		answer, err := c.sendPart(ctx, peers, part, call, room)
		var rest []int64
		for i := range to {
			d := &to[i]
			if d.Err != nil {
				continue
			}
			if d.Err = err; err == nil {
				d.Err = d.Sent.addPart(answer, d.PeerID, len(parts) > 1)
			}
			if d.Err == nil && len(parts) > 1 {
				rest = append(rest, d.PeerID)
			}
		}
		peers = rest
	}
}

// A sentItem is the result of messages.send for one recipient.
type sentItem struct {
	PeerID    int64      `json:"peer_id"`
	MessageID int64      `json:"message_id"`
	CMID      int64      `json:"conversation_message_id"`
	Error     *itemError `json:"error"`

	bare bool  // VK returns only the id, which is 0 in a community's chats
	err  error // of a call for this recipient only
}

// An itemError is the error of one recipient or message within a response.
type itemError struct {
	Code        Code   `json:"code"`
	Description string `json:"description"`
}

// sendPart makes one call of messages.send and returns its results by
// recipient. It adds the recipients to the part.
func (c *Client) sendPart(ctx context.Context, peers []int64, part Params, call CallFunc, room *[1]sentItem) ([]sentItem, error) {
	usual := !slices.ContainsFunc(recipientParams[:], func(name string) bool { _, given := part[name]; return given })
	if usual && c.known() == tokenOther {
		return c.sendEach(ctx, peers, part, call), nil
	}
	if _, given := part["peer_ids"]; !given {
		part["peer_ids"] = peers
	}
	if !usual {
		room = nil // a parameter may name several recipients
	}
	items, err := callSend(ctx, part, call, room)
	if err != nil {
		if usual && c.isOther(ctx, err) {
			return c.sendEach(ctx, peers, part, call), nil
		}
		return nil, err
	}
	if usual && len(items) > 0 && !items[0].bare && c.known() == tokenUnknown {
		c.learn(tokenCommunity)
	}
	if len(items) == 1 && len(peers) == 1 {
		items[0].PeerID = peers[0]
	}
	return items, nil
}

// callSend makes one call of messages.send. room is for the result of a call for
// one recipient, or nil.
func callSend(ctx context.Context, p Params, call CallFunc, room *[1]sentItem) ([]sentItem, error) {
	raw, err := call(ctx, "messages.send", p)
	if err != nil {
		return nil, err
	}
	if room != nil && tolerant.Unmarshal(raw, room) == nil && room[0] != (sentItem{}) {
		return room[:], nil
	}
	var items []sentItem
	if err := tolerant.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("vk: messages.send: %w", err)
	}
	if len(items) == 0 {
		// This is VK's response for a peer_id.
		var id *int64
		if tolerant.Unmarshal(raw, &id); id != nil && (raw[0] >= '0' && raw[0] <= '9' || *id != 0) {
			items = []sentItem{{MessageID: *id, bare: true}}
		}
	}
	return items, nil
}

// isOther reports whether a messages.send with peer_ids was refused because the
// token is not a community's. It asks VK for the kind of the token, once.
func (c *Client) isOther(ctx context.Context, refusal error) bool {
	var refused *Error
	if c.known() != tokenUnknown || !errors.As(refusal, &refused) {
		return c.known() == tokenOther && errors.Is(refusal, CodeParam)
	}
	switch refused.Code {
	case CodeParam, CodeAccess, CodePermission:
		k, err := c.askKind(ctx)
		return err == nil && k == tokenOther
	}
	return false
}

// sendEach makes one call of messages.send per recipient, as VK requires for a
// user token, without the part's peer_ids.
func (c *Client) sendEach(ctx context.Context, peers []int64, part Params, call CallFunc) (answer []sentItem) {
	for _, peer := range peers {
		p := c.forGroup(ctx, Params{"peer_id": peer})
		maps.Copy(p, part)
		delete(p, "peer_ids")
		var item sentItem
		items, err := callSend(ctx, p, call, nil)
		if refused := (*Error)(nil); errors.As(err, &refused) && refused.Unreachable() {
			err = &MessageError{PeerID: peer, Err: err}
		}
		if item.err = err; len(items) > 0 {
			item = items[0]
		}
		item.PeerID = peer
		answer = append(answer, item)
	}
	return answer
}

// addPart adds the result of one part, or returns the error in it.
func (s *Sent) addPart(answer []sentItem, peer int64, several bool) error {
	var item sentItem // at most 100 in answer: a loop is as fast as a map
	at := slices.IndexFunc(answer, func(item sentItem) bool { return item.PeerID == peer })
	if at >= 0 {
		item = answer[at]
	}
	switch {
	case item.err != nil:
		return item.err
	case at < 0 || item.Error == nil && item.CMID == 0 && item.MessageID == 0 && !item.bare:
		return &MessageError{PeerID: peer, Err: errors.New("vk: messages.send: the response has no message id")}
	case item.Error != nil:
		return &MessageError{PeerID: peer, Err: item.Error.forMethod("messages.send")}
	}
	s.PeerID, s.CMID, s.ID = peer, item.CMID, item.MessageID
	if several {
		s.Parts = append(s.Parts, item.CMID)
	}
	return nil
}

// forMethod returns the error as an error of the method.
func (e *itemError) forMethod(method string) error {
	return &Error{Code: e.Code, Message: e.Description, Method: method}
}

// logDoubts logs possible reasons for VK's refusal of the message.
func (o *outgoing) logDoubts(ctx context.Context, c *Client, err error) {
	if len(o.doubts) == 0 {
		return
	}
	if refused := (*Error)(nil); errors.As(err, &refused) {
		slogOr(c.Logger).LogAttrs(ctx, slog.LevelWarn, "vk: VK refused a message with doubtful parts",
			slog.Any("err", err), slog.String("doubts", strings.Join(o.doubts, "; ")))
	}
}

// Typing shows in a conversation that the community is typing. VK shows it
// until a message arrives, for at most ten seconds.
//
// It calls https://dev.vk.com/ru/method/messages.setActivity.
func (c *Client) Typing(ctx context.Context, peer int64) error {
	return c.Call(ctx, "messages.setActivity", c.forGroup(ctx, Params{"peer_id": peer, "type": "typing"}), nil)
}

// typingEvery is shorter than VK shows the typing status.
const typingEvery = 5 * time.Second

// KeepTyping calls f and returns its result. Meanwhile it shows in a
// conversation that the community is typing, every five seconds until f returns
// or ctx ends. Errors of that are ignored: it is decoration. Only a panic in a
// wrapper passed to [Client.Use] is returned, as a [*PanicError].
func (c *Client) KeepTyping(ctx context.Context, peer int64, f func() error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var typing sync.WaitGroup
	var broken error
	typing.Go(func() {
		defer func() { // recovers a panic of a wrapper, which would end the program
			if v := recover(); v != nil {
				broken = caught(v)
			}
		}()
		c.keepTyping(ctx, peer)
	})
	defer func() { // also when f panics
		cancel()
		typing.Wait()
		if broken != nil {
			err = errors.Join(err, broken)
		}
	}()
	return f()
}

func (c *Client) keepTyping(ctx context.Context, peer int64) {
	for {
		var refused *Error
		if errors.As(c.Typing(ctx, peer), &refused) {
			return // and would panic again
		}
		if backoff.Sleep(ctx, typingEvery) != nil {
			return
		}
	}
}

// A Delivery is the result of a [Client.Broadcast] for one recipient.
type Delivery struct {
	PeerID int64 // the recipient
	Sent   Sent  // the message; for several parts, those that were sent
	Err    error // the reason why it was not sent entirely; else nil
}

// Broadcast sends one message to many conversations, while a loop reads the
// results:
//
//	for d := range client.Broadcast(ctx, peers, "We are open again!") {
//		var refused *vk.Error
//		if errors.As(d.Err, &refused) && refused.Unreachable() {
//			unsubscribe(d.PeerID)
//		}
//	}
//
// Only an error that is [Error.Unreachable] means that the recipient rejects or
// cannot get messages. Any other error, such as a lost connection, a quota or a
// mistake in the message, says nothing about the recipient.
//
// There is one Delivery for each distinct peer, in no particular order. A
// failure concerns one recipient, or the recipients of one call: the message is
// sent to the others nevertheless. If an option cannot be sent, that is the
// error of all, and nothing is sent. When ctx ends, sends that have not begun
// fail with its cause. If the loop ends early, no more calls begin, and
// Broadcast waits for those in progress. Recipients that the loop has not seen
// may still have got the message.
//
// Each call of https://dev.vk.com/ru/method/messages.send has up to a hundred
// recipients, and a few calls are made concurrently.
//
// The message has the same random_id for all recipients, chosen when Broadcast
// is called: another loop over the same sequence sends only to the recipients
// that the first one did not reach, within VK's limits of an hour and a hundred
// messages of a conversation. In a handler it is derived from the event and the
// number of earlier broadcasts; with a name, see [As], it is the same for every
// broadcast of that name, also in another process.
//
// A handler's context ends at its time limit. A large broadcast takes longer:
// run it with a context of its own.
func (c *Client) Broadcast(ctx context.Context, peers []int64, text string, opts ...SendOption) iter.Seq[Delivery] {
	peers = distinct(peers)
	var parts []Params
	o := new(outgoing)
	err := o.compose(text, opts)
	if err == nil {
		parts, err = c.parts(nil, o, o.randomIDs(ctx, "broadcast", sendStep{}))
	}
	if err == nil && o.into != nil {
		err = errors.New("vk: messages.send: Into is for one message: each Delivery has its own")
	}
	return func(yield func(Delivery) bool) {
		if err != nil {
			for _, d := range deliveries(peers, err) {
				if !yield(d) {
					return
				}
			}
			return
		}
		var one *MessageError
		doubted := false
		done := make(chan []Delivery)
		running := 0
		defer func() {
			for ; running > 0; running-- {
				<-done
			}
		}()
		chunks := slices.Collect(slices.Chunk(peers, maxPeers))
		for len(chunks) > 0 || running > 0 {
			for ; len(chunks) > 0 && running < broadcastCalls; running++ {
				chunk := chunks[0]
				chunks = chunks[1:]
				go func() {
					var d []Delivery
					defer func() { // also after a panic of a wrapper of Client.Use
						if d == nil {
							d = deliveries(chunk, caught(recover()))
						}
						done <- d
					}()
					to, own := deliveries(chunk, nil), slices.Clone(parts)
					for i, part := range own {
						own[i] = maps.Clone(part)
					}
					c.deliver(WithPriority(ctx, PriorityLow), to, chunk, own, c.call, nil)
					d = to
				}()
			}
			all := <-done
			running--
			if err := all[0].Err; err != nil && !doubted && !errors.As(err, &one) {
				o.logDoubts(ctx, c, err) // once: it is the same message for all
				doubted = true
			}
			for _, d := range all {
				if !yield(d) {
					return
				}
			}
		}
	}
}

const (
	maxPeers       = 100 // recipients of one call
	broadcastCalls = 8   // in progress at a time
)

// deliveries returns the deliveries of a message to peers, all with one error or
// nil.
func deliveries(peers []int64, err error) []Delivery {
	d := make([]Delivery, len(peers))
	for i, peer := range peers {
		d[i] = Delivery{PeerID: peer, Err: err}
	}
	return d
}

// distinct returns the elements of s without duplicates.
func distinct[T comparable](s []T) []T {
	seen := make(map[T]bool, len(s))
	out := make([]T, 0, len(s))
	for _, v := range s {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
