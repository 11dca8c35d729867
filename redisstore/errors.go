package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// An Error is a failure of the server or of the network. A call that fails with
// one may or may not have had its effect.
type Error struct {
	Op     string // Open, or the name of the method
	Addr   string // the address of the server
	Remedy string // the step that resolves the failure
	Err    error  // the cause
}

// Error returns the place, the cause and the remedy.
func (e *Error) Error() string {
	return fmt.Sprintf("redisstore: %s: %s: %v: %s", e.Op, e.Addr, e.Err, e.Remedy)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errNoAnswer is the cause if a call exceeds its time limit.
type errNoAnswer struct{ err error }

func (e errNoAnswer) Error() string { return "no answer in time: " + e.err.Error() }
func (e errNoAnswer) Unwrap() error { return e.err }

// remedies are the remedies by the first word of Redis's error.
var remedies = map[string]string{
	"OOM":         "the server's memory is full: raise maxmemory or delete data; the bot needs no restart",
	"READONLY":    "this is a read-only replica: give the address of the master, or of Sentinels with MasterName",
	"UNBLOCKED":   "the server has become a read-only replica: give the address of the master, or of Sentinels with MasterName",
	"WRONGPASS":   "wrong user or password: correct the URL",
	"NOAUTH":      "the server wants a password: add it to the URL",
	"NOPERM":      "the user lacks a right: allow the commands that the README lists, for the prefix",
	"WRONGTYPE":   "another program uses this name: give the bot a Config.Prefix of its own",
	"LOADING":     "the server loads its data after a start: wait until it has; the bot needs no restart",
	"MISCONF":     "the server cannot write to its disk: look at its log",
	"BUSY":        "another script blocks the server: wait, or call SCRIPT KILL",
	"MASTERDOWN":  "the replica has lost its master: wait for the fail-over",
	"CLUSTERDOWN": "the Cluster has lost a part: look at CLUSTER INFO",
	"MOVED":       "the server is part of a Cluster: set Config.Redis.IsClusterMode",
	"CROSSSLOT":   "the server is part of a Cluster: set Config.Redis.IsClusterMode",
}

// failed returns the Error for a failed request. ctx is the caller's context.
func (s *Store) failed(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("redisstore: %s: %s: %w", op, s.addr, context.Cause(ctx))
	}
	e := &Error{Op: op, Addr: s.addr, Err: err, Remedy: "look at the server's log"}
	word := errorWord(err)
	var dns *net.DNSError
	var timeout net.Error
	switch remedy, known := remedies[strings.TrimSuffix(word, ":")]; {
	case known:
		e.Remedy = remedy
	case strings.Contains(err.Error(), "invalid username-password") || strings.Contains(err.Error(), "without any password"):
		e.Remedy = remedies["WRONGPASS"]
	case strings.Contains(err.Error(), "DB index is out of range"):
		e.Remedy = "correct the number of the database at the end of the URL"
	case errors.As(err, &dns):
		e.Remedy = "correct the server's name"
	case strings.Contains(err.Error(), "user executing the script"):
		e.Remedy = remedies["NOPERM"]
	case errors.Is(err, redis.ErrClosed), s.calls.isClosed():
		e.Remedy = "the Store is used after Close"
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		e.Err = errNoAnswer{err}
		e.Remedy = fmt.Sprintf("the server hangs, is overloaded, or cannot be reached; the limit is Config.Timeout, %v", s.timeout)
	case isNetwork(err):
		e.Remedy = "start the server, or correct the address; the bot needs no restart once the server is back"
	}
	return e
}

// isNetwork reports whether the error is not an answer of the server.
func isNetwork(err error) bool {
	var answer redis.Error
	return !errors.As(err, &answer)
}

// errorWord returns the first word of an error of the server, or of the error
// of a script's failed command.
func errorWord(err error) string {
	text := err.Error()
	if _, inScript, ok := strings.Cut(text, "-"); ok && strings.HasPrefix(text, "ERR Error running script") {
		text = inScript // the form of Redis 6
	}
	word, _, _ := strings.Cut(text, " ")
	return word
}
