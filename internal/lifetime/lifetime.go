// Package lifetime notifies handlers of the end of the module that they belong
// to.
package lifetime

import "sync"

// A Lifetime is how long a module is mounted. At its end, the waits of the
// module's handlers end. It has no channel, because modules are mounted in any
// bubble. The zero Lifetime has not ended, and a nil one never ends.
type Lifetime struct {
	mu   sync.Mutex
	over error // the reason of the end; nil before the end
	ends map[*func(error)]struct{}
}

// OnEnd makes l call f when it ends, or at once if it has ended, unless stop was
// called before.
func (l *Lifetime) OnEnd(f func(why error)) (stop func()) {
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

// End ends l for the given reason.
func (l *Lifetime) End(why error) {
	l.mu.Lock()
	ends := l.ends
	l.over, l.ends = why, nil
	l.mu.Unlock()
	for f := range ends {
		(*f)(why)
	}
}

// Len returns the number of functions that the end calls.
func (l *Lifetime) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ends)
}
