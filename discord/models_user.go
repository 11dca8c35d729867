package discord

import "time"

// A User is an account at Discord, of a human or of a bot.
type User struct {
	ID            ID     `json:"id"`
	Username      string `json:"username"`
	Discriminator string `json:"discriminator"` // four digits, or "0" for accounts with a unique name
	GlobalName    string `json:"global_name"`   // the name that users see, if the user has chosen one
	Avatar        string `json:"avatar"`        // a hash, see [User.AvatarURL]; empty for the default avatar
	Banner        string `json:"banner"`        // a hash, see [User.BannerURL]
	AccentColor   int    `json:"accent_color"`  // 0xRRGGBB
	Bot           bool   `json:"bot"`
	System        bool   `json:"system"` // of Discord itself
	MFAEnabled    bool   `json:"mfa_enabled"`
	Locale        string `json:"locale"`
	Verified      bool   `json:"verified"` // whether the email address is; with the scope email only
	Email         string `json:"email"`    // with the scope email only
	Flags         int64  `json:"flags"`
	PublicFlags   int64  `json:"public_flags"`
	PremiumType   int    `json:"premium_type"` // 0 none, 1 Nitro Classic, 2 Nitro, 3 Nitro Basic

	// Member is the user's membership in the guild of a message that mentions
	// the user. It is nil elsewhere.
	Member *Member `json:"member"`
}

// String returns the name of the account: "name", or "name#1234" for accounts
// that have a discriminator.
func (u User) String() string {
	if u.Discriminator == "" || u.Discriminator == "0" || u.Discriminator == "0000" {
		return u.Username
	}
	return u.Username + "#" + u.Discriminator
}

// DisplayName returns the name that users see: the global name or, if there is
// none, the username.
func (u User) DisplayName() string {
	if u.GlobalName != "" {
		return u.GlobalName
	}
	return u.Username
}

// Mention returns the text that mentions the user in a message.
func (u User) Mention() string { return Mention(u.ID) }

// A Connection is an account elsewhere that a user has linked.
type Connection struct {
	ID           string        `json:"id"`   // at that service
	Name         string        `json:"name"` // at that service
	Type         string        `json:"type"` // the service: "github", "twitch", …
	Revoked      bool          `json:"revoked"`
	Integrations []Integration `json:"integrations"`
	Verified     bool          `json:"verified"`
	FriendSync   bool          `json:"friend_sync"`
	ShowActivity bool          `json:"show_activity"`
	TwoWayLink   bool          `json:"two_way_link"`
	Visibility   int           `json:"visibility"` // 0 only the user, 1 everyone
}

// A Member is a user in a guild.
type Member struct {
	// User is nil in the Member of a message: it is the message's Author.
	User *User `json:"user"`

	GuildID      ID          `json:"guild_id"` // of events; zero in the answers to calls
	Nick         string      `json:"nick"`
	Avatar       string      `json:"avatar"` // a hash, see [Member.AvatarURL]; empty if the user's avatar is shown
	Banner       string      `json:"banner"`
	Roles        []ID        `json:"roles"`
	JoinedAt     time.Time   `json:"joined_at"`     // zero for guests
	PremiumSince time.Time   `json:"premium_since"` // zero if the member does not boost the guild
	Deaf         bool        `json:"deaf"`
	Mute         bool        `json:"mute"`
	Flags        int64       `json:"flags"`
	Pending      bool        `json:"pending"`     // has not passed the screening of the guild
	Permissions  Permissions `json:"permissions"` // in the channel of an interaction, overwrites included
	TimedOut     time.Time   `json:"communication_disabled_until"`
}

// DisplayName returns the name that users in the guild see: the nickname or, if
// there is none, the name of the user.
func (m Member) DisplayName() string {
	if m.Nick != "" || m.User == nil {
		return m.Nick
	}
	return m.User.DisplayName()
}

// HasRole reports whether the member has the role. Every member has the role
// @everyone, which is not among Roles.
func (m Member) HasRole(role ID) bool {
	for _, id := range m.Roles {
		if id == role {
			return true
		}
	}
	return false
}

// TimedOutAt reports whether the member is timed out at t: can see channels, but
// not write or talk.
func (m Member) TimedOutAt(t time.Time) bool { return m.TimedOut.After(t) }

// A Ban is the ban of a user from a guild.
type Ban struct {
	Reason string `json:"reason"`
	User   User   `json:"user"`
}

// A Role is a set of permissions that members of a guild can have.
type Role struct {
	ID           ID          `json:"id"` // of the role @everyone, that of the guild
	Name         string      `json:"name"`
	Color        int         `json:"color"` // 0xRRGGBB, 0 for none
	Colors       RoleColors  `json:"colors"`
	Hoist        bool        `json:"hoist"` // whether members with the role are listed apart
	Icon         string      `json:"icon"`  // a hash, see [Role.IconURL]
	UnicodeEmoji string      `json:"unicode_emoji"`
	Position     int         `json:"position"`
	Permissions  Permissions `json:"permissions"`
	Managed      bool        `json:"managed"` // by an integration
	Mentionable  bool        `json:"mentionable"`
	Flags        int64       `json:"flags"`
	Tags         RoleTags    `json:"tags"`
}

// String returns the role's name.
func (r Role) String() string { return r.Name }

// Mention returns the text that mentions the role in a message.
func (r Role) Mention() string { return MentionRole(r.ID) }

// RoleColors are the colors of a role: one, or two or three for a gradient.
type RoleColors struct {
	Primary   int `json:"primary_color"`
	Secondary int `json:"secondary_color"`
	Tertiary  int `json:"tertiary_color"`
}

// RoleTags name the owner of a role: a bot, an integration, a subscription.
type RoleTags struct {
	BotID         ID `json:"bot_id"`
	IntegrationID ID `json:"integration_id"`
	ListingID     ID `json:"subscription_listing_id"`

	// Discord sends the fields below with the value null if they are set.
	PremiumSubscriber Present `json:"premium_subscriber"`
	Purchasable       Present `json:"available_for_purchase"`
	GuildConnections  Present `json:"guild_connections"`
}

// An Emoji is a custom emoji of a guild, which has an ID, or a Unicode emoji, which
// has only a Name.
type Emoji struct {
	ID            ID     `json:"id"`
	Name          string `json:"name"`
	Roles         []ID   `json:"roles"` // the roles that may use it; empty means every user
	User          *User  `json:"user"`  // its creator
	RequireColons bool   `json:"require_colons"`
	Managed       bool   `json:"managed"`
	Animated      bool   `json:"animated"`
	Available     bool   `json:"available"` // false if the guild has lost the boosts for it
}
