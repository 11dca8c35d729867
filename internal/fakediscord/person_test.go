package fakediscord

import (
	"errors"
	"strings"
	"testing"
)

// optionsFixture returns a fixture with a command that has options of all types.
func optionsFixture(t *testing.T) (f *fixture, boris, role, voice, hidden ID) {
	f = newFixture(t, Config{})
	boris = f.s.AddUser("Boris")
	if err := f.s.Join(f.guild, boris); err != nil {
		t.Fatal(err)
	}
	role, err := f.s.AddRole(f.guild, "tea", 0)
	if err != nil {
		t.Fatal(err)
	}
	voice = f.s.AddChannel(f.guild, typeVoice, "Voice")
	hidden = f.s.AddChannel(f.guild, typeText, "hidden")
	f.as("PUT", "/channels/"+hidden.String()+"/permissions/"+f.guild.String(), object{"type": 0, "deny": "1024"})
	f.define(`{"name":"a","description":"d","options":[` + strings.Join([]string{
		optionJSON(3, "s", `,"min_length":2,"max_length":3`), optionJSON(4, "i", `,"min_value":1,"max_value":9007199254740991`), optionJSON(5, "b", ""), optionJSON(6, "u", ""),
		optionJSON(7, "c", `,"channel_types":[2]`), optionJSON(8, "r", ""), optionJSON(7, "any", ""), optionJSON(9, "m", ""), optionJSON(10, "f", `,"max_value":1.5`), optionJSON(11, "file", ""),
		optionJSON(4, "big", ""), optionJSON(4, "pick", `,"choices":[{"name":"One","value":1,"name_localizations":{"ru":"Один"}}]`),
	}, ",") + `]}`)
	return f, boris, role, voice, hidden
}

// TestOptions: the options that a person fills in, as the bot gets them.
func TestOptions(t *testing.T) {
	f, boris, role, voice, _ := optionsFixture(t)
	g := f.connect(everything)
	for _, tt := range []struct {
		name, option string
		value        any
		want         string // the JSON of the value
		resolved     string // a part of the things that the data refers to
	}{
		{"a text", "s", "abc", `"abc"`, ""},
		{"letters, not bytes", "s", "яяя", `"яяя"`, ""},
		{"an integer", "i", 9007199254740991, `9007199254740991`, ""},
		{"an integer of JSON", "i", 1e6, `1000000`, ""},
		{"a boolean", "b", true, `true`, ""},
		{"a user", "u", boris, `"` + boris.String() + `"`, `"members":{"` + boris.String() + `":{`},
		{"a user by name", "u", "@boris", `"` + boris.String() + `"`, `"users":{"` + boris.String() + `":{`},
		{"a channel", "c", voice, `"` + voice.String() + `"`, `"channels":{"` + voice.String() + `":{`},
		{"a role by name", "r", "tea", `"` + role.String() + `"`, `"roles":{"` + role.String() + `":{`},
		{"a role or a user", "m", role, `"` + role.String() + `"`, `"roles":{`},
		{"a user or a role", "m", "Anna", `"` + f.anna.String() + `"`, `"users":{`},
		{"a number", "f", 1.25, `1.25`, ""},
		{"a choice by name", "pick", "One", `1`, ""},
		{"a choice by value", "pick", 1, `1`, ""},
		{"a file", "file", Upload{"a.txt", []byte("x")}, "", `"filename":"a.txt"`},
		{"a file of JSON", "file", map[string]any{"name": "b.txt", "data": "eA=="}, "", `"size":1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t, g.t = t, t
			f.slash("/a", map[string]any{tt.option: tt.value}).reply(`{"type":5}`)
			data := g.wait("INTERACTION_CREATE")["data"].(object)
			o := data["options"].([]any)[0].(object)
			if got := string(encode(o["value"])); o["name"] != tt.option || tt.want != "" && got != tt.want {
				t.Errorf("got %v", o)
			}
			if resolved := string(encode(data["resolved"])); !strings.Contains(resolved, tt.resolved) || tt.resolved == "" && data["resolved"] != nil {
				t.Errorf("resolved is %s, want %s", resolved, tt.resolved)
			}
		})
	}
	f.t, g.t = t, t
	f.s.Speaks(f.anna, "ru")
	f.slash("a", map[string]any{"pick": "Один"})
	if _, err := f.s.Slash(f.anna, f.s.DM(f.anna), "a", map[string]any{"u": boris}); err == nil {
		t.Error("Boris is not in the private channel")
	}
	f.of(f.s.Slash(f.anna, f.s.DM(f.anna), "a", map[string]any{"u": f.s.Me()}))
	if e := g.wait("INTERACTION_CREATE"); e["guild_id"] != nil { // that of Anna in Russian
		if e = g.wait("INTERACTION_CREATE"); e["member"] != nil || text(e["user"].(object), "username") != "anna" || number(e, "context") != contextBotDM {
			t.Errorf("the event is %v", e)
		}
	}
}

// TestOptionsRefused: the client checks the values of options.
func TestOptionsRefused(t *testing.T) {
	f, boris, role, voice, hidden := optionsFixture(t)
	for _, tt := range []struct {
		name, option string
		value        any
	}{
		{"a short text", "s", "a"}, {"a long text", "s", "abcd"}, {"an empty text", "s", ""}, {"no integer", "i", "1.5"}, {"an integer too small", "i", 0}, {"an integer too great", "i", "9007199254740992"}, {"an integer that JSON rounds", "big", "9007199254740993"},
		{"no boolean", "b", "x"}, {"no user", "u", role}, {"a wrong type of channel", "c", f.general}, {"no channel", "c", "x"}, {"a hidden channel", "any", hidden}, {"no role", "r", boris}, {"nothing to mention", "m", voice},
		{"no number", "f", "x"}, {"NaN", "f", "NaN"}, {"infinity", "f", "-Inf"}, {"a number too great", "f", 1.75}, {"no choice", "pick", 2}, {"no file", "file", 5}, {"an unknown option", "x", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := f.s.Slash(boris, f.general, "a", map[string]any{tt.option: tt.value})
			var refusal *ClientError
			if !errors.As(err, &refusal) || refusal.Absent || !strings.Contains(refusal.Reason, `"`+tt.option+`"`) {
				t.Errorf("got %v, %v", id, err)
			}
		})
	}
}

// TestWhoIsOffered: permissions, contexts and scopes say who may use a command where.
func TestWhoIsOffered(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand + `,{"name":"ban","description":"d","default_member_permissions":"4"},{"name":"admins","description":"d","default_member_permissions":"0"},
		{"name":"nsfw","description":"d","nsfw":true},{"name":"guilds","description":"d","contexts":[0]},{"name":"dms","description":"d","contexts":[1]},{"name":"old","description":"d","dm_permission":false}`)
	f.ok("POST", "/applications/"+f.s.Me().String()+"/guilds/"+f.guild.String()+"/commands", `{"name":"here","description":"d"}`)
	boris, vera, gleb := f.s.AddUser("Boris"), f.s.AddUser("Vera"), f.s.AddUser("Gleb")
	other := f.s.AddGuild("Other", gleb)
	for _, p := range []ID{boris, vera} {
		if err := f.s.Join(f.guild, p); err != nil {
			t.Fatal(err)
		}
	}
	for name, p := range map[string]Permissions{"mods": PermBan, "none": 0} {
		if _, err := f.s.AddRole(f.guild, name, p, map[string]ID{"mods": vera, "none": boris}[name]); err != nil {
			t.Fatal(err)
		}
	}
	wild := f.s.AddChannel(f.guild, typeText, "wild")
	f.as("PATCH", "/channels/"+wild.String(), object{"nsfw": true})
	quiet := f.s.AddChannel(f.guild, typeText, "quiet")
	f.as("PUT", "/channels/"+quiet.String()+"/permissions/"+f.guild.String(), object{"type": 0, "deny": "2147483648"})
	for _, tt := range []struct {
		name        string
		as, channel ID
		want        string
	}{
		{"the owner", f.anna, f.general, "a admins ban guilds here old"},
		{"a member", boris, f.general, "a guilds here old"},
		{"a moderator", vera, f.general, "a ban guilds here old"},
		{"a channel for adults", boris, wild, "a guilds here nsfw old"},
		{"a channel without commands", boris, quiet, ""},
		{"another guild", gleb, f.s.Channels(other)[0].ID, "a admins ban guilds old"},
		{"in private", boris, f.s.DM(boris), "a admins ban dms nsfw"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			offers, err := f.s.Offers(tt.as, tt.channel)
			var names []string
			for _, o := range offers {
				names = append(names, o.Name)
			}
			if got := strings.Join(names, " "); err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	g := f.connect(0)
	f.slash("here", nil)
	if data := g.wait("INTERACTION_CREATE")["data"].(object); data["guild_id"] != f.guild.String() {
		t.Errorf("got %v", data)
	}
	for _, first := range []string{"/guilds/" + f.guild.String(), ""} { // in either order, the guild's goes before
		f.ok("PUT", f.commands(), `[]`)
		f.ok("PUT", "/applications/"+f.s.Me().String()+"/guilds/"+f.guild.String()+"/commands", `[]`)
		for _, scope := range []string{first, map[string]string{"": "/guilds/" + f.guild.String()}[first]} {
			f.ok("POST", "/applications/"+f.s.Me().String()+scope+"/commands", simpleCommand)
		}
		f.slash("a", nil)
		if data := g.wait("INTERACTION_CREATE")["data"].(object); data["guild_id"] != f.guild.String() {
			t.Errorf("%q first: got %v", first, data)
		}
	}
	f.define(`{"name":"ban","description":"d","default_member_permissions":"4"},` + simpleCommand)
	_, err := f.s.Slash(boris, f.general, "ban", nil)
	if refusal := (*ClientError)(nil); !errors.As(err, &refusal) || refusal.Absent || !strings.Contains(refusal.Reason, "not offered") {
		t.Errorf("got %v", err)
	}
	if _, err := f.s.Slash(gleb, f.general, "a", nil); err == nil || !strings.Contains(err.Error(), "does not see the channel") {
		t.Errorf("got %v", err)
	}
	if _, err := f.s.Offers(5, f.general); err != errUser {
		t.Errorf("got %v", err)
	}
	if _, err := f.s.Offers(boris, 5); err != errChannel {
		t.Errorf("got %v", err)
	}
}

// TestMenus: commands in the menus of users and messages.
func TestMenus(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(`{"name":"Look up","type":2},{"name":"Look up","type":3}`)
	g := f.connect(everything)
	message := f.says(f.general, "hello")
	f.of(f.s.UserMenu(f.anna, f.general, "Look up", f.s.Me())).reply(`{"type":4,"data":{"content":"x"}}`)
	data := g.wait("INTERACTION_CREATE")["data"].(object)
	if number(data, "type") != 2 || data["target_id"] != f.s.Me().String() || data["resolved"].(object)["users"] == nil {
		t.Errorf("got %v", data)
	}
	if m := g.wait("MESSAGE_CREATE"); number(m, "type") != 23 {
		t.Errorf("got %v", m)
	}
	f.of(f.s.MessageMenu(f.anna, f.general, "Look up", message))
	data = g.wait("INTERACTION_CREATE")["data"].(object)
	if number(data, "type") != 3 || data["target_id"] != message.String() || data["resolved"].(object)["messages"].(object)[message.String()].(object)["content"] != "hello" {
		t.Errorf("got %v", data)
	}
	if _, err := f.s.UserMenu(f.anna, f.general, "Look up", 5); err != errUser {
		t.Errorf("got %v", err)
	}
	if _, err := f.s.MessageMenu(f.anna, f.general, "Look up", 5); err != errMessage {
		t.Errorf("got %v", err)
	}
	if _, err := f.s.UserMenu(f.anna, f.general, "Nothing", f.anna); err == nil {
		t.Error("there is no such command")
	}
}

// TestClientRefuses: the client does not let a person do everything to components.
func TestClientRefuses(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	boris := f.s.AddUser("Boris")
	if err := f.s.Join(f.guild, boris); err != nil {
		t.Fatal(err)
	}
	row := func(inner string) string { return `{"type":1,"components":[` + inner + `]}` }
	f.slash("a", nil).reply(`{"type":4,"data":{"content":"x","components":[` + row(`{"type":2,"style":1,"label":"Off","custom_id":"off","disabled":true},{"type":2,"style":5,"label":"Page","url":"https://a.b"},{"type":2,"style":1,"emoji":{"name":"👍"},"custom_id":"up"}`) + "," +
		row(`{"type":3,"custom_id":"m","placeholder":"Menu","min_values":2,"max_values":2,"options":[{"label":"A","value":"a"},{"label":"B","value":"b"},{"label":"C","value":"c"}]}`) + "," +
		row(`{"type":8,"custom_id":"c","channel_types":[2]}`) + `]}}`)
	f.slash("a", nil).reply(`{"type":4,"data":{"content":"secret","flags":64,"components":[` + row(`{"type":2,"style":1,"label":"Mine","custom_id":"mine"}`) + `]}}`)
	people := f.says(f.general, "no buttons")
	press := func(as, message ID, button string) func() (ID, error) {
		return func() (ID, error) { return f.s.Press(as, f.general, message, button) }
	}
	pick := func(menu string, values ...any) func() (ID, error) {
		return func() (ID, error) { return f.s.Pick(f.anna, f.general, 0, menu, values) }
	}
	fill := func(fields map[string]any) func() (ID, error) {
		return func() (ID, error) { return f.s.Fill(f.anna, f.general, fields) }
	}
	for _, tt := range []struct {
		name   string
		do     func() (ID, error)
		want   string
		absent bool
	}{
		{"a disabled button", press(f.anna, 0, "Off"), "is disabled", false},
		{"a link", press(f.anna, 0, "Page"), "opens a page", false},
		{"no such button", press(f.anna, 0, "Nothing"), `has the button "Nothing"`, true},
		{"on another message", press(f.anna, people, "👍"), `has the button "👍"`, true},
		{"another's ephemeral message", press(boris, 0, "Mine"), `has the button "Mine"`, true},
		{"an unnamed button", press(f.anna, 0, ""), "has the button", true},
		{"no such menu", pick("Nothing"), `has the menu "Nothing"`, true},
		{"too few values", pick("Menu", "A"), "takes from 2 to 2 values, not 1", false},
		{"a value twice", pick("Menu", "A", "a"), "chosen twice", false},
		{"no such value", pick("m", "A", "D"), `has no option "D"`, false},
		{"a wrong channel", pick("c", f.general), "does not take a channel of the type 0", false},
		{"no form", fill(nil), "no form is open", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.do()
			var refusal *ClientError
			if !errors.As(err, &refusal) || refusal.Absent != tt.absent || !strings.Contains(refusal.Reason, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestClientRefusesForms: fields of a form are checked before it is sent, which
// happens once.
func TestClientRefusesForms(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	f.panel()
	panel := f.s.channels[f.general].last
	row := func(inner string) string { return `{"type":1,"components":[` + inner + `]}` }
	f.slash("a", nil).reply(`{"type":9,"data":{"custom_id":"f","title":"t","components":[` + row(`{"type":4,"custom_id":"q","label":"Q","style":1,"min_length":2,"max_length":3}`) + `]}}`)
	for _, tt := range []struct {
		name   string
		fields map[string]any
		want   string
	}{
		{"nothing", nil, `"Q" is required`},
		{"too short", map[string]any{"Q": "a"}, "takes from 2 to 3 characters, not 1"},
		{"too long", map[string]any{"q": "abcd"}, "takes from 2 to 3 characters, not 4"},
		{"no such field", map[string]any{"Q": "ab", "x": 1}, `has no field "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := f.s.Fill(f.anna, f.general, tt.fields); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	f.of(f.s.Fill(f.anna, f.general, map[string]any{"Q": "abc"})).reply(`{"type":5}`)
	if _, err := f.s.Fill(f.anna, f.general, map[string]any{"Q": "abc"}); err == nil || !strings.Contains(err.Error(), "no form is open") {
		t.Errorf("a form is sent twice: %v", err)
	}
	f.slash("a", nil)
	if _, err := f.s.Press(f.anna, f.general, 0, "Yes"); err == nil || !strings.Contains(err.Error(), "has not acknowledged what Anna did before") {
		t.Errorf("got %v", err)
	}
	if _, err := f.s.Press(f.anna, f.general, panel, "Yes"); err != nil { // the command was no part of it
		t.Error(err)
	}
	if _, err := f.s.Press(f.anna, f.general, panel, "Yes"); err == nil {
		t.Error("the button is pressed twice at once")
	}
}
