package memnet

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/versus"
)

// serve runs an HTTP server and returns a client for it. stop ends both and
// waits for the server.
func serve(t testing.TB, l net.Listener, dial func(context.Context, string, string) (net.Conn, error), h http.Handler) (c *http.Client, stop func()) {
	srv := &http.Server{Handler: h, ReadTimeout: time.Minute, IdleTimeout: time.Hour}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	tr := &http.Transport{DialContext: dial}
	return &http.Client{Transport: tr}, func() {
		tr.CloseIdleConnections()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != http.ErrServerClosed {
			t.Error(err)
		}
	}
}

// inBubble is like serve, over a Listener in virtual time. A goroutine leaked
// at the end fails the test.
func inBubble(t *testing.T, h http.HandlerFunc, f func(t *testing.T, c *http.Client)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := Listen("vk.test:80")
		c, stop := serve(t, l, l.Dial, h)
		defer stop()
		f(t, c)
	})
}

// get returns the body of a page.
func get(t testing.TB, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHTTPKeepAlive(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.RemoteAddr)
	}, func(t *testing.T, c *http.Client) {
		first := get(t, c, "http://vk.test/")
		for range 100 {
			if got := get(t, c, "http://vk.test/"); got != first {
				t.Fatalf("connection of %s was not kept: now %s", first, got)
			}
		}
	})
}

func TestHTTPGzip(t *testing.T) {
	want := strings.Repeat("a long page ", 100_000)
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("the transport does not ask for gzip")
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		io.WriteString(z, want)
	}, func(t *testing.T, c *http.Client) {
		if got := get(t, c, "http://vk.test/"); got != want {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
	})
}

func TestHTTPUpload(t *testing.T) {
	body := bytes.Repeat([]byte("picture"), 300_000)
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(b, body) {
			t.Errorf("got %d bytes, %v; want %d", len(b), err, len(body))
		}
	}, func(t *testing.T, c *http.Client) {
		resp, err := c.Post("http://vk.test/", "image/jpeg", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
}

func TestHTTPLongPoll(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(25 * time.Second):
			io.WriteString(w, "{}")
		case <-r.Context().Done():
			t.Error("the client went away")
		}
	}, func(t *testing.T, c *http.Client) {
		start := time.Now()
		for range 144 {
			get(t, c, "http://vk.test/")
		}
		if got := time.Since(start); got != time.Hour {
			t.Errorf("144 polls took %v of virtual time", got)
		}
	})
}

// TestHTTPCancel cancels a long poll and checks that the server notices.
func TestHTTPCancel(t *testing.T) {
	gone := false
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		gone = true
	}, func(t *testing.T, c *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "http://vk.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if !gone {
			t.Error("the handler still waits")
		}
	})
}

// TestHTTPReset breaks the connection in the middle of a response.
func TestHTTPReset(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!")
		<-time.After(time.Second) // the client reads the bytes sent so far
		c.(*Conn).Reset()
	}, func(t *testing.T, c *http.Client) {
		resp, err := c.Get("http://vk.test/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if string(b) != "five!" {
			t.Errorf("got %q", b)
		}
		wantErr(t, "read", err, syscall.ECONNRESET)
	})
}

// BenchmarkHTTP compares a request over the in-memory network with one over
// loopback.
func BenchmarkHTTP(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"response":1}`)
	})
	request := func(l net.Listener, dial func(context.Context, string, string) (net.Conn, error)) func() {
		c, stop := serve(b, l, dial, h)
		b.Cleanup(stop)
		return func() { get(b, c, "http://vk.test/") }
	}
	mem := Listen("vk.test:80")
	loopback, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	versus.Run(b, "loopback", 1, request(mem, mem.Dial), request(loopback, func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", loopback.Addr().String())
	}))
}
