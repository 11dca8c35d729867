package watchdog

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	errLimit = errors.New("limit")
	errStop  = errors.New("stop")
	errOther = errors.New("other")
)

// A bench is a Watchdog with a limit of a minute and a grace of ten seconds,
// and a record of its calls.
type bench struct {
	*Watchdog[string]
	group Group
	began time.Time

	mu    sync.Mutex
	lines []string
}

func newBench() *bench {
	b := &bench{began: time.Now()}
	b.Watchdog = &Watchdog[string]{
		Limit: time.Minute, Grace: 10 * time.Second, LimitCause: errLimit, StopCause: errStop,
		Abandon: func(all []Abandoned[string]) {
			for _, a := range all {
				b.note("%s abandoned in %q, stopped %v", a.Owner, a.Section, a.Stopped)
			}
		},
	}
	return b
}

func (b *bench) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprint(time.Since(b.began))+" "+fmt.Sprintf(format, args...))
}

func (b *bench) begin(t *testing.T, owner string) *Task[string] {
	t.Helper()
	task := new(Task[string])
	if !b.Begin(task, &b.group, owner) {
		t.Fatalf("%s has not begun", owner)
	}
	return task
}

// enter enters a section and records its end.
func (b *bench) enter(task *Task[string], name string) (outer Section) {
	return b.Enter(task, Section{name, CancelFunc(func(cause error) { b.note("%s ends: %v", name, cause) })})
}

func (b *bench) end(t *testing.T, task *Task[string], wantStopped, wantOK bool) {
	t.Helper()
	if stopped, ok := b.End(task); stopped != wantStopped || ok != wantOK {
		t.Errorf("End returns %v, %v, want %v, %v", stopped, ok, wantStopped, wantOK)
	}
}

// TestWatchdog is the table of the calls and cancellations for a task, and
// their times.
func TestWatchdog(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, b *bench)
		want []string
	}{
		{"within the limit", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			outer := b.enter(task, "s")
			time.Sleep(59 * time.Second)
			b.Leave(task, outer)
			b.end(t, task, false, true)
		}, nil},
		{"within the grace period", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			outer := b.enter(task, "s")
			time.Sleep(69 * time.Second)
			b.Leave(task, outer)
			time.Sleep(9 * time.Second)
			b.end(t, task, false, true)
		}, []string{"1m0s s ends: limit"}},
		{"abandoned", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			outer := b.enter(task, "s")
			time.Sleep(80 * time.Second)
			b.enter(task, "too late")
			b.Leave(task, outer)
			time.Sleep(time.Hour)
			b.end(t, task, false, false)
		}, []string{"1m0s s ends: limit", `1m10s a abandoned in "s", stopped false`, "1m20s too late ends: limit"}},
		{"abandoned outside of sections", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			time.Sleep(time.Hour)
			b.end(t, task, false, false)
		}, []string{`1m10s a abandoned in "", stopped false`}},
		{"no limit", func(t *testing.T, b *bench) {
			b.Limit = -1
			task := b.begin(t, "a")
			outer := b.enter(task, "s")
			time.Sleep(24 * time.Hour)
			b.Park(task)
			b.Unpark(task)
			time.Sleep(24 * time.Hour)
			b.Leave(task, outer)
			b.end(t, task, false, true)
		}, nil},
		{"the longest limit, stopped", func(t *testing.T, b *bench) {
			b.Limit = math.MaxInt64
			time.Sleep(time.Second)
			b.enter(b.begin(t, "a"), "s")
			b.enter(b.begin(t, "b"), "u")
			time.Sleep(24 * time.Hour)
			b.Stop(&b.group)
			time.Sleep(time.Hour)
		}, []string{
			"24h0m1s s ends: stop", "24h0m1s u ends: stop",
			`24h0m11s a abandoned in "s", stopped true`, `24h0m11s b abandoned in "u", stopped true`,
		}},
		{"the longest grace", func(t *testing.T, b *bench) {
			b.Grace = math.MaxInt64
			time.Sleep(time.Second)
			task := b.begin(t, "a")
			b.enter(task, "s")
			time.Sleep(time.Hour)
			other := b.begin(t, "b")
			b.enter(other, "u")
			time.Sleep(time.Hour)
			b.end(t, task, false, true)
			b.end(t, other, false, true)
		}, []string{"1m1s s ends: limit", "1h1m1s u ends: limit"}},
		{"no limit, stopped", func(t *testing.T, b *bench) {
			b.Limit = -1
			task := b.begin(t, "a")
			b.enter(task, "s")
			time.Sleep(time.Hour)
			b.Stop(&b.group)
			time.Sleep(time.Minute)
			b.end(t, task, false, false)
		}, []string{"1h0m0s s ends: stop", `1h0m10s a abandoned in "s", stopped true`}},
		{"each section has all of the limit", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			outer := b.enter(task, "first")
			time.Sleep(50 * time.Second)
			b.Leave(task, outer)
			time.Sleep(15 * time.Second) // it is late, but in no section
			outer = b.enter(task, "second")
			time.Sleep(55 * time.Second)
			inner := b.enter(task, "inner")
			time.Sleep(55 * time.Second)
			b.Leave(task, inner)
			time.Sleep(66 * time.Second)
			b.Leave(task, outer)
			b.end(t, task, false, true)
		}, []string{"3m55s second ends: limit"}},
		{"the first section has what Begin gave", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			time.Sleep(50 * time.Second)
			outer := b.enter(task, "s")
			time.Sleep(15 * time.Second)
			b.Leave(task, outer)
			b.end(t, task, false, true)
		}, []string{"1m0s s ends: limit"}},
		{"outside of sections the clock goes on", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			outer := b.enter(task, "s")
			time.Sleep(50 * time.Second)
			b.Leave(task, outer)
			time.Sleep(time.Minute)
			b.end(t, task, false, false)
		}, []string{`1m10s a abandoned in "", stopped false`}},
		{"the innermost section is told", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			outer := b.enter(task, "outer")
			inner := b.enter(task, "inner")
			time.Sleep(65 * time.Second)
			b.Leave(task, inner)
			b.Leave(task, outer)
			b.end(t, task, false, true)
		}, []string{"1m0s inner ends: limit"}},
		{"a section entered while late is not in time", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			b.enter(task, "outer")
			time.Sleep(65 * time.Second)
			b.enter(task, "inner")
			time.Sleep(10 * time.Second)
			b.end(t, task, false, false)
		}, []string{"1m0s outer ends: limit", `1m10s a abandoned in "inner", stopped false`}},
		{"parked", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			b.enter(task, "s")
			time.Sleep(50 * time.Second)
			b.Park(task)
			b.Park(task)
			time.Sleep(24 * time.Hour)
			b.Unpark(task)
			time.Sleep(50 * time.Second)
			b.Unpark(task) // it is not parked, so this has no effect
			time.Sleep(15 * time.Second)
			b.end(t, task, false, true)
		}, []string{"24h1m50s s ends: limit"}},
		{"parked while late", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			b.enter(task, "s")
			time.Sleep(65 * time.Second)
			b.Park(task)
			time.Sleep(time.Hour)
			b.Unpark(task)
			b.end(t, task, false, false)
		}, []string{"1m0s s ends: limit", `1m10s a abandoned in "s", stopped false`}},
		{"stopped", func(t *testing.T, b *bench) {
			var others Group
			mine, parked, late, theirs := b.begin(t, "mine"), b.begin(t, "parked"), b.begin(t, "late"), new(Task[string])
			b.enter(late, "late")
			b.Park(parked)
			time.Sleep(55 * time.Second)
			outer := b.enter(mine, "mine")
			b.Leave(mine, outer)
			b.enter(parked, "parked")
			b.enter(mine, "mine again")
			if !b.Begin(theirs, &others, "theirs") {
				t.Error("theirs has not begun")
			}
			b.enter(theirs, "theirs")
			time.Sleep(8 * time.Second)
			b.Stop(&b.group)
			if b.Begin(new(Task[string]), &b.group, "new") {
				t.Error("new has begun")
			}
			time.Sleep(time.Second)
			outer = b.enter(mine, "inner")
			b.Leave(mine, outer) // that has no effect
			b.end(t, mine, true, true)
			time.Sleep(2 * time.Minute)
			b.end(t, parked, false, false)
			b.end(t, late, false, false)
			b.end(t, theirs, false, false)
		}, []string{
			"1m0s late ends: limit",
			"1m3s mine again ends: stop", "1m3s parked ends: stop",
			"1m4s inner ends: stop",
			`1m10s late abandoned in "late", stopped false`,
			`1m13s parked abandoned in "parked", stopped true`,
			"1m55s theirs ends: limit",
			`2m5s theirs abandoned in "theirs", stopped false`,
		}},
		{"entered when late, after a stop", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			time.Sleep(65 * time.Second)
			b.Stop(&b.group)
			b.enter(task, "s")
			time.Sleep(time.Minute)
		}, []string{"1m5s s ends: stop", `1m10s a abandoned in "s", stopped true`}},
		{"canceled by a stop", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			b.enter(task, "s")
			b.Cancel(task, errStop)
			b.end(t, task, true, true)
		}, []string{"0s s ends: stop"}},
		{"canceled", func(t *testing.T, b *bench) {
			task := b.begin(t, "a")
			b.Cancel(task, errStop) // outside of sections
			b.end(t, task, true, true)
			task = b.begin(t, "b")
			b.enter(task, "s")
			b.Cancel(task, errOther)
			b.end(t, task, false, true)
		}, []string{"0s s ends: other"}},
		{"ended before the timer", func(t *testing.T, b *bench) {
			first, second := b.begin(t, "first"), b.begin(t, "second")
			time.Sleep(time.Second)
			third := b.begin(t, "third")
			b.end(t, first, false, true)
			b.end(t, second, false, true)
			b.enter(third, "third")
			time.Sleep(time.Hour)
			b.end(t, third, false, false)
		}, []string{"1m1s third ends: limit", `1m11s third abandoned in "third", stopped false`}},
		{"grace is over before a limit", func(t *testing.T, b *bench) {
			first := b.begin(t, "first")
			time.Sleep(30 * time.Second)
			second := b.begin(t, "second")
			time.Sleep(time.Minute)
			b.end(t, first, false, false)
			b.end(t, second, false, true)
		}, []string{`1m10s first abandoned in "", stopped false`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				tt.run(t, b)
				synctest.Wait()
				b.mu.Lock()
				if !slices.Equal(b.lines, tt.want) {
					t.Errorf("got:\n%q\nwant:\n%q", b.lines, tt.want)
				}
				b.mu.Unlock()
				time.Sleep(time.Hour) // the timer fires for the last time
				b.Watchdog.mu.Lock()
				defer b.Watchdog.mu.Unlock()
				if b.running.First() != nil || b.late.First() != nil || b.parked.First() != nil || b.due != 0 {
					t.Error("something is left")
				}
			})
		})
	}
}

// TestManyTasks: each of many tasks that begin at various times is told to end
// when its own time is over.
func TestManyTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		const n = 1000
		told := make([]time.Duration, n)
		tasks := make([]*Task[string], n)
		for i := range n {
			tasks[i] = b.begin(t, "x")
			began := time.Now()
			b.Enter(tasks[i], Section{"s", CancelFunc(func(error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				told[i] = time.Since(began)
			})})
			time.Sleep(time.Duration(i) * time.Millisecond / 100)
		}
		time.Sleep(time.Minute)
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, d := range told {
			if d != time.Minute {
				t.Fatalf("task %d was told after %v", i, d)
			}
			b.end(t, tasks[i], false, true)
		}
		if len(b.lines) > 0 {
			t.Error(b.lines)
		}
	})
}

func BenchmarkTask(b *testing.B) {
	b.ReportAllocs()
	w := newBench()
	var t Task[string]
	cancel := CancelFunc(func(error) {})
	for b.Loop() {
		t = Task[string]{}
		w.Begin(&t, &w.group, "x")
		outer := w.Enter(&t, Section{"s", cancel})
		w.Leave(&t, outer)
		w.End(&t)
	}
}
