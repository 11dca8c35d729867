package words

import (
	"slices"
	"strings"
)

// Of returns the words of a pattern; each may be a list of alternatives.
func Of(pattern string) []string {
	words := strings.Fields(pattern)
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "{") }); i >= 0 {
		words = words[:i]
	}
	return words
}

// Begin reports whether the words of a pattern begin with those of a command.
// It ignores case, because a request for help need not be exact.
func Begin(words, asked []string) bool {
	if len(asked) > len(words) {
		return false
	}
	for i, a := range asked {
		if !slices.ContainsFunc(strings.Split(words[i], "|"), func(w string) bool { return strings.EqualFold(w, a) }) {
			return false
		}
	}
	return true
}

// Described returns the usage of a command with its description: the first
// line, or the whole description if all is true.
func Described(usage, doc string, all bool) string {
	switch doc = strings.TrimSpace(doc); {
	case doc == "":
		return usage
	case all:
		return usage + "\n" + doc
	}
	first, _, _ := strings.Cut(doc, "\n")
	return usage + " — " + strings.TrimSpace(first)
}
