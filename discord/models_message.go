package discord

import (
	"encoding/json"
	"time"
)

// A Message is a message in a channel.
//
// Content, Embeds, Attachments, Components and Poll are empty without
// [IntentMessageContent], but for messages of the bot, messages to it in DMs, and
// messages that mention it.
type Message struct {
	ID              ID                 `json:"id"`
	ChannelID       ID                 `json:"channel_id"`
	GuildID         ID                 `json:"guild_id"` // of events; zero in the answers to calls and in DMs
	Author          User               `json:"author"`   // of a webhook's message, no user: see WebhookID
	Member          *Member            `json:"member"`   // the author in the guild, of events; without a User
	Content         string             `json:"content"`
	Timestamp       time.Time          `json:"timestamp"`
	EditedAt        time.Time          `json:"edited_timestamp"` // zero if it was never edited
	TTS             bool               `json:"tts"`
	MentionEveryone bool               `json:"mention_everyone"`
	Mentions        []User             `json:"mentions"`
	MentionRoles    []ID               `json:"mention_roles"`
	MentionChannels []Channel          `json:"mention_channels"` // partial
	Attachments     []Attachment       `json:"attachments"`
	Embeds          []Embed            `json:"embeds"`
	Reactions       []Reaction         `json:"reactions"`
	Nonce           string             `json:"nonce"` // that the message was sent with; a number is written in digits
	Pinned          bool               `json:"pinned"`
	WebhookID       ID                 `json:"webhook_id"` // set if a webhook wrote it
	Type            MessageType        `json:"type"`
	Activity        MessageActivity    `json:"activity"`
	Application     MessageApplication `json:"application"`
	ApplicationID   ID                 `json:"application_id"` // of an answer to an interaction
	Flags           MessageFlags       `json:"flags"`
	Reference       MessageReference   `json:"message_reference"`
	Referenced      *Message           `json:"referenced_message"` // that it answers; nil if it was deleted
	Snapshots       []MessageSnapshot  `json:"message_snapshots"`  // that it forwards
	Interaction     json.RawMessage    `json:"interaction_metadata"`
	Thread          *Channel           `json:"thread"` // that began with it
	Components      []json.RawMessage  `json:"components"`
	Stickers        []Sticker          `json:"sticker_items"` // partial: ID, Name, FormatType
	Position        int                `json:"position"`      // in a thread
	Poll            *Poll              `json:"poll"`
	ChannelType     ChannelType        `json:"channel_type"` // of MESSAGE_CREATE
}

// URL returns the address of the message in Discord's apps.
func (m Message) URL() string {
	guild := "@me"
	if m.GuildID != 0 {
		guild = m.GuildID.String()
	}
	return "https://discord.com/channels/" + guild + "/" + m.ChannelID.String() + "/" + m.ID.String()
}

// MessageFlags are properties of a message, a set of bits.
type MessageFlags uint64

// The flags.
const (
	FlagCrossposted           MessageFlags = 1 << 0
	FlagIsCrosspost           MessageFlags = 1 << 1
	FlagSuppressEmbeds        MessageFlags = 1 << 2
	FlagSourceDeleted         MessageFlags = 1 << 3
	FlagUrgent                MessageFlags = 1 << 4
	FlagHasThread             MessageFlags = 1 << 5
	FlagEphemeral             MessageFlags = 1 << 6
	FlagLoading               MessageFlags = 1 << 7
	FlagSuppressNotifications MessageFlags = 1 << 12
	FlagVoiceMessage          MessageFlags = 1 << 13
	FlagHasSnapshot           MessageFlags = 1 << 14
	FlagComponentsV2          MessageFlags = 1 << 15
)

// Has reports whether all of want are in f.
func (f MessageFlags) Has(want MessageFlags) bool { return f&want == want }

// A MessageReference is the message that another one answers, forwards or comes
// from.
type MessageReference struct {
	Type      int `json:"type"` // 0 an answer, 1 forwarded
	MessageID ID  `json:"message_id"`
	ChannelID ID  `json:"channel_id"`
	GuildID   ID  `json:"guild_id"`
}

// A MessageSnapshot is a message as it was when it was forwarded.
type MessageSnapshot struct {
	Message Message `json:"message"` // partial
}

// A MessageActivity is an invitation in a message.
type MessageActivity struct {
	Type    MessageActivityType `json:"type"`
	PartyID string              `json:"party_id"`
}

// A MessageApplication is the application of a message's activity.
type MessageApplication struct {
	ID          ID     `json:"id"`
	CoverImage  string `json:"cover_image"`
	Description string `json:"description"`
	Icon        string `json:"icon"`
	Name        string `json:"name"`
}

// A Reaction is an emoji below a message, and how many users chose it.
type Reaction struct {
	Count        int            `json:"count"`
	CountDetails ReactionCounts `json:"count_details"`
	Me           bool           `json:"me"` // whether the bot is one of them
	MeBurst      bool           `json:"me_burst"`
	Emoji        Emoji          `json:"emoji"`
	BurstColors  []string       `json:"burst_colors"`
}

// ReactionCounts are the parts of a [Reaction]'s count.
type ReactionCounts struct {
	Burst  int `json:"burst"` // super reactions
	Normal int `json:"normal"`
}

// An Attachment is a file of a message.
type Attachment struct {
	ID          ID      `json:"id"`
	Filename    string  `json:"filename"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	ContentType string  `json:"content_type"`
	Size        int64   `json:"size"` // in bytes
	URL         string  `json:"url"`  // signed: it expires
	ProxyURL    string  `json:"proxy_url"`
	Height      int     `json:"height"` // of pictures
	Width       int     `json:"width"`
	Ephemeral   bool    `json:"ephemeral"`
	Duration    float64 `json:"duration_secs"` // of voice messages
	Waveform    string  `json:"waveform"`
	Flags       int64   `json:"flags"`
}

// A Poll is a question with answers to vote for.
type Poll struct {
	Question    PollText     `json:"question"`
	Answers     []PollAnswer `json:"answers"`
	Expiry      time.Time    `json:"expiry"` // zero for never
	Multiselect bool         `json:"allow_multiselect"`
	Layout      int          `json:"layout_type"`
	Results     PollResults  `json:"results"`
}

// A PollText is the text of a poll's question or answer.
type PollText struct {
	Text  string `json:"text"`
	Emoji Emoji  `json:"emoji"` // of an answer
}

// A PollAnswer is an answer of a poll.
type PollAnswer struct {
	ID    int      `json:"answer_id"`
	Media PollText `json:"poll_media"`
}

// PollResults are the votes of a poll so far.
type PollResults struct {
	Finalized bool        `json:"is_finalized"`
	Counts    []PollCount `json:"answer_counts"`
}

// A PollCount is the number of votes for an answer.
type PollCount struct {
	ID      int  `json:"id"`
	Count   int  `json:"count"`
	MeVoted bool `json:"me_voted"`
}

// An Embed is a box with text and pictures in a message. It is a [SendOption]; see
// [Client.Send] for the limits.
type Embed struct {
	Title       string        `json:"title,omitempty"`
	Type        string        `json:"type,omitempty"` // of messages that come: "rich", "image", "video", "link", …
	Description string        `json:"description,omitempty"`
	URL         string        `json:"url,omitempty"`
	Timestamp   time.Time     `json:"timestamp,omitzero"`
	Color       int           `json:"color,omitempty"` // 0xRRGGBB
	Footer      EmbedFooter   `json:"footer,omitzero"`
	Image       EmbedMedia    `json:"image,omitzero"`
	Thumbnail   EmbedMedia    `json:"thumbnail,omitzero"`
	Video       EmbedMedia    `json:"video,omitzero"`    // of messages that come
	Provider    EmbedProvider `json:"provider,omitzero"` // of messages that come
	Author      EmbedAuthor   `json:"author,omitzero"`
	Fields      []EmbedField  `json:"fields,omitempty"`
}

// EmbedMedia is an image, a thumbnail or a video of an [Embed].
type EmbedMedia struct {
	URL         string `json:"url"` // "attachment://name" for a file of the same message
	ProxyURL    string `json:"proxy_url,omitempty"`
	Height      int    `json:"height,omitempty"`
	Width       int    `json:"width,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Description string `json:"description,omitempty"`
}

// An EmbedProvider is the site that an [Embed] comes from.
type EmbedProvider struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

// An EmbedAuthor is the line above an [Embed]'s title.
type EmbedAuthor struct {
	Name         string `json:"name"`
	URL          string `json:"url,omitempty"`
	IconURL      string `json:"icon_url,omitempty"`
	ProxyIconURL string `json:"proxy_icon_url,omitempty"`
}

// An EmbedFooter is the line below an [Embed].
type EmbedFooter struct {
	Text         string `json:"text"`
	IconURL      string `json:"icon_url,omitempty"`
	ProxyIconURL string `json:"proxy_icon_url,omitempty"`
}

// An EmbedField is a heading with a text in an [Embed].
type EmbedField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline,omitempty"` // beside others, not below
}
