package vk

import (
	"errors"
	"sync"
)

// ErrUnmounted is returned, wrapped, where a handler waits for something and
// the module that it is of is unmounted.
var ErrUnmounted = errors.New("vk: the module was unmounted")

// A lifetime is how long a module is mounted. Its end ends what its handlers
// wait for. It has no channel, because modules are mounted anywhere.
type lifetime struct {
	mu   sync.Mutex
	over error // why it has ended; nil before
	ends map[*func(error)]struct{}
}

// onEnd has f called when l ends, or at once if it has ended, unless stop was
// called before. A nil lifetime has no end.
func (l *lifetime) onEnd(f func(error)) (stop func()) {
	if l == nil {
		return func() {}
	}
	l.mu.Lock()
	if over := l.over; over != nil {
		l.mu.Unlock()
		f(over)
		return func() {}
	}
	defer l.mu.Unlock()
	if l.ends == nil {
		l.ends = make(map[*func(error)]struct{})
	}
	key := &f
	l.ends[key] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.ends, key)
	}
}

// end ends l, for the reason given.
func (l *lifetime) end(why error) {
	l.mu.Lock()
	ends := l.ends
	l.over, l.ends = why, nil
	l.mu.Unlock()
	for f := range ends {
		(*f)(why)
	}
}
