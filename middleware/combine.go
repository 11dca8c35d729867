package middleware

import (
	"slices"
	"strings"

	"github.com/vkrouter/vk"
)

// All returns a check that allows a user if every one of the checks does. It
// runs the checks in order until one returns an error, and returns that error.
// Without checks it allows everybody. All panics if a check is nil.
func All(checks ...vk.Check) vk.Check {
	checks = present("All", checks)
	return func(c *vk.Context) error {
		for _, f := range checks {
			if err := f(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// Any returns a check that allows a user if at least one of the checks does. It
// runs the checks in order until one allows the user, so put checks that call
// VK last. If none does, its error contains all their refusals for errors.Is
// and errors.As. If some of the checks have failed, the error contains only
// these failures and is no [ErrRefused], because the user might have been
// allowed. Without checks it refuses everybody. Any panics if a check is nil.
func Any(checks ...vk.Check) vk.Check {
	checks = present("Any", checks)
	return func(c *vk.Context) error {
		if len(checks) == 0 {
			return errNoneOfSome
		}
		none := new(noneError)
		for _, f := range checks {
			err := f(c)
			if err == nil {
				return nil
			}
			none.errs = append(none.errs, err)
		}
		return none
	}
}

// Not returns a check that allows the users that f refuses, and refuses the
// users that f allows. Only an [ErrRefused] is a refusal. Any other error of f
// is a failure, and Not's check returns it unchanged, so that nobody is allowed
// because VK did not respond. Not panics if f is nil.
func Not(f vk.Check) vk.Check {
	f = present("Not", []vk.Check{f})[0]
	return func(c *vk.Context) error {
		switch err := f(c); {
		case err == nil:
			return errForbidden
		case refused(err):
			return nil
		default:
			return err
		}
	}
}

// present returns a copy of the checks given to a function. It panics if one is
// nil.
func present(name string, checks []vk.Check) []vk.Check {
	if slices.ContainsFunc(checks, func(f vk.Check) bool { return f == nil }) {
		panic("middleware: " + name + ": nil check")
	}
	return slices.Clone(checks)
}

// A noneError holds the errors of several checks, none of which allowed the
// user.
type noneError struct{ errs []error }

func (e *noneError) Error() string {
	var reasons []string
	for _, err := range e.errs {
		reasons = append(reasons, err.Error())
	}
	return strings.Join(reasons, ", and ")
}

// Unwrap returns the failures if there are any, otherwise the refusals.
func (e *noneError) Unwrap() []error {
	failures := slices.DeleteFunc(slices.Clone(e.errs), refused)
	if len(failures) > 0 {
		return failures
	}
	return e.errs
}
