// Package errtext adds text to errors whose texts begin with the name of a package, such
// as "vk: ". The new text has that name once.
package errtext

import "strings"

// A wrapped is an error with more text. Its text is made when it is needed.
type wrapped struct {
	prefix, text string
	err          error
}

// Wrap returns an error that wraps err. Its text is the prefix, the text, ": ", and the
// text of err without prefixes.
func Wrap(prefix, text string, err error) error { return &wrapped{prefix, text, err} }

// Error returns the text.
func (w *wrapped) Error() string { return w.prefix + w.text + ": " + Without(w.prefix, w.err) }

// Unwrap returns the wrapped error.
func (w *wrapped) Unwrap() error { return w.err }

// Without returns the text of err without the prefix at the beginning of its lines. Each
// error that was joined has lines of its own.
func Without(prefix string, err error) string {
	text := strings.TrimPrefix(err.Error(), prefix)
	return strings.ReplaceAll(text, "\n"+prefix, "\n")
}
