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

// Explain tells people in words why nothing came of their command: an argument
// that is missing or does not fit, with the command's usage; a check that
// refuses, and who would be let through; a cooldown, and how long it lasts; a
// command that is switched off, runs already or took too long; a button that is
// older than the bot; in private also
// that there is no such command. In a chat, an unknown command may be meant for
// somebody else.
//
// It replies to the message, or answers the press of a callback button with a
// snackbar. The words are Russian for who uses VK in Russian, Ukrainian or
// Belarusian, and English for all others; where VK does not tell the person's
// language, as of presses, it is that of [vk.Client.Lang]. What a person wrote
// is shown to them, in a message that mentions nobody.
//
// What was explained is dealt with: the middleware around sees no error. Other
// errors pass, and nothing of them is shown. If a check of somebody's own
// fails, for a reason that this package does not know, the person is told that
// they cannot do that now, and the error passes.
//
// To explain errors of one's own, or these in other words, there are functions
// that are asked before, in order. One that has nothing to say returns "".
// [Refuse] is for an error that brings its words along.
//
//	r.Use(middleware.Explain(func(c *vk.Context, err error) string {
//		if errors.Is(err, errSoldOut) {
//			return "Sold out."
//		}
//		return ""
//	}))
//
// It stands outermost and speaks only while the handler's context lasts.
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

// said returns what is left of err when the person was told, if that worked.
func said(err, failed error, dealt bool) error {
	switch {
	case failed != nil:
		return errors.Join(err, failed)
	case dealt:
		return nil
	}
	return err
}

// quietly mentions nobody: people are shown what they wrote, and may have
// written @all.
var quietly = vk.Extra{"disable_mentions": true, "dont_parse_links": true}

// tell says something to the person: to who has pressed a button by a snackbar,
// and else in reply.
func tell(c *vk.Context, text string) error {
	if !pressed(c) {
		return c.Reply(text, quietly)
	}
	err := c.Snackbar(lang.Cut(text, snackbar))
	if err != nil && c.Err() == nil { // the handler has answered it before, for one
		if c.Send(text, quietly) == nil {
			return nil
		}
	}
	return err
}

// snackbar is how many characters it can show.
const snackbar = 90

func pressed(c *vk.Context) bool { return c.Event().Kind == string(vk.EventMessageEvent) }

// explanation returns what to tell about err, or "", and whether that is the
// end of it.
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
	case errors.Is(err, ErrBotNotAdmin):
		return w.botNotAdmin, dealt
	case errors.Is(err, vk.ErrDisabled):
		return w.disabled, dealt
	case errors.As(err, &cooldown):
		if cooldown.Again && c.IsChat() && !pressed(c) &&
			(cooldown.Key.Peer == c.PeerID() || cooldown.Key.User != 0 && cooldown.Key.User == c.FromID()) {
			return "", dealt // or the bot would fill the chat in the flooder's place
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

// only reports whether err is one error that is explained here, perhaps
// wrapped, and not several, of which others would be lost.
func only(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *vk.ArgError, *refusal.NoneError, *timeoutError:
			return true // and what they are made of
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			// The bot's lack of rights brings VK's error along.
			return len(many.Unwrap()) == 2 && errors.Is(many.Unwrap()[0], ErrBotNotAdmin)
		}
	}
	return true
}

// wordsFor returns the words of the person's language.
func wordsFor(c *vk.Context) *words {
	switch cmp.Or(c.Lang(), c.Client().Lang) {
	case "ru", "uk", "ua", "be":
		return &russian
	}
	return &english
}
