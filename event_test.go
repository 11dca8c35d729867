package vk_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// TestPayloads takes every event of testdata, as VK sends them, through the
// path of an event: parsed, listened to, and routed.
func TestPayloads(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) < 59 {
		t.Fatalf("%d payloads, %v", len(files), err)
	}
	variants, _ := filepath.Glob("testdata/payloads/variants/*.json")
	if len(variants) < 40 {
		t.Fatalf("%d variants", len(variants))
	}
	for _, file := range append(files, variants...) {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasPrefix(name, "longpoll_") {
			continue // answers of the long poll, not events
		}
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e, err := vk.ParseEvent(raw)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Type    string          `json:"type"`
				EventID string          `json:"event_id"`
				GroupID int64           `json:"group_id"`
				V       string          `json:"v"`
				Object  json.RawMessage `json:"object"`
			}
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Object, e.Object); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if e.Kind != want.Type || e.ID != want.EventID || e.GroupID != want.GroupID || e.Version != want.V {
				t.Errorf("got %q %q %d %q, want %+v", e.Kind, e.ID, e.GroupID, e.Version, want)
			}

			var r vk.Router
			heard := 0
			listen(&r, &heard)
			if !typed[e.Kind] {
				vk.On(&r, vk.Kind[json.RawMessage](e.Kind), func(*vk.Context, *json.RawMessage) error { heard++; return nil })
			}
			if err := r.Serve(vk.NewContext(t.Context(), vk.NewClient("unused"), e)); err != nil {
				t.Error(err)
			}
			if heard != 1 {
				t.Errorf("heard %d times", heard)
			}
		})
	}
}

// typed are the kinds with a type of their own.
var typed = map[string]bool{
	"message_new": true, "message_reply": true, "message_edit": true, "message_event": true, "message_allow": true,
	"message_deny": true, "message_typing_state": true, "group_join": true, "group_leave": true,
}

// listen counts all events of typed kinds, and looks at what they hold.
func listen(r *vk.Router, heard *int) {
	count := func(ok bool) error {
		*heard++
		if !ok {
			return errors.New("a field that every such event has is zero")
		}
		return nil
	}
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		m, err := c.Message()
		if err != nil {
			return err
		}
		return count(e.Message.PeerID != 0 && e.Message.CMID != 0 && !e.Message.Date.IsZero() && m.PeerID == c.PeerID() && m.FromID == c.FromID() && m.Text == c.Text())
	})
	message := func(c *vk.Context, m *vk.Message) error { return count(m.PeerID != 0 && m.Out && m.FromID < 0) }
	vk.On(r, vk.EventMessageReply, message)
	vk.On(r, vk.EventMessageEdit, message)
	vk.On(r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		return count(e.UserID == c.FromID() && e.PeerID == c.PeerID() && e.EventID != "" && c.Payload() != nil)
	})
	vk.On(r, vk.EventMessageAllow, func(c *vk.Context, e *vk.MessageAllow) error { return count(e.UserID == c.PeerID()) })
	vk.On(r, vk.EventMessageDeny, func(c *vk.Context, e *vk.MessageDeny) error { return count(e.UserID == c.PeerID()) })
	vk.On(r, vk.EventMessageTypingState, func(c *vk.Context, e *vk.MessageTyping) error {
		return count(e.FromID == c.FromID() && e.ToID < 0 && e.State != "")
	})
	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error { return count(e.UserID == c.PeerID() && e.How != "") })
	vk.On(r, vk.EventGroupLeave, func(c *vk.Context, e *vk.GroupLeave) error { return count(e.UserID == c.PeerID()) })
}

// TestPayload: the payload of a button is the same however VK wraps it.
func TestPayload(t *testing.T) {
	for name, event := range map[string]string{
		"a string of JSON":  `{"type":"message_new","object":{"message":{"payload":"{\"a\": 1}"}}}`,
		"a value":           `{"type":"message_event","object":{"payload":{"a": 1}}}`,
		"a string, pressed": `{"type":"message_event","object":{"payload":"{\"a\": 1}"}}`,
	} {
		e, err := vk.ParseEvent([]byte(event))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(vk.NewContext(t.Context(), nil, e).Payload()); got != `{"a": 1}` {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, event := range map[string]string{
		"none": `{"type":"message_new","object":{"message":{}}}`,
		"null": `{"type":"message_event","object":{"payload":null}}`,
	} {
		e, _ := vk.ParseEvent([]byte(event))
		if got := vk.NewContext(t.Context(), nil, e).Payload(); got != nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	e, _ := vk.ParseEvent([]byte(`{"type":"message_new","object":{"message":{"payload":"not JSON"}}}`))
	if got := string(vk.NewContext(t.Context(), nil, e).Payload()); got != `"not JSON"` {
		t.Errorf("not JSON: %s", got)
	}
}

// TestBentEvent: fields of another shape than usual cost themselves.
func TestBentEvent(t *testing.T) {
	e, err := vk.ParseEvent([]byte(`{"type":"message_new","group_id":"7","event_id":5,"new":{},"object":{"client_info":[],
		"message":{"peer_id":"12","from_id":12.0,"text":5,"out":2,"date":"1736240400","fwd_messages":{},"reply_message":[],"id":{},"x":[[]]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := vk.NewContext(t.Context(), nil, e)
	m, err := c.Message()
	if err != nil {
		t.Fatal(err)
	}
	want := vk.Message{PeerID: 12, FromID: 12, Text: "5", Out: true, Date: time.Unix(1736240400, 0).UTC(), Forwarded: []vk.Message{}}
	if diff := cmp.Diff(want, *m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e.GroupID != 7 || e.ID != "5" || c.PeerID() != 12 {
		t.Errorf("%+v", e)
	}
}

// TestBentPeer: a peer id that makes no sense costs the message nothing else, and
// a message of an old version, which is the object itself, is one for all.
func TestBentPeer(t *testing.T) {
	for name, event := range map[string]string{
		"bent":         `{"type":"message_new","object":{"message":{"peer_id":{},"from_id":5,"text":"hi","conversation_message_id":3}}}`,
		"absent":       `{"type":"message_new","object":{"message":{"from_id":5,"text":"hi","conversation_message_id":3}}}`,
		"before 5.103": `{"type":"message_new","object":{"from_id":5,"text":"hi","conversation_message_id":3}}`,
	} {
		e, err := vk.ParseEvent([]byte(event))
		if err != nil {
			t.Fatal(err)
		}
		c := vk.NewContext(t.Context(), nil, e)
		m, err := c.Message()
		var r vk.Router
		vk.On(&r, vk.EventMessageNew, func(_ *vk.Context, e *vk.MessageNew) error {
			if diff := cmp.Diff(m, &e.Message); diff != "" {
				t.Errorf("%s: a listener gets another (-Message +listener):\n%s", name, diff)
			}
			return nil
		})
		if err := r.Serve(c); err != nil {
			t.Error(err)
		}
		if err != nil || m.FromID != 5 || m.Text != "hi" || m.CMID != 3 || c.PeerID() != 5 || c.Text() != "hi" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// TestNoMessage: an event without a message says so.
func TestNoMessage(t *testing.T) {
	e, _ := vk.ParseEvent([]byte(`{"type":"message_event","object":{"user_id":1,"peer_id":1,"payload":{}}}`))
	c := vk.NewContext(t.Context(), vk.NewClient("x"), e)
	if m, err := c.Message(); err == nil || m != nil {
		t.Errorf("%v, %v", m, err)
	}
	e, _ = vk.ParseEvent([]byte(`{"type":"donut_money_withdraw","object":{}}`))
	if err := vk.NewContext(t.Context(), vk.NewClient("x"), e).Send("hi"); err == nil || !strings.Contains(err.Error(), "donut_money_withdraw") {
		t.Errorf("a message to nobody: %v", err)
	}
}

func FuzzParseEvent(f *testing.F) {
	files, _ := filepath.Glob("testdata/payloads/*.json")
	variants, _ := filepath.Glob("testdata/payloads/variants/*.json")
	for _, file := range append(files, variants...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := string(raw)
		e, err := vk.ParseEvent(raw)
		if err != nil {
			return
		}
		var r vk.Router
		heard := 0
		listen(&r, &heard)
		r.Handle("x {n:int...}", func(*vk.Context) error { return nil })
		c := vk.NewContext(t.Context(), vk.NewClient("x"), e)
		r.Serve(c)
		c.Message()
		c.Payload()
		if string(raw) != before {
			t.Error("the bytes were changed")
		}
		if e.Kind == "" {
			t.Error("an event without a kind")
		}
	})
}
