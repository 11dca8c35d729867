package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A page is the page to write: all results and their origin.
type page struct {
	benchmarks []benchmark
	rounds     int
	benchtime  time.Duration
	date       time.Time
	commit     string
	goVersion  string
	cores      int
	note       string
	rows       []*row
	about      map[string]string // the machine, as go test prints it: goos, goarch, cpu
}

// A row is one comparison.
type row struct {
	dir       string // of its package
	benchmark string // without the word Benchmark
	variant   string // the name of its sub-benchmark
	against   string
	metrics   map[string][]float64 // by unit, one value for each round
}

// add adds the output of the benchmarks of the package in dir, of one round.
func (p *page) add(dir, out string) error {
	found := false
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Benchmark") {
			if err := p.addResult(dir, line); err != nil {
				return fmt.Errorf("%q: %w", line, err)
			}
			found = true
			continue
		}
		if key, value, ok := strings.Cut(line, ": "); ok {
			if p.about == nil {
				p.about = make(map[string]string)
			}
			p.about[key] = value
		}
	}
	if !found {
		return fmt.Errorf("no benchmark has run: %q", out)
	}
	return nil
}

// addResult adds one line, such as
//
//	BenchmarkFind/commands=10/against=map-2   8   10.1 bare-ns/op   3.36 x-map
//
// Lines without a ratio are left out.
func (p *page) addResult(dir, line string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 || len(fields)%2 != 0 {
		return errors.New("not a benchmark's result")
	}
	name, metrics := strings.TrimPrefix(fields[0], "Benchmark"), make(map[string]float64)
	against := ""
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return err
		}
		unit := fields[i+1]
		if other, ok := strings.CutPrefix(unit, "x-"); ok {
			against, unit = other, "x"
		} else if strings.HasPrefix(unit, "cpu-x-") {
			unit = "cpu-x"
		}
		metrics[unit] = v
	}
	if against == "" {
		return nil
	}
	if p.cores > 1 {
		name = strings.TrimSuffix(name, "-"+strconv.Itoa(p.cores))
	}
	name, variant, _ := strings.Cut(name, "/")
	r := p.row(dir, name, variant, against)
	for unit, v := range metrics {
		r.metrics[unit] = append(r.metrics[unit], v)
	}
	return nil
}

// row returns the row of a comparison, and creates it if there is none.
func (p *page) row(dir, name, variant, against string) *row {
	parts := slices.DeleteFunc(strings.Split(variant, "/"), func(part string) bool { return strings.HasPrefix(part, "against=") })
	variant = strings.Join(parts, " ")
	for _, r := range p.rows {
		if r.dir == dir && r.benchmark == name && r.variant == variant && r.against == against {
			return r
		}
	}
	r := &row{dir: dir, benchmark: name, variant: variant, against: against, metrics: make(map[string][]float64)}
	p.rows = append(p.rows, r)
	return r
}

// sorted returns the rows of a benchmark.
func (p *page) sorted(of benchmark) []*row {
	var rows []*row
	for _, r := range p.rows {
		if r.dir == of.dir && r.benchmark == of.name {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(compareNatural(a.variant, b.variant), cmp.Compare(a.against, b.against))
	})
	return rows
}

// compareNatural compares texts, and numbers in them by their value.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		x, restA := cutNumber(a)
		y, restB := cutNumber(b)
		if x < 0 || y < 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		if x != y {
			return cmp.Compare(x, y)
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// cutNumber returns the number at the beginning of s, or a negative one.
func cutNumber(s string) (n int, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return -1, s
	}
	return n, s[end:]
}

// String returns the page as Markdown.
func (p *page) String() string {
	var b strings.Builder
	b.WriteString(intro)
	fmt.Fprintf(&b, "| | |\n|---|---|\n")
	for _, about := range [][2]string{
		{"date", p.date.Format(time.DateOnly)},
		{"commit", p.commit},
		{"Go", p.goVersion + " " + p.about["goos"] + "/" + p.about["goarch"]},
		{"processor", cmp.Or(p.about["cpu"], "not known")},
		{"cores", strconv.Itoa(p.cores)},
		{"rounds", fmt.Sprintf("%d, each of %v for a benchmark", p.rounds, p.benchtime)},
		{"note", cmp.Or(p.note, "none")},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", about[0], about[1])
	}
	b.WriteString("\n## Results\n\n| benchmark | against | CPU time | wall time | one operation: ours, bare | allocations: ours, bare |\n|---|---|---|---|---|---|\n")
	for _, bench := range p.benchmarks {
		for _, r := range p.sorted(bench) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s, %s | %s, %s |\n", strings.TrimSpace(r.benchmark+" "+r.variant), r.against,
				spread(r.metrics["cpu-x"]), spread(r.metrics["x"]),
				typical(r.metrics["ours-ns/op"], duration), typical(r.metrics["bare-ns/op"], duration),
				typical(r.metrics["ours-allocs/op"], number), typical(r.metrics["bare-allocs/op"], number))
		}
	}
	b.WriteString("\n## Comparisons\n\n")
	for _, bench := range p.benchmarks {
		doc := strings.Join(strings.Fields(strings.TrimPrefix(bench.doc, "Benchmark")), " ")
		fmt.Fprintf(&b, "* %s (`%s`)\n", cmp.Or(doc, bench.name), bench.dir)
	}
	return b.String()
}

// intro is the beginning of the page.
const intro = `# Benchmarks

This page compares the library with bare code that does the same work. Do not edit it. This command measures everything
and rewrites the page:

    go run ./internal/benchpage

* A ratio of 0.5 means that the library takes half the time of the bare code. 2 means twice the time.
* Both sides run in one process and take turns of a few milliseconds, so other programs slow down both alike.
* Each ratio is the median of several rounds, followed by the lowest and the highest.
* CPU time includes all goroutines and garbage collection. On a busy machine it is more reliable than wall time.
* The row *Run* compares a function with itself, so it shows the error of measurement.
* The times of one operation are wall times on this machine. Compare the ratios instead.

`

// median returns the middle one of values.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// typical returns the median of values.
func typical(values []float64, format func(float64) string) string {
	if len(values) == 0 {
		return "not measured"
	}
	return format(median(values))
}

// spread returns the median of values, the lowest and the highest.
func spread(values []float64) string {
	if len(values) == 0 {
		return "not measured"
	}
	return fmt.Sprintf("**%s** (%s–%s)", ratio(median(values)), ratio(slices.Min(values)), ratio(slices.Max(values)))
}

// number returns a number with three significant digits.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// ratio returns a ratio with two digits after the point, or one if it is large.
func ratio(v float64) string {
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// duration returns a number of nanoseconds in a unit that suits it.
func duration(ns float64) string {
	switch {
	case ns >= 1e6:
		return number(ns/1e6) + " ms"
	case ns >= 1e3:
		return number(ns/1e3) + " µs"
	}
	return number(ns) + " ns"
}
