package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
)

var errBroken = errors.New("broken")

// run runs a handler with middleware for an event.
func run(t *testing.T, mw discord.Middleware, kind, data string, h discord.HandlerFunc) error {
	t.Helper()
	e, err := discord.NewEvent(kind, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return mw(h)(discord.NewContext(t.Context(), discord.NewClient("t"), e))
}

func TestRecover(t *testing.T) {
	err := run(t, middleware.Recover(), "READY", `{}`, func(*discord.Context) error { panic(errBroken) })
	var p *discord.PanicError
	if !errors.As(err, &p) || !errors.Is(err, errBroken) || !strings.Contains(string(p.Stack), "middleware_test.go") {
		t.Errorf("%v", err)
	}
	if err := run(t, middleware.Recover(), "READY", `{}`, func(*discord.Context) error { return errBroken }); err != errBroken {
		t.Errorf("%v", err)
	}
}

func TestLogger(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    discord.HandlerFunc
		want []string
	}{
		{"good", func(*discord.Context) error { return nil }, []string{"level=INFO msg=handled kind=MESSAGE_CREATE shard=0/0 guild=1 channel=2 user=3 took="}},
		{"error", func(*discord.Context) error { return errBroken }, []string{"level=WARN msg=\"handled with an error\"", "err=broken"}},
		{"panic", func(*discord.Context) error { return &discord.PanicError{Value: "x", Stack: []byte("at y")} }, []string{"err=\"panic: x\"", "stack=\"at y\""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			log := slog.New(slog.NewTextHandler(&b, nil))
			run(t, middleware.Logger(log), "MESSAGE_CREATE", `{"guild_id":"1","channel_id":"2","author":{"id":"3"},"content":"private"}`, tt.h)
			for _, want := range tt.want {
				if !strings.Contains(b.String(), want) {
					t.Errorf("the log is %s, want %s", &b, want)
				}
			}
			if strings.Contains(b.String(), "private") || strings.Count(b.String(), "\n") != 1 {
				t.Errorf("the log is %s", &b)
			}
		})
	}
}

// A list is an error that cannot be compared.
type list []error

func (l list) Error() string { return fmt.Sprint([]error(l)) }

func TestOnError(t *testing.T) {
	other := errors.New("other")
	for _, tt := range []struct {
		name string
		err  error
		f    func(err error) error
		want string // "" for no error
	}{
		{"none", nil, func(error) error { return other }, ""},
		{"dealt with", errBroken, func(error) error { return nil }, ""},
		{"passed on", errBroken, func(err error) error { return err }, "broken"},
		{"wrapped", errBroken, func(err error) error { return fmt.Errorf("x: %w", err) }, "x: broken"},
		{"another", errBroken, func(error) error { return other }, "broken\nother"},
		{"panic", errBroken, func(error) error { panic("y") }, "broken\npanic: y"},
		{"not comparable", list{errBroken}, func(err error) error { return err }, "[broken]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mw := middleware.OnError(func(_ *discord.Context, err error) error { return tt.f(err) })
			err := run(t, mw, "READY", `{}`, func(*discord.Context) error { return tt.err })
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for a nil function")
		}
	}()
	middleware.OnError(nil)
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(of func(*discord.Context) error) error {
			return run(t, middleware.Timeout(time.Second), "READY", `{}`, func(c *discord.Context) error {
				select {
				case <-c.Done():
					return of(c)
				case <-time.After(time.Minute):
					return nil
				}
			})
		}
		if err := wait(func(c *discord.Context) error { return context.Cause(c) }); err != middleware.ErrTimeout {
			t.Errorf("the cause: %v", err)
		}
		err := wait(func(c *discord.Context) error { return c.Err() })
		if !errors.Is(err, middleware.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || err.Error() != "timeout: context deadline exceeded" {
			t.Errorf("Err: %v", err)
		}
		if err := wait(func(*discord.Context) error { return nil }); err != nil {
			t.Errorf("no error: %v", err)
		}
	})
	defer func() {
		if v := recover(); v != "middleware: Timeout(0s)" {
			t.Errorf("panic: %v", v)
		}
	}()
	middleware.Timeout(0)
}

func TestIgnoreBots(t *testing.T) {
	for _, tt := range []struct {
		kind, data string
		want       bool
	}{
		{"MESSAGE_CREATE", `{"author":{"id":"1"}}`, true},
		{"MESSAGE_CREATE", `{"author":{"id":"1","bot":true}}`, false},
		{"MESSAGE_CREATE", `{"author":{"id":"1"},"webhook_id":"5"}`, false},
		{"MESSAGE_REACTION_ADD", `{"user_id":"1","member":{"user":{"id":"1","bot":true}}}`, false},
		{"MESSAGE_REACTION_REMOVE", `{"user_id":"1"}`, true},
		{"READY", `{"user":{"id":"1","bot":true}}`, true},
		{"GUILD_BAN_ADD", `{"guild_id":"1","user":{"id":"1","bot":true}}`, true},
	} {
		t.Run(tt.kind+" "+tt.data, func(t *testing.T) {
			called := false
			run(t, middleware.IgnoreBots(), tt.kind, tt.data, func(*discord.Context) error { called = true; return nil })
			if called != tt.want {
				t.Errorf("the handler was called: %v", called)
			}
		})
	}
}
