package discord

import (
	"encoding/json"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

// Ready is the data of a READY event.
type Ready struct {
	Version     int                `json:"v"`
	User        User               `json:"user"`
	Guilds      []UnavailableGuild `json:"guilds"` // each comes with a GUILD_CREATE later
	SessionID   string             `json:"session_id"`
	ResumeURL   string             `json:"resume_gateway_url"`
	Shard       [2]int             `json:"shard"`       // its number and how many there are
	Application Application        `json:"application"` // ID and Flags only
}

// An UnavailableGuild is a guild without available data.
type UnavailableGuild struct {
	ID          ID   `json:"id"`
	Unavailable bool `json:"unavailable"`
}

// Resumed is the data of a RESUMED event. It is empty.
type Resumed struct{}

// InvalidSession is the data of an INVALID_SESSION event, which is opcode 9.
type InvalidSession struct {
	Resumable bool // whether the session can be resumed nevertheless
}

// UnmarshalJSON reads true or false.
func (s *InvalidSession) UnmarshalJSON(b []byte) error {
	s.Resumable, _ = tolerant.Bool(b)
	return nil
}

// RateLimited is the data of a RATE_LIMITED event.
type RateLimited struct {
	Opcode     Opcode  `json:"opcode"`      // of the request
	RetryAfter float64 `json:"retry_after"` // in seconds
	Meta       struct {
		GuildID ID     `json:"guild_id"`
		Nonce   string `json:"nonce"`
	} `json:"meta"`
}

// ChannelCreate is the data of a CHANNEL_CREATE event. There is none for DMs.
type ChannelCreate struct{ Channel }

// ChannelUpdate is the data of a CHANNEL_UPDATE event.
type ChannelUpdate struct{ Channel }

// ChannelDelete is the data of a CHANNEL_DELETE event.
type ChannelDelete struct{ Channel }

// PinsUpdate is the data of a CHANNEL_PINS_UPDATE event. There is none when a pinned
// message is deleted.
type PinsUpdate struct {
	GuildID   ID        `json:"guild_id"`
	ChannelID ID        `json:"channel_id"`
	LastPin   time.Time `json:"last_pin_timestamp"` // zero if nothing is pinned
}

// ThreadCreate is the data of a THREAD_CREATE event.
type ThreadCreate struct{ Channel }

// ThreadUpdate is the data of a THREAD_UPDATE event.
type ThreadUpdate struct{ Channel }

// ThreadDelete is the data of a THREAD_DELETE event.
type ThreadDelete struct {
	ID       ID          `json:"id"`
	GuildID  ID          `json:"guild_id"`
	ParentID ID          `json:"parent_id"`
	Type     ChannelType `json:"type"`
}

// ThreadListSync is the data of a THREAD_LIST_SYNC event.
type ThreadListSync struct {
	GuildID    ID             `json:"guild_id"`
	ChannelIDs []ID           `json:"channel_ids"` // of the threads; empty for all channels
	Threads    []Channel      `json:"threads"`
	Members    []ThreadMember `json:"members"` // the bot in each thread that it is in
}

// ThreadMemberUpdate is the data of a THREAD_MEMBER_UPDATE event: the bot's own
// membership was changed.
type ThreadMemberUpdate struct{ ThreadMember }

// ThreadMembersUpdate is the data of a THREAD_MEMBERS_UPDATE event.
type ThreadMembersUpdate struct {
	ThreadID    ID             `json:"id"`
	GuildID     ID             `json:"guild_id"`
	MemberCount int            `json:"member_count"` // at most 50
	Added       []ThreadMember `json:"added_members"`
	Removed     []ID           `json:"removed_member_ids"`
}

// GuildCreate is the data of a GUILD_CREATE event. If Unavailable is set, only
// the ID is present.
type GuildCreate struct{ Guild }

// GuildUpdate is the data of a GUILD_UPDATE event.
type GuildUpdate struct{ Guild }

// GuildDelete is the data of a GUILD_DELETE event.
type GuildDelete struct {
	ID          ID   `json:"id"`
	Unavailable bool `json:"unavailable"` // an outage; otherwise the bot left or was removed
}

// EmojisUpdate is the data of a GUILD_EMOJIS_UPDATE event.
type EmojisUpdate struct {
	GuildID ID      `json:"guild_id"`
	Emojis  []Emoji `json:"emojis"` // all of the guild
}

// StickersUpdate is the data of a GUILD_STICKERS_UPDATE event.
type StickersUpdate struct {
	GuildID  ID        `json:"guild_id"`
	Stickers []Sticker `json:"stickers"` // all of the guild
}

// IntegrationsUpdate is the data of a GUILD_INTEGRATIONS_UPDATE event.
type IntegrationsUpdate struct {
	GuildID ID `json:"guild_id"`
}

// IntegrationCreate is the data of an INTEGRATION_CREATE event.
type IntegrationCreate struct{ Integration }

// IntegrationUpdate is the data of an INTEGRATION_UPDATE event.
type IntegrationUpdate struct{ Integration }

// IntegrationDelete is the data of an INTEGRATION_DELETE event.
type IntegrationDelete struct {
	ID            ID `json:"id"`
	GuildID       ID `json:"guild_id"`
	ApplicationID ID `json:"application_id"`
}

// WebhooksUpdate is the data of a WEBHOOKS_UPDATE event.
type WebhooksUpdate struct {
	GuildID   ID `json:"guild_id"`
	ChannelID ID `json:"channel_id"`
}

// InviteCreate is the data of an INVITE_CREATE event. GuildID and ChannelID are set
// in place of Guild and Channel.
type InviteCreate struct{ Invite }

// InviteDelete is the data of an INVITE_DELETE event.
type InviteDelete struct {
	GuildID   ID     `json:"guild_id"`
	ChannelID ID     `json:"channel_id"`
	Code      string `json:"code"`
}

// MemberAdd is the data of a GUILD_MEMBER_ADD event.
type MemberAdd struct{ Member }

// MemberRemove is the data of a GUILD_MEMBER_REMOVE event.
type MemberRemove struct {
	GuildID ID   `json:"guild_id"`
	User    User `json:"user"`
}

// MemberUpdate is the data of a GUILD_MEMBER_UPDATE event. Discord omits some
// fields that have not changed; Has reports which fields it sent.
type MemberUpdate struct {
	Member
	Partial
}

// MembersChunk is the data of a GUILD_MEMBERS_CHUNK event.
type MembersChunk struct {
	GuildID   ID               `json:"guild_id"`
	Members   []Member         `json:"members"`
	Index     int              `json:"chunk_index"` // from 0
	Count     int              `json:"chunk_count"`
	NotFound  []ID             `json:"not_found"`
	Presences []PresenceUpdate `json:"presences"`
	Nonce     string           `json:"nonce"` // of the request
}

// RoleCreate is the data of a GUILD_ROLE_CREATE event.
type RoleCreate struct {
	GuildID ID   `json:"guild_id"`
	Role    Role `json:"role"`
}

// RoleUpdate is the data of a GUILD_ROLE_UPDATE event.
type RoleUpdate struct {
	GuildID ID   `json:"guild_id"`
	Role    Role `json:"role"`
}

// RoleDelete is the data of a GUILD_ROLE_DELETE event.
type RoleDelete struct {
	GuildID ID `json:"guild_id"`
	RoleID  ID `json:"role_id"`
}

// BanAdd is the data of a GUILD_BAN_ADD event.
type BanAdd struct {
	GuildID ID   `json:"guild_id"`
	User    User `json:"user"`
}

// BanRemove is the data of a GUILD_BAN_REMOVE event.
type BanRemove struct {
	GuildID ID   `json:"guild_id"`
	User    User `json:"user"`
}

// PresenceUpdate is the data of a PRESENCE_UPDATE event. Only the ID of the
// User is always set; Has("user.username") reports whether Discord sent the
// name.
type PresenceUpdate struct {
	User         User         `json:"user"`
	GuildID      ID           `json:"guild_id"`
	Status       Status       `json:"status"`
	Activities   []Activity   `json:"activities"`
	ClientStatus ClientStatus `json:"client_status"`
	Partial
}

// Game returns the first activity, which apps show, and false if there is none.
func (p PresenceUpdate) Game() (Activity, bool) {
	if len(p.Activities) == 0 {
		return Activity{}, false
	}
	return p.Activities[0], true
}

// TypingStart is the data of a TYPING_START event.
type TypingStart struct {
	GuildID   ID        `json:"guild_id"`
	ChannelID ID        `json:"channel_id"`
	UserID    ID        `json:"user_id"`
	Timestamp time.Time `json:"timestamp"`
	Member    *Member   `json:"member"` // in a guild
}

// UserUpdate is the data of a USER_UPDATE event.
type UserUpdate struct{ User }

// VoiceStateUpdate is the data of a VOICE_STATE_UPDATE event. The ChannelID is zero
// if the user has left.
type VoiceStateUpdate struct{ VoiceState }

// VoiceServerUpdate is the data of a VOICE_SERVER_UPDATE event.
type VoiceServerUpdate struct {
	Token    Secret `json:"token"`
	GuildID  ID     `json:"guild_id"`
	Endpoint string `json:"endpoint"` // empty while there is no server
}

// VoiceChannelEffect is the data of a VOICE_CHANNEL_EFFECT_SEND event: a user sent an
// emoji or a sound.
type VoiceChannelEffect struct {
	ChannelID     ID      `json:"channel_id"`
	GuildID       ID      `json:"guild_id"`
	UserID        ID      `json:"user_id"`
	Emoji         *Emoji  `json:"emoji"`
	AnimationType int     `json:"animation_type"`
	AnimationID   int     `json:"animation_id"`
	SoundID       ID      `json:"sound_id"`
	SoundVolume   float64 `json:"sound_volume"`
}

// StageCreate is the data of a STAGE_INSTANCE_CREATE event.
type StageCreate struct{ StageInstance }

// StageUpdate is the data of a STAGE_INSTANCE_UPDATE event.
type StageUpdate struct{ StageInstance }

// StageDelete is the data of a STAGE_INSTANCE_DELETE event.
type StageDelete struct{ StageInstance }

// ScheduledEventCreate is the data of a GUILD_SCHEDULED_EVENT_CREATE event.
type ScheduledEventCreate struct{ ScheduledEvent }

// ScheduledEventUpdate is the data of a GUILD_SCHEDULED_EVENT_UPDATE event.
type ScheduledEventUpdate struct{ ScheduledEvent }

// ScheduledEventDelete is the data of a GUILD_SCHEDULED_EVENT_DELETE event.
type ScheduledEventDelete struct{ ScheduledEvent }

// ScheduledEventUserAdd is the data of a GUILD_SCHEDULED_EVENT_USER_ADD event.
type ScheduledEventUserAdd struct {
	ScheduledEventID ID `json:"guild_scheduled_event_id"`
	GuildID          ID `json:"guild_id"`
	UserID           ID `json:"user_id"`
}

// ScheduledEventUserRemove is the data of a GUILD_SCHEDULED_EVENT_USER_REMOVE event.
type ScheduledEventUserRemove struct {
	ScheduledEventID ID `json:"guild_scheduled_event_id"`
	GuildID          ID `json:"guild_id"`
	UserID           ID `json:"user_id"`
}

// An AutoModRule is a rule of a guild's automatic moderation.
type AutoModRule struct {
	ID              ID                  `json:"id"`
	GuildID         ID                  `json:"guild_id"`
	Name            string              `json:"name"`
	CreatorID       ID                  `json:"creator_id"`
	EventType       int                 `json:"event_type"`   // 1 a message, 2 a change of a member
	TriggerType     int                 `json:"trigger_type"` // 1 keyword, 3 spam, 4 keyword preset, 5 mentions, 6 profile
	TriggerMetadata json.RawMessage     `json:"trigger_metadata"`
	Actions         []AutoModRuleAction `json:"actions"`
	Enabled         bool                `json:"enabled"`
	ExemptRoles     []ID                `json:"exempt_roles"`
	ExemptChannels  []ID                `json:"exempt_channels"`
}

// An AutoModRuleAction is an action of a rule.
type AutoModRuleAction struct {
	Type     int `json:"type"` // 1 block, 2 alert, 3 timeout, 4 block the profile
	Metadata struct {
		ChannelID     ID     `json:"channel_id"`
		Duration      int    `json:"duration_seconds"`
		CustomMessage string `json:"custom_message"`
	} `json:"metadata"`
}

// AutoModRuleCreate is the data of an AUTO_MODERATION_RULE_CREATE event.
type AutoModRuleCreate struct{ AutoModRule }

// AutoModRuleUpdate is the data of an AUTO_MODERATION_RULE_UPDATE event.
type AutoModRuleUpdate struct{ AutoModRule }

// AutoModRuleDelete is the data of an AUTO_MODERATION_RULE_DELETE event.
type AutoModRuleDelete struct{ AutoModRule }

// AutoModAction is the data of an AUTO_MODERATION_ACTION_EXECUTION event: a rule was
// applied.
type AutoModAction struct {
	GuildID        ID                `json:"guild_id"`
	Action         AutoModRuleAction `json:"action"`
	RuleID         ID                `json:"rule_id"`
	TriggerType    int               `json:"rule_trigger_type"`
	UserID         ID                `json:"user_id"`
	ChannelID      ID                `json:"channel_id"`
	MessageID      ID                `json:"message_id"` // zero if the message was blocked
	AlertMessageID ID                `json:"alert_system_message_id"`
	Content        string            `json:"content"` // with [IntentMessageContent]
	MatchedKeyword string            `json:"matched_keyword"`
	MatchedContent string            `json:"matched_content"`
}

// InteractionCreate is the data of an INTERACTION_CREATE event.
type InteractionCreate struct{ Interaction }
