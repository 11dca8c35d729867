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

// An UploadError says that a file did not get to VK's upload server, or that
// the server did not take it.
type UploadError struct {
	Method  string // the API method that gave the address, which tells what was uploaded
	Status  int    // the HTTP status; 0 if no answer came
	Code    int    // the server's number for what is wrong, else 0
	Message string // what is wrong, mostly in the server's words
	Err     error  // what is wrong with the connection or the answer, else nil
}

// Error names the method, the status and what is wrong.
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

// An uploadResult is the JSON object with which an upload server answers.
type uploadResult map[string]json.RawMessage

// readUploadResult reads the answer of an upload server. Its content type tells
// nothing: JSON also comes as text/html.
func readUploadResult(body []byte) (uploadResult, *UploadError) {
	body = trimBOM(body)
	var result uploadResult
	if len(body) == 0 || body[0] != '{' || tolerant.Unmarshal(body, &result) != nil {
		return nil, &UploadError{Message: plainText(body), Err: errors.New("the upload server's answer is not a JSON object")}
	}
	if code, text := uploadRefusal(body); code != 0 || text != "" {
		return nil, &UploadError{Code: code, Message: text}
	}
	return result, nil
}

// uploadRefusal finds the error in an answer, in any of the forms that upload servers
// have for it: {"error":"text","error_descr":"text"}, {"error":{…}},
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

// transient reports whether an upload server's error may pass. ERR_UPLOAD_… are
// errors of the server itself, unless they are about the picture.
func (e *UploadError) transient() bool {
	return e.Err != nil || strings.HasPrefix(e.Message, "ERR_UPLOAD") && !strings.HasPrefix(e.Message, "ERR_UPLOAD_BAD_IMAGE")
}

// answeredBy completes an error that an upload server's answer brings, with the
// method that gave the address. The address does not show in the message.
func (e *UploadError) answeredBy(method, address string) {
	e.Method, e.Status, e.Message = method, http.StatusOK, hideAddress(e.Message, address)
}

// saveParams returns the parameters of the method that saves the upload. body is
// the answer that the result was read from.
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
		// Every key: VK adds some now and then, and checks them.
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
// everything else as it was written.
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

// attachment reads the attachment in the answer of the last step.
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
			delete(keys, "upload_url") // whoever has it can upload
			object, _ = json.Marshal(keys)
		}
	}
	a := attachmentOf(typ, object)
	if to.Type != "" && (a.ID == 0 || a.OwnerID == 0) {
		return Attachment{}, fmt.Errorf("vk: %s: the answer names no %s", method, to.Type)
	}
	return a, nil
}

func trimBOM(b []byte) []byte {
	return []byte(strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff")))
}

// plainText returns what may be an explanation; a page of HTML is none.
func plainText(b []byte) string {
	s := strings.TrimSpace(string(b))
	if strings.HasPrefix(s, "<") || strings.ContainsAny(s, "{}") {
		return ""
	}
	return clipText(s)
}

// clipText makes foreign text fit for one line of an error.
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

// hideAddress takes out of a text what an upload's address holds: whoever has it can
// upload.
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
