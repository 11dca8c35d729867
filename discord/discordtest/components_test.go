package discordtest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// buttons is a message with buttons, and menu one with a menu.
func buttons(text string, custom ...string) body {
	row := []body{}
	for _, id := range custom {
		row = append(row, body{"type": 2, "style": 1, "label": strings.ToUpper(id), "custom_id": id})
	}
	return body{"content": text, "components": []body{{"type": 1, "components": row}}}
}

func menu(kind int, more body) body {
	m := body{"type": kind, "custom_id": "pick", "placeholder": "Colour"}
	for k, v := range more {
		m[k] = v
	}
	return body{"content": "choose", "components": []body{{"type": 1, "components": []body{m}}}}
}

// form is a form with two fields, one in each way of Discord's.
func form() body {
	return body{"custom_id": "asked", "title": "A poll", "components": []body{
		{"type": 1, "components": []body{{"type": 4, "custom_id": "question", "label": "Question", "style": 1, "min_length": 2}}},
		{"type": 18, "label": "More", "component": body{"type": 4, "custom_id": "about", "style": 2, "required": false, "value": "old"}},
		{"type": 18, "label": "Colours", "component": body{"type": 3, "custom_id": "colours", "required": false, "max_values": 2, "options": []body{{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}}}},
	}}
}

// newPanel returns a bot with components of all kinds.
func newPanel() *discord.Router {
	return interacts(func(b bot) error {
		switch b.words() {
		case "panel":
			return b.callback(4, buttons("vote", "yes", "ask", "more", "none"))
		case "secret":
			return b.callback(4, body{"content": "hidden", "flags": 64, "components": buttons("", "yes")["components"]})
		case "menu":
			return b.callback(4, menu(3, body{"max_values": 2, "options": []body{{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}}}))
		case "people":
			return b.callback(4, menu(5, nil))
		case "yes":
			return b.callback(7, body{"content": "voted " + b.event.Member.User.Username, "components": []body{}})
		case "ask", "form":
			return b.callback(9, form())
		case "more":
			if err := b.callback(6, nil); err != nil {
				return err
			}
			return b.hook("PATCH", "/messages/@original", body{"content": "edited later"})
		case "asked":
			return b.callback(4, body{"content": fmt.Sprintf("%s", b.Data.Components)})
		case "Report":
			return b.callback(4, body{"content": "reported " + b.Data.TargetID.String(), "flags": 64})
		}
		if b.Data.CustomID == "pick" {
			return b.callback(4, body{"content": "chosen " + strings.Join(b.Data.Values, ",")})
		}
		return nil
	})
}

func panelCommands() (all []body) {
	for _, name := range []string{"panel", "secret", "menu", "people", "form"} {
		all = append(all, body{"name": name, "description": "d"})
	}
	return append(all, body{"name": "Report", "type": 2}, body{"name": "Report", "type": 3})
}

func TestComponents(t *testing.T) {
	both(t, func(t *testing.T) {
		s := discordtest.Start(t, newPanel())
		define(t, s, panelCommands()...)
		anna, boris := s.User("Anna"), s.User("Boris")
		anna.Slash("panel")
		boris.Clicks("YES") // it may still be about to come
		m := anna.Sees("vote")
		anna.SeesEdited("voted boris")
		anna.Slash("panel")
		anna.Clicks("more")
		anna.SeesEdited("edited later")
		anna.Sees("vote")
		if m.ID == 0 {
			t.Error("the message has no ID")
		}

		anna.Slash("secret")
		anna.SeesEphemeral("hidden")
		anna.Clicks("YES")
		anna.SeesEdited("voted anna")
		boris.SeesNothing()

		anna.Slash("menu")
		boris.Picks("Colour", "Red", "b")
		anna.Sees("choose")
		anna.Sees("chosen r,b")
		anna.Slash("people")
		anna.Picks("pick", boris)
		anna.Sees("choose")
		anna.Sees("chosen " + boris.ID.String())

		anna.Uses("Report", boris)
		anna.SeesEphemeral("reported " + boris.ID.String())
		anna.Uses("Report", m)
		anna.SeesEphemeral("reported " + m.ID.String())
		anna.SeesNothing()
	})
}

func TestForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.Start(t, newPanel())
		define(t, s, panelCommands()...)
		anna := s.User("Anna")
		anna.Slash("form")
		f := anna.SeesForm("A poll")
		want := discordtest.Form{ID: "asked", Title: "A poll", Fields: []discordtest.FormField{
			{ID: "question", Label: "Question", Required: true}, {ID: "about", Label: "More", Value: "old"}, {ID: "colours", Label: "Colours"},
		}}
		if fmt.Sprint(f) != fmt.Sprint(want) {
			t.Errorf("got %+v", f)
		}
		anna.Fills("Question", "Tea?", "colours", []string{"Red", "b"})
		sent := anna.SeesLike("^.")
		for _, part := range []string{`"custom_id":"question"`, `"value":"Tea?"`, `"value":"old"`, `"values":["r","b"]`} {
			if !strings.Contains(sent.Content, part) {
				t.Errorf("the bot got %s, without %s", sent.Content, part)
			}
		}
		anna.Slash("panel")
		anna.Clicks("ask")
		anna.Fills("question", "Milk?", "More", "")
		anna.Sees("vote")
		if sent := anna.SeesLike("Milk"); !strings.Contains(sent.Content, `"value":""`) || sent.Reference.MessageID == 0 {
			t.Errorf("the bot got %s", sent.Content)
		}
	})
}

func TestCompletesAndOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.Start(t, interacts(func(b bot) error {
			if b.Type == 4 {
				return b.callback(8, body{"choices": []body{{"name": b.words() + "!", "value": "x"}, {"name": "other", "value": "y"}}})
			}
			return b.callback(4, body{"content": b.words() + " " + b.event.Locale})
		}))
		define(t, s,
			body{"name": "play", "description": "d", "name_localizations": body{"ru": "играть"}, "options": []body{
				{"type": 3, "name": "song", "description": "d", "required": true, "autocomplete": true}, {"type": 5, "name": "loud", "description": "d"}}},
			body{"name": "ban", "description": "d", "default_member_permissions": "4"},
			body{"name": "mod", "description": "d", "contexts": []int{0}, "options": []body{{"type": 2, "name": "role", "description": "d", "options": []body{
				{"type": 1, "name": "add", "description": "d", "options": []body{{"type": 8, "name": "role", "description": "d"}}}, {"type": 1, "name": "del", "description": "d"}}}}},
		)
		anna, boris := s.User("Anna", discord.PermBanMembers), s.User("Boris")
		if got := anna.Completes("play", "song", "ro", "loud", true); !slices.Equal(got, []string{"play song=ro loud=true!", "other"}) {
			t.Errorf("got %q", got)
		}
		anna.Slash("play", "song", "anything")
		anna.Sees("play song=anything en-US")
		role := s.Home.Role("tea", 0)
		anna.Slash("mod role add", "role", role)
		anna.Sees("mod role add role=" + role.String() + " en-US")
		for who, want := range map[*discordtest.User][]string{
			anna:                                  {"/ban", "/mod role add", "/mod role del", "/play"},
			boris.Speaks("ru"):                    {"/mod role add", "/mod role del", "/играть"},
			boris.In(boris.DM()):                  {"/ban", "/играть"},
			s.User("Vera").In(s.Channel("quiet")): {"/mod role add", "/mod role del", "/play"},
		} {
			if got := who.Offers(); !slices.Equal(got, want) {
				t.Errorf("%s is offered %q, want %q", who.Name, got, want)
			}
		}
		boris.Slash("играть", "song", "x")
		boris.Sees("play song=x ru")
		for _, tt := range []struct {
			words   string
			options []any
			want    string
		}{
			{"kick", nil, `the bot has no command "kick"`},
			{"ban", nil, `Boris is not offered "ban" here`},
			{"play", nil, `the option "song" is required`},
			{"play", []any{"song", "x", "loud", "perhaps"}, `the option "loud" does not take perhaps`},
			{"play", []any{"song", "x", "speed", 1}, `there is no option "speed"`},
			{"mod", nil, `wants one of its subcommands, such as "role"`},
			{"mod role", nil, `wants one of its subcommands, such as "add"`},
			{"play rock", nil, `/play has no subcommand "rock": its options are given by their names, such as "song"`},
			{"mod role give", nil, `has no subcommand "give"`},
			{"", nil, "the name of the command is missing"},
		} {
			if err := boris.TrySlash(tt.words, tt.options...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", tt.words, err, tt.want)
			}
		}
	})
}

// TestInteractionTranscript: a failure shows the actions of people and the answers.
func TestInteractionTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.Start(t, newPanel())
		define(t, s, panelCommands()...)
		anna := s.User("Anna")
		anna.Slash("panel")
		anna.Sees("vote")
		anna.Clicks("ask")
		anna.Fills("question", "Tea?")
		anna.SeesLike("question")
		anna.Slash("secret")
		anna.Sees("hidden")
		anna.Slash("menu")
		anna.Sees("choose")
		anna.Picks("Colour", "Red")
		anna.Sees("chosen r")
		if err := errors.Join(anna.TryClick("x"), anna.TryPick("x"), anna.TryFill("x", 1)); err == nil || strings.Count(err.Error(), "\n") != 2 {
			t.Errorf("got %v", err)
		}
		if err := errors.Join(anna.TryPick("Colour", "Blue"), anna.TryClick("none")); err == nil || !strings.Contains(err.Error(), "has not acknowledged") {
			t.Errorf("got %v", err)
		}
		anna.Sees("chosen b")
		anna.Clicks("none")
		anna.SeesNoResponse()
		anna.Uses("Report", anna)
		anna.Sees("reported " + anna.ID.String())
		got := s.Transcript()
		for _, want := range []string{
			"# general\nAnna: /panel\nBot: vote [YES] [ASK] [MORE] [NONE]\n(Anna presses ASK)\n(Bot opens the form A poll for Anna: Question, More, Colours)\n(Anna fills in A poll: Question=Tea?, More=old)\nBot: [",
			"\nAnna: /secret\nBot to Anna: hidden [YES]\nAnna: /menu\nBot: choose <menu Colour>\n(Anna chooses Red in Colour)\nBot: chosen r\n(Anna chooses Blue in Colour)\n",
			"(Anna presses NONE)\n(Bot gives Anna no response: This interaction failed)\n(Anna uses Report on Anna)\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("got\n%s\nwithout\n%s", got, want)
			}
		}
	})
}

// TestInteractionsFail: each action that Discord's client refuses, and each
// expectation that is not met, fails the test with words that name it.
func TestInteractionsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(*discordtest.Server, *discordtest.User)
		want string
	}{
		"no such command":     {func(s *discordtest.Server, u *discordtest.User) { u.Slash("kick") }, `Anna cannot use /kick: the bot has no command "kick"`},
		"a name alone":        {func(s *discordtest.Server, u *discordtest.User) { u.Slash("panel", "user") }, "the last option has no value"},
		"a name that is none": {func(s *discordtest.Server, u *discordtest.User) { u.Slash("panel", 5, 6) }, "the int 5 stands where a name belongs: write each option as name, value"},
		"no such menu":        {func(s *discordtest.Server, u *discordtest.User) { u.Uses("Nothing", u) }, `Anna cannot use Nothing: the bot has no command "Nothing"`},
		"a menu on a channel": {func(s *discordtest.Server, u *discordtest.User) { u.Uses("Report", u.Channel()) }, "the target is a *User or a discord.Message"},
		"no such button":      {func(s *discordtest.Server, u *discordtest.User) { u.Clicks("x") }, `Anna should press "x", but after 10s no message of the bot has the button "x"`},
		"on another message":  {func(s *discordtest.Server, u *discordtest.User) { u.Slash("panel"); u.ClicksOn(u.Says("hi"), "YES") }, `no message of the bot has the button "YES"`},
		"no such value":       {func(s *discordtest.Server, u *discordtest.User) { u.Slash("menu"); u.Picks("Colour", "Green") }, `Anna cannot choose in the menu "Colour": the menu "Colour" has no option "Green"`},
		"no form":             {func(s *discordtest.Server, u *discordtest.User) { u.Fills("a", "b") }, "but after 10s no form is open"},
		"no such field":       {func(s *discordtest.Server, u *discordtest.User) { u.Slash("form"); u.Fills("question", "Tea?", "x", 1) }, `the form has no field "x"`},
		"another form":        {func(s *discordtest.Server, u *discordtest.User) { u.Slash("form"); u.SeesForm("x") }, `should see the form "x", but sees the form "A poll"`},
		"a form seen twice": {func(s *discordtest.Server, u *discordtest.User) {
			u.Slash("form")
			u.SeesForm("A poll")
			u.SeesForm("A poll")
		}, `should see the form "A poll", but nothing comes`},
		"no form to see":      {func(s *discordtest.Server, u *discordtest.User) { u.SeesForm("x") }, `should see the form "x", but nothing comes`},
		"no thinking":         {func(s *discordtest.Server, u *discordtest.User) { u.Slash("panel"); u.SeesThinking() }, "should see the bot thinking, but nothing comes"},
		"a public answer":     {func(s *discordtest.Server, u *discordtest.User) { u.Slash("panel"); u.SeesEphemeral("vote") }, `should see alone "vote", but sees "vote"`},
		"a response":          {func(s *discordtest.Server, u *discordtest.User) { u.Slash("panel"); u.SeesNoResponse() }, "did not respond, but nothing comes"},
		"no completion":       {func(s *discordtest.Server, u *discordtest.User) { u.Completes("panel", "x", "") }, `Anna cannot complete x of /panel: there is no option "x"`},
		"another's ephemeral": {func(s *discordtest.Server, u *discordtest.User) { s.User("Vera").Slash("secret"); u.Sees("hidden") }, "nothing comes for 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{TB: t}
				s := discordtest.Start(f, newPanel())
				define(t, s, panelCommands()...)
				anna := s.User("Anna")
				func() {
					defer func() {
						if v := recover(); v != nil && v != f {
							panic(v)
						}
					}()
					tt.do(s, anna)
				}()
				if !strings.Contains(f.text, tt.want) {
					t.Errorf("got %q, want %q", f.text, tt.want)
				}
			})
		})
	}
}
