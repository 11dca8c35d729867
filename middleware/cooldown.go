package middleware

import (
	"fmt"
	"sync"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/windows"
)

// A Cooldown limits how often a handler may run: Rate times, and then not again
// until Per has passed since the last use. After a pause of Per, all Rate uses
// are available again.
//
//	cd := middleware.NewCooldown(3, time.Minute, vk.PerUser)
//	r.Handle("roll", roll, cd.Wrap)
//	r.Handle("flip", flip, cd.Wrap)
//
// All handlers that one Cooldown wraps are counted together. A use is a claim:
// see [vk.Context.Claim]. Only a handler that runs costs a use. A use does not
// count if a check refuses, if an argument is invalid, or if another cooldown,
// a [MaxConcurrency] or a Before hook refuses, at any position. A refused use
// does not prolong the wait.
//
// A Cooldown uses the bot's clock. If the clock is set back, earlier uses no
// longer count. The counts are not persisted: each start of the bot begins with
// none. Expired counts take no memory after the next use of the Cooldown.
//
// The fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Cooldown struct {
	Rate int           // number of uses; zero means no limit
	Per  time.Duration // duration of the pause after the last use

	// By selects the uses that are counted together: [vk.PerUser],
	// [vk.PerChat], [vk.PerMember], [vk.Global] or a function of your own. If
	// nil, [vk.Global] is used.
	By func(*vk.Context) vk.Key

	// Limit, if not nil, is called for each use and replaces Rate and Per, for
	// cooldowns that differ between users. A rate of zero means no limit, for
	// exempt users.
	Limit func(*vk.Context) (rate int, per time.Duration)

	// Limits counts for several processes, each of which has a Cooldown of this Name. While
	// it fails, each process counts by itself. [CooldownError.Again] is about this process.
	// Nil means that this process is alone.
	Limits vk.Limits
	Name   string // tells apart the Cooldowns of one Limits; needed with Limits alone

	shared  shared
	mu      sync.Mutex
	windows windows.Windows[vk.Key]
}

// NewCooldown returns &Cooldown{Rate: rate, Per: per, By: by}. It panics unless
// rate and per are positive.
func NewCooldown(rate int, per time.Duration, by func(*vk.Context) vk.Key) *Cooldown {
	if rate <= 0 || per <= 0 {
		panic(fmt.Sprintf("middleware: NewCooldown: %d times in %v", rate, per))
	}
	return &Cooldown{Rate: rate, Per: per, By: by}
}

// A CooldownError reports that the uses of a [Cooldown] are exhausted for some
// time. [Explain] tells the user how long.
type CooldownError struct {
	Rate int           // number of uses
	Per  time.Duration // duration of the pause after them
	Key  vk.Key        // the key that is counted

	// RetryAfter is the remaining time of the pause. It is positive.
	RetryAfter time.Duration

	// Again reports whether a use was already refused in this pause. Explain
	// then does not repeat its message to the same users in the same chat.
	Again bool
}

// Error returns the limit and the remaining time.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("cooldown: %d in %v: again in %v", e.Rate, e.Per, e.RetryAfter)
}

// Is reports whether target is [ErrRefused]: a cooldown is not a failure.
func (e *CooldownError) Is(target error) bool { return target == ErrRefused }

// Wrap is a [vk.Middleware]. It refuses uses above the limit with a
// [*CooldownError].
func (cd *Cooldown) Wrap(next vk.HandlerFunc) vk.HandlerFunc {
	return Claim(cd.take)(next)
}

// take claims a use.
func (cd *Cooldown) take(c *vk.Context) (giveBack func(), err error) {
	rate, per := cd.limit(c)
	if rate <= 0 || per <= 0 {
		return nil, nil
	}
	key := cd.key(c)
	if cd.Limits != nil {
		if giveBack, err, ok := cd.takeShared(c, key, rate, per); ok {
			return giveBack, err
		}
	}
	now := time.Now().UnixNano()
	cd.mu.Lock()
	taken, wait, again := cd.windows.Take(key, now, rate, per)
	cd.mu.Unlock()
	if wait > 0 {
		return nil, &vk.CheckError{Err: &CooldownError{Rate: rate, Per: per, Key: key, RetryAfter: wait, Again: again}}
	}
	return func() {
		now := time.Now().UnixNano()
		cd.mu.Lock()
		defer cd.mu.Unlock()
		cd.windows.GiveBack(taken, now)
	}, nil
}

// Left returns the time until c may be handled, from the uses counted under its
// key, or zero if it may be handled now. It counts nothing.
func (cd *Cooldown) Left(c *vk.Context) time.Duration {
	rate, per := cd.limit(c)
	if rate <= 0 || per <= 0 {
		return 0
	}
	key := cd.key(c)
	if cd.Limits != nil {
		if wait, ok := cd.leftShared(c, key, rate, per); ok {
			return wait
		}
	}
	now := time.Now().UnixNano()
	cd.mu.Lock()
	defer cd.mu.Unlock()
	return cd.windows.Left(key, now, rate, per)
}

// Reset drops the uses counted under the key of c. If the handler that the
// Cooldown wraps calls it, that handler's own use does not count either.
func (cd *Cooldown) Reset(c *vk.Context) { cd.ResetKey(cd.key(c)) }

// ResetKey drops the uses counted under a key, which may be another user's,
// such as vk.Key{User: id}.
func (cd *Cooldown) ResetKey(key vk.Key) {
	if cd.Limits != nil {
		cd.resetShared(key)
	}
	cd.mu.Lock()
	defer cd.mu.Unlock()
	cd.windows.Reset(key)
}

// limit and key call the user's functions, which may use the Cooldown. They
// must not be called with its lock held.

func (cd *Cooldown) limit(c *vk.Context) (rate int, per time.Duration) {
	if cd.Limit != nil {
		return cd.Limit(c)
	}
	return cd.Rate, cd.Per
}

func (cd *Cooldown) key(c *vk.Context) vk.Key {
	if cd.By == nil {
		return vk.Key{}
	}
	return cd.By(c)
}
