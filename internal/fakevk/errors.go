package fakevk

import (
	"fmt"
	"maps"
	"slices"
)

// The error codes that the fake's methods return.
const (
	codeUnknownMethod = 3
	codeServer        = 10
	codeCompile       = 12
	codeRuntime       = 13
	codeAuth          = 5
	codeTooMany       = 6
	codePermission    = 7
	codeRequest       = 8
	codeCaptcha       = 14
	codeAccess        = 15
	codeDeactivated   = 18
	codeUpload        = 22
	codeGroupAuth     = 27
	codeAppAuth       = 28
	codeNotDone       = 33
	codeParam         = 100
	codeLimits        = 103
	codeNotFound      = 104
	codeSaveFile      = 105
	codeUserID        = 113
	codeParamAlbum    = 114
	codeParamServer   = 118
	codeParamHash     = 121
	codeGroupID       = 125
	codeParamPhoto    = 129

	codePostAccess    = 210
	codeCommentAccess = 211
	codeReadComments  = 212
	codeAddReply      = 213
	codeAddPost       = 214
	codeNotDeleted    = 243
	codeAlbums        = 302

	codeCreatorRole  = 700
	codeNotInClub    = 701
	codeManyOfficers = 702
	codeScreenName   = 1260

	codeManyAddresses = 706
	codeDimensions    = 1429
	codeNoOrder       = 1436
	codeOrderStatus   = 1456
	codeStoryExpired  = 1600

	codeBlacklisted    = 900
	codeNoPermission   = 901
	codePrivacy        = 902
	codeOldPTS         = 907
	codeNewPTS         = 908
	codeEditExpired    = 909
	codeKeyboard       = 911
	codeBotFeature     = 912
	codeManyForwards   = 913
	codeTooLong        = 914
	codeNoChatAccess   = 917
	codeEditKind       = 920
	codeSeeLink        = 919
	codeCantForward    = 921
	codeLeftChat       = 922
	codeDeleteForAll   = 924
	codeNotChatAdmin   = 925
	codeNoChat         = 927
	codeChangeLink     = 931
	codeNotInChat      = 935
	codeContactMissing = 936
	codeIntent         = 943
	codeMuted          = 983
	codeReaction       = 1009
	codePhotoChanged   = 1160
	codeCallbackLimit  = 2000

	codeHTTPMethod = 9999

	subcodeScope = 1133
)

// errorTexts are VK's base texts. Details follow after a colon.
var errorTexts = map[int]string{
	codeUnknownMethod:  "Unknown method passed",
	codeServer:         "Internal server error",
	codeCompile:        "Unable to compile code",
	codeRuntime:        "Runtime error occurred during code invocation",
	codeLimits:         "Out of limits",
	codeNotFound:       "Not found",
	codeUserID:         "Invalid user id",
	codeGroupID:        "Invalid group id",
	codeAuth:           "User authorization failed",
	codeTooMany:        "Too many requests per second",
	codePermission:     "Permission to perform this action is denied",
	codeRequest:        "Invalid request",
	codeCaptcha:        "Captcha needed",
	codeAccess:         "Access denied",
	codeDeactivated:    "User was deleted or banned",
	codeUpload:         "Upload error",
	codeSaveFile:       "Couldn't save file",
	codeParamAlbum:     "Invalid album id",
	codeParamServer:    "Invalid server",
	codeParamHash:      "Invalid hash",
	codeParamPhoto:     "Invalid photo",
	codeAlbums:         "Albums number limit is reached",
	codePhotoChanged:   "Original photo was changed",
	codeCallbackLimit:  "Servers number limit is reached",
	codeGroupAuth:      "Group authorization failed",
	codeAppAuth:        "Application authorization failed",
	codeParam:          "One of the parameters specified was missing or invalid",
	codeBlacklisted:    "Can't send messages for users from blacklist",
	codeNoPermission:   "Can't send messages for users without permission",
	codePrivacy:        "Can't send messages to this user due to their privacy settings",
	codeEditExpired:    "Can't edit this message, because it's too old",
	codeKeyboard:       "Keyboard format is invalid",
	codeBotFeature:     "This is a chat bot feature, change this status in settings",
	codeManyForwards:   "Too many forwarded messages",
	codeTooLong:        "Message is too long",
	codeNoChatAccess:   "You don't have access to this chat",
	codeEditKind:       "Can't edit this kind of message",
	codeCantForward:    "Can't forward these messages",
	codeLeftChat:       "You left this chat",
	codeSeeLink:        "You can't see invite link for this chat",
	codeNotChatAdmin:   "You are not admin of this chat",
	codeChangeLink:     "You can't change invite link for this chat",
	codeNotInChat:      "User not found in chat",
	codeOldPTS:         "Value of ts or pts is too old",
	codeNewPTS:         "Value of ts or pts is too new",
	codeIntent:         "Cannot use this intent",
	codeMuted:          "You are restricted to write to a chat",
	codeReaction:       "Unknown reaction passed",
	codePostAccess:     "Access to wall's post denied",
	codeCommentAccess:  "Access to wall's comment denied",
	codeReadComments:   "Access to post comments denied",
	codeAddReply:       "Access to status replies denied",
	codeAddPost:        "Access to adding post denied",
	codeNotDeleted:     "Comment has not been deleted",
	codeCreatorRole:    "Cannot edit creator role",
	codeManyOfficers:   "Too many officers in club",
	codeNotInClub:      "User should be in club",
	codeScreenName:     "Invalid screen name",
	codeNotDone:        "Not implemented yet",
	codeDeleteForAll:   "Can't delete this message for everybody",
	codeNoChat:         "Chat does not exist",
	codeContactMissing: "Contact not found",
	codeHTTPMethod:     "Not supported http method",
	codeManyAddresses:  "Too many addresses in club",
	codeDimensions:     "Specify width, length, height and weight all together",
	codeNoOrder:        "Order not found",
	codeOrderStatus:    "Order status is invalid",
	codeStoryExpired:   "Story has already expired",
}

// An apiError is the error that a method returns instead of a response.
type apiError struct {
	code    int
	subcode int
	msg     string
	extra   map[string]any // further fields of the error object
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.code, e.msg) }

// fail returns an error with a code, VK's text for it and, if given, details
// formatted as by fmt.Sprintf.
func fail(code int, detail ...any) *apiError {
	e := &apiError{code: code, msg: errorTexts[code]}
	if len(detail) > 0 {
		e.msg += ": " + fmt.Sprintf(detail[0].(string), detail[1:]...)
	}
	return e
}

// invalid returns error 100, by far the most frequent one.
func invalid(detail string, args ...any) *apiError {
	return fail(codeParam, append([]any{detail}, args...)...)
}

// A requestParam is one parameter of a failed call, returned to the caller. The
// value is a string even for numbers, because clients depend on it.
type requestParam struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type wireError struct {
	Code    int            `json:"error_code"`
	Subcode int            `json:"error_subcode,omitempty"`
	Msg     string         `json:"error_msg"`
	Params  []requestParam `json:"request_params"`
}

// wire adds the request's parameters, without secrets, to the error.
func (e *apiError) wire(c *call) any {
	out := wireError{Code: e.code, Subcode: e.subcode, Msg: e.msg, Params: []requestParam{
		{"oauth", "1"}, {"method", c.name},
	}}
	for _, k := range slices.Sorted(maps.Keys(c.params)) {
		out.Params = append(out.Params, requestParam{k, c.params[k]})
	}
	if e.extra == nil {
		return out
	}
	object := map[string]any{"error_code": out.Code, "error_msg": out.Msg, "request_params": out.Params}
	if out.Subcode != 0 {
		object["error_subcode"] = out.Subcode
	}
	maps.Copy(object, e.extra)
	return object
}

// A messageError is one recipient's failure in the response of a call that did
// not fail as a whole.
type messageError struct {
	Code        int    `json:"code"`
	Description string `json:"description"`
}

func (e *apiError) item() *messageError { return &messageError{e.code, e.msg} }
