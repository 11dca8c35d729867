package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/vkrouter/vk/discord"
)

// exampleInteracts gives an interaction to a handler, and prints the answers as Discord gets
// them.
func exampleInteracts(h discord.Handler, data string) {
	client := discord.NewClient("token")
	client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		what := r.Method + " " + path.Base(r.URL.Path)
		if r.Body != nil {
			body, _ := io.ReadAll(r.Body)
			body = []byte(strings.Replace(string(body), `,"allowed_mentions":{"parse":["users"],"replied_user":true}`, "", 1))
			what += " " + string(body)
		}
		fmt.Println(what)
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"id":"8"}`)), Request: r}, nil
	})}
	data = `{"id":"1","application_id":"2","token":"t","channel_id":"3","guild_id":"4","locale":"en-US","member":{"permissions":"4","user":{"id":"5","username":"anna"}},` + data + `}`
	e, err := discord.NewEvent("INTERACTION_CREATE", []byte(data))
	if err == nil {
		err = h.Serve(discord.NewContext(context.Background(), client, e))
	}
	if err != nil {
		fmt.Println(err)
	}
}

// A button answers with its command, a handler edits the message.
func ExampleRouter_Press() {
	r := discord.NewRouter()
	r.Handle("tea", func(c *discord.Context) error {
		return c.Reply("Tea?", discord.Row{
			{Label: "Yes", ID: discord.Cmd("tea", "yes"), Style: discord.Green},
			{Label: "No", ID: discord.Cmd("tea", "no"), Style: discord.Red},
		})
	})
	r.Press("tea {answer}", func(c *discord.Context) error {
		return c.Edit("Tea: "+c.Arg("answer"), discord.Components()) // without the buttons
	})
	exampleInteracts(r, `"type":2,"data":{"type":1,"name":"tea"}`)
	exampleInteracts(r, `"type":3,"message":{"id":"6"},"data":{"custom_id":"tea yes","component_type":2}`)
	// Output:
	// POST callback {"type":4,"data":{"content":"Tea?","components":[{"type":1,"components":[{"type":2,"style":3,"label":"Yes","custom_id":"tea yes"},{"type":2,"style":4,"label":"No","custom_id":"tea no"}]}]}}
	// POST callback {"type":7,"data":{"content":"Tea: yes","components":[]}}
}

// Buttons of all kinds.
func ExampleButton() {
	panel := []discord.SendOption{
		discord.Row{
			{Label: "Main", ID: discord.Cmd("main"), Style: discord.Blurple},
			{Label: "Other", ID: discord.Cmd("other"), Style: discord.Grey, Disabled: true},
			{Emoji: discord.Emoji{Name: "🔥"}, ID: discord.Cmd("fire")},
			{Label: "Site", URL: "https://example.org"},
		},
	}
	_, err := discord.NewClient("token").Send(context.Background(), 1, strings.Repeat("long ", 500), discord.Options(panel...))
	fmt.Println(err)
	_, err = discord.NewClient("token").Send(context.Background(), 1, "", discord.Row{{ID: discord.Cmd("vote", 5, "of course")}})
	fmt.Println(err, discord.Cmd("vote", 5, "of course"))
	// Output:
	// discord: POST /channels/{}/messages: content has 2500 characters: Discord takes at most 2000
	// discord: POST /channels/{}/messages: components[0].components[0].label is empty: give the button a Label or an Emoji vote 5 "of course"
}

// The choices of a menu are arguments of its command.
func ExampleMenu() {
	r := discord.NewRouter()
	r.Handle("paint", func(c *discord.Context) error {
		menu := discord.Menu{ID: discord.Cmd("color", 5), Placeholder: "Color", Max: 2, Options: []discord.MenuOption{{Label: "Red", Value: "red", Selected: true}, {Value: "blue", Description: "as the sky"}}}
		people := discord.Menu{ID: discord.Cmd("who"), Kind: discord.MenuUsers, Optional: true}
		return c.Reply("Color?", discord.Components(menu, people))
	})
	r.Press("color {room:int} {colors:word...}", func(c *discord.Context) error {
		fmt.Println(c.Arg("room"), discord.Values[string](c, "colors"), c.Picked())
		return nil
	})
	exampleInteracts(r, `"type":3,"data":{"custom_id":"color 5","component_type":3,"values":["red","blue"]}`)
	// Output: 5 [red blue] [red blue]
}

// The kinds of menus, and the channels that one offers.
func ExampleMenuKind() {
	for _, kind := range []discord.MenuKind{discord.MenuWords, discord.MenuUsers, discord.MenuRoles, discord.MenuMentionables, discord.MenuChannels} {
		var part discord.Component = discord.Menu{ID: discord.Cmd("pick"), Kind: kind}
		_, err := discord.NewClient("").Send(context.Background(), 1, "", part, discord.Menu{Channels: []discord.ChannelType{discord.ChannelText}, Kind: discord.MenuChannels, Min: 1, Disabled: true})
		var wrong *discord.ConfigError
		if errors.As(err, &wrong) {
			fmt.Println(kind, wrong.Field)
		}
	}
	// Output:
	// 3 components[0].components[0].options
	// 5 components[1].components[0].custom_id
	// 6 components[1].components[0].custom_id
	// 7 components[1].components[0].custom_id
	// 8 components[1].components[0].custom_id
}

// A form is opened by a command, and its texts come in a struct.
func ExampleSubmit() {
	r := discord.NewRouter()
	r.Handle("poll", func(c *discord.Context) error {
		return c.Open(discord.Form{ID: discord.Cmd("poll-made", 5), Title: "A poll", Inputs: []discord.Input{
			{Name: "question", Label: "What do you ask?", Placeholder: "Tea?", Max: 100},
			{Name: "days", Label: "For how many days?", Value: "7", Optional: true},
			{Name: "about", Label: "More", Long: true, Optional: true},
		}})
	})
	discord.Submit(r, "poll-made {id:int}", func(c *discord.Context, f struct {
		ID       int
		Question string
		Days     int
	}) error {
		return c.Send(fmt.Sprintf("%d: %s (%d days) %s", f.ID, f.Question, f.Days, c.Input("about")))
	})
	exampleInteracts(r, `"type":5,"data":{"custom_id":"poll-made 5","components":[{"type":1,"components":[{"custom_id":"question","value":"Tea?"}]},{"type":1,"components":[{"custom_id":"days","value":"3"}]},{"type":1,"components":[{"custom_id":"about","value":"Green."}]}]}`)
	exampleInteracts(r, `"type":5,"data":{"custom_id":"poll-made 5","components":[{"type":1,"components":[{"custom_id":"days","value":"three"}]}]}`)
	// Output:
	// POST callback {"type":4,"data":{"content":"5: Tea? (3 days) Green."}}
	// discord: form "poll-made {id:int}": usage: poll-made {id:int}: days: "three" is of another type
}

// A form must be the first answer.
func ExampleContext_Open() {
	form := discord.Form{ID: discord.Cmd("made"), Title: "A poll", Inputs: []discord.Input{{Name: "question", Label: "What?"}}}
	r := discord.NewRouter()
	r.Handle("poll", func(c *discord.Context) error {
		if err := c.Defer(discord.Ephemeral); err != nil {
			return err
		}
		err := c.Open(form)
		var late *discord.AnswerError
		fmt.Println(errors.Is(err, discord.ErrAnswered), errors.As(err, &late) && late.After < time.Minute, late.Op, late.Mend != "", late.Err, late.Cause)
		return nil
	})
	exampleInteracts(r, `"type":2,"data":{"type":1,"name":"poll"}`)
	// Output:
	// POST callback {"type":5,"data":{"flags":64}}
	// true true Open true the interaction was answered already <nil>
}

// A route with answers for the user only; after 15 minutes there are none.
func ExampleRoute() {
	r := discord.NewRouter()
	r.Add(discord.Route{
		Pattern: "whoami", Ephemeral: true, Only: discord.SlashOnly, Need: discord.PermBanMembers,
		Handler: func(c *discord.Context) error {
			u, err := c.User()
			if err != nil {
				return err
			}
			err = c.Reply(u.Username + " " + c.Locale() + " " + c.Interaction().Type.String())
			if errors.Is(err, discord.ErrExpired) {
				_, err = c.Client().Send(c, c.ChannelID(), "I am late, sorry.")
			}
			return err
		},
	})
	exampleInteracts(r, `"type":2,"data":{"type":1,"name":"whoami"}`)
	// Output:
	// POST callback {"type":4,"data":{"content":"anna en-US APPLICATION_COMMAND","flags":64}}
}

// Pages of a book are one message.
func ExampleContext_Show() {
	r := discord.NewRouter("!")
	page := func(c *discord.Context) error {
		n, _ := discord.Arg[int](c, "n")
		return c.Show(fmt.Sprint("Page ", n), discord.Row{{Label: "Next", ID: discord.Cmd("page", n+1)}})
	}
	r.Add(discord.Route{Pattern: "page {n:int=1}", Handler: page})
	r.Add(discord.Route{Press: "page {n:int}", Handler: page})
	exampleInteracts(r, `"type":3,"message":{"id":"6"},"data":{"custom_id":"page 2","component_type":2}`)
	// Output:
	// POST callback {"type":7,"data":{"content":"Page 2","components":[{"type":1,"components":[{"type":2,"style":2,"label":"Next","custom_id":"page 3"}]}]}}
}

// Commands in the menus of users and messages.
func ExampleRouter_UserMenu() {
	r := discord.NewRouter()
	r.UserMenu("Greet", func(c *discord.Context, u *discord.User) error { return c.Reply("Hello, " + u.Username + "!") })
	r.MessageMenu("Quote", func(c *discord.Context, m *discord.Message) error { return c.Reply("It says: " + m.Content) })
	exampleInteracts(r, `"type":2,"data":{"type":2,"name":"Greet","target_id":"7","resolved":{"users":{"7":{"id":"7","username":"boris"}}}}`)
	exampleInteracts(r, `"type":2,"data":{"type":3,"name":"Quote","target_id":"8","resolved":{"messages":{"8":{"id":"8","content":"Tea?"}}}}`)
	for rt := range r.Walk() {
		fmt.Println(rt.UserMenu + rt.MessageMenu)
	}
	// Output:
	// POST callback {"type":4,"data":{"content":"Hello, boris!"}}
	// POST callback {"type":4,"data":{"content":"It says: Tea?"}}
	// Greet
	// Quote
}

// Discord asks for proposals while a user types.
func ExampleConverter() {
	song := discord.ParseFunc(func(s string) (string, error) { return s, nil })
	song.Complete = func(c *discord.Context, typed string) ([]discord.ChoiceDef, error) {
		return discord.Choices(typed+" of "+c.Arg("artist"), "Another one"), nil
	}
	r := discord.NewRouter()
	r.Converter("song", song)
	r.Converter("dice", discord.Between(1, 6))
	r.Handle("play {artist} {song:song} {volume:dice?}", func(*discord.Context) error { return nil })
	exampleInteracts(r, `"type":4,"data":{"type":1,"name":"play","options":[{"name":"artist","type":3,"value":"Anna"},{"name":"song","type":3,"value":"Song","focused":true}]}`)
	// Output:
	// POST callback {"type":8,"data":{"choices":[{"name":"Song of Anna","value":"Song of Anna"},{"name":"Another one","value":"Another one"}]}}
}

// Names and descriptions in the language of the user.
func ExampleRouter_Local() {
	r := discord.NewRouter()
	r.Add(discord.Route{Pattern: "ban {user:user}", Doc: "Ban somebody.", Handler: func(*discord.Context) error { return nil }})
	r.Local("ru", map[string]string{"ban": "бан", "Ban somebody.": "Забанить участника.", "user": "участник"})
	defs, err := r.Commands()
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := json.Marshal(defs[0].NameLocal)
	fmt.Println(string(b), defs[0].AboutLocal["ru"], defs[0].Options[0].NameLocal["ru"], defs[0].Type == 0 || defs[0].Type == discord.CommandSlash)
	// Output: {"ru":"бан"} Забанить участника. участник true
}

// A bot over HTTP, without a gateway.
func ExampleInteractions() {
	r := discord.NewRouter()
	r.Handle("ping", func(c *discord.Context) error { return c.Reply("pong") })
	client := discord.NewClient("token")
	in := &discord.Interactions{
		Client:    client,
		Handler:   r,
		PublicKey: strings.Repeat("5a", 32), // from the developer portal
		MaxAge:    time.Minute,
	}
	defer in.Stop(context.Background())
	register := func(ctx context.Context) { // when it starts
		defs, err := r.Commands()
		if err != nil {
			log.Fatal(err)
		}
		changed, err := client.SyncCommands(ctx, defs, discord.SyncChanged)
		if err != nil {
			log.Fatal(err)
		}
		registered, err := client.Commands(ctx, 0)
		log.Print(changed, len(registered), err)
	}
	_ = register
	http.Handle("/interactions", in)
	fmt.Println(in.Pending())
	// Output: 0
}

// Where the slash commands are registered.
func ExampleCommandSync() {
	testGuild := discord.ID(1147539219308052480)
	g := &discord.Gateway{Client: discord.NewClient("token"), Handler: discord.NewRouter(), Commands: discord.SyncGuild(testGuild)}
	fmt.Println(g.Commands)
	fmt.Println(discord.SyncChanged, discord.SyncNone)
	// Output:
	// guild 1147539219308052480
	// everywhere nowhere
}
