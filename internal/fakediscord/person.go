package fakediscord

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A ClientError says that Discord's own client does not let a person do something,
// so that the bot is not asked.
type ClientError struct {
	Reason string
	Absent bool // the thing that the person looks for is not there, but may come
}

// Error returns the reason.
func (e *ClientError) Error() string { return "fakediscord: Discord's client: " + e.Reason }

func unable(format string, args ...any) error {
	return &ClientError{Reason: fmt.Sprintf(format, args...)}
}

func absent(format string, args ...any) error {
	return &ClientError{Reason: fmt.Sprintf(format, args...), Absent: true}
}

// A person is a user in a channel.
type person struct {
	s  *Server
	u  *user
	ch *channel
}

// person returns a user in a channel that the user sees.
func (s *Server) person(id, in ID) (person, error) {
	u, ch := s.users[id], s.channels[in]
	switch {
	case u == nil:
		return person{}, errUser
	case ch == nil:
		return person{}, errChannel
	case !s.permissions(ch, u).Has(PermViewChannel):
		return person{}, unable("%s does not see the channel", u.global)
	}
	return person{s, u, ch}, nil
}

// local returns a text in the language of the person's client.
func (p person) local(o object, name string) string {
	translations, _ := o[name+"_localizations"].(object)
	if s := text(translations, p.u.language()); s != "" {
		return s
	}
	return text(o, name)
}

// calls reports whether a definition has a name, in the language of the person's
// client or as the bot knows it.
func (p person) calls(o object, name string) bool {
	return p.local(o, "name") == name || text(o, "name") == name
}

// offers reports whether the client offers a command to the person.
func (p person) offers(x *command) bool {
	g := p.ch.guild
	contexts, limited := x.doc["contexts"].([]any)
	if g == nil {
		if x.guild != 0 || !truth(x.doc, "dm_permission") {
			return false
		}
		return !limited || slices.Contains(contexts, any(contextBotDM))
	}
	if x.guild != 0 && x.guild != g.id || x.guild == 0 && limited && !slices.Contains(contexts, any(contextGuild)) {
		return false
	}
	if g.member(p.s.me.id) == nil || truth(x.doc, "nsfw") && !truth(p.ch.doc, "nsfw") {
		return false
	}
	has := p.s.permissions(p.ch, p.u)
	if !has.Has(PermUseCommands) {
		return false
	}
	need, ok := x.doc["default_member_permissions"].(Permissions)
	if !ok || has == allPermissions {
		return true
	}
	return need != 0 && has.Has(need)
}

// command returns a command that the client offers. One of the guild goes before a
// global one of the same name.
func (p person) command(kind int, name string) (*command, error) {
	var found *command
	hidden := false
	for _, x := range p.s.commands {
		if x.kind != kind || !p.calls(x.doc, name) {
			continue
		}
		if !p.offers(x) {
			hidden = true
		} else if found == nil || x.guild != 0 {
			found = x
		}
	}
	switch {
	case found != nil:
		return found, nil
	case hidden:
		return nil, unable("%s is not offered %q here: see its permissions, contexts and nsfw", p.u.global, name)
	}
	return nil, absent("the bot has no command %q", name)
}

// An Offer is a command that the client offers to a person.
type Offer struct {
	Type        int    `json:"type"` // 1 slash, 2 in the menu of users, 3 in that of messages
	Name        string `json:"name"` // with its group and its subcommand, in the person's language
	Description string `json:"description,omitempty"`
}

// Offers returns the commands that the client offers to a person in a channel.
func (s *Server) Offers(as, channel ID) ([]Offer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.person(as, channel)
	if err != nil {
		return nil, err
	}
	all := []Offer{}
	for _, x := range s.commands {
		if p.offers(x) {
			all = append(all, p.leaves(x.kind, "", x.doc)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Offer) int { return cmp.Or(a.Type-b.Type, strings.Compare(a.Name, b.Name)) })
	return all, nil
}

// leaves returns a command, or its subcommands.
func (p person) leaves(kind int, before string, o object) []Offer {
	name := strings.TrimSpace(before + " " + p.local(o, "name"))
	var all []Offer
	for _, sub := range objects(o, "options") {
		if number(sub, "type") <= optionGroup {
			all = append(all, p.leaves(kind, name, sub)...)
		}
	}
	if all == nil {
		all = []Offer{{kind, name, p.local(o, "description")}}
	}
	return all
}

// Slash uses a slash command as a person: "ban", "mod role add". The options are by
// their names; see [Upload] for files. It returns the ID of the interaction or a
// [*ClientError]; the effects are in the timeline.
func (s *Server) Slash(as, channel ID, words string, options map[string]any) (ID, error) {
	return s.useSlash(as, channel, words, options, "")
}

// Complete asks for the choices of an option while a person types. The text
// typed is among the options.
func (s *Server) Complete(as, channel ID, words, option string, options map[string]any) (ID, error) {
	if option == "" {
		return 0, unable("the option to complete is missing")
	}
	return s.useSlash(as, channel, words, options, option)
}

func (s *Server) useSlash(as, channel ID, words string, options map[string]any, focused string) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.person(as, channel)
	if err != nil {
		return 0, err
	}
	names := strings.Fields(words)
	if len(names) == 0 {
		return 0, unable("the name of the command is missing")
	}
	x, err := p.command(commandSlash, strings.TrimPrefix(names[0], "/"))
	if err != nil {
		return 0, err
	}
	path, err := p.subcommand(x.doc, names[1:])
	if err != nil {
		return 0, err
	}
	u := &usage{person: p, resolved: make(object), given: options, focused: focused}
	filled, err := u.fill(path[len(path)-1])
	if err != nil {
		return 0, err
	}
	for i := len(path) - 1; i > 0; i-- {
		filled = []any{object{"type": path[i]["type"], "name": path[i]["name"], "options": filled}}
	}
	data := object{"id": x.id, "name": x.name(), "type": commandSlash}
	if len(filled) > 0 {
		data["options"] = filled
	}
	in := &interaction{kind: interactionCommand, user: p.u, channel: p.ch, command: x, option: u.option}
	if focused != "" {
		in.kind = interactionAutocomplete
	}
	return p.use(in, data, u.resolved, "/"+strings.Join(append(names, u.said...), " ")), nil
}

// subcommand returns the definitions of a command, its group and its subcommand.
func (p person) subcommand(doc object, names []string) ([]object, error) {
	path := []object{doc}
	for _, name := range names {
		i := slices.IndexFunc(objects(doc, "options"), func(o object) bool { return number(o, "type") <= optionGroup && p.calls(o, name) })
		if i < 0 {
			hint := ""
			if all := objects(doc, "options"); len(all) > 0 && number(all[0], "type") > optionGroup {
				hint = fmt.Sprintf(": its options are given by their names, such as %q", text(all[0], "name"))
			}
			return nil, absent("/%s has no subcommand %q%s", text(path[0], "name"), name, hint)
		}
		doc = objects(doc, "options")[i]
		path = append(path, doc)
	}
	for _, o := range objects(doc, "options") {
		if number(o, "type") <= optionGroup {
			return nil, unable("/%s wants one of its subcommands, such as %q", text(path[0], "name"), text(o, "name"))
		}
	}
	return path, nil
}

// use begins the interaction of a command.
func (p person) use(in *interaction, data, resolved object, said string) ID {
	if in.command.guild != 0 {
		data["guild_id"] = in.command.guild
	}
	if len(resolved) > 0 {
		data["resolved"] = resolved
	}
	if in.kind == interactionCommand {
		p.s.record(Happening{Kind: HappeningCommand, GuildID: p.ch.guildID(), ChannelID: p.ch.id, UserID: p.u.id, Text: said, Only: p.u.id})
	}
	return p.s.begin(in, data)
}

// UserMenu uses a command in the menu of a user.
func (s *Server) UserMenu(as, channel ID, name string, target ID) (ID, error) {
	return s.menu(as, channel, commandUser, name, target)
}

// MessageMenu uses a command in the menu of a message of the channel.
func (s *Server) MessageMenu(as, channel ID, name string, target ID) (ID, error) {
	return s.menu(as, channel, commandMessage, name, target)
}

func (s *Server) menu(as, channel ID, kind int, name string, target ID) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.person(as, channel)
	if err != nil {
		return 0, err
	}
	x, err := p.command(kind, name)
	if err != nil {
		return 0, err
	}
	u := &usage{person: p, resolved: make(object)}
	about := ""
	if kind == commandUser {
		if u.user(target) == nil {
			return 0, errUser
		}
		about = s.users[target].global
	} else {
		m := s.visible(p.ch, target, p.u)
		if m == nil {
			return 0, errMessage
		}
		u.resolve("messages", m.id, m.object(s.me))
		about = text(m.doc, "content")
	}
	data := object{"id": x.id, "name": x.name(), "type": kind, "target_id": target}
	in := &interaction{kind: interactionCommand, user: p.u, channel: p.ch, command: x}
	return p.use(in, data, u.resolved, name+" on "+about), nil
}
