package discord

// MessageCreate is the data of a MESSAGE_CREATE event.
type MessageCreate struct{ Message }

// MessageUpdate is the data of a MESSAGE_UPDATE event. Only ID and ChannelID
// are always set; Has reports which fields Discord sent.
type MessageUpdate struct {
	Message
	Partial
}

// MessageDelete is the data of a MESSAGE_DELETE event.
type MessageDelete struct {
	ID        ID `json:"id"`
	ChannelID ID `json:"channel_id"`
	GuildID   ID `json:"guild_id"`
}

// MessageDeleteBulk is the data of a MESSAGE_DELETE_BULK event.
type MessageDeleteBulk struct {
	IDs       []ID `json:"ids"`
	ChannelID ID   `json:"channel_id"`
	GuildID   ID   `json:"guild_id"`
}

// ReactionAdd is the data of a MESSAGE_REACTION_ADD event.
type ReactionAdd struct {
	UserID      ID       `json:"user_id"`
	ChannelID   ID       `json:"channel_id"`
	MessageID   ID       `json:"message_id"`
	GuildID     ID       `json:"guild_id"`
	Member      *Member  `json:"member"` // in a guild
	Emoji       Emoji    `json:"emoji"`  // ID, Name and Animated
	AuthorID    ID       `json:"message_author_id"`
	Burst       bool     `json:"burst"`
	BurstColors []string `json:"burst_colors"`
	Type        int      `json:"type"` // 0 normal, 1 burst
}

// ReactionRemove is the data of a MESSAGE_REACTION_REMOVE event.
type ReactionRemove struct {
	UserID    ID    `json:"user_id"`
	ChannelID ID    `json:"channel_id"`
	MessageID ID    `json:"message_id"`
	GuildID   ID    `json:"guild_id"`
	Emoji     Emoji `json:"emoji"`
	Burst     bool  `json:"burst"`
	Type      int   `json:"type"`
}

// ReactionRemoveAll is the data of a MESSAGE_REACTION_REMOVE_ALL event.
type ReactionRemoveAll struct {
	ChannelID ID `json:"channel_id"`
	MessageID ID `json:"message_id"`
	GuildID   ID `json:"guild_id"`
}

// ReactionRemoveEmoji is the data of a MESSAGE_REACTION_REMOVE_EMOJI event.
type ReactionRemoveEmoji struct {
	ChannelID ID    `json:"channel_id"`
	MessageID ID    `json:"message_id"`
	GuildID   ID    `json:"guild_id"`
	Emoji     Emoji `json:"emoji"`
}

// PollVoteAdd is the data of a MESSAGE_POLL_VOTE_ADD event.
type PollVoteAdd struct {
	UserID    ID  `json:"user_id"`
	ChannelID ID  `json:"channel_id"`
	MessageID ID  `json:"message_id"`
	GuildID   ID  `json:"guild_id"`
	AnswerID  int `json:"answer_id"`
}

// PollVoteRemove is the data of a MESSAGE_POLL_VOTE_REMOVE event.
type PollVoteRemove struct {
	UserID    ID  `json:"user_id"`
	ChannelID ID  `json:"channel_id"`
	MessageID ID  `json:"message_id"`
	GuildID   ID  `json:"guild_id"`
	AnswerID  int `json:"answer_id"`
}
