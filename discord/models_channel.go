package discord

import "time"

// A Channel is a channel of a guild, a thread in one, or a conversation between
// users.
type Channel struct {
	ID               ID          `json:"id"`
	Type             ChannelType `json:"type"`
	GuildID          ID          `json:"guild_id"` // zero of DMs, and of the channels inside of a GUILD_CREATE
	Position         int         `json:"position"`
	Overwrites       []Overwrite `json:"permission_overwrites"`
	Name             string      `json:"name"`
	Topic            string      `json:"topic"`
	NSFW             bool        `json:"nsfw"`
	LastMessageID    ID          `json:"last_message_id"` // may be of a message that was deleted
	Bitrate          int         `json:"bitrate"`
	UserLimit        int         `json:"user_limit"`          // 0 for none
	Slowmode         int         `json:"rate_limit_per_user"` // seconds between two messages of a user
	Recipients       []User      `json:"recipients"`          // of a DM
	Icon             string      `json:"icon"`                // of a group, a hash
	OwnerID          ID          `json:"owner_id"`            // of a group or a thread
	ApplicationID    ID          `json:"application_id"`      // of the bot that made a group
	Managed          bool        `json:"managed"`
	ParentID         ID          `json:"parent_id"` // the category or, of a thread, the channel
	LastPin          time.Time   `json:"last_pin_timestamp"`
	RTCRegion        string      `json:"rtc_region"`         // empty for automatic
	VideoQuality     int         `json:"video_quality_mode"` // 1 automatic, 2 720p
	OwnPermissions   Permissions `json:"permissions"`        // of the user of an interaction
	Flags            int64       `json:"flags"`
	DefaultArchive   int         `json:"default_auto_archive_duration"` // in minutes
	DefaultSlowmode  int         `json:"default_thread_rate_limit_per_user"`
	AvailableTags    []ForumTag  `json:"available_tags"` // of a forum
	AppliedTags      []ID        `json:"applied_tags"`   // of a thread in a forum
	DefaultReaction  ForumEmoji  `json:"default_reaction_emoji"`
	DefaultSortOrder int         `json:"default_sort_order"`
	DefaultLayout    int         `json:"default_forum_layout"`

	// Of threads.
	Messages      int            `json:"message_count"` // without those that were deleted
	TotalMessages int            `json:"total_message_sent"`
	MemberCount   int            `json:"member_count"` // at most 50
	Thread        ThreadMetadata `json:"thread_metadata"`
	ThreadMember  *ThreadMember  `json:"member"` // the bot, if it is in the thread
	NewlyCreated  bool           `json:"newly_created"`
}

// Mention returns the text that links to the channel in a message.
func (c Channel) Mention() string { return MentionChannel(c.ID) }

// An Overwrite changes the permissions of a role or a member in a channel.
type Overwrite struct {
	ID    ID            `json:"id"` // of the role or the user
	Type  OverwriteType `json:"type"`
	Allow Permissions   `json:"allow"`
	Deny  Permissions   `json:"deny"`
}

// ThreadMetadata is the state of a thread.
type ThreadMetadata struct {
	Archived        bool      `json:"archived"`
	AutoArchive     int       `json:"auto_archive_duration"` // in minutes
	ArchiveChanged  time.Time `json:"archive_timestamp"`
	Locked          bool      `json:"locked"`
	Invitable       bool      `json:"invitable"`
	CreateTimestamp time.Time `json:"create_timestamp"`
}

// A ThreadMember is a follower of a thread.
type ThreadMember struct {
	ThreadID ID        `json:"id"`
	UserID   ID        `json:"user_id"`
	GuildID  ID        `json:"guild_id"` // of events
	JoinedAt time.Time `json:"join_timestamp"`
	Flags    int64     `json:"flags"`
	Member   *Member   `json:"member"`
}

// A ForumTag is a tag of a forum.
type ForumTag struct {
	ID        ID     `json:"id"`
	Name      string `json:"name"`
	Moderated bool   `json:"moderated"`
	EmojiID   ID     `json:"emoji_id"`
	EmojiName string `json:"emoji_name"`
}

// A ForumEmoji is the emoji of a forum's reaction button.
type ForumEmoji struct {
	ID   ID     `json:"emoji_id"`
	Name string `json:"emoji_name"`
}
