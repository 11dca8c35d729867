// Package lines limits the number of concurrent handlers by key, and lets a
// limited number of others wait.
package lines

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// ErrFull is returned by Enter when the limits of running and of waiting
// handlers are reached.
var ErrFull = errors.New("lines: too many handlers are running and waiting")

// Lines holds the lines of many keys. The zero value is empty. It is safe for
// concurrent use. An unused key takes no memory.
type Lines[K comparable] struct {
	mu sync.Mutex
	of map[K]*line
}

// A line holds the running and waiting handlers of a key.
type line struct {
	running int
	waiting list.List // of chan struct{}; closed when the handler's turn has come
}

// A Waiter is the handler that enters: a context with a method for waiting.
type Waiter interface {
	context.Context

	// Park calls wait and returns its result.
	Park(wait func() error) error
}

// Enter takes one of n places of a key. If none is free, it waits, unless queue
// others already wait: then it returns ErrFull. A negative queue means no
// limit. If c ends while Enter waits, Enter returns the cause; other errors are
// those of Park.
func (ls *Lines[K]) Enter(c Waiter, key K, n, queue int) error {
	ls.mu.Lock()
	l := ls.of[key]
	if l == nil {
		l = new(line)
		if ls.of == nil {
			ls.of = make(map[K]*line)
		}
		ls.of[key] = l
	}
	if l.running < n {
		l.running++
		ls.mu.Unlock()
		return nil
	}
	if queue >= 0 && l.waiting.Len() >= queue {
		ls.mu.Unlock()
		return ErrFull
	}
	turn := make(chan struct{})
	me := l.waiting.PushBack(turn)
	ls.mu.Unlock()

	entered := false
	defer func() { // also if Park does not return
		if !entered {
			ls.giveUp(key, l, me)
		}
	}()
	err := c.Park(func() error {
		select {
		case <-turn:
			return nil
		case <-c.Done():
			return context.Cause(c)
		}
	})
	entered = err == nil
	return err
}

// Leave gives a place back, to the handler that has waited longest.
func (ls *Lines[K]) Leave(key K) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of[key]
	if first := l.waiting.Front(); first != nil {
		close(l.waiting.Remove(first).(chan struct{}))
		return
	}
	if l.running--; l.running == 0 {
		delete(ls.of, key)
	}
}

// giveUp ends a wait. Its turn may have come meanwhile; then the place is given
// back.
func (ls *Lines[K]) giveUp(key K, l *line, one *list.Element) {
	ls.mu.Lock()
	select {
	case <-one.Value.(chan struct{}):
		ls.mu.Unlock()
		ls.Leave(key)
	default:
		l.waiting.Remove(one)
		ls.mu.Unlock()
	}
}

// Len returns the number of keys in use.
func (ls *Lines[K]) Len() int {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.of)
}
