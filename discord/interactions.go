package discord

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Interactions is a source of interactions: an [http.Handler] to which Discord sends slash
// commands, presses of buttons and forms, for bots without a [Gateway]. Its address is the
// Interactions Endpoint URL of the application in the developer portal. Discord then sends
// interactions to it only, and the bot gets no other events.
//
//	in := &discord.Interactions{Client: discord.NewClient(token), Handler: r, PublicKey: key}
//	defer in.Stop(context.Background())
//	http.Handle("POST /interactions", in)
//
// The handlers answer as with a Gateway, and have the same time. A request without Discord's
// signature gets the status 401, as Discord demands, and so does one that is older than
// MaxAge or that has come before.
//
// It registers no commands: [Client.SyncCommands] does.
//
// The fields must not change once it serves. It may serve any number of requests at the same
// time.
type Interactions struct {
	// Client answers; it has the bot's token. It is that of the handlers.
	Client *Client

	// Handler handles the events, for instance a [*Router].
	Handler Handler

	// Dispatcher decides when events are handled. Nil means one of its own, which Stop
	// ends. If it is given, its Handler counts, and the one above must be nil.
	Dispatcher *Dispatcher

	// PublicKey is the application's Public Key: 64 hexadecimal digits, from the portal's
	// page General Information. A line break at its end is ignored.
	PublicKey string

	// MaxAge limits the age of a request's signature. If zero, it is 5 minutes, for clocks
	// that differ.
	MaxAge time.Duration

	// Logger gets refused requests. It is also that of its own Dispatcher. Nil
	// means slog.Default().
	Logger *slog.Logger

	once sync.Once
	key  ed25519.PublicKey
	err  error // the mistake in the fields
	d    *Dispatcher
	feed *feed

	mu    sync.Mutex
	seen  map[ID]time.Time // interactions of the last MaxAge, by the time of their signature
	swept time.Time
}

const (
	maxInteraction = 4 << 20 // bytes of a request
	maxSignature   = ed25519.SignatureSize * 2
)

// check returns the mistake in the fields, or nil.
func (in *Interactions) check() error {
	in.once.Do(func() {
		if in.err = in.setUp(); in.err != nil {
			in.logger().LogAttrs(context.Background(), slog.LevelError, "discord: interactions are refused", slog.Any("err", in.err))
		}
	})
	return in.err
}

func (in *Interactions) setUp() error {
	key, err := hex.DecodeString(strings.TrimRight(in.PublicKey, "\r\n"))
	d := in.Dispatcher
	var wrong *ConfigError
	switch {
	case err != nil || len(key) != ed25519.PublicKeySize:
		wrong = misuse("Interactions.PublicKey", "is not 64 hexadecimal digits", "copy the Public Key from "+atPortal+", General Information")
	case in.Client == nil:
		wrong = misuse("Interactions.Client", "is nil", "set it to discord.NewClient(token)")
	case d == nil && isNil(in.Handler):
		wrong = misuse("Interactions.Handler", "is nil", "set it, for instance to a *discord.Router")
	case d != nil && in.Handler != nil:
		wrong = misuse("Interactions.Handler", "is set beside the Dispatcher's", "set one of them")
	case d != nil && isNil(d.Handler):
		wrong = misuse("Dispatcher.Handler", "is nil", "set it, for instance to a *discord.Router")
	}
	if wrong != nil {
		return wrong.at("Interactions")
	}
	if in.key = key; d == nil {
		d = &Dispatcher{Handler: in.Handler, Logger: in.Logger}
	}
	d.init()
	in.d, in.feed, in.seen = d, d.feed(), make(map[ID]time.Time)
	return nil
}

func (in *Interactions) logger() *slog.Logger { return cmp.Or(in.Logger, slog.Default()) }

// Stop ends the source: further requests get the status 503, and Stop blocks until the
// handlers of those that were taken have returned; see [Dispatcher.Stop].
func (in *Interactions) Stop(ctx context.Context) {
	if in.check() == nil {
		in.d.drain(ctx, in.feed)
	}
}

// ServeHTTP takes one interaction. It responds before the handlers have returned.
func (in *Interactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case in.check() != nil:
		http.Error(w, "the bot is not set up", http.StatusInternalServerError)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "interactions are posted", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInteraction))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	signed, err := in.verify(r.Header, body)
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	e, err := NewEvent(EventInteractionCreate.Name(), body)
	if err != nil {
		http.Error(w, "the body is no interaction", http.StatusBadRequest)
		return
	}
	if interactionType(body) == InteractionPing {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"type":1}`)
		return
	}
	if !in.first(e, signed) {
		in.refuse(w, r, errReplayed)
		return
	}
	if !in.feed.isOpen() {
		http.Error(w, "the bot stops", http.StatusServiceUnavailable)
		return
	}
	if !in.d.reserve() {
		in.overload(w, r, e)
		return
	}
	w.WriteHeader(http.StatusAccepted) // the answer comes as a call, which must not be there first
	http.NewResponseController(w).Flush()
	if in.d.put(&job{d: in.d, feed: in.feed, ctx: context.WithoutCancel(r.Context()), client: in.Client, ev: e}) != nil {
		in.logger().LogAttrs(r.Context(), slog.LevelWarn, "discord: interaction dropped: the bot stops")
	}
}

// overload answers an interaction for which the Dispatcher has no place: the user is told
// that the bot is busy.
func (in *Interactions) overload(w http.ResponseWriter, r *http.Request, e *Event) {
	var body []byte
	cb, err := newResponse(r.Context(), in.Client, e).busyAnswer()
	if err == nil {
		body, err = json.Marshal(cb)
	}
	if err != nil {
		http.Error(w, "the body is no interaction", http.StatusBadRequest)
		return
	}
	in.logger().LogAttrs(r.Context(), slog.LevelWarn, "discord: interaction refused", slog.Any("err", errBusy), slog.Any("guild", e.GuildID), slog.Any("channel", e.ChannelID))
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// Pending returns the number of interactions with handlers that have not returned.
func (in *Interactions) Pending() int {
	if in.check() != nil {
		return 0
	}
	return in.d.Pending()
}

// The reasons to refuse a request.
var (
	errSignature = errors.New("the signature is not Discord's, or is missing: is Interactions.PublicKey that of the application?")
	errAge       = errors.New("the signature is too old, or of the future: is the clock right?")
	errReplayed  = errors.New("the request has come before")
)

// refuse answers a request that Discord has not signed. Discord sends some such
// requests itself, to check that they are refused.
func (in *Interactions) refuse(w http.ResponseWriter, r *http.Request, err error) {
	in.logger().LogAttrs(r.Context(), slog.LevelInfo, "discord: request refused", slog.Any("err", err), slog.String("from", r.RemoteAddr))
	http.Error(w, "invalid request signature", http.StatusUnauthorized)
}

// verify checks the signature of a request, and returns the time when it was made. A
// malformed signature takes as long as a wrong one.
func (in *Interactions) verify(h http.Header, body []byte) (time.Time, error) {
	stamp := h.Get("X-Signature-Timestamp")
	digits := h.Get("X-Signature-Ed25519")
	sig, err := hex.DecodeString(digits)
	if err != nil || len(digits) != maxSignature {
		sig = make([]byte, ed25519.SignatureSize) // of nothing
	}
	message := append([]byte(stamp), body...)
	if !ed25519.Verify(in.key, message, sig) {
		return time.Time{}, errSignature
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return time.Time{}, errAge
	}
	signed := time.Unix(seconds, 0)
	if age := time.Since(signed); age > in.maxAge() || age < -in.maxAge() {
		return time.Time{}, errAge
	}
	return signed, nil
}

func (in *Interactions) maxAge() time.Duration { return cmp.Or(max(in.MaxAge, 0), 5*time.Minute) }

// first notes an interaction, and reports whether it has not come before.
func (in *Interactions) first(e *Event, signed time.Time) bool {
	var i struct {
		ID ID `json:"id"`
	}
	if err := decodeInto(e, &i); err != nil || i.ID == 0 {
		return false
	}
	now := time.Now()
	in.mu.Lock()
	defer in.mu.Unlock()
	if now.Sub(in.swept) > in.maxAge() {
		in.swept = now
		for id, at := range in.seen {
			if now.Sub(at) > in.maxAge() {
				delete(in.seen, id)
			}
		}
	}
	_, twice := in.seen[i.ID]
	in.seen[i.ID] = signed
	return !twice
}
