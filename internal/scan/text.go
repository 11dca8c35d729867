package scan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Plain returns the text of the string raw, a value that was checked before,
// and true, if the text is a part of raw. Otherwise raw has escapes or invalid
// UTF-8, and AppendText returns the text.
func Plain(raw []byte) (text []byte, ok bool) {
	b := raw[1 : len(raw)-1]
	return b, bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b)
}

// AppendText appends the text of the string raw, a value that was checked
// before, to dst. Each invalid byte and each half of a surrogate pair becomes
// one U+FFFD, as in encoding/json.
func AppendText(dst, raw []byte) []byte { return unescape(dst, raw[1:len(raw)-1]) }

// unescape appends the text of the inside of a string to dst.
func unescape(dst, b []byte) []byte {
	for {
		k := bytes.IndexByte(b, '\\')
		if k < 0 {
			return appendValid(dst, b)
		}
		dst = appendValid(dst, b[:k])
		c := b[k+1]
		b = b[k+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(b)
			b = b[4:]
			if utf16.IsSurrogate(r) {
				r2 := rune(-1)
				if len(b) >= 6 && b[0] == '\\' && b[1] == 'u' {
					r2 = hex4(b[2:])
				}
				if r = utf16.DecodeRune(r, r2); r != utf8.RuneError {
					b = b[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

// appendValid appends b, with U+FFFD for each byte that is not UTF-8.
func appendValid(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return append(dst, b...)
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		dst = utf8.AppendRune(dst, r)
		b = b[n:]
	}
	return dst
}

// hex4 reads the four digits of a \u escape.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		d, _ := unhex(c)
		r = r<<4 | d
	}
	return r
}
