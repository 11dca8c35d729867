package fakevk

import (
	"cmp"
	"net/http"
	"time"
)

// VK's own limits that are not configurable here.
const (
	groupRPS = 20 // calls per second of a community token
	userRPS  = 3  // calls per second of a user's token

	defaultMaxMessageLen = 4096
	defaultHistoryLimit  = 10_000
	defaultCallLimit     = 10_000

	bodyLimit = 8 << 20 // bytes of an API request

	pressLifetime = time.Minute      // the time in which a press may be answered
	typingShown   = 10 * time.Second // the time for which "typing" is shown
	editWindow    = 24 * time.Hour   // messages.edit, messages.delete for all
	dedupeWindow  = time.Hour        // random_id
	dedupeSpan    = 100              // messages of a dialog, random_id
)

// Config configures the VK of a test. The zero value is VK with its own limits.
type Config struct {
	// Seed determines every token, key and event id. Equal seeds and equal
	// calls give equal worlds.
	Seed uint64

	// BaseURL is the server's address as its clients know it, without a
	// trailing slash. If empty, addresses that the API returns (such as the
	// long poll server's) are built from the request.
	BaseURL string

	// RPS limits the calls per second of one community token. If zero, the
	// limit is VK's 20; if negative, there is no limit.
	RPS int

	// UserRPS limits the calls per second of a user token. If zero, the limit
	// is VK's 3. A negative RPS removes this limit too.
	UserRPS int

	// HistoryLimit limits the messages kept per dialog, the posts per wall and
	// the comments per post. The default is 10,000. The oldest are dropped
	// first.
	HistoryLimit int

	// CallLimit limits the API calls that [World.Calls] returns. The default is
	// 10,000. The oldest are dropped first.
	CallLimit int

	// MediaLimit limits the number of media objects that the world keeps, and
	// the number of uploads that it remembers. The world keeps the description
	// of each; it keeps the bytes only of photos, and only after
	// [World.KeepPictures]. The default is 10,000. The oldest are dropped
	// first.
	MediaLimit int

	// ClockOffset is the offset of the server's clock from time.Now; see
	// [World.SetClock].
	ClockOffset time.Duration

	// CallbackClient sends events to callback servers. If nil,
	// http.DefaultClient is used. In a testing/synctest bubble it must be a
	// client made in that bubble.
	CallbackClient *http.Client

	// CallbackTimeout is the time in which a callback server must respond. The
	// default is ten seconds: VK does not document its timeout, but authors of
	// clients have measured it.
	CallbackTimeout time.Duration

	// CallbackParallel limits the concurrent requests to one callback server.
	// The default is one.
	CallbackParallel int

	// OnRemark is called once for each mistake of a bot that VK would ignore
	// silently, such as a misspelt parameter, and once for each method that the
	// fake lacks. It is called without a lock, possibly by several goroutines
	// at once.
	OnRemark func(text string)

	Readings
}

// withDefaults returns the configuration with its zeros replaced by the
// defaults. In the result, zero calls per second means no limit.
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
