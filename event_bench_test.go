package vk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/versus"
)

// photoJSON is a photo as VK attaches it, in so many sizes.
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

// photoEvent is a new message with a text and photos, as VK sends it, without
// white space.
func photoEvent(text string, photos ...string) []byte {
	return []byte(`{"group_id":203551742,"type":"message_new","event_id":"da94c7c15197d35a45ed6a76df5271eb8a90b5bc","v":"5.199","object":{` +
		`"client_info":{"button_actions":["text","vkpay","open_app","location","open_link","open_photo","callback","intent_subscribe","intent_unsubscribe"],` +
		`"keyboard":true,"inline_keyboard":true,"carousel":true,"lang_id":0},` +
		`"message":{"date":1736240400,"from_id":148273615,"id":41207,"version":10082114,"out":0,"fwd_messages":[],"important":false,"is_hidden":false,` +
		`"attachments":[` + strings.Join(photos, ",") + `],"conversation_message_id":318,"text":"` + text + `","peer_id":148273615,"random_id":0}}}`)
}

// benchEvents are the events that are measured with: one of 1.2 KB, and an album
// of ten photos.
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

// bareEvent is the least that a bot without a library would read of an event.
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

// BenchmarkParse is the reading of an event, in times of json.Unmarshal into a
// struct with four fields.
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

// BenchmarkEvent is an event's way from its bytes to a command's handler within
// the default time limit, but for the lanes.
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
				if err := j.handle(); err != nil {
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
