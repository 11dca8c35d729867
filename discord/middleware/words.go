package middleware

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/refusal"
	lang "github.com/vkrouter/vk/internal/words"
)

// words are the texts for users in one language.
type words struct {
	*lang.Words
	between     string            // a number within limits
	types       map[string]string // fitting values, by the name of a type of package discord
	guild, dm   string            // places
	role        string
	permissions string // before the names of permissions
	and         string
	botLacks    string
	names       map[discord.Permissions]string // of permissions, where the language has its own
}

var english = words{
	Words:   &lang.English,
	between: "a whole number from %d to %d",
	types: map[string]string{
		"user": "a user", "member": "a member of the server", "channel": "a channel", "role": "a role", "file": "a file",
	},
	guild: "on servers", dm: "in direct messages", role: "for members with a certain role",
	permissions: "for members with the permission ", and: " and ",
	botLacks: "The bot lacks a permission for this, or its role is too low.",
}

var russian = words{
	Words:   &lang.Russian,
	between: "целое число от %d до %d",
	types: map[string]string{
		"user": "пользователь", "member": "участник сервера", "channel": "канал", "role": "роль", "file": "файл",
	},
	guild: "на серверах", dm: "в личных сообщениях", role: "для участников с особой ролью",
	permissions: "для участников с правом ", and: " и ",
	botLacks: "Боту не хватает для этого прав, или его роль слишком низка.",
	names: map[discord.Permissions]string{
		discord.PermAdministrator: "администратора", discord.PermManageGuild: "управлять сервером",
		discord.PermKickMembers: "выгонять участников", discord.PermBanMembers: "банить участников",
		discord.PermModerateMembers: "отправлять участников в тайм-аут", discord.PermManageMessages: "управлять сообщениями",
		discord.PermManageRoles: "управлять ролями", discord.PermManageChannels: "управлять каналами",
		discord.PermManageNicknames: "управлять никнеймами", discord.PermManageThreads: "управлять ветками",
		discord.PermManageWebhooks: "управлять вебхуками", discord.PermManageEvents: "управлять событиями",
		discord.PermMuteMembers: "отключать участникам микрофон", discord.PermMoveMembers: "перемещать участников",
		discord.PermViewAuditLog: "просматривать журнал аудита", discord.PermMentionEveryone: "упоминать всех",
	},
}

type localeKey struct{}

// Locale sets the language in which [Explain] and [Help] inside of it speak where Discord
// does not tell the user's language: in answer to messages. Discord tells it with slash
// commands, presses and forms. The locale is Discord's, such as "ru" or "en-US".
//
//	r.Use(middleware.Locale("ru"), middleware.Explain())
//
// Without it, the language is that of the guild, if the State of the Gateway has the guild,
// else English.
func Locale(locale string) discord.Middleware {
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			return next(c.WithContext(context.WithValue(c, localeKey{}, locale)))
		}
	}
}

// wordsFor returns the words of the user's language.
func wordsFor(c *discord.Context) *words {
	locale := c.Locale()
	if locale == "" {
		locale, _ = c.Value(localeKey{}).(string)
	}
	if g := c.Gateway(); locale == "" && g != nil && g.State != nil {
		if guild := g.State.Guild(c.GuildID()); guild != nil {
			locale = guild.PreferredLocale
		}
	}
	switch locale {
	case "ru", "uk":
		return &russian
	}
	return &english
}

// argument returns the text about a wrong argument and, for a typed command, its usage.
func (w *words) argument(c *discord.Context, arg *discord.ArgError) string {
	wrong := lang.Arg{ArgError: command.ArgError{Name: arg.Name, Want: arg.Want, Value: arg.Value, Err: arg.Err}, Types: w.types}
	if limits := (*command.RangeError)(nil); errors.As(arg, &limits) && !strings.Contains(arg.Want, "|") {
		wrong.Types = map[string]string{arg.Want: fmt.Sprintf(w.between, limits.Least, limits.Most)}
	}
	if c.Interaction() == nil { // otherwise Discord shows the options
		wrong.Usage = "`" + arg.Usage + "`"
	}
	if told := (*refusal.Refusal)(nil); errors.As(arg, &told) {
		wrong.Told = told.Tell // a converter has a text of its own
	}
	return w.Argument(wrong)
}

// refusals returns the text about checks of which none allows the user: the places where
// the command works, or the users that may run it.
func (w *words) refusals(errs []error) string {
	return w.Refused(refusal.Sort(errs, func(err error) (text string, told, ok bool) {
		var lacks *discord.PermissionError
		var where *discord.WhereError
		switch {
		case errors.As(err, &lacks):
			return w.permissions + w.permissionNames(lacks.Missing), false, true
		case errors.As(err, &where) && where.In == discord.InDM:
			return w.dm, false, true
		case errors.As(err, &where):
			return w.guild, false, true
		case errors.Is(err, ErrNoRole):
			return w.role, false, true
		}
		return "", false, false
	}))
}

// permissionNames returns the names of permissions for people, such as "Ban Members".
func (w *words) permissionNames(p discord.Permissions) string {
	var names []string
	for bit := discord.Permissions(1); bit != 0; bit <<= 1 {
		if p&bit == 0 {
			continue
		}
		name, ok := w.names[bit]
		if !ok {
			name = titled(bit.String())
		}
		names = append(names, name)
	}
	return strings.Join(names, w.and)
}

// titled returns "Ban Members" for "BAN_MEMBERS", as Discord's apps write permissions.
func titled(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts {
		if len(part) > 1 && part != "TTS" && part != "VAD" {
			parts[i] = part[:1] + strings.ToLower(part[1:])
		}
	}
	return strings.Join(parts, " ")
}
