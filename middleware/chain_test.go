package middleware_test

import (
	"cmp"
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

// all returns the middlewares, each in its usual form.
func all() map[string]vk.Middleware {
	return map[string]vk.Middleware{
		"After":                   middleware.After(func(*vk.Context, error) error { return nil }),
		"Before":                  middleware.Before(nothing),
		"Claim":                   middleware.Claim(func(*vk.Context) (func(), error) { return nil, nil }),
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

// failure has a type that only errors.As finds.
type failure struct{ of []string }

func (f failure) Error() string { return strings.Join(f.of, "") }

// TestEveryMiddleware checks the rules that hold for every middleware.
func TestEveryMiddleware(t *testing.T) {
	type key struct{}
	cause := errors.New("cause")
	for name, mw := range all() {
		t.Run(name, func(t *testing.T) {
			s := newStub(nil)
			// serve runs a handler inside mw and returns the error that the
			// outer middleware gets.
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
				t.Error("the context is not passed on")
			}
			if inside.Err() == nil {
				t.Error("the context outlives the handler")
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
				t.Error("a goroutine that ends continues")
			}
		})
	}
}

// TestAllTogether runs one handler inside every middleware.
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

// TestHooks checks that Before and After run for each handler that runs, and
// for nothing else.
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

// TestIgnoreBots checks that messages of communities reach no handler and get
// no explanation.
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

// TestHooksLog checks the log of claims and hooks: the claims come first, then
// the lines of the hooks.
func TestHooksLog(t *testing.T) {
	no := errors.New("no")
	for _, tt := range []struct {
		name  string
		check error // returned by the Before named check
		spent bool  // the cooldown was used up before
		want  string
		kept  bool // reports whether the cooldown's use is kept
	}{
		{"check refuses", no, false, "coin+ open check close(no) coin-", false},
		{"runs", nil, false, "coin+ open check run uncheck close(<nil>)", true},
		{"cooldown refuses", nil, true, "coin+ coin-", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log []string
			note := func(s string) { log = append(log, s) }
			coin := middleware.Claim(func(*vk.Context) (func(), error) {
				note("coin+")
				return func() { note("coin-") }, nil
			})
			cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
			r := vk.NewRouter("!")
			r.Use(coin, cd.Wrap,
				middleware.Before(func(*vk.Context) error { note("open"); return nil }),
				middleware.After(func(_ *vk.Context, err error) error { note(fmt.Sprintf("close(%v)", err)); return nil }),
				middleware.Before(func(*vk.Context) error { note("check"); return tt.check }),
				middleware.After(func(*vk.Context, error) error { note("uncheck"); return nil }))
			r.Handle("x", func(*vk.Context) error { note("run"); return nil })
			c := newStub(nil).context(t, 1, 1, "!x")
			if tt.spent {
				middleware.Use(cd)(c)
			}
			err := r.Serve(c)
			if got := strings.Join(log, " "); got != tt.want {
				t.Errorf("log %q, want %q; %v", got, tt.want, err)
			}
			if kept := cd.Left(c) > 0; kept != tt.kept {
				t.Errorf("the use is kept: %v", kept)
			}
		})
	}
}

// TestRefusalCostsNothing checks that when one of them refuses, in any order,
// all others give back their claims.
func TestRefusalCostsNothing(t *testing.T) {
	no := errors.New("no")
	for _, refuses := range []string{"a cooldown", "another's limit", "a coin", "a Before", "a panic of a Before", "a check", "nothing"} {
		for order := range 24 {
			t.Run(fmt.Sprint(refuses, ", order ", order), func(t *testing.T) {
				s := newStub(nil)
				context := func(text string) *vk.Context { return s.context(t, 1, 1, text) }
				coins := 1
				coin := middleware.Claim(func(*vk.Context) (func(), error) {
					if refuses == "a coin" {
						return nil, no
					}
					coins--
					return func() { coins++ }, nil
				})
				one, two := middleware.NewCooldown(1, time.Hour, vk.PerUser), middleware.NewCooldown(2, time.Hour, vk.PerUser)
				mc := middleware.NewMaxConcurrency(1, vk.PerUser)
				mw := []vk.Middleware{one.Wrap, two.Wrap, mc.Wrap, coin}
				for i, left := 4, order; i > 1; i-- { // the permutation with this number
					mw[i-1], mw[left%i] = mw[left%i], mw[i-1]
					left /= i
				}
				x := vk.Route{Pattern: "x", Handler: nothing, Use: append(mw[2:], middleware.Before(func(*vk.Context) error {
					switch refuses {
					case "a Before":
						return no
					case "a panic of a Before":
						panic(no)
					}
					return nil
				}))}
				if refuses == "a check" {
					x.Checks = []vk.Check{middleware.Users()}
				}
				closed := 0
				r := vk.NewRouter("!")
				r.Handle("free", nothing, mc.Wrap)
				r.Group(func(r *vk.Router) {
					r.Use(mw[0], middleware.After(func(*vk.Context, error) error { closed++; return nil }), mw[1])
					r.Add(x)
				})
				uses := 2 // of the two uses that are left
				serve := func() error { return r.Serve(context("!x")) }
				switch refuses {
				case "a cooldown":
					uses = 0
					middleware.Use(two)(context(""))
					middleware.Use(two)(context(""))
				case "another's limit":
					inner := serve
					serve = func() (err error) {
						middleware.Hold(mc, context(""), func() { err = inner() })
						return err
					}
				}
				err := serve()
				ran := refuses == "nothing"
				if ran {
					uses--
				}
				if (err == nil) != ran {
					t.Errorf("err = %v", err)
				}
				if left := one.Left(context("")); (coins == 0) != ran || (left > 0) != ran {
					t.Errorf("%d coins, the cooldown lasts %v", coins, left)
				}
				if want := ran || strings.Contains(refuses, "Before"); (closed == 1) != want {
					t.Errorf("closed %d times", closed)
				}
				if err := r.Serve(context("!free")); err != nil {
					t.Errorf("the place is still taken: %v", err)
				}
				for range uses {
					if err := middleware.Use(two)(context("")); err != nil {
						t.Errorf("a use is gone: %v", err)
					}
				}
				if err := middleware.Use(two)(context("")); err == nil {
					t.Error("one use too many")
				}
			})
		}
	}
}

// TestRetryCountsOnce checks a middleware that runs its handler again: inside a
// cooldown it costs one use, outside it one for each run.
func TestRetryCountsOnce(t *testing.T) {
	again := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error { return cmp.Or(next(c), next(c)) }
	}
	for _, tt := range []struct {
		name string
		mw   func(wrap vk.Middleware) []vk.Middleware
		want bool // both runs pass a cooldown of one
	}{
		{"inside", func(wrap vk.Middleware) []vk.Middleware { return []vk.Middleware{wrap, again} }, true},
		{"outside", func(wrap vk.Middleware) []vk.Middleware { return []vk.Middleware{again, wrap} }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, ran := vk.NewRouter("!"), 0
			r.Handle("x", func(*vk.Context) error { ran++; return nil }, tt.mw(middleware.NewCooldown(1, time.Hour, vk.PerUser).Wrap)...)
			err := r.Serve(newStub(nil).context(t, 1, 1, "!x"))
			if (err == nil) != tt.want || (ran == 2) != tt.want {
				t.Errorf("ran %d times, %v", ran, err)
			}
		})
	}
}

// TestPanicsReachOnError checks panics without Recover, at every place inside.
func TestPanicsReachOnError(t *testing.T) {
	cause := errors.New("cause")
	blow := func(*vk.Context) error { panic(cause) }
	pass := func(next vk.HandlerFunc) vk.HandlerFunc { return next }
	for name, rt := range map[string]vk.Route{
		"handler":    {Pattern: "x {n}", Handler: blow},
		"converter":  {Pattern: "x {n:odd}", Handler: nothing},
		"list":       {Pattern: "x {n:odd...}", Handler: nothing},
		"check":      {Pattern: "x {n}", Handler: nothing, Checks: []vk.Check{blow}},
		"claim":      {Pattern: "x {n}", Handler: nothing, Use: []vk.Middleware{middleware.Claim(func(*vk.Context) (func(), error) { panic(cause) })}},
		"before":     {Pattern: "x {n}", Handler: nothing, Use: []vk.Middleware{middleware.Before(blow)}},
		"after":      {Pattern: "x {n}", Handler: nothing, Use: []vk.Middleware{middleware.After(func(*vk.Context, error) error { panic(cause) })}},
		"middleware": {Pattern: "x {n}", Handler: nothing, Use: []vk.Middleware{pass, func(vk.HandlerFunc) vk.HandlerFunc { return blow }}},
		"text":       {Text: "!x 1", Handler: blow},
		"condition":  {When: func(*vk.Context) (bool, error) { panic(cause) }, Handler: nothing},
	} {
		t.Run(name, func(t *testing.T) {
			var told error
			r := vk.NewRouter("!")
			r.Converter("odd", vk.ConvertFunc(func(*vk.Context, string) (int, error) { panic(cause) }))
			r.Use(middleware.OnError(func(_ *vk.Context, err error) error { told = err; return nil }))
			r.Add(rt)
			err := r.Serve(newStub(nil).context(t, 1, 1, "!x 1"))
			var p *vk.PanicError
			if err != nil || !errors.As(told, &p) || !errors.Is(told, cause) || !strings.Contains(string(p.Stack), "chain_test.go") {
				t.Errorf("told %v, left %v", told, err)
			}
		})
	}
	t.Run("NotFound", func(t *testing.T) {
		var told error
		r := vk.NewRouter("!")
		r.Use(middleware.OnError(func(_ *vk.Context, err error) error { told = err; return nil }))
		r.NotFound(blow)
		if err := r.Serve(newStub(nil).context(t, 1, 1, "!x")); err != nil || !errors.Is(told, cause) {
			t.Errorf("told %v, left %v", told, err)
		}
	})
	t.Run("a bot that is no Router", func(t *testing.T) {
		var told error
		bot := vk.Wrap(vk.HandlerFunc(blow), middleware.OnError(func(_ *vk.Context, err error) error { told = err; return nil }))
		if err := bot.Serve(newStub(nil).context(t, 1, 1, "!x")); err != nil || !errors.Is(told, cause) {
			t.Errorf("told %v, left %v", told, err)
		}
	})
}
