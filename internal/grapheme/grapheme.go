// Package grapheme finds the characters of a text as a reader sees them: an
// emoji of a family or a flag is one character, although it has several runes.
//
// It follows the rules of Unicode Standard Annex #29 for grapheme clusters
// closely enough to cut texts: where it differs, it keeps more runes together.
// It breaks on both sides of each rune below U+0020, so also within "\r\n".
package grapheme

import "unicode"

// A Scanner finds the boundaries between the characters of a text, which it
// gets rune by rune. The zero Scanner is at the beginning of a text.
type Scanner struct {
	last       rune // 0 at the beginning
	indicators int  // regional indicators in a row up to last; a pair is a flag
}

// Next moves the scanner past r.
func (s *Scanner) Next(r rune) {
	s.last = r
	if isRegional(r) {
		s.indicators++
	} else {
		s.indicators = 0
	}
}

// Boundary reports whether a character begins with r, the rune that comes next.
func (s *Scanner) Boundary(r rune) bool {
	switch {
	case s.last < ' ' || r < ' ':
		return true
	case r < 0x300 && s.last < 0x300:
		return true
	case extends(r):
		return false
	case s.last == zeroWidthJoiner:
		return false
	case isRegional(r):
		return s.indicators%2 == 0
	}
	switch jamo(s.last) {
	case 'L':
		return jamo(r) != 'L' && jamo(r) != 'V' && jamo(r) != 'S'
	case 'V', 'S':
		return jamo(r) != 'V' && jamo(r) != 'T'
	case 'T':
		return jamo(r) != 'T'
	}
	return true
}

const zeroWidthJoiner = 0x200d

// extends reports whether r belongs to the character before it: an accent, a
// variation selector, a skin tone, the frame of a keycap, a letter of a flag's
// tag.
func extends(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r == zeroWidthJoiner, r == 0x200c:
		return true
	case 0x1f3fb <= r && r <= 0x1f3ff, 0xe0020 <= r && r <= 0xe007f:
		return true
	case r == 0xff9e, r == 0xff9f:
		return true
	}
	return unicode.Is(unicode.M, r)
}

func isRegional(r rune) bool { return 0x1f1e6 <= r && r <= 0x1f1ff }

// jamo returns the part of a Korean syllable that r is: the beginning L, the
// middle V or the end T, or S for a whole syllable; else 0.
func jamo(r rune) byte {
	switch {
	case 0x1100 <= r && r <= 0x115f, 0xa960 <= r && r <= 0xa97c:
		return 'L'
	case 0x1160 <= r && r <= 0x11a7, 0xd7b0 <= r && r <= 0xd7c6:
		return 'V'
	case 0x11a8 <= r && r <= 0x11ff, 0xd7cb <= r && r <= 0xd7fb:
		return 'T'
	case 0xac00 <= r && r <= 0xd7a3:
		return 'S'
	}
	return 0
}
