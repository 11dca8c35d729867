package fakevk

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{}) // Anna has said hi
	for _, text := range []string{"1", "2", "3", "4"} {
		s.says(text)
	}
	start := s.Messages(s.anna.ID, -s.group.ID)[2].ID
	tests := []struct {
		name  string
		pairs []any
		want  []string
	}{
		{"newest first", nil, []string{"4", "3", "2", "1", "hi"}},
		{"by user_id", []any{"peer_id", "", "user_id", s.anna.ID, "count", 1}, []string{"4"}},
		{"oldest first", []any{"rev", 1}, []string{"hi", "1", "2", "3", "4"}},
		{"count", []any{"count", 2}, []string{"4", "3"}},
		{"offset", []any{"count", 2, "offset", 3}, []string{"1", "hi"}},
		{"past the end", []any{"offset", 30}, nil},
		{"from a message", []any{"start_message_id", start}, []string{"2", "1", "hi"}},
		{"and newer ones", []any{"start_message_id", start, "offset", -1, "count", 2}, []string{"3", "2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got messageList
			s.ok(&got, "messages.getHistory", append([]any{"peer_id", s.anna.ID}, tt.pairs...)...)
			var texts []string
			for _, m := range got.Items {
				texts = append(texts, m.Text)
			}
			if d := cmp.Diff(tt.want, texts); d != "" || got.Count != 5 {
				t.Errorf("count %d %s", got.Count, d)
			}
		})
	}
	var empty messageList
	s.ok(&empty, "messages.getHistory", "peer_id", s.boris.ID)
	if empty.Count != 0 || empty.Items == nil {
		t.Errorf("got %+v", empty)
	}
	s.fails(100, "count should be less or equal to 200", "messages.getHistory", "peer_id", s.anna.ID, "count", 201)
	s.fails(100, "offset", "messages.getHistory", "peer_id", s.anna.ID, "offset", -1)
	s.fails(100, "peer_id is undefined", "messages.getHistory")
	s.fails(927, "", "messages.getHistory", "peer_id", chatBase+5)
	s.fails(936, "", "messages.getHistory", "peer_id", 5)
}

func TestUnread(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	second := s.says("second")
	s.says("third")
	s.ok(nil, "messages.markAsRead", "peer_id", s.anna.ID, "up_to_cmid", second.CMID)
	if n := s.ReadUpTo(-s.group.ID, s.anna.ID); n != second.CMID {
		t.Errorf("read up to %d", n)
	}
	var got messageList
	s.ok(&got, "messages.getHistory", "peer_id", s.anna.ID, "start_message_id", -1, "rev", 1)
	if len(got.Items) != 1 || got.Items[0].Text != "third" {
		t.Errorf("unread: %+v", got.Items)
	}
	s.ok(nil, "messages.markAsRead", "message_ids", s.last(s.anna.ID, -s.group.ID).ID)
	if n := s.ReadUpTo(-s.group.ID, s.anna.ID); n != 3 {
		t.Errorf("read up to %d", n)
	}
	s.ok(nil, "messages.markAsRead", "peer_id", s.anna.ID)
	s.ok(nil, "messages.markAsRead", "peer_id", s.anna.ID, "start_message_id", 5)
	s.fails(100, "peer_id is undefined", "messages.markAsRead")
}

func TestGetMessages(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	inChat, err := s.Send(s.boris.ID, chat.PeerID, Draft{Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	mine := s.writes("message", "mine", "random_id", 9)
	var got messageList
	s.ok(&got, "messages.getById", "message_ids", fmt.Sprintf("%d,5,%d", mine.ID, inChat.ID), "extended", 1)
	if got.Count != 1 || got.Items[0].RandomID != 9 || got.Items[0].Out != 1 || len(got.Groups) != 1 {
		t.Errorf("by id: %+v", got)
	}
	s.ok(&got, "messages.getById", "peer_id", chat.PeerID, "cmids", "1,99")
	if got.Count != 1 || got.Items[0].ID != 0 || got.Items[0].PeerID != chat.PeerID {
		t.Errorf("by cmid: %+v", got)
	}
	s.ok(&got, "messages.getByConversationMessageId", "peer_id", chat.PeerID, "conversation_message_ids", "99,1", "extended", 1)
	if got.Count != 1 || len(got.Profiles) != 1 || got.Profiles[0]["first_name"] != "Boris" {
		t.Errorf("by cmid: %+v", got)
	}
	s.fails(100, "message_ids is undefined", "messages.getById")
	s.fails(100, "peer_id is undefined", "messages.getById", "cmids", 1)
	s.fails(100, "conversation_message_ids is undefined", "messages.getByConversationMessageId", "peer_id", chat.PeerID)
	s.fails(917, "", "messages.getByConversationMessageId", "conversation_message_ids", 1,
		"peer_id", s.AddChat(ChatSpec{Members: []int64{s.anna.ID}}).PeerID)
}

// TestBeforeJoining checks that a community does not see messages from before
// it joined.
func TestBeforeJoining(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.AddChat(ChatSpec{Members: []int64{s.anna.ID, s.boris.ID}})
	s.Send(s.anna.ID, chat.PeerID, Draft{Text: "secret"})
	p := s.poller()
	invited, err := s.Invite(s.anna.ID, chat.PeerID, -s.group.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := p.poll(0)
	if len(r.Updates) != 1 {
		t.Fatalf("%d events", len(r.Updates))
	}
	checkEvent(t, r.Updates[0])
	var got messageList
	s.ok(&got, "messages.getByConversationMessageId", "peer_id", chat.PeerID, "conversation_message_ids", "1,2")
	if got.Count != 1 || got.Items[0].Action == nil || got.Items[0].Action.MemberID != -s.group.ID || got.Items[0].CMID != invited.CMID {
		t.Errorf("got %+v", got)
	}
	s.fails(921, "", "messages.send", "peer_id", s.anna.ID, "random_id", 0,
		"forward", fmt.Sprintf(`{"peer_id":%d,"conversation_message_ids":[1]}`, chat.PeerID))
	if _, err := s.Kick(s.anna.ID, chat.PeerID, -s.group.ID); err != nil {
		t.Fatal(err)
	}
	if r := p.poll(0); len(r.Updates) != 0 {
		t.Errorf("told of its own removal: %+v", r.Updates)
	}
	s.fails(917, "", "messages.getHistory", "peer_id", chat.PeerID)
}

func TestConversationMembers(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	s.fails(917, "You don't have access to this chat", "messages.getConversationMembers", "peer_id", chat.PeerID)
	s.SetAdmin(chat.PeerID, -s.group.ID, true)
	var got struct {
		Count    int
		Items    []chatMember
		Profiles []map[string]any
		Groups   []map[string]any
	}
	s.ok(&got, "messages.getConversationMembers", "peer_id", chat.PeerID)
	if got.Count != 3 || len(got.Items) != 3 || len(got.Profiles) != 2 || len(got.Groups) != 1 {
		t.Fatalf("got %+v", got)
	}
	admins := map[int64]bool{}
	for _, m := range got.Items {
		admins[m.MemberID] = m.IsAdmin
	}
	if d := cmp.Diff(map[int64]bool{s.anna.ID: true, s.boris.ID: false, -s.group.ID: true}, admins); d != "" {
		t.Error(d)
	}
	s.ok(&got, "messages.getConversationMembers", "peer_id", chat.PeerID, "count", 1, "offset", 1)
	if got.Count != 3 || len(got.Items) != 1 {
		t.Errorf("got %+v", got)
	}
	s.ok(&got, "messages.getConversationMembers", "peer_id", s.anna.ID)
	if got.Count != 2 {
		t.Errorf("got %+v", got)
	}
	s.fails(927, "", "messages.getConversationMembers", "peer_id", chatBase+99)
	s.fails(936, "", "messages.getConversationMembers", "peer_id", 5)
}
