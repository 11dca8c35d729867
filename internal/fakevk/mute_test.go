package fakevk

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const restrict = "messages.changeConversationMemberRestrictions"

// failed makes a call of restrict and returns the ids that it did not change.
func (s *scene) failed(chat Chat, action string, pairs ...any) string {
	s.t.Helper()
	var got struct {
		Failed json.RawMessage `json:"failed_member_ids"`
	}
	s.ok(&got, restrict, append([]any{"peer_id", chat.PeerID, "action", action}, pairs...)...)
	return string(got.Failed)
}

// TestMute checks that a muted member cannot write, in each way of writing,
// until the time is over or somebody unmutes the member.
func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		chat := s.adminChat()
		boris := s.boris.ID
		token := s.AddUserToken(boris)
		s.ok(nil, "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "tea?",
			"keyboard", `{"inline":true,"buttons":[[{"action":{"type":"text","label":"Tea"}}]]}`)
		question := s.last(boris, chat.PeerID)
		button, _ := question.Button("Tea")
		send := []any{"access_token", token, "peer_id", chat.PeerID, "random_id", 0, "message", "x"}

		// check compares everything that depends on the mute. The text is the
		// error's end, after the chat; "writes" means that there is no error.
		check := func(want string, until int64) {
			t.Helper()
			before := len(s.Messages(boris, chat.PeerID))
			_, said := s.Send(boris, chat.PeerID, Draft{Text: "x"})
			_, pressed := s.Press(boris, chat.PeerID, question.CMID, button)
			for name, err := range map[string]error{"send": said, "press": pressed, "type": s.Type(boris, chat.PeerID, "typing")} {
				text := "writes"
				if err != nil {
					text = err.Error()
				}
				full := want
				if want != "writes" {
					full = fmt.Sprintf("fakevk: not allowed: %d is muted in chat %d%s", boris, chat.PeerID, want)
				}
				if text != full || want != "writes" && !errors.Is(err, ErrForbidden) {
					t.Errorf("%s: %q, want %q", name, text, full)
				}
			}
			muted := want != "writes"
			if n := len(s.Messages(boris, chat.PeerID)) - before; muted && n != 0 || !muted && n != 2 {
				t.Errorf("%d messages were posted", n)
			}
			state := canWrite{Allowed: true}
			if muted {
				state = canWrite{Reason: 983, Until: until}
				s.fails(983, "You are restricted to write to a chat", "messages.send", send...)
				s.fails(983, "", "messages.setActivity", send...)
			} else {
				s.ok(nil, "messages.send", send...)
				s.ok(nil, "messages.setActivity", send...)
			}
			var list struct {
				Items []struct {
					CanWrite canWrite `json:"can_write"`
				}
			}
			s.ok(&list, "messages.getConversationsById", "access_token", token, "peer_ids", chat.PeerID)
			if d := cmp.Diff(state, list.Items[0].CanWrite); d != "" {
				t.Error(d)
			}
			var members struct {
				Items []struct {
					ID    int64 `json:"member_id"`
					Muted bool  `json:"is_restricted_to_write"`
				}
			}
			s.ok(&members, "messages.getConversationMembers", "peer_id", chat.PeerID)
			for _, m := range members.Items {
				if m.Muted != (m.ID == boris && muted) {
					t.Errorf("member %d is muted: %v", m.ID, m.Muted)
				}
			}
		}
		end := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }

		check("writes", 0)
		if got := s.failed(chat, "ro", "member_ids", boris, "for", 3600); got != "[]" {
			t.Errorf("failed %s", got)
		}
		check(" for another 1h0m0s", end(time.Hour))
		time.Sleep(time.Hour - time.Second)
		check(" for another 1s", end(time.Second))
		time.Sleep(time.Second)
		check("writes", 0)

		s.failed(chat, "ro", "member_ids", boris, "for", 10)
		s.failed(chat, "ro", "member_ids", boris)
		time.Sleep(1000 * time.Hour)
		check("", 0)
		s.SetAdmin(chat.PeerID, boris, true)
		check("writes", 0)
		s.SetAdmin(chat.PeerID, boris, false)
		check("", 0)
		s.failed(chat, "rw", "member_ids", boris)
		check("writes", 0)

		s.failed(chat, "ro", "member_ids", boris)
		for _, do := range []func(by, peer, who int64) (Message, error){s.Kick, s.Invite} {
			if _, err := do(s.anna.ID, chat.PeerID, boris); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Send(boris, chat.PeerID, Draft{Text: "back"})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestMuteFails checks the ids that are not muted, and the refusals of the
// call.
func TestMuteFails(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.adminChat()
	anna, boris, group := s.anna.ID, s.boris.ID, s.group.ID
	dora := s.AddUser(UserSpec{}).ID
	for _, tt := range []struct{ action, ids, want string }{
		{"ro", fmt.Sprintf("%d,%d,%d,-%d", anna, boris, dora, group), fmt.Sprintf("[%d,%d,-%d]", anna, dora, group)},
		{"rw", fmt.Sprintf("%d,%d,%d", anna, boris, dora), fmt.Sprintf("[%d]", dora)},
	} {
		if got := s.failed(chat, tt.action, "member_ids", tt.ids); got != tt.want {
			t.Errorf("%s %s: failed %s, want %s", tt.action, tt.ids, got, tt.want)
		}
	}
	annas, boriss := s.AddUserToken(anna), s.AddUserToken(boris)
	if got := s.failed(chat, "ro", "member_ids", boris, "access_token", annas); got != "[]" {
		t.Errorf("by the owner: failed %s", got)
	}
	mute := func(pairs ...any) []any {
		return append([]any{"peer_id", chat.PeerID, "member_ids", boris, "action", "ro"}, pairs...)
	}
	for _, tt := range []struct {
		name, words string
		code        int
		pairs       []any
	}{
		{"no peer", "peer_id is undefined", 100, mute("peer_id", "")},
		{"no members", "member_ids is undefined", 100, mute("member_ids", "")},
		{"no action", "action is undefined", 100, mute("action", "")},
		{"another action", "action should be one of ro, rw", 100, mute("action", "mute")},
		{"a name", "member_ids not integer", 100, mute("member_ids", "boris")},
		{"no time", "for should be greater or equal to 1", 100, mute("for", 0)},
		{"too long a time", "for should be less or equal to", 100, mute("for", 1<<31)},
		{"no chat", "", 927, mute("peer_id", anna)},
		{"by a member", "", 925, mute("access_token", boriss)},
		{"by a stranger", "", 917, mute("access_token", s.AddUserToken(dora))},
	} {
		t.Run(tt.name, func(t *testing.T) { s.fails(tt.code, tt.words, restrict, tt.pairs...) })
	}
	s.SetAdmin(chat.PeerID, -group, false)
	s.fails(925, "", restrict, mute()...)
	if got := s.failed(chat, "ro", "member_ids", -group, "access_token", annas); got != "[]" {
		t.Errorf("the community: failed %s", got)
	}
	s.fails(983, "", "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "x")
}
