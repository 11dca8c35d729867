package fakediscord

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// commands returns the path of the bot's global commands.
func (f *fixture) commands() string { return "/applications/" + f.s.Me().String() + "/commands" }

// many returns n JSON values made by a format with one number, joined by commas.
func many(n int, format string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(all, ",")
}

// option returns the JSON of an option with more fields.
func optionJSON(kind int, name, more string) string {
	return fmt.Sprintf(`{"type":%d,"name":%q,"description":"d"%s}`, kind, name, more)
}

// TestCommandErrors: each rule of Discord's for definitions, with the path of the
// field in the error.
func TestCommandErrors(t *testing.T) {
	f := newFixture(t, Config{})
	slash := func(options string) string { return `{"name":"a","description":"d","options":[` + options + `]}` }
	at := func(path, code string) string {
		want := `{"_errors":[{"code":"` + code + `"`
		parts := strings.Split(path, ".")
		for i := len(parts) - 1; i >= 0; i-- {
			want = `"` + parts[i] + `":` + want
			if i > 0 {
				want = "{" + want
			}
		}
		return want
	}
	long := strings.Repeat("я", 101)
	for _, tt := range []struct{ name, body, want string }{
		{"no name", `{"description":"d"}`, at("name", "BASE_TYPE_REQUIRED")},
		{"no description", `{"name":"a"}`, at("description", "BASE_TYPE_REQUIRED")},
		{"an empty description", `{"name":"a","description":""}`, at("description", "BASE_TYPE_REQUIRED")},
		{"a long name", `{"name":"` + strings.Repeat("a", 33) + `","description":"d"}`, at("name", "BASE_TYPE_BAD_LENGTH")},
		{"a long description", `{"name":"a","description":"` + long + `"}`, at("description", "BASE_TYPE_BAD_LENGTH")},
		{"a capital letter", `{"name":"Ban","description":"d"}`, at("name", "APPLICATION_COMMAND_INVALID_NAME")},
		{"a space", `{"name":"ban him","description":"d"}`, at("name", "APPLICATION_COMMAND_INVALID_NAME")},
		{"a sign", `{"name":"ban!","description":"d"}`, at("name", "APPLICATION_COMMAND_INVALID_NAME")},
		{"an unknown type", `{"name":"a","description":"d","type":9}`, at("type", "BASE_TYPE_CHOICES")},
		{"a described menu", `{"name":"A b","description":"d","type":2}`, at("description", "APPLICATION_COMMAND_DESCRIPTION_INVALID")},
		{"a menu with options", `{"name":"A b","type":3,"options":[` + optionJSON(3, "a", "") + `]}`, at("options", "APPLICATION_COMMAND_OPTIONS_INVALID")},
		{"a blank menu", `{"name":"  ","type":3}`, at("name", "APPLICATION_COMMAND_INVALID_NAME")},
		{"an unknown language", `{"name":"a","description":"d","name_localizations":{"xx":"b"}}`, at("name_localizations.xx", "ENUM_TYPE_COERCE")},
		{"a wrong translation", `{"name":"a","description":"d","name_localizations":{"ru":"Бан"}}`, at("name_localizations.ru", "APPLICATION_COMMAND_INVALID_NAME")},
		{"a long translation", `{"name":"a","description":"d","description_localizations":{"ru":"` + long + `"}}`, at("description_localizations.ru", "BASE_TYPE_BAD_LENGTH")},
		{"wrong permissions", `{"name":"a","description":"d","default_member_permissions":"x"}`, at("default_member_permissions", "NUMBER_TYPE_COERCE")},
		{"an unknown context", `{"name":"a","description":"d","contexts":[3]}`, at("contexts.0", "BASE_TYPE_CHOICES")},
		{"a context twice", `{"name":"a","description":"d","contexts":[0,0]}`, at("contexts", "SET_TYPE_ALREADY_CONTAINS_VALUE")},
		{"no context", `{"name":"a","description":"d","contexts":[]}`, at("contexts", "BASE_TYPE_BAD_LENGTH")},
		{"26 options", slash(many(26, `{"type":3,"name":"o%d","description":"d"}`)), at("options", "BASE_TYPE_BAD_LENGTH")},
		{"an option without a type", slash(`{"name":"a","description":"d"}`), at("options.0.type", "BASE_TYPE_REQUIRED")},
		{"an option of an unknown type", slash(optionJSON(12, "a", "")), at("options.0.type", "BASE_TYPE_CHOICES")},
		{"a wrong name of an option", slash(optionJSON(3, "A", "")), at("options.0.name", "APPLICATION_COMMAND_INVALID_NAME")},
		{"an option without a description", slash(`{"type":3,"name":"a"}`), at("options.0.description", "BASE_TYPE_REQUIRED")},
		{"two options of a name", slash(optionJSON(3, "a", "") + "," + optionJSON(4, "a", "")), at("options.1", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")},
		{"a required option last", slash(optionJSON(3, "a", "") + "," + optionJSON(3, "b", `,"required":true`)), at("options.1", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID")},
		{"options beside subcommands", slash(optionJSON(1, "a", "") + "," + optionJSON(3, "b", "")), at("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID")},
		{"a group in a group", slash(optionJSON(2, "a", `,"options":[`+optionJSON(2, "b", "")+`]`)), at("options.0.options.0.type", "BASE_TYPE_CHOICES")},
		{"a subcommand in a subcommand", slash(optionJSON(1, "a", `,"options":[`+optionJSON(1, "b", "")+`]`)), at("options.0.options.0.type", "BASE_TYPE_CHOICES")},
		{"a deep mistake", slash(optionJSON(2, "a", `,"options":[`+optionJSON(1, "b", `,"options":[`+optionJSON(3, "C", "")+`]`)+`]`)), at("options.0.options.0.options.0.name", "APPLICATION_COMMAND_INVALID_NAME")},
		{"26 choices", slash(optionJSON(3, "a", `,"choices":[`+many(26, `{"name":"n%d","value":"v"}`)+`]`)), at("options.0.choices", "BASE_TYPE_BAD_LENGTH")},
		{"a choice without a name", slash(optionJSON(3, "a", `,"choices":[{"value":"v"}]`)), at("options.0.choices.0.name", "BASE_TYPE_REQUIRED")},
		{"a long choice", slash(optionJSON(3, "a", `,"choices":[{"name":"`+long+`","value":"v"}]`)), at("options.0.choices.0.name", "BASE_TYPE_BAD_LENGTH")},
		{"a text as a choice of numbers", slash(optionJSON(4, "a", `,"choices":[{"name":"n","value":"v"}]`)), at("options.0.choices.0.value", "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID")},
		{"a long value", slash(optionJSON(3, "a", `,"choices":[{"name":"n","value":"`+long+`"}]`)), at("options.0.choices.0.value", "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID")},
		{"a choice twice", slash(optionJSON(3, "a", `,"choices":[{"name":"n","value":"v"},{"name":"n","value":"w"}]`)), at("options.0.choices.1", "APPLICATION_COMMAND_OPTIONS_CHOICES_NAME_ALREADY_EXISTS")},
		{"choices of a user", slash(optionJSON(6, "a", `,"choices":[{"name":"n","value":"v"}]`)), at("options.0.choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_TYPE_INVALID")},
		{"completed choices", slash(optionJSON(3, "a", `,"autocomplete":true,"choices":[{"name":"n","value":"v"}]`)), at("options.0.autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES")},
		{"a completed user", slash(optionJSON(6, "a", `,"autocomplete":true`)), at("options.0.autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_TYPE_INVALID")},
		{"bounds of a text", slash(optionJSON(3, "a", `,"min_value":1`)), at("options.0.min_value", "APPLICATION_COMMAND_OPTIONS_BOUNDS_TYPE_INVALID")},
		{"a fraction as a bound", slash(optionJSON(4, "a", `,"max_value":1.5`)), at("options.0.max_value", "NUMBER_TYPE_COERCE")},
		{"crossed bounds", slash(optionJSON(10, "a", `,"min_value":2,"max_value":1.5`)), at("options.0", "APPLICATION_COMMAND_OPTIONS_BOUNDS_INVALID")},
		{"lengths of a number", slash(optionJSON(4, "a", `,"max_length":5`)), at("options.0.max_length", "APPLICATION_COMMAND_OPTIONS_BOUNDS_TYPE_INVALID")},
		{"a length too great", slash(optionJSON(3, "a", `,"max_length":6001`)), at("options.0.max_length", "NUMBER_TYPE_MAX")},
		{"types of channels of a text", slash(optionJSON(3, "a", `,"channel_types":[0]`)), at("options.0.channel_types", "APPLICATION_COMMAND_OPTIONS_BOUNDS_TYPE_INVALID")},
		{"too large in another language", slash(many(25, `{"type":3,"name":"o%d","description":"d","choices":[{"name":"n","name_localizations":{"ru":"`+strings.Repeat("я", 100)+`"},"value":"`+strings.Repeat("v", 100)+`"},{"name":"m","name_localizations":{"de":"`+strings.Repeat("ä", 100)+`"},"value":"`+strings.Repeat("w", 100)+`"}]}`)), "APPLICATION_COMMAND_TOO_LARGE"},
		{"too large", slash(many(25, `{"type":3,"name":"o%d","description":"d","choices":[{"name":"`+strings.Repeat("n", 99)+`","value":"`+strings.Repeat("v", 100)+`"},{"name":"`+strings.Repeat("m", 99)+`","value":"`+strings.Repeat("w", 100)+`"}]}`)), `"errors":{"_errors":[{"code":"APPLICATION_COMMAND_TOO_LARGE","message":"Command exceeds maximum size (8000)"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			if r := f.refused(400, 50035, "POST", f.commands(), tt.body); !strings.Contains(r.body, tt.want) {
				t.Errorf("%s\nwant %s", r.body, tt.want)
			}
			if n := len(f.s.commands); n != 0 {
				t.Errorf("there are %d commands", n)
			}
		})
	}
	f.t = t
	if r := f.refused(400, 50035, "PUT", f.commands(), `[{"name":"a","description":"d"},{"name":"B","description":"d"}]`); !strings.Contains(r.body, at("1.name", "APPLICATION_COMMAND_INVALID_NAME")) {
		t.Error(r.body)
	}
	if r := f.refused(400, 50035, "PUT", f.commands(), `[{"name":"a","description":"d"},{"name":"a","description":"e"}]`); !strings.Contains(r.body, at("1.name", "APPLICATION_COMMANDS_DUPLICATE_NAME")) {
		t.Error(r.body)
	}
	f.refused(400, 50035, "PUT", f.commands(), `{}`)
	f.refused(400, 30032, "PUT", f.commands(), "["+many(101, `{"name":"c%d","description":"d"}`)+"]")
	f.refused(400, 30032, "PUT", f.commands(), "["+many(16, `{"name":"c%d","type":2}`)+"]")
	f.refused(403, 20012, "GET", "/applications/5/commands", "")
	f.refused(403, 50001, "GET", "/applications/"+f.s.Me().String()+"/guilds/5/commands", "")
	f.refused(404, 10063, "GET", f.commands()+"/5", "")
	f.refused(404, 10066, "GET", "/applications/"+f.s.Me().String()+"/guilds/"+f.guild.String()+"/commands/5/permissions", "")
	if r := f.call("GET", "/applications/"+f.s.Me().String()+"/guilds/"+f.guild.String()+"/commands/permissions", ""); r.body != "[]" {
		t.Error(r.body)
	}
}

// TestCommandCalls: commands are made, read, changed and replaced.
func TestCommandCalls(t *testing.T) {
	f := newFixture(t, Config{})
	made := f.call("POST", f.commands(), `{"name":"бан","description":"d","name_localizations":{"en-GB":"ban"},"default_member_permissions":"4","options":[{"type":4,"name":"n","description":"d","min_value":1,"name_localizations":{"ru":"число"}}]}`)
	id := text(made.json, "id")
	if made.status != 201 || made.json["application_id"] != f.s.Me().String() || number(made.json, "type") != 1 || made.json["default_member_permissions"] != "4" ||
		made.json["guild_id"] != nil || made.json["version"] == nil || made.json["dm_permission"] != true || made.json["contexts"] != nil {
		t.Errorf("got %d %s", made.status, made.body)
	}
	again := f.call("POST", f.commands(), `{"name":"бан","description":"e","options":[{"type":4,"name":"n","description":"d"}]}`)
	if again.status != 200 || again.json["id"] != id || again.json["version"] == made.json["version"] || again.json["default_member_permissions"] != nil {
		t.Errorf("got %d %s", again.status, again.body)
	}
	changed := f.ok("PATCH", f.commands()+"/"+id, `{"name":"kick","name_localizations":{"ru":"пнуть"},"default_member_permissions":"2"}`)
	if changed["id"] != id || changed["name"] != "kick" || changed["description"] != "e" || len(changed["options"].([]any)) != 1 {
		t.Errorf("got %v", changed)
	}
	changed = f.ok("PATCH", f.commands()+"/"+id, `{"description":"f"}`)
	if changed["name"] != "kick" || changed["description"] != "f" || changed["default_member_permissions"] != "2" {
		t.Errorf("got %v", changed)
	}
	if got := f.call("GET", f.commands(), "").body; strings.Contains(got, "localizations") {
		t.Errorf("translations were not asked for: %s", got)
	}
	if got := f.call("GET", f.commands()+"?with_localizations=true", "").body; !strings.Contains(got, `"ru":"пнуть"`) {
		t.Errorf("got %s", got)
	}
	f.ok("POST", f.commands(), `{"name":"other","description":"d"}`)
	f.refused(400, 50035, "PATCH", f.commands()+"/"+id, `{"name":"other"}`)
	before := f.ok("GET", f.commands()+"/"+id, "")["version"]
	put := f.call("PUT", f.commands(), `[{"name":"new","description":"d"},{"name":"kick","name_localizations":{"ru":"пнуть"},"default_member_permissions":"2","description":"f","options":[{"type":4,"name":"n","description":"d"}]},{"name":"Kick him","type":2}]`)
	v, _ := decode([]byte(put.body))
	all, _ := v.([]any)
	if len(all) != 3 || all[1].(object)["id"] != id || all[1].(object)["version"] != before {
		t.Errorf("got %s, want the version %v", put.body, before)
	}
	guild := "/applications/" + f.s.Me().String() + "/guilds/" + f.guild.String() + "/commands"
	if x := f.ok("POST", guild, `{"name":"kick","description":"d"}`); x["guild_id"] != f.guild.String() || x["id"] == id {
		t.Errorf("got %v", x)
	}
	if r := f.call("DELETE", f.commands()+"/"+id, ""); r.status != 204 {
		t.Errorf("got %d", r.status)
	}
	f.refused(404, 10063, "DELETE", f.commands()+"/"+id, "")
	if r := f.call("PUT", f.commands(), `[]`); r.status != 200 || r.body != "[]" {
		t.Errorf("got %d %s", r.status, r.body)
	}
	if n := len(f.s.commands); n != 1 {
		t.Errorf("%d commands are left", n)
	}
}

// TestCommandsOfADay: no more than 200 commands are made in a day.
func TestCommandsOfADay(t *testing.T) {
	f := newFixture(t, Config{})
	f.ok("PUT", f.commands(), "["+many(100, `{"name":"a%d","description":"d"}`)+"]")
	f.ok("PUT", f.commands(), "["+many(100, `{"name":"b%d","description":"d"}`)+"]")
	f.ok("PUT", f.commands(), "["+many(100, `{"name":"b%d","description":"e"}`)+"]") // none is new
	f.refused(400, 30034, "PUT", f.commands(), `[{"name":"c","description":"d"}]`)
	f.s.mu.Lock()
	for i := range f.s.created[0] {
		f.s.created[0][i] = f.s.created[0][i].Add(-24 * time.Hour)
	}
	f.s.mu.Unlock()
	f.ok("PUT", f.commands(), `[{"name":"c","description":"d"}]`)
}
