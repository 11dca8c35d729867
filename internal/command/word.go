package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are separated by spaces, and a space is any rune that Unicode calls
// white space.

// CutSpace cuts s before its first space.
func CutSpace(s string) (before, after string) {
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// SkipSpace returns s without the spaces at its beginning.
func SkipSpace(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

// StartsWithSpace reports whether s begins with a space.
func StartsWithSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}
