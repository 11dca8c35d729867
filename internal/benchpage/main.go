// Command benchpage measures the library against bare code that does the same
// work, and writes docs/benchmarks.md:
//
//	go run ./internal/benchpage
//	go run ./internal/benchpage -rounds 3 -run 'Source|Find' -o /dev/stdout
//
// It runs each benchmark that calls [versus.Run], in several rounds. Within a
// round, both sides of a benchmark take turns of a few milliseconds. The page
// has the median of the rounds, and the lowest and the highest.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options are the flags of the program.
type options struct {
	rounds    int
	benchtime time.Duration
	only      *regexp.Regexp
	note      string
	page      string
}

func main() {
	o := options{}
	only := flag.String("run", ".", "measure the benchmarks with names that match this `expression`, without the word Benchmark")
	flag.IntVar(&o.rounds, "rounds", 9, "how many times everything is measured")
	flag.DurationVar(&o.benchtime, "benchtime", 200*time.Millisecond, "for how long each benchmark is measured in a round")
	flag.StringVar(&o.note, "note", "", "a `sentence` about the machine, for the page, such as its other load")
	flag.StringVar(&o.page, "o", "docs/benchmarks.md", "the `file` that is written, from the root of the module")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchpage:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	root, err := output("", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	all, err := find(root)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(b benchmark) bool { return !o.only.MatchString(b.name) })
	if len(all) == 0 {
		return fmt.Errorf("no benchmark matches %s", o.only)
	}
	p := &page{note: o.note, rounds: o.rounds, benchtime: o.benchtime, benchmarks: all, date: time.Now().UTC(), cores: runtime.GOMAXPROCS(0)}
	if p.goVersion, err = output(root, "go", "env", "GOVERSION"); err != nil {
		return err
	}
	p.commit = commit(root, o.page)
	if err := measure(p, root); err != nil {
		return err
	}
	if !filepath.IsAbs(o.page) {
		o.page = filepath.Join(root, o.page)
	}
	return os.WriteFile(o.page, []byte(p.String()), 0o666)
}

// measure runs all benchmarks of p, package by package, round by round.
func measure(p *page, root string) error {
	bin, err := os.MkdirTemp("", "benchpage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	var dirs []string
	names := make(map[string][]string) // by directory
	for _, b := range p.benchmarks {
		if names[b.dir] == nil {
			dirs = append(dirs, b.dir)
		}
		names[b.dir] = append(names[b.dir], b.name)
	}
	binary := func(i int) string { return filepath.Join(bin, fmt.Sprintf("%d.test", i)) }
	for i, dir := range dirs {
		if _, err := output(filepath.Join(root, dir), "go", "test", "-c", "-o", binary(i), "."); err != nil {
			return err
		}
	}
	for round := range p.rounds {
		for i, dir := range dirs {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, p.rounds, dir)
			out, err := output(filepath.Join(root, dir), binary(i), "-test.run=^$", "-test.timeout=1h",
				"-test.bench=^Benchmark("+strings.Join(names[dir], "|")+")$",
				"-test.benchtime="+p.benchtime.String(), fmt.Sprintf("-test.cpu=%d", p.cores))
			if err != nil {
				return err
			}
			if err := p.add(dir, out); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
		}
	}
	return nil
}

// commit returns the measured commit, as the page shows it. Changes of the page
// itself do not count.
func commit(root, page string) string {
	id, err := output(root, "git", "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "not known"
	}
	changes, err := output(root, "git", "status", "--porcelain", "--", ".", ":(exclude)"+page)
	if err != nil || changes != "" {
		id += " with changes"
	}
	return id
}

// output runs a program and returns its output.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, failure.String())
	}
	return strings.TrimSpace(string(out)), nil
}
