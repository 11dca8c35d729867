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
	"github.com/vkrouter/vk/internal/trail"
)

// The trail of a job is what its handlers have done, so that it is not done again if
// the event is handled again. It is written when a handler waits, when a stop cuts it
// off, and when a Once has a result; and erased when it is written that the event is
// done.

// A jobTrail is the trail of a job and what the Store has of it. Its methods that
// write take turns.
type jobTrail struct {
	writing chan struct{} // holds an element while somebody writes; made with the trail
	known   []byte        // the value in the Store, as far as is known; of the writer
	failing bool          // the last write failed; of the writer

	mu     sync.Mutex
	stored bool // there may be one in the Store
	closed bool // it is not to be written any more
	steps  *trail.Trail
	routes []ledRoute // that the event leads to, and that are no steps yet
	first  [1]ledRoute
	route  string    // the first of them
	since  time.Time // when a handler first waited
	tries  bool      // a former run has died that may have begun the event
	retry  bool      // a goroutine tries to write it again

	whenSafe []func(context.Context) // see job.whenSafe
	answers  []*Event                // that former runs have taken
}

// keepsSteps reports whether the steps of the job's handlers are kept: if the event is
// handled again after a restart.
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

// A ledRoute is a route that the event leads to.
type ledRoute struct {
	c  *Context
	id string
}

// leadTo notes a route that the event leads to.
func (t *jobTrail) leadTo(c *Context, route, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.routes == nil {
		t.routes = t.first[:0]
	}
	t.route = cmp.Or(t.route, route)
	t.routes = append(t.routes, ledRoute{c, id})
}

// written returns the trail if there is one.
func (j *job) written() *trail.Trail {
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	return j.steps.steps
}

// Again reports whether another run of the bot has begun to handle the event before,
// and was cut off. After a crash it may be true for an event whose handlers had not
// begun yet.
//
// A handler needs it for logs, and for acts of which this package knows nothing. What
// it did with its Context is not done again: calls of the API, sends among them,
// uploads, changes of sessions, timers, the functions of [Once]. They return what they
// returned, and so do questions that were answered. That takes a Store in the
// [Dispatcher].
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

// loadTrail reads the trail of an event that another run may have begun. Events that
// its handlers have taken as answers count as handled from then on: they are the
// trail's.
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
		j.log(slog.LevelError, "vk: the steps of a handler cannot be read: it begins anew", slog.Any("err", err), slog.String("key", trailKey(j.ev)))
		t = trail.New()
	}
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	j.steps.steps, j.steps.known, j.steps.stored = t, raw, true
	j.steps.writing = make(chan struct{}, 1)
	j.onDone(j.eraseTrail)
	if since, ok := t.Get(sinceStep); ok && len(since) == 8 {
		j.steps.since = time.Unix(0, int64(binary.LittleEndian.Uint64(since)))
	}
	t.Each(func(_ trail.Key, value []byte) {
		if a, ok := readTaken(value); ok && a.ev != nil && a.ev.ID != "" {
			d.dedupe.noteHandled(a.ev)
			j.steps.answers = append(j.steps.answers, a.ev)
		}
	})
	return nil
}

// isDirty reports whether the handlers have done something that is not written.
func (j *job) isDirty() bool {
	t := j.written()
	return t != nil && t.Dirty()
}

// saveTrail writes the trail, if it has changed. From then on, the events that the
// handlers have taken as answers are done. Nothing is lost if the Store fails: it is
// tried again, and until then the answers are not done.
func (j *job) saveTrail(ctx context.Context) error {
	t := j.written()
	if t == nil || !t.Dirty() {
		return nil
	}
	return j.writeTrail(ctx)
}

// keepFirst puts an event that VK delivers again into the journal before it is waited for
// an answer: the next process then has the event at its start, and not when VK delivers
// it again, which may be after the answer.
func (j *job) keepFirst(ctx context.Context) {
	if j.repeats && j.item == nil && j.keepsSteps() {
		j.d.keep(ctx, j) // if it fails, VK delivers the event again
	}
}

func (j *job) writeTrail(ctx context.Context) error {
	if j.item != nil && j.item.Lost() {
		return nil // it is another process's
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
	if j.steps.since.IsZero() {
		j.steps.since = time.Now()
		t.Keep(sinceStep, binary.LittleEndian.AppendUint64(nil, uint64(j.steps.since.UnixNano())))
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
		j.log(slog.LevelWarn, "vk: a handler has done more than its trail holds: after a restart, what it has done since is done again", slog.Int("bytes", trail.MaxTrail))
	}
	j.releaseAnswers(answers)
	for _, f := range safe {
		f(ctx)
	}
	return nil
}

// sinceStep is when a handler first waited.
var sinceStep = trail.KeyOf("since")

const stepAttempt = 'n' // its key is the number of an attempt: see attempt.id

// storeTrail puts the trail into the Store. Nobody else writes it.
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

// trailTTL returns how long a trail is kept that nobody erases.
func (d *Dispatcher) trailTTL() time.Duration {
	if age := d.maxAge(); age > 0 {
		return age + 24*time.Hour
	}
	return 0
}

// noteWrite says that trails cannot be written, once, and makes a goroutine try it
// again. The caller is the writer.
func (j *job) noteWrite(ctx context.Context, err error) {
	if err == nil {
		if j.steps.failing {
			j.steps.failing = false
			j.d.storeWorked(ctx)
		}
		return
	}
	j.steps.failing = true
	j.d.storeFailed(j, "vk: the store fails: what handlers have done is not safe from a crash", err)
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	if j.steps.retry {
		return
	}
	j.steps.retry = true
	go j.retryTrail(context.WithoutCancel(ctx))
}

// retryTrail writes the trail as soon as the Store works, or the job has ended.
func (j *job) retryTrail(ctx context.Context) {
	for try := 1; ; try++ {
		backoff.Sleep(ctx, storePause.Delay(try))
		if j.hasEnded() || !j.isDirty() || j.writeTrail(ctx) == nil {
			j.steps.mu.Lock()
			j.steps.retry = false
			j.steps.mu.Unlock()
			return
		}
	}
}

// releaseAnswers settles the events of jobs that the handlers have taken, since the
// trail has them.
func (j *job) releaseAnswers(answers []*job) {
	for _, of := range answers {
		j.mu.Lock()
		at := slices.Index(j.consumed, of)
		if at < 0 || of.spins() {
			j.mu.Unlock()
			continue
		}
		j.consumed = slices.Delete(slices.Clone(j.consumed), at, at+1)
		j.mu.Unlock()
		j.d.settle(of, of.release(handled))
	}
}

// closeTrail keeps the trail from being written any more, once the event is handled: a
// handler that was abandoned goes on.
func (j *job) closeTrail() {
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	j.steps.closed = true
}

// eraseTrail removes the trail from the Store. It is called when the Store has that the
// event is done.
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

// dropTrail is eraseTrail for an event that no job handles.
func (d *Dispatcher) dropTrail(ctx context.Context, e *Event) { d.erase(ctx, trailKey(e), nil) }

// erase removes a value that nobody changes from the Store. If that fails, the value
// stays until it expires.
func (d *Dispatcher) erase(ctx context.Context, key string, known []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	for try := 1; try < 5; {
		var err error
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
			return
		}
		try++
	}
}

// saveOnce is saveTrail for what must not be done again: it waits for a Store that
// fails, but not for ever.
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
	number uint64 // 0 until asked for
	values map[any]any
}

// id returns a number of 56 bits that no other attempt has, in this process or another. It
// is a new one each time that the trail was written.
func (a *attempt) id() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.number == 0 {
		a.number = rand.Uint64() >> 8
	}
	return a.number
}

// renew returns the number, or 0 if nobody has asked for it, and makes id return
// another one from now on.
func (a *attempt) renew() (number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	number, a.number = a.number, 0
	return number
}

// restore undoes renew, unless somebody has asked for the number since.
func (a *attempt) restore(number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.number == 0 {
		a.number = number
	}
}

// value returns the value that was remembered under a key, or nil.
func (a *attempt) value(key any) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.values[key]
}

// remember keeps a value under a key, and returns it. If there is one already,
// it is kept and returned instead.
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
