package fakediscord

import "unicode/utf8"

// The types of application commands.
const (
	commandSlash   = 1
	commandUser    = 2 // in the menu of a user
	commandMessage = 3 // in the menu of a message
)

// The types of options.
const (
	optionSubcommand  = 1
	optionGroup       = 2
	optionString      = 3
	optionInt         = 4
	optionBool        = 5
	optionUser        = 6
	optionChannel     = 7
	optionRole        = 8
	optionMentionable = 9
	optionNumber      = 10
	optionAttachment  = 11
)

// The places where a command is offered.
const (
	contextGuild   = 0
	contextBotDM   = 1
	contextPrivate = 2
)

const (
	maxSlashCommands = 100
	maxMenuCommands  = 15
	maxCreations     = 200  // of commands, in a day and in one place
	maxCharacters    = 8000 // of a command
)

// A command is an application command.
type command struct {
	id      ID
	guild   ID // 0 for a global one
	kind    int
	version ID
	doc     object // name, description, options and the rest of the definition
}

func (c *command) name() string { return text(c.doc, "name") }

// object returns the command as the API does.
func (c *command) object(s *Server, localizations bool) object {
	o := with(c.doc, object{"id": c.id, "application_id": s.appID, "type": c.kind, "version": c.version})
	if c.guild != 0 {
		o["guild_id"] = c.guild
	}
	if !localizations {
		o = withoutLocalizations(o)
	}
	return o
}

// withoutLocalizations returns a definition without the translations in it.
func withoutLocalizations(o object) object {
	o = with(o, nil)
	delete(o, "name_localizations")
	delete(o, "description_localizations")
	for _, name := range []string{"options", "choices"} {
		if l, ok := o[name].([]any); ok {
			o[name] = list(l, func(v any) any { return withoutLocalizations(v.(object)) })
		}
	}
	return o
}

// objects returns a list of objects within a definition.
func objects(o object, name string) []object {
	l, _ := o[name].([]any)
	out := make([]object, 0, len(l))
	for _, v := range l {
		out = append(out, v.(object))
	}
	return out
}

// characters counts those of a definition that Discord limits. Of a text with
// translations, the longest one counts.
func characters(o object) int {
	n := 0
	for _, name := range []string{"name", "description"} {
		longest := utf8.RuneCountInString(text(o, name))
		translations, _ := o[name+"_localizations"].(object)
		for _, v := range translations {
			s, _ := v.(string)
			longest = max(longest, utf8.RuneCountInString(s))
		}
		n += longest
	}
	n += utf8.RuneCountInString(text(o, "value"))
	for _, name := range []string{"options", "choices"} {
		for _, inner := range objects(o, name) {
			n += characters(inner)
		}
	}
	return n
}
