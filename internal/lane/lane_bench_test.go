package lane

import (
	"fmt"
	"sync"
	"testing"
)

// BenchmarkLane is what an event costs to be put through its lane, against a
// goroutine for each event, which keeps no order. Both have at most as many
// events under way as a dispatcher.
func BenchmarkLane(b *testing.B) {
	const most = 8192
	for _, keys := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("lane/keys=%d", keys), func(b *testing.B) {
			b.ReportAllocs()
			room := make(chan struct{}, most)
			var wg sync.WaitGroup
			l := &Lanes[int, int]{Workers: 128, Run: func(*Turn[int, int]) {
				<-room
				wg.Done()
			}}
			i := 0
			for b.Loop() {
				room <- struct{}{}
				wg.Add(1)
				l.Add(i, i)
				if i++; i == keys {
					i = 0
				}
			}
			wg.Wait()
		})
		b.Run(fmt.Sprintf("goroutine/keys=%d", keys), func(b *testing.B) {
			b.ReportAllocs()
			room := make(chan struct{}, most)
			var wg sync.WaitGroup
			for b.Loop() {
				room <- struct{}{}
				wg.Go(func() { <-room })
			}
			wg.Wait()
		})
	}
}

// BenchmarkPark is what parking and resuming costs, with nobody else there.
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
