package pgstore_test

import (
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	vktest.TestQueue(t, func() vk.Queue { return open(t, shared) })
}

func TestLimits(t *testing.T) {
	t.Parallel()
	vktest.TestLimits(t, func() vk.Limits { return open(t, shared) })
}
