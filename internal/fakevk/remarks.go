package fakevk

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/vkfacts"
)

// Remarks report mistakes of a bot that VK ignores silently, such as a misspelt
// parameter, and methods that the fake lacks, known to VK's schema or not. They
// go to the test's log.

// remark records a remark about the call. It is reported after the response.
func (c *call) remark(format string, args ...any) {
	c.remarks = append(c.remarks, fmt.Sprintf(format, args...))
}

// remarkParams remarks on parameters that the method does not have.
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

// remarkBody remarks on a body that is not a form, such as JSON: its parameters
// are not read.
func (c *call) remarkBody(r *http.Request) {
	kind, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	switch kind = strings.TrimSpace(kind); {
	case r.ContentLength == 0:
	case r.Method == http.MethodGet:
		c.remark("%s: the body of a GET request is not read: put the parameters into the query, or use POST", c.name)
	case kind != "application/x-www-form-urlencoded" && kind != "multipart/form-data":
		c.remark("%s: a body of type %.40q is not read: send application/x-www-form-urlencoded or multipart/form-data", c.name, kind)
	}
}

// maxRemarks limits the number of different remarks of a world.
const maxRemarks = 1000

// newRemarks returns the call's remarks that were not made before. The world is
// locked.
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

// unknownMethod returns the error for a method that is not implemented here. VK
// checks the kind of the token before anything else, also for methods that the
// fake lacks.
func (c *call) unknownMethod() *apiError {
	m, known := vkfacts.Lookup(c.name)
	if !known {
		c.remark("the fake knows no method %s: correct its name, or handle it with vk.Client.Use", c.name)
		return fail(codeUnknownMethod)
	}
	if m.May(tokenFacts[c.token.kind]) {
		c.remark("vktest does not have the method %s: handle it with vk.Client.Use", c.name)
		return fail(codeUnknownMethod, "vktest does not have %s", c.name)
	}
	return c.wrongKind()
}

// tokenFacts maps the kinds of tokens to their names in the facts.
var tokenFacts = map[tokenKind]rune{userToken: vkfacts.User, groupToken: vkfacts.Group, serviceToken: vkfacts.Service}
