package vk_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// benchStores runs a benchmark on each Store of this package.
func benchStores(b *testing.B, run func(b *testing.B, s vk.Store)) {
	b.Run("memory", func(b *testing.B) { run(b, new(vk.MemoryStore)) })
	b.Run("file", func(b *testing.B) { run(b, openStore(b, filepath.Join(b.TempDir(), "s"))) })
}

func BenchmarkSessionUpdate(b *testing.B) {
	type cart struct {
		Step  string
		Items []string
		Total int
	}
	benchStores(b, func(b *testing.B, store vk.Store) {
		s := &vk.Session[cart]{Store: store, Name: "cart"}
		c, _ := vktest.NewContext("hi")
		key := vk.PerUser(c)
		s.Update(c, key, func(v *cart) error { v.Step, v.Items = "address", []string{"tea", "milk"}; return nil })
		b.Run("get", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Get(c, key)
			}
		})
		b.Run("update", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Update(c, key, func(v *cart) error { v.Total++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkStoreSwap shows what it brings that changes share a write.
func BenchmarkStoreSwap(b *testing.B) {
	benchStores(b, func(b *testing.B, s vk.Store) {
		for _, workers := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%d at a time", workers), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(max(workers/2, 1))
				var keys atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					key := fmt.Sprint(b.Name(), keys.Add(1))
					var old []byte
					for i := 0; pb.Next(); i++ {
						next := fmt.Appendf(nil, "%0300d", i)
						if ok, err := s.Swap(context.Background(), key, old, next, 0); !ok || err != nil {
							old, _ = s.Get(context.Background(), key)
						} else {
							old = next
						}
					}
				})
			})
		}
	})
}

// BenchmarkFileStoreOpen is the start of a bot with a hundred thousand sessions
// of 300 bytes.
func BenchmarkFileStoreOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s")
	fillStore(b, path, 100_000, 300)
	b.ReportAllocs()
	for b.Loop() {
		s, err := vk.OpenFileStore(path)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func fillStore(b *testing.B, path string, n, size int) {
	s, err := vk.OpenFileStore(path)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var next atomic.Int64
	done := make(chan error)
	const workers = 512
	for range workers {
		go func() {
			var err error
			for i := next.Add(1); i <= int64(n) && err == nil; i = next.Add(1) {
				_, err = s.Swap(context.Background(), fmt.Sprintf("session/200000001/\"cart\"/0/%d/", i), nil, make([]byte, size), 0)
			}
			done <- err
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
