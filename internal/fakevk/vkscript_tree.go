package fakevk

// The tree that a script is parsed into.

// A script is a list of statements, run in order up to the first return.
type script struct {
	body      block
	variables int
	length    int // of the code
}

// The statements. What they do is in vkscript_run.go.
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

// A branch is a condition and what it is the condition of.
type branch struct {
	condition expression
	body      statement
}

// The expressions.
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
	apiCall struct {
		method string     // section.name
		args   expression // nil when called without
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
