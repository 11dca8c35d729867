package clienttest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRecipes: docs/clients.md says of each library how it is tested, and has a
// recipe for it.
func TestRecipes(t *testing.T) {
	b, err := os.ReadFile("../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	page, listed := string(b), make(map[string][]string)
	for _, row := range regexp.MustCompile(`(?m)^\| \[([^]]+)\]\(#([^)]+)\) \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(page, -1) {
		listed[row[3]] = append(listed[row[3]], row[1])
		if row[1] != row[2] || !strings.Contains(page, "\n## "+row[1]+"\n") {
			t.Errorf("there is no recipe for %s", row[1])
		}
	}
	run := []string{"vksdk"}
	for _, c := range npmClients {
		run = append(run, c.name)
	}
	files, err := filepath.Glob("../../../internal/fakevk/testdata/exchanges/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var sent []string
	for _, f := range files {
		sent = append(sent, strings.TrimSuffix(filepath.Base(f), ".txt"))
	}
	for how, want := range map[string][]string{"each run of the tests": run, "what it sends": sent} {
		slices.Sort(want)
		slices.Sort(listed[how])
		if !slices.Equal(listed[how], want) {
			t.Errorf("%s: the page lists %q, there are %q", how, listed[how], want)
		}
	}
}
