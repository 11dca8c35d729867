package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk/internal/dbserver"
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

// mustSwap swaps, and fails the test if that fails.
func mustSwap(t testing.TB, s *redisstore.Store, key, old, new string, ttl time.Duration) {
	t.Helper()
	if ok, err := s.Swap(context.Background(), key, []byte(old), []byte(new), ttl); !ok || err != nil {
		t.Fatalf("Swap %q from %q to %q: %v, %v", key, old, new, ok, err)
	}
}

// value returns a value.
func value(t testing.TB, s *redisstore.Store, key string) string {
	t.Helper()
	v, err := s.Get(context.Background(), key)
	if err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	return string(v)
}

// isError checks that err is an *Error whose text has all parts.
func isError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if e := (*redisstore.Error)(nil); !errors.As(err, &e) {
		t.Fatalf("error %v, want a *redisstore.Error", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
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

// A cutter makes connections that it can cut between a request and its answer.
type cutter struct{ armed atomic.Bool }

// dialer makes a Store use these connections.
func (c *cutter) dialer(config *redisstore.Config) {
	config.Redis.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &cutConn{Conn: conn, c: c}, err
	}
}

type cutConn struct {
	net.Conn
	c    *cutter
	sent bool
	lost bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.sent = c.c.armed.Load() && bytes.Contains(bytes.ToLower(p), []byte("eval"))
	return c.Conn.Write(p)
}

// Read waits for the answer of the server and then loses it.
func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.sent && c.c.armed.CompareAndSwap(true, false) {
		c.Conn.Close()
		c.lost = true
	}
	if c.lost {
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by test")}
	}
	return n, err
}

// SyscallConn lets the driver look whether the connection is still open.
func (c *cutConn) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(*net.TCPConn).SyscallConn()
}
