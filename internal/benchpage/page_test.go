package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// result is a line printed by go test.
const result = "BenchmarkFind/commands=10/against=map-2   8   0 bare-allocs/op   10 bare-ns/op   3 cpu-x-map   2.5 ours-allocs/op   30 ours-ns/op   3.5 x-map"

func TestAdd(t *testing.T) {
	type found struct {
		Benchmark, Variant, Against string
		Metrics                     map[string][]float64
	}
	metrics := map[string][]float64{"x": {3.5}, "cpu-x": {3}, "ours-ns/op": {30}, "bare-ns/op": {10}, "ours-allocs/op": {2.5}, "bare-allocs/op": {0}}
	for _, tt := range []struct {
		name  string
		cores int
		out   string
		want  []found
		err   string
	}{
		{"a result", 2, result, []found{{"Find", "commands=10", "map", metrics}}, ""},
		{"on one core", 1, strings.Replace(result, "-2 ", " ", 1), []found{{"Find", "commands=10", "map", metrics}}, ""},
		{"without sub-benchmarks", 2, "BenchmarkCall-2 8 3.5 x-net/http", []found{{"Call", "", "net/http", map[string][]float64{"x": {3.5}}}}, ""},
		{"a number at the end of the name", 2, "BenchmarkCall/n=2-2 8 3.5 x-a", []found{{"Call", "n=2", "a", map[string][]float64{"x": {3.5}}}}, ""},
		{"several parts", 2, "BenchmarkCall/a=1/against=x/b=2-2 8 3.5 x-x", []found{{"Call", "a=1 b=2", "x", map[string][]float64{"x": {3.5}}}}, ""},
		{"lines around", 2, "goos: linux\ncpu: A: B\n" + result + "\nPASS", []found{{"Find", "commands=10", "map", metrics}}, ""},
		{"one against two", 2, "BenchmarkA-2 8 1 x-a\nBenchmarkA-2 8 2 x-b", []found{
			{"A", "", "a", map[string][]float64{"x": {1}}}, {"A", "", "b", map[string][]float64{"x": {2}}},
		}, ""},
		{"no ratio", 2, "BenchmarkPark-2 8 12 ns/op", nil, ""},
		{"nothing ran", 2, "PASS", nil, "no benchmark has run"},
		{"a unit without a number", 2, "BenchmarkA-2 8 x-a", nil, "not a benchmark's result"},
		{"no number", 2, "BenchmarkA-2 8 many x-a", nil, "invalid syntax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &page{cores: tt.cores}
			err := p.add(".", tt.out)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []found
			for _, r := range p.rows {
				got = append(got, found{r.benchmark, r.variant, r.against, r.metrics})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestString: the rounds are combined in a row, rows are in order, and the
// description of the machine is included.
func TestString(t *testing.T) {
	p := &page{
		benchmarks: []benchmark{
			{dir: ".", name: "Find", doc: "BenchmarkFind is the lookup of\na command."},
			{dir: "internal/lane", name: "Lane"},
		},
		rounds: 3, benchtime: time.Second, date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		commit: "abc", goVersion: "go1.25.1", cores: 2,
	}
	for _, round := range [][2]string{
		{".", "goos: linux\ngoarch: amd64\ncpu: Fast One\nBenchmarkFind/n=1000-2 1 1 x-map\nBenchmarkFind/n=9-2 1 0.5 x-map 0.25 cpu-x-map 1500 ours-ns/op 30 bare-ns/op 2.5 ours-allocs/op 0 bare-allocs/op\nBenchmarkFind/n=9-2 1 1 x-cut"},
		{".", "BenchmarkFind/n=9-2 1 12.34 x-map 0.35 cpu-x-map 2500 ours-ns/op 30 bare-ns/op 2.5 ours-allocs/op 0 bare-allocs/op"},
		{".", "BenchmarkFind/n=9-2 1 0.7 x-map 0.45 cpu-x-map 2e6 ours-ns/op 30 bare-ns/op 1234 ours-allocs/op 0 bare-allocs/op"},
		{"internal/lane", "BenchmarkLane-2 1 2 x-goroutine"},
		{"elsewhere", "BenchmarkLane-2 1 5 x-goroutine"},
	} {
		if err := p.add(round[0], round[1]); err != nil {
			t.Fatal(err)
		}
	}
	_, got, _ := strings.Cut(p.String(), "| | |\n")
	want := `|---|---|
| date | 2026-01-02 |
| commit | abc |
| Go | go1.25.1 linux/amd64 |
| processor | Fast One |
| cores | 2 |
| rounds | 3, each of 1s for a benchmark |
| note | none |

## Results

| benchmark | against | CPU time | wall time | one operation: ours, bare | allocations: ours, bare |
|---|---|---|---|---|---|
| Find n=9 | cut | not measured | **1.00** (1.00–1.00) | not measured, not measured | not measured, not measured |
| Find n=9 | map | **0.35** (0.25–0.45) | **0.70** (0.50–12.3) | 2.5 µs, 30 ns | 2.5, 0 |
| Find n=1000 | map | not measured | **1.00** (1.00–1.00) | not measured, not measured | not measured, not measured |
| Lane | goroutine | not measured | **2.00** (2.00–2.00) | not measured, not measured | not measured, not measured |

## Comparisons

* Find is the lookup of a command. (` + "`.`" + `)
* Lane (` + "`internal/lane`" + `)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompareNatural(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"n=9", "n=10", -1}, {"n=10", "n=9", 1}, {"n=10", "n=10", 0}, {"a", "b", -1}, {"n=1 x", "n=1", 1}, {"n=1", "n=a", -1}, {"", "a", -1},
	} {
		if got := compareNatural(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
