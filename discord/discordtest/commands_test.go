package discordtest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

type body = map[string]any

// An event is an interaction, as far as these tests need it.
type event struct {
	ID      discord.ID `json:"id"`
	Token   string     `json:"token"`
	Type    int        `json:"type"`
	Locale  string     `json:"locale"`
	Message *discord.Message
	Data    struct {
		Name       string            `json:"name"`
		CustomID   string            `json:"custom_id"`
		TargetID   discord.ID        `json:"target_id"`
		Values     []string          `json:"values"`
		Options    []option          `json:"options"`
		Resolved   json.RawMessage   `json:"resolved"`
		Components []json.RawMessage `json:"components"`
	}
	Member struct {
		User        discord.User        `json:"user"`
		Permissions discord.Permissions `json:"permissions"`
	} `json:"member"`
}

type option struct {
	Name    string   `json:"name"`
	Value   any      `json:"value"`
	Options []option `json:"options"`
	Focused bool     `json:"focused"`
}

// words returns the words of the command and its options as one text.
func (e event) words() string {
	words := e.Data.Name + e.Data.CustomID
	options := e.Data.Options
	for len(options) == 1 && options[0].Value == nil {
		words += " " + options[0].Name
		options = options[0].Options
	}
	for _, o := range options {
		b, _ := json.Marshal(o.Value)
		words += " " + o.Name + "=" + strings.Trim(string(b), `"`)
	}
	return words
}

// A bot answers interactions by calls of the API, without any help of a router.
type bot struct {
	*discord.Context
	event
}

func (b bot) callback(kind int, data body) error {
	return b.Client().Call(b, "POST", discord.To("/interactions/{}/{}/callback", b.event.ID, b.Token), body{"type": kind, "data": data}, nil)
}

func (b bot) hook(method, path string, data body) error {
	var out any
	if data == nil {
		return b.Client().Call(b, method, discord.To("/webhooks/{}/{}"+path, b.Me().ID, b.Token), nil, &out)
	}
	return b.Client().Call(b, method, discord.To("/webhooks/{}/{}"+path, b.Me().ID, b.Token), data, &out)
}

// interacts returns a handler that calls f for each interaction.
func interacts(f func(b bot) error) *discord.Router {
	r := discord.NewRouter()
	discord.On(r, discord.Kind[json.RawMessage]("INTERACTION_CREATE"), func(c *discord.Context, raw *json.RawMessage) error {
		b := bot{Context: c}
		if err := json.Unmarshal(*raw, &b.event); err != nil {
			return err
		}
		return f(b)
	})
	return r
}

// define replaces the bot's global commands.
func define(t *testing.T, s *discordtest.Server, commands ...body) {
	t.Helper()
	if err := s.Client().Call(t.Context(), "PUT", discord.To("/applications/{}/commands", s.Bot()), commands, nil); err != nil {
		t.Fatal(err)
	}
}

func TestSlash(t *testing.T) {
	both(t, func(t *testing.T) {
		s := discordtest.Start(t, interacts(func(b bot) error {
			switch b.Data.Name {
			case "echo":
				return b.callback(4, body{"content": b.words()})
			case "whisper":
				return b.callback(4, body{"content": "for you alone", "flags": 64})
			case "slow":
				if err := b.callback(5, nil); err != nil {
					return err
				}
				if err := b.hook("PATCH", "/messages/@original", body{"content": "at last"}); err != nil {
					return err
				}
				return b.hook("POST", "", body{"content": "and more"})
			}
			return nil
		}))
		define(t, s, body{"name": "echo", "description": "d", "options": []body{
			{"type": 6, "name": "user", "description": "d", "required": true},
			{"type": 4, "name": "n", "description": "d", "min_value": 1, "max_value": 5},
			{"type": 3, "name": "colour", "description": "d", "choices": []body{{"name": "Red", "value": "r"}}},
		}}, body{"name": "whisper", "description": "d"}, body{"name": "slow", "description": "d"})
		anna, boris := s.User("Anna"), s.User("Boris")
		anna.Slash("echo", "n", 3, "colour", "Red", "user", boris)
		anna.Sees("echo user=" + boris.ID.String() + " n=3 colour=r")
		anna.Slash("whisper")
		anna.SeesEphemeral("for you alone")
		boris.SeesNothing()
		anna.Slash("whisper")
		boris.Slash("whisper")
		anna.Sees("for you alone")
		boris.Sees("for you alone")
		anna.Slash("slow")
		anna.SeesThinking()
		anna.Sees("at last")
		anna.Sees("and more")
		anna.SeesNothing()
		boris.SeesNothing()
	})
}

// TestNoResponse: Discord tells the person after three seconds.
func TestNoResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.Start(t, interacts(func(b bot) error { return nil }))
		define(t, s, body{"name": "mute", "description": "d"})
		anna := s.User("Anna")
		start := time.Now()
		anna.Slash("mute")
		anna.SeesNoResponse()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("told after %v", took)
		}
	})
}
