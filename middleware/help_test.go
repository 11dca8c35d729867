package middleware_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// helpful returns a bot with commands of all kinds and a help command.
func helpful(lang string) func(text string) (said string, err error) {
	r := vk.NewRouter("!", "/")
	r.Use(middleware.Explain())
	r.Handle("help|справка {command...?}", middleware.Help(r))
	r.Add(vk.Route{Pattern: "roll {sides:int=6}", Doc: "Rolls a die.\nIt has six sides, or as many as you say.", Handler: nothing})
	r.Handle("ping", nothing)
	r.Add(vk.Route{Pattern: "secret", Doc: "Is not for everybody.", Hidden: true, Handler: nothing})
	off := r.Add(vk.Route{Pattern: "off", Doc: "Is switched off.", Handler: nothing})
	off.SetEnabled(false)
	r.Add(vk.Route{Pattern: "kick {user}", Doc: "Removes somebody.", Handler: nothing, Checks: []vk.Check{middleware.ChatOnly}})
	r.Route("admin", func(r *vk.Router) {
		r.Add(vk.Route{Pattern: "", Doc: "Shows the state.", Handler: nothing})
		r.Add(vk.Route{Pattern: "ban|kick {user}", Doc: "Bans somebody.", Handler: nothing})
		r.Add(vk.Route{Pattern: "nuke", Handler: nothing, Checks: []vk.Check{middleware.Users()}})
	})
	return func(text string) (said string, err error) {
		c, rec := vktest.NewContext(text)
		c.Client().Lang = lang
		err = r.Serve(c)
		return rec.Text(), err
	}
}

func TestHelp(t *testing.T) {
	list := `Commands:
!help|справка {command...?}
!roll {sides:int=6} — Rolls a die.
!ping
!admin — Shows the state.
!admin ban|kick {user} — Bans somebody.`
	ask := helpful("")
	for text, want := range map[string]string{
		"!help":            list,
		"/help":            strings.ReplaceAll(list, "!", "/"),
		"!справка":         list,
		"!help roll":       "!roll {sides:int=6}\nRolls a die.\nIt has six sides, or as many as you say.",
		"!help !roll":      "!roll {sides:int=6}\nRolls a die.\nIt has six sides, or as many as you say.",
		"!help ROLL":       "!roll {sides:int=6}\nRolls a die.\nIt has six sides, or as many as you say.",
		"!help ping":       "!ping",
		"!help secret":     "!secret\nIs not for everybody.",
		"!help off":        "There is no such command: !off",
		"!help kick":       "There is no such command: !kick",
		"!help admin":      "!admin\nShows the state.\n!admin ban|kick {user} — Bans somebody.",
		"!help admin kick": "!admin ban|kick {user}\nBans somebody.",
		"!help admin ban":  "!admin ban|kick {user}\nBans somebody.",
		"!help admin nuke": "There is no such command: !admin nuke",
		"!help roll over":  "There is no such command: !roll over",
		"!help ban":        "There is no such command: !ban",
	} {
		if said, err := ask(text); err != nil || said != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", text, err, said, want)
		}
	}
}

// TestHelpByChecks checks that each user sees the commands that they may run in
// the conversation.
func TestHelpByChecks(t *testing.T) {
	r := vk.NewRouter("!")
	r.Add(vk.Route{Pattern: "help", Handler: middleware.Help(r), Checks: []vk.Check{middleware.NotUsers(0)}, Hidden: true})
	r.Add(vk.Route{Pattern: "kick", Handler: nothing, Checks: []vk.Check{middleware.ChatAdmin}})
	bot := vktest.Start(t, r)
	anna, boris := bot.Person(vktest.Person{Name: "Анна", Lang: "ru"}), bot.User("Boris")
	tea := bot.Chat("Tea", anna, boris)
	bot.MakeBotAdmin(tea)
	anna.Says("!help")
	anna.Hears("Здесь для вас нет команд.")
	anna.In(tea).Says("!help")
	anna.In(tea).Hears("Команды:\n!kick")
	boris.In(tea).Says("!help")
	boris.In(tea).Hears("There are no commands for you here.")
}

// TestHelpIsLong checks that a long list is split: a message has at most 4096
// characters.
func TestHelpIsLong(t *testing.T) {
	r := vk.NewRouter("!")
	r.Handle("help", middleware.Help(r))
	for i := range 300 {
		r.Add(vk.Route{Pattern: fmt.Sprint("command", i), Doc: "Does something that takes some words to say.", Handler: nothing})
	}
	c, rec := vktest.NewContext("!help")
	if err := r.Serve(c); err != nil {
		t.Fatal(err)
	}
	var lines int
	for _, m := range rec.Messages() {
		lines += len(strings.Split(m.Text, "\n"))
		if !strings.HasPrefix(m.Text, "!command") && !strings.HasPrefix(m.Text, "Commands:") {
			t.Errorf("a command is split: %.40q", m.Text)
		}
	}
	if len(rec.Messages()) < 3 || lines != 302 {
		t.Errorf("%d messages of %d lines in all", len(rec.Messages()), lines)
	}
}

func TestHelpOfNothing(t *testing.T) {
	defer func() {
		if v := recover(); v != "middleware: Help: nil Router" {
			t.Errorf("panics with %v", v)
		}
	}()
	middleware.Help(nil)
}
