package websocket

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// A watch closes a connection when the ctx of the call that runs ends, or when
// the call makes no progress for a time. One call runs at a time.
//
// Calls usually have the same ctx again and again. So a watch keeps listening to
// a ctx when the call has returned, and ignores its end until the next call.
type watch struct {
	end     func(error)   // closes the connection
	timeout time.Duration // zero: none

	mu       sync.Mutex
	released bool
	ctx      context.Context // of the call that runs, or nil
	done     <-chan struct{} // of the ctx that the watch listens to, or nil
	stop     func() bool     // ends the listening
	timer    *time.Timer     // calls late; stopped between calls
	deadline time.Time
	expired  error // why the call that runs was ended
}

// begin begins a call. Its error is final: the ctx has ended, or the connection
// is closed. If there is one, the call must not be ended.
func (w *watch) begin(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.released {
		return errClosed
	}
	if done := ctx.Done(); done != w.done {
		if w.stop != nil {
			w.stop()
		}
		w.done, w.stop = done, nil
		if done != nil {
			w.stop = context.AfterFunc(ctx, func() { w.ended(done) })
		}
	}
	w.ctx = ctx
	// After w.ctx is set: ended ignores an end before that.
	if err := ctx.Err(); err != nil {
		w.ctx = nil
		return err
	}
	w.restart()
	return nil
}

// progress starts the timeout anew.
func (w *watch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.released {
		w.restart()
	}
}

// restart starts the timeout. The caller holds w.mu.
func (w *watch) restart() {
	if w.timeout == 0 {
		return
	}
	w.deadline = time.Now().Add(w.timeout)
	if w.timer == nil {
		w.timer = time.AfterFunc(w.timeout, w.late)
	} else {
		w.timer.Reset(w.timeout)
	}
}

// finish ends a call, and returns an error if the watch has closed the
// connection because of it.
func (w *watch) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx = nil
	if w.timer != nil {
		w.timer.Stop()
	}
	err := w.expired
	w.expired = nil
	return err
}

// ended is called at the end of the ctx with the given Done channel.
func (w *watch) ended(done <-chan struct{}) {
	w.mu.Lock()
	hit := w.ctx != nil && w.done == done
	if hit {
		w.expired = w.ctx.Err()
	}
	w.mu.Unlock()
	if hit {
		w.end(errContext)
	}
}

// late is called by the timer.
func (w *watch) late() {
	w.mu.Lock()
	// A timer that fired just before it was started anew is not meant.
	hit := w.ctx != nil && !time.Now().Before(w.deadline)
	if hit {
		w.expired = fmt.Errorf("the peer has read nothing for %v: %w", w.timeout, os.ErrDeadlineExceeded)
	}
	w.mu.Unlock()
	if hit {
		w.end(errSlow)
	}
}

// release ends the listening for good. A call that runs can still be finished.
func (w *watch) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = true
	if w.stop != nil {
		w.stop()
	}
	if w.timer != nil {
		w.timer.Stop()
	}
}
