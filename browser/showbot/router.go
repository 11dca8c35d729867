package main

import (
	"encoding/json"

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
		return c.Show("Something else?") // and the button is let go at the end
	})
	return r
}
