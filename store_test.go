package vk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/vktest"
)

// openStore opens a Store in a file. The test closes it at its end.
func openStore(t testing.TB, path string) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// packageStore is a package variable, as in many bots.
var packageStore vk.MemoryStore

// TestMemoryStore: a MemoryStore satisfies the contract of Store, in bubbles and
// outside.
func TestMemoryStore(t *testing.T) {
	t.Run("real time", func(t *testing.T) { t.Parallel(); vktest.TestStore(t, new(vk.MemoryStore)) })
	t.Run("in bubbles", func(t *testing.T) {
		for range 2 {
			synctest.Test(t, func(t *testing.T) { vktest.TestStore(t, &packageStore) })
		}
	})
}

// TestMemoryStoreRefuses: Get and Swap check their arguments.
func TestMemoryStoreRefuses(t *testing.T) {
	s := new(vk.MemoryStore)
	for _, tt := range []struct {
		key  string
		size int
		want string
	}{
		{"", 1, "vk: store: empty key"},
		{fmt.Sprintf("%01025d", 0), 1, `vk: store: "0000000000000000000000000000000000000000"…: a key of 1025 bytes: at most 1024`},
		{"a", 64<<20 + 1, `vk: store: "a": a value of 67108865 bytes: at most 67108864`},
	} {
		if ok, err := s.Swap(t.Context(), tt.key, nil, make([]byte, tt.size), 0); ok || fmt.Sprint(err) != tt.want {
			t.Errorf("%v, %v, want %s", ok, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(vk.ErrStopped)
	if _, err := s.Get(ctx, "a"); !errors.Is(err, vk.ErrStopped) {
		t.Errorf("%v: not the context's cause", err)
	}
}
