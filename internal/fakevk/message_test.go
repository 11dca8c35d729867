package fakevk

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// TestMessageNew compares the envelope of message_new byte for byte.
func TestMessageNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Seed: 1, RPS: -1})
		s := &scene{World: w, t: t}
		s.group = w.AddGroup(GroupSpec{ID: 203551742})
		s.anna = w.AddUser(UserSpec{ID: 148273615, Lang: "ru"})
		p := s.poller()
		s.says("Привет, <бот> & все!")
		want := `{"ts":"2","updates":[{"group_id":203551742,"type":"message_new",` +
			`"event_id":"` + w.hex(40, "event", 203551742, 1) + `","v":"5.199","object":{"message":{` +
			`"date":946684800,"from_id":148273615,"id":40001,"version":10000001,"out":0,"fwd_messages":[],` +
			`"important":false,"is_hidden":false,"attachments":[],"conversation_message_id":1,` +
			`"text":"Привет, <бот> & все!","peer_id":148273615,"random_id":0},"client_info":{"button_actions":` +
			`["text","vkpay","open_app","location","open_link","open_photo","callback","intent_subscribe","intent_unsubscribe"],` +
			`"keyboard":true,"inline_keyboard":true,"carousel":true,"lang_id":0}}}]}`
		if d := cmp.Diff(want, string(p.raw(0))); d != "" {
			t.Error(d)
		}
	})
}

// TestMessageFields sends each kind of content and checks the fields.
func TestMessageFields(t *testing.T) {
	t.Parallel()
	photo := json.RawMessage(`{"type":"photo","photo":{"id":1,"owner_id":2,"album_id":-3,"date":4,"has_tags":false,"sizes":[]}}`)
	tests := []struct {
		name  string
		draft Draft
		want  map[string]string // field to JSON
	}{
		{"text", Draft{Text: "hi"}, map[string]string{"text": `"hi"`, "attachments": "[]", "fwd_messages": "[]", "random_id": "0", "out": "0"}},
		{"payload is a string", Draft{Text: "x", Payload: `{"a":1}`}, map[string]string{"payload": `"{\"a\":1}"`}},
		{"photo", Draft{Attachments: []json.RawMessage{photo}}, map[string]string{"attachments": "[" + string(photo) + "]"}},
		{"geo", Draft{Geo: &Geo{Lat: 1.5, Long: -2, Title: "Here"}}, map[string]string{
			"geo": `{"type":"point","coordinates":{"latitude":1.5,"longitude":-2},"place":{"title":"Here"}}`}},
		{"ref", Draft{Text: "x", Ref: "promo", RefSource: "poster"}, map[string]string{"ref": `"promo"`, "ref_source": `"poster"`}},
		{"sticker", Draft{Text: "not shown", StickerID: 7}, map[string]string{"text": `""`}},
		{"format", Draft{Text: "x", FormatData: json.RawMessage(`{"version":1,"items":[]}`)}, map[string]string{"format_data": `{"version":1,"items":[]}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, Config{})
			p := s.poller()
			if _, err := s.Send(s.anna.ID, -s.group.ID, tt.draft); err != nil {
				t.Fatal(err)
			}
			u := p.poll(0).Updates[0]
			checkEvent(t, u)
			var object struct{ Message map[string]json.RawMessage }
			if err := json.Unmarshal(u.Object, &object); err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.want {
				if d := cmp.Diff(v, string(object.Message[k])); d != "" {
					t.Errorf("%s: %s", k, d)
				}
			}
		})
	}
}

func TestRepliesAndForwards(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{Title: "Work"})
	first, err := s.Send(s.boris.ID, chat.PeerID, Draft{Text: "first"})
	if err != nil {
		t.Fatal(err)
	}
	p := s.poller()
	if _, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "answer", ReplyTo: first.CMID}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(s.anna.ID, -s.group.ID, Draft{Forward: []Ref{{chat.PeerID, first.CMID}}}); err != nil {
		t.Fatal(err)
	}
	r := p.poll(0)
	var inChat, forwarded struct{ Message wireMessage }
	json.Unmarshal(r.Updates[0].Object, &inChat)
	json.Unmarshal(r.Updates[1].Object, &forwarded)
	if m := inChat.Message; m.ID != 0 || m.CMID != 2 || m.PeerID != chat.PeerID || m.Reply == nil ||
		m.Reply.Text != "first" || m.Reply.CMID != 1 || len(m.Forward) != 0 {
		t.Errorf("in the chat: %+v", m)
	}
	if m := forwarded.Message; m.ID == 0 || m.PeerID != s.anna.ID || m.Reply != nil || len(m.Forward) != 1 ||
		m.Forward[0].FromID != s.boris.ID {
		t.Errorf("forwarded: %+v", m)
	}
	for _, u := range r.Updates {
		checkEvent(t, u)
	}
	if _, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "x", ReplyTo: 99}); err == nil {
		t.Error("a reply to nothing was sent")
	}
}

// TestPayloadSamples compares the keys of our message_new with samples, if
// VK_PAYLOADS names a directory of envelopes.
func TestPayloadSamples(t *testing.T) {
	dir := os.Getenv("VK_PAYLOADS")
	if dir == "" {
		t.Log("VK_PAYLOADS is not set: events are compared with nothing")
		return
	}
	s := newScene(t, Config{})
	s.SetLongPoll(s.group.ID, LongPollSettings{Events: map[string]bool{"message_typing_state": true, "message_read": true, "message_edit": true}})
	p := s.poller()
	s.says("x")
	s.Allow(s.anna.ID, s.group.ID, "")
	s.Deny(s.anna.ID, s.group.ID)
	s.Allow(s.anna.ID, s.group.ID, "")
	s.Type(s.anna.ID, -s.group.ID, "typing")
	s.Ban(1, s.boris.ID, s.group.ID)
	s.Unban(1, s.boris.ID, s.group.ID)
	m := s.writes("message", "x", "keyboard", `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"L","payload":"{\"a\":1}"}}]]}`)
	s.Read(s.anna.ID, -s.group.ID, m.CMID)
	if _, err := s.Press(s.anna.ID, -s.group.ID, m.CMID, m.Buttons()[0]); err != nil {
		t.Fatal(err)
	}
	s.ok(nil, "messages.edit", "peer_id", s.anna.ID, "cmid", m.CMID, "message", "y")
	for _, u := range p.poll(0).Updates {
		checkEvent(t, u)
		b, err := os.ReadFile(filepath.Join(dir, u.Type+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var want update
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(keys(want.Object), keys(u.Object)); d != "" {
			t.Errorf("%s: %s", u.Type, d)
		}
	}
}

// keys returns the names of an object's fields and of those of the objects in
// it, except in payloads.
func keys(raw json.RawMessage) []string {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	var out []string
	for k, v := range m {
		out = append(out, k)
		if k == "payload" || !bytes.HasPrefix(v, []byte("{")) {
			continue
		}
		for _, inner := range keys(v) {
			out = append(out, k+"."+inner)
		}
	}
	slices.Sort(out)
	return out
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (string, string) {
		s := newScene(t, Config{Seed: seed})
		p := s.poller()
		s.says("x")
		return s.group.Token + p.Key, p.poll(0).Updates[0].EventID
	}
	a1, e1 := run(1)
	a2, e2 := run(1)
	b, e3 := run(2)
	if a1 != a2 || e1 != e2 {
		t.Error("equal seeds gave different worlds")
	}
	if a1 == b || e1 == e3 {
		t.Error("different seeds gave equal secrets")
	}
	if !strings.HasPrefix(a1, "vk1.a.") {
		t.Errorf("token %q", a1)
	}
}

func TestHistoryLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{HistoryLimit: 3})
	for _, text := range []string{"a", "b", "c", "d"} {
		s.says(text)
	}
	var texts []string
	for _, m := range s.Messages(s.anna.ID, -s.group.ID) {
		texts = append(texts, m.Text)
	}
	if d := cmp.Diff([]string{"b", "c", "d"}, texts); d != "" {
		t.Error(d)
	}
	if _, ok := s.Message(s.anna.ID, -s.group.ID, 1); ok {
		t.Error("a forgotten message was found")
	}
	if m, ok := s.Message(s.anna.ID, -s.group.ID, 5); !ok || m.Text != "d" {
		t.Errorf("got %+v", m)
	}
}

func TestEscapeText(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{EscapeText: true}})
	m := s.says(`a<b> & "c"`)
	if _, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: "<", ReplyTo: m.CMID}); err != nil {
		t.Fatal(err)
	}
	var got messageList
	s.ok(&got, "messages.getHistory", "peer_id", s.anna.ID, "count", 1)
	if m := got.Items[0]; m.Text != "&lt;" || m.Reply.Text != "a&lt;b&gt; &amp; &quot;c&quot;" {
		t.Errorf("got %+v", m)
	}
}

// TestNestedQuotes checks that a quoted message carries the messages that it
// quotes itself.
func TestNestedQuotes(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	inner := s.says("inner")
	middle, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: "middle", ReplyTo: inner.CMID, Forward: []Ref{{-s.group.ID, inner.CMID}},
		Geo: &Geo{Lat: 1, Long: 2}})
	if err != nil {
		t.Fatal(err)
	}
	s.writes("message", "outer", "reply_to", middle.ID)
	var got messageList
	s.ok(&got, "messages.getHistory", "peer_id", s.anna.ID, "count", 1, "extended", 1)
	r := got.Items[0].Reply
	if r == nil || r.Text != "middle" || r.Reply == nil || r.Reply.Text != "inner" || len(r.Forward) != 1 || r.Geo == nil || r.Geo.Place != nil {
		t.Errorf("got %+v", r)
	}
	if len(got.Profiles) != 1 || len(got.Groups) != 1 {
		t.Errorf("%d profiles, %d groups", len(got.Profiles), len(got.Groups))
	}
}
