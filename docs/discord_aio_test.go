package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// aioTables are the tables of docs/discord_aio.md, with the number of entries
// in discord.aio.
var aioTables = map[string]int{"Events": 33, "Classes": 39, "Enumerations": 8, "Exceptions": 4, "Constants": 3, "Calls": 16}

// TestDocDiscordMap: the page lists everything in discord.aio, and each row
// names an existing test.
func TestDocDiscordMap(t *testing.T) {
	page, err := os.ReadFile("docs/discord_aio.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t, "docs", "discord", "discord/*")
	if len(tests) < 100 {
		t.Fatalf("only %d tests", len(tests))
	}
	for heading, n := range aioTables {
		rows := sectionRows(string(page), heading)
		if len(rows) != n {
			t.Errorf("%s has %d rows, want %d", heading, len(rows), n)
		}
		seen := make(map[string]bool)
		for _, row := range rows {
			border := strings.LastIndex(strings.TrimSuffix(row, "|"), "|")
			theirs, _, _ := strings.Cut(row[1:], "|")
			if seen[theirs] {
				t.Errorf("%s is there twice", theirs)
			}
			seen[theirs] = true
			named := codeSpan.FindAllStringSubmatch(row[border:], -1)
			if len(named) == 0 {
				t.Errorf("%s names no test", theirs)
			}
			for _, m := range named {
				if !tests[m[1]] {
					t.Errorf("%s: there is no %s", theirs, m[1])
				}
			}
		}
	}
	for _, m := range regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllStringSubmatch(string(page), -1) {
		if !tests[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
}

// sectionRows returns the rows of the table below a heading, without its
// header.
func sectionRows(page, heading string) (rows []string) {
	_, page, _ = strings.Cut(page, "\n## "+heading+"\n")
	page, _, _ = strings.Cut(page, "\n## ")
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") {
			rows = append(rows, line)
		}
	}
	return rows[min(2, len(rows)):]
}

// testNames returns the names of the tests in directories.
func testNames(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(src, -1) {
				found[string(m[1])] = true
			}
		}
	}
	return found
}

// TestDocDiscordTypes: a handler with a type for another kind does not compile.
func TestDocDiscordTypes(t *testing.T) {
	n := loadNames(t)
	for _, tt := range []struct{ name, handler, want string }{
		{"the right type", "func(c *discord.Context, e *discord.Ready) error { return nil }", ""},
		{"another type", "func(c *discord.Context, e *discord.MessageCreate) error { return nil }", "does not match"},
		{"another function", "func(e *discord.Ready) {}", "does not match"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := "package main\n\nimport \"github.com/vkrouter/vk/discord\"\n\nfunc main() { discord.On(discord.NewRouter(), discord.EventReady, " + tt.handler + ") }\n"
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, "main.go", src, 0)
			if err != nil {
				t.Fatal(err)
			}
			conf := types.Config{Importer: imported{n.packages["discord"]}}
			_, err = conf.Check("main", files, []*ast.File{f}, nil)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Error(err)
			}
		})
	}
}

// imported is an importer with a single package.
type imported struct{ pkg *types.Package }

func (i imported) Import(string) (*types.Package, error) { return i.pkg, nil }
