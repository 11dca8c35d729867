package fakevk

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// The contents of the world, for code that did not create it.

// A Profile is a user with all their attributes.
type Profile struct{ UserSpec }

// Users returns the users, in the order of their ids.
func (w *World) Users() []Profile {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Profile
	for _, id := range slices.Sorted(maps.Keys(w.users)) {
		u := w.users[id].UserSpec
		u.Cases, u.Fields = maps.Clone(u.Cases), maps.Clone(u.Fields)
		out = append(out, Profile{u})
	}
	return out
}

// HasUser reports whether the user exists.
func (w *World) HasUser(id int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.users[id] != nil
}

// Groups returns the communities, in the order of their ids, each with its
// first valid token.
func (w *World) Groups() []Group {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := make(map[int64]string)
	for _, t := range w.tokenList() {
		if _, ok := first[-t.GroupID]; !ok && t.GroupID != 0 {
			first[-t.GroupID] = t.Value
		}
	}
	var out []Group
	for _, id := range slices.Sorted(maps.Keys(w.groups)) {
		g := w.groups[id]
		out = append(out, Group{ID: id, Name: g.spec.Name, ScreenName: g.spec.ScreenName, Token: first[-id]})
	}
	return out
}

// A Room is a chat with its members.
type Room struct {
	Chat
	Owner        int64
	Members      []int64 // in ascending order: communities first
	Admins       []int64
	MentionsOnly bool
	Pinned       int64  // CMID, or zero
	Link         string // the invite link
}

// Chats returns the chats, in the order of their ids.
func (w *World) Chats() []Room {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Room
	for _, peer := range slices.Sorted(maps.Keys(w.chats)) {
		c := w.chats[peer]
		out = append(out, Room{
			Chat: Chat{PeerID: peer, Title: c.title}, Owner: c.owner, Members: slices.Sorted(maps.Keys(c.members)),
			Admins: c.admins(), MentionsOnly: c.mentionsOnly, Pinned: c.pinned, Link: w.inviteLink(c),
		})
	}
	return out
}

// A Token describes a token for the code that hands tokens out. It belongs to a
// community, to a user, or, if to neither, to an application.
type Token struct {
	Value   string
	GroupID int64
	UserID  int64
	Scopes  []string // of a community's token; nil means all

	number int64 // in the order of creation
}

// Tokens returns the valid tokens, in the order of their creation.
func (w *World) Tokens() []Token {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tokenList()
}

func (w *World) tokenList() []Token {
	var out []Token
	for value, t := range w.tokens {
		k := Token{Value: value, number: t.number}
		switch t.kind {
		case groupToken:
			k.GroupID = -t.owner
			if t.scope != scopeMask(nil) {
				for _, s := range scopes {
					if t.scope&s.scope != 0 {
						k.Scopes = append(k.Scopes, s.name)
					}
				}
			}
		case userToken:
			k.UserID = t.owner
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Token) int { return cmp.Compare(a.number, b.number) })
	return out
}

// AddToken adds a token and returns its value. If the value is empty, AddToken
// generates one. It panics if the value is taken, if the community, the user or
// a scope is unknown, or if both a community and a user are given.
func (w *World) AddToken(t Token) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	made := token{kind: serviceToken}
	switch {
	case t.GroupID != 0 && t.UserID != 0:
		panic("fakevk: a token is of a community or of a person")
	case t.GroupID != 0:
		w.mustGroup(t.GroupID)
		made = token{kind: groupToken, owner: -t.GroupID, scope: scopeMask(t.Scopes)}
	case t.UserID != 0:
		if w.users[t.UserID] == nil {
			panic("fakevk: no such user")
		}
		made = token{kind: userToken, owner: t.UserID, scope: scopeMask(nil)}
	}
	if t.Value == "" {
		return w.addToken(made)
	}
	if w.tokens[t.Value] != nil {
		panic("fakevk: the token is taken")
	}
	return w.putToken(t.Value, made)
}

// FindUsers returns the users that have the given name: a screen name, a
// canonical one such as id1, or else a first name or a whole name. Case is
// ignored.
func (w *World) FindUsers(name string) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if owner, ok := w.resolve(name); ok && owner > 0 {
		return []int64{owner}
	}
	var ids []int64
	for id, u := range w.users {
		if strings.EqualFold(u.FirstName, name) || strings.EqualFold(u.FirstName+" "+u.LastName, name) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
