package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
)

const (
	emoji    = "📚"
	roleName = "Reader"
)

// A board is a message in a guild: a reaction to it gives the role.
type board struct {
	Message, Role discord.ID
}

// A bot gives a role for a reaction to a message, and takes the role away when
// the reaction is removed. The boards are persisted in the store, so they work
// after a restart.
type bot struct {
	store discord.Store
	mu    sync.Mutex // one board is made at a time
}

// newBot returns the bot's handler.
func newBot(store discord.Store) discord.Handler {
	b := &bot{store: store}
	r := discord.NewRouter()
	r.Use(middleware.Logger(slog.Default()), middleware.Timeout(30*time.Second))
	discord.On(r, discord.EventReady, func(c *discord.Context, e *discord.Ready) error {
		return c.Gateway().SetPresence(c, discord.Presence{
			Status:     discord.StatusDND,
			Activities: []discord.Activity{{Type: discord.Watching, Name: "reactions"}},
		})
	})
	discord.On(r, discord.EventMessageCreate, b.command)
	discord.On(r, discord.EventReactionAdd, func(c *discord.Context, e *discord.ReactionAdd) error {
		role, err := b.roleFor(c, e.MessageID, e.Emoji)
		if role == 0 || err != nil {
			return err
		}
		return c.Client().AddRole(c, e.GuildID, e.UserID, role, discord.Reason("reaction"))
	})
	discord.On(r, discord.EventReactionRemove, func(c *discord.Context, e *discord.ReactionRemove) error {
		role, err := b.roleFor(c, e.MessageID, e.Emoji)
		if role == 0 || err != nil {
			return err
		}
		return c.Client().RemoveRole(c, e.GuildID, e.UserID, role, discord.Reason("reaction taken back"))
	})
	discord.On(r, discord.EventMemberAdd, func(c *discord.Context, e *discord.MemberAdd) error {
		slog.Info("a new member", "name", e.User.String())
		return nil
	})
	return discord.Wrap(r, middleware.IgnoreBots())
}

// command handles the messages of users.
func (b *bot) command(c *discord.Context, m *discord.MessageCreate) error {
	if c.GuildID() == 0 {
		return nil
	}
	switch m.Content {
	case "!roles":
		guild, err := c.Client().Guild(c, c.GuildID())
		if err != nil {
			return err
		}
		member, err := c.Member()
		if err != nil {
			return err
		}
		if !guild.Permissions(*member).Has(discord.PermManageRoles) {
			return c.Reply("That takes the permission to manage roles.")
		}
		return b.open(c)
	case "!readers":
		return b.count(c)
	}
	return nil
}

// open posts a board, and makes the role if there is none.
func (b *bot) open(c *discord.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	roles, err := c.Client().Roles(c, c.GuildID())
	if err != nil {
		return err
	}
	var role discord.Role
	if i := slices.IndexFunc(roles, func(r discord.Role) bool { return r.Name == roleName }); i >= 0 {
		role = roles[i]
	} else {
		role, err = discord.Call[discord.Role](c, c.Client(), "POST", discord.To("/guilds/{}/roles", c.GuildID()), map[string]any{"name": roleName, "permissions": "0"})
		if err != nil {
			return err
		}
	}
	m, err := c.Client().Send(c, c.ChannelID(), "React with "+emoji+" to become a "+roleName+".")
	if err != nil {
		return err
	}
	if err := c.Client().React(c, m.ChannelID, m.ID, emoji); err != nil {
		return err
	}
	return b.keep(c, board{m.ID, role.ID})
}

// count lists the members with the role. It asks for all members over the gateway.
func (b *bot) count(c *discord.Context) error {
	kept, _, err := b.board(c)
	if err != nil {
		return err
	}
	var names []string
	for m, err := range c.Gateway().Members(c, discord.MembersOf{Guild: c.GuildID()}) {
		if err != nil {
			return err
		}
		if kept.Role != 0 && slices.Contains(m.Roles, kept.Role) {
			names = append(names, m.User.DisplayName())
		}
	}
	if len(names) == 0 {
		return c.Reply("Nobody yet.")
	}
	slices.Sort(names)
	return c.Reply(fmt.Sprintf("%d: %s", len(names), strings.Join(names, ", ")))
}

// roleFor returns the role that a reaction gives, or 0.
func (b *bot) roleFor(c *discord.Context, message discord.ID, e discord.Emoji) (discord.ID, error) {
	if e.Name != emoji || c.GuildID() == 0 {
		return 0, nil
	}
	kept, _, err := b.board(c)
	if err != nil || kept.Message != message {
		return 0, err
	}
	return kept.Role, nil
}

// key returns the key of the guild's board in the store.
func (b *bot) key(c *discord.Context) string { return "roles/" + c.GuildID().String() }

// board returns the guild's board, decoded and as raw bytes from the store.
func (b *bot) board(c *discord.Context) (kept board, raw []byte, err error) {
	raw, err = b.store.Get(c, b.key(c))
	if err != nil || len(raw) == 0 {
		return kept, nil, err
	}
	return kept, raw, json.Unmarshal(raw, &kept)
}

// keep sets the guild's board.
func (b *bot) keep(c *discord.Context, kept board) error {
	_, old, err := b.board(c)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	_, err = b.store.Swap(c, b.key(c), old, raw, 0)
	return err
}
