package middleware

import (
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/refusal"
)

// All returns a check that allows a user if every one of the checks does. It
// runs the checks in order until one returns an error, and returns that error.
// Without checks it allows everybody. All panics if a check is nil.
func All(checks ...vk.Check) vk.Check {
	return refusal.All[*vk.Context](checks)
}

// Any returns a check that allows a user if at least one of the checks does. It
// runs the checks in order until one allows the user, so put checks that call
// VK last. If none does, its error contains all their refusals for errors.Is
// and errors.As. If some of the checks have failed, the error contains only
// these failures and is no [ErrRefused], because the user might have been
// allowed. Without checks it refuses everybody. Any panics if a check is nil.
func Any(checks ...vk.Check) vk.Check {
	return refusal.Any[*vk.Context](checks)
}

// Not returns a check that allows the users that f refuses, and refuses the
// users that f allows. Only an [ErrRefused] is a refusal. Any other error of f
// is a failure, and Not's check returns it unchanged, so that nobody is allowed
// because VK did not respond. Not panics if f is nil.
func Not(f vk.Check) vk.Check {
	return refusal.Not[*vk.Context](f)
}
