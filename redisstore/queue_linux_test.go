package redisstore_test

import (
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func TestQueue(t *testing.T) {
	server := start(t)
	vktest.TestQueue(t, func() vk.Queue { return open(t, server) })
}
