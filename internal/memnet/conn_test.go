package memnet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs f with the two ends of a connection in virtual time. It fails if
// f leaks a goroutine.
func bubble(t *testing.T, f func(t *testing.T, a, b net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := pair("a:1", "b:2")
		defer a.Close()
		defer b.Close()
		f(t, a, b)
	})
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
	var op *net.OpError
	if want != nil && want != io.EOF && !errors.As(err, &op) {
		t.Errorf("%s: error %T is no *net.OpError", what, err)
	}
}

func write(t *testing.T, c net.Conn, p []byte) {
	t.Helper()
	if n, err := c.Write(p); n != len(p) || err != nil {
		t.Errorf("wrote %d of %d: %v", n, len(p), err)
	}
}

// An attempt is the result of a call and the time it took.
type attempt struct {
	n    int
	err  error
	took time.Duration
}

// try calls f in a goroutine of its own.
func try(f func([]byte) (int, error), p []byte) <-chan attempt {
	c := make(chan attempt, 1)
	start := time.Now()
	go func() {
		n, err := f(p)
		c <- attempt{n, err, time.Since(start)}
	}()
	return c
}

func TestPingPong(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, a, b net.Conn) {
		go func() {
			buf := make([]byte, 100)
			for {
				n, err := b.Read(buf)
				if err != nil {
					b.Close()
					return
				}
				b.Write(buf[:n])
			}
		}()
		buf := make([]byte, 100)
		for i := range 200 {
			msg := bytes.Repeat([]byte{byte(i)}, 1+i%100)
			write(t, a, msg)
			if _, err := io.ReadFull(a, buf[:len(msg)]); err != nil || !bytes.Equal(buf[:len(msg)], msg) {
				t.Fatalf("echo %d: got %v, %v", i, buf[:len(msg)], err)
			}
		}
	})
}

func TestLargeTransfer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, a, b net.Conn) {
		var wg sync.WaitGroup
		for i, dir := range [][2]net.Conn{{a, b}, {b, a}} {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			sent := make([]byte, 3<<20)
			for k := range sent {
				sent[k] = byte(rnd.Uint32())
			}
			wg.Go(func() {
				for p := sent; len(p) > 0; {
					n := min(len(p), 1+rnd.IntN(200<<10))
					write(t, dir[0], p[:n])
					p = p[n:]
				}
			})
			wg.Go(func() {
				got := make([]byte, 0, len(sent))
				buf := make([]byte, 100<<10)
				rnd := rand.New(rand.NewPCG(2, uint64(i)))
				for len(got) < len(sent) {
					n, err := dir[1].Read(buf[:1+rnd.IntN(len(buf))])
					if err != nil {
						t.Error(err)
						return
					}
					got = append(got, buf[:n]...)
				}
				if !bytes.Equal(got, sent) {
					t.Error("the received bytes differ from the sent ones")
				}
			})
		}
		wg.Wait()
	})
}

func TestWritesDoNotMix(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, a, b net.Conn) {
		const size = 3 * maxBuffer / 2
		for i := range 8 {
			go a.Write(bytes.Repeat([]byte{byte(i)}, size))
		}
		buf := make([]byte, size)
		for range 8 {
			if _, err := io.ReadFull(b, buf); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(buf, buf[:1]); n != size {
				t.Fatalf("only %d of %d bytes come from the same write", n, size)
			}
		}
	})
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	full := make([]byte, maxBuffer)
	past := time.Unix(1, 0)

	t.Run("read", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			a.SetReadDeadline(time.Now().Add(time.Hour))
			got := <-try(a.Read, make([]byte, 1))
			wantErr(t, "read", got.err, os.ErrDeadlineExceeded)
			if got.took != time.Hour {
				t.Errorf("took %v", got.took)
			}
			var ne net.Error
			if !errors.As(got.err, &ne) || !ne.Timeout() {
				t.Error("the error is not a timeout")
			}
			// Data does not change that, and a new deadline replaces the old
			// one.
			write(t, b, []byte("x"))
			_, err := a.Read(make([]byte, 1))
			wantErr(t, "read again", err, os.ErrDeadlineExceeded)
			a.SetReadDeadline(time.Time{})
			_, err = a.Read(make([]byte, 1))
			wantErr(t, "read without a deadline", err, nil)
			// The writing direction is independent.
			a.SetReadDeadline(past)
			write(t, a, []byte("x"))
		})
	})

	t.Run("write", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			write(t, a, full[1:])
			a.SetWriteDeadline(time.Now().Add(time.Minute))
			got, waiting := try(a.Write, full), try(a.Write, full)
			x, y := <-got, <-waiting
			wantErr(t, "write", x.err, os.ErrDeadlineExceeded)
			wantErr(t, "write behind it", y.err, os.ErrDeadlineExceeded)
			if x.n+y.n != 1 || x.took != time.Minute || y.took != time.Minute {
				t.Errorf("got %+v and %+v", x, y)
			}
			if n, err := io.ReadFull(b, make([]byte, maxBuffer)); err != nil {
				t.Errorf("read %d: %v", n, err)
			}
			a.SetDeadline(time.Time{})
			write(t, a, full)
		})
	})

	t.Run("past deadline ends a wait", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			write(t, a, full)
			r, w := try(a.Read, make([]byte, 1)), try(a.Write, full)
			synctest.Wait()
			a.SetDeadline(past)
			wantErr(t, "read", (<-r).err, os.ErrDeadlineExceeded)
			wantErr(t, "write", (<-w).err, os.ErrDeadlineExceeded)
		})
	})

	t.Run("changed while waiting", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			a.SetReadDeadline(time.Now().Add(time.Second))
			r := try(a.Read, make([]byte, 1))
			synctest.Wait()
			a.SetReadDeadline(time.Now().Add(time.Minute))
			if got := <-r; got.took != time.Minute {
				t.Errorf("extended: took %v", got.took)
			}
			a.SetReadDeadline(time.Now().Add(time.Minute))
			r = try(a.Read, make([]byte, 1))
			synctest.Wait()
			a.SetReadDeadline(time.Now().Add(time.Second))
			if got := <-r; got.took != time.Second {
				t.Errorf("shortened: took %v", got.took)
			}
			a.SetReadDeadline(time.Now().Add(time.Second))
			r = try(a.Read, make([]byte, 1))
			synctest.Wait()
			a.SetReadDeadline(time.Time{})
			timer := time.After(time.Hour)
			select {
			case got := <-r:
				t.Errorf("cleared: got %+v", got)
			case <-timer:
			}
			write(t, b, []byte("x"))
			<-r
		})
	})

	t.Run("nothing to do", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			for _, f := range []func([]byte) (int, error){a.Read, a.Write} {
				n, err := f(nil)
				if n != 0 || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
			}
			a.SetDeadline(past)
			for _, f := range []func([]byte) (int, error){a.Read, a.Write} {
				_, err := f(nil)
				wantErr(t, "late", err, os.ErrDeadlineExceeded)
			}
		})
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	full := make([]byte, maxBuffer)

	t.Run("this end", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			write(t, a, full)
			write(t, b, []byte("unread"))
			io.ReadFull(a, make([]byte, 6))
			a.SetDeadline(time.Now().Add(time.Hour))
			r, w := try(a.Read, make([]byte, 1)), try(a.Write, full)
			synctest.Wait()
			wantErr(t, "close", a.Close(), nil)
			wantErr(t, "waiting read", (<-r).err, net.ErrClosed)
			wantErr(t, "waiting write", (<-w).err, net.ErrClosed)
			_, err := a.Read(full)
			wantErr(t, "read", err, net.ErrClosed)
			_, err = a.Write(full)
			wantErr(t, "write", err, net.ErrClosed)
			wantErr(t, "deadline", a.SetDeadline(time.Time{}), net.ErrClosed)
			wantErr(t, "write deadline", a.SetWriteDeadline(time.Time{}), net.ErrClosed)
			wantErr(t, "second close", a.Close(), net.ErrClosed)
			wantErr(t, "reset", a.(*Conn).Reset(), net.ErrClosed)
		})
	})

	t.Run("the other end", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			write(t, a, []byte("last words"))
			write(t, b, full)
			w := try(b.Write, full)
			synctest.Wait()
			a.Close()
			wantErr(t, "waiting write", (<-w).err, io.ErrClosedPipe)
			_, err := b.Write(full)
			wantErr(t, "write", err, io.ErrClosedPipe)
			buf := make([]byte, 4)
			for _, want := range []string{"last", " wor", "ds"} {
				n, err := b.Read(buf)
				if got := string(buf[:n]); got != want || err != nil {
					t.Errorf("got %q, %v; want %q", got, err, want)
				}
			}
			_, err = b.Read(buf)
			if err != io.EOF {
				t.Errorf("at the end: got %v, want the bare io.EOF", err)
			}
			wantErr(t, "close", b.Close(), nil)
		})
	})

	t.Run("waiting read of the other end", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			r := try(b.Read, make([]byte, 1))
			synctest.Wait()
			a.Close()
			wantErr(t, "read", (<-r).err, io.EOF)
		})
	})

	t.Run("reset", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			write(t, a, []byte("lost"))
			write(t, b, full)
			w := try(b.Write, full)
			synctest.Wait()
			wantErr(t, "reset", a.(*Conn).Reset(), nil)
			wantErr(t, "waiting write", (<-w).err, syscall.ECONNRESET)
			_, err := b.Read(full)
			wantErr(t, "read", err, syscall.ECONNRESET)
			_, err = b.Write(full)
			wantErr(t, "write", err, syscall.ECONNRESET)
			_, err = a.Read(full)
			wantErr(t, "read of this end", err, net.ErrClosed)
		})
	})

	t.Run("reset ends a read", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			r := try(b.Read, make([]byte, 1))
			synctest.Wait()
			a.(*Conn).Reset()
			wantErr(t, "read", (<-r).err, syscall.ECONNRESET)
		})
	})
}

// TestRaces makes all calls concurrently, for the race detector and to find
// goroutines that are never woken.
func TestRaces(t *testing.T) {
	t.Parallel()
	for i := range 100 {
		bubble(t, func(t *testing.T, a, b net.Conn) {
			for _, c := range []net.Conn{a, b} {
				for range 2 {
					go io.Copy(io.Discard, c)
					go func() {
						for {
							if _, err := c.Write(make([]byte, 10000)); err != nil {
								return
							}
						}
					}()
					go func() {
						// Virtual time does not advance while the others are
						// busy, so only a deadline in the past expires.
						for k := range 10 {
							c.SetDeadline(time.Now().Add(time.Duration(i%20-k) * time.Millisecond))
						}
					}()
				}
			}
			switch i % 3 {
			case 0:
				go a.Close()
				go a.Close()
			case 1:
				go a.Close()
				go b.Close()
			case 2:
				go a.(*Conn).Reset()
				go b.Close()
			}
			synctest.Wait()
		})
	}
}
