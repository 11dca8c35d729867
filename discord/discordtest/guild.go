package discordtest

import (
	"encoding/json"
	"fmt"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// A Guild is a guild of the fake.
type Guild struct {
	ID   discord.ID
	Name string

	s *Server
}

// A Channel is a channel of a guild, or a person's private channel with the bot.
type Channel struct {
	ID   discord.ID
	Name string

	guild *Guild // nil for a private channel
	s     *Server
}

// Mention returns the text that mentions the channel.
func (c *Channel) Mention() string { return discord.MentionChannel(c.ID) }

// Guild returns the channel's guild, nil for a private channel.
func (c *Channel) Guild() *Guild { return c.guild }

func (s *Server) guildOf(id fakediscord.ID, name string) *Guild {
	return &Guild{ID: discord.ID(id), Name: name, s: s}
}

// Guild adds a guild, with the channel general and the bot in it.
func (s *Server) Guild(name string) *Guild {
	return s.guildOf(s.fake.AddGuild(name, s.owner), name)
}

// Channel adds a text channel to Home.
func (s *Server) Channel(name string) *Channel { return s.Home.Channel(name) }

// Channel adds a text channel.
func (g *Guild) Channel(name string) *Channel { return g.channel(discord.ChannelText, name) }

// Voice adds a voice channel.
func (g *Guild) Voice(name string) *Channel { return g.channel(discord.ChannelVoice, name) }

// Category adds a category.
func (g *Guild) Category(name string) *Channel { return g.channel(discord.ChannelCategory, name) }

func (g *Guild) channel(kind discord.ChannelType, name string) *Channel {
	id := g.s.fake.AddChannel(fakediscord.ID(g.ID), int(kind), name)
	return &Channel{ID: discord.ID(id), Name: name, guild: g, s: g.s}
}

// Role adds a role above all but the bot's, gives it to people and returns its ID.
func (g *Guild) Role(name string, p discord.Permissions, people ...*User) discord.ID {
	g.s.tb().Helper()
	ids := make([]fakediscord.ID, 0, len(people))
	for _, u := range people {
		ids = append(ids, fakediscord.ID(u.ID))
	}
	id, err := g.s.fake.AddRole(fakediscord.ID(g.ID), name, fakediscord.Permissions(p), ids...)
	if err != nil {
		g.s.fatalf("a role for people who are not in the guild %s: %v", g.Name, err)
	}
	return discord.ID(id)
}

// Crowd adds n people with the names prefix1, prefix2, … and returns their IDs.
func (g *Guild) Crowd(prefix string, n int) []discord.ID {
	var ids []discord.ID
	for _, id := range g.s.fake.AddMembers(fakediscord.ID(g.ID), prefix, n) {
		ids = append(ids, discord.ID(id))
	}
	return ids
}

// Outage makes the guild unavailable, or available again.
func (g *Guild) Outage(down bool) {
	g.s.tb().Helper()
	g.s.must("an outage", g.s.fake.Outage(fakediscord.ID(g.ID), down))
}

// Integration connects the guild with a service such as twitch.
func (g *Guild) Integration(kind, name string) discord.ID {
	g.s.tb().Helper()
	id, err := g.s.fake.AddIntegration(fakediscord.ID(g.ID), kind, name)
	g.s.must("an integration", err)
	return discord.ID(id)
}

// VoiceServer sends the bot another voice server of the guild; an empty endpoint
// means that it has gone.
func (g *Guild) VoiceServer(endpoint string) {
	g.s.tb().Helper()
	g.s.must("a voice server", g.s.fake.VoiceServer(fakediscord.ID(g.ID), endpoint))
}

// Does makes a call of the API as the guild's owner: everything for which there is
// no method here. See [User.Does].
func (g *Guild) Does(method, path string, body, out any) {
	g.s.tb().Helper()
	g.s.must(fmt.Sprintf("%s %s of the owner", method, path), g.s.fake.Do(g.s.owner, method, path, body, out))
}

// Banned reports whether a person is banned from Home, and the reason.
func (s *Server) Banned(u *User) (reason string, banned bool) { return s.Home.Banned(u) }

// Banned reports whether a person is banned from the guild, and the reason.
func (g *Guild) Banned(u *User) (reason string, banned bool) {
	return g.s.fake.Banned(fakediscord.ID(g.ID), fakediscord.ID(u.ID))
}

// Presence returns the status and the activities that the bot has set last.
func (s *Server) Presence() discord.Presence {
	status, raw := s.fake.Presence()
	p := discord.Presence{Status: discord.Status(status)}
	if err := json.Unmarshal(raw, &p.Activities); err != nil {
		s.fatalf("the activities of the bot: %v", err)
	}
	return p
}

// Emit sends the bot an event of any name, for all intents.
func (s *Server) Emit(name string, data any) { s.fake.Emit(name, data) }

// must fails the test if the fake refuses something.
func (s *Server) must(what string, err error) {
	s.tb().Helper()
	if err != nil {
		s.fatalf("Discord refuses %s: %v", what, err)
	}
}
