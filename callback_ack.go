package vk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/trail"
)

// RetryAfter returns an error with which a handler makes VK redeliver the
// event, by callback, after d or somewhat later. It can be wrapped together
// with the error that caused it:
//
//	return fmt.Errorf("%w: %w", err, vk.RetryAfter(time.Minute))
//
// VK accepts durations from one second to a little less than three hours;
// others are clamped to that range. All handlers of the event run again then,
// with the same random ids, so a message that they have sent already is not
// sent twice. [Context.RetryCounter] returns the number of earlier deliveries;
// use it to limit the retries.
//
// The handler must return the error within [Callback.Patience], and before it
// waits for anything: later, VK has its answer already. With a Store, which has
// saved the event, RetryAfter is then an ordinary error, as it is with a
// [Poller]. Without a Store, VK was asked to retry anyway, and the event is
// handled again when VK does.
//
// With a [Queue], VK is not involved: the conversation pauses for that time in
// all processes, with the event at its head, whichever source has brought it.
func RetryAfter(d time.Duration) error { return retryAfter(d) }

type retryAfter time.Duration

func (d retryAfter) Error() string {
	return fmt.Sprintf("vk: asking VK to redeliver the event after %v", time.Duration(d))
}

// comesAgain tells the Dispatcher that the event is not done.
func (retryAfter) comesAgain() bool { return true }

// ErrRemoveServer is an error with which a handler makes VK remove the address
// that received the event from the community's list: VK sends no more events
// there. The handler may wrap it, and must return it within
// [Callback.Patience]. With a [Queue], VK gets it in place of the answer to the
// community's next event.
var ErrRemoveServer = errors.New("vk: asking VK to remove the callback server")

// RetryCounter returns how often VK tried to deliver the event to a [Callback]
// before, by its own count. It is 0 for the first delivery, and for events from
// a [Poller]. A redelivered event is not handled again, unless a handler
// returned [RetryAfter] or a process ended too early. With a [Queue],
// RetryCounter returns how often the handlers have returned RetryAfter; that
// requires a Store.
func (c *Context) RetryCounter() int {
	n, _ := c.Value(retriesKey{}).(int)
	return n
}

// With a Queue, VK does not redeliver the event, so the trail counts how often
// the handlers have asked for a retry.
var (
	retriesStep = trail.KeyOf("retries") // the number of retries
	retriedStep = trail.KeyOf("retried") // in a trail that has no other steps: the handlers start from the beginning
)

// noteRetry records in the Store that the handlers of an event have asked for a
// retry.
func (j *job) noteRetry() {
	if !j.keepsSteps() {
		return
	}
	j.steps.mu.Lock()
	if j.steps.writing == nil {
		j.steps.writing = make(chan struct{}, 1)
	}
	writing := j.steps.writing
	j.steps.mu.Unlock()
	writing <- struct{}{} // a write that is being retried ends soon
	defer func() { <-writing }()
	n, _ := j.ctx.Value(retriesKey{}).(int)
	t := trail.New()
	j.fence(t)
	t.Keep(retriedStep, nil)
	t.Keep(retriesStep, binary.AppendUvarint(nil, uint64(n+1)))
	b, _ := t.Encode(j.d.codeVersion())
	if err := j.storeTrail(j.ctx, b); err != nil && err != errFenced {
		j.d.storeFailed(j, "vk: store unavailable: retries of events are not counted", err)
	}
}

// readRetries reads the count of noteRetry, before the handlers begin.
func (j *job) readRetries() {
	t := &j.steps
	value, _ := t.steps.Get(retriesStep)
	n, _ := binary.Uvarint(value)
	if n == 0 {
		return
	}
	j.ctx = context.WithValue(j.ctx, retriesKey{}, int(n))
	if _, anew := t.steps.Get(retriedStep); anew {
		t.steps = trail.New()
		t.steps.Keep(retriesStep, value)
	}
}

// startTimer returns a timer for the deadline of ctx, which would allocate one
// itself.
func (cb *Callback) startTimer(ctx context.Context) *time.Timer {
	at, _ := ctx.Deadline()
	t, _ := cb.timers.Get().(*time.Timer)
	if t == nil {
		return time.NewTimer(time.Until(at))
	}
	t.Reset(time.Until(at))
	return t
}

func (cb *Callback) stopTimer(t *time.Timer) {
	t.Stop()
	cb.timers.Put(t)
}

// queue returns the Dispatcher's worker for a community of its Queue.
func (cb *Callback) queue(group int64, client *Client) (*groupQueue, error) {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	if g := cb.queues[group]; g != nil {
		return g, nil
	}
	if cb.left {
		return nil, ErrStopped
	}
	g, err := cb.d.joinQueue(group, client)
	if err == nil {
		if cb.queues == nil {
			cb.queues = make(map[int64]*groupQueue)
		}
		cb.queues[group] = g
		g.adoptSoon()
	}
	return g, err
}

// joinQueues makes the Dispatcher handle the events of the communities in the
// fields, including those for which no request arrives here.
func (cb *Callback) joinQueues() {
	if cb.d.Queue == nil {
		return
	}
	for group, g := range cb.Groups {
		cb.queue(group, cmp.Or(g.Client, cb.Client)) // if the Dispatcher was stopped, the first event reports it
	}
	if cb.GroupID != 0 {
		cb.queue(cb.GroupID, cb.Client)
	}
}

// leaveQueues gives the conversations of the Callback's communities to other
// processes. Later events are still put into the Queue.
func (cb *Callback) leaveQueues(ctx context.Context) {
	cb.mu.Lock()
	cb.left = true
	all := slices.Collect(maps.Values(cb.queues))
	cb.mu.Unlock()
	var leaving sync.WaitGroup
	for _, g := range all {
		leaving.Go(func() { g.leave(ctx) })
	}
	leaving.Wait()
}

// enqueue puts an event into the Queue, and returns the answer to VK.
func (cb *Callback) enqueue(ctx context.Context, client *Client, e *Event) ack {
	g, err := cb.queue(e.GroupID, client)
	if err == nil {
		err = awaitClosed(ctx, g.adopter.tried) // older events come first
	}
	if err == nil {
		err = g.put(context.WithoutCancel(ctx), []*Event{e}, nil) // if VK has given up, it redelivers the event, which is dropped as a duplicate
	}
	cb.took(err)
	if err != nil { // the worker logs failures of the Queue
		return again(soon())
	}
	if g.removed.Load() {
		cb.logger().LogAttrs(ctx, slog.LevelWarn, "vk: callback: a handler returned ErrRemoveServer: asking VK to remove this address", slog.Int64("group", e.GroupID))
		return remove
	}
	return acked
}

// retriesKey is the context key of X-Retry-Counter.
type retriesKey struct{}

// An ack is an answer to VK. The zero ack means none.
type ack struct {
	status int
	text   string
	again  time.Duration // for Retry-After; 0 for none
}

// The answers to an event.
var (
	acked  = ack{status: http.StatusOK, text: "ok"}
	remove = ack{status: http.StatusOK, text: "remove"}
)

// again returns the answer that asks VK to retry the event.
func again(after time.Duration) ack {
	return ack{http.StatusServiceUnavailable, "not now", after}
}

// maxRetryAfter is the maximum that VK accepts: less than three hours.
const maxRetryAfter = 3*time.Hour - time.Second

// soon returns the time after which there may be room, or another process. It
// is random, so that the events of one moment do not come back together.
func soon() time.Duration { return 5*time.Second + rand.N(10*time.Second) }

// later returns the time after which an event may be done that was not done at
// its nth redelivery: its handlers may be waiting for a user.
func later(retries int) time.Duration {
	return min(10*time.Second<<min(max(retries, 0), 10), 10*time.Minute)
}

// write writes the answer. The body has no other text, because VK compares it
// with the expected one.
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

// answerTo returns the answer to VK for an event with handlers that ended with
// err.
func (cb *Callback) answerTo(err error, e *Event) ack {
	if d, ok := longestRetry(err); ok {
		return again(max(d, time.Second))
	}
	switch {
	case errors.Is(err, ErrStopped):
		return again(soon())
	case errors.Is(err, ErrRemoveServer):
		cb.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: callback: a handler returned ErrRemoveServer: asking VK to remove this address", slog.Int64("group", e.GroupID), slog.String("kind", e.Kind), slog.String("event", e.ID))
		return remove
	}
	return acked
}

// longestRetry returns the longest time that a handler has asked for. The
// errors of several handlers may be joined in err.
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

// refuse answers a request that does not come from VK, or is not meant for this
// Callback.
func (cb *Callback) refuse(r *http.Request, status int, why string) ack {
	if missed, tell := cb.refusals.tell(); tell {
		cb.logger().LogAttrs(r.Context(), slog.LevelWarn, "vk: callback: request refused",
			slog.Int("status", status), slog.String("why", why), slog.String("from", r.RemoteAddr), slog.Int("others", missed))
	}
	return ack{status: status, text: why}
}

// quiet limits a log line to one per minute, so that strangers cannot fill the
// log.
type quiet struct {
	mu     sync.Mutex
	next   time.Time
	missed int
}

// tell reports whether to log now, and how many times it has returned false
// since the last time.
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

const (
	// bodyTime limits the time for reading a body, unless the HTTP server has a
	// ReadTimeout.
	bodyTime = 10 * time.Second

	// smallBody is the size up to which a body is always read. Larger events
	// are rare.
	smallBody = 16 << 10

	// largeBodies is the number of bodies of the maximum size that may be in
	// memory before they are known to be VK's. For more, VK is asked to retry.
	largeBodies = 32
)

// boundBody sets the deadline for reading the body, including that of a request
// which is refused without reading it: the server reads the rest of the body
// before it answers. The server resets the deadline when it has read all.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if s, _ := r.Context().Value(http.ServerContextKey).(*http.Server); s != nil && s.ReadTimeout == 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	}
}

// read reads a request's body. If that fails, refusal has a status.
func (cb *Callback) read(w http.ResponseWriter, r *http.Request) (body []byte, refusal ack) {
	limit := cb.MaxBody
	if limit <= 0 {
		limit = 1 << 20
	}
	limit = min(limit, math.MaxInt64/(2*largeBodies)) // a sum of limits must not overflow
	tooLarge := func() ack {
		return cb.refuse(r, http.StatusRequestEntityTooLarge, fmt.Sprintf("a body of more than %d bytes", limit))
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, cb.refuse(r, http.StatusUnsupportedMediaType, "the body has a Content-Encoding, which VK does not use")
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	in := r.Body
	if r.ContentLength < 0 {
		in = http.MaxBytesReader(w, in, limit)
	}
	var own int64 // the size of this body in cb.bodies
	defer func() { cb.bodies.Add(-own) }()
	admit := func(n int64) bool {
		own += n
		return cb.bodies.Add(n) <= largeBodies*max(limit, 1<<20)
	}
	body = make([]byte, 0, min(max(r.ContentLength+1, 512), smallBody))
	for {
		if len(body) == cap(body) {
			size := min(int64(2*cap(body)), limit+1)
			if size > smallBody && !admit(size) {
				return nil, again(soon())
			}
			body = slices.Grow(body, int(size)-len(body))
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return nil, tooLarge() // more than its ContentLength, which net/http prevents
		}
		if err == io.EOF {
			return slices.Clip(body), ack{}
		} else if err == nil {
			continue
		}
		switch large := (*http.MaxBytesError)(nil); { // large is on the heap
		case errors.As(err, &large):
			return nil, tooLarge()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, cb.refuse(r, http.StatusRequestTimeout, "the body did not come in time")
		default:
			return nil, cb.refuse(r, http.StatusBadRequest, "the body is incomplete")
		}
	}
}

// A delivery is the content of a request: an event and a secret.
type delivery struct{ found }

// read parses a body. It returns an error if the body is not a JSON object in
// UTF-8 of a reasonable depth.
func (in *delivery) read(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("the body is not UTF-8")
	}
	err := in.readWhole(body)
	switch {
	case in.secrets > 1:
		return errors.New("the body has two secrets")
	case err != nil:
		return fmt.Errorf("the body is not JSON: %w", err)
	case !in.isObject:
		return errors.New("the body is not a JSON object")
	}
	return nil
}

// given returns the secret, or nil if there is none.
func (in *delivery) given() (secret []byte) {
	if len(in.secret) > 0 && in.secret[0] == '"' {
		secret, _ = tolerant.Text(in.secret)
	}
	return secret
}

// mask makes the secret in the body unreadable, because events are logged and
// stored as they arrived.
func (in *delivery) mask() {
	if len(in.secret) == 0 || in.secret[0] != '"' {
		return
	}
	for i := 1; i < len(in.secret)-1; i++ {
		in.secret[i] = '*'
	}
}

// same compares in a time that does not depend on the secret or its length.
func same(given []byte, secret string) bool {
	a, b := sha256.Sum256(given), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
