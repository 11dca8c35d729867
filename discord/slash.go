package discord

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// A CommandDef is the definition of a slash command, or of a command in the menus of users
// or messages, as Discord gets it.
type CommandDef struct {
	ID          ID                `json:"id,omitzero"`   // Discord's, of those that it has
	Type        CommandType       `json:"type,omitzero"` // zero is CommandSlash
	Name        string            `json:"name"`
	NameLocal   map[string]string `json:"name_localizations,omitempty"` // by locale
	Description string            `json:"description"`                  // empty in menus
	AboutLocal  map[string]string `json:"description_localizations,omitempty"`
	Options     []OptionDef       `json:"options,omitempty"`

	// Need are the permissions without which Discord does not show the command;
	// zero shows it to every user. For a command with subcommands, they are the
	// permissions that all of them need.
	Need Permissions `json:"default_member_permissions,omitzero"`

	// Contexts are the places where Discord offers the command.
	Contexts []InteractionContext `json:"contexts,omitempty"`
}

// A CommandType says where a command is shown.
type CommandType int

// The types.
const (
	CommandSlash   CommandType = 1
	CommandUser    CommandType = 2 // in the menus of users
	CommandMessage CommandType = 3 // in the menus of messages
	commandEntry   CommandType = 4 // the start of an activity, which Discord makes
)

// An InteractionContext is a place where Discord offers a command.
type InteractionContext int

// The places.
const (
	ContextGuild InteractionContext = 0
	ContextBotDM InteractionContext = 1 // the direct messages with the bot
)

// An OptionDef is an argument of a slash command, a subcommand, or a group of these.
type OptionDef struct {
	Type         OptionType        `json:"type"`
	Name         string            `json:"name"`
	NameLocal    map[string]string `json:"name_localizations,omitempty"`
	Description  string            `json:"description"`
	AboutLocal   map[string]string `json:"description_localizations,omitempty"`
	Required     bool              `json:"required,omitempty"`
	Choices      []ChoiceDef       `json:"choices,omitempty"`
	Autocomplete bool              `json:"autocomplete,omitempty"`
	Min          *int64            `json:"min_value,omitempty"`
	Max          *int64            `json:"max_value,omitempty"`
	Options      []OptionDef       `json:"options,omitempty"`
}

// A ChoiceDef is a value that an argument can have.
type ChoiceDef struct {
	Name      string            `json:"name"` // shown
	NameLocal map[string]string `json:"name_localizations,omitempty"`
	Value     string            `json:"value"` // that the bot gets
}

// An OptionType is the type of an OptionDef.
type OptionType int

// The types.
const (
	OptionSubcommand  OptionType = 1
	OptionGroup       OptionType = 2
	OptionString      OptionType = 3
	OptionInt         OptionType = 4
	OptionBool        OptionType = 5
	OptionUser        OptionType = 6
	OptionChannel     OptionType = 7
	OptionRole        OptionType = 8
	OptionMentionable OptionType = 9 // a user or a role
	OptionFloat       OptionType = 10
	OptionFile        OptionType = 11
)

// Commands returns the definitions of the bot's slash commands, in the order of
// their names, and then those of the menus of users and messages. It does not
// call Discord; [Gateway.Run] and [Client.SyncCommands] register them. Routes
// that are Hidden or [TypedOnly], and routes without words, are not included.
//
// One word of a pattern is a command, a second one its subcommand; of three
// words, the second is a group of subcommands. "ban|kick" is two commands;
// Aliases are none. The placeholders are the options, the required ones first:
//
//	int, float, bool      a number, a truth value
//	user, member          a user
//	channel, role         a channel, a role
//	user|role             a user or a role
//	file                  a file
//	Between               a number with limits
//	OneOf                 a text with choices; above 25, a text that Discord asks the bot to complete
//	everything else       a text: string, word, duration, time, url, lists, other unions, other Converters
//
// The first line of Doc is the description; without Doc, it is the usage. A
// line "name: text" of Doc describes an option; without it, it is the option's
// types. The description includes a default. The bot completes a text of a
// [Converter] with Complete.
//
// A route that Discord would refuse is rejected when it is added, with a
// [*SlashError] that names the place. Commands returns an error for a route
// that can answer nowhere, that is an InDM one for which [Router.Need] was
// called later, and for a translation of [Router.Local] that Discord would
// refuse.
func (r *Router) Commands() ([]CommandDef, error) {
	targets := r.top().registered()
	for _, t := range targets {
		if t.route == nil {
			continue
		}
		if err := t.route.checkPlace(); err != nil {
			return nil, registrationError(t.label, t.place, err)
		}
	}
	defs, err := slashCommands(targets)
	if err != nil {
		return nil, err
	}
	defs = append(defs, menuCommands(targets)...)
	top := r.top()
	top.mu.Lock()
	l := localizer{maps.Clone(top.locales)} // the maps in it do not change
	top.mu.Unlock()
	if err := l.commands(defs); err != nil {
		return nil, fmt.Errorf("discord: %w", err)
	}
	return defs, nil
}

// menuCommands returns the definitions of the commands in the menus of users and messages.
func menuCommands(targets []*target) (defs []CommandDef) {
	for _, t := range targets {
		if t.menu == (menuKey{}) {
			continue
		}
		def := CommandDef{Type: t.menu.typ, Name: t.menu.name, Need: t.route.needed()}
		if t.route.where() != InDM {
			def.Contexts = append(def.Contexts, ContextGuild)
		}
		if t.route.where() != InGuild {
			def.Contexts = append(def.Contexts, ContextBotDM)
		}
		defs = append(defs, def)
	}
	slices.SortFunc(defs, func(a, b CommandDef) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	return defs
}

// slashCommands returns the definitions of the slash commands among the targets.
func slashCommands(targets []*target) ([]CommandDef, error) {
	b := slashBuilder{}
	for _, t := range targets {
		for _, words := range t.slash {
			if err := b.add(t.route, words); err != nil {
				return nil, err
			}
		}
	}
	return b.commands()
}

// checkSlash returns the error of Discord's limits if t is added to the targets, which keep
// them.
func checkSlash(targets []*target, t *target) error {
	if t.menu != (menuKey{}) {
		return checkMenus(targets, t)
	}
	names := make(map[string]bool) // of all commands; true for those that t is a part of
	for _, words := range t.slash {
		names[words[0]] = true
	}
	if len(names) == 0 {
		return nil
	}
	var near []*target // parts of the same commands
	for _, other := range targets {
		for _, words := range other.slash {
			if !names[words[0]] {
				names[words[0]] = false
			} else if len(near) == 0 || near[len(near)-1] != other {
				near = append(near, other)
			}
		}
	}
	if len(names) > maxCommands {
		return overLimit(strings.Join(t.slash[0], " "), "commands", len(names), maxCommands)
	}
	_, err := slashCommands(append(near, t))
	return err
}

// A slashBuilder makes definitions of routes.
type slashBuilder struct {
	defs []*slashCommand
}

// A slashCommand is a command that is being made.
type slashCommand struct {
	def    CommandDef
	alone  bool // it has no subcommands
	places [2]bool
	any    bool // Need is set
}

// add adds the command with some of the words of a route.
func (b *slashBuilder) add(rt *Route, words []string) error {
	name := strings.Join(words, " ")
	if err := checkWords(name, words); err != nil {
		return err
	}
	doc := rt.docs(name)
	options, err := rt.options(name, doc)
	if err != nil {
		return err
	}
	about, err := described(name, "", doc.summary)
	if err != nil {
		return err
	}
	cmd, isNew := b.command(words[0])
	if !isNew && (cmd.alone || len(words) == 1) {
		return &SlashError{Command: name, Text: "a command that has subcommands cannot be a command itself", Mend: "give it a word more, or set Only to TypedOnly"}
	}
	cmd.alone = len(words) == 1
	if cmd.alone {
		cmd.def.Description, cmd.def.Options = about, options
	} else if cmd.def.Options, err = addSubcommand(name, cmd.def.Options, words[1:], OptionDef{Type: OptionSubcommand, Description: about, Options: options}); err != nil {
		return err
	}
	cmd.allow(rt)
	return nil
}

// command returns the command of a name, a new one if there is none.
func (b *slashBuilder) command(name string) (cmd *slashCommand, isNew bool) {
	for _, cmd := range b.defs {
		if cmd.def.Name == name {
			return cmd, false
		}
	}
	cmd = &slashCommand{def: CommandDef{Name: name}}
	b.defs = append(b.defs, cmd)
	return cmd, true
}

// allow adds the permissions and places of a route.
func (cmd *slashCommand) allow(rt *Route) {
	need := rt.needed()
	if !cmd.any {
		cmd.any, cmd.def.Need = true, need
	}
	cmd.def.Need &= need
	in := rt.where()
	cmd.places[ContextGuild] = cmd.places[ContextGuild] || in != InDM
	cmd.places[ContextBotDM] = cmd.places[ContextBotDM] || in != InGuild
}

// addSubcommand adds a subcommand to the options of a command, or of a group in it.
func addSubcommand(name string, options []OptionDef, words []string, sub OptionDef) ([]OptionDef, error) {
	i := slices.IndexFunc(options, func(o OptionDef) bool { return o.Name == words[0] })
	if len(words) == 1 {
		if i >= 0 {
			return nil, &SlashError{Command: name, Text: "a subcommand that has subcommands cannot be a command itself", Mend: "give it a word more, or set Only to TypedOnly"}
		}
		sub.Name = words[0]
		options = append(options, sub)
	} else {
		switch {
		case i < 0:
			i = len(options)
			options = append(options, OptionDef{Type: OptionGroup, Name: words[0]})
		case options[i].Type != OptionGroup:
			return nil, &SlashError{Command: name, Text: "a subcommand that has subcommands cannot be a command itself", Mend: "give it a word more, or set Only to TypedOnly"}
		}
		inner, err := addSubcommand(name, options[i].Options, words[1:], sub)
		if err != nil {
			return nil, err
		}
		options[i].Options = inner
	}
	if len(options) > maxOptions {
		return nil, overLimit(name, "subcommands", len(options), maxOptions)
	}
	return options, nil
}

// commands returns the definitions.
func (b *slashBuilder) commands() ([]CommandDef, error) {
	defs := make([]CommandDef, 0, len(b.defs))
	for _, cmd := range b.defs {
		def := cmd.def
		if !cmd.alone {
			def.Description = listed(def.Options)
			for i := range def.Options {
				if o := &def.Options[i]; o.Type == OptionGroup {
					o.Description = listed(o.Options)
				}
			}
		}
		for place, offered := range cmd.places {
			if offered {
				def.Contexts = append(def.Contexts, InteractionContext(place))
			}
		}
		if n := def.characters(); n > maxCharacters {
			return nil, tooLarge(def.Name, n, "shorten the Doc, or set Only to TypedOnly")
		}
		defs = append(defs, def)
	}
	slices.SortFunc(defs, func(a, b CommandDef) int { return strings.Compare(a.Name, b.Name) })
	return defs, nil
}

// listed returns the description of a command with subcommands: their names.
func listed(options []OptionDef) string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return clipped(strings.Join(names, ", "))
}

// options returns the options of a route, the required ones first.
func (rt *Route) options(name string, doc docs) ([]OptionDef, error) {
	if n := len(rt.params); n > maxOptions {
		return nil, overLimit(name, "options", n, maxOptions)
	}
	var required, optional []OptionDef
	for i := range rt.params {
		p := &rt.params[i]
		o, err := optionOf(name, p, rt.convs[i], doc.params[p.Name])
		switch {
		case err != nil:
			return nil, err
		case o.Required:
			required = append(required, o)
		default:
			optional = append(optional, o)
		}
	}
	return append(required, optional...), nil
}

// optionOf returns the option of a placeholder.
func optionOf(name string, p *command.Param, convs []Converter, about string) (o OptionDef, err error) {
	if err := checkName(name, p.Name, p.Name); err != nil {
		return o, err
	}
	o = OptionDef{Type: optionType(p, convs), Name: p.Name, Required: !p.Optional && !p.HasDefault}
	if words := p.Choices(); words != nil && !p.List {
		if o.Autocomplete = len(words) > maxChoices; !o.Autocomplete {
			for _, word := range words {
				o.Choices = append(o.Choices, ChoiceDef{Name: word, Value: word})
			}
		}
		if err := checkChoices(name, p.Name, words); err != nil {
			return o, err
		}
	}
	if o.Type == OptionString && !p.List && len(o.Choices) == 0 && slices.ContainsFunc(convs, func(v Converter) bool { return v.Complete != nil }) {
		o.Autocomplete = true
	}
	if len(convs) == 1 && convs[0].integer && o.Type == OptionInt {
		least, most := convs[0].min, convs[0].max
		o.Min, o.Max = &least, &most
		if least < -maxNumber || most > maxNumber {
			return o, &SlashError{name, p.Name, fmt.Sprintf("the numbers go from %d to %d, and Discord takes 53 bits", least, most), "narrow the limits of Between, or set Only to TypedOnly"}
		}
	}
	if about == "" {
		about = clipped(p.Want())
		if o.Choices != nil || o.Autocomplete {
			about = p.Name
		}
	}
	o.Description, err = described(name, p.Name, about)
	if p.HasDefault && p.Default != "" {
		o.Description = clipped(o.Description + " (default " + p.Default + ")")
	}
	return o, err
}

// optionType returns the type of the option of a placeholder.
func optionType(p *command.Param, convs []Converter) OptionType {
	if len(convs) == 1 && convs[0].integer && !p.List && !p.Rest {
		return OptionInt
	}
	if p.List || p.Rest || slices.ContainsFunc(convs, func(v Converter) bool { return !v.builtin }) {
		return OptionString
	}
	switch strings.Join(p.Types, "|") {
	case "int":
		return OptionInt
	case "float":
		return OptionFloat
	case "bool":
		return OptionBool
	case "user", "member":
		return OptionUser
	case "channel":
		return OptionChannel
	case "role":
		return OptionRole
	case "file":
		return OptionFile
	case "user|role", "role|user", "member|role", "role|member":
		return OptionMentionable
	}
	return OptionString
}

// docs are the descriptions in a Doc.
type docs struct {
	summary string
	params  map[string]string
}

// docs returns the descriptions of a route for the command name.
func (rt *Route) docs(name string) docs {
	summary, rest, _ := strings.Cut(strings.TrimSpace(rt.Doc), "\n")
	d := docs{summary: strings.TrimSpace(summary), params: make(map[string]string)}
	if d.summary == "" {
		usage, _ := command.UsageAs(rt.Pattern, rt.target.words, strings.Fields(name))
		d.summary = clipped(usage)
	}
	for line := range strings.SplitSeq(rest, "\n") {
		param, about, ok := strings.Cut(line, ":")
		param, about = strings.TrimSpace(param), strings.TrimSpace(about)
		if ok && about != "" && slices.ContainsFunc(rt.params, func(p command.Param) bool { return p.Name == param }) {
			d.params[param] = about
		}
	}
	return d
}
