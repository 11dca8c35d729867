package vkscript

import (
	"encoding/json"
	"fmt"
)

// A parser reads code one lexeme ahead. Its methods panic with a *SyntaxError,
// which Parse returns.
type parser struct {
	rest      string // the code that is not read yet
	line      int
	depth     int
	next      lexeme
	limits    Limits
	variables map[string]variable // those declared so far
}

// fail reports a mistake at the next lexeme.
func (p *parser) fail(format string, args ...any) {
	p.failAt(p.next.line, format, args...)
}

func (p *parser) failAt(line int, format string, args ...any) {
	panic(&SyntaxError{Msg: fmt.Sprintf(format, args...), Line: line})
}

// deeper enters a level of nesting, and returns a function that leaves it.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > p.limits.Nesting {
		p.fail("nesting is too deep")
	}
	return func() { p.depth-- }
}

// statement reads a statement with its semicolon, or a block.
func (p *parser) statement() statement {
	defer p.deeper()()
	switch {
	case p.take(";"):
		return block{}
	case p.take("{"):
		list := block{}
		for !p.take("}") {
			if p.next.class == endToken {
				p.expect("}")
			}
			list = append(list, p.statement())
		}
		return list
	case p.word("return"):
		value := expression(literal{})
		if !p.at(";") {
			value = p.expression()
		}
		p.expect(";")
		return returnStatement{value}
	case p.word("var"):
		return p.declaration()
	case p.word("if"):
		return p.conditional()
	case p.word("while"):
		return whileStatement{p.branch()}
	}
	s := exprStatement{p.expression()}
	p.expect(";")
	return s
}

// declaration reads the names, with or without values, that follow var. A name
// can be used from there to the end of the script, also outside its block.
func (p *parser) declaration() statement {
	list := block{}
	for {
		t := p.next
		if reserved[t.text] {
			p.fail("identifier expected, '%s' found", t.text)
		}
		name := p.identifier()
		value := expression(literal{})
		if p.take("=") {
			value = p.expression()
		}
		v, known := p.variables[name]
		if !known {
			v = variable(len(p.variables))
			p.variables[name] = v
		}
		list = append(list, exprStatement{assignment{v, value}})
		if !p.take(",") {
			p.expect(";")
			return list
		}
	}
}

// reserved are the words that cannot be names of variables.
var reserved = map[string]bool{
	"API": true, "Args": true, "delete": true, "else": true, "false": true, "if": true, "null": true, "parseDouble": true,
	"parseInt": true, "return": true, "true": true, "var": true, "while": true,
}

// conditional reads an if statement from its condition on.
func (p *parser) conditional() statement {
	s := ifStatement{branches: []branch{p.branch()}}
	for p.word("else") {
		if !p.word("if") {
			s.otherwise = p.statement()
			break
		}
		s.branches = append(s.branches, p.branch())
	}
	return s
}

// branch reads a condition in parentheses and its statement.
func (p *parser) branch() branch {
	p.expect("(")
	condition := p.expression()
	p.expect(")")
	return branch{condition, p.statement()}
}

// expression reads an expression with all its operators, including assignment
// and the choice between two values.
func (p *parser) expression() expression {
	defer p.deeper()()
	x := p.operators(0)
	if p.take("?") {
		yes := p.expression()
		p.expect(":")
		return choice{x, yes, p.expression()}
	}
	if !p.at("=") {
		return x
	}
	switch to := x.(type) {
	case variable:
	case access:
		if to.of == (arguments{}) {
			p.fail("';' expected, '=' found") // Args cannot be written to
		}
	default:
		p.fail("';' expected, '=' found")
	}
	p.advance()
	return assignment{x, p.expression()}
}

// precedence are the operators that have two operands. Those of a later row bind
// more tightly.
var precedence = [][]string{
	{"||"},
	{"&&"},
	{"==", "!="},
	{"<", ">", "<=", ">="},
	{"+", "-"},
	{"*", "/", "%"},
}

// operators reads operands joined by operators of a row of precedence or a later
// one.
func (p *parser) operators(row int) expression {
	if row == len(precedence) {
		return p.prefixed()
	}
	x := p.operators(row + 1)
	for n := 0; ; n++ {
		operator := p.next.text
		if !p.takeOne(precedence[row]) {
			return x
		}
		if n == p.limits.Chain {
			p.fail("expression is too long")
		}
		x = operation{operator, x, p.operators(row + 1)}
	}
}

// prefixed reads an operand with the operators before and after it.
func (p *parser) prefixed() expression {
	operator := p.next.text
	switch {
	case p.takeOne([]string{"!", "-"}):
		defer p.deeper()()
		if t := p.next; operator == "-" && t.class == numberToken {
			p.advance()
			return p.postfixed(literal{json.Number("-" + t.text)})
		}
		return sign{operator, p.prefixed()}
	case p.word("delete"):
		line := p.next.line
		m, ok := p.postfixed(p.operand()).(access)
		if !ok {
			p.failAt(line, "field expected")
		}
		return removal{m}
	}
	return p.postfixed(p.operand())
}

// postfixed reads the fields, indexes and method calls that follow an operand.
func (p *parser) postfixed(x expression) expression {
	for n := 0; ; n++ {
		if n == p.limits.Chain {
			p.fail("expression is too long")
		}
		switch {
		case p.take("."):
			name := p.identifier()
			if !p.at("(") {
				x = access{x, literal{name}}
				continue
			}
			if methodsOfValues[name] == nil {
				p.fail("undefined method '%s'", name)
			}
			x = methodCall{x, name, p.list()}
		case p.take("@."):
			x = pluck{x, p.identifier()}
		case p.take("["):
			key := p.expression()
			p.expect("]")
			x = access{x, key}
		default:
			return x
		}
	}
}

// list reads the arguments of a call, in parentheses.
func (p *parser) list() []expression {
	p.expect("(")
	var args []expression
	for !p.take(")") {
		args = append(args, p.expression())
		if !p.take(",") {
			p.expect(")")
			break
		}
	}
	return args
}

// operand reads a literal, a name, or an expression in parentheses.
func (p *parser) operand() expression {
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

// name reads an operand that begins with the word t.
func (p *parser) name(t lexeme) expression {
	switch t.text {
	case "true":
		return literal{true}
	case "false":
		return literal{false}
	case "null":
		return literal{}
	case "Args":
		return arguments{}
	case "API":
		p.expect(".")
		section := p.identifier()
		p.expect(".")
		return p.call(section + "." + p.identifier())
	case "parseInt", "parseDouble":
		return builtin{t.text, p.list()}
	}
	if v, ok := p.variables[t.text]; ok {
		return v
	}
	p.failAt(t.line, "undefined identifier '%s'", t.text)
	return nil
}

// call reads the argument of an API method: one object, or nothing.
func (p *parser) call(method string) expression {
	p.expect("(")
	if p.take(")") {
		return apiCall{method, nil}
	}
	args := p.expression()
	p.expect(")")
	return apiCall{method, args}
}

// array reads an array from its bracket on. As at VK, the last element may be
// followed by a comma, which some clients send.
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

// object reads an object from its brace on.
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

// word consumes the next lexeme if it is a given word, and reports whether it was.
func (p *parser) word(text string) bool {
	if p.next.class != nameToken || p.next.text != text {
		return false
	}
	p.advance()
	return true
}

// at reports whether the next lexeme is a given symbol.
func (p *parser) at(symbol string) bool {
	return p.next.class == symbolToken && p.next.text == symbol
}

// take consumes the next lexeme if it is a given symbol, and reports whether it
// was.
func (p *parser) take(symbol string) bool {
	if !p.at(symbol) {
		return false
	}
	p.advance()
	return true
}

// takeOne is take for any of several symbols.
func (p *parser) takeOne(symbols []string) bool {
	for _, s := range symbols {
		if p.take(s) {
			return true
		}
	}
	return false
}

// expect consumes a symbol, which must be next.
func (p *parser) expect(symbol string) {
	if !p.take(symbol) {
		p.fail("'%s' expected, '%s' found", symbol, p.next.text)
	}
}
