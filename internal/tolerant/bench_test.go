package tolerant

import (
	"encoding/json"
	"os"
	"testing"
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

func BenchmarkUnmarshal(b *testing.B) {
	data, err := os.ReadFile("../../testdata/payloads/message_new.json")
	if err != nil {
		b.Fatal(err)
	}
	for _, bc := range []struct {
		name      string
		unmarshal func([]byte, any) error
	}{
		{"tolerant", Unmarshal},
		{"encoding", json.Unmarshal},
	} {
		b.Run("into=struct/by="+bc.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var m messageNew
				if err := bc.unmarshal(data, &m); err != nil || m.Object.Message.Text == "" {
					b.Fatal(m, err)
				}
			}
		})
		b.Run("into=any/by="+bc.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var v any
				if err := bc.unmarshal(data, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
