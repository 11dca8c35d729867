package vk

import (
	"encoding/json"
	"testing"

	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/versus"
)

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
