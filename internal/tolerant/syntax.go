package tolerant

// maxDepth is how deeply arrays and objects may nest. VK nests forwarded
// messages some 45 deep at most; the limit is there so that hostile input
// cannot exhaust the stack.
const maxDepth = 1000

const tooDeep = "nesting too deep"

// check reports whether data is exactly one JSON value by RFC 8259. It runs
// before anything is stored, so that all code after it may assume good syntax
// and a bad document changes nothing.
func check(data []byte) error {
	c := checker{data: data}
	c.space()
	if !c.value(0) {
		return c.err
	}
	if c.space(); c.i < len(data) {
		c.fail("data after the value")
		return c.err
	}
	return nil
}

type checker struct {
	data []byte
	i    int
	err  *SyntaxError
}

// fail records a mistake at the current byte. It returns false for its
// callers to return.
func (c *checker) fail(msg string) bool {
	if c.i >= len(c.data) {
		msg = "unexpected end"
	}
	c.err = &SyntaxError{Offset: c.i, msg: msg}
	return false
}

// peek returns the current byte, or 0, which no rule accepts, at the end.
func (c *checker) peek() byte {
	if c.i < len(c.data) {
		return c.data[c.i]
	}
	return 0
}

func (c *checker) space() {
	for c.i < len(c.data) && isSpace(c.data[c.i]) {
		c.i++
	}
}

func (c *checker) value(depth int) bool {
	switch b := c.peek(); {
	case b == '"':
		return c.string()
	case b == '{':
		return c.object(depth + 1)
	case b == '[':
		return c.array(depth + 1)
	case b == 't':
		return c.word("true")
	case b == 'f':
		return c.word("false")
	case b == 'n':
		return c.word("null")
	case b == '-' || isDigit(b):
		n, ok := scanNumber(c.data[c.i:])
		c.i += n
		return ok || c.fail("malformed number")
	}
	return c.fail("unexpected character")
}

func (c *checker) object(depth int) bool {
	if depth > maxDepth {
		return c.fail(tooDeep)
	}
	c.i++
	if c.space(); c.peek() == '}' {
		c.i++
		return true
	}
	for {
		if c.peek() != '"' {
			return c.fail("expected a key")
		}
		if !c.string() {
			return false
		}
		if c.space(); c.peek() != ':' {
			return c.fail("expected a colon")
		}
		c.i++
		if c.space(); !c.value(depth) {
			return false
		}
		c.space()
		switch c.peek() {
		case ',':
			c.i++
			c.space()
		case '}':
			c.i++
			return true
		default:
			return c.fail("expected a comma or }")
		}
	}
}

func (c *checker) array(depth int) bool {
	if depth > maxDepth {
		return c.fail(tooDeep)
	}
	c.i++
	if c.space(); c.peek() == ']' {
		c.i++
		return true
	}
	for {
		if !c.value(depth) {
			return false
		}
		c.space()
		switch c.peek() {
		case ',':
			c.i++
			c.space()
		case ']':
			c.i++
			return true
		default:
			return c.fail("expected a comma or ]")
		}
	}
}

func (c *checker) word(w string) bool {
	for k := range len(w) {
		if c.peek() != w[k] {
			return c.fail("misspelt word")
		}
		c.i++
	}
	return true
}

// string checks escapes and control characters. Bytes that are not UTF-8 are
// let through: they become U+FFFD when the string is used.
func (c *checker) string() bool {
	for c.i++; ; c.i++ {
		// Most bytes are plain, so they are passed in a loop of their own.
		rest := c.data[c.i:]
		n := 0
		for n < len(rest) && rest[n] != '"' && rest[n] != '\\' && rest[n] >= ' ' {
			n++
		}
		c.i += n
		switch c.peek() {
		case '"':
			c.i++
			return true
		case '\\':
			if !c.escape() {
				return false
			}
		default:
			return c.fail("control character in a string")
		}
	}
}

// escape checks an escape sequence and stops at its last byte.
func (c *checker) escape() bool {
	c.i++
	switch c.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			c.i++
			if _, ok := unhex(c.peek()); !ok {
				return c.fail("malformed \\u escape")
			}
		}
		return true
	}
	return c.fail("unknown escape")
}

// scanNumber returns the length of the number that b begins with. If there is
// none, it returns false and the length of what could have begun one.
func scanNumber(b []byte) (n int, ok bool) {
	digits := func() bool {
		from := n
		for n < len(b) && isDigit(b[n]) {
			n++
		}
		return n > from
	}
	if n < len(b) && b[n] == '-' {
		n++
	}
	if n < len(b) && b[n] == '0' {
		n++ // nothing may follow a leading zero
	} else if !digits() {
		return n, false
	}
	if n < len(b) && b[n] == '.' {
		if n++; !digits() {
			return n, false
		}
	}
	if n < len(b) && b[n]|0x20 == 'e' {
		if n++; n < len(b) && (b[n] == '+' || b[n] == '-') {
			n++
		}
		if !digits() {
			return n, false
		}
	}
	return n, true
}

func isSpace(b byte) bool { return b <= ' ' && (b == ' ' || b == '\n' || b == '\r' || b == '\t') }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func unhex(b byte) (rune, bool) {
	switch {
	case isDigit(b):
		return rune(b - '0'), true
	case 'a' <= b && b <= 'f':
		return rune(b-'a') + 10, true
	case 'A' <= b && b <= 'F':
		return rune(b-'A') + 10, true
	}
	return 0, false
}
