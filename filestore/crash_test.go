package filestore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// TestCrash: if the process is killed or the power fails at any operation,
// before, during and after compactions, the file is undamaged and contains
// every change that Swap has returned for. The same holds if that happens once
// more after the next start.
func TestCrash(t *testing.T) {
	captureLog(t)
	for _, closeFirst := range []bool{false, true} {
		t.Run(fmt.Sprint("close first ", closeFirst), func(t *testing.T) {
			r := &recorder{closeFirst: closeFirst, names: make(map[string]int)}
			live(t, r, filepath.Join(t.TempDir(), "s"), make(map[string]int), true)
			t.Logf("%d events", len(r.log))
			rng := rand.New(rand.NewPCG(1, 2))
			dir := t.TempDir()
			for n := range len(r.log) + 1 {
				c := replay(r.log[:n])
				c.killed(t, dir)
				c.check(t, dir, fmt.Sprint("killed at ", n))
				for i := range 2 {
					c.powerless(t, dir, rng)
					c.check(t, dir, fmt.Sprint("no power at ", n, " #", i))
				}
				if n%20 != 0 && r.log[n-1].kind != "rename" {
					continue
				}
				// The process is killed, starts again, and then the power fails.
				again := &recorder{closeFirst: closeFirst, log: r.log[:n:n], names: maps.Clone(c.shown), files: r.files}
				c.killed(t, dir)
				live(t, again, filepath.Join(dir, "s"), maps.Clone(c.begun), false)
				for m := n; m <= len(again.log); m++ {
					c := replay(again.log[:m])
					c.powerless(t, dir, rng)
					c.check(t, dir, fmt.Sprint("killed at ", n, ", no power at ", m))
				}
			}
		})
	}
}

// live opens the Store in a file, counts in some values, compacts the file
// meanwhile, and closes the Store. If long is set, it repeats that for some
// rounds, and some syncs fail.
func live(t *testing.T, r *recorder, path string, begun map[string]int, long bool) {
	t.Helper()
	s, err := openWith(path, r)
	if err != nil {
		t.Fatal(err)
	}
	count := func(key string, size int) {
		b, _ := s.Get(t.Context(), key)
		r.mu.Lock()
		begun[key]++
		n := begun[key]
		r.mu.Unlock()
		r.note("begun", key, n)
		switch ok, err := s.Swap(t.Context(), key, b, fmt.Appendf(nil, "%d %0*d", n, size, 0), 0); {
		case ok:
			r.note("acked", key, n)
		case err == nil:
			t.Errorf("%s is not %q", key, b)
		} // otherwise a sync failed
	}
	// A change arrives during each sync of a new file, and the compaction copies it
	// at its end. The sync waits for the change until any sync has failed: a change
	// after that stops the compaction, and thus waits for the sync.
	var besides sync.WaitGroup
	var busy sync.Mutex
	r.failed = make(chan struct{})
	r.beside = func() {
		if !s.disk.TryLock() {
			return
		}
		s.disk.Unlock()
		if !busy.TryLock() {
			return
		}
		over := make(chan struct{})
		besides.Go(func() {
			defer close(over)
			defer busy.Unlock()
			count("beside", 200)
		})
		select {
		case <-over:
		case <-r.failed:
		}
	}
	rounds, changes := 1, 1
	if long {
		rounds, changes = 4, 3
	}
	for round := range rounds {
		if long && round == 3 {
			r.mu.Lock()
			r.failDir = true
			r.mu.Unlock()
		}
		s.disk.Lock()
		s.compact()
		s.disk.Unlock()
		var wg sync.WaitGroup
		for key := range 4 {
			wg.Go(func() {
				for range changes {
					count(strconv.Itoa(key), 100*key)
				}
			})
		}
		wg.Wait()
		s.awaitCompaction()
		count("late", 50)
		if long && round%2 == 1 {
			r.mu.Lock()
			r.failSync = true
			r.mu.Unlock()
		}
	}
	besides.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// check opens the Store in a directory after a crash.
func (c *crashed) check(t *testing.T, dir, what string) {
	t.Helper()
	path := filepath.Join(dir, "s")
	s, err := openWith(path, quiet{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer s.Close()
	for key, begun := range c.begun {
		b, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		fmt.Sscan(string(b), &n)
		if n < c.acked[key] || n > begun {
			t.Errorf("%s: %s is %.10q, want %d to %d", what, key, b, c.acked[key], begun)
		}
	}
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" {
		t.Errorf("%s: files %s", what, names)
	}
	if ok, err := s.Swap(t.Context(), "after", nil, []byte("1"), 0); !ok || err != nil {
		t.Errorf("%s: after it: %v, %v", what, ok, err)
	}
}
