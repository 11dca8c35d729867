package vk_test

import (
	"encoding/json"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
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
// in times of json.Marshal of plain structs, with payloads as text and as values.
func BenchmarkKeyboard(b *testing.B) {
	must := func(b *testing.B, build func() ([]byte, error)) func() {
		return func() {
			if _, err := build(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, payloads := range []string{"text", "values"} {
		b.Run("payloads="+payloads, func(b *testing.B) {
			versus.Run(b, "json.Marshal", 1, must(b, buildKeyboard),
				must(b, func() ([]byte, error) { return buildPlain(payloads == "text") }))
		})
	}
}
