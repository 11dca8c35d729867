package discord

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"strings"
)

// Me returns the bot's own user.
func (c *Client) Me(ctx context.Context) (User, error) {
	return Call[User](ctx, c, http.MethodGet, To("/users/@me"), nil)
}

// User returns a user.
func (c *Client) User(ctx context.Context, user ID) (User, error) {
	return Call[User](ctx, c, http.MethodGet, To("/users/{}", user), nil)
}

// A UserEdit is a change of the bot's own user.
type UserEdit struct {
	Username Opt[string]    `json:"username,omitzero"`
	Avatar   Opt[ImageData] `json:"avatar,omitzero"`
	Banner   Opt[ImageData] `json:"banner,omitzero"`
}

// ImageData is a picture as Discord takes it in a change; see [Image].
type ImageData string

// Image returns a picture, a PNG, JPEG, GIF or WebP, to be set as an avatar or an
// icon. It fails if the bytes are none of these.
func Image(b []byte) (ImageData, error) {
	kind := http.DetectContentType(b)
	switch kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return ImageData("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b)), nil
	}
	kind, _, _ = strings.Cut(kind, ";")
	return "", fmt.Errorf("discord: the bytes are no picture but %s: Discord takes PNG, JPEG, GIF and WebP", kind)
}

// EditMe changes the bot's own user: its name, its avatar, its banner.
func (c *Client) EditMe(ctx context.Context, e UserEdit) (User, error) {
	return Call[User](ctx, c, http.MethodPatch, To("/users/@me"), e)
}

// Guilds iterates over the guilds that the bot is in. They are partial: they have the
// ID, the name, the icon, Owner, OwnPermissions, the features and the approximate
// counts.
func (c *Client) Guilds(ctx context.Context) iter.Seq2[Guild, error] {
	return listAfter(ctx, c, To("/users/@me/guilds").With("with_counts", true), 200, func(g *Guild) ID { return g.ID })
}

// LeaveGuild makes the bot leave a guild.
func (c *Client) LeaveGuild(ctx context.Context, guild ID) error {
	return c.Call(ctx, http.MethodDelete, To("/users/@me/guilds/{}", guild), nil, nil)
}

// DMs returns the conversations with users. For bots Discord answers with an empty
// list: a bot gets to a conversation with [Client.DM].
func (c *Client) DMs(ctx context.Context) ([]Channel, error) {
	return Call[[]Channel](ctx, c, http.MethodGet, To("/users/@me/channels"), nil)
}

// DM returns the conversation with a user, and opens it if there is none yet. Discord
// limits how many conversations a bot may open: do not open one with each member.
func (c *Client) DM(ctx context.Context, user ID) (Channel, error) {
	if user == 0 {
		return Channel{}, misuse("user", "is the zero ID", "give the ID of a user").at("POST /users/@me/channels")
	}
	return Call[Channel](ctx, c, http.MethodPost, To("/users/@me/channels"), map[string]ID{"recipient_id": user})
}

// Connections returns the accounts elsewhere that a user has linked. It needs the
// token of the user, with the scope connections: see [NewClient].
func (c *Client) Connections(ctx context.Context) ([]Connection, error) {
	return Call[[]Connection](ctx, c, http.MethodGet, To("/users/@me/connections"), nil)
}

// Application returns the application that the bot belongs to.
func (c *Client) Application(ctx context.Context) (Application, error) {
	return Call[Application](ctx, c, http.MethodGet, To("/applications/@me"), nil)
}

// GatewayBot returns where the gateway is, and how many shards and sessions the bot
// may have.
func (c *Client) GatewayBot(ctx context.Context) (GatewayBot, error) {
	return Call[GatewayBot](ctx, c, http.MethodGet, To("/gateway/bot"), nil)
}
