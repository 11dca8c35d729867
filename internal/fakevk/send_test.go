package fakevk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSendRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	user := func(spec UserSpec, writes bool) int64 {
		u := s.AddUser(spec)
		if writes {
			if _, err := s.Send(u.ID, -s.group.ID, Draft{Text: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		return u.ID
	}
	banned := user(UserSpec{}, true)
	s.Ban(0, banned, s.group.ID)
	denied := user(UserSpec{}, true)
	s.Deny(denied, s.group.ID)
	kicked := s.chat(ChatSpec{})
	if _, err := s.Kick(s.anna.ID, kicked.PeerID, -s.group.ID); err != nil {
		t.Fatal(err)
	}
	left := s.chat(ChatSpec{})
	if _, err := s.Kick(-s.group.ID, left.PeerID, -s.group.ID); err != nil {
		t.Fatal(err)
	}
	strangers := s.AddChat(ChatSpec{Members: []int64{s.anna.ID}})
	anna := s.anna.ID
	tests := []struct {
		name  string
		code  int
		words string
		pairs []any
	}{
		{"no random_id", 100, "random_id is a required parameter", []any{"peer_id", anna, "message", "x", "random_id", ""}},
		{"broken random_id", 100, "random_id not integer", []any{"peer_id", anna, "message", "x", "random_id", "1.5"}},
		{"no recipient", 100, "you should specify peer_id, user_id, domain, chat_id or user_ids param", []any{"message", "x"}},
		{"user_ids", 100, "user_ids", []any{"user_ids", anna, "message", "x"}},
		{"broken peer", 100, "peer_id not integer", []any{"peer_id", "anna", "message", "x"}},
		{"too many peers", 100, "peer_ids", []any{"peer_ids", strings.Repeat("1,", 101), "message", "x"}},
		{"chat_id too great", 100, "chat_id should be less or equal to 100000000", []any{"chat_id", 2000000001, "message", "x"}},
		{"unknown domain", 936, "Contact not found", []any{"domain", "nobody", "message", "x"}},
		{"unknown user", 936, "Contact not found", []any{"peer_id", 5, "message", "x"}},
		{"no content", 100, "message is empty or invalid", []any{"peer_id", anna}},
		{"spaces", 100, "message is empty or invalid", []any{"peer_id", anna, "message", " \n "}},
		{"only a keyboard", 100, "message is empty or invalid", []any{"peer_id", anna, "keyboard", `{"buttons":[]}`}},
		{"too long", 914, "Message is too long", []any{"peer_id", anna, "message", strings.Repeat("ж", 4097)}},
		{"long payload", 100, "payload is too long", []any{"peer_id", anna, "message", "x", "payload", strings.Repeat("x", 1001)}},
		{"payload not JSON", 100, "payload contains incorrect JSON", []any{"peer_id", anna, "message", "x", "payload", "[object Object]"}},
		{"latitude", 100, "lat should be between", []any{"peer_id", anna, "lat", 91, "long", 0}},
		{"no such word", 100, "lat not float", []any{"peer_id", anna, "lat", "north"}},
		{"never wrote", 901, "Can't send messages for users without permission", []any{"peer_id", s.boris.ID, "message", "x"}},
		{"denied", 901, "without permission", []any{"peer_id", denied, "message", "x"}},
		{"forbids in general", 901, "without permission", []any{"peer_id", user(UserSpec{DenyMessages: true}, true), "message", "x"}},
		{"black list", 900, "from blacklist", []any{"peer_id", banned, "message", "x"}},
		{"privacy", 902, "privacy settings", []any{"peer_id", user(UserSpec{Private: true}, true), "message", "x"}},
		{"deleted page", 18, "User was deleted or banned", []any{"peer_id", user(UserSpec{Deactivated: "deleted"}, false), "message", "x"}},
		{"another community", 901, "", []any{"peer_id", -s.group.ID, "message", "x"}},
		{"no such chat", 917, "You don't have access to this chat", []any{"peer_id", 2000000099, "message", "x"}},
		{"never in the chat", 917, "You don't have access", []any{"peer_id", strangers.PeerID, "message", "x"}},
		{"kicked", 7, "Permission to perform this action is denied: the user was kicked out of the conversation", []any{"peer_id", kicked.PeerID, "message", "x"}},
		{"left", 922, "You left this chat", []any{"peer_id", left.PeerID, "message", "x"}},
		{"broken attachment", 100, "attachment is invalid", []any{"peer_id", anna, "attachment", "photo"}},
		{"eleven attachments", 100, "too many attachments", []any{"peer_id", anna, "attachment", strings.Repeat("photo1_2,", 11)}},
		{"foreign group_id", 15, "Access denied", []any{"peer_id", anna, "message", "x", "group_id", s.AddGroup(GroupSpec{}).ID}},
		{"forward not JSON", 100, "forward contains incorrect JSON", []any{"peer_id", anna, "message", "x", "forward", "{"}},
		{"forward nothing", 100, "conversation_message_ids is undefined", []any{"peer_id", anna, "message", "x", "forward", "{}"}},
		{"forward of the unseen", 921, "Can't forward these messages", []any{"peer_id", anna, "message", "x", "forward", fmt.Sprintf(`{"peer_id":%d,"conversation_message_ids":[99]}`, anna)}},
		{"reply to two", 100, "exactly one", []any{"peer_id", anna, "message", "x", "forward", fmt.Sprintf(`{"peer_id":%d,"conversation_message_ids":[1,1],"is_reply":true}`, anna)}},
		{"reply from another dialog", 100, "reply_to have to be message from same chat", []any{"peer_id", chat.PeerID, "message", "x", "forward", fmt.Sprintf(`{"peer_id":%d,"conversation_message_ids":[1],"is_reply":true}`, anna)}},
		{"reply_to of the unseen", 100, "reply_to have to be message from same chat", []any{"peer_id", anna, "message", "x", "reply_to", 5}},
		{"format not JSON", 100, "format_data contains incorrect JSON", []any{"peer_id", anna, "message", "x", "format_data", "bold"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.fails(tt.code, tt.words, "messages.send", append([]any{"random_id", 1000}, tt.pairs...)...)
		})
	}
	// Before 5.90 nothing was required.
	s.ok(nil, "messages.send", "v", "5.89", "peer_id", anna, "message", "x")
}

func TestSendAddresses(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	for name, pair := range map[string][]any{
		"peer_id":                              {"peer_id", s.anna.ID},
		"user_id":                              {"user_id", s.anna.ID},
		"domain":                               {"domain", "Anna"},
		"peer_id of a chat with an empty list": {"peer_id", chat.PeerID, "peer_ids", ""},
		"chat_id":                              {"chat_id", chat.PeerID - chatBase},
	} {
		t.Run(name, func(t *testing.T) {
			var id int64
			s.ok(&id, "messages.send", append(pair, "message", name, "random_id", 0)...)
			viewer, peer := s.anna.ID, -s.group.ID
			if strings.Contains(name, "chat") {
				peer = chat.PeerID
			}
			m := s.last(viewer, peer)
			if m.Text != name || m.FromID != -s.group.ID || m.Out {
				t.Errorf("got %+v", m)
			}
			if want := m.ID; peer == chat.PeerID && id != 0 || peer != chat.PeerID && id != want {
				t.Errorf("answer %d, message id %d", id, want)
			}
		})
	}
}

// TestSendPeerIDs checks that the response is always a list, with each failure
// in its place.
func TestSendPeerIDs(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	rep := s.call("messages.send", "peer_ids", fmt.Sprintf("%d,%d,%d", s.anna.ID, chat.PeerID, s.boris.ID), "message", "x", "random_id", 5)
	m := s.last(s.anna.ID, -s.group.ID)
	want := fmt.Sprintf(`[{"peer_id":%d,"message_id":%d,"conversation_message_id":%d},`+
		`{"peer_id":%d,"message_id":0,"conversation_message_id":1},`+
		`{"peer_id":%d,"message_id":0,"conversation_message_id":0,"error":{"code":901,"description":"Can't send messages for users without permission"}}]`,
		s.anna.ID, m.ID, m.CMID, chat.PeerID, s.boris.ID)
	if d := cmp.Diff(want, string(rep.Response)); d != "" {
		t.Error(d)
	}
	again := s.call("messages.send", "peer_ids", s.anna.ID, "message", "x", "random_id", 5)
	if got := string(again.Response); got != fmt.Sprintf(`[{"peer_id":%d,"message_id":%d,"conversation_message_id":%d}]`, s.anna.ID, m.ID, m.CMID) {
		t.Errorf("the duplicate: %s", got)
	}
}

func TestDedupe(t *testing.T) {
	send := func(s *scene, pairs ...any) (id int64) {
		s.t.Helper()
		s.ok(&id, "messages.send", append([]any{"peer_id", s.anna.ID, "message", "x", "random_id", 7}, pairs...)...)
		return id
	}
	t.Run("the first message comes back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			first := send(s)
			if second := send(s, "message", "y"); second != first {
				t.Errorf("sent again as %d, first %d", second, first)
			}
			if m := s.last(s.anna.ID, -s.group.ID); m.Text != "x" {
				t.Errorf("got %q", m.Text)
			}
			if other := send(s, "random_id", 8); other == first {
				t.Error("another random_id is a duplicate")
			}
			chat := s.chat(ChatSpec{})
			send(s, "peer_id", chat.PeerID)
			if n := len(s.Messages(s.anna.ID, chat.PeerID)); n != 1 {
				t.Errorf("%d messages in another dialog", n)
			}
			time.Sleep(time.Hour - 1)
			if again := send(s); again != first {
				t.Error("forgotten within the hour")
			}
			time.Sleep(time.Nanosecond)
			if again := send(s); again == first {
				t.Error("remembered after an hour")
			}
		})
	})
	t.Run("zero is never a duplicate", func(t *testing.T) {
		s := newScene(t, Config{})
		for _, zero := range []int64{0, 1 << 32} { // zero in 32 bits
			first := send(s, "random_id", zero)
			if second := send(s, "random_id", zero); first == second {
				t.Errorf("%d was", zero)
			}
		}
	})
	t.Run("a hundred messages later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			first := send(s)
			for range dedupeSpan - 1 {
				s.says("chatter")
			}
			if send(s) != first {
				t.Error("forgotten after 99 messages")
			}
			s.says("chatter")
			if send(s) == first {
				t.Error("remembered after 100")
			}
		})
	})
	t.Run("many random ids", func(t *testing.T) {
		s := newScene(t, Config{})
		for i := range 5 * dedupeSpan {
			send(s, "random_id", i+1)
		}
		if n := len(s.dialogs[pair{-s.group.ID, s.anna.ID}].sent); n > 2*dedupeSpan+1 {
			t.Errorf("%d random ids are remembered", n)
		}
		last := s.last(s.anna.ID, -s.group.ID)
		if send(s, "random_id", 5*dedupeSpan) != last.ID {
			t.Error("the last was forgotten")
		}
	})
}

func TestRandomIDs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int32{
		"1": 1, "-5": -5, "2147483647": 2147483647, "2147483648": -2147483648,
		"17000000000000000":    -248610816,
		"15399092144834129975": -1000820681,
		"-9223372036854775808": 0,
	} {
		s := newScene(t, Config{})
		m := s.writes("message", "x", "random_id", in)
		if m.RandomID != want {
			t.Errorf("random_id %s became %d, want %d", in, m.RandomID, want)
		}
	}
}

func TestForwardShapes(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	said := s.says("original")
	chat := s.chat(ChatSpec{})
	inChat, err := s.Send(s.boris.ID, chat.PeerID, Draft{Text: "in the chat"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		forward  string
		peer     int64
		reply    string
		forwards int
	}{
		{"a number", `{"peer_id":%[1]d,"conversation_message_ids":%[2]d,"is_reply":true}`, s.anna.ID, "original", 0},
		{"a list and nulls", `{"owner_id":null,"peer_id":%[1]d,"conversation_message_ids":[%[2]d],"message_ids":null,"is_reply":true}`, s.anna.ID, "original", 0},
		{"cmids", `{"peer_id":%[1]d,"cmids":[%[2]d],"is_reply":true}`, s.anna.ID, "original", 0},
		{"is_reply as a number", `{"peer_id":%[1]d,"cmids":[%[2]d],"is_reply":1}`, s.anna.ID, "original", 0},
		{"forward", `{"peer_id":%[1]d,"conversation_message_ids":[%[2]d]}`, s.anna.ID, "", 1},
		{"by id", `{"message_ids":[%[3]d]}`, s.anna.ID, "", 1},
		{"reply in a chat", `{"peer_id":%[4]d,"conversation_message_ids":[%[5]d],"is_reply":true}`, chat.PeerID, "in the chat", 0},
		{"out of a chat", `{"peer_id":%[4]d,"conversation_message_ids":[%[5]d]}`, s.anna.ID, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := fmt.Sprintf(tt.forward+"%.0[1]d%.0[2]d%.0[3]d%.0[4]d%.0[5]d", s.anna.ID, said.CMID, said.ID, chat.PeerID, inChat.CMID)
			f = f[:strings.LastIndex(f, "}")+1]
			s.ok(nil, "messages.send", "peer_id", tt.peer, "random_id", 0, "message", "x", "forward", f)
			viewer := -s.group.ID
			m := s.last(viewer, tt.peer)
			if tt.reply != "" && (m.Reply == nil || m.Reply.Text != tt.reply) || tt.reply == "" && m.Reply != nil {
				t.Errorf("reply %+v", m.Reply)
			}
			if len(m.Forward) != tt.forwards {
				t.Errorf("%d forwards", len(m.Forward))
			}
		})
	}
}

func TestTooManyForwards(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{HistoryLimit: 1000})
	first := s.last(s.anna.ID, -s.group.ID)
	ids := strings.TrimSuffix(strings.Repeat("1,", 101), ",")
	s.fails(913, "Too many forwarded messages", "messages.send", "peer_id", s.anna.ID, "random_id", 0,
		"forward", fmt.Sprintf(`{"peer_id":%d,"conversation_message_ids":[%s]}`, s.anna.ID, ids))
	deep := Draft{Text: "0"}
	for i := range maxForwardDepth + 1 {
		m, err := s.Send(s.anna.ID, -s.group.ID, deep)
		if err != nil {
			t.Fatal(err)
		}
		deep = Draft{Text: fmt.Sprint(i), Forward: []Ref{{-s.group.ID, m.CMID}}}
		first = m
	}
	s.fails(913, "", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "forward_messages", first.ID)
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	known := json.RawMessage(`{"id":457,"owner_id":12,"album_id":-64,"date":1,"has_tags":false,"text":"known","sizes":[]}`)
	name, err := s.AddMedia("photo", known)
	if err != nil || name != "photo12_457" {
		t.Fatalf("%q, %v", name, err)
	}
	m := s.writes("attachment", "photo12_457_key, doc-5_6,audio_message7_8,wall-1_2,market_album-1_3,https://example.com/a")
	var kinds []string
	for _, raw := range m.Attachments {
		var a map[string]json.RawMessage
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		var kind string
		json.Unmarshal(a["type"], &kind)
		kinds = append(kinds, kind)
		if a[kind] == nil {
			t.Errorf("no object under %q: %s", kind, raw)
		}
	}
	if d := cmp.Diff([]string{"photo", "doc", "audio_message", "wall", "market_album", "link"}, kinds); d != "" {
		t.Error(d)
	}
	if !strings.Contains(string(m.Attachments[0]), `"text":"known"`) {
		t.Errorf("a known photo came back as %s", m.Attachments[0])
	}
	if _, err := s.AddMedia("photo", json.RawMessage(`[]`)); err == nil {
		t.Error("an object without ids was taken")
	}
	s.writes("attachment", "photo1_2,doc1_3,audio1_4")
	s.ok(nil, "messages.getHistory", "peer_id", s.anna.ID, "count", 1) // checked against the schema
	sticker := s.writes("sticker_id", 9019, "message", "ignored")
	if sticker.Text != "" || len(sticker.Attachments) != 1 {
		t.Errorf("sticker: %+v", sticker)
	}
	place := s.writes("lat", "59.9", "long", "30.3")
	if place.Geo == nil || place.Geo.Lat != 59.9 || place.Geo.Long != 30.3 {
		t.Errorf("geo: %+v", place.Geo)
	}
}

func TestMessageLength(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{MaxMessageLen: 9000}})
	if m := s.writes("message", strings.Repeat("ж", 9000)); len([]rune(m.Text)) != 9000 {
		t.Errorf("%d characters", len([]rune(m.Text)))
	}
	s.fails(914, "", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "message", strings.Repeat("x", 9001))
}

// TestUserToken sends with a user's token: as the user, and with group_id as an
// admin of the community.
func TestUserToken(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	admin := s.AddUser(UserSpec{})
	g := s.AddGroup(GroupSpec{Admins: []int64{admin.ID}})
	token := s.AddUserToken(admin.ID)
	s.ok(nil, "messages.send", "access_token", token, "peer_id", -s.group.ID, "random_id", 0, "message", "from a person")
	if m := s.last(-s.group.ID, admin.ID); m.Text != "from a person" || m.FromID != admin.ID {
		t.Errorf("got %+v", m)
	}
	s.writes("message", "x") // Anna accepts messages
	s.ok(nil, "messages.send", "peer_id", admin.ID, "random_id", 0, "message", "an answer is allowed")
	if _, err := s.Send(s.anna.ID, -g.ID, Draft{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	s.ok(nil, "messages.send", "access_token", token, "group_id", g.ID, "peer_id", s.anna.ID, "random_id", 0, "message", "y")
	if m := s.last(s.anna.ID, -g.ID); m.FromID != -g.ID || m.AdminID != admin.ID {
		t.Errorf("got %+v", m)
	}
	s.fails(912, "This is a chat bot feature, change this status in settings", "messages.send",
		"access_token", token, "peer_id", -s.group.ID, "random_id", 0, "message", "x", "keyboard", `{"buttons":[]}`)
	s.ok(nil, "messages.send", "access_token", token, "peer_id", s.boris.ID, "random_id", 0, "message", "from person to person")
	s.last(s.boris.ID, admin.ID)
}

// TestChatAccess checks that a community without full access sees mentions,
// commands, replies and service messages.
func TestChatAccess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		reply bool
		want  bool
	}{
		{"hello", false, false},
		{"/help", false, true},
		{"[club%d|bot] hello", false, true},
		{"@botclub hello", false, true},
		{"what?", true, true},
	} {
		t.Run(tt.text, func(t *testing.T) {
			s := newScene(t, Config{})
			chat := s.chat(ChatSpec{MentionsOnly: true})
			s.ok(nil, "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "from the bot")
			bots := s.last(s.anna.ID, chat.PeerID)
			p := s.poller()
			text := tt.text
			if strings.Contains(text, "%d") {
				text = fmt.Sprintf(text, s.group.ID)
			}
			d := Draft{Text: text}
			if tt.reply {
				d.ReplyTo = bots.CMID
			}
			if _, err := s.Send(s.anna.ID, chat.PeerID, d); err != nil {
				t.Fatal(err)
			}
			if got := len(p.poll(0).Updates) == 1; got != tt.want {
				t.Errorf("told: %v, want %v", got, tt.want)
			}
			if _, err := s.SetTitle(s.anna.ID, chat.PeerID, "New"); err != nil {
				t.Fatal(err)
			}
			if len(p.poll(0).Updates) != 1 {
				t.Error("a service message was not reported")
			}
		})
	}
}

func TestReplyToServerError(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{ReplyToServerError: true}})
	s.fails(10, "Internal server error", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "message", "x", "reply_to", 5)
}
