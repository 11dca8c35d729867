package vktest_test

import (
	"path/filepath"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/vktest"
)

// A test of a custom Store.
func ExampleTestStore() {
	_ = func(t *testing.T) {
		store, err := filestore.Open(filepath.Join(t.TempDir(), "store"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		vktest.TestStore(t, store)
	}
}

// The test of a Queue of one's own. Each call of the function opens it as another process
// would.
func ExampleTestQueue() {
	_ = func(t *testing.T) {
		queue := new(vktest.Queue)
		vktest.TestQueue(t, func() vk.Queue { return queue })
	}
}

// The test of Limits of one's own.
func ExampleTestLimits() {
	_ = func(t *testing.T) {
		limits := new(vktest.Limits)
		vktest.TestLimits(t, func() vk.Limits { return limits })
	}
}
