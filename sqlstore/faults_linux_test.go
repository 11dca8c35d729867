package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/sqlstore"
)

// A network is a kind of server that can be killed and paused.
type network struct {
	name    string
	dialect sqlstore.Dialect
	start   func(...string) (*dbserver.Server, error)
	open    func(t testing.TB, s *dbserver.Server) *sql.DB
}

var networks = []network{
	{"PostgreSQL", sqlstore.PostgreSQL, dbserver.Postgres, func(t testing.TB, s *dbserver.Server) *sql.DB {
		return connect(t, "pgx", s.PostgresURL(dbserver.PostgresPassword))
	}},
	{"MySQL", sqlstore.MySQL, dbserver.MySQL, func(t testing.TB, s *dbserver.Server) *sql.DB {
		return connect(t, "mysql", "root@tcp("+s.Addr+")/mysql")
	}},
}

// eachNetwork runs a test with a separate server of each kind.
func eachNetwork(t *testing.T, f func(t *testing.T, n network, server *dbserver.Server)) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			server, err := n.start()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			f(t, n, server)
		})
	}
}

// file opens a SQLite file.
func file(t testing.TB, name, params string) *sql.DB {
	return connect(t, "sqlite", "file:"+name+params)
}

func TestOpenErrors(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := databases[0].open(t)
	exec(t, other, "CREATE TABLE vk_store (name TEXT)")
	for _, tt := range []struct {
		name    string
		db      *sql.DB
		dialect sqlstore.Dialect
		want    []string
	}{
		{"wrong password", connect(t, "pgx", postgres.PostgresURL("wrongword")), sqlstore.PostgreSQL, []string{"28P01", "correct the user and the password"}},
		{"wrong password, MySQL", connect(t, "mysql", "nobody:wrongword@tcp("+mariadb.Addr+")/mysql"), sqlstore.MySQL, []string{"1045", "correct the user and the password"}},
		{"no database, MySQL", connect(t, "mysql", "root@tcp("+mariadb.Addr+")/nope"), sqlstore.MySQL, []string{"1049", "correct the name of the database"}},
		{"down", connect(t, "pgx", "postgres://vk:wrongword@127.0.0.1:1/postgres"), sqlstore.PostgreSQL, []string{"connection refused", "start the server"}},
		{"down, MySQL", connect(t, "mysql", "root:wrongword@tcp(127.0.0.1:1)/mysql"), sqlstore.MySQL, []string{"connection refused", "start the server"}},
		{"no directory", file(t, filepath.Join(t.TempDir(), "no/bot.sqlite"), ""), sqlstore.SQLite, []string{"unable to open database", "the directory must exist"}},
		{"not a database", file(t, garbage, ""), sqlstore.SQLite, []string{"not a database", "correct the name"}},
		{"another table", other, sqlstore.SQLite, []string{"table vk_store", "no such column", "choose another Config.Table"}},
		{"another dialect", connect(t, "mysql", mysqlURL("")), sqlstore.PostgreSQL, []string{"Error 1064", "correct the Dialect"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sqlstore.Open(context.Background(), tt.db, tt.dialect, timeout(20*time.Second))
			isError(t, err, append(tt.want, "Open")...)
			if strings.Contains(err.Error(), "wrongword") {
				t.Errorf("error %q has the password", err)
			}
		})
	}
	good := databases[0].open(t)
	for _, tt := range []struct {
		name    string
		db      *sql.DB
		dialect sqlstore.Dialect
		set     func(*sqlstore.Config)
		want    string
	}{
		{"no database", nil, sqlstore.SQLite, table(""), "call sql.Open first"},
		{"no dialect", good, 0, table(""), "unknown Dialect(0): want SQLite, PostgreSQL or MySQL"},
		{"bad table", good, sqlstore.SQLite, table("a;b"), `Config.Table is "a;b"`},
		{"negative timeout", good, sqlstore.SQLite, timeout(-1), "negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := sqlstore.Open(context.Background(), tt.db, tt.dialect, tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestMissingTable: if the database has lost the table, calls fail, and the
// error names the remedy.
func TestMissingTable(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			store := open(t, db, d.dialect, table(tableOf(t)))
			storetest.Swap(t, store, "a", "", "1", 0)
			exec(t, db, "DROP TABLE "+tableOf(t))
			_, err := store.Get(context.Background(), "a")
			isError(t, err, "Get: table "+tableOf(t), "restart the bot")
		})
	}
}

// TestLocked: the error names SQLite's lock, and the remedy.
func TestLocked(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bot.sqlite")
	store := open(t, file(t, name, ""), sqlstore.SQLite)
	tx, err := file(t, name, "?_txlock=immediate").Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	ok, err := store.Swap(context.Background(), "a", nil, []byte("1"), 0)
	if ok {
		t.Error("Swap returns true")
	}
	isError(t, err, "Swap", "database is locked", "busy_timeout")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	storetest.Swap(t, store, "a", "", "1", 0)
}

// TestHangs: if the server is paused, calls end at the Store's time limit or
// when ctx ends. The Store uses the server again when it continues.
func TestHangs(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n network, server *dbserver.Server) {
		open(t, n.open(t, server), n.dialect) // creates the table
		db := n.open(t, server)
		store := open(t, db, n.dialect, timeout(2*time.Second))
		patient := open(t, db, n.dialect, timeout(time.Hour))
		storetest.Swap(t, patient, "a", "", "1", 0)
		server.Pause()
		ctx := context.Background()
		_, err := store.Get(ctx, "a")
		isError(t, err, "no answer in time", "Config.Timeout, 2s")
		_, err = store.Swap(ctx, "a", []byte("1"), []byte("2"), 0)
		isError(t, err, "Swap", "no answer in time")
		over := errors.New("over")
		short, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(100*time.Millisecond, func() { cancel(over) })
		if ok, err := patient.Swap(short, "b", nil, []byte("2"), 0); ok || !errors.Is(err, over) {
			t.Errorf("Swap whose ctx ends: %v, %v, want the cause", ok, err)
		}
		server.Resume()
		if got := storetest.Value(t, patient, "a"); got != "1" && got != "2" {
			t.Errorf("the value is %q", got)
		}
		storetest.Swap(t, patient, "c", "", "1", 0)
	})
}

// TestKill: a server that is killed while many clients count loses no change
// for which Swap returned true, and makes no change twice.
func TestKill(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n network, server *dbserver.Server) {
		storetest.Kill(t, open(t, n.open(t, server), n.dialect), server, 2)
	})
}

// TestLostAnswer: a Swap with a lost answer returns an error, never false.
func TestLostAnswer(t *testing.T) {
	for _, tt := range []struct {
		name    string
		dialect sqlstore.Dialect
		open    func(t *testing.T, c *storetest.Cutter) *sql.DB
	}{
		{"PostgreSQL", sqlstore.PostgreSQL, func(t *testing.T, c *storetest.Cutter) *sql.DB {
			config, err := pgx.ParseConfig(postgres.PostgresURL(dbserver.PostgresPassword))
			if err != nil {
				t.Fatal(err)
			}
			config.DialFunc = c.Dial
			c.Chosen = func(request []byte) bool { return bytes.HasPrefix(request, []byte("B")) } // Bind
			return stdlib.OpenDB(*config)
		}},
		{"MySQL", sqlstore.MySQL, func(t *testing.T, c *storetest.Cutter) *sql.DB {
			mysql.RegisterDialContext("cut", func(ctx context.Context, addr string) (net.Conn, error) { return c.Dial(ctx, "tcp", addr) })
			c.Chosen = func(request []byte) bool { return len(request) > 4 && request[4] == 0x17 } // COM_STMT_EXECUTE
			return connect(t, "mysql", "root@cut("+mariadb.Addr+")/mysql")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := new(storetest.Cutter)
			db := tt.open(t, c)
			defer db.Close()
			store := open(t, db, tt.dialect, table(tableOf(t)))
			for _, swap := range [][2]string{{"", "1"}, {"1", "2"}, {"2", ""}} {
				storetest.Swap(t, store, "b", swap[0], swap[1], 0) // makes the driver prepare it
				c.Armed.Store(true)
				ok, err := store.Swap(context.Background(), "a", []byte(swap[0]), []byte(swap[1]), 0)
				if ok || err == nil || c.Armed.Load() {
					t.Fatalf("Swap %q whose answer is lost: %v, %v, want an error", swap, ok, err)
				}
				if got := storetest.Value(t, store, "a"); got != swap[1] {
					t.Errorf("after Swap %q, the value is %q", swap, got)
				}
			}
		})
	}
}
