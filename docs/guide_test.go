package docs_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// guideFile matches the first line of a block of the guide, which names its
// file.
var guideFile = regexp.MustCompile(`^// (\w+\.go)\n`)

// TestGuide builds the bot of docs/guide.md after each of its steps, and runs
// the tests of the step.
func TestGuide(t *testing.T) { testGuide(t, "docs/guide.md") }

func testGuide(t *testing.T, path string) {
	t.Parallel()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	steps := 0
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		blocks := goBlocks(section)
		if len(blocks) == 0 {
			continue
		}
		for _, code := range blocks {
			name := guideFile.FindStringSubmatch(code)
			if name == nil {
				t.Errorf("%s: a block of Go code does not begin with the name of its file", title)
				continue
			}
			files[name[1]] = strings.TrimPrefix(code, name[0])
		}
		steps++
		t.Run(title, func(t *testing.T) {
			step := maps.Clone(files)
			runModule(t, "teashop", step, "test")
		})
	}
	if steps < 12 {
		t.Errorf("only %d steps with code", steps)
	}
}
