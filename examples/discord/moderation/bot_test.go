package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func TestBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Start(t, newBot(nil))
		anna := bot.User("Anna", discord.PermBanMembers, discord.PermKickMembers, discord.PermManageMessages, discord.PermManageRoles, discord.PermModerateMembers)
		boris, vera := bot.User("Boris"), bot.User("Vera")
		reader := bot.Home.Role("Reader", 0)

		boris.Says("!ban @vera")
		boris.Sees("This works only for members with the permission Ban Members.")
		anna.Says("!ban @nobody")
		anna.Sees("user: \"@nobody\" is not a user.\nUsage: `!ban {user:user} {reason...?}`")
		anna.Says("!nope") // it may be meant for another bot
		anna.Says("hello")
		anna.In(anna.DM()).Says("!kick @vera")
		anna.In(anna.DM()).Sees("This works only on servers.")

		anna.Says("!role add " + vera.Mention() + " reader")
		anna.Sees(vera.Mention() + " has the role Reader now.")
		var member discord.Member
		anna.Does("GET", "/guilds/"+bot.Home.ID.String()+"/members/"+vera.ID.String(), nil, &member)
		if !member.HasRole(reader) {
			t.Error("Vera has no role")
		}
		anna.Says("!ROLE del vera @Reader")
		anna.Sees(vera.Mention() + " has the role Reader no more.")

		anna.Says("!mute " + vera.Mention() + " 1h caps")
		anna.Sees(vera.Mention() + " is silent for 1h0m0s.")

		boris.Says("one")
		boris.Says("two")
		anna.Says("!clear 5 boris")
		anna.Sees("Deleted: 3.")

		anna.Slash("mute", "user", vera, "for", "2 hours")
		anna.Sees(vera.Mention() + " is silent for 2h0m0s.")
		anna.Slash("mute", "user", vera, "for", "ever")
		anna.SeesEphemeral("for: \"ever\" is not a length of time.")
		anna.Slash("role add", "user", vera, "role", reader)
		anna.Sees(vera.Mention() + " has the role Reader now.")
		boris.Says("three")
		anna.Slash("clear", "from", boris)
		anna.Sees("Deleted: 1.")
		if err := boris.TrySlash("ban", "user", vera); err == nil {
			t.Error("Boris is offered /ban")
		}

		anna.Says("!ban boris spam and more")
		anna.Sees("Banned " + boris.Mention() + ".")
		if reason, banned := bot.Banned(boris); !banned || reason != "spam and more" {
			t.Errorf("%v %q", banned, reason)
		}
		vera.Says("!help")
		vera.Sees("Commands:\n`!help {command...?}` — Show the commands.")
		anna.Says("!help")
		anna.SeesLike("(?s)^Commands:\n`!ban .*`!role add .*`!help ")
	})
}

// TestCommands: the bot has the intended slash commands.
func TestCommands(t *testing.T) {
	defs, err := newRouter().Commands()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range defs {
		names = append(names, d.Name)
		for _, o := range d.Options {
			names = append(names, "-"+o.Name)
		}
	}
	const want = "ban -user -reason clear -number -from help -command kick -user -reason mute -user -for -reason role -add -del"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
