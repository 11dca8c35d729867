package vk

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/vkrouter/vk/internal/tolerant"
)

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

var errNoObject = errors.New("vk: not an object")

// UnmarshalJSON reads a keyboard as VK sends it with a message, so that it can
// be changed and sent again. The payloads of buttons become json.RawMessage.
// What VK sends in another shape than usual is left out.
func (k *Keyboard) UnmarshalJSON(b []byte) error {
	var m keyboardModel
	if string(b) == "null" {
		return nil // as encoding/json has it
	}
	if len(b) == 0 || b[0] != '{' {
		return errNoObject
	}
	if err := tolerant.Unmarshal(b, &m); err != nil {
		return err
	}
	*k = Keyboard{Inline: m.Inline, OneTime: m.OneTime}
	for _, row := range m.Buttons {
		k.Rows = append(k.Rows, buttonsOf(row))
	}
	return nil
}

// UnmarshalJSON reads a carousel as VK sends it with a message, as a template.
// What VK sends in another shape than usual is left out.
func (l *Carousel) UnmarshalJSON(b []byte) error {
	var m carouselModel
	if string(b) == "null" {
		return nil // as encoding/json has it
	}
	if len(b) == 0 || b[0] != '{' {
		return errNoObject
	}
	if err := tolerant.Unmarshal(b, &m); err != nil {
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
		// VK sends an empty string where there is none.
		if p := payloadJSON(a.Payload); p != nil && string(p) != `""` {
			buttons[i].Payload = p
		}
	}
	return buttons
}
