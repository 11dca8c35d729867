package vktest

import (
	"cmp"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A User is a user in one conversation: the dialog with the bot, or a chat; see
// [User.In].
type User struct {
	ID   int64
	Name string

	s    *Server
	peer int64 // the conversation, as the user knows it
}

// A Chat is a chat of several users and the bot.
type Chat struct {
	ID    int64 // its peer id: 2000000000 and above
	Title string
}

// A Person describes a user to [Server.Person]. The zero value is an ordinary
// user.
type Person struct {
	Name       string // the first name, optionally with the last; if empty, one is generated
	ScreenName string // as in vk.com/anna; the default is id and the number
	Sex        int    // 1 female, 2 male, 0 unknown
	Lang       string // "ru", "uk", "be", "en", "es", "fi", "de" or "it"; the default is "en"

	// Closed closes the profile to strangers: the bot sees the name and little
	// more.
	Closed bool

	// Deactivated is "deleted" or "banned" for a deactivated page. The bot gets
	// error 18 when it writes to the user.
	Deactivated string

	// DenyMessages forbids the community to write, even after the user wrote to
	// it: the bot gets error 901 until the user [User.Allows] it.
	DenyMessages bool

	// Private forbids everybody to write to the user: error 902.
	Private bool
}

// User adds a user with this name, whose language is English.
func (s *Server) User(name string) *User {
	s.tb().Helper()
	return s.Person(Person{Name: name})
}

// Person adds a user of any kind.
func (s *Server) Person(p Person) *User {
	s.tb().Helper()
	if p.Lang == "uk" {
		p.Lang = "ua" // VK's name for it
	}
	if p.Deactivated != "" && p.Deactivated != "deleted" && p.Deactivated != "banned" {
		s.fatalf("%s is %q, which is neither deleted nor banned", p.Name, p.Deactivated)
	}
	first, last, _ := strings.Cut(p.Name, " ")
	var u fakevk.User
	s.try("Person "+p.Name, func() {
		u = s.world.AddUser(fakevk.UserSpec{
			FirstName: first, LastName: last, ScreenName: p.ScreenName, Sex: p.Sex, Lang: p.Lang,
			Closed: p.Closed, Deactivated: p.Deactivated, DenyMessages: p.DenyMessages, Private: p.Private,
		})
	})
	name := cmp.Or(p.Name, u.FirstName+" "+u.LastName)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[u.ID] = name
	s.conversations = append(s.conversations, conversation{viewer: u.ID, peer: -s.GroupID, title: name + " and the bot"})
	return &User{ID: u.ID, Name: name, s: s, peer: -s.GroupID}
}

// Chat opens a chat with the bot and the given members; the first one is the
// owner. The bot sees every message in it, unless [Server.MentionsOnly] limits
// that.
func (s *Server) Chat(title string, members ...*User) *Chat {
	if len(members) == 0 {
		s.tb().Helper()
		s.fatalf("a chat needs at least one member")
	}
	var ids []int64
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	made := s.world.AddChat(fakevk.ChatSpec{Title: title, Members: append(ids, -s.GroupID)})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conversations = append(s.conversations, conversation{viewer: ids[0], peer: made.PeerID, title: "the chat " + title})
	return &Chat{ID: made.PeerID, Title: title}
}

// In returns the same user in a chat. Each message of the bot there is heard
// once, by the first user who listens.
func (u *User) In(c *Chat) *User {
	in := *u
	in.peer = c.ID
	return &in
}

// Says sends a message, optionally with attachments.
func (u *User) Says(text string, attached ...Attachment) Message {
	u.s.tb().Helper()
	return u.send(fakevk.Draft{Text: text}, attached)
}

// Replies sends a reply to a message.
func (u *User) Replies(to Message, text string, attached ...Attachment) Message {
	u.s.tb().Helper()
	return u.send(fakevk.Draft{Text: text, ReplyTo: to.CMID}, attached)
}

// Comes sends a message as a user who came by a link such as
// vk.me/bot?ref=…&ref_source=….
func (u *User) Comes(ref, source, text string) Message {
	u.s.tb().Helper()
	return u.send(fakevk.Draft{Text: text, Ref: ref, RefSource: source}, nil)
}

// PressesStart presses the start button of an empty dialog.
func (u *User) PressesStart() {
	u.s.tb().Helper()
	u.send(fakevk.Draft{Text: "Start", Payload: `{"command":"start"}`}, nil)
}

func (u *User) send(d fakevk.Draft, attached []Attachment) Message {
	u.s.tb().Helper()
	for _, a := range attached {
		a(u, &d)
	}
	m, err := u.s.world.Send(u.ID, u.peer, d)
	u.must("say %q", err, d.Text)
	return message(m)
}

// Types shows that the user is typing. In private, the bot gets a
// message_typing_state if the community has that event switched on.
func (u *User) Types() {
	u.s.tb().Helper()
	u.must("type", u.s.world.Type(u.ID, u.peer, "typing"))
}

// Reads marks the conversation as read, up to a message.
func (u *User) Reads(m Message) {
	u.s.tb().Helper()
	u.must("read", u.s.world.Read(u.ID, u.peer, m.CMID))
}

// Edits changes the text of the user's own message.
func (u *User) Edits(m Message, text string) {
	u.s.tb().Helper()
	_, err := u.s.world.Edit(u.ID, u.peer, m.CMID, text)
	u.must("edit", err)
}

// Deletes deletes the user's own message for everybody.
func (u *User) Deletes(m Message) {
	u.s.tb().Helper()
	u.must("delete", u.s.world.Delete(u.ID, u.peer, m.CMID))
}

// Allows lets the community write to the user: the bot gets a message_allow
// with the key.
func (u *User) Allows(key string) { u.s.world.Allow(u.ID, u.s.GroupID, key) }

// Denies forbids the community to write to the user: the bot gets a
// message_deny, and error 901 when it writes.
func (u *User) Denies() { u.s.world.Deny(u.ID, u.s.GroupID) }

// Invites adds a user to the chat.
func (u *User) Invites(who *User) {
	u.s.tb().Helper()
	_, err := u.s.world.Invite(u.ID, u.chat(), who.ID)
	u.must("invite "+who.Name, err)
}

// Kicks removes a user from the chat.
func (u *User) Kicks(who *User) {
	u.s.tb().Helper()
	_, err := u.s.world.Kick(u.ID, u.chat(), who.ID)
	u.must("kick "+who.Name, err)
}

// KicksBot removes the bot from the chat.
func (u *User) KicksBot() {
	u.s.tb().Helper()
	_, err := u.s.world.Kick(u.ID, u.chat(), -u.s.GroupID)
	u.must("kick the bot", err)
}

// Renames changes the title of the chat.
func (u *User) Renames(title string) {
	u.s.tb().Helper()
	_, err := u.s.world.SetTitle(u.ID, u.chat(), title)
	u.must("rename the chat", err)
}

// chat returns the chat that u is in, or fails.
func (u *User) chat() int64 {
	u.s.tb().Helper()
	if u.peer < 0 {
		u.s.fatalf("%s is in private: this takes a chat, by In", u.Name)
	}
	return u.peer
}

// must fails the test if a user's action was refused.
func (u *User) must(what string, err error, args ...any) {
	u.s.tb().Helper()
	if err != nil {
		u.s.fatalf("%s cannot "+what+": %v", append(append([]any{u.Name}, args...), err)...)
	}
}

// MakeAdmin makes the user an administrator of the chat.
func (u *User) MakeAdmin() {
	u.s.tb().Helper()
	u.s.world.SetAdmin(u.chat(), u.ID, true)
}

// MakeBotAdmin makes the bot an administrator of the chat.
func (s *Server) MakeBotAdmin(c *Chat) { s.world.SetAdmin(c.ID, -s.GroupID, true) }

// MentionsOnly revokes the access that an administrator of the chat grants. The
// bot then sees only messages that mention it, reply to it or begin with a
// slash, and the service messages of the chat.
func (s *Server) MentionsOnly(c *Chat) { s.world.SetMentionsOnly(c.ID, true) }

// Emit sends the bot an event of any kind, including events that no method of
// this package causes. The object is any value that encoding/json accepts. Emit
// fails the test if the kind is switched off, because the bot would not get the
// event.
func (s *Server) Emit(kind string, object any) {
	s.tb().Helper()
	if !s.world.Sends(s.GroupID, kind) {
		s.fatalf("Emit: %s is switched off in the community's settings: listen to it before Start, or name it in Config.Kinds", kind)
	}
	s.try("Emit "+kind, func() { s.world.Emit(s.GroupID, kind, object) })
}
