package discordtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// Transcript writes down all channels in which something has happened. Nothing in
// it depends on time or chance, so it can be compared with a golden file. Only the
// latest 10,000 happenings are remembered.
func (s *Server) Transcript() string {
	var b strings.Builder
	all := s.fake.Timeline(0)
	seen := make(map[fakediscord.ID]bool)
	for _, h := range all {
		if h.ChannelID == 0 || seen[h.ChannelID] {
			continue
		}
		seen[h.ChannelID] = true
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "# %s\n%s", s.channelName(h.ChannelID), s.lines(all, h.ChannelID))
	}
	return b.String()
}

// conversation writes one channel down, for a failure.
func (s *Server) conversation(c *Channel) string {
	said := s.lines(s.fake.Timeline(0), fakediscord.ID(c.ID))
	if said == "" {
		return "Nothing was said in " + c.Name + " so far."
	}
	return "What was said in " + c.Name + ":\n\t" + strings.ReplaceAll(strings.TrimSuffix(said, "\n"), "\n", "\n\t")
}

// channelName names a channel.
func (s *Server) channelName(id fakediscord.ID) string {
	for _, g := range append(s.fake.Guilds(), fakediscord.Guild{}) {
		for _, c := range s.fake.Channels(g.ID) {
			if c.ID == id {
				return cmp.Or(c.Name, "DM")
			}
		}
	}
	return "a channel that is gone"
}

// lines writes down the happenings in a channel, and the actions on members of its
// guild.
func (s *Server) lines(all []fakediscord.Happening, channel fakediscord.ID) string {
	var guild fakediscord.ID
	for _, h := range all {
		if h.ChannelID == channel {
			guild = h.GuildID
		}
	}
	w := s.writer()
	var b strings.Builder
	for _, h := range all {
		if h.ChannelID == channel || h.ChannelID == 0 && h.GuildID == guild {
			b.WriteString(w.line(h) + "\n")
		}
	}
	return b.String()
}

// A writer writes happenings down. It knows the names of the users.
type writer struct {
	names map[fakediscord.ID]string
	texts map[fakediscord.ID]string // of messages
}

func (s *Server) writer() *writer {
	w := &writer{names: make(map[fakediscord.ID]string), texts: make(map[fakediscord.ID]string)}
	for _, u := range s.fake.Users() {
		w.names[u.ID] = u.Name
	}
	return w
}

// line writes one happening down.
func (w *writer) line(h fakediscord.Happening) string {
	m := messageOf(h)
	name, target, text := cmp.Or(w.names[h.UserID], m.Author.Username), w.names[h.Target], w.texts[h.MessageID]
	because := ""
	if h.Text != "" {
		because = ": " + h.Text
	}
	to := ""
	if h.Only != 0 {
		to = " to " + w.names[h.Only]
	}
	switch h.Kind {
	case fakediscord.HappeningMessage:
		w.texts[h.MessageID] = plain(m)
		return name + to + ": " + plain(m)
	case fakediscord.HappeningEdit:
		w.texts[h.MessageID] = plain(m)
		return name + to + " edits: " + plain(m)
	case fakediscord.HappeningDelete:
		return fmt.Sprintf("(the message %s of %s is deleted)", plain(m), name)
	case fakediscord.HappeningReact:
		return fmt.Sprintf("(%s reacts with %s to %s)", name, h.Emoji, text)
	case fakediscord.HappeningUnreact:
		return fmt.Sprintf("(%s takes %s from %s)", name, h.Emoji, text)
	case fakediscord.HappeningTyping:
		return fmt.Sprintf("(%s types)", name)
	case fakediscord.HappeningPin:
		return fmt.Sprintf("(%s pins %s)", name, text)
	case fakediscord.HappeningUnpin:
		return fmt.Sprintf("(%s unpins %s)", name, text)
	case fakediscord.HappeningBan:
		return fmt.Sprintf("(%s bans %s%s)", name, target, because)
	case fakediscord.HappeningUnban:
		return fmt.Sprintf("(%s unbans %s%s)", name, target, because)
	case fakediscord.HappeningKick:
		return fmt.Sprintf("(%s removes %s%s)", name, target, because)
	case fakediscord.HappeningGiveRole:
		return fmt.Sprintf("(%s gives %s the role %s)", name, target, h.Text)
	case fakediscord.HappeningTakeRole:
		return fmt.Sprintf("(%s takes the role %s from %s)", name, h.Text, target)
	case fakediscord.HappeningNickname:
		return fmt.Sprintf("(%s renames %s%s)", name, target, because)
	}
	return interactionLine(h, name, w.names[h.Only])
}

// interactionLine writes down an action on a command or a component, or its effect.
func interactionLine(h fakediscord.Happening, name, person string) string {
	switch h.Kind {
	case fakediscord.HappeningCommand:
		if strings.HasPrefix(h.Text, "/") {
			return name + ": " + h.Text
		}
		return fmt.Sprintf("(%s uses %s)", name, h.Text)
	case fakediscord.HappeningPress:
		return fmt.Sprintf("(%s presses %s)", name, h.Text)
	case fakediscord.HappeningPick:
		return fmt.Sprintf("(%s chooses %s)", name, h.Text)
	case fakediscord.HappeningFill:
		return fmt.Sprintf("(%s fills in %s)", name, h.Text)
	case fakediscord.HappeningThinking:
		return fmt.Sprintf("(%s thinks)", name)
	case fakediscord.HappeningForm:
		var labels []string
		for _, f := range formOf(h).Fields {
			labels = append(labels, cmp.Or(f.Label, f.ID))
		}
		return fmt.Sprintf("(%s opens the form %s for %s: %s)", name, h.Text, person, strings.Join(labels, ", "))
	case fakediscord.HappeningChoices:
		return fmt.Sprintf("(%s offers %s: %s)", name, person, strings.Join(choicesOf(h), ", "))
	case fakediscord.HappeningNoResponse:
		return fmt.Sprintf("(%s gives %s no response: %s)", name, person, h.Text)
	}
	return fmt.Sprintf("(%s: %s)", name, h.Kind)
}

// A Log returns the bot's actions, as lines like those of a transcript. It is not
// safe for concurrent use.
type Log struct {
	s *Server
	w *writer
	n int64
}

// Log returns a Log that begins now.
func (s *Server) Log() *Log {
	l := &Log{s: s}
	l.Next()
	return l
}

// Next returns the new lines, which are none if the bot has done nothing since the
// last call.
func (l *Log) Next() []string {
	names := l.s.writer().names
	if l.w == nil {
		l.w = &writer{texts: make(map[fakediscord.ID]string)}
	}
	l.w.names = names // people may have come
	var lines []string
	for _, h := range l.s.fake.Timeline(l.n) {
		l.n = h.N
		line := l.w.line(h)
		if h.UserID == l.s.fake.Me() {
			lines = append(lines, line)
		}
	}
	return lines
}

// Changed returns a channel that is closed when the fake changes next.
func (s *Server) Changed() <-chan struct{} { return s.fake.Changed() }

// written returns a message in one line, for a failure.
func written(m discord.Message) string {
	if m.Content != "" {
		m.Content = strconv.Quote(m.Content)
	}
	return plain(m)
}

// plain returns a message as a transcript has it.
func plain(m discord.Message) string {
	var parts []string
	if m.Content != "" {
		parts = append(parts, strings.ReplaceAll(m.Content, "\n", "\n     "))
	}
	for _, e := range m.Embeds {
		parts = append(parts, fmt.Sprintf("<embed %s>", cmp.Or(e.Title, e.Description)))
	}
	for _, a := range m.Attachments {
		parts = append(parts, "<file "+a.Filename+">")
	}
	for _, raw := range m.Components {
		parts = append(parts, labels(raw)...)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " ")
}

// labels returns the buttons and menus of a component and of those in it.
func labels(raw json.RawMessage) (all []string) {
	var c struct {
		Label, Placeholder string
		Type               int
		Content            string
		Emoji              struct{ Name string }
		Components         []json.RawMessage
		Accessory          json.RawMessage
	}
	if len(raw) == 0 || json.Unmarshal(raw, &c) != nil {
		return nil
	}
	switch c.Type {
	case 2:
		all = append(all, "["+cmp.Or(c.Label, c.Emoji.Name)+"]")
	case 3, 5, 6, 7, 8:
		all = append(all, "<menu "+c.Placeholder+">")
	case 10:
		all = append(all, c.Content)
	}
	for _, inner := range append(c.Components, c.Accessory) {
		all = append(all, labels(inner)...)
	}
	return all
}
