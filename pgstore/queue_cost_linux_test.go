package pgstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/pgstore"
)

// TestQueueCost: an event takes two round trips and at most twice its size on
// the wire, even if others are pending.
func TestQueueCost(t *testing.T) {
	const size, events = 1024, 50
	for _, pending := range []int{0, 300} {
		t.Run(fmt.Sprint(pending, " pending"), func(t *testing.T) {
			w := new(storetest.Wire)
			store := open(t, shared, func(c *pgstore.Config) { c.Pool.ConnConfig.DialFunc = w.Dial }, table(fmt.Sprint("cost_", pending)))
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
			if beat > 500+150*int64(pending) {
				t.Errorf("a Beat with %d lanes takes %d bytes", pending, beat)
			}
		})
	}
}

// TestQueueDisk: the tables have the size that the README names.
func TestQueueDisk(t *testing.T) {
	const n, size = 5000, 100
	ctx := context.Background()
	store := open(t, shared)
	conn, err := pgx.Connect(ctx, url(shared))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	per := func(what string, most int64, f func()) {
		t.Helper()
		used := func() (sum int64) {
			err := conn.QueryRow(ctx, `SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'TestQueueDisk%'`).Scan(&sum)
			if err != nil {
				t.Fatal(err)
			}
			return sum
		}
		before := used()
		f()
		got := (used() - before) / n
		t.Logf("%s: %d bytes each", what, got)
		if got > most {
			t.Errorf("%s: %d bytes each, want at most %d", what, got, most)
		}
	}
	put := func(group int64, id string, lanes int) {
		var events []vk.QueueEvent
		for i := range n {
			e := vk.QueueEvent{Lane: fmt.Sprint("2000000000/", i%lanes), Data: make([]byte, size)}
			if id != "" {
				e.ID = fmt.Sprint(id, i)
			}
			if events = append(events, e); len(events) == 500 {
				if _, err := store.Put(ctx, vk.QueueWorker{Group: group, ID: "worker"}, events, nil); err != nil {
					t.Fatal(err)
				}
				events = nil
			}
		}
	}
	per("events of 100 bytes in a lane", size+200, func() { put(1, "", 1) })
	per("events of 100 bytes in a lane each", size+600, func() { put(2, "", n) })
	per("events with IDs of 5 bytes in a lane", size+350, func() { put(3, "I", 1) })
}

// BenchmarkEvent compares an event of a kilobyte, from Put to Done, with an INSERT and a
// DELETE of the driver.
func BenchmarkEvent(b *testing.B) {
	ctx, pool := context.Background(), bare(b)
	l := &storetest.Loop{TB: b, Queue: open(b, shared), Worker: vk.QueueWorker{Group: 1, ID: "worker", Room: 10}}
	exec(b, shared, `CREATE TABLE IF NOT EXISTS bare_events (id bigint PRIMARY KEY, data bytea); DELETE FROM bare_events`)
	data := []byte(strings.Repeat("x", 1024))
	l.Event()
	n := 0
	versus.Run(b, "INSERT-and-DELETE", 1, l.Event, func() {
		n++
		if _, err := pool.Exec(ctx, `INSERT INTO bare_events VALUES ($1, $2)`, n, data); err != nil {
			b.Fatal(err)
		}
		if _, err := pool.Exec(ctx, `DELETE FROM bare_events WHERE id = $1`, n); err != nil {
			b.Fatal(err)
		}
	})
}
