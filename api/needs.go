package api

import (
	"slices"
	"strings"
	"sync"

	"github.com/vkrouter/vk"
)

// A Need lists the tokens and rights that requests need.
type Need struct {
	// Tokens are the kinds of tokens that may make all of the requests: "user",
	// "community" and "service". It is empty if no token may make all.
	Tokens []string

	// Rights are those that a community's token needs, as VK names them: to be
	// given to [vk.Diagnose].
	Rights []string

	// Unknown are the methods of which it is not known whether they need a right. VK
	// publishes no list.
	Unknown []string
}

// rights are those of a community's token, in VK's order.
var rights = []string{"stories", "photos", "app_widget", "messages", "docs", "manage"}

// tokenKinds are the kinds of tokens, by their letters in the table.
var tokenKinds = [...]struct{ letter, name string }{{"u", "user"}, {"g", "community"}, {"s", "service"}}

// needs are the lines of the table, by method.
var needs = sync.OnceValue(func() map[string][2]string {
	m := make(map[string][2]string)
	for line := range strings.Lines(needsTable) {
		f := strings.Fields(line)
		m[f[0]] = [2]string{f[1], f[2]}
	}
	return m
})

// Needs returns the tokens and rights that the requests need. Only their types count:
// their fields may be zero.
func Needs(requests ...interface {
	Request() (method string, p vk.Params, err error)
}) Need {
	var n Need
	letters := "ugs"
	for _, r := range requests {
		method, _, _ := r.Request() // an error is that of a field
		row := needs()[method]
		letters = strings.Map(func(l rune) rune {
			if !strings.ContainsRune(row[0], l) {
				return -1
			}
			return l
		}, letters)
		switch {
		case !strings.Contains(row[0], "g"):
		case row[1] == "?" && !slices.Contains(n.Unknown, method):
			n.Unknown = append(n.Unknown, method)
		case slices.Contains(rights, row[1]) && !slices.Contains(n.Rights, row[1]):
			n.Rights = append(n.Rights, row[1])
		}
	}
	for _, k := range tokenKinds {
		if strings.Contains(letters, k.letter) {
			n.Tokens = append(n.Tokens, k.name)
		}
	}
	slices.Sort(n.Unknown)
	slices.SortFunc(n.Rights, func(a, b string) int { return slices.Index(rights, a) - slices.Index(rights, b) })
	return n
}
