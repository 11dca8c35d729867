// Package versus measures two ways to do the same work in one benchmark.
//
// Wall time on a busy machine means little. The ratio of two sides that take
// turns means much: other load on the machine slows down both of them.
package versus

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

const (
	// minTurn is the minimum CPU time of a turn of each side. Compared with it,
	// reading the clocks costs nothing.
	minTurn = 2 * time.Millisecond

	// maxWait is the wall time after which a turn need not be longer, because the
	// sides mostly wait or the system does not report the CPU time.
	maxWait = 20 * time.Millisecond

	// maxCalls limits the calls in one turn.
	maxCalls = 1 << 20
)

// Run runs ours and bare in turns and reports the ratio of their times. Each
// call of ours or bare does n operations. The name of the bare side becomes
// part of the unit: against "map", the metrics are
//
//	x-map            wall time of ours / wall time of bare
//	cpu-x-map        CPU time of the process in the turns of ours / in those of bare
//	ours-ns/op       wall time of one operation
//	bare-ns/op
//	ours-allocs/op   allocations of one operation
//	bare-allocs/op
//
// The sides swap places after each pair of turns. A turn consists of as many
// calls as take each side about two milliseconds of CPU time. Wall times are
// the lower quartile of all turns, so turns in which the process had to wait
// for a core do not count. CPU times are sums; they include garbage collection
// and all goroutines. On systems that do not report the CPU time, its metric is
// missing.
//
// Run replaces the loop of the benchmark: the caller must not call b.Loop.
func Run(b *testing.B, against string, n int, ours, bare func()) {
	p := newPair(clocks, ours, bare)
	for b.Loop() {
		p.turns()
	}
	p.report(b.ReportMetric, against, n)
}

// clocks returns the time and the CPU time that the process has used.
func clocks() (wall time.Time, cpu time.Duration) { return time.Now(), cpuTime() }

// A pair is two sides that take turns.
type pair struct {
	clocks     func() (time.Time, time.Duration)
	ours, bare side
	calls      int // of each side in one turn
	rounds     int // pairs of turns
}

// A side is one of the two ways, and the times of its turns.
type side struct {
	f    func()
	wall []time.Duration // of each turn
	cpu  time.Duration   // of all of them
}

// newPair returns a pair with the number of calls per turn that minTurn
// requires.
func newPair(clocks func() (time.Time, time.Duration), ours, bare func()) *pair {
	for calls := 1; ; calls *= 2 {
		p := &pair{clocks: clocks, ours: side{f: ours}, bare: side{f: bare}, calls: calls}
		p.turns()
		if min(p.ours.cpu, p.bare.cpu) >= minTurn || min(p.ours.wall[0], p.bare.wall[0]) >= maxWait || calls >= maxCalls {
			return &pair{clocks: clocks, ours: side{f: ours}, bare: side{f: bare}, calls: calls}
		}
	}
}

// turns runs one turn of each side, and swaps their order for the next time.
func (p *pair) turns() {
	first, second := &p.ours, &p.bare
	if p.rounds%2 == 1 {
		first, second = second, first
	}
	p.turn(first)
	p.turn(second)
	p.rounds++
}

func (p *pair) turn(s *side) {
	began, before := p.clocks()
	for range p.calls {
		s.f()
	}
	ended, after := p.clocks()
	s.wall = append(s.wall, ended.Sub(began))
	s.cpu += after - before
}

// report reports the metrics of all turns.
func (p *pair) report(metric func(v float64, unit string), against string, n int) {
	operations := float64(p.calls) * float64(n)
	ours, bare := quartile(p.ours.wall), quartile(p.bare.wall)
	metric(0, "ns/op") // of both sides together
	metric(ours/bare, "x-"+against)
	if p.ours.cpu > 0 && p.bare.cpu > 0 {
		metric(float64(p.ours.cpu)/float64(p.bare.cpu), "cpu-x-"+against)
	}
	metric(ours/operations, "ours-ns/op")
	metric(bare/operations, "bare-ns/op")
	metric(p.allocs(&p.ours)/float64(n), "ours-allocs/op")
	metric(p.allocs(&p.bare)/float64(n), "bare-allocs/op")
}

// quartile returns the lower quartile of durations.
func quartile(all []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return float64(sorted[len(sorted)/4])
}

// allocs returns the allocations of one call of a side. It is measured after
// the turns, because reading the counter stops all goroutines.
func (p *pair) allocs(s *side) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range p.calls {
		s.f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(p.calls)
}

// CPU returns the CPU time that the process has used, or 0 if the system does
// not report it.
func CPU() time.Duration { return cpuTime() }
