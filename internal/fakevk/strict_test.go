package fakevk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestSendUserIDs checks that messages.send accepts user_ids before 5.138 and
// responds as for peer_ids.
func TestSendUserIDs(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	pairs := func(v string) []any {
		return []any{"user_ids", fmt.Sprintf("%d,%d", s.anna.ID, s.boris.ID), "message", "x", "random_id", 0, "v", v}
	}
	s.fails(100, "user_ids is deprecated", "messages.send", pairs("5.138")...)
	var got []struct {
		PeerID int64 `json:"peer_id"`
		Error  *struct{ Code int }
	}
	s.ok(&got, "messages.send", pairs("5.131")...)
	if len(got) != 2 || got[0].PeerID != s.anna.ID || got[0].Error != nil || got[1].Error == nil || got[1].Error.Code != 901 {
		t.Errorf("got %+v", got)
	}
}

// TestSendPeerIDsOfPerson checks that only a community's token may use
// peer_ids.
func TestSendPeerIDsOfPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.fails(100, "peer_ids is available with group auth only", "messages.send",
		"access_token", s.AddUserToken(s.boris.ID), "peer_ids", s.anna.ID, "message", "x", "random_id", 0)
}

// TestEmptyDraft checks that users cannot send an empty message either.
func TestEmptyDraft(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for _, d := range []Draft{{}, {Text: " \n"}, {Payload: "{}", Ref: "x"}} {
		if _, err := s.Send(s.anna.ID, -s.group.ID, d); !errors.Is(err, ErrForbidden) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	for _, d := range []Draft{
		{Text: "x"}, {StickerID: 1}, {Geo: &Geo{}}, {ReplyTo: 1}, {Forward: []Ref{{-s.group.ID, 1}}},
		{Attachments: []json.RawMessage{json.RawMessage(`{"type":"call","call":{}}`)}},
	} {
		if _, err := s.Send(s.anna.ID, -s.group.ID, d); err != nil {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

// TestDeletedPerson checks that a deleted or banned user cannot write.
func TestDeletedPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	gone := s.AddUser(UserSpec{Deactivated: "banned"})
	if _, err := s.Send(gone.ID, -s.group.ID, Draft{Text: "x"}); !errors.Is(err, ErrForbidden) {
		t.Error(err)
	}
}

// TestWallUploadRights checks that only users who may post on a wall get an
// address for its photos.
func TestWallUploadRights(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	c.ok(nil, "photos.getWallUploadServer", c.by(c.member)...)
	c.Ban(c.anna.ID, c.boris.ID, c.id)
	c.fails(15, "", "photos.getWallUploadServer", c.by(c.member)...)
	c.ok(nil, "groups.edit", c.by(c.group, "wall", 2)...)
	c.fails(15, "", "photos.getWallUploadServer", "access_token", c.AddUserToken(c.AddUser(UserSpec{}).ID), "group_id", c.id)
	c.ok(nil, "photos.getWallUploadServer", c.by(c.admin)...)
	c.fails(100, "group_id is undefined", "photos.getWallUploadServer", "access_token", c.admin, "group_id", 5)
}

// TestCallbackServerRights checks that only administrators may manage callback
// servers, which have secrets.
func TestCallbackServerRights(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	id := c.AddCallback(c.id, CallbackSpec{})
	for method, pairs := range map[string][]any{
		"groups.addCallbackServer":    {"url", "https://bot.test", "title", "b"},
		"groups.editCallbackServer":   {"url", "https://bot.test", "title", "b", "server_id", id},
		"groups.deleteCallbackServer": {"server_id", id},
		"groups.getCallbackServers":   nil,
		"groups.setCallbackSettings":  {"server_id", id, "message_new", 1},
	} {
		c.fails(15, "you should be group admin", method, c.by(c.moderator, pairs...)...)
	}
	c.ok(nil, "groups.setCallbackSettings", c.by(c.admin, "server_id", id, "message_new", 1)...)
	c.ok(nil, "groups.deleteCallbackServer", c.by(c.admin, "server_id", id)...)
}

// TestCallbackDue checks that an event queued for a later retry counts as
// waiting, and not as due.
func TestCallbackDue(t *testing.T) {
	hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
		b.answer = func(hook) (int, string, http.Header) {
			time.Sleep(time.Second)
			return 500, "", nil
		}
		s.says("one")
		if cb := s.Callbacks(s.group.ID)[0]; cb.Waiting != 1 || cb.Due != 1 {
			t.Errorf("at once: %+v", cb)
		}
		synctest.Wait()
		if cb := s.Callbacks(s.group.ID)[0]; cb.Waiting != 1 || cb.Due != 1 {
			t.Errorf("on its way: %+v", cb)
		}
		time.Sleep(2 * time.Second)
		if cb := s.Callbacks(s.group.ID)[0]; cb.Waiting != 1 || cb.Due != 0 {
			t.Errorf("after an attempt: %+v", cb)
		}
		b.becomes(always(200, "ok"))
		time.Sleep(time.Minute)
		if cb := s.Callbacks(s.group.ID)[0]; cb.Waiting != 0 || cb.Due != 0 {
			t.Errorf("after another: %+v", cb)
		}
	})
}

// TestChanceNever checks that a negative chance means never, and zero always.
func TestChanceNever(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	never := s.Fail(Fault{On: "users.get", Chance: -1, Effect: APIError{Code: 10}})
	for range 100 {
		s.ok(nil, "users.get", "user_ids", s.anna.ID)
	}
	always := s.Fail(Fault{On: "users.get", Effect: APIError{Code: 10}})
	s.fails(10, "", "users.get", "user_ids", s.anna.ID)
	if never.Hits() != 0 || always.Hits() != 1 {
		t.Errorf("%d and %d hits", never.Hits(), always.Hits())
	}
}

// TestSetMentionsOnly checks that communities lose the access to a chat's
// messages and get it back.
func TestSetMentionsOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	heard := 0
	s.OnEvent(func(Event) { heard++ })
	say := func() {
		if _, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "hi"}); err != nil {
			t.Fatal(err)
		}
	}
	s.SetMentionsOnly(chat.PeerID, true)
	say()
	s.SetMentionsOnly(chat.PeerID, false)
	say()
	if heard != 1 {
		t.Errorf("%d events, want one", heard)
	}
}
