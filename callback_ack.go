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
//
// With a [Queue], VK is not asked: the conversation pauses for that time in all
// processes, with the event at its head, whichever source has brought it.
func RetryAfter(d time.Duration) error { return retryAfter(d) }

type retryAfter time.Duration

func (d retryAfter) Error() string {
	return fmt.Sprintf("vk: VK is to send the event again after %v", time.Duration(d))
}

// comesAgain tells the Dispatcher that the event is not done.
func (retryAfter) comesAgain() bool { return true }

// ErrRemoveServer is what a handler returns, wrapped or not, to have VK strike the
// address that the event was sent to off the community's list: VK sends nothing
// there any more. It must have been returned within [Callback.Patience]. With a
// [Queue], VK hears it in place of the answer to the community's next event.
var ErrRemoveServer = errors.New("vk: VK is to remove the callback server")

// RetryCounter returns how often VK has tried before to deliver the event to a
// [Callback], by its own count. It is 0 for events that come for the first time,
// or from a [Poller]. An event that comes again is not handled again, unless the
// handler asked for it with [RetryAfter], or a process ended too early. With a
// [Queue], it is how often the handlers have asked for it; that takes a Store.
func (c *Context) RetryCounter() int {
	n, _ := c.Value(retriesKey{}).(int)
	return n
}

// With a Queue, VK is not asked to deliver the event again, so that the trail counts how
// often the handlers have asked for it.
var (
	retriesStep = trail.KeyOf("retries") // the number of times
	retriedStep = trail.KeyOf("retried") // in a trail that has no other steps: the handlers begin anew
)

// noteRetry notes in the Store that the handlers of an event want it again.
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
	writing <- struct{}{} // a write that is tried again ends soon
	defer func() { <-writing }()
	n, _ := j.ctx.Value(retriesKey{}).(int)
	t := trail.New()
	j.fence(t)
	t.Keep(retriedStep, nil)
	t.Keep(retriesStep, binary.AppendUvarint(nil, uint64(n+1)))
	b, _ := t.Encode(j.d.codeVersion())
	if err := j.storeTrail(j.ctx, b); err != nil && err != errFenced {
		j.d.storeFailed(j, "vk: the store fails: how often events are handled again is not counted", err)
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
	}
	return g, err
}

// joinQueues makes the Dispatcher handle the events of those communities that the fields
// name: also of those of which no request comes here.
func (cb *Callback) joinQueues() {
	if cb.d.Queue == nil {
		return
	}
	for group, g := range cb.Groups {
		cb.queue(group, cmp.Or(g.Client, cb.Client)) // if the Dispatcher was stopped, the first event says so
	}
	if cb.GroupID != 0 {
		cb.queue(cb.GroupID, cb.Client)
	}
}

// leaveQueues gives the conversations of the Callback's communities to other processes.
// Events that come after that are put into the Queue all the same.
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
		err = g.put(context.WithoutCancel(ctx), []*Event{e}, nil) // if VK has given up, the event comes again and is dropped
	}
	cb.took(err)
	if err != nil { // the worker logs when the Queue begins to fail
		return again(soon())
	}
	if g.removed.Load() {
		cb.logger().LogAttrs(ctx, slog.LevelWarn, "vk: callback: a handler has VK remove this address", slog.Int64("group", e.GroupID))
		return remove
	}
	return acked
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

const (
	// bodyTime is how long a body may take to come, unless the HTTP server
	// has a ReadTimeout.
	bodyTime = 10 * time.Second

	// smallBody is how much of a body is read in any case. Hardly an event is
	// larger.
	smallBody = 16 << 10

	// largeBodies is how many bodies of the largest size may be in memory
	// before it is known whether they are VK's. More are told to come again.
	largeBodies = 32
)

// boundBody sets by when a body must have come, also that of a request which is
// refused without a look at it: the server reads the rest of it before it
// answers. It lifts the deadline itself when it has read all.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if s, _ := r.Context().Value(http.ServerContextKey).(*http.Server); s != nil && s.ReadTimeout == 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	}
}

// read reads a request's body. The refusal has a status if it cannot.
func (cb *Callback) read(w http.ResponseWriter, r *http.Request) (body []byte, refusal ack) {
	limit := cb.MaxBody
	if limit <= 0 {
		limit = 1 << 20
	}
	tooLarge := func() ack {
		return cb.refuse(r, http.StatusRequestEntityTooLarge, fmt.Sprintf("a body of more than %d bytes", limit))
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, cb.refuse(r, http.StatusUnsupportedMediaType, "a body in an encoding, which VK does not use")
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	in := r.Body
	if r.ContentLength < 0 {
		in = http.MaxBytesReader(w, in, limit)
	}
	var own int64 // bytes of this body in cb.bodies
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
			return nil, tooLarge() // more than its ContentLength, which net/http does not let happen
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
			return nil, cb.refuse(r, http.StatusBadRequest, "the body broke off")
		}
	}
}

// A delivery is what a request says: an event and a secret.
type delivery struct{ found }

// read walks through a body. It is an error if that is not a JSON object, in UTF-8 and
// of a reasonable depth.
func (in *delivery) read(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("the body is not UTF-8")
	}
	err := in.readEvent(body)
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

// mask makes the secret unreadable in the body: events are logged and stored as
// they came.
func (in *delivery) mask() {
	if len(in.secret) == 0 || in.secret[0] != '"' {
		return
	}
	for i := 1; i < len(in.secret)-1; i++ {
		in.secret[i] = '*'
	}
}

// same compares in a time that tells nothing about the secret, nor how long it
// is.
func same(given []byte, secret string) bool {
	a, b := sha256.Sum256(given), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
