package memnet

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
)

func TestListener(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := Listen("vk.test:443")
		if got := l.Addr(); got.String() != "vk.test:443" || got.Network() != "mem" {
			t.Errorf("listens at %s of %s", got, got.Network())
		}
		var accepted net.Conn
		var wg sync.WaitGroup
		wg.Go(func() {
			var err error
			if accepted, err = l.Accept(); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		c, err := l.Dial(t.Context(), "tcp", "anything:80")
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		for _, p := range [][2]net.Addr{{c.RemoteAddr(), l.Addr()}, {accepted.LocalAddr(), l.Addr()}, {accepted.RemoteAddr(), c.LocalAddr()}} {
			if p[0] != p[1] {
				t.Errorf("address %s, want %s", p[0], p[1])
			}
		}
		if host, _, err := net.SplitHostPort(c.LocalAddr().String()); err != nil || net.ParseIP(host) == nil {
			t.Errorf("the client is at %s", c.LocalAddr())
		}

		// Two connections that are never accepted, and one Accept that waits
		// until Close.
		first, _ := l.Dial(t.Context(), "tcp", "")
		second, _ := l.Dial(t.Context(), "tcp", "")
		if first.LocalAddr() == second.LocalAddr() {
			t.Error("two clients have the same address")
		}
		if got, err := l.Accept(); err != nil || got.RemoteAddr() != first.LocalAddr() {
			t.Errorf("accepted %v, %v; want the first that dialled", got, err)
		}
		wantErr(t, "close", l.Close(), nil)
		_, err = second.Read(make([]byte, 1))
		wantErr(t, "never accepted", err, syscall.ECONNRESET)
		_, err = first.Write([]byte("x"))
		wantErr(t, "accepted", err, nil)
		_, err = l.Accept()
		wantErr(t, "accept", err, net.ErrClosed)
		_, err = l.Dial(t.Context(), "tcp", "vk.test:443")
		wantErr(t, "dial", err, syscall.ECONNREFUSED)
		wantErr(t, "second close", l.Close(), net.ErrClosed)
	})
}

func TestListenerCloseEndsAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := Listen("vk.test:443")
		for range 3 {
			go func() {
				_, err := l.Accept()
				wantErr(t, "accept", err, net.ErrClosed)
			}()
		}
		synctest.Wait()
		l.Close()
	})
}

func TestDialEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := Listen("vk.test:443")
	defer l.Close()
	_, err := l.Dial(ctx, "tcp", "vk.test:443")
	wantErr(t, "dial", err, context.Canceled)
}
