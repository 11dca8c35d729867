package fakevk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const textButton = `{"action":{"type":"text","label":"Hi"}}`

func rows(n, columns int) string {
	row := "[" + strings.TrimSuffix(strings.Repeat(textButton+",", columns), ",") + "]"
	return "[" + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + "]"
}

func button(action string) string { return `{"buttons":[[{"action":{` + action + `}}]]}` }

func TestKeyboards(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ж", 41)
	tests := []struct {
		name     string
		keyboard string
		detail   string // "" for a valid one
	}{
		{"not JSON", `{`, "keyboard should be valid json object"},
		{"a list", `[]`, "keyboard should be valid json object"},
		{"no buttons", `{}`, "buttons should be an array of arrays"},
		{"null", `null`, "buttons should be an array of arrays"},
		{"flat", `{"buttons":[` + textButton + `]}`, "buttons should be an array of arrays"},
		{"empty removes", `{"buttons":[]}`, ""},
		{"inline a number", `{"inline":1,"buttons":[]}`, "inline property should be boolean"},
		{"inline a string", `{"inline":"true","buttons":[]}`, "inline property should be boolean"},
		{"one_time a number", `{"one_time":0,"buttons":[]}`, "one_time property should be boolean"},
		{"inline and one_time", `{"inline":true,"one_time":true,"buttons":[]}`, "inline keyboard can not be one_time"},
		{"inline and not one_time", `{"inline":true,"one_time":false,"buttons":` + rows(1, 1) + `}`, ""},

		{"10 rows", `{"buttons":` + rows(10, 4) + `}`, ""},
		{"11 rows", `{"buttons":` + rows(11, 1) + `}`, "buttons contain too much rows"},
		{"5 columns", `{"buttons":` + rows(8, 5) + `}`, ""},
		{"6 columns", `{"buttons":` + rows(1, 6) + `}`, "row 0 contains too much columns"},
		{"41 buttons", `{"buttons":` + rows(9, 5) + `}`, "keyboard contains too much buttons"},
		{"empty row", `{"buttons":[[]]}`, "row 0 is empty"},
		{"6 inline rows", `{"inline":true,"buttons":` + rows(6, 1) + `}`, ""},
		{"7 inline rows", `{"inline":true,"buttons":` + rows(7, 1) + `}`, "buttons contain too much rows"},
		{"10 inline buttons", `{"inline":true,"buttons":` + rows(2, 5) + `}`, ""},
		{"12 inline buttons", `{"inline":true,"buttons":` + rows(3, 4) + `}`, "keyboard contains too much buttons"},

		{"no action", `{"buttons":[[{}]]}`, "button [0][0] has invalid action"},
		{"unknown action", button(`"type":"jump","label":"x"`), "button [0][0] has unknown action type"},
		{"no label", button(`"type":"text"`), "button [0][0] label is required"},
		{"empty label", button(`"type":"text","label":""`), "button [0][0] label should be at least 1 letters length"},
		{"label a number", button(`"type":"text","label":5`), "button [0][0] has invalid label"},
		{"label of 40", button(`"type":"text","label":"` + long[:80] + `"`), ""},
		{"label of 41", button(`"type":"text","label":"` + long + `"`), "button [0][0] label is too long"},
		{"callback without label", button(`"type":"callback"`), "button [0][0] label is required"},
		{"bad colour", `{"buttons":[[{"action":{"type":"text","label":"x"},"color":"pink"}]]}`, "button [0][0] has invalid color"},
		{"colour of each kind", `{"buttons":[[{"action":{"type":"text","label":"x"},"color":"secondary"}]]}`, ""},
		{"colour null", `{"buttons":[[{"action":{"type":"text","label":"x"},"color":null}]]}`, ""},
		{"second row", `{"buttons":[[` + textButton + `],[` + textButton + `,{"action":{"type":"text"}}]]}`, "button [1][1] label is required"},

		{"payload text", button(`"type":"text","label":"x","payload":"{\"a\":1}"`), ""},
		{"payload object", button(`"type":"text","label":"x","payload":{"a":1}`), ""},
		{"payload null", button(`"type":"text","label":"x","payload":null`), ""},
		{"payload empty", button(`"type":"text","label":"x","payload":""`), ""},
		{"payload not JSON", button(`"type":"text","label":"x","payload":"buy"`), "button [0][0] payload should be valid json object"},
		{"payload a list", button(`"type":"text","label":"x","payload":"[1]"`), ""},
		{"payload an empty list", button(`"type":"text","label":"x","payload":[]`), ""},
		{"payload a number", button(`"type":"text","label":"x","payload":"1"`), "button [0][0] payload should be valid json object"},
		{"payload broken", button(`"type":"text","label":"x","payload":"{a}"`), "button [0][0] payload should be valid json object"},
		{"payload of 255", button(`"type":"text","label":"x","payload":"{\"a\":\"` + strings.Repeat("x", 247) + `\"}"`), ""},
		{"payload of 256", button(`"type":"text","label":"x","payload":"{\"a\":\"` + strings.Repeat("x", 248) + `\"}"`), "button [0][0] payload is too long"},

		{"link", button(`"type":"open_link","label":"x","link":"https://example.com/a?b=c"`), ""},
		{"vk.com without a scheme", button(`"type":"open_link","label":"x","link":"vk.com/club1"`), ""},
		{"no link", button(`"type":"open_link","label":"x"`), "button [0][0] has invalid link"},
		{"tg link", button(`"type":"open_link","label":"x","link":"tg://resolve"`), "button [0][0] has invalid link"},
		{"placeholder", button(`"type":"open_link","label":"x","link":"{signup_link}"`), "button [0][0] has invalid link"},
		{"location", button(`"type":"location"`), ""},
		{"location with an empty label", button(`"type":"location","label":""`), ""},
		{"location with a label", button(`"type":"location","label":"x"`), "button [0][0] has action type which is not compatible with setting label"},
		{"location with a colour", `{"buttons":[[{"action":{"type":"location"},"color":"primary"}]]}`, "button [0][0] has action type which is not compatible with setting colors"},
		{"link with a colour", `{"buttons":[[{"action":{"type":"open_link","label":"x","link":"https://vk.com"},"color":"primary"}]]}`, "button [0][0] has action type which is not compatible with setting colors"},
		{"vkpay", button(`"type":"vkpay","hash":"action=pay-to-group&amount=1&group_id=1&aid=10"`), ""},
		{"vkpay without hash", button(`"type":"vkpay"`), "button [0][0] hash is required"},
		{"app", button(`"type":"open_app","label":"x","app_id":"5","owner_id":-1`), ""},
		{"app without id", button(`"type":"open_app","label":"x"`), "button [0][0] app_id is required"},
		{"app id a word", button(`"type":"open_app","label":"x","app_id":"five"`), "button [0][0] has invalid app_id"},
		{"intent", button(`"type":"intent_subscribe","label":"x","peer_id":1,"intent":"promo_newsletter"`), ""},
		{"intent without peer", button(`"type":"intent_subscribe","label":"x"`), "button [0][0] peer_id and intent is required"},
		{"photo", button(`"type":"open_photo"`), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, Config{})
			pairs := []any{"peer_id", s.anna.ID, "random_id", 0, "message", "x", "keyboard", tt.keyboard}
			if tt.detail == "" {
				s.ok(nil, "messages.send", pairs...)
				return
			}
			rep := s.call("messages.send", pairs...)
			if rep.Error == nil || rep.Error.Code != 911 || rep.Error.Msg != "Keyboard format is invalid: "+tt.detail {
				t.Errorf("got %+v, want 911 %q", rep.Error, tt.detail)
			}
		})
	}
}

func TestKeyboardSwitches(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{AnyButtonPayload: true, FullRowButtons: true}})
	s.writes("message", "x", "keyboard", button(`"type":"text","label":"x","payload":"1"`))
	s.fails(911, "button [0][0] should take the whole row", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "message", "x",
		"keyboard", `{"buttons":[[{"action":{"type":"location"}},`+textButton+`]]}`)
	s.SetBotFeatures(s.group.ID, false)
	s.fails(912, "", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "message", "x", "keyboard", `{"buttons":[]}`)
	s.SetBotFeatures(s.group.ID, true)
	s.writes("message", "x", "keyboard", `{"buttons":[]}`)
}

// TestKeyboardReadback checks that the API returns a keyboard with the payload
// as a string, the author, and one_time even if it was omitted.
func TestKeyboardReadback(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	m := s.writes("message", "x", "keyboard", `{"inline":true,"buttons":[[`+
		`{"action":{"type":"callback","label":"Like","payload":{"a": 1}},"color":"positive"},`+
		`{"action":{"type":"open_link","label":"Site","link":"https://example.com/"}},`+
		`{"action":{"type":"text","label":"Plain"}}]]}`)
	var got struct{ Items []wireMessage }
	s.ok(&got, "messages.getByConversationMessageId", "peer_id", s.anna.ID, "conversation_message_ids", m.CMID)
	want := fmt.Sprintf(`{"one_time":false,"inline":true,"author_id":%d,"buttons":[[`+
		`{"action":{"type":"callback","payload":"{\"a\":1}","label":"Like"},"color":"positive"},`+
		`{"action":{"type":"open_link","payload":"","label":"Site","link":"https://example.com/"}},`+
		`{"action":{"type":"text","payload":"","label":"Plain"},"color":"default"}]]}`, -s.group.ID)
	if d := cmp.Diff(want, string(mustJSON(got.Items[0].Keyboard))); d != "" {
		t.Error(d)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	buttons := `"buttons":[` + textButton + `]`
	element := func(fields string) string {
		return `{"type":"carousel","elements":[{` + fields + `,` + buttons + `}]}`
	}
	good := element(`"title":"T","description":"D"`)
	tests := []struct {
		name     string
		template string
		code     int
		words    string
	}{
		{"title", good, 0, ""},
		{"photo", element(`"photo_id":"-1_2","action":{"type":"open_photo"}`), 0, ""},
		{"link", element(`"title":"T","description":"D","action":{"type":"open_link","link":"https://example.com"}`), 0, ""},
		{"not JSON", `{`, 100, "template should be valid json object"},
		{"unknown type", `{"type":"list","elements":[]}`, 100, "template type is invalid"},
		{"no elements", `{"type":"carousel","elements":[]}`, 100, "from 1 to 10"},
		{"eleven", `{"type":"carousel","elements":[` + strings.TrimSuffix(strings.Repeat(`{"title":"T","description":"D",`+buttons+`},`, 11), ",") + `]}`, 100, "from 1 to 10"},
		{"nothing in it", element(`"x":1`), 100, "element [0] should have title or photo_id"},
		{"no description", element(`"title":"T"`), 100, "element [0] should have description"},
		{"long title", element(`"title":"` + strings.Repeat("x", 81) + `","description":"D"`), 100, "title is too long"},
		{"long description", element(`"title":"T","description":"` + strings.Repeat("x", 81) + `"`), 100, "description is too long"},
		{"bad link", element(`"title":"T","description":"D","action":{"type":"open_link","link":"x"}`), 100, "has invalid link"},
		{"photo action without photo", element(`"title":"T","description":"D","action":{"type":"open_photo"}`), 100, "no photo"},
		{"unknown action", element(`"title":"T","description":"D","action":{"type":"jump"}`), 100, "unknown action type"},
		{"uneven", `{"type":"carousel","elements":[{"title":"T","description":"D",` + buttons + `},{"photo_id":"-1_2",` + buttons + `}]}`, 100, "the same fields"},
		{"no buttons", `{"type":"carousel","elements":[{"title":"T","description":"D"}]}`, 911, "from 1 to 3 buttons"},
		{"bad button", `{"type":"carousel","elements":[{"title":"T","description":"D","buttons":[{"action":{"type":"text"}}]}]}`, 911, "button [0][0] label is required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, Config{})
			pairs := []any{"peer_id", s.anna.ID, "random_id", 0, "message", "x", "template", tt.template}
			if tt.code != 0 {
				s.fails(tt.code, tt.words, "messages.send", pairs...)
				return
			}
			s.ok(nil, "messages.send", pairs...)
			m := s.last(s.anna.ID, -s.group.ID)
			if b, ok := m.Button("Hi"); !ok || b.Action.Type != "text" {
				t.Errorf("button %+v", b)
			}
			if _, ok := m.Button("no such"); ok {
				t.Error("found a button that is not there")
			}
			if raw := string(s.call("messages.getHistory", "peer_id", s.anna.ID, "count", 1).Response); strings.Contains(raw, "photo_id") || !strings.Contains(raw, `"template":{"type":"carousel"`) {
				t.Errorf("read back as %s", raw)
			}
		})
	}
	s := newScene(t, Config{})
	s.fails(100, "message is empty or invalid", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "attachment", "photo1_2", "template", good)
	s.SetBotFeatures(s.group.ID, false)
	s.fails(912, "", "messages.send", "peer_id", s.anna.ID, "random_id", 0, "message", "x", "template", good)
}
