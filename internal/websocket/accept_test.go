package websocket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
)

// A server is an HTTP server over a network in memory.
type server struct {
	t      *testing.T
	l      *memnet.Listener
	srv    *http.Server
	tr     *http.Transport
	ended  chan struct{}
	served sync.WaitGroup // handlers
}

// serveMem starts a server in a bubble. stop must be called before it ends.
func serveMem(t *testing.T, h http.Handler) *server {
	s := &server{t: t, l: memnet.Listen("ws.test:80"), ended: make(chan struct{})}
	s.srv = &http.Server{ReadTimeout: time.Minute, WriteTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		defer s.served.Done()
		h.ServeHTTP(w, r)
	})}
	s.tr = &http.Transport{DialContext: s.l.Dial}
	go func() {
		defer close(s.ended)
		s.srv.Serve(s.l)
	}()
	return s
}

func (s *server) options() *DialOptions {
	return &DialOptions{HTTPClient: &http.Client{Transport: s.tr}}
}

func (s *server) stop() {
	s.tr.CloseIdleConnections()
	if err := s.srv.Shutdown(context.Background()); err != nil {
		s.t.Error(err)
	}
	<-s.ended
	s.served.Wait()
}

// echoHandler accepts connections and sends their messages back.
func echoHandler(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, nil)
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		defer c.CloseNow()
		for {
			typ, data, err := c.Read(r.Context())
			if err != nil {
				var closed *CloseError
				if errors.As(err, &closed) {
					c.Close(r.Context(), CodeNormal, "")
				}
				return
			}
			if err := c.Write(r.Context(), typ, data); err != nil {
				return
			}
		}
	})
}

// echoes expects that a message comes back.
func echoes(t testing.TB, c *Conn, s string) {
	t.Helper()
	if err := c.Write(t.Context(), Text, []byte(s)); err != nil {
		t.Fatal(err)
	}
	if typ, data, err := c.Read(t.Context()); err != nil || typ != Text || string(data) != s {
		t.Fatalf("got %v %.30q, %v", typ, data, err)
	}
}

// request is a correct request.
const request = "GET / HTTP/1.1\r\nHost: ws.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func TestAcceptRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, from, to string
		status         int
		header         string // that the answer must have
	}{
		{"no Connection", "Connection: keep-alive, Upgrade\r\n", "", 426, "Upgrade"},
		{"Connection without Upgrade", ", Upgrade", "", 426, "Upgrade"},
		{"no Upgrade", "Upgrade: websocket\r\n", "", 426, "Upgrade"},
		{"Upgrade to something else", "websocket", "h2c", 426, "Upgrade"},
		{"no version", "Sec-WebSocket-Version: 13\r\n", "", 426, "Sec-Websocket-Version"},
		{"old version", "13", "8", 426, "Sec-Websocket-Version"},
		{"no key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400, ""},
		{"short key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", 400, ""},
		{"key that is no base64", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ!!", 400, ""},
		{"two keys", "Host: ", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost: ", 400, ""},
		{"POST", "GET", "POST", 405, "Allow"},
		{"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", 426, "Upgrade"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(request, c.from) {
				t.Fatal("nothing is changed")
			}
			synctest.Test(t, func(t *testing.T) {
				s := serveMem(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					conn, err := Accept(w, r, nil)
					var failed *HandshakeError
					if conn != nil || !errors.As(err, &failed) || failed.Status != c.status {
						t.Errorf("Accept: %v", err)
					}
				}))
				defer s.stop()
				wire, _ := s.l.Dial(t.Context(), "tcp", "")
				defer wire.Close()
				io.WriteString(wire, strings.Replace(request, c.from, c.to, 1))
				resp, err := http.ReadResponse(bufio.NewReader(wire), nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != c.status || c.header != "" && resp.Header.Get(c.header) == "" {
					t.Errorf("answered %s, %v", resp.Status, resp.Header)
				}
			})
		})
	}
}

// TestAccept: the answer is the one of RFC 6455's example, the header that the
// handler set goes with it, and a frame right behind the request is read.
func TestAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveMem(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Shard", "3")
			c, err := Accept(w, r, &AcceptOptions{ReadLimit: 10})
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Hour) // beyond the timeouts of the server
			for _, want := range []string{"glued", "later"} {
				if _, data, err := c.Read(t.Context()); err != nil || string(data) != want {
					t.Errorf("got %q, %v", data, err)
				}
			}
			_, _, err = c.Read(t.Context())
			var broken *ProtocolError
			if !errors.As(err, &broken) || broken.Code != CodeTooBig {
				t.Errorf("got %v", err)
			}
			c.CloseNow()
		}))
		wire, _ := s.l.Dial(t.Context(), "tcp", "")
		defer wire.Close()
		io.WriteString(wire, request+string(text("glued").encode(true)))
		br := bufio.NewReader(wire)
		resp, err := http.ReadResponse(br, &http.Request{Method: "GET"})
		if err != nil {
			t.Fatal(err)
		}
		h := resp.Header
		if resp.StatusCode != 101 || h.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || h.Get("X-Shard") != "3" ||
			h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" || len(h) != 4 {
			t.Errorf("answered %s, %v", resp.Status, h)
		}
		wire.Write(text("later").encode(true))
		wire.Write(text("longer than the limit").encode(true))
		if f, err := decode(br, false); err != nil || f != closing(1009, "") {
			t.Errorf("got %v, %v", f, err)
		}
		s.stop()
	})
}

func TestAcceptOptions(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/", nil)
	for field, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(field, value)
	}
	for name, opts := range map[string]*AcceptOptions{
		"negative limit":   {ReadLimit: -1},
		"negative timeout": {WriteTimeout: -1},
		"no hijacker":      nil, // a Recorder is none
	} {
		w := httptest.NewRecorder()
		_, err := Accept(w, r, opts)
		var failed *HandshakeError
		if !errors.As(err, &failed) || w.Code != 500 || strings.Contains(w.Body.String(), "negative") {
			t.Errorf("%s: got %v, answered %d %q", name, err, w.Code, w.Body)
		}
	}
}

// TestAcceptDeadlines: the server's deadlines are not the connection's, and a
// client that does not even read the answer does not keep Accept.
func TestAcceptDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := wires(t)
		defer far.Close()
		near.SetDeadline(time.Now().Add(time.Minute)) // the server's
		r, _ := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		c, err := Accept(hijackable{httptest.NewRecorder(), near}, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		far.Write(text("late").encode(true))
		if _, data, err := c.Read(t.Context()); err != nil || string(data) != "late" {
			t.Errorf("got %q, %v", data, err)
		}
		c.CloseNow()
	})
	synctest.Test(t, func(t *testing.T) {
		near, far := wires(t)
		defer far.Close()
		near.Write(make([]byte, 64<<10)) // the buffer is full
		w := hijackable{httptest.NewRecorder(), near}
		r, _ := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		start := time.Now()
		if _, err := Accept(w, r, &AcceptOptions{WriteTimeout: time.Second}); err == nil {
			t.Error("no error")
		}
		took(t, "Accept", start, time.Second)
	})
}

type hijackable struct {
	http.ResponseWriter
	nc net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}
