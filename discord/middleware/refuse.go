package middleware

import "errors"

// ErrRefused is every refusal: every error of [Refuse], a [*CooldownError] and a
// [*ConcurrencyError]. An error of a check that is not this one, nor a
// [*discord.PermissionError] or a [*discord.WhereError], is a failure.
var ErrRefused = errors.New("refused")

// Refuse returns an error for a check or a handler to return, which is
// [ErrRefused], and whose text [Explain] tells the user as it stands:
//
//	r.Check(func(c *discord.Context) error {
//		if time.Now().Weekday() != time.Monday {
//			return middleware.Refuse("Only on Mondays.")
//		}
//		return nil
//	})
//
// It is for something that is no failure: nothing of it is logged where it is explained.
func Refuse(text string) error { return &refusal{text} }

// A refusal is an error whose text is for the user.
type refusal struct{ text string }

func (r *refusal) Error() string        { return r.text }
func (r *refusal) Is(target error) bool { return target == ErrRefused }
