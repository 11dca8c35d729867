package middleware

import (
	"errors"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestMaxConcurrencyKeepsNothing checks that unused keys take no memory.
func TestMaxConcurrencyKeepsNothing(t *testing.T) {
	mc := NewMaxConcurrency(1, vk.PerUser)
	r := vk.NewRouter("!")
	inside := 0
	r.Handle("work", func(*vk.Context) error {
		inside = mc.lines.Len()
		return errors.New("failed")
	}, mc.Wrap)
	c, _ := vktest.NewContext("!work")
	r.Serve(c)
	if inside != 1 || mc.lines.Len() != 0 {
		t.Errorf("%d keys are kept inside of the handler, and %d after it", inside, mc.lines.Len())
	}
}
