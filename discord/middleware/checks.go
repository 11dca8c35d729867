package middleware

import (
	"slices"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/refusal"
)

// The refusals of this package's checks, which errors.Is distinguishes. [Explain] has a
// text for each.
var (
	// ErrRefused matches every refusal: those below, every error of [Refuse], a
	// [*discord.PermissionError], a [*discord.WhereError], a [*CooldownError] and a
	// [*ConcurrencyError]. Any other error of a check is a failure: for example,
	// Discord did not respond. It is the ErrRefused of vk's package middleware, too.
	ErrRefused = refusal.ErrRefused

	ErrNoRole    error = &refusal.Refusal{Reason: "the member has none of the roles"} // HasRole
	errForbidden       = refusal.Forbidden                                            // Users, NotUsers
)

// Refuse returns an error for a check or a handler to return. The error is an
// [ErrRefused], and [Explain] sends its text to the user unchanged:
//
//	r.Check(func(c *discord.Context) error {
//		if time.Now().Weekday() != time.Monday {
//			return middleware.Refuse("Only on Mondays.")
//		}
//		return nil
//	})
//
// Use it for results that are not failures: an explained refusal is not logged.
func Refuse(text string) error { return &refusal.Refusal{Reason: text, Tell: text} }

// Users returns a check that allows the users with these IDs, such as a bot's owner.
func Users(ids ...discord.ID) discord.Check {
	ids = slices.Clone(ids)
	return func(c *discord.Context) error {
		if slices.Contains(ids, c.UserID()) {
			return nil
		}
		return errForbidden
	}
}

// NotUsers returns a check that allows everybody except the users with these IDs.
func NotUsers(ids ...discord.ID) discord.Check {
	ids = slices.Clone(ids)
	return func(c *discord.Context) error {
		if slices.Contains(ids, c.UserID()) {
			return errForbidden
		}
		return nil
	}
}

// HasRole returns a check that allows the members of the guild with one of these roles. It
// refuses others with [ErrNoRole].
func HasRole(roles ...discord.ID) discord.Check {
	roles = slices.Clone(roles)
	return func(c *discord.Context) error {
		if c.GuildID() == 0 {
			return ErrNoRole
		}
		m, err := c.Member()
		switch {
		case err != nil:
			return err
		case !slices.ContainsFunc(roles, m.HasRole):
			return ErrNoRole
		}
		return nil
	}
}

// Needs returns a check that allows members with all of the permissions in the event's
// channel. It refuses others with a [*discord.PermissionError], and everybody outside of
// guilds. [discord.Router.Need] also tells Discord to hide the slash commands; Needs is for
// [Any] and for buttons.
func Needs(p discord.Permissions) discord.Check {
	return func(c *discord.Context) error {
		if c.GuildID() == 0 {
			return &discord.PermissionError{Missing: p}
		}
		has, err := c.Permissions()
		switch {
		case err != nil:
			return err
		case !has.Has(p):
			return &discord.PermissionError{Missing: p &^ has}
		}
		return nil
	}
}

// GuildOnly is a check that allows events from guilds. It refuses others with a
// [*discord.WhereError].
func GuildOnly(c *discord.Context) error {
	if c.GuildID() == 0 {
		return &discord.WhereError{In: discord.InGuild}
	}
	return nil
}

// DMOnly is a check that allows events that are not from a guild. It refuses others with a
// [*discord.WhereError].
func DMOnly(c *discord.Context) error {
	if c.GuildID() != 0 {
		return &discord.WhereError{In: discord.InDM}
	}
	return nil
}

// All returns a check that allows a user if every one of the checks does. It
// runs the checks in order until one returns an error, and returns that error.
// Without checks it allows everybody. All panics if a check is nil.
func All(checks ...discord.Check) discord.Check { return refusal.All[*discord.Context](checks) }

// Any returns a check that allows a user if at least one of the checks does. It
// runs the checks in order until one allows the user, so put checks that call
// Discord last. If none does, its error contains all their refusals for errors.Is
// and errors.As. If some of the checks have failed, the error contains only
// these failures and is no [ErrRefused], because the user might have been
// allowed. Without checks it refuses everybody. Any panics if a check is nil.
func Any(checks ...discord.Check) discord.Check { return refusal.Any[*discord.Context](checks) }

// Not returns a check that allows the users that f refuses, and refuses the
// users that f allows. Only an [ErrRefused] is a refusal. Any other error of f
// is a failure, and Not's check returns it unchanged, so that nobody is allowed
// because Discord did not respond. Not panics if f is nil.
func Not(f discord.Check) discord.Check { return refusal.Not[*discord.Context](f) }
