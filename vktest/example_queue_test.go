package vktest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Two workers share the conversations of a community. One of them leaves, and the other
// continues its work.
func ExampleQueue() {
	ctx := context.Background()
	var queue vk.Queue = new(vktest.Queue)
	anna := vk.QueueWorker{Group: 1, ID: "anna's", Room: 1}
	boris := vk.QueueWorker{Group: 1, ID: "boris's", Room: 10}

	_, leads, _ := queue.Lead(ctx, anna, "poll")
	fmt.Println("leads:", leads)
	a, _ := queue.Put(ctx, anna, []vk.QueueEvent{
		{ID: "1", Lane: "chat 1", Data: []byte(`"hello"`)},
		{ID: "2", Lane: "chat 2", Data: []byte(`"hi"`)},
	}, &vk.QueueMark{Role: "poll", Value: "ts 2"})
	one := a.Batches[0]
	fmt.Printf("the first gets %s of %s\n", one.Events[0].Data, one.Lane)

	a, _ = queue.Take(ctx, boris)
	fmt.Printf("the second gets %s of %s\n", a.Batches[0].Events[0].Data, a.Batches[0].Lane)
	queue.Done(ctx, boris, []vk.QueueDone{{Lane: "chat 2", Epoch: a.Batches[0].Epoch, Seqs: []int64{a.Batches[0].Events[0].Seq}}})

	queue.Leave(ctx, anna)
	a, _ = queue.Beat(ctx, boris, nil)
	fmt.Printf("the second gets %s of %s\n", a.Batches[0].Events[0].Data, a.Batches[0].Lane)
	place, leads, _ := queue.Lead(ctx, boris, "poll")
	fmt.Println("leads:", leads, "from", place)
	// Output:
	// leads: true
	// the first gets "hello" of chat 1
	// the second gets "hi" of chat 2
	// the second gets "hello" of chat 1
	// leads: true from ts 2
}

// Three uses a minute, however many processes there are, and one holder at a
// time.
func ExampleLimits() {
	ctx := context.Background()
	var limits vk.Limits = new(vktest.Limits)
	rule := vk.LimitRule{Rate: 3, Per: time.Minute}
	var last string
	for range 3 {
		last, _, _ = limits.Reserve(ctx, "dice", rule)
	}
	wait, _ := limits.Left(ctx, "dice", rule)
	fmt.Println("wait for", wait.Round(time.Minute))
	limits.Cancel(ctx, "dice", last)
	wait, _ = limits.Left(ctx, "dice", rule)
	fmt.Println("wait for", wait)
	limits.Reset(ctx, "dice")

	holders, ok, _ := limits.Acquire(ctx, "report", "process 1", 1, time.Minute)
	fmt.Println(holders, ok)
	holders, ok, _ = limits.Acquire(ctx, "report", "process 2", 1, time.Minute)
	fmt.Println(holders, ok)
	limits.Release(ctx, "report", "process 1")
	// Output:
	// wait for 1m0s
	// wait for 0s
	// 1 true
	// 1 false
}
