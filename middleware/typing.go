package middleware

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// typingFor bounds how long Typing shows anything: nobody believes it longer,
// and a handler that waits for an answer is not typing.
const typingFor = time.Minute

// Typing shows in the conversation that the bot is typing, while the handler
// runs: from when it begins, so not for what a check refuses or what is written
// with wrong arguments, and for a minute at most. What goes wrong with that is
// no error. It is for handlers that take a while: each costs a call of the API
// at least. See [vk.Client.KeepTyping].
//
// The middleware and what it began end together.
func Typing() vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) (err error) {
			var stop func() error
			c.Before(func(c *vk.Context) error {
				if stop == nil && c.PeerID() != 0 {
					stop = typing(c)
				}
				return nil
			})
			defer func() {
				if stop == nil {
					return
				}
				if e := stop(); e != nil {
					err = errors.Join(err, e)
				}
			}()
			return next(c)
		}
	}
}

// typing begins to show that the bot is typing. What stop returns is the panic
// of a wrapper of the client.
func typing(c *vk.Context) (stop func() error) {
	ctx, cancel := context.WithTimeout(c, typingFor)
	var shown sync.WaitGroup
	var err error
	shown.Go(func() {
		err = c.WithContext(ctx).KeepTyping(func() error {
			<-ctx.Done()
			return nil
		})
	})
	return func() error {
		cancel()
		shown.Wait()
		return err
	}
}
