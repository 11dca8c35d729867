package docs_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unlisted are the pages that the index need not list: itself, the pages that
// GitHub shows, and notes beside test data.
var unlisted = regexp.MustCompile(`^(docs/README\.md|README(\.ru)?\.md|\.github/.*|.*/testdata/.*)$`)

// missingPages returns the pages that the page at index does not link to.
func missingPages(index string, all map[string]string) (missing []string) {
	linked := make(map[string]bool)
	for _, line := range unfenced(all[index]) {
		for _, m := range pageLink.FindAllStringSubmatch(line, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			linked[path.Join(path.Dir(index), target)] = true
		}
	}
	for name := range all {
		if !linked[name] && !unlisted.MatchString(name) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// TestPageIndex: docs/README.md lists all pages.
func TestPageIndex(t *testing.T) {
	for _, name := range missingPages("docs/README.md", pages(t)) {
		t.Errorf("docs/README.md does not list %s", name)
	}
}

func TestPageIndexMistakes(t *testing.T) {
	all := map[string]string{
		"docs/README.md":      "* [a.md](a.md#top)\n* [stores](../store/README.md)\n```\n[b.md](b.md)\n```\n",
		"docs/a.md":           "",
		"docs/b.md":           "",
		"docs/ru/a.md":        "",
		"store/README.md":     "",
		"x/testdata/notes.md": "",
		"README.md":           "",
	}
	if got := strings.Join(missingPages("docs/README.md", all), " "); got != "docs/b.md docs/ru/a.md" {
		t.Errorf("missing: %s", got)
	}
}

var (
	exampleName = regexp.MustCompile(`\bExample[A-Z]\w*\b`)
	exampleFunc = regexp.MustCompile(`(?m)^func (Example\w*)\(\)`)
)

// TestPageExamples: the examples that the pages and the package comment name
// exist.
func TestPageExamples(t *testing.T) {
	examples := declared(t, exampleFunc)
	all := pages(t)
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	all["doc.go"] = string(doc)
	found := 0
	for name, text := range all {
		for i, line := range unfenced(text) {
			for _, example := range exampleName.FindAllString(line, -1) {
				if found++; !examples[example] {
					t.Errorf("%s:%d: there is no %s", name, i, example)
				}
			}
		}
	}
	if found < 3 || len(examples) < 50 {
		t.Errorf("%d names of examples on pages, %d examples", found, len(examples))
	}
}

// pageLimits are the limits of counted words, per 1,000 words of text, of pages
// that have more than 3. They may only be lowered.
var pageLimits = map[string]float64{
	"README.md": 8.5, "CONTRIBUTING.md": 6, "docs/benchmarks.md": 5,
}

var headless = regexp.MustCompile(`(?i)\b(who|whom|whose|what|whatever)\b`)

// headlessRate returns how often a page has one of the counted words outside of
// code, per 1,000 words.
func headlessRate(page string) float64 {
	counted, words := 0, 0
	for _, line := range unfenced(page) {
		line = codeSpan.ReplaceAllString(line, "``")
		counted += len(headless.FindAllString(line, -1))
		words += len(strings.Fields(line))
	}
	return 1000 * float64(counted) / float64(max(words, 1))
}

// TestPageProse: the pages have few of the counted words.
func TestPageProse(t *testing.T) {
	for name, text := range pages(t) {
		limit := pageLimits[name]
		if limit == 0 {
			limit = 3
		}
		if rate := headlessRate(text); rate > limit {
			t.Errorf("%s: %.1f of who, whom, whose, what and whatever per 1,000 words, the limit is %g", name, rate, limit)
		}
	}
	if got := headlessRate("What is it?\n```\nwhose code\n```\n"); got < 333 || got > 334 {
		t.Errorf("a third of the words: %.1f", got)
	}
}
