package vk

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/vkrouter/vk/internal/tolerant"
)

// An UploadTarget describes the kind of an upload and the calls that it takes.
// The functions that return one cover VK's kinds of uploads. Change its fields
// before use to add parameters:
//
//	to := vk.WallPhotoFor(group)
//	to.SaveParams["caption"] = "Sunset"
//
// Use a literal for a kind that this package does not know. Uploads do not
// change an UploadTarget, so it may be used concurrently.
//
// See https://dev.vk.com/ru/api/upload/overview for VK's requirements for
// files.
type UploadTarget struct {
	// Server is the API method that returns the address to upload to, with its
	// parameters.
	Server       string
	ServerParams Params

	// Field is the form field that the file is sent in, and Form has further
	// fields, if any.
	Field string
	Form  map[string]string

	// Save is the API method that saves the uploaded file. Its parameters are
	// all members of the upload server's response, overridden by SaveParams. If
	// empty, no method is called: the upload server's response is the Object of
	// the Attachment.
	Save       string
	SaveParams Params

	// Type is the type of the Attachment, unless VK's response has another. If
	// it is set, a response without an owner and an id is an error. If empty,
	// the result cannot be attached to a message.
	Type string

	pass    pass   // the conversion of the response into parameters of Save
	need    string // the parameter that Save requires
	created bool   // Server's response identifies the result
	unseen  bool   // saved twice, it shows nowhere: every failed upload can be retried from the beginning
}

// A pass is a conversion of an upload server's response into parameters.
type pass int

const (
	passKeys     pass = iota // every key is a parameter
	passResponse             // the value of "response"
	passResult               // the value of "upload_result" within "response"
	passWhole                // the response unchanged
)

// groupID returns a community's id, given as positive or negative.
func groupID(id int64) int64 { return max(id, -id) }

// newTarget returns the usual target, with an id as a parameter of the first
// call unless that is 0.
func newTarget(server, idName string, id int64, field, save, need, typ string) UploadTarget {
	to := UploadTarget{Server: server, ServerParams: Params{}, Field: field, Save: save, SaveParams: Params{}, Type: typ, need: need}
	if id != 0 {
		to.ServerParams[idName] = id
	}
	return to
}

// PhotoFor is a photo for a message to peer: JPEG, PNG or GIF of at most 50 MB,
// with at most 14,000 pixels of width plus height. With peer 0 it can be sent
// to any peer. It takes a community or user token.
//
// It calls https://dev.vk.com/ru/method/photos.getMessagesUploadServer and
// https://dev.vk.com/ru/method/photos.saveMessagesPhoto.
func PhotoFor(peer int64) UploadTarget {
	to := newTarget("photos.getMessagesUploadServer", "peer_id", peer, "photo", "photos.saveMessagesPhoto", "photo", "photo")
	to.unseen = true
	return to
}

// WallPhotoFor is a photo for a post on a community's wall, or on the user's
// own wall if group is 0. It takes a user token.
//
// It calls https://dev.vk.com/ru/method/photos.getWallUploadServer and
// https://dev.vk.com/ru/method/photos.saveWallPhoto, which has a caption among
// its parameters.
func WallPhotoFor(group int64) UploadTarget {
	group = groupID(group)
	to := newTarget("photos.getWallUploadServer", "group_id", group, "photo", "photos.saveWallPhoto", "photo", "photo")
	if group != 0 {
		to.SaveParams["group_id"] = group
	}
	return to
}

// AlbumPhotoFor is a photo in an album of a community, or of the user if group
// is 0. It takes a user token.
//
// It calls https://dev.vk.com/ru/method/photos.getUploadServer and
// https://dev.vk.com/ru/method/photos.save, which has a caption among its
// parameters.
func AlbumPhotoFor(group, album int64) UploadTarget {
	group = groupID(group)
	to := newTarget("photos.getUploadServer", "album_id", album, "file1", "photos.save", "photos_list", "photo")
	to.SaveParams["album_id"] = album
	if group != 0 {
		to.ServerParams["group_id"] = group
		to.SaveParams["group_id"] = group
	}
	return to
}

// ChatPhotoFor is the picture of a chat, at least 200 × 200 pixels, cropped to
// a square: ServerParams crop_x, crop_y and crop_width choose it. The upload
// sets the picture. The Attachment has only an Object, which contains the chat.
// It takes the token of an administrator of the chat: a community's or a
// user's.
//
// It calls https://dev.vk.com/ru/method/photos.getChatUploadServer and
// https://dev.vk.com/ru/method/messages.setChatPhoto.
func ChatPhotoFor(peer int64) UploadTarget {
	to := newTarget("photos.getChatUploadServer", "chat_id", peer-chatPeers, "file", "messages.setChatPhoto", "file", "")
	to.pass = passResponse
	return to
}

// OwnerPhotoFor is the picture of a community, if owner is minus its id, or of
// the token's own page, if owner is 0: at least 200 × 200 pixels. The field
// _square_crop of the Form, "x,y,width", chooses the part for small pictures.
// The upload sets the picture. The Attachment has only an Object. It takes a
// user token.
//
// It calls https://dev.vk.com/ru/method/photos.getOwnerPhotoUploadServer and
// https://dev.vk.com/ru/method/photos.saveOwnerPhoto.
func OwnerPhotoFor(owner int64) UploadTarget {
	to := newTarget("photos.getOwnerPhotoUploadServer", "owner_id", owner, "photo", "photos.saveOwnerPhoto", "photo", "")
	to.Form = make(map[string]string)
	return to
}

// CoverFor is the cover of a community, at least 795 × 265 pixels; ServerParams
// crop_x, crop_y, crop_x2 and crop_y2 choose the part to show. The upload sets
// the cover. The Attachment has only an Object. It takes a community or user
// token.
//
// It calls https://dev.vk.com/ru/method/photos.getOwnerCoverPhotoUploadServer
// and https://dev.vk.com/ru/method/photos.saveOwnerCoverPhoto.
func CoverFor(group int64) UploadTarget {
	return newTarget("photos.getOwnerCoverPhotoUploadServer", "group_id", groupID(group), "photo", "photos.saveOwnerCoverPhoto", "photo", "")
}

// DocumentFor is a file for a message to peer, of any kind except MP3 and
// programs. Users see its name, unless SaveParams has a title. It takes a
// community or user token.
//
// It calls https://dev.vk.com/ru/method/docs.getMessagesUploadServer and
// https://dev.vk.com/ru/method/docs.save.
func DocumentFor(peer int64) UploadTarget { return documentTarget(peer, "doc") }

// VoiceFor is a voice message for peer: Ogg with Opus, one channel, 16 kHz. It
// takes a community or user token, and makes the calls of [DocumentFor].
func VoiceFor(peer int64) UploadTarget { return documentTarget(peer, "audio_message") }

// GraffitiFor is a drawing for a message to peer: PNG with transparency. It
// takes a community or user token, and makes the calls of [DocumentFor].
func GraffitiFor(peer int64) UploadTarget { return documentTarget(peer, "graffiti") }

func documentTarget(peer int64, typ string) UploadTarget {
	to := newTarget("docs.getMessagesUploadServer", "peer_id", peer, "file", "docs.save", "file", typ)
	to.ServerParams["type"] = typ
	to.unseen = true
	return to
}

// WallDocumentFor is a file for a post on a community's wall. It takes a
// community or user token.
//
// It calls https://dev.vk.com/ru/method/docs.getWallUploadServer and
// https://dev.vk.com/ru/method/docs.save.
func WallDocumentFor(group int64) UploadTarget {
	return newTarget("docs.getWallUploadServer", "group_id", groupID(group), "file", "docs.save", "file", "doc")
}

// VideoFor is a video of a community, or of the user if group is 0, from a file
// or from a [VideoLink]. ServerParams has its name, description, is_private and
// so on. It can be sent at once, but VK takes some time before it plays. It
// takes a user token.
//
// It calls https://dev.vk.com/ru/method/video.save.
func VideoFor(group int64) UploadTarget {
	to := newTarget("video.save", "group_id", groupID(group), "video_file", "", "", "video")
	to.created = true
	return to
}

// StoryPhotoFor is a story of a community, or of the user if group is 0, with
// one picture: JPEG, PNG or GIF of at most 10 MB. It is shown to all followers,
// unless ServerParams has user_ids instead of add_to_news. It takes a community
// or user token.
//
// It calls https://dev.vk.com/ru/method/stories.getPhotoUploadServer and
// https://dev.vk.com/ru/method/stories.save.
func StoryPhotoFor(group int64) UploadTarget {
	return storyTarget("stories.getPhotoUploadServer", group, "file")
}

// StoryVideoFor is [StoryPhotoFor] for a video: MP4 with H.264 and AAC of at
// most 720 × 1280 pixels and 30 frames per second.
//
// It calls https://dev.vk.com/ru/method/stories.getVideoUploadServer and
// https://dev.vk.com/ru/method/stories.save.
func StoryVideoFor(group int64) UploadTarget {
	return storyTarget("stories.getVideoUploadServer", group, "video_file")
}

func storyTarget(server string, group int64, field string) UploadTarget {
	to := newTarget(server, "group_id", groupID(group), field, "stories.save", "upload_results", "story")
	to.ServerParams["add_to_news"] = true
	to.pass = passResult
	return to
}

// ProductPhotoFor is a photo for an item of a community's market, at least 400
// × 400 pixels. The Attachment has an ID for market.add's main_photo_id and an
// Object. It takes a user token.
//
// It calls https://dev.vk.com/ru/method/market.getProductPhotoUploadServer and
// https://dev.vk.com/ru/method/market.saveProductPhoto.
func ProductPhotoFor(group int64) UploadTarget {
	to := newTarget("market.getProductPhotoUploadServer", "group_id", groupID(group), "file", "market.saveProductPhoto", "upload_response", "")
	to.pass = passWhole
	to.unseen = true
	return to
}

// PollPhotoFor is a background for a poll of owner, which is minus a
// community's id or 0 for the user. The Attachment has an ID for polls.create's
// photo_id and an Object. It takes a user token.
//
// It calls https://dev.vk.com/ru/method/polls.getPhotoUploadServer and
// https://dev.vk.com/ru/method/polls.savePhoto.
func PollPhotoFor(owner int64) UploadTarget {
	to := newTarget("polls.getPhotoUploadServer", "owner_id", owner, "photo", "polls.savePhoto", "photo", "")
	to.unseen = true
	return to
}

// An UploadError reports that a file did not reach VK's upload server, or that
// the server did not accept it.
type UploadError struct {
	Method  string // the API method that returned the address, which shows the kind of the upload
	Status  int    // the HTTP status; 0 without a response
	Code    int    // the server's error number, else 0
	Message string // the error's text, mostly the server's
	Err     error  // the error of the connection or the response, else nil
}

// Error names the method, the status and the error.
func (e *UploadError) Error() string {
	b := []byte("vk: " + e.Method + ": upload")
	if e.Status != 0 && e.Status != http.StatusOK {
		b = append(append(b, ": HTTP "...), strings.TrimSpace(strconv.Itoa(e.Status)+" "+http.StatusText(e.Status))...)
	}
	if e.Code != 0 {
		b = append(append(b, ": error "...), strconv.Itoa(e.Code)...)
	}
	if e.Message != "" {
		b = append(append(b, ": "...), e.Message...)
	}
	if e.Err != nil {
		b = append(append(b, ": "...), e.Err.Error()...)
	}
	return string(b)
}

// Unwrap returns e.Err.
func (e *UploadError) Unwrap() error { return e.Err }

// An uploadResult is the JSON object of an upload server's response.
type uploadResult map[string]json.RawMessage

// readUploadResult reads the response of an upload server. Its content type
// means nothing: JSON also comes as text/html.
func readUploadResult(body []byte) (uploadResult, *UploadError) {
	body = trimBOM(body)
	var result uploadResult
	if len(body) == 0 || body[0] != '{' || tolerant.Unmarshal(body, &result) != nil {
		return nil, &UploadError{Message: plainText(body), Err: errors.New("the upload server's response is not a JSON object")}
	}
	if code, text := uploadRefusal(body); code != 0 || text != "" {
		return nil, &UploadError{Code: code, Message: text}
	}
	return result, nil
}

// uploadRefusal finds the error in a response, in any of the forms used by
// upload servers: {"error":"text","error_descr":"text"}, {"error":{…}},
// {"error_code":1,"error_msg":"text"}, {"errcode":1}.
func uploadRefusal(raw []byte) (code int, text string) {
	var o struct {
		Error     json.RawMessage `json:"error"`
		ErrorCode int             `json:"error_code"`
		ErrCode   int             `json:"errcode"`
		Message   string          `json:"error_msg"`
		Descr     string          `json:"error_descr"`
	}
	tolerant.Unmarshal(raw, &o)
	code = cmp.Or(o.ErrorCode, o.ErrCode)
	var inner string
	switch e := string(o.Error); {
	case e == "" || e == "null" || e == "false" || e == "0" || e == "[]":
	case e[0] == '{':
		var n int
		n, inner = uploadRefusal(o.Error)
		code = cmp.Or(code, n)
		inner = cmp.Or(inner, "no reason is given")
	default:
		if n := 0; e[0] == '-' || e[0] >= '0' && e[0] <= '9' {
			tolerant.Unmarshal(o.Error, &n)
			code = cmp.Or(code, n)
		} else {
			tolerant.Unmarshal(o.Error, &inner)
		}
	}
	var texts []string
	for _, s := range [...]string{inner, o.Message, o.Descr} {
		if s = clipText(s); s != "" {
			texts = append(texts, s)
		}
	}
	return code, strings.Join(texts, ": ")
}

// transient reports whether an upload server's error is transient. ERR_UPLOAD_…
// are errors of the server itself, unless they are about the picture.
func (e *UploadError) transient() bool {
	return e.Err != nil || strings.HasPrefix(e.Message, "ERR_UPLOAD") && !strings.HasPrefix(e.Message, "ERR_UPLOAD_BAD_IMAGE")
}

// answeredBy completes an error from an upload server's response with the
// method that returned the address. The address is not shown in the message.
func (e *UploadError) answeredBy(method, address string) {
	e.Method, e.Status, e.Message = method, http.StatusOK, hideAddress(e.Message, address)
}

// saveParams returns the parameters of the method that saves the upload. body
// is the response from which the result was read.
func (to *UploadTarget) saveParams(result uploadResult, body []byte) (Params, *UploadError) {
	p := make(Params, len(result)+len(to.SaveParams))
	need := to.need
	switch to.pass {
	case passResponse: // {"response":"…"}
		p[need] = paramOf(result["response"])
	case passResult: // {"response":{"upload_result":"…"}}
		var inner map[string]json.RawMessage
		if raw := result["response"]; raw != nil {
			tolerant.Unmarshal(raw, &inner)
		}
		p[need] = paramOf(inner["upload_result"])
	case passWhole:
		p[need] = string(trimBOM(body))
	default:
		// Every key: VK adds new ones occasionally, and checks them.
		for name, raw := range result {
			switch name {
			case "", "access_token", "v", "lang", "error", "error_code", "errcode", "error_msg", "error_descr":
			default:
				p[name] = paramOf(raw)
			}
		}
	}
	if v := p[need]; need != "" && (v == nil || v == "" || v == "[]" || v == "{}") {
		return nil, &UploadError{Message: "the upload server could make nothing of the file"}
	}
	maps.Copy(p, to.SaveParams)
	return p, nil
}

// paramOf returns a value of a result as it is sent back: strings unquoted,
// others unchanged.
func paramOf(raw json.RawMessage) any {
	switch {
	case len(raw) == 0, string(raw) == "null":
		return nil
	case raw[0] == '"':
		var s string
		tolerant.Unmarshal(raw, &s)
		return s
	case string(raw) == "true":
		return true
	case string(raw) == "false":
		return false
	}
	return string(raw)
}

// attachment reads the attachment from the response of the last step.
func (to *UploadTarget) attachment(method string, raw json.RawMessage) (Attachment, error) {
	typ, object := to.Type, raw
	var list []json.RawMessage // [photo]
	var o struct {
		Type  string            `json:"type"`  // {"type":"doc","doc":{…}}
		Items []json.RawMessage `json:"items"` // {"count":1,"items":[story]}
	}
	if raw[0] == '[' {
		if tolerant.Unmarshal(raw, &list); len(list) > 0 {
			object = list[0]
		}
	} else if raw[0] == '{' {
		var keys map[string]json.RawMessage
		tolerant.Unmarshal(raw, &o)
		tolerant.Unmarshal(raw, &keys)
		if inner := keys[o.Type]; len(inner) > 0 && inner[0] == '{' {
			typ, object = o.Type, inner
		} else if len(o.Items) > 0 {
			object = o.Items[0]
		} else if _, ok := keys["upload_url"]; ok {
			delete(keys, "upload_url") // a secret: it allows uploads
			object, _ = json.Marshal(keys)
		}
	}
	a := attachmentOf(typ, object)
	if to.Type != "" && (a.ID == 0 || a.OwnerID == 0) {
		return Attachment{}, fmt.Errorf("vk: %s: the response has no %s", method, to.Type)
	}
	return a, nil
}

func trimBOM(b []byte) []byte {
	return []byte(strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff")))
}

// plainText returns a possible explanation; it returns "" for a page of HTML.
func plainText(b []byte) string {
	s := strings.TrimSpace(string(b))
	if strings.HasPrefix(s, "<") || strings.ContainsAny(s, "{}") {
		return ""
	}
	return clipText(s)
}

// clipText makes foreign text suitable for one line of an error.
func clipText(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(s)
}

// hideAddress removes the contents of an upload's address from a text. The
// address is a secret: it allows uploads.
func hideAddress(text, address string) string {
	text = strings.ReplaceAll(text, address, "***")
	u, err := url.Parse(address)
	if err != nil {
		return text
	}
	for _, values := range u.Query() {
		for _, v := range values {
			if len(v) >= 4 {
				text = strings.ReplaceAll(text, v, "***")
			}
		}
	}
	return text
}
