package middleware

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/refusal"
	lang "github.com/vkrouter/vk/internal/words"
)

// Explain tells users why their command had no effect:
//
//   - An argument is missing or invalid. The text includes the command's usage.
//   - A check refused. The text says for which users the command works.
//   - A cooldown is active. The text says how long it lasts.
//   - The command is disabled, already running, or took too long.
//   - A button is older than the bot.
//   - A question of the function vk.Ask got no valid answer.
//   - The command is unknown. Explain says so only in private: in a chat, the
//     command may not be meant for this bot.
//
// Explain replies to the message, or answers the press of a callback button
// with a snackbar. The texts are in Russian for users whose language at VK is
// Russian, Ukrainian or Belarusian, and in English for all others. If VK does
// not report the user's language, as for presses, [vk.Client.Lang] is used. A
// text may quote the user's message; it mentions nobody.
//
// An explained error counts as handled: the outer middleware sees none. Other
// errors are returned, and users see nothing of them. If a custom check fails
// for a reason that this package does not know, Explain tells the user that the
// command is not possible now, and returns the error.
//
// To explain errors of your own, or to change the texts, pass functions. They
// are called first, in order. A function returns "" for an error that it does
// not explain. For an error with a text of its own, use [Refuse].
//
//	r.Use(middleware.Explain(func(c *vk.Context, err error) string {
//		if errors.Is(err, errSoldOut) {
//			return "Sold out."
//		}
//		return ""
//	}))
//
// Put Explain outside all middleware whose errors it shall explain. Outside it
// belongs only middleware for the errors that remain. It sends nothing after the
// handler's context has ended.
func Explain(own ...func(c *vk.Context, err error) string) vk.Middleware {
	own = slices.Clone(own)
	for _, f := range own {
		if f == nil {
			panic("middleware: Explain: nil function")
		}
	}
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
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

// said returns the error that remains after an explanation: failed is the error
// of sending it.
func said(err, failed error, dealt bool) error {
	switch {
	case failed != nil:
		return errors.Join(err, failed)
	case dealt:
		return nil
	}
	return err
}

// quietly suppresses mentions, because a text may quote the user's message,
// which may contain @all.
var quietly = vk.Extra{"disable_mentions": true, "dont_parse_links": true}

// tell sends a text to the user: as a snackbar after the press of a button,
// otherwise as a reply.
func tell(c *vk.Context, text string) error {
	if !pressed(c) {
		return c.Reply(text, quietly)
	}
	err := c.Snackbar(lang.Cut(text, snackbar))
	if err != nil && c.Err() == nil { // for example because the handler has already answered it
		if c.Send(text, quietly) == nil {
			return nil
		}
	}
	return err
}

// snackbar is the maximum length of a snackbar in characters.
const snackbar = 90

func pressed(c *vk.Context) bool { return c.Event().Kind == string(vk.EventMessageEvent) }

// explanation returns the text for err, or "", and reports whether err is
// handled by it.
func explanation(c *vk.Context, err error) (text string, dealt bool) {
	w := wordsFor(c)
	dealt = only(err)
	var (
		panicked *vk.PanicError
		arg      *vk.ArgError
		told     *refusal.Refusal
		none     *refusal.NoneError
		check    *vk.CheckError
		cooldown *CooldownError
		busy     *ConcurrencyError
		payload  *vk.PayloadError
		answer   *vk.AnswerError
		unknown  *vk.NotFoundError
	)
	switch {
	case errors.As(err, &panicked):
		return "", false
	case errors.As(err, &arg):
		return w.argument(c, arg), dealt
	case errors.As(err, &none):
		return w.refusals(none.Errs), dealt && refusal.Only(none)
	case errors.As(err, &told):
		return w.refusals([]error{told}), dealt
	case errors.As(err, &answer):
		return w.BadAnswer, dealt
	case errors.Is(err, ErrBotNotAdmin):
		return w.botNotAdmin, dealt
	case errors.Is(err, vk.ErrDisabled):
		return w.disabled, dealt
	case errors.As(err, &cooldown):
		if cooldown.Again && c.IsChat() && !pressed(c) &&
			(cooldown.Key.Peer == c.PeerID() || cooldown.Key.User != 0 && cooldown.Key.User == c.FromID()) {
			return "", dealt // otherwise the bot would fill the chat in the flooder's place
		}
		return w.Wait(cooldown.RetryAfter), dealt
	case errors.As(err, &busy):
		return w.Busy, dealt
	case errors.As(err, &check):
		return w.NotNow, false
	case errors.As(err, &payload):
		return w.OldButton, dealt
	case errors.Is(err, ErrTimeout):
		return w.TooLong, dealt
	case errors.As(err, &unknown) && !c.IsChat():
		word, _, _ := strings.Cut(unknown.Line, " ")
		return w.UnknownCommand(unknown.Prefix + lang.Short(word)), dealt
	}
	return "", false
}

// only reports whether err is a single error that is explained here, possibly
// wrapped. If several errors are joined, the others must not be lost.
func only(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *vk.ArgError, *vk.AnswerError, *refusal.NoneError, *timeoutError:
			return true // and what they are made of
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			// ErrBotNotAdmin is joined with VK's error.
			return len(many.Unwrap()) == 2 && errors.Is(many.Unwrap()[0], ErrBotNotAdmin)
		}
	}
	return true
}

// wordsFor returns the words of the user's language.
func wordsFor(c *vk.Context) *words {
	switch cmp.Or(c.Lang(), c.Client().Lang) {
	case "ru", "uk", "ua", "be":
		return &russian
	}
	return &english
}
