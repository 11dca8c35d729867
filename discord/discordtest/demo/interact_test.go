package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
)

// answers are the callbacks of the bot of TestInteract, by the name of the command or
// the custom ID.
var answers = map[string]string{
	"panel":  `{"type":4,"data":{"content":"vote","components":[{"type":1,"components":[{"type":2,"style":1,"label":"Ask","custom_id":"ask"}]},{"type":1,"components":[{"type":3,"custom_id":"c","placeholder":"Colour","options":[{"label":"Red","value":"r"},{"label":"Blue","value":"b"}]}]}]}}`,
	"ask":    `{"type":9,"data":{"custom_id":"asked","title":"A poll","components":[{"type":1,"components":[{"type":4,"custom_id":"q","label":"Question","style":1}]}]}}`,
	"asked":  `{"type":4,"data":{"content":"asked","flags":64}}`,
	"c":      `{"type":4,"data":{"content":"chosen"}}`,
	"Report": `{"type":4,"data":{"content":"reported"}}`,
	"ban":    `{"type":4,"data":{"content":"banned"}}`,
}

// commands are those of the bot.
const commands = `[{"name":"panel","description":"d"},{"name":"Report","type":2},
	{"name":"ban","description":"d","options":[{"type":6,"name":"user","description":"d","required":true},{"type":3,"name":"reason","description":"d"}]}]`

// newPanel returns a bot that answers by calls of the API.
func newPanel() discord.Handler {
	r := discord.NewRouter()
	discord.On(r, discord.EventReady, func(c *discord.Context, e *discord.Ready) error {
		return c.Client().Call(c, "PUT", discord.To("/applications/{}/commands", e.User.ID), json.RawMessage(commands), nil)
	})
	discord.On(r, discord.Kind[json.RawMessage]("INTERACTION_CREATE"), func(c *discord.Context, raw *json.RawMessage) error {
		var in struct {
			ID    discord.ID
			Token string
			Data  struct {
				Name     string
				CustomID string `json:"custom_id"`
			}
		}
		if err := json.Unmarshal(*raw, &in); err != nil {
			return err
		}
		return c.Client().Call(c, "POST", discord.To("/interactions/{}/{}/callback", in.ID, in.Token), json.RawMessage(answers[in.Data.Name+in.Data.CustomID]), nil)
	})
	return r
}

// TestInteract: lines use the bot's commands, buttons, menus and forms.
func TestInteract(t *testing.T) {
	var out bytes.Buffer
	d := &demo{out: &out, others: []string{"Boris"}, in: strings.NewReader(strings.Join([]string{
		"hi", "/commands", "/panel", "/press Ask", "/fill", "/fill Question: Tea?", "/pick Colour: Red", "/pick Colour: Red, Blue", "/use Report: @Boris", "/use Report: Gleb",
		"Boris: /ban user:You reason:spam and http://a.b", "/ban reason:spam", "/press Nothing",
	}, "\n"))}
	if err := d.terminal(context.Background(), newPanel()); err != nil {
		t.Fatal(err)
	}
	const want = `(/ban, /panel, Report)
Bot: vote [Ask] <menu Colour>
(Bot opens the form A poll for You: Question)
(/fill needs fields and their values, as in /fill Question: Tea?; More: no)
Bot to You: asked
Bot: chosen
(the menu "Colour" takes from 1 to 1 values, not 2)
Bot: reported
(/use needs a command and a person, as in /use Report: Boris)
Bot: banned
(the option "user" is required)
(no message of the bot has the button "Nothing")
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestSlashLine(t *testing.T) {
	for line, want := range map[string][]any{
		"/ping":                             {"ping"},
		"/mod role add role:tea":            {"mod role add", "role", "tea"},
		"/ban user:Boris reason:spam  more": {"ban", "user", "Boris", "reason", "spam more"},
		"/play url:https://a.b/c x":         {"play", "url", "https://a.b/c x"},
		"/say text: two words":              {"say", "text", "two words"},
		"/say text:see http://a.b":          {"say", "text", "see http://a.b"},
		"/":                                 {""},
	} {
		words, options := slash(line)
		if got := append([]any{words}, options...); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
