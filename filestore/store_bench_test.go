package filestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSwap shows the effect of shared writes.
func BenchmarkSwap(b *testing.B) {
	s := openStore(b)
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

// BenchmarkSwapRatio compares Swap with the minimal work that it requires:
// appending the same number of bytes to a file and syncing it. The two
// alternate on the same disk. The ratio is that of the medians.
func BenchmarkSwapRatio(b *testing.B) {
	s := openStore(b)
	raw, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	var swaps, appends []time.Duration
	var old []byte
	for i := 0; b.Loop(); i++ {
		next := fmt.Appendf(nil, "%0300d", i)
		begin := time.Now()
		if ok, err := s.Swap(context.Background(), "key", old, next, 0); !ok || err != nil {
			b.Fatal(ok, err)
		}
		middle := time.Now()
		frame := make([]byte, 326)
		if _, err := raw.WriteAt(frame, int64(i*len(frame))); err != nil {
			b.Fatal(err)
		}
		if err := raw.Sync(); err != nil {
			b.Fatal(err)
		}
		swaps, appends = append(swaps, middle.Sub(begin)), append(appends, time.Since(middle))
		old = next
	}
	slices.Sort(swaps)
	slices.Sort(appends)
	half := len(swaps) / 2
	b.ReportMetric(float64(swaps[half])/float64(appends[half]), "ratio")
	b.ReportMetric(float64(swaps[half].Nanoseconds()), "ns/swap")
	b.ReportMetric(float64(appends[half].Nanoseconds()), "ns/raw")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkOpen opens a file with a hundred thousand sessions of 300 bytes.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s")
	fillStore(b, path, 100_000, 300)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// fillStore stores n values of a size.
func fillStore(b *testing.B, path string, n, size int) {
	s, err := Open(path)
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
