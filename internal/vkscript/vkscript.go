// Package vkscript parses and runs VKScript, the language of the code
// parameter of VK's method execute.
//
// VKScript is JavaScript without functions. It has variables, if, while, a ? b : c,
// arrays, objects, and a few methods of arrays and strings.
// API.section.method({…}) calls a method of the API, Args.name is a parameter
// of the request, and list@.name takes a field of each element of an array.
// Everything else that JavaScript has, such as for, ++, += and ===, does not
// compile. VK's page describes the language:
// https://dev.vk.com/ru/method/execute
//
// [Parse] compiles code into a [Script], and [Script.Run] runs it and returns
// its result as JSON. The package knows no method of the API: the caller
// performs the calls in [Options].Call. [Limits] bounds the time and the memory
// that a script takes, so that code from anywhere can be run.
//
// # Values
//
// VK's page leaves much open. This package reads it as follows: values behave
// as in JavaScript, and arrays and objects are shared by all variables that hold
// them. The sum of two arrays is their concatenation, and null adds nothing to
// an array. A variable can be used from its var to the end of the script. A
// missing field, a field of null, and a field of false, which is the value of a
// failed call, are null. Where JavaScript would compute NaN or throw, the run
// fails.
package vkscript

import (
	"encoding/json"
	"fmt"
)

// Limits bound a script. A script that exceeds one of them fails.
// No field has a default: zero allows nothing.
type Limits struct {
	// The limits of Parse.
	Code    int // bytes of the code
	Nesting int // statements and expressions within one another
	Chain   int // operators of one precedence, or fields and calls, in a row

	// The limits of Run.
	Steps    int // operations, in addition to one for each byte of the code
	Calls    int // calls of the API
	Response int // bytes of all responses and arguments that are read, and of the result
	Memory   int // bytes of all values that are made, 64 for each element or field
	Depth    int // arrays and objects within one another, of a value that is written as JSON
}

// Options are the arguments of [Script.Run].
type Options struct {
	// Args are the parameters of the request, which the script reads as Args.
	// Run does not change them.
	Args map[string]string

	// Call calls a method of the API and returns its response as JSON, or false
	// if the call failed. It must not be nil if the script calls methods. It
	// may keep and change params, which has a value for each argument of the
	// call, also if that is empty. Run calls it in its own goroutine, and does
	// not change the response.
	Call func(method string, params map[string]string) (response json.RawMessage, ok bool)
}

// A Script is compiled code. It can be run any number of times, also by several
// goroutines at once.
type Script struct {
	body      block
	variables int // the number of them
	length    int // of the code
	limits    Limits
}

// Parse compiles code. If the code is malformed or exceeds a limit, the error is
// a [*SyntaxError]. The limits hold for each run of the script too.
func Parse(code string, limits Limits) (s *Script, err error) {
	if len(code) > limits.Code {
		return nil, &SyntaxError{Msg: "code is too long"}
	}
	p := &parser{rest: code, line: 1, limits: limits, variables: make(map[string]variable)}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *SyntaxError:
			s, err = nil, e
		default:
			panic(e)
		}
	}()
	s = &Script{length: len(code), limits: limits}
	p.advance()
	for p.next.class != endToken {
		s.body = append(s.body, p.statement())
	}
	s.variables = len(p.variables)
	return s, nil
}

// Run runs the script and returns the value that it returns, as JSON; a script
// that ends without a return has the value null. If an operation fails or the
// run exceeds a limit, Run stops and returns a [*RuntimeError]; calls of the API
// that were made before have happened.
//
// A run has no deadline: its limits bound the time that it takes, except for
// the time spent in Call.
func (s *Script) Run(o Options) (result json.RawMessage, err error) {
	m := &machine{
		options:   o,
		limits:    s.limits,
		variables: make([]any, s.variables),
		steps:     s.limits.Steps + s.length,
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *RuntimeError:
			result, err = nil, e
		default:
			panic(e)
		}
	}()
	s.body.run(m)
	result = m.encode(m.result)
	if len(result) > m.limits.Response {
		m.fail("response size is too big")
	}
	return result, nil
}

// A SyntaxError is the reason why code does not compile.
type SyntaxError struct {
	Msg  string
	Line int // where the mistake was found, from 1; 0 if the code as a whole is wrong
}

// Error returns the message and the line, in the words of VK's error 12.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Msg
	}
	return fmt.Sprintf("%s in line %d", e.Msg, e.Line)
}

// A RuntimeError is the reason why a run stopped.
type RuntimeError struct{ Msg string }

// Error returns the message, in the words of VK's error 13.
func (e *RuntimeError) Error() string { return e.Msg }
