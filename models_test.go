package vk_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// messageOf returns the message of a payload in testdata.
func messageOf(t testing.TB, name string) *vk.Message {
	t.Helper()
	raw, err := os.ReadFile("testdata/payloads/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return parseMessage(t, raw)
}

func parseMessage(t testing.TB, raw []byte) *vk.Message {
	t.Helper()
	e, err := vk.ParseEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := vk.NewContext(t.Context(), nil, e).Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLargestPhoto: the largest size is found by its area; by its letter if VK
// does not report the area; and the original is used if there is one.
func TestLargestPhoto(t *testing.T) {
	sizes := func(s ...vk.PhotoSize) *vk.Photo { return &vk.Photo{Sizes: s} }
	for _, tt := range []struct {
		name  string
		photo *vk.Photo
		want  string
	}{
		{"nil", nil, ""},
		{"none", sizes(), ""},
		{"by area", sizes(vk.PhotoSize{Type: "z", URL: "1", Width: 10, Height: 10}, vk.PhotoSize{Type: "s", URL: "2", Width: 20, Height: 10}), "2"},
		{"in any order", sizes(vk.PhotoSize{Type: "x", URL: "2", Width: 20, Height: 10}, vk.PhotoSize{Type: "w", URL: "1", Width: 10, Height: 10}), "2"},
		{"by letter", sizes(vk.PhotoSize{Type: "x", URL: "1"}, vk.PhotoSize{Type: "w", URL: "2"}, vk.PhotoSize{Type: "o", URL: "3"}), "2"},
		{"an unknown letter", sizes(vk.PhotoSize{Type: "base", URL: "1"}, vk.PhotoSize{Type: "s", URL: "2"}), "2"},
		{"of an unknown letter and size", sizes(vk.PhotoSize{Type: "base", URL: "2"}), "2"},
		{"without an address", sizes(vk.PhotoSize{Type: "w", Width: 9, Height: 9}, vk.PhotoSize{Type: "s", URL: "2"}), "2"},
		{"without an address, later", sizes(vk.PhotoSize{Type: "s", URL: "2"}, vk.PhotoSize{Type: "w", Width: 9, Height: 9}), "2"},
		{"the first of equals", sizes(vk.PhotoSize{Type: "x", URL: "2"}, vk.PhotoSize{Type: "x", URL: "1"}), "2"},
		{"of a preview", sizes(vk.PhotoSize{Type: "s", Src: "2"}), "2"},
		{"images", &vk.Photo{Images: []vk.PhotoSize{{URL: "2", Width: 1, Height: 1}}}, "2"},
		{"the original", &vk.Photo{Orig: &vk.PhotoSize{URL: "2"}, Sizes: []vk.PhotoSize{{URL: "1", Width: 9, Height: 9}}}, "2"},
		{"the original without an address", &vk.Photo{Orig: &vk.PhotoSize{}, Sizes: []vk.PhotoSize{{URL: "2", Width: 9, Height: 9}}}, "2"},
	} {
		if got := tt.photo.Largest(); got.URL != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	v := &vk.Video{Images: []vk.Image{{URL: "2", Width: 20, Height: 10}, {URL: "1", Width: 10, Height: 10}, {Width: 99, Height: 99}}, FirstFrame: []vk.Image{{URL: "3"}}}
	if got := v.Cover(); got.URL != "2" {
		t.Errorf("a cover: %+v", got)
	}
	if got := (&vk.Video{FirstFrame: []vk.Image{{URL: "3"}}}).Cover(); got.URL != "3" {
		t.Errorf("no cover: %+v", got)
	}
	if got := (*vk.Video)(nil).Cover(); got.URL != "" {
		t.Errorf("no video: %+v", got)
	}
}

// TestMessageAll: All yields a message, and the messages that it replies to and
// forwards, depth first, and stops with the loop.
func TestMessageAll(t *testing.T) {
	m := &vk.Message{CMID: 1,
		Reply: &vk.Message{CMID: 2, Forwarded: []vk.Message{{CMID: 3}}},
		Forwarded: []vk.Message{
			{CMID: 4, Reply: &vk.Message{CMID: 5}, Forwarded: []vk.Message{{CMID: 6}}},
			{CMID: 7},
		},
	}
	for stop := int64(1); stop <= 8; stop++ {
		var got []int64
		for m := range m.All() {
			if got = append(got, m.CMID); m.CMID == stop {
				break
			}
		}
		if diff := cmp.Diff([]int64{1, 2, 3, 4, 5, 6, 7}[:min(stop, 7)], got); diff != "" {
			t.Errorf("to %d (-want +got):\n%s", stop, diff)
		}
	}
}

// TestMessageMethods covers the small methods.
func TestMessageMethods(t *testing.T) {
	chat, dialog := &vk.Message{PeerID: 2_000_000_017}, &vk.Message{PeerID: 17}
	if !chat.IsChat() || chat.ChatID() != 17 || dialog.IsChat() || dialog.ChatID() != 0 || (&vk.Message{PeerID: 2_000_000_000}).IsChat() {
		t.Error("a chat or not")
	}
	m := messageOf(t, "variants/message_new__attachments")
	if !m.Has("photo") || !m.Has("poll") || m.Has("gift") || m.Has("") {
		t.Error("Has")
	}
	if p := (&vk.Post{ToID: 5}).Owner(); p != 5 {
		t.Errorf("owner %d", p)
	}
}

// TestKeyboardOfAMessage: the buttons received with a message equal those sent,
// and can be changed and sent again.
func TestKeyboardOfAMessage(t *testing.T) {
	kb := &vk.Keyboard{Inline: true}
	kb.Row(vk.TextButton("Buy", vk.Cmd("buy", "green tea")).Positive(), vk.CallbackButton("♥", json.RawMessage(`{"a":1}`)))
	kb.Row(vk.LinkButton("Site", "https://vk.com/dev"), vk.AppButton("App", 5, -6, "h"))
	kb.Row(vk.LocationButton(nil), vk.PayButton("action=x"))
	want, err := json.Marshal(kb)
	if err != nil {
		t.Fatal(err)
	}
	var got vk.Keyboard
	if err := json.Unmarshal(want, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&got)
	if diff := cmp.Diff(string(want), string(again)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if p, ok := got.Rows[0][1].Payload.(json.RawMessage); !ok || string(p) != `{"a":1}` || got.Rows[2][0].Payload != nil {
		t.Errorf("payloads: %s, %v", p, got.Rows[2][0].Payload)
	}

	carousel := vk.Carousel{
		{Title: "Tea", Description: "Green", Photo: "-1_2", Buttons: []vk.Button{vk.TextButton("Buy", nil)}, Link: "https://vk.com/dev"},
		{Title: "Tea", Description: "Black", Photo: "-1_3", Buttons: []vk.Button{vk.TextButton("Buy", nil)}, OpenPhoto: true},
	}
	want, err = json.Marshal(carousel)
	if err != nil {
		t.Fatal(err)
	}
	var l vk.Carousel
	if err := json.Unmarshal(want, &l); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &l); err != nil { // over existing values
		t.Fatal(err)
	}
	again, err = json.Marshal(l)
	if diff := cmp.Diff(string(want), string(again)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var shown vk.Carousel
	for photo, want := range map[string]string{`"photo_id":"-1_2"`: "-1_2", `"photo":{"owner_id":-3,"id":4}`: "photo-3_4", `"photo_id":"-1_2","photo":{"owner_id":-3,"id":4}`: "-1_2"} {
		if err := json.Unmarshal([]byte(`{"elements":[{`+photo+`}]}`), &shown); err != nil || len(shown) != 1 || shown[0].Photo != want {
			t.Errorf("%s: %+v, %v", photo, shown, err)
		}
	}
	kept := got
	if err := errors.Join(json.Unmarshal([]byte(`null`), &kept), json.Unmarshal([]byte(`null`), &l)); err != nil || len(kept.Rows) != 3 || len(l) != 2 {
		t.Errorf("null is not nothing to do: %v", err)
	}
	for _, bad := range []string{`[]`, `"x"`, `false`, `0`} {
		if json.Unmarshal([]byte(bad), new(vk.Keyboard)) == nil || json.Unmarshal([]byte(bad), new(vk.Carousel)) == nil {
			t.Errorf("%s is a keyboard", bad)
		}
		m := parseMessage(t, []byte(`{"type":"message_new","object":{"message":{"peer_id":5,"text":"hi","keyboard":`+bad+`,"template":`+bad+`}}}`))
		if m.Keyboard != nil || m.Carousel != nil || m.Text != "hi" {
			t.Errorf("%s: %+v", bad, m)
		}
	}
}

// TestCoordinates: a place is read in all forms used by VK.
func TestCoordinates(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want *vk.Location
	}{
		{`{"latitude":59.5,"longitude":-30.25}`, &vk.Location{Lat: 59.5, Long: -30.25}},
		{`{"latitude":"59.5","longitude":"-30.25"}`, &vk.Location{Lat: 59.5, Long: -30.25}},
		{`"59.5 -30.25"`, &vk.Location{Lat: 59.5, Long: -30.25}},
		{`" 59.5  -30.25 "`, &vk.Location{Lat: 59.5, Long: -30.25}},
		{`"59.5"`, nil}, {`"a b"`, nil}, {`[]`, nil}, {`5`, nil}, {`null`, nil}, {`""`, nil},
	} {
		m := parseMessage(t, []byte(`{"type":"message_new","object":{"message":{"peer_id":5,"geo":{"type":"point","coordinates":`+tt.raw+`}}}}`))
		if diff := cmp.Diff(tt.want, m.Geo.Coordinates); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.raw, diff)
		}
	}
	stored, _ := json.Marshal(vk.Location{Lat: 1, Long: 2})
	var l vk.Location
	if err := json.Unmarshal(stored, &l); err != nil || l != (vk.Location{Lat: 1, Long: 2}) {
		t.Errorf("stored as %s, read as %v, %v", stored, l, err)
	}
}

// FuzzModels: for any event, its models are filled, and their methods return.
func FuzzModels(f *testing.F) {
	for _, pattern := range []string{"testdata/payloads/*.json", "testdata/payloads/variants/*.json"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Add([]byte(`{"type":"message_new","object":{"message":{"geo":{"coordinates":"1 2"},"template":{"elements":[{"photo":{}}]}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := vk.ParseEvent(raw)
		if err != nil {
			return
		}
		for _, d := range e.Drift() {
			if d.Event != e.Kind || d.String() == "" || len(d.Sample) > 1024 {
				t.Errorf("%+v", d)
			}
		}
		m, err := vk.NewContext(t.Context(), nil, e).Message()
		if err != nil {
			return
		}
		for m := range m.All() {
			for _, a := range m.Attachments {
				m.Has(a.Type)
				a.Photo.Largest()
				a.Video.Cover()
				if ref, ok := a.Ref(); ok {
					if back, err := vk.ParseAttachment(ref.String()); err != nil || back.String() != a.String() {
						t.Errorf("%s: %v, %v", ref, back, err)
					}
				}
			}
			if _, err := json.Marshal(m.Geo); err != nil {
				t.Error(err)
			}
		}
	})
}
