package websocket

import "unicode/utf8"

// A textCheck checks a text for valid UTF-8 as it arrives, in pieces that may
// end within a character. The zero textCheck is at the beginning of a text.
type textCheck struct {
	partial [utf8.UTFMax]byte // the beginning of a character
	n       int               // of partial
}

// add reports whether the text can still become valid after p. It is false as
// soon as the first byte that no valid text has in this place is there.
func (t *textCheck) add(p []byte) bool {
	for t.n > 0 && len(p) > 0 {
		t.partial[t.n] = p[0]
		t.n++
		p = p[1:]
		if !utf8.FullRune(t.partial[:t.n]) {
			continue
		}
		if r, size := utf8.DecodeRune(t.partial[:t.n]); r == utf8.RuneError && size == 1 {
			return false
		}
		t.n = 0
	}
	whole := len(p)
	for i := len(p) - 1; i >= 0 && i > len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				whole = i
			}
			break
		}
	}
	if !utf8.Valid(p[:whole]) {
		return false
	}
	if whole < len(p) {
		t.n = copy(t.partial[:], p[whole:])
	}
	return true
}

// complete reports whether the text does not end within a character.
func (t *textCheck) complete() bool { return t.n == 0 }
