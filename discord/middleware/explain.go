package middleware

import (
	"errors"
	"slices"
	"strings"

	"github.com/vkrouter/vk/discord"
	lang "github.com/vkrouter/vk/internal/words"
)

// Explain tells users in words why nothing came of their command: an argument that is
// missing or does not fit, with the command's usage; a permission that they lack; a place
// where the command does not work; a cooldown, and how long it lasts; a command that runs
// already or took too long; a call that Discord does not let the bot make; in direct
// messages also that there is no such command. In a guild, an unknown typed command may be
// meant for another bot.
//
// It replies to the message, or answers the interaction so that only the user sees it. The
// words are Russian for users whose Discord is Russian or Ukrainian, and English for all
// others. Messages do not tell the language: there it is that of the guild, if the
// [discord.State] of the Gateway knows it. The answer repeats the user's text, and notifies
// nobody.
//
// Explained errors are dealt with: the middleware around sees no error. Other errors pass,
// and nothing of them is shown. If a check of the bot's own fails, for a reason that this
// package does not know, the user is told that they cannot do that now, and the error
// passes; so does Discord's refusal of a call. To presses of old buttons the library itself
// answers.
//
// To explain errors of one's own, or these in other words, there are functions that are
// asked before, in order. One that has nothing to say returns "". [Refuse] is for an error
// that brings its words along.
//
//	r.Use(middleware.Explain(func(c *discord.Context, err error) string {
//		if errors.Is(err, errSoldOut) {
//			return "Sold out."
//		}
//		return ""
//	}))
//
// It stands outermost and speaks only while the handler's context lasts.
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
					return left(err, tell(c, text), true)
				}
			}
			text, dealt := explanation(c, err)
			if text == "" {
				return left(err, nil, dealt)
			}
			return left(err, tell(c, text), dealt)
		}
	}
}

// left returns the rest of err when the user was told, if that worked.
func left(err, failed error, dealt bool) error {
	switch {
	case failed != nil:
		return errors.Join(err, failed)
	case dealt:
		return nil
	}
	return err
}

// quietly notifies nobody and shows no previews: the answer may repeat what a user wrote.
var quietly = discord.Options[discord.SendOption](discord.Mentions(), discord.NoEmbeds)

// tell says something to the user alone, if that is possible.
func tell(c *discord.Context, text string) error {
	if typed(c) {
		return c.Reply(text, quietly)
	}
	return c.Reply(text, quietly, discord.Ephemeral)
}

// typed reports whether the event is no interaction.
func typed(c *discord.Context) bool { return c.Interaction() == nil }

// explanation returns the text about err, or "", and whether that is the end of it.
func explanation(c *discord.Context, err error) (text string, dealt bool) {
	w := wordsFor(c)
	dealt = isOne(err)
	var (
		panicked *discord.PanicError
		arg      *discord.ArgError
		told     *refusal
		lacks    *discord.PermissionError
		where    *discord.WhereError
		check    *discord.CheckError
		cooldown *CooldownError
		busy     *ConcurrencyError
		unknown  *discord.NotFoundError
	)
	switch {
	case errors.As(err, &panicked):
		return "", false
	case errors.As(err, &arg):
		if isStale(c, arg) {
			return "", dealt // the library answers
		}
		return w.argument(c, arg), dealt
	case errors.As(err, &told):
		return told.text, dealt
	case errors.As(err, &lacks):
		return w.lacks(lacks.Missing), dealt
	case errors.As(err, &where):
		return w.place(where.In), dealt
	case errors.As(err, &cooldown):
		if cooldown.Again && typed(c) && c.GuildID() != 0 {
			return "", dealt // or the bot would fill the channel in the flooder's place
		}
		return w.Wait(cooldown.RetryAfter), dealt
	case errors.As(err, &busy):
		return w.Busy, dealt
	case errors.As(err, &check):
		return w.NotNow, false
	case errors.Is(err, ErrTimeout):
		return w.TooLong, dealt
	case errors.Is(err, discord.ErrForbidden):
		return w.forbidden, false
	case errors.As(err, &unknown):
		switch {
		case !typed(c):
			return "", dealt // the library answers
		case c.GuildID() != 0:
			return "", false
		}
		word, _, _ := strings.Cut(unknown.Line, " ")
		return w.UnknownCommand(unknown.Prefix + lang.Short(word)), dealt
	}
	return "", false
}

// isStale reports whether an argument does not fit because the button, the menu or the
// form is of an older version of the bot.
func isStale(c *discord.Context, arg *discord.ArgError) bool {
	i := c.Interaction()
	if i == nil {
		return false
	}
	switch i.Type {
	case discord.InteractionComponent:
		return true
	case discord.InteractionModal:
		return c.Input(arg.Name) == ""
	}
	return false
}

// isOne reports whether err is one error that is explained here, perhaps wrapped, and not
// several, of which others would be lost.
func isOne(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *discord.ArgError, *timeoutError:
			return true // and the errors that they are made of
		}
		if _, ok := err.(interface{ Unwrap() []error }); ok {
			return false
		}
	}
	return true
}
