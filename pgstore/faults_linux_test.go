package pgstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/pgstore"
)

func TestOpenErrors(t *testing.T) {
	exec(t, shared, `CREATE ROLE poor LOGIN PASSWORD 'poor word'; CREATE TABLE other (name text)`)
	exec(t, shared, `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
	as := func(user, password, database string) string {
		return "postgres://" + user + ":" + password + "@" + shared.Addr + "/" + database
	}
	for _, tt := range []struct {
		name, url, table string
		want             []string
	}{
		{"wrong password", as("vk", "wrongword", "postgres"), "", []string{"Open: " + shared.Addr, "28P01", "correct the user and the password"}},
		{"no database", as("poor", "poor%20word", "nope"), "", []string{"3D000", "correct the name of the database"}},
		{"no rights", as("poor", "poor%20word", "postgres"), "", []string{"42501", "give the user the rights"}},
		{"no schema", url(shared), "nope.vk_store", []string{"3F000", "create the schema"}},
		{"another table", url(shared), "other", []string{"42703", "choose another Config.Table"}},
		{"no TLS", url(shared) + "?sslmode=verify-full", "", []string{"refused TLS", "sslmode=disable"}},
		{"unknown parameter", url(shared) + "?foo=bar", "", []string{"42704", "correct the parameters"}},
		{"encoding", as("vk", "correct%20horse", "latin"), "", []string{"LATIN1", "ENCODING 'UTF8'"}},
		{"read-only", url(shared) + "?default_transaction_read_only=on", "", []string{"25006", "address of the primary"}},
		{"down", "postgres://vk:wrongword@127.0.0.1:1/postgres", "", []string{"127.0.0.1:1", "connection refused", "start the server"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pgstore.Open(context.Background(), tt.url, table(tt.table))
			isError(t, err, tt.want...)
			if strings.Contains(err.Error(), "word@") || strings.Contains(err.Error(), "wrongword") {
				t.Errorf("error %q has the password", err)
			}
		})
	}
	for _, tt := range []struct {
		name, url string
		set       func(*pgstore.Config)
		want      string
	}{
		{"malformed URL", "postgres://vk:wrongword@host:port/db", func(*pgstore.Config) {}, "malformed URL"},
		{"malformed escape", "postgres://vk:%wrongword@host/db", func(*pgstore.Config) {}, "malformed URL"},
		{"not a URL", "wrongword", func(*pgstore.Config) {}, "malformed URL"},
		{"no connections", url(shared) + "?pool_max_conns=0", func(*pgstore.Config) {}, "pool_max_conns too small"},
		{"no table", url(shared), table("bots."), `Config.Table "bots."`},
		{"no schema's name", url(shared), table(".shop"), `Config.Table ".shop"`},
		{"negative timeout", url(shared), timeout(-1), "negative"},
		{"pool that the driver refuses", url(shared), func(c *pgstore.Config) { c.Pool.MaxConns = 0 }, "pgstore: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pgstore.Open(context.Background(), tt.url, tt.set)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "wrongword") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCallErrors(t *testing.T) {
	server := start(t)
	exec(t, server, `CREATE ROLE bot LOGIN PASSWORD 'secret'; GRANT CREATE ON SCHEMA public TO bot`)
	for _, tt := range []struct {
		name, statements string
		want             []string
	}{
		{"table dropped", `DROP TABLE %`, []string{"42P01", "restart the bot"}},
		{"rights", `ALTER TABLE % OWNER TO vk`, []string{"42501", "give the user the rights"}},
		{"password changed", `ALTER ROLE bot PASSWORD 'other'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bot'`, []string{"28P01"}},
		{"too many connections", `ALTER ROLE bot CONNECTION LIMIT 0; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bot'`, []string{"53300", "pool_max_conns"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const name = "values_of_a_test"
			exec(t, server, `ALTER ROLE bot PASSWORD 'secret'; DROP TABLE IF EXISTS `+name)
			store, err := pgstore.Open(context.Background(), "postgres://bot:secret@"+server.Addr+"/postgres", table(name))
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			storetest.Swap(t, store, "a", "", "1", 0)
			exec(t, server, strings.ReplaceAll(tt.statements, "%", name))
			for {
				// The first call may be the first to notice that the connection was ended.
				if _, err = store.Get(context.Background(), "a"); err == nil || !strings.Contains(err.Error(), "57P01") {
					break
				}
			}
			isError(t, err, append(tt.want, server.Addr)...)
		})
	}
}

// TestStandby: a server that has become a standby refuses changes and can be read.
func TestStandby(t *testing.T) {
	t.Parallel()
	server := start(t)
	store := open(t, server, timeout(20*time.Second))
	storetest.Swap(t, store, "a", "", "1", 0)
	server.Kill()
	if err := server.PostgresStandby(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		ok, err := store.Swap(context.Background(), "a", []byte("1"), []byte("2"), 0)
		if ok {
			t.Fatal("a standby changes values")
		}
		if strings.Contains(err.Error(), "25006") {
			isError(t, err, "Swap", "address of the primary")
			break
		}
	}
	if got := storetest.Value(t, store, "a"); got != "1" {
		t.Errorf("the value is %q", got)
	}
	_, err := pgstore.Open(context.Background(), url(server))
	isError(t, err, "Open", "address of the primary")
}

// TestHangs: if the server is paused, calls end at the Store's time limit or
// when ctx ends. The Store uses the server again when it continues.
func TestHangs(t *testing.T) {
	server := start(t)
	patient := open(t, server, timeout(time.Hour)) // creates the table
	store := open(t, server, timeout(2*time.Second))
	storetest.Swap(t, patient, "a", "", "1", 0)
	if _, err := store.Get(context.Background(), "a"); err != nil { // connects
		t.Fatal(err)
	}
	storetest.Swap(t, patient, "b", "", "1", 0)
	ctx := context.Background()
	over := errors.New("over")
	short, cancel := context.WithCancelCause(ctx)
	server.Pause()
	_, err := store.Get(ctx, "a")
	isError(t, err, "no answer in time", "Config.Timeout, 2s")
	_, err = store.Swap(ctx, "a", []byte("1"), []byte("2"), 0)
	isError(t, err, "Swap", "no answer in time")
	isError(t, store.List(ctx, "a", func(string, []byte) bool { return true }), "List", "no answer in time")
	_, err = pgstore.Open(ctx, url(server), timeout(2*time.Second))
	isError(t, err, "Open", "no answer in time")
	time.AfterFunc(100*time.Millisecond, func() { cancel(over) })
	if ok, err := patient.Swap(short, "b", []byte("1"), []byte("2"), 0); ok || !errors.Is(err, over) {
		t.Errorf("Swap whose ctx ends: %v, %v, want the cause", ok, err)
	}
	server.Resume()
	for {
		if got, err := store.Get(ctx, "a"); err == nil {
			if string(got) != "1" && string(got) != "2" {
				t.Errorf("the value is %q", got)
			}
			break
		}
	}
	storetest.Swap(t, patient, "c", "", "1", 0)
}

// TestKill: a server that is killed while many clients count loses no change
// for which Swap returned true, and makes no change twice.
func TestKill(t *testing.T) {
	t.Parallel()
	server := start(t)
	storetest.Kill(t, open(t, server, timeout(5*time.Second)), server, 3)
}
