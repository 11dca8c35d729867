package vk_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkMemoryStore is a read or a change of one of a thousand records of 300
// bytes, in times of a map with a lock around.
func BenchmarkMemoryStore(b *testing.B) {
	const records = 1000
	ctx := context.Background()
	keys, values := make([]string, records), make([][]byte, records)
	for i := range keys {
		keys[i] = fmt.Sprintf("session/200000001/\"cart\"/0/%d/", i)
		values[i] = fmt.Appendf(nil, "%0300d", i)
	}
	filled := func(b *testing.B) (*vk.MemoryStore, map[string][]byte) {
		s, m := new(vk.MemoryStore), make(map[string][]byte)
		for i, key := range keys {
			m[key] = values[i]
			if ok, err := s.Swap(ctx, key, nil, values[i], 0); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		return s, m
	}
	var mu sync.Mutex
	b.Run("get", func(b *testing.B) {
		s, m := filled(b)
		var i, j int
		versus.Run(b, "map", 1, func() {
			if v, err := s.Get(ctx, keys[i%records]); err != nil || len(v) == 0 {
				b.Fatal(v, err)
			}
			i++
		}, func() {
			mu.Lock()
			v := m[keys[j%records]]
			mu.Unlock()
			if len(v) == 0 {
				b.Fatal("no value")
			}
			j++
		})
	})
	b.Run("swap", func(b *testing.B) {
		s, m := filled(b)
		var i, j int
		versus.Run(b, "map", 1, func() {
			k := i % records
			if ok, err := s.Swap(ctx, keys[k], values[k], values[k], 0); !ok || err != nil {
				b.Fatal(ok, err)
			}
			i++
		}, func() {
			k := j % records
			mu.Lock()
			if string(m[keys[k]]) == string(values[k]) {
				m[keys[k]] = values[k]
			}
			mu.Unlock()
			j++
		})
	})
}
