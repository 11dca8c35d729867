package vk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// RetryAfter returns an error by which a handler has VK send the event again,
// by callback, after d or somewhat later. It can be wrapped, with what has gone
// wrong beside it:
//
//	return fmt.Errorf("%w: %w", err, vk.RetryAfter(time.Minute))
//
// VK takes times from one second to a little less than three hours; others are
// cut to that. All handlers of the event run again then, with the same random
// ids: what they have sent, shows once. [Context.RetryCounter] tells that VK
// has tried before, and should bound how often that is asked for.
//
// It is for a handler that has found out within [Callback.Patience], and before it
// waits for anything: later, VK has had its answer. With a Store, which has kept the event, it is an error like
// any other then, as it is with a [Poller]; without one VK has been told to come
// again anyway, and the event is handled again when it does.
func RetryAfter(d time.Duration) error { return retryAfter(d) }

type retryAfter time.Duration

func (d retryAfter) Error() string {
	return fmt.Sprintf("vk: VK is to send the event again after %v", time.Duration(d))
}

// comesAgain tells the Dispatcher that the event is not done.
func (retryAfter) comesAgain() bool { return true }

// ErrRemoveServer is what a handler returns, wrapped or not, to have VK strike the
// address that the event was sent to off the community's list: VK sends nothing
// there any more. It must have been returned within [Callback.Patience].
var ErrRemoveServer = errors.New("vk: VK is to remove the callback server")

// RetryCounter returns how often VK has tried before to deliver the event to a
// [Callback], by its own count. It is 0 for events that come for the first time,
// or from a [Poller]. An event that comes again is not handled again, unless the
// handler asked for it with [RetryAfter], or a process ended too early.
func (c *Context) RetryCounter() int {
	n, _ := c.Value(retriesKey{}).(int)
	return n
}

// retriesKey finds X-Retry-Counter in a context.
type retriesKey struct{}

// An ack is what VK is answered. The zero ack is none.
type ack struct {
	status int
	text   string
	again  time.Duration // for Retry-After; 0 is none
}

// The answers to an event that VK obeys.
var (
	acked  = ack{status: http.StatusOK, text: "ok"}
	remove = ack{status: http.StatusOK, text: "remove"}
)

// again tells VK to send the event again.
func again(after time.Duration) ack {
	return ack{http.StatusServiceUnavailable, "not now", after}
}

// maxRetryAfter is what VK takes: less than three hours.
const maxRetryAfter = 3*time.Hour - time.Second

// soon is when there may be room, or another process: not the same moment for
// all that come now.
func soon() time.Duration { return 5*time.Second + rand.N(10*time.Second) }

// later is when an event may be done whose handlers were not yet when it came
// for the nth time again: they wait for somebody, maybe.
func later(retries int) time.Duration {
	return min(10*time.Second<<min(max(retries, 0), 10), 10*time.Minute)
}

// write writes the answer. VK compares the text with what it expects: nothing
// may stand beside it.
func (a ack) write(w http.ResponseWriter) {
	w.Header()["Content-Type"] = ackType
	if a.again > 0 {
		seconds := (min(a.again, maxRetryAfter) + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.text)
}

var ackType = []string{"text/plain; charset=utf-8"}

// answerTo returns what VK is told about an event that its handlers have ended
// with err.
func (cb *Callback) answerTo(err error, e *Event) ack {
	if d, ok := longestRetry(err); ok {
		return again(max(d, time.Second))
	}
	switch {
	case errors.Is(err, ErrStopped):
		return again(soon())
	case errors.Is(err, ErrRemoveServer):
		cb.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: callback: a handler has VK remove this address", slog.Int64("group", e.GroupID), slog.String("kind", e.Kind), slog.String("event", e.ID))
		return remove
	}
	return acked
}

// longestRetry returns the longest time that one of several handlers, whose
// errors are joined, has asked for.
func longestRetry(err error) (d time.Duration, ok bool) {
	switch e := err.(type) {
	case nil:
	case retryAfter:
		return time.Duration(e), true
	case interface{ Unwrap() error }:
		return longestRetry(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if other, asks := longestRetry(err); asks {
				d, ok = max(d, other), true
			}
		}
	}
	return d, ok
}

// refuse answers a request that is not VK's, or not meant for this Callback.
func (cb *Callback) refuse(r *http.Request, status int, why string) ack {
	if missed, tell := cb.refusals.tell(); tell {
		cb.logger().LogAttrs(r.Context(), slog.LevelWarn, "vk: callback: request refused",
			slog.Int("status", status), slog.String("why", why), slog.String("from", r.RemoteAddr), slog.Int("others", missed))
	}
	return ack{status: status, text: why}
}

// quiet lets one of many be told each minute: strangers are not to fill the log.
type quiet struct {
	mu     sync.Mutex
	next   time.Time
	missed int
}

// tell reports whether this one is told, and how many were not since the last.
func (q *quiet) tell() (missed int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if now.Before(q.next) {
		q.missed++
		return 0, false
	}
	missed, q.missed, q.next = q.missed, 0, now.Add(time.Minute)
	return missed, true
}
