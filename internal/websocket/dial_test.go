package websocket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
)

// upgraded is a right answer; ACCEPT stands for the key's.
const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n"

// dialRaw dials a server that answers every request with a text, and calls f
// with the outcome and the server's end of the connection. refused is whether
// Dial must close the connection.
func dialRaw(t *testing.T, answer string, refused bool, opts *DialOptions, f func(t *testing.T, c *Conn, resp *http.Response, err error, wire net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("ws.test:80")
		defer l.Close()
		wires := make(chan net.Conn, 1)
		go func() {
			wire, err := l.Accept()
			if err != nil {
				return // Dial failed before
			}
			r, err := http.ReadRequest(bufio.NewReader(wire))
			if err != nil {
				t.Error(err)
				return
			}
			if r.Method != "GET" || r.Proto != "HTTP/1.1" || r.Host != "ws.test" || r.Header.Get("Sec-WebSocket-Version") != "13" ||
				!hasToken(r.Header, "Connection", "upgrade") || !hasToken(r.Header, "Upgrade", "websocket") ||
				r.Header["Sec-Websocket-Extensions"] != nil || r.Header["Sec-Websocket-Protocol"] != nil {
				t.Errorf("request: %v", r)
			}
			wires <- wire
			io.WriteString(wire, strings.ReplaceAll(answer, "ACCEPT", acceptKey(r.Header.Get("Sec-WebSocket-Key"))))
			if answer == "" || !strings.Contains(answer, "101") {
				wire.Close()
			}
			if refused {
				io.Copy(io.Discard, wire) // until the client closes it, or the test hangs
			}
		}()
		tr := &http.Transport{DialContext: l.Dial}
		defer tr.CloseIdleConnections()
		var o DialOptions
		if opts != nil {
			o = *opts
		}
		o.HTTPClient = &http.Client{Transport: tr, Timeout: time.Minute}
		c, resp, err := Dial(t.Context(), "ws://ws.test/gateway?token=hush", &o)
		var wire net.Conn
		if err == nil {
			wire = <-wires
			defer wire.Close()
			defer c.CloseNow()
		}
		f(t, c, resp, err, wire)
	})
}

// TestDialRefuses: the answer is no upgrade, or not the one that was asked for.
func TestDialRefuses(t *testing.T) {
	t.Parallel()
	with := func(from, to string) string {
		if !strings.Contains(upgraded, from) {
			panic(from)
		}
		return strings.Replace(upgraded, from, to, 1)
	}
	for _, c := range []struct {
		name, answer string
		status       int
		want         string // in the error's text
	}{
		{"no Accept", with("Sec-WebSocket-Accept: ACCEPT\r\n", ""), 101, "Sec-WebSocket-Accept"},
		{"empty Accept", with("ACCEPT", ""), 101, "Sec-WebSocket-Accept"},
		{"Accept of another key", with("ACCEPT", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), 101, "Sec-WebSocket-Accept"},
		{"Accept twice", with("Sec-WebSocket-Accept: ACCEPT\r\n", "Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Accept: ACCEPT\r\n"), 101, "Sec-WebSocket-Accept"},
		{"no Upgrade", with("Upgrade: websocket\r\n", ""), 101, "Upgrade: websocket"},
		{"Upgrade to something else", with("Upgrade: websocket", "Upgrade: h2c"), 101, "Upgrade: websocket"},
		{"no Connection", with("Connection: Upgrade\r\n", ""), 101, "Connection: Upgrade"},
		{"Connection that closes", with("Connection: Upgrade", "Connection: close"), 101, "Connection: Upgrade"},
		{"an extension", with("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), 101, "extension"},
		{"an empty extension", with("\r\n\r\n", "\r\nSec-WebSocket-Extensions:\r\n\r\n"), 101, "extension"},
		{"a subprotocol", with("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), 101, "subprotocol"},
		{"HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), 101, "HTTP/1.1"},
		{"200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "200 OK"},
		{"301", "HTTP/1.1 301 Moved Permanently\r\nLocation: ws://ws.test/else\r\nContent-Length: 5\r\n\r\nhello", 301, "301 Moved"},
		{"401", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nhello", 401, "401 Unauthorized"},
		{"426", "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 5\r\n\r\nhello", 426, "426"},
		{"503 with a long body", "HTTP/1.1 503 Busy\r\nContent-Length: 9000\r\n\r\nhello" + strings.Repeat("!", 8995), 503, "503 Busy"},
		{"503 with half a body", "HTTP/1.1 503 Busy\r\nContent-Length: 9000\r\n\r\nhello", 503, "503 Busy"},
		{"no answer", "", 0, "EOF"},
		{"half an answer", "HTTP/1.1 426 Upgr", 0, "EOF"},
		{"no HTTP", "SSH-2.0-OpenSSH_9.0\r\n\r\n", 0, "malformed"},
		{"huge header", strings.Replace(upgraded, "\r\n\r\n", "\r\nX: "+strings.Repeat("x", 11<<20)+"\r\n\r\n", 1), 0, "exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dialRaw(t, c.answer, true, nil, func(t *testing.T, conn *Conn, resp *http.Response, err error, _ net.Conn) {
				var failed *HandshakeError
				if conn != nil || !errors.As(err, &failed) || failed.Status != c.status || failed.URL != "ws://ws.test/gateway" {
					t.Fatalf("got %v, %#v", conn, err)
				}
				if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
					t.Errorf("got %v, want something about %s", err, c.want)
				}
				if (resp != nil) != (c.status != 0) {
					t.Fatalf("response %v", resp)
				}
				if resp == nil {
					return
				}
				body, err := io.ReadAll(resp.Body)
				if want := c.status != 101; resp.StatusCode != c.status || err != nil || strings.HasPrefix(string(body), "hello") != want || len(body) > maxBody {
					t.Errorf("status %d, body %.10q, %v", resp.StatusCode, body, err)
				}
			})
		})
	}
}

// TestDialAccepts: unusual answers that are right.
func TestDialAccepts(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"plain":       upgraded,
		"lists":       "HTTP/1.1 101 X\r\nConnection: keep-alive, uPGRADE\r\nUpgrade: foo/1, WebSocket\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n",
		"two lines":   "HTTP/1.1 101 X\r\nConnection: keep-alive\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept:  ACCEPT \r\n\r\n",
		"folded line": "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept:\r\n ACCEPT\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Data right behind the answer belongs to the connection.
			glued := string(text("hello").encode(false)) + string(text(stars(100_000)).encode(false))
			dialRaw(t, answer+glued, false, nil, func(t *testing.T, c *Conn, resp *http.Response, err error, wire net.Conn) {
				if err != nil || resp.StatusCode != 101 {
					t.Fatal(err)
				}
				time.Sleep(time.Hour) // the client's Timeout is for the handshake
				for _, want := range []string{"hello", stars(100_000)} {
					if _, data, err := c.Read(t.Context()); err != nil || string(data) != want {
						t.Errorf("got %.20q, %v", data, err)
					}
				}
				if err := c.Write(t.Context(), Text, []byte("hi")); err != nil {
					t.Error(err)
				}
				if f, err := decode(wire, true); err != nil || f != text("hi") {
					t.Errorf("the server got %v, %v", f, err)
				}
				if b, err := io.ReadAll(resp.Body); len(b) != 0 || err != nil {
					t.Errorf("the response has a body %q, %v", b, err)
				}
			})
		})
	}
}

func TestDialArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, url string
		opts      DialOptions
		want      string
	}{
		{"scheme", "http://ws.test/", DialOptions{}, "use ws or wss"},
		{"no scheme", "ws.test/", DialOptions{}, "use ws or wss"},
		{"no host", "ws:///path", DialOptions{}, "host"},
		{"fragment", "ws://ws.test/#top", DialOptions{}, "fragment"},
		{"malformed", "ws://ws.test/%zz?token=hush", DialOptions{}, "malformed"},
		{"header of the handshake", "ws://ws.test/", DialOptions{Header: http.Header{"Sec-Websocket-Key": {"x"}}}, "Sec-Websocket-Key"},
		{"extensions", "ws://ws.test/", DialOptions{Header: http.Header{"Sec-Websocket-Extensions": {"permessage-deflate"}}}, "Extensions"},
		{"subprotocols", "ws://ws.test/", DialOptions{Header: http.Header{"Sec-Websocket-Protocol": {"chat"}}}, "Protocol"},
		{"negative limit", "ws://ws.test/", DialOptions{ReadLimit: -1}, "must not be negative"},
		{"negative timeout", "ws://ws.test/", DialOptions{WriteTimeout: -1}, "must not be negative"},
		{"no upgrades", "ws://ws.test/", DialOptions{HTTPClient: &http.Client{Transport: flat{}}}, "does not support upgrades"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Dial(t.Context(), c.url, &c.opts)
			var failed *HandshakeError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// flat is a Transport that answers as if it could upgrade.
type flat struct{}

func (flat) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 101, ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader("")),
		Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Accept": {acceptKey(r.Header.Get("Sec-WebSocket-Key"))}},
	}, nil
}

func TestDialHeader(t *testing.T) {
	t.Parallel()
	header := http.Header{"User-Agent": {"bot"}, "X-Token": {"a", "b"}}
	dialRaw(t, upgraded, false, &DialOptions{Header: header}, func(t *testing.T, _ *Conn, resp *http.Response, err error, _ net.Conn) {
		if err != nil {
			t.Fatal(err)
		}
		if h := resp.Request.Header; h.Get("User-Agent") != "bot" || len(h["X-Token"]) != 2 {
			t.Errorf("sent %v", h)
		}
		if len(header) != 2 {
			t.Errorf("the caller's header was changed: %v", header)
		}
	})
}

// TestDialContext: the end of ctx ends the handshake, and means nothing later.
func TestDialContext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		ctx, client, want time.Duration
	}{
		{"ctx ends", time.Second, 0, time.Second},
		{"the client's Timeout is over", time.Minute, time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := memnet.Listen("ws.test:80")
				defer l.Close()
				tr := &http.Transport{DialContext: l.Dial}
				defer tr.CloseIdleConnections()
				ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
				defer cancel()
				start := time.Now()
				_, resp, err := Dial(ctx, "ws://ws.test/", &DialOptions{HTTPClient: &http.Client{Transport: tr, Timeout: c.client}})
				if !errors.Is(err, context.DeadlineExceeded) || resp != nil {
					t.Errorf("got %v", err)
				}
				took(t, "Dial", start, c.want)
			})
		})
	}
	t.Run("ctx ends after Dial", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := serveMem(t, echoHandler(t))
			ctx, cancel := context.WithCancel(t.Context())
			c, _, err := Dial(ctx, "ws://ws.test/", s.options())
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			synctest.Wait()
			echoes(t, c, "still open")
			if err := c.Close(t.Context(), CodeNormal, ""); err != nil {
				t.Error(err)
			}
			s.stop()
		})
	})
}
