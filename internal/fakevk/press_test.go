package fakevk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const callbackKeyboard = `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Like","payload":"{\"id\":42}"}},` +
	`{"action":{"type":"text","label":"Buy","payload":"{\"buy\":1}"}},{"action":{"type":"location"}},` +
	`{"action":{"type":"open_link","label":"Site","link":"https://example.com"}}]]}`

// press presses a button of the last message as Anna and returns the event.
func (s *scene) press(peer int64, label string) (Press, []update) {
	s.t.Helper()
	p := s.poller()
	m := s.last(s.anna.ID, peer)
	b, ok := m.Button(label)
	if !ok {
		s.t.Fatalf("no button %q", label)
	}
	pr, err := s.Press(s.anna.ID, peer, m.CMID, b)
	if err != nil {
		s.t.Fatal(err)
	}
	return pr, p.poll(0).Updates
}

func TestPressCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		m := s.writes("message", "x", "keyboard", callbackKeyboard)
		pr, events := s.press(-s.group.ID, "Like")
		if len(pr.EventID) != 12 || len(events) != 1 || events[0].Type != "message_event" {
			t.Fatalf("%+v %+v", pr, events)
		}
		checkEvent(t, events[0])
		want := fmt.Sprintf(`{"user_id":%[1]d,"peer_id":%[1]d,"event_id":%[2]q,"payload":{"id":42},"conversation_message_id":%[3]d}`,
			s.anna.ID, pr.EventID, m.CMID)
		if d := cmp.Diff(want, string(events[0].Object)); d != "" {
			t.Error(d)
		}
		if events[0].EventID == pr.EventID {
			t.Error("the id of the event is the id of the press")
		}
		answer := []any{"event_id", pr.EventID, "user_id", s.anna.ID, "peer_id", s.anna.ID}
		with := func(pairs ...any) []any { return append(append([]any{}, answer...), pairs...) }
		s.fails(100, "event_id is undefined", "messages.sendMessageEventAnswer", with("event_id", "")...)
		s.fails(100, "event_id is invalid", "messages.sendMessageEventAnswer", with("event_id", "000000000000")...)
		s.fails(100, "user_id is invalid", "messages.sendMessageEventAnswer", with("user_id", s.boris.ID)...)
		s.fails(100, "peer_id is invalid", "messages.sendMessageEventAnswer", with("peer_id", chatBase+1)...)
		for _, data := range []string{
			`{`, `null`, `{}`, `{"type":"jump"}`, `{"type":"show_snackbar"}`, `{"type":"show_snackbar","text":"` + strings.Repeat("ж", 91) + `"}`,
			`{"type":"open_link","link":"nowhere"}`, `{"type":"open_app"}`, `{"type":"show_snackbar","text":"x","pad":"` + strings.Repeat("x", 1000) + `"}`,
		} {
			s.fails(100, "event_data", "messages.sendMessageEventAnswer", with("event_data", data)...)
		}
		other := s.AddGroup(GroupSpec{})
		s.fails(100, "event_id is invalid", "messages.sendMessageEventAnswer", with("access_token", other.Token)...)
		time.Sleep(time.Minute)
		s.ok(nil, "messages.sendMessageEventAnswer", with("event_data", `{"type":"show_snackbar","text":"Added"}`)...)
		s.fails(100, "already answered", "messages.sendMessageEventAnswer", answer...)
		got, ok := s.Pressed(pr.EventID)
		if !ok || !got.Answered || got.Answer.Text != "Added" || got.AnsweredAt.Sub(got.Time) != time.Minute {
			t.Errorf("got %+v", got)
		}
	})
}

func TestPressTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		s.writes("message", "x", "keyboard", callbackKeyboard)
		pr, _ := s.press(-s.group.ID, "Like")
		time.Sleep(time.Minute + 1)
		s.fails(100, "event_id is expired", "messages.sendMessageEventAnswer", "event_id", pr.EventID, "user_id", s.anna.ID, "peer_id", s.anna.ID)
		if got, _ := s.Pressed(pr.EventID); got.Answered {
			t.Error("it was answered")
		}
	})
}

func TestPressAnswers(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.writes("message", "x", "keyboard", callbackKeyboard)
	for data, want := range map[string]EventAnswer{
		"": {},
		`{"type":"open_link","link":"https://example.com/x"}`:               {Type: "open_link", Link: "https://example.com/x"},
		`{"type":"open_app","app_id":1,"owner_id":-5,"hash":"h"}`:           {Type: "open_app", AppID: 1, OwnerID: -5, Hash: "h"},
		`{"type":"show_snackbar","text":"` + strings.Repeat("ж", 90) + `"}`: {Type: "show_snackbar", Text: strings.Repeat("ж", 90)},
	} {
		pr, _ := s.press(-s.group.ID, "Like")
		s.ok(nil, "messages.sendMessageEventAnswer", "event_id", pr.EventID, "user_id", s.anna.ID, "peer_id", s.anna.ID, "event_data", data)
		if got, _ := s.Pressed(pr.EventID); !got.Answered || got.Answer != want {
			t.Errorf("%s: got %+v", data, got)
		}
	}
}

func TestPressText(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.writes("message", "x", "keyboard", callbackKeyboard)
	pr, events := s.press(-s.group.ID, "Buy")
	if m := pr.Message; m.Text != "Buy" || m.Payload != `{"buy":1}` || pr.EventID != "" {
		t.Errorf("got %+v", pr)
	}
	var object struct{ Message wireMessage }
	json.Unmarshal(events[0].Object, &object)
	if object.Message.Payload != `{"buy":1}` || events[0].Type != "message_new" {
		t.Errorf("got %s", events[0].Object)
	}
	s.writes("message", "x", "keyboard", callbackKeyboard)
	if pr, events := s.press(-s.group.ID, ""); pr.Message.Geo == nil || len(events) != 1 {
		t.Errorf("location: %+v", pr)
	}
	s.writes("message", "x", "keyboard", callbackKeyboard)
	if _, events := s.press(-s.group.ID, "Site"); len(events) != 0 {
		t.Errorf("a link told the bot: %+v", events)
	}
}

func TestPressInChat(t *testing.T) {
	t.Parallel()
	for plain, want := range map[bool]string{false: "[club%d|@botclub] Buy", true: "Buy"} {
		s := newScene(t, Config{Readings: Readings{PlainPress: plain}})
		chat := s.chat(ChatSpec{})
		s.ok(nil, "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "x", "keyboard", callbackKeyboard)
		pr, _ := s.press(chat.PeerID, "Buy")
		if !plain {
			want = fmt.Sprintf(want, s.group.ID)
		}
		if pr.Message.Text != want {
			t.Errorf("sent %q, want %q", pr.Message.Text, want)
		}
		s.ok(nil, "messages.send", "peer_id", chat.PeerID, "random_id", 0, "message", "x", "keyboard", callbackKeyboard)
		pr, events := s.press(chat.PeerID, "Like")
		if pr.PeerID != chat.PeerID || !strings.Contains(string(events[0].Object), fmt.Sprintf(`"peer_id":%d`, chat.PeerID)) {
			t.Errorf("got %+v", pr)
		}
	}
}

// TestKeyboardUnderTheField checks that the keyboard stays until replaced, that
// an inline keyboard does not replace it, and that a press removes a one_time
// keyboard. A press on it has no message.
func TestKeyboardUnderTheField(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	peer := -s.group.ID
	s.writes("message", "x", "keyboard", `{"buttons":[[{"action":{"type":"callback","label":"Menu"}}]]}`)
	s.writes("message", "x", "keyboard", callbackKeyboard)
	k := s.Keyboard(s.anna.ID, peer)
	if k == nil || k.Buttons[0][0].Action.Label != "Menu" || k.AuthorID != peer {
		t.Fatalf("keyboard %+v", k)
	}
	p := s.poller()
	pr, err := s.Press(s.anna.ID, peer, 0, k.Buttons[0][0])
	if err != nil {
		t.Fatal(err)
	}
	if got := string(p.poll(0).Updates[0].Object); strings.Contains(got, "conversation_message_id") || !strings.Contains(got, pr.EventID) {
		t.Errorf("event %s", got)
	}
	s.writes("message", "x", "keyboard", `{"one_time":true,"buttons":`+rows(1, 1)+`}`)
	k = s.Keyboard(s.anna.ID, peer)
	if _, err := s.Press(s.anna.ID, peer, 0, k.Buttons[0][0]); err != nil {
		t.Fatal(err)
	}
	if k := s.Keyboard(s.anna.ID, peer); k != nil {
		t.Errorf("after a one_time press: %+v", k)
	}
	s.writes("message", "x", "keyboard", `{"buttons":`+rows(1, 1)+`}`)
	s.writes("message", "x", "keyboard", `{"buttons":[]}`)
	if k := s.Keyboard(s.anna.ID, peer); k != nil {
		t.Errorf("after its removal: %+v", k)
	}
	if k := s.Keyboard(s.boris.ID, peer); k != nil {
		t.Errorf("from a stranger: %+v", k)
	}
}

func TestPressNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	m := s.writes("message", "x", "keyboard", callbackKeyboard)
	b := m.Buttons()[0]
	changed := b
	changed.Action.Label = "Other"
	for name, tt := range map[string]struct {
		user, peer, cmid int64
		b                Button
		want             error
	}{
		"no dialog":   {s.boris.ID, -s.group.ID, m.CMID, b, ErrNoDialog},
		"no message":  {s.anna.ID, -s.group.ID, 99, b, ErrNoMessage},
		"no button":   {s.anna.ID, -s.group.ID, m.CMID, changed, ErrNoButton},
		"no keyboard": {s.anna.ID, -s.group.ID, 0, b, ErrNoButton},
	} {
		if _, err := s.Press(tt.user, tt.peer, tt.cmid, tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := s.Pressed("no such"); ok {
		t.Error("found a press that did not happen")
	}
}

// TestCarouselUnderKeyboard presses a carousel's button on a message that also
// carried a keyboard for the input field. That keyboard does not belong to the
// message.
func TestCarouselUnderKeyboard(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	m := s.writes("message", "x", "keyboard", `{"buttons":[[{"action":{"type":"text","label":"Below"}}]]}`,
		"template", `{"type":"carousel","elements":[{"title":"T","description":"D","buttons":[{"action":{"type":"text","label":"Card"}}]}]}`)
	if _, ok := m.Button("Below"); ok {
		t.Error("the keyboard counts as part of the message")
	}
	if pr, _ := s.press(-s.group.ID, "Card"); pr.Message.Text != "Card" {
		t.Errorf("sent %q", pr.Message.Text)
	}
	k := s.Keyboard(s.anna.ID, -s.group.ID)
	if b, ok := k.Button("Below"); !ok || b.Action.Label != "Below" {
		t.Errorf("button %+v", b)
	}
}

// TestPressesAreForgotten checks that finished presses are dropped once there
// are thousands.
func TestPressesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		m := s.writes("message", "x", "keyboard", callbackKeyboard)
		b, _ := m.Button("Like")
		press := func() Press {
			p, err := s.Press(s.anna.ID, -s.group.ID, m.CMID, b)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		first := press()
		for range maxPresses {
			press()
		}
		if _, ok := s.Pressed(first.EventID); !ok {
			t.Error("forgotten while it may be answered")
		}
		time.Sleep(2 * time.Minute)
		press()
		if _, ok := s.Pressed(first.EventID); ok || len(s.presses) != 1 {
			t.Errorf("%d presses are remembered", len(s.presses))
		}
	})
}

// TestStringPressPayload checks the reading that makes the payload of
// message_event a string.
func TestStringPressPayload(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{StringPressPayload: true}})
	p := s.poller()
	m := s.writes("message", "x", "keyboard", stringKeyboard)
	b, _ := m.Button("Like")
	if _, err := s.Press(s.anna.ID, -s.group.ID, m.CMID, b); err != nil {
		t.Fatal(err)
	}
	u := p.poll(0).Updates
	if len(u) != 1 || !strings.Contains(string(u[0].Object), `"payload":"{\"id\":42`) {
		t.Errorf("events %+v", u)
	}
}
