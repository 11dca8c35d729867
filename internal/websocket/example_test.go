package websocket_test

import (
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/websocket"
)

// serve starts a server that gives each connection to f, and returns its
// address.
func serve(f func(context.Context, *websocket.Conn) error) (url string, stop func()) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{ReadLimit: 4096})
		if err != nil {
			return // the client was told
		}
		defer c.CloseNow()
		if err := f(r.Context(), c); err != nil {
			log.Print(err)
		}
	}))
	return "ws" + strings.TrimPrefix(s.URL, "http"), s.Close
}

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	url, stop := serve(func(ctx context.Context, c *websocket.Conn) error {
		typ, data, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if err := c.Write(ctx, typ, append([]byte("you said "), data...)); err != nil {
			return err
		}
		return c.Close(ctx, 4004, "authentication failed")
	})
	defer stop()

	c, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.Text, []byte("hello")); err != nil {
		log.Fatal(err)
	}
	for {
		typ, data, err := c.Read(ctx)
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			fmt.Println("closed:", closed.Code, closed.Reason)
			return
		case err != nil:
			log.Fatal(err)
		}
		fmt.Printf("%v: %s\n", typ, data)
	}
	// Output:
	// text: you said hello
	// closed: 4004 authentication failed
}

// One zlib stream may run through all messages of a connection.
func ExampleConn_Reader() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	url, stop := serve(func(ctx context.Context, c *websocket.Conn) error {
		var message strings.Builder
		z := zlib.NewWriter(&message)
		for i := range 3 {
			fmt.Fprintf(z, `{"op":%d}`, i)
			z.Flush()
			if err := c.Write(ctx, websocket.Binary, []byte(message.String())); err != nil {
				return err
			}
			message.Reset()
		}
		return c.Close(ctx, websocket.CodeNormal, "")
	})
	defer stop()

	c, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()
	z, err := zlib.NewReader(&messages{ctx: ctx, c: c})
	if err != nil {
		log.Fatal(err)
	}
	for payloads := json.NewDecoder(z); ; {
		var payload struct{ Op int }
		if err := payloads.Decode(&payload); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("op", payload.Op)
	}
	// Output:
	// op 0
	// op 1
	// op 2
	// websocket: the peer closed the connection: 1000
}

// messages reads one message after the other.
type messages struct {
	ctx context.Context
	c   *websocket.Conn
	r   io.Reader // of the present one
}

func (m *messages) Read(p []byte) (int, error) {
	for {
		if m.r == nil {
			var err error
			if _, m.r, err = m.c.Reader(m.ctx); err != nil {
				return 0, err
			}
		}
		n, err := m.r.Read(p)
		if err == io.EOF {
			m.r, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
