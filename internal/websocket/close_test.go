package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wantClosed expects an error of a connection that this side closed.
func wantClosed(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: got %v, want net.ErrClosed", what, err)
	}
}

// took expects that so much time has passed since start.
func took(t *testing.T, what string, start time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(start); got != want {
		t.Errorf("%s took %v, want %v", what, got, want)
	}
}

// ends expects that the connection is closed, and stays so.
func ends(t *testing.T, p *peer) {
	t.Helper()
	if _, _, err := p.c.Read(t.Context()); err == nil {
		t.Error("Read works")
	}
	if err := p.c.Write(t.Context(), Text, nil); err == nil {
		t.Error("Write works")
	}
	if _, err := p.wire.Write(make([]byte, 1)); err == nil {
		t.Error("the wire is open")
	}
}

func TestClose(t *testing.T) {
	t.Parallel()

	t.Run("answered", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			p.listen()
			go func() {
				time.Sleep(time.Second)
				p.send(0, begin(1, "dropped"), ping("not answered"), last("too"), closing(4321, "you too"))
			}()
			if err := p.c.Close(t.Context(), 4200, "back soon"); err != nil {
				t.Error(err)
			}
			took(t, "Close", start, time.Second)
			<-p.heard
			same(t, p.got, []raw{closing(4200, "back soon")})
			ends(t, p)
			if err := p.c.Close(t.Context(), 4200, "again"); err != nil {
				t.Errorf("second Close: %v", err)
			}
			_, _, err := p.c.Read(t.Context())
			wantClosed(t, "Read", err)
		})
	})

	t.Run("while another goroutine reads", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			go func() {
				defer close(p.read)
				if _, data, err := p.c.Read(t.Context()); err != nil {
					p.err = err
				} else {
					t.Errorf("Read returned %q after Close", data)
				}
			}()
			synctest.Wait()
			go func() {
				time.Sleep(time.Second)
				p.send(0, text("dropped"), ping("not answered"), binaryOf("dropped"), closing(1000, ""))
			}()
			if err := p.c.Close(t.Context(), CodeNormal, ""); err != nil {
				t.Error(err)
			}
			<-p.read
			wantClosed(t, "Read", p.err)
			<-p.heard
			same(t, p.got, []raw{closing(1000, "")})
		})
	})

	t.Run("with a message half read", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			p.send(0, begin(2, "half"))
			_, r, err := p.c.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p.send(0, last("the rest"), text("another"), closing(1000, ""))
			if err := p.c.Close(t.Context(), CodeNormal, ""); err != nil {
				t.Error(err)
			}
			_, err = r.Read(make([]byte, 1))
			wantClosed(t, "read on", err)
		})
	})

	t.Run("without a code", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			p.send(0, raw{first: fin | 8})
			if err := p.c.Close(t.Context(), CodeNoStatus, ""); err != nil {
				t.Error(err)
			}
			<-p.heard
			same(t, p.got, []raw{{first: fin | 8}})
		})
	})

	t.Run("both sides at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := wires(t)
			a, b := connOf(near, true, DefaultReadLimit), connOf(far, false, DefaultReadLimit)
			start := time.Now()
			var wg sync.WaitGroup
			for _, c := range []*Conn{a, b, a, b} {
				wg.Go(func() {
					if err := c.Close(t.Context(), CodeGoingAway, ""); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			took(t, "Close", start, 0)
		})
	})

	t.Run("arguments that are not for the wire", func(t *testing.T) {
		for _, c := range []struct {
			code   Code
			reason string
		}{{0, ""}, {999, ""}, {1004, ""}, {CodeNoStatus, "why"}, {1006, ""}, {1015, ""}, {2999, ""}, {5000, ""}, {1000, strings.Repeat("x", 124)}, {1000, "\xff"}} {
			bubble(t, true, DefaultReadLimit, func(t *testing.T, p *peer) {
				p.listen()
				err := p.c.Close(t.Context(), c.code, c.reason)
				if err == nil || errors.Is(err, net.ErrClosed) {
					t.Errorf("%d %q: got %v", c.code, c.reason, err)
				}
				<-p.heard
				same(t, p.got, nil)
				ends(t, p)
			})
		}
	})
}

// TestCloseIsBounded: the peer does not do its part, and Close comes back.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()

	t.Run("the peer never answers", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			go io.Copy(io.Discard, p.wire)
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if err := p.c.Close(t.Context(), CodeNormal, ""); err == nil || !strings.Contains(err.Error(), "no close frame within 5s") {
						t.Errorf("got %v", err)
					}
					took(t, "Close", start, closeTimeout)
				})
			}
			wg.Wait()
			ends(t, p)
		})
	})

	t.Run("ctx ends before", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			p.echo()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := p.c.Close(ctx, CodeNormal, ""); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			took(t, "Close", start, time.Second)
			<-p.read
			wantClosed(t, "Read", p.err)
			ends(t, p)
		})
	})

	t.Run("the peer sends for ever", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				for {
					time.Sleep(time.Millisecond)
					if _, err := p.wire.Write(text("still here").encode(!p.c.client)); err != nil {
						return
					}
				}
			}()
			if err := p.c.Close(t.Context(), CodeNormal, ""); err == nil {
				t.Error("no error")
			}
			took(t, "Close", start, closeTimeout)
			<-gone
		})
	})

	t.Run("the peer reads nothing", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			written := make(chan error)
			go func() { written <- p.c.Write(t.Context(), Binary, make([]byte, 1<<20)) }()
			synctest.Wait()
			go func() {
				if err := p.c.Close(t.Context(), CodeNormal, ""); err == nil {
					t.Error("no error")
				}
				took(t, "Close", start, closeTimeout)
			}()
			wantClosed(t, "Write", <-written)
			took(t, "Write", start, closeTimeout)
		})
	})

	t.Run("the peer goes without a close frame", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			p.wire.Close()
			if err := p.c.Close(t.Context(), CodeNormal, ""); err == nil {
				t.Error("no error")
			}
		})
		roles(t, func(t *testing.T, p *peer) {
			go func() {
				decode(p.wire, p.c.client)
				time.Sleep(time.Second)
				p.wire.Close()
			}()
			start := time.Now()
			if err := p.c.Close(t.Context(), CodeNormal, ""); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v", err)
			}
			took(t, "Close", start, time.Second)
		})
	})

	t.Run("the peer answers nonsense", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			p.send(0, raw{first: 0xff})
			var broken *ProtocolError
			if err := p.c.Close(t.Context(), CodeNormal, ""); !errors.As(err, &broken) {
				t.Errorf("got %v", err)
			}
			<-p.heard
			same(t, p.got, []raw{closing(1000, "")})
		})
	})
}

// TestPeerCloses: Read returns the code at once, and the rest is done without the
// reader.
func TestPeerCloses(t *testing.T) {
	t.Parallel()

	t.Run("code and reason", func(t *testing.T) {
		for _, want := range []CloseError{{4004, "Authentication failed."}, {1000, ""}, {CodeNoStatus, ""}} {
			roles(t, func(t *testing.T, p *peer) {
				p.listen()
				if f := closing(int(want.Code), want.Reason); want.Code != CodeNoStatus {
					p.send(0, f)
				} else {
					p.send(0, raw{first: fin | 8})
				}
				for range 2 {
					_, _, err := p.c.Read(t.Context())
					var closed *CloseError
					if !errors.As(err, &closed) || *closed != want {
						t.Errorf("Read: got %v, want %v", err, want)
					}
					err = p.c.Write(t.Context(), Text, []byte("too late"))
					if !errors.As(err, &closed) || *closed != want {
						t.Errorf("Write: got %v, want %v", err, want)
					}
				}
				if err := p.c.Close(t.Context(), CodeNormal, ""); err != nil {
					t.Errorf("Close: %v", err)
				}
				<-p.heard
			})
		}
	})

	t.Run("and the server leaves the wire open", func(t *testing.T) {
		bubble(t, true, DefaultReadLimit, func(t *testing.T, p *peer) {
			start := time.Now()
			go io.Copy(io.Discard, p.wire)
			p.send(0, closing(1000, ""))
			if _, _, err := p.c.Read(t.Context()); err == nil {
				t.Error("no error")
			}
			took(t, "Read", start, 0)
			if err := p.c.Close(t.Context(), CodeNormal, ""); err != nil {
				t.Error(err)
			}
			took(t, "Close", start, closeTimeout)
		})
	})

	t.Run("and does not read", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			written := make(chan error)
			go func() { written <- p.c.Write(t.Context(), Binary, make([]byte, 1<<20)) }()
			synctest.Wait()
			p.send(0, closing(4000, ""))
			_, _, err := p.c.Read(t.Context())
			var closed *CloseError
			if !errors.As(err, &closed) || closed.Code != 4000 {
				t.Errorf("Read: got %v", err)
			}
			took(t, "Read", start, 0)
			if err := <-written; !errors.As(err, &closed) {
				t.Errorf("Write: got %v", err)
			}
			took(t, "Write", start, closeTimeout)
			if err := p.c.Close(t.Context(), CodeNormal, ""); err == nil {
				t.Error("Close: no error, though the peer got no close frame")
			}
		})
	})

	t.Run("and a write fails first", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.send(0, text("last words"), closing(4014, "Disallowed intent(s)."))
			p.wire.Close()
			for range 2 {
				if err := p.c.Write(t.Context(), Text, []byte("heartbeat")); err == nil {
					t.Error("Write works")
				}
			}
			if _, data, err := p.c.Read(t.Context()); err != nil || string(data) != "last words" {
				t.Errorf("Read: got %q, %v", data, err)
			}
			_, _, err := p.c.Read(t.Context())
			var closed *CloseError
			if !errors.As(err, &closed) || closed.Code != 4014 {
				t.Errorf("Read: got %v", err)
			}
		})
	})
}

// TestWriteErrorEndsReads: a write fails, and nothing comes from the peer either.
// Nothing is written behind half a frame.
func TestWriteErrorEndsReads(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		rwc := &breaking{ReadWriteCloser: p.c.rwc}
		p.c.rwc = rwc
		start := time.Now()
		p.echo()
		for range 2 {
			if err := p.c.Write(t.Context(), Text, nil); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("got %v", err)
			}
		}
		p.send(0, ping("not answered"))
		<-p.read
		if rwc.writes != 1 {
			t.Errorf("%d writes", rwc.writes)
		}
		took(t, "Read", start, closeTimeout)
		if !errors.Is(p.err, io.ErrShortWrite) {
			t.Errorf("got %v", p.err)
		}
	})
}

// A breaking connection cannot be written to, once.
type breaking struct {
	io.ReadWriteCloser
	writes int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.writes++; b.writes == 1 {
		return 0, io.ErrShortWrite
	}
	return b.ReadWriteCloser.Write(p)
}

// TestTimerOfWriteError: a connection that is closed has no timer left.
func TestTimerOfWriteError(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.c.rwc = &breaking{ReadWriteCloser: p.c.rwc}
		p.c.Write(t.Context(), Text, nil)
		p.c.CloseNow()
		if p.c.doom.Stop() {
			t.Error("the timer runs on")
		}
	})
}
