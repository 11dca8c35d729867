package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFind: benchmarks that compare are found, wherever they call versus.Run,
// and no others are.
func TestFind(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"a_test.go": `package a_test
// BenchmarkA is compared.
func BenchmarkA(b *testing.B) { b.Run("x", func(b *testing.B) { versus.Run(b, "y", 1, nil, nil) }) }
// BenchmarkB is not.
func BenchmarkB(b *testing.B) { b.Run("x", nil); other.Run(); versus.Other() }
func helper(b *testing.B) { versus.Run(b, "y", 1, nil, nil) }
func (t T) BenchmarkC(b *testing.B) { versus.Run(b, "y", 1, nil, nil) }`,
		"zz_test.go":                 "package a_test\nfunc BenchmarkZ(b *testing.B) { versus.Run(b, \"y\", 1, nil, nil) }",
		"a.go":                       "package a\nfunc BenchmarkD() { versus.Run() }",
		"in/versus/v_test.go":        "package versus\nfunc BenchmarkRun() { Run() }",
		"in/b_test.go":               "package b\nfunc BenchmarkRun() { Run() }",
		"testdata/c_test.go":         "package c\nfunc BenchmarkC() { versus.Run() }",
		"nested/go.mod":              "module nested",
		"nested/d_test.go":           "package d\nfunc BenchmarkD() { versus.Run() }",
		".hidden/e_test.go":          "package e\nfunc BenchmarkE() { versus.Run() }",
		"in/_ignored/deep/f_test.go": "package f\nfunc BenchmarkF() { versus.Run() }",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := find(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []benchmark{{".", "A", "BenchmarkA is compared."}, {".", "Z", ""}, {"in/versus", "Run", ""}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(benchmark{})); diff != "" {
		t.Error(diff)
	}
}

// TestPage: the page in docs has a row for each benchmark that is found, and no
// other rows.
func TestPage(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := find(root)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, b := range all {
		want = append(want, b.name)
	}
	_, rows, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n| benchmark | against |")
	rows, _, _ = strings.Cut(rows, "\n\n")
	for _, line := range strings.Split(rows, "\n")[2:] {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " ")
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), slices.Compact(got)); diff != "" {
		t.Errorf("docs/benchmarks.md is out of date; rewrite it with: go run ./internal/benchpage\n%s", diff)
	}
}
