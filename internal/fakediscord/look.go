package fakediscord

// A Channel is a snapshot of a channel.
type Channel struct {
	ID      ID     `json:"id"`
	GuildID ID     `json:"guild_id,omitzero"`
	Type    int    `json:"type"`
	Name    string `json:"name,omitempty"`
}

func snapshotOf(c *channel) Channel {
	return Channel{ID: c.id, GuildID: c.guildID(), Type: c.kind, Name: text(c.doc, "name")}
}

// Channels returns the channels of a guild and then its threads. If guild is
// zero, it returns the private channels.
func (s *Server) Channels(guild ID) []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Channel{}
	for _, c := range sorted(s.channels) {
		if c.guildID() == guild {
			all = append(all, snapshotOf(c))
		}
	}
	return all
}

// A Guild is a snapshot of a guild.
type Guild struct {
	ID      ID     `json:"id"`
	Name    string `json:"name"`
	OwnerID ID     `json:"owner_id"`
	Bot     bool   `json:"bot"` // the bot is a member
}

// Guilds returns all guilds, in the order in which they were made.
func (s *Server) Guilds() []Guild {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Guild{}
	for _, g := range s.guilds {
		all = append(all, Guild{ID: g.id, Name: text(g.doc, "name"), OwnerID: g.owner, Bot: g.member(s.me.id) != nil})
	}
	return all
}

// Banned reports whether a person is banned from a guild, and why.
func (s *Server) Banned(guild, person ID) (reason string, banned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.guild(guild); g != nil {
		for _, b := range g.bans {
			if b.user.id == person {
				return b.reason, true
			}
		}
	}
	return "", false
}
