package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk"
)

// A listener has a connection of its own, over which the server names the Takes
// that may have something to fetch. The connection is opened for the first
// Take.
type listener struct {
	conn    *pgx.ConnConfig
	channel string

	mu      sync.Mutex
	closed  bool
	listens int                // number of times the server was asked to notify
	cancel  context.CancelFunc // of the goroutine; nil before the first Take
	ended   chan struct{}
	waiting map[string]map[chan struct{}]struct{} // by the text of a notification
	tasks   sync.WaitGroup                        // of goRun
}

// goRun calls f on a goroutine for which close waits. After close, it does not
// call f.
func (l *listener) goRun(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.tasks.Go(f)
	}
}

// errClosed is the error of a Take after Close.
var errClosed = errors.New("the Store is closed")

// wait returns a channel that receives when the worker's Take should look
// again. The caller must call stop afterwards.
func (l *listener) wait(w vk.QueueWorker) (woken <-chan struct{}, stop func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, errClosed
	}
	if l.cancel == nil {
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		l.ended = make(chan struct{})
		l.waiting = make(map[string]map[chan struct{}]struct{})
		go func() {
			defer close(l.ended)
			l.run(ctx)
		}()
	}
	text := fmt.Sprintf("%d %s", w.Group, w.ID)
	c := make(chan struct{}, 1)
	if l.waiting[text] == nil {
		l.waiting[text] = make(map[chan struct{}]struct{})
	}
	l.waiting[text][c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if delete(l.waiting[text], c); len(l.waiting[text]) == 0 {
			delete(l.waiting, text)
		}
	}, nil
}

// close stops the goroutine. It may be called again.
func (l *listener) close() {
	l.mu.Lock()
	l.closed = true
	cancel, ended := l.cancel, l.ended
	l.mu.Unlock()
	if cancel != nil {
		cancel()
		<-ended
	}
	l.tasks.Wait()
}

// run listens until ctx ends. After a failure, it reconnects.
func (l *listener) run(ctx context.Context) {
	const first, most = 100 * time.Millisecond, 2 * time.Second
	for pause := first; ctx.Err() == nil; pause = min(2*pause, most) {
		if l.listen(ctx) {
			pause = first
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// listen listens until the connection fails, and reports whether the connection
// was made. Failures are not reported, since each Take also polls the server.
func (l *listener) listen(ctx context.Context) (connected bool) {
	conn, err := pgx.ConnectConfig(ctx, l.conn.Copy())
	if err != nil {
		return false
	}
	defer func() {
		c, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		conn.Close(c)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
		return false
	}
	l.mu.Lock()
	l.listens++
	l.mu.Unlock()
	l.wakeAll() // for the notifications missed before
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			l.wakeAll()
			return true
		}
		l.wake(n.Payload)
	}
}

// wake wakes the Takes of a worker.
func (l *listener) wake(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.waiting[text] {
		signal(c)
	}
}

// wakeAll wakes all Takes.
func (l *listener) wakeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, waiting := range l.waiting {
		for c := range waiting {
			signal(c)
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
