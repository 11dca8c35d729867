package filestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkChange measures a change of a record of 300 bytes, as a multiple of
// the time to append the same bytes to a bare file and sync it.
func BenchmarkChange(b *testing.B) {
	ctx, dir := context.Background(), b.TempDir()
	s, err := filestore.Open(filepath.Join(dir, "store"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	var old []byte
	i := 0
	versus.Run(b, "write+sync", 1, func() {
		value := fmt.Appendf(nil, "%0300d", i)
		i++
		if ok, err := s.Swap(ctx, "key", old, value, 0); !ok || err != nil {
			b.Fatal(ok, err)
		}
		old = value
	}, func() {
		if _, err := f.Write(fmt.Appendf(nil, "%0300d", i)); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	})
}
