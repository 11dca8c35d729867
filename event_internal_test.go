package vk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/versus"
)

// bends are the replacements for a value of an event. The first is unsuitable
// for every field except those that hold JSON unchanged.
var bends = []string{`{"zz":[1]}`, `true`, `-1.5`, `1e999`, `""`, `"zz"`, `[[{"zz":{}}]]`, `{}`}

// eachValue calls f for each value in an event, with its path as Drift reports
// it and a function that returns the event with another value there.
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

// TestEveryValueBent: if any value of any payload is replaced by any other, the
// event is read, loses only that value, and Drift reports it.
func TestEveryValueBent(t *testing.T) {
	t.Parallel()
	// read returns the object that a listener gets, as text, and the result of
	// Drift.
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
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		object := kindTypes[e.Kind]
		eachValue(t, raw, func(path string, with func(json.RawMessage) []byte) {
			values++
			without, drift := read(with(json.RawMessage("null")))
			if drift != nil {
				t.Errorf("%s: %s is null: %v", name, path, drift)
			}
			// Not all bends for each value: other values of the same kind get
			// the others.
			turn = turn%(len(bends)-1) + 1
			for _, bend := range []string{bends[0], bends[turn]} {
				got, drift := read(with(json.RawMessage(bend)))
				bent := slices.ContainsFunc(drift, func(d Drift) bool { return d.Path == path && d.What == BentValue })
				if bent && got != without {
					t.Errorf("%s: %s is %s, which changes other fields", name, path, bend)
				}
				if bend == bends[0] && drift == nil && !keptAsIs(object, path) {
					t.Errorf("%s: %s is %s, and nobody hears of it", name, path, bend)
				}
			}
		})
	}
	if values < 2500 {
		t.Errorf("only %d values", values)
	}
}

// keptAsIs reports whether any JSON is valid at a path, or is ignored there.
func keptAsIs(object reflect.Type, path string) bool {
	if path == "secret" || strings.Contains(path, "payload") {
		return true
	}
	within, ok := strings.CutPrefix(path, "object.")
	for ok {
		if comparer.Ignores(object, within) {
			return true
		}
		i := strings.LastIndexByte(within, '.')
		if ok = i > 0; ok {
			within = within[:i]
		}
	}
	return false
}

// BenchmarkDecode decodes a whole event's object, and compares that with
// encoding/json, which decodes neither times nor numbers in strings: both can
// fill the struct.
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

// album returns message_new events with the given number of photos, as VK sends
// them.
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

// BenchmarkMessage decodes a whole Message. It reports the time relative to
// encoding/json, for the least that a bot could decode, and for a map of
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

// photoJSON returns a photo as VK attaches it, in the given number of sizes.
func photoJSON(sizes int) string {
	var b strings.Builder
	b.WriteString(`{"type":"photo","photo":{"album_id":-3,"date":1736240340,"id":457239871,"owner_id":148273615,"access_key":"7f2c1a94d0be63a815","sizes":[`)
	for i := range sizes {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"height":87,"type":"%c","width":130,"url":"https://sun9-41.userapi.com/impg/k8Zt1dQmW0s7/m130x87.jpg?size=130x87&quality=95&type=album"}`, 'm'+i)
	}
	b.WriteString(`],"text":"","web_view_token":"c5d02f71ab9e4c6f13","has_tags":false}}`)
	return b.String()
}

// photoEvent returns a new message with a text and photos, as VK sends it,
// without white space.
func photoEvent(text string, photos ...string) []byte {
	return []byte(`{"group_id":203551742,"type":"message_new","event_id":"da94c7c15197d35a45ed6a76df5271eb8a90b5bc","v":"5.199","object":{` +
		`"client_info":{"button_actions":["text","vkpay","open_app","location","open_link","open_photo","callback","intent_subscribe","intent_unsubscribe"],` +
		`"keyboard":true,"inline_keyboard":true,"carousel":true,"lang_id":0},` +
		`"message":{"date":1736240400,"from_id":148273615,"id":41207,"version":10082114,"out":0,"fwd_messages":[],"important":false,"is_hidden":false,` +
		`"attachments":[` + strings.Join(photos, ",") + `],"conversation_message_id":318,"text":"` + text + `","peer_id":148273615,"random_id":0}}}`)
}

// benchEvents are the measured events: one of 1.2 KB, and an album of ten
// photos.
func benchEvents() map[string][]byte {
	var album []string
	for range 10 {
		album = append(album, photoJSON(9))
	}
	return map[string][]byte{
		"photo": photoEvent("!command500", photoJSON(3)),
		"album": photoEvent("!command500", album...),
	}
}

// bareEvent has the minimum that a bot without a library would read of an
// event.
type bareEvent struct {
	Type   string `json:"type"`
	Object struct {
		Message struct {
			PeerID int64  `json:"peer_id"`
			FromID int64  `json:"from_id"`
			Text   string `json:"text"`
		} `json:"message"`
	} `json:"object"`
}

// BenchmarkParse reads an event. It reports the time relative to json.Unmarshal
// into a struct with four fields.
func BenchmarkParse(b *testing.B) {
	for name, raw := range benchEvents() {
		b.Run("event="+name, func(b *testing.B) {
			versus.Run(b, "json.Unmarshal", 1, func() {
				if e, err := ParseEvent(raw); err != nil || e.head.text == "" {
					b.Fatal(e, err)
				}
			}, func() {
				var e bareEvent
				if err := json.Unmarshal(raw, &e); err != nil || e.Object.Message.Text == "" {
					b.Fatal(e, err)
				}
			})
		})
	}
}

// BenchmarkEvent takes an event from its bytes to a command's handler within
// the default time limit, without the lanes.
func BenchmarkEvent(b *testing.B) {
	for name, raw := range benchEvents() {
		b.Run("route/event="+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			handled := 0
			r := NewRouter("!")
			for i := range 1_000 {
				r.Handle(fmt.Sprint("command", i), func(*Context) error { handled++; return nil })
			}
			d := &Dispatcher{Handler: r}
			d.init()
			ctx := context.Background()
			client := NewClient("unused")
			n := 0
			for b.Loop() {
				n++
				e, err := ParseEvent(raw)
				if err != nil {
					b.Fatal(err)
				}
				j := &job{d: d, feed: d.direct, ctx: ctx, client: client, ev: e}
				d.watchdog.Begin(&j.task, &j.feed.group, j)
				if err := j.Run(); err != nil {
					b.Fatal(err)
				}
				d.watchdog.End(&j.task)
			}
			if handled != n {
				b.Fatalf("handled %d of %d", handled, n)
			}
		})
	}
}

// A pollServer answers polls with a batch of events each time.
type pollServer struct{ body []byte }

func (p *pollServer) RoundTrip(req *http.Request) (*http.Response, error) {
	body := p.body
	if strings.HasSuffix(req.URL.Path, "groups.getLongPollServer") {
		body = []byte(`{"response":{"server":"http://poll.test","key":"k","ts":"1"}}`)
	}
	return &http.Response{
		StatusCode:    http.StatusOK,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}, nil
}
