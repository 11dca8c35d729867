package vktest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// buttons returns a bot with a button of each kind.
func buttons() *vk.Router {
	const inline = `{"inline":true,"buttons":[[
		{"action":{"type":"text","label":"Text","payload":"{\"command\":\"text\"}"}},
		{"action":{"type":"callback","label":"Snack","payload":"{\"do\":\"snack\"}"}},
		{"action":{"type":"callback","label":"Link","payload":"{\"do\":\"link\"}"}}],[
		{"action":{"type":"callback","label":"Blank","payload":"{\"do\":\"blank\"}"}},
		{"action":{"type":"callback","label":"Never","payload":"{\"do\":\"never\"}"}},
		{"action":{"type":"open_link","label":"Site","link":"https://vk.com"}}]]}`
	const under = `{"one_time":false,"buttons":[[{"action":{"type":"text","label":"Below","payload":"{}"},"color":"primary"}],[{"action":{"type":"location","payload":"{}"}}]]}`
	var r vk.Router
	r.Handle("menu", func(c *vk.Context) error { return c.Send("Menu", vk.Extra{"keyboard": inline}) })
	r.Handle("keyboard", func(c *vk.Context) error { return c.Send("Below", vk.Extra{"keyboard": under}) })
	r.Handle("away", func(c *vk.Context) error {
		return c.Send("Away", vk.Extra{"keyboard": `{"buttons":[]}`})
	})
	vk.On(&r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		if c.Payload() != nil {
			return c.Send("pressed " + string(c.Payload()))
		}
		return nil
	})
	vk.On(&r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		var p struct{ Do string }
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			return err
		}
		answer := map[string]string{
			"snack": `{"type":"show_snackbar","text":"Yummy"}`,
			"link":  `{"type":"open_link","link":"https://vk.com"}`,
		}[p.Do]
		if p.Do == "never" {
			<-c.Done()
			return nil
		}
		return c.Client().Call(c, "messages.sendMessageEventAnswer", vk.Params{
			"event_id": e.EventID, "user_id": e.UserID, "peer_id": e.PeerID, "event_data": answer,
		}, nil)
	})
	return &r
}

func TestPresses(t *testing.T) {
	bot := vktest.Start(t, buttons())
	anna := bot.User("Anna")
	anna.Says("menu")
	if m := anna.Hears("Menu"); strings.Join(m.Buttons, " ") != "Text Snack Link Blank Never Site" || m.Keyboard != nil {
		t.Errorf("%+v", m)
	}
	anna.Presses("Text")
	anna.Hears(`pressed {"command":"text"}`)
	anna.Presses("Snack").Snackbar("Yummy")
	anna.Presses("Link").Link("https://vk.com")
	anna.Presses("Blank").Blank()
	anna.Presses("Site") // opens in the client

	anna.Says("keyboard")
	if m := anna.Hears("Below"); strings.Join(m.Keyboard, " ") != "Below location" || m.Buttons != nil {
		t.Errorf("%+v", m)
	}
	anna.Presses("Below")
	anna.Hears("pressed {}")
	anna.Presses("location")
	anna.Hears("pressed {}")
	anna.Says("away")
	if m := anna.Hears("Away"); m.Keyboard == nil || len(m.Keyboard) != 0 {
		t.Errorf("%+v", m)
	}
	anna.HearsNothing()
}

func TestPressesInChat(t *testing.T) {
	bot := vktest.Start(t, buttons())
	anna, boris := bot.User("Anna"), bot.User("Boris")
	tea := bot.Chat("Tea", anna, boris)
	anna.In(tea).Says("menu")
	anna.In(tea).Hears("Menu")
	boris.In(tea).Presses("Snack").Snackbar("Yummy")
	boris.In(tea).Presses("Text")
	anna.In(tea).Hears(`pressed {"command":"text"}`)
}

func TestPressesFail(t *testing.T) {
	for _, tt := range []struct {
		name string
		test func(anna *vktest.User)
		want string
	}{
		{"another text", func(anna *vktest.User) { anna.Presses("Snack").Snackbar("Sweet") },
			`should get the snackbar "Sweet" for the button "Snack", but gets the snackbar "Yummy"`},
		{"another kind", func(anna *vktest.User) { anna.Presses("Link").Blank() },
			`should get a blank answer "" for the button "Link", but gets the link "https://vk.com"`},
		{"no answer", func(anna *vktest.User) { anna.Presses("Never").Blank() }, `should get an answer to the button "Never", but nothing comes`},
		{"no callback button", func(anna *vktest.User) { anna.Presses("Text").Blank() }, "is not a callback button"},
		{"no such button", func(anna *vktest.User) { anna.Presses("Nope") }, `sees no button "Nope"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said := fails(t, func(tb testing.TB) {
					anna := vktest.Start(tb, buttons()).User("Anna")
					anna.Says("menu")
					anna.Hears("Menu")
					tt.test(anna)
				})
				if !strings.Contains(said, tt.want) {
					t.Errorf("it says\n%s\nwithout %q", said, tt.want)
				}
			})
		})
	}
}

func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.Start(t, buttons())
		anna, boris := bot.User("Anna"), bot.User("Boris Godunov")
		bot.User("Nobody")
		tea := bot.Chat("Tea", anna, boris)
		anna.Says("menu")
		m := anna.Hears("Menu")
		anna.Presses("Snack").Snackbar("Yummy")
		anna.Presses("Blank").Blank()
		anna.Replies(m, "look\nhere", vktest.Photo(800, 600), vktest.Document("notes.txt", 10))
		anna.Says("keyboard")
		anna.Hears("Below")
		anna.Says("", vktest.Sticker(1))
		anna.Says("", vktest.Location(59.9, 30.3))
		boris.In(tea).Says("no")
		typo := boris.In(tea).Says("yse")
		boris.In(tea).Edits(typo, "yes")
		boris.In(tea).Deletes(boris.In(tea).Says("oops"))
		anna.In(tea).Kicks(boris)
		anna.In(tea).Renames("Coffee")
		bot.Wait(t.Context())
		bot.Stop()
		anna.Presses("Never")
		const want = `# Anna and the bot
Anna: menu
Bot: Menu [Text] [Snack] [Link] [Blank] [Never] [Site]
Anna presses [Snack], and sees the snackbar "Yummy"
Anna presses [Blank]
Anna: (to Bot: Menu) look
    here <photo> <doc>
Anna: keyboard
Bot: Below
    keyboard: [Below] [location]
Anna: <sticker>
Anna: <location>
Anna presses [Never], which spins

# the chat Tea
Boris Godunov: no
Boris Godunov: yes (edited)
Boris Godunov: (deleted)
Anna: (chat_kick_user) Boris Godunov
Anna: (chat_title_update) Coffee
`
		if got := bot.Transcript(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
