package command

import (
	"strings"
	"testing"
)

// TestClosingMarks: the marks that end a word are known as such, in bare words
// too.
func TestClosingMarks(t *testing.T) {
	for _, ends := range quotes {
		for _, end := range ends {
			if quotes[end] == "" && !strings.ContainsRune(closing, end) {
				t.Errorf("%c ends a word, but is not known to", end)
			}
		}
	}
	for _, r := range closing {
		if quotes[r] != "" {
			t.Errorf("%c also begins a word", r)
		}
	}
}
