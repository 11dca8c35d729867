package middleware

import (
	"fmt"
	"sync"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/windows"
)

// A Cooldown limits how often something may be done: Rate times, and then not
// for as long as Per, counted from the last of them. Who comes again after a
// pause of Per has all of them back.
//
//	cd := middleware.NewCooldown(3, time.Minute, vk.PerUser)
//	r.Handle("roll", roll, cd.Wrap)
//	r.Handle("flip", flip, cd.Wrap)
//
// All that one Cooldown wraps is counted together. A use is a claim: see
// [vk.Context.Claim]. Only a handler that runs costs one. A use does not count
// when a check refuses, when an argument is wrong, or when another cooldown, a
// [MaxConcurrency] or a Before hook refuses, wherever it stands; and a use that is
// refused does not make the wait longer.
//
// It goes by the clock of the bot; when that is set back, what it had counted
// counts no more. It remembers nothing from one start of the bot to the next.
// What is over takes no memory, after the next use of the Cooldown.
//
// The fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Cooldown struct {
	Rate int           // how often; zero means without limit
	Per  time.Duration // how long the rest is

	// By says what is counted together: [vk.PerUser], [vk.PerChat],
	// [vk.PerMember], [vk.Global], which nil means, or a function of yours.
	By func(*vk.Context) vk.Key

	// Limit, if not nil, is asked each time in place of Rate and Per, for
	// cooldowns that are not the same for all. A rate of zero means without
	// limit: that is for whom the cooldown is not.
	Limit func(*vk.Context) (rate int, per time.Duration)

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

// A CooldownError says that something was done as often as a [Cooldown] allows,
// and is to rest for a while. [Explain] tells the person how long.
type CooldownError struct {
	Rate int           // how often it may be done
	Per  time.Duration // and how long it rests then
	Key  vk.Key        // whose it is

	// RetryAfter is how much of the rest is left. It is positive.
	RetryAfter time.Duration

	// Again is whether somebody was refused in this rest before. Explain says
	// nothing then to those who have heard it in the same chat.
	Again bool
}

// Error tells the limit, and what is left of the rest.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("cooldown: %d in %v: again in %v", e.Rate, e.Per, e.RetryAfter)
}

// Is reports whether target is [ErrRefused]: a cooldown is no failure.
func (e *CooldownError) Is(target error) bool { return target == ErrRefused }

// Wrap is a [vk.Middleware]: it refuses with a [*CooldownError] what comes too
// often.
func (cd *Cooldown) Wrap(next vk.HandlerFunc) vk.HandlerFunc {
	return Claim(cd.take)(next)
}

// take takes a use.
func (cd *Cooldown) take(c *vk.Context) (giveBack func(), err error) {
	rate, per := cd.limit(c)
	if rate <= 0 || per <= 0 {
		return nil, nil
	}
	key := cd.key(c)
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

// Left returns how long it will be until c may be handled, by what was counted
// under its key, and zero if it may be now. It counts nothing.
func (cd *Cooldown) Left(c *vk.Context) time.Duration {
	rate, per := cd.limit(c)
	if rate <= 0 || per <= 0 {
		return 0
	}
	key := cd.key(c)
	now := time.Now().UnixNano()
	cd.mu.Lock()
	defer cd.mu.Unlock()
	return cd.windows.Left(key, now, rate, per)
}

// Reset forgets what was counted under the key of c. Called by the handler that
// the Cooldown wraps, it makes that handler's own use not count.
func (cd *Cooldown) Reset(c *vk.Context) { cd.ResetKey(cd.key(c)) }

// ResetKey forgets what was counted under a key: that of somebody else, such as
// vk.Key{User: id}.
func (cd *Cooldown) ResetKey(key vk.Key) {
	cd.mu.Lock()
	defer cd.mu.Unlock()
	cd.windows.Reset(key)
}

// limit and key call functions of the user's, which may use the Cooldown: not
// under its lock.

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
