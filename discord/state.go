package discord

import (
	"slices"
	"sync"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A State keeps the guilds of a [Gateway] in memory, with their channels, threads,
// roles and emojis, and the bot's own member. The zero State is ready for use, and
// belongs to one Gateway.
//
// Its methods return values that are shared and must not be changed. A change at
// Discord replaces a value as a whole: values returned before stay as they were. The
// State is up to date before the handlers of an event run. It is safe for concurrent
// use.
type State struct {
	// Members keeps all members that Discord has sent: in guilds of at most 250
	// members all, in others those that [Gateway.Members] has returned. It needs
	// [IntentGuildMembers].
	Members bool

	// Presences keeps the status of members. It needs [IntentGuildPresences].
	Presences bool

	// VoiceStates keeps the members in voice channels.
	VoiceStates bool

	mu     sync.RWMutex
	guilds map[ID]*guildState
	homes  map[ID]ID // the guild of each channel and thread
}

// A guildState is a guild in a State.
type guildState struct {
	shard     int
	guild     *Guild // never nil
	members   map[ID]*Member
	presences map[ID]*PresenceUpdate
	voice     map[ID]*VoiceState
}

// intents returns the intents that the State needs.
func (s *State) intents() (i Intents) {
	if s == nil {
		return 0
	}
	i = IntentGuilds
	if s.Members {
		i |= IntentGuildMembers
	}
	if s.Presences {
		i |= IntentGuildPresences
	}
	if s.VoiceStates {
		i |= IntentGuildVoiceStates
	}
	return i
}

// Guild returns a guild, or nil if the bot is not in it or it has not come yet. A
// guild with Unavailable has no other fields. Members, Presences and VoiceStates of the
// guild are empty: the State has methods for them.
func (s *State) Guild(id ID) *Guild {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.guilds[id]; g != nil {
		return g.guild
	}
	return nil
}

// Guilds returns all guilds, in the order of their IDs.
func (s *State) Guilds() []*Guild {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	list := make([]*Guild, 0, len(s.guilds))
	for _, g := range s.guilds {
		list = append(list, g.guild)
	}
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Guild) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

// Channel returns a channel or a thread of a guild, or nil if it is not known.
func (s *State) Channel(id ID) *Channel {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.guilds[s.homes[id]]
	if g == nil {
		return nil
	}
	for _, list := range [][]Channel{g.guild.Channels, g.guild.Threads} {
		if i := channelIndex(list, id); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// Role returns a role of a guild, or nil if it is not known.
func (s *State) Role(guild, id ID) *Role {
	g := s.Guild(guild)
	if g == nil {
		return nil
	}
	if i := roleIndex(g.Roles, id); i >= 0 {
		return &g.Roles[i]
	}
	return nil
}

// Member returns a member of a guild, or nil if it is not known. The bot's own member
// is known also without Members.
func (s *State) Member(guild, user ID) *Member {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.guilds[guild]; g != nil {
		return g.members[user]
	}
	return nil
}

// Presence returns the status of a member, or nil if it is not known, which for most
// members means offline.
func (s *State) Presence(guild, user ID) *PresenceUpdate {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.guilds[guild]; g != nil {
		return g.presences[user]
	}
	return nil
}

// VoiceState returns how a member takes part in voice, or nil if the member does not.
func (s *State) VoiceState(guild, user ID) *VoiceState {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.guilds[guild]; g != nil {
		return g.voice[user]
	}
	return nil
}

func channelIndex(list []Channel, id ID) int {
	return slices.IndexFunc(list, func(c Channel) bool { return c.ID == id })
}

func roleIndex(list []Role, id ID) int {
	return slices.IndexFunc(list, func(r Role) bool { return r.ID == id })
}

// apply follows an event of a shard. Data that cannot be decoded changes nothing.
func (s *State) apply(sh Shard, me ID, e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case "READY":
		s.begin(sh, e)
	case "GUILD_CREATE":
		if d, err := EventGuildCreate.Decode(e); err == nil && d.ID != 0 {
			s.create(sh, me, &d.Guild)
		}
	case "GUILD_DELETE":
		if d, err := EventGuildDelete.Decode(e); err == nil {
			s.remove(d.ID)
			if d.Unavailable {
				s.create(sh, me, &Guild{ID: d.ID, Unavailable: true})
			}
		}
	default:
		if g := s.guilds[e.GuildID]; g != nil {
			s.change(g, me, e)
		}
	}
}

// begin forgets the guilds of a shard that a new session does not have.
func (s *State) begin(sh Shard, e *Event) {
	d, err := EventReady.Decode(e)
	if err != nil {
		return
	}
	has := make(map[ID]bool, len(d.Guilds))
	for _, g := range d.Guilds {
		has[g.ID] = true
	}
	for id, g := range s.guilds {
		if g.shard == sh.ID && !has[id] {
			s.remove(id)
		}
	}
	for id := range has {
		if s.guilds[id] == nil {
			s.create(sh, 0, &Guild{ID: id, Unavailable: true})
		}
	}
}

// remove forgets a guild.
func (s *State) remove(id ID) {
	if g := s.guilds[id]; g != nil {
		for _, list := range [][]Channel{g.guild.Channels, g.guild.Threads} {
			for _, c := range list {
				delete(s.homes, c.ID)
			}
		}
		delete(s.guilds, id)
	}
}

// create keeps a guild.
func (s *State) create(sh Shard, me ID, g *Guild) {
	s.remove(g.ID)
	if s.guilds == nil {
		s.guilds, s.homes = make(map[ID]*guildState), make(map[ID]ID)
	}
	to := &guildState{shard: sh.ID, guild: g, members: make(map[ID]*Member), presences: make(map[ID]*PresenceUpdate), voice: make(map[ID]*VoiceState)}
	s.guilds[g.ID] = to
	for _, list := range [][]Channel{g.Channels, g.Threads} {
		for i := range list {
			list[i].GuildID = g.ID
			s.homes[list[i].ID] = g.ID
		}
	}
	for _, m := range g.Members {
		s.setMember(to, me, m)
	}
	for _, p := range g.Presences {
		p.GuildID = g.ID
		s.setPresence(to, p)
	}
	for _, v := range g.VoiceStates {
		v.GuildID = g.ID
		s.setVoice(to, v)
	}
	g.Members, g.Presences, g.VoiceStates = nil, nil, nil
}

func (s *State) setMember(g *guildState, me ID, m Member) {
	if m.User != nil && m.User.ID != 0 && (s.Members || m.User.ID == me) {
		m.GuildID = g.guild.ID
		g.members[m.User.ID] = &m
	}
}

func (s *State) setPresence(g *guildState, p PresenceUpdate) {
	switch {
	case !s.Presences || p.User.ID == 0:
	case p.Status == StatusOffline:
		delete(g.presences, p.User.ID)
	default:
		g.presences[p.User.ID] = &p
	}
}

func (s *State) setVoice(g *guildState, v VoiceState) {
	switch {
	case !s.VoiceStates || v.UserID == 0:
	case v.ChannelID == 0:
		delete(g.voice, v.UserID)
	default:
		g.voice[v.UserID] = &v
	}
}

// change applies an event of a known guild.
func (s *State) change(g *guildState, me ID, e *Event) {
	own := *g.guild
	switch e.Kind {
	case "GUILD_UPDATE":
		if tolerant.Unmarshal(e.Data, &own) != nil || own.ID != g.guild.ID {
			return
		}
	case "CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE":
		own.Channels = s.changeChannel(own.Channels, own.ID, e, e.Kind == "CHANNEL_DELETE")
	case "THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE":
		own.Threads = s.changeChannel(own.Threads, own.ID, e, e.Kind == "THREAD_DELETE")
	case "THREAD_LIST_SYNC":
		d, err := EventThreadListSync.Decode(e)
		if err != nil {
			return
		}
		own.Threads = s.syncThreads(own.Threads, own.ID, d)
	case "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE":
		own.Roles = changeRole(own.Roles, e)
	case "GUILD_EMOJIS_UPDATE":
		d, err := EventEmojisUpdate.Decode(e)
		if err != nil {
			return
		}
		own.Emojis = d.Emojis
	case "GUILD_STICKERS_UPDATE":
		d, err := EventStickersUpdate.Decode(e)
		if err != nil {
			return
		}
		own.Stickers = d.Stickers
	case "GUILD_MEMBER_ADD":
		own.MemberCount++
		s.changeMember(g, me, e)
	case "GUILD_MEMBER_REMOVE":
		own.MemberCount = max(own.MemberCount-1, 0)
		delete(g.members, e.UserID)
		delete(g.presences, e.UserID)
	default:
		s.changePeople(g, me, e)
		return
	}
	g.guild = &own
}

// changePeople follows an event of a guild that changes no field of it.
func (s *State) changePeople(g *guildState, me ID, e *Event) {
	switch e.Kind {
	case "GUILD_MEMBER_UPDATE":
		s.changeMember(g, me, e)
	case "GUILD_MEMBERS_CHUNK":
		if !s.Members && !s.Presences {
			return
		}
		if d, err := EventMembersChunk.Decode(e); err == nil {
			for _, m := range d.Members {
				s.setMember(g, me, m)
			}
			for _, p := range d.Presences {
				s.setPresence(g, p)
			}
		}
	case "PRESENCE_UPDATE":
		if !s.Presences {
			return
		}
		if d, err := EventPresenceUpdate.Decode(e); err == nil {
			s.setPresence(g, *d)
		}
	case "VOICE_STATE_UPDATE":
		if !s.VoiceStates {
			return
		}
		if d, err := EventVoiceStateUpdate.Decode(e); err == nil {
			s.setVoice(g, d.VoiceState)
		}
	}
}

// changeMember follows a member's arrival or change. A change has only some of the
// fields.
func (s *State) changeMember(g *guildState, me ID, e *Event) {
	if !s.Members && e.UserID != me {
		return
	}
	var m Member
	if old := g.members[e.UserID]; old != nil {
		m = *old
		if old.User != nil {
			u := *old.User
			m.User = &u
		}
	}
	if tolerant.Unmarshal(e.Data, &m) == nil {
		s.setMember(g, me, m)
	}
}

// changeChannel returns the channels after an event.
func (s *State) changeChannel(list []Channel, guild ID, e *Event, deleted bool) []Channel {
	var c Channel
	if tolerant.Unmarshal(e.Data, &c) != nil || c.ID == 0 {
		return list
	}
	c.GuildID = guild
	list = slices.Clone(list)
	switch i := channelIndex(list, c.ID); {
	case deleted && i >= 0:
		delete(s.homes, c.ID)
		return slices.Delete(list, i, i+1)
	case deleted:
		return list
	case i >= 0:
		list[i] = c
	default:
		list = append(list, c)
	}
	s.homes[c.ID] = guild
	return list
}

// syncThreads returns the threads after those of some channels have come, or those of
// all.
func (s *State) syncThreads(list []Channel, guild ID, d *ThreadListSync) []Channel {
	keep := slices.DeleteFunc(slices.Clone(list), func(c Channel) bool {
		gone := len(d.ChannelIDs) == 0 || slices.Contains(d.ChannelIDs, c.ParentID)
		if gone {
			delete(s.homes, c.ID)
		}
		return gone
	})
	for _, c := range d.Threads {
		c.GuildID = guild
		s.homes[c.ID] = guild
		keep = append(keep, c)
	}
	return keep
}

// changeRole returns the roles after an event.
func changeRole(list []Role, e *Event) []Role {
	var d struct {
		Role   Role `json:"role"`
		RoleID ID   `json:"role_id"`
	}
	if tolerant.Unmarshal(e.Data, &d) != nil {
		return list
	}
	list = slices.Clone(list)
	if e.Kind == "GUILD_ROLE_DELETE" {
		return slices.DeleteFunc(list, func(r Role) bool { return r.ID == d.RoleID })
	}
	if i := roleIndex(list, d.Role.ID); i >= 0 {
		list[i] = d.Role
	} else if d.Role.ID != 0 {
		list = append(list, d.Role)
	}
	return list
}
