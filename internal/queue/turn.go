package queue

import (
	"context"
	"sync"
)

// turns makes the Puts of each lane take turns, in the order of the calls. Otherwise a
// slow Put would be overtaken by the next one, on another connection to the Queue.
type turns struct {
	mu   sync.Mutex
	last map[string]chan struct{} // by lane; closed when the lane's last Put has ended
}

// wait blocks until the earlier Puts of the events' lanes have ended, until ctx ends, or for
// the time of a call: the Puts of a Queue that hangs must not add up. After its own Put, the
// caller must call done.
func (t *turns) wait(ctx context.Context, events []Event) (done func()) {
	ended := make(chan struct{})
	if earlier := t.register(events, ended); len(earlier) > 0 {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		for _, e := range earlier {
			select {
			case <-e:
			case <-ctx.Done():
			}
		}
	}
	return func() { t.end(events, ended) }
}

// register makes ended the last of the events' lanes, and returns the earlier ones.
func (t *turns) register(events []Event, ended chan struct{}) (earlier []chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = make(map[string]chan struct{})
	}
	for _, e := range events {
		if l := t.last[e.Lane]; l != nil && l != ended {
			earlier = append(earlier, l)
		}
		t.last[e.Lane] = ended
	}
	return earlier
}

// end ends a turn.
func (t *turns) end(events []Event, ended chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		if t.last[e.Lane] == ended {
			delete(t.last, e.Lane)
		}
	}
	close(ended)
}
