package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk"
)

var _ vk.Limits = (*Store)(nil)

// The scripts of the Limits.
var (
	//go:embed lua/limits.lua
	limitsLua string
	//go:embed lua/reserve.lua
	reserveLua string
	//go:embed lua/cancel.lua
	cancelLua string
	//go:embed lua/acquire.lua
	acquireLua string

	reserveScript = newScript(limitsLua + reserveLua)
	cancelScript  = newScript(limitsLua + cancelLua)
	acquireScript = newScript(limitsLua + acquireLua)
	resetScript   = newScript(limitsLua + `return call('DEL', USES, REST)`)
	releaseScript = newScript(limitsLua + `return call('ZREM', HOLDERS, ARGV[1])`)
)

// Reserve implements vk.Limits.
func (s *Store) Reserve(ctx context.Context, key string, rule vk.LimitRule) (token string, wait time.Duration, err error) {
	token = "." + rand.Text()[:16] // unlike the names of the other fields
	if wait, err = s.reserve(ctx, "Reserve", key, rule, token); err != nil || wait > 0 {
		return "", wait, err
	}
	return token, 0, nil
}

// Left implements vk.Limits.
func (s *Store) Left(ctx context.Context, key string, rule vk.LimitRule) (wait time.Duration, err error) {
	return s.reserve(ctx, "Left", key, rule, "")
}

// reserve takes a use if the token is not empty, or returns the time to wait.
func (s *Store) reserve(ctx context.Context, op, key string, rule vk.LimitRule, token string) (wait time.Duration, err error) {
	if rule.Rate <= 0 || rule.Per <= 0 {
		return 0, fmt.Errorf("redisstore: %s: LimitRule of %d per %v: both must be positive", op, rule.Rate, rule.Per)
	}
	reply, err := s.limit(ctx, op, reserveScript, key, rule.Rate, microseconds(rule.Per), rule.Rest, token)
	if err != nil {
		return 0, err
	}
	text, _ := reply.(string)
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, s.strange(op, reply)
	}
	return min(time.Duration(us)*time.Microsecond, rule.Per), nil
}

// Cancel implements vk.Limits.
func (s *Store) Cancel(ctx context.Context, key, token string) error {
	if len(token) == 0 || token[0] != '.' {
		return s.checkLimit(ctx, "Cancel", key)
	}
	_, err := s.limit(ctx, "Cancel", cancelScript, key, token)
	return err
}

// Reset implements vk.Limits.
func (s *Store) Reset(ctx context.Context, key string) error {
	_, err := s.limit(ctx, "Reset", resetScript, key)
	return err
}

// Acquire implements vk.Limits.
func (s *Store) Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (holders int, ok bool, err error) {
	if owner == "" || n < 0 || lease <= 0 {
		return 0, false, fmt.Errorf("redisstore: Acquire: owner %q, n %d, lease %v: want an owner, n of at least 0 and a positive lease", owner, n, lease)
	}
	reply, err := s.limit(ctx, "Acquire", acquireScript, key, owner, n, microseconds(lease))
	if err != nil {
		return 0, false, err
	}
	d := replyDecoder{ok: true}
	list := d.list(reply)
	if len(list) != 2 {
		return 0, false, s.strange("Acquire", reply)
	}
	count, held := d.number(list[0]), d.number(list[1])
	if !d.ok {
		return 0, false, s.strange("Acquire", reply)
	}
	return int(count), held == 1, nil
}

// Release implements vk.Limits.
func (s *Store) Release(ctx context.Context, key, owner string) error {
	_, err := s.limit(ctx, "Release", releaseScript, key, owner)
	return err
}

// limit runs a script of the Limits.
func (s *Store) limit(ctx context.Context, op string, sc script, key string, args ...any) (any, error) {
	if err := s.checkLimit(ctx, op, key); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(key))
	name := s.prefix + "limit{" + hex.EncodeToString(sum[:4]) + "}:" + key // the braces are the slot of a Cluster
	cmd, err := s.promptly(ctx, s.timeout, func(ctx context.Context) *redis.Cmd { return s.eval(ctx, sc, name, args...) })
	if err != nil {
		return nil, s.failed(ctx, op, err)
	}
	return cmd.Val(), nil
}

// checkLimit returns an error for a key that is invalid on any server.
func (s *Store) checkLimit(ctx context.Context, op, key string) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return errors.New("redisstore: " + op + ": empty key")
	case len(key) > maxKey:
		return fmt.Errorf("redisstore: %s: %.40q…: a key of %d bytes: at most %d", op, key, len(key), maxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("redisstore: %s: %q: a key must be UTF-8 text", op, key)
	}
	return nil
}

// microseconds returns a time for a script, rounded up.
func microseconds(d time.Duration) int64 {
	us := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		us++
	}
	return us
}
