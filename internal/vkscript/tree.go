package vkscript

// The tree that code is parsed into: statements and expressions. Their run and
// eval methods are in run.go and operators.go.

type (
	block           []statement
	returnStatement struct{ value expression }
	exprStatement   struct{ value expression }
	ifStatement     struct {
		branches  []branch // if, else if, …
		otherwise statement
	}
	whileStatement struct{ branch }
)

// A branch is a condition and the statement that it controls.
type branch struct {
	condition expression
	body      statement
}

type (
	literal       struct{ value any } // nil, bool, string or json.Number
	arrayLiteral  []expression
	objectLiteral []property
	variable      int // its number
	arguments     struct{}
	access        struct{ of, key expression }
	pluck         struct {
		of   expression
		name string
	}
	assignment struct{ to, value expression }
	removal    struct{ what access }
	sign       struct {
		operator string
		operand  expression
	}
	operation struct {
		operator    string
		left, right expression
	}
	choice struct { // condition ? yes : no
		condition, yes, no expression
	}
	apiCall struct {
		method string     // section.name
		args   expression // nil if the call has no argument
	}
	builtin struct { // parseInt(x)
		name string
		args []expression
	}
	methodCall struct { // list.push(x)
		of   expression
		name string
		args []expression
	}
)

// A property is one key of an object literal.
type property struct {
	name  string
	value expression
}
