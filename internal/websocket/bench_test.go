package websocket

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkEcho sends a message and reads it back, over a socket.
func BenchmarkEcho(b *testing.B) {
	s := httptest.NewServer(echoHandler(b))
	defer s.Close()
	for _, size := range []int{1 << 10, 100 << 10} {
		for _, typ := range []MessageType{Text, Binary} {
			b.Run(fmt.Sprintf("%v/size=%dKiB", typ, size>>10), func(b *testing.B) {
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				c, _, err := Dial(ctx, wsURL(s), nil)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close(ctx, CodeNormal, "")
				data := []byte(strings.Repeat("я", size/2))
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := c.Write(ctx, typ, data); err != nil {
						b.Fatal(err)
					}
					if _, _, err := c.Read(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// An endless connection delivers the same frame again and again.
type endless struct {
	frame []byte
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.frame[e.at:])
	if e.at += n; e.at == len(e.frame) {
		e.at = 0
	}
	return n, nil
}

func (*endless) Write(p []byte) (int, error) { return len(p), nil }

func (*endless) Close() error { return net.ErrClosed }

// BenchmarkRead reads messages without a network, whole and as a stream.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		for name, frame := range map[string]raw{
			"ascii":    text(stars(size)),
			"cyrillic": text(strings.Repeat("я", size/2)),
			"binary":   binaryOf(stars(size)),
		} {
			for _, client := range []bool{true, false} {
				role := map[bool]string{true: "client", false: "server"}[client]
				e := &endless{frame: frame.encode(!client)}
				run := func(how string, read func(ctx context.Context, c *Conn) error) {
					b.Run(fmt.Sprintf("%s/%s/%s/size=%dKiB", how, name, role, size>>10), func(b *testing.B) {
						c := newConn(e, bufio.NewReaderSize(e, readBuffer), client, DefaultReadLimit, DefaultWriteTimeout)
						defer c.CloseNow()
						e.at = 0
						ctx, cancel := context.WithCancel(b.Context())
						defer cancel()
						b.SetBytes(int64(size))
						b.ReportAllocs()
						for b.Loop() {
							if err := read(ctx, c); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
				run("Read", func(ctx context.Context, c *Conn) error {
					_, _, err := c.Read(ctx)
					return err
				})
				run("Reader", func(ctx context.Context, c *Conn) error {
					_, r, err := c.Reader(ctx)
					if err == nil {
						_, err = io.Copy(io.Discard, r)
					}
					return err
				})
			}
		}
	}
}

// BenchmarkWrite writes messages without a network.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		for _, client := range []bool{true, false} {
			role := map[bool]string{true: "client", false: "server"}[client]
			b.Run(fmt.Sprintf("%s/size=%dKiB", role, size>>10), func(b *testing.B) {
				e := new(endless)
				c := newConn(e, bufio.NewReader(e), client, DefaultReadLimit, DefaultWriteTimeout)
				defer c.CloseNow()
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				data := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := c.Write(ctx, Binary, data); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
