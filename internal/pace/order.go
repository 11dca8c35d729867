package pace

import (
	"context"
	"sync"
)

// An Order lets those who share a key go one after the other, in the order in
// which they came. Its zero value is ready, it takes no memory while nobody is
// in it, and it is safe for concurrent use.
type Order[K comparable] struct {
	mu    sync.Mutex
	lines map[K]*line[K] // of the keys that somebody has or waits for
}

// A line is those who want a key; the first has it.
type line[K comparable] struct{ first, last *place[K] }

// A place is one who stands in the line of a key.
type place[K comparable] struct {
	of         *Pass[K]
	key        K
	prev, next *place[K]
}

// A Pass is the right to go, or the wish to.
type Pass[K comparable] struct {
	order  *Order[K]
	places []place[K]
	behind int // in how many lines it is not first
	ready  chan struct{}
}

// Enter waits until all who came before with one of the keys have left, and
// returns with whom to leave; or the cause of ctx if that ends before. Nobody
// can wait for each other: the places in all lines are taken at once. The keys
// must differ.
func (o *Order[K]) Enter(ctx context.Context, keys ...K) (*Pass[K], error) {
	p := &Pass[K]{order: o, places: make([]place[K], len(keys))}
	o.mu.Lock()
	if o.lines == nil {
		o.lines = make(map[K]*line[K])
	}
	for i, key := range keys {
		at := &p.places[i]
		at.of, at.key = p, key
		q := o.lines[key]
		if q == nil {
			o.lines[key] = &line[K]{at, at}
			continue
		}
		at.prev, q.last.next, q.last = q.last, at, at
		p.behind++
	}
	var ready chan struct{}
	if p.behind > 0 {
		ready = make(chan struct{})
		p.ready = ready
	}
	o.mu.Unlock()
	if ready == nil {
		return p, nil
	}
	select {
	case <-ready:
		return p, nil
	case <-ctx.Done():
		p.Leave()
		return nil, context.Cause(ctx)
	}
}

// Leave lets go those who wait behind p. It must be called once.
func (p *Pass[K]) Leave() {
	o := p.order
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range p.places {
		at := &p.places[i]
		q := o.lines[at.key]
		if at.next == nil {
			q.last = at.prev
		} else {
			at.next.prev = at.prev
		}
		if at.prev != nil {
			at.prev.next = at.next
			continue
		}
		q.first = at.next
		if q.first == nil {
			delete(o.lines, at.key)
			continue
		}
		next := q.first.of
		if next.behind--; next.behind == 0 {
			close(next.ready)
		}
	}
}
