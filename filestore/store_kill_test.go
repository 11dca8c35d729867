package filestore

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// TestKilled: if a process is killed while it writes, each change that Swap has
// returned for is present, and at most one more of each key.
func TestKilled(t *testing.T) {
	const keys = 8
	if path := os.Getenv("FILESTORE_TEST_CHILD"); path != "" {
		countInStore(t, path, keys) // the process to kill
		return
	}
	path := filepath.Join(t.TempDir(), "s")
	var acked [keys]int
	for round := range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "FILESTORE_TEST_CHILD="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for in := bufio.NewScanner(out); in.Scan(); {
			var key, n int
			if _, err := fmt.Sscanf(in.Text(), "%d %d", &key, &n); err != nil {
				t.Errorf("the process says %q", in.Text())
				continue
			}
			acked[key] = n
			if lines++; lines == 100*(round+1) {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		if lines < 100*(round+1) {
			t.Fatalf("the process ended by itself, after %d lines", lines)
		}
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for key := range keys {
			v, err := s.Get(t.Context(), strconv.Itoa(key))
			n, _ := strconv.Atoi(string(v))
			// One more change may be written that the process has not reported.
			if n < acked[key] || n > acked[key]+1 || err != nil {
				t.Errorf("round %d: %d is %q, %v, want %d", round, key, v, err, acked[key])
			}
			acked[key] = n
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// countInStore counts in all keys, and prints each number after it is stored.
func countInStore(t *testing.T, path string, keys int) {
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for key := range keys {
		wg.Go(func() {
			k := strconv.Itoa(key)
			old, err := s.Get(t.Context(), k)
			n, _ := strconv.Atoi(string(old))
			for err == nil {
				n++
				next := []byte(strconv.Itoa(n))
				var ok bool
				if ok, err = s.Swap(t.Context(), k, old, next, 0); !ok {
					break
				}
				old = next
				fmt.Fprintf(os.Stdout, "%s %d\n", k, n) // one write
			}
			t.Error(err)
		})
	}
	wg.Wait()
}
