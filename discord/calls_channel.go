package discord

import (
	"context"
	"net/http"
)

// Channel returns a channel or a thread.
func (c *Client) Channel(ctx context.Context, channel ID) (Channel, error) {
	return Call[Channel](ctx, c, http.MethodGet, To("/channels/{}", channel), nil)
}

// A ChannelEdit is a change of a channel or a thread.
type ChannelEdit struct {
	Name         Opt[string]      `json:"name,omitzero"`
	Type         Opt[ChannelType] `json:"type,omitzero"` // text or announcement
	Position     Opt[int]         `json:"position,omitzero"`
	Topic        Opt[string]      `json:"topic,omitzero"`
	NSFW         Opt[bool]        `json:"nsfw,omitzero"`
	Slowmode     Opt[int]         `json:"rate_limit_per_user,omitzero"` // in seconds, at most 6 hours
	Bitrate      Opt[int]         `json:"bitrate,omitzero"`
	UserLimit    Opt[int]         `json:"user_limit,omitzero"`
	Overwrites   Opt[[]Overwrite] `json:"permission_overwrites,omitzero"` // all that the channel is to have
	ParentID     Opt[ID]          `json:"parent_id,omitzero"`
	RTCRegion    Opt[string]      `json:"rtc_region,omitzero"`
	VideoQuality Opt[int]         `json:"video_quality_mode,omitzero"`
	Flags        Opt[int64]       `json:"flags,omitzero"`

	// Of threads.
	Archived    Opt[bool] `json:"archived,omitzero"`
	AutoArchive Opt[int]  `json:"auto_archive_duration,omitzero"` // in minutes: 60, 1440, 4320 or 10080
	Locked      Opt[bool] `json:"locked,omitzero"`
	Invitable   Opt[bool] `json:"invitable,omitzero"`
	AppliedTags Opt[[]ID] `json:"applied_tags,omitzero"`
}

// EditChannel changes a channel or a thread. Discord allows few changes of the name
// and the topic: two in ten minutes.
func (c *Client) EditChannel(ctx context.Context, channel ID, e ChannelEdit, opts ...CallOption) (Channel, error) {
	return Call[Channel](ctx, c, http.MethodPatch, To("/channels/{}", channel), e, opts...)
}

// DeleteChannel deletes a channel of a guild, or closes a conversation with a user. It
// returns the channel as it was. The channels of a category that is deleted remain,
// without a category: Discord reports each with an [EventChannelUpdate].
func (c *Client) DeleteChannel(ctx context.Context, channel ID, opts ...CallOption) (Channel, error) {
	was, err := Call[Channel](ctx, c, http.MethodDelete, To("/channels/{}", channel), nil, opts...)
	if err == nil {
		was.ID = channel // the answer is lost if an attempt before deleted it
	}
	return was, err
}

// Typing shows users that the bot is writing, for ten seconds or until it sends
// a message.
func (c *Client) Typing(ctx context.Context, channel ID) error {
	return c.Call(ctx, http.MethodPost, To("/channels/{}/typing", channel), nil, nil)
}

// ChannelInvites returns the invitations to a channel.
func (c *Client) ChannelInvites(ctx context.Context, channel ID) ([]Invite, error) {
	return Call[[]Invite](ctx, c, http.MethodGet, To("/channels/{}/invites", channel), nil)
}

// Webhooks returns the webhooks of a channel.
func (c *Client) Webhooks(ctx context.Context, channel ID) ([]Webhook, error) {
	return Call[[]Webhook](ctx, c, http.MethodGet, To("/channels/{}/webhooks", channel), nil)
}

// GuildWebhooks returns the webhooks of a guild.
func (c *Client) GuildWebhooks(ctx context.Context, guild ID) ([]Webhook, error) {
	return Call[[]Webhook](ctx, c, http.MethodGet, To("/guilds/{}/webhooks", guild), nil)
}

// CreateWebhook makes a webhook for a channel.
func (c *Client) CreateWebhook(ctx context.Context, channel ID, name string, opts ...CallOption) (Webhook, error) {
	return Call[Webhook](ctx, c, http.MethodPost, To("/channels/{}/webhooks", channel), map[string]string{"name": name}, opts...)
}

// ExecuteWebhook sends a message by a webhook, of which it uses the ID and the
// Token. [Name] gives the message a name and a picture of its own. Discord
// cannot detect a duplicate, so a message with a lost answer is not sent again:
// the error is then [ErrMaybeDone].
func (c *Client) ExecuteWebhook(ctx context.Context, w Webhook, text string, opts ...SendOption) (Message, error) {
	return c.post(ctx, To("/webhooks/{}/{}", w.ID, w.Token).With("wait", true), 0, text, opts)
}
