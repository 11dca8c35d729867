package peertest

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/vkrouter/vk/internal/websocket"
)

// coders returns a handler that accepts connections with coder/websocket and
// gives them to f.
func coders(t testing.TB, f func(ctx context.Context, c *coder.Conn)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(limit)
		f(r.Context(), c)
	})
}

// dial dials a server with our package.
func dial(t *testing.T, s *httptest.Server) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(within(t), wsURL(s), &websocket.DialOptions{HTTPClient: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseNow)
	return c
}

// dialCoder dials a server with coder/websocket.
func dialCoder(t *testing.T, s *httptest.Server) *coder.Conn {
	t.Helper()
	c, _, err := coder.Dial(within(t), wsURL(s), &coder.DialOptions{HTTPClient: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(limit)
	return c
}

// TestCoderServes: our client talks to coder/websocket, plain and over TLS.
func TestCoderServes(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Run("echo, and we close", func(t *testing.T) {
				ended := make(chan error, 1)
				s := start(coders(t, func(ctx context.Context, c *coder.Conn) {
					for {
						typ, data, err := c.Read(ctx)
						if err == nil {
							err = c.Write(ctx, typ, data)
						}
						if err != nil {
							ended <- err
							return
						}
					}
				}))
				defer s.Close()
				c := dial(t, s)
				exchange(t, c)
				if err := c.Close(within(t), 4200, "back soon"); err != nil {
					t.Error(err)
				}
				if err := <-ended; coder.CloseStatus(err) != 4200 {
					t.Errorf("the server got %v", err)
				}
			})
			t.Run("it pings and closes", func(t *testing.T) {
				s := start(coders(t, func(ctx context.Context, c *coder.Conn) {
					reading := c.CloseRead(ctx)
					for range 10 {
						if err := c.Ping(reading); err != nil {
							t.Errorf("Ping: %v", err)
						}
					}
					if err := c.Close(4004, "authentication failed"); err != nil {
						t.Errorf("Close: %v", err)
					}
				}))
				defer s.Close()
				_, _, err := dial(t, s).Read(within(t))
				wantClose(t, err, 4004, "authentication failed")
			})
			t.Run("a message in fragments", func(t *testing.T) {
				s := start(coders(t, func(ctx context.Context, c *coder.Conn) {
					w, err := c.Writer(ctx, coder.MessageText)
					if err != nil {
						t.Error(err)
						return
					}
					for range 100 {
						w.Write(bytes.Repeat([]byte("я"), 5000))
					}
					w.Close()
					c.Close(coder.StatusNormalClosure, "")
				}))
				defer s.Close()
				c := dial(t, s)
				if _, data, err := c.Read(within(t)); err != nil || string(data) != string(bytes.Repeat([]byte("я"), 500_000)) {
					t.Errorf("got %d bytes, %v", len(data), err)
				}
				_, _, err := c.Read(within(t))
				wantClose(t, err, websocket.CodeNormal, "")
			})
			t.Run("text that is not UTF-8", func(t *testing.T) {
				ended := make(chan error, 1)
				s := start(coders(t, func(ctx context.Context, c *coder.Conn) {
					c.Write(ctx, coder.MessageText, []byte("\xff"))
					_, _, err := c.Read(ctx)
					ended <- err
				}))
				defer s.Close()
				_, _, err := dial(t, s).Read(within(t))
				wantBroken(t, err, websocket.CodeInvalidData)
				if err := <-ended; coder.CloseStatus(err) != coder.StatusInvalidFramePayloadData {
					t.Errorf("the server got %v", err)
				}
			})
			t.Run("we send too much", func(t *testing.T) {
				s := start(coders(t, func(ctx context.Context, c *coder.Conn) {
					c.SetReadLimit(1000)
					c.Read(ctx)
				}))
				defer s.Close()
				c := dial(t, s)
				if err := c.Write(within(t), websocket.Binary, make([]byte, 1001)); err != nil {
					t.Error(err)
				}
				_, _, err := c.Read(within(t))
				wantClose(t, err, websocket.CodeTooBig, "read limited at 1001 bytes")
			})
		})
	}
}

// TestCoderDials: coder/websocket talks to our server.
func TestCoderDials(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Run("echo, and it closes", func(t *testing.T) {
				ended := make(chan error, 1)
				s := start(ours(t, func(ctx context.Context, c *websocket.Conn) { ended <- echo(ctx, c) }))
				defer s.Close()
				c, ctx := dialCoder(t, s), within(t)
				for _, size := range sizes {
					data := bytes.Repeat([]byte("x"), size)
					if err := c.Write(ctx, coder.MessageText, data); err != nil {
						t.Fatal(err)
					}
					if typ, got, err := c.Read(ctx); err != nil || typ != coder.MessageText || !bytes.Equal(got, data) {
						t.Fatalf("%d bytes: got %v of %d, %v", size, typ, len(got), err)
					}
				}
				if err := c.Close(4321, "enough"); err != nil {
					t.Error(err)
				}
				wantClose(t, <-ended, 4321, "enough")
			})
			t.Run("it pings, and we close", func(t *testing.T) {
				pinged := make(chan struct{})
				s := start(ours(t, func(ctx context.Context, c *websocket.Conn) {
					go c.Read(ctx)
					<-pinged
					if err := c.Close(ctx, 4009, "session timed out"); err != nil {
						t.Errorf("Close: %v", err)
					}
				}))
				defer s.Close()
				c, ctx := dialCoder(t, s), within(t)
				read := make(chan error, 1)
				go func() {
					_, _, err := c.Read(ctx)
					read <- err
				}()
				for range 10 {
					if err := c.Ping(ctx); err != nil {
						t.Errorf("Ping: %v", err)
					}
				}
				close(pinged)
				if err := <-read; coder.CloseStatus(err) != 4009 {
					t.Errorf("the client got %v", err)
				}
			})
			t.Run("it sends too much", func(t *testing.T) {
				s := start(ours(t, func(ctx context.Context, c *websocket.Conn) {
					wantBroken(t, echo(ctx, c), websocket.CodeTooBig)
					c.Close(ctx, websocket.CodeNormal, "")
				}))
				defer s.Close()
				c, ctx := dialCoder(t, s), within(t)
				c.Write(ctx, coder.MessageBinary, make([]byte, limit+1)) // may fail before it ends
				if _, _, err := c.Read(ctx); coder.CloseStatus(err) != coder.StatusMessageTooBig {
					t.Errorf("the client got %v", err)
				}
			})
		})
	}
}
