package vktest_test

import (
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(vktest.Queue)
		vktest.TestQueue(t, func() vk.Queue { return q })
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(vktest.Limits)
		vktest.TestLimits(t, func() vk.Limits { return l })
	})
}
