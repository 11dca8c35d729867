package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestPayloads processes every event of testdata, as VK sends them: it is
// parsed, passed to listeners, and routed.
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
			continue // responses of the long poll, not events
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

// typed are the kinds that have their own type.
var typed = map[string]bool{
	"message_new": true, "message_reply": true, "message_edit": true, "message_event": true, "message_allow": true,
	"message_deny": true, "message_typing_state": true, "group_join": true, "group_leave": true,
}

// listen counts all events of typed kinds, and checks their contents.
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

// TestPayload: the payload of a button is the same in every form that VK sends.
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

// TestBentEvent: only fields of an unexpected shape are lost.
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

// TestBentPeer: with an invalid peer id, a message loses nothing else. A
// message of an old version, which is the object itself, is returned as one
// value to all callers.
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

// TestNoMessage: an event without a message returns an error.
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

// TestDrift: additions and changes by VK are reported, each with its place;
// known fields are not.
func TestDrift(t *testing.T) {
	for _, tt := range []struct{ name, event, want string }{
		{"nothing", `{"type":"group_join","object":{"user_id":1,"join_type":"join"}}`, ""},
		{"an unknown kind", `{"type":"party","object":{"x":1}}`, `party: unknown kind: {"x":1}`},
		{"confirmation", `{"type":"confirmation","group_id":1}`, ""},
		{"no object", `{"type":"group_join"}`, ""},
		{"a new field", `{"type":"group_join","object":{"user_id":1,"why":{"a":1}}}`, `group_join: unknown field object.why: {"a":1}`},
		{"a bent value", `{"type":"group_join","object":{"user_id":{"a":1}}}`, `group_join: bent value object.user_id, want int64: {"a":1}`},
		{"a bent object", `{"type":"group_join","object":[1]}`, `group_join: bent value object, want vk.GroupJoin: [1]`},
		{"converted", `{"type":"group_join","object":{"user_id":"5","join_type":7}}`, ""},
		{"left out", `{"type":"message_reply","object":{"version":5,"attachments":[{"type":"audio","audio":{"track_code":"x"}}]}}`, ""},
		{"a new attachment", `{"type":"message_new","object":{"message":{"attachments":[{"type":"x","x":{}}]}}}`, `message_new: unknown field object.message.attachments[0].x: {}`},
		{"deep", `{"type":"message_new","object":{"message":{"attachments":[{"type":"photo","photo":{"sizes":[{"url":[]}]}}]}}}`,
			`message_new: bent value object.message.attachments[0].photo.sizes[0].url, want string: []`},
		{"a new action", `{"type":"message_new","object":{"message":{"action":{"type":"chat_dance"}}}}`, `message_new: unknown kind object.message.action.type: "chat_dance"`},
		{"an action", `{"type":"message_new","object":{"message":{"action":{"type":"chat_kick_user","member_id":5}}}}`, ""},
		{"of an old version", `{"type":"message_new","object":{"peer_id":5,"text":"hi","from_id":5}}`, ""},
		{"a new field of an old version", `{"type":"message_new","object":{"peer_id":5,"x":1}}`, `message_new: unknown field object.x: 1`},
		{"a new action of an old version", `{"type":"message_new","object":{"peer_id":5,"action":{"type":"chat_dance"}}}`, `message_new: unknown kind object.action.type: "chat_dance"`},
		{"no message", `{"type":"message_new","object":{"message":5,"client_info":{"x":1}}}`,
			`message_new: bent value object.message, want vk.Message: 5; message_new: unknown field object.client_info.x: 1`},
		{"an action of no type", `{"type":"message_new","object":{"message":{"action":{"type":{}}}}}`, `message_new: bent value object.message.action.type, want string: {}`},
		{"a new action of the bot", `{"type":"message_reply","object":{"peer_id":5,"action":{"type":"chat_dance"}}}`, `message_reply: unknown kind object.action.type: "chat_dance"`},
		{"an action of the bot", `{"type":"message_reply","object":{"peer_id":5,"action":{"type":"chat_create"}}}`, ""},
		{"in a keyboard", `{"type":"message_new","object":{"message":{"keyboard":{"shape":1,"buttons":[[{"action":{"type":"text","label":[]}}]]}}}}`,
			`message_new: unknown field object.message.keyboard.shape: 1; message_new: bent value object.message.keyboard.buttons[0][0].action.label, want string: []`},
		{"in a carousel", `{"type":"message_new","object":{"message":{"fwd_messages":[{"template":{"elements":[{"photo":{"id":{}}}]}}]}}}`,
			`message_new: bent value object.message.fwd_messages[0].template.elements[0].photo.id, want int64: {}`},
		{"in coordinates", `{"type":"message_new","object":{"message":{"geo":{"coordinates":{"latitude":[],"height":1}}}}}`,
			`message_new: bent value object.message.geo.coordinates.latitude, want float64: []; message_new: unknown field object.message.geo.coordinates.height: 1`},
		{"coordinates as a text", `{"type":"message_new","object":{"message":{"geo":{"coordinates":"59.5 -30.25"}}}}`, ""},
		{"null", `{"type":"message_new","object":{"message":{"keyboard":null,"template":null,"geo":{"coordinates":null},"action":null,"attachments":null}}}`, ""},
		{"what PHP makes of empty objects", `{"type":"message_new","object":{"message":{"keyboard":[],"template":[],"action":[],"geo":[],"reply_message":[],"format_data":[],` +
			`"attachments":{},"fwd_messages":{}},"client_info":[]}}`, ""},
		{"false for an object", `{"type":"message_new","object":{"message":{"keyboard":false,"template":"","geo":{"coordinates":[]}}}}`, ""},
		{"not described", `{"type":"video_new","object":{"id":1,"first_frame_320":"u","photo_800":"u"}}`, ""},
		{"a keyboard of another kind", `{"type":"message_new","object":{"message":{"keyboard":[1]}}}`, `message_new: bent value object.message.keyboard, want vk.Keyboard: [1]`},
		{"around the object", `{"type":"group_join","group_id":[],"event_id":5,"v":{},"secret":{},"attempt":2,"object":{"user_id":1,"x":2}}`,
			`group_join: bent value group_id, want int64: []; group_join: bent value v, want string: {}; group_join: unknown field attempt: 2; group_join: unknown field object.x: 2`},
		{"around no object", `{"type":"group_join","attempt":2}`, `group_join: unknown field attempt: 2`},
		{"around an unknown kind", `{"type":"party","attempt":2,"object":1}`, `party: unknown field attempt: 2; party: unknown kind: 1`},
	} {
		e, err := vk.ParseEvent([]byte(tt.event))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range e.Drift() {
			got = append(got, d.String()+": "+string(d.Sample))
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, s, tt.want)
		}
	}
	made := &vk.Event{Kind: "group_join", Object: []byte(`{"x":1}`)} // not by ParseEvent
	if got := made.Drift(); len(got) != 1 || got[0].Path != "object.x" {
		t.Errorf("of an event without Raw: %v", got)
	}
	long := `{"type":"group_join","object":{"x":"` + strings.Repeat("a", 5000) + `"}}`
	e, _ := vk.ParseEvent([]byte(long))
	d := e.Drift()[0]
	if len(d.Sample) != 1024 {
		t.Errorf("a sample of %d bytes", len(d.Sample))
	}
	if d.Sample[0] = 'x'; string(e.Raw) != long {
		t.Error("a sample is part of the event")
	}
	for name, event := range map[string]string{
		"a long action": `{"type":"message_new","object":{"message":{"action":{"type":"` + strings.Repeat("a", 5000) + `"}}}}`,
		"an object":     `{"type":"party","object":"` + strings.Repeat("a", 5000) + `"}`,
	} {
		e, _ := vk.ParseEvent([]byte(event))
		if d := e.Drift(); len(d) != 1 || d[0].What != vk.UnknownKind || len(d[0].Sample) != 1024 {
			t.Errorf("%s of an unknown kind: %.200v", name, d)
		}
	}
	if s := vk.DriftKind(9).String(); s != "DriftKind(9)" {
		t.Error(s)
	}
}

// TestOnKind: a listener has the type of its kind, or takes the bytes.
func TestOnKind(t *testing.T) {
	raw, err := os.ReadFile("testdata/payloads/photo_comment_new.json")
	if err != nil {
		t.Fatal(err)
	}
	e, err := vk.ParseEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	var r vk.Router
	heard := 0
	vk.On(&r, vk.EventPhotoCommentNew, func(_ *vk.Context, p *vk.PhotoComment) error {
		if heard++; p.PhotoID != 457240111 || p.Text == "" || p.PhotoOwnerID != -203551742 || p.Date.Location() != time.UTC {
			return errors.New("an empty comment")
		}
		return nil
	})
	vk.On(&r, vk.Kind[json.RawMessage]("photo_comment_new"), func(_ *vk.Context, p *json.RawMessage) error {
		if heard++; string(*p) != string(e.Object) {
			return errors.New("other bytes")
		}
		return nil
	})
	if err := r.Serve(vk.NewContext(t.Context(), vk.NewClient("x"), e)); err != nil || heard != 2 {
		t.Errorf("%v, heard %d times", err, heard)
	}
	for _, on := range []func(){
		func() {
			vk.On(&r, vk.Kind[vk.Photo]("photo_comment_new"), func(*vk.Context, *vk.Photo) error { return nil })
		},
		func() {
			vk.On(&r, vk.Kind[vk.Message](vk.EventStart), func(*vk.Context, *vk.Message) error { return nil })
		},
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.Contains(s, "its object is a vk.") {
					t.Errorf("no panic, or one that says %q", s)
				}
			}()
			on()
		}()
	}
}

// TestFullMessage: a truncated message is fetched once, any other message is
// not fetched.
func TestFullMessage(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		photos                int
		inEvent, whole, calls int
	}{
		{"whole", 5, 5, 5, 0},
		{"cropped", 8, 1, 8, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := vk.NewRouter("!")
				r.Handle("album", func(c *vk.Context) error {
					m, err := c.Message()
					if err != nil {
						return err
					}
					before := len(m.Attachments)
					for range 2 {
						if m, err = c.FullMessage(); err != nil {
							return err
						}
					}
					same, err := c.Message()
					return errors.Join(err, c.Send(fmt.Sprint(before, len(m.Attachments), m.Cropped, m == same)))
				})
				bot := vktest.Start(t, r)
				anna := bot.User("Anna")
				in := anna.In(bot.Chat("Tea", anna))
				in.Says("!album", slices.Repeat([]vktest.Attachment{vktest.Photo(600, 400)}, tt.photos)...)
				in.Hears(fmt.Sprint(tt.inEvent, tt.whole, false, true))
				if n := len(bot.Calls("messages.getByConversationMessageId")); n != tt.calls {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
	t.Run("gone", func(t *testing.T) {
		c := happened(t, "message_new", `{"message":{"peer_id":5,"conversation_message_id":7,"is_cropped":true}}`)
		client := vk.NewClient("token")
		client.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) {
				return json.RawMessage(`{"count":0,"items":[]}`), nil
			}
		})
		if m, err := vk.NewContext(c, client, c.Event()).FullMessage(); !errors.Is(err, vk.ErrNotFound) {
			t.Errorf("%v, %v", m, err)
		}
		if m, err := happened(t, "group_join", `{"user_id":5}`).FullMessage(); err == nil {
			t.Errorf("%v", m)
		}
	})
}

// TestNewMessageEvent: the event contains the message unchanged, and runs its
// command.
func TestNewMessageEvent(t *testing.T) {
	m := &vk.Message{
		PeerID: 5, FromID: 5, CMID: 7, Text: "!a 1", Date: time.Unix(1736240400, 0).UTC(), Payload: `{"x":1}`,
		Reply:       &vk.Message{FromID: 9, Text: "b"},
		Attachments: []vk.Attached{{Type: "photo", Photo: &vk.Photo{OwnerID: 5, ID: 2}}},
	}
	e, err := vk.NewMessageEvent(1, m)
	if err != nil || e.Kind != "message_new" || e.GroupID != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	c := vk.NewContext(t.Context(), nil, e)
	got, err := c.Message()
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != m.Text || got.CMID != 7 || !got.Date.Equal(m.Date) || got.Reply.FromID != 9 || got.Attachments[0].Photo.ID != 2 ||
		string(c.Payload()) != m.Payload {
		t.Errorf("%+v", got)
	}
	r := vk.NewRouter("!")
	n := ""
	r.Handle("a {n}", func(c *vk.Context) error { n = fmt.Sprint(c.Arg("n"), c.FromID(), c.PeerID()); return nil })
	if err := r.Serve(c); err != nil || n != "15 5" {
		t.Errorf("%q, %v", n, err)
	}
	bad := &vk.Message{Keyboard: new(vk.Keyboard).Row(vk.TextButton("", nil))}
	var wrong *vk.KeyboardError
	if _, err := vk.NewMessageEvent(1, bad); !errors.As(err, &wrong) {
		t.Error(err)
	}
}
