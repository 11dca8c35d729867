package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestClientRecipes: docs/clients.md says for each library how it is tested,
// and has a recipe for it.
func TestClientRecipes(t *testing.T) {
	b, err := os.ReadFile("docs/clients.md")
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
	names := func(pattern, ext string) (list []string) {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			list = append(list, strings.TrimSuffix(filepath.Base(f), ext))
		}
		return list
	}
	run := slices.DeleteFunc(names("cmd/vktest/clienttest/testdata/npm/*.js", ".js"), func(name string) bool { return name == "people" })
	run = append(run, "vksdk")
	sent := names("internal/fakevk/testdata/exchanges/*.txt", ".txt")
	for how, want := range map[string][]string{"each run of the tests": run, "its requests": sent} {
		slices.Sort(want)
		slices.Sort(listed[how])
		if !slices.Equal(listed[how], want) {
			t.Errorf("%s: the page lists %q, there are %q", how, listed[how], want)
		}
	}
}
