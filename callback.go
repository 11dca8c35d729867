package vk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/lazyctx"
)

// A Callback is a source of events: an [http.Handler] for the address that VK
// sends a community's events to, one event per request.
//
//	cb := &vk.Callback{Client: client, Handler: r, Secret: vk.NewSecret(os.Getenv("VK_SECRET")), Confirmation: "ab12cd34"}
//	http.Handle("/vk", cb)
//
// Enter the address in the community's settings, or call [Callback.Setup].
//
// A Callback acknowledges an event ("ok") once all its handlers have returned,
// whether or not they failed, or once the event is saved in the Dispatcher's
// Store. It is saved as soon as a handler waits for something, or when Patience
// is over. If there is no Store, or it fails, the Callback asks VK after
// Patience to retry, with a Retry-After, while the handlers go on. A repeated
// delivery does not run them again, and is answered in the same way. That also
// holds if VK breaks the connection. So handlers may take their time, and an
// event that is cut off by the end of the process goes to the next one.
//
// VK also retries an event when the Dispatcher has MaxEvents, when a handler
// returns [RetryAfter], and during and after Stop.
//
// Several Callbacks, and a [Poller], may share a Dispatcher: a duplicate is
// handled once, whichever source brings it. Several processes need a
// [Dispatcher.Queue]. Without one, only one process handles a community's
// events; see [ErrJournalTaken].
//
// Do not change the fields once the Callback is in use. Its methods are safe
// for concurrent use. It starts no goroutine, unless there is a Queue.
//
// See https://dev.vk.com/ru/api/callback/getting-started.
type Callback struct {
	// Client is the client that handlers reply with. Its token must belong to
	// the community, or to a user who administers it.
	Client *Client

	// Handler handles the events. See [Handler] for the order of events.
	Handler Handler

	// Dispatcher schedules the handlers. If nil, the Callback creates one. If
	// set, Handler must be nil: the Dispatcher has its own.
	Dispatcher *Dispatcher

	// GroupID is the community's ID; requests for other communities are
	// refused. If zero, requests for any community with the right Secret are
	// accepted. Setup, and a Confirmation that must be fetched, then look up
	// the community from the token.
	GroupID int64

	// Secret is the secret key in the community's settings: up to 50 characters
	// that VK puts into each event. Without a Secret, no event is accepted: VK
	// is asked to retry, until Setup has found or made one, if ever. See
	// NoSecret.
	Secret Secret

	// NoSecret accepts events although there is no Secret. Anyone who finds the
	// address can then send forged events. It requires a GroupID, or Groups.
	NoSecret bool

	// Confirmation is the text that VK expects as an answer before it sends
	// events to an address. It is in the community's settings. If empty, it is
	// fetched with groups.getCallbackConfirmationCode; that returns the text
	// for addresses that were registered with the API, which is a different
	// one.
	Confirmation string

	// Groups are the communities, if there are several, by their IDs, which are
	// positive. GroupID, Secret and Confirmation must then be zero.
	Groups map[int64]CallbackGroup

	// Kinds lists kinds of events that Setup enables in addition to those that
	// the Handler has routes and listeners for, if it is a [*Router], optionally
	// wrapped by [Wrap]. Such kinds are, for instance, those that handlers await
	// with a [Watch].
	//
	// For a Handler of another type, the kinds are unknown. Then Setup enables
	// all kinds if Kinds is empty, and otherwise only Kinds: message_new must be
	// listed too.
	Kinds []string

	// Title is the name of the address in the community's settings, if Setup
	// adds the address: at most 14 characters. The default is "Bot".
	Title string

	// Patience is the maximum time until an answer. VK does not document its
	// own timeout; experience suggests about ten seconds. The default is 3
	// seconds.
	Patience time.Duration

	// MaxBody limits the size of a request's body in bytes. The default is 1
	// MiB: VK crops messages that are too large for an event.
	MaxBody int64

	// Logger receives errors and other problems. If the Callback creates its
	// own Dispatcher, that uses Logger too. If nil, slog.Default() is used.
	Logger *slog.Logger

	once   sync.Once
	misuse error // the error in the fields, or nil
	d      *Dispatcher
	feed   *feed

	stopping atomic.Bool
	ending   chan struct{} // closed by Stop
	bodies   atomic.Int64  // total size of the large bodies that are being read
	refusals quiet
	takes    streak    // of admitting events
	keeps    streak    // of saving them in the Store
	timers   sync.Pool // of *time.Timer, stopped

	asking  chan struct{}   // holds one element while a goroutine fetches the following from VK
	fetched map[any]fetched // communities by token, and confirmation codes by community

	mu     sync.Mutex
	queues map[int64]*groupQueue // the queues that the Callback has joined
	left   bool                  // it has left them
	setUp  map[int64]Secret      // the communities that Setup was called for, and their secrets
	asked  map[int64]int         // confirmation requests that were answered, by community that Setup was called for
	last   time.Time             // when the last event arrived
	err    error                 // the reason why the last event was not accepted; nil if it was
	now    int                   // requests with an event that are not answered yet
	idle   chan struct{}         // closed when now becomes 0; nil if Stop does not wait
}

// A CallbackGroup is one of several communities of a [Callback]. Its fields are
// those of the Callback. If Client is nil, the Callback's is used.
type CallbackGroup struct {
	Client       *Client
	Secret       Secret
	Confirmation string
}

func (cb *Callback) init() error {
	cb.once.Do(func() {
		cb.asking = make(chan struct{}, 1)
		cb.ending = make(chan struct{})
		if cb.misuse = cb.check(); cb.misuse != nil {
			cb.logger().LogAttrs(context.Background(), slog.LevelError, "vk: callback: every request is refused", slog.Any("err", cb.misuse))
			return
		}
		cb.d = cmp.Or(cb.Dispatcher, &Dispatcher{Handler: cb.Handler, Logger: cb.Logger})
		cb.d.init()
		cb.d.dedupe.repeats.Store(true)
		cb.feed = cb.d.feed()
		cb.logStart()
		cb.joinQueues()
	})
	return cb.misuse
}

// logStart logs the communities and kinds of events that the Callback serves.
func (cb *Callback) logStart() {
	groups := slices.Sorted(maps.Keys(cb.Groups))
	if cb.GroupID != 0 {
		groups = append(groups, cb.GroupID)
	}
	kinds, _ := kindsWanted(cb.d.Handler, cb.Kinds)
	cb.logger().LogAttrs(context.Background(), slog.LevelInfo, "vk: callback started",
		slog.Any("groups", groups), slog.Any("kinds", kinds), slog.Bool("store", cb.d.Store != nil))
}

// check returns an error if a field is invalid.
func (cb *Callback) check() error {
	if err := checkHandler("Callback", cb.Handler, cb.Dispatcher, cb.Kinds); err != nil {
		return err
	}
	switch {
	case cb.Groups == nil && cb.Client == nil:
		return &ConfigError{Field: "Callback.Client", Text: "the Callback has no Client", Mend: "set Callback.Client"}
	case cb.NoSecret && cb.Groups == nil && cb.GroupID == 0:
		return &ConfigError{Field: "Callback.NoSecret", Text: "the Callback has NoSecret and no GroupID: strangers could forge events of any community", Mend: "set Callback.GroupID or Callback.Groups"}
	case cb.Groups != nil && (cb.GroupID != 0 || cb.Secret.reveal() != "" || cb.Confirmation != ""):
		return &ConfigError{Field: "Callback.Groups", Text: "the Callback has Groups, and also a GroupID, Secret or Confirmation", Mend: "move these into Callback.Groups"}
	case cb.Groups != nil && len(cb.Groups) == 0:
		return misuse("Callback.Groups", "is empty, so that every request would be refused", "list the communities, or leave it nil")
	}
	if cb.GroupID < 0 {
		return misuse("Callback.GroupID", "is negative", "write "+strconv.FormatInt(-cb.GroupID, 10))
	}
	if err := checkHook("Callback.", cb.Secret, cb.Confirmation); err != nil {
		return err
	}
	for id, g := range cb.Groups {
		if g.Client == nil && cb.Client == nil {
			return &ConfigError{Field: "Callback.Client", Text: "the Callback has no Client for community " + strconv.FormatInt(id, 10), Mend: "set Callback.Client, or the Client in Callback.Groups"}
		}
		if id <= 0 {
			return misuse("Callback.Groups", "has a key that is not positive", "use the communities' ids")
		}
		if err := checkHook("Callback.Groups["+strconv.FormatInt(id, 10)+"].", g.Secret, g.Confirmation); err != nil {
			return err
		}
	}
	return nil
}

func (cb *Callback) logger() logger { return slogOr(cb.Logger) }

// group returns the settings of a community; ok is false if it is not one of
// the Callback's.
func (cb *Callback) group(id int64) (g CallbackGroup, ok bool) {
	g, ok = CallbackGroup{cb.Client, cb.Secret, cb.Confirmation}, cb.GroupID == 0 || cb.GroupID == id
	if cb.Groups != nil {
		g, ok = cb.Groups[id]
		g.Client = cmp.Or(g.Client, cb.Client)
	}
	cb.mu.Lock()
	defer cb.mu.Unlock()
	if s, set := cb.setUp[id]; ok && set {
		g.Secret, g.Confirmation = s, "" // the code in the settings is not for servers that Setup registers
	}
	return g, ok
}

// Stop stops the Callback: it asks VK to retry all further events, ends the
// waits of handlers with [ErrStopped], and blocks until the accepted events are
// done, as [Dispatcher.Stop] does. That also answers the waiting requests: an
// event that was cut off is saved in the Store, if there is one, and otherwise
// VK retries it. A Dispatcher that was passed to the Callback keeps running.
//
// Call Stop before the Shutdown of the HTTP server, which can then answer
// waiting requests. After that, stop a Dispatcher that you created, and then
// close its Store.
func (cb *Callback) Stop(ctx context.Context) {
	if cb.init() != nil {
		return
	}
	first := !cb.stopping.Swap(true)
	if first {
		close(cb.ending)
	}
	open, _ := cb.feed.counts()
	cb.d.drain(ctx, cb.feed)
	if first {
		cb.leaveQueues(ctx)
		cb.feed.logEnd(cb.logger(), "vk: callback stopped", open)
	}
	cb.mu.Lock()
	if cb.now > 0 && cb.idle == nil {
		cb.idle = make(chan struct{})
	}
	idle := cb.idle
	cb.mu.Unlock()
	if idle != nil {
		<-idle // ends: everything that a request waits for now has a time limit
	}
}

// A CallbackStatus describes the state of a [Callback], for example for the
// handler of a health or readiness check.
type CallbackStatus struct {
	Ready     bool      // it accepts events: its fields are valid, and Stop was not called
	LastEvent time.Time // when VK last sent an event; zero if it has not
	Answering int       // requests with an event that are not answered yet
	Err       error     // the reason why the last event was not accepted, or the error in the fields; nil if there is none
}

// Status returns the status of the Callback. It is safe for concurrent use.
func (cb *Callback) Status() CallbackStatus {
	misuse := cb.init()
	cb.mu.Lock()
	defer cb.mu.Unlock()
	s := CallbackStatus{LastEvent: cb.last, Answering: cb.now, Err: cb.err}
	if misuse != nil {
		s.Err = misuse
	}
	s.Ready = misuse == nil && !cb.stopping.Load()
	return s
}

// enter records that a request brings an event, took the reason why the event
// was not accepted, and leave that the request is answered.
func (cb *Callback) enter() {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	cb.now++
	cb.last = time.Now()
}

func (cb *Callback) took(err error) {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	cb.err = err
}

func (cb *Callback) leave() {
	cb.mu.Lock()
	defer cb.mu.Unlock()
	if cb.now--; cb.now == 0 && cb.idle != nil {
		close(cb.idle)
		cb.idle = nil
	}
}

// ServeHTTP handles a request from VK. It returns when the request is answered;
// handlers may still be running.
func (cb *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	boundBody(w, r)
	if err := cb.init(); err != nil {
		http.Error(w, "the Callback is misconfigured", http.StatusInternalServerError)
		return
	}
	cb.serve(began, w, r).write(w)
}

func (cb *Callback) serve(began time.Time, w http.ResponseWriter, r *http.Request) ack {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return cb.refuse(r, http.StatusMethodNotAllowed, "VK sends POST requests to this address")
	}
	if cb.stopping.Load() && cb.d.Queue == nil {
		return again(soon())
	}
	body, refusal := cb.read(w, r)
	if refusal.status != 0 {
		return refusal
	}
	var in delivery
	if err := in.read(body); err != nil {
		return cb.refuse(r, http.StatusBadRequest, err.Error())
	}
	g, ok := cb.group(in.group)
	if !ok {
		return cb.refuse(r, http.StatusForbidden, "another community's event")
	}
	confirmation, secret := in.kind() == EventConfirmation, in.given()
	switch want := g.Secret.reveal(); {
	case want == "" && !cb.NoSecret && !(confirmation && g.Confirmation == ""):
		// Setup may set a Secret later: VK must retry.
		cb.refuse(r, http.StatusServiceUnavailable, "the Callback has no Secret")
		return again(soon())
	case want == "", confirmation && len(secret) == 0:
		// VK usually asks for a confirmation without the secret. Each process
		// must answer the requests that another process's Setup has caused.
	case !same(secret, want):
		return cb.refuse(r, http.StatusForbidden, "wrong secret")
	}
	limited := lazyctx.WithDeadline(r.Context(), began.Add(cmp.Or(max(cb.Patience, 0), 3*time.Second)))
	defer limited.Cancel()
	var ctx context.Context = limited
	if confirmation {
		return cb.confirm(ctx, r, in.group, g)
	}
	in.mask()
	e, err := in.eventOf(body)
	if err != nil {
		// VK sent it, and a retry would not help.
		cb.logger().LogAttrs(ctx, slog.LevelError, "vk: callback: an event cannot be read", slog.Any("err", err), slog.String("event", string(body[:min(len(body), 300)])))
		return acked
	}
	retries := 0
	if written := r.Header.Get("X-Retry-Counter"); written != "" { // avoid Atoi's allocation of an error
		if retries, err = strconv.Atoi(written); err != nil || retries < 0 {
			retries = 0
		}
	}
	if retries > 0 {
		ctx = context.WithValue(ctx, retriesKey{}, retries)
	}
	return cb.dispatch(ctx, r.Context(), g.Client, e, retries)
}

// dispatch passes an event to the Dispatcher and returns the answer to VK. It
// blocks until the event's handlers have ended or ctx is done. ctx is derived
// from request.
func (cb *Callback) dispatch(ctx, request context.Context, client *Client, e *Event, retries int) ack {
	cb.enter()
	defer cb.leave()
	if cb.d.Queue != nil {
		return cb.enqueue(ctx, client, e)
	}
	j, state, err := cb.d.admit(ctx, cb.feed, client, e, retries)
	cb.took(err)
	switch {
	case err != nil:
		if errors.Is(err, ErrStopped) && !cb.stopping.Load() {
			if _, tell := cb.refusals.tell(); tell {
				cb.log(ctx, slog.LevelError, "vk: callback: events cannot be accepted", e, stoppedDispatcher("Callback"))
			}
		}
		if !errors.Is(err, ErrStopped) && !errors.Is(err, errFull) && ctx.Err() == nil {
			if cb.takes.failed() {
				cb.log(ctx, slog.LevelError, "vk: callback: events cannot be accepted: asking VK to retry", e, err)
			}
		}
		return again(soon())
	}
	if failures, tell := cb.takes.worked(); tell {
		cb.logger().LogAttrs(ctx, slog.LevelInfo, "vk: callback: events can be accepted again", slog.Int("failures", failures))
	}
	if j == nil || state == alreadyHandled {
		return acked
	}
	switch cb.await(ctx, request, j) {
	case handlingEnded:
		return cb.answerTo(j.outcome(), e)
	case handlingRefused:
		return again(soon())
	case handlingCutOff:
		if cb.keep(ctx, j) {
			return acked
		}
		return again(soon())
	}
	// The handlers go on. If VK has given up on the request, it retries by
	// itself.
	if request.Err() == nil && cb.keep(ctx, j) {
		return acked
	}
	return again(later(retries))
}

// A handlingState is the state of an event's handling when VK must be answered.
type handlingState uint8

const (
	handlingOngoing handlingState = iota // the handlers are still running
	handlingEnded                        // the handlers have ended by themselves
	handlingCutOff                       // a stop has ended them
	handlingRefused                      // the event was not admitted, for another request
)

// await blocks until a job has ended, until its handler waits and a Store can
// save the event, or until ctx is done, which has a deadline and otherwise ends
// with request.
func (cb *Callback) await(ctx, request context.Context, j *job) handlingState {
	var ending <-chan struct{}
	if j.feed != cb.feed {
		ending = cb.ending // Stop does not end handlers of another source
	}
	var resting <-chan struct{}
	if cb.d.Store != nil {
		resting = j.rest()
	}
	late := cb.startTimer(ctx)
	defer cb.stopTimer(late)
	select {
	case <-cb.d.dedupe.settledOf(j):
		switch {
		case j.isRefused():
			return handlingRefused
		case errors.Is(j.outcome(), ErrStopped):
			return handlingCutOff
		}
		return handlingEnded
	case <-resting:
	case <-late.C:
	case <-request.Done():
	case <-ending:
	}
	return handlingOngoing
}

// keep saves the event of j in the Store, and reports whether it is safe there.
func (cb *Callback) keep(ctx context.Context, j *job) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	kept, err := cb.d.keep(ctx, j)
	if err != nil && !kept && !errors.Is(err, ErrStopped) && cb.keeps.failed() {
		cb.log(ctx, slog.LevelError, "vk: callback: events cannot be saved in the Store: asking VK to retry", j.ev, err)
	}
	if !kept {
		return false
	}
	if failures, tell := cb.keeps.worked(); tell {
		cb.logger().LogAttrs(ctx, slog.LevelInfo, "vk: callback: events are saved in the Store again", slog.Int("failures", failures))
	}
	return kept
}

// keepTime limits the time for saving an event in the Store after Patience is
// over.
const keepTime = 2 * time.Second

func (cb *Callback) log(ctx context.Context, level slog.Level, msg string, e *Event, err error) {
	cb.logger().LogAttrs(ctx, level, msg, slog.Any("err", err), slog.String("kind", e.Kind), slog.String("event", e.ID), slog.Int64("peer", e.head.peer))
}
