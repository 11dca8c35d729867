// Package peertest tests package websocket against other implementations:
// github.com/coder/websocket, and ws of npm. It is a separate module, so that
// users of this library do not download them. It needs node and npm, and fails
// without them.
package peertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/websocket"
)

// sizes are the message sizes around the limits of the header forms.
var sizes = []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20}

// limit is the read limit of the servers here, and that of ws.
const limit = 8 << 20

// within returns a context that ends long after the test.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// wsURL returns the address of a server for a WebSocket.
func wsURL(s *httptest.Server) string { return "ws" + strings.TrimPrefix(s.URL, "http") }

// ours returns a handler that accepts connections with our package and gives
// them to f.
func ours(t testing.TB, f func(ctx context.Context, c *websocket.Conn)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{ReadLimit: limit})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		f(r.Context(), c)
	})
}

// echo sends back all messages, and returns the error that ends the loop.
func echo(ctx context.Context, c *websocket.Conn) error {
	for {
		typ, data, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if err := c.Write(ctx, typ, data); err != nil {
			return err
		}
	}
}

// exchange checks that the peer, which must be another implementation, sends
// back messages of all sizes.
func exchange(t *testing.T, c *websocket.Conn) {
	t.Helper()
	ctx := within(t)
	for _, size := range sizes {
		for typ, s := range map[websocket.MessageType]string{websocket.Text: strings.Repeat("я", size/2) + strings.Repeat("a", size%2), websocket.Binary: strings.Repeat("\xfe", size)} {
			if err := c.Write(ctx, typ, []byte(s)); err != nil {
				t.Fatalf("%v of %d bytes: %v", typ, size, err)
			}
			got, data, err := c.Read(ctx)
			if err != nil || got != typ || string(data) != s {
				t.Fatalf("%v of %d bytes: got %v of %d, %v", typ, size, got, len(data), err)
			}
		}
	}
}

// wantClose checks that the peer has closed the connection.
func wantClose(t *testing.T, err error, code websocket.Code, reason string) {
	t.Helper()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code || closed.Reason != reason {
		t.Errorf("got %v, want %d %q", err, code, reason)
	}
}

// wantBroken checks that the peer violated the protocol.
func wantBroken(t *testing.T, err error, code websocket.Code) {
	t.Helper()
	var broken *websocket.ProtocolError
	if !errors.As(err, &broken) || broken.Code != code {
		t.Errorf("got %v, want a ProtocolError of %d", err, code)
	}
}

// kib names a size.
func kib(size int) string { return fmt.Sprintf("%dKiB", size>>10) }
