package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vkrouter/vk"
)

// One returns one event.
func One(lane, id string) []vk.QueueEvent {
	return []vk.QueueEvent{{ID: id, Lane: lane, Data: []byte(`1`)}}
}

// Put puts an event and returns the delivered events.
func Put(t testing.TB, q vk.Queue, w vk.QueueWorker, lane, id string) []vk.QueueBatch {
	t.Helper()
	a, err := q.Put(context.Background(), w, One(lane, id), nil)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return a.Batches
}

// KillQueue kills the server that number of times while many clients put
// events. The Queue must lose no event for which Put returned nil, and store
// none twice.
func KillQueue(t *testing.T, q vk.Queue, server Server, kills int) {
	ctx, cancel := context.WithCancel(context.Background())
	progress := make(chan struct{}, 1)
	var mu sync.Mutex
	put := make(map[string]bool) // by ID; false if Put failed
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			w := vk.QueueWorker{Group: 1, ID: fmt.Sprint("putter ", i)}
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprint(i, "/", n)
				_, err := q.Put(context.Background(), w, One(fmt.Sprint("lane ", n%7), id), nil)
				mu.Lock()
				put[id] = err == nil
				mu.Unlock()
				if err == nil {
					signal(progress)
				}
			}
		})
	}
	killWhile(t, server, kills, progress)
	cancel()
	wg.Wait()
	got := make(map[string]int)
	for batches := takeAll(t, q); len(batches) > 0; batches = takeAll(t, q) {
		for _, b := range batches {
			for _, e := range b.Events {
				got[e.ID]++
			}
		}
	}
	for id, sure := range put {
		if sure && got[id] != 1 || got[id] > 1 {
			t.Errorf("event %s is there %d times; Put returned nil: %v", id, got[id], sure)
		}
	}
	t.Logf("%d events", len(got))
}

// takeAll returns pending events, without waiting for more.
func takeAll(t *testing.T, q vk.Queue) []vk.QueueBatch {
	t.Helper()
	a, err := q.Done(context.Background(), vk.QueueWorker{Group: 1, ID: "taker", Room: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.Batches
}

// PutAnswer tests that the answer of a Put has the events of the Put and those
// that were there before, with their data.
func PutAnswer(t *testing.T, q vk.Queue) {
	ctx := context.Background()
	event := func(lane, id, data string) vk.QueueEvent {
		return vk.QueueEvent{ID: id, Lane: lane, Data: []byte(data)}
	}
	if _, err := q.Put(ctx, vk.QueueWorker{Group: 1, ID: "other"}, []vk.QueueEvent{event("b", "1", `"before"`)}, nil); err != nil {
		t.Fatal(err)
	}
	events := []vk.QueueEvent{
		event("a", "2", `"two"`), event("b", "1", `"again"`), event("b", "", `0`), event("a", "3", `"three"`), event("a", "2", `"again"`), event("b", "4", `"four"`),
	}
	a, err := q.Put(ctx, vk.QueueWorker{Group: 1, ID: "worker", Room: 10}, events, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		copy(e.Data, "xxxxxxx") // they are the caller's
	}
	var got []string
	for _, b := range a.Batches {
		for _, e := range b.Events {
			got = append(got, fmt.Sprintf("%s %s %s", b.Lane, e.ID, e.Data))
		}
	}
	want := []string{`b 1 "before"`, `b  0`, `b 4 "four"`, `a 2 "two"`, `a 3 "three"`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Put returns %q, want %q", got, want)
	}
}

// A Loop puts events of a kilobyte into lanes and finishes them.
type Loop struct {
	testing.TB
	Queue  vk.Queue
	Worker vk.QueueWorker

	n int
}

// Event puts an event and finishes it.
func (l *Loop) Event() {
	l.n++
	b := l.Put(fmt.Sprint("lane ", l.n%100))
	d := vk.QueueDone{Lane: b.Lane, Epoch: b.Epoch, Seqs: []int64{b.Events[0].Seq}}
	if a, err := l.Queue.Done(context.Background(), l.Worker, []vk.QueueDone{d}); err != nil || len(a.Lost) > 0 {
		l.Fatalf("Done: %v, %v", a, err)
	}
}

// Put puts an event that is delivered at once.
func (l *Loop) Put(lane string) vk.QueueBatch {
	l.n++
	e := vk.QueueEvent{ID: fmt.Sprintf("%040d", l.n), Lane: lane, Data: []byte(`"` + strings.Repeat("x", 1022) + `"`)}
	a, err := l.Queue.Put(context.Background(), l.Worker, []vk.QueueEvent{e}, nil)
	if err != nil || len(a.Batches) != 1 {
		l.Fatalf("Put: %v, %v", a, err)
	}
	return a.Batches[0]
}
