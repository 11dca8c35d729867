package discord

import "time"

// A Guild is a community with channels, members and roles. Users call it a
// server.
type Guild struct {
	ID                   ID                `json:"id"`
	Name                 string            `json:"name"`
	Icon                 string            `json:"icon"`             // a hash, see [Guild.IconURL]
	Splash               string            `json:"splash"`           // a hash, see [Guild.SplashURL]
	DiscoverySplash      string            `json:"discovery_splash"` // a hash, see [Guild.DiscoverySplashURL]
	Banner               string            `json:"banner"`           // a hash, see [Guild.BannerURL]
	Description          string            `json:"description"`
	Owner                bool              `json:"owner"` // whether the bot is the owner, in [Client.Guilds]
	OwnerID              ID                `json:"owner_id"`
	OwnPermissions       Permissions       `json:"permissions"` // of the bot, without overwrites, in [Client.Guilds]
	Region               string            `json:"region"`      // no longer in use; channels have one
	AFKChannelID         ID                `json:"afk_channel_id"`
	AFKTimeout           int               `json:"afk_timeout"` // in seconds
	WidgetEnabled        bool              `json:"widget_enabled"`
	WidgetChannelID      ID                `json:"widget_channel_id"`
	VerificationLevel    VerificationLevel `json:"verification_level"`
	Notifications        NotificationLevel `json:"default_message_notifications"`
	ContentFilter        ContentFilter     `json:"explicit_content_filter"`
	Roles                []Role            `json:"roles"`
	Emojis               []Emoji           `json:"emojis"`
	Stickers             []Sticker         `json:"stickers"`
	Features             []string          `json:"features"`
	MFALevel             MFALevel          `json:"mfa_level"`
	ApplicationID        ID                `json:"application_id"` // of the bot that made the guild
	SystemChannelID      ID                `json:"system_channel_id"`
	SystemChannelFlags   int64             `json:"system_channel_flags"`
	RulesChannelID       ID                `json:"rules_channel_id"`
	UpdatesChannelID     ID                `json:"public_updates_channel_id"`
	SafetyChannelID      ID                `json:"safety_alerts_channel_id"`
	MaxPresences         int               `json:"max_presences"`
	MaxMembers           int               `json:"max_members"`
	VanityCode           string            `json:"vanity_url_code"`
	PremiumTier          int               `json:"premium_tier"` // 0 to 3
	Boosts               int               `json:"premium_subscription_count"`
	PreferredLocale      string            `json:"preferred_locale"`
	NSFWLevel            int               `json:"nsfw_level"` // 0 default, 1 explicit, 2 safe, 3 age-restricted
	MaxVideoUsers        int               `json:"max_video_channel_users"`
	ProgressBar          bool              `json:"premium_progress_bar_enabled"`
	ApproximateMembers   int               `json:"approximate_member_count"`
	ApproximatePresences int               `json:"approximate_presence_count"`

	// In GUILD_CREATE only.
	JoinedAt        time.Time        `json:"joined_at"`
	Large           bool             `json:"large"`
	Unavailable     bool             `json:"unavailable"` // during an outage; the other fields are zero then
	MemberCount     int              `json:"member_count"`
	VoiceStates     []VoiceState     `json:"voice_states"`
	Members         []Member         `json:"members"`
	Channels        []Channel        `json:"channels"`
	Threads         []Channel        `json:"threads"`
	Presences       []PresenceUpdate `json:"presences"`
	StageInstances  []StageInstance  `json:"stage_instances"`
	ScheduledEvents []ScheduledEvent `json:"guild_scheduled_events"`
}

// IsOwner reports whether the member owns the guild. It returns false for a member
// without a User.
func (g Guild) IsOwner(m Member) bool {
	return m.User != nil && g.OwnerID != 0 && m.User.ID == g.OwnerID
}

// Role returns the role with the ID, and false if the guild does not have it.
func (g Guild) Role(id ID) (Role, bool) {
	for _, r := range g.Roles {
		if r.ID == id {
			return r, true
		}
	}
	return Role{}, false
}

// WidgetSettings are the settings of a guild's widget.
type WidgetSettings struct {
	Enabled   bool `json:"enabled"`
	ChannelID ID   `json:"channel_id"` // where the widget's invitation leads to
}

// An Integration connects a guild to another service or to a bot.
type Integration struct {
	ID                ID                     `json:"id"`
	GuildID           ID                     `json:"guild_id"` // of events
	Name              string                 `json:"name"`
	Type              string                 `json:"type"` // "twitch", "youtube", "discord" or "guild_subscription"
	Enabled           bool                   `json:"enabled"`
	Syncing           bool                   `json:"syncing"`
	RoleID            ID                     `json:"role_id"`
	EnableEmoticons   bool                   `json:"enable_emoticons"`
	ExpireBehavior    int                    `json:"expire_behavior"`     // 0 the role is removed, 1 the member is kicked
	ExpireGracePeriod int                    `json:"expire_grace_period"` // in days
	User              *User                  `json:"user"`
	Account           IntegrationAccount     `json:"account"`
	SyncedAt          time.Time              `json:"synced_at"`
	Subscribers       int                    `json:"subscriber_count"`
	Revoked           bool                   `json:"revoked"`
	Application       IntegrationApplication `json:"application"`
	Scopes            []string               `json:"scopes"`
}

// An IntegrationAccount is an account at another service. Its ID is that service's.
type IntegrationAccount struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// An IntegrationApplication is the application of an [Integration].
type IntegrationApplication struct {
	ID          ID     `json:"id"`
	Name        string `json:"name"`
	Icon        string `json:"icon"`
	Description string `json:"description"`
	Bot         *User  `json:"bot"`
}

// An Invite is a code that lets users join a guild or a group.
type Invite struct {
	Code                 string          `json:"code"`
	Type                 int             `json:"type"`       // 0 a guild, 1 a group, 2 a friend
	GuildID              ID              `json:"guild_id"`   // in INVITE_CREATE, in place of Guild
	ChannelID            ID              `json:"channel_id"` // in INVITE_CREATE, in place of Channel
	Guild                Guild           `json:"guild"`      // partial
	Channel              Channel         `json:"channel"`    // partial
	Inviter              *User           `json:"inviter"`
	TargetType           int             `json:"target_type"` // 1 a stream, 2 an activity
	TargetUser           *User           `json:"target_user"`
	ApproximateMembers   int             `json:"approximate_member_count"`
	ApproximatePresences int             `json:"approximate_presence_count"`
	ExpiresAt            time.Time       `json:"expires_at"` // zero for never
	ScheduledEvent       *ScheduledEvent `json:"guild_scheduled_event"`

	InviteMetadata
}

// URL returns the address of the invitation.
func (i Invite) URL() string { return "https://discord.gg/" + i.Code }

// InviteMetadata says how an invitation is used. It is zero in [Client.Invite].
type InviteMetadata struct {
	Uses      int       `json:"uses"`
	MaxUses   int       `json:"max_uses"` // 0 for any number
	MaxAge    int       `json:"max_age"`  // in seconds, 0 for ever
	Temporary bool      `json:"temporary"`
	CreatedAt time.Time `json:"created_at"`
}

// A VoiceState says how a user takes part in voice.
type VoiceState struct {
	GuildID        ID        `json:"guild_id"`
	ChannelID      ID        `json:"channel_id"` // zero if the user has left
	UserID         ID        `json:"user_id"`
	Member         *Member   `json:"member"`
	SessionID      string    `json:"session_id"`
	Deaf           bool      `json:"deaf"` // by the guild
	Mute           bool      `json:"mute"`
	SelfDeaf       bool      `json:"self_deaf"`
	SelfMute       bool      `json:"self_mute"`
	SelfStream     bool      `json:"self_stream"`
	SelfVideo      bool      `json:"self_video"`
	Suppress       bool      `json:"suppress"` // may not speak
	RequestToSpeak time.Time `json:"request_to_speak_timestamp"`
}

// A VoiceRegion is a place where Discord has voice servers.
type VoiceRegion struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	VIP        bool   `json:"vip"` // no longer in use
	Optimal    bool   `json:"optimal"`
	Deprecated bool   `json:"deprecated"`
	Custom     bool   `json:"custom"`
}

// A Webhook posts messages to a channel without a bot.
type Webhook struct {
	ID            ID          `json:"id"`
	Type          WebhookType `json:"type"`
	GuildID       ID          `json:"guild_id"`
	ChannelID     ID          `json:"channel_id"`
	User          *User       `json:"user"` // its creator
	Name          string      `json:"name"`
	Avatar        string      `json:"avatar"` // a hash
	Token         Secret      `json:"token"`  // of incoming webhooks
	ApplicationID ID          `json:"application_id"`
	SourceGuild   Guild       `json:"source_guild"`   // of followers, partial
	SourceChannel Channel     `json:"source_channel"` // of followers, partial
}

// A StageInstance is a live stage.
type StageInstance struct {
	ID               ID     `json:"id"`
	GuildID          ID     `json:"guild_id"`
	ChannelID        ID     `json:"channel_id"`
	Topic            string `json:"topic"`
	PrivacyLevel     int    `json:"privacy_level"` // 2 for the guild only
	ScheduledEventID ID     `json:"guild_scheduled_event_id"`
}

// A ScheduledEvent is an event in a guild's calendar.
type ScheduledEvent struct {
	ID           ID        `json:"id"`
	GuildID      ID        `json:"guild_id"`
	ChannelID    ID        `json:"channel_id"`
	CreatorID    ID        `json:"creator_id"`
	Name         string    `json:"name"`
	Description  string    `json:"description"`
	Start        time.Time `json:"scheduled_start_time"`
	End          time.Time `json:"scheduled_end_time"`
	PrivacyLevel int       `json:"privacy_level"`
	Status       int       `json:"status"`      // 1 scheduled, 2 active, 3 completed, 4 canceled
	EntityType   int       `json:"entity_type"` // 1 stage, 2 voice, 3 elsewhere
	EntityID     ID        `json:"entity_id"`
	Metadata     struct {
		Location string `json:"location"`
	} `json:"entity_metadata"`
	Creator *User  `json:"creator"`
	Users   int    `json:"user_count"`
	Image   string `json:"image"` // a hash
}

// A Sticker is a picture that can be sent.
type Sticker struct {
	ID          ID     `json:"id"`
	PackID      ID     `json:"pack_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Tags        string `json:"tags"`
	Type        int    `json:"type"`        // 1 of Discord, 2 of a guild
	FormatType  int    `json:"format_type"` // 1 PNG, 2 APNG, 3 Lottie, 4 GIF
	Available   bool   `json:"available"`
	GuildID     ID     `json:"guild_id"`
	User        *User  `json:"user"`
}
