package vk

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// Typing shows in the conversation that the bot is typing: see [Client.Typing].
func (c *Context) Typing() error { return c.client.Typing(c, c.PeerID()) }

// KeepTyping shows in the conversation that the bot is typing while f runs: see
// [Client.KeepTyping].
func (c *Context) KeepTyping(f func() error) error {
	return c.client.KeepTyping(c, c.PeerID(), f)
}

// Typing shows in a conversation that the community is typing. VK shows it
// until a message comes, for at most ten seconds.
//
// It calls https://dev.vk.com/ru/method/messages.setActivity.
func (c *Client) Typing(ctx context.Context, peer int64) error {
	return c.Call(ctx, "messages.setActivity", Params{"peer_id": peer, "type": "typing"}, nil)
}

// typingEvery is less than VK shows it.
const typingEvery = 5 * time.Second

// KeepTyping calls f and returns what f returns. Meanwhile it shows in a
// conversation that the community is typing, every five seconds until f has
// returned or ctx ends. What goes wrong with that is no error: it is decoration.
// Only a panic, of a wrapper given to [Client.Use], is a [*PanicError].
func (c *Client) KeepTyping(ctx context.Context, peer int64, f func() error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var typing sync.WaitGroup
	var broken error
	typing.Go(func() {
		defer func() { // of a wrapper's panic, which would be the end of the program
			if v := recover(); v != nil {
				broken = panicError(v)
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
			return // and would be again
		}
		if backoff.Sleep(ctx, typingEvery) != nil {
			return
		}
	}
}
