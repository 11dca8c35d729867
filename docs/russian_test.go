package docs_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRussian compares the Russian pages with the English ones: both have the
// same code, and the same number of headings of each level in the same order.
func TestRussian(t *testing.T) {
	for english, russian := range map[string]string{
		"README.md":     "README.ru.md",
		"docs/guide.md": "docs/ru/guide.md",
	} {
		t.Run(russian, func(t *testing.T) {
			a, b := readPage(t, english), readPage(t, russian)
			if diff := cmp.Diff(headingLevels(a), headingLevels(b)); diff != "" {
				t.Errorf("levels of headings (- %s, + %s):\n%s", english, russian, diff)
			}
			if diff := cmp.Diff(codeBlocks(a), codeBlocks(b)); diff != "" {
				t.Errorf("code (- %s, + %s):\n%s", english, russian, diff)
			}
			if words := len(strings.Fields(b)); words < len(strings.Fields(a))*6/10 {
				t.Errorf("%s has only %d words", russian, words)
			}
		})
	}
}

// TestRussianMistakes: a page with a missing heading or different code is
// reported.
func TestRussianMistakes(t *testing.T) {
	page := "# A\n\n## B\n\n```go\nf()\n```\n"
	if got := headingLevels(page); !slices.Equal(got, []string{"#", "##"}) {
		t.Errorf("levels %q", got)
	}
	if got := codeBlocks(strings.Replace(page, "f()", "g()", 1)); len(got) != 1 || got[0] == codeBlocks(page)[0] {
		t.Errorf("blocks %q", got)
	}
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// headingLevels returns the number signs of the headings of a page.
func headingLevels(page string) (levels []string) {
	fenced := false
	for line := range strings.Lines(page) {
		if fence.MatchString(line) {
			fenced = !fenced
		}
		if level, _, ok := strings.Cut(line, " "); ok && !fenced && strings.Trim(level, "#") == "" && level != "" {
			levels = append(levels, level)
		}
	}
	return levels
}

// codeBlocks returns the blocks of code of a page, in any language.
func codeBlocks(page string) (blocks []string) {
	var block strings.Builder
	fenced := false
	for line := range strings.Lines(page) {
		switch {
		case !fence.MatchString(line):
			if fenced {
				block.WriteString(line)
			}
			continue
		case fenced:
			blocks = append(blocks, block.String())
			block.Reset()
		}
		fenced = !fenced
	}
	return blocks
}
