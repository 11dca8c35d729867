package fakevk

import (
	"cmp"
	"net/http"
	"time"
)

// VK's own limits, where they are not a matter of configuration.
const (
	groupRPS = 20 // calls per second of a community token
	userRPS  = 3  // calls per second of a user's token

	defaultMaxMessageLen = 4096
	defaultHistoryLimit  = 10_000
	defaultCallLimit     = 10_000

	bodyLimit = 8 << 20 // bytes of an API request

	pressLifetime = time.Minute      // how long a press may be answered
	typingShown   = 10 * time.Second // how long "typing" is shown
	editWindow    = 24 * time.Hour   // messages.edit, messages.delete for all
	dedupeWindow  = time.Hour        // random_id
	dedupeSpan    = 100              // messages of a dialog, random_id
)

// Config is what a test may choose about its VK. The zero value is VK with its
// own limits.
type Config struct {
	// Seed determines every token, key and event id. Equal seeds and equal
	// calls give equal worlds.
	Seed uint64

	// BaseURL is the address of the server as its clients know it, without a
	// slash at the end. When empty, addresses that the API hands out (the long
	// poll server) are built from the request that asks.
	BaseURL string

	// RPS is how many calls one community token may make in any second. Zero
	// means VK's 20, a negative number no limit.
	RPS int

	// UserRPS is the same for a user's token; zero means VK's 3. A negative
	// RPS lifts this limit too.
	UserRPS int

	// HistoryLimit is how many messages a dialog keeps, and how many posts a
	// wall and comments a post. Zero means 10,000; the oldest are forgotten
	// first.
	HistoryLimit int

	// CallLimit is how many API calls [World.Calls] remembers. Zero means
	// 10,000; the oldest are forgotten first.
	CallLimit int

	// MediaLimit is how many pieces of media the world knows, and how many
	// uploads it remembers. It keeps the description of each, and bytes only of
	// photos and only after [World.KeepPictures]. Zero means 10,000; the oldest are
	// forgotten first.
	MediaLimit int

	// ClockOffset is by how much the server's clock is ahead of time.Now; see
	// [World.SetClock].
	ClockOffset time.Duration

	// CallbackClient sends events to callback servers. Nil means
	// http.DefaultClient; in a testing/synctest bubble it must be one made
	// there.
	CallbackClient *http.Client

	// CallbackTimeout is how long a callback server may take to answer; zero
	// means ten seconds, which VK does not tell but its clients' authors have
	// measured.
	CallbackTimeout time.Duration

	// CallbackParallel is how many requests one callback server gets at once;
	// zero means one.
	CallbackParallel int

	// OnRemark is called once for each mistake of a bot that VK would ignore
	// silently, such as a misspelt parameter, and for each method that the fake
	// lacks. It is called without a lock and may be called by several goroutines at once.
	OnRemark func(text string)

	Readings
}

// withDefaults returns the configuration with its zeros resolved. A limit of
// zero calls per second means none.
func (c Config) withDefaults() Config {
	switch {
	case c.RPS < 0:
		c.RPS, c.UserRPS = 0, 0
	default:
		c.RPS = cmp.Or(c.RPS, groupRPS)
		c.UserRPS = max(cmp.Or(c.UserRPS, userRPS), 0)
	}
	c.HistoryLimit = cmp.Or(c.HistoryLimit, defaultHistoryLimit)
	c.CallLimit = cmp.Or(c.CallLimit, defaultCallLimit)
	c.MediaLimit = cmp.Or(c.MediaLimit, defaultMediaLimit)
	c.Readings = c.Readings.withDefaults()
	return c
}
