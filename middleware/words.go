package middleware

import (
	"errors"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/refusal"
	lang "github.com/vkrouter/vk/internal/words"
)

// words are the texts for users in one language.
type words struct {
	*lang.Words
	types       map[string]string // descriptions of valid values, by the name of a type of package vk
	places      map[error]string  // by the refusal
	botNotAdmin string
	disabled    string
}

var english = words{
	Words: &lang.English,
	types: map[string]string{
		"user": "a person", "group": "a community", "page": "a person or a community", "peer": "a conversation",
	},
	places: map[error]string{
		ErrChatOnly: "in chats", ErrPrivateOnly: "in private messages", ErrNotChatAdmin: "for the administrators of the chat",
		ErrNotManager: "for those who run the community", ErrNotMember: "for members of the community", ErrNotDon: "for those who support the community in VK Donut",
	},
	botNotAdmin: "For this, the bot must be an administrator of the chat.",
	disabled:    "This command is switched off.",
}

var russian = words{
	Words: &lang.Russian,
	types: map[string]string{
		"user": "человек", "group": "сообщество", "page": "человек или сообщество", "peer": "беседа",
	},
	places: map[error]string{
		ErrChatOnly: "в беседах", ErrPrivateOnly: "в личных сообщениях", ErrNotChatAdmin: "для администраторов беседы",
		ErrNotManager: "для руководителей сообщества", ErrNotMember: "для участников сообщества", ErrNotDon: "для донов сообщества",
	},
	botNotAdmin: "Для этого бот должен быть администратором беседы.",
	disabled:    "Эта команда отключена.",
}

// argument returns a text about an invalid argument. If the user has typed the
// command, the text includes its usage.
func (w *words) argument(c *vk.Context, arg *vk.ArgError) string {
	wrong := lang.Arg{ArgError: command.ArgError{Name: arg.Name, Want: arg.Want, Value: arg.Value, Err: arg.Err}, Types: w.types}
	if !pressed(c) { // otherwise the user has not typed it
		wrong.Usage = arg.Usage
	}
	if told := (*refusal.Refusal)(nil); errors.As(arg, &told) {
		wrong.Told = told.Tell // a converter has words of its own
	}
	return w.Argument(wrong)
}

// refusals returns a text for a user that no check of several allows. It says
// where and for which users the command works, if that is known.
func (w *words) refusals(errs []error) string {
	return w.Refused(refusal.Sort(errs, func(err error) (text string, told, ok bool) {
		if errors.Is(err, ErrBotNotAdmin) {
			return w.botNotAdmin, true, true
		}
		if r := (*refusal.Refusal)(nil); errors.As(err, &r) {
			text, ok = w.places[r]
		}
		return text, false, ok
	}))
}
