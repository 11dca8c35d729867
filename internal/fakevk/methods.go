package fakevk

import (
	"maps"
	"slices"
	"strings"
)

// methods is the API: every method that the fake knows, by name. Each
// methods_*.go file registers its own at start; nothing changes it later.
var methods = make(map[string]*method)

// Methods returns the names of the methods that the fake knows, sorted.
func Methods() []string { return slices.Sorted(maps.Keys(methods)) }

// HasSection reports whether the fake knows methods of a section, such as
// messages.
func HasSection(name string) bool {
	for m := range methods {
		if section, _, _ := strings.Cut(m, "."); section == name {
			return true
		}
	}
	return false
}

// userOrGroup are the tokens that most methods take.
const userOrGroup = userToken | groupToken

// register adds a method: who may call it, what a community token must have,
// and what answers it.
func register(name string, tokens tokenKind, needs scope, handle func(*call) (any, *apiError)) {
	if methods[name] != nil {
		panic("fakevk: method " + name + " is registered twice")
	}
	methods[name] = &method{tokens, needs, handle}
}
