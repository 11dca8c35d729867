package fakediscord

import "strings"

// A user is a person or a bot.
type user struct {
	id          ID
	name        string // unique, in lower case for people
	global      string // the display name
	avatar      string // a hash, or ""
	banner      string
	bot, system bool
	closedDMs   bool // the user takes no private messages of the bot
	dm          *channel
	connections []object
	locale      string       // of the client
	form        *interaction // that has opened one which is not sent yet
}

// addUser adds a user with a display name.
func (s *Server) addUser(name string) *user {
	u := &user{id: s.newID(), name: strings.ToLower(name), global: name}
	s.users[u.id] = u
	return u
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// object returns the user as other users see it.
func (u *user) object() object {
	o := object{
		"id": u.id, "username": u.name, "discriminator": "0", "global_name": orNil(u.global), "avatar": orNil(u.avatar),
		"banner": orNil(u.banner), "accent_color": nil, "public_flags": 0, "flags": 0,
		"avatar_decoration_data": nil, "collectibles": nil, "primary_guild": nil, "clan": nil, "display_name_styles": nil,
	}
	if u.bot {
		o["bot"] = true
		o["username"], o["global_name"], o["discriminator"] = u.global, nil, "4321"
	}
	if u.system {
		o["system"] = true
	}
	return o
}

// selfObject returns the user as it sees itself.
func (u *user) selfObject() object {
	return with(u.object(), object{"verified": true, "mfa_enabled": true, "email": nil, "locale": "en-US", "premium_type": 0, "bio": ""})
}

// AddUser adds a person with a display name and returns its ID.
func (s *Server) AddUser(name string) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	return s.addUser(name).id
}

// AddBearer returns an OAuth2 token of a user, for the calls that no bot may
// make, and links the user to other accounts: {"id","name","type",…}.
func (s *Server) AddBearer(id ID, connections ...map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.mustUser(id)
	u.connections = connections
	token := "bearer-" + id.String()
	s.bearers[token] = u
	return token
}

// CloseDMs makes a person take no private messages of the bot.
func (s *Server) CloseDMs(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(id).closedDMs = true
}

// mustUser returns a user and panics if there is none: the test is wrong then.
func (s *Server) mustUser(id ID) *user {
	u := s.users[id]
	if u == nil {
		panic("fakediscord: no user " + id.String())
	}
	return u
}

// A User is a snapshot of a user.
type User struct {
	ID     ID     `json:"id"`
	Name   string `json:"name"`
	Bot    bool   `json:"bot"`
	Avatar string `json:"avatar,omitempty"`
}

// Users returns all users, in the order of their IDs.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []User
	for _, u := range sorted(s.users) {
		all = append(all, User{ID: u.id, Name: u.global, Bot: u.bot, Avatar: u.avatar})
	}
	return all
}
