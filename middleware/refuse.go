package middleware

import "errors"

// The refusals of this package's checks, told apart by errors.Is. [Explain]
// says each in words.
var (
	// ErrRefused is every refusal: those below, every error of [Refuse], a
	// [*CooldownError] and a [*ConcurrencyError]. An error of a check that is
	// not this one is a failure: VK did not answer, say.
	ErrRefused = errors.New("refused")

	ErrChatOnly     error = &refusal{reason: "only in chats"}                          // ChatOnly, ChatAdmin
	ErrPrivateOnly  error = &refusal{reason: "only in private"}                        // PrivateOnly
	ErrNotChatAdmin error = &refusal{reason: "only for the chat's administrators"}     // ChatAdmin
	ErrNotManager   error = &refusal{reason: "only for those who run the community"}   // Manager
	ErrNotMember    error = &refusal{reason: "only for the members of the community"}  // Member
	ErrNotDon       error = &refusal{reason: "only for the dons of the community"}     // Don
	errForbidden    error = &refusal{reason: "not for this person"}                    // Users, NotUsers, Not
	errNoneOfSome   error = &refusal{reason: "none of several checks lets it through"} // Any without checks

	// ErrBotNotAdmin is returned, wrapped together with VK's error, by
	// [ChatAdmin] where the bot may not see who the chat's administrators are,
	// because it is none itself. It is no ErrRefused: nobody is let through,
	// whoever they are.
	ErrBotNotAdmin = errors.New("the bot is no administrator of the chat")
)

// Refuse returns an error for a check or a handler to return, which is
// [ErrRefused], and whose text [Explain] tells the person as it stands:
//
//	r.Check(func(c *vk.Context) error {
//		if time.Now().Weekday() != time.Monday {
//			return middleware.Refuse("Only on Mondays.")
//		}
//		return nil
//	})
//
// It is for what is no failure: nothing of it is logged where it is explained.
func Refuse(text string) error { return &refusal{reason: text, tell: text} }

// A refusal is why somebody may not do what they asked for.
type refusal struct {
	reason string // for the log
	tell   string // for the person; empty where Explain has its own words
}

func (r *refusal) Error() string        { return r.reason }
func (r *refusal) Is(target error) bool { return target == ErrRefused }

// refused reports whether err is a refusal and nothing but that.
func refused(err error) bool {
	if none := (*noneError)(nil); errors.As(err, &none) {
		for _, err := range none.errs {
			if !refused(err) {
				return false
			}
		}
		return true
	}
	return errors.Is(err, ErrRefused)
}
