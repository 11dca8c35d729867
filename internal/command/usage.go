package command

import (
	"slices"
	"strings"
)

// Usage returns how a command is written, by its pattern: of words that stand
// for each other only the first.
func Usage(pattern string) string {
	alts, params := cutWords(pattern)
	words := make([]string, len(alts))
	for i, alt := range alts {
		words[i] = alt[0]
	}
	return joinUsage(words, params)
}

// UsageAs is Usage with the words that a person has written; ok is false if
// they are not words of the pattern, in any case.
func UsageAs(pattern string, words []string) (usage string, ok bool) {
	alts, params := cutWords(pattern)
	if !slices.EqualFunc(words, alts, isOneOf) {
		return "", false
	}
	return joinUsage(words, params), true
}

func isOneOf(word string, alts []string) bool {
	return slices.ContainsFunc(alts, func(alt string) bool { return EqualFold(word, alt) })
}

func joinUsage(words []string, params string) string {
	return strings.TrimSpace(strings.Join(words, " ") + " " + params)
}

// cutWords cuts a pattern before its placeholders.
func cutWords(pattern string) (words [][]string, params string) {
	for pattern = SkipSpace(pattern); pattern != "" && pattern[0] != '{'; pattern = SkipSpace(pattern) {
		var word string
		word, pattern = CutSpace(pattern)
		words = append(words, strings.Split(word, "|"))
	}
	return words, pattern
}
