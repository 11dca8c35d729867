package vk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	durable "github.com/vkrouter/vk/internal/journal"
	"github.com/vkrouter/vk/internal/trail"
)

// A job's trail records the completed steps of its handlers, so that they are
// not repeated if the event is handled again. It is written when a handler
// waits, when a stop cuts the handler off, and when a Once has a result. It is
// erased once the Store records the event as done.

// A jobTrail is the trail of a job and its state in the Store. Only one
// goroutine at a time writes it.
type jobTrail struct {
	writing chan struct{} // holds an element during a write; made with the trail
	known   []byte        // the value in the Store, as far as is known; of the writer

	mu     sync.Mutex
	steps  *trail.Trail
	routes []ledRoute // routes of the event that are not yet steps
	first  [1]ledRoute
	route  string // the first route
	since  int64  // when a handler first waited, in nanoseconds since 1970; 0 if none has

	whenSafe []func(context.Context) // see job.whenSafe
	answers  []*Event                // consumed by previous runs
	answered durable.Barrier         // of the answers that the Store must have as done

	stored  bool               // the Store may have a trail
	closed  bool               // no more writes are allowed
	tries   bool               // a previous run crashed and may have begun the event
	retry   context.CancelFunc // ends the pause of the goroutine that retries the write; nil if there is none
	failing bool               // the last write failed; of the writer, without mu
}

// keepsSteps reports whether the steps of the job's handlers are saved. They
// are if the event is handled again after a restart.
func (j *job) keepsSteps() bool {
	return j.d.Store != nil && j.ev.ID != "" && (j.deduped || j.timer != nil || j.item != nil)
}

// trail implements turn.
func (j *job) trail() *trail.Trail {
	if !j.keepsSteps() {
		return nil
	}
	t := &j.steps
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.steps == nil {
		t.steps = trail.New()
	}
	return t.steps
}

// A ledRoute is a route that handles the event.
type ledRoute struct {
	c  *Context
	id string
}

// leadTo records a route that handles the event.
func (t *jobTrail) leadTo(c *Context, route, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.routes == nil {
		t.routes = t.first[:0]
	}
	t.route = cmp.Or(t.route, route)
	t.routes = append(t.routes, ledRoute{c, id})
}

// written returns the trail, or nil if there is none.
func (j *job) written() *trail.Trail {
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	return j.steps.steps
}

// Again reports whether an earlier run of the bot began to handle the event and
// was cut off. After a crash, it may also be true for an event that no handler
// had begun.
//
// A handler needs Again for logs, and for side effects outside of this package.
// Everything that it did with its Context is idempotent: API calls, including
// sends, uploads, changes of sessions, timers and the functions of [Once] are
// not repeated. They return the same results as before, and so do answered
// questions. This requires a Store in the [Dispatcher].
func (c *Context) Again() bool {
	j := jobOf(c)
	if j == nil {
		return false
	}
	t := &j.steps
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tries || t.steps != nil && t.steps.Again()
}

// trailKey returns the key of an event's trail in the Store.
func trailKey(e *Event) string {
	return "trail/" + strconv.FormatInt(e.GroupID, 10) + "/" + short(e.ID)
}

// codeVersion returns the version of the bot's code.
func (d *Dispatcher) codeVersion() uint64 {
	if d.Version == "" {
		return executable()
	}
	sum := sha256.Sum256([]byte(d.Version))
	return binary.LittleEndian.Uint64(sum[:])
}

// executable returns a hash of the program's file.
var executable = sync.OnceValue(func() uint64 {
	h := sha256.New()
	if path, err := os.Executable(); err == nil {
		if f, err := os.Open(path); err == nil {
			io.Copy(h, f)
			f.Close()
		}
	}
	return binary.LittleEndian.Uint64(h.Sum(nil))
})

// loadTrail reads the trail of an event that another run may have begun. Events
// that the trail's handlers consumed as answers count as handled from then on,
// because they belong to the trail.
func (d *Dispatcher) loadTrail(ctx context.Context, j *job) error {
	if !j.keepsSteps() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	var raw []byte
	for try := 1; ; try++ {
		var err error
		if raw, err = d.guarded().Get(ctx, trailKey(j.ev)); err == nil {
			break
		}
		if backoff.Sleep(ctx, storePause.Delay(try)) != nil {
			return fmt.Errorf("vk: %q: %w", trailKey(j.ev), err)
		}
	}
	if len(raw) == 0 {
		return nil
	}
	t, err := trail.Load(slices.Clone(raw), d.codeVersion())
	if err != nil {
		j.log(slog.LevelError, "vk: the steps of a handler cannot be read: it starts from the beginning", slog.Any("err", err), slog.String("key", trailKey(j.ev)))
		t = trail.New()
	}
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	j.steps.steps, j.steps.known, j.steps.stored = t, raw, true
	j.steps.writing = make(chan struct{}, 1)
	j.onDone(j.eraseTrail)
	if since, ok := t.Get(sinceStep); ok && len(since) == 8 {
		j.steps.since = int64(binary.LittleEndian.Uint64(since))
	}
	t.Each(func(_ trail.Key, value []byte) {
		if a, ok := readTaken(value); ok && a.ev != nil && a.ev.ID != "" {
			d.dedupe.noteHandled(a.ev)
			j.steps.answers = append(j.steps.answers, a.ev)
		}
	})
	return nil
}

// isDirty reports whether the handlers have steps that are not saved.
func (j *job) isDirty() bool {
	t := j.written()
	return t != nil && t.Dirty()
}

// saveTrail writes the trail if it has changed. After that, the events that the
// handlers consumed as answers are done. If the Store fails, nothing is lost:
// the write is retried, and the answers are not done until it succeeds.
func (j *job) saveTrail(ctx context.Context) error {
	t := j.written()
	if t == nil || !t.Dirty() {
		return nil
	}
	return j.writeTrail(ctx)
}

// keepFirst puts an event that VK redelivers into the journal before its
// handler waits for an answer. The next process then has the event when it
// starts. Otherwise it would get the event when VK redelivers it, possibly
// after the answer.
func (j *job) keepFirst(ctx context.Context) {
	if j.repeats && j.item == nil && j.keepsSteps() {
		j.d.keep(ctx, j) // if this fails, VK redelivers the event
	}
}

func (j *job) writeTrail(ctx context.Context) error {
	if j.item != nil && j.item.Lost() {
		return nil // it belongs to another process
	}
	j.keepFirst(ctx)
	t := j.trail()
	j.steps.mu.Lock()
	if j.steps.writing == nil {
		j.steps.writing = make(chan struct{}, 1)
	}
	if j.steps.closed {
		j.steps.mu.Unlock()
		return nil
	}
	if !j.steps.stored {
		j.steps.stored = true
		j.fence(t)
		j.onDone(j.eraseTrail)
	}
	routes := j.steps.routes
	j.steps.routes = nil
	if j.steps.since == 0 {
		j.steps.since = time.Now().UnixNano()
		t.Keep(sinceStep, binary.LittleEndian.AppendUint64(nil, uint64(j.steps.since)))
	}
	writing := j.steps.writing
	j.steps.mu.Unlock()
	select {
	case writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-writing }()
	for _, r := range routes {
		if key := r.c.routeStep(); r.c.ledTo() == "" {
			t.Keep(key, []byte(r.id))
		}
	}
	number := j.attempt.renew()
	if number != 0 {
		t.Keep(trail.Key(number), []byte{stepAttempt})
	}
	version, safe := j.d.codeVersion(), j.takeSafe()
	j.d.waits.mu.Lock()
	answers := j.taken() // all of them are steps
	b, mark := t.Encode(version)
	j.d.waits.mu.Unlock()
	err := j.storeTrail(ctx, b)
	if err == errFenced {
		return nil
	}
	j.noteWrite(ctx, err)
	if err != nil {
		j.attempt.restore(number)
		j.whenSafe(safe...)
		return err
	}
	t.Saved(mark)
	if t.Full() {
		j.log(slog.LevelWarn, "vk: the steps of a handler exceed the size of its trail: after a restart, its later steps are repeated", slog.Int("bytes", trail.MaxTrail))
	}
	j.releaseAnswers(answers)
	for _, f := range safe {
		f(ctx)
	}
	return nil
}

// sinceStep is the time when a handler first waited.
var sinceStep = trail.KeyOf("since")

const stepAttempt = 'n' // its key is the number of an attempt: see attempt.id

// storeTrail writes the trail to the Store. There is only one writer.
func (j *job) storeTrail(ctx context.Context, b []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	key, store := trailKey(j.ev), j.d.guarded()
	for {
		swapped, err := store.Swap(ctx, key, j.steps.known, b, j.d.trailTTL())
		if err != nil {
			return fmt.Errorf("vk: %q: %w", key, err)
		}
		if swapped {
			j.steps.known = b
			return nil
		}
		old, err := store.Get(ctx, key)
		if err != nil {
			return fmt.Errorf("vk: %q: %w", key, err)
		}
		if bytes.Equal(old, b) {
			j.steps.known = b
			return nil
		}
		if j.isFenced(old) {
			return errFenced
		}
		j.steps.known = old
	}
}

// noteWrite logs the first of several failed writes of trails, and starts a
// goroutine that retries. The caller is the writer.
func (j *job) noteWrite(ctx context.Context, err error) {
	if err == nil {
		if j.steps.failing {
			j.steps.failing = false
			j.d.storeWorked(ctx)
		}
		return
	}
	j.steps.failing = true
	j.d.storeFailed(j, "vk: store unavailable: the steps of handlers may be lost in a crash", err)
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	if j.steps.retry != nil || j.hasEnded() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	pausing, cancel := context.WithCancel(ctx)
	j.steps.retry = cancel
	go j.retryTrail(ctx, pausing)
}

// retryTrail retries the write until it succeeds, or the job and pausing end.
func (j *job) retryTrail(ctx, pausing context.Context) {
	defer j.steps.endRetry()
	for try := 1; ; try++ {
		backoff.Sleep(pausing, storePause.Delay(try))
		if j.hasEnded() || !j.isDirty() || j.writeTrail(ctx) == nil {
			return
		}
	}
}

// endRetry ends the pause of the goroutine that retries the write.
func (t *jobTrail) endRetry() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retry != nil {
		t.retry()
		t.retry = nil
	}
}

// releaseAnswers settles the events that the handlers consumed.
func (j *job) releaseAnswers(answers []*job) {
	for _, of := range answers {
		if j.untake(of) {
			j.settleAnswer(of)
		}
	}
}

// settleAnswer settles an answer in the trail, which the barrier waits for. The Store has
// that before j's event is done: without j, the next run would take it for a message.
func (j *job) settleAnswer(of *job) {
	s := of.release(handled)
	if s == isHandled && of.deduped && of.item == nil {
		of.whenSafe(j.steps.answered.Stored)
	} else {
		j.steps.answered.Stored(j.ctx)
	}
	j.d.settle(of, s)
}

// closeTrail prevents further writes of the trail once the event is handled: an
// abandoned handler may still be running.
func (j *job) closeTrail() {
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	j.steps.closed = true
}

// eraseTrail removes the trail from the Store. It is called once the Store
// records the event as done.
func (j *job) eraseTrail(ctx context.Context) {
	j.closeTrail()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	select {
	case j.steps.writing <- struct{}{}:
		defer func() { <-j.steps.writing }()
	case <-ctx.Done():
	}
	j.d.erase(ctx, trailKey(j.ev), j.steps.known)
}

// dropTrail is eraseTrail for an event without a job.
func (d *Dispatcher) dropTrail(ctx context.Context, e *Event) { d.erase(ctx, trailKey(e), nil) }

// erase removes a value from the Store that no other goroutine changes. If it returns
// an error, the value stays until it expires.
func (d *Dispatcher) erase(ctx context.Context, key string, known []byte) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	for try := 1; try < 5; {
		err = nil
		swapped := false
		if len(known) > 0 {
			swapped, err = d.guarded().Swap(ctx, key, known, nil, 0)
		}
		if err == nil && !swapped {
			if known, err = d.guarded().Get(ctx, key); err == nil && len(known) > 0 {
				continue
			}
		}
		if err == nil || backoff.Sleep(ctx, storePause.Delay(try)) != nil {
			return err
		}
		try++
	}
	return err
}

// saveOnce is saveTrail for steps that must not be repeated: it retries while
// the Store fails, up to a time limit.
func (j *job) saveOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	for try := 1; j.saveTrail(ctx) != nil; try++ {
		if backoff.Sleep(ctx, storePause.Delay(try)) != nil {
			return
		}
	}
}

// An attempt is the record of one attempt to handle an event. Upper layers keep
// values in it that last as long as the attempt.
type attempt struct {
	mu     sync.Mutex
	number uint64 // 0 until it is needed
	values map[any]any
}

// id returns a number of 56 bits that is unique among all attempts, in this
// process and in others. It changes each time the trail is written.
func (a *attempt) id() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.number == 0 {
		a.number = rand.Uint64() >> 8
	}
	return a.number
}

// renew returns the number, or 0 if it was never needed, and makes id return a
// new one from then on.
func (a *attempt) renew() (number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	number, a.number = a.number, 0
	return number
}

// restore undoes renew, unless id has returned a new number since.
func (a *attempt) restore(number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.number == 0 {
		a.number = number
	}
}

// value returns the value remembered for a key, or nil.
func (a *attempt) value(key any) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.values[key]
}

// remember sets the value for a key and returns it. If the key already has a
// value, remember keeps that one and returns it instead.
func (a *attempt) remember(key, value any) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.values[key]; ok {
		return old
	}
	if a.values == nil {
		a.values = make(map[any]any)
	}
	a.values[key] = value
	return value
}
