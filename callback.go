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
)

// A Callback is a source of events: an [http.Handler] for the address that VK
// sends a community's events to. Each request has one.
//
//	cb := &vk.Callback{Client: client, Handler: r, Secret: vk.NewSecret(os.Getenv("VK_SECRET")), Confirmation: "ab12cd34"}
//	http.Handle("/vk", cb)
//
// The address is entered in the community's settings, or by [Callback.Setup].
//
// A Callback acknowledges an event ("ok") once all its handlers have returned,
// whether or not they failed, or once the event is saved in the Dispatcher's Store.
// It is saved as soon as a handler waits for something, or when Patience is over. If
// there is no Store, or it fails, VK is told after Patience to come again, with a
// Retry-After, while the handlers go on. A repeated delivery does not run them again,
// and is answered in the same way. That also holds if VK breaks the connection. So
// handlers may take their time, and an event that is cut off by the end of the
// process comes to the next one.
//
// VK comes again, too, when the Dispatcher has all the events that it takes,
// when a handler asks for it with [RetryAfter], and during and after Stop.
//
// Several Callbacks, and a [Poller], may share a Dispatcher: a duplicate is handled
// once, whichever source brings it. Of several processes with one Store, one handles
// a community's events; the others let VK come again, see [ErrJournalTaken].
//
// Its fields must not change once it is in use. Its methods are safe for
// concurrent use. It starts no goroutine.
//
// See https://dev.vk.com/ru/api/callback/getting-started.
type Callback struct {
	// Client is what handlers answer with. Its token is the community's, or
	// that of a user who administers it.
	Client *Client

	// Handler gets the events; see [Handler] about their order.
	Handler Handler

	// Dispatcher decides when events are handled. Nil means one of the
	// Callback's own. If it is given, its Handler counts, and the Callback's
	// must be nil.
	Dispatcher *Dispatcher

	// GroupID is the community; requests of others are refused. Zero means
	// whichever knows the Secret. Setup, and a Confirmation that has to be
	// fetched, then ask VK which community the token belongs to.
	GroupID int64

	// Secret is the secret key of the community's settings: up to 50
	// characters that VK puts into each event. Without one, no event is taken:
	// VK is told to come again, until Setup has found or made one, or for ever.
	// See NoSecret.
	Secret Secret

	// NoSecret, where there is no Secret, takes events from anybody who finds
	// the address: all that is in them may be made up. It takes a GroupID, or
	// Groups.
	NoSecret bool

	// Confirmation is what VK wants to be answered before it sends events to an
	// address: the text is in the settings of the community. Empty means to
	// ask VK, by groups.getCallbackConfirmationCode; but that is the text for
	// addresses that were registered by the API, and differs.
	Confirmation string

	// Groups are the communities, if there are several, by their ids, which are
	// positive. GroupID, Secret and Confirmation must then be zero.
	Groups map[int64]CallbackGroup

	// Kinds are the kinds of events that Setup asks VK for, besides those that
	// the Handler, if it is a [*Router], or [Wrap] of one, has routes and
	// listeners for: what handlers wait for with a [Watch], for instance.
	//
	// A Handler of another type does not tell what it wants. Then Setup asks for
	// all kinds if Kinds is empty, and else for the Kinds alone: message_new,
	// too, must be among them.
	Kinds []string

	// Title is the name of the address in the settings of the community, if
	// Setup adds one: at most 14 characters. Empty means "Bot".
	Title string

	// Patience is how long an answer may take. VK does not say how long it
	// waits itself; some ten seconds, by experience. Zero means 3 seconds.
	Patience time.Duration

	// MaxBody bounds the bytes of a request's body. Zero means 1 MiB: VK
	// crops messages that are too large for an event.
	MaxBody int64

	// Logger gets what goes wrong, and is that of the Dispatcher if that is the
	// Callback's own. Nil means slog.Default().
	Logger *slog.Logger

	once   sync.Once
	misuse error // what is wrong with the fields
	d      *Dispatcher
	feed   *feed

	stopping atomic.Bool
	ending   chan struct{} // closed by Stop
	bodies   atomic.Int64  // bytes of large bodies that are being read
	refusals quiet
	takes    streak // of admitting events
	keeps    streak // of keeping them in the Store

	asking  chan struct{}   // holds one element while somebody asks VK for what follows
	fetched map[any]fetched // by token, the community; by community, its confirmation code

	mu     sync.Mutex
	queues map[int64]*groupQueue // those that the Callback has joined
	left   bool                  // it has left them
	setUp  map[int64]Secret      // the communities that Setup was called for, and their secrets
	asked  map[int64]int         // by community that Setup was called for, requests for a confirmation that were answered
	last   time.Time             // when an event last came
	err    error                 // of the last event: why it was not taken; nil if it was
	now    int                   // events of requests that are not answered yet
	idle   chan struct{}         // closed when these are none, if Stop waits for that
}

// A CallbackGroup is one of several communities of a [Callback]. Its fields are
// those of the Callback; with a nil Client, the Callback's counts.
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

// logStart says what the Callback is about to serve.
func (cb *Callback) logStart() {
	groups := slices.Sorted(maps.Keys(cb.Groups))
	if cb.GroupID != 0 {
		groups = append(groups, cb.GroupID)
	}
	kinds, _ := kindsWanted(cb.d.Handler, cb.Kinds)
	cb.logger().LogAttrs(context.Background(), slog.LevelInfo, "vk: callback started",
		slog.Any("groups", groups), slog.Any("kinds", kinds), slog.Bool("store", cb.d.Store != nil))
}

// check returns what is wrong with the fields.
func (cb *Callback) check() error {
	switch {
	case cb.Dispatcher == nil && cb.Handler == nil:
		return errors.New("vk: the Callback has no Handler")
	case cb.Dispatcher != nil && cb.Handler != nil:
		return errors.New("vk: the Callback has a Handler beside its Dispatcher's")
	case cb.Dispatcher != nil && cb.Dispatcher.Handler == nil:
		return errNoHandler
	case cb.Groups == nil && cb.Client == nil:
		return errors.New("vk: the Callback has no Client")
	case cb.NoSecret && cb.Groups == nil && cb.GroupID == 0:
		return errors.New("vk: the Callback has NoSecret and no GroupID: strangers could make up communities")
	case cb.Groups != nil && (cb.GroupID != 0 || cb.Secret.reveal() != "" || cb.Confirmation != ""):
		return errors.New("vk: the Callback has Groups, and a GroupID, Secret or Confirmation beside them")
	}
	if cb.GroupID < 0 {
		return misuse("Callback.GroupID", "is negative", "write "+strconv.FormatInt(-cb.GroupID, 10))
	}
	if err := checkHook("Callback.", cb.Secret, cb.Confirmation); err != nil {
		return err
	}
	for id, g := range cb.Groups {
		if g.Client == nil && cb.Client == nil {
			return errors.New("vk: the Callback has no Client for community " + strconv.FormatInt(id, 10))
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

// group returns what is known of a community; ok is false if it is not one of
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
		g.Secret, g.Confirmation = s, "" // the code of the settings is not for what Setup registers
	}
	return g, ok
}

// Stop ends the Callback: VK is told to come again from now on, what handlers
// wait for ends with [ErrStopped], and Stop waits until the events that were
// taken are done, as [Dispatcher.Stop] does. Requests that wait are answered by
// that: an event that was cut off is kept, where there is a Store, and else comes
// again. A Dispatcher that was given to the Callback goes on.
//
// Stop comes before the Shutdown of the HTTP server, which can then answer what
// waits. After it come the Stop of a Dispatcher that was given, and the Close of
// its Store.
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
		<-idle // comes: all that a request waits for now has a bound
	}
}

// A CallbackStatus says how a [Callback] fares, for instance to the handler of a
// health or readiness check.
type CallbackStatus struct {
	Ready     bool      // it takes events: its fields make sense, and Stop was not called
	LastEvent time.Time // when VK last sent an event; zero if it has not
	Answering int       // requests with an event that are not answered yet
	Err       error     // why the last event was not taken, or what is wrong with the fields; nil if it was taken
}

// Status returns how the Callback fares. It is safe for concurrent use.
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

// enter notes that a request brings an event, took why it was not taken, and leave
// that it is answered.
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

// ServeHTTP takes a request of VK. It returns when that is answered; handlers
// may go on after it.
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
		// It may get one by Setup: VK is not to give up.
		cb.refuse(r, http.StatusServiceUnavailable, "the Callback has no Secret")
		return again(soon())
	case want == "", confirmation && len(secret) == 0:
		// VK asks for a confirmation without the secret, mostly. To those that
		// another process has asked for by Setup, each answers.
	case !same(secret, want):
		return cb.refuse(r, http.StatusForbidden, "wrong secret")
	}
	ctx, cancel := context.WithDeadline(r.Context(), began.Add(cmp.Or(max(cb.Patience, 0), 3*time.Second)))
	defer cancel()
	if confirmation {
		return cb.confirm(ctx, r, in.group, g)
	}
	in.mask()
	e, err := in.eventOf(body)
	if err != nil {
		// It is VK's, and will not get better.
		cb.logger().LogAttrs(ctx, slog.LevelError, "vk: callback: an event cannot be read", slog.Any("err", err), slog.String("event", string(body[:min(len(body), 300)])))
		return acked
	}
	retries := 0
	if written := r.Header.Get("X-Retry-Counter"); written != "" { // otherwise Atoi makes an error
		if retries, err = strconv.Atoi(written); err != nil || retries < 0 {
			retries = 0
		}
	}
	if retries > 0 {
		ctx = context.WithValue(ctx, retriesKey{}, retries)
	}
	return cb.dispatch(ctx, r.Context(), g.Client, e, retries)
}

// dispatch gives an event to the Dispatcher and returns what VK is told about it.
// It blocks until the event's handlers have ended or ctx ends, whose parent is the
// request's.
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
				cb.log(ctx, slog.LevelError, "vk: callback: events cannot be taken", e, stoppedDispatcher("Callback"))
			}
		}
		if !errors.Is(err, ErrStopped) && !errors.Is(err, errFull) && ctx.Err() == nil {
			if cb.takes.failed() {
				cb.log(ctx, slog.LevelError, "vk: callback: events cannot be taken: VK is to send them again", e, err)
			}
		}
		return again(soon())
	}
	if failures, tell := cb.takes.worked(); tell {
		cb.logger().LogAttrs(ctx, slog.LevelInfo, "vk: callback: events can be taken again", slog.Int("failures", failures))
	}
	if j == nil || state == alreadyHandled {
		return acked
	}
	switch cb.await(ctx, j) {
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
	// The handlers go on. If VK has given up the request, it sends the event again
	// by itself.
	if request.Err() == nil && cb.keep(ctx, j) {
		return acked
	}
	return again(later(retries))
}

// A handlingState is how far the handling of an event has come when VK is to be
// answered.
type handlingState uint8

const (
	handlingOngoing handlingState = iota // the handlers go on
	handlingEnded                        // the handlers have ended by themselves
	handlingCutOff                       // a stop has ended them
	handlingRefused                      // the event was not admitted, for another request
)

// await blocks until a job has ended, or its handler waits and a Store can keep the
// event, or as long as VK can wait.
func (cb *Callback) await(ctx context.Context, j *job) handlingState {
	var ending <-chan struct{}
	if j.feed != cb.feed {
		ending = cb.ending // Stop does not end handlers of another source
	}
	var resting <-chan struct{}
	if cb.d.Store != nil {
		resting = j.rest()
	}
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
	case <-ctx.Done():
	case <-ending:
	}
	return handlingOngoing
}

// keep puts the event of j into the Store, and reports whether it is safe there.
func (cb *Callback) keep(ctx context.Context, j *job) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	kept, err := cb.d.keep(ctx, j)
	if err != nil && !kept && !errors.Is(err, ErrStopped) && cb.keeps.failed() {
		cb.log(ctx, slog.LevelError, "vk: callback: events cannot be kept in the Store: VK is to send them again", j.ev, err)
	}
	if !kept {
		return false
	}
	if failures, tell := cb.keeps.worked(); tell {
		cb.logger().LogAttrs(ctx, slog.LevelInfo, "vk: callback: events are kept in the Store again", slog.Int("failures", failures))
	}
	return kept
}

// keepTime bounds how long the Store may take to keep an event, when Patience
// is over already.
const keepTime = 2 * time.Second

func (cb *Callback) log(ctx context.Context, level slog.Level, msg string, e *Event, err error) {
	cb.logger().LogAttrs(ctx, level, msg, slog.Any("err", err), slog.String("kind", e.Kind), slog.String("event", e.ID), slog.Int64("peer", e.head.peer))
}
