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

// TestWithTables checks that a page gets the tables of its section only.
func TestWithTables(t *testing.T) {
	const page = "# Speed\n\n## With encoding/json\n\nText.\n\n| work | a |\n|---|---|\n| x | 1 |\n\nMeasured with go1,\non a machine.\n\n" +
		"## With encoding/json/v2\n\n| work | a |\n|---|---|\n| x | 2 |\n\nMeasured with go2.\n"
	const tables = "| work | b |\n|---|---|\n| x | 3 |\n\nMeasured with go3.\n"
	for _, tt := range []struct{ version, want string }{
		{"encoding/json", "# Speed\n\n## With encoding/json\n\nText.\n\n" + tables + "\n## With encoding/json/v2\n\n| work | a |\n|---|---|\n| x | 2 |\n\nMeasured with go2.\n"},
		{"encoding/json over encoding/json/v2", page[:strings.Index(page, "| x | 2 |")-len("| work | a |\n|---|---|\n")] + tables},
	} {
		got, err := withTables([]byte(page), tt.version, []byte(tables))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.version, err, got, tt.want)
		}
	}
	for _, bad := range []string{"# Speed\n", "\n## With encoding/json\n\nNothing.\n"} {
		if _, err := withTables([]byte(bad), "encoding/json", []byte(tables)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}
