package middleware

import "errors"

// The refusals of this package's checks, which errors.Is distinguishes.
// [Explain] has a text for each.
var (
	// ErrRefused matches every refusal: those below, every error of [Refuse], a
	// [*CooldownError] and a [*ConcurrencyError]. Any other error of a check is
	// a failure: for example, VK did not respond.
	ErrRefused = errors.New("refused")

	ErrChatOnly     error = &refusal{reason: "only in chats"}                         // ChatOnly, ChatAdmin
	ErrPrivateOnly  error = &refusal{reason: "only in private"}                       // PrivateOnly
	ErrNotChatAdmin error = &refusal{reason: "only for the chat's administrators"}    // ChatAdmin
	ErrNotManager   error = &refusal{reason: "only for managers of the community"}    // Manager
	ErrNotMember    error = &refusal{reason: "only for the members of the community"} // Member
	ErrNotDon       error = &refusal{reason: "only for the dons of the community"}    // Don
	errForbidden    error = &refusal{reason: "not for this user"}                     // Users, NotUsers, Not
	errNoneOfSome   error = &refusal{reason: "Any has no checks"}                     // Any without checks

	// ErrBotNotAdmin is returned by [ChatAdmin], wrapped together with VK's
	// error, if the bot cannot see the chat's administrators because it is not
	// one itself. It is not an ErrRefused: the check allows nobody.
	ErrBotNotAdmin = errors.New("the bot is not an administrator of the chat")
)

// Refuse returns an error for a check or a handler to return. The error is an
// [ErrRefused], and [Explain] sends its text to the user unchanged:
//
//	r.Check(func(c *vk.Context) error {
//		if time.Now().Weekday() != time.Monday {
//			return middleware.Refuse("Only on Mondays.")
//		}
//		return nil
//	})
//
// Use it for results that are not failures: an explained refusal is not logged.
func Refuse(text string) error { return &refusal{reason: text, tell: text} }

// A refusal is the reason why a user may not run a command.
type refusal struct {
	reason string // for the log
	tell   string // for the user; empty if Explain has its own text
}

func (r *refusal) Error() string        { return r.reason }
func (r *refusal) Is(target error) bool { return target == ErrRefused }

// refused reports whether err consists of refusals only.
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
