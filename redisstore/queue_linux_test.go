package redisstore_test

import (
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/vktest"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	server := start(t)
	vktest.TestQueue(t, func() vk.Queue { return open(t, server) })
}

func TestLimits(t *testing.T) {
	t.Parallel()
	server := start(t)
	vktest.TestLimits(t, func() vk.Limits { return open(t, server) })
}

func TestQueueCluster(t *testing.T) {
	t.Parallel()
	store := cluster(t)
	vktest.TestQueue(t, func() vk.Queue { return store })
	vktest.TestLimits(t, func() vk.Limits { return store })
}

func TestQueuePutAnswer(t *testing.T) { storetest.PutAnswer(t, open(t, start(t))) }
