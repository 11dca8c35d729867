package fakevk

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEdit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		m := s.writes("message", "old", "attachment", "photo1_2", "keyboard", `{"inline":true,"buttons":`+rows(1, 1)+`}`)
		time.Sleep(40 * time.Second)
		s.ok(nil, "messages.edit", "peer_id", s.anna.ID, "cmid", m.CMID, "message", "new")
		got, ok := s.Message(s.anna.ID, -s.group.ID, m.CMID)
		if !ok || got.Text != "new" || got.Attachments != nil || got.Keyboard != nil || got.Edited.Sub(got.Date) != 40*time.Second {
			t.Errorf("got %+v", got)
		}
		if got.ID != m.ID || got.Version == m.Version {
			t.Errorf("id %d, version %d after %d, %d", got.ID, got.Version, m.ID, m.Version)
		}
		if m.Text != "old" {
			t.Error("the snapshot changed")
		}
		for _, by := range [][]any{{"message_id", m.ID}, {"conversation_message_id", m.CMID}} {
			s.ok(nil, "messages.edit", append(by, "peer_id", s.anna.ID, "message", "again", "attachment", "")...)
		}
		var read struct{ Items []map[string]any }
		s.ok(&read, "messages.getById", "message_ids", m.ID)
		if read.Items[0]["update_time"] == nil || read.Items[0]["text"] != "again" {
			t.Errorf("read back %v", read.Items[0])
		}
	})
}

func TestEditInChat(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	s.ok(nil, "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "x")
	m := s.last(s.anna.ID, chat.PeerID)
	s.ok(nil, "messages.edit", "peer_id", chat.PeerID, "cmid", m.CMID, "message", "y")
	// Communities have no message ids in chats.
	s.fails(15, "Access denied", "messages.edit", "peer_id", chat.PeerID, "message_id", m.ID, "message", "y")
}

func TestEditKeeps(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{EditKeepsAttachments: true}})
	m := s.writes("message", "x", "attachment", "photo1_2", "reply_to", s.last(s.anna.ID, -s.group.ID).ID)
	if m.Reply == nil {
		t.Fatal("no reply")
	}
	edit := func(pairs ...any) Message {
		s.ok(nil, "messages.edit", append([]any{"peer_id", s.anna.ID, "cmid", m.CMID, "message", "y"}, pairs...)...)
		return s.last(s.anna.ID, -s.group.ID)
	}
	if got := edit("keep_forward_messages", 1); got.Reply == nil || len(got.Attachments) != 1 {
		t.Errorf("got %+v", got)
	}
	if got := edit("attachment", "doc1_2,doc1_3"); got.Reply != nil || len(got.Attachments) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestEditRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		foreign := s.says("mine")
		sticker := s.writes("sticker_id", 1)
		m := s.writes("message", "x")
		tests := []struct {
			name  string
			code  int
			words string
			pairs []any
		}{
			{"no peer", 100, "peer_id is undefined", []any{"peer_id", "", "cmid", m.CMID, "message", "y"}},
			{"no message", 100, "message_id is undefined", []any{"message", "y"}},
			{"unknown message", 100, "message_id is invalid", []any{"cmid", 99, "message", "y"}},
			{"unknown id", 100, "message_id is invalid", []any{"message_id", 99, "message", "y"}},
			{"nothing there", 100, "message_id is invalid", []any{"peer_id", s.boris.ID, "cmid", 1, "message", "y"}},
			{"foreign", 15, "Access denied", []any{"cmid", foreign.CMID, "message", "y"}},
			{"sticker", 920, "Can't edit this kind of message", []any{"cmid", sticker.CMID, "message", "y"}},
			{"empty", 100, "message is empty or invalid", []any{"cmid", m.CMID}},
			{"too long", 914, "", []any{"cmid", m.CMID, "message", fmt.Sprintf("%5000d", 1)}},
			{"keyboard", 911, "", []any{"cmid", m.CMID, "message", "y", "keyboard", "{"}},
			{"no chat", 927, "Chat does not exist", []any{"peer_id", chatBase + 9, "cmid", 1, "message", "y"}},
		}
		for _, tt := range tests {
			s.fails(tt.code, tt.words, "messages.edit", append([]any{"peer_id", s.anna.ID}, tt.pairs...)...)
		}
		time.Sleep(24 * time.Hour)
		s.fails(909, "Can't edit this message, because it's too old", "messages.edit", "peer_id", s.anna.ID, "cmid", m.CMID, "message", "y")
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	s.ok(nil, "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "from the bot")
	if _, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "from Anna"}); err != nil {
		t.Fatal(err)
	}
	mine := s.writes("message", "x")
	hers := s.says("y")
	anna := s.anna.ID
	tests := []struct {
		name  string
		pairs []any
		want  string
	}{
		{"by id", []any{"message_ids", mine.ID, "delete_for_all", 1},
			fmt.Sprintf(`[{"peer_id":%d,"message_id":%d,"conversation_message_id":%d,"response":1}]`, anna, mine.ID, mine.CMID)},
		{"again", []any{"cmids", mine.CMID, "peer_id", anna, "delete_for_all", "true"},
			fmt.Sprintf(`[{"peer_id":%d,"message_id":0,"conversation_message_id":%d,"response":0}]`, anna, mine.CMID)},
		{"hers, for everybody", []any{"cmids", hers.CMID, "peer_id", anna, "delete_for_all", 1},
			fmt.Sprintf(`[{"peer_id":%d,"message_id":%d,"conversation_message_id":%d,"error":{"code":924,"description":"Can't delete this message for everybody"}}]`, anna, hers.ID, hers.CMID)},
		{"the old name", []any{"conversation_message_ids", hers.CMID, "peer_id", anna},
			fmt.Sprintf(`[{"peer_id":%d,"message_id":%d,"conversation_message_id":%d,"response":1}]`, anna, hers.ID, hers.CMID)},
		{"in a chat, not an admin", []any{"cmids", "1,2", "peer_id", chat.PeerID, "delete_for_all", 1},
			fmt.Sprintf(`[{"peer_id":%[1]d,"message_id":0,"conversation_message_id":1,"response":1},`+
				`{"peer_id":%[1]d,"message_id":0,"conversation_message_id":2,"error":{"code":15,"description":"Access denied"}}]`, chat.PeerID)},
	}
	for _, tt := range tests {
		rep := s.call("messages.delete", tt.pairs...)
		if d := cmp.Diff(tt.want, string(rep.Response)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	if m := s.Messages(anna, -s.group.ID); !m[1].Deleted || m[2].Deleted {
		t.Errorf("Anna sees %+v", m)
	}
	s.SetAdmin(chat.PeerID, -s.group.ID, true)
	s.ok(nil, "messages.delete", "cmids", 2, "peer_id", chat.PeerID, "delete_for_all", 1)
	if !s.last(anna, chat.PeerID).Deleted {
		t.Error("an admin's deletion had no effect")
	}
	s.fails(100, "message_ids is undefined", "messages.delete")
	s.fails(100, "peer_id is undefined", "messages.delete", "cmids", 1)
}

// TestDeleteOld checks the older response, which is a map.
func TestDeleteOld(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	m := s.writes("message", "x")
	rep := s.call("messages.delete", "v", "5.131", "message_ids", fmt.Sprintf("%d,7", m.ID))
	if d := cmp.Diff(fmt.Sprintf(`{"%d":1,"7":0}`, m.ID), string(rep.Response)); d != "" {
		t.Error(d)
	}
}

func TestDeleteTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		m := s.writes("message", "x")
		time.Sleep(24 * time.Hour)
		var got []deletion
		s.ok(&got, "messages.delete", "message_ids", m.ID, "delete_for_all", 1)
		if got[0].Error == nil || got[0].Error.Code != 924 {
			t.Errorf("got %+v", got[0])
		}
		s.ok(&got, "messages.delete", "message_ids", m.ID)
		if *got[0].Response != 1 {
			t.Errorf("for itself alone: %+v", got[0])
		}
		if len(s.Messages(s.anna.ID, -s.group.ID)) != 2 || len(s.Messages(-s.group.ID, s.anna.ID)) != 1 {
			t.Error("Anna should still see it, the community not")
		}
	})
}
