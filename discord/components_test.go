package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/discord"
)

// TestCmd: arguments come back as they were given; others are an error that names them.
func TestCmd(t *testing.T) {
	r := discord.NewRouter()
	var got []string
	r.Press("a b {x} {n:float} {yes:bool} {wait:duration}", func(c *discord.Context) error {
		for _, name := range []string{"x", "n", "yes", "wait"} {
			got = append(got, c.Arg(name))
		}
		return nil
	})
	for _, tt := range []struct {
		arg  any
		text string
	}{{`say "hi" \ there`, `say "hi" \ there`}, {"«ё» 😀", "«ё» 😀"}, {"", ""}, {discord.ID(5), "5"}, {" a\nb ", " a\nb "}} {
		got = nil
		line := discord.Cmd("a b", tt.arg, 1.5, true, 90*time.Second).String()
		data, err := json.Marshal(map[string]any{"id": "1", "type": 3, "token": "t", "data": map[string]any{"custom_id": line}})
		if err != nil {
			t.Fatal(err)
		}
		err = r.Serve(discord.NewContext(t.Context(), nil, event(t, "INTERACTION_CREATE", string(data))))
		if want := []string{tt.text, "1.5", "true", "1m30s"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	for name, tt := range map[string]struct {
		id   discord.CommandLine
		want string
	}{
		"zero":         {discord.CommandLine{}, "is empty: make it with Cmd"},
		"no command":   {discord.Cmd(" "), "Cmd has no command"},
		"argument":     {discord.Cmd("a", 1, []int{1}), "Cmd, argument 2: a []int is not one word"},
		"nil":          {discord.Cmd("a", nil), "Cmd, argument 1: a <nil> is not one word"},
		"secret":       {discord.Cmd("a", discord.NewSecret("s3cret")), "Cmd, argument 1: a Secret is not sent"},
		"101 letters":  {discord.Cmd(strings.Repeat("я", 101)), "has 101 characters: Discord takes at most 100"},
		"100 and more": {discord.Cmd("a", strings.Repeat("x", 100)), "has 102 characters"},
	} {
		err := sendTo(t, discord.Row{{Label: "L", ID: tt.id}})
		var wrong *discord.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != "components[0].components[0].custom_id" || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sendTo(t, discord.Row{{Label: "L", ID: discord.Cmd(strings.Repeat("я", 100))}}); err != nil {
		t.Error(err)
	}
}

// sendTo sends a message with options to a fake API that takes everything.
func sendTo(t *testing.T, opts ...discord.SendOption) error {
	t.Helper()
	_, err := newAPI(t, ok(`{}`)).client.Send(t.Context(), 1, "text", opts...)
	return err
}

// TestComponentBody: components are sent as Discord takes them.
func TestComponentBody(t *testing.T) {
	api := newAPI(t, ok(`{}`))
	for _, tt := range []struct {
		name string
		opts []discord.SendOption
		want string
	}{
		{"buttons", []discord.SendOption{discord.Row{
			{Label: "Yes", ID: discord.Cmd("vote", "yes"), Style: discord.Green},
			{Emoji: discord.Emoji{Name: "🔥"}, ID: discord.Cmd("fire"), Disabled: true},
			{Label: "Site", URL: "https://example.org", Emoji: discord.Emoji{ID: 5, Name: "site", Animated: true}},
		}, discord.Row(nil)}, `[{"type":1,"components":[{"type":2,"style":3,"label":"Yes","custom_id":"vote yes"},{"type":2,"style":2,"emoji":{"name":"🔥"},"custom_id":"fire","disabled":true},{"type":2,"style":5,"label":"Site","emoji":{"id":"5","name":"site","animated":true},"url":"https://example.org"}]}]`},
		{"menu of words", []discord.SendOption{discord.Menu{ID: discord.Cmd("c"), Placeholder: "P", Max: 2, Options: []discord.MenuOption{{Value: "r", Selected: true}, {Label: "Blue", Value: "b", Description: "as the sky", Emoji: discord.Emoji{Name: "💙"}}}}},
			`[{"type":1,"components":[{"type":3,"custom_id":"c","options":[{"label":"r","value":"r","default":true},{"label":"Blue","value":"b","description":"as the sky","emoji":{"name":"💙"}}],"placeholder":"P","max_values":2}]}]`},
		{"menu of channels", []discord.SendOption{discord.Menu{ID: discord.Cmd("c"), Kind: discord.MenuChannels, Channels: []discord.ChannelType{discord.ChannelText}, Optional: true, Disabled: true}},
			`[{"type":1,"components":[{"type":8,"custom_id":"c","disabled":true,"channel_types":[0],"min_values":0,"max_values":1}]}]`},
		{"menu of users", []discord.SendOption{discord.Menu{ID: discord.Cmd("c"), Kind: discord.MenuUsers, Min: 2, Max: 25}},
			`[{"type":1,"components":[{"type":5,"custom_id":"c","min_values":2,"max_values":25}]}]`},
		{"in place", []discord.SendOption{discord.Row{{Label: "A", ID: discord.Cmd("a")}}, discord.Components(discord.Row{{Label: "B", ID: discord.Cmd("b")}}, nil)},
			`[{"type":1,"components":[{"type":2,"style":2,"label":"B","custom_id":"b"}]}]`},
		{"none", []discord.SendOption{discord.Components()}, `[]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := api.client.Send(t.Context(), 1, "text", tt.opts...); err != nil {
				t.Fatal(err)
			}
			calls := api.calls()
			var body struct{ Components json.RawMessage }
			if err := json.Unmarshal([]byte(calls[len(calls)-1].Body), &body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(body.Components)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := api.client.Send(t.Context(), 1, "", discord.Row{{Label: "A", ID: discord.Cmd("a")}}, discord.Ephemeral); err != nil {
		t.Error(err)
	}
	if calls := api.calls(); strings.Contains(calls[len(calls)-1].Body, "flags") {
		t.Errorf("Ephemeral outside of an interaction: %s", calls[len(calls)-1].Body)
	}
}

// TestComponentLimits: each limit of Discord's is an error that names the field, and nothing
// is sent; one below it is not.
func TestComponentLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("я", n) }
	button := func(b discord.Button) discord.SendOption {
		if (b.ID == discord.CommandLine{}) && b.URL == "" {
			b.ID = discord.Cmd("a")
		}
		return discord.Row{b}
	}
	row := func(n int) discord.SendOption {
		var all discord.Row
		for i := range n {
			all = append(all, discord.Button{Label: "L", ID: discord.Cmd("a", i)})
		}
		return all
	}
	rows := func(n int) discord.SendOption {
		var all []discord.SendOption
		for i := range n {
			all = append(all, discord.Row{{Label: "L", ID: discord.Cmd("b", i)}})
		}
		return discord.Options(all...)
	}
	menu := func(m discord.Menu) discord.SendOption {
		if (m.ID == discord.CommandLine{}) {
			m.ID = discord.Cmd("m")
		}
		if m.Options == nil && m.Kind == 0 {
			m.Options = []discord.MenuOption{{Value: "a"}, {Value: "b"}}
		}
		return m
	}
	options := func(n int) (all []discord.MenuOption) {
		for i := range n {
			all = append(all, discord.MenuOption{Value: fmt.Sprint(i)})
		}
		return all
	}
	const b, m = "components[0].components[0]", "components[0].components[0]"
	for _, tt := range []struct {
		name      string
		fits, not discord.SendOption
		field     string
		want      string
	}{
		{"label", button(discord.Button{Label: long(80)}), button(discord.Button{Label: long(81)}), b + ".label", "has 81 characters: Discord takes at most 80"},
		{"no label", button(discord.Button{Emoji: discord.Emoji{ID: 1}}), button(discord.Button{}), b + ".label", "give the button a Label or an Emoji"},
		{"style", button(discord.Button{Label: "L", Style: discord.Red}), button(discord.Button{Label: "L", Style: 5}), b + ".style", "is 5: take Blurple, Grey, Green or Red"},
		{"address", button(discord.Button{Label: "L", URL: long(512)}), button(discord.Button{Label: "L", URL: long(513)}), b + ".url", "has 513 characters"},
		{"address and ID", button(discord.Button{Label: "L", URL: "https://a.b"}), button(discord.Button{Label: "L", URL: "https://a.b", ID: discord.Cmd("a")}), b + ".custom_id", "is set beside the URL"},
		{"buttons", row(5), row(6), "components[0].components", "has 6 elements: Discord takes at most 5"},
		{"rows", rows(5), rows(6), "components", "has 6 elements: Discord takes at most 5"},
		{"one ID", rows(2), discord.Options[discord.SendOption](rows(1), discord.Row{{Label: "A", ID: discord.Cmd("x")}, {Label: "B", ID: discord.Cmd("b", 0)}}), "components[1].components[1].custom_id", "is that of components[0].components[0].custom_id"},
		{"options", menu(discord.Menu{Options: options(25)}), menu(discord.Menu{Options: options(26)}), m + ".options", "has 26 elements"},
		{"no options", menu(discord.Menu{Options: options(1)}), menu(discord.Menu{Options: options(0), Kind: discord.MenuWords}), m + ".options", "is empty: give the menu 1 to 25 Options"},
		{"options of users", menu(discord.Menu{Kind: discord.MenuUsers}), menu(discord.Menu{Kind: discord.MenuUsers, Options: options(1)}), m + ".options", "is for a menu of words only"},
		{"channels of users", menu(discord.Menu{Kind: discord.MenuChannels}), menu(discord.Menu{Kind: discord.MenuUsers, Channels: []discord.ChannelType{1}}), m + ".channel_types", "is for MenuChannels only"},
		{"kind", menu(discord.Menu{Kind: discord.MenuMentionables}), menu(discord.Menu{Kind: 4}), m + ".type", "is 4: take one of the constants of MenuKind"},
		{"option label", menu(discord.Menu{Options: []discord.MenuOption{{Value: "v", Label: long(100)}}}), menu(discord.Menu{Options: []discord.MenuOption{{Value: "v", Label: long(101)}}}), m + ".options[0].label", "has 101 characters"},
		{"option value", menu(discord.Menu{Options: []discord.MenuOption{{Value: long(100)}}}), menu(discord.Menu{Options: []discord.MenuOption{{Label: "L", Value: long(101)}}}), m + ".options[0].value", "has 101 characters"},
		{"no value", menu(discord.Menu{Options: options(1)}), menu(discord.Menu{Options: []discord.MenuOption{{Label: "L"}}}), m + ".options[0].value", "is empty: give the option a Value"},
		{"value twice", menu(discord.Menu{Options: options(2)}), menu(discord.Menu{Options: append(options(2), options(1)...)}), m + ".options[2].value", `"0" is there twice`},
		{"option description", menu(discord.Menu{Options: []discord.MenuOption{{Value: "v", Description: long(100)}}}), menu(discord.Menu{Options: []discord.MenuOption{{Value: "v", Description: long(101)}}}), m + ".options[0].description", "has 101 characters"},
		{"placeholder", menu(discord.Menu{Placeholder: long(150)}), menu(discord.Menu{Placeholder: long(151)}), m + ".placeholder", "has 151 characters"},
		{"most", menu(discord.Menu{Max: 2}), menu(discord.Menu{Max: 3}), m + ".max_values", "is 3, for 2 choices"},
		{"most of users", menu(discord.Menu{Kind: discord.MenuUsers, Max: 25}), menu(discord.Menu{Kind: discord.MenuUsers, Max: 26}), m + ".max_values", "is 26, for 25 choices"},
		{"selected", menu(discord.Menu{Max: 2, Options: []discord.MenuOption{{Value: "a", Selected: true}, {Value: "b", Selected: true}}}), menu(discord.Menu{Options: []discord.MenuOption{{Value: "a", Selected: true}, {Value: "b", Selected: true}}}), m + ".options", "has 2 selected ones, for max_values 1: select fewer, or raise Max"},
		{"least", menu(discord.Menu{Min: 2}), menu(discord.Menu{Min: 2, Max: 1}), m + ".min_values", "and max_values are 2 and 1"},
		{"least of an optional one", menu(discord.Menu{Optional: true, Max: 2}), menu(discord.Menu{Optional: true, Min: 1}), m + ".min_values", "leave out Min or Optional"},
		{"negative", menu(discord.Menu{}), menu(discord.Menu{Min: -1}), m + ".min_values", "are -1 and 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(t, ok(`{}`))
			if _, err := api.client.Send(t.Context(), 1, "text", tt.fits); err != nil {
				t.Errorf("below the limit: %v", err)
			}
			_, err := api.client.Send(t.Context(), 1, "text", tt.not)
			var wrong *discord.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != tt.field || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "discord: POST /channels/{}/messages: ") {
				t.Errorf("above the limit: %v", err)
			}
			if n := len(api.calls()); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestFormBody: a form is sent as Discord takes it, and its limits are errors that name the
// field.
func TestFormBody(t *testing.T) {
	api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	open := func(f discord.Form) error {
		e := event(t, "INTERACTION_CREATE", `{"id":"11","application_id":"12","token":"tok","type":2,"data":{"name":"a"}}`)
		return discord.NewContext(t.Context(), api.client, e).Open(f)
	}
	long := func(n int) string { return strings.Repeat("я", n) }
	inputs := func(n int) (all []discord.Input) {
		for i := range n {
			all = append(all, discord.Input{Name: fmt.Sprint("n", i), Label: "L"})
		}
		return all
	}
	form := func(change func(*discord.Form)) discord.Form {
		f := discord.Form{ID: discord.Cmd("f", 1), Title: "T", Inputs: inputs(1)}
		change(&f)
		return f
	}
	input := func(in discord.Input) discord.Form {
		if in.Label == "" {
			in.Label = "L"
		}
		return form(func(f *discord.Form) { in.Name += "n"; f.Inputs = []discord.Input{in} })
	}
	const in = "components[0].components[0]"
	for _, tt := range []struct {
		name      string
		fits, not discord.Form
		field     string
		want      string
	}{
		{"ID", form(func(f *discord.Form) { f.ID = discord.Cmd(long(100)) }), form(func(f *discord.Form) { f.ID = discord.Cmd(long(101)) }), "custom_id", "has 101 characters"},
		{"title", form(func(f *discord.Form) { f.Title = long(45) }), form(func(f *discord.Form) { f.Title = long(46) }), "title", "has 46 characters: Discord takes at most 45"},
		{"no title", form(func(*discord.Form) {}), form(func(f *discord.Form) { f.Title = "" }), "title", "is empty: give the form a Title"},
		{"inputs", form(func(f *discord.Form) { f.Inputs = inputs(5) }), form(func(f *discord.Form) { f.Inputs = inputs(6) }), "components", "has 6 elements"},
		{"no inputs", form(func(*discord.Form) {}), form(func(f *discord.Form) { f.Inputs = nil }), "components", "is empty: give the form 1 to 5 Inputs"},
		{"one name", form(func(f *discord.Form) { f.Inputs = inputs(2) }), form(func(f *discord.Form) { f.Inputs = append(inputs(1), discord.Input{Name: "N_0", Label: "L"}) }), "components[1].components[0].custom_id", "is that of another input"},
		{"name", input(discord.Input{Name: long(99)}), input(discord.Input{Name: long(100)}), in + ".custom_id", "has 101 characters"},
		{"no name", input(discord.Input{}), form(func(f *discord.Form) { f.Inputs = []discord.Input{{Label: "L"}} }), in + ".custom_id", "is empty: give the input a Name"},
		{"label", input(discord.Input{Label: long(45)}), input(discord.Input{Label: long(46)}), in + ".label", "has 46 characters"},
		{"no label", input(discord.Input{}), form(func(f *discord.Form) { f.Inputs = []discord.Input{{Name: "n"}} }), in + ".label", "is empty: give the input a Label"},
		{"value", input(discord.Input{Value: long(4000)}), input(discord.Input{Value: long(4001)}), in + ".value", "has 4001 characters"},
		{"placeholder", input(discord.Input{Placeholder: long(100)}), input(discord.Input{Placeholder: long(101)}), in + ".placeholder", "has 101 characters"},
		{"length", input(discord.Input{Min: 4000, Max: 4000}), input(discord.Input{Max: 4001}), in + ".min_length", "let them be 0 to 4000"},
		{"least and most", input(discord.Input{Min: 1, Max: 1}), input(discord.Input{Min: 2, Max: 1}), in + ".min_length", "are 2 and 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := open(tt.fits); err != nil {
				t.Errorf("below the limit: %v", err)
			}
			before := len(api.calls())
			err := open(tt.not)
			var wrong *discord.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != tt.field || !strings.Contains(err.Error(), tt.want) || wrong.Place != "Context.Open" {
				t.Errorf("above the limit: %v", err)
			}
			if n := len(api.calls()) - before; n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
	if err := open(discord.Form{ID: discord.Cmd("f", 1), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A", Min: 2, Max: 3}, {Name: "b", Label: "B", Long: true, Optional: true, Value: "v", Placeholder: "p"}}}); err != nil {
		t.Fatal(err)
	}
	want := `{"type":9,"data":{"custom_id":"f 1","title":"T","components":[{"type":1,"components":[{"type":4,"style":1,"label":"A","custom_id":"a","min_length":2,"max_length":3,"required":true}]},{"type":1,"components":[{"type":4,"style":2,"label":"B","custom_id":"b","placeholder":"p","required":false,"value":"v"}]}]}}`
	calls := api.calls()
	if diff := cmp.Diff(want, calls[len(calls)-1].Body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
