package vk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/versus"
)

// bends are what a value of an event is replaced by. The first is of no use to
// any field but those that hold JSON as it is.
var bends = []string{`{"zz":[1]}`, `true`, `-1.5`, `1e999`, `""`, `"zz"`, `[[{"zz":{}}]]`, `{}`}

// eachValue calls f for each value in an event, with its path in the words of
// Drift and a function that returns the event with another value there.
func eachValue(t *testing.T, raw []byte, f func(path string, with func(json.RawMessage) []byte)) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var event map[string]any
	if err := d.Decode(&event); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		f(path, func(other json.RawMessage) []byte {
			set(other)
			defer set(v)
			b, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			return b
		})
		switch v := v.(type) {
		case map[string]any:
			for key, x := range v {
				walk(path+"."+key, x, func(x any) { v[key] = x })
			}
		case []any:
			for i, x := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), x, func(x any) { v[i] = x })
			}
		}
	}
	for key, x := range event {
		if key != "type" {
			walk(key, x, func(x any) { event[key] = x })
		}
	}
}

// TestEveryValueBent: whatever VK writes in place of any value of any payload,
// the event is read, costs nothing but the value, and Drift tells.
func TestEveryValueBent(t *testing.T) {
	t.Parallel()
	// read returns what a listener gets, as text, and what Drift says.
	read := func(raw []byte) (string, []Drift) {
		agree(t, raw)
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		v := decodeModel(t, e)
		if v == nil {
			return "", e.Drift()
		}
		var b strings.Builder
		dump(&b, "", reflect.ValueOf(v).Elem())
		return b.String(), e.Drift()
	}
	values := 0
	turn := 0
	for name, raw := range payloadFiles(t) {
		eachValue(t, raw, func(path string, with func(json.RawMessage) []byte) {
			values++
			without, drift := read(with(json.RawMessage("null")))
			if drift != nil {
				t.Errorf("%s: %s is null: %v", name, path, drift)
			}
			// Not all for each: there are others of its kind.
			turn = turn%(len(bends)-1) + 1
			for _, bend := range []string{bends[0], bends[turn]} {
				got, drift := read(with(json.RawMessage(bend)))
				bent := slices.ContainsFunc(drift, func(d Drift) bool { return d.Path == path && d.What == BentValue })
				if bent && got != without {
					t.Errorf("%s: %s is %s, which changes other fields", name, path, bend)
				}
				if bend == bends[0] && drift == nil && !keptAsIs(path) {
					t.Errorf("%s: %s is %s, and nobody hears of it", name, path, bend)
				}
			}
		})
	}
	if values < 2500 {
		t.Errorf("only %d values", values)
	}
}

// keptAsIs reports whether any JSON is right at a path, or none is of use.
func keptAsIs(path string) bool {
	if path == "secret" || strings.Contains(path, "payload") {
		return true
	}
	for _, key := range strings.Split(path, ".") {
		if key, _, _ = strings.Cut(key, "["); leftOut[key] {
			return true
		}
	}
	return false
}

// BenchmarkDecode is the decoding of a whole event's object, for those who ask
// for it, against encoding/json, which knows neither times nor numbers in
// strings: the struct is one that both can fill.
func BenchmarkDecode(b *testing.B) {
	type message struct {
		ID        int64     `json:"id"`
		CMID      int64     `json:"conversation_message_id"`
		PeerID    int64     `json:"peer_id"`
		FromID    int64     `json:"from_id"`
		Date      int64     `json:"date"`
		Text      string    `json:"text"`
		Payload   string    `json:"payload"`
		Out       int       `json:"out"`
		Forwarded []message `json:"fwd_messages"`
		Reply     *message  `json:"reply_message"`
		Ref       string    `json:"ref"`
		RefSource string    `json:"ref_source"`
		RandomID  int64     `json:"random_id"`
		Cropped   bool      `json:"is_cropped"`

		Attachments []struct {
			Type  string `json:"type"`
			Photo *struct {
				ID        int64  `json:"id"`
				OwnerID   int64  `json:"owner_id"`
				AlbumID   int64  `json:"album_id"`
				AccessKey string `json:"access_key"`
				Sizes     []struct {
					Type   string `json:"type"`
					URL    string `json:"url"`
					Width  int    `json:"width"`
					Height int    `json:"height"`
				} `json:"sizes"`
				Text string `json:"text"`
				Date int64  `json:"date"`
			} `json:"photo"`
		} `json:"attachments"`
	}
	type object struct {
		Message    message    `json:"message"`
		ClientInfo ClientInfo `json:"client_info"`
	}
	for name, raw := range benchEvents() {
		e, err := ParseEvent(raw)
		if err != nil {
			b.Fatal(err)
		}
		decode := func(b *testing.B, unmarshal func([]byte, any) error) func() {
			return func() {
				var o object
				if err := unmarshal(e.Object, &o); err != nil || o.Message.CMID == 0 {
					b.Fatal(err)
				}
			}
		}
		b.Run("event="+name, func(b *testing.B) {
			versus.Run(b, "json.Unmarshal", 1, decode(b, tolerant.Unmarshal), decode(b, json.Unmarshal))
		})
	}
}

// album returns message_new events with so many photos, as VK sends them.
func album(tb testing.TB, photos int) []byte {
	tb.Helper()
	raw, err := os.ReadFile("testdata/payloads/variants/message_new__attachments.json")
	if err != nil {
		tb.Fatal(err)
	}
	var e struct {
		Object struct {
			Message map[string]json.RawMessage `json:"message"`
		} `json:"object"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		tb.Fatal(err)
	}
	var attachments []json.RawMessage
	if err := json.Unmarshal(e.Object.Message["attachments"], &attachments); err != nil {
		tb.Fatal(err)
	}
	all := make([]json.RawMessage, photos)
	for i := range all {
		all[i] = attachments[0]
	}
	e.Object.Message["attachments"], _ = json.Marshal(all)
	object, _ := json.Marshal(e.Object)
	var compact bytes.Buffer
	json.Compact(&compact, object)
	return compact.Bytes()
}

// BenchmarkMessage is the decoding of a whole Message, in times of what
// encoding/json takes for the least that a bot could decode, and for a map of
// everything.
func BenchmarkMessage(b *testing.B) {
	type least struct {
		Message struct {
			PeerID int64  `json:"peer_id"`
			FromID int64  `json:"from_id"`
			Text   string `json:"text"`
		} `json:"message"`
	}
	for _, bb := range []struct {
		name   string
		photos int
	}{{"text", 0}, {"photo", 1}, {"album", 10}} {
		object := album(b, bb.photos)
		model := func() {
			var m MessageNew
			if err := tolerant.Unmarshal(object, &m); err != nil || len(m.Message.Attachments) != bb.photos {
				b.Fatal(err)
			}
		}
		b.Run("message="+bb.name+"/against=least", func(b *testing.B) {
			versus.Run(b, "json.Unmarshal(least)", 1, model, func() {
				var m least
				if err := json.Unmarshal(object, &m); err != nil || m.Message.PeerID == 0 {
					b.Fatal(err)
				}
			})
		})
		b.Run("message="+bb.name+"/against=any", func(b *testing.B) {
			versus.Run(b, "json.Unmarshal(any)", 1, model, func() {
				var m map[string]any
				if err := json.Unmarshal(object, &m); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
