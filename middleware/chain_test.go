package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// all are the middlewares, each as it is usually made.
func all() map[string]vk.Middleware {
	return map[string]vk.Middleware{
		"After":                   middleware.After(func(*vk.Context, error) error { return nil }),
		"Before":                  middleware.Before(nothing),
		"Cooldown.Wrap":           middleware.NewCooldown(1000, time.Second, vk.PerUser).Wrap,
		"Explain":                 middleware.Explain(),
		"IgnoreBots":              middleware.IgnoreBots(),
		"Logger":                  middleware.Logger(slog.New(slog.DiscardHandler)),
		"MaxConcurrency.Wrap":     middleware.NewMaxConcurrency(1, vk.PerUser).Wrap,
		"OnError":                 middleware.OnError(func(_ *vk.Context, err error) error { return err }),
		"Recover":                 middleware.Recover(),
		"Timeout":                 middleware.Timeout(time.Minute),
		"Typing":                  middleware.Typing(),
		"two of them":             twice(middleware.Before(nothing)),
		"the same MaxConcurrency": twice(middleware.NewMaxConcurrency(1, vk.PerUser).Wrap),
	}
}

func twice(mw vk.Middleware) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc { return mw(mw(next)) }
}

// failure is of a type that only errors.As finds.
type failure struct{ of []string }

func (f failure) Error() string { return strings.Join(f.of, "") }

// TestEveryMiddleware: what must be true of each.
func TestEveryMiddleware(t *testing.T) {
	type key struct{}
	cause := errors.New("cause")
	for name, mw := range all() {
		t.Run(name, func(t *testing.T) {
			s := newStub(nil)
			// serve runs a handler inside of mw, and returns what those
			// around get.
			serve := func(h vk.HandlerFunc) (err error) {
				r := vk.NewRouter("!")
				r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
					return func(c *vk.Context) error {
						err = next(c.WithContext(context.WithValue(c, key{}, "value")))
						return err
					}
				})
				r.Handle("x", h, mw)
				r.Serve(s.context(t, 1, 1, "!x"))
				return err
			}
			if err := serve(nothing); err != nil {
				t.Errorf("a handler that succeeds: %v", err)
			}
			var inside *vk.Context
			serve(func(c *vk.Context) error { inside = c; return nil })
			if inside == nil || inside.Value(key{}) != "value" || inside.Text() != "!x" || inside.Route() == nil {
				t.Error("the context does not come through")
			}
			if inside.Err() == nil {
				t.Error("the context goes on after the handler")
			}
			if err := serve(func(*vk.Context) error { return cause }); err != cause && !errors.Is(err, cause) {
				t.Errorf("an error comes out as %v", err)
			}
			var f failure
			if err := serve(func(*vk.Context) error { return fmt.Errorf("in: %w", failure{[]string{"a"}}) }); !errors.As(err, &f) {
				t.Errorf("an error of a type comes out as %v", err)
			}
			if err := serve(func(*vk.Context) error { return failure{[]string{"a"}} }); !errors.As(err, &f) {
				t.Errorf("an error that cannot be compared comes out as %v", err)
			}

			var p *vk.PanicError
			r := vk.NewRouter("!")
			r.Handle("x", func(*vk.Context) error { panic(cause) }, mw)
			if err := r.Serve(s.context(t, 1, 1, "!x")); !errors.As(err, &p) || !errors.Is(err, cause) {
				t.Errorf("a panic comes out as %v", err)
			}
			r = vk.NewRouter("!")
			r.Handle("x", func(*vk.Context) error { runtime.Goexit(); return nil }, mw)
			returned := make(chan bool)
			go func() {
				ended := false
				defer func() { returned <- ended }()
				r.Serve(s.context(t, 1, 1, "!x"))
				ended = true
			}()
			if <-returned {
				t.Error("a goroutine that ends goes on")
			}
		})
	}
}

// TestAllTogether: every middleware around one handler.
func TestAllTogether(t *testing.T) {
	s := newStub(nil)
	r := vk.NewRouter("!")
	for _, mw := range all() {
		r.Use(mw)
	}
	ran := 0
	r.Handle("x", func(c *vk.Context) error { ran++; return c.Err() })
	for range 3 {
		if err := r.Serve(s.context(t, 1, 1, "!x")); err != nil {
			t.Error(err)
		}
	}
	if ran != 3 {
		t.Errorf("ran %d times", ran)
	}
}

func TestOnError(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	odd := failure{[]string{"odd"}}
	for name, tt := range map[string]struct {
		err  error
		f    func(*vk.Context, error) error
		want func(error) bool
	}{
		"no error":   {nil, func(*vk.Context, error) error { panic("called") }, func(err error) bool { return err == nil }},
		"dealt with": {first, func(*vk.Context, error) error { return nil }, func(err error) bool { return err == nil }},
		"travels on": {first, func(_ *vk.Context, err error) error { return err }, func(err error) bool { return err == first }},
		"wrapped": {first, func(_ *vk.Context, err error) error { return fmt.Errorf("ban: %w", err) },
			func(err error) bool { return err.Error() == "ban: first" && errors.Is(err, first) }},
		"another is joined": {first, func(*vk.Context, error) error { return second },
			func(err error) bool { return errors.Is(err, first) && errors.Is(err, second) }},
		"a panic is joined": {first, func(*vk.Context, error) error { panic(second) }, func(err error) bool {
			var p *vk.PanicError
			return errors.Is(err, first) && errors.Is(err, second) && errors.As(err, &p) && len(p.Stack) > 0
		}},
		"one that cannot be compared": {odd, func(_ *vk.Context, err error) error { return err },
			func(err error) bool { f, ok := err.(failure); return ok && f.of[0] == "odd" }},
		"one that cannot be compared, wrapped": {odd, func(_ *vk.Context, err error) error { return fmt.Errorf("in: %w", err) },
			func(err error) bool { return err.Error() == "in: odd" }},
		"one that cannot be compared is returned": {first, func(*vk.Context, error) error { return odd },
			func(err error) bool { return errors.Is(err, first) && errors.As(err, new(failure)) }},
	} {
		t.Run(name, func(t *testing.T) {
			h := middleware.OnError(tt.f)(func(*vk.Context) error { return tt.err })
			if err := h(newStub(nil).context(t, 1, 1, "x")); !tt.want(err) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

// TestHooks: Before and After see what runs, and nothing else.
func TestHooks(t *testing.T) {
	cause, hook := errors.New("cause"), errors.New("hook")
	for name, tt := range map[string]struct {
		text          string
		before, after error
		want          string
		is            []error
	}{
		"completed":                {"!x ok", nil, nil, "before, handler, after <nil>", nil},
		"failed":                   {"!x fail", nil, nil, "before, handler, after cause", []error{cause}},
		"failed, and After too":    {"!x fail", nil, hook, "before, handler, after cause", []error{cause, hook}},
		"Before refuses":           {"!x ok", hook, nil, "before", []error{hook}},
		"bad argument":             {"!x", nil, nil, "", []error{vk.ErrMissingArg}},
		"refused by a check":       {"!no", nil, nil, "", []error{middleware.ErrRefused}},
		"there is no such command": {"!y", nil, nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var log []string
			r := vk.NewRouter("!")
			r.Use(
				middleware.Before(func(*vk.Context) error { log = append(log, "before"); return tt.before }),
				middleware.After(func(_ *vk.Context, err error) error { log = append(log, fmt.Sprint("after ", err)); return tt.after }),
			)
			r.Handle("x {how}", func(c *vk.Context) error {
				log = append(log, "handler")
				if c.Arg("how") == "fail" {
					return cause
				}
				return nil
			})
			r.Add(vk.Route{Pattern: "no", Handler: nothing, Checks: []vk.Check{middleware.Users()}})
			err := r.Serve(newStub(nil).context(t, 1, 1, tt.text))
			if got := strings.Join(log, ", "); got != tt.want {
				t.Errorf("log %q, want %q", got, tt.want)
			}
			for _, want := range tt.is {
				if !errors.Is(err, want) {
					t.Errorf("err = %v, want %v", err, want)
				}
			}
		})
	}
}

// TestIgnoreBots: of what communities write nothing comes, not even an
// explanation.
func TestIgnoreBots(t *testing.T) {
	s := newStub(nil)
	r := &vk.Router{Prefix: vk.Literal("!"), AnswerBots: true}
	r.Use(middleware.IgnoreBots(), middleware.Explain())
	ran := 0
	r.Handle("x {n:int}", func(*vk.Context) error { ran++; return nil })
	for _, text := range []string{"!x 1", "!x", "!x y"} {
		if err := r.Serve(s.context(t, chat, -5, text)); err != nil || ran > 0 || s.calls.Load() > 0 {
			t.Errorf("%s: %v, ran %d times, %d calls", text, err, ran, s.calls.Load())
		}
	}
	if r.Serve(s.context(t, chat, 5, "!x 1")); ran != 1 {
		t.Error("a person is ignored")
	}
}
