package fakevk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// panics returns the text of do's panic.
func panics(do func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	do()
	return ""
}

// TestCensus checks that the contents of the world can be listed, with the
// requested ids and tokens.
func TestCensus(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	g := s.AddGroup(GroupSpec{ID: 7, Name: "Shop", Token: "secret", Scopes: []string{"photos"}})
	if g.Token != "secret" {
		t.Errorf("the token is %q", g.Token)
	}
	mine := s.AddToken(Token{Value: "mine", UserID: s.anna.ID})
	service := s.AddToken(Token{})
	s.AddToken(Token{Value: "narrow", GroupID: s.group.ID, Scopes: []string{"messages", "docs"}})
	s.RevokeToken(s.group.Token)
	var tokens []string
	for _, k := range s.Tokens() {
		tokens = append(tokens, fmt.Sprintf("%s %d %d %q", k.Value, k.GroupID, k.UserID, k.Scopes))
	}
	want := []string{
		`secret 7 0 ["photos"]`, fmt.Sprintf(`mine 0 %d []`, s.anna.ID), service + ` 0 0 []`,
		fmt.Sprintf(`narrow %d 0 ["messages" "docs"]`, s.group.ID),
	}
	if d := cmp.Diff(want, tokens); d != "" || mine != "mine" {
		t.Error(mine, d)
	}
	groups := s.Groups()
	if len(groups) != 2 || groups[0].ID != 7 || groups[0].Token != "secret" || groups[1].Token != "narrow" {
		t.Errorf("communities %+v", groups)
	}
	users := s.Users()
	if len(users) != 2 || users[0].FirstName != "Anna" || !s.HasUser(s.boris.ID) || s.HasUser(5) {
		t.Errorf("people %+v", users)
	}
	s.AddUser(UserSpec{ID: 5, FirstName: "Anna"})
	for name, want := range map[string]string{
		"anna": "[100000001]", "ANNA Smith": "[100000001]", "id5": "[5]", "Boris": "[100000002]", "botclub": "[]", "nobody": "[]", "Smith": "[]",
	} {
		if got := fmt.Sprint(s.FindUsers(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	s.AddUser(UserSpec{FirstName: "Boris"})
	if got := s.FindUsers("Boris Jones"); len(got) != 1 {
		t.Errorf("Boris Jones is %v", got)
	}

	s.chat(ChatSpec{ID: 9, Title: "Nine"})
	s.chat(ChatSpec{ID: chatBase + 4, Title: "Four", MentionsOnly: true})
	if next := s.chat(ChatSpec{Title: "Ten"}); next.PeerID != chatBase+10 {
		t.Errorf("the next chat is %d", next.PeerID)
	}
	var chats []string
	for _, c := range s.Chats() {
		chats = append(chats, fmt.Sprintln(c.PeerID-chatBase, c.Title, c.MentionsOnly, len(c.Members), c.Owner == s.anna.ID, c.Admins))
	}
	if d := cmp.Diff([]string{"4 Four true 3 true [100000001]\n", "9 Nine false 3 true [100000001]\n", "10 Ten false 3 true [100000001]\n"}, chats); d != "" {
		t.Error(d)
	}

	for want, do := range map[string]func(){
		"the token is taken":         func() { s.AddToken(Token{Value: "mine"}) },
		"no such user":               func() { s.AddToken(Token{UserID: 77}) },
		"no community 77":            func() { s.AddToken(Token{GroupID: 77}) },
		"community or of a person":   func() { s.AddToken(Token{GroupID: 7, UserID: 5}) },
		"unknown scope":              func() { s.AddToken(Token{GroupID: 7, Scopes: []string{"all"}}) },
		"fakevk: the token is taken": func() { s.AddGroup(GroupSpec{Token: "mine"}) },
		"chat id 9 is taken":         func() { s.chat(ChatSpec{ID: 9}) },
		"chat id -1 is taken or out": func() { s.chat(ChatSpec{ID: -1}) },
		"fakevk: no member 123":      func() { s.AddChat(ChatSpec{Members: []int64{123}}) },
	} {
		if got := panics(do); !strings.Contains(got, want) {
			t.Errorf("panics with %q, want %q", got, want)
		}
	}
	if n := len(s.Chats()); n != 3 {
		t.Errorf("%d chats: an invalid call changed the world", n)
	}
}

// TestChanges checks that observers of the world get each change, in order,
// with the two sides of the conversation.
func TestChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	c := s.chat(ChatSpec{})
	var got []string
	s.OnChange(func(c Change) {
		line := fmt.Sprintf("%s %d %d", c.Kind, c.User, c.Peer)
		switch {
		case c.Message != nil:
			line += fmt.Sprintf(" %d:%s", c.Message.FromID, c.Message.Text)
		case c.Press != nil:
			line += fmt.Sprintf(" %s after %d, %v", c.Press.Button.Action.Label, c.CMID, c.Press.Answered)
		case c.Call != nil:
			line += " " + c.Call.Method
		case c.Event != nil:
			line += " " + c.Event.Type
		default:
			line += fmt.Sprintf(" %d %s %d %d", c.Who, c.State, c.CMID, c.ID)
		}
		if c.Time.IsZero() {
			t.Error("a change without a time")
		}
		got = append(got, line)
	})
	anna, group := s.anna.ID, s.group.ID
	s.says("hi")
	m := s.writes("message", "shop", "keyboard", `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Tea","payload":"{}"}}]]}`)
	b, _ := m.Button("Tea")
	p, err := s.Press(anna, -group, m.CMID, b)
	if err != nil {
		t.Fatal(err)
	}
	s.ok(nil, "messages.sendMessageEventAnswer", "event_id", p.EventID, "user_id", anna, "peer_id", anna)
	s.Type(anna, -group, "typing")
	s.Read(anna, -group, m.CMID)
	s.Edit(anna, -group, 2, "hello")
	s.ok(nil, "messages.setActivity", "peer_id", anna, "type", "typing")
	s.ok(nil, "messages.markAsRead", "peer_id", anna)
	s.Send(anna, c.PeerID, Draft{Text: "all"})
	s.AddUser(UserSpec{ID: 5})
	s.AddGroup(GroupSpec{ID: 6})
	s.AddChat(ChatSpec{ID: 7})
	want := strings.Split(strings.TrimSpace(fmt.Sprintf(`
message %[1]d -%[2]d %[1]d:hi
event 0 0 message_new
message %[1]d -%[2]d -%[2]d:shop
event 0 0 message_reply
call 0 0 messages.send
press %[1]d -%[2]d Tea after 3, false
event 0 0 message_event
answer %[1]d -%[2]d Tea after 3, true
call 0 0 messages.sendMessageEventAnswer
typing %[1]d -%[2]d %[1]d typing 0 0
event 0 0 message_typing_state
read %[1]d -%[2]d %[1]d  3 0
event 0 0 message_read
edit %[1]d -%[2]d %[1]d:hello
typing %[1]d -%[2]d -%[2]d typing 0 0
call 0 0 messages.setActivity
read %[1]d -%[2]d -%[2]d  3 0
call 0 0 messages.markAsRead
message 0 %[3]d %[1]d:all
event 0 0 message_new
user 0 0 0  0 5
group 0 0 0  0 6
chat 0 0 0  0 2000000007`, anna, group, c.PeerID)), "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestCallsAreBounded checks that the size of the calls is limited too.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	long := strings.Repeat("x", 4<<20)
	for range 20 {
		s.record(&call{w: s.World, name: "users.get", params: map[string]string{"long": long}}, nil, nil)
	}
	calls := s.Calls("")
	size := 0
	for _, c := range calls {
		size += c.size()
	}
	if size > maxCallSize || len(calls) != 15 || size != s.callSize {
		t.Errorf("%d calls of %d bytes, %d counted", len(calls), size, s.callSize)
	}
}
