package fakevk

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// chatBase separates the peer ids of chats from those of users: the peer id of
// chat n is chatBase + n.
const chatBase = 2_000_000_000

// The first numbers of a world. Message ids and conversation message ids start
// far apart, so that a bot that confuses them fails.
const (
	firstUser    = 100_000_001
	firstGroup   = 200_000_001
	firstMessage = 40_001
	firstVersion = 10_000_000
)

// A World is one fake VK: its users, communities and messages, and the API over
// them. Create one with [New]. It is safe for concurrent use.
type World struct {
	cfg  Config
	mux  *http.ServeMux
	done chan struct{} // closed by Close

	ctx     context.Context // canceled by Close
	cancel  context.CancelFunc
	senders sync.WaitGroup // goroutines that deliver to callback servers

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed at the next change; nil if nobody asked for it

	users    map[int64]*user
	groups   map[int64]*group
	chats    map[int64]*chat // by peer id
	names    map[string]int64
	tokens   map[string]*token
	dialogs  map[pair]*dialog
	byID     map[int64]place      // messages by account-wide id
	media    *bounded[attachment] // by name
	uploads  uploads
	pictures pictures
	walls    map[int64]*wall    // by owner
	likes    map[string][]int64 // ids that like an object, by likeKey
	apps     map[string]app     // by screen name
	refused  map[string]bool    // hosts that utils.checkLink reports as banned
	stories  *bounded[*story]   // by owner_id

	shortLinks *bounded[string] // the keys of private links, by the keys of the links

	storage   map[int64]*storage // by user, 0 for the application
	presses   map[string]*Press
	taps      []func(Event)
	calls     []Call
	callSize  int // bytes of calls
	followers []func(Change)
	faults    []*Injection
	timers    map[int64]*time.Timer // timers of delayed actions
	remarked  map[string]bool       // passed to Config.OnRemark

	lastUser, lastGroup, lastChat int64
	lastMessage, lastVersion      int64
	lastSecret, lastPress         int64
	lastFault, lastTimer          int64
	lastToken                     int64
}

// New returns an empty world. A world used inside a testing/synctest bubble
// must be created inside it.
func New(cfg Config) *World {
	cfg.mustCheck()
	cfg = cfg.withDefaults()
	w := &World{
		cfg:         cfg,
		done:        make(chan struct{}),
		remarked:    make(map[string]bool),
		storage:     make(map[int64]*storage),
		users:       make(map[int64]*user),
		groups:      make(map[int64]*group),
		chats:       make(map[int64]*chat),
		names:       make(map[string]int64),
		tokens:      make(map[string]*token),
		dialogs:     make(map[pair]*dialog),
		byID:        make(map[int64]place),
		walls:       make(map[int64]*wall),
		likes:       make(map[string][]int64),
		apps:        make(map[string]app),
		refused:     make(map[string]bool),
		presses:     make(map[string]*Press),
		timers:      make(map[int64]*time.Timer),
		media:       newBounded[attachment](cfg.MediaLimit),
		stories:     newBounded[*story](cfg.MediaLimit),
		shortLinks:  newBounded[string](cfg.MediaLimit),
		uploads:     newUploads(cfg.MediaLimit),
		pictures:    pictures{m: make(map[[32]byte][]byte)},
		lastUser:    firstUser - 1,
		lastGroup:   firstGroup - 1,
		lastMessage: firstMessage - 1,
		lastVersion: firstVersion,
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.mux = w.routes()
	return w
}

// Close ends every waiting long poll and every delivery to a callback server,
// waits for the deliveries, and refuses further requests with HTTP status 503.
// It may be called more than once.
func (w *World) Close() {
	w.shut()
	w.senders.Wait()
}

func (w *World) shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	close(w.done)
	w.cancel()
	for _, t := range w.timers {
		t.Stop()
	}
	w.touch()
}

// Changed returns a channel that is closed at the next change of anything that
// the World's reading methods return: a message, an edit, an answer to a press,
// a call, a long poll that begins to wait. To wait for a condition, get the
// channel first and check the condition after that:
//
//	for {
//		changed := w.Changed()
//		if ok() {
//			return
//		}
//		<-changed
//	}
func (w *World) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

// touch wakes the goroutines that wait on Changed.
func (w *World) touch() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// digest returns pseudo-random bytes without keeping a state: the same seed,
// kind and numbers give the same bytes, independent of everything else in the
// world.
func (w *World) digest(kind string, n ...int64) [sha256.Size]byte {
	b := make([]byte, 0, 64)
	b = append(b, kind...)
	b = binary.BigEndian.AppendUint64(b, w.cfg.Seed)
	for _, v := range n {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return sha256.Sum256(b)
}

// hex returns n hexadecimal digits of a digest, at most 64.
func (w *World) hex(digits int, kind string, n ...int64) string {
	d := w.digest(kind, n...)
	return hex.EncodeToString(d[:])[:digits]
}

// newToken generates a string that looks like VK's tokens.
func (w *World) newToken() string {
	w.lastSecret++
	var b []byte
	for i := range int64(4) {
		d := w.digest("token", w.lastSecret, i)
		b = append(b, d[:]...)
	}
	return "vk1.a." + base64.RawURLEncoding.EncodeToString(b)
}

// now returns the time of the world. It exists to document in one place that
// the world keeps no clock.
func now() time.Time { return time.Now() }
