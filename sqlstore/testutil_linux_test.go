package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/sqlstore"
	_ "modernc.org/sqlite"
)

// The servers of all tests.
var postgres, mariadb *dbserver.Server

func TestMain(m *testing.M) {
	mysql.SetLogger(log.New(new(strings.Builder), "", 0)) // the driver logs lost connections
	var err error
	if postgres, err = dbserver.Postgres(); err != nil {
		log.Fatal(err)
	}
	if mariadb, err = dbserver.MySQL(); err != nil {
		postgres.Close()
		log.Fatal(err)
	}
	code := m.Run()
	postgres.Close()
	mariadb.Close()
	os.Exit(code)
}

// A database is a database that the package supports.
type database struct {
	name    string
	dialect sqlstore.Dialect
	open    func(testing.TB) *sql.DB
}

var databases = []database{
	{"SQLite", sqlstore.SQLite, func(t testing.TB) *sql.DB {
		return connect(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "bot.sqlite")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
	}},
	{"SQLite in memory", sqlstore.SQLite, func(t testing.TB) *sql.DB {
		db := connect(t, "sqlite", ":memory:")
		db.SetMaxOpenConns(1)
		return db
	}},
	{"PostgreSQL", sqlstore.PostgreSQL, func(t testing.TB) *sql.DB {
		return connect(t, "pgx", postgres.PostgresURL(dbserver.PostgresPassword))
	}},
	{"PostgreSQL, serializable", sqlstore.PostgreSQL, func(t testing.TB) *sql.DB {
		return connect(t, "pgx", postgres.PostgresURL(dbserver.PostgresPassword)+"?default_transaction_isolation=serializable")
	}},
	{"MySQL", sqlstore.MySQL, func(t testing.TB) *sql.DB { return connect(t, "mysql", mysqlURL("")) }},
	{"MySQL, found rows", sqlstore.MySQL, func(t testing.TB) *sql.DB { return connect(t, "mysql", mysqlURL("?clientFoundRows=true")) }},
}

func mysqlURL(params string) string { return "root@tcp(" + mariadb.Addr + ")/mysql" + params }

// connect opens a database that is closed when the test ends.
func connect(t testing.TB, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// each runs a test with each database, and a table of its own.
func each(t *testing.T, f func(t *testing.T, d database, db *sql.DB, store *sqlstore.Store)) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			store := open(t, db, d.dialect, table(tableOf(t)))
			f(t, d, db, store)
			exec(t, db, "DROP TABLE "+tableOf(t))
		})
	}
}

// tableOf returns the name of the table of a test.
func tableOf(t testing.TB) string {
	return strings.ToLower(strings.NewReplacer("/", "_", ",", "").Replace(t.Name()))
}

func open(t testing.TB, db *sql.DB, dialect sqlstore.Dialect, set ...func(*sqlstore.Config)) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(context.Background(), db, dialect, append([]func(*sqlstore.Config){timeout(20 * time.Second)}, set...)...)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// timeout sets the time limit of a Store.
func timeout(d time.Duration) func(*sqlstore.Config) {
	return func(c *sqlstore.Config) { c.Timeout = d }
}

// table sets the table of a Store.
func table(name string) func(*sqlstore.Config) {
	return func(c *sqlstore.Config) { c.Table = name }
}

// isError checks that err is an *Error whose text has all parts.
var isError = storetest.IsError[*sqlstore.Error]
