package pgstore_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/pgstore"
)

// A wire counts the traffic of connections.
type wire struct{ bytes, requests atomic.Int64 }

// dialer makes a Store use these connections.
func (w *wire) dialer(config *pgstore.Config) {
	config.Pool.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &countedConn{Conn: conn, w: w}, err
	}
}

// take returns the traffic since the last call.
func (w *wire) take() (bytes, requests int64) { return w.bytes.Swap(0), w.requests.Swap(0) }

type countedConn struct {
	net.Conn
	w *wire
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.w.requests.Add(1)
	c.w.bytes.Add(int64(len(p)))
	return c.Conn.Write(p)
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.w.bytes.Add(int64(n))
	return n, err
}

// An eventLoop puts events of a kilobyte into lanes and finishes them.
type eventLoop struct {
	testing.TB
	store  *pgstore.Store
	worker vk.QueueWorker
	n      int
}

// event puts an event and finishes it.
func (l *eventLoop) event() {
	l.n++
	b := l.put(fmt.Sprint("lane ", l.n%100))
	d := vk.QueueDone{Lane: b.Lane, Epoch: b.Epoch, Seqs: []int64{b.Events[0].Seq}}
	if a, err := l.store.Done(context.Background(), l.worker, []vk.QueueDone{d}); err != nil || len(a.Lost) > 0 {
		l.Fatalf("Done: %v, %v", a, err)
	}
}

// put puts an event that is delivered at once.
func (l *eventLoop) put(lane string) vk.QueueBatch {
	l.n++
	e := vk.QueueEvent{ID: fmt.Sprintf("%040d", l.n), Lane: lane, Data: []byte(`"` + strings.Repeat("x", 1022) + `"`)}
	a, err := l.store.Put(context.Background(), l.worker, []vk.QueueEvent{e}, nil)
	if err != nil || len(a.Batches) != 1 {
		l.Fatalf("Put: %v, %v", a, err)
	}
	return a.Batches[0]
}

// TestQueueCost: an event takes two round trips and at most twice its size on
// the wire, even if others are pending.
func TestQueueCost(t *testing.T) {
	const size, events = 1024, 50
	for _, pending := range []int{0, 300} {
		t.Run(fmt.Sprint(pending, " pending"), func(t *testing.T) {
			w := new(wire)
			store := open(t, shared, w.dialer, table(fmt.Sprint("cost_", pending)))
			l := &eventLoop{TB: t, store: store, worker: vk.QueueWorker{Group: 1, ID: "worker", Room: 10}}
			var held []vk.QueueHeld
			for i := range pending {
				b := l.put(fmt.Sprint("pending ", i))
				seq := b.Events[0].Seq
				held = append(held, vk.QueueHeld{Lane: b.Lane, Epoch: b.Epoch, Last: seq, Parked: []int64{seq}})
			}
			l.event()
			if _, err := store.Beat(context.Background(), l.worker, held); err != nil {
				t.Fatal(err)
			}
			w.take()
			for range events {
				l.event()
			}
			bytes, requests := w.take()
			if requests != 2*events || bytes > 2*size*events {
				t.Errorf("an event takes %.1f round trips and %d bytes, want 2 and at most %d", float64(requests)/events, bytes/events, 2*size)
			}
			if _, err := store.Beat(context.Background(), l.worker, held); err != nil {
				t.Fatal(err)
			}
			beat, _ := w.take()
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
	l := &eventLoop{TB: b, store: open(b, shared), worker: vk.QueueWorker{Group: 1, ID: "worker", Room: 10}}
	exec(b, shared, `CREATE TABLE IF NOT EXISTS bare_events (id bigint PRIMARY KEY, data bytea); DELETE FROM bare_events`)
	data := []byte(strings.Repeat("x", 1024))
	l.event()
	n := 0
	versus.Run(b, "INSERT-and-DELETE", 1, l.event, func() {
		n++
		if _, err := pool.Exec(ctx, `INSERT INTO bare_events VALUES ($1, $2)`, n, data); err != nil {
			b.Fatal(err)
		}
		if _, err := pool.Exec(ctx, `DELETE FROM bare_events WHERE id = $1`, n); err != nil {
			b.Fatal(err)
		}
	})
}
