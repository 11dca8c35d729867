package discord

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A verdict is the part of an answer that is about rate limits.
type verdict struct {
	status    int
	hash      string
	limit     int // -1 if the answer does not say
	remaining int
	reset     time.Duration // until the window of the bucket ends; negative if the answer does not say
	wait      time.Duration // of a 429; negative if it does not say
	exact     time.Duration // of a 429, as its body says; the headers have whole seconds. Negative if it does not say
	global    bool
	shared    bool
	foreign   bool // a 429 that is not Discord's, but that of a gateway in front of it
}

// judge reads the rate limits in an answer.
func judge(status int, h http.Header, body []byte) verdict {
	v := verdict{status: status, limit: -1, remaining: -1, reset: -1, wait: -1, exact: -1}
	v.hash = h.Get("X-RateLimit-Bucket")
	if n, err := strconv.Atoi(h.Get("X-RateLimit-Limit")); err == nil && n > 0 {
		v.limit = n
	}
	if n, err := strconv.Atoi(h.Get("X-RateLimit-Remaining")); err == nil && n >= 0 {
		v.remaining = n
	}
	v.reset = seconds(h.Get("X-RateLimit-Reset-After"))
	if status != http.StatusTooManyRequests {
		return v
	}
	var said struct {
		RetryAfter string `json:"retry_after"`
		Global     bool   `json:"global"`
	}
	if len(body) > 0 && body[0] == '{' {
		tolerant.Unmarshal(body, &said)
	} else {
		v.foreign = h.Get("Via") == ""
	}
	scope := h.Get("X-RateLimit-Scope")
	v.shared = scope == "shared"
	v.global = scope == "global" || said.Global || h.Get("X-RateLimit-Global") == "true" ||
		!v.shared && (v.hash == "" || v.foreign)
	v.exact = seconds(said.RetryAfter)
	v.wait = max(v.exact, seconds(h.Get("Retry-After")))
	if !v.global {
		v.wait = max(v.wait, v.reset)
	}
	return v
}

// seconds returns a number of seconds with a fraction as a Duration, or -1 if there is
// none. The maximum is a day.
func seconds(s string) time.Duration {
	if s == "" {
		return -1
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0) {
		return -1
	}
	return time.Duration(min(f, 24*60*60) * float64(time.Second))
}

// done gives back a ticket with the verdict of the answer. It returns how long to wait
// after a 429.
func (l *limiter) done(t *ticket, v verdict) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	b := t.b
	b.inflight--
	b.used = now
	if v.status == http.StatusUnauthorized || v.status == http.StatusForbidden || v.status == http.StatusTooManyRequests && !v.shared {
		l.countRefusal(now)
	}
	if v.status != http.StatusTooManyRequests {
		if v.status != 0 && v.status < 500 {
			b.streak, l.globalStreak = 0, 0
		}
		b = l.learn(t, b, v, now)
		l.serve(b, now)
		return 0
	}
	if v.global {
		l.globalStreak++
		if v.wait < 0 {
			v.wait = pause429.Delay(l.globalStreak)
		}
		if until := now.Add(v.wait); until.After(l.globalUntil) {
			l.globalUntil = until
		}
		l.serve(b, now)
		return v.wait
	}
	b = l.learn(t, b, v, now)
	b.streak++
	if v.wait < 0 {
		v.wait = pause429.Delay(b.streak)
	}
	b.remaining = 0
	if until := now.Add(v.wait); until.After(b.reset) {
		b.reset = until
	}
	l.serve(b, now)
	return v.wait
}

// learn updates a bucket by the verdict of an answer, and returns the bucket that the
// calls of the route use from now on.
func (l *limiter) learn(t *ticket, b *bucket, v verdict, now time.Time) *bucket {
	r := l.routes[t.route]
	if r == nil { // forgotten in the meantime
		r = &routeLimit{used: now}
		l.routes[t.route] = r
	}
	if v.hash == "" {
		if v.status != 0 && v.status < 500 && v.status != http.StatusTooManyRequests && !b.known {
			// Discord has no limit here.
			r.free = true
			b.known, b.limit = true, -1
		}
		return b
	}
	if r.hash != v.hash {
		r.hash, r.free = v.hash, false
	}
	if b.key.name != v.hash {
		b = l.move(t, b)
	}
	if v.limit < 0 || v.remaining < 0 {
		return b
	}
	fresh := !b.known
	b.known, b.limit = true, v.limit
	if b.over(now) { // the answer is about a new window
		b.reset = time.Time{}
		b.window++
		fresh = true
	}
	if fresh {
		b.remaining = v.remaining - b.inflight
	} else {
		b.remaining = min(b.remaining, v.remaining)
	}
	if v.reset >= 0 {
		if until := now.Add(v.reset); until.After(b.reset) {
			b.reset = until
		}
	}
	return b
}

// move makes the calls that wait in a bucket wait in the one that the route has become
// known to belong to.
func (l *limiter) move(t *ticket, from *bucket) *bucket {
	to := l.bucketOf(t.route, t.major, time.Now())
	if to == from {
		return to
	}
	for {
		n := from.waiters.First()
		if n == nil {
			break
		}
		n.Value.b = to
		to.waiters.Push(n)
	}
	if from.timer != nil {
		from.timer.Stop()
		from.timer = nil
	}
	if from.inflight == 0 && l.buckets[from.key] == from {
		delete(l.buckets, from.key)
	}
	return to
}

// countRefusal counts an answer that brings the address nearer to a ban.
func (l *limiter) countRefusal(now time.Time) {
	slot := now.UnixNano() / int64(guardSpan/guardSlots)
	i := int(slot % guardSlots)
	if l.refusedAt[i] != slot {
		l.refused[i], l.refusedAt[i] = 0, slot
	}
	l.refused[i]++
}

// slow reports whether the client slows down because of many refusals.
func (l *limiter) slow(now time.Time) bool {
	slot, sum := now.UnixNano()/int64(guardSpan/guardSlots), 0
	for i, at := range l.refusedAt {
		if slot-at < guardSlots {
			sum += l.refused[i]
		}
	}
	return sum >= guardMax
}

// errDead is the error of calls after one that Discord did not know the token of.
var errDead = errors.New("no call is made any more, because Discord does not know the token")

// kill makes every later call fail.
func (l *limiter) kill(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead == nil {
		l.dead = err
	}
}
