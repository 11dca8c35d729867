package vk

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Carousel is cards side by side below the text of a message, 1 to 10. It is
// an option of Send:
//
//	return c.Send("Our tea:", vk.Carousel{
//		{Title: "Green", Description: "From Uji", Buttons: []vk.Button{vk.TextButton("Buy", vk.Cmd("buy", "green"))}},
//		{Title: "Black", Description: "From Assam", Buttons: []vk.Button{vk.TextButton("Buy", vk.Cmd("buy", "black"))}},
//	})
//
// The message needs a text, and that is all that apps show which know no
// carousels; see [ClientInfo]. All cards must have the same fields. What VK is
// sure to refuse is a [*KeyboardError]. An empty Carousel is none.
//
// See https://dev.vk.com/ru/api/bots/development/messages.
type Carousel []Card

// A Card is one card of a [Carousel]. It has a title with a description, or a
// photo, or both.
type Card struct {
	Title       string // at most 80 characters
	Description string // at most 80 characters; needed where there is a title

	// Photo is a photo that was uploaded for messages, as an attachment,
	// "photo-1_2", or bare, "-1_2". It should be as wide as 13:8 and at least
	// 221 pixels by 136.
	Photo string

	// Buttons are 1 to 3, of any kind.
	Buttons []Button

	// Link is opened by a tap on the card, and OpenPhoto makes it show the
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

// MarshalJSON returns the carousel as VK takes it, as a template. What VK is
// sure to refuse is a [*KeyboardError].
func (l Carousel) MarshalJSON() ([]byte, error) {
	m, err := l.encode()
	return m.json, err
}

func (l Carousel) apply(o *outgoing) error {
	if len(l) == 0 {
		return nil
	}
	m, err := l.encode()
	if err != nil {
		return err
	}
	o.params["template"] = string(m.json)
	o.doubts = append(o.doubts, m.doubts...)
	return nil
}

// checkCarousel is for a message whose options have all been applied.
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

// encode checks the carousel and writes it.
func (l Carousel) encode() (*markup, error) {
	m := new(markup)
	if n := len(l); n == 0 || n > maxCards {
		return m, &KeyboardError{Row: -1, Column: -1, Err: fmt.Errorf("a carousel has 1 to %d cards, not %d", maxCards, n)}
	}
	m.json = make([]byte, 0, 64+512*len(l))
	m.json = append(m.json, `{"type":"carousel","elements":[`...)
	for i := range l {
		c := &l[i]
		if err := c.check(&l[0]); err != nil {
			return m, &KeyboardError{Row: i, Column: -1, Err: fmt.Errorf("the card: %w", err)}
		}
		if i > 0 {
			m.json = append(m.json, ',')
		}
		m.json = append(m.json, '{')
		if c.Title != "" {
			m.json = appendString(append(m.json, `"title":`...), c.Title)
			m.json = append(m.json, ',')
		}
		if c.Description != "" {
			m.json = appendString(append(m.json, `"description":`...), c.Description)
			m.json = append(m.json, ',')
		}
		if c.Photo != "" {
			m.json = appendString(append(m.json, `"photo_id":`...), photoID.FindStringSubmatch(c.Photo)[1])
			m.json = append(m.json, ',')
		}
		switch {
		case c.Link != "":
			m.json = appendString(append(m.json, `"action":{"type":"open_link","link":`...), c.Link)
			m.json = append(m.json, '}', ',')
		case c.OpenPhoto:
			m.json = append(m.json, `"action":{"type":"open_photo"},`...)
		}
		m.json = append(m.json, `"buttons":`...)
		if err := m.appendRow(c.Buttons, i); err != nil {
			return m, err
		}
		m.json = append(m.json, '}')
	}
	m.json = append(m.json, ']', '}')
	return m, nil
}

// check returns what VK is sure to refuse c for; first is the carousel's first
// card.
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
		return fmt.Errorf("%.60q is no photo", c.Photo)
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

// fields tells which fields the card has.
func (c *Card) fields() [4]bool {
	return [4]bool{c.Title != "", c.Description != "", c.Photo != "", c.Link != "" || c.OpenPhoto}
}
