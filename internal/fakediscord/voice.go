package fakediscord

import (
	"fmt"
	"maps"
	"slices"
)

// A voiceState says that a member is in a voice channel.
type voiceState struct {
	guild     *guild
	channel   *channel // nil in the event of leaving
	user      *user
	session   string
	self      object // self_mute, self_deaf, self_video
	suppress  bool
	requested any
}

// voice returns the voice state of a member, or nil.
func (g *guild) voice(u ID) *voiceState {
	for _, v := range g.voices {
		if v.user.id == u {
			return v
		}
	}
	return nil
}

func (v *voiceState) object() object {
	o := with(object{"self_mute": false, "self_deaf": false, "self_video": false}, v.self)
	maps.Copy(o, object{
		"guild_id": v.guild.id, "channel_id": nil, "user_id": v.user.id, "session_id": v.session, "suppress": v.suppress,
		"request_to_speak_timestamp": v.requested, "deaf": false, "mute": false,
	})
	if v.channel != nil {
		o["channel_id"] = v.channel.id
	}
	if m := v.guild.member(v.user.id); m != nil {
		o["member"], o["deaf"], o["mute"] = m.object(), m.deaf, m.mute
	}
	return o
}

// moveVoice puts a member into a voice channel, or into none.
func (s *Server) moveVoice(g *guild, m *member, to *channel) *voiceState {
	v := g.voice(m.user.id)
	if v == nil {
		if to == nil {
			return nil
		}
		v = &voiceState{guild: g, user: m.user, session: fmt.Sprintf("voice-%s", s.newID())}
		g.voices = append(g.voices, v)
	}
	v.channel = to
	if to == nil {
		g.voices = slices.DeleteFunc(g.voices, func(x *voiceState) bool { return x == v })
	}
	s.emitVoice(v)
	return v
}

func (s *Server) emitVoice(v *voiceState) {
	s.emit(event{name: "VOICE_STATE_UPDATE", guild: v.guild, data: v.object()})
}

// voiceState handles op 4: the bot joins, moves or leaves.
func (c *conn) voiceState(d object) {
	s := c.s
	id, _ := idOf(d["guild_id"])
	g := s.guild(id)
	if g == nil || g.member(s.me.id) == nil {
		return // Discord says nothing either
	}
	var to *channel
	if id, _ := idOf(d["channel_id"]); id != 0 {
		to = s.channels[id]
		if to == nil || to.guild != g || !to.voice() || !s.permissions(to, s.me).Has(PermViewChannel|PermConnect) {
			return
		}
	}
	was := g.voice(s.me.id)
	if was == nil && to == nil {
		return
	}
	if was != nil {
		was.self = object{"self_mute": truth(d, "self_mute"), "self_deaf": truth(d, "self_deaf")}
	}
	v := s.moveVoice(g, g.member(s.me.id), to)
	if was == nil {
		v.self = object{"self_mute": truth(d, "self_mute"), "self_deaf": truth(d, "self_deaf")}
	}
	if to != nil {
		s.emit(event{name: "VOICE_SERVER_UPDATE", guild: g, always: true, data: object{
			"token": fmt.Sprintf("voice-token-%s", v.session), "guild_id": g.id, "endpoint": "voice.discord.test:443",
		}})
	}
}

// VoiceServer sends the bot a VOICE_SERVER_UPDATE of a guild. The endpoint is
// null if it is empty: the voice server has gone.
func (s *Server) VoiceServer(guild ID, endpoint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	if g == nil {
		return errGuild
	}
	s.emit(event{name: "VOICE_SERVER_UPDATE", guild: g, always: true, data: object{
		"token": fmt.Sprintf("voice-token-%s", s.newID()), "guild_id": g.id, "endpoint": orNil(endpoint),
	}})
	return nil
}

// Voice puts a person into a voice channel of a guild, or into none if the room
// is zero.
func (s *Server) Voice(guild, person, room ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	if g == nil {
		return errGuild
	}
	m := g.member(person)
	if m == nil {
		return errMember
	}
	var to *channel
	if room != 0 {
		if to = s.channels[room]; to == nil || to.guild != g {
			return errChannel
		}
		if !to.voice() {
			return errChannelType
		}
		if !s.permissions(to, m.user).Has(PermViewChannel | PermConnect) {
			return errPermissions
		}
	}
	s.moveVoice(g, m, to)
	s.touch()
	return nil
}
