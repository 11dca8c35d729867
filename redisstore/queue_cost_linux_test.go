package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/redisstore"
)

// TestQueueCost: an event takes two round trips and at most twice its size on
// the wire, even if a thousand others are pending.
func TestQueueCost(t *testing.T) {
	const size, events = 1024, 200
	server := start(t, "--appendonly", "no")
	for _, pending := range []int{0, 1000} {
		t.Run(fmt.Sprint(pending, " pending"), func(t *testing.T) {
			w := new(storetest.Wire)
			store := open(t, server, func(c *redisstore.Config) { c.Redis.Dialer = w.Dial }, func(c *redisstore.Config) { c.Prefix = t.Name() })
			l := &storetest.Loop{TB: t, Queue: store, Worker: vk.QueueWorker{Group: 1, ID: "worker", Room: 10}}
			var held []vk.QueueHeld
			for i := range pending {
				b := l.Put(fmt.Sprint("pending ", i))
				seq := b.Events[0].Seq
				held = append(held, vk.QueueHeld{Lane: b.Lane, Epoch: b.Epoch, Last: seq, Parked: []int64{seq}})
			}
			l.Event()
			if _, err := store.Beat(context.Background(), l.Worker, held); err != nil {
				t.Fatal(err)
			}
			w.Take()
			for range events {
				l.Event()
			}
			bytes, requests := w.Take()
			if requests != 2*events || bytes > 2*size*events {
				t.Errorf("an event takes %.1f round trips and %d bytes, want 2 and at most %d", float64(requests)/events, bytes/events, 2*size)
			}
			if _, err := store.Beat(context.Background(), l.Worker, held); err != nil {
				t.Fatal(err)
			}
			beat, _ := w.Take()
			t.Logf("an event takes %d bytes, a Beat %d", bytes/events, beat)
			if beat > 300+150*int64(pending) {
				t.Errorf("a Beat with %d lanes takes %d bytes", pending, beat)
			}
		})
	}
}

// usedMemory returns the memory that the server uses for all names.
func usedMemory(t testing.TB, c *redis.Client) (sum int64) {
	t.Helper()
	ctx := context.Background()
	for iter := c.Scan(ctx, 0, "*", 1000).Iterator(); iter.Next(ctx); {
		n, err := c.MemoryUsage(ctx, iter.Val(), 0).Result()
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// TestQueueMemory: events and lanes use the memory that the README names.
func TestQueueMemory(t *testing.T) {
	const n, size = 10_000, 100
	server := start(t, "--appendonly", "no")
	store, c := open(t, server), admin(t, server)
	ctx := context.Background()
	w := vk.QueueWorker{Group: 1, ID: "worker"}
	per := func(what string, most int64, f func()) {
		t.Helper()
		before := usedMemory(t, c)
		f()
		got := (usedMemory(t, c) - before) / n
		t.Logf("%s: %d bytes each", what, got)
		if got > most {
			t.Errorf("%s: %d bytes each, want at most %d", what, got, most)
		}
	}
	put := func() {
		var events []vk.QueueEvent
		for i := range n {
			e := vk.QueueEvent{Lane: fmt.Sprint("2000000000/", i), Data: make([]byte, size)}
			if events = append(events, e); len(events) == 500 {
				if _, err := store.Put(ctx, w, events, nil); err != nil {
					t.Fatal(err)
				}
				events = nil
			}
		}
	}
	per("events of 100 bytes in a lane each", size+400, put)
	per("further events in these lanes", size+150, put)
	w.Room = 100
	per("lanes that are held", 120, func() {
		for held := 0; held < n; {
			a, err := store.Take(ctx, w)
			if err != nil || len(a.Batches) == 0 {
				t.Fatalf("Take: %v, %v", a, err)
			}
			held += len(a.Batches)
		}
	})
}

// TestSeenMemory: IDs of finished events use little memory.
func TestSeenMemory(t *testing.T) {
	const n = 10_000
	server := start(t, "--appendonly", "no")
	store, c := open(t, server), admin(t, server)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1000}
	before := usedMemory(t, c)
	for i := 0; i < n; i += 100 {
		var events []vk.QueueEvent
		for j := range 100 {
			events = append(events, vk.QueueEvent{ID: fmt.Sprintf("%040d", i+j), Lane: "a", Data: []byte("1")})
		}
		a, err := store.Put(context.Background(), w, events, nil)
		if err != nil || len(a.Batches) != 1 {
			t.Fatalf("Put: %v, %v", a, err)
		}
		d := vk.QueueDone{Lane: "a", Epoch: a.Batches[0].Epoch}
		for _, e := range a.Batches[0].Events {
			d.Seqs = append(d.Seqs, e.Seq)
		}
		if _, err := store.Done(context.Background(), w, []vk.QueueDone{d}); err != nil {
			t.Fatal(err)
		}
	}
	got := (usedMemory(t, c) - before) / n
	t.Logf("%d bytes for each ID", got)
	if got > 16 {
		t.Errorf("%d bytes for each ID, want at most 16", got)
	}
	var keys int64
	for iter := c.Scan(context.Background(), 0, "vk:queue*:seen:*", 1000).Iterator(); iter.Next(context.Background()); keys++ {
		if ttl := c.TTL(context.Background(), iter.Val()).Val(); ttl <= 0 {
			t.Errorf("%s never expires", iter.Val())
		}
	}
	if keys == 0 {
		t.Error("no sets of IDs")
	}
}

// BenchmarkEvent compares an event of a kilobyte, from Put to Done, with two
// scripts that carry as many bytes and do nothing.
func BenchmarkEvent(b *testing.B) { benchmarkEvent(b, start(b, "--appendonly", "no")) }

func benchmarkEvent(b *testing.B, server *dbserver.Server) {
	client, ctx := admin(b, server), context.Background()
	l := &storetest.Loop{TB: b, Queue: open(b, server), Worker: vk.QueueWorker{Group: 1, ID: "worker", Room: 10}}
	bare := redis.NewScript(`return ARGV[1]`)
	data := strings.Repeat("x", 1024)
	l.Event()
	versus.Run(b, "two-scripts", 1, l.Event, func() {
		if err := bare.Run(ctx, client, []string{"a"}, data).Err(); err != nil {
			b.Fatal(err)
		}
		if err := bare.Run(ctx, client, []string{"a"}, "").Err(); err != nil {
			b.Fatal(err)
		}
	})
}
