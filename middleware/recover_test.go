package middleware_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

func TestRecover(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		name string
		h    vk.HandlerFunc
		want func(error) bool
	}{
		{"no panic", func(c *vk.Context) error { return nil }, func(err error) bool { return err == nil }},
		{"an error passes", func(c *vk.Context) error { return cause }, func(err error) bool { return err == cause }},
		{"a value", func(c *vk.Context) error { panic("boom") }, func(err error) bool {
			p, ok := err.(*vk.PanicError)
			return ok && p.Value == "boom" && strings.Contains(string(p.Stack), "recover_test.go")
		}},
		{"an error", func(c *vk.Context) error { panic(cause) }, func(err error) bool { return errors.Is(err, cause) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := vktest.NewContext("x")
			if err := middleware.Recover()(tt.h)(c); !tt.want(err) {
				t.Errorf("err = %v", err)
			}
		})
	}
}
