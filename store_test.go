package vk_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/versus"
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

// TestMemoryStore: a MemoryStore satisfies the contract of Store, in synctest
// bubbles and outside.
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

// BenchmarkMemoryStore reads or changes one of a thousand records of 300 bytes.
// It reports the time relative to a map with a lock.
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
