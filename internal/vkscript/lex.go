package vkscript

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A tokenClass is the class of a lexeme.
type tokenClass uint8

const (
	endToken tokenClass = iota
	symbolToken
	nameToken
	numberToken
	stringToken
)

// A lexeme is one word of the code. The text of a string is its value, without
// quotes and escapes.
type lexeme struct {
	class tokenClass
	text  string
	line  int
}

// digraphs are the symbols of two characters. VKScript has no ===, += and ++.
var digraphs = []string{"@.", "==", "!=", "<=", ">=", "&&", "||"}

// advance reads the next lexeme into p.next.
func (p *parser) advance() {
	p.skip()
	p.next = lexeme{line: p.line}
	if p.rest == "" {
		return
	}
	switch c := p.rest[0]; {
	case c == '"' || c == '\'':
		p.next.class = stringToken
		p.next.text = p.quoted(c)
	case isDigit(c):
		p.next.class = numberToken
		p.next.text = p.number()
	case isLetter(c):
		n := 1
		for n < len(p.rest) && (isLetter(p.rest[n]) || isDigit(p.rest[n])) {
			n++
		}
		p.next.class = nameToken
		p.next.text = p.cut(n)
	default:
		_, n := utf8.DecodeRuneInString(p.rest)
		if len(p.rest) > 1 && slices.Contains(digraphs, p.rest[:2]) {
			n = 2
		}
		p.next.class = symbolToken
		p.next.text = p.cut(n)
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}

// cut removes the first n bytes of the code and returns them.
func (p *parser) cut(n int) string {
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

// skip skips white space and comments, and counts lines.
func (p *parser) skip() {
	for p.rest != "" {
		n := 0
		switch {
		case strings.ContainsRune(" \t\r\n", rune(p.rest[0])):
			n = 1
		case strings.HasPrefix(p.rest, "//"):
			if n = strings.IndexByte(p.rest, '\n'); n < 0 {
				n = len(p.rest)
			}
		case strings.HasPrefix(p.rest, "/*"):
			if n = strings.Index(p.rest, "*/"); n < 0 {
				n = len(p.rest)
			} else {
				n += 2
			}
		default:
			return
		}
		p.line += strings.Count(p.cut(n), "\n")
	}
}

// number reads a number with its fraction and exponent. It drops leading zeros,
// which JSON does not allow.
func (p *parser) number() string {
	n := 0
	digits := func() bool {
		from := n
		for n < len(p.rest) && isDigit(p.rest[n]) {
			n++
		}
		return n > from
	}
	digits()
	whole := n
	if n < len(p.rest) && p.rest[n] == '.' {
		if n++; !digits() {
			n = whole
		}
	}
	before := n
	if n < len(p.rest) && (p.rest[n] == 'e' || p.rest[n] == 'E') {
		n++
		if n < len(p.rest) && (p.rest[n] == '+' || p.rest[n] == '-') {
			n++
		}
		if !digits() {
			n = before
		}
	}
	s := strings.TrimLeft(p.cut(n), "0")
	if s == "" || !isDigit(s[0]) {
		s = "0" + s
	}
	return s
}

// escapes maps the character after a backslash to the text that it stands for.
// Any other character stands for itself.
var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'b': "\b", 'f': "\f"}

// quoted reads a string up to its closing quote and returns its value.
func (p *parser) quoted(quote byte) string {
	p.cut(1)
	var b strings.Builder
	for {
		i := strings.IndexAny(p.rest, `\`+string(rune(quote)))
		if i < 0 {
			p.next.class = endToken
			p.fail("'%c' expected, '' found", quote)
		}
		s := p.cut(i)
		p.line += strings.Count(s, "\n")
		b.WriteString(s)
		if p.cut(1)[0] == quote {
			return b.String()
		}
		if p.rest == "" {
			continue
		}
		if p.rest[0] == 'u' {
			if r, n := p.unicode(); n > 0 {
				p.cut(n)
				b.WriteRune(r)
				continue
			}
		}
		c := p.cut(1)
		if s, ok := escapes[c[0]]; ok {
			c = s
		}
		b.WriteString(c)
	}
}

// unicode decodes the uXXXX of an escape, or the uXXXX\uXXXX of a surrogate
// pair. It returns the length of the text, which is 0 if that is no such escape.
func (p *parser) unicode() (r rune, n int) {
	r, ok := hexRune(p.rest)
	if !ok {
		return 0, 0
	}
	const length = len("uXXXX")
	if utf16.IsSurrogate(r) && len(p.rest) > length && p.rest[length] == '\\' {
		if low, ok := hexRune(p.rest[length+1:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 2*length + 1
			}
		}
	}
	return r, length // WriteRune writes half of a pair as U+FFFD
}

// hexRune decodes the uXXXX at the beginning of s.
func hexRune(s string) (rune, bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), err == nil
}
