package fakevk

import (
	"slices"
	"strings"
)

// A tokenKind is the kind of a token's owner. A method lists the kinds it
// accepts.
type tokenKind uint8

const (
	userToken tokenKind = 1 << iota
	groupToken
	serviceToken

	anyToken = userToken | groupToken | serviceToken
)

// A scope is one right of a community token, in VK's numbering.
type scope int

const (
	scopeNone     scope = 0
	scopeStories  scope = 1
	scopePhotos   scope = 4
	scopeWidget   scope = 64
	scopeMessages scope = 4096
	scopeDocs     scope = 131072
	scopeManage   scope = 262144
)

// scopes are the rights of a community token by name, in VK's order.
var scopes = []struct {
	name  string
	scope scope
}{
	{"stories", scopeStories},
	{"photos", scopePhotos},
	{"app_widget", scopeWidget},
	{"messages", scopeMessages},
	{"docs", scopeDocs},
	{"manage", scopeManage},
}

// scopeMask returns the scopes with the given names; no names mean all of them.
// It panics on an unknown name.
func scopeMask(names []string) scope {
	var m scope
	for _, s := range scopes {
		if len(names) == 0 || slices.Contains(names, s.name) {
			m |= s.scope
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(scopes, func(s struct {
			name  string
			scope scope
		}) bool {
			return s.name == n
		}) {
			var known []string
			for _, s := range scopes {
				known = append(known, s.name)
			}
			panic("fakevk: unknown scope " + n + ": the scopes are " + strings.Join(known, ", "))
		}
	}
	return m
}

type token struct {
	kind   tokenKind
	owner  int64 // the user, or minus the community; 0 for a service token
	number int64 // in the order of creation
	scope  scope
	limit  limiter
}

// AddGroupToken adds another token of a community, with the named scopes
// (stories, photos, app_widget, messages, docs, manage); no names mean all.
func (w *World) AddGroupToken(group int64, scopes ...string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustGroup(group)
	return w.addToken(token{kind: groupToken, owner: -group, scope: scopeMask(scopes)})
}

// AddUserToken adds a token of a user, with every right. To act for a community
// with it, the user must be one of its admins.
func (w *World) AddUserToken(user int64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users[user] == nil {
		panic("fakevk: no such user")
	}
	return w.addToken(token{kind: userToken, owner: user, scope: scopeMask(nil)})
}

// AddServiceToken adds a service key of an application.
func (w *World) AddServiceToken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addToken(token{kind: serviceToken})
}

// RevokeToken makes a token invalid: calls with it get error 5.
func (w *World) RevokeToken(value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tokens, value)
}

func (w *World) addToken(t token) string { return w.putToken(w.newToken(), t) }

func (w *World) putToken(v string, t token) string {
	w.lastToken++
	t.number = w.lastToken
	t.limit.rps = w.cfg.RPS
	if t.kind == userToken {
		t.limit.rps = w.cfg.UserRPS
	}
	w.tokens[v] = &t
	return v
}

// Right returns the right that a community's token needs for a method, or "" if it
// needs none or if the fake lacks the method.
func Right(name string) string {
	m := methods[name]
	if m == nil {
		return ""
	}
	for _, s := range scopes {
		if m.scope == s.scope {
			return s.name
		}
	}
	return ""
}

// Rights returns the names of the rights of a community's token, in VK's order.
func Rights() (names []string) {
	for _, s := range scopes {
		names = append(names, s.name)
	}
	return names
}
