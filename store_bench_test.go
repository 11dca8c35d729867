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

// benchStores runs a benchmark with a store in memory, and with one in a file.
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

func BenchmarkMemoryStoreSwap(b *testing.B) {
	s := new(vk.MemoryStore)
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
}
