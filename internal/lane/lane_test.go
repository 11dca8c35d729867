package lane

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// work is a function of its own turn, which the tests put into lanes.
type work func(*Turn[int, any])

// newLanes returns lanes that run the functions put into them.
func newLanes(workers int) *Lanes[int, any] {
	return &Lanes[int, any]{Workers: workers, Run: func(t *Turn[int, any]) { t.Item.(work)(t) }}
}

// add puts a function into a lane.
func add(l *Lanes[int, any], key int, f work) { l.Add(key, f) }

// gate keeps one worker busy until open is called, so that turns added
// meanwhile start in a known order.
func gate(l *Lanes[int, any]) (open func()) {
	opened := make(chan struct{})
	add(l, -1, func(*Turn[int, any]) { <-opened })
	return func() { close(opened) }
}

// A diary records the work that ran, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
	start time.Time
}

func newDiary() *diary { return &diary{start: time.Now()} }

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprint(time.Since(d.start), " ")+fmt.Sprintf(format, args...))
}

// is waits until all goroutines block, and checks the entries recorded until
// then.
func (d *diary) is(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("ran %q\nwant %q", d.lines, want)
	}
	d.lines = nil
}

// idle checks that the lanes are empty.
func idle(t *testing.T, l *Lanes[int, any]) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lanes) != 0 || l.running != 0 || l.first != nil || l.last != nil || l.spares > maxSpare {
		t.Errorf("left: %d lanes, %d running, %v ready, %d spare", len(l.lanes), l.running, l.first, l.spares)
	}
	n := 0
	for ln := l.spare; ln != nil; ln = ln.next {
		if n++; *ln != (line[int, any]{next: ln.next}) {
			t.Errorf("a spare lane that is not blank: %+v", ln)
		}
	}
	if n != l.spares {
		t.Errorf("%d spare lanes, counted as %d", n, l.spares)
	}
}

// In a bubble, a test fails if a goroutine is left over at its end.
func bubble(name string, t *testing.T, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestLanesOrderWithinAndParallelBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(10), newDiary()
		for i := range 3 {
			for key := range 2 {
				add(l, key, func(*Turn[int, any]) {
					time.Sleep(10*time.Second + time.Duration(key)*time.Second)
					d.note("%d/%d", key, i)
				})
			}
		}
		time.Sleep(time.Minute)
		d.is(t, "10s 0/0", "11s 1/0", "20s 0/1", "22s 1/1", "30s 0/2", "33s 1/2")
		idle(t, l)
	})
}

func TestLanesBoundWorkers(t *testing.T) {
	for _, workers := range []int{1, 3} {
		bubble(fmt.Sprint(workers), t, func(t *testing.T) {
			l := newLanes(workers)
			start := time.Now()
			var mu sync.Mutex
			running, most := 0, 0
			for key := range 12 {
				add(l, key, func(*Turn[int, any]) {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					running--
					mu.Unlock()
				})
			}
			for done := false; !done; {
				time.Sleep(time.Second)
				synctest.Wait()
				l.mu.Lock()
				done = l.running == 0
				l.mu.Unlock()
			}
			if took := time.Since(start); most != workers || took != time.Duration(12/workers)*time.Second {
				t.Errorf("%d at a time, %v in all", most, took)
			}
			idle(t, l)
		})
	}
}

// A lane that always has work does not starve the others.
func TestLanesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		open := gate(l)
		for key := range 3 {
			for i := range 2 {
				add(l, key, func(*Turn[int, any]) { d.note("%d/%d", key, i) })
			}
		}
		open()
		d.is(t, "0s 0/0", "0s 1/0", "0s 2/0", "0s 0/1", "0s 1/1", "0s 2/1")
		idle(t, l)
	})
}

func TestGoexitFreesLaneAndWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		open := gate(l)
		for key := range 2 {
			for range 3 {
				add(l, key, func(*Turn[int, any]) { d.note("%d", key); runtime.Goexit() })
			}
		}
		open()
		d.is(t, "0s 0", "0s 1", "0s 0", "0s 1", "0s 0", "0s 1")
		idle(t, l)
	})
}

func TestReleaseLetsTheLaneGoOn(t *testing.T) {
	for _, late := range []string{"returns", "calls Goexit", "releases", "parks and resumes"} {
		bubble("and the late one "+late, t, func(t *testing.T) {
			l, d := newLanes(1), newDiary()
			hung := make(chan struct{})
			var stuck *Turn[int, any]
			add(l, 1, func(t *Turn[int, any]) {
				stuck = t
				<-hung
				switch late {
				case "calls Goexit":
					runtime.Goexit()
				case "releases":
					t.Release()
				case "parks and resumes":
					t.Park()
					t.Resume()
				}
				d.note("late")
			})
			add(l, 1, func(*Turn[int, any]) { d.note("next"); time.Sleep(time.Minute) })
			add(l, 2, func(*Turn[int, any]) { d.note("other") })
			d.is(t)
			stuck.Release()
			stuck.Release() // a second call has no effect
			d.is(t, "0s other", "0s next")
			close(hung) // while the next turn has lane and worker
			if late == "calls Goexit" {
				d.is(t)
			} else {
				d.is(t, "0s late")
			}
			add(l, 1, func(*Turn[int, any]) { d.note("last") })
			time.Sleep(time.Minute)
			d.is(t, "1m0s last")
			idle(t, l)
		})
	}
}

func TestParkedTurnsCostNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		answer := make(chan struct{})
		resumed := 0
		for key := range 100 {
			add(l, key, func(t *Turn[int, any]) {
				t.Park()
				<-answer
				t.Resume()
				resumed++ // one worker, so there is no race
			})
		}
		synctest.Wait()
		add(l, 5, func(*Turn[int, any]) { d.note("in a lane of one parked") })
		add(l, 100, func(*Turn[int, any]) { d.note("in a lane of its own") })
		d.is(t, "0s in a lane of one parked", "0s in a lane of its own")
		close(answer)
		synctest.Wait()
		if resumed != 100 {
			t.Errorf("%d resumed", resumed)
		}
		idle(t, l)
	})
}

func TestResumedGoAheadInTheOrderOfResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		var wake [3]chan struct{}
		for i := range wake {
			wake[i] = make(chan struct{})
			add(l, 1, func(t *Turn[int, any]) {
				d.note("%d parks", i)
				t.Park()
				<-wake[i]
				t.Resume()
				d.note("%d resumes", i)
			})
		}
		d.is(t, "0s 0 parks", "0s 1 parks", "0s 2 parks")
		for i := range 2 {
			add(l, 1, func(*Turn[int, any]) { time.Sleep(time.Second); d.note("waiting %d", i) })
		}
		add(l, 2, func(*Turn[int, any]) { time.Sleep(time.Second); d.note("other lane") })
		for _, i := range []int{1, 0, 2} {
			close(wake[i])
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		d.is(t, "1s waiting 0", "2s other lane", "2s 1 resumes", "2s 0 resumes", "2s 2 resumes", "3s waiting 1")
		idle(t, l)
	})
}

// Work that has begun is finished before other lanes begin any.
func TestResumedGoAheadOfOtherLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		wake := make(chan struct{})
		add(l, 1, func(t *Turn[int, any]) {
			t.Park()
			<-wake
			t.Resume()
			d.note("resumed")
		})
		synctest.Wait()
		open := gate(l)
		for key := range 3 {
			add(l, key+2, func(*Turn[int, any]) { d.note("lane %d", key+2) })
		}
		close(wake)
		synctest.Wait()
		open()
		d.is(t, "0s resumed", "0s lane 2", "0s lane 3", "0s lane 4")
		idle(t, l)
	})
}

// A resumed turn holds lane and worker, as if it had never parked.
func TestResumedHoldsLaneAndWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		add(l, 1, func(t *Turn[int, any]) {
			for range 3 {
				t.Park()
				time.Sleep(time.Second)
				t.Resume()
				d.note("resumed")
				time.Sleep(time.Second)
			}
			d.note("done")
		})
		time.Sleep(1500 * time.Millisecond)
		add(l, 1, func(*Turn[int, any]) { d.note("same lane") })
		add(l, 2, func(*Turn[int, any]) { d.note("other lane") })
		time.Sleep(time.Minute)
		d.is(t, "1s resumed", "2s other lane", "2s same lane", "3s resumed", "5s resumed", "6s done")
		idle(t, l)
	})
}

func TestResumeReturnsAtOnce(t *testing.T) {
	bubble("for a turn that is not parked", t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		add(l, 1, func(t *Turn[int, any]) { t.Resume(); d.note("done") })
		d.is(t, "0s done")
		idle(t, l)
	})
	bubble("for a turn that was released while parked", t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		wake := make(chan struct{})
		var parked *Turn[int, any]
		add(l, 1, func(t *Turn[int, any]) {
			parked = t
			t.Park()
			<-wake
			t.Resume()
			d.note("done")
		})
		add(l, 1, func(*Turn[int, any]) { time.Sleep(time.Minute); d.note("next") })
		synctest.Wait()
		parked.Release()
		close(wake)
		d.is(t, "0s done")
		time.Sleep(time.Minute)
		d.is(t, "1m0s next")
		idle(t, l)
	})
	// The lane must not be given to the turn that gave it up, since that turn might
	// never release it.
	bubble("for a turn that is released while it waits to resume", t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		var parked [3]*Turn[int, any]
		for key := range parked {
			add(l, key/2, func(t *Turn[int, any]) {
				parked[key] = t
				t.Park()
				time.Sleep(time.Second)
				t.Resume()
				d.note("%d returns", key)
				time.Sleep(time.Hour)
			})
		}
		synctest.Wait()
		add(l, 2, func(*Turn[int, any]) { time.Sleep(time.Minute); d.note("busy") })
		add(l, 0, func(*Turn[int, any]) { d.note("next") })
		time.Sleep(2 * time.Second)
		d.is(t)
		for key := range parked {
			parked[key].Release()
			d.is(t, fmt.Sprintf("2s %d returns", key))
		}
		add(l, 1, func(*Turn[int, any]) { d.note("next") })
		time.Sleep(time.Minute)
		d.is(t, "1m0s busy", "1m0s next", "1m0s next")
		idle(t, l)
		time.Sleep(time.Hour)
		idle(t, l)
	})
}

func TestParkedTurnMayEndWithoutResume(t *testing.T) {
	for _, end := range []string{"returns", "calls Goexit"} {
		bubble(end, t, func(t *testing.T) {
			l, d := newLanes(1), newDiary()
			add(l, 1, func(t *Turn[int, any]) {
				t.Park()
				time.Sleep(time.Second)
				d.note("ends")
				if end == "calls Goexit" {
					runtime.Goexit()
				}
			})
			synctest.Wait()
			add(l, 1, func(*Turn[int, any]) { time.Sleep(2 * time.Second); d.note("next") })
			add(l, 2, func(*Turn[int, any]) { time.Sleep(2 * time.Second); d.note("other") })
			time.Sleep(time.Minute)
			d.is(t, "1s ends", "2s next", "4s other") // the same worker throughout
			idle(t, l)
		})
	}
}

func TestAddFromWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		add(l, 1, func(*Turn[int, any]) {
			add(l, 1, func(*Turn[int, any]) { d.note("third") })
			add(l, 2, func(*Turn[int, any]) { d.note("second") })
			d.note("first")
		})
		d.is(t, "0s first", "0s second", "0s third")
		idle(t, l)
	})
}

// A turn woken by the turn that holds the lane runs next, before all waiting
// turns.
func TestWokenGoNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		var first *Turn[int, any]
		woken := make(chan struct{})
		add(l, 1, func(t *Turn[int, any]) {
			first = t
			t.Park()
			<-woken
			time.Sleep(time.Second) // the turn that woke it has ended long ago
			t.Wait()
			t.Wait()
			d.note("woken")
		})
		synctest.Wait()
		add(l, 1, func(*Turn[int, any]) { first.Wake(); first.Wake(); close(woken); d.note("wakes") })
		add(l, 1, func(*Turn[int, any]) { d.note("waits") })
		d.is(t, "0s wakes")
		time.Sleep(time.Minute)
		d.is(t, "1s woken", "1s waits")
		idle(t, l)
	})
}

// A turn may park again before it has the lane it was woken for: a goroutine
// that waits for the turn is released, and the turn can be woken again.
func TestParkWhileResuming(t *testing.T) {
	for _, popped := range []bool{false, true} {
		bubble(fmt.Sprint("its place was passed over: ", popped), t, func(t *testing.T) {
			l, d := newLanes(1), newDiary()
			var first *Turn[int, any]
			add(l, 1, func(t *Turn[int, any]) {
				first = t
				t.Park()
				time.Sleep(time.Second)
				t.Wait()
				time.Sleep(time.Millisecond)
				d.note("let go")
				time.Sleep(time.Hour)
				t.Wait()
				d.note("done")
			})
			synctest.Wait()
			add(l, 1, func(*Turn[int, any]) {
				first.Wake()
				time.Sleep(2 * time.Second)
				first.Park()
				if popped {
					return
				}
				first.Wake()
				time.Sleep(time.Second)
			})
			add(l, 1, func(*Turn[int, any]) { d.note("next") })
			time.Sleep(time.Minute)
			if !popped {
				// It holds the lane, but does not know that.
				d.is(t, "2.001s let go")
				time.Sleep(time.Hour)
				d.is(t, "1h0m2.001s done", "1h0m2.001s next")
				idle(t, l)
				return
			}
			d.is(t, "2s next", "2.001s let go")
			first.Wake()
			time.Sleep(time.Hour)
			d.is(t, "1h0m2.001s done")
			idle(t, l)
		})
	}
}

// A turn that parks again among other woken turns keeps its place, and so do
// they.
func TestParkWhileOthersResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLanes(1), newDiary()
		var parked [3]*Turn[int, any]
		for i := range parked {
			add(l, 1, func(t *Turn[int, any]) {
				parked[i] = t
				t.Park()
				time.Sleep(time.Second)
				t.Wait()
				d.note("%d", i)
			})
		}
		synctest.Wait()
		add(l, 1, func(*Turn[int, any]) {
			parked[0].Wake()
			parked[1].Wake()
			parked[0].Park()
			parked[0].Wake()
			parked[2].Wake()
			time.Sleep(time.Minute)
		})
		time.Sleep(time.Hour)
		d.is(t, "1m0s 0", "1m0s 1", "1m0s 2")
		idle(t, l)
	})
}
