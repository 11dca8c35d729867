package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func ExampleKeyboard() {
	r := vk.NewRouter("!")
	r.Handle("menu", func(c *vk.Context) error {
		kb := &vk.Keyboard{Inline: true}
		kb.Row(
			vk.TextButton("Green tea", vk.Cmd("buy", "green tea", 2)).Positive(),
			vk.CallbackButton("♥", map[string]any{"like": 42}).Primary(),
		)
		kb.Row(vk.LinkButton("Our site", "https://vk.com/tea"))
		return c.Send("What would you like?", kb)
	})
	r.Handle("where", func(c *vk.Context) error {
		kb := &vk.Keyboard{OneTime: true}
		kb.Row(vk.LocationButton(nil)).Row(vk.TextButton("Never mind", vk.Choice("nowhere")).Negative())
		return c.Send("Where are you?", kb)
	})
	r.Handle("bye", func(c *vk.Context) error { return c.Send("Bye", vk.NoKeyboard()) })

	c, rec := vktest.NewContext("!menu")
	fmt.Println(r.Serve(c), rec.Text(), rec.Messages()[0].Buttons)
	// Output: <nil> What would you like? [Green tea ♥ Our site]
}

// A list of any length can be laid out in rows of two.
func ExampleKeyboard_Row() {
	var buttons []vk.Button
	for _, tea := range []string{"green", "black", "white"} {
		buttons = append(buttons, vk.TextButton(tea, vk.Cmd("buy", tea)))
	}
	var kb vk.Keyboard
	for row := range slices.Chunk(buttons, 2) {
		kb.Row(row...)
	}
	fmt.Println(len(kb.Rows[0]), len(kb.Rows[1]))
	// Output: 2 1
}

func ExampleKeyboard_Grid() {
	var buttons []vk.Button
	for _, tea := range []string{"green", "black", "white"} {
		buttons = append(buttons, vk.TextButton(tea, vk.Cmd("buy", tea)))
	}
	kb := new(vk.Keyboard).Grid(2, buttons...)
	fmt.Println(len(kb.Rows[0]), len(kb.Rows[1]))
	// Output: 2 1
}

// Buttons can pay, open an app, or be of a kind without a function in this
// package.
func ExampleButton() {
	kb := &vk.Keyboard{Rows: [][]vk.Button{
		{vk.PayButton("action=transfer-to-group&group_id=1&aid=10")},
		{vk.AppButton("Play", 6232540, -157525928, "level=1")},
		{{Type: "intent_subscribe", Label: "News", PeerID: -1, Intent: "non_promo_newsletter", SubscribeID: 1}},
		{{Label: "Help", Color: "secondary"}},
	}}
	fmt.Println(len(kb.Rows))
	// Output: 4
}

// The menu of an admin has one more row than the others' menu.
func ExampleKeyboard_Clone() {
	menu := new(vk.Keyboard).Row(vk.TextButton("Help", vk.Cmd("help")))
	admin := menu.Clone().Row(vk.TextButton("Restart", vk.Cmd("admin restart")).Negative())
	fmt.Println(len(menu.Rows), len(admin.Rows))
	// Output: 1 2
}

// A keyboard that VK is certain to refuse is not sent.
func ExampleKeyboardError() {
	c, _ := vktest.NewContext("menu")
	err := c.Send("Menu:", new(vk.Keyboard).Row(vk.TextButton("A cup of the very best green tea that there is", nil)))
	var wrong *vk.KeyboardError
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Row, wrong.Column, wrong.Err)
	}
	// Output: 0 0 the label has 46 characters, the limit is 40
}

func ExampleCarousel() {
	var teas vk.Carousel
	for _, tea := range []struct{ name, from, photo string }{
		{"Green", "From Uji", "photo-1_2"},
		{"Black", "From Assam", "photo-1_3"},
	} {
		teas = append(teas, vk.Card{
			Title:       tea.name,
			Description: tea.from,
			Photo:       tea.photo,
			OpenPhoto:   true,
			Buttons:     []vk.Button{vk.TextButton("Buy", vk.Cmd("buy", tea.name)), vk.LinkButton("More", "https://vk.com/tea")},
		})
	}
	c, rec := vktest.NewContext("tea")
	fmt.Println(c.Send("Our tea:", teas), rec.Text())
	// Output: <nil> Our tea:
}

// Cmd quotes a button's command line. Quoting by hand fails with the first name
// that contains a space.
func ExampleCmd() {
	for _, payload := range []vk.CommandLine{
		vk.Cmd("buy", "green tea", 2),
		vk.Cmd("say", `the "best"`),
		vk.Cmd("admin warn", 5, true),
		vk.Cmd("warn 5 " + "for {why...}, which takes the rest as it stands"),
	} {
		b, err := json.Marshal(payload)
		fmt.Println(string(b), err)
	}
	// Output:
	// {"command":"buy \"green tea\" 2"} <nil>
	// {"command":"say \"the \\\"best\\\"\""} <nil>
	// {"command":"admin warn 5 true"} <nil>
	// {"command":"warn 5 for {why...}, which takes the rest as it stands"} <nil>
}

// The payload of a button is returned as a typed value.
func ExamplePayload() {
	type like struct {
		Post int64 `json:"post"`
	}
	r := vk.NewRouter("!")
	r.Handle("post", func(c *vk.Context) error {
		kb := &vk.Keyboard{Inline: true}
		return c.Send("Look!", kb.Row(vk.CallbackButton("♥", like{Post: 42})))
	})
	vk.On(r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		liked, err := vk.Payload[like](c)
		if err != nil {
			return err // a forged payload, or a button from last year
		}
		return c.Send(fmt.Sprintf("You like post %d.", liked.Post))
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!post")
	anna.Hears("Look!")
	anna.Presses("♥")
	fmt.Println(anna.HearsLike("").Text)
	// Output: You like post 42.
}

func ExampleSpan() {
	bot := vktest.NewServer()
	defer bot.Close()
	anna := bot.User("Anna")
	anna.Says("bill")

	err := bot.Client().Send(context.Background(), anna.ID, "Total: ",
		vk.Bold("100 ₽"), vk.Plain(", "), vk.Link("pay", "https://vk.com/pay"), vk.Plain(" by "), vk.Italic("noon"), vk.Plain(". "),
		vk.Span{Text: "Thanks 🙏", Bold: true, Italic: true},
		vk.Underline("!"),
	)
	fmt.Println(anna.HearsLike("").Text, err)
	format := bot.Calls("messages.send")[0].Params["format_data"]
	fmt.Println(strings.ReplaceAll(format, "},", "},\n "))
	// Output:
	// Total: 100 ₽, pay by noon. Thanks 🙏! <nil>
	// {"version":1,"items":[{"type":"bold","offset":7,"length":5},
	//  {"type":"url","offset":14,"length":3,"url":"https://vk.com/pay"},
	//  {"type":"italic","offset":21,"length":4},
	//  {"type":"bold","offset":27,"length":9},
	//  {"type":"italic","offset":27,"length":9},
	//  {"type":"underline","offset":36,"length":1}]}
}

// This bot repeats a text without mentioning users.
func ExampleEscape() {
	said := "hey @all, [id1|look]"
	fmt.Printf("%+q\n", "You said: "+vk.Escape(said))
	// Output: "You said: hey @\u200ball, [\u200bid1|look]"
}

func ExampleMention() {
	c, rec := vktest.NewContext("hi")
	if err := c.Send("Hello, " + vk.Mention(c.FromID(), "friend") + "!"); err != nil {
		panic(err)
	}
	fmt.Println(strings.Contains(rec.Text(), "|friend]!"))

	author := vk.User{ID: 1, FirstName: "Pavel"}
	tea := vk.Group{ID: 2, Name: "Tea [London]"}
	fmt.Println(author.Mention(), "writes to", tea.Mention())
	// Output:
	// true
	// [id1|Pavel] writes to [club2|Tea (London)]
}
