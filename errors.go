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

// An Error is VK's refusal of an API call. Match its code with
// errors.Is(err, vk.CodeFlood), or get at it with [errors.As].
type Error struct {
	Code    Code   // what went wrong
	Subcode int    // a finer distinction of some codes, else 0
	Message string // VK's explanation, in English
	Text    string // an explanation for the person, in the language asked for; mostly empty
	Method  string // the method that was called

	// Params are the parameters of the call as VK tells them. What might be a
	// secret reads "***". Nil if VK tells none.
	Params map[string]string

	// Of CodeCaptcha, in its older form: what names the captcha, and the
	// address of the picture that shows it.
	CaptchaSID, CaptchaImg string

	// RedirectURI is, of CodeCaptcha in its newer form and of CodeValidation,
	// the address of a page that a person must open. It is good for some five
	// minutes.
	RedirectURI string

	// ConfirmationText is, of CodeConfirmation, what a person must agree to
	// before the call is made again with confirm=1.
	ConfirmationText string
}

// Error names the method, the code and VK's explanation, and the right that the
// token lacks if that is known.
func (e *Error) Error() string {
	s := fmt.Sprintf("vk: %s: error %d: %s", e.Method, int(e.Code), e.Message)
	if right := e.Right(); right != "" {
		s += " The token lacks the right " + right + "."
	}
	return s
}

// subcodeScope is the Subcode of CodeAccess if the token lacks a right.
const subcodeScope = 1133

// Right returns the right of a community's token that the call needs and the
// token lacks, as VK names it: messages, photos, docs, stories, app_widget or
// manage. It returns "" for other errors, and if the right is not known.
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

// Temporary reports whether the same call, unchanged, may succeed later; Wait
// tells how much later.
func (e *Error) Temporary() bool { return e.Wait() > 0 }

// Wait returns how long to wait before the same call is worth making again, or
// 0 if it is not. VK does not tell: what is returned is the order of magnitude,
// a second for CodeTooManyRequests, a minute for CodeFlood, an hour for
// CodeRateLimit.
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

// Unreachable reports whether a message was refused because of whom it is for:
// they have not allowed the community to write or forbid it, they are banned or
// deleted, the bot is no longer in the chat. Until they change that, no message
// will reach them: a mailing list may strike them off.
func (e *Error) Unreachable() bool {
	switch e.Code {
	case CodeDeleted, CodeUserBanned, CodeUserDeactivated, // of the page
		CodeBlacklisted, CodeCannotWrite, CodePrivacy, CodeNoContact, CodeReplyTimedOut, CodeNoConversation,
		CodeRequestNeeded, CodeRequestPending, CodeNotificationsOnly, CodeGroupPeer, CodeNotDon, // of the dialog
		CodeChatAccess, CodeLeftChat, CodeNoChat, CodeChatDisabled, CodeWritingDisabled: // of the chat
		return true
	case CodePermission:
		// The code for any lack of rights. Of a chat that the bot was removed
		// from VK says: "the user was kicked out of the conversation".
		return strings.Contains(e.Message, "kicked")
	}
	return false
}

// shown returns the value of a parameter as it may be shown: not that of tokens
// and passwords, nor what an upload server gave to be saved.
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

// An HTTPError says that an answer came which is not VK's: another status
// than 200, or a content that is not JSON. A gateway in front of VK, or a
// proxy in front of the bot, sends such.
type HTTPError struct {
	Method      string // what was called: an API method, or "long poll"
	Status      int    // the HTTP status code
	ContentType string // the answer's Content-Type
	Host        string // the host that answered, with its port if the address has one
	Path        string // the path that was asked for, such as "/method/users.get"
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

// A ConfigError says that a call, a [Poller] or a [Callback] cannot work until
// something is changed: a field of this package's types, the token, or the
// community's settings. Trying again does not help, so it is returned at once.
type ConfigError struct {
	Place string // what was called, such as "users.get" or "Poller.Run"
	Field string // the field to change, such as "Client.Token" or "Poller.GroupID"; empty if it is none
	Text  string // what is wrong, in English; it shows no token and no other secret
	Mend  string // what to do about it
	Err   error  // the cause, such as VK's *Error; nil if there is none beyond Text

	is error // the sentinel that the error is too, such as ErrNoToken; nil if it is none
}

// Error says what was called, what is wrong and what to do about it.
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

// Where a community's settings are, on its page.
const (
	atTokens   = "Manage, API usage, Access tokens"
	atLongPoll = "Manage, API usage, Long Poll API"
	atCallback = "Manage, API usage, Callback API"
	atBots     = "Manage, Messages, Bot settings"
)

// misuse returns the error of a field with a wrong value.
func misuse(field, what, mend string) *ConfigError {
	return &ConfigError{Field: field, Text: field + " " + what, Mend: mend}
}

// at returns the error with the place where it was found, unless it has one.
func (e *ConfigError) at(place string) *ConfigError {
	own := *e
	own.Place = cmp.Or(own.Place, place)
	return &own
}

// maybeDone reports whether VK may have carried out the request: the answer of a
// gateway or a proxy leaves that open.
func (e *HTTPError) maybeDone() bool { return e.Status >= 500 || e.Status == http.StatusOK }

// Errors that are told apart by errors.Is.
var (
	// ErrNoToken is returned, in a [*ConfigError], by calls of a [Client] whose
	// token is empty.
	ErrNoToken = errors.New("vk: the client has no token")

	// ErrTooLarge is returned, wrapped, where an answer is larger than
	// [Client.MaxResponse], or a download than [Client.MaxFetch].
	ErrTooLarge = errors.New("the answer is too large")

	// ErrMaybeDone is returned, wrapped together with what went wrong, by calls
	// that failed in a way that leaves open whether VK did what they ask for:
	// the connection broke after the request was sent, no answer came in time,
	// VK had an internal error. Whoever makes such a call again may do it
	// twice. Calls that only read never return it; of other errors it is
	// certain that nothing was done.
	ErrMaybeDone = errors.New("VK may have done it")

	// ErrLongPollOff is returned by [Poller.Run], in a [*ConfigError] together
	// with VK's [*Error], if the community's settings have Bots Long Poll
	// switched off. It is switched on under Manage, API usage, Long Poll API.
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

// A maybeDoneError is a call's error that is also ErrMaybeDone.
type maybeDoneError struct {
	err  error
	once bool // the call was not repeated because that might do it twice
}

func (e *maybeDoneError) Error() string {
	if e.once {
		return e.err.Error() + "; not repeated, for " + ErrMaybeDone.Error()
	}
	return e.err.Error() + "; " + ErrMaybeDone.Error()
}

func (e *maybeDoneError) Unwrap() []error { return []error{e.err, ErrMaybeDone} }

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

// caught returns the error of a recovered value. The value is nil if the
// goroutine ended itself. An error that was raised again is returned as it is.
func caught(v any) error {
	if v == nil {
		return errGoexit
	}
	if err, ok := v.(*PanicError); ok {
		return err
	}
	return &PanicError{v, debug.Stack()}
}

// errExit is the error of a function of the user's that ended its goroutine.
var errExit = errors.New("called runtime.Goexit")

// contain runs f, which calls the user's code, on this goroutine. A panic is an
// error.
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		}
	}()
	return f()
}

// apart runs f, which calls the user's code, on a goroutine of its own, and waits
// for it. A panic is an error, and so is the end of the goroutine.
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

// failure returns the attributes of an error in the log: also the stack, if it is
// a panic.
func failure(err error) []slog.Attr {
	attrs := []slog.Attr{slog.Any("err", err)}
	var p *PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	return attrs
}

// A logger logs. What goes wrong in the handler of its slog.Logger has no other
// effect than a line on standard error, once.
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
		h.Handle(ctx, r) // as a slog.Logger, it has nobody to give an error to
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

// lament is where it is said that a slog.Handler fails.
var lament io.Writer = os.Stderr

var lamented atomic.Bool

// lamentLogger says, once in a process, that a slog.Handler has failed. There is no
// log for that.
func lamentLogger(err error) {
	if !lamented.Swap(true) {
		fmt.Fprintf(lament, "vk: the slog.Handler of a Logger fails, and lines are lost: %v\n", failure(err))
	}
}

// A streak is something that may fail again and again: its first failure is
// told, and its recovery. The zero streak is ready for use.
type streak struct {
	failing atomic.Bool // spares success the lock

	mu       sync.Mutex
	failures int       // in a row
	told     bool      // the first of these
	next     time.Time // before then, no other streak of failures is told
}

// failed notes a failure, and reports whether to tell it: if it is the first in a
// row, and no other was told in the last minute.
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

// worked notes a success. It returns how many failures came before it, and whether
// to tell that they are over: if the first of them was told.
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

// withoutURL returns err without its *url.Error, whose text has the URL: that
// of a long poll or an upload is a key, and that of a download may be private.
func withoutURL(err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err
	}
	return err
}

// callError wraps an error of the way to VK or back.
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

// Errors with which waiting ends. [ErrStopped] and [ErrUnmounted] are others,
// and so is the cause of a context that ends.
var (
	// ErrNoAnswer is returned by waits whose time is over; see [Within]. It
	// wraps [context.DeadlineExceeded].
	ErrNoAnswer = fmt.Errorf("vk: nothing came in time: %w", context.DeadlineExceeded)

	// ErrInterrupted is returned by a question when the person has written a
	// command instead of an answer. The command runs next.
	ErrInterrupted = errors.New("vk: the question was interrupted by a command")

	// ErrNoDispatcher is returned by waits outside of a [Dispatcher], where no
	// event can come.
	ErrNoDispatcher = errors.New("vk: waiting takes a Dispatcher")

	// errHandled is returned by waits of a handler that has returned.
	errHandled = errors.New("vk: the handler has returned")
)

// ErrCanceled is returned by a question that was answered with a word of
// [Cancel].
var ErrCanceled = errors.New("vk: the question was canceled")

// ErrEnded is returned by questions and other waits that [OpenHandler.End] or
// [Dispatcher.Erase] has ended.
var ErrEnded = errors.New("vk: the wait was ended by the bot")

// A comesAgain is the error of a handler that wants its event delivered again.
type comesAgain interface {
	error
	comesAgain() bool
}
