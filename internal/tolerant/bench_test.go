package tolerant

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/vkrouter/vk/internal/versus"
)

type messageNew struct {
	Type   string `json:"type"`
	Object struct {
		Message struct {
			PeerID int64  `json:"peer_id"`
			FromID int64  `json:"from_id"`
			Text   string `json:"text"`
		} `json:"message"`
	} `json:"object"`
}

// BenchmarkUnmarshal measures the decoding of a whole event, as a multiple of
// encoding/json's time, into a struct with four fields and into a map of
// everything.
func BenchmarkUnmarshal(b *testing.B) {
	data, err := os.ReadFile("../../testdata/payloads/message_new.json")
	if err != nil {
		b.Fatal(err)
	}
	into := map[string]func(unmarshal func([]byte, any) error) func(){
		"struct": func(unmarshal func([]byte, any) error) func() {
			return func() {
				var m messageNew
				if err := unmarshal(data, &m); err != nil || m.Object.Message.Text == "" {
					b.Fatal(m, err)
				}
			}
		},
		"any": func(unmarshal func([]byte, any) error) func() {
			return func() {
				var v any
				if err := unmarshal(data, &v); err != nil {
					b.Fatal(err)
				}
			}
		},
	}
	for name, by := range into {
		b.Run("into="+name, func(b *testing.B) { versus.Run(b, "json.Unmarshal", 1, by(Unmarshal), by(json.Unmarshal)) })
	}
}
