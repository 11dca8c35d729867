package pgstore_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/pgstore"
	"github.com/vkrouter/vk/vktest"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	vktest.TestQueue(t, func() vk.Queue { return open(t, shared) })
}

func TestLimits(t *testing.T) {
	t.Parallel()
	vktest.TestLimits(t, func() vk.Limits { return open(t, shared) })
}

func TestQueuePutAnswer(t *testing.T) { storetest.PutAnswer(t, open(t, shared)) }

// TestQueueLongLane: thousands of events of one lane are finished in one call.
func TestQueueLongLane(t *testing.T) {
	const n = 10_000
	ctx := context.Background()
	store := open(t, shared)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	events := make([]vk.QueueEvent, n)
	for i := range events {
		events[i] = vk.QueueEvent{Lane: "a", Data: []byte("1")}
	}
	a, err := store.Put(ctx, w, events, nil)
	var d vk.QueueDone
	for err == nil && len(a.Batches) > 0 {
		d.Lane, d.Epoch = "a", a.Batches[0].Epoch
		for _, e := range a.Batches[0].Events {
			d.Seqs = append(d.Seqs, e.Seq)
		}
		if len(d.Seqs) == n {
			break
		}
		a, err = store.Take(ctx, w)
	}
	if err != nil || len(d.Seqs) != n {
		t.Fatalf("%d of %d events were delivered, %v", len(d.Seqs), n, err)
	}
	if a, err := store.Done(ctx, w, []vk.QueueDone{d}); err != nil || len(a.Lost) > 0 {
		t.Errorf("Done: %v, %v", a, err)
	}
}

// TestIdleTimeout: calls do not fail if the server closes connections that are
// idle.
func TestIdleTimeout(t *testing.T) {
	ctx := context.Background()
	server := start(t, "-c", "idle_session_timeout=1s")
	store := open(t, server, func(c *pgstore.Config) { c.Pool.MaxConns = 1 })
	for range 3 {
		if _, err := store.Put(ctx, vk.QueueWorker{Group: 1, ID: "worker"}, []vk.QueueEvent{{Lane: "a", Data: []byte("1")}}, nil); err != nil {
			t.Fatal(err)
		}
		for open := 1; open > 0; { // until the server has closed the connection
			conn, err := pgx.Connect(ctx, url(server)+"?idle_session_timeout=0")
			if err != nil {
				t.Fatal(err)
			}
			err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&open)
			conn.Close(ctx)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
