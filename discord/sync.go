package discord

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A CommandSync says where [Gateway.Run] registers the slash commands of the Router. Other
// values than SyncChanged and SyncNone are made by [SyncGuild].
type CommandSync uint64

const (
	// SyncChanged registers the commands for all guilds and direct messages, if they are
	// others than Discord has.
	SyncChanged CommandSync = 0

	// SyncNone registers nothing.
	SyncNone CommandSync = 1
)

// SyncGuild registers the commands for one guild, if they are others than Discord has there:
// for development, since they do not change in other guilds.
func SyncGuild(guild ID) CommandSync { return CommandSync(guild) }

// guild returns the guild, or 0.
func (s CommandSync) guild() ID {
	if s == SyncNone {
		return 0
	}
	return ID(s)
}

// commandsPath returns the path of an application's commands.
func commandsPath(application ID, guild ID) Path {
	if guild != 0 {
		return To("/applications/{}/guilds/{}/commands", application, guild)
	}
	return To("/applications/{}/commands", application)
}

// Commands returns the commands that Discord has of the application, with their
// translations: those for everywhere, or those of a guild if that is not 0.
func (c *Client) Commands(ctx context.Context, guild ID) ([]CommandDef, error) {
	app, err := c.Application(ctx)
	if err != nil {
		return nil, err
	}
	return c.commands(ctx, app.ID, guild)
}

func (c *Client) commands(ctx context.Context, application, guild ID) ([]CommandDef, error) {
	return Call[[]CommandDef](ctx, c, http.MethodGet, commandsPath(application, guild).With("with_localizations", true), nil)
}

// SyncCommands makes the commands of the application those of defs, which [Router.Commands]
// returns. It compares them with the ones that Discord has, and calls Discord only if they
// differ: Discord allows 200 new commands in a day. Commands that are not in defs are
// removed. SyncCommands reports whether something has changed.
//
// [Gateway.Run] does the same. A bot that gets its interactions over [Interactions] calls
// SyncCommands when it starts.
func (c *Client) SyncCommands(ctx context.Context, defs []CommandDef, how CommandSync) (changed bool, err error) {
	if how == SyncNone {
		return false, nil
	}
	app, err := c.Application(ctx)
	if err != nil {
		return false, err
	}
	return c.syncCommands(ctx, app.ID, defs, how)
}

func (c *Client) syncCommands(ctx context.Context, application ID, defs []CommandDef, how CommandSync) (changed bool, err error) {
	guild := how.guild()
	raw, err := Call[[]json.RawMessage](ctx, c, http.MethodGet, commandsPath(application, guild).With("with_localizations", true), nil)
	if err != nil {
		return false, err
	}
	var have []CommandDef
	all := make([]any, 0, len(defs)+1)
	for i := range defs {
		all = append(all, &defs[i])
	}
	for _, text := range raw {
		var d CommandDef
		if err := tolerant.Unmarshal(text, &d); err != nil {
			return false, fmt.Errorf("discord: the commands: %w", err)
		}
		if d.Type == commandEntry { // Discord's own: it must stay in the list, with all its fields
			all = append(all, text)
			continue
		}
		have = append(have, d)
	}
	same, err := sameCommands(defs, have)
	if err != nil || same {
		return false, err
	}
	return true, c.Call(ctx, http.MethodPut, commandsPath(application, guild), all, nil)
}

// sameCommands reports whether two lists have the same commands, in any order.
func sameCommands(a, b []CommandDef) (bool, error) {
	x, err := plainCommands(a)
	if err != nil {
		return false, err
	}
	y, err := plainCommands(b)
	return bytes.Equal(x, y), err
}

// plainCommands returns commands in one form: without Discord's IDs, in the order of their
// types and names.
func plainCommands(list []CommandDef) ([]byte, error) {
	list = append([]CommandDef{}, list...) // none is [] in any case
	for i := range list {
		d := &list[i]
		d.ID = 0
		if d.Type == 0 {
			d.Type = CommandSlash
		}
		d.Contexts = slices.Clone(d.Contexts)
		slices.Sort(d.Contexts)
	}
	slices.SortFunc(list, func(a, b CommandDef) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	return json.Marshal(list)
}

// syncCommands registers the slash commands of the Router. A Router without any leaves
// those that Discord has.
func (r *running) syncCommands(ctx context.Context) error {
	router := routerOf(r.handler())
	if router == nil || r.Commands == SyncNone {
		return nil
	}
	defs, err := router.Commands()
	if err != nil || len(defs) == 0 {
		return err
	}
	app, err := retried(ctx, r, "GET /applications/@me", r.Client.Application)
	if err != nil {
		return err
	}
	changed, err := retried(ctx, r, "the slash commands", func(ctx context.Context) (bool, error) {
		return r.Client.syncCommands(ctx, app.ID, defs, r.Commands)
	})
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return (&ConfigError{
			Field: "Gateway.Commands", Text: "Discord refuses the slash commands of the Router", Err: err,
			Mend: "change the routes that the error names by their number among Router.Commands, or set Gateway.Commands to SyncNone",
		}).at("Gateway.Run")
	}
	if err == nil && changed {
		r.log.LogAttrs(ctx, slog.LevelInfo, "discord: slash commands registered", slog.Int("commands", len(defs)), slog.String("where", r.Commands.String()))
	}
	return err
}

// String returns where the commands are registered.
func (s CommandSync) String() string {
	switch s {
	case SyncChanged:
		return "everywhere"
	case SyncNone:
		return "nowhere"
	}
	return fmt.Sprintf("guild %s", ID(s))
}
