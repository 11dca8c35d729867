package middleware

import (
	"errors"

	"github.com/vkrouter/vk/internal/refusal"
)

// The refusals of this package's checks, which errors.Is distinguishes.
// [Explain] has a text for each.
var (
	// ErrRefused matches every refusal: those below, every error of [Refuse], a
	// [*CooldownError] and a [*ConcurrencyError]. Any other error of a check is
	// a failure: for example, VK did not respond.
	ErrRefused = refusal.ErrRefused

	ErrChatOnly     error = &refusal.Refusal{Reason: "only in chats"}                         // ChatOnly, ChatAdmin
	ErrPrivateOnly  error = &refusal.Refusal{Reason: "only in private"}                       // PrivateOnly
	ErrNotChatAdmin error = &refusal.Refusal{Reason: "only for the chat's administrators"}    // ChatAdmin
	ErrNotManager   error = &refusal.Refusal{Reason: "only for managers of the community"}    // Manager
	ErrNotMember    error = &refusal.Refusal{Reason: "only for the members of the community"} // Member
	ErrNotDon       error = &refusal.Refusal{Reason: "only for the dons of the community"}    // Don
	errForbidden          = refusal.Forbidden                                                 // Users, NotUsers

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
func Refuse(text string) error { return &refusal.Refusal{Reason: text, Tell: text} }
