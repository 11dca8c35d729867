package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// An Error is Discord's refusal of a call, or an answer that is not Discord's,
// such as that of a proxy.
//
// Use errors.Is with a [Code], [ErrUnauthorized], [ErrForbidden] or
// [ErrNotFound] to distinguish errors.
type Error struct {
	Status  int          // the HTTP status code
	Code    Code         // Discord's code; zero if the answer has none
	Message string       // Discord's text, in English; or the beginning of another answer
	Fields  []FieldError // the mistakes in the body of the call
	Method  string       // "GET", "POST", …
	Route   string       // the template of the path, as in "/guilds/{}/bans/{}"
	Header  http.Header  // of the answer
}

// A FieldError is a mistake in one field of a call's body.
type FieldError struct {
	Path    string // such as "embeds[0].title"; empty for the whole body
	Code    string // such as "BASE_TYPE_REQUIRED"
	Message string
}

// String returns the path, the message and the code.
func (f FieldError) String() string {
	s := f.Message
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	if f.Code != "" {
		s += " (" + f.Code + ")"
	}
	return s
}

// Error names the call, the status, Discord's message and, where there is a usual one,
// the remedy.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("discord: ")
	if e.Route != "" {
		b.WriteString(e.Method + " " + e.Route + ": ")
	}
	b.WriteString(strconv.Itoa(e.Status))
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Code != 0 {
		b.WriteString(" (code " + strconv.Itoa(int(e.Code)) + ")")
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.String())
	}
	if mend := e.remedy(); mend != "" {
		b.WriteString(": " + mend)
	}
	return b.String()
}

// remedy returns the remedy for the error, or "".
func (e *Error) remedy() string {
	switch e.Code {
	case CodeMissingPermissions:
		return "give the bot's role the permission, or move the role above the one that it is to change"
	case CodeMissingAccess:
		return "let the bot see the channel, or enable the privileged intent that the call needs"
	case CodeCannotMessageUser:
		return "the user does not take direct messages from the bot"
	case CodeUnknownInteraction:
		return "answer an interaction within 3 seconds, or defer the answer"
	}
	if e.Status == http.StatusUnauthorized && e.Code != CodeInvalidWebhookToken {
		return "copy the bot's token anew from " + atPortal + ", Bot"
	}
	return ""
}

// atPortal is where the settings of applications are.
const atPortal = "https://discord.com/developers/applications"

// Is reports whether target is the error's code, or the error for its status.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	}
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Errors to compare with errors.Is.
var (
	// ErrUnauthorized is the error of a call with a token that Discord does not know.
	// After it, a [Client] makes no call any more: each that Discord refuses
	// brings the address of the bot nearer to a ban.
	ErrUnauthorized = errors.New("discord: unauthorized")

	// ErrForbidden is the error of a call that the bot has no permission for.
	ErrForbidden = errors.New("discord: forbidden")

	// ErrNotFound is the error of a call for something that does not exist.
	ErrNotFound = errors.New("discord: not found")

	// ErrTooLarge is returned, wrapped, where an answer is larger than
	// [Client.MaxResponse].
	ErrTooLarge = errors.New("the response is too large")

	// ErrMaybeDone is returned, wrapped together with the cause, by calls that
	// failed in a way that leaves open whether Discord has carried them out, and
	// that are not safe to repeat.
	ErrMaybeDone = errors.New("the call may have been executed")
)

// A Code is a code of Discord's for an error. It is an error for errors.Is:
//
//	if errors.Is(err, discord.CodeCannotMessageUser) {
type Code int

// The codes that bots meet.
const (
	CodeUnknownAccount      Code = 10001
	CodeUnknownApplication  Code = 10002
	CodeUnknownChannel      Code = 10003
	CodeUnknownGuild        Code = 10004
	CodeUnknownIntegration  Code = 10005
	CodeUnknownInvite       Code = 10006
	CodeUnknownMember       Code = 10007
	CodeUnknownMessage      Code = 10008
	CodeUnknownOverwrite    Code = 10009
	CodeUnknownRole         Code = 10011
	CodeUnknownUser         Code = 10013
	CodeUnknownEmoji        Code = 10014
	CodeUnknownWebhook      Code = 10015
	CodeUnknownBan          Code = 10026
	CodeUnknownInteraction  Code = 10062
	CodeBotsNotAllowed      Code = 20001
	CodeChannelWriteLimit   Code = 20028
	CodeMaxGuilds           Code = 30001
	CodeMaxPins             Code = 30003
	CodeMaxRoles            Code = 30005
	CodeMaxReactions        Code = 30010
	CodeMaxChannels         Code = 30013
	CodeUnauthorized        Code = 40001
	CodeRequestTooLarge     Code = 40005
	CodeUserBanned          Code = 40007
	CodeAlreadyAcknowledged Code = 40060
	CodeMissingAccess       Code = 50001
	CodeInvalidAccountType  Code = 50002
	CodeNotInDM             Code = 50003
	CodeNotAuthor           Code = 50005
	CodeEmptyMessage        Code = 50006
	CodeCannotMessageUser   Code = 50007
	CodeMissingPermissions  Code = 50013
	CodeInvalidToken        Code = 50014
	CodeBulkDeleteCount     Code = 50016
	CodeMessageTooOld       Code = 50034
	CodeInvalidForm         Code = 50035
	CodeInvalidWebhookToken Code = 50027
	CodeFileTooLarge        Code = 50045
	CodeReactionBlocked     Code = 90001
)

// Error returns the code in words, as in "discord: code 10008".
func (c Code) Error() string { return "discord: code " + strconv.Itoa(int(c)) }

// A ConfigError says that something cannot work until it is changed: a field of
// this package's types, the token, an argument, or a setting in the developer portal.
// Trying again does not help, so it is returned at once, before anything is sent.
type ConfigError struct {
	Place string // the call or the method, such as "POST /channels/{}/messages" or "Gateway.Run"
	Field string // the field to change, such as "Client.APIURL" or "embeds[0].title"
	Text  string // the mistake, in English; it shows no secret
	Mend  string // the remedy
	Err   error  // the cause, such as an *Error; nil if there is none beyond Text
}

// Error names the place, the mistake and the remedy.
func (e *ConfigError) Error() string {
	s := "discord: "
	if e.Place != "" {
		s += e.Place + ": "
	}
	s += e.Text
	if e.Mend != "" {
		s += ": " + e.Mend
	}
	if e.Err != nil {
		s += " (" + strings.TrimPrefix(e.Err.Error(), "discord: ") + ")"
	}
	return s
}

// Unwrap returns e.Err.
func (e *ConfigError) Unwrap() error { return e.Err }

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

// callError wraps an error of the way to Discord or back.
func callError(ctx context.Context, r *Request, err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err // its text has the address, which may hold a token
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if wrong := (*ConfigError)(nil); errors.As(err, &wrong) {
		return wrong.at(r.place())
	}
	return fmt.Errorf("discord: %s: %w", r.place(), err)
}

// refusal returns the error of an answer.
func refusal(r *Request, status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status, Method: r.Method, Route: r.Path.template, Header: header}
	var said struct {
		Code    Code            `json:"code"`
		Message string          `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	if len(body) == 0 {
		return e
	}
	if body[0] != '{' || tolerant.Unmarshal(body, &said) != nil {
		e.Message = "the answer is not Discord's, but " + foreign(header)
		return e
	}
	e.Code, e.Message = said.Code, said.Message
	if len(said.Errors) > 0 {
		s := scan.New(said.Errors)
		e.Fields = flattenErrors(nil, "", &s)
	}
	return e
}

// foreign describes an answer that has no JSON.
func foreign(header http.Header) string {
	if t := header.Get("Content-Type"); t != "" {
		return "of type " + strconv.Quote(clip(t, 60)) + ", from a proxy or a gateway"
	}
	return "of a proxy or a gateway"
}

// flattenErrors appends the errors in a tree of Discord's to list. A node is an
// object by the names or indexes of fields; its member _errors has the errors of
// the field itself.
func flattenErrors(list []FieldError, path string, s *scan.Scanner) []FieldError {
	if !s.Object() {
		return list
	}
	for s.Member() {
		key := string(s.Key())
		if key == "_errors" {
			var own []FieldError
			if tolerant.Unmarshal(s.Value(), &own) == nil {
				for _, f := range own {
					list = append(list, FieldError{path, f.Code, f.Message})
				}
			}
			continue
		}
		list = flattenErrors(list, joinPath(path, key), s)
	}
	return list
}

// joinPath returns the path of a field or an element inside of another.
func joinPath(path, key string) string {
	if _, err := strconv.Atoi(key); err == nil {
		return path + "[" + key + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
