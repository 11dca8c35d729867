package discord

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Guild returns a guild, with the approximate counts of its members.
func (c *Client) Guild(ctx context.Context, guild ID) (Guild, error) {
	return Call[Guild](ctx, c, http.MethodGet, To("/guilds/{}", guild).With("with_counts", true), nil)
}

// Channels returns the channels of a guild, without threads.
func (c *Client) Channels(ctx context.Context, guild ID) ([]Channel, error) {
	return Call[[]Channel](ctx, c, http.MethodGet, To("/guilds/{}/channels", guild), nil)
}

// Members iterates over the members of a guild, by their IDs. It needs
// [IntentGuildMembers] to be enabled for the application.
func (c *Client) Members(ctx context.Context, guild ID) iter.Seq2[Member, error] {
	return listAfter(ctx, c, To("/guilds/{}/members", guild), 1000, func(m *Member) ID { return userOf(m.User) })
}

// Member returns a member of a guild.
func (c *Client) Member(ctx context.Context, guild, user ID) (Member, error) {
	return Call[Member](ctx, c, http.MethodGet, To("/guilds/{}/members/{}", guild, user), nil)
}

// A MemberEdit is a change of a member.
type MemberEdit struct {
	Nick      Opt[string]    `json:"nick,omitzero"`
	Roles     Opt[[]ID]      `json:"roles,omitzero"` // all that the member is to have
	Mute      Opt[bool]      `json:"mute,omitzero"`
	Deaf      Opt[bool]      `json:"deaf,omitzero"`
	ChannelID Opt[ID]        `json:"channel_id,omitzero"`                   // moves the member to another voice channel; null ends the call
	TimedOut  Opt[time.Time] `json:"communication_disabled_until,omitzero"` // at most 28 days ahead; null ends a timeout
}

// EditMember changes a member: nickname, roles, voice, timeout.
func (c *Client) EditMember(ctx context.Context, guild, user ID, e MemberEdit, opts ...CallOption) (Member, error) {
	return Call[Member](ctx, c, http.MethodPatch, To("/guilds/{}/members/{}", guild, user), e, opts...)
}

// AddRole gives a member a role.
func (c *Client) AddRole(ctx context.Context, guild, user, role ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodPut, To("/guilds/{}/members/{}/roles/{}", guild, user, role), nil, nil, opts...)
}

// RemoveRole takes a role from a member.
func (c *Client) RemoveRole(ctx context.Context, guild, user, role ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodDelete, To("/guilds/{}/members/{}/roles/{}", guild, user, role), nil, nil, opts...)
}

// Kick removes a member from a guild. The user can come back with an invitation.
func (c *Client) Kick(ctx context.Context, guild, user ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodDelete, To("/guilds/{}/members/{}", guild, user), nil, nil, opts...)
}

// A banBody is the JSON of a ban.
type banBody struct {
	DeleteSeconds int `json:"delete_message_seconds,omitempty"`
}

// Ban bans a user from a guild, member or not. [Purge] deletes the user's messages
// too.
func (c *Client) Ban(ctx context.Context, guild, user ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodPut, To("/guilds/{}/bans/{}", guild, user), banBody{}, nil, opts...)
}

// Purge returns a CallOption for [Client.Ban] that deletes the messages that the user
// wrote in the last d, at most 7 days. For other calls it does nothing.
func Purge(d time.Duration) CallOption {
	return func(r *Request) {
		if b, ok := r.Body.(banBody); ok {
			b.DeleteSeconds = int(min(max(d, 0), 7*24*time.Hour) / time.Second)
			r.Body = b
		}
	}
}

// Unban lifts a ban.
func (c *Client) Unban(ctx context.Context, guild, user ID, opts ...CallOption) error {
	return c.Call(ctx, http.MethodDelete, To("/guilds/{}/bans/{}", guild, user), nil, nil, opts...)
}

// Bans iterates over the bans of a guild, by the IDs of the users.
func (c *Client) Bans(ctx context.Context, guild ID) iter.Seq2[Ban, error] {
	return listAfter(ctx, c, To("/guilds/{}/bans", guild), 1000, func(b *Ban) ID { return b.User.ID })
}

// Roles returns the roles of a guild, also @everyone.
func (c *Client) Roles(ctx context.Context, guild ID) ([]Role, error) {
	return Call[[]Role](ctx, c, http.MethodGet, To("/guilds/{}/roles", guild), nil)
}

// Emojis returns the custom emojis of a guild.
func (c *Client) Emojis(ctx context.Context, guild ID) ([]Emoji, error) {
	return Call[[]Emoji](ctx, c, http.MethodGet, To("/guilds/{}/emojis", guild), nil)
}

// Integrations returns the integrations of a guild, at most 50.
func (c *Client) Integrations(ctx context.Context, guild ID) ([]Integration, error) {
	return Call[[]Integration](ctx, c, http.MethodGet, To("/guilds/{}/integrations", guild), nil)
}

// WidgetSettings returns the settings of a guild's widget.
func (c *Client) WidgetSettings(ctx context.Context, guild ID) (WidgetSettings, error) {
	return Call[WidgetSettings](ctx, c, http.MethodGet, To("/guilds/{}/widget", guild), nil)
}

// Invites returns the invitations to a guild.
func (c *Client) Invites(ctx context.Context, guild ID) ([]Invite, error) {
	return Call[[]Invite](ctx, c, http.MethodGet, To("/guilds/{}/invites", guild), nil)
}

// Invite returns an invitation, with the approximate counts of members.
func (c *Client) Invite(ctx context.Context, code string) (Invite, error) {
	return Call[Invite](ctx, c, http.MethodGet, To("/invites/{}", code).With("with_counts", true), nil)
}

// VoiceRegions returns the places where Discord has voice servers.
func (c *Client) VoiceRegions(ctx context.Context) ([]VoiceRegion, error) {
	return Call[[]VoiceRegion](ctx, c, http.MethodGet, To("/voice/regions"), nil)
}
