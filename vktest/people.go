package vktest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

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

// A Message is a message as a person sees it.
type Message struct {
	CMID    int64  // its number within the conversation
	FromID  int64  // who wrote it; negative for a community
	Text    string // what it says
	ReplyTo int64  // the CMID of the message that it answers, else 0
}

// User adds a person who is called so and uses VK in English.
func (s *Server) User(name string) *User { return s.UserIn(name, "en") }

// UserIn adds a person who uses VK in a language: "ru", "uk", "be", "en", "es",
// "fi", "de" or "it".
func (s *Server) UserIn(name, lang string) *User {
	if lang == "uk" {
		lang = "ua" // as VK calls it
	}
	first, last, _ := strings.Cut(name, " ")
	u := s.world.AddUser(fakevk.UserSpec{FirstName: first, LastName: last, Lang: lang})
	user := &User{ID: u.ID, Name: name, s: s, peer: -s.GroupID}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[u.ID] = name
	s.users = append(s.users, user)
	return user
}

// Chat opens a chat with the bot and some people in it, the first of whom owns
// it. The bot sees everything that is written there.
func (s *Server) Chat(title string, members ...*User) *Chat {
	var ids []int64
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	made := s.world.AddChat(fakevk.ChatSpec{Title: title, Members: append(ids, -s.GroupID)})
	chat := &Chat{ID: made.PeerID, Title: title}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chats = append(s.chats, chat)
	return chat
}

// In returns the same person in a chat. What the bot says there is heard once,
// by whoever listens first.
func (u *User) In(c *Chat) *User {
	in := *u
	in.peer = c.ID
	return &in
}

// Says sends a message.
func (u *User) Says(text string) {
	u.s.tb().Helper()
	if _, err := u.s.world.Send(u.ID, u.peer, fakevk.Draft{Text: text}); err != nil {
		u.s.fatalf("%s cannot say %q: %v", u.Name, text, err)
	}
}

// patience is how long an expectation waits.
const patience = 10 * time.Second

// Hears expects that the bot's next message in the conversation, which it may
// still be about to send, has this text. It returns the message.
func (u *User) Hears(text string) Message {
	u.s.tb().Helper()
	return u.hears(fmt.Sprintf("%q", text), func(m Message) bool { return m.Text == text })
}

// HearsLike is Hears for a text that the regular expression matches somewhere.
func (u *User) HearsLike(pattern string) Message {
	u.s.tb().Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		u.s.fatalf("%v", err)
	}
	return u.hears("something like "+pattern, func(m Message) bool { return re.MatchString(m.Text) })
}

func (u *User) hears(want string, ok func(Message) bool) Message {
	u.s.tb().Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("the bot has said nothing for %v", patience))
	defer cancel()
	m, err := u.Next(ctx)
	switch {
	case err != nil:
		u.s.fatalf("%s should hear %s, but %v\n%s", u.Name, want, err, u.s.transcript(u.peer, u.ID))
	case !ok(m):
		u.s.fatalf("%s should hear %s, but hears %q\n%s", u.Name, want, m.Text, u.s.transcript(u.peer, u.ID))
	}
	return m
}

// HearsNothing expects that the bot, once it has handled everything that was
// said to it, has said nothing in the conversation that was not heard.
func (u *User) HearsNothing() {
	u.s.tb().Helper()
	u.s.Wait(context.Background())
	if m, ok := u.peek(); ok {
		u.s.fatalf("%s should hear nothing, but hears %q\n%s", u.Name, m.Text, u.s.transcript(u.peer, u.ID))
	}
}

// Next waits for the bot's next message in the conversation. If ctx ends
// first, Next returns its cause.
func (u *User) Next(ctx context.Context) (Message, error) {
	for {
		changed := u.s.world.Changed()
		if m, ok := u.take(); ok {
			return m, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		}
	}
}

// TryNext returns the bot's next message in the conversation, if there is one.
func (u *User) TryNext() (Message, bool) { return u.take() }

// conversation is the key of what was heard: a chat's peer id, or the person's.
func (u *User) conversation() int64 {
	if u.peer > 0 {
		return u.peer
	}
	return u.ID
}

// take returns the first message that was not heard, and marks it.
func (u *User) take() (Message, bool) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	m, ok := u.unheard()
	if ok {
		u.s.heard[u.conversation()] = m.CMID
	}
	return m, ok
}

func (u *User) peek() (Message, bool) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	return u.unheard()
}

// unheard returns the first message of the bot that was not heard. The caller
// holds s.mu.
func (u *User) unheard() (Message, bool) {
	for _, m := range u.s.world.Messages(u.ID, u.peer) {
		if m.FromID == -u.s.GroupID && m.CMID > u.s.heard[u.conversation()] && m.Action == nil {
			return message(m), true
		}
	}
	return Message{}, false
}

func message(m fakevk.Message) Message {
	out := Message{CMID: m.CMID, FromID: m.FromID, Text: m.Text}
	if m.Reply != nil {
		out.ReplyTo = m.Reply.CMID
	}
	return out
}

// transcript writes a conversation as its members see it.
func (s *Server) transcript(peer, viewer int64) string {
	var b strings.Builder
	b.WriteString("The conversation so far:\n")
	for _, m := range s.world.Messages(viewer, peer) {
		s.mu.Lock()
		name := s.people[m.FromID]
		s.mu.Unlock()
		fmt.Fprintf(&b, "\t%s: %s\n", name, strings.ReplaceAll(m.Text, "\n", "\n\t\t"))
	}
	return b.String()
}
