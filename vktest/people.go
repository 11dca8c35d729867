package vktest

import (
	"cmp"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A User is a person in one conversation: the dialog with the bot, or a chat;
// see [User.In].
type User struct {
	ID   int64
	Name string

	s    *Server
	peer int64 // the conversation, as the person knows it
}

// A Chat is a chat of several people, with the bot in it.
type Chat struct {
	ID    int64 // its peer id: 2000000000 and more
	Title string
}

// A Person says what there is to know about somebody. The zero value is an
// ordinary person.
type Person struct {
	Name       string // the first name, and perhaps the last; empty means one made up
	ScreenName string // as in vk.com/anna; empty means id and the number
	Sex        int    // 1 female, 2 male, 0 not known
	Lang       string // "ru", "uk", "be", "en", "es", "fi", "de" or "it"; empty means "en"

	// Closed closes the profile to strangers: the bot sees the name and little
	// more.
	Closed bool

	// Deactivated is "deleted" or "banned" if there is only a page left. The
	// bot gets error 18 when it writes there.
	Deactivated string

	// DenyMessages forbids the community to write, even after the person wrote
	// to it: the bot gets error 901 until the person [User.Allows] it.
	DenyMessages bool

	// Private keeps the person from being written to by anybody: error 902.
	Private bool
}

// User adds a person who is called so and uses VK in English.
func (s *Server) User(name string) *User {
	s.tb().Helper()
	return s.Person(Person{Name: name})
}

// Person adds a person of any kind.
func (s *Server) Person(p Person) *User {
	s.tb().Helper()
	if p.Lang == "uk" {
		p.Lang = "ua" // as VK calls it
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

// Chat opens a chat with the bot and some people in it, the first of whom owns
// it. The bot sees everything that is written there, unless [Server.MentionsOnly]
// says otherwise.
func (s *Server) Chat(title string, members ...*User) *Chat {
	if len(members) == 0 {
		s.tb().Helper()
		s.fatalf("a chat needs somebody to open it")
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

// In returns the same person in a chat. What the bot says there is heard once,
// by whoever listens first.
func (u *User) In(c *Chat) *User {
	in := *u
	in.peer = c.ID
	return &in
}

// Says sends a message, perhaps with something attached.
func (u *User) Says(text string, attached ...Attachment) Message {
	u.s.tb().Helper()
	return u.send(fakevk.Draft{Text: text}, attached)
}

// Replies sends a message that answers another.
func (u *User) Replies(to Message, text string, attached ...Attachment) Message {
	u.s.tb().Helper()
	return u.send(fakevk.Draft{Text: text, ReplyTo: to.CMID}, attached)
}

// Comes writes as who came by a link such as vk.me/bot?ref=…&ref_source=….
func (u *User) Comes(ref, source, text string) Message {
	u.s.tb().Helper()
	return u.send(fakevk.Draft{Text: text, Ref: ref, RefSource: source}, nil)
}

// PressesStart presses the button that a dialog begins with.
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

// Types shows that the person is typing. In private, the bot gets a
// message_typing_state if the community asks for it.
func (u *User) Types() {
	u.s.tb().Helper()
	u.must("type", u.s.world.Type(u.ID, u.peer, "typing"))
}

// Reads marks the conversation as read, up to a message.
func (u *User) Reads(m Message) {
	u.s.tb().Helper()
	u.must("read", u.s.world.Read(u.ID, u.peer, m.CMID))
}

// Edits changes the text of the person's own message.
func (u *User) Edits(m Message, text string) {
	u.s.tb().Helper()
	_, err := u.s.world.Edit(u.ID, u.peer, m.CMID, text)
	u.must("edit", err)
}

// Deletes deletes the person's own message for everybody.
func (u *User) Deletes(m Message) {
	u.s.tb().Helper()
	u.must("delete", u.s.world.Delete(u.ID, u.peer, m.CMID))
}

// Allows lets the community write to the person: the bot gets a message_allow
// with the key.
func (u *User) Allows(key string) { u.s.world.Allow(u.ID, u.s.GroupID, key) }

// Denies forbids the community to write: the bot gets a message_deny, and error
// 901 when it tries.
func (u *User) Denies() { u.s.world.Deny(u.ID, u.s.GroupID) }

// Invites brings somebody into the chat.
func (u *User) Invites(who *User) {
	u.s.tb().Helper()
	_, err := u.s.world.Invite(u.ID, u.chat(), who.ID)
	u.must("invite "+who.Name, err)
}

// Kicks removes somebody from the chat.
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

// Renames gives the chat another title.
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

// must fails if a person cannot do something.
func (u *User) must(what string, err error, args ...any) {
	u.s.tb().Helper()
	if err != nil {
		u.s.fatalf("%s cannot "+what+": %v", append(append([]any{u.Name}, args...), err)...)
	}
}

// MakeAdmin makes the person an administrator of the chat.
func (u *User) MakeAdmin() {
	u.s.tb().Helper()
	u.s.world.SetAdmin(u.chat(), u.ID, true)
}

// MakeBotAdmin makes the bot an administrator of the chat.
func (s *Server) MakeBotAdmin(c *Chat) { s.world.SetAdmin(c.ID, -s.GroupID, true) }

// MentionsOnly takes from the bot what an administrator of the chat grants: it
// sees only what mentions it, answers it or begins with a slash, and what
// happens to the chat.
func (s *Server) MentionsOnly(c *Chat) { s.world.SetMentionsOnly(c.ID, true) }

// Emit sends the bot an event of any kind, with an object that is anything
// encoding/json takes: what nobody here can do by hand. It fails the test if the
// kind is switched off, so that nobody would get the event.
func (s *Server) Emit(kind string, object any) {
	s.tb().Helper()
	if !s.world.Sends(s.GroupID, kind) {
		s.fatalf("Emit: %s is switched off in the community's settings: listen to it before Start, or name it in Config.Kinds", kind)
	}
	s.try("Emit "+kind, func() { s.world.Emit(s.GroupID, kind, object) })
}
