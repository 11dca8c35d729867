package peertest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/websocket"
)

// install installs ws in a directory, in the version of the lock file, and
// returns the directory.
func install(t *testing.T) (dir string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: apt-get install -y nodejs npm", err)
		}
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "ws"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// A result is the report of a program in testdata about a connection that has
// ended.
type result struct {
	Path       string
	Code       websocket.Code
	Reason     string
	Error      string
	Received   []string
	Pongs      int
	Extensions *string
}

// serveWS starts server.js. ended returns its report about the next connection
// that ends.
func serveWS(t *testing.T, dir string) (url string, ended func() result) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "node", "server.js")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		stop()
		for range lines {
		}
		cmd.Wait()
	})
	line := func() string {
		t.Helper()
		select {
		case s, ok := <-lines:
			if ok {
				return s
			}
			t.Fatal("the server has ended")
		case <-time.After(time.Minute):
			t.Fatal("the server says nothing")
		}
		return ""
	}
	return "ws://127.0.0.1:" + line(), func() (r result) {
		t.Helper()
		if s := line(); json.Unmarshal([]byte(s), &r) != nil {
			t.Fatalf("the server says %s", s)
		}
		return r
	}
}

// TestWSServes: our client talks to ws.
func TestWSServes(t *testing.T) {
	url, ended := serveWS(t, install(t))
	dial := func(t *testing.T, path string, opts *websocket.DialOptions) *websocket.Conn {
		t.Helper()
		c, _, err := websocket.Dial(within(t), url+path, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseNow)
		return c
	}
	// wantEnd checks how the connection ended for the server.
	wantEnd := func(t *testing.T, code websocket.Code, reason string) {
		t.Helper()
		if got := ended(); got.Code != code || got.Reason != reason {
			t.Errorf("the server saw %+v, want %d %q", got, code, reason)
		}
	}

	t.Run("echo, and we close", func(t *testing.T) {
		c := dial(t, "/echo", nil)
		exchange(t, c)
		if err := c.Close(within(t), 4200, "до свидания"); err != nil {
			t.Error(err)
		}
		wantEnd(t, 4200, "до свидания")
	})
	for query, want := range map[string]websocket.CloseError{
		"?code=4004&reason=auth": {Code: 4004, Reason: "auth"},
		"?code=1000":             {Code: 1000},
		"?code=1012":             {Code: 1012},
		"":                       {Code: websocket.CodeNoStatus},
	} {
		t.Run("it closes "+query, func(t *testing.T) {
			_, _, err := dial(t, "/close"+query, nil).Read(within(t))
			wantClose(t, err, want.Code, want.Reason)
			wantEnd(t, want.Code, "")
		})
	}
	t.Run("it goes without a close frame", func(t *testing.T) {
		c := dial(t, "/terminate", nil)
		if _, data, err := c.Read(within(t)); err != nil || string(data) != "last words" {
			t.Errorf("got %q, %v", data, err)
		}
		_, _, err := c.Read(within(t))
		var closed *websocket.CloseError
		if err == nil || errors.As(err, &closed) {
			t.Errorf("got %v", err)
		}
		wantEnd(t, 1006, "")
	})
	t.Run("it pings", func(t *testing.T) {
		c := dial(t, "/ping", nil)
		_, data, err := c.Read(within(t))
		var pongs []string
		if json.Unmarshal(data, &pongs); err != nil || len(pongs) != 10 || pongs[0] != "ping 0" || pongs[9] != "ping 9" {
			t.Errorf("got %s, %v", data, err)
		}
		c.Close(within(t), websocket.CodeNoStatus, "")
		wantEnd(t, websocket.CodeNoStatus, "")
	})
	t.Run("it sends fragments", func(t *testing.T) {
		c := dial(t, "/fragments", nil)
		if typ, data, err := c.Read(within(t)); err != nil || typ != websocket.Text || string(data) != "κόσμε и 🙂" {
			t.Errorf("got %v %q, %v", typ, data, err)
		}
		c.Close(within(t), websocket.CodeNormal, "")
		wantEnd(t, 1000, "")
	})
	t.Run("it sends text that is not UTF-8", func(t *testing.T) {
		_, _, err := dial(t, "/invalid", nil).Read(within(t))
		wantBroken(t, err, websocket.CodeInvalidData)
		wantEnd(t, 1007, "")
	})
	t.Run("we send too much", func(t *testing.T) {
		c := dial(t, "/echo", nil)
		c.Write(within(t), websocket.Binary, make([]byte, limit+1))
		_, _, err := c.Read(within(t))
		wantClose(t, err, websocket.CodeTooBig, "")
		if got := ended(); got.Code != 1006 && got.Code != 1009 {
			t.Errorf("the server saw %+v", got)
		}
	})
	t.Run("it does not read", func(t *testing.T) {
		c := dial(t, "/deaf", &websocket.DialOptions{WriteTimeout: 50 * time.Millisecond})
		var err error
		for err == nil {
			err = c.Write(within(t), websocket.Binary, make([]byte, 1<<20))
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestWSDials: ws talks to our server.
func TestWSDials(t *testing.T) {
	dir := install(t)
	// run runs client.js against a server, and returns the error that ended the
	// server's connection.
	run := func(t *testing.T, behaviour string, serve func(context.Context, *websocket.Conn) error) (r result, served error) {
		t.Helper()
		ended := make(chan error, 1)
		s := httptest.NewServer(ours(t, func(ctx context.Context, c *websocket.Conn) {
			err := serve(ctx, c)
			c.Close(ctx, websocket.CodeNormal, "")
			ended <- err
		}))
		defer s.Close()
		cmd := exec.CommandContext(within(t), "node", "client.js", wsURL(s), behaviour)
		cmd.Dir, cmd.Stderr = dir, os.Stderr
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &r)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if r.Extensions == nil || *r.Extensions != "" {
			t.Errorf("extensions: %v", r.Extensions)
		}
		return r, <-ended
	}
	wantCode := func(t *testing.T, r result, code websocket.Code, reason string) {
		t.Helper()
		if r.Code != code || r.Reason != reason || r.Error != "" {
			t.Errorf("the client saw %+v, want %d %q", r, code, reason)
		}
	}

	t.Run("echo, and it closes", func(t *testing.T) {
		r, served := run(t, "echo", echo)
		want := strings.Fields("text0 binary0 text1 binary1 text125 binary125 text126 binary126 text65535 binary65535 text65536 binary65536 text1048576 binary1048576")
		for i, s := range r.Received {
			r.Received[i] = strings.ReplaceAll(s, " ", "")
		}
		if !slices.Equal(r.Received, want) {
			t.Errorf("got %q", r.Received)
		}
		wantCode(t, r, 1000, "")
		wantClose(t, served, 1000, "")
	})
	t.Run("it sends fragments and pings", func(t *testing.T) {
		r, _ := run(t, "fragments", echo)
		if !slices.Equal(r.Received, []string{"the text 190000"}) || r.Pongs == 0 {
			t.Errorf("got %q, %d pongs", r.Received, r.Pongs)
		}
		wantCode(t, r, 1000, "")
	})
	t.Run("it closes with a reason", func(t *testing.T) {
		r, served := run(t, "close", echo)
		wantCode(t, r, 4200, "")
		wantClose(t, served, 4200, "до свидания")
	})
	t.Run("we close", func(t *testing.T) {
		r, served := run(t, "wait", func(ctx context.Context, c *websocket.Conn) error {
			return c.Close(ctx, 4009, "session timed out")
		})
		wantCode(t, r, 4009, "session timed out")
		if served != nil {
			t.Error(served)
		}
	})
	t.Run("it sends text that is not UTF-8", func(t *testing.T) {
		r, served := run(t, "invalid", echo)
		wantCode(t, r, 1007, "")
		wantBroken(t, served, websocket.CodeInvalidData)
	})
	t.Run("it sends too much", func(t *testing.T) {
		r, served := run(t, "large", echo)
		wantCode(t, r, 1009, "")
		wantBroken(t, served, websocket.CodeTooBig)
	})
	t.Run("we go without a close frame", func(t *testing.T) {
		r, _ := run(t, "wait", func(_ context.Context, c *websocket.Conn) error {
			c.CloseNow()
			return io.EOF
		})
		wantCode(t, r, 1006, "")
	})
}
