package fakevk

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update", false, "write the method tables of docs/fake-vk.md from the registered methods")

const (
	tablesBegin = "<!-- methods -->\n"
	tablesEnd   = "<!-- end of methods -->"
)

// methodTables returns the tables of the registered methods, one per section.
// The last two cells of a row, which are written by hand, come from page. A new
// method gets the codes that its handler can return.
func methodTables(page string, codes map[string][]int) string {
	written := make(map[string]string)
	for line := range strings.Lines(page) {
		if row := strings.SplitN(strings.Trim(line, "| \n"), " | ", 3); len(row) == 3 {
			written[row[0]] = row[2]
		}
	}
	var b strings.Builder
	section := ""
	for _, name := range Methods() {
		if s, _, _ := strings.Cut(name, "."); s != section {
			section = s
			b.WriteString("\n### " + section + "\n\n| method | tokens (scope) | checks | source |\n|---|---|---|---|\n")
		}
		cells, ok := written[name]
		if !ok {
			cells = newCells(name, codes[name])
		}
		b.WriteString("| " + name + " | " + tokensInWords(methods[name]) + " | " + cells + " |\n")
	}
	return b.String() + "\n"
}

// newCells returns the last two cells of the row of a new method.
func newCells(name string, codes []int) string {
	var words []string
	for _, n := range codes {
		if !slices.Contains(mayNot[name], n) {
			words = append(words, "`"+strconv.Itoa(n)+"`")
		}
	}
	if words == nil {
		return "nothing | schema"
	}
	return strings.Join(words, " ") + " | schema"
}

// cutTables splits the page before and after its method tables.
func cutTables(t *testing.T, page string) (before, tables, after string) {
	t.Helper()
	before, rest, ok := strings.Cut(page, tablesBegin)
	tables, after, ok2 := strings.Cut(rest, tablesEnd)
	if !ok || !ok2 {
		t.Fatal("the method tables have no beginning or no end")
	}
	return before + tablesBegin, tables, tablesEnd + after
}

// TestDocsTables checks that the page has the tables of the registered methods.
// With -update it writes them.
func TestDocsTables(t *testing.T) {
	before, tables, after := cutTables(t, readDocs(t))
	want := methodTables(tables, methodCodes(t))
	if *updateDocs {
		if err := os.WriteFile(docsPage, []byte(before+want+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("docs/fake-vk.md is out of date; rewrite it with: go test ./internal/fakevk -run TestDocsTables -update\n%s", diff)
	}
}

// TestDocsTablesUpdate changes the page, which the generator corrects.
func TestDocsTablesUpdate(t *testing.T) {
	t.Parallel()
	_, tables, _ := cutTables(t, readDocs(t))
	codes := methodCodes(t)
	row := func(name, page string) string {
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "| "+name+" |") {
				return line
			}
		}
		return ""
	}
	pin, unpin := row("messages.pin", tables), row("messages.unpin", tables)
	for _, tt := range []struct {
		name, page string
		want       map[string]string // rows by method
	}{
		{"nothing to do", tables, map[string]string{"messages.pin": pin}},
		{"a token is wrong", strings.Replace(tables, "| messages.pin | user, community (messages) |", "| messages.pin | service |", 1), map[string]string{"messages.pin": pin}},
		{"a method is gone", strings.Replace(tables, unpin, unpin+"| messages.unpinned | user | nothing | schema |\n", 1), map[string]string{"messages.unpinned": "", "messages.unpin": unpin}},
		{"a method is new", strings.Replace(tables, unpin, "", 1), map[string]string{"messages.unpin": "| messages.unpin | user, community (messages) | " + newCells("messages.unpin", codes["messages.unpin"]) + " |\n"}},
		{"rows in another order", strings.Replace(strings.Replace(tables, unpin, "", 1), pin, unpin+pin, 1), map[string]string{"messages.pin": pin, "messages.unpin": unpin}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := methodTables(tt.page, codes)
			for name, want := range tt.want {
				if r := row(name, got); r != want {
					t.Errorf("%s: %q, want %q", name, r, want)
				}
			}
			if again := methodTables(got, codes); again != got {
				t.Errorf("a second run changes:\n%s", cmp.Diff(got, again))
			}
			if tt.name != "a method is new" && got != tables {
				t.Errorf("the page (-want +got):\n%s", cmp.Diff(tables, got))
			}
		})
	}
}
