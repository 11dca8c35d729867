package discord

import (
	"context"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/list"
	"github.com/vkrouter/vk/internal/pace"
)

const (
	globalRate = 50 // calls in a second that Discord allows a bot

	bucketIdle = time.Minute      // after which a bucket is forgotten
	routeIdle  = 10 * time.Minute // after which the bucket of a route is

	guardSpan  = 10 * time.Minute // in which Discord counts refusals
	guardSlots = 60               // parts of that
	guardMax   = 5000             // refusals after which the client slows down; 10,000 ban its address
)

// pause429 is the pause after a 429 that does not say how long to wait.
var pause429 = backoff.Backoff{Min: time.Second, Max: 30 * time.Second}

// A limiter observes Discord's rate limits. Each call takes a ticket, and
// returns it with the limits in the answer.
//
// Discord sends the limits in the headers of its answers: a bucket has a hash,
// which several routes may share, and there is one for each value of the major
// parameters. Until the hash of a route is known, one call at a time is made
// for the route and its major parameters.
//
// There is no goroutine; while no call waits there is no timer. No call waits
// while it holds the lock.
type limiter struct {
	rate pace.Limiter // of all calls that count for the global limit

	mu      sync.Mutex
	routes  map[string]*routeLimit // by method and template
	buckets map[bucketKey]*bucket
	swept   time.Time // when idle buckets were last looked for

	globalUntil time.Time // no call that counts for the global limit goes before
	dead        error     // Discord does not know the token

	refused      [guardSlots]int // in parts of the last guardSpan
	refusedAt    [guardSlots]int64
	slowUntil    time.Time // the next turn, while the client is slow
	globalStreak int       // global 429 in a row
}

// A routeLimit is the knowledge about a route.
type routeLimit struct {
	hash string // of its bucket; empty if that is unknown
	free bool   // there is no limit
	used time.Time
}

// A bucketKey is a bucket's hash, or a route as long as that is unknown, and the
// major parameters.
type bucketKey struct {
	name  string
	major uint64
}

// A bucket is a limit that some calls share.
type bucket struct {
	key       bucketKey
	known     bool // limit and the following are
	limit     int
	remaining int       // calls in this window
	reset     time.Time // when the window ends; zero if it has not begun
	window    int       // counts windows
	inflight  int
	streak    int // 429 in a row
	waiters   list.List[*waiter]
	timer     *time.Timer // set if waiters wait for a time
	used      time.Time
}

// A waiter is a call that waits for its turn in a bucket.
type waiter struct {
	node   list.Node[*waiter]
	ready  chan struct{}
	b      *bucket // that it waits in, or has a turn of
	window int     // of that turn
}

// A ticket is the right to make a call.
type ticket struct {
	route  string
	major  uint64
	global bool // counts for the global limit
	b      *bucket
	window int
}

// take waits for the turn of a call: in its bucket, and then for the limits of all
// calls. If the window of the bucket ends in the meantime, the call counts in the next
// one, as all calls that are under way.
func (l *limiter) take(ctx context.Context, route string, p Path) (*ticket, error) {
	t := &ticket{route: route, major: p.major, global: !p.hasToken()}
	if err := l.enter(ctx, t); err != nil {
		return nil, err
	}
	if err := l.passGlobal(ctx, t); err != nil {
		l.giveUp(t)
		return nil, err
	}
	return t, nil
}

// enter waits for the call's turn in its bucket.
func (l *limiter) enter(ctx context.Context, t *ticket) error {
	l.mu.Lock()
	if l.dead != nil && t.global {
		defer l.mu.Unlock()
		return l.dead
	}
	now := time.Now()
	l.sweep(now)
	b := l.bucketOf(t.route, t.major, now)
	if b.waiters.First() == nil && b.take(now) {
		t.b, t.window = b, b.window
		l.mu.Unlock()
		return nil
	}
	w := &waiter{ready: make(chan struct{}), b: b}
	w.node.Value = w
	b.waiters.Push(&w.node)
	l.serve(b, now)
	l.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
		l.mu.Lock()
		waits := w.node.List() != nil
		if waits {
			w.node.Remove()
		}
		l.mu.Unlock()
		if waits {
			return context.Cause(ctx)
		}
		<-w.ready
	}
	t.b, t.window = w.b, w.window
	return nil
}

// callbackRoute is the route of first answers to interactions. Discord gives them three
// seconds, and counts them for no global limit.
const callbackRoute = "POST " + callbackTemplate

// passGlobal waits until the limits of all calls allow a call.
func (l *limiter) passGlobal(ctx context.Context, t *ticket) error {
	for {
		l.mu.Lock()
		if l.dead != nil && t.global {
			defer l.mu.Unlock()
			return l.dead
		}
		pause := time.Duration(0)
		if t.route != callbackRoute {
			pause = l.pause(time.Now())
		}
		l.mu.Unlock()
		if pause > 0 {
			if err := backoff.Sleep(ctx, pause); err != nil {
				return err
			}
			continue
		}
		if !t.global || l.rate.Try() {
			return nil
		}
		if _, err := l.rate.Wait(ctx, &pace.Waiter{}); err != nil {
			return err
		}
		l.mu.Lock()
		paused := l.globalUntil.After(time.Now())
		l.mu.Unlock()
		if !paused {
			return nil
		}
	}
}

// pause returns how long a call has to wait because of a global limit, and takes its
// turn if the client is slow.
func (l *limiter) pause(now time.Time) time.Duration {
	if wait := l.globalUntil.Sub(now); wait > 0 {
		return wait
	}
	if l.slow(now) {
		if wait := l.slowUntil.Sub(now); wait > 0 {
			return wait
		}
		l.slowUntil = now.Add(time.Second)
	}
	return 0
}

// giveUp gives back a ticket that was not used.
func (l *limiter) giveUp(t *ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	t.b.inflight--
	if t.b.known && t.window == t.b.window {
		t.b.remaining++
	}
	l.serve(t.b, now)
}

// bucketOf returns the bucket of a call.
func (l *limiter) bucketOf(route string, major uint64, now time.Time) *bucket {
	if l.routes == nil {
		l.routes = make(map[string]*routeLimit)
		l.buckets = make(map[bucketKey]*bucket)
	}
	r := l.routes[route]
	if r == nil {
		r = new(routeLimit)
		l.routes[route] = r
	}
	r.used = now
	key := bucketKey{route, major}
	if r.hash != "" {
		key.name = r.hash
	}
	b := l.buckets[key]
	if b == nil && r.hash != "" {
		if b = l.buckets[bucketKey{route, major}]; b != nil { // it began before the hash was known
			delete(l.buckets, b.key)
			b.key = key
			l.buckets[key] = b
		}
	}
	if b == nil {
		b = &bucket{key: key}
		if r.free {
			b.known, b.limit = true, -1
		}
		l.buckets[key] = b
	}
	b.used = now
	return b
}

// over reports whether the window of the bucket has ended.
func (b *bucket) over(now time.Time) bool { return !b.reset.IsZero() && !b.reset.After(now) }

// take takes a turn, if there is one.
func (b *bucket) take(now time.Time) bool {
	if b.over(now) || b.known && b.reset.IsZero() && b.inflight == 0 {
		// A new window. Calls under way may arrive in it.
		b.reset = time.Time{}
		b.window++
		b.remaining = b.limit - b.inflight
	}
	switch {
	case !b.reset.IsZero() && !b.known:
		return false // after a 429 that said nothing else
	case !b.known:
		if b.inflight > 0 {
			return false
		}
	case b.limit >= 0:
		if b.remaining <= 0 {
			return false
		}
		b.remaining--
	case !b.reset.IsZero():
		return false // no limit, but a 429
	}
	b.inflight++
	b.used = now
	return true
}

// serve gives turns to the waiters of a bucket, and sets its timer for the others.
func (l *limiter) serve(b *bucket, now time.Time) {
	for {
		first := b.waiters.First()
		if first == nil || !b.take(now) {
			break
		}
		first.Remove()
		first.Value.b, first.Value.window = b, b.window
		close(first.Value.ready)
	}
	if b.waiters.First() == nil || b.reset.IsZero() {
		return // no call waits, or the calls wait for an answer
	}
	if b.timer != nil {
		b.timer.Stop()
	}
	b.timer = time.AfterFunc(b.reset.Sub(now), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.serve(b, time.Now())
	})
}

// sweep forgets buckets and routes that were not used for a while. It looks for them
// once in that time.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < bucketIdle {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		if b.inflight == 0 && b.waiters.First() == nil && now.Sub(b.used) >= bucketIdle && !b.reset.After(now) {
			delete(l.buckets, key)
		}
	}
	for route, r := range l.routes {
		if now.Sub(r.used) >= routeIdle {
			delete(l.routes, route)
		}
	}
}
