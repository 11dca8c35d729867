package middleware

import (
	"slices"
	"strings"

	"github.com/vkrouter/vk"
)

// All returns a check that lets through whom every one of the checks lets
// through. They are asked in order, up to the first that refuses, with whose
// error All does. Without checks it lets everybody through. All panics if a
// check is nil.
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

// Any returns a check that lets through whom at least one of the checks lets
// through. They are asked in order, and not further than needed: put last what
// asks VK. It refuses with all their refusals, each of which errors.Is and
// errors.As find. Where one of them has failed, that is what they find, and no
// [ErrRefused]: perhaps somebody was to be let through. Without checks it lets
// nobody through. Any panics if a check is nil.
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

// Not returns a check that lets through whom f refuses, and refuses whom f lets
// through. Only an [ErrRefused] is a refusal: any other error of f is a failure
// and stays one, so that nobody is let through because VK did not answer. Not
// panics if f is nil.
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

// present returns a copy of the checks given to a function, all of which are
// there.
func present(name string, checks []vk.Check) []vk.Check {
	if slices.ContainsFunc(checks, func(f vk.Check) bool { return f == nil }) {
		panic("middleware: " + name + ": nil check")
	}
	return slices.Clone(checks)
}

// A noneError is why none of several checks lets somebody through.
type noneError struct{ errs []error }

func (e *noneError) Error() string {
	var reasons []string
	for _, err := range e.errs {
		reasons = append(reasons, err.Error())
	}
	return strings.Join(reasons, ", and ")
}

// Unwrap returns the failures, if there are any, and else the refusals.
func (e *noneError) Unwrap() []error {
	failures := slices.DeleteFunc(slices.Clone(e.errs), refused)
	if len(failures) > 0 {
		return failures
	}
	return e.errs
}
