// Command peerbench compares the library with vksdk, another library for VK. It
// prints the tables of docs/speed.md:
//
//	go run . -page ../../docs/speed.md
//	GOEXPERIMENT=jsonv2 go run . -page ../../docs/speed.md
//
// It is a separate module, so that users of this library do not download the
// other one.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/versus"
)

// A duel is a piece of work that two sides do in turns.
type duel struct {
	work    string
	against string // the name of the other side
	goal    string
	allocs  string // the goal for allocations
	sides   func(b testing.TB) pair
}

// A pair is the two sides of a duel. A call of either does n operations.
type pair struct {
	n            int
	ours, theirs func()
}

// A gauge is a piece of work without another side.
type gauge struct {
	work    string
	goal    string
	measure func(tb testing.TB, quick bool) string
}

func main() {
	testing.Init()
	only := flag.String("run", "", "measure the rows that match this regular expression")
	time := flag.Duration("time", time.Second, "how long a round of a row takes")
	rounds := flag.Int("rounds", 5, "rounds of each row; the table has the medians")
	profile := flag.String("cpuprofile", "", "write a CPU profile of all rows to this file")
	page := flag.String("page", "", "replace the tables of this page, such as docs/speed.md")
	flag.Parse()
	match, err := regexp.Compile(*only)
	var tables bytes.Buffer
	if err == nil {
		err = profiled(*profile, func() error { return run(io.MultiWriter(os.Stdout, &tables), match, *time, *rounds) })
	}
	if err == nil && *page != "" {
		err = writePage(*page, tables.Bytes())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		os.Exit(1)
	}
}

// profiled runs f and writes a CPU profile of it to a file, if that has a name.
func profiled(name string, f func() error) error {
	if name == "" {
		return f()
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// run writes the tables to w.
func run(w io.Writer, match *regexp.Regexp, each time.Duration, rounds int) error {
	if err := flag.Set("test.benchtime", each.String()); err != nil {
		return err
	}
	fmt.Fprintln(w, "| work | against | goal | wall time | CPU time | one operation: ours, theirs | allocations: ours, theirs |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, d := range duels {
		if !match.MatchString(d.work) {
			continue
		}
		line, err := d.row(rounds)
		if err != nil {
			return err
		}
		fmt.Fprintln(w, line)
	}
	fmt.Fprintln(w, "\n| work | goal | measured |\n|---|---|---|")
	for _, g := range gauges {
		if !match.MatchString(g.work) {
			continue
		}
		var text string
		if err := catch(func(b testing.TB) { text = g.measure(b, each < time.Second) }); err != nil {
			return fmt.Errorf("%s: %w", g.work, err)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", g.work, g.goal, text)
	}
	fmt.Fprintf(w, "\nMeasured with %s %s/%s, %d processors, %s.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), jsonVersion)
	return nil
}

// row measures a duel in several rounds and returns its line of the table.
func (d duel) row(rounds int) (string, error) {
	all := make(map[string][]float64)
	for range rounds {
		r := testing.Benchmark(func(b *testing.B) {
			p := d.sides(b)
			versus.Run(b, "theirs", p.n, p.ours, p.theirs)
		})
		if r.N == 0 {
			return "", fmt.Errorf("%s: failed", d.work)
		}
		for unit, v := range r.Extra {
			all[unit] = append(all[unit], v)
		}
	}
	ours, theirs := median(all["ours-ns/op"]), median(all["bare-ns/op"])
	goal := d.goal
	if d.allocs != "" {
		goal += ", " + d.allocs
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %v, %v | %s, %s |", d.work, d.against, goal,
		ratio(all["x-theirs"]), ratio(all["cpu-x-theirs"]), brief(ours), brief(theirs),
		count(median(all["ours-allocs/op"])), count(median(all["bare-allocs/op"]))), nil
}

// catch runs f as a benchmark of one turn, and returns an error if it fails.
func catch(f func(b testing.TB)) error {
	done := false
	testing.Benchmark(func(b *testing.B) {
		if b.N == 1 && !done {
			f(b)
			done = true
		}
	})
	if !done {
		return fmt.Errorf("failed")
	}
	return nil
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// ratio returns the median of ratios, with the lowest and the highest.
func ratio(all []float64) string {
	if len(all) == 0 {
		return "not told"
	}
	return fmt.Sprintf("**%.2f** (%.2f–%.2f)", median(all), slices.Min(all), slices.Max(all))
}

// brief returns a time in three digits.
func brief(ns float64) time.Duration {
	d := time.Duration(ns)
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
}

func count(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }
