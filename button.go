package vk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/plainjson"
)

// A Button is a button of a [Keyboard] or of a [Card]. Functions such as
// [TextButton] make the usual kinds. Kinds that VK adds later can be written as
// a literal, because every non-zero field is sent.
//
// See https://dev.vk.com/ru/api/bots/development/keyboard/key-types.
type Button struct {
	// Type is VK's name of the button's action: "text", "callback",
	// "open_link", "location", "vkpay", "open_app", "intent_subscribe" or
	// "intent_unsubscribe". Empty means "text".
	Type string

	// Label is the text on the button, at most 40 characters. Buttons of the
	// types location and vkpay have none: VK labels them.
	Label string

	// Color is "primary" (blue), "secondary" (white), "negative" (red) or
	// "positive" (green). If empty, VK uses white. Only text and callback
	// buttons have a color: for others it is not sent.
	Color string

	// Payload is returned by VK when the button is pressed; see [Payload]. Its
	// JSON must be an object or array of at most 255 characters: a [Cmd], a
	// [Choice], a map, a struct or a slice. A string, a []byte and a
	// json.RawMessage are treated as JSON text. Nil means none.
	Payload any

	Link    string // open_link: the address, over http or https
	Hash    string // vkpay: the payment, such as "action=pay-to-group&amount=1&group_id=1"; open_app: the text passed to the app
	AppID   int64  // open_app: the mini app
	OwnerID int64  // open_app: the community that the app is opened for, negative; 0 for none

	PeerID      int64  // intent_…: the community
	Intent      string // intent_…: the kind of messages that the user agrees to
	SubscribeID int64  // intent_…: the number of the newsletter
}

// TextButton returns a button that makes the user send its label as a message,
// with the payload. A nil payload means none.
func TextButton(label string, payload any) Button {
	return Button{Type: "text", Label: label, Payload: payload}
}

// CallbackButton returns a button that sends no message: a press causes the
// event [EventMessageEvent]. A nil payload means none.
func CallbackButton(label string, payload any) Button {
	return Button{Type: "callback", Label: label, Payload: payload}
}

// LinkButton returns a button that opens a link: over http or https, or one
// that begins with vk.com. The bot is not notified of a press.
func LinkButton(label, link string) Button {
	return Button{Type: "open_link", Label: label, Link: link}
}

// LocationButton returns a button that makes the user send their location, with
// the payload. A nil payload means none.
func LocationButton(payload any) Button {
	return Button{Type: "location", Payload: payload}
}

// PayButton returns a button that opens a VK Pay form. The hash describes the
// payment and its recipient: "action=transfer-to-group&group_id=1&aid=10".
func PayButton(hash string) Button {
	return Button{Type: "vkpay", Hash: hash}
}

// AppButton returns a button that opens a mini app, for a community if owner is
// not 0, and passes hash to it.
func AppButton(label string, app, owner int64, hash string) Button {
	return Button{Type: "open_app", Label: label, AppID: app, OwnerID: owner, Hash: hash}
}

// Primary returns the button in blue, for the main action.
func (b Button) Primary() Button { b.Color = "primary"; return b }

// Positive returns the button in green, for agreeing.
func (b Button) Positive() Button { b.Color = "positive"; return b }

// Negative returns the button in red, for refusing or deleting.
func (b Button) Negative() Button { b.Color = "negative"; return b }

// VK's limits for a button, in characters.
const (
	maxLabel   = 40
	maxPayload = 255
)

var colors = []string{"primary", "secondary", "negative", "positive", "default"}

// kind returns b.Type, or the default if it is empty.
func (b *Button) kind() string {
	if b.Type == "" {
		return "text"
	}
	return b.Type
}

// check returns the reason why VK is certain to refuse b, or nil. It does not
// check the payload.
func (b *Button) check() error {
	var missing string
	needs := func(what string, there bool) {
		if missing == "" && !there {
			missing = what
		}
	}
	switch b.kind() {
	case "text", "callback":
		needs("label", b.Label != "")
	case "open_link":
		needs("label", b.Label != "")
		needs("link", b.Link != "")
	case "vkpay":
		needs("hash", b.Hash != "")
	case "open_app":
		needs("label", b.Label != "")
		needs("app id", b.AppID != 0)
	case "intent_subscribe", "intent_unsubscribe":
		needs("label", b.Label != "")
		needs("peer id", b.PeerID != 0)
		needs("intent", b.Intent != "")
	}
	switch {
	case missing != "":
		return errors.New("the " + missing + " is missing")
	case len(b.Label) > maxLabel && utf8.RuneCountInString(b.Label) > maxLabel:
		return tooLong("label", utf8.RuneCountInString(b.Label), maxLabel)
	case b.Link != "" && !validLink(b.Link):
		return fmt.Errorf("the link %.100q is neither http nor https", b.Link)
	case b.Color != "" && !slices.Contains(colors, b.Color):
		return fmt.Errorf("unknown color %.40q", b.Color)
	}
	return nil
}

func tooLong(what string, n, limit int) error {
	return fmt.Errorf("the %s has %d characters, the limit is %d", what, n, limit)
}

// validLink reports whether VK's clients open the link.
func validLink(link string) bool {
	if strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return false
	}
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	if u.Scheme == "" {
		host, _, _ := strings.Cut(link, "/")
		return vkHosts[strings.ToLower(host)]
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// appendJSON appends the button in VK's JSON, after check returned nil. It also
// returns the payload's text.
func (b *Button) appendJSON(dst []byte, plain *plainEncoder) (_, payload []byte, err error) {
	if payload, err = payloadText(b.Payload, maxPayload, plain); err != nil {
		return dst, nil, err
	}
	kind := b.kind()
	dst = append(dst, `{"action":{"type":`...)
	if kind == "text" {
		dst = append(dst, `"text"`...)
	} else {
		dst = plainjson.AppendString(dst, kind)
	}
	text := func(name, value string) {
		if value != "" {
			dst = plainjson.AppendString(append(dst, name...), value)
		}
	}
	number := func(name string, value int64) {
		if value != 0 {
			dst = strconv.AppendInt(append(dst, name...), value, 10)
		}
	}
	text(`,"label":`, b.Label)
	if payload != nil {
		dst = plainjson.AppendQuoted(append(dst, `,"payload":`...), payload)
	}
	text(`,"link":`, b.Link)
	text(`,"hash":`, b.Hash)
	number(`,"app_id":`, b.AppID)
	number(`,"owner_id":`, b.OwnerID)
	number(`,"peer_id":`, b.PeerID)
	text(`,"intent":`, b.Intent)
	number(`,"subscribe_id":`, b.SubscribeID)
	dst = append(dst, '}')
	if b.Color != "" && (kind == "text" || kind == "callback") {
		dst = append(append(append(dst, `,"color":"`...), b.Color...), '"') // check knows the color
	}
	return append(dst, '}'), payload, nil
}

// payloadText returns a payload as the JSON text of an object or an array of at
// most limit characters, or nil if there is no payload.
func payloadText(v any, limit int, plain *plainEncoder) (text []byte, err error) {
	given := true // JSON text from the caller: it may be anything
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		text = []byte(v)
	case []byte:
		text = v
	case json.RawMessage:
		text = v
	default:
		given = false
		if text, err = plain.encode(v); err != nil {
			return nil, fmt.Errorf("the payload: %w", err)
		}
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	if text[0] != '{' && text[0] != '[' || given && !(json.Valid(text) && utf8.Valid(text)) {
		return nil, fmt.Errorf("the payload %.40q is not a JSON object or array", text)
	}
	if len(text) > limit {
		if n := utf8.RuneCount(text); n > limit {
			return nil, tooLong("payload", n, limit)
		}
	}
	return text, nil
}

// A plainEncoder encodes payloads without the escapes for HTML, which would turn
// one character of a payload into six. The result is valid until the next call.
type plainEncoder struct {
	text  []byte
	usual plainjson.Encoder
	json  *json.Encoder // for all else; it writes to text
}

// Write appends b to the text.
func (p *plainEncoder) Write(b []byte) (int, error) {
	p.text = append(p.text, b...)
	return len(b), nil
}

func (p *plainEncoder) encode(v any) (text []byte, err error) {
	p.text = p.text[:0]
	switch v := v.(type) { // own types, without reflection
	case CommandLine:
		p.text, err = v.appendJSON(p.text)
		return p.text, err
	case Choice:
		p.text = v.appendJSON(p.text)
		return p.text, nil
	}
	if text, ok := p.usual.Append(p.text, v); ok {
		p.text = text
		return text, nil
	}
	if p.json == nil {
		p.json = json.NewEncoder(p)
		p.json.SetEscapeHTML(false)
	}
	err = p.json.Encode(v)
	return bytes.TrimSuffix(p.text, []byte("\n")), err
}

// A Carousel is 1 to 10 cards side by side below the text of a message. It is
// an option of Send:
//
//	return c.Send("Our tea:", vk.Carousel{
//		{Title: "Green", Description: "From Uji", Buttons: []vk.Button{vk.TextButton("Buy", vk.Cmd("buy", "green"))}},
//		{Title: "Black", Description: "From Assam", Buttons: []vk.Button{vk.TextButton("Buy", vk.Cmd("buy", "black"))}},
//	})
//
// The message needs a text: apps that do not support carousels show only the
// text; see [ClientInfo]. All cards must have the same fields. If VK is certain
// to refuse the carousel, the error is a [*KeyboardError]. An empty Carousel is
// not sent.
//
// See https://dev.vk.com/ru/api/bots/development/messages.
type Carousel []Card

// A Card is a card of a [Carousel]. It has a title with a description, or a
// photo, or both.
type Card struct {
	Title       string // at most 80 characters
	Description string // at most 80 characters; needed if there is a title

	// Photo is a photo uploaded for messages, as an attachment, "photo-1_2", or
	// without its type, "-1_2". It should have the ratio 13:8 and at least 221
	// by 136 pixels.
	Photo string

	// Buttons are 1 to 3 buttons of any kind.
	Buttons []Button

	// Link is opened by a tap on the card; OpenPhoto makes the tap show the
	// photo. Without either, a tap does nothing.
	Link      string
	OpenPhoto bool
}

// VK's limits for carousels.
const (
	maxCards       = 10
	maxCardText    = 80
	maxCardButtons = 3
)

var photoID = regexp.MustCompile(`^(?:photo)?(-?[0-9]+_[0-9]+)(?:_[0-9A-Za-z]+)?$`)

// MarshalJSON returns the carousel as VK takes it, as a template. If VK is
// certain to refuse it, the error is a [*KeyboardError].
func (l Carousel) MarshalJSON() ([]byte, error) {
	m := newMarkup()
	if err := l.encode(m); err != nil {
		return nil, err
	}
	defer m.free()
	return bytes.Clone(m.json), nil
}

func (l Carousel) apply(o *outgoing) error {
	if len(l) == 0 {
		return nil
	}
	m := newMarkup()
	if err := l.encode(m); err != nil {
		return err
	}
	defer m.free()
	o.params["template"] = string(m.json)
	o.doubts = append(o.doubts, m.doubts...)
	return nil
}

// checkCarousel checks the carousel after all options of the message have been
// applied.
func (o *outgoing) checkCarousel() error {
	if o.params["template"] == nil {
		return nil
	}
	if o.params["keyboard"] != nil {
		o.doubts = append(o.doubts, "a carousel and a keyboard may exclude each other")
	}
	text := o.text
	if extra, ok := o.params["message"]; ok {
		text, _, _ = paramText(extra)
	}
	if strings.TrimSpace(text) == "" {
		return &KeyboardError{Row: -1, Column: -1, Err: errors.New("a carousel needs a text above it")}
	}
	return nil
}

// encode checks and encodes the carousel.
func (l Carousel) encode(m *markup) error {
	if n := len(l); n == 0 || n > maxCards {
		return &KeyboardError{Row: -1, Column: -1, Err: fmt.Errorf("a carousel has 1 to %d cards, not %d", maxCards, n)}
	}
	m.json = append(m.json, `{"type":"carousel","elements":[`...)
	for i := range l {
		c := &l[i]
		if err := c.check(&l[0]); err != nil {
			return &KeyboardError{Row: i, Column: -1, Err: fmt.Errorf("the card: %w", err)}
		}
		if i > 0 {
			m.json = append(m.json, ',')
		}
		m.json = append(m.json, '{')
		if c.Title != "" {
			m.json = plainjson.AppendString(append(m.json, `"title":`...), c.Title)
			m.json = append(m.json, ',')
		}
		if c.Description != "" {
			m.json = plainjson.AppendString(append(m.json, `"description":`...), c.Description)
			m.json = append(m.json, ',')
		}
		if c.Photo != "" {
			m.json = plainjson.AppendString(append(m.json, `"photo_id":`...), photoID.FindStringSubmatch(c.Photo)[1])
			m.json = append(m.json, ',')
		}
		switch {
		case c.Link != "":
			m.json = plainjson.AppendString(append(m.json, `"action":{"type":"open_link","link":`...), c.Link)
			m.json = append(m.json, '}', ',')
		case c.OpenPhoto:
			m.json = append(m.json, `"action":{"type":"open_photo"},`...)
		}
		m.json = append(m.json, `"buttons":`...)
		if err := m.appendRow(c.Buttons, i); err != nil {
			return err
		}
		m.json = append(m.json, '}')
	}
	m.json = append(m.json, ']', '}')
	return nil
}

// check returns the reason why VK is certain to refuse c, or nil; first is the
// carousel's first card.
func (c *Card) check(first *Card) error {
	title, description := utf8.RuneCountInString(c.Title), utf8.RuneCountInString(c.Description)
	switch {
	case c.Title == "" && c.Photo == "":
		return errors.New("it has neither a title nor a photo")
	case c.Title != "" && c.Description == "":
		return errors.New("it has a title, but no description")
	case title > maxCardText:
		return tooLong("title", title, maxCardText)
	case description > maxCardText:
		return tooLong("description", description, maxCardText)
	case c.Photo != "" && !photoID.MatchString(c.Photo):
		return fmt.Errorf("%.60q is not a photo", c.Photo)
	case len(c.Buttons) == 0 || len(c.Buttons) > maxCardButtons:
		return fmt.Errorf("it has %d buttons, but may have 1 to %d", len(c.Buttons), maxCardButtons)
	case c.Link != "" && c.OpenPhoto:
		return errors.New("a tap cannot open both a link and the photo")
	case c.Link != "" && !validLink(c.Link):
		return fmt.Errorf("the link %.100q is neither http nor https", c.Link)
	case c.OpenPhoto && c.Photo == "":
		return errors.New("there is no photo to open")
	case c.fields() != first.fields():
		return errors.New("it has other fields than the first card")
	}
	return nil
}

// fields reports for each field whether the card has it.
func (c *Card) fields() [4]bool {
	return [4]bool{c.Title != "", c.Description != "", c.Photo != "", c.Link != "" || c.OpenPhoto}
}
