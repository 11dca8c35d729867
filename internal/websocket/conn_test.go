package websocket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestContextOfRead(t *testing.T) {
	t.Parallel()

	t.Run("ends while it waits", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			p.send(0, raw{first: fin | 1, payload: "half", withheld: 4})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, _, err := p.c.Read(ctx)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			took(t, "Read", start, time.Minute)
			_, _, err = p.c.Read(t.Context())
			wantClosed(t, "next Read", err)
			wantClosed(t, "Write", p.c.Write(t.Context(), Text, nil))
			ends(t, p)
		})
	})

	t.Run("has ended before", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.send(0, text("there"))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, _, err := p.c.Read(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			ends(t, p)
		})
	})

	t.Run("ends between calls", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			for range 3 {
				p.send(0, text("first"), text("second"))
				ctx, cancel := context.WithCancel(t.Context())
				for _, want := range []string{"first", "second"} { // of one ctx
					if _, data, err := p.c.Read(ctx); err != nil || string(data) != want {
						t.Fatalf("got %q, %v", data, err)
					}
					if err := p.c.Write(ctx, Text, []byte(want)); err != nil {
						t.Fatal(err)
					}
				}
				cancel()
				synctest.Wait()
			}
			if err := p.c.err(); err != nil {
				t.Error(err)
			}
		})
	})

	t.Run("of a reader", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.send(0, begin(2, "a"))
			ctx, cancel := context.WithCancel(t.Context())
			_, r, err := p.c.Reader(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := r.Read(make([]byte, 9)); n != 1 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
			go func() {
				time.Sleep(time.Second)
				cancel()
			}()
			if _, err := r.Read(make([]byte, 9)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			ends(t, p)
		})
	})
}

func TestContextOfWrite(t *testing.T) {
	t.Parallel()

	t.Run("ends while the peer does not read", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := p.c.Write(ctx, Binary, make([]byte, 1<<20)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			took(t, "Write", start, time.Second)
			_, _, err := p.c.Read(t.Context())
			wantClosed(t, "Read", err)
			ends(t, p)
		})
	})

	t.Run("ends while another Write runs", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			first := make(chan error)
			go func() { first <- p.c.Write(t.Context(), Binary, make([]byte, 1<<20)) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := p.c.Write(ctx, Text, []byte("never sent")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			p.listen()
			if err := <-first; err != nil {
				t.Errorf("the first Write: %v", err)
			}
			if err := p.c.Write(t.Context(), Text, []byte("sent")); err != nil {
				t.Errorf("the third Write: %v", err)
			}
			p.c.CloseNow()
			<-p.heard
			same(t, p.got, []raw{binaryOf(string(make([]byte, 1<<20))), text("sent")})
		})
	})

	t.Run("has ended before", func(t *testing.T) {
		roles(t, func(t *testing.T, p *peer) {
			p.listen()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			for range 10 { // a select chooses at random
				if err := p.c.Write(ctx, Text, nil); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			}
			if err := p.c.Write(t.Context(), Text, []byte("sent")); err != nil {
				t.Error(err)
			}
			p.c.CloseNow()
			<-p.heard
			same(t, p.got, []raw{text("sent")})
		})
	})
}

// TestWriteTimeout: a peer that stops reading fails a Write, and one that reads
// slowly does not.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		start := time.Now()
		err := p.c.Write(t.Context(), Binary, make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		took(t, "Write", start, DefaultWriteTimeout)
		wantClosed(t, "next Write", p.c.Write(t.Context(), Text, nil))
		ends(t, p)
	})
	roles(t, func(t *testing.T, p *peer) {
		start := time.Now()
		go func() {
			for buf := make([]byte, 64<<10); ; {
				time.Sleep(20 * time.Second)
				if _, err := io.ReadFull(p.wire, buf); err != nil {
					return
				}
			}
		}()
		if err := p.c.Write(t.Context(), Binary, make([]byte, 1<<20)); err != nil {
			t.Error(err)
		}
		if time.Since(start) < 4*time.Minute {
			t.Error("the peer was not slow")
		}
		time.Sleep(time.Hour)
		if err := p.c.err(); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.listen()
		for _, c := range []struct {
			typ  MessageType
			data string
		}{{0, "continuation"}, {3, ""}, {8, "\x03\xe8"}, {9, "ping"}, {Text, "\xff"}, {Text, "\xed\xa0\x80"}} {
			if err := p.c.Write(t.Context(), c.typ, []byte(c.data)); err == nil {
				t.Errorf("wrote %v %q", c.typ, c.data)
			}
		}
		if err := p.c.Write(t.Context(), Binary, []byte("\xff")); err != nil {
			t.Error(err)
		}
		p.c.CloseNow()
		<-p.heard
		same(t, p.got, []raw{binaryOf("\xff")})
	})
}

// TestConcurrentWrites: messages of many goroutines do not mix, and pings are
// answered between them.
func TestConcurrentWrites(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.listen()
		p.echo()
		const writers, each = 100, 3
		size := func(i, k int) int { return (i*each + k) * 997 % (5 * bufferSize / 4) }
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for k := range each {
					data := bytes.Repeat([]byte{byte(i)}, size(i, k))
					if err := p.c.Write(t.Context(), Binary, data); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 50 {
			p.send(0, ping(fmt.Sprint(i)))
		}
		wg.Wait()
		p.send(0, closing(1000, ""))
		<-p.heard
		pongs := 0
		var next [writers]int
		for _, f := range p.got[:len(p.got)-1] {
			if f.first == fin|10 {
				if f.payload != fmt.Sprint(pongs) {
					t.Errorf("pong %q, want %d", f.payload, pongs)
				}
				pongs++
				continue
			}
			if f.payload == "" {
				continue
			}
			i := int(f.payload[0])
			if size(i, next[i]) == 0 {
				next[i]++
			}
			if strings.Count(f.payload, f.payload[:1]) != size(i, next[i]) || len(f.payload) != size(i, next[i]) {
				t.Errorf("message %d of %d has %d bytes", next[i], i, len(f.payload))
			}
			next[i]++
		}
		if pongs != 50 || len(p.got) != writers*each+50+1 {
			t.Errorf("%d pongs, %d frames", pongs, len(p.got))
		}
	})
}

// TestPingWhileWriteWaits: the peer reads only after its own messages were read. The
// ping among it must not stop the reader behind a Write that waits.
func TestPingWhileWriteWaits(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		start := time.Now()
		written := make(chan error)
		go func() { written <- p.c.Write(t.Context(), Binary, make([]byte, 1<<20)) }()
		synctest.Wait()
		const n = 1000
		go func() {
			for i := range n {
				p.send(0, ping(fmt.Sprint(i)), text(stars(1000)))
			}
			p.listen()
		}()
		for range n {
			if _, _, err := p.c.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
		took(t, "all", start, 0)
		synctest.Wait()
		// Of the pings, at least the last is answered; and no more than fit.
		lastPong := p.got[len(p.got)-1]
		if lastPong != pong(fmt.Sprint(n-1)) {
			t.Errorf("the last frame is %v", lastPong)
		}
		if most := maxPending/(2+3) + 2; len(p.got) > most {
			t.Errorf("%d frames, want at most %d", len(p.got), most)
		}
	})
}

func TestOneReaderAtATime(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.listen()
		p.echo()
		synctest.Wait()
		if _, _, err := p.c.Read(t.Context()); err != errSecondReader {
			t.Errorf("second Read: got %v", err)
		}
		if _, _, err := p.c.Reader(t.Context()); err != errSecondReader {
			t.Errorf("Reader during Read: got %v", err)
		}
		p.send(0, text("still here"), closing(1000, ""))
		<-p.heard
		same(t, p.got, []raw{text("still here"), closing(1000, "")})
	})
}

func TestReader(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.listen()
		p.send(0, begin(1, "stre"), ping("between"), last("amed"), binaryOf("skipped"), binaryOf(""), begin(2, "skipped"), last("too"), text("read"))
		typ, first, err := p.c.Reader(t.Context())
		if err != nil || typ != Text {
			t.Fatalf("got %v, %v", typ, err)
		}
		if b, err := io.ReadAll(first); string(b) != "streamed" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		if n, err := first.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("behind the end: got %d, %v", n, err)
		}
		typ, second, err := p.c.Reader(t.Context())
		if err != nil || typ != Binary {
			t.Fatalf("got %v, %v", typ, err)
		}
		if n, err := second.Read(nil); n != 0 || err != nil {
			t.Errorf("no room: got %d, %v", n, err)
		}
		if n, err := second.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		_, empty, err := p.c.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := second.Read(make([]byte, 1)); err != errStaleReader {
			t.Errorf("stale reader: got %v", err)
		}
		if b, err := io.ReadAll(empty); len(b) != 0 || err != nil {
			t.Errorf("empty: got %q, %v", b, err)
		}
		if _, _, err := p.c.Reader(t.Context()); err != nil {
			t.Fatal(err)
		}
		if typ, b, err := p.c.Read(t.Context()); typ != Text || string(b) != "read" || err != nil {
			t.Errorf("got %v %q, %v", typ, b, err)
		}
		p.send(0, text("whole"))
		_, whole, err := p.c.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := whole.Read(make([]byte, 9)); n != 5 || err != io.EOF {
			t.Errorf("whole: got %d, %v", n, err)
		}
		p.c.CloseNow()
		if n, err := whole.Read(make([]byte, 9)); n != 0 || err != io.EOF {
			t.Errorf("after CloseNow: got %d, %v", n, err)
		}
	})
}

// TestReaderStreams: a reader returns bytes before the message ends.
func TestReaderStreams(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		p.send(0, raw{first: 2, payload: "arrived", withheld: 100})
		_, r, err := p.c.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if n, err := r.Read(buf); string(buf[:n]) != "arrived" || err != nil {
			t.Errorf("got %q, %v", buf[:n], err)
		}
	})
}

// TestHugePromise: memory is allocated for bytes that have arrived, not for the
// length in the header.
func TestHugePromise(t *testing.T) {
	for _, client := range []bool{true, false} {
		bubble(t, client, 1<<62, func(t *testing.T, p *peer) {
			p.echo()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			p.send(0, raw{first: 2, payload: stars(1000), withheld: 1 << 61})
			p.send(0)
			synctest.Wait()
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 4*firstPiece {
				t.Errorf("%d bytes allocated", n)
			}
			select {
			case <-p.read:
				t.Errorf("Read failed: %v", p.err)
			default:
			}
		})
	}
}

// TestManyFragments: memory and time for a message of short frames are about
// those of one frame.
func TestManyFragments(t *testing.T) {
	data, size := []byte{}, 0
	for range 1 << 16 {
		if len(data) == cap(data) {
			data = grow(data, 1, false)
			size += cap(data)
		}
		data = append(data, '*')
	}
	if size > 5<<16 {
		t.Errorf("%d bytes allocated for %d", size, len(data))
	}
	if got := cap(grow(nil, 100_000, true)); got != 100_000 {
		t.Errorf("a frame of 100,000 bytes gets %d", got)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		src := make([]byte, rnd.IntN(200))
		for i := range src {
			src[i] = byte(rnd.Uint32())
		}
		key := maskKey(rnd.Uint32())
		got := bytes.Clone(src)
		k, rest := key, got
		for len(rest) > 0 { // in pieces
			n := 1 + rnd.IntN(len(rest))
			k = k.xor(rest[:n], rest[:n])
			rest = rest[n:]
		}
		for i := range src {
			if want := src[i] ^ byte(key>>(8*(i%4))); got[i] != want {
				t.Fatalf("byte %d of %d: %#x, want %#x", i, len(src), got[i], want)
			}
		}
	}
}

// TestKeysDiffer: each frame of a client has a key of its own, and the caller's
// data is left alone.
func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	bubble(t, true, DefaultReadLimit, func(t *testing.T, p *peer) {
		data := make([]byte, 8)
		keys := make(map[string]bool)
		for range 100 {
			if err := p.c.Write(t.Context(), Binary, data); err != nil {
				t.Fatal(err)
			}
			var frame [2 + 4 + 8]byte
			if _, err := io.ReadFull(p.wire, frame[:]); err != nil {
				t.Fatal(err)
			}
			keys[string(frame[2:6])] = true
		}
		if len(keys) != 100 || !bytes.Equal(data, make([]byte, 8)) {
			t.Errorf("%d keys, data %x", len(keys), data)
		}
	})
}
