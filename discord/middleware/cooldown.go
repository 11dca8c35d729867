package middleware

import (
	"fmt"
	"sync"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/windows"
)

// A Cooldown limits how often something may be done: Rate times, then not again until Per
// has passed since the last time. After a pause of Per, a user has all Rate uses again.
//
//	cd := middleware.NewCooldown(3, time.Minute, discord.PerUser)
//	r.Handle("roll", roll, cd.Wrap)
//	r.Press("roll-again", roll, cd.Wrap)
//
// All routes that one Cooldown wraps are counted together, whether a command is typed, used
// as a slash command or a button is pressed. A use is a claim: see [discord.Context.Claim].
// Only a handler that runs costs one: a use does not count if a check refuses, if an
// argument is wrong, or if another cooldown, a [MaxConcurrency] or a Before hook refuses.
// A refused use does not make the wait longer.
//
// A Cooldown goes by the clock of the bot. If that is set back, earlier uses do not count.
// Uses are not kept over a restart. Uses that are over take no memory, after the next use of
// the Cooldown.
//
// The fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Cooldown struct {
	Rate int           // how often; zero means no limit
	Per  time.Duration // the length of the rest

	// By returns the key under which a use is counted: [discord.PerUser],
	// [discord.PerChannel], [discord.PerMember], [discord.PerGuild] or another function.
	// The default is [discord.Global].
	By func(*discord.Context) discord.Key

	// Limit, if not nil, is called each time in place of Rate and Per, for
	// cooldowns that differ from user to user. A rate of zero means no limit.
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

// A CooldownError says that something was done as often as a [Cooldown] allows.
// [Explain] tells the user how long to wait.
type CooldownError struct {
	Rate int           // how often it may be done
	Per  time.Duration // the length of the rest
	Key  discord.Key   // the key under which it is counted

	// RetryAfter is the rest that is left. It is positive.
	RetryAfter time.Duration

	// Again reports whether a use was refused in this rest before. Then Explain
	// does not answer messages in the same channel.
	Again bool
}

// Error names the limit and the rest that is left.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("cooldown: %d in %v: again in %v", e.Rate, e.Per, e.RetryAfter)
}

// Is reports whether target is [ErrRefused]: a cooldown is no failure.
func (e *CooldownError) Is(target error) bool { return target == ErrRefused }

// Wrap is a [discord.Middleware]: it refuses uses that come too often, with a
// [*discord.CheckError] that wraps a [*CooldownError].
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

// Left returns how long c has to wait by the uses under its key. It is zero if c may
// be handled now. Left counts nothing.
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

// Reset forgets the uses under the key of c. If the handler that the Cooldown wraps
// calls Reset, its own use does not count.
func (cd *Cooldown) Reset(c *discord.Context) { cd.ResetKey(cd.key(c)) }

// ResetKey forgets the uses under a key, such as discord.Key{User: id}.
func (cd *Cooldown) ResetKey(key discord.Key) {
	cd.mu.Lock()
	defer cd.mu.Unlock()
	cd.windows.Reset(key)
}

// limit and key call the bot's functions, which may use the Cooldown: they are called
// without its lock.

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
