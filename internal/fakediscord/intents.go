package fakediscord

import "maps"

// Intents is a set of groups of events.
type Intents uint64

// The intents, by their bits.
const (
	IntentGuilds          Intents = 1 << 0
	IntentMembers         Intents = 1 << 1 // privileged
	IntentModeration      Intents = 1 << 2
	IntentExpressions     Intents = 1 << 3
	IntentIntegrations    Intents = 1 << 4
	IntentWebhooks        Intents = 1 << 5
	IntentInvites         Intents = 1 << 6
	IntentVoiceStates     Intents = 1 << 7
	IntentPresences       Intents = 1 << 8 // privileged
	IntentGuildMessages   Intents = 1 << 9
	IntentGuildReactions  Intents = 1 << 10
	IntentGuildTyping     Intents = 1 << 11
	IntentDirectMessages  Intents = 1 << 12
	IntentDirectReactions Intents = 1 << 13
	IntentDirectTyping    Intents = 1 << 14
	IntentContent         Intents = 1 << 15 // privileged; it fills in fields

	privileged = IntentMembers | IntentPresences | IntentContent
	validBits  = 1<<17 - 1 | 3<<20 | 3<<24
)

// Has reports whether i contains one of j, or j is zero.
func (i Intents) Has(j Intents) bool { return j == 0 || i&j != 0 }

// intentsOf are the intents of events in guilds, those of private ones in
// directIntents. Events that are in neither need no intent.
var intentsOf = map[string]Intents{
	"GUILD_CREATE": IntentGuilds, "GUILD_UPDATE": IntentGuilds, "GUILD_DELETE": IntentGuilds,
	"GUILD_ROLE_CREATE": IntentGuilds, "GUILD_ROLE_UPDATE": IntentGuilds, "GUILD_ROLE_DELETE": IntentGuilds,
	"CHANNEL_CREATE": IntentGuilds, "CHANNEL_UPDATE": IntentGuilds, "CHANNEL_DELETE": IntentGuilds, "CHANNEL_PINS_UPDATE": IntentGuilds,
	"THREAD_CREATE": IntentGuilds, "THREAD_UPDATE": IntentGuilds, "THREAD_DELETE": IntentGuilds,
	"THREAD_LIST_SYNC": IntentGuilds, "THREAD_MEMBER_UPDATE": IntentGuilds, "THREAD_MEMBERS_UPDATE": IntentGuilds | IntentMembers,
	"GUILD_MEMBER_ADD": IntentMembers, "GUILD_MEMBER_UPDATE": IntentMembers, "GUILD_MEMBER_REMOVE": IntentMembers,
	"GUILD_BAN_ADD": IntentModeration, "GUILD_BAN_REMOVE": IntentModeration, "GUILD_AUDIT_LOG_ENTRY_CREATE": IntentModeration,
	"GUILD_EMOJIS_UPDATE":       IntentExpressions,
	"GUILD_INTEGRATIONS_UPDATE": IntentIntegrations, "INTEGRATION_CREATE": IntentIntegrations, "INTEGRATION_DELETE": IntentIntegrations,
	"WEBHOOKS_UPDATE": IntentWebhooks,
	"INVITE_CREATE":   IntentInvites, "INVITE_DELETE": IntentInvites,
	"VOICE_STATE_UPDATE": IntentVoiceStates,
	"PRESENCE_UPDATE":    IntentPresences,
	"MESSAGE_CREATE":     IntentGuildMessages, "MESSAGE_UPDATE": IntentGuildMessages, "MESSAGE_DELETE": IntentGuildMessages,
	"MESSAGE_DELETE_BULK":  IntentGuildMessages,
	"MESSAGE_REACTION_ADD": IntentGuildReactions, "MESSAGE_REACTION_REMOVE": IntentGuildReactions,
	"MESSAGE_REACTION_REMOVE_ALL": IntentGuildReactions, "MESSAGE_REACTION_REMOVE_EMOJI": IntentGuildReactions,
	"TYPING_START": IntentGuildTyping,
}

var directIntents = map[string]Intents{
	"CHANNEL_PINS_UPDATE": IntentDirectMessages,
	"MESSAGE_CREATE":      IntentDirectMessages, "MESSAGE_UPDATE": IntentDirectMessages, "MESSAGE_DELETE": IntentDirectMessages,
	"MESSAGE_REACTION_ADD": IntentDirectReactions, "MESSAGE_REACTION_REMOVE": IntentDirectReactions,
	"MESSAGE_REACTION_REMOVE_ALL": IntentDirectReactions, "MESSAGE_REACTION_REMOVE_EMOJI": IntentDirectReactions,
	"TYPING_START": IntentDirectTyping,
}

// An event is a change of the world that the bot's sessions may be told.
type event struct {
	name    string
	guild   *guild   // nil for private channels and the bot itself
	channel *channel // nil if the event does not depend on seeing a channel
	always  bool     // for all intents
	message *message // nil if there is no content that needs an intent
	data    object
}

// emit sends an event to the sessions that it concerns.
func (s *Server) emit(e event) {
	s.touch()
	if e.guild != nil && (e.guild.member(s.me.id) == nil || e.guild.unavailable) {
		return
	}
	if e.channel != nil && e.guild != nil && !s.permissions(e.channel, s.me).Has(PermViewChannel) {
		return
	}
	need := intentsOf[e.name]
	if e.guild == nil {
		need = directIntents[e.name]
	}
	for _, sess := range s.sorted() {
		if !sess.concerns(e.guild) || !e.always && !sess.intents.Has(need) {
			continue
		}
		data := e.data
		if e.message != nil && !sess.intents.Has(IntentContent) && !s.readable(e.message) {
			data = withoutContent(data)
		}
		sess.dispatch(s, e.name, data)
	}
}

// readable reports whether the bot gets the content of a message without the
// intent: its own, private ones and those that mention it.
func (s *Server) readable(m *message) bool {
	return m.author == s.me || m.channel.guild == nil || m.mentionsUser(s.me)
}

// withoutContent empties the fields that MESSAGE_CONTENT is about.
func withoutContent(data object) object {
	data = maps.Clone(data)
	for name, empty := range map[string]any{"content": "", "embeds": []any{}, "attachments": []any{}, "components": []any{}} {
		if _, ok := data[name]; ok {
			data[name] = empty
		}
	}
	delete(data, "poll")
	if o, ok := data["referenced_message"].(object); ok {
		data["referenced_message"] = withoutContent(o)
	}
	return data
}

// flags returns the application's flags for the privileged intents.
func (s *Server) flags() int {
	flags := 0
	for intent, bit := range map[Intents]int{IntentPresences: 13, IntentMembers: 15, IntentContent: 19} {
		if s.cfg.Disabled&intent == 0 {
			flags |= 1 << bit
		}
	}
	return flags
}
