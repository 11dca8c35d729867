package middleware

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// typingFor limits the time for which Typing shows anything: users do not
// believe it any longer, and a handler that waits for an answer is not typing.
const typingFor = time.Minute

// Typing shows in the conversation that the bot is typing, from the beginning
// of the handler until its end, and for at most a minute. It shows nothing for
// a command that a check refuses or that has invalid arguments. A failure to
// show it is not an error. Typing is for handlers that take a while, because
// each costs at least one API call. See [vk.Client.KeepTyping].
//
// The goroutine that it starts ends with the middleware.
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

// typing begins to show that the bot is typing. stop returns the panic of a
// wrapper of the client, if there was one.
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
