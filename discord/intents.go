package discord

import "strings"

// Intents are the groups of events that the gateway sends, a set of bits.
type Intents uint64

// The intents. Those that are privileged must be enabled for the application in
// the developer portal, or the gateway closes the connection with code 4014.
const (
	IntentGuilds                 Intents = 1 << 0
	IntentGuildMembers           Intents = 1 << 1 // privileged
	IntentGuildModeration        Intents = 1 << 2
	IntentGuildExpressions       Intents = 1 << 3
	IntentGuildIntegrations      Intents = 1 << 4
	IntentGuildWebhooks          Intents = 1 << 5
	IntentGuildInvites           Intents = 1 << 6
	IntentGuildVoiceStates       Intents = 1 << 7
	IntentGuildPresences         Intents = 1 << 8 // privileged
	IntentGuildMessages          Intents = 1 << 9
	IntentGuildMessageReactions  Intents = 1 << 10
	IntentGuildMessageTyping     Intents = 1 << 11
	IntentDirectMessages         Intents = 1 << 12
	IntentDirectMessageReactions Intents = 1 << 13
	IntentDirectMessageTyping    Intents = 1 << 14
	IntentMessageContent         Intents = 1 << 15 // privileged; the texts of messages, not an event
	IntentGuildScheduledEvents   Intents = 1 << 16
	IntentAutoModConfiguration   Intents = 1 << 20
	IntentAutoModExecution       Intents = 1 << 21
	IntentGuildMessagePolls      Intents = 1 << 24
	IntentDirectMessagePolls     Intents = 1 << 25
)

const (
	// IntentsPrivileged are the intents that must be enabled in the developer
	// portal.
	IntentsPrivileged = IntentGuildMembers | IntentGuildPresences | IntentMessageContent

	// IntentsAll are all intents.
	IntentsAll = 1<<17 - 1 | IntentAutoModConfiguration | IntentAutoModExecution | IntentGuildMessagePolls | IntentDirectMessagePolls

	// IntentsUnprivileged are all intents that need no permission.
	IntentsUnprivileged = IntentsAll &^ IntentsPrivileged
)

var intentNames = map[Intents]string{
	IntentGuilds: "GUILDS", IntentGuildMembers: "GUILD_MEMBERS", IntentGuildModeration: "GUILD_MODERATION",
	IntentGuildExpressions: "GUILD_EXPRESSIONS", IntentGuildIntegrations: "GUILD_INTEGRATIONS", IntentGuildWebhooks: "GUILD_WEBHOOKS",
	IntentGuildInvites: "GUILD_INVITES", IntentGuildVoiceStates: "GUILD_VOICE_STATES", IntentGuildPresences: "GUILD_PRESENCES",
	IntentGuildMessages: "GUILD_MESSAGES", IntentGuildMessageReactions: "GUILD_MESSAGE_REACTIONS",
	IntentGuildMessageTyping: "GUILD_MESSAGE_TYPING", IntentDirectMessages: "DIRECT_MESSAGES",
	IntentDirectMessageReactions: "DIRECT_MESSAGE_REACTIONS", IntentDirectMessageTyping: "DIRECT_MESSAGE_TYPING",
	IntentMessageContent: "MESSAGE_CONTENT", IntentGuildScheduledEvents: "GUILD_SCHEDULED_EVENTS",
	IntentAutoModConfiguration: "AUTO_MODERATION_CONFIGURATION", IntentAutoModExecution: "AUTO_MODERATION_EXECUTION",
	IntentGuildMessagePolls: "GUILD_MESSAGE_POLLS", IntentDirectMessagePolls: "DIRECT_MESSAGE_POLLS",
}

// Has reports whether all of want are in i.
func (i Intents) Has(want Intents) bool { return i&want == want }

// String returns Discord's names of the intents, joined by "|". Bits without a name
// are written as numbers, and no intents as "none".
func (i Intents) String() string {
	return bitNames(uint64(i), func(bit uint64) string { return intentNames[Intents(bit)] })
}

// bitNames joins the names of the bits of a set.
func bitNames(set uint64, name func(bit uint64) string) string {
	if set == 0 {
		return "none"
	}
	var b strings.Builder
	for n := range 64 {
		bit := uint64(1) << n
		if set&bit == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('|')
		}
		if s := name(bit); s != "" {
			b.WriteString(s)
		} else {
			b.WriteString("1<<" + ID(n).String())
		}
	}
	return b.String()
}
