package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/sqlstore"
	"github.com/vkrouter/vk/vktest"
)

func TestStore(t *testing.T) {
	each(t, func(t *testing.T, d database, db *sql.DB, store *sqlstore.Store) { vktest.TestStore(t, store) })
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, d database, db *sql.DB, store *sqlstore.Store) { testList(t, store) })
}

func testList(t *testing.T, store *sqlstore.Store) {
	ctx := context.Background()
	want := make(map[string]string)
	for i := range 260 { // more than two pages
		key := fmt.Sprintf("in/%d", i)
		want[key] = fmt.Sprint(i)
		storetest.Swap(t, store, key, "", want[key], time.Hour)
	}
	odd := []string{"in*", "in?", "in%", "in_", `in\`, "in", "IN/1", "out/1", "in\uD7FFa", "in\uE000", "in\U0010FFFFa", "io"}
	for _, key := range odd {
		storetest.Swap(t, store, key, "", "x", 0)
	}
	list := func(prefix string, limit int) map[string]string {
		got := make(map[string]string)
		if err := store.List(ctx, prefix, func(key string, v []byte) bool {
			got[key] = string(v)
			return len(got) != limit
		}); err != nil {
			t.Fatalf("List %q: %v", prefix, err)
		}
		return got
	}
	if got := list("in/", -1); !maps.Equal(got, want) {
		t.Errorf("List lists %d values, want %d", len(got), len(want))
	}
	if got := list("in/", 3); len(got) != 3 {
		t.Errorf("List goes on to %d values after yield returned false", len(got))
	}
	for _, prefix := range []string{"in*", "in?", "in%", "in_", `in\`, "IN", "in\uD7FF", "in\U0010FFFF", "io"} {
		if got := list(prefix, -1); len(got) != 1 {
			t.Errorf("List %q lists %d values, want 1: %.100q", prefix, len(got), got)
		}
	}
	for prefix, n := range map[string]int{"": len(want) + len(odd), "in": len(want) + len(odd) - 3, "\U0010FFFF": 0, "in\xff": 0} {
		if got := list(prefix, -1); len(got) != n {
			t.Errorf("List %q lists %d values, want %d", prefix, len(got), n)
		}
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := store.List(over, "in/", func(string, []byte) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("List with a context that has ended: %v", err)
	}
}

// TestExpired: expired values are not returned, a new value can replace them,
// and Swaps delete their rows.
func TestExpired(t *testing.T) {
	each(t, func(t *testing.T, d database, db *sql.DB, store *sqlstore.Store) {
		for i := range 20 {
			storetest.Swap(t, store, fmt.Sprint("over", i), "", "x", time.Hour)
		}
		exec(t, db, "UPDATE "+tableOf(t)+" SET expires = 1 WHERE expires <> 0")
		if got := storetest.Value(t, store, "over1"); got != "" {
			t.Errorf("the value is %q", got)
		}
		if err := store.List(context.Background(), "", func(key string, _ []byte) bool {
			t.Errorf("List lists %q", key)
			return true
		}); err != nil {
			t.Error(err)
		}
		if ok, err := store.Swap(context.Background(), "over1", []byte("x"), []byte("y"), 0); ok || err != nil {
			t.Errorf("Swap of an expired value: %v, %v", ok, err)
		}
		storetest.Swap(t, store, "over1", "", "y", 0)
		storetest.Swap(t, store, "over2", "", "y", time.Hour)
		storetest.Swap(t, store, "over3", "", "", 0)
		for i := range 32 {
			storetest.Swap(t, store, fmt.Sprint("good", i), "", "x", time.Hour)
		}
		var n int
		if err := db.QueryRow("SELECT COUNT(*) FROM " + tableOf(t)).Scan(&n); err != nil || n != 34 {
			t.Errorf("%d rows (%v), want those of the 34 values", n, err)
		}
	})
}

// TestOpenTogether: processes that start at the same time create one table.
func TestOpenTogether(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					if _, err := sqlstore.Open(context.Background(), db, d.dialect, table(tableOf(t)), timeout(20*time.Second)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, statement := range d.dialect.Schema(tableOf(t)) {
				exec(t, db, statement) // it exists already
			}
		})
	}
}

// TestSchemas: a table may be in a schema.
func TestSchemas(t *testing.T) {
	for i, prepare := range map[int]string{0: "", 2: "CREATE SCHEMA bots", 4: "CREATE DATABASE bots"} {
		d := databases[i]
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			name := "main.shop"
			if prepare != "" {
				exec(t, db, prepare)
				name = "bots.shop"
			}
			store := open(t, db, d.dialect, table(name))
			storetest.Swap(t, store, "a", "", "1", 0)
		})
	}
}

func TestBadKeys(t *testing.T) {
	db := databases[0].open(t)
	store := open(t, db, sqlstore.SQLite)
	for name, key := range map[string]string{
		"empty": "", "long": strings.Repeat("k", 1025), "not UTF-8": "a\xff", "zero byte": "a\x00",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := store.Get(context.Background(), key); err == nil || !strings.HasPrefix(err.Error(), "sqlstore: ") {
				t.Errorf("Get: %v, want an error", err)
			}
			if ok, err := store.Swap(context.Background(), key, nil, []byte("1"), 0); ok || err == nil {
				t.Errorf("Swap: %v, %v, want an error", ok, err)
			}
		})
	}
}
