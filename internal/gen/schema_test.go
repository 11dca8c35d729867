package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file of testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// TestFactsOfSchema: the facts of a small schema, and the output of the command.
func TestFactsOfSchema(t *testing.T) {
	root := t.TempDir()
	data := filepath.Join(root, "internal", "vkfacts")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for range 2 {
		out.Reset()
		if err := run(root, []string{"facts", filepath.Join("testdata", "schema")}, &out); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() > 0 {
		t.Errorf("the same schema again: changes\n%s", &out)
	}
	for _, name := range []string{"facts.json", "names.txt"} {
		b, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, string(b))
	}
	if _, err := readFacts(filepath.Join(data, "facts.json")); err != nil {
		t.Error(err)
	}
}

// TestBrokenSchema: errors name the file and the mistake.
func TestBrokenSchema(t *testing.T) {
	for _, tt := range []struct {
		name, file, old, new string
		want                 string
	}{
		{"no errors.json", "errors.json", "", "", "errors.json: no such file"},
		{"not JSON", "wall/objects.json", `{"version"`, `{version`, "objects.json: invalid character"},
		{"another kind of value", "wall/methods.json", `"methods": [`, `"methods": [5,`, "methods.json: json: cannot unmarshal number"},
		{"a response without a response", "wall/responses.json", `"wall_get_response": {"properties": {"response"`, `"wall_get_response": {"properties": {"answer"`, "responses.json: wall_get_response has no response"},
		{"a kind of token", "wall/methods.json", `"service", "user"`, `"robot"`, `methods.json: wall.get: a token of ["robot"] is not known`},
		{"an error", "wall/methods.json", "api_error_wall_closed", "api_error_none", "error ../errors.json#/errors/api_error_none is not in errors.json"},
		{"no methods", "wall/methods.json", "", "", "no folder in it has a file methods.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/schema")); err != nil {
				t.Fatal(err)
			}
			edit(t, filepath.Join(dir, tt.file), tt.old, tt.new)
			_, err := readSchema(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// edit replaces a text in a file, or removes the file if there is none to replace.
func edit(t *testing.T, path, old, new string) {
	t.Helper()
	if old == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %s", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestExpressions(t *testing.T) {
	for _, tt := range []struct{ text, err string }{
		{"int", ""}, {"[]int64|string", ""}, {"[][]@a/b", ""}, {"string:@x", ""}, {"int(0=off,1=on and off)", ""}, {"bool|string", ""},
		{"", `type "" is not known`}, {"integer", `type "integer" is not known`}, {"int(1", `type "int(1": no closing parenthesis`}, {"int|x", `type "x" is not known`},
	} {
		if _, err := parseExpr(tt.text); (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.err)
		}
	}
	for _, tt := range []struct{ text, err string }{
		{"a int(0=x y,1=z) required min=1 default=5", ""}, {"a", `parameter "a" has no type`}, {"a int optional", `parameter "a int optional": "optional" is not known`}, {"a x", `parameter "a x": type "x" is not known`},
	} {
		if _, err := parseParam(tt.text); (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.err)
		}
	}
}

func TestDiff(t *testing.T) {
	read := func() *factsFile {
		f, err := readFacts("testdata/golden/facts.json")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, tt := range []struct {
		name   string
		change func(f *factsFile) // of the new facts
		want   []string
	}{
		{"nothing", func(*factsFile) {}, nil},
		{"a parameter is gone", func(f *factsFile) { dropParam(f, "owner_id") }, []string{"! wall.get parameter owner_id is gone"}},
		{"a method is gone", func(f *factsFile) { delete(f.Methods, "wall.get") }, []string{"! wall.get is gone"}},
		{"a method is new", func(f *factsFile) { f.Methods["wall.pin"] = methodFact{} }, []string{"+ wall.pin"}},
		{"a parameter is new", func(f *factsFile) { addParam(f, "offset int") }, []string{"+ wall.get parameter offset"}},
		{"another type", func(f *factsFile) { dropParam(f, "note"); addParam(f, "note int") }, []string{"! wall.get parameter note: int, was string minlen=2 maxlen=9 default=none"}},
		{"another range", func(f *factsFile) { dropParam(f, "count"); addParam(f, "count int max=50") }, []string{"~ wall.get parameter count: int max=50, was int min=1 max=100 default=20"}},
		{"other tokens and errors", func(f *factsFile) {
			m := f.Methods["wall.get"]
			m.Tokens, m.Errors = "u", nil
			f.Methods["wall.get"] = m
		}, []string{"~ wall.get tokens: u, was us", "~ wall.get errors: [], was [19]"}},
		{"a field is gone, a value is new", func(f *factsFile) {
			delete(f.Types["wall_base"].Fields, "id")
			f.Types["wall_filter"] = typeFact{Enum: append(f.Types["wall_filter"].Enum, "donut"), Of: "string"}
		}, []string{"! wall_base field id is gone", "+ wall_filter value donut"}},
		{"a type is gone, another is new", func(f *factsFile) {
			delete(f.Types, "wall_filter")
			f.Types["wall_new"] = typeFact{Kind: "int"}
		}, []string{"! type wall_filter is gone", "+ type wall_new"}},
		{"the version", func(f *factsFile) { f.Version = "5.2" }, []string{"~ version: 5.2, was 5.1.2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := read()
			tt.change(changed)
			if d := cmp.Diff(tt.want, diff(read(), changed)); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
		})
	}
}

func dropParam(f *factsFile, name string) {
	m := f.Methods["wall.get"]
	var kept []string
	for _, p := range m.Params {
		if !strings.HasPrefix(p, name+" ") {
			kept = append(kept, p)
		}
	}
	m.Params = kept
	f.Methods["wall.get"] = m
}

func addParam(f *factsFile, p string) {
	m := f.Methods["wall.get"]
	m.Params = append(m.Params, p)
	f.Methods["wall.get"] = m
}

// TestDiffNamesOwnerID: facts in which wall.get has an owner_id, as VK's schema had until
// 2023, differ from those of today by it.
func TestDiffNamesOwnerID(t *testing.T) {
	today, err := readFacts("../vkfacts/facts.json")
	if err != nil {
		t.Fatal(err)
	}
	older, err := readFacts("../vkfacts/facts.json")
	if err != nil {
		t.Fatal(err)
	}
	addParam(older, "owner_id int64")
	if got, want := diff(older, today), []string{"! wall.get parameter owner_id is gone"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
