package websocket

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A listened context counts its listeners. It never ends.
type listened struct {
	context.Context
	done chan struct{}

	mu         sync.Mutex
	live, ever int
}

func newListened() *listened {
	return &listened{Context: context.Background(), done: make(chan struct{})}
}

func (l *listened) Done() <-chan struct{} { return l.done }

// AfterFunc is called by context.AfterFunc.
func (l *listened) AfterFunc(func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live++
	l.ever++
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.live--
		return true
	}
}

func (l *listened) want(t *testing.T, when string, live, ever int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live != live || l.ever != ever {
		t.Errorf("%s: %d listen, %d did; want %d, %d", when, l.live, l.ever, live, ever)
	}
}

// TestListening: calls with one ctx listen to it once, and a closed connection
// listens to none.
func TestListening(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, p *peer, ctx context.Context){
		"CloseNow":        func(_ *testing.T, p *peer, _ context.Context) { p.c.CloseNow() },
		"the wire breaks": func(_ *testing.T, p *peer, ctx context.Context) { p.wire.Close(); p.c.Read(ctx) },
		"the peer closes": func(_ *testing.T, p *peer, ctx context.Context) {
			p.send(0, closing(1000, ""))
			p.c.Read(ctx)
			<-p.heard
		},
	} {
		t.Run(name, func(t *testing.T) {
			roles(t, func(t *testing.T, p *peer) {
				p.listen()
				first, second := newListened(), newListened()
				use := func(ctx context.Context) {
					p.send(0, text("a"))
					if _, _, err := p.c.Read(ctx); err != nil {
						t.Fatal(err)
					}
					if err := p.c.Write(ctx, Text, nil); err != nil {
						t.Fatal(err)
					}
				}
				use(first)
				use(first)
				first.want(t, "after calls", 2, 2) // one for each direction
				use(second)
				first.want(t, "after calls with another", 0, 2)
				use(context.Background())
				second.want(t, "after calls without", 0, 2)
				use(first)
				first.want(t, "after calls again", 2, 4)
				end(t, p, first)
				synctest.Wait()
				first.want(t, "at the end", 0, 4)
			})
		})
	}
}

// TestWatch has the moments that calls of a connection seldom meet.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended []error
		w := watch{end: func(err error) { ended = append(ended, err) }, timeout: time.Minute}
		ctx, cancel := context.WithCancel(t.Context())
		if err := w.begin(ctx); err != nil {
			t.Fatal(err)
		}
		w.late() // by a timer that fired before it was started anew
		if err := w.finish(); err != nil || len(ended) != 0 {
			t.Errorf("too early: %v, %v", err, ended)
		}
		if w.timer.Stop() {
			t.Error("the timer runs on")
		}
		cancel()
		synctest.Wait()
		if err := w.begin(ctx); err != context.Canceled || len(ended) != 0 {
			t.Errorf("with a ctx that has ended: %v, %v", err, ended)
		}
		l := newListened()
		if err := w.begin(l); err != nil {
			t.Fatal(err)
		}
		w.release()
		w.progress()
		if w.timer.Stop() {
			t.Error("released, the timer runs on")
		}
		if err := w.finish(); err != nil {
			t.Error(err)
		}
		if err := w.begin(l); err != errClosed {
			t.Errorf("released: %v", err)
		}
		l.want(t, "released", 0, 1)
	})
}
