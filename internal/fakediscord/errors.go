package fakediscord

import (
	"fmt"
	"net/http"
)

// An Error is a refusal of a call, as a client gets it.
type Error struct {
	Status  int
	Code    int
	Message string
	Errors  map[string]any // the tree of field errors, or nil
}

// Error returns the status, the code and the message.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d, code %d: %s", e.Status, e.Code, e.Message)
	if e.Errors != nil {
		text += " " + string(encode(e.Errors))
	}
	return text
}

func (e *Error) object() object {
	o := object{"message": e.Message, "code": e.Code}
	if e.Errors != nil {
		o["errors"] = e.Errors
	}
	return o
}

func notFound(code int, what string) *Error {
	return &Error{Status: http.StatusNotFound, Code: code, Message: "Unknown " + what}
}

func forbidden(code int, message string) *Error {
	return &Error{Status: http.StatusForbidden, Code: code, Message: message}
}

func badRequest(code int, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: message}
}

// The refusals that are used in more than one place, by Discord's code.
var (
	errUnauthorized   = &Error{Status: http.StatusUnauthorized, Message: "401: Unauthorized"}
	errNoRoute        = &Error{Status: http.StatusNotFound, Message: "404: Not Found"}
	errNoMethod       = &Error{Status: http.StatusMethodNotAllowed, Message: "405: Method Not Allowed"}
	errChannel        = notFound(10003, "Channel")
	errGuild          = notFound(10004, "Guild")
	errIntegration    = notFound(10005, "Integration")
	errInvite         = notFound(10006, "Invite")
	errMember         = notFound(10007, "Member")
	errMessage        = notFound(10008, "Message")
	errOverwrite      = notFound(10009, "Overwrite")
	errRole           = notFound(10011, "Role")
	errUser           = notFound(10013, "User")
	errEmoji          = notFound(10014, "Emoji")
	errWebhook        = notFound(10015, "Webhook")
	errBan            = notFound(10026, "Ban")
	errNoBots         = forbidden(20001, "Bots cannot use this endpoint")
	errTooManyPins    = badRequest(30003, "Maximum number of pins reached (50)")
	errTooManyEmojis  = badRequest(30010, "Maximum number of reactions reached (20)")
	errScope          = &Error{Status: http.StatusUnauthorized, Code: 40001, Message: "Unauthorized. Provide a valid token and try again."}
	errTooLarge       = &Error{Status: http.StatusRequestEntityTooLarge, Code: 40005, Message: "Request entity too large"}
	errBanned         = forbidden(40007, "The user is banned from this guild.")
	errAccess         = forbidden(50001, "Missing Access")
	errDMAction       = badRequest(50003, "Cannot execute action on a DM channel")
	errWidgetOff      = forbidden(50004, "Widget Disabled")
	errAuthor         = forbidden(50005, "Cannot edit a message authored by another user")
	errEmpty          = badRequest(50006, "Cannot send an empty message")
	errNoDM           = forbidden(50007, "Cannot send messages to this user")
	errNotText        = badRequest(50008, "Cannot send messages in a non-text channel")
	errPermissions    = forbidden(50013, "Missing Permissions")
	errDeleteCount    = badRequest(50016, "Provided too few or too many messages to delete. Must provide at least 2 and at most 100 messages")
	errSystemMessage  = forbidden(50021, "Cannot execute action on a system message")
	errChannelType    = badRequest(50024, "Cannot execute action on this channel type")
	errWebhookToken   = &Error{Status: http.StatusUnauthorized, Code: 50027, Message: "Invalid Webhook Token provided"}
	errInvalidRole    = badRequest(50028, "Invalid role")
	errTooOld         = badRequest(50034, "A message provided was too old to bulk delete")
	errInvalidJSON    = badRequest(50109, "The request body contains invalid JSON.")
	errInvalidVersion = badRequest(50041, "Invalid API version provided")
	errNotInVoice     = badRequest(40032, "Target user is not connected to voice.")
	errThreadExists   = badRequest(160004, "A thread has already been created for this message")
	errArchived       = badRequest(50083, "Thread is archived")
)

// invalidForm returns the refusal of a body with wrong fields.
func invalidForm(tree object) *Error {
	return &Error{Status: http.StatusBadRequest, Code: 50035, Message: "Invalid Form Body", Errors: tree}
}

// fieldError returns a leaf of the tree of field errors.
func fieldError(code, message string) object {
	return object{"_errors": []any{object{"code": code, "message": message}}}
}
