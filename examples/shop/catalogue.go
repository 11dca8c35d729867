package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A product is a product for sale.
type product struct {
	id, name, from string
	price          int // in roubles
	colour         color.RGBA
}

var products = []product{
	{"green", "Green tea", "From Uji", 450, color.RGBA{0x9c, 0xc0, 0x5c, 0xff}},
	{"black", "Black tea", "From Assam", 380, color.RGBA{0x7a, 0x3b, 0x1e, 0xff}},
	{"mint", "Mint", "From our garden", 150, color.RGBA{0x3f, 0xb8, 0x8f, 0xff}},
}

// find returns the product with an ID. The ID in a payload may be out of date
// or made up.
func find(id string) (product, error) {
	for _, p := range products {
		if p.id == id {
			return p, nil
		}
	}
	return product{}, middleware.Refuse("We do not have that any more.")
}

// catalogue shows the products side by side, each with a button.
func (s *shop) catalogue(c *vk.Context) error {
	var cards vk.Carousel
	for _, p := range products {
		photo, err := s.photo(c, p)
		if err != nil {
			return err
		}
		cards = append(cards, vk.Card{
			Title:       p.name,
			Description: fmt.Sprintf("%s, %d ₽", p.from, p.price),
			Photo:       photo,
			OpenPhoto:   true,
			Buttons:     []vk.Button{vk.CallbackButton("Buy "+p.id, map[string]string{"buy": p.id}).Positive()},
		})
	}
	// Old apps show the text only, without the cards.
	var names []string
	for _, p := range products {
		names = append(names, fmt.Sprintf("%s, %d ₽", p.name, p.price))
	}
	return c.Send("We have: "+strings.Join(names, "; "), cards)
}

// photo returns the attachment of a product's picture. The picture is uploaded
// when the first user looks at it, and can then be sent to every user.
func (s *shop) photo(c *vk.Context, p product) (string, error) {
	key := vk.Key{Name: p.id}
	if known, err := s.photos.Get(c, key); err != nil || known != "" {
		return known, err
	}
	img, err := picture(p)
	if err != nil {
		return "", err
	}
	photo, err := c.Client().Upload(c, vk.PhotoFor(c.PeerID()), vk.Bytes(p.id+".png", img))
	if err != nil {
		return "", err
	}
	err = s.photos.Update(c, key, func(known *string) error {
		*known = photo.String()
		return nil
	})
	return photo.String(), err
}

// picture draws a product, in the proportions of a card.
func picture(p product) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 442, 272))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(img, img.Bounds().Inset(40), image.NewUniform(p.colour), image.Point{}, draw.Src)
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}
