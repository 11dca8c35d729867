package vk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// A keyboard as somebody would write it down without this package.
type (
	plainKeyboard struct {
		Inline  bool            `json:"inline"`
		Buttons [][]plainButton `json:"buttons"`
	}
	plainButton struct {
		Action plainAction `json:"action"`
		Color  string      `json:"color,omitempty"`
	}
	plainAction struct {
		Type    string `json:"type"`
		Label   string `json:"label"`
		Payload any    `json:"payload"`
	}
	benchPayload struct {
		Item string `json:"item"`
		N    int    `json:"n"`
	}
)

var benchLabels = [3]string{"Green tea", "Чёрный чай", "☕ Coffee"}

func buildKeyboard() ([]byte, error) {
	kb := &vk.Keyboard{Inline: true}
	for i := range 3 {
		kb.Row(
			vk.TextButton(benchLabels[0], benchPayload{benchLabels[i], 1}).Positive(),
			vk.TextButton(benchLabels[1], benchPayload{benchLabels[i], 2}).Positive(),
			vk.TextButton(benchLabels[2], benchPayload{benchLabels[i], 3}).Positive(),
		)
	}
	return kb.MarshalJSON()
}

// buildPlain builds the same; text makes its payloads strings of JSON, which is
// what VK wants.
func buildPlain(text bool) ([]byte, error) {
	button := func(label string, p benchPayload) plainButton {
		payload := any(p)
		if text {
			b, _ := json.Marshal(p)
			payload = string(b)
		}
		return plainButton{plainAction{"text", label, payload}, "positive"}
	}
	kb := plainKeyboard{Inline: true}
	for i := range 3 {
		kb.Buttons = append(kb.Buttons, []plainButton{
			button(benchLabels[0], benchPayload{benchLabels[i], 1}),
			button(benchLabels[1], benchPayload{benchLabels[i], 2}),
			button(benchLabels[2], benchPayload{benchLabels[i], 3}),
		})
	}
	return json.Marshal(kb)
}

// BenchmarkKeyboard builds and encodes a keyboard of 3×3 buttons with payloads,
// alternating with json.Marshal of plain structs. The metrics are how many
// times as long it takes as those, with payloads as text and as values.
func BenchmarkKeyboard(b *testing.B) {
	b.ReportAllocs()
	var took [3]time.Duration
	for b.Loop() {
		for i, build := range [...]func() ([]byte, error){
			buildKeyboard,
			func() ([]byte, error) { return buildPlain(true) },
			func() ([]byte, error) { return buildPlain(false) },
		} {
			start := time.Now()
			for range 20 {
				if _, err := build(); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[0])/float64(took[1]), "x-of-text")
	b.ReportMetric(float64(took[0])/float64(took[2]), "x-of-values")
}
