package middleware

import (
	"errors"
	"reflect"
	"runtime/debug"

	"github.com/vkrouter/vk/discord"
)

// OnError calls f for each error of the handler and of the middleware inside. If f
// returns nil, it has dealt with the error, and the middleware around sees none. If it
// returns the error, or one that wraps it, that one is the result; if it returns
// another, the two are joined. So the first error is never lost, also when f panics.
//
//	r.Use(middleware.OnError(func(c *discord.Context, err error) error {
//		if errors.Is(err, discord.CodeUnknownMessage) {
//			return nil // somebody has deleted it
//		}
//		return err
//	}))
//
// A panic of a handler or of a middleware inside is an error, a
// [*discord.PanicError]. OnError panics if f is nil.
func OnError(f func(c *discord.Context, err error) error) discord.Middleware {
	if f == nil {
		panic("middleware: OnError: nil function")
	}
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			err := next(c)
			if err == nil {
				return nil
			}
			return onError(c, f, err)
		}
	}
}

func onError(c *discord.Context, f func(*discord.Context, error) error, err error) (result error) {
	told := err
	if !reflect.TypeOf(err).Comparable() {
		told = &whole{err} // can be found again
	}
	defer func() {
		if v := recover(); v != nil {
			p, ok := v.(*discord.PanicError)
			if !ok {
				p = &discord.PanicError{Value: v, Stack: debug.Stack()}
			}
			result = errors.Join(err, p)
		}
	}()
	switch e := f(c, told); {
	case e == nil:
		return nil
	case reflect.TypeOf(e).Comparable() && e == told:
		return err
	case errors.Is(e, told):
		return e
	default:
		return errors.Join(err, e)
	}
}

// A whole is an error that is found by errors.Is, also if its type cannot be compared.
type whole struct{ error }

func (w *whole) Unwrap() error { return w.error }
