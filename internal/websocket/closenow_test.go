package websocket

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
)

func TestCloseNow(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.echo()
		written := make(chan error, 2)
		for range 2 {
			go func() { written <- p.c.Write(t.Context(), Binary, make([]byte, 1<<20)) }()
		}
		synctest.Wait()
		start := time.Now()
		p.c.CloseNow()
		p.c.CloseNow()
		<-p.read
		wantClosed(t, "Read", p.err)
		wantClosed(t, "Write", <-written)
		wantClosed(t, "Write", <-written)
		wantClosed(t, "Close", p.c.Close(t.Context(), CodeNormal, ""))
		took(t, "CloseNow", start, 0)
		ends(t, p)
	})
}

// TestCloseNowTells: the peer still gets the close frame that it is owed, if it
// reads.
func TestCloseNowTells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		send, want raw
	}{
		{"answer", closing(4000, ""), closing(4000, "")},
		{"mistake", raw{first: 0xff}, closing(1002, "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			roles(t, func(t *testing.T, p *peer) {
				start := time.Now()
				p.send(0, c.send)
				if _, _, err := p.c.Read(t.Context()); err == nil {
					t.Error("no error")
				}
				p.c.CloseNow()
				took(t, "CloseNow", start, 0)
				if f, err := decode(p.wire, p.c.client); err != nil || f != c.want {
					t.Errorf("got %v, %v", f, err)
				}
			})
			roles(t, func(t *testing.T, p *peer) {
				go p.c.Write(t.Context(), Binary, make([]byte, 1<<20)) // to a peer that does not read
				synctest.Wait()
				start := time.Now()
				p.send(0, c.send)
				if _, _, err := p.c.Read(t.Context()); err == nil {
					t.Error("no error")
				}
				p.c.CloseNow()
				took(t, "CloseNow", start, grace)
			})
		})
	}
}

// A sluggish connection can be half closed, and takes a second to end a write.
type sluggish struct {
	io.ReadWriteCloser
	halved chan struct{}
}

func (s *sluggish) Write(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(p)
	if err != nil {
		time.Sleep(time.Second)
	}
	return n, err
}

func (s *sluggish) CloseWrite() error {
	close(s.halved)
	return nil
}

// TestCloseNowWaits for the goroutine that answers pings.
func TestCloseNowWaits(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.c.rwc.Write(make([]byte, 64<<10)) // the buffer is full
		p.c.rwc = &sluggish{p.c.rwc, nil}
		p.echo()
		p.send(0, ping("a"))
		start := time.Now()
		p.c.CloseNow()
		took(t, "CloseNow", start, time.Second)
	})
}

// TestHalfClose: a server, and either side after a protocol error, closes the
// sending direction first. Data that the peer has still on its way would otherwise
// meet a closed socket, and the reset would destroy the unread close frame.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		client, half bool
		send         raw
	}{
		{"a server that is closed", false, true, closing(1000, "")},
		{"a client that is closed", true, false, closing(1000, "")},
		{"a server that fails", false, true, raw{first: 0xff}},
		{"a client that fails", true, true, raw{first: 0xff}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, c.client, DefaultReadLimit, func(t *testing.T, p *peer) {
				half := &sluggish{p.c.rwc, make(chan struct{})}
				p.c.rwc = half
				start := time.Now()
				p.send(0, c.send)
				if _, _, err := p.c.Read(t.Context()); err == nil {
					t.Error("no error")
				}
				if _, err := decode(p.wire, c.client); err != nil {
					t.Errorf("no close frame: %v", err)
				}
				synctest.Wait()
				select {
				case <-half.halved:
					if !c.half {
						t.Error("half closed")
					}
				default:
					if c.half {
						t.Error("not half closed")
					}
				}
				time.Sleep(time.Second)
				if _, err := p.wire.Write(make([]byte, 100_000)); err != nil {
					t.Errorf("the rest of the peer's data: %v", err)
				}
				p.wire.Close()
				if err := p.c.Close(t.Context(), CodeNormal, ""); (err == nil) != (c.send == closing(1000, "")) {
					t.Errorf("Close: %v", err)
				}
				took(t, "all", start, time.Second)
			})
		})
	}
}

// TestReset: a network that breaks is no close frame.
func TestReset(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.echo()
		p.send(0, raw{first: fin | 1, payload: "half a fr", withheld: 3})
		p.wire.(*memnet.Conn).Reset()
		<-p.read
		var closed *CloseError
		if p.err == nil || errors.As(p.err, &closed) || errors.Is(p.err, io.EOF) {
			t.Errorf("got %v", p.err)
		}
		ends(t, p)
	})
}
