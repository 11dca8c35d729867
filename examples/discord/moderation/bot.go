package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
)

// newBot returns the bot's handler.
func newBot(discord.Store) discord.Handler { return newRouter() }

// newRouter returns the bot's Router.
func newRouter() *discord.Router {
	r := &discord.Router{Prefix: discord.AnyPrefix(discord.Mentioned(), discord.Literal("!")), Fold: true}
	r.Use(middleware.Logger(slog.Default()), middleware.Explain())
	addMembers(r)
	r.Route("role", addRoles)
	discord.AddCommand(r, discord.Route{
		Pattern: "clear {number:int=10} {from:user?}", Need: discord.PermManageMessages,
		Doc: "Delete the last messages.\nnumber: how many, at most 100\nfrom: only those of this user",
	}, clearMessages)
	r.Add(discord.Route{Pattern: "help {command...?}", Doc: "Show the commands.\ncommand: the one to describe", Handler: middleware.Help(r)})
	return r
}

// A removal holds the arguments of the commands that remove a member.
type removal struct {
	User   discord.ID
	Reason string
}

func addMembers(r *discord.Router) {
	discord.AddCommand(r, discord.Route{
		Pattern: "ban {user:user} {reason...?}", Need: discord.PermBanMembers,
		Doc: "Ban a user.\nuser: the user to ban\nreason: for the audit log",
	}, func(c *discord.Context, a removal) error {
		if err := c.Client().Ban(c, c.GuildID(), a.User, discord.Reason(a.Reason)); err != nil {
			return err
		}
		return c.Reply("Banned " + discord.Mention(a.User) + ".")
	})
	discord.AddCommand(r, discord.Route{
		Pattern: "kick {user:member} {reason...?}", Need: discord.PermKickMembers,
		Doc: "Remove a member, who may come back.\nuser: the member\nreason: for the audit log",
	}, func(c *discord.Context, a removal) error {
		if err := c.Client().Kick(c, c.GuildID(), a.User, discord.Reason(a.Reason)); err != nil {
			return err
		}
		return c.Reply("Removed " + discord.Mention(a.User) + ".")
	})
	discord.AddCommand(r, discord.Route{
		Pattern: "mute {user:member} {for:duration=10m} {reason...?}", Need: discord.PermModerateMembers,
		Doc: "Time a member out.\nuser: the member\nfor: how long\nreason: for the audit log",
	}, mute)
}

func mute(c *discord.Context, a struct {
	User   discord.ID
	For    time.Duration
	Reason string
}) error {
	until := time.Now().Add(a.For)
	if _, err := c.Client().EditMember(c, c.GuildID(), a.User, discord.MemberEdit{TimedOut: discord.Set(until)}, discord.Reason(a.Reason)); err != nil {
		return err
	}
	return c.Reply(fmt.Sprintf("%s is silent for %v.", discord.Mention(a.User), a.For))
}

// A grant holds the arguments of the commands for roles.
type grant struct {
	User discord.ID
	Role discord.Role
}

func addRoles(r *discord.Router) {
	r.Need(discord.PermManageRoles)
	discord.AddCommand(r, discord.Route{Pattern: "add {user:member} {role:role}", Doc: "Give a role.\nuser: the member\nrole: the role"},
		func(c *discord.Context, a grant) error {
			if err := c.Client().AddRole(c, c.GuildID(), a.User, a.Role.ID); err != nil {
				return err
			}
			return c.Reply(discord.Mention(a.User) + " has the role " + a.Role.Name + " now.")
		})
	discord.AddCommand(r, discord.Route{Pattern: "del {user:member} {role:role}", Doc: "Take a role.\nuser: the member\nrole: the role"},
		func(c *discord.Context, a grant) error {
			if err := c.Client().RemoveRole(c, c.GuildID(), a.User, a.Role.ID); err != nil {
				return err
			}
			return c.Reply(discord.Mention(a.User) + " has the role " + a.Role.Name + " no more.")
		})
}

// clearMessages deletes messages before the command.
func clearMessages(c *discord.Context, a struct {
	Number uint8
	From   discord.ID
}) error {
	var command discord.ID // a message, or a slash command
	if i := c.Interaction(); i != nil {
		command = i.ID
	} else if m, err := c.Message(); err == nil {
		command = m.ID
	}
	var ids []discord.ID
	seen := 0
	for m, err := range c.Client().Messages(c, c.ChannelID(), discord.Span{Before: command}) {
		if err != nil {
			return err
		}
		if len(ids) >= int(min(a.Number, 100)) || seen == 1000 {
			break
		}
		if a.From == 0 || m.Author.ID == a.From {
			ids = append(ids, m.ID)
		}
		seen++
	}
	if err := c.Client().DeleteMessages(c, c.ChannelID(), ids); err != nil {
		return err
	}
	return c.Send(fmt.Sprintf("Deleted: %d.", len(ids)))
}
