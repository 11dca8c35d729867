package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
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

	// GroupID is the community. Zero means the one that the token belongs to;
	// a user's token belongs to none.
	GroupID int64

	// Wait is how long VK waits for an event before it answers with none. Zero
	// means 25 seconds; VK takes up to 90.
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
	// the community's history it follows: events from then on are handled. Nil
	// means that nobody wants to know.
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
// make no sense, VK's internal errors. What cannot pass, it returns: an [*Error]
// (CodeAuth for a bad token), [ErrLongPollOff], [ErrNoToken].
func (p *Poller) Run(ctx context.Context) error {
	if p.Client == nil {
		return errors.New("vk: the Poller has no Client")
	}
	d := p.Dispatcher
	switch {
	case d == nil && p.Handler == nil:
		return errors.New("vk: the Poller has no Handler")
	case d == nil:
		d = &Dispatcher{Handler: p.Handler, Logger: p.Logger}
	case p.Handler != nil:
		return errors.New("vk: the Poller has a Handler beside its Dispatcher's")
	case d.Handler == nil:
		return errNoHandler
	}
	d.init()
	f := &follower{Poller: p, d: d, feed: d.feed(), base: context.WithoutCancel(ctx), log: slogOr(p.Logger)}
	err := f.follow(ctx)
	open, _ := f.feed.counts()
	d.drain(f.base, f.feed)
	if f.journal != nil {
		f.journal.leave(f.base)
	}
	if f.started {
		f.feed.logEnd(f.log, "vk: bot stopped", open, slog.Int64("group", f.group), slog.String("ts", f.ts))
	}
	if ctx.Err() != nil || errors.Is(err, ErrStopped) {
		return nil
	}
	return err
}

// Run runs a bot: it finds the community that token belongs to, follows its
// events by Bots Long Poll and gives them to h, until ctx ends. It then lets
// the running handlers finish and returns nil. An error that polling cannot
// survive, such as a revoked token, is returned.
//
// Run is short for
//
//	(&vk.Poller{Client: vk.NewClient(token), Handler: h}).Run(ctx)
func Run(ctx context.Context, token string, h Handler) error {
	return (&Poller{Client: NewClient(token), Handler: h}).Run(ctx)
}

// updates is an answer of the long poll.
type updates struct {
	ts     string            // where the history goes on
	failed pollFailed        // what VK says instead
	events []json.RawMessage // parts of the answer, for ParseEvent
}

// maxUpdates is how many updates are taken for an answer of VK, which keeps 256
// for those who ask: a short update takes more memory here than on the way.
const maxUpdates = 10_000

var errTooManyUpdates = fmt.Errorf("an answer with more than %d updates", maxUpdates)

// readUpdates reads an answer of the long poll. It cuts out the events without
// looking into them, other than for mistakes in the JSON: these are an error for
// all, because what follows a mistake is anybody's guess.
func readUpdates(b []byte) (updates, error) {
	var u updates
	var ts, failed []byte
	var odd json.RawMessage // updates that are no array
	s := scan.New(b)
	if s.Object() {
		for s.Member() {
			switch string(s.Key()) {
			case "ts":
				ts = s.Value()
			case "failed":
				failed = s.Value()
			case "updates":
				u.events, odd = u.events[:0], nil
				start := s.Pos()
				if !s.Array() {
					odd = s.Since(start)
					continue
				}
				for s.Element() {
					if len(u.events) == maxUpdates {
						return updates{}, errTooManyUpdates
					}
					u.events = append(u.events, s.Value())
				}
			default:
				s.Value()
			}
		}
	}
	if err := s.End(); err != nil {
		return updates{}, err
	}
	if odd != nil {
		u.events = nil
		tolerant.Unmarshal(odd, &u.events) // an object with numbers for keys, as PHP makes of an array
	}
	text, _ := tolerant.Text(ts)
	u.ts = string(text)
	n, _ := tolerant.Int(failed)
	u.failed = pollFailed(n)
	return u, nil
}

// A pollFailed is what VK says instead of events.
type pollFailed int
