package fakevk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		peer := -s.group.ID
		typing := func() map[int64]string { return s.Typing(s.anna.ID, peer) }
		s.ok(nil, "messages.setActivity", "peer_id", s.anna.ID)
		if d := cmp.Diff(map[int64]string{peer: "typing"}, typing()); d != "" {
			t.Error(d)
		}
		time.Sleep(typingShown)
		if got := typing(); len(got) != 0 {
			t.Errorf("after ten seconds: %v", got)
		}
		s.ok(nil, "messages.setActivity", "user_id", s.anna.ID, "type", "audiomessage")
		if got := typing()[peer]; got != "audiomessage" {
			t.Errorf("got %q", got)
		}
		s.writes("message", "x")
		if got := typing(); len(got) != 0 {
			t.Errorf("after the message: %v", got)
		}
		s.fails(100, "type", "messages.setActivity", "peer_id", s.anna.ID, "type", "sleeping")
		s.fails(100, "peer_id is undefined", "messages.setActivity")
		s.fails(901, "", "messages.setActivity", "peer_id", s.boris.ID)
	})
}

func TestConsent(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	p := s.poller()
	send := []any{"peer_id", s.boris.ID, "random_id", 0, "message", "x"}
	s.fails(901, "", "messages.send", send...)
	s.Allow(s.boris.ID, s.group.ID, "promo")
	s.ok(nil, "messages.send", send...)
	s.Deny(s.boris.ID, s.group.ID)
	s.fails(901, "", "messages.send", send...)
	if _, err := s.Send(s.boris.ID, -s.group.ID, Draft{Text: "again"}); err != nil {
		t.Fatal(err)
	}
	s.ok(nil, "messages.send", send...)
	var got []string
	for _, u := range p.poll(0).Updates {
		got = append(got, u.Type)
	}
	if d := cmp.Diff([]string{"message_allow", "message_deny", "message_new"}, got); d != "" {
		t.Error(d)
	}
}

func TestPeopleRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.AddChat(ChatSpec{Members: []int64{s.anna.ID}})
	s.Ban(0, s.boris.ID, s.group.ID)
	send := func(from, peer int64) error {
		_, err := s.Send(from, peer, Draft{Text: "x"})
		return err
	}
	for name, tt := range map[string]struct{ got, want error }{
		"nobody":       {send(5, -s.group.ID), ErrForbidden},
		"no community": {send(s.anna.ID, -5), ErrNoDialog},
		"banned":       {send(s.boris.ID, -s.group.ID), ErrForbidden},
		"not a member": {send(s.boris.ID, chat.PeerID), ErrNoDialog},
		"a person":     {send(s.anna.ID, s.boris.ID), ErrNoDialog},
		"read":         {s.Read(s.anna.ID, -s.group.ID, 99), ErrNoMessage},
		"type":         {s.Type(s.boris.ID, chat.PeerID, "typing"), ErrNoDialog},
		"delete":       {s.Delete(s.anna.ID, -s.group.ID, 99), ErrNoMessage},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
	s.Unban(0, s.boris.ID, s.group.ID)
	if err := send(s.boris.ID, -s.group.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Invite(s.anna.ID, chat.PeerID, 5); err == nil {
		t.Error("nobody was invited")
	}
	if _, err := s.Kick(s.anna.ID, chat.PeerID, 5); err == nil {
		t.Error("nobody was removed")
	}
	if _, err := s.SetTitle(s.boris.ID, chat.PeerID, "x"); err == nil {
		t.Error("a stranger renamed the chat")
	}
	if d := cmp.Diff([]int64{s.anna.ID}, s.Members(chat.PeerID)); d != "" {
		t.Error(d)
	}
}

func TestPeopleEdit(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	p := s.poller()
	m := s.says("old")
	if _, err := s.Edit(s.anna.ID, -s.group.ID, m.CMID, "new"); err != nil {
		t.Fatal(err)
	}
	if got := s.last(-s.group.ID, s.anna.ID); got.Text != "new" || got.Edited.IsZero() || got.PeerID != s.anna.ID || got.Out {
		t.Errorf("got %+v", got)
	}
	if err := s.Delete(s.anna.ID, -s.group.ID, m.CMID); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Message(s.anna.ID, -s.group.ID, m.CMID); ok {
		t.Error("it is still there")
	}
	if _, err := s.Edit(s.boris.ID, -s.group.ID, 1, "x"); err == nil {
		t.Error("a stranger edited")
	}
	if n := len(p.poll(0).Updates); n != 1 {
		t.Errorf("%d events, want that of the message alone", n)
	}
}

func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		for name, change := range map[string]func(){
			"message": func() { s.says("x") },
			"call":    func() { s.call("utils.getServerTime") },
			"emit":    func() { s.Emit(s.group.ID, "group_join", map[string]any{"user_id": 1, "join_type": "join"}) },
			"user":    func() { s.AddUser(UserSpec{}) },
		} {
			c := s.Changed()
			if c != s.Changed() {
				t.Error("two waiters have two channels")
			}
			select {
			case <-c:
				t.Errorf("%s: closed before the change", name)
			default:
			}
			change()
			<-c
		}
		c := s.Changed()
		s.Close()
		<-c
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	var tapped []Event
	s.OnEvent(func(e Event) { tapped = append(tapped, e) })
	p := s.poller()
	id := s.Emit(s.group.ID, "group_join", map[string]any{"user_id": s.anna.ID, "join_type": "join"})
	s.SetLongPoll(s.group.ID, LongPollSettings{Events: map[string]bool{"group_leave": false}})
	s.Emit(s.group.ID, "group_leave", map[string]any{"user_id": s.anna.ID, "self": 1})
	s.EmitAgain(tapped[0])
	r := p.poll(0)
	if len(r.Updates) != 2 || r.Updates[0].EventID != id || r.Updates[1].EventID != id || len(tapped) != 3 {
		t.Errorf("%+v, %d tapped", r.Updates, len(tapped))
	}
	want := fmt.Sprintf(`{"group_id":%d,"type":"group_join","event_id":%q,"v":"5.131","object":{"join_type":"join","user_id":%d},"secret":"s"}`,
		s.group.ID, id, s.anna.ID)
	if d := cmp.Diff(want, string(tapped[0].Envelope("5.131", "s"))); d != "" {
		t.Error(d)
	}
}

// TestEverybodyAtOnce sends messages from many users while many clients call
// and poll, under the race detector, and checks that nothing is lost.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	p := s.poller()
	const people, each = 8, 20
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			u := s.AddUser(UserSpec{})
			for j := range each {
				m, err := s.Send(u.ID, -s.group.ID, Draft{Text: fmt.Sprint(i, j)})
				if err != nil {
					t.Error(err)
					return
				}
				form := url.Values{"v": {"5.199"}, "access_token": {s.group.Token}, "peer_id": {fmt.Sprint(u.ID)},
					"random_id": {fmt.Sprint(rand.Int32())}, "message": {"answer"}, "keyboard": {callbackKeyboard}}
				for _, call := range []string{"messages.send?", "messages.getHistory?", "groups.getLongPollServer?group_id=" + fmt.Sprint(s.group.ID) + "&",
					fmt.Sprintf("messages.edit?cmid=%d&", m.CMID+1), fmt.Sprintf("messages.getById?message_ids=%d&", m.ID)} {
					rec := httptest.NewRecorder()
					s.ServeHTTP(rec, httptest.NewRequest("GET", "/method/"+call+form.Encode(), nil))
					if strings.Contains(rec.Body.String(), `"error"`) {
						t.Error(rec.Body)
					}
				}
				answer := s.last(u.ID, -s.group.ID)
				if _, err := s.Press(u.ID, -s.group.ID, answer.CMID, answer.Buttons()[0]); err != nil {
					t.Error(err)
				}
				s.Send(s.anna.ID, chat.PeerID, Draft{Text: "x"})
				s.Calls("users.get")
				s.Typing(u.ID, -s.group.ID)
				s.Delivered(s.group.ID)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-s.Changed():
		}
		r := p.poll(0)
		if r.Failed == 1 {
			t.Log("fell behind the history") // allowed: the window is 256 events
		}
		seen += len(r.Updates)
	}
	if seen == 0 {
		t.Error("the poller saw nothing")
	}
	if n := len(s.Messages(s.anna.ID, chat.PeerID)); n != people*each {
		t.Errorf("%d messages in the chat, want %d", n, people*each)
	}
}

// TestTwoCommunities checks that two communities in one chat receive each
// other's messages.
func TestTwoCommunities(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	other := s.AddGroup(GroupSpec{})
	chat := s.AddChat(ChatSpec{Members: []int64{s.anna.ID, -s.group.ID, -other.ID}})
	p := s.poller()
	s.ok(nil, "messages.send", "access_token", other.Token, "peer_id", chat.PeerID, "random_id", 1, "message", "from a bot")
	r := p.poll(0)
	if len(r.Updates) != 1 || !strings.Contains(string(r.Updates[0].Object), fmt.Sprintf(`"from_id":%d`, -other.ID)) {
		t.Errorf("got %+v", r.Updates)
	}
}
