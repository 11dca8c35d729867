package vk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// A Code is VK's number for an error of its API. A Code is itself an error,
// so that errors.Is(err, vk.CodeFlood) tells what went wrong.
//
// See https://dev.vk.com/ru/reference/errors for what VK says of them.
type Code int

// The codes that a bot meets most. VK has many more, and an [Error] carries
// whichever VK sent: errors.Is(err, vk.Code(902)) needs no constant.
const (
	CodeUnknown         Code = 1   // an unknown error on VK's side: try again later
	CodeAuth            Code = 5   // the token is wrong, expired or revoked
	CodeTooManyRequests Code = 6   // more requests a second than the token may make
	CodePermission      Code = 7   // not allowed: in a chat, the bot was removed from it
	CodeFlood           Code = 9   // too much of the same: pause for minutes, not seconds
	CodeServer          Code = 10  // an internal error on VK's side
	CodeAccess          Code = 15  // no access to this object, or the token lacks a scope
	CodeGroupAuth       Code = 27  // the method is not for a community's token
	CodeRateLimit       Code = 29  // the method's quota for the day is used up
	CodeParam           Code = 100 // a parameter is missing or wrong
	CodeCannotWrite     Code = 901 // this person has not allowed the community to write
)

// Error returns the code in words.
func (c Code) Error() string { return "vk: error " + strconv.Itoa(int(c)) }

// An Error is VK's refusal of an API call. Match its code with
// errors.Is(err, vk.CodeFlood), or get at it with [errors.As].
type Error struct {
	Code    Code   // what went wrong
	Subcode int    // a finer distinction of some codes, else 0
	Message string // VK's explanation, in English
	Text    string // an explanation for the person, in the language asked for; mostly empty
	Method  string // the method that was called
}

// Error names the method, the code and VK's explanation.
func (e *Error) Error() string {
	return fmt.Sprintf("vk: %s: error %d: %s", e.Method, int(e.Code), e.Message)
}

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool { return target == e.Code }

// An HTTPError says that an answer came which is not VK's: another status
// than 200, or a content that is not JSON. A gateway in front of VK, or a
// proxy in front of the bot, sends such.
type HTTPError struct {
	Method      string // what was called: an API method, or "long poll"
	Status      int    // the HTTP status code
	ContentType string // the answer's Content-Type
}

// Error names the method, the status and the content type.
func (e *HTTPError) Error() string {
	what := strconv.Itoa(e.Status)
	if text := http.StatusText(e.Status); text != "" {
		what += " " + text
	}
	return fmt.Sprintf("vk: %s: HTTP %s with content type %q where JSON was expected", e.Method, what, e.ContentType)
}

// Errors that are told apart by errors.Is.
var (
	// ErrNoToken is returned by calls of a [Client] whose token is empty.
	ErrNoToken = errors.New("vk: the client has no token")

	// ErrTooLarge is returned, wrapped, where an answer is larger than
	// [Client.MaxResponse].
	ErrTooLarge = errors.New("the answer is too large")

	// ErrLongPollOff is returned, wrapped together with VK's [*Error], by
	// [Poller.Run] where the community's settings have Bots Long Poll switched
	// off. It is switched on under Manage, API usage, Long Poll API.
	ErrLongPollOff = errors.New("long poll is switched off in the settings of the community")

	// ErrStopped is the cause with which a handler's context ends when its
	// source was stopped and the time to finish is over. An event whose handler
	// ends with it counts as not handled.
	ErrStopped = errors.New("vk: stopped")

	// ErrTimeLimit is the cause with which a handler's context ends when the
	// handler has run for longer than [Dispatcher.TimeLimit]. It wraps
	// [context.DeadlineExceeded].
	ErrTimeLimit = fmt.Errorf("vk: the handler's time limit is over: %w", context.DeadlineExceeded)

	// errGoexit is logged where a handler ended its goroutine with
	// runtime.Goexit, as a test's FailNow does.
	errGoexit = errors.New("vk: the handler called runtime.Goexit")
)

// A PanicError is what a handler's panic becomes: an error like any other.
type PanicError struct {
	Value any    // what the handler panicked with
	Stack []byte // where, as debug.Stack prints it
}

// Error returns the panic's value in words, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value, if the handler panicked with an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// callError wraps what went wrong on the way to VK or back. It takes the
// *url.Error off, because that one prints the URL, and a long poll's URL holds
// its key.
func callError(ctx context.Context, method string, err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if foreign := (*HTTPError)(nil); errors.As(err, &foreign) {
		return foreign // names the method itself
	}
	return fmt.Errorf("vk: %s: %w", method, err)
}

// notSent reports whether err shows that the request never reached VK.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// mayRepeat reports whether a call that failed with err may be made again:
// because VK did not do it, or because doing it twice does no harm.
func mayRepeat(err error, harmless bool) bool {
	var refused *Error
	var foreign *HTTPError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrTooLarge), errors.Is(err, ErrNoToken):
		return false
	case errors.As(err, &refused):
		switch refused.Code {
		case CodeTooManyRequests:
			return true
		case CodeUnknown, CodeServer:
			return harmless
		}
		return false
	case errors.As(err, &foreign):
		if foreign.Status == http.StatusTooManyRequests {
			return true
		}
		return harmless && (foreign.Status >= 500 || foreign.Status == http.StatusOK)
	}
	return harmless || notSent(err)
}
