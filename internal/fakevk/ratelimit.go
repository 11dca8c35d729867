package fakevk

import "time"

// A limiter allows so many calls in any second, a true sliding window: it
// remembers when the last calls were allowed. Refused calls do not count, so a
// bot that keeps knocking is let in as soon as there is room.
type limiter struct {
	rps  int // zero means no limit
	last []time.Time
	next int // the oldest of last, once last is full
}

func (l *limiter) allow(t time.Time) bool {
	if l.rps <= 0 {
		return true
	}
	if len(l.last) < l.rps {
		l.last = append(l.last, t)
		return true
	}
	if t.Sub(l.last[l.next]) < time.Second {
		return false
	}
	l.last[l.next] = t
	l.next = (l.next + 1) % len(l.last)
	return true
}
