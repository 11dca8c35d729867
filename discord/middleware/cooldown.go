package middleware

import (
	"fmt"
	"sync"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/windows"
)

// A Cooldown limits how often something may be done: Rate times, and then not
// for as long as Per, counted from the last of them. After a pause of Per, all of them
// are there again.
//
//	cd := middleware.NewCooldown(3, time.Minute, discord.PerUser)
//	r.Handle("roll", roll, cd.Wrap)
//	r.Handle("flip", flip, cd.Wrap)
//
// Everything that one Cooldown wraps is counted together. A use is a claim: see
// [discord.Context.Claim]. Only a handler that runs costs one. A use does not count
// when a check refuses, when an argument is wrong, or when another cooldown, a
// [MaxConcurrency] or a Before hook refuses, wherever it stands; and a use that is
// refused does not make the wait longer.
//
// It goes by the clock of the bot; when that is set back, earlier uses count no more. It
// remembers nothing from one start of the bot to the next. Uses that are over take no
// memory, after the next use of the Cooldown.
//
// The fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Cooldown struct {
	Rate int           // how often; zero means without limit
	Per  time.Duration // how long the rest is

	// By says what is counted together: [discord.PerUser], [discord.PerChannel],
	// [discord.PerMember], [discord.PerGuild], [discord.Global], which nil means, or a
	// function of yours.
	By func(*discord.Context) discord.Key

	// Limit, if not nil, is asked each time in place of Rate and Per, for
	// cooldowns that are not the same for all. A rate of zero means without limit.
	Limit func(*discord.Context) (rate int, per time.Duration)

	mu      sync.Mutex
	windows windows.Windows[discord.Key]
}

// NewCooldown returns &Cooldown{Rate: rate, Per: per, By: by}. It panics unless
// rate and per are positive.
func NewCooldown(rate int, per time.Duration, by func(*discord.Context) discord.Key) *Cooldown {
	if rate <= 0 || per <= 0 {
		panic(fmt.Sprintf("middleware: NewCooldown: %d times in %v", rate, per))
	}
	return &Cooldown{Rate: rate, Per: per, By: by}
}

// A CooldownError says that something was done as often as a [Cooldown] allows,
// and is to rest for a while. [Explain] tells the person how long.
type CooldownError struct {
	Rate int           // how often it may be done
	Per  time.Duration // and how long it rests after that
	Key  discord.Key   // that it counts by

	// RetryAfter is the time that is left of the rest. It is positive.
	RetryAfter time.Duration

	// Again is whether somebody was refused in this rest before. Explain does not
	// say so again to typed commands in a guild.
	Again bool
}

// Error tells the limit, and the time until the next use.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("cooldown: %d in %v: again in %v", e.Rate, e.Per, e.RetryAfter)
}

// Is reports whether target is [ErrRefused]: a cooldown is no failure.
func (e *CooldownError) Is(target error) bool { return target == ErrRefused }

// Wrap is a [discord.Middleware]: it refuses events that come too often with a
// [*CooldownError].
func (cd *Cooldown) Wrap(next discord.HandlerFunc) discord.HandlerFunc {
	return Claim(cd.take)(next)
}

// take takes a use.
func (cd *Cooldown) take(c *discord.Context) (giveBack func(), err error) {
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
		return nil, &discord.CheckError{Err: &CooldownError{Rate: rate, Per: per, Key: key, RetryAfter: wait, Again: again}}
	}
	return func() {
		now := time.Now().UnixNano()
		cd.mu.Lock()
		defer cd.mu.Unlock()
		cd.windows.GiveBack(taken, now)
	}, nil
}

// Left returns how long it will be until c may be handled, by the uses under its key, and
// zero if it may be now. It counts nothing.
func (cd *Cooldown) Left(c *discord.Context) time.Duration {
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

// Reset forgets the uses under the key of c. Called by the handler that
// the Cooldown wraps, it makes that handler's own use not count.
func (cd *Cooldown) Reset(c *discord.Context) { cd.ResetKey(cd.key(c)) }

// ResetKey forgets the uses under a key: that of another user, such as
// discord.Key{User: id}.
func (cd *Cooldown) ResetKey(key discord.Key) {
	cd.mu.Lock()
	defer cd.mu.Unlock()
	cd.windows.Reset(key)
}

// limit and key call functions of the user's, which may use the Cooldown: not
// under its lock.

func (cd *Cooldown) limit(c *discord.Context) (rate int, per time.Duration) {
	if cd.Limit != nil {
		return cd.Limit(c)
	}
	return cd.Rate, cd.Per
}

func (cd *Cooldown) key(c *discord.Context) discord.Key {
	if cd.By == nil {
		return discord.Key{}
	}
	return cd.By(c)
}
