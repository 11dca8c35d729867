package peertest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/vkrouter/vk/internal/websocket"
)

// A stage is a network without sockets. Its server upgrades, and then sends the
// same frame forever, as fast as it is read.
type stage struct {
	net.Conn
	request bytes.Buffer
	ready   chan struct{} // closed when the response is ready
	answer  []byte
	frame   []byte
	at      int
}

func newStage(first byte, payload []byte) *stage {
	frame := []byte{first}
	if len(payload) < 1<<16 {
		frame = append(frame, 126)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	} else {
		frame = append(frame, 127)
		frame = binary.BigEndian.AppendUint64(frame, uint64(len(payload)))
	}
	return &stage{frame: append(frame, payload...), ready: make(chan struct{})}
}

// client returns a client that dials the stage.
func (s *stage) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return s, nil }}}
}

func (s *stage) Write(p []byte) (int, error) {
	select {
	case <-s.ready:
		return len(p), nil
	default:
	}
	s.request.Write(p)
	if r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(s.request.Bytes()))); err == nil {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		s.answer = fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		close(s.ready)
	}
	return len(p), nil
}

func (s *stage) Read(p []byte) (int, error) {
	<-s.ready
	if n := copy(p, s.answer); n > 0 {
		s.answer = s.answer[n:]
		return n, nil
	}
	n := copy(p, s.frame[s.at:])
	if s.at += n; s.at == len(s.frame) {
		s.at = 0
	}
	return n, nil
}

func (s *stage) Close() error                     { return nil }
func (s *stage) SetDeadline(time.Time) error      { return nil }
func (s *stage) SetReadDeadline(time.Time) error  { return nil }
func (s *stage) SetWriteDeadline(time.Time) error { return nil }
func (s *stage) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *stage) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// A reader reads a message.
type reader func(ctx context.Context) (int, error)

// readers returns the two compared readers, each on its own stage.
func readers(b *testing.B, first byte, payload []byte) (ours, other reader) {
	s := newStage(first, payload)
	c, _, err := websocket.Dial(b.Context(), "ws://stage/", &websocket.DialOptions{HTTPClient: s.client()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.CloseNow)
	s = newStage(first, payload)
	o, _, err := coder.Dial(b.Context(), "ws://stage/", &coder.DialOptions{HTTPClient: s.client()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { o.CloseNow() })
	o.SetReadLimit(limit)
	return func(ctx context.Context) (int, error) {
			_, data, err := c.Read(ctx)
			return len(data), err
		}, func(ctx context.Context) (int, error) {
			_, data, err := o.Read(ctx)
			return len(data), err
		}
}

// BenchmarkRead reads messages without a network, with our package and with
// coder/websocket in turns. It reports our time and our allocations as a share
// of theirs. Only our package checks that a text is UTF-8.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		for name, payload := range map[string][]byte{
			"binary":   make([]byte, size),
			"ascii":    bytes.Repeat([]byte("a"), size),
			"cyrillic": []byte(strings.Repeat("я", size/2)),
		} {
			b.Run(fmt.Sprintf("%s/size=%s", name, kib(size)), func(b *testing.B) {
				first := byte(0x81)
				if name == "binary" {
					first = 0x82
				}
				ours, other := readers(b, first, payload)
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				var took [2]time.Duration
				var allocs, size [2]uint64
				const each = 100
				for b.Loop() {
					for i, read := range []reader{ours, other} {
						var before, after runtime.MemStats
						runtime.ReadMemStats(&before)
						start := time.Now()
						for range each {
							if n, err := read(ctx); err != nil || n != len(payload) {
								b.Fatalf("%d bytes, %v", n, err)
							}
						}
						took[i] += time.Since(start)
						runtime.ReadMemStats(&after)
						allocs[i] += after.Mallocs - before.Mallocs
						size[i] += after.TotalAlloc - before.TotalAlloc
					}
				}
				n := float64(b.N * each)
				b.ReportMetric(0, "ns/op")
				for i, who := range []string{"ours", "coder"} {
					b.ReportMetric(float64(took[i].Nanoseconds())/n, who+"-ns/message")
					b.ReportMetric(float64(allocs[i])/n, who+"-allocs/message")
				}
				b.ReportMetric(float64(took[0])/float64(took[1]), "time-ratio")
				b.ReportMetric(float64(allocs[0])/float64(allocs[1]), "allocs-ratio")
				b.ReportMetric(float64(size[0])/float64(size[1]), "bytes-ratio")
			})
		}
	}
}
