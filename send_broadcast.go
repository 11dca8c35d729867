package vk

import (
	"context"
	"errors"
	"iter"
	"slices"
)

// A Delivery is what a [Client.Broadcast] came to for one recipient.
type Delivery struct {
	PeerID int64 // the recipient
	Sent   Sent  // the message; of several parts, those that were sent
	Err    error // why it was not sent, or not all of it; else nil
}

// Broadcast sends one message to many conversations, while a loop runs over
// what came of it:
//
//	for d := range client.Broadcast(ctx, peers, "We are open again!") {
//		if errors.Is(d.Err, vk.CodeCannotWrite) {
//			unsubscribe(d.PeerID)
//		}
//	}
//
// There is one Delivery for each peer, however often it is among the peers, in
// no certain order. A failure concerns its recipient, or the recipients of one
// call: others are sent to nevertheless. An option that cannot be sent is the
// error of all, and nothing is sent. When ctx ends, what has not begun fails
// with its cause. When the loop ends early, no more calls begin, and those
// under way are finished first. So nothing is left running, and the recipients
// that the loop has not seen may have got the message all the same.
//
// Each call of https://dev.vk.com/ru/method/messages.send has up to a hundred
// recipients, and few calls are under way at a time.
//
// The message has the same random_id for all recipients, chosen when Broadcast
// is called: another loop over the same sequence sends to whom the first one
// did not reach, within VK's window of an hour and a hundred messages of a
// conversation. In a handler it follows from the event and the count of
// broadcasts before; with a name, see [As], it is the same for every broadcast
// of that name, also in another process.
//
// A handler's context ends at its time limit, which a large broadcast exceeds:
// run that with a context of its own.
func (c *Client) Broadcast(ctx context.Context, peers []int64, text string, opts ...SendOption) iter.Seq[Delivery] {
	peers = distinct(peers)
	o, parts, err := c.compose(ctx, "broadcast", text, opts)
	if err == nil && o.into != nil {
		err = errors.New("vk: messages.send: Into is for one message: each Delivery has its own")
	}
	return func(yield func(Delivery) bool) {
		if err != nil {
			for _, d := range failedDeliveries(peers, err) {
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
					defer func() { // also after a panic, which is a wrapper's of Client.Use
						if d == nil {
							d = failedDeliveries(chunk, caught(recover()))
						}
						done <- d
					}()
					d = c.deliver(WithPriority(ctx, PriorityLow), chunk, parts)
				}()
			}
			deliveries := <-done
			running--
			if err := deliveries[0].Err; err != nil && !doubted && !errors.As(err, &one) {
				o.logDoubts(ctx, c, err) // once: it is the same message for all
				doubted = true
			}
			for _, d := range deliveries {
				if !yield(d) {
					return
				}
			}
		}
	}
}

const (
	maxPeers       = 100 // recipients of one call
	broadcastCalls = 8   // under way at a time
)

// failedDeliveries returns the deliveries of a message that reached no peer.
func failedDeliveries(peers []int64, err error) []Delivery {
	d := make([]Delivery, len(peers))
	for i, peer := range peers {
		d[i] = Delivery{PeerID: peer, Err: err}
	}
	return d
}

// distinct returns the elements of s without those that were there before.
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
