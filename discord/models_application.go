package discord

import "encoding/json"

// An Application is the application that a bot belongs to.
type Application struct {
	ID               ID               `json:"id"`
	Name             string           `json:"name"`
	Icon             string           `json:"icon"` // a hash
	Description      string           `json:"description"`
	BotPublic        bool             `json:"bot_public"`
	RequireCodeGrant bool             `json:"bot_require_code_grant"`
	Bot              *User            `json:"bot"`
	Owner            *User            `json:"owner"`
	Flags            ApplicationFlags `json:"flags"`
	GuildCount       int              `json:"approximate_guild_count"`
	InstallCount     int              `json:"approximate_user_install_count"`
	InteractionsURL  string           `json:"interactions_endpoint_url"`
	VerifyKey        string           `json:"verify_key"`
	Tags             []string         `json:"tags"`
}

// ApplicationFlags are properties of an application, a set of bits.
type ApplicationFlags uint64

// The flags that say which privileged intents an application may use. A limited
// one is for bots in fewer than 100 guilds.
const (
	AppPresence              ApplicationFlags = 1 << 12
	AppPresenceLimited       ApplicationFlags = 1 << 13
	AppGuildMembers          ApplicationFlags = 1 << 14
	AppGuildMembersLimited   ApplicationFlags = 1 << 15
	AppMessageContent        ApplicationFlags = 1 << 18
	AppMessageContentLimited ApplicationFlags = 1 << 19
)

// Intents returns the privileged intents that are enabled for the application.
func (f ApplicationFlags) Intents() (i Intents) {
	if f&(AppPresence|AppPresenceLimited) != 0 {
		i |= IntentGuildPresences
	}
	if f&(AppGuildMembers|AppGuildMembersLimited) != 0 {
		i |= IntentGuildMembers
	}
	if f&(AppMessageContent|AppMessageContentLimited) != 0 {
		i |= IntentMessageContent
	}
	return i
}

// GatewayBot says where the gateway is and how to connect.
type GatewayBot struct {
	URL    string            `json:"url"`
	Shards int               `json:"shards"` // that Discord recommends
	Limit  SessionStartLimit `json:"session_start_limit"`
}

// A SessionStartLimit says how many sessions a bot can begin.
type SessionStartLimit struct {
	Total          int `json:"total"` // in 24 hours
	Remaining      int `json:"remaining"`
	ResetAfter     int `json:"reset_after"`     // in milliseconds
	MaxConcurrency int `json:"max_concurrency"` // in 5 seconds
}

// An Interaction is a slash command, a press of a button, a choice in a menu or a
// form that was sent.
type Interaction struct {
	ID             ID              `json:"id"`
	ApplicationID  ID              `json:"application_id"`
	Type           InteractionType `json:"type"`
	Data           json.RawMessage `json:"data"` // depends on the Type
	GuildID        ID              `json:"guild_id"`
	ChannelID      ID              `json:"channel_id"`
	Channel        Channel         `json:"channel"` // partial
	Member         *Member         `json:"member"`  // in a guild
	User           *User           `json:"user"`    // elsewhere
	Token          Secret          `json:"token"`   // for the answers, for 15 minutes
	Version        int             `json:"version"`
	Message        *Message        `json:"message"` // of a button, a menu or a form that was opened by one
	AppPermissions Permissions     `json:"app_permissions"`
	Locale         string          `json:"locale"`       // of the user
	GuildLocale    string          `json:"guild_locale"` // of the guild
	Context        int             `json:"context"`      // 0 a guild, 1 a DM with the bot, 2 elsewhere
}

// Invoker returns the user who caused the interaction, in a guild or elsewhere.
func (i Interaction) Invoker() User {
	switch {
	case i.User != nil:
		return *i.User
	case i.Member != nil && i.Member.User != nil:
		return *i.Member.User
	}
	return User{}
}

// Present is a field that Discord sends with the value null: it is true if the
// field is present.
type Present bool

// UnmarshalJSON makes the field true.
func (p *Present) UnmarshalJSON([]byte) error {
	*p = true
	return nil
}
