package vk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/vktest"
)

// goldenKeyboards are in testdata/keyboards by these names.
var goldenKeyboards = map[string]json.Marshaler{
	"empty":    vk.NoKeyboard(),
	"ordinary": (&vk.Keyboard{}).Row(vk.TextButton("Help", nil)).Row().Row(vk.TextButton("Yes", vk.Cmd("buy", "green tea", 2)).Positive(), vk.TextButton("No", vk.Choice("no")).Negative()),
	"one_time": (&vk.Keyboard{OneTime: true}).Row(vk.TextButton("Go", map[string]any{"go": true}).Primary()).Row(vk.LocationButton(json.RawMessage(`{"where":1}`))),
	"inline": &vk.Keyboard{Inline: true, Rows: [][]vk.Button{
		{vk.CallbackButton("♥ <3 & \"more\"", map[string]any{"like": 42}).Positive(), {Label: "зелёный", Color: "secondary"}},
		{vk.LinkButton("Site", "https://vk.com/dev?a=b&c=d")},
		{vk.PayButton("action=pay-to-group&amount=1&group_id=1&aid=10")},
		{vk.AppButton("Play", 6232540, -157525928, "level=1")},
		{vk.AppButton("Play alone", 6232540, 0, "")},
	}},
	"written_out": &vk.Keyboard{Rows: [][]vk.Button{
		{{Type: "intent_subscribe", Label: "News", PeerID: -1, Intent: "non_promo_newsletter", SubscribeID: 7}},
		{{Type: "open_link", Label: "Site", Link: "vk.com/dev", Payload: `{"from": 1}`, Color: "positive"}}, // which has no color
		{{Label: "old", Color: "default", Payload: struct {
			A string `json:"a"`
		}{"<x>"}}},
	}},
	"carousel": vk.Carousel{
		{Title: "Green", Description: "From Uji", Photo: "photo-1_2_key", Link: "https://vk.com/tea", Buttons: []vk.Button{vk.TextButton("Buy", vk.Cmd("buy", "green")).Positive(), vk.LinkButton("More", "https://vk.com/tea")}},
		{Title: "Black", Description: "From \"Assam\"", Photo: "-1_3", OpenPhoto: true, Buttons: []vk.Button{vk.CallbackButton("Buy", vk.Cmd("buy", "black"))}},
	},
	"carousel_photos": vk.Carousel{{Photo: "457242811_457239017", Buttons: []vk.Button{vk.TextButton("This one", nil)}}},
}

func TestKeyboardJSON(t *testing.T) {
	t.Parallel()
	for name, kb := range goldenKeyboards {
		t.Run(name, func(t *testing.T) {
			got, err := kb.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "keyboards", name+".golden")
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(path, append(got, '\n'), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(strings.TrimSuffix(string(want), "\n"), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, got)
			}
			if !json.Valid(got) {
				t.Error("not JSON")
			}
		})
	}
}

// TestKeyboardsPleaseVK: VK, as far as the fake one is like it, accepts all of
// them, as an option and as a parameter.
func TestKeyboardsPleaseVK(t *testing.T) {
	t.Parallel()
	for name, kb := range goldenKeyboards {
		t.Run(name, func(t *testing.T) {
			c, _ := vktest.NewContext("hi")
			if err := c.Send("Here:", kb.(vk.SendOption)); err != nil {
				t.Error(err)
			}
			param := "keyboard"
			if _, ok := kb.(vk.Carousel); ok {
				param = "template"
			}
			if err := c.Send("Here:", vk.Extra{param: kb}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPressesBringTheirPayload: a press of a button returns its payload, for
// every place of a button.
func TestPressesBringTheirPayload(t *testing.T) {
	t.Parallel()
	type number struct {
		N int `json:"n"`
	}
	r := vk.NewRouter("!")
	tell := func(c *vk.Context) error {
		p, err := vk.Payload[number](c)
		if err != nil {
			return nil // not a press
		}
		return c.Send(fmt.Sprint("pressed ", p.N))
	}
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return tell(c) })
	vk.On(r, vk.EventMessageEvent, func(c *vk.Context, _ *vk.MessageEvent) error { return tell(c) })
	r.Handle("show", func(c *vk.Context) error {
		inline := (&vk.Keyboard{Inline: true}).Row(vk.TextButton("a", number{1}), vk.CallbackButton("b", number{2}))
		ordinary := new(vk.Keyboard).Row(vk.TextButton("c", number{3})).Row(vk.CallbackButton("d", `{"n":4}`))
		cards := vk.Carousel{{Title: "x", Description: "y", Buttons: []vk.Button{vk.CallbackButton("e", map[string]int{"n": 5})}}}
		return errors.Join(c.Send("inline", inline), c.Send("carousel", cards), c.Send("ordinary", ordinary))
	})
	r.Handle("hide", func(c *vk.Context) error { return c.Send("hidden", vk.NoKeyboard()) })

	bot := vktest.Start(t, r)
	anna := bot.User("Anna")
	anna.Says("!show")
	anna.Hears("inline")
	anna.Hears("carousel")
	if m := anna.Hears("ordinary"); !cmp.Equal(m.Keyboard, []string{"c", "d"}) {
		t.Errorf("keyboard %q", m.Keyboard)
	}
	for i, label := range []string{"a", "b", "c", "d", "e"} {
		anna.Presses(label)
		anna.Hears(fmt.Sprint("pressed ", i+1))
	}
	anna.Says("!hide")
	if m := anna.Hears("hidden"); m.Keyboard == nil || len(m.Keyboard) > 0 {
		t.Errorf("keyboard %q", m.Keyboard)
	}
}

// grid returns n buttons in rows of the given number of columns.
func grid(n, columns int, inline bool) *vk.Keyboard {
	kb := &vk.Keyboard{Inline: inline}
	for i := 0; i < n; i += columns {
		row := make([]vk.Button, min(columns, n-i))
		for j := range row {
			row[j] = vk.TextButton(fmt.Sprint(i+j), nil)
		}
		kb.Row(row...)
	}
	return kb
}

func one(b vk.Button) *vk.Keyboard { return new(vk.Keyboard).Row(vk.TextButton("first", nil), b) }

func card(change func(*vk.Card)) vk.Carousel {
	first := vk.Card{Title: "Tea", Description: "Green", Photo: "-1_2", Link: "https://vk.com", Buttons: []vk.Button{vk.TextButton("Buy", nil)}}
	second := first
	change(&second)
	return vk.Carousel{first, second}
}

func cards(n int) (l vk.Carousel) {
	for range n {
		l = append(l, card(func(*vk.Card) {})[0])
	}
	return l
}

func TestKeyboardLimits(t *testing.T) {
	t.Parallel()
	emoji := strings.Repeat("😀", 40)
	for _, tt := range []struct {
		name    string
		good    vk.SendOption // just within the limit
		bad     vk.SendOption
		row     int
		column  int
		label   string
		message string
	}{
		{"columns", grid(5, 5, false), grid(6, 6, false), 0, -1, "", "6 buttons, the limit is 5"},
		{"rows", grid(10, 1, false), grid(11, 1, false), -1, -1, "", "11 rows, the limit is 10"},
		{"buttons", grid(40, 5, false), grid(41, 5, false), -1, -1, "", "41 buttons, the limit is 40"},
		{"columns inline", grid(5, 5, true), grid(6, 6, true), 0, -1, "", "6 buttons, the limit is 5"},
		{"rows inline", grid(6, 1, true), grid(7, 1, true), -1, -1, "", "7 rows, the limit is 6"},
		{"buttons inline", grid(10, 3, true), grid(11, 3, true), -1, -1, "", "11 buttons, the limit is 10"},
		{"inline and one-time", &vk.Keyboard{OneTime: true}, &vk.Keyboard{Inline: true, OneTime: true}, -1, -1, "", "exclude each other"},
		{"label", one(vk.TextButton(emoji, nil)), one(vk.TextButton(emoji+"!", nil)), 0, 1, emoji + "!", "label has 41 characters, the limit is 40"},
		{"no label", nil, one(vk.CallbackButton("", nil)), 0, 1, "", "label is missing"},
		{"no label on a link", nil, one(vk.LinkButton("", "https://vk.com")), 0, 1, "", "label is missing"},
		{"no link", nil, one(vk.LinkButton("Site", "")), 0, 1, "Site", "link is missing"},
		{"link", one(vk.LinkButton("S", "http://example.com:80/a?b#c")), one(vk.LinkButton("S", "ftp://example.com")), 0, 1, "S", "neither http nor https"},
		{"link of VK", one(vk.LinkButton("S", "vk.com/tea")), one(vk.LinkButton("S", "example.com/tea")), 0, 1, "S", "neither http nor https"},
		{"link with a space", nil, one(vk.LinkButton("S", "https://exa mple.com")), 0, 1, "S", "neither http nor https"},
		{"link to nowhere", nil, one(vk.LinkButton("S", "https:///tea")), 0, 1, "S", "neither http nor https"},
		{"hash", nil, one(vk.PayButton("")), 0, 1, "", "hash is missing"},
		{"app", nil, one(vk.AppButton("Play", 0, -1, "")), 0, 1, "Play", "app id is missing"},
		{"intent", nil, one(vk.Button{Type: "intent_unsubscribe", Label: "No", PeerID: -1}), 0, 1, "No", "intent is missing"},
		{"intent for nobody", nil, one(vk.Button{Type: "intent_subscribe", Label: "No", Intent: "x"}), 0, 1, "No", "peer id is missing"},
		{"colour", nil, one(vk.Button{Label: "Pink", Color: "pink"}), 0, 1, "Pink", `unknown color "pink"`},
		{"payload", one(vk.TextButton("x", `{"a":"`+strings.Repeat("я", 247)+`"}`)), one(vk.TextButton("x", `{"a":"`+strings.Repeat("я", 248)+`"}`)), 0, 1, "x", "payload has 256 characters, the limit is 255"},
		{"payload of no object", one(vk.LocationButton("[1]")), one(vk.LocationButton("1")), 0, 1, "", `"1" is not a JSON object or array`},
		{"payload of a slice", one(vk.TextButton("x", []int{1, 2})), one(vk.TextButton("x", 1)), 0, 1, "x", `"1" is not a JSON object or array`},
		{"payload of an empty slice", one(vk.TextButton("x", []any{})), one(vk.TextButton("x", true)), 0, 1, "x", `"true" is not a JSON object or array`},
		{"payload of JSON", one(vk.TextButton("x", json.RawMessage(`["buy",5]`))), one(vk.TextButton("x", json.RawMessage(`["buy",`))), 0, 1, "x", "is not a JSON object or array"},
		{"payload that is no JSON", nil, one(vk.TextButton("x", "hello")), 0, 1, "x", `"hello" is not a JSON object`},
		{"payload of a bad command", nil, one(vk.TextButton("x", vk.Cmd("buy", []int{1}))), 0, 1, "x", "argument 1: a []int is not one word"},

		{"cards", cards(10), cards(11), -1, -1, "", "1 to 10 cards, not 11"},
		{"card without title and photo", nil, card(func(c *vk.Card) { c.Title, c.Photo = "", "" }), 1, -1, "", "neither a title nor a photo"},
		{"card without description", nil, card(func(c *vk.Card) { c.Description = "" }), 1, -1, "", "no description"},
		{"card's title", card(func(c *vk.Card) { c.Title = strings.Repeat("я", 80) }), card(func(c *vk.Card) { c.Title = strings.Repeat("я", 81) }), 1, -1, "", "title has 81 characters, the limit is 80"},
		{"card's description", card(func(c *vk.Card) { c.Description = strings.Repeat("я", 80) }), card(func(c *vk.Card) { c.Description = strings.Repeat("я", 81) }), 1, -1, "", "description has 81 characters"},
		{"card's photo", nil, card(func(c *vk.Card) { c.Photo = "doc1_2" }), 1, -1, "", `"doc1_2" is not a photo`},
		{"card's link", nil, card(func(c *vk.Card) { c.Link = "tel:112" }), 1, -1, "", "neither http nor https"},
		{"card with two actions", nil, card(func(c *vk.Card) { c.OpenPhoto = true }), 1, -1, "", "cannot open both"},
		{"card that opens no photo", nil, vk.Carousel{{Title: "x", Description: "y", OpenPhoto: true, Buttons: cards(1)[0].Buttons}}, 0, -1, "", "no photo to open"},
		{"card without action", nil, card(func(c *vk.Card) { c.Link = "" }), 1, -1, "", "other fields than the first"},
		{"card without photo", nil, card(func(c *vk.Card) { c.Photo = "" }), 1, -1, "", "other fields than the first"},
		{"card's buttons", card(func(c *vk.Card) { c.Buttons = grid(3, 3, true).Rows[0] }), card(func(c *vk.Card) { c.Buttons = grid(4, 4, true).Rows[0] }), 1, -1, "", "has 4 buttons"},
		{"card without buttons", nil, card(func(c *vk.Card) { c.Buttons = nil }), 1, -1, "", "has 0 buttons"},
		{"card's button", nil, card(func(c *vk.Card) { c.Buttons = []vk.Button{vk.TextButton("a", nil), vk.TextButton("", nil)} }), 1, 1, "", "label is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := vktest.NewContext("hi")
			if tt.good != nil {
				if err := c.Send("Here:", tt.good); err != nil {
					t.Errorf("within the limit: %v", err)
				}
			}
			before := len(rec.Messages())
			err := c.Send("Here:", tt.bad)
			var wrong *vk.KeyboardError
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v", err)
			}
			if wrong.Row != tt.row || wrong.Column != tt.column || wrong.Label != tt.label {
				t.Errorf("at [%d][%d] %q, want [%d][%d] %q", wrong.Row, wrong.Column, wrong.Label, tt.row, tt.column, tt.label)
			}
			if !strings.Contains(err.Error(), tt.message) || !strings.HasPrefix(err.Error(), "vk: messages.send: keyboard: ") {
				t.Errorf("error %q, want one with %q", err, tt.message)
			}
			if len(rec.Messages()) != before {
				t.Error("it was sent")
			}
		})
	}
}

func TestCarouselNeedsText(t *testing.T) {
	t.Parallel()
	c, _ := vktest.NewContext("hi")
	var wrong *vk.KeyboardError
	if err := c.Send(" ", cards(1)); !errors.As(err, &wrong) {
		t.Errorf("error %v", err)
	}
	if err := c.Send("", cards(1), vk.Bold("Look")); err != nil {
		t.Error(err)
	}
	if err := c.Send("", cards(1), vk.Extra{"message": "Look"}); err != nil {
		t.Error(err)
	}
	if err := c.Send("Look", vk.Carousel(nil)); err != nil {
		t.Error(err)
	}
}

// TestDoubtfulKeyboard: a keyboard that VK may refuse is sent, and the refusal
// is explained.
func TestDoubtfulKeyboard(t *testing.T) {
	t.Parallel()
	long := vk.TextButton(strings.Repeat("😀", 21), `{"a":"`+strings.Repeat("😀", 130)+`"}`)
	doubtful := (&vk.Keyboard{OneTime: true}).
		Row(vk.LocationButton(nil), vk.CallbackButton("x", nil)).
		Row(long, long, long, long)
	for _, tt := range []struct {
		name, answer string
		refused      bool
	}{
		{"taken", `{"response":[{"peer_id":1,"message_id":1,"conversation_message_id":1}]}`, false},
		{"refused", `{"error":{"error_code":911,"error_msg":"Keyboard format is invalid: x"}}`, true},
		{"refused for one", `{"response":[{"peer_id":1,"message_id":0,"conversation_message_id":0,"error":{"code":911,"description":"x"}}]}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(t, respond(tt.answer))
			var log bytes.Buffer
			api.client.Logger = slog.New(slog.NewTextHandler(&log, nil))
			err := api.client.Send(t.Context(), 1, "Here:", doubtful, cards(1))
			if api.calls() != 1 {
				t.Fatalf("%d calls", api.calls())
			}
			if !tt.refused {
				if err != nil || log.Len() > 0 {
					t.Errorf("error %v, log %s", err, &log)
				}
				return
			}
			if !errors.Is(err, vk.Code(911)) {
				t.Errorf("error %v", err)
			}
			for _, want := range []string{
				"button [0][0]: a location button may need a row of its own",
				"button [0][1]: a callback button may not be for one-time keyboards",
				"button [1][3]: the label has 42 UTF-16 units",
				"button [1][3]: the payload has 268 UTF-16 units",
				"the payloads have 2112 bytes together",
				"a carousel and a keyboard may exclude each other",
			} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("not in the log: %s\n%s", want, &log)
				}
			}
		})
	}
}

func TestNilKeyboardIsNone(t *testing.T) {
	t.Parallel()
	api := newAPI(t, respond(`{"response":[{"peer_id":1,"message_id":1,"conversation_message_id":1}]}`))
	var kb *vk.Keyboard
	if err := api.client.Send(t.Context(), 1, "hi", kb, kb.Clone()); err != nil {
		t.Fatal(err)
	}
	if api.forms[0].Has("keyboard") {
		t.Errorf("form %v", api.forms[0])
	}
}

func TestKeyboardGrid(t *testing.T) {
	button := func(label string) vk.Button { return vk.TextButton(label, nil) }
	buttons := []vk.Button{button("a"), button("b"), button("c")}
	for columns, want := range map[int][][]vk.Button{
		1: {{button("x")}, {button("a")}, {button("b")}, {button("c")}},
		2: {{button("x")}, {button("a"), button("b")}, {button("c")}},
		3: {{button("x")}, {button("a"), button("b"), button("c")}},
		9: {{button("x")}, {button("a"), button("b"), button("c")}},
	} {
		if diff := cmp.Diff(want, new(vk.Keyboard).Row(button("x")).Grid(columns, buttons...).Rows); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", columns, diff)
		}
	}
	if rows := new(vk.Keyboard).Grid(2).Rows; rows != nil {
		t.Errorf("no buttons: %v", rows)
	}
	if got := panics(func() { new(vk.Keyboard).Grid(0, buttons...) }); got != "vk: Grid: 0 columns" {
		t.Error(got)
	}
}

func TestKeyboardClone(t *testing.T) {
	t.Parallel()
	kb := (&vk.Keyboard{Inline: true}).Row(vk.TextButton("a", nil), vk.TextButton("b", nil))
	row := kb.Rows[0]
	c := kb.Clone()
	c.Inline = false
	c.Rows[0][0].Label = "changed"
	c.Rows[0] = append(c.Rows[0], vk.TextButton("c", nil))
	c.Row(vk.TextButton("d", nil))
	want := &vk.Keyboard{Inline: true, Rows: [][]vk.Button{{{Type: "text", Label: "a"}, {Type: "text", Label: "b"}}}}
	if diff := cmp.Diff(want, kb); diff != "" {
		t.Errorf("the original changed (-want +got):\n%s", diff)
	}
	buttons := []vk.Button{vk.TextButton("e", nil)}
	kb.Row(buttons...)
	buttons[0].Label = "changed"
	if kb.Rows[1][0].Label != "e" || &row[0] != &kb.Rows[0][0] {
		t.Error("Row keeps the caller's slice")
	}
}

// TestKeyboardsAreShared: one keyboard is sent by many goroutines.
func TestKeyboardsAreShared(t *testing.T) {
	t.Parallel()
	kb := grid(9, 3, true)
	want, _ := json.Marshal(kb)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, _ := vktest.NewContext("hi")
			if err := c.Send("Here:", kb, cards(2)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, _ := json.Marshal(kb); !bytes.Equal(got, want) {
		t.Errorf("%s became %s", want, got)
	}
}

// A keyboard as written without this package.
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

// buildPlain builds the same keyboard; text makes its payloads strings of JSON,
// as VK requires.
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

// BenchmarkKeyboard builds and encodes a keyboard of 3×3 buttons with payloads.
// It reports the time relative to json.Marshal of plain structs, with payloads
// as text and as values.
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
