package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/pgstore"
	"github.com/vkrouter/vk/vktest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"read committed", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			vktest.TestStore(t, open(t, shared, func(c *pgstore.Config) {
				c.Pool.ConnConfig.RuntimeParams["default_transaction_isolation"] = isolation
			}))
		})
	}
}

func TestList(t *testing.T) {
	ctx := context.Background()
	store := open(t, shared)
	want := make(map[string]string)
	for i := range 300 {
		key := fmt.Sprintf("in/%d", i)
		want[key] = fmt.Sprint(i)
		storetest.Swap(t, store, key, "", want[key], time.Hour)
	}
	odd := []string{"in*", "in?", "in%", "in_", `in\`, "in", "IN/1", "out/1", "in\uD7FFa", "in\uE000", "in\U0010FFFFa", "io"}
	for _, key := range odd {
		storetest.Swap(t, store, key, "", "x", 0)
	}
	storetest.Swap(t, store, "in/over", "", "x", time.Nanosecond)
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

// TestOpenTogether: processes that start at the same time create one table.
func TestOpenTogether(t *testing.T) {
	exec(t, shared, `CREATE SCHEMA bots`)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			store, err := pgstore.Open(context.Background(), url(shared), table("bots.Shop"))
			if err != nil {
				t.Error(err)
				return
			}
			store.Close()
		})
	}
	wg.Wait()
	exec(t, shared, `SELECT name, value, expires FROM bots."Shop"`)
	exec(t, shared, pgstore.Schema("bots.Shop")) // already exists
}

// TestLostAnswer: a Swap with a lost answer returns an error, never false.
func TestLostAnswer(t *testing.T) {
	for _, tt := range []struct{ name, old, new string }{
		{"insert", "", "1"},
		{"update", "0", "1"},
		{"delete", "0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, cut := cutter()
			store := open(t, shared, cut)
			if tt.old != "" {
				storetest.Swap(t, store, "a", "", tt.old, 0)
			} else { // prepares the statement
				storetest.Swap(t, store, "b", "", "1", 0)
			}
			storetest.Swap(t, store, "c", "", "1", 0)
			storetest.Swap(t, store, "c", "1", "2", 0)
			storetest.Swap(t, store, "c", "2", "", 0)
			c.Armed.Store(true)
			ok, err := store.Swap(context.Background(), "a", []byte(tt.old), []byte(tt.new), 0)
			if ok || err == nil || c.Armed.Load() {
				t.Fatalf("Swap whose answer is lost: %v, %v, want an error", ok, err)
			}
			isError(t, err, "connection reset")
			if got := storetest.Value(t, store, "a"); got != tt.new {
				t.Errorf("the value is %q", got)
			}
		})
	}
}

// TestSweep: Swaps delete expired values.
func TestSweep(t *testing.T) {
	store := open(t, shared)
	for i := range 20 {
		storetest.Swap(t, store, fmt.Sprint("over", i), "", "x", time.Nanosecond)
	}
	for i := range 32 {
		storetest.Swap(t, store, fmt.Sprint("good", i), "", "x", time.Hour)
	}
	if n := rows(t, shared, t.Name()); n != 32 {
		t.Errorf("%d rows, want those of the 32 values", n)
	}
}

// rows returns the number of rows of a table.
func rows(t *testing.T, server *dbserver.Server, table string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url(server))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(context.Background(), `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBadKeys(t *testing.T) {
	store := open(t, shared)
	for name, key := range map[string]string{
		"empty": "", "long": strings.Repeat("k", 1025), "not UTF-8": "a\xff", "zero byte": "a\x00",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := store.Get(context.Background(), key); err == nil || !strings.HasPrefix(err.Error(), "pgstore: ") {
				t.Errorf("Get: %v, want an error", err)
			}
			if ok, err := store.Swap(context.Background(), key, nil, []byte("1"), 0); ok || err == nil {
				t.Errorf("Swap: %v, %v, want an error", ok, err)
			}
		})
	}
}
