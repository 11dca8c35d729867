package vk

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/versus"
)

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
