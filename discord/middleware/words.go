package middleware

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/command"
	lang "github.com/vkrouter/vk/internal/words"
)

// words are what people are told in one language.
type words struct {
	*lang.Words
	types       map[string]string // what fits, by the name of a type of package discord
	guild, dm   string            // the places
	takes       string            // the permissions that the user lacks
	forbidden   string            // Discord refuses a call of the bot
	permissions map[discord.Permissions]string
}

var english = words{
	Words: &lang.English,
	types: map[string]string{
		"user": "a user", "member": "a member of the server", "channel": "a channel", "role": "a role", "file": "a file",
	},
	guild: "on a server", dm: "in direct messages",
	takes:     "That takes the permission %s.",
	forbidden: "Discord does not let me do that. My role may be too low.",
}

var russian = words{
	Words: &lang.Russian,
	types: map[string]string{
		"user": "пользователь", "member": "участник сервера", "channel": "канал", "role": "роль", "file": "файл",
	},
	guild: "на сервере", dm: "в личных сообщениях",
	takes:     "Для этого нужно право «%s».",
	forbidden: "Discord не даёт мне этого сделать. Возможно, моя роль ниже, чем нужно.",
	permissions: map[discord.Permissions]string{
		discord.PermAdministrator: "Администратор", discord.PermBanMembers: "Банить участников",
		discord.PermKickMembers: "Выгонять участников", discord.PermModerateMembers: "Отправлять участников подумать о своём поведении",
		discord.PermManageChannels: "Управлять каналами", discord.PermManageGuild: "Управлять сервером",
		discord.PermManageMessages: "Управлять сообщениями", discord.PermManageRoles: "Управлять ролями",
		discord.PermManageNicknames: "Управлять никнеймами", discord.PermManageWebhooks: "Управлять вебхуками",
		discord.PermManageThreads: "Управлять ветками", discord.PermManageEvents: "Управлять событиями",
		discord.PermViewAuditLog: "Просматривать журнал аудита", discord.PermMentionEveryone: "Упоминать всех",
		discord.PermMuteMembers: "Отключать участникам микрофон", discord.PermMoveMembers: "Перемещать участников",
	},
}

// wordsFor returns the words of the user's language: that of Discord's app in an
// interaction, and in messages that of the guild, if the State knows it.
func wordsFor(c *discord.Context) *words {
	locale := c.Locale()
	if locale == "" {
		if g := c.Gateway(); g != nil && g.State != nil {
			if guild := g.State.Guild(c.GuildID()); guild != nil {
				locale = guild.PreferredLocale
			}
		}
	}
	switch locale {
	case "ru", "uk":
		return &russian
	}
	return &english
}

// argument says what is wrong with an argument and, to a person who has written it, what
// would be right.
func (w *words) argument(c *discord.Context, arg *discord.ArgError) string {
	wrong := lang.Arg{ArgError: command.ArgError{Name: arg.Name, Want: arg.Want, Value: arg.Value, Err: arg.Err}, Types: w.types}
	if typed(c) { // else Discord shows the usage
		wrong.Usage = "`" + arg.Usage + "`"
	}
	if told := (*refusal)(nil); errors.As(arg, &told) {
		wrong.Told = told.text // a converter has words of its own
	}
	return w.Argument(wrong)
}

// place says where a command works.
func (w *words) place(in discord.Where) string {
	if in == discord.InDM {
		return w.Refused([]string{w.dm}, nil, true)
	}
	return w.Refused([]string{w.guild}, nil, true)
}

// lacks says which permissions the user lacks.
func (w *words) lacks(missing discord.Permissions) string {
	var names []string
	for bit := discord.Permissions(1); bit != 0; bit <<= 1 {
		if missing&bit == 0 {
			continue
		}
		name, ok := w.permissions[bit]
		if !ok {
			name = title(bit.String())
		}
		names = append(names, name)
	}
	return fmt.Sprintf(w.takes, strings.Join(names, ", "))
}

// title returns Discord's name of a permission, BAN_MEMBERS, as its apps show it.
func title(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts {
		if len(p) > 1 && p != "TTS" && p != "VAD" {
			parts[i] = p[:1] + strings.ToLower(p[1:])
		}
	}
	return strings.Join(parts, " ")
}
