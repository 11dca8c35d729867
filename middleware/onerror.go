package middleware

import (
	"errors"
	"reflect"
	"runtime/debug"

	"github.com/vkrouter/vk"
)

// OnError runs f for each error of what it wraps: of a route's handler, a
// check, an argument, a command that there is none of, whatever the middleware
// inside makes of it. If f returns nil, it has dealt with the error, and the
// middleware around sees none. If it returns the error, or one that wraps it,
// that one travels on; if it returns another, the two do, joined. So the first
// error is never lost, also when f panics.
//
//	r.Use(middleware.OnError(func(c *vk.Context, err error) error {
//		if errors.Is(err, vk.CodeCannotWrite) {
//			return nil // they do not want to hear from us
//		}
//		return err
//	}))
//
// A panic of a handler, a converter, a hook or a middleware inside is an error, a
// [*vk.PanicError]. Listeners' errors reach f around the whole router:
// vk.Wrap(r, OnError(f)).
func OnError(f func(c *vk.Context, err error) error) vk.Middleware {
	if f == nil {
		panic("middleware: OnError: nil function")
	}
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			err := next(c)
			if err == nil {
				return nil
			}
			return onError(c, f, err)
		}
	}
}

func onError(c *vk.Context, f func(*vk.Context, error) error, err error) (result error) {
	told := err
	if !reflect.TypeOf(err).Comparable() {
		told = &whole{err} // can be found again
	}
	defer func() {
		if v := recover(); v != nil {
			p, ok := v.(*vk.PanicError)
			if !ok {
				p = &vk.PanicError{Value: v, Stack: debug.Stack()}
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

// A whole is an error that is found by errors.Is, whatever its type.
type whole struct{ error }

func (w *whole) Unwrap() error { return w.error }
