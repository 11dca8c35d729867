package fakevk

import "time"

// A limiter limits the number of calls in any second with a sliding window: it
// records the times of the last allowed calls. Refused calls do not count, so a
// bot that keeps retrying is allowed as soon as there is room.
type limiter struct {
	rps  int // zero means no limit
	last []time.Time
	next int // index of the oldest in last, once last is full
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
