package vk

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Stand-ins for claim.go and journal.go, dropped when these are there.

type admission int

const (
	admitted admission = iota
	admittedRunning
	admittedDone
)

type standinEntry struct {
	job     *job
	settled chan struct{}
	over    bool
	undone  bool
}

func (e *standinEntry) outcome() error {
	if e.undone {
		return ErrStopped
	}
	return e.job.standinErr
}

type standinClaims struct {
	mu   sync.Mutex
	byID map[string]*standinEntry
}

type comesAgain interface {
	error
	comesAgain() bool
}

var standins sync.Map // *Dispatcher → *standinClaims

func (d *Dispatcher) admit(ctx context.Context, f *feed, client *Client, e *Event) (state admission, settled <-chan struct{}, outcome func() error, err error) {
	v, _ := standins.LoadOrStore(d, &standinClaims{byID: make(map[string]*standinEntry)})
	c := v.(*standinClaims)
	j := &job{d: d, feed: f, ctx: context.WithoutCancel(ctx), client: client, ev: e}
	en := &standinEntry{job: j, settled: make(chan struct{})}
	c.mu.Lock()
	f.settled = func(ev *Event, done bool) {
		c.mu.Lock()
		en := c.byID[ev.ID]
		en.undone = !done
		var again comesAgain
		if !done || errors.As(en.job.standinErr, &again) {
			delete(c.byID, ev.ID)
			done = false
		}
		en.over = true
		close(en.settled)
		c.mu.Unlock()
		if d.Store != nil {
			next := []byte("done")
			if !done {
				next = nil
			}
			d.Store.Swap(context.Background(), "claim/"+ev.ID, []byte("running"), next, time.Hour)
		}
	}
	if old := c.byID[e.ID]; old != nil {
		c.mu.Unlock()
		if old.over {
			return admittedDone, nil, nil, nil
		}
		return admittedRunning, old.settled, old.outcome, nil
	}
	c.byID[e.ID] = en
	c.mu.Unlock()
	fail := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.byID, e.ID)
	}
	if d.Store != nil {
		ok, err := d.Store.Swap(ctx, "claim/"+e.ID, nil, []byte("running"), time.Hour)
		if err != nil {
			fail()
			return 0, nil, nil, err
		}
		if !ok {
			fail()
			b, err := d.Store.Get(ctx, "claim/"+e.ID)
			switch {
			case err != nil:
				return 0, nil, nil, err
			case string(b) == "done":
				return admittedDone, nil, nil, nil
			}
			return admittedRunning, nil, nil, nil
		}
	}
	if err := d.take(ctx, j); err != nil {
		fail()
		if d.Store != nil {
			d.Store.Swap(context.Background(), "claim/"+e.ID, []byte("running"), nil, 0)
		}
		return 0, nil, nil, err
	}
	return admitted, en.settled, en.outcome, nil
}

func (d *Dispatcher) keep(ctx context.Context, e *Event) (kept bool, err error) {
	if d.Store == nil {
		return false, nil
	}
	return d.Store.Swap(ctx, "kept/"+e.ID, nil, e.Raw, time.Hour)
}
