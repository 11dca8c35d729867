package fakevk

import (
	"encoding/json"
	"unicode/utf8"
)

// A Template is a carousel.
type Template struct {
	Type     string
	Elements []TemplateElement
}

// A TemplateElement is one card of a carousel.
type TemplateElement struct {
	Title       string
	Description string
	PhotoID     string // as sent: "-1_2"
	Action      *TemplateAction
	Buttons     []Button
}

// A TemplateAction is the action of a click on a card.
type TemplateAction struct {
	Type string `json:"type"`
	Link string `json:"link,omitempty"`
}

const (
	maxElements       = 10
	maxElementText    = 80
	maxElementButtons = 3
)

type rawTemplate struct {
	Type     string `json:"type"`
	Elements []struct {
		Title       string            `json:"title"`
		Description string            `json:"description"`
		PhotoID     string            `json:"photo_id"`
		Action      *TemplateAction   `json:"action"`
		Buttons     []json.RawMessage `json:"buttons"`
	} `json:"elements"`
}

// parseTemplate parses the template parameter. A malformed card is error 100. A
// malformed button on it is error 911, as on a keyboard.
func (w *World) parseTemplate(s string) (*Template, *apiError) {
	var raw rawTemplate
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		return nil, invalid("template should be valid json object")
	}
	if raw.Type != "carousel" {
		return nil, invalid("template type is invalid")
	}
	if len(raw.Elements) == 0 || len(raw.Elements) > maxElements {
		return nil, invalid("template should contain from 1 to %d elements", maxElements)
	}
	t := &Template{Type: raw.Type}
	for i, r := range raw.Elements {
		e := TemplateElement{Title: r.Title, Description: r.Description, PhotoID: r.PhotoID, Action: r.Action}
		if wrong := e.check(); wrong != "" {
			return nil, invalid("template element [%d] %s", i, wrong)
		}
		if len(r.Buttons) == 0 || len(r.Buttons) > maxElementButtons {
			return nil, badKeyboard("element [%d] should contain from 1 to %d buttons", i, maxElementButtons)
		}
		for j, b := range r.Buttons {
			button, wrong := w.parseButton(b)
			if wrong != "" {
				return nil, badKeyboard("button [%d][%d] %s", i, j, wrong)
			}
			e.Buttons = append(e.Buttons, button)
		}
		t.Elements = append(t.Elements, e)
		if e.fields() != t.Elements[0].fields() {
			return nil, invalid("template elements should have the same fields")
		}
	}
	return t, nil
}

func (e *TemplateElement) check() string {
	switch {
	case e.Title == "" && e.PhotoID == "":
		return "should have title or photo_id"
	case e.Title != "" && e.Description == "":
		return "should have description"
	case utf8.RuneCountInString(e.Title) > maxElementText:
		return "title is too long"
	case utf8.RuneCountInString(e.Description) > maxElementText:
		return "description is too long"
	case e.Action == nil:
		return ""
	case e.Action.Type == "open_link" && !validLink(e.Action.Link):
		return "has invalid link"
	case e.Action.Type == "open_photo" && e.PhotoID == "":
		return "has no photo to open"
	case e.Action.Type != "open_link" && e.Action.Type != "open_photo":
		return "has unknown action type"
	}
	return ""
}

// fields reports which fields the card has.
func (e *TemplateElement) fields() [4]bool {
	return [4]bool{e.Title != "", e.Description != "", e.PhotoID != "", e.Action != nil}
}

type wireTemplate struct {
	Type     string        `json:"type"`
	Elements []wireElement `json:"elements"`
}

type wireElement struct {
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	Action      *TemplateAction `json:"action,omitempty"`
	Photo       json.RawMessage `json:"photo,omitempty"`
	Buttons     []Button        `json:"buttons"`
}

// wireTemplate returns the carousel as VK sends it: with the photo itself in
// place of its id.
func (w *World) wireTemplate(t *Template) *wireTemplate {
	if t == nil {
		return nil
	}
	out := &wireTemplate{Type: t.Type}
	for _, e := range t.Elements {
		we := wireElement{Title: e.Title, Description: e.Description, Action: e.Action, Buttons: e.Buttons}
		if a, ok := parseAttachment("photo" + e.PhotoID); ok {
			we.Photo = w.mediaObject(a)
		}
		out.Elements = append(out.Elements, we)
	}
	return out
}
