package websocket

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/internal/memnet"
)

// A raw is a frame as it is on the wire, right or wrong. It is encoded and
// decoded here without the code under test.
type raw struct {
	first    byte // FIN, the reserved bits and the opcode
	payload  string
	withheld int // bytes that the header promises beyond payload, and that never come
}

// String describes a frame in a few words.
func (f raw) String() string {
	if n := len(f.payload); n > 60 {
		return fmt.Sprintf("%#02x %d bytes", f.first, n)
	}
	return fmt.Sprintf("%#02x %q", f.first, f.payload)
}

const (
	fin    = 0x80
	maskOn = 0x80
)

func text(s string) raw           { return raw{first: fin | 1, payload: s} }
func binaryOf(s string) raw       { return raw{first: fin | 2, payload: s} }
func begin(op byte, s string) raw { return raw{first: op, payload: s} }
func more(s string) raw           { return raw{payload: s} }
func last(s string) raw           { return raw{first: fin, payload: s} }
func ping(s string) raw           { return raw{first: fin | 9, payload: s} }
func pong(s string) raw           { return raw{first: fin | 10, payload: s} }
func closing(code int, reason string) raw {
	return raw{first: fin | 8, payload: string([]byte{byte(code >> 8), byte(code)}) + reason}
}

// encode returns the frame with the shortest length. Masked, it has a key that
// differs from frame to frame.
func (f raw) encode(masked bool) []byte {
	b := []byte{f.first, 0}
	switch n := len(f.payload) + f.withheld; {
	case n < 126:
		b[1] = byte(n)
	case n < 65536:
		b[1] = 126
		b = append(b, byte(n>>8), byte(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if !masked {
		return append(b, f.payload...)
	}
	b[1] |= maskOn
	key := [4]byte{f.first, 0x5a, byte(len(f.payload)), 0xc3}
	b = append(b, key[:]...)
	for i := range len(f.payload) {
		b = append(b, f.payload[i]^key[i%4])
	}
	return b
}

// decode reads a frame of an endpoint that masks, or does not.
func decode(r io.Reader, masked bool) (raw, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return raw{}, err
	}
	if (head[1]&maskOn != 0) != masked {
		return raw{}, fmt.Errorf("frame %x: masked is not %v", head, masked)
	}
	n := int(head[1] &^ maskOn)
	if n > 125 {
		long := make([]byte, map[int]int{126: 2, 127: 8}[n])
		if _, err := io.ReadFull(r, long); err != nil {
			return raw{}, err
		}
		n = 0
		for _, c := range long {
			n = n<<8 | int(c)
		}
		if len(long) == 2 && n < 126 || len(long) == 8 && n < 1<<16 {
			return raw{}, fmt.Errorf("length %d in %d bytes", n, len(long))
		}
	}
	var key [4]byte
	if masked {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return raw{}, err
		}
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return raw{}, err
	}
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return raw{first: head[0], payload: string(payload)}, nil
}

// wires returns the two ends of a connection in memory.
func wires(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l := memnet.Listen("ws.test:80")
	defer l.Close()
	a, err := l.Dial(context.Background(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// connOf returns a connection over one end.
func connOf(nc net.Conn, client bool, limit int64) *Conn {
	return newConn(nc, bufio.NewReaderSize(nc, readBuffer), client, limit, DefaultWriteTimeout)
}

// A peer is the other end of a connection under test. It speaks in raw frames
// and keeps all frames that it gets.
type peer struct {
	t    *testing.T
	c    *Conn // under test
	wire net.Conn

	heard chan struct{} // closed when c has closed the connection
	got   []raw         // complete once heard is closed, or in a bubble where all wait

	read chan struct{} // closed when Reads of c have failed
	err  error         // of the Read

	gotClose, sentClose sync.Once
	halves              atomic.Int32
}

// roles runs f as a test of a connection of each role, in virtual time. A
// goroutine that is left fails the test.
func roles(t *testing.T, f func(t *testing.T, p *peer)) {
	t.Helper()
	for _, client := range []bool{true, false} {
		t.Run(map[bool]string{true: "client", false: "server"}[client], func(t *testing.T) {
			bubble(t, client, DefaultReadLimit, f)
		})
	}
}

// bubble runs f with a peer in virtual time.
func bubble(t *testing.T, client bool, limit int64, f func(t *testing.T, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := wires(t)
		p := &peer{t: t, c: connOf(near, client, limit), wire: far, heard: make(chan struct{}), read: make(chan struct{})}
		f(t, p)
		p.c.CloseNow()
		far.Close()
	})
}

// half is called when one close frame was sent or has come. After both, a server
// closes the wire.
func (p *peer) half() {
	if p.halves.Add(1) == 2 && p.c.client {
		p.wire.Close()
	}
}

// listen collects the frames that the connection writes.
func (p *peer) listen() {
	go func() {
		defer close(p.heard)
		for {
			f, err := decode(p.wire, p.c.client)
			if err != nil {
				if err != io.EOF && !errors.Is(err, net.ErrClosed) {
					p.t.Errorf("the peer reads: %v", err)
				}
				return
			}
			p.got = append(p.got, f)
			if f.first == fin|8 {
				p.gotClose.Do(p.half)
			}
		}
	}()
}

// echo makes the connection send back all messages, until it fails.
func (p *peer) echo() {
	go func() {
		defer close(p.read)
		for {
			typ, data, err := p.c.Read(p.t.Context())
			if err != nil {
				p.err = err
				return
			}
			if err := p.c.Write(p.t.Context(), typ, data); err != nil {
				p.err = fmt.Errorf("echo: %w", err)
				return
			}
		}
	}()
}

// send writes frames, in pieces of size bytes, each after the last was read; 0
// is for all in one.
func (p *peer) send(size int, frames ...raw) {
	var b []byte
	for _, f := range frames {
		b = append(b, f.encode(!p.c.client)...)
	}
	p.sendBytes(size, b)
	for _, f := range frames {
		if f.first == fin|8 {
			p.sentClose.Do(p.half)
		}
	}
}

// sendBytes is send of bytes as they are.
func (p *peer) sendBytes(size int, b []byte) {
	if size == 0 {
		size = max(1, len(b))
	}
	for len(b) > 0 {
		n := min(size, len(b))
		if _, err := p.wire.Write(b[:n]); err != nil {
			return // the connection has failed already, as most are to
		}
		b = b[n:]
		synctest.Wait()
	}
}

// same fails the test if two lists of frames differ.
func same(t *testing.T, got, want []raw) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("frame %d is missing: want %v", i, want[i])
		case i >= len(want):
			t.Errorf("frame %d is too many: %v", i, got[i])
		case got[i] != want[i]:
			t.Errorf("frame %d: got %v, want %v", i, got[i], want[i])
		default:
			continue
		}
		return
	}
}
