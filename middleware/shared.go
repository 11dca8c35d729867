package middleware

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

const (
	sharedTime  = time.Second            // timeout of a call of a Limits
	sharedLease = 15 * time.Second       // lease of a place, which is renewed three times in that time
	sharedPoll  = 200 * time.Millisecond // interval between two checks for a free place
)

// A shared is the state in this process of a Cooldown or a MaxConcurrency with
// Limits.
type shared struct {
	mu      sync.Mutex
	failing bool
	told    map[vk.Key]time.Time // keys of refused uses, with the ends of their pauses
	most    int                  // size of told after the last sweep
}

// sharedKey returns the key of a Limits.
func sharedKey(kind, name string, key vk.Key) string {
	return fmt.Sprintf("%s/%.100q/%d/%d/%d/%.300q", kind, name, key.Group, key.Peer, key.User, key.Name)
}

// errNoName returns the error of a limit that has no name.
func errNoName(of string) error {
	return &vk.ConfigError{
		Place: of, Field: of + ".Name", Text: "a " + of + " with Limits has no Name, which tells it apart from others",
		Mend: "set Name, to the same text in every process",
	}
}

// ask calls a Limits, and reports whether the call succeeded. It logs the first
// failure, and the first success after it.
func (s *shared) ask(c *vk.Context, what string, do func(ctx context.Context) error) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c), sharedTime)
	defer cancel()
	err := do(ctx)
	s.mu.Lock()
	was := s.failing
	s.failing = err != nil
	s.mu.Unlock()
	if (err != nil) != was {
		log := slog.Default()
		if client := c.Client(); client != nil && client.Logger != nil {
			log = client.Logger
		}
		if err != nil {
			log.WarnContext(c, "vk: Limits unavailable: each process counts by itself", slog.String("limit", what), slog.Any("err", err))
		} else {
			log.InfoContext(c, "vk: the limits work again", slog.String("limit", what))
		}
	}
	return err == nil
}

// again records that a key is in a pause, and reports whether that was already
// recorded.
func (s *shared) again(key vk.Key, wait time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if until, ok := s.told[key]; ok && now.Before(until) {
		return true
	}
	if len(s.told) >= 2*s.most+100 {
		for key, until := range s.told {
			if !now.Before(until) {
				delete(s.told, key)
			}
		}
		s.most = len(s.told)
	}
	if s.told == nil {
		s.told = make(map[vk.Key]time.Time)
	}
	s.told[key] = now.Add(wait)
	return false
}

// forget undoes again.
func (s *shared) forget(key vk.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.told, key)
}

// takeShared is like take, with Limits. It reports false if the Limits fails.
func (cd *Cooldown) takeShared(c *vk.Context, key vk.Key, rate int, per time.Duration) (giveBack func(), err error, ok bool) {
	if cd.Name == "" {
		return nil, errNoName("Cooldown"), true
	}
	name := sharedKey("cooldown", cd.Name, key)
	var token string
	var wait time.Duration
	ok = cd.shared.ask(c, cd.Name, func(ctx context.Context) (err error) {
		token, wait, err = cd.Limits.Reserve(ctx, name, vk.LimitRule{Rate: rate, Per: per, Rest: true})
		return err
	})
	if !ok {
		return nil, nil, false
	}
	if wait > 0 {
		again := cd.shared.again(key, wait)
		return nil, &vk.CheckError{Err: &CooldownError{Rate: rate, Per: per, Key: key, RetryAfter: wait, Again: again}}, true
	}
	return func() {
		cd.shared.forget(key)
		cd.shared.ask(c, cd.Name, func(ctx context.Context) error { return cd.Limits.Cancel(ctx, name, token) })
	}, nil, true
}

// leftShared is like Left, with Limits. It reports false if the Limits fails.
func (cd *Cooldown) leftShared(c *vk.Context, key vk.Key, rate int, per time.Duration) (wait time.Duration, ok bool) {
	ok = cd.shared.ask(c, cd.Name, func(ctx context.Context) (err error) {
		wait, err = cd.Limits.Left(ctx, sharedKey("cooldown", cd.Name, key), vk.LimitRule{Rate: rate, Per: per, Rest: true})
		return err
	})
	return wait, ok
}

// resetShared is like ResetKey, with Limits. If the Limits fails, the pause
// remains.
func (cd *Cooldown) resetShared(key vk.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), sharedTime)
	defer cancel()
	cd.Limits.Reset(ctx, sharedKey("cooldown", cd.Name, key))
	cd.shared.forget(key)
}

// A sharedPlace is a place of a MaxConcurrency with Limits. A goroutine renews its lease.
type sharedPlace struct {
	limits vk.Limits
	key    string
	owner  string
	ended  chan struct{}
	done   chan struct{}
}

// enterShared takes a place among those of all processes, after a place of this
// process was taken. It waits for one if Queue allows that. If the Limits
// fails, the place of this process is enough, and the sharedPlace is nil.
func (mc *MaxConcurrency) enterShared(c *vk.Context, key vk.Key, n int) (*sharedPlace, error) {
	if mc.Name == "" {
		return nil, errNoName("MaxConcurrency")
	}
	p := &sharedPlace{limits: mc.Limits, key: sharedKey("concurrency", mc.Name, key), owner: rand.Text(), ended: make(chan struct{}), done: make(chan struct{})}
	try := func() (entered, works bool) {
		works = mc.shared.ask(c, mc.Name, func(ctx context.Context) (err error) {
			_, entered, err = mc.Limits.Acquire(ctx, p.key, p.owner, n, sharedLease)
			return err
		})
		return entered, works
	}
	entered, works := try()
	if works && !entered && mc.Queue == 0 {
		return nil, &vk.CheckError{Err: &ConcurrencyError{N: n, Key: key}}
	}
	if works && !entered {
		err := c.Park(func() error {
			for works && !entered {
				timer := time.NewTimer(sharedPoll)
				select {
				case <-timer.C:
					entered, works = try()
				case <-c.Done():
					timer.Stop()
					return context.Cause(c)
				}
			}
			return nil
		})
		if err != nil {
			if entered {
				p.release()
			}
			return nil, err
		}
	}
	if !works {
		p.release() // the place may have been taken
		return nil, nil
	}
	go p.renew(n)
	return p, nil
}

// renew renews the lease until leave.
func (p *sharedPlace) renew(n int) {
	defer close(p.done)
	tick := time.NewTicker(sharedLease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			ctx, cancel := context.WithTimeout(context.Background(), sharedTime)
			p.limits.Acquire(ctx, p.key, p.owner, n, sharedLease) // if it fails, there are two more attempts
			cancel()
		case <-p.ended:
			return
		}
	}
}

// leave gives the place back.
func (p *sharedPlace) leave() {
	close(p.ended)
	<-p.done // otherwise it could be taken again
	p.release()
}

func (p *sharedPlace) release() {
	ctx, cancel := context.WithTimeout(context.Background(), sharedTime)
	defer cancel()
	p.limits.Release(ctx, p.key, p.owner) // if it fails, the lease ends
}
