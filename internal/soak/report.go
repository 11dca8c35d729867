package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A report holds the figures of one part. It is safe for concurrent use.
type report struct {
	name string

	mu    sync.Mutex
	lines []string
}

func newReport(name string) *report { return &report{name: name} }

// add adds a figure.
func (r *report) add(what string, value any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("  %-34s %v", what, value))
}

// counts adds several named figures in one line.
func (r *report) counts(what string, n map[string]int) {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		all = append(all, fmt.Sprintf("%s %d", name, n[name]))
	}
	r.add(what, strings.Join(all, ", "))
}

func (r *report) print(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(w, "%s\n%s\n", r.name, strings.Join(r.lines, "\n"))
}

// mib formats a number of bytes.
func mib(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// heap returns the number of bytes in use after a garbage collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second collection frees the contents of pools
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A tally counts the lines of a log by level and text and keeps only an example
// of each. It is safe for concurrent use.
type tally struct {
	mu   sync.Mutex
	n    map[string]int
	last map[string]string
}

func newTally() *tally { return &tally{n: make(map[string]int), last: make(map[string]string)} }

func (l *tally) logger() *slog.Logger { return slog.New(l) }

// Enabled excludes the levels that are usually off.
func (l *tally) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle counts a line.
func (l *tally) Handle(_ context.Context, r slog.Record) error {
	var attrs strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" {
			fmt.Fprintf(&attrs, " %s=%v", a.Key, a.Value)
		}
		return true
	})
	key := r.Level.String() + " " + strings.TrimPrefix(r.Message, "vk: ")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n[key]++
	l.last[key] = attrs.String()
	return nil
}

// WithAttrs and WithGroup implement slog.Handler; their attributes are not
// counted.
func (l *tally) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *tally) WithGroup(string) slog.Handler      { return l }

// counts returns the number of times each line was logged.
func (l *tally) counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.n)
}

// example returns the attributes of the last line with a text.
func (l *tally) example(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[key]
}
