package fakevk

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vkrouter/vk/internal/vkfacts"
)

// A bot's mistake that VK ignores silently is worth a remark in the test's log: a
// misspelt parameter, for instance. So is a method that the fake lacks.

// remark notes something about the call, to be told once it is answered.
func (c *call) remark(format string, args ...any) {
	c.remarks = append(c.remarks, fmt.Sprintf(format, args...))
}

// remarkParams looks for parameters that the method does not have.
func (c *call) remarkParams() {
	m, known := vkfacts.Lookup(c.name)
	if !known {
		return
	}
	for _, p := range slices.Sorted(maps.Keys(c.params)) {
		switch {
		case m.Takes(p):
		case m.Nearest(p) != "":
			c.remark("%s has no parameter %s: did you mean %s?", c.name, p, m.Nearest(p))
		default:
			c.remark("%s has no parameter %s", c.name, p)
		}
	}
}

// maxRemarks is how many different remarks a world makes.
const maxRemarks = 1000

// newRemarks returns those of the call's remarks that were not made before. The
// world is locked.
func (w *World) newRemarks(c *call) (list []string) {
	if w.cfg.OnRemark == nil {
		return nil
	}
	for _, r := range c.remarks {
		if !w.remarked[r] && len(w.remarked) < maxRemarks {
			w.remarked[r] = true
			list = append(list, r)
		}
	}
	return list
}

// unknownMethod is the answer to a method that is not done here. VK looks at the
// kind of the token before anything else, also for methods that the fake lacks.
func (c *call) unknownMethod() *apiError {
	m, known := vkfacts.Lookup(c.name)
	if !known {
		return fail(codeUnknownMethod)
	}
	if m.May(tokenFacts[c.token.kind]) {
		c.remark("vktest does not have the method %s: answer it by vk.Client.Use", c.name)
		return fail(codeUnknownMethod, "vktest does not have %s", c.name)
	}
	return c.wrongKind()
}

// tokenFacts are the kinds of tokens as the facts name them.
var tokenFacts = map[tokenKind]rune{userToken: vkfacts.User, groupToken: vkfacts.Group, serviceToken: vkfacts.Service}
