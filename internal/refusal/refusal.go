// Package refusal has the errors of checks that refuse a user, and checks made of others.
// C is the Context that a check gets.
package refusal

import (
	"errors"
	"slices"
	"strings"
)

// ErrRefused matches every refusal.
var ErrRefused = errors.New("refused")

// A Refusal is the reason why a user may not run a command.
type Refusal struct {
	Reason string // for the log
	Tell   string // for the user; empty if there is another text
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Is reports whether target is [ErrRefused].
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

// Forbidden is the refusal of a user who cannot become permitted in any way.
var Forbidden error = &Refusal{Reason: "not for this user"}

var errNoChecks error = &Refusal{Reason: "Any has no checks"}

// Only reports whether err consists of refusals only.
func Only(err error) bool {
	if none := (*NoneError)(nil); errors.As(err, &none) {
		return !slices.ContainsFunc(none.Errs, func(err error) bool { return !Only(err) })
	}
	return errors.Is(err, ErrRefused)
}

// A NoneError holds the errors of several checks, none of which allowed the user.
type NoneError struct{ Errs []error }

// Error joins the errors.
func (e *NoneError) Error() string {
	var reasons []string
	for _, err := range e.Errs {
		reasons = append(reasons, err.Error())
	}
	return strings.Join(reasons, ", and ")
}

// Unwrap returns the failures if there are any, otherwise the refusals.
func (e *NoneError) Unwrap() []error {
	failures := slices.DeleteFunc(slices.Clone(e.Errs), Only)
	if len(failures) > 0 {
		return failures
	}
	return e.Errs
}

// All returns a check that runs the checks until one returns an error, and returns that
// error.
func All[C any, F ~func(C) error](checks []F) func(C) error {
	checks = present("All", checks)
	return func(c C) error {
		for _, f := range checks {
			if err := f(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// Any returns a check that runs the checks until one returns nil. If none does, it
// returns a [*NoneError].
func Any[C any, F ~func(C) error](checks []F) func(C) error {
	checks = present("Any", checks)
	return func(c C) error {
		if len(checks) == 0 {
			return errNoChecks
		}
		none := new(NoneError)
		for _, f := range checks {
			err := f(c)
			if err == nil {
				return nil
			}
			none.Errs = append(none.Errs, err)
		}
		return none
	}
}

// Not returns a check that refuses the users that f allows, and allows those that it
// refuses. An error of f that is no refusal is returned as it is.
func Not[C any, F ~func(C) error](f F) func(C) error {
	f = present("Not", []F{f})[0]
	return func(c C) error {
		switch err := f(c); {
		case err == nil:
			return Forbidden
		case Only(err):
			return nil
		default:
			return err
		}
	}
}

// present returns a copy of the checks given to a function. It panics if one is nil.
func present[C any, F ~func(C) error](name string, checks []F) []F {
	if slices.ContainsFunc(checks, func(f F) bool { return f == nil }) {
		panic("middleware: " + name + ": nil check")
	}
	return slices.Clone(checks)
}

// Sort returns the places in which the user would be allowed, and the texts
// supplied by checks, each once. place returns the place of an error that
// supplies no text; known is false if an error is none of these and no
// [Refusal].
func Sort(errs []error, place func(error) (text string, told, ok bool)) (places, told []string, known bool) {
	add := func(to *[]string, s string) {
		if !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
	known = true
	var look func(errs []error)
	look = func(errs []error) {
		for _, err := range errs {
			var none *NoneError
			var r *Refusal
			if errors.As(err, &none) {
				look(none.Errs)
				continue
			}
			if errors.As(err, &r) && r.Tell != "" {
				add(&told, r.Tell)
				continue
			}
			switch text, isTold, ok := place(err); {
			case ok && isTold:
				add(&told, text)
			case ok:
				add(&places, text)
			default:
				known = known && r != nil
			}
		}
	}
	look(errs)
	return places, told, known
}
