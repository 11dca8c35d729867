package vk

import (
	"context"
	"time"
)

// Limits counts uses for several processes: see [Client.Limits], and Limits of the
// Cooldown and MaxConcurrency of package middleware. The nested modules redisstore and pgstore have
// one each; vktest.Limits is one in memory, for tests. vktest.TestLimits tests one.
//
// The rules below are for those who write one. The time is that of the server. Each
// method is atomic. If it returns an error, it may have had its effect or not. Keys are
// UTF-8 text of 1 to 1,024 bytes. The methods must be safe for concurrent use. What has
// expired takes no memory for longer than a minute.
type Limits interface {
	// Reserve takes one use of key if rule allows it now, and returns a token by which Cancel
	// gives it back. Otherwise it takes nothing, and returns the time after which a use may be
	// free, which is positive.
	Reserve(ctx context.Context, key string, rule LimitRule) (token string, wait time.Duration, err error)

	// Left returns how long Reserve would have to wait. It takes nothing.
	Left(ctx context.Context, key string, rule LimitRule) (wait time.Duration, err error)

	// Cancel gives a use back. If it has expired, or was given back or reset, Cancel has no
	// effect.
	Cancel(ctx context.Context, key, token string) error

	// Reset forgets the uses of key.
	Reset(ctx context.Context, key string) error

	// Acquire makes owner one of at most n holders of key for the time of lease, or renews its
	// lease if it is one. If n is zero, there may be any number. It returns the number of
	// holders, and whether owner is one.
	Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (holders int, ok bool, err error)

	// Release makes owner no holder of key. If it is none, Release has no effect.
	Release(ctx context.Context, key, owner string) error
}

// A LimitRule says how often something may be used.
type LimitRule struct {
	Rate int
	Per  time.Duration

	// Rest selects the rule of a cooldown. The first use opens a window of the length Per. The
	// window has Rate uses; the last of them opens it anew, so that a rest of the whole length
	// begins. A use that is given back may end the rest. If false, there are at most Rate uses
	// in any time of the length Per.
	Rest bool
}
