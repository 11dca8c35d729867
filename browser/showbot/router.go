package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"

	"github.com/vkrouter/vk"
)

// newRouter returns the bot.
func newRouter() *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	r.Handle("whoami", func(c *vk.Context) error { return c.Send("You are [id1|somebody].") })
	r.Handle("hostile", func(c *vk.Context) error {
		return c.Send(`<img src=x onerror="document.title='hacked'"><script>document.title='hacked'</script>`)
	})
	r.Handle("keys", func(c *vk.Context) error {
		return c.Send("Below are the keys.", vk.Extra{"keyboard": `{"one_time":false,"inline":false,"buttons":[
			[{"action":{"type":"text","label":"Menu","payload":"{\"command\":\"menu\"}"},"color":"primary"},
			 {"action":{"type":"text","label":"Yes","payload":"{\"command\":\"yes\"}"},"color":"positive"},
			 {"action":{"type":"text","label":"No","payload":"{\"command\":\"no\"}"},"color":"negative"}],
			[{"action":{"type":"location","payload":"{}"}}]]}`})
	})
	for _, word := range []string{"yes", "no", "menu"} {
		r.Handle(word, func(c *vk.Context) error { return c.Send("You chose " + word + ".") })
	}
	r.Handle("shop", func(c *vk.Context) error {
		return c.Send("What would you like?", vk.Extra{"keyboard": `{"inline":true,"buttons":[
			[{"action":{"type":"callback","label":"Tea","payload":"{\"do\":\"tea\"}"},"color":"positive"},
			 {"action":{"type":"callback","label":"Leaflet","payload":"{\"do\":\"leaflet\"}"},"color":"primary"}],
			[{"action":{"type":"callback","label":"Change","payload":"{\"do\":\"change\"}"},"color":"secondary"},
			 {"action":{"type":"open_link","label":"Site","link":"https://example.com/shop"}}],
			[{"action":{"type":"text","label":"Thanks","payload":"{\"command\":\"yes\"}"},"color":"negative"}]]}`})
	})
	r.Handle("cards", func(c *vk.Context) error {
		return c.Send("Our teas:", vk.Extra{"template": `{"type":"carousel","elements":[
			{"title":"Green","description":"From Georgia, 200 g","action":{"type":"open_link","link":"https://example.com/green"},
			 "buttons":[{"action":{"type":"callback","label":"Buy green","payload":"{\"do\":\"tea\"}"},"color":"positive"}]},
			{"title":"Black","description":"From Krasnodar, 100 g","action":{"type":"open_link","link":"https://example.com/black"},
			 "buttons":[{"action":{"type":"callback","label":"Buy black","payload":"{\"do\":\"tea\"}"},"color":"primary"}]},
			{"title":"Ivan-chai","description":"Fireweed, 50 g","action":{"type":"open_link","link":"https://example.com/ivan"},
			 "buttons":[{"action":{"type":"callback","label":"Buy Ivan-chai","payload":"{\"do\":\"tea\"}"},"color":"secondary"}]}]}`})
	})
	r.Handle("text", func(c *vk.Context) error {
		return c.Send("See https://example.com/a?b=1, vk.com/about. Mail a@example.com; #tea #чай@club, 1#2, [id1|Vera] and @club200000001, not @nobody.")
	})
	r.Handle("photo", func(c *vk.Context) error {
		a, err := c.Client().Upload(c, vk.PhotoFor(c.PeerID()), vk.Bytes("sunrise.png", sunrise()))
		if err != nil {
			return err
		}
		return c.Send("A photo of mine:", a)
	})
	r.Handle("app", func(c *vk.Context) error {
		return c.Send("An app:", vk.Extra{"keyboard": `{"inline":true,"buttons":[[{"action":{"type":"open_app","app_id":7,"label":"Open the shop"}}],
			[{"action":{"type":"vkpay","hash":"action=pay-to-group&group_id=1&amount=1"}}]]}`})
	})
	r.Handle("broken", func(c *vk.Context) error {
		return c.Send("no keyboard", vk.Extra{"keyboard": `{"inline":true,"buttons":[[]]}`})
	})
	vk.On(r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		var p struct{ Do string }
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			return err
		}
		switch p.Do {
		case "tea":
			return c.Snackbar("Added to the cart")
		case "leaflet":
			return c.OpenLink("https://example.com/leaflet")
		}
		return c.Show("Something else?") // and the button's spinner ends when the handler returns
	})
	return r
}

// sunrise returns a picture.
func sunrise() []byte {
	const width, height = 320, 200
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{uint8(40 + y), uint8(60 + y/2), uint8(160 - y/3), 255}
			if dx, dy := x-width/2, y-140; dx*dx+dy*dy < 45*45 {
				c = color.RGBA{255, 214, 90, 255}
			}
			if y > 150 {
				c = color.RGBA{30, 52, 74, 255}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	png.Encode(&b, img) // writes to memory
	return b.Bytes()
}
