package fakevk

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// An Effect is the effect of a [Fault]. The effects are the types of this
// package: [APIError], [Captcha], [HTTPStatus], [ResetBefore], [ResetAfter],
// [Stall], [Truncate], [SlowBody], [EmptyBody], [BadJSON], [WrongType],
// [CutGzip], [Huge] and [PollFailed] for requests, [Duplicate], [Late],
// [Overtaken], [Lost] and [Poison] for events.
//
// A callback is a request that the world makes. ResetBefore, ResetAfter, Stall,
// Truncate, SlowBody, EmptyBody, BadJSON and WrongType can happen to it: they
// damage the request to the bot's server, and the server's response counts as
// lost where the response to a call would be lost.
type Effect interface {
	spots() spot // the kinds of occasions where it can happen
}

// An APIError fails a call with an API error instead of running it. In execute
// it fails the inner call.
type APIError struct {
	Code    int
	Subcode int
	Msg     string         // if empty, VK's text for the code
	Extra   map[string]any // further fields of the error object, such as redirect_uri
}

// A Captcha fails a call with error 14 until it is repeated with the solution:
// captcha_sid and captcha_key or, in the new form, success_token.
type Captcha struct {
	Key string // the solution; if empty, any key is accepted
	New bool   // sends redirect_uri instead of captcha_sid and captcha_img
}

// An HTTPStatus responds with an HTTP status instead of processing the request.
type HTTPStatus struct {
	Status      int         // the default is 502
	ContentType string      // the default is text/html
	Body        string      // the default is the error page of a proxy
	Header      http.Header // further fields, such as Retry-After
}

// A ResetBefore resets the connection before the request is processed.
type ResetBefore struct{}

// A ResetAfter resets the connection after the request is processed and before
// the response, so the client cannot know the result. If the request was not
// the first one of its connection, net/http retries a GET by itself.
type ResetAfter struct{}

// A Stall processes the request and then delays the response.
type Stall struct{ For time.Duration }

// A Truncate closes the connection in the middle of the response.
type Truncate struct {
	Keep int // bytes that are still sent; zero means half, a negative number none
}

// A SlowBody sends the response slowly, in small pieces.
type SlowBody struct{ Over time.Duration }

// An EmptyBody responds with HTTP status 200 and no body.
type EmptyBody struct{}

// A BadJSON omits the end of the response without an error.
type BadJSON struct{}

// A WrongType sends the correct response with another Content-Type.
type WrongType struct {
	ContentType string // the default is text/html; charset=windows-1251
}

// A CutGzip omits the second half of the compressed response. For clients that
// do not accept gzip it is BadJSON.
type CutGzip struct{}

// A Huge adds padding of this many bytes to the beginning of a response, which
// stays valid. The padding is generated while it is sent and uses no memory
// here.
type Huge struct {
	Bytes int64
	Gzip  bool // compressed, to a thousandth of the bytes on the wire
}

// A PollFailed responds to a poll with a failure although nothing is wrong.
type PollFailed struct {
	Code int   // 1, 2, 3 or 4
	TS   int64 // the ts returned with code 1; zero means that of the newest event
}

// A Duplicate delivers an event twice with the same id.
type Duplicate struct {
	After time.Duration // the time between the two
}

// A Late delays an event, so that others overtake it.
type Late struct{ By time.Duration }

// An Overtaken holds an event back until the community's next event has passed
// it.
type Overtaken struct {
	AtMost time.Duration // the longest wait; the default is a minute
}

// A Lost never delivers an event.
type Lost struct{}

// A Poison delivers a malformed event just before an event: an element of
// updates, or a request body to callback servers.
type Poison struct {
	Element json.RawMessage // any JSON; the default is null
}

func (APIError) spots() spot    { return atCall }
func (Captcha) spots() spot     { return atCall }
func (HTTPStatus) spots() spot  { return atServer }
func (ResetBefore) spots() spot { return atWire }
func (ResetAfter) spots() spot  { return atWire }
func (Stall) spots() spot       { return atWire }
func (Truncate) spots() spot    { return atWire }
func (SlowBody) spots() spot    { return atWire }
func (EmptyBody) spots() spot   { return atWire }
func (BadJSON) spots() spot     { return atWire }
func (WrongType) spots() spot   { return atWire }
func (CutGzip) spots() spot     { return atServer }
func (Huge) spots() spot        { return atServer }
func (PollFailed) spots() spot  { return atPoll }
func (Duplicate) spots() spot   { return atEvent }
func (Late) spots() spot        { return atEvent }
func (Overtaken) spots() spot   { return atEvent }
func (Lost) spots() spot        { return atEvent }
func (Poison) spots() spot      { return atEvent }

func (e APIError) check() {
	if e.Code == 0 {
		panic("fakevk: an API error without a code")
	}
	mustJSON(e.Extra)
}

func (e PollFailed) check() {
	if e.Code < 1 || e.Code > 4 {
		panic("fakevk: long poll has no failure " + strconv.Itoa(e.Code))
	}
}

func (e Poison) check() {
	if len(e.Element) > 0 && !json.Valid(e.Element) {
		panic("fakevk: the poison is not JSON; use BadJSON to break a response")
	}
}

// A callError is an effect that makes an API call fail.
type callError interface{ apiError(c *call) *apiError }

// apiError returns the error with which the hit fails a call, or nil.
func (h *hit) apiError(c *call) *apiError {
	if h == nil {
		return nil
	}
	if e, ok := h.effect.(callError); ok {
		return e.apiError(c)
	}
	return nil
}

func (e APIError) apiError(*call) *apiError {
	out := fail(e.Code)
	out.subcode, out.extra = e.Subcode, maps.Clone(e.Extra)
	out.msg = cmp.Or(e.Msg, out.msg, globalTexts[e.Code], globalTexts[1])
	return out
}

func (e Captcha) apiError(c *call) *apiError {
	out := fail(codeCaptcha)
	c.w.lastSecret++
	id := c.w.lastSecret
	if e.New {
		out.extra = map[string]any{
			"redirect_uri": "https://id.vk.ru/not_robot_captcha?domain=vk.com&session_token=" +
				c.w.hex(32, "captcha", id) + "&variant=popup&blank=1",
			"remixstlid": 9069780796616520000 + id,
		}
		return out
	}
	sid := strconv.FormatInt(575877115000+id, 10)
	out.extra = map[string]any{
		"captcha_sid": sid, "captcha_img": "https://vk.ru/captcha.php?sid=" + sid + "&s=1",
		"captcha_ts": float64(now().UnixMilli()) / 1000, "captcha_attempt": 1, "captcha_ratio": 2.6,
		"is_refresh_enabled": false, "is_sound_captcha_available": false,
	}
	return out
}
