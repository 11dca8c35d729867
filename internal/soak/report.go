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

// A report is the figures of one part. It is safe for concurrent use.
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

// counts adds several figures in one line, by their names.
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

// mib is a number of bytes for people.
func mib(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// heap returns the bytes that are in use, after what is not was let go.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A tally counts lines of a log by level and text, and keeps none of them. It is
// safe for concurrent use.
type tally struct {
	mu   sync.Mutex
	n    map[string]int
	last map[string]string
}

func newTally() *tally { return &tally{n: make(map[string]int), last: make(map[string]string)} }

func (l *tally) logger() *slog.Logger { return slog.New(l) }

// Enabled leaves out the lines that nobody would have switched on.
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

// WithAttrs and WithGroup are there for slog: what they add is not counted.
func (l *tally) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *tally) WithGroup(string) slog.Handler      { return l }

// counts returns how often each line was logged.
func (l *tally) counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.n)
}

// example returns the attributes of the last line of a text.
func (l *tally) example(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[key]
}
