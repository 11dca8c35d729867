package pace

import (
	"context"
	"sync"

	"github.com/vkrouter/vk/internal/list"
)

// An Order makes callers that share a key run one after another, in the order
// of their calls of Enter. The zero Order is ready to use, takes no memory
// while it is empty, and is safe for concurrent use.
type Order[K comparable] struct {
	mu    sync.Mutex
	lines map[K]*list.List[*Pass[K]] // the passes for a key; the first one holds it
}

// A place is the position of a pass in the line for a key.
type place[K comparable] struct {
	list.Node[*Pass[K]]
	key K
}

// A Pass is the right to run, or a place in the queue for it.
type Pass[K comparable] struct {
	order  *Order[K]
	places []place[K]
	behind int // number of lines in which it is not first
	ready  chan struct{}
}

// Enter blocks until all earlier callers with one of the keys have left. It
// returns the Pass to leave with, or the cause of ctx if ctx ends first.
// Callers cannot deadlock: Enter takes the places in all lines at once. The
// keys must differ.
func (o *Order[K]) Enter(ctx context.Context, keys ...K) (*Pass[K], error) {
	p := &Pass[K]{order: o, places: make([]place[K], len(keys))}
	o.mu.Lock()
	if o.lines == nil {
		o.lines = make(map[K]*list.List[*Pass[K]])
	}
	for i, key := range keys {
		at := &p.places[i]
		at.Value, at.key = p, key
		q := o.lines[key]
		if q == nil {
			q = new(list.List[*Pass[K]])
			o.lines[key] = q
		} else {
			p.behind++
		}
		q.Push(&at.Node)
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

// Leave lets the callers behind p proceed. It must be called once.
func (p *Pass[K]) Leave() {
	o := p.order
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range p.places {
		at := &p.places[i]
		q := o.lines[at.key]
		had := q.First() == &at.Node
		at.Remove()
		if !had {
			continue
		}
		first := q.First()
		if first == nil {
			delete(o.lines, at.key)
			continue
		}
		next := first.Value
		if next.behind--; next.behind == 0 {
			close(next.ready)
		}
	}
}
