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

// UsageAs is Usage with the words that a user has written. Commands are the
// words that lead to the pattern, including those of its aliases; ok is false
// if the user's words are none of them, in any case.
func UsageAs(pattern string, commands [][]string, words []string) (usage string, ok bool) {
	if !slices.ContainsFunc(commands, func(c []string) bool { return slices.EqualFunc(words, c, EqualFold) }) {
		return "", false
	}
	_, params := cutWords(pattern)
	return joinUsage(words, params), true
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
