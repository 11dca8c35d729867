// Package storetest has the parts that the tests of the stores share: tests
// with a server that is killed, calls that fail the test, and connections that
// count their traffic or lose an answer.
//
// The contract of a Store and of a Queue is tested by vktest.TestStore and
// vktest.TestQueue.
package storetest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// Swap swaps a value. It fails the test if that fails.
func Swap(t testing.TB, s vk.Store, key, old, new string, ttl time.Duration) {
	t.Helper()
	if ok, err := s.Swap(context.Background(), key, []byte(old), []byte(new), ttl); !ok || err != nil {
		t.Fatalf("Swap %q from %q to %q: %v, %v", key, old, new, ok, err)
	}
}

// Value returns a value.
func Value(t testing.TB, s vk.Store, key string) string {
	t.Helper()
	v, err := s.Get(context.Background(), key)
	if err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	return string(v)
}

// IsError checks that err is an E whose text has all parts.
func IsError[E error](t testing.TB, err error, parts ...string) {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a %T", err, e)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// A Server can be killed and started again with the same data.
type Server interface {
	Kill()
	Start() error
}

// Kill kills the server that number of times while many clients count. The
// Store must lose no change for which Swap returned true, and make no change
// twice.
func Kill(t *testing.T, s vk.Store, server Server, kills int) {
	ctx, cancel := context.WithCancel(context.Background())
	var swapped, unsure atomic.Int64
	progress := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				old, err := s.Get(context.Background(), "n")
				if err != nil {
					continue
				}
				n, _ := strconv.Atoi(string(old))
				ok, err := s.Swap(context.Background(), "n", old, strconv.AppendInt(nil, int64(n)+1, 10), 0)
				switch {
				case err != nil:
					unsure.Add(1)
				case ok:
					swapped.Add(1)
					signal(progress)
				}
			}
		})
	}
	killWhile(t, server, kills, progress)
	cancel()
	wg.Wait()
	n, _ := strconv.ParseInt(Value(t, s, "n"), 10, 64)
	if sure, most := swapped.Load(), swapped.Load()+unsure.Load(); n < sure || n > most {
		t.Errorf("the count is %d, want %d to %d", n, sure, most)
	}
	t.Logf("%d swapped, %d unsure, count %d", swapped.Load(), unsure.Load(), n)
}

// killWhile kills the server several times, with progress before each kill and
// after the last.
func killWhile(t *testing.T, server Server, kills int, progress <-chan struct{}) {
	t.Helper()
	for range kills {
		for range 20 {
			<-progress
		}
		server.Kill()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	<-progress
	<-progress
}

// signal reports progress.
func signal(progress chan<- struct{}) {
	select {
	case progress <- struct{}{}:
	default:
	}
}
