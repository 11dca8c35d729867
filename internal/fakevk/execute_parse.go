package fakevk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file turns VKScript into a tree, execute.go walks it. The language here
// is the part that clients generate: statements that are an expression or
// return one; literals, arrays and objects of expressions, calls of the API
// and the arguments of the request. The rest of VKScript would be more kinds
// of nodes.

// What a script may not exceed. VK publishes no such limits; these keep a
// parse from costing much.
const (
	maxScript      = 1 << 20 // bytes
	maxScriptDepth = 64      // arrays, objects and calls within one another
)

// A script is a list of statements, run in order up to the first return.
type script []statement

// The nodes of the tree. What they do is in execute.go.
type (
	returnStatement struct{ value expression }
	exprStatement   struct{ value expression }

	literal       struct{ value any } // nil, bool, string or json.Number
	arrayLiteral  []expression
	objectLiteral []property
	apiCall       struct {
		method string     // section.name
		args   expression // nil when called without
	}
	argument string // Args.name
)

// A property is one key of an object literal.
type property struct {
	name  string
	value expression
}

// A compileError is what error 12 says after the colon.
type compileError string

func (e compileError) Error() string { return string(e) }

type tokenClass uint8

const (
	endToken tokenClass = iota
	symbolToken
	nameToken
	numberToken
	stringToken
)

// A lexeme is one word of a script. The text of a string is its value.
type lexeme struct {
	class tokenClass
	text  string
	line  int
}

// A parser reads a script one lexeme ahead. Its methods panic with a
// compileError, which parseScript returns.
type parser struct {
	rest  string
	line  int
	depth int
	next  lexeme
}

func parseScript(code string) (s script, err error) {
	if len(code) > maxScript {
		return nil, compileError("code is too long")
	}
	p := &parser{rest: code, line: 1}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case compileError:
			s, err = nil, e
		default:
			panic(e)
		}
	}()
	p.advance()
	for p.next.class != endToken {
		if st := p.statement(); st != nil {
			s = append(s, st)
		}
	}
	return s, nil
}

func (p *parser) fail(format string, args ...any) {
	panic(compileError(fmt.Sprintf(format, args...) + fmt.Sprintf(" in line %d", p.next.line)))
}

// statement reads up to and with the semicolon; an empty one is nil.
func (p *parser) statement() statement {
	if p.take(";") {
		return nil
	}
	var s statement
	if p.next.class == nameToken && p.next.text == "return" {
		p.advance()
		value := expression(literal{})
		if !p.at(";") {
			value = p.expression()
		}
		s = returnStatement{value}
	} else {
		s = exprStatement{p.expression()}
	}
	p.expect(";")
	return s
}

func (p *parser) expression() expression {
	if p.depth++; p.depth > maxScriptDepth {
		p.fail("nesting is too deep")
	}
	defer func() { p.depth-- }()
	t := p.next
	switch {
	case t.class == stringToken:
		p.advance()
		return literal{t.text}
	case t.class == numberToken:
		p.advance()
		return literal{json.Number(t.text)}
	case t.class == nameToken:
		p.advance()
		return p.name(t)
	case p.take("-"):
		if t = p.next; t.class != numberToken {
			p.fail("number expected, '%s' found", t.text)
		}
		p.advance()
		return literal{json.Number("-" + t.text)}
	case p.take("["):
		return p.array()
	case p.take("{"):
		return p.object()
	case p.take("("):
		x := p.expression()
		p.expect(")")
		return x
	}
	p.fail("expression expected, '%s' found", t.text)
	return nil
}

// name reads what begins with a word.
func (p *parser) name(t lexeme) expression {
	switch t.text {
	case "true":
		return literal{true}
	case "false":
		return literal{false}
	case "null":
		return literal{}
	case "Args":
		p.expect(".")
		return argument(p.identifier())
	case "API":
		p.expect(".")
		section := p.identifier()
		p.expect(".")
		return p.call(section + "." + p.identifier())
	}
	panic(compileError(fmt.Sprintf("undefined identifier '%s' in line %d", t.text, t.line)))
}

// call reads the arguments of a method: one object, or nothing.
func (p *parser) call(method string) expression {
	p.expect("(")
	if p.take(")") {
		return apiCall{method, nil}
	}
	args := p.expression()
	p.expect(")")
	return apiCall{method, args}
}

// array reads what follows the bracket. Like VK it allows a comma at the end,
// which clients send.
func (p *parser) array() expression {
	list := arrayLiteral{}
	for !p.take("]") {
		list = append(list, p.expression())
		if !p.take(",") {
			p.expect("]")
			break
		}
	}
	return list
}

func (p *parser) object() expression {
	list := objectLiteral{}
	for !p.take("}") {
		t := p.next
		if t.class == symbolToken || t.class == endToken {
			p.fail("'}' expected, '%s' found", t.text)
		}
		p.advance()
		p.expect(":")
		list = append(list, property{t.text, p.expression()})
		if !p.take(",") {
			p.expect("}")
			break
		}
	}
	return list
}

func (p *parser) identifier() string {
	t := p.next
	if t.class != nameToken {
		p.fail("identifier expected, '%s' found", t.text)
	}
	p.advance()
	return t.text
}

func (p *parser) at(symbol string) bool {
	return p.next.class == symbolToken && p.next.text == symbol
}

func (p *parser) take(symbol string) bool {
	if !p.at(symbol) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(symbol string) {
	if !p.take(symbol) {
		p.fail("'%s' expected, '%s' found", symbol, p.next.text)
	}
}

// advance reads the next lexeme.
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
		p.next.class = symbolToken
		p.next.text = p.cut(n)
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}

// cut takes n bytes off the code.
func (p *parser) cut(n int) string {
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

// skip passes over white space and comments, counting lines.
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

// number reads digits with a fraction and an exponent, and drops the leading
// zeros that JSON does not know.
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

// escapes are the characters that a backslash makes of others; any other
// character stands for itself.
var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'b': "\b", 'f': "\f"}

// quoted reads a string up to its closing quote.
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

// unicode reads the uXXXX of an escape, or two of them that are a pair, and
// says how many bytes that were; none if it is not one.
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
	return r, length // WriteRune makes a half pair the replacement character
}

func hexRune(s string) (rune, bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), err == nil
}
