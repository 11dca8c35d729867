package filestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkCompact measures how long Swap takes in a Store of a million values,
// during a compaction ("compacting") and for the same time without one
// ("idle"). The files are in the directory that the environment variable
// FILESTORE_BENCH_DIR names, or in the one for temporary files.
func BenchmarkCompact(b *testing.B) {
	const keys = 1_000_000
	dir, err := os.MkdirTemp(os.Getenv("FILESTORE_BENCH_DIR"), "filestore")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := Open(filepath.Join(dir, "s"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := range keys {
		s.entries.Put(sessionKey(i), make([]byte, 300), 0)
	}
	if err := s.rewriteNow(); err != nil {
		b.Fatal(err)
	}
	var old []byte
	n := 0
	swapUntil := func(over func() bool) (took []time.Duration) {
		for !over() {
			next := fmt.Appendf(nil, "%0300d", n)
			n++
			begin := time.Now()
			if ok, err := s.Swap(context.Background(), "counter", old, next, 0); !ok || err != nil {
				b.Fatal(ok, err)
			}
			took = append(took, time.Since(begin))
			old = next
		}
		return took
	}
	report := func(name string, took []time.Duration) {
		slices.Sort(took)
		for unit, part := range map[string]float64{"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1} {
			d := took[int(part*float64(len(took)-1))]
			b.ReportMetric(float64(d.Microseconds()), unit+"-"+name+"-µs")
		}
	}
	var compacting, idle []time.Duration
	var total time.Duration
	for b.Loop() {
		begin := time.Now()
		s.disk.Lock()
		s.compact()
		s.disk.Unlock()
		compacting = append(compacting, swapUntil(func() bool {
			if !s.compactions.TryLock() {
				return false
			}
			s.compactions.Unlock()
			return true
		})...)
		took := time.Since(begin)
		total += took
		begin = time.Now()
		idle = append(idle, swapUntil(func() bool { return time.Since(begin) > took })...)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(total.Seconds()/float64(b.N), "s/compaction")
	report("compacting", compacting)
	report("idle", idle)
}

func sessionKey(i int) string { return fmt.Sprintf("session/200000001/\"cart\"/0/%d/", i) }
