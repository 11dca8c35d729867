//go:build linux

package pgstore_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkGet compares Get with a SELECT of the driver.
func BenchmarkGet(b *testing.B) {
	store, pool, ctx := open(b, shared), bare(b), context.Background()
	storetest.Swap(b, store, "a", "", "value", 0)
	versus.Run(b, "SELECT", 1, func() {
		if _, err := store.Get(ctx, "a"); err != nil {
			b.Fatal(err)
		}
	}, func() {
		var value []byte
		if err := pool.QueryRow(ctx, `SELECT value FROM "BenchmarkGet" WHERE name = $1`, "a").Scan(&value); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSwap compares Swap with an UPDATE of the driver.
func BenchmarkSwap(b *testing.B) {
	store, pool, ctx := open(b, shared), bare(b), context.Background()
	storetest.Swap(b, store, "a", "", "value", 0)
	storetest.Swap(b, store, "b", "", "value", 0)
	versus.Run(b, "UPDATE", 1, func() {
		if ok, err := store.Swap(ctx, "a", []byte("value"), []byte("value"), 0); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}, func() {
		if _, err := pool.Exec(ctx, `UPDATE "BenchmarkSwap" SET value = $1 WHERE name = $2`, []byte("value"), "b"); err != nil {
			b.Fatal(err)
		}
	})
}

// bare returns a pool of the driver, for the shared server.
func bare(b *testing.B) *pgxpool.Pool {
	b.Helper()
	pool, err := pgxpool.New(context.Background(), url(shared))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}
