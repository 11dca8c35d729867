package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A follower is one Run of a Poller.
type follower struct {
	*Poller
	d    *Dispatcher
	feed *feed
	base context.Context // the parent of the handlers' contexts
	log  logger

	started     bool   // the start of the bot was logged
	resumes     bool   // it resumes where another run ended
	name        string // the community's name; "" if GroupID is set
	group       int64
	server, key string
	ts          string
	journal     *journal    // nil without a Store
	queue       *groupQueue // nil without a Queue
	status      PollerStatus
	streak      streak // of polls and of the calls that precede them

	answer body // the memory of the last answer, reused for the next
	fresh  int  // the number of its events that could be parsed

	elsewhere []*job // jobs of other sources that have events which this source brought too

	connecting atomic.Bool // the last poll has no connection, or had none when it ended
}

func (f *follower) follow(ctx context.Context) error {
	if err := f.start(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	f.logStart(ctx)
	defer f.examine(ctx)()
	f.ready(ctx)
	if f.journal != nil {
		if err := f.journal.replay(ctx); err != nil {
			return err
		}
	}
	return f.loop(ctx)
}

// loop polls and handles events until ctx is done or a permanent error occurs.
func (f *follower) loop(ctx context.Context) error {
	var ahead *pollAhead // the poll in progress; nil if there is none
	defer func() { ahead.drop() }()
	failures := 0 // consecutive failures
	for ctx.Err() == nil || ahead != nil {
		var p polled
		if ahead != nil {
			p, ahead = ahead.wait(), nil
		} else {
			p = f.ask(ctx, f.ts)
		}
		if p.err != nil && ctx.Err() != nil {
			break // the poll was canceled by the end of ctx
		}
		from := f.ts
		f.fresh = 0
		f.move(ctx, p)
		err := p.err
		f.Client.tell(ctx, Observation{Step: StepPolled, Events: len(p.events), Took: p.took, Err: err})
		if err == nil {
			failures = 0
			f.recovered(ctx)
			f.log.LogAttrs(ctx, slog.LevelDebug, "vk: long poll", slog.Int("events", len(p.events)), slog.Duration("took", p.took), slog.String("ts", f.ts))
			f.note(nil, len(p.events))
			if len(p.events) >= minAhead && f.ts != from {
				f.d.count.Add(1) // pending until these events are dispatched: the next poll may begin before that
				ahead = f.askAhead(ctx)
				err = f.handle(ctx, p.events)
				f.d.count.Add(-1)
			} else {
				err = f.handle(ctx, p.events)
			}
		} else {
			failures++
			f.note(err, 0)
			err = f.mend(ctx, err, failures)
		}
		if errors.Is(err, ErrNotLeading) {
			ahead.drop() // its events are the leader's, and it uses the server that standBy changes
			ahead = nil
			if err = f.standBy(ctx); err == nil {
				f.ready(ctx)
			}
		}
		if err != nil {
			return err
		}
		if f.fresh == 0 || f.ts == from { // unreadable and repeated events count as none
			backoff.Sleep(ctx, pollMinimum-time.Since(p.began))
		}
	}
	return nil
}

// A pollAhead is a poll that is in progress while the events of the last one are
// saved and dispatched.
type pollAhead struct {
	cancel context.CancelFunc
	result chan polled
}

// askAhead begins a poll from the current position in the history.
func (f *follower) askAhead(ctx context.Context) *pollAhead {
	ctx, cancel := context.WithCancel(ctx)
	a := &pollAhead{cancel, make(chan polled, 1)}
	go func(ts string) { a.result <- f.ask(ctx, ts) }(f.ts)
	return a
}

// wait blocks until the poll has ended, and returns its result.
func (a *pollAhead) wait() polled {
	defer a.cancel()
	return <-a.result
}

// drop cancels the poll, if there is one, and blocks until it has ended.
func (a *pollAhead) drop() {
	if a != nil {
		a.cancel()
		<-a.result
	}
}

func (f *follower) ready(ctx context.Context) {
	if f.Ready != nil && ctx.Err() == nil {
		f.call(ctx, "Ready", func() error { f.Ready(f.group); return nil })
	}
}

// logStart logs the bot's name and kinds of events, and the position that it
// starts from.
func (f *follower) logStart(ctx context.Context) {
	f.started = true
	kinds, _ := kindsWanted(f.d.Handler, f.Kinds)
	f.log.LogAttrs(ctx, slog.LevelInfo, "vk: bot started", slog.Int64("group", f.group), slog.String("name", f.name), slog.Any("kinds", kinds),
		slog.String("ts", f.ts), slog.Bool("resumed", f.resumes), slog.Bool("store", f.d.Store != nil))
}

// mend recovers from a failed poll. It returns an error if that is impossible.
func (f *follower) mend(ctx context.Context, err error, failures int) error {
	if ctx.Err() != nil {
		return nil
	}
	var failed pollFailed
	var wrong *ConfigError
	if errors.As(err, &wrong) && !f.mayPass(err) {
		return err
	}
	errors.As(err, &failed)
	if failed == 0 || failures > 1 {
		f.pause(ctx, failures, err)
	}
	switch {
	case failed == failedSession:
		return f.renew(ctx, true)
	case failed != 0 && failed != failedHistory, failures%renewAfter == 0 && !f.timedOut(err):
		return f.renew(ctx, false)
	}
	return nil
}

// start looks up the community and its long poll server.
func (f *follower) start(ctx context.Context) error {
	f.group = f.GroupID
	for failures := 0; f.group == 0; {
		var own int64
		err := apart(func() (err error) { own, f.name, err = f.Client.ownCommunity(ctx); return err })
		switch {
		case err == nil && own != 0:
			f.group = own
		case err == nil:
			return noCommunity("Poller.GroupID")
		case ctx.Err() != nil:
			return nil
		case !f.mayPass(err):
			return err
		default:
			failures++
			f.note(err, 0)
			f.pause(ctx, failures, err)
		}
	}
	if f.EnableEvents {
		f.call(ctx, "EnableEvents", func() error { f.enable(ctx); return nil })
	}
	switch {
	case ctx.Err() != nil:
	case f.d.Queue != nil:
		var err error
		if f.queue, err = f.d.joinQueue(f.group, f.Client); err != nil {
			return err
		}
		return f.standBy(ctx)
	case f.d.Store != nil:
		if err := f.openJournal(ctx); err != nil {
			return err
		}
	}
	if err := f.renew(ctx, f.ts == ""); err != nil {
		return err
	}
	f.keep(ctx)
	return nil
}

// call calls a function that belongs to the user or uses the user's Client. It
// logs an error if the function fails, panics or ends its goroutine.
func (f *follower) call(ctx context.Context, name string, do func() error) {
	if err := apart(do); err != nil {
		f.log.LogAttrs(ctx, slog.LevelError, "vk: long poll: "+name+" failed", failure(err)...)
	}
}

// keep saves the position in the history. All events before it must have been
// saved.
func (f *follower) keep(ctx context.Context) {
	if f.queue != nil {
		f.enqueue(ctx, nil) // if another process leads, the next poll's enqueue returns that error
	} else if f.journal != nil {
		f.journal.add(f.ts, nil)
		f.journal.save(f.base)
	}
}

// openJournal opens the community's journal and reads where the previous run
// ended.
func (f *follower) openJournal(ctx context.Context) error {
	jr, err := f.d.journal(ctx, f.group)
	if err != nil {
		return err
	}
	f.journal = jr
	jr.join(f.feed, f.Client)
	f.ts = jr.place()
	f.resumes = f.ts != ""
	return nil
}

// note records the result of a poll, or of a call that precedes it, in the
// status.
func (f *follower) note(err error, events int) {
	s := &f.status
	s.Err = err
	switch now := time.Now(); {
	case err != nil:
		s.Failures++
	case events > 0:
		s.LastEvent = now
		fallthrough
	default:
		s.LastPoll, s.Failures = now, 0
	}
	f.publish()
}

// publish makes the current status visible to Status.
func (f *follower) publish() {
	published := f.status
	published.GroupID, published.TS = f.group, f.ts
	f.Poller.status.Store(&published)
}

// gap reports lost events to the log and to OnGap.
func (f *follower) gap(ctx context.Context, from, to string) {
	f.log.LogAttrs(ctx, slog.LevelWarn, "vk: long poll: events are lost: VK no longer has them", slog.String("from", from), slog.String("to", to))
	f.keep(ctx)
	if f.OnGap != nil {
		f.call(ctx, "OnGap", func() error { f.OnGap(from, to); return nil })
	}
}

// mayPass is like the function mayPass, for a call of Run. Before the first
// poll, an address without VK's API and an untrusted certificate are
// configuration errors. After it, the cause may be a problem of the network.
func (f *follower) mayPass(err error) bool {
	var foreign *HTTPError
	var wrong *ConfigError
	fresh := f.status.LastPoll.IsZero()
	if errors.As(err, &foreign) && fresh && f.Client.BaseURL != "" {
		switch s := foreign.Status; s {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		default:
			return s < 400 || s >= 500
		}
	}
	if errors.As(err, &wrong) && wrong.Field == "Client.HTTPClient" {
		return !fresh
	}
	return mayPass(err)
}

// mayPass reports whether a call that failed, including its retries, may
// succeed later. VK's refusals are permanent, except those that
// [Error.Temporary] reports as temporary.
func mayPass(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Temporary()
	}
	var param *ParamError
	var wrong *ConfigError
	return !errors.As(err, &wrong) && !errors.As(err, &param)
}

// pause waits after a failure. The first of several consecutive failures is
// logged as a warning.
func (f *follower) pause(ctx context.Context, failures int, err error) {
	d := pollPause.Delay(failures)
	level := slog.LevelDebug
	if f.streak.failed() {
		level = slog.LevelWarn
	}
	attrs := append(failure(err), slog.Int("failures", failures), slog.Duration("after", d))
	f.log.LogAttrs(ctx, level, "vk: long poll failed", attrs...)
	backoff.Sleep(ctx, d)
}

// recovered logs that VK answers again, if its failure was logged.
func (f *follower) recovered(ctx context.Context) {
	if failures, tell := f.streak.worked(); tell {
		f.log.LogAttrs(ctx, slog.LevelInfo, "vk: long poll works again", slog.Int("failures", failures))
	}
}

const (
	failedHistory pollFailed = 1 // the history is too old: continue from the ts in the answer
	failedKey     pollFailed = 2 // the key has expired
	failedSession pollFailed = 3 // the session, key and ts, is forgotten
)

// handle passes events to the Dispatcher. It logs unreadable updates and skips
// them.
func (f *follower) handle(ctx context.Context, all []polledEvent) error {
	var events []*Event
	gathers := f.journal != nil || f.queue != nil
	if gathers {
		events = make([]*Event, 0, len(all))
	}
	err := resumed(func() error {
		for len(all) > 0 {
			e, odd := all[0].event, all[0].odd
			all = all[1:]
			if odd != nil {
				f.log.LogAttrs(ctx, slog.LevelError, "vk: long poll: an event cannot be read", slog.Any("err", odd.err), slog.String("event", fmt.Sprintf("%.300s", odd.raw)))
				continue
			}
			f.fresh++
			if gathers {
				events = append(events, e)
				continue
			}
			if err := f.dispatch(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.queue != nil {
		return f.enqueue(ctx, events)
	}
	if f.journal == nil {
		return f.redispatch(ctx)
	}
	entries := f.journal.add(f.ts, events)
	if err := f.journal.save(f.base); errors.Is(err, ErrJournalTaken) { // save before dispatching: the events' handlers may crash the process
		return err
	}
	// Events that were left by the stop of another source are older.
	if err := f.journal.replay(ctx); err != nil {
		leaveIdle(entries)
		return err
	}
	return resumed(func() error { return f.journal.handle(ctx, entries, f.feed, f.Client) })
}

// resumed runs f, which passes events to the Dispatcher, apart from its caller.
// If an Observer or a slog.Handler ends the goroutine, the current event has
// been passed on, and f runs again for the rest.
func resumed(f func() error) error {
	for {
		if err := apart(f); err != errExit {
			return err
		}
	}
}

// dispatch passes an event to the Dispatcher when there is no Store.
func (f *follower) dispatch(ctx context.Context, e *Event) error {
	j := &job{d: f.d, feed: f.feed, ctx: f.base, client: f.Client, ev: e}
	if err := f.d.arrivals.await(ctx, laneOf(e)); err != nil {
		return err
	}
	holder, err := f.d.putOnce(ctx, j)
	if holder != nil && holder != j {
		f.elsewhere = append(f.elsewhere, holder)
	}
	return err
}

// redispatch dispatches events that another source brought too and that were
// cut off there because that source was stopped.
func (f *follower) redispatch(ctx context.Context) error {
	all := f.elsewhere
	f.elsewhere = nil
	for i, j := range all {
		select {
		case <-f.d.dedupe.settledOf(j):
			if !j.isUndone() {
				continue
			}
			if err := f.dispatch(ctx, j.ev); err != nil {
				f.elsewhere = append(f.elsewhere, all[i+1:]...)
				return err
			}
		default:
			f.elsewhere = append(f.elsewhere, j)
		}
	}
	return nil
}

// timedOut reports whether a poll got no answer in time although it had a
// connection. That alone does not mean that the server has a problem.
func (f *follower) timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && !f.connecting.Load()
}
