package redisstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	server := start(t)
	vktest.TestQueue(t, func() vk.Queue { return open(t, server) })
}

func TestLimits(t *testing.T) {
	t.Parallel()
	server := start(t)
	vktest.TestLimits(t, func() vk.Limits { return open(t, server) })
}

func TestQueueCluster(t *testing.T) {
	t.Parallel()
	store := cluster(t)
	vktest.TestQueue(t, func() vk.Queue { return store })
	vktest.TestLimits(t, func() vk.Limits { return store })
}

// TestQueuePutAnswer: the answer of a Put has the events of the Put and those
// that were there before, with their data.
func TestQueuePutAnswer(t *testing.T) {
	ctx := context.Background()
	store := open(t, start(t))
	event := func(lane, id, data string) vk.QueueEvent {
		return vk.QueueEvent{ID: id, Lane: lane, Data: []byte(data)}
	}
	if _, err := store.Put(ctx, vk.QueueWorker{Group: 1, ID: "other"}, []vk.QueueEvent{event("b", "1", `"before"`)}, nil); err != nil {
		t.Fatal(err)
	}
	events := []vk.QueueEvent{
		event("a", "2", `"two"`), event("b", "1", `"again"`), event("b", "", `0`), event("a", "3", `"three"`), event("a", "2", `"again"`), event("b", "4", `"four"`),
	}
	a, err := store.Put(ctx, vk.QueueWorker{Group: 1, ID: "worker", Room: 10}, events, nil)
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
