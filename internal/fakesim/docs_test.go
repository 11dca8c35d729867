package fakesim

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func page(t *testing.T) string {
	t.Helper()
	var both strings.Builder
	for _, path := range []string{"../../docs/fake-vk-http.md", "../../docs/fake-vk.md"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		both.Write(b)
	}
	return both.String()
}

var quoted = regexp.MustCompile("`([^`]*)`")

// spans returns the words of a text that are in backquotes.
func spans(text string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// table returns the rows, as two cells, of the table with a header.
func table(t *testing.T, header string) [][2]string {
	t.Helper()
	_, rest, ok := strings.Cut(page(t), "\n| "+header+" |\n")
	if !ok {
		t.Fatalf("there is no table %q", header)
	}
	var rows [][2]string
	for _, line := range strings.Split(rest, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		left, right, _ := strings.Cut(strings.Trim(line, "| "), " | ")
		rows = append(rows, [2]string{left, right})
	}
	return rows
}

// TestDocsMapping checks that the page has a row for every function and method
// of package vktest, and that its requests are all the existing ones, except a
// few that have no counterpart in Go.
func TestDocsMapping(t *testing.T) {
	t.Parallel()
	var listed, requests []string
	for _, row := range table(t, "in Go | over HTTP") {
		listed = append(listed, spans(row[0])...)
		for _, s := range spans(row[1]) {
			if method, _, ok := strings.Cut(s, " /sim"); ok && strings.ToUpper(method) == method {
				requests = append(requests, s)
			}
		}
	}
	slices.Sort(listed)
	if d := cmp.Diff(exported(t), listed); d != "" {
		t.Errorf("(-vktest +page):\n%s", d)
	}
	s := newSim(t)
	var there []string
	for _, e := range s.endpoints() {
		there = append(there, e.method+" "+e.path)
	}
	for _, r := range requests {
		if !slices.Contains(there, r) {
			t.Errorf("there is no %s", r)
		}
	}
	extra := []string{"GET /sim", "GET /sim/events", "POST /sim/groups"}
	for _, e := range there {
		if !slices.Contains(requests, e) && !slices.Contains(extra, e) {
			t.Errorf("%s is not on the page", e)
		}
	}
}

// exported returns the functions and methods of package vktest.
func exported(t *testing.T) []string {
	t.Helper()
	var names []string
	files, err := os.ReadDir("../../vktest")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), "../../vktest/"+file.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil {
				of := fn.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				id, ok := of.(*ast.Ident)
				if !ok || !id.IsExported() {
					continue
				}
				name = id.Name + "." + name
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestDocsErrors checks that the page lists exactly the existing error codes.
func TestDocsErrors(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, row := range table(t, "code | status |") {
		listed = append(listed, spans(row[0])...)
	}
	var used []string
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`http\.Status\w+, "(\w+)"`)
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") || !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			used = append(used, m[1])
		}
	}
	slices.Sort(listed)
	slices.Sort(used)
	if d := cmp.Diff(slices.Compact(used), listed); d != "" {
		t.Errorf("(-package +page):\n%s", d)
	}
}

// TestDocsEffects checks that the page has vktest's names of the effects, and
// that each has its name here.
func TestDocsEffects(t *testing.T) {
	t.Parallel()
	for _, row := range table(t, "in Go | over HTTP") {
		if !strings.HasPrefix(row[1], "`effect`") {
			continue
		}
		var names []string
		for _, s := range spans(row[0]) {
			s = regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(s, "${1}_$2")
			names = append(names, strings.ToLower(s))
		}
		var have []string
		for name := range effects {
			have = append(have, name)
		}
		slices.Sort(names)
		slices.Sort(have)
		if d := cmp.Diff(have, names); d != "" {
			t.Errorf("(-here +page):\n%s", d)
		}
		return
	}
	t.Error("the page has no row of effects")
}

// TestDocsWorldFile checks that the page's world file is valid, and that its
// example of a mistake gives the error shown.
func TestDocsWorldFile(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(page(t), "```json\n")
	text, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("there is no world")
	}
	w, err := ParseWorld([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{World: w, Hosts: []string{"example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if id, token := s.Group(); id != 101 || token != "secret" {
		t.Errorf("the community is %d with %q", id, token)
	}
	wrong := strings.Replace(text, `"first_name": "Boris"`, `"first_name": "Boris", "screen_name": "anna"`, 1)
	_, err = ParseWorld([]byte(wrong))
	if err == nil || !strings.Contains(page(t), "vktest: -world shop.json: "+err.Error()+"\n") {
		t.Errorf("the page does not show: %v", err)
	}
}
