package pgstore_test

import (
	"bytes"
	"context"
	"errors"
	"log"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/pgstore"
)

// shared is the server of the tests that do not stop it.
var shared *dbserver.Server

func TestMain(m *testing.M) {
	var err error
	if shared, err = dbserver.Postgres(); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	shared.Close()
	os.Exit(code)
}

// start starts a server for one test.
func start(t testing.TB, args ...string) *dbserver.Server {
	t.Helper()
	server, err := dbserver.Postgres(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// url returns the URL of a server with the right password.
func url(server *dbserver.Server) string { return server.PostgresURL(dbserver.PostgresPassword) }

// open opens a Store with its own table. The Store is closed when the test
// ends.
func open(t testing.TB, server *dbserver.Server, set ...func(*pgstore.Config)) *pgstore.Store {
	t.Helper()
	set = append([]func(*pgstore.Config){func(c *pgstore.Config) { c.Table = t.Name() }}, set...)
	store, err := pgstore.Open(context.Background(), url(server), set...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// exec executes statements without arguments as the superuser.
func exec(t testing.TB, server *dbserver.Server, statements string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url(server))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// timeout sets the time limit of a Store.
func timeout(d time.Duration) func(*pgstore.Config) {
	return func(c *pgstore.Config) { c.Timeout = d }
}

// table sets the table of a Store.
func table(name string) func(*pgstore.Config) {
	return func(c *pgstore.Config) { c.Table = name }
}

// mustSwap swaps, and fails the test if that fails.
func mustSwap(t testing.TB, s *pgstore.Store, key, old, new string, ttl time.Duration) {
	t.Helper()
	if ok, err := s.Swap(context.Background(), key, []byte(old), []byte(new), ttl); !ok || err != nil {
		t.Fatalf("Swap %q from %q to %q: %v, %v", key, old, new, ok, err)
	}
}

// value returns a value.
func value(t testing.TB, s *pgstore.Store, key string) string {
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
	if e := (*pgstore.Error)(nil); !errors.As(err, &e) {
		t.Fatalf("error %v, want a *pgstore.Error", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// A cutter makes connections that it can cut between a statement and its answer.
type cutter struct{ armed atomic.Bool }

// dialer makes a Store use these connections.
func (c *cutter) dialer(config *pgstore.Config) {
	config.Pool.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &cutConn{Conn: conn, c: c}, err
	}
}

type cutConn struct {
	net.Conn
	c    *cutter
	sent atomic.Bool
	lost bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	const bind = 'B'
	c.sent.Store(c.c.armed.Load() && bytes.IndexByte(p, bind) == 0)
	return c.Conn.Write(p)
}

// Read waits for the answer of the server and then loses it.
func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.sent.Load() && c.c.armed.CompareAndSwap(true, false) {
		c.Conn.Close()
		c.lost = true
	}
	if c.lost {
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by test")}
	}
	return n, err
}
