package vk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A Keyboard has buttons in rows, either below the input field, where it stays
// until another keyboard replaces it, or inside a message. It is an option of
// Send:
//
//	kb := &vk.Keyboard{Inline: true}
//	kb.Row(vk.TextButton("Yes", vk.Cmd("buy", name)).Positive(), vk.TextButton("No", nil))
//	kb.Row(vk.LinkButton("What is it?", "https://vk.com/dev"))
//	return c.Send("Buy "+name+"?", kb)
//
// The zero Keyboard has no buttons: sending it removes the current keyboard. A
// nil *Keyboard sends none and leaves the current one.
//
// Sending does not change a Keyboard, so it may be sent repeatedly and by
// several goroutines at once, as long as none changes it. It also marshals to
// VK's JSON, for use in [Params].
//
// See https://dev.vk.com/ru/api/bots/development/keyboard.
type Keyboard struct {
	// Inline puts the buttons inside the message, in at most 6 rows and 10
	// buttons. Below the input field there may be 10 rows and 40 buttons.
	Inline bool

	// OneTime makes the keyboard below the input field disappear once one of
	// its buttons is pressed. It cannot be combined with Inline.
	OneTime bool

	// Rows are the buttons, from top to bottom and from left to right, at most
	// 5 per row. Empty rows are not sent.
	Rows [][]Button
}

// NoKeyboard returns the keyboard without buttons, which removes the current
// one from below the input field. It is a readable form of &Keyboard{}.
func NoKeyboard() *Keyboard { return &Keyboard{} }

// Row appends a row of buttons and returns k.
func (k *Keyboard) Row(buttons ...Button) *Keyboard {
	if k.Rows == nil {
		k.Rows = make([][]Button, 0, 4)
	}
	k.Rows = append(k.Rows, slices.Clone(buttons))
	return k
}

// Grid appends the buttons in rows of the given number of columns and returns
// k:
//
//	c.Send("Which tea?", new(vk.Keyboard).Grid(3, buttons...))
//
// The last row may have fewer. Grid panics if columns is not positive.
func (k *Keyboard) Grid(columns int, buttons ...Button) *Keyboard {
	if columns < 1 {
		panic(fmt.Sprintf("vk: Grid: %d columns", columns))
	}
	for row := range slices.Chunk(slices.Clone(buttons), columns) {
		k.Rows = append(k.Rows, row)
	}
	return k
}

// Clone returns a copy that can be changed without changing k. The payloads are
// not copied.
func (k *Keyboard) Clone() *Keyboard {
	if k == nil {
		return nil
	}
	c := *k
	c.Rows = slices.Clone(k.Rows)
	for i, row := range c.Rows {
		c.Rows[i] = slices.Clone(row)
	}
	return &c
}

// MarshalJSON returns the keyboard as VK takes it. If VK is certain to refuse
// it, the error is a [*KeyboardError].
func (k Keyboard) MarshalJSON() ([]byte, error) {
	m := newMarkup()
	if err := k.encode(m); err != nil {
		return nil, err
	}
	defer m.free()
	return bytes.Clone(m.json), nil
}

func (k *Keyboard) apply(o *outgoing) error {
	if k == nil {
		return nil
	}
	m := newMarkup()
	if err := k.encode(m); err != nil {
		return err
	}
	defer m.free()
	o.params["keyboard"] = string(m.json)
	o.doubts = append(o.doubts, m.doubts...)
	return nil
}

// A KeyboardError reports that a message was not sent because VK is certain to
// refuse its keyboard or carousel.
type KeyboardError struct {
	Row    int    // the row of a keyboard or the card of a carousel, from 0; -1 for the whole
	Column int    // the button in it, from 0; -1 for the whole row or card
	Label  string // the button's label
	Err    error  // the reason
}

// Error names the button and the reason.
func (e *KeyboardError) Error() string {
	switch {
	case e.Row < 0:
		return "keyboard: " + e.Err.Error()
	case e.Column < 0:
		return fmt.Sprintf("keyboard: row [%d]: %v", e.Row, e.Err)
	}
	return fmt.Sprintf("keyboard: button [%d][%d] %.60q: %v", e.Row, e.Column, e.Label, e.Err)
}

// Unwrap returns e.Err.
func (e *KeyboardError) Unwrap() error { return e.Err }

// VK's limits for keyboards.
const (
	maxColumns       = 5
	maxRows          = 10
	maxButtons       = 40
	maxInlineRows    = 6
	maxInlineButtons = 10
)

// A markup is a keyboard or a carousel being encoded.
type markup struct {
	json     []byte
	payloads int // their bytes in total
	plain    plainEncoder

	// doubts are possible reasons for a refusal: sources disagree, or the only
	// source is weak. They are not errors, but may explain one.
	doubts []string
}

var markups = sync.Pool{New: func() any { return new(markup) }}

// newMarkup returns an empty markup, which may have the memory of earlier ones.
func newMarkup() *markup { return markups.Get().(*markup) }

// free makes the memory of the markup available. A markup with an error is not
// used again.
func (m *markup) free() {
	if cap(m.json)+cap(m.plain.text) > 16<<10 { // only with very long links
		return
	}
	m.json, m.payloads, m.doubts = m.json[:0], 0, nil
	markups.Put(m)
}

func (m *markup) doubt(format string, args ...any) {
	m.doubts = append(m.doubts, fmt.Sprintf(format, args...))
}

// encode checks and encodes the keyboard.
func (k *Keyboard) encode(m *markup) error {
	if err := k.checkSize(); err != nil {
		return &KeyboardError{Row: -1, Column: -1, Err: err}
	}
	switch {
	case k.Inline:
		m.json = append(m.json, `{"inline":true,"buttons":[`...)
	case k.OneTime:
		m.json = append(m.json, `{"one_time":true,"buttons":[`...)
	default:
		m.json = append(m.json, `{"one_time":false,"buttons":[`...)
	}
	comma := false
	for i, row := range k.Rows {
		if len(row) == 0 {
			continue
		}
		if len(row) > maxColumns {
			return &KeyboardError{Row: i, Column: -1, Err: fmt.Errorf("it has %d buttons, the limit is %d", len(row), maxColumns)}
		}
		if comma {
			m.json = append(m.json, ',')
		}
		comma = true
		if err := m.appendRow(row, i); err != nil {
			return err
		}
		k.doubtKinds(m, i)
	}
	m.json = append(m.json, ']', '}')
	if m.payloads > maxPayloads {
		m.doubt("the payloads have %d bytes together: %d characters may be the limit", m.payloads, maxPayloads)
	}
	return nil
}

// checkSize returns an error if the keyboard is too large or contradicts itself.
func (k *Keyboard) checkSize() error {
	rows, buttons := 0, 0
	for _, row := range k.Rows {
		if len(row) > 0 {
			rows++
			buttons += len(row)
		}
	}
	limitRows, limitButtons := maxRows, maxButtons
	if k.Inline {
		limitRows, limitButtons = maxInlineRows, maxInlineButtons
	}
	switch {
	case k.Inline && k.OneTime:
		return errors.New("it is inline and one-time, which exclude each other")
	case rows > limitRows:
		return fmt.Errorf("it has %d rows, the limit is %d", rows, limitRows)
	case buttons > limitButtons:
		return fmt.Errorf("it has %d buttons, the limit is %d", buttons, limitButtons)
	}
	return nil
}

// doubtKinds records doubts about the kinds of the buttons in row i.
func (k *Keyboard) doubtKinds(m *markup, i int) {
	row := k.Rows[i]
	for j := range row {
		kind := row[j].kind()
		if len(row) > 1 && slices.Contains(wideKinds, kind) {
			m.doubt("button [%d][%d]: a %s button may need a row of its own", i, j, kind)
		}
		if k.OneTime && kind != "text" && kind != "location" {
			m.doubt("button [%d][%d]: a %s button may not be for one-time keyboards", i, j, kind)
		}
	}
}

// maxPayloads is the limit on the characters of all payloads of a keyboard,
// according to one source.
const maxPayloads = 1000

// wideKinds are the types of buttons that once required a row of their own, and
// may still.
var wideKinds = []string{"location", "vkpay", "open_app"}

// appendRow appends buttons as an array. index is for the errors.
func (m *markup) appendRow(row []Button, index int) error {
	m.json = append(m.json, '[')
	for j := range row {
		b := &row[j]
		if j > 0 {
			m.json = append(m.json, ',')
		}
		err := b.check()
		var payload []byte
		if err == nil {
			m.json, payload, err = b.appendJSON(m.json, &m.plain)
		}
		if err != nil {
			return &KeyboardError{Row: index, Column: j, Label: b.Label, Err: err}
		}
		// It is not documented whether VK counts runes or, as its own clients
		// would, UTF-16 units.
		if len(b.Label) > maxLabel { // no character has more units than bytes
			if n := utf16Len(b.Label); n > maxLabel {
				m.doubt("button [%d][%d]: the label has %d UTF-16 units", index, j, n)
			}
		}
		if len(payload) > maxPayload {
			if n := utf16Len(string(payload)); n > maxPayload {
				m.doubt("button [%d][%d]: the payload has %d UTF-16 units", index, j, n)
			}
		}
		m.payloads += len(payload)
	}
	m.json = append(m.json, ']')
	return nil
}

// A keyboardModel is a keyboard as VK sends it.
type keyboardModel struct {
	OneTime bool            `json:"one_time"`
	Inline  bool            `json:"inline"`
	Author  int64           `json:"author_id"`
	Buttons [][]buttonModel `json:"buttons"`
}

// A buttonModel is a button as VK sends it.
type buttonModel struct {
	Action struct {
		Type        string          `json:"type"`
		Label       string          `json:"label"`
		Payload     json.RawMessage `json:"payload"`
		Link        string          `json:"link"`
		Hash        string          `json:"hash"`
		AppID       int64           `json:"app_id"`
		OwnerID     int64           `json:"owner_id"`
		PeerID      int64           `json:"peer_id"`
		Intent      string          `json:"intent"`
		SubscribeID int64           `json:"subscribe_id"`
	} `json:"action"`
	Color string `json:"color"`
}

// A carouselModel is a carousel as VK sends it.
type carouselModel struct {
	Type     string `json:"type"`
	Elements []struct {
		Title       string        `json:"title"`
		Description string        `json:"description"`
		PhotoID     string        `json:"photo_id"`
		Photo       *Photo        `json:"photo"`
		Buttons     []buttonModel `json:"buttons"`
		Action      struct {
			Type string `json:"type"`
			Link string `json:"link"`
		} `json:"action"`
	} `json:"elements"`
}

// unmarshalObject decodes a JSON object into m. For null, which changes nothing
// by the convention of encoding/json, it returns false without an error.
func unmarshalObject(b []byte, m any) (ok bool, err error) {
	if string(b) == "null" {
		return false, nil
	}
	if len(b) == 0 || b[0] != '{' {
		return false, errors.New("vk: not an object")
	}
	err = tolerant.Unmarshal(b, m)
	return err == nil, err
}

// UnmarshalJSON decodes a keyboard as VK sends it with a message, so that it
// can be changed and sent again. The payloads of buttons become
// json.RawMessage. Parts of an unexpected shape are left out.
func (k *Keyboard) UnmarshalJSON(b []byte) error {
	var m keyboardModel
	if ok, err := unmarshalObject(b, &m); !ok {
		return err
	}
	*k = Keyboard{Inline: m.Inline, OneTime: m.OneTime}
	for _, row := range m.Buttons {
		k.Rows = append(k.Rows, buttonsOf(row))
	}
	return nil
}

// UnmarshalJSON decodes a carousel as VK sends it with a message, as a
// template. Parts of an unexpected shape are left out.
func (l *Carousel) UnmarshalJSON(b []byte) error {
	var m carouselModel
	if ok, err := unmarshalObject(b, &m); !ok {
		return err
	}
	*l = nil
	for _, e := range m.Elements {
		c := Card{Title: e.Title, Description: e.Description, Photo: e.PhotoID, Buttons: buttonsOf(e.Buttons)}
		if p := e.Photo; p != nil && c.Photo == "" {
			c.Photo = "photo" + strconv.FormatInt(p.OwnerID, 10) + "_" + strconv.FormatInt(p.ID, 10)
		}
		switch e.Action.Type {
		case "open_link":
			c.Link = e.Action.Link
		case "open_photo":
			c.OpenPhoto = true
		}
		*l = append(*l, c)
	}
	return nil
}

func buttonsOf(row []buttonModel) []Button {
	buttons := make([]Button, len(row))
	for i, m := range row {
		a := &m.Action
		buttons[i] = Button{
			Type: a.Type, Label: a.Label, Color: m.Color, Link: a.Link, Hash: a.Hash, AppID: a.AppID, OwnerID: a.OwnerID,
			PeerID: a.PeerID, Intent: a.Intent, SubscribeID: a.SubscribeID,
		}
		// VK sends an empty string if there is no payload.
		if p := payloadJSON(a.Payload); p != nil && string(p) != `""` {
			buttons[i].Payload = p
		}
	}
	return buttons
}
