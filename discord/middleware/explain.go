package middleware

import (
	"errors"
	"slices"
	"strings"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/refusal"
	lang "github.com/vkrouter/vk/internal/words"
)

// Explain tells users in words why their command did not run: an argument that is missing
// or does not fit, with the command's usage; a check that refuses, and the users or places
// that it allows; a cooldown, and how long it lasts; a command that runs already or took too
// long; a permission that the bot lacks; in direct messages also that there is no such
// command. In a guild, an unknown command may be meant for another bot.
//
// Explain replies to the message. In answer to a slash command, a press or a form, only the
// user sees the text. The text is Russian for users whose Discord is in Russian or
// Ukrainian, and English for all others; for messages see [Locale]. The text notifies
// nobody, also if it quotes a mention.
//
// An explained error is done: the middleware around sees no error. Other errors pass, and
// users see nothing of them. If a check fails for a reason that this package does not know,
// or the bot lacks a permission, the user is told so and the error passes. A button or a
// slash command of an older version of the bot is explained by package discord itself.
//
// To explain other errors, or these in other words, give functions that are called before,
// in order. A function that has nothing to say returns "". [Refuse] is for an error that has
// its text with it.
//
//	r.Use(middleware.Explain(func(c *discord.Context, err error) string {
//		if errors.Is(err, errSoldOut) {
//			return "Sold out."
//		}
//		return ""
//	}))
//
// Explain is the outermost middleware, and says nothing once the handler's context has ended.
func Explain(own ...func(c *discord.Context, err error) string) discord.Middleware {
	own = slices.Clone(own)
	for _, f := range own {
		if f == nil {
			panic("middleware: Explain: nil function")
		}
	}
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			err := next(c)
			if err == nil || c.Err() != nil {
				return err
			}
			for _, f := range own {
				if text := f(c, err); text != "" {
					return said(err, tell(c, text), true)
				}
			}
			text, dealt := explanation(c, err)
			if text == "" {
				return said(err, nil, dealt)
			}
			return said(err, tell(c, text), dealt)
		}
	}
}

// said returns the rest of err when the user was told, if that worked.
func said(err, failed error, dealt bool) error {
	switch {
	case failed != nil:
		return errors.Join(err, failed)
	case dealt:
		return nil
	}
	return err
}

// tell replies to the user. It notifies nobody: texts quote users, and these may have written
// mentions.
func tell(c *discord.Context, text string) error {
	return c.Reply(lang.Cut(text, messageSize), discord.Ephemeral, discord.NoEmbeds, discord.Mentions())
}

// messageSize limits the characters of a message.
const messageSize = 2000

// explanation returns the text about err, or "", and whether err is done then.
func explanation(c *discord.Context, err error) (text string, dealt bool) {
	w := wordsFor(c)
	dealt = only(err)
	interaction := c.Interaction() != nil
	var (
		panicked *discord.PanicError
		arg      *discord.ArgError
		cooldown *CooldownError
		busy     *ConcurrencyError
		unknown  *discord.NotFoundError
	)
	switch {
	case errors.As(err, &panicked):
		return "", false
	case errors.As(err, &arg) && arg.IsStale():
		return "", dealt
	case errors.As(err, &arg):
		return w.argument(c, arg), dealt
	case errors.As(err, &cooldown):
		if cooldown.Again && c.GuildID() != 0 && !interaction &&
			(cooldown.Key.Channel == c.ChannelID() || cooldown.Key.User != 0 && cooldown.Key.User == c.UserID()) {
			return "", dealt // or the bot would fill the channel
		}
		return w.Wait(cooldown.RetryAfter), dealt
	case errors.As(err, &busy):
		return w.Busy, dealt
	case errors.As(err, &unknown):
		if interaction || c.GuildID() != 0 {
			return "", interaction && dealt // package discord tells the user
		}
		word, _, _ := strings.Cut(unknown.Line, " ")
		return w.UnknownCommand(unknown.Prefix + lang.Short(word)), dealt
	}
	return refusalText(c, w, err, dealt)
}

// refusalText is explanation for the errors of checks and handlers.
func refusalText(c *discord.Context, w *words, err error, dealt bool) (string, bool) {
	var (
		none  *refusal.NoneError
		told  *refusal.Refusal
		lacks *discord.PermissionError
		where *discord.WhereError
		check *discord.CheckError
		input *discord.InputError
	)
	switch {
	case errors.As(err, &none):
		return w.refusals(none.Errs), dealt && refusal.Only(none)
	case errors.As(err, &lacks):
		return w.refusals([]error{lacks}), dealt
	case errors.As(err, &where):
		return w.refusals([]error{where}), dealt
	case errors.As(err, &told):
		return w.refusals([]error{told}), dealt
	case errors.As(err, &input):
		return w.BadAnswer, dealt
	case errors.As(err, &check):
		return w.NotNow, false
	case c.Route() == nil:
		return "", false // of a listener: the user has not asked the bot for anything
	case errors.Is(err, ErrTimeout):
		return w.TooLong, dealt
	case errors.Is(err, discord.ErrForbidden):
		return w.botLacks, false
	}
	return "", false
}

// only reports whether err is one error that is explained here, perhaps wrapped, and not
// several, of which others would be lost.
func only(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *discord.ArgError, *discord.InputError, *refusal.NoneError, *timeoutError:
			return true // with their causes
		}
		if _, many := err.(interface{ Unwrap() []error }); many {
			return false
		}
	}
	return true
}
