package websocket

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// goroutines waits until there are at most n goroutines, and reports how many
// there are if that does not come.
func goroutines(t *testing.T, n int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > n {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), n, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// wsURL returns the address of a test server for Dial.
func wsURL(s *httptest.Server) string { return "ws" + strings.TrimPrefix(s.URL, "http") }

// TestNoGoroutineStays dials and closes over sockets, a thousand times and in all
// ways.
func TestNoGoroutineStays(t *testing.T) {
	s := httptest.NewServer(echoHandler(t))
	defer s.Close()
	tr := &http.Transport{}
	client := &http.Client{Transport: tr}
	before := runtime.NumGoroutine()
	for i := range 1000 {
		c, _, err := Dial(t.Context(), wsURL(s), &DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var reader sync.WaitGroup
		switch i % 5 {
		case 0:
			echoes(t, c, "hello")
		case 1:
			reader.Go(func() { c.Read(ctx) })
		case 2:
			reader.Go(func() { c.Read(ctx) })
			cancel()
		}
		if i%2 == 0 {
			err = c.Close(t.Context(), 4200, "")
			if i%5 != 2 && err != nil {
				t.Fatalf("Close: %v", err)
			}
		} else {
			c.CloseNow()
		}
		cancel()
		reader.Wait()
	}
	s.CloseClientConnections()
	tr.CloseIdleConnections()
	goroutines(t, before)
}

// TestNothingStaysInVirtualTime is TestNoGoroutineStays over a network in memory,
// where a goroutine that is left, even for a moment, fails the test.
func TestNothingStaysInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveMem(t, echoHandler(t))
		start := time.Now()
		for range 100 {
			c, _, err := Dial(t.Context(), "ws://ws.test/", s.options())
			if err != nil {
				t.Fatal(err)
			}
			echoes(t, c, "hello")
			if err := c.Close(t.Context(), CodeNormal, ""); err != nil {
				t.Fatal(err)
			}
		}
		took(t, "all", start, 0)
		s.stop()
	})
}
