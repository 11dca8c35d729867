package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestRun: each row can be measured, and both sides do their work.
func TestRun(t *testing.T) {
	var table bytes.Buffer
	if err := run(&table, regexp.MustCompile(""), time.Millisecond, 1); err != nil {
		t.Fatalf("%v\n%s", err, &table)
	}
	for _, d := range duels {
		if !strings.Contains(table.String(), "| "+d.work+" | "+d.against+" | ") {
			t.Errorf("no row for %s", d.work)
		}
	}
	for _, g := range gauges {
		if !strings.Contains(table.String(), "| "+g.work+" | ") {
			t.Errorf("no row for %s", g.work)
		}
	}
	if strings.Contains(table.String(), "NaN") {
		t.Errorf("a figure is none:\n%s", &table)
	}
}

// TestFailures: a row with a failed side is an error, not a figure.
func TestFailures(t *testing.T) {
	fails := duel{work: "work", sides: func(b testing.TB) pair {
		return pair{1, func() { b.Error("broken") }, nothing}
	}}
	if line, err := fails.row(1); err == nil {
		t.Errorf("no error, but %q", line)
	}
	if err := catch(func(b testing.TB) { b.Fatal("broken") }); err == nil {
		t.Error("no error of a gauge")
	}
}
