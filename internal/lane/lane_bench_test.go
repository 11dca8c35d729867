package lane

import (
	"fmt"
	"sync"
	"testing"

	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkLane measures the cost of an event's way through its lane, as a
// multiple of a goroutine for each event, which keeps no order. Both have at
// most as many unfinished events as a dispatcher.
func BenchmarkLane(b *testing.B) {
	const most, turn = 8192, 10_000
	for _, keys := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			room := make(chan struct{}, most)
			var wg sync.WaitGroup
			l := &Lanes[int, int]{Workers: 128, Run: func(*Turn[int, int]) {
				<-room
				wg.Done()
			}}
			versus.Run(b, "goroutine", turn, func() {
				wg.Add(turn)
				for i := range turn {
					room <- struct{}{}
					l.Add(i%keys, i)
				}
				wg.Wait()
			}, func() {
				for range turn {
					room <- struct{}{}
					wg.Go(func() { <-room })
				}
				wg.Wait()
			})
		})
	}
}

// BenchmarkPark measures the cost of parking and resuming, without other turns.
func BenchmarkPark(b *testing.B) {
	b.ReportAllocs()
	done := make(chan struct{})
	l := &Lanes[int, int]{Workers: 1, Run: func(t *Turn[int, int]) {
		for b.Loop() {
			t.Park()
			t.Resume()
		}
		close(done)
	}}
	l.Add(1, 1)
	<-done
}

// BenchmarkGrow measures a piece of work that needs some stack, alone in its
// lane, as a multiple of a goroutine for each piece. It should be at most 0.7,
// since the goroutine's stack grows in steps.
func BenchmarkGrow(b *testing.B) {
	const turn = 1000
	done := make(chan int)
	l := &Lanes[int, int]{Workers: 1, Run: func(t *Turn[int, int]) { done <- deep(20) }}
	versus.Run(b, "goroutine", turn, func() {
		for i := range turn {
			l.Add(1, i)
			<-done
		}
	}, func() {
		for range turn {
			go func() { done <- deep(20) }()
			<-done
		}
	})
}

// deep calls itself the given number of times, with 200 bytes of stack for each
// call.
//
//go:noinline
func deep(calls int) int {
	var room [180]byte
	if calls == 0 {
		return int(room[len(text)])
	}
	return deep(calls-1) + int(room[calls])
}
