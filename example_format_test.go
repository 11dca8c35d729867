package vk_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

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

// A bot that says what it was told mentions nobody for it.
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
