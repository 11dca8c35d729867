package discordtest

import (
	"cmp"
	"fmt"
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
		if seen[h.ChannelID] {
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

func (s *Server) lines(all []fakediscord.Happening, channel fakediscord.ID) string {
	names := make(map[fakediscord.ID]string)
	for _, u := range s.fake.Users() {
		names[u.ID] = u.Name
	}
	texts := make(map[fakediscord.ID]string)
	var b strings.Builder
	for _, h := range all {
		if h.ChannelID != channel {
			continue
		}
		m := messageOf(h)
		name := cmp.Or(names[h.UserID], m.Author.Username)
		switch h.Kind {
		case "message":
			texts[h.MessageID] = written(m)
			fmt.Fprintf(&b, "%s: %s\n", name, written(m))
		case "edit":
			texts[h.MessageID] = written(m)
			fmt.Fprintf(&b, "%s edits: %s\n", name, written(m))
		case "delete":
			fmt.Fprintf(&b, "(the message %s of %s is deleted)\n", written(m), name)
		case "react":
			fmt.Fprintf(&b, "(%s reacts with %s to %s)\n", name, h.Emoji, texts[h.MessageID])
		case "unreact":
			fmt.Fprintf(&b, "(%s takes %s from %s)\n", name, h.Emoji, texts[h.MessageID])
		case "typing":
			fmt.Fprintf(&b, "(%s types)\n", name)
		}
	}
	return b.String()
}

// written returns a message in one line.
func written(m discord.Message) string {
	parts := []string{}
	if m.Content != "" {
		parts = append(parts, fmt.Sprintf("%q", m.Content))
	}
	for _, e := range m.Embeds {
		parts = append(parts, fmt.Sprintf("<embed %q>", cmp.Or(e.Title, e.Description)))
	}
	for _, a := range m.Attachments {
		parts = append(parts, "<file "+a.Filename+">")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " ")
}
