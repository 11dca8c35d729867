package lane

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLanesKeepOrderUnderLoad(t *testing.T) {
	l := newLanes(8)
	const keys, each = 50, 200
	var done sync.WaitGroup
	done.Add(keys * each)
	var last [keys]int // of each lane; the race detector detects two turns at once
	for i := range each {
		for key := range keys {
			add(l, key, func(*Turn[int, any]) {
				if last[key] != i {
					t.Errorf("lane %d runs %d after %d", key, i, last[key]-1)
				}
				last[key] = i + 1
				done.Done()
			})
		}
	}
	done.Wait()
}

// Idle lanes take no memory, however many there were.
func TestIdleLanesTakeNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(1000)
		for key := range 10_000 {
			add(l, key, func(t *Turn[int, any]) {
				if key%3 == 0 {
					t.Park()
					time.Sleep(time.Second)
					t.Resume()
				}
				time.Sleep(time.Millisecond)
			})
		}
		l.mu.Lock()
		if len(l.lanes) < 1000 {
			t.Errorf("%d lanes", len(l.lanes))
		}
		l.mu.Unlock()
		time.Sleep(time.Minute)
		idle(t, l)
	})
}

// Everything runs at once, in an unpredictable order. At the end nothing is
// left, all work has run, and no lane has run two turns at a time.
func TestLanesInDisorder(t *testing.T) {
	const keys, each, workers = 7, 300, 3
	l := newLanes(workers)
	var done sync.WaitGroup
	var held [keys]sync.Mutex
	workersHeld := make(chan struct{}, workers)
	hold := func(key int) {
		if !held[key].TryLock() {
			t.Errorf("two turns in lane %d", key)
		}
		select {
		case workersHeld <- struct{}{}:
		default:
			t.Error("too many workers")
		}
	}
	leave := func(key int) {
		<-workersHeld
		held[key].Unlock()
	}
	for range each {
		for key := range keys {
			done.Add(1)
			add(l, key, func(t *Turn[int, any]) {
				hold(key)
				runtime.Gosched()
				for rand.N(2) == 0 {
					leave(key)
					t.Park()
					runtime.Gosched()
					t.Resume()
					hold(key)
				}
				leave(key)
				defer done.Done()
				switch rand.N(5) {
				case 0:
					t.Park()
				case 1:
					go t.Release()
					t.Park()
					t.Resume()
				case 2:
					runtime.Goexit()
				case 3:
					t.Release()
				}
			})
		}
	}
	done.Wait()
	left := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.lanes) + l.running
	}
	for left() > 0 { // the last ones are about to end
		runtime.Gosched()
	}
}
