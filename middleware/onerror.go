package middleware

import (
	"errors"
	"reflect"
	"runtime/debug"

	"github.com/vkrouter/vk"
)

// OnError calls f with each error of the handler that it wraps: an error of a
// route's handler, a check, an argument or an unknown command, as the inner
// middleware passes it on. If f returns nil, the error is handled and the outer
// middleware sees none. If f returns the error, or one that wraps it, the outer
// middleware sees that. If f returns another error, the outer middleware sees
// both, joined. So the original error is never lost, even if f panics.
//
//	r.Use(middleware.OnError(func(c *vk.Context, err error) error {
//		if errors.Is(err, vk.CodeCannotWrite) {
//			return nil // they do not want to hear from us
//		}
//		return err
//	}))
//
// A panic of a handler, a converter, a hook or an inner middleware is an error,
// a [*vk.PanicError]. For the errors of listeners, put OnError around the whole
// router: vk.Wrap(r, OnError(f)).
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
		told = &whole{err} // so that errors.Is can find it
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

// A whole makes an error of any type findable by errors.Is.
type whole struct{ error }

func (w *whole) Unwrap() error { return w.error }
