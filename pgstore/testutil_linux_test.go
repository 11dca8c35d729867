package pgstore_test

import (
	"bytes"
	"context"
	"log"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
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

// isError checks that err is an *Error whose text has all parts.
var isError = storetest.IsError[*pgstore.Error]

// cutter returns a Cutter for statements, and an option that makes a Store use
// its connections.
func cutter() (*storetest.Cutter, func(*pgstore.Config)) {
	c := &storetest.Cutter{Chosen: func(request []byte) bool { return bytes.HasPrefix(request, []byte("B")) }} // Bind
	return c, func(config *pgstore.Config) { config.Pool.ConnConfig.DialFunc = c.Dial }
}
