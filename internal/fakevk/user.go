package fakevk

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
)

// A UserSpec describes a user to [World.AddUser]. The zero value is an ordinary
// user who speaks English and has a name made from the id.
type UserSpec struct {
	ID                  int64 // if zero, the next free one
	FirstName, LastName string
	ScreenName          string // the default is id{ID}
	Sex                 int    // 0 unknown, 1 female, 2 male

	// Lang is the language of the user's client: ru, ua, be, en, es, fi, de or
	// it. The default is en.
	Lang string

	Closed      bool   // a closed profile
	Deactivated string // "deleted" or "banned"

	// DenyMessages keeps communities from writing (error 901) until
	// [World.Allow], even after the user wrote to them.
	DenyMessages bool

	// Private forbids everybody to write (error 902).
	Private bool

	// Cases holds the name in the grammatical cases gen, dat, acc, ins and abl.
	// Missing cases use the plain name.
	Cases map[string][2]string

	// Fields are further profile fields, returned if a call names them in its
	// fields parameter.
	Fields map[string]any

	// Client lists the abilities of the user's client; nil means all.
	Client *ClientInfo
}

// A User is a user of the world as tests see it.
type User struct {
	ID                  int64
	FirstName, LastName string
	ScreenName          string
}

// ClientInfo is VK's description of the client that sent a message.
type ClientInfo struct {
	ButtonActions  []string `json:"button_actions"`
	Keyboard       bool     `json:"keyboard"`
	InlineKeyboard bool     `json:"inline_keyboard"`
	Carousel       bool     `json:"carousel"`
	LangID         int      `json:"lang_id"`
}

// langs maps languages to VK's numbers.
var langs = map[string]int{"ru": 0, "ua": 1, "be": 2, "en": 3, "es": 4, "fi": 5, "de": 6, "it": 7}

type user struct {
	UserSpec
	client ClientInfo
}

// AddUser adds a user. It panics if the id or the screen name is taken or the
// language is unknown, because then the test itself is wrong.
func (w *World) AddUser(s UserSpec) User {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.ID == 0 {
		s.ID = w.lastUser + 1
	}
	if s.ID < 0 || s.ID >= chatBase || w.users[s.ID] != nil {
		panic(fmt.Sprintf("fakevk: user id %d is taken or out of range", s.ID))
	}
	w.lastUser = max(w.lastUser, s.ID)
	lang, ok := langs[cmp.Or(s.Lang, "en")]
	if !ok {
		panic("fakevk: unknown language " + s.Lang)
	}
	if s.FirstName == "" {
		s.FirstName, s.LastName = fmt.Sprintf("User%d", s.ID-firstUser+1), cmp.Or(s.LastName, "Test")
	}
	s.ScreenName = cmp.Or(s.ScreenName, fmt.Sprintf("id%d", s.ID))
	w.claimName(s.ScreenName, s.ID)
	s.Cases, s.Fields = maps.Clone(s.Cases), maps.Clone(s.Fields)
	u := &user{UserSpec: s, client: ClientInfo{
		ButtonActions: []string{"text", "vkpay", "open_app", "location", "open_link", "open_photo",
			"callback", "intent_subscribe", "intent_unsubscribe"},
		Keyboard:       true,
		InlineKeyboard: true,
		Carousel:       true,
		LangID:         lang,
	}}
	if s.Client != nil {
		u.client = *s.Client
	}
	w.users[s.ID] = u
	w.tell(Change{Kind: ChangeUser, ID: s.ID})
	w.touch()
	return User{ID: s.ID, FirstName: s.FirstName, LastName: s.LastName, ScreenName: s.ScreenName}
}

// claimName reserves a screen name for its owner; communities have negative
// ids.
func (w *World) claimName(name string, owner int64) {
	key := strings.ToLower(name)
	if other, taken := w.names[key]; taken && other != owner {
		panic("fakevk: screen name " + name + " is taken")
	}
	w.names[key] = owner
}

// namePrefixes are the prefixes of canonical names of users and communities; a
// number follows.
var namePrefixes = []struct {
	prefix string
	sign   int64
}{{"id", 1}, {"club", -1}, {"public", -1}, {"event", -1}}

// resolve returns the owner of a screen name or of a canonical one (id1,
// club1). Communities have negative ids.
func (w *World) resolve(name string) (owner int64, ok bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "@"))
	if owner, ok := w.names[name]; ok {
		return owner, true
	}
	for _, p := range namePrefixes {
		digits, found := strings.CutPrefix(name, p.prefix)
		if n, err := parseID(digits); found && err == nil && w.exists(p.sign*n) {
			return p.sign * n, true
		}
	}
	return 0, false
}

// exists reports whether the user or, for a negative id, the community exists.
func (w *World) exists(owner int64) bool {
	if owner < 0 {
		return w.groups[-owner] != nil
	}
	return w.users[owner] != nil
}

// clientOf returns the client info of a message's author.
func (w *World) clientOf(from int64) ClientInfo {
	if u := w.users[from]; u != nil {
		return u.client
	}
	return ClientInfo{ButtonActions: []string{"text"}, Keyboard: true, InlineKeyboard: true, LangID: langs["en"]}
}
