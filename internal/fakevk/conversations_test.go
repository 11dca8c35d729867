package fakevk

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type conversations struct {
	Count            int
	Unread           int `json:"unread_count"`
	Items            []conversationItem
	Profiles, Groups []any
}

func TestConversations(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{Title: "Chat"})
	if _, err := s.Send(s.boris.ID, -s.group.ID, Draft{Text: "from Boris"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "in the chat"}); err != nil {
		t.Fatal(err)
	}
	s.chat(ChatSpec{Title: "nothing was said here"})
	s.writes("message", "answer", "keyboard", `{"buttons":`+rows(1, 1)+`}`)
	s.ok(nil, "messages.markAsImportantConversation", "peer_id", s.boris.ID)
	peers := func(pairs ...any) []int64 {
		t.Helper()
		var got conversations
		s.ok(&got, "messages.getConversations", pairs...)
		out := []int64{}
		for _, it := range got.Items {
			out = append(out, it.Conversation.Peer.ID)
		}
		return out
	}
	anna, boris, c := s.anna.ID, s.boris.ID, chat.PeerID
	boriss := s.last(boris, -s.group.ID).ID
	for _, tt := range []struct {
		name  string
		pairs []any
		want  []int64
	}{
		{"all, newest first", nil, []int64{anna, c, boris}},
		{"a page", []any{"offset", 1, "count", 1}, []int64{c}},
		{"unread", []any{"filter", "unread"}, []int64{c, boris}},
		{"unanswered", []any{"filter", "unanswered"}, []int64{c, boris}},
		{"important", []any{"filter", "important"}, []int64{boris}},
		{"archive", []any{"filter", "archive"}, []int64{}},
		{"from a message on", []any{"start_message_id", boriss}, []int64{boris}},
		{"and newer ones", []any{"start_message_id", boriss, "offset", -1}, []int64{c, boris}},
	} {
		if d := cmp.Diff(tt.want, peers(tt.pairs...)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	var got conversations
	s.ok(&got, "messages.getConversations", "extended", 1)
	if got.Count != 3 || got.Unread != 2 || len(got.Profiles) != 2 || len(got.Groups) != 1 {
		t.Errorf("got %+v", got)
	}
	first := got.Items[0]
	if first.LastMessage.Text != "answer" || first.Conversation.Keyboard == nil || !first.Conversation.CanWrite.Allowed {
		t.Errorf("got %+v", first)
	}
	if set := got.Items[1].Conversation.ChatSettings; set == nil || set.Title != "Chat" || set.MembersCount != 3 || got.Items[1].LastMessage.ID != 0 {
		t.Errorf("got %+v", set)
	}
	s.ok(nil, "messages.markAsRead", "peer_id", boris)
	s.ok(nil, "messages.markAsAnsweredConversation", "peer_id", boris)
	s.ok(nil, "messages.markAsImportantConversation", "peer_id", boris, "important", 0)
	for _, filter := range []string{"important", "unanswered", "unread"} {
		for _, peer := range peers("filter", filter) {
			if peer == boris {
				t.Errorf("still %s", filter)
			}
		}
	}
	s.ok(nil, "messages.markAsAnsweredConversation", "peer_id", anna, "answered", 0)
	if d := cmp.Diff([]int64{anna, c}, peers("filter", "unanswered")); d != "" {
		t.Error(d)
	}
	s.writes("message", "now it is")
	if d := cmp.Diff([]int64{c}, peers("filter", "unanswered")); d != "" {
		t.Error(d)
	}
	s.fails(100, "filter should be one of", "messages.getConversations", "filter", "x")
	s.fails(100, "offset", "messages.getConversations", "offset", -1)
	s.fails(100, "count should be less or equal to 200", "messages.getConversations", "count", 201)
	for _, m := range []string{"Answered", "Important"} {
		s.fails(100, "peer_id is undefined", "messages.markAs"+m+"Conversation")
		s.fails(936, "", "messages.markAs"+m+"Conversation", "peer_id", 7)
		s.fails(100, "peer_id is invalid", "messages.markAs"+m+"Conversation", "peer_id", s.AddUser(UserSpec{}).ID)
	}
}

func TestConversationsByID(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.adminChat()
	m, _ := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "x"})
	s.ok(nil, "messages.pin", "peer_id", chat.PeerID, "cmid", m.CMID)
	var got struct {
		Count    int
		Items    []wireConversation
		Profiles []any
	}
	s.ok(&got, "messages.getConversationsById", "peer_ids", fmt.Sprintf("%d,%d", s.boris.ID, chat.PeerID), "extended", 1)
	if got.Count != 2 || got.Items[0].CanWrite != (canWrite{Reason: 901}) || got.Items[0].LastCMID != 0 || len(got.Profiles) != 1 {
		t.Errorf("Boris: %+v", got.Items[0])
	}
	if set := got.Items[1].ChatSettings; set.Pinned == nil || set.Pinned.CMID != m.CMID || !set.ACL["can_change_info"] || len(set.AdminIDs) != 2 {
		t.Errorf("the chat: %+v", set)
	}
	s.fails(100, "peer_ids is undefined", "messages.getConversationsById")
	s.fails(936, "", "messages.getConversationsById", "peer_ids", 7)
	s.fails(927, "", "messages.getConversationsById", "peer_ids", chatBase+9)
	s.fails(917, "", "messages.getConversationsById", "peer_ids", s.AddChat(ChatSpec{}).PeerID)
}

// TestCanWrite checks that reading alone changes nothing: a user who only looks
// at a dialog allows nobody to write.
func TestCanWrite(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.ok(nil, "messages.getConversationsById", "access_token", s.AddUserToken(s.boris.ID), "peer_ids", -s.group.ID)
	s.fails(901, "", "messages.send", "peer_id", s.boris.ID, "random_id", 0, "message", "x")
}

func TestDeleteConversation(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	last := s.says("last")
	var got struct {
		ID int64 `json:"last_deleted_id"`
	}
	s.ok(&got, "messages.deleteConversation", "peer_id", s.anna.ID)
	if got.ID != last.ID || len(s.Messages(-s.group.ID, s.anna.ID)) != 0 || len(s.Messages(s.anna.ID, -s.group.ID)) != 2 {
		t.Errorf("deleted up to %d", got.ID)
	}
	var list conversations
	if s.ok(&list, "messages.getConversations"); list.Count != 0 {
		t.Errorf("still listed: %+v", list)
	}
	s.says("again")
	if s.ok(&list, "messages.getConversations"); list.Count != 1 || list.Items[0].Conversation.UnreadCount != 1 {
		t.Errorf("after a new message: %+v", list)
	}
	s.ok(&got, "messages.deleteConversation", "user_id", s.boris.ID)
	if got.ID != 0 {
		t.Errorf("deleted %d of nothing", got.ID)
	}
	s.fails(100, "peer_id is undefined", "messages.deleteConversation")
	s.fails(936, "", "messages.deleteConversation", "peer_id", 7)
}

func TestSearchConversations(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{Title: "About ANNA"})
	s.Send(s.boris.ID, chat.PeerID, Draft{Text: "x"})
	var got struct {
		Count int
		Items []wireConversation
	}
	s.ok(&got, "messages.searchConversations", "q", "anna", "count", 1)
	if got.Count != 2 || len(got.Items) != 1 || got.Items[0].Peer.ID != chat.PeerID {
		t.Errorf("got %+v", got)
	}
	if s.ok(&got, "messages.searchConversations", "q", "boris"); got.Count != 0 {
		t.Errorf("got %+v", got)
	}
	token := s.AddUserToken(s.anna.ID)
	if s.ok(&got, "messages.searchConversations", "q", "bots", "access_token", token, "extended", 1); got.Count != 1 {
		t.Errorf("got %+v", got)
	}
	s.fails(100, "count", "messages.searchConversations", "q", "x", "count", 256)
}

func TestSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		chat := s.chat(ChatSpec{})
		s.says("Red apple")
		time.Sleep(48 * time.Hour)
		s.says("green Apple")
		s.Send(s.boris.ID, chat.PeerID, Draft{Text: "an APPLE in the chat"})
		for _, tt := range []struct {
			name  string
			pairs []any
			want  int
			first string
		}{
			{"everywhere", []any{"q", "apple"}, 3, "an APPLE in the chat"},
			{"in a dialog", []any{"q", "apple", "peer_id", s.anna.ID}, 2, "green Apple"},
			{"a page", []any{"q", "apple", "offset", 2, "count", 1, "extended", 1}, 3, "Red apple"},
			{"up to a day", []any{"q", "apple", "date", time.Now().UTC().Format("02012006")}, 1, "Red apple"},
			{"where nobody wrote", []any{"q", "apple", "peer_id", s.AddUser(UserSpec{}).ID}, 0, ""},
		} {
			var got messageList
			s.ok(&got, "messages.search", tt.pairs...)
			if got.Count != tt.want || got.Count > 0 && got.Items[0].Text != tt.first {
				t.Errorf("%s: %+v", tt.name, got)
			}
		}
		s.fails(100, "q is undefined", "messages.search")
		s.fails(100, "date is invalid", "messages.search", "date", "99999999")
		s.fails(100, "count should be less or equal to 100", "messages.search", "q", "x", "count", 101)
		s.fails(917, "", "messages.search", "q", "x", "peer_id", s.AddChat(ChatSpec{}).PeerID)
	})
}

func TestImportantMessages(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	token := s.AddUserToken(s.anna.ID)
	m := s.says("keep")
	mark := func(pairs ...any) []int64 {
		var done []int64
		s.ok(&done, "messages.markAsImportant", append([]any{"access_token", token, "message_ids", fmt.Sprintf("%d,7", m.ID)}, pairs...)...)
		return done
	}
	if d := cmp.Diff([]int64{m.ID}, mark()); d != "" {
		t.Error(d)
	}
	count := func(pairs ...any) int {
		var got struct {
			Messages      messageList
			Conversations []any
		}
		s.ok(&got, "messages.getImportantMessages", append([]any{"extended", 1}, pairs...)...)
		if got.Messages.Count == 1 && (!got.Messages.Items[0].Important || len(got.Conversations) != 1) {
			t.Errorf("got %+v", got)
		}
		return got.Messages.Count
	}
	if a, b := count("access_token", token), count(); a != 1 || b != 0 {
		t.Errorf("Anna has %d, the community %d", a, b)
	}
	mark("important", 0)
	if n := count("access_token", token); n != 0 {
		t.Errorf("%d are left", n)
	}
	s.fails(100, "message_ids is undefined", "messages.markAsImportant", "access_token", token)
	s.fails(100, "count", "messages.getImportantMessages", "count", 201)
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	m := s.says("x")
	seen := func() bool { _, ok := s.Message(-s.group.ID, s.anna.ID, m.CMID); return ok }
	for _, by := range [][]any{{"message_id", m.ID}, {"cmid", m.CMID, "peer_id", s.anna.ID}} {
		s.ok(nil, "messages.delete", "message_ids", m.ID)
		if seen() {
			t.Fatal("not deleted")
		}
		s.ok(nil, "messages.restore", by...)
		if !seen() {
			t.Errorf("%v did not restore", by)
		}
	}
	s.ok(nil, "messages.restore", "message_id", m.ID) // not deleted
	mine := s.writes("message", "y")
	s.ok(nil, "messages.delete", "message_ids", mine.ID, "delete_for_all", 1)
	s.fails(100, "message_id is invalid", "messages.restore", "message_id", mine.ID)
	s.fails(100, "message_id is undefined", "messages.restore")
	s.fails(100, "peer_id is undefined", "messages.restore", "cmid", 1)
	chat := s.chat(ChatSpec{})
	inChat, _ := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "x"})
	s.fails(100, "message_id is invalid", "messages.restore", "message_id", inChat.ID)
	s.fails(100, "message_id is invalid", "messages.restore", "cmid", 1, "peer_id", s.boris.ID)
	s.fails(100, "message_id is invalid", "messages.restore", "cmid", 9, "peer_id", s.anna.ID)
}

func TestHistoryAttachments(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	photo := wrapMedia("photo", s.World.mediaObject(attachment{kind: "photo", owner: 1, id: 2}))
	doc := wrapMedia("doc", s.World.mediaObject(attachment{kind: "doc", owner: 1, id: 3}))
	first, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: "x", Attachments: []json.RawMessage{photo, doc}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(s.anna.ID, -s.group.ID, Draft{Forward: []Ref{{-s.group.ID, first.CMID}}, Attachments: []json.RawMessage{photo}}); err != nil {
		t.Fatal(err)
	}
	type item struct {
		CMID     int64
		Level    int `json:"forward_level"`
		Position int
	}
	get := func(pairs ...any) (items []item, next string) {
		var got struct {
			Items []item
			Next  string `json:"next_from"`
		}
		s.ok(&got, "messages.getHistoryAttachments", append([]any{"peer_id", s.anna.ID}, pairs...)...)
		return got.Items, got.Next
	}
	photos := []item{{3, 0, 1}, {3, 1, 1}, {2, 0, 1}}
	for _, tt := range []struct {
		name  string
		pairs []any
		want  []item
		next  string
	}{
		{"photos", nil, photos, ""},
		{"a page", []any{"count", 2}, photos[:2], "2"},
		{"the next", []any{"count", 2, "start_from", "2", "extended", 1}, photos[2:], ""},
		{"documents", []any{"media_type", "doc"}, []item{{3, 1, 2}, {2, 0, 2}}, ""},
		{"several types", []any{"attachment_types", "doc,share", "max_forwards_level", 0}, []item{{2, 0, 2}}, ""},
		{"of one message", []any{"cmid", 2}, photos[2:], ""},
		{"where nobody wrote", []any{"peer_id", s.boris.ID}, []item{}, ""},
	} {
		items, next := get(tt.pairs...)
		if d := cmp.Diff(tt.want, items); d != "" || next != tt.next {
			t.Errorf("%s: next %q %s", tt.name, next, d)
		}
	}
	s.fails(100, "peer_id is undefined", "messages.getHistoryAttachments")
	s.fails(100, "media_type", "messages.getHistoryAttachments", "peer_id", s.anna.ID, "media_type", "x")
	s.fails(100, "attachment_types is invalid", "messages.getHistoryAttachments", "peer_id", s.anna.ID, "attachment_types", "x")
	s.fails(100, "start_from is invalid", "messages.getHistoryAttachments", "peer_id", s.anna.ID, "start_from", "x")
	s.fails(936, "", "messages.getHistoryAttachments", "peer_id", 7)
}

// TestReadByVersion checks both names of a parameter that was renamed in 5.193.
func TestReadByVersion(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.says("2")
	s.says("3")
	read := func(pairs ...any) int64 {
		s.ok(nil, "messages.markAsRead", append([]any{"peer_id", s.anna.ID}, pairs...)...)
		return s.ReadUpTo(-s.group.ID, s.anna.ID)
	}
	if n := read("v", "5.192", "start_cmid", 1); n != 1 {
		t.Errorf("read up to %d", n)
	}
	if n := read("v", "5.193", "up_to_cmid", 2); n != 2 {
		t.Errorf("read up to %d", n)
	}
	if n := read("up_to_cmid", 2, "mark_conversation_as_read", 1); n != 3 {
		t.Errorf("read up to %d", n)
	}
	var list messageList
	s.ok(&list, "messages.getHistory", "peer_id", s.anna.ID, "extended", 1)
	if len(list.Conversations) != 1 || list.Conversations[0].InReadCMID != 3 {
		t.Errorf("got %+v", list.Conversations)
	}
}
