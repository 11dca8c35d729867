//go:build linux

package redisstore_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkGet compares Get with the driver's GET.
func BenchmarkGet(b *testing.B) {
	server := start(b, "--appendonly", "no")
	store, client, ctx := open(b, server), admin(b, server), context.Background()
	storetest.Swap(b, store, "a", "", "value", 0)
	versus.Run(b, "GET", 1, func() {
		if _, err := store.Get(ctx, "a"); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if err := client.Get(ctx, "vk:a").Err(); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSwap compares Swap with the driver's script of SET alone.
func BenchmarkSwap(b *testing.B) {
	server := start(b, "--appendonly", "no")
	store, client, ctx := open(b, server), admin(b, server), context.Background()
	storetest.Swap(b, store, "a", "", "value", 0)
	bare := redis.NewScript(`return redis.call('SET', KEYS[1], ARGV[1])`)
	versus.Run(b, "SET-script", 1, func() {
		if ok, err := store.Swap(ctx, "a", []byte("value"), []byte("value"), 0); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}, func() {
		if err := bare.Run(ctx, client, []string{"vk:b"}, "value").Err(); err != nil {
			b.Fatal(err)
		}
	})
}
