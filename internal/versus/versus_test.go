package versus

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPair: the sides make the same number of calls, alternate in going first,
// and are measured separately. The work itself moves the clocks.
func TestPair(t *testing.T) {
	for _, tt := range []struct {
		name      string
		cpu       time.Duration // of a call of ours
		n         int
		wantCalls int
		want      map[string]float64
	}{
		{
			"one operation in a call", 2 * time.Millisecond, 1, 4,
			map[string]float64{"ns/op": 0, "x-map": 3, "cpu-x-map": 4, "ours-ns/op": 1.5e6, "bare-ns/op": 5e5, "ours-allocs/op": 200, "bare-allocs/op": 0},
		},
		{
			"ten operations in a call", 2 * time.Millisecond, 10, 4,
			map[string]float64{"ns/op": 0, "x-map": 3, "cpu-x-map": 4, "ours-ns/op": 1.5e5, "bare-ns/op": 5e4, "ours-allocs/op": 20, "bare-allocs/op": 0},
		},
		{
			"no CPU time is told", 0, 1, 64,
			map[string]float64{"ns/op": 0, "x-map": 3, "ours-ns/op": 1.5e6, "bare-ns/op": 5e5, "ours-allocs/op": 200, "bare-allocs/op": 0},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wall, cpu := time.Now(), time.Duration(0)
			var kept [200]*int
			interrupted := false             // whether the process waits for a core in the next turn of bare
			order := make([]string, 0, 1000) // so that append does not allocate
			ours := func() {
				order = append(order, "ours")
				for i := range kept {
					kept[i] = new(int)
				}
				wall, cpu = wall.Add(1500*time.Microsecond), cpu+tt.cpu
			}
			bare := func() {
				order = append(order, "bare")
				wall, cpu = wall.Add(500*time.Microsecond), cpu+tt.cpu/4
				if interrupted {
					wall, interrupted = wall.Add(time.Second), false
				}
			}
			p := newPair(func() (time.Time, time.Duration) { return wall, cpu }, ours, bare)
			if p.calls != tt.wantCalls {
				t.Errorf("%d calls in a turn, want %d", p.calls, tt.wantCalls)
			}
			order = order[:0]
			for i := range 3 {
				interrupted = i > 0
				p.turns()
			}
			if got, want := strings.Join(slices.Compact(order), " "), "ours bare ours bare"; got != want {
				t.Errorf("turns of %s, want %s: the second pair is turned around", got, want)
			}
			got := make(map[string]float64)
			p.report(func(v float64, unit string) {
				if strings.HasSuffix(unit, "allocs/op") {
					v = math.Round(v*float64(tt.n)/100) * 100 / float64(tt.n) // the runtime allocates a little, too
				}
				got[unit] = v
			}, "map", tt.n)
			if !maps.Equal(got, tt.want) {
				t.Errorf("got %v\nwant %v", got, tt.want)
			}
		})
	}
}

// TestCallsAreLimited: sides that take no time are not called forever.
func TestCallsAreLimited(t *testing.T) {
	calls, now := 0, time.Now()
	p := newPair(func() (time.Time, time.Duration) { return now, 0 }, func() { calls++ }, func() {})
	if p.calls != maxCalls || calls != 2*maxCalls-1 {
		t.Errorf("%d calls in a turn after %d calls", p.calls, calls)
	}
}

// TestCPUTime: work takes CPU time, on systems that report it.
func TestCPUTime(t *testing.T) {
	before := cpuTime()
	if before == 0 {
		return // the system does not report it
	}
	for sum := 0; cpuTime() == before; sum++ { // this ends, since computing takes CPU time
	}
}

// BenchmarkRun shows the metrics of two equal sides.
func BenchmarkRun(b *testing.B) {
	var now time.Time
	look := func() { now = time.Now() }
	Run(b, "itself", 1, look, look)
	if now.IsZero() {
		b.Error("not called")
	}
}
