package docs_test

import (
	"os"
	"strings"
	"testing"
)

// maxReadme is the maximum number of lines of README.md.
const maxReadme = 120

// TestReadme builds the bot in README.md, and runs its test.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(readme), "\n"); n > maxReadme {
		t.Errorf("README.md has %d lines: at most %d", n, maxReadme)
	}
	files := make(map[string]string)
	for _, code := range goBlocks(string(readme)) {
		if strings.Contains(code, "func Test") {
			files["main_test.go"] = code
		} else {
			files["main.go"] = code
		}
	}
	if len(files) != 2 {
		t.Fatalf("%d files of code, not a bot and its test", len(files))
	}
	runModule(t, "readme", files, "vet", "test")
}
