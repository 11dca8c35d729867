package pace

import (
	"context"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// forgetAfter is the age after which earlier refusals no longer count as in a
// row.
const forgetAfter = time.Hour

// A Throttle pauses a key after a refusal. No attempt of a paused key may
// begin. After the pause one attempt tries the key, and the others wait for its
// result.
//
// The zero Throttle is ready to use and pauses nothing. A Throttle is safe for
// concurrent use and holds no lock while a caller waits.
type Throttle[K comparable] struct {
	mu     sync.Mutex
	pauses map[K]*pause
}

// A pause is the state of a paused key.
type pause struct {
	reason   error
	refusals int           // in a row
	until    time.Time     // until then, no attempt may begin
	trying   bool          // one attempt tries the key
	changed  chan struct{} // closed when any of the above changes
}

// A Patience limits the time that one caller waits, over all its calls of
// [Throttle.Enter]. The time starts with the first wait.
type Patience struct {
	Max time.Duration

	until time.Time // zero before the first wait
}

// left returns the time that the caller may still wait.
func (p *Patience) left(now time.Time) time.Duration {
	if p.until.IsZero() {
		p.until = now.Add(p.Max)
	}
	return p.until.Sub(now)
}

// A PausedError reports that a key stays paused for longer than the caller may
// wait.
type PausedError struct {
	Reason error // of the last refusal
}

// Error returns the text of the reason.
func (e *PausedError) Error() string { return e.Reason.Error() }

// Unwrap returns e.Reason.
func (e *PausedError) Unwrap() error { return e.Reason }

// An Attempt is one use of a key, which must end with one of its methods.
type Attempt[K comparable] struct {
	throttle *Throttle[K]
	key      K
	trial    *pause // the pause that the attempt tries; nil if the key was not paused
}

// Enter blocks until an attempt of key may begin. It returns a [*PausedError]
// at once if the caller's patience would end before the pause does. If ctx ends
// while Enter waits, it returns the cause of ctx.
func (t *Throttle[K]) Enter(ctx context.Context, key K, patience *Patience) (Attempt[K], error) {
	for {
		t.mu.Lock()
		p := t.pauses[key]
		if p == nil {
			t.mu.Unlock()
			return Attempt[K]{t, key, nil}, nil
		}
		now := time.Now()
		wait := p.until.Sub(now)
		if wait <= 0 && !p.trying {
			p.trying = true
			if wait < -forgetAfter {
				p.refusals = 0
			}
			t.mu.Unlock()
			return Attempt[K]{t, key, p}, nil
		}
		changed, trying, reason := p.changed, p.trying, p.reason
		t.mu.Unlock()

		left := patience.left(now)
		if trying {
			wait = left // the trial may end the pause at any time
		}
		if left <= 0 || wait > left {
			return Attempt[K]{}, &PausedError{reason}
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Attempt[K]{}, context.Cause(ctx)
		}
		timer.Stop()
	}
}

// Refused ends the attempt with a refusal. The key is paused for the delay that
// b gives for the number of refusals in a row. An attempt that began before the
// key was paused does not prolong the pause.
func (a Attempt[K]) Refused(reason error, b backoff.Backoff) {
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	p := a.trial
	if p == nil {
		if t.pauses[a.key] != nil {
			return
		}
		if t.pauses == nil {
			t.pauses = make(map[K]*pause)
		}
		p = new(pause)
		t.pauses[a.key] = p
	} else {
		close(p.changed)
	}
	p.refusals++
	p.reason, p.trying, p.changed = reason, false, make(chan struct{})
	p.until = time.Now().Add(b.Delay(p.refusals))
}

// Passed ends the attempt without a refusal. If it tried a paused key, the key
// is no longer paused.
func (a Attempt[K]) Passed() {
	if a.trial == nil {
		return
	}
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	delete(a.throttle.pauses, a.key)
	close(a.trial.changed)
}

// Abandoned ends an attempt that shows nothing about the key. If it tried a
// paused key, the next attempt tries it.
func (a Attempt[K]) Abandoned() {
	if a.trial == nil {
		return
	}
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	close(a.trial.changed)
	a.trial.trying, a.trial.changed = false, make(chan struct{})
}
