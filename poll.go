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

// A Poller is a source of events: it asks VK for them by Bots Long Poll. Long
// poll must be switched on in the community's settings, with the kinds of
// events that the bot wants.
//
// Its fields must not change while it runs. It runs once at a time, and may run
// again after that.
//
// See https://dev.vk.com/ru/api/bots-long-poll/getting-started.
type Poller struct {
	// Client asks VK, and handlers answer with it. Its token is the
	// community's, or that of a user who administers it.
	Client *Client

	// Handler gets the events; see [Handler] about their order.
	Handler Handler

	// Dispatcher decides when events are handled. Nil means one of the
	// Poller's own, which ends with Run. If it is given, its Handler counts, and
	// the Poller's must be nil.
	Dispatcher *Dispatcher

	// GroupID is the community, by its id, which is positive. Zero means the one
	// that the token belongs to; a user's token belongs to none. With a user's
	// token, what handlers send through the Context is the community's.
	GroupID int64

	// Wait is how long VK waits for an event before it answers with none, at
	// least a second. Zero means 25 seconds; VK takes up to 90.
	Wait time.Duration

	// EnableEvents has Run switch on what the bot lacks in the community's
	// settings before it begins to poll: long poll itself, and exactly those
	// kinds of events that the handler has handlers for (see [Diagnose]), or
	// that are among Kinds, and that are off. It never switches anything off, and changes nothing if
	// nothing is missing. The token needs the right manage. If VK refuses, that
	// is logged, and Run goes on with the settings as they are, which ends with
	// ErrLongPollOff where long poll is off. Of a Handler that is no [*Router],
	// nor [Wrap] of one, the kinds are not known, and only Kinds are switched
	// on.
	EnableEvents bool

	// Kinds are the kinds of events that the bot wants besides those that the
	// Handler has routes and listeners for: what handlers wait for with a
	// [Watch], for instance. EnableEvents switches them on, and the diagnosis
	// says if they are off.
	Kinds []string

	// SkipDiagnosis keeps Run from comparing the bot with the settings and with
	// the rights of the token when it begins, and from logging what will not
	// work; see [Diagnose]. That takes two calls of low priority, and polling
	// does not wait for them.
	SkipDiagnosis bool

	// Ready is called once in each Run, when the Poller knows from where in
	// the community's history it follows: events from then on are handled. With a
	// [Queue], that is when it begins to poll, which may be when another process has
	// ended, and again if it has had to stand by meanwhile.
	// The default is to call nothing. A function given to [Run] can set it.
	Ready func(groupID int64)

	// OnGap is called when VK no longer has some of the events that the Poller
	// has not got yet: it kept them for too short a time, or has forgotten the
	// session. from is where the Poller was in the history, to where it goes on;
	// mostly they are numbers, with one event to each between them. It should
	// be quick. Nil means that nobody wants to know, beside the log.
	OnGap func(from, to string)

	// Logger gets what goes wrong on the way, and is that of the Dispatcher if
	// that is the Poller's own. Nil means slog.Default().
	Logger *slog.Logger

	status atomic.Pointer[PollerStatus]
}

// A PollerStatus says how a [Poller] fares, for instance to the handler of a
// health check. A poll ends after [Poller.Wait], also with no event, so that
// something is wrong if LastPoll is much longer ago than that: VK does not
// answer, or the Dispatcher has had MaxEvents for so long. Until a poll
// has ended well LastPoll is zero, whether the bot has just begun or cannot reach
// VK: a health check should then count from the start of the program.
type PollerStatus struct {
	GroupID   int64     // the community; 0 before it is known
	TS        string    // the place in the community's history; "" before it is known
	LastPoll  time.Time // when VK last answered a poll properly; zero if it has not
	LastEvent time.Time // when an event last came; zero if none has
	Standby   bool      // another process polls, of those with the same Queue
	Failures  int       // in a row: of polls, and of what comes before them, such as asking for the server
	Err       error     // of the last poll, or of what comes before it; nil if it went well
}

// Status returns how the last Run fares. It is safe for concurrent use, and
// the zero PollerStatus before the first.
func (p *Poller) Status() PollerStatus {
	if s := p.status.Load(); s != nil {
		return *s
	}
	return PollerStatus{}
}

var (
	// A failing long poll is asked at most ten times a second.
	pollPause = backoff.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}

	// A poll that brings nothing lasts at least this long, with whatever it
	// takes to mend it: even answers that make sense come ten times a second
	// at most, if there is nothing in them.
	pollMinimum = 200 * time.Millisecond
)

const (
	// pollSlack is how much later than due an answer may come.
	pollSlack = 10 * time.Second

	// maxAnswerKept is up to which size, in bytes, the memory of an answer is
	// used again for the next.
	maxAnswerKept = 1 << 20

	// minAhead is how many events one answer must bring so that the next poll begins
	// before they are saved and dispatched: VK is likely to have more already.
	minAhead = 8

	// renewAfter is after how many failures in a row the Poller asks for
	// another server, in case this one is gone.
	renewAfter = 5
)

// Run follows the community's events until ctx ends. It then takes no more,
// lets the handlers finish what was taken, and returns nil.
//
// With a Store in its Dispatcher, Run goes on where the last one has ended, how
// ever that was: first with the events that were not done then, in their order.
// It returns an error if the Store fails at the start. Later it goes on without
// it, with a line in the log, until it works again.
//
// Whatever may pass, Run survives: lost connections, HTTP errors, answers that
// make no sense, VK's internal errors. Other errors it returns at once. One that
// the bot's owner can mend is a [*ConfigError], which names the field and the
// remedy and holds the [*Error] of VK if there is one: no token, or a wrong one
// (CodeAuth), or one of a user without a GroupID, a GroupID that the token may not
// act for, [ErrLongPollOff], a BaseURL that leads elsewhere, a certificate that is
// not trusted. A Dispatcher that was stopped is [ErrStopped], in the same way.
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

// check returns what is wrong with the fields.
func (p *Poller) check() error {
	d := p.Dispatcher
	var wrong *ConfigError
	switch {
	case p.Client == nil:
		wrong = &ConfigError{Field: "Poller.Client", Text: "the Poller has no Client", Mend: "set Poller.Client"}
	case d == nil && p.Handler == nil:
		wrong = &ConfigError{Field: "Poller.Handler", Text: "the Poller has no Handler", Mend: "set Poller.Handler"}
	case d != nil && p.Handler != nil:
		wrong = &ConfigError{Field: "Poller.Handler", Text: "the Poller has a Handler beside its Dispatcher's", Mend: "set one of them"}
	case d != nil && d.Handler == nil:
		return errNoHandler
	case p.GroupID < 0:
		wrong = misuse("Poller.GroupID", "is negative", "write "+strconv.FormatInt(-p.GroupID, 10))
	case p.Wait != 0 && p.Wait < time.Second:
		wrong = misuse("Poller.Wait", fmt.Sprintf("is %v, less than a second", p.Wait), "leave it 0, or write 25*time.Second")
	default:
		return nil
	}
	return wrong.at("Poller.Run")
}

// stoppedDispatcher returns the error of a source whose Dispatcher takes no more.
func stoppedDispatcher(place string) error {
	return &ConfigError{
		Place: place, Field: strings.Split(place, ".")[0] + ".Dispatcher", is: ErrStopped,
		Text: "the Dispatcher was stopped, and takes no more events",
		Mend: "make a new Dispatcher, and stop it after its sources",
	}
}

// explained returns the error with which Run ends, in the words that Diagnose has
// for it.
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
		wrong = misuse("Client.BaseURL", "leads to "+foreign.Host+", where VK's methods are not", `write the whole address, such as "http://127.0.0.1:8080/method/"`)
		wrong.Err = err
	}
	if wrong == nil {
		return err
	}
	return wrong.at(place)
}

// Run runs a bot: it finds the community that token belongs to, follows its
// events by Bots Long Poll and gives them to h, until ctx ends. It then lets
// the running handlers finish and returns nil. An error that polling cannot
// survive, such as a revoked token, is returned.
//
// Run is short for
//
//	(&vk.Poller{Client: vk.NewClient(token), Handler: h}).Run(ctx)
//
// Each function of set changes fields of this Poller or of its Client first, in
// order: [Poller.Ready], [Poller.EnableEvents], [Client.BaseURL] and so on. If they
// set a Dispatcher without a Handler, h is its Handler.
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

// enableTries is how often it is tried to switch on what is missing if VK refuses
// that for the moment, or for the day.
const enableTries = 3

// enable switches on what is missing in the settings of long poll, until that
// is done or refused.
func (f *follower) enable(ctx context.Context) {
	kinds, known := kindsWanted(f.d.Handler, f.Kinds)
	if !known {
		f.log.LogAttrs(ctx, slog.LevelWarn, "vk: long poll: EnableEvents switches on no kinds of events: the Handler does not tell which ones it wants",
			slog.String("mend", "make a *Router the Handler, in vk.Wrap if there is middleware around it, or set Poller.Kinds, or switch them on under "+atLongPoll))
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

// enableEvents switches on long poll and those of the kinds that are not on. It
// returns what it has switched on: those kinds, and "long poll".
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
			p[k] = true // is on: VK does not say what it makes of kinds that are left out
		}
	}
	return enabled, c.Call(ctx, "groups.setLongPollSettings", p, nil)
}

// standBy blocks until the Poller leads those of its community, or ctx ends. It then goes
// on from the place where the last leader has been.
func (f *follower) standBy(ctx context.Context) error {
	for said := false; ; {
		place, leads, err := f.queue.w.Lead(ctx, rolePoll)
		switch {
		case ctx.Err() != nil:
			return nil
		case leads && err == nil:
			f.status.Standby = false
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

// enqueue puts events into the Queue, with the place in the history after them. It tries
// again until ctx ends. The error is ErrNotLeading if another process polls by now.
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
