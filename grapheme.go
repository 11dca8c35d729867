package vk

import "unicode"

// characters finds where one character ends and the next begins, as a reader
// sees them: a flag or a family is one, whatever it is made of. It is fed a text
// rune by rune. It follows the rules of Unicode Standard Annex #29 closely
// enough for the purpose: it keeps together a little too much rather than too
// little. Line breaks, which fall out at a cut, do not concern it.
type characters struct {
	last  rune // 0 at the beginning
	flags int  // how many regional indicators there are in a row; a pair is a flag
}

// add feeds the next rune.
func (c *characters) add(r rune) {
	c.last = r
	if isRegional(r) {
		c.flags++
	} else {
		c.flags = 0
	}
}

// endBefore reports whether a character ends before r, the rune to come.
func (c *characters) endBefore(r rune) bool {
	switch {
	case c.last < ' ' || r < ' ':
		return true
	case r < 0x300 && c.last < 0x300:
		return true
	case extends(r):
		return false
	case c.last == zeroWidthJoiner:
		return false
	case isRegional(r):
		return c.flags%2 == 0
	}
	switch jamo(c.last) {
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
// variation, a skin tone, the frame of a keycap, the letters of a flag's tag.
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

// jamo returns what r is of a Korean syllable: its beginning L, middle V or end
// T, or S for a whole one; 0 if it is none of it.
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
