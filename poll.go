package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/queue"
)

// A Poller is a source of events: it receives a community's events by Bots Long
// Poll and passes them to a Dispatcher. Long poll must be enabled in the
// community's settings, along with the kinds of events that the bot needs; see
// EnableEvents.
//
// Do not change the fields while Run is in progress. A Poller may be run again
// after Run returns, but not concurrently with itself.
//
// See https://dev.vk.com/ru/api/bots-long-poll/getting-started.
type Poller struct {
	// Client polls VK, and handlers reply with it. Its token must belong to the
	// community, or to a user who administers it.
	Client *Client

	// Handler handles the events. See [Handler] for the order of events.
	Handler Handler

	// Dispatcher schedules the handlers. If nil, the Poller creates one and
	// stops it when Run returns. If set, Handler must be nil: the Dispatcher
	// has its own.
	Dispatcher *Dispatcher

	// GroupID is the community's ID, which is positive. If zero, it is looked
	// up from the token, which must then be a community token. With a user's
	// token, messages that handlers send through the Context come from the
	// community.
	GroupID int64

	// Wait is how long VK holds a poll open while there are no events, at least
	// a second. The default is 25 seconds. VK's maximum is 90, which longer times
	// count as.
	Wait time.Duration

	// EnableEvents makes Run enable missing settings of the community before it
	// starts polling: long poll itself, and the disabled kinds of events that
	// the Handler has handlers for (see [Diagnose]) or that Kinds lists. It
	// never disables anything, and changes nothing if nothing is missing. The
	// token needs the right manage. If VK refuses, Run logs the error and
	// continues with the current settings; if long poll is off, Run then
	// returns ErrLongPollOff. If the Handler is neither a [*Router] nor one
	// wrapped by [Wrap], its kinds are unknown, and only Kinds are enabled.
	EnableEvents bool

	// Kinds lists kinds of events that the bot needs in addition to those that
	// the Handler has routes and listeners for, such as kinds that handlers
	// await with a [Watch]. EnableEvents enables them, and the diagnosis
	// reports those that are disabled.
	Kinds []string

	// SkipDiagnosis disables the check that Run makes at startup: it compares
	// the bot with the community's settings and the token's rights, and logs
	// whatever will not work; see [Diagnose]. The check makes two calls of low
	// priority and does not delay polling.
	SkipDiagnosis bool

	// Ready, if not nil, is called once per Run, when the Poller knows its
	// position in the community's history: events from then on are handled.
	// With a [Queue], it is called when the Poller begins to poll, which may be
	// after another process has ended, and again after each time that the
	// Poller had to stand by. A function passed to [Run] can set it.
	Ready func(groupID int64)

	// OnGap, if not nil, is called when events were lost: VK no longer has some
	// events that the Poller has not received yet, because it kept them for too
	// short a time or has forgotten the session. from and to are the old and
	// new positions in the history, usually decimal numbers that count events.
	// OnGap must not block. Gaps are also logged.
	OnGap func(from, to string)

	// Logger receives errors and other problems. If the Poller creates its own
	// Dispatcher, that uses Logger too. If nil, slog.Default() is used.
	Logger *slog.Logger

	status atomic.Pointer[PollerStatus]
}

// A PollerStatus describes the state of a [Poller], for example for the handler
// of a health check. A poll ends after [Poller.Wait] even without events, so a
// LastPoll much older than that is a sign of trouble: either VK does not
// respond, or the Dispatcher has had MaxEvents all that time. LastPoll is zero
// until the first poll succeeds, both when the bot has just started and when it
// cannot reach VK; a health check should then measure from the start of the
// program.
type PollerStatus struct {
	GroupID   int64     // the community; 0 until it is known
	TS        string    // the position in the community's history; "" until it is known
	LastPoll  time.Time // when VK last answered a poll correctly; zero if it has not
	LastEvent time.Time // when the last event arrived; zero if none has
	Standby   bool      // another process with the same Queue is polling
	Failures  int       // consecutive failures of polls and of the calls that precede them, such as the one for the server
	Err       error     // of the last poll, or of a call that precedes it; nil if it succeeded
}

// Status returns the status of the last Run, or the zero PollerStatus before
// the first. It is safe for concurrent use.
func (p *Poller) Status() PollerStatus {
	if s := p.status.Load(); s != nil {
		return *s
	}
	return PollerStatus{}
}

var (
	// pollPause is the pause between failed polls: there are at most ten per
	// second.
	pollPause = backoff.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}

	// pollMinimum is the minimum duration of a poll without events, including
	// the calls made to recover from it. It limits polls that succeed and
	// return nothing to ten per second or fewer.
	pollMinimum = 200 * time.Millisecond
)

const (
	// maxWait is VK's maximum for Poller.Wait.
	maxWait = 90 * time.Second

	// pollSlack is how long after its deadline an answer may still arrive.
	pollSlack = 10 * time.Second

	// maxAnswerKept is the size in bytes up to which the memory of an answer is
	// reused for the next one.
	maxAnswerKept = 1 << 20

	// minAhead is the number of events in one answer from which the next poll
	// begins before they are saved and dispatched: VK is then likely to have
	// more already.
	minAhead = 8

	// renewAfter is the number of consecutive failures after which the Poller
	// asks for another server, in case this one is gone.
	renewAfter = 5
)

// Run polls for events until ctx is done. Then it stops accepting events, waits
// for the running handlers to finish the accepted ones, and returns nil.
//
// If the Dispatcher has a Store, Run resumes where the previous run ended, even
// if that run crashed: it first handles the events left unfinished, in their
// order. Run returns an error if the Store fails at startup. If the Store fails
// later, Run logs the error and continues without the Store until it recovers.
//
// Run retries transient failures: lost connections, HTTP errors, malformed
// answers, VK's internal errors. It returns any other error at once. An error
// that the bot's owner can fix is a [*ConfigError], which names the field and
// the remedy and wraps VK's [*Error], if any. Such errors are a missing or
// invalid token (CodeAuth), a user's token without a GroupID, a GroupID that
// the token may not act for, [ErrLongPollOff], a BaseURL that is not VK's, and
// an untrusted certificate. For a stopped Dispatcher, the error is a
// ConfigError that wraps [ErrStopped].
func (p *Poller) Run(ctx context.Context) error {
	d := p.Dispatcher
	if err := p.check(); err != nil {
		return err
	}
	if d == nil {
		d = &Dispatcher{Handler: p.Handler, Logger: p.Logger}
	}
	d.init()
	f := &follower{Poller: p, d: d, feed: d.feed(), base: context.WithoutCancel(ctx), log: slogOr(p.Logger)}
	if !f.feed.isOpen() {
		return stoppedDispatcher("Poller.Run")
	}
	err := f.follow(ctx)
	feed := f.feed
	if f.queue != nil {
		feed = f.queue.feed
	}
	open, _ := feed.counts()
	d.drain(f.base, f.feed)
	switch {
	case f.queue != nil:
		f.queue.leave(f.base)
	case f.journal != nil:
		f.journal.leave(f.base)
	}
	if f.started {
		feed.logEnd(f.log, "vk: bot stopped", open, slog.Int64("group", f.group), slog.String("ts", f.ts))
	}
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return f.explained(ctx, err)
}

// check returns an error if a field is invalid.
func (p *Poller) check() error {
	wrong := checkHandler("Poller", p.Handler, p.Dispatcher, p.Kinds)
	switch {
	case p.Client == nil:
		wrong = &ConfigError{Field: "Poller.Client", Text: "the Poller has no Client", Mend: "set Poller.Client"}
	case wrong != nil:
	case p.GroupID < 0:
		wrong = misuse("Poller.GroupID", "is negative", "write "+strconv.FormatInt(-p.GroupID, 10))
	case p.Wait != 0 && p.Wait < time.Second:
		wrong = misuse("Poller.Wait", fmt.Sprintf("is %v, less than a second", p.Wait), "leave it 0, or write 25*time.Second")
	default:
		return nil
	}
	return wrong.at("Poller.Run")
}

// stoppedDispatcher returns the error of a source whose Dispatcher was stopped.
func stoppedDispatcher(place string) error {
	return &ConfigError{
		Place: place, Field: strings.Split(place, ".")[0] + ".Dispatcher", is: ErrStopped,
		Text: "the Dispatcher was stopped, and accepts no more events",
		Mend: "make a new Dispatcher, and stop it after its sources",
	}
}

// explained returns the error that Run returns for err, in the words that
// Diagnose has for it.
func (f *follower) explained(ctx context.Context, err error) error {
	const place = "Poller.Run"
	var foreign *HTTPError
	if errors.Is(err, ErrStopped) {
		return stoppedDispatcher(place)
	}
	wrong := explain(err)
	if wrong == nil && f.GroupID != 0 {
		wrong = explainGroup(ctx, f.Client, err, "Poller.GroupID", f.GroupID)
	}
	if wrong == nil && errors.As(err, &foreign) {
		wrong = misuse("Client.BaseURL", "leads to "+foreign.Host+", which does not serve VK's methods", `write the whole address, such as "http://127.0.0.1:8080/method/"`)
		wrong.Err = err
	}
	if wrong == nil {
		return err
	}
	return wrong.at(place)
}

// Run runs a bot: it looks up the community that the token belongs to, receives
// its events by Bots Long Poll and passes them to h until ctx is done. It then
// waits for the running handlers to finish and returns nil. It returns an error
// that retrying cannot fix, such as the one for a revoked token.
//
// Run is short for
//
//	(&vk.Poller{Client: vk.NewClient(token), Handler: h}).Run(ctx)
//
// Each function in set is called first, in order, and may change fields of this
// Poller or of its Client: [Poller.Ready], [Poller.EnableEvents],
// [Client.BaseURL] and so on. If a function sets a Dispatcher without a
// Handler, h becomes its Handler.
func Run(ctx context.Context, token string, h Handler, set ...func(p *Poller)) error {
	p := &Poller{Client: NewClient(token), Handler: h}
	for _, f := range set {
		if f == nil {
			return misuse("set", "is a nil function", "give Run a function, or none").at("Run")
		}
		f(p)
	}
	if d := p.Dispatcher; d != nil && d.Handler == nil {
		d.Handler, p.Handler = p.Handler, nil
	}
	return p.Run(ctx)
}

// enableTries is the number of attempts to enable missing settings while VK's
// refusals are temporary or last until the next day.
const enableTries = 3

// enable enables missing long poll settings. It retries until that succeeds or
// VK refuses.
func (f *follower) enable(ctx context.Context) {
	kinds, known := kindsWanted(f.d.Handler, f.Kinds)
	if !known {
		f.log.LogAttrs(ctx, slog.LevelWarn, "vk: long poll: EnableEvents cannot tell which kinds of events the Handler needs: it enables only Poller.Kinds",
			slog.String("mend", "use a *Router as the Handler, in vk.Wrap if middleware wraps it, or set Poller.Kinds, or switch the events on under "+atLongPoll))
	}
	for failures := 1; ctx.Err() == nil; failures++ {
		enabled, err := enableEvents(ctx, f.Client, f.group, kinds)
		var refused *Error
		switch {
		case ctx.Err() != nil:
		case err == nil && len(enabled) > 0:
			f.log.LogAttrs(ctx, slog.LevelInfo, "vk: long poll: switched on in the settings of the community",
				slog.Int64("group", f.group), slog.Any("events", enabled))
			return
		case err == nil:
			return
		case !mayPass(err), errors.As(err, &refused) && failures >= enableTries:
			mend := "give the token the right manage, or switch them on under " + atLongPoll
			if mayPass(err) {
				mend = "start the bot again later, or switch them on under " + atLongPoll
			}
			f.log.LogAttrs(ctx, slog.LevelError, "vk: long poll: the events that have handlers could not be switched on",
				slog.Any("err", err), slog.String("mend", mend))
			return
		default:
			f.pause(ctx, failures, err)
		}
	}
}

// enableEvents enables long poll and those of the kinds that are disabled. It
// returns the names of the things that it has enabled: those kinds, and "long
// poll".
//
// See https://dev.vk.com/ru/method/groups.setLongPollSettings.
func enableEvents(ctx context.Context, c *Client, group int64, kinds []string) (enabled []string, err error) {
	var s eventSettings
	if err := c.Call(ctx, "groups.getLongPollSettings", Params{"group_id": group}, &s); err != nil {
		return nil, err
	}
	enabled = s.missing(kinds)
	if s.isOff() {
		enabled = append([]string{"long poll"}, enabled...)
	}
	if len(enabled) == 0 {
		return nil, nil
	}
	p := Params{"group_id": group, "enabled": true}
	if apiVersion(s.Version) >= versionDead {
		p["api_version"] = s.Version
	} else {
		p["api_version"] = c.version()
	}
	for _, k := range s.missing(kinds) {
		p[k] = true
	}
	for k, on := range s.Events {
		if on {
			p[k] = true // already enabled: VK does not document how it treats kinds that are left out
		}
	}
	return enabled, c.Call(ctx, "groups.setLongPollSettings", p, nil)
}

// standBy blocks until the Poller is the leader for its community, or ctx is
// done. It then resumes from the previous leader's position.
func (f *follower) standBy(ctx context.Context) error {
	for said := false; ; {
		place, leads, err := f.queue.w.Lead(ctx, rolePoll)
		switch {
		case ctx.Err() != nil:
			return nil
		case leads && err == nil:
			f.status.Standby = false
			if place == "" {
				if place, err = f.queue.adopt(ctx); err != nil {
					return err
				}
			}
			f.ts, f.resumes = place, place != ""
			if err := f.renew(ctx, f.ts == ""); err != nil {
				return err
			}
			f.keep(ctx)
			f.publish()
			if said {
				f.log.LogAttrs(ctx, slog.LevelInfo, "vk: long poll: this process polls from now on", slog.Int64("group", f.group), slog.String("ts", f.ts))
			}
			return nil
		case err != nil:
			f.note(err, 0)
		case !said:
			said = true
			f.log.LogAttrs(ctx, slog.LevelInfo, "vk: long poll: another process polls: standing by", slog.Int64("group", f.group))
			f.status.Standby = true
			f.publish()
		}
		backoff.Sleep(ctx, QueueLease/4)
	}
}

// enqueue puts events into the Queue, together with the position in the history
// after them. It retries until ctx is done. It returns ErrNotLeading if another
// process has become the leader.
func (f *follower) enqueue(ctx context.Context, events []*Event) error {
	for failures := 1; ; failures++ {
		err := f.queue.put(ctx, events, &queue.Mark{Role: rolePoll, Value: f.ts})
		switch {
		case err == nil, errors.Is(err, ErrNotLeading):
			return err
		case ctx.Err() != nil:
			return nil // the next leader polls them
		}
		if backoff.Sleep(ctx, pollPause.Delay(failures)) != nil {
			return nil
		}
	}
}
