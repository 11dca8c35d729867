package vktest_test

import (
	"path/filepath"
	"testing"

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
