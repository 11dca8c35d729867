package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An Error is VK's error response to an API call. Match its code with
// errors.Is(err, vk.CodeFlood), or get it with [errors.As].
type Error struct {
	Code    Code   // the error code
	Subcode int    // distinguishes causes of some codes, else 0
	Message string // VK's explanation, in English
	Text    string // an explanation for the user, in the requested language; mostly empty
	Method  string // the method that was called

	// Params are the parameters of the call as VK reports them. Possible
	// secrets are replaced by "***". Nil if VK reports none.
	Params map[string]string

	// CaptchaSID and CaptchaImg are the captcha's ID and the address of its
	// picture, for CodeCaptcha in its older form.
	CaptchaSID, CaptchaImg string

	// RedirectURI is the address of a page that a user must open, for
	// CodeCaptcha in its newer form and for CodeValidation. It is valid for
	// about five minutes.
	RedirectURI string

	// ConfirmationText is the text that a user must agree to before the call is
	// made again with confirm=1, for CodeConfirmation.
	ConfirmationText string
}

// Error names the method, the code and VK's explanation, and the right that the
// token lacks, if known.
func (e *Error) Error() string {
	s := fmt.Sprintf("vk: %s: error %d: %s", e.Method, int(e.Code), e.Message)
	if right := e.Right(); right != "" {
		s += " The token lacks the right " + right + "."
	}
	return s
}

// subcodeScope is the Subcode of CodeAccess if the token lacks a right.
const subcodeScope = 1133

// Right returns the right that the call needs and the community token lacks, by
// VK's name: messages, photos, docs, stories, app_widget or manage. It returns
// "" for other errors, and if the right is not known.
func (e *Error) Right() string {
	if e.Code != CodeAccess || e.Subcode != subcodeScope && !strings.Contains(e.Message, "scopes") {
		return ""
	}
	switch section, _, _ := strings.Cut(e.Method, "."); section {
	case "messages", "photos", "docs", "stories":
		return section
	case "appWidgets":
		return "app_widget"
	case "groups":
		return "manage"
	}
	return ""
}

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool { return target == e.Code }

// Temporary reports whether the same call, unchanged, may succeed later; see
// Wait for the delay.
func (e *Error) Temporary() bool { return e.Wait() > 0 }

// Wait returns how long to wait before retrying the same call, or 0 if a retry
// is useless. VK does not report a delay, so the result is an order of
// magnitude: a second for CodeTooManyRequests, a minute for CodeFlood, an hour
// for CodeRateLimit.
func (e *Error) Wait() time.Duration {
	switch e.Code {
	case CodeTooManyRequests:
		return time.Second
	case CodeUnknown, CodeServer, CodeWait, CodeTimeout:
		return 5 * time.Second
	case CodeFlood, CodeWeightedFlood, CodeWallReplyFlood, CodeEditPinned:
		return time.Minute
	case CodeRateLimit, CodeSectionDisabled, CodeLimits, CodeIntentLimit, CodeInviteLater, CodeMuted, CodeSpamRestricted:
		return time.Hour
	}
	return 0
}

// Unreachable reports whether a message was refused because of its recipient:
// the user has not allowed messages from the community or forbids them, is
// banned or deleted, or the bot is no longer in the chat. Until that changes,
// no message reaches the recipient, so a mailing list may remove it.
func (e *Error) Unreachable() bool {
	switch e.Code {
	case CodeDeleted, CodeUserBanned, CodeUserDeactivated, // of the page
		CodeBlacklisted, CodeCannotWrite, CodePrivacy, CodeNoContact, CodeReplyTimedOut, CodeNoConversation,
		CodeRequestNeeded, CodeRequestPending, CodeNotificationsOnly, CodeGroupPeer, CodeNotDon, // of the dialog
		CodeChatAccess, CodeLeftChat, CodeNoChat, CodeChatDisabled, CodeWritingDisabled: // of the chat
		return true
	case CodePermission:
		// The code for any missing right. For a chat that the bot was removed
		// from, VK says: "the user was kicked out of the conversation".
		return strings.Contains(e.Message, "kicked")
	}
	return false
}

// shown returns the value of a parameter for display. It hides tokens,
// passwords, and the results of upload servers.
func shown(name, value string) string {
	switch name {
	case "hash", "file", "photo", "photos_list", "sig", "upload_results", "response_json":
		return "***"
	}
	if strings.Contains(name, "token") || strings.Contains(name, "secret") || strings.Contains(name, "password") {
		return "***"
	}
	return value
}

// An HTTPError reports a response that is not VK's: a status other than 200, or
// a content type that is not JSON. It usually comes from a gateway in front of
// VK or a proxy in front of the bot.
type HTTPError struct {
	Method      string // the API method, or "long poll"
	Status      int    // the HTTP status code
	ContentType string // the response's Content-Type
	Host        string // the host that responded, with its port if the address has one
	Path        string // the path of the request, such as "/method/users.get"
}

// Error names the method, the status, the address and the content type.
func (e *HTTPError) Error() string {
	what := strconv.Itoa(e.Status)
	if text := http.StatusText(e.Status); text != "" {
		what += " " + text
	}
	if e.Host != "" {
		what += " from " + e.Host + e.Path
	}
	return fmt.Sprintf("vk: %s: HTTP %s with content type %q where JSON was expected", e.Method, what, e.ContentType)
}

// A ConfigError reports that a call, a [Poller] or a [Callback] cannot work
// until something is changed: a field of this package's types, the token, or
// the community's settings. A retry does not help, so the error is returned at
// once.
type ConfigError struct {
	Place string // the call, such as "users.get" or "Poller.Run"
	Field string // the field to change, such as "Client.Token" or "Poller.GroupID"; empty if it is none
	Text  string // the problem, in English; it shows no token and no other secret
	Mend  string // the remedy
	Err   error  // the cause, such as VK's *Error; nil if Text says it all

	is error // the sentinel that the error matches, such as ErrNoToken; nil if it matches none
}

// Error names the call, the problem and the remedy.
func (e *ConfigError) Error() string {
	s := "vk: "
	if e.Place != "" {
		s += e.Place + ": "
	}
	s += e.Text
	if e.Mend != "" {
		s += ": " + e.Mend
	}
	if e.Err != nil {
		s += " (" + strings.TrimPrefix(e.Err.Error(), "vk: ") + ")"
	}
	return s
}

// Is reports whether the error is target: [ErrNoToken], [ErrLongPollOff] or
// [ErrStopped].
func (e *ConfigError) Is(target error) bool { return e.is != nil && e.is == target }

// Unwrap returns e.Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// Places of a community's settings, on its page.
const (
	atTokens   = "Manage, API usage, Access tokens"
	atLongPoll = "Manage, API usage, Long Poll API"
	atCallback = "Manage, API usage, Callback API"
	atBots     = "Manage, Messages, Bot settings"
)

// misuse returns the error for a field with a wrong value.
func misuse(field, what, mend string) *ConfigError {
	return &ConfigError{Field: field, Text: field + " " + what, Mend: mend}
}

// at returns the error with the given place, unless it has one.
func (e *ConfigError) at(place string) *ConfigError {
	own := *e
	own.Place = cmp.Or(own.Place, place)
	return &own
}

// maybeDone reports whether VK may have carried out the request: the response
// of a gateway or a proxy leaves that open.
func (e *HTTPError) maybeDone() bool { return e.Status >= 500 || e.Status == http.StatusOK }

// Errors to match with errors.Is.
var (
	// ErrNoToken is returned, in a [*ConfigError], by calls of a [Client] that
	// has no token.
	ErrNoToken = errors.New("vk: the client has no token")

	// ErrTooLarge is returned, wrapped, if a response is larger than
	// [Client.MaxResponse], or a download is larger than [Client.MaxFetch].
	ErrTooLarge = errors.New("the response is too large")

	// ErrMaybeDone is returned, wrapped together with the cause, by calls that
	// VK may or may not have carried out: the connection broke after the
	// request was sent, there was no response in time, or VK had an internal
	// error. A caller that retries such a call may cause a duplicate. Calls
	// that only read never return it. Any other error means that VK did
	// nothing.
	ErrMaybeDone = errors.New("VK may have done it")

	// ErrLongPollOff is returned by [Poller.Run], in a [*ConfigError] together
	// with VK's [*Error], if Bots Long Poll is disabled in the community's
	// settings. Enable it under Manage, API usage, Long Poll API.
	ErrLongPollOff = errors.New("long poll is disabled in the settings of the community")

	// ErrStopped is the cause of a handler's context that ended because the
	// source was stopped and the time to finish was over. An event whose
	// handler ends with it counts as not handled.
	ErrStopped = errors.New("vk: stopped")

	// ErrTimeLimit is the cause of a handler's context that ended because the
	// handler ran for longer than [Dispatcher.TimeLimit]. It wraps
	// [context.DeadlineExceeded].
	ErrTimeLimit = fmt.Errorf("vk: the handler's time limit is over: %w", context.DeadlineExceeded)

	// errGoexit is logged if a handler ends its goroutine with runtime.Goexit,
	// as a test's FailNow does.
	errGoexit = errors.New("vk: the handler called runtime.Goexit")
)

// A maybeDoneError is a call's error that also matches ErrMaybeDone.
type maybeDoneError struct {
	err  error
	once bool // the call was not retried because that might cause a duplicate
}

func (e *maybeDoneError) Error() string {
	if e.once {
		return e.err.Error() + "; not retried, because " + ErrMaybeDone.Error()
	}
	return e.err.Error() + "; " + ErrMaybeDone.Error()
}

func (e *maybeDoneError) Unwrap() []error { return []error{e.err, ErrMaybeDone} }

// A PanicError is the error that a handler's panic is converted to. It is
// handled like any other error.
type PanicError struct {
	Value any    // the value of the panic
	Stack []byte // the stack, as debug.Stack prints it
}

// Error returns the panic's value as text, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// caught returns the error for a recovered value. A nil value means that the
// goroutine ended itself. A *PanicError that was raised again is returned
// unchanged.
func caught(v any) error {
	if v == nil {
		return errGoexit
	}
	if err, ok := v.(*PanicError); ok {
		return err
	}
	return &PanicError{v, debug.Stack()}
}

// errExit is the error for a user's function that ended its goroutine.
var errExit = errors.New("called runtime.Goexit")

// contain runs f, which calls the user's code, on this goroutine. It returns a
// panic as an error.
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		}
	}()
	return f()
}

// apart runs f, which calls the user's code, on a goroutine of its own, and
// waits for it. It returns a panic, or the end of the goroutine, as an error.
func apart(f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errExit
		defer func() {
			if v := recover(); v != nil {
				err = caught(v)
			}
			done <- err
		}()
		err = f()
	}()
	return <-done
}

// failure returns the log attributes of an error, and its stack if it is a
// panic.
func failure(err error) []slog.Attr {
	attrs := []slog.Attr{slog.Any("err", err)}
	var p *PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	return attrs
}

// A logger logs. A failure in the handler of its slog.Logger only prints a line
// on standard error, once.
type logger struct{ to *slog.Logger }

// slogOr returns a logger for l, or for slog.Default() if l is nil.
func slogOr(l *slog.Logger) logger { return logger{cmp.Or(l, slog.Default())} }

// LogAttrs is like that of a slog.Logger.
func (l logger) LogAttrs(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	h := l.to.Handler()
	if h == slog.DiscardHandler {
		return
	}
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	now := time.Now()
	err := apart(func() error {
		if !h.Enabled(ctx, level) {
			return nil
		}
		r := slog.NewRecord(now, level, msg, caller[0])
		r.AddAttrs(attrs...)
		h.Handle(ctx, r) // like a slog.Logger, it has no caller to return an error to
		return nil
	})
	if err != nil {
		lamentLogger(err)
	}
}

// Enabled reports whether lines of a level are logged. It calls the handler on
// this goroutine.
func (l logger) Enabled(ctx context.Context, level slog.Level) (enabled bool) {
	defer func() {
		if v := recover(); v != nil {
			lamentLogger(caught(v))
		}
	}()
	return l.to.Enabled(ctx, level)
}

// lament is the writer for failures of a slog.Handler.
var lament io.Writer = os.Stderr

var lamented atomic.Bool

// lamentLogger reports a failure of a slog.Handler, once per process. There is
// no log for that.
func lamentLogger(err error) {
	if !lamented.Swap(true) {
		fmt.Fprintf(lament, "vk: slog.Handler of a Logger failed, log lines are lost: %v\n", failure(err))
	}
}

// A streak tracks an operation that may fail repeatedly: its first failure and
// its recovery are reported. The zero streak is ready for use.
type streak struct {
	failing atomic.Bool // makes success free of the lock

	mu       sync.Mutex
	failures int       // in a row
	told     bool      // whether the first of these was reported
	next     time.Time // before then, no other streak of failures is reported
}

// failed records a failure, and reports whether to log it: it is the first in a
// row, and no other was logged in the last minute.
func (s *streak) failed() (tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing.Store(true)
	s.failures++
	now := time.Now()
	if s.told || now.Before(s.next) {
		return false
	}
	s.told, s.next = true, now.Add(time.Minute)
	return true
}

// worked records a success. It returns the number of failures in a row before
// it, and whether to log the recovery: the first of them was logged.
func (s *streak) worked() (failures int, tell bool) {
	if !s.failing.Load() {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failures, tell = s.failures, s.told
	s.failures, s.told = 0, false
	s.failing.Store(false)
	return failures, tell
}

// withoutURL returns err without its *url.Error, because that shows the URL.
// The URL of a long poll or an upload contains a key, and the URL of a download
// may be private.
func withoutURL(err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err
	}
	return err
}

// callError wraps an error of sending a request or reading its response.
func callError(ctx context.Context, method string, err error) error {
	err = withoutURL(err)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if foreign := (*HTTPError)(nil); errors.As(err, &foreign) {
		own := *foreign
		own.Method = method
		if prefix, bundled := strings.CutSuffix(own.Path, "/execute"); bundled {
			own.Path = prefix + "/" + method
		}
		return &own // names the method itself
	} else if wrong := (*ConfigError)(nil); errors.As(err, &wrong) {
		return wrong.at(method)
	}
	return fmt.Errorf("vk: %s: %w", method, err)
}

// Errors of waits. Others are [ErrStopped], [ErrUnmounted], and the cause of a
// context that ends.
var (
	// ErrNoAnswer is returned by waits that time out; see [Within]. It wraps
	// [context.DeadlineExceeded].
	ErrNoAnswer = fmt.Errorf("vk: nothing came in time: %w", context.DeadlineExceeded)

	// ErrInterrupted is returned by a question if the user sends a command
	// instead of an answer. The command runs next.
	ErrInterrupted = errors.New("vk: the question was interrupted by a command")

	// ErrNoDispatcher is returned by waits outside a [Dispatcher], where no
	// event can arrive.
	ErrNoDispatcher = errors.New("vk: waiting requires a Dispatcher")

	// errHandled is returned by waits that were stopped, or whose handler returned.
	errHandled = errors.New("vk: the wait was stopped, or its handler has returned")
)

// ErrCanceled is returned by a question if the user answers with a word of
// [Cancel].
var ErrCanceled = errors.New("vk: the question was canceled")

// ErrEnded is returned by questions and other waits that were ended by
// [OpenHandler.End] or [Dispatcher.Erase].
var ErrEnded = errors.New("vk: the wait was ended by the bot")

// A comesAgain is the error of a handler that needs its event delivered again.
type comesAgain interface {
	error
	comesAgain() bool
}
