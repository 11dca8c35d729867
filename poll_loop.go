package vk

import (
	"bytes"
	"context"
	"encoding/json"
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
	base context.Context // the parent of handlers' contexts
	log  logger

	started     bool   // it was logged that the bot has started
	resumes     bool   // it goes on where another run has ended
	name        string // of the community; "" if GroupID says which it is
	group       int64
	server, key string
	ts          string
	journal     *journal    // nil without a Store
	queue       *groupQueue // nil without a Queue
	status      PollerStatus
	streak      streak // of polls, and of what comes before them

	answer bytes.Buffer // the last one's memory, for the next
	fresh  int          // events of it that could be read

	elsewhere []*job // of other sources, with the events that came here too

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

// loop polls and handles what comes, until ctx ends or an error that nothing mends.
func (f *follower) loop(ctx context.Context) error {
	polling, cancel := context.WithCancel(ctx)
	var ahead chan polled // has the answer of a poll that is on its way; nil if none is
	defer func() {
		cancel()
		if ahead != nil {
			<-ahead
		}
	}()
	failures := 0 // in a row
	for ctx.Err() == nil || ahead != nil {
		var p polled
		if ahead != nil {
			p, ahead = <-ahead, nil
		} else {
			p = f.ask(ctx, f.ts)
		}
		if p.err != nil && ctx.Err() != nil {
			break // the end has cut it off
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
				f.d.count.Add(1) // the next poll does not mean that these events are dispatched
				ahead = make(chan polled, 1)
				go func(to chan<- polled, ts string) { to <- f.ask(polling, ts) }(ahead, f.ts)
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
			if err = f.standBy(ctx); err == nil {
				f.ready(ctx)
			}
		}
		if err != nil {
			return err
		}
		if f.fresh == 0 || f.ts == from { // what cannot be read, or comes again, is nothing too
			backoff.Sleep(ctx, pollMinimum-time.Since(p.began))
		}
	}
	return nil
}

func (f *follower) ready(ctx context.Context) {
	if f.Ready != nil && ctx.Err() == nil {
		f.call(ctx, "Ready", func() error { f.Ready(f.group); return nil })
	}
}

// logStart says what the bot is, and from where in the history it goes on.
func (f *follower) logStart(ctx context.Context) {
	f.started = true
	kinds, _ := kindsWanted(f.d.Handler, f.Kinds)
	f.log.LogAttrs(ctx, slog.LevelInfo, "vk: bot started", slog.Int64("group", f.group), slog.String("name", f.name), slog.Any("kinds", kinds),
		slog.String("ts", f.ts), slog.Bool("resumed", f.resumes), slog.Bool("store", f.d.Store != nil))
}

// mend does what a failed poll asks for. It returns an error if nothing helps.
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

// start finds the community and its long poll server.
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

// call calls a function of the user's, or what uses the user's Client. If it panics
// or ends its goroutine, that is logged.
func (f *follower) call(ctx context.Context, name string, do func() error) {
	if err := apart(do); err != nil {
		f.log.LogAttrs(ctx, slog.LevelError, "vk: long poll: "+name+" failed", failure(err)...)
	}
}

// keep keeps the place in the history, if there is no event before it that is
// not kept.
func (f *follower) keep(ctx context.Context) {
	if f.queue != nil {
		f.enqueue(ctx, nil) // if another one leads, the next poll's events say so
	} else if f.journal != nil {
		f.journal.add(f.ts, nil)
		f.journal.save(f.base)
	}
}

// openJournal finds out where the last run has ended.
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

// note notes how a poll went, or what comes before it.
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

// publish lets others know how the Poller fares.
func (f *follower) publish() {
	published := f.status
	published.GroupID, published.TS = f.group, f.ts
	f.Poller.status.Store(&published)
}

// gap says that events are lost.
func (f *follower) gap(ctx context.Context, from, to string) {
	f.log.LogAttrs(ctx, slog.LevelWarn, "vk: long poll: events are lost: VK no longer has them", slog.String("from", from), slog.String("to", to))
	f.keep(ctx)
	if f.OnGap != nil {
		f.call(ctx, "OnGap", func() error { f.OnGap(from, to); return nil })
	}
}

// mayPass is mayPass for a call of Run. Before the first poll, an address where VK
// is not, or a certificate that is not trusted, is a mistake; after it, it may
// be the trouble of a network.
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

// mayPass reports whether a call that failed, repetitions included, may
// succeed later. VK's refusals do not, but for those that are about the moment.
func mayPass(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Temporary()
	}
	var param *ParamError
	var wrong *ConfigError
	return !errors.As(err, &wrong) && !errors.As(err, &param)
}

// pause waits after a failure. The first of several in a row is a warning.
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

// recovered says that VK answers again, if it was said that it does not.
func (f *follower) recovered(ctx context.Context) {
	if failures, tell := f.streak.worked(); tell {
		f.log.LogAttrs(ctx, slog.LevelInfo, "vk: long poll works again", slog.Int("failures", failures))
	}
}

const (
	failedHistory pollFailed = 1 // the history is too old: go on from the ts that comes along
	failedKey     pollFailed = 2 // the key has run out
	failedSession pollFailed = 3 // the session is forgotten, key and ts
)

// handle gives events to the dispatcher. One that cannot be read is logged,
// and takes no other along.
func (f *follower) handle(ctx context.Context, raw []json.RawMessage) error {
	var events []*Event
	gathers := f.journal != nil || f.queue != nil
	if gathers {
		events = make([]*Event, 0, len(raw))
	}
	err := resumed(func() error {
		for len(raw) > 0 {
			first := raw[0]
			raw = raw[1:]
			e, err := ParseEvent(first)
			if err != nil {
				f.log.LogAttrs(ctx, slog.LevelError, "vk: long poll: an event cannot be read", slog.Any("err", err), slog.String("event", fmt.Sprintf("%.300s", first)))
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
	if err := f.journal.save(f.base); errors.Is(err, ErrJournalTaken) { // before they can do any harm
		return err
	}
	// What the stop of another source has left is older.
	if err := f.journal.replay(ctx); err != nil {
		leaveIdle(entries)
		return err
	}
	return resumed(func() error { return f.journal.handle(ctx, entries, f.feed, f.Client) })
}

// resumed runs f, which gives events to the Dispatcher, apart. If an Observer or a
// slog.Handler ends the goroutine, the event was given, and f runs again for the
// rest.
func resumed(f func() error) error {
	for {
		if err := apart(f); err != errExit {
			return err
		}
	}
}

// dispatch gives an event to the Dispatcher, without a Store.
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

// redispatch dispatches the events that came from another source too, and that
// were cut off there because that source was stopped.
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

// timedOut reports whether nothing came in time, which says nothing against the
// server; unless it is that there was no connection to it.
func (f *follower) timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && !f.connecting.Load()
}
