package fakevk

import (
	"maps"
	"slices"
	"strings"
)

// methods holds every method of the fake by name. Each methods_*.go file
// registers its methods at initialization. The map does not change afterwards.
var methods = make(map[string]*method)

// Methods returns the sorted names of the fake's methods.
func Methods() []string { return slices.Sorted(maps.Keys(methods)) }

// HasSection reports whether the fake has methods of a section, such as
// messages.
func HasSection(name string) bool {
	for m := range methods {
		if section, _, _ := strings.Cut(m, "."); section == name {
			return true
		}
	}
	return false
}

// userOrGroup are the kinds of tokens that most methods accept.
const userOrGroup = userToken | groupToken

// register adds a method: the kinds of tokens that may call it, the scope that
// a community token needs, and its handler.
func register(name string, tokens tokenKind, needs scope, handle func(*call) (any, *apiError)) {
	if methods[name] != nil {
		panic("fakevk: method " + name + " is registered twice")
	}
	methods[name] = &method{tokens, needs, handle}
}
