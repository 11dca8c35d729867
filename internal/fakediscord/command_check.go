package fakediscord

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// locales are the languages of Discord's clients.
var locales = strings.Fields("id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja zh-TW ko")

var slashName = regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]+$`)

// command reads the definition of a command of a type and returns it as it is
// stored.
func (f form) command(kind int) object {
	f.require("name")
	doc := object{"name_localizations": nil, "description": "", "description_localizations": nil}
	if kind == commandSlash {
		f.slashName(doc)
		f.description(doc)
		if l := f.options(0); len(l) > 0 {
			doc["options"] = l
		}
	} else {
		f.menuName(doc)
	}
	f.commandPlaces(doc)
	if characters(doc) > maxCharacters {
		f.fail("", "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (%d)", maxCharacters)
	}
	return doc
}

// commandPlaces reads the fields about the people and the places that a command is
// offered to.
func (f form) commandPlaces(doc object) {
	doc["default_member_permissions"], doc["nsfw"], doc["dm_permission"] = nil, false, true
	if bits, ok := f.bits("default_member_permissions"); ok {
		doc["default_member_permissions"] = bits
	}
	f.setBool(doc, "nsfw")
	f.setBool(doc, "dm_permission")
	doc["contexts"], doc["integration_types"] = nil, []any{0}
	if l := f.set("contexts", contextGuild, contextBotDM, contextPrivate); l != nil {
		doc["contexts"] = l
	}
	if l := f.set("integration_types", 0, 1); l != nil {
		doc["integration_types"] = l
	}
}

// set returns a list of different integers that must be among those given.
func (f form) set(name string, of ...int) []any {
	given, ok := f.list(name, 1, len(of))
	if !ok {
		return nil
	}
	l := make([]any, 0, len(given))
	for i, v := range given {
		n, isNumber := v.(json.Number)
		switch {
		case !isNumber || !slices.Contains(of, intOf(n)):
			f.fail(name+"."+strconv.Itoa(i), "BASE_TYPE_CHOICES", "Value must be one of %v.", of)
		case slices.Contains(l, any(intOf(n))):
			f.fail(name, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
		}
		l = append(l, intOf(v))
	}
	return l
}

// translated reads a text and its translations; check looks at each.
func (f form) translated(doc object, name string, hi int, check func(f form, name, text string)) {
	if s, ok := f.text(name, 1, hi); ok {
		doc[name] = s
		check(f, name, s)
	}
	translations, ok := f.sub(name + "_localizations")
	if !ok {
		return
	}
	to := object{}
	for locale := range translations.body {
		if !slices.Contains(locales, locale) {
			translations.fail(locale, "ENUM_TYPE_COERCE", "Value %q is not a valid enum value.", locale)
			continue
		}
		if s, ok := translations.text(locale, 1, hi); ok {
			to[locale] = s
			check(translations, locale, s)
		}
	}
	if len(to) > 0 {
		doc[name+"_localizations"] = to
	}
}

// slashName reads the name of a slash command or of an option.
func (f form) slashName(doc object) {
	f.translated(doc, "name", 32, func(f form, name, s string) {
		if !slashName.MatchString(s) || s != strings.ToLower(s) {
			f.fail(name, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
		}
	})
}

// menuName reads the name of a command in a menu, which has no description.
func (f form) menuName(doc object) {
	f.translated(doc, "name", 32, func(f form, name, s string) {
		if strings.TrimSpace(s) == "" {
			f.fail(name, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
		}
	})
	if s, _ := f.body["description"].(string); s != "" {
		f.fail("description", "APPLICATION_COMMAND_DESCRIPTION_INVALID", "Context menu commands cannot have description")
	}
	if l, _ := f.body["options"].([]any); len(l) > 0 {
		f.fail("options", "APPLICATION_COMMAND_OPTIONS_INVALID", "Context menu commands cannot have options")
	}
}

func (f form) description(doc object) {
	f.require("description")
	f.translated(doc, "description", 100, func(form, string, string) {})
}

// options reads the options within a command, a group or a subcommand. The
// command's type is 0.
func (f form) options(within int) []any {
	given, _ := f.list("options", 0, 25)
	out := make([]any, 0, len(given))
	names := make(map[string]bool)
	optional, nested, plain := false, false, false
	for i, v := range given {
		place := "options." + strconv.Itoa(i)
		o, ok := f.model(place, v)
		if !ok {
			continue
		}
		to := o.option(within)
		name := text(to, "name")
		if names[name] && name != "" {
			f.fail(place, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")
		}
		names[name] = true
		if number(to, "type") <= optionGroup {
			nested = true
		} else {
			plain = true
			if !truth(to, "required") {
				optional = true
			} else if optional {
				f.fail(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
			}
		}
		out = append(out, to)
	}
	if nested && plain {
		f.fail("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types")
	}
	return out
}

// optionTypes are the types of options that may be within another.
var optionTypes = map[int][]int{
	0:                {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
	optionGroup:      {1},
	optionSubcommand: {3, 4, 5, 6, 7, 8, 9, 10, 11},
}

// option reads one option.
func (f form) option(within int) object {
	f.require("type", "name")
	to := object{"name_localizations": nil, "description_localizations": nil}
	kind, ok := f.choice("type", optionTypes[within]...)
	f.slashName(to)
	f.description(to)
	if !ok {
		return to
	}
	to["type"] = kind
	if kind <= optionGroup {
		to["options"] = f.options(kind)
		return to
	}
	to["required"] = false
	f.setBool(to, "required")
	f.bounds(to, kind)
	choices := f.optionChoices(kind)
	if len(choices) > 0 {
		to["choices"] = choices
	}
	if complete, _ := f.bool("autocomplete"); complete {
		to["autocomplete"] = true
		if kind != optionString && kind != optionInt && kind != optionNumber {
			f.fail("autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_TYPE_INVALID", "Autocomplete is for options of the types string, integer and number")
		}
		if len(choices) > 0 {
			f.fail("autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES", "Autocomplete cannot be used with choices")
		}
	}
	return to
}

// bounds reads the bounds of an option's value.
func (f form) bounds(to object, kind int) {
	for _, name := range []string{"min_value", "max_value"} {
		v := f.body[name]
		if v == nil {
			continue
		}
		n, isNumber := v.(json.Number)
		_, err := n.Int64()
		switch {
		case kind != optionInt && kind != optionNumber:
			f.fail(name, "APPLICATION_COMMAND_OPTIONS_BOUNDS_TYPE_INVALID", "%s is for options of the types integer and number", name)
		case !isNumber || kind == optionInt && err != nil:
			f.fail(name, "NUMBER_TYPE_COERCE", "Value %q is not a number of the option's type.", n)
		default:
			to[name] = n
		}
	}
	for _, name := range []string{"min_length", "max_length"} {
		lo := 0
		if name == "max_length" {
			lo = 1
		}
		n, ok := f.int(name, lo, 6000)
		if ok && kind != optionString {
			f.fail(name, "APPLICATION_COMMAND_OPTIONS_BOUNDS_TYPE_INVALID", "%s is for options of the type string", name)
		} else if ok {
			to[name] = n
		}
	}
	if over(to, "min_value", "max_value") || over(to, "min_length", "max_length") {
		f.fail("", "APPLICATION_COMMAND_OPTIONS_BOUNDS_INVALID", "The minimum is above the maximum")
	}
	if l := f.set("channel_types", typeText, typeDM, typeVoice, typeGroupDM, typeCategory, typeNews, typeNewsThread, typePublicThread, typePrivate, typeStage, typeForum, typeMedia); l != nil {
		if kind != optionChannel {
			f.fail("channel_types", "APPLICATION_COMMAND_OPTIONS_BOUNDS_TYPE_INVALID", "channel_types is for options of the type channel")
		}
		to["channel_types"] = l
	}
}

// over reports whether both numbers are there and the first one is the greater.
func over(o object, lo, hi string) bool {
	a, aok := float(o[lo])
	b, bok := float(o[hi])
	return aok && bok && a > b
}

// float returns a number, which may be a string.
func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return 0, false
}

// optionChoices reads the choices of an option, or those that a bot offers to complete
// it.
func (f form) optionChoices(kind int) []any {
	given, ok := f.list("choices", 0, 25)
	if !ok {
		return nil
	}
	if kind != optionString && kind != optionInt && kind != optionNumber && len(given) > 0 {
		f.fail("choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_TYPE_INVALID", "Choices are for options of the types string, integer and number")
		return nil
	}
	out := make([]any, 0, len(given))
	seen := make(map[string]bool)
	for i, v := range given {
		c, ok := f.model("choices."+strconv.Itoa(i), v)
		if !ok {
			continue
		}
		to := object{"name_localizations": nil}
		c.require("name", "value")
		c.translated(to, "name", 100, func(form, string, string) {})
		c.choiceValue(to, kind)
		if name := text(to, "name"); seen[name] && name != "" {
			f.fail("choices."+strconv.Itoa(i), "APPLICATION_COMMAND_OPTIONS_CHOICES_NAME_ALREADY_EXISTS", "Choice name already exists")
		}
		seen[text(to, "name")] = true
		out = append(out, to)
	}
	return out
}

// choiceValue reads the value of a choice, which has the type of the option.
func (f form) choiceValue(to object, kind int) {
	switch v := f.body["value"].(type) {
	case nil:
		return
	case string:
		if kind == optionString && utf8.RuneCountInString(v) <= 100 {
			to["value"] = v
			return
		}
	case json.Number:
		if _, err := v.Int64(); kind == optionNumber || kind == optionInt && err == nil {
			to["value"] = v
			return
		}
	}
	f.fail("value", "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID", "The value does not fit the type of the option, or is longer than 100 characters")
}
