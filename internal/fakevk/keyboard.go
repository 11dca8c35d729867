package fakevk

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Keyboard is a keyboard as users' clients get it: under the message if
// inline, otherwise under the input field.
type Keyboard struct {
	OneTime  bool       `json:"one_time"`
	Inline   bool       `json:"inline"`
	AuthorID int64      `json:"author_id,omitempty"` // the community that sent it
	Buttons  [][]Button `json:"buttons"`
}

// A Button is a button of a keyboard or a carousel.
type Button struct {
	Action ButtonAction `json:"action"`
	Color  string       `json:"color,omitempty"`
}

// A ButtonAction is the action of a button. Type determines which fields are
// set.
type ButtonAction struct {
	Type        string `json:"type"` // text, callback, open_link, location, vkpay, open_app, open_photo …
	Payload     string `json:"payload"`
	Label       string `json:"label,omitempty"`
	Link        string `json:"link,omitempty"`
	Hash        string `json:"hash,omitempty"`
	AppID       int64  `json:"app_id,omitempty"`
	OwnerID     int64  `json:"owner_id,omitempty"`
	PeerID      int64  `json:"peer_id,omitempty"`
	Intent      string `json:"intent,omitempty"`
	SubscribeID int64  `json:"subscribe_id,omitempty"`
}

// The limits of the two kinds of keyboards.
const (
	maxColumns       = 5
	maxRows          = 10
	maxButtons       = 40
	maxInlineRows    = 6
	maxInlineButtons = 10
	maxLabel         = 40
	maxPayload       = 255 // of a button
)

func (k *Keyboard) list() []Button { return slices.Concat(k.Buttons...) }

// Button returns the button with a label.
func (k *Keyboard) Button(label string) (Button, bool) {
	return find(k.list(), label)
}

func find(list []Button, label string) (Button, bool) {
	for _, b := range list {
		if b.Action.Label == label {
			return b, true
		}
	}
	return Button{}, false
}

// The forms that a client sends. Each value whose type VK checks is raw.
type (
	rawKeyboard struct {
		OneTime json.RawMessage `json:"one_time"`
		Inline  json.RawMessage `json:"inline"`
		Buttons json.RawMessage `json:"buttons"`
	}
	rawButton struct {
		Action *rawAction      `json:"action"`
		Color  json.RawMessage `json:"color"`
	}
	rawAction struct {
		Type        string          `json:"type"`
		Payload     json.RawMessage `json:"payload"`
		Label       json.RawMessage `json:"label"`
		Link        string          `json:"link"`
		Hash        string          `json:"hash"`
		AppID       json.RawMessage `json:"app_id"`
		OwnerID     json.RawMessage `json:"owner_id"`
		PeerID      json.RawMessage `json:"peer_id"`
		Intent      string          `json:"intent"`
		SubscribeID json.RawMessage `json:"subscribe_id"`
	}
)

func badKeyboard(detail string, args ...any) *apiError {
	return fail(codeKeyboard, append([]any{detail}, args...)...)
}

// parseKeyboard parses the keyboard parameter of a call made by author and
// makes VK's checks.
func (w *World) parseKeyboard(s string, author int64) (*Keyboard, *apiError) {
	var raw rawKeyboard
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		return nil, badKeyboard("keyboard should be valid json object")
	}
	k := &Keyboard{AuthorID: author, Buttons: [][]Button{}}
	var ok bool
	if k.Inline, ok = rawBool(raw.Inline); !ok {
		return nil, badKeyboard("inline property should be boolean")
	}
	if k.OneTime, ok = rawBool(raw.OneTime); !ok {
		return nil, badKeyboard("one_time property should be boolean")
	}
	if k.Inline && k.OneTime {
		return nil, badKeyboard("inline keyboard can not be one_time")
	}
	var rows [][]json.RawMessage
	if err := json.Unmarshal(raw.Buttons, &rows); err != nil || rows == nil {
		return nil, badKeyboard("buttons should be an array of arrays")
	}
	limitRows, limitButtons := maxRows, maxButtons
	if k.Inline {
		limitRows, limitButtons = maxInlineRows, maxInlineButtons
	}
	if len(rows) > limitRows {
		return nil, badKeyboard("buttons contain too much rows")
	}
	total := 0
	for i, row := range rows {
		if len(row) == 0 {
			return nil, badKeyboard("row %d is empty", i)
		}
		if len(row) > maxColumns {
			return nil, badKeyboard("row %d contains too much columns", i)
		}
		total += len(row)
		line := make([]Button, 0, len(row))
		for j, b := range row {
			button, detail := w.parseButton(b)
			if detail != "" {
				return nil, badKeyboard("button [%d][%d] %s", i, j, detail)
			}
			if w.cfg.FullRowButtons && len(row) > 1 && slices.Contains(fullRow, button.Action.Type) {
				return nil, badKeyboard("button [%d][%d] should take the whole row", i, j)
			}
			line = append(line, button)
		}
		k.Buttons = append(k.Buttons, line)
	}
	if total > limitButtons {
		return nil, badKeyboard("keyboard contains too much buttons")
	}
	return k, nil
}

var (
	buttonColors = []string{"primary", "secondary", "negative", "positive", "default"}
	fullRow      = []string{"location", "vkpay", "open_app"}
)

// parseButton parses a button. wrong is the error, in words that follow the
// button's position, or "".
func (w *World) parseButton(b json.RawMessage) (button Button, wrong string) {
	var raw rawButton
	if err := json.Unmarshal(b, &raw); err != nil || raw.Action == nil {
		return button, "has invalid action"
	}
	a := raw.Action
	button.Action = ButtonAction{Type: a.Type, Link: a.Link, Hash: a.Hash, Intent: a.Intent}
	if string(a.Label) == `""` && a.Type != "location" {
		return button, "label should be at least 1 letters length"
	}
	if string(raw.Color) != "" && string(raw.Color) != "null" {
		if json.Unmarshal(raw.Color, &button.Color) != nil || !slices.Contains(buttonColors, button.Color) {
			return button, "has invalid color"
		}
	}
	if !isNull(a.Label) && json.Unmarshal(a.Label, &button.Action.Label) != nil {
		return button, "has invalid label"
	}
	if utf8.RuneCountInString(button.Action.Label) > maxLabel {
		return button, "label is too long"
	}
	if button.Action.Payload, wrong = w.parsePayload(a.Payload); wrong != "" {
		return button, wrong
	}
	for _, f := range []struct {
		name string
		raw  json.RawMessage
		to   *int64
	}{
		{"app_id", a.AppID, &button.Action.AppID},
		{"owner_id", a.OwnerID, &button.Action.OwnerID},
		{"peer_id", a.PeerID, &button.Action.PeerID},
		{"subscribe_id", a.SubscribeID, &button.Action.SubscribeID},
	} {
		var ok bool
		if *f.to, ok = rawInt(f.raw); !ok {
			return button, "has invalid " + f.name
		}
	}
	return button, button.check()
}

// check checks the fields that the button's type requires and those that it
// forbids: a color if the type has none, a label if users' clients show their
// own.
func (b *Button) check() string {
	a := &b.Action
	colored := false
	needs := func(missing bool, name string) string {
		if missing {
			return name + " is required"
		}
		return ""
	}
	var wrong string
	switch a.Type {
	case "text", "callback":
		colored = true
		wrong = needs(a.Label == "", "label")
	case "open_link":
		wrong = needs(a.Label == "", "label")
		if wrong == "" && !validLink(a.Link) {
			wrong = "has invalid link"
		}
	case "location", "open_photo":
	case "vkpay":
		wrong = needs(a.Hash == "", "hash")
	case "open_app":
		wrong = needs(a.Label == "", "label")
		if wrong == "" {
			wrong = needs(a.AppID == 0, "app_id")
		}
	case "intent_subscribe", "intent_unsubscribe":
		wrong = needs(a.Label == "", "label")
		if wrong == "" {
			wrong = needs(a.PeerID == 0 || a.Intent == "", "peer_id and intent")
		}
	default:
		return "has unknown action type"
	}
	switch {
	case wrong != "":
	case a.Type == "location" && a.Label != "":
		wrong = "has action type which is not compatible with setting label"
	case !colored && b.Color != "":
		wrong = "has action type which is not compatible with setting colors"
	case colored && b.Color == "":
		b.Color = "default"
	}
	return wrong
}

// parsePayload accepts a payload as text or as a JSON value, because clients
// send both, and returns it as text.
func (w *World) parsePayload(raw json.RawMessage) (payload, wrong string) {
	if isNull(raw) {
		return "", ""
	}
	if raw[0] == '"' {
		json.Unmarshal(raw, &payload) // the keyboard as a whole was valid JSON
		if payload == "" {
			return "", ""
		}
	} else {
		var b bytes.Buffer
		json.Compact(&b, raw)
		payload = b.String()
	}
	if utf8.RuneCountInString(payload) > maxPayload {
		return "", "payload is too long"
	}
	scalar := !strings.HasPrefix(payload, "{") && !strings.HasPrefix(payload, "[")
	if !json.Valid([]byte(payload)) || scalar && !w.cfg.AnyButtonPayload {
		return "", "payload should be valid json object"
	}
	return payload, ""
}

func validLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	if u.Scheme == "" {
		u, err = url.Parse("https://" + s) // vk.com/…
		return err == nil && (u.Host == "vk.com" || u.Host == "vk.ru" || u.Host == "vk.me")
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(u.Host, "{} ")
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// rawBool accepts only JSON booleans; absent and null are false.
func rawBool(raw json.RawMessage) (v, ok bool) {
	switch string(raw) {
	case "true":
		return true, true
	case "", "null", "false":
		return false, true
	}
	return false, false
}

// rawInt accepts a number, also in a string; absent and null are zero.
func rawInt(raw json.RawMessage) (int64, bool) {
	if isNull(raw) {
		return 0, true
	}
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	return n, err == nil
}
