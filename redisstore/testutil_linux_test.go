package redisstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/redisstore"
)

// start starts a server that is stopped when the test ends.
func start(t testing.TB, args ...string) *dbserver.Server {
	t.Helper()
	server, err := dbserver.Redis(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// open opens a Store that is closed when the test ends.
func open(t testing.TB, server *dbserver.Server, set ...func(*redisstore.Config)) *redisstore.Store {
	t.Helper()
	store, err := redisstore.Open(context.Background(), "redis://"+server.Addr, set...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// admin returns a client for settings of the server.
func admin(t testing.TB, server *dbserver.Server) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { c.Close() })
	return c
}

// timeout sets the time limit of a Store.
func timeout(d time.Duration) func(*redisstore.Config) {
	return func(c *redisstore.Config) { c.Timeout = d }
}

// A logText is a log that a test reads.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// logger makes a Store log there.
func (l *logText) logger(c *redisstore.Config) {
	c.Logger = slog.New(slog.NewTextHandler(l, nil))
}

// isError checks that err is an *Error whose text has all parts.
var isError = storetest.IsError[*redisstore.Error]

// cutter returns a Cutter for scripts, and an option that makes a Store use its
// connections.
func cutter() (*storetest.Cutter, func(*redisstore.Config)) {
	c := &storetest.Cutter{Chosen: func(request []byte) bool { return bytes.Contains(bytes.ToLower(request), []byte("eval")) }}
	return c, func(config *redisstore.Config) { config.Redis.Dialer = c.Dial }
}
