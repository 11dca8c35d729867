package fakevk

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// An Effect is what a [Fault] does. The types of this package whose names begin
// its list are all there are: [APIError], [Captcha], [HTTPStatus], [ResetBefore],
// [ResetAfter], [Stall], [Truncate], [SlowBody], [EmptyBody], [BadJSON],
// [WrongType], [CutGzip], [Huge] and [PollFailed] for requests, [Duplicate],
// [Late], [Overtaken], [Lost] and [Poison] for events.
//
// To a callback, which is a request that the world makes, ResetBefore,
// ResetAfter, Stall, Truncate, SlowBody, EmptyBody, BadJSON and WrongType can
// happen: the same is wrong with what the bot's server is sent, and what it
// answers counts as lost where the answer of a call would be.
type Effect interface {
	spots() spot // where it can happen
}

// An APIError answers a call with an error of the API in place of doing it. In
// execute it fails the call inside.
type APIError struct {
	Code    int
	Subcode int
	Msg     string         // empty means VK's text for the code
	Extra   map[string]any // further fields of the error object, say redirect_uri
}

// A Captcha answers a call with error 14, until it is repeated with the
// solution: captcha_sid and captcha_key or, in the new form, success_token.
type Captcha struct {
	Key string // the solution; empty means that any will do
	New bool   // redirect_uri in place of captcha_sid and captcha_img
}

// An HTTPStatus answers with an HTTP status in place of doing anything.
type HTTPStatus struct {
	Status      int         // zero means 502
	ContentType string      // empty means text/html
	Body        string      // empty means the page of a proxy
	Header      http.Header // more of it, say Retry-After
}

// A ResetBefore breaks the connection before anything is done.
type ResetBefore struct{}

// A ResetAfter breaks the connection when all is done but nothing answered: the
// client cannot know. net/http repeats a GET by itself if that was not the
// first request of the connection.
type ResetAfter struct{}

// A Stall does what is asked for and then says nothing for a while.
type Stall struct{ For time.Duration }

// A Truncate ends the connection in the middle of the answer.
type Truncate struct {
	Keep int // bytes that still come; zero means half, a negative number none
}

// A SlowBody lets the answer trickle.
type SlowBody struct{ Over time.Duration }

// An EmptyBody answers nothing, with HTTP status 200.
type EmptyBody struct{}

// A BadJSON leaves out the end of the answer and says nothing of it.
type BadJSON struct{}

// A WrongType gives the right answer another Content-Type.
type WrongType struct {
	ContentType string // empty means text/html; charset=windows-1251
}

// A CutGzip leaves out the second half of the compressed answer, to a client
// that takes gzip; to others it is BadJSON.
type CutGzip struct{}

// A Huge puts so many bytes of padding at the beginning of an answer, which
// stays valid. They are made on the way and take no memory here.
type Huge struct {
	Bytes int64
	Gzip  bool // compressed: a thousandth of it goes over the wire
}

// A PollFailed answers a poll with a failure, although nothing is wrong.
type PollFailed struct {
	Code int   // 1, 2, 3 or 4
	TS   int64 // told with code 1; zero means that of the newest event
}

// A Duplicate delivers an event once more with the same id.
type Duplicate struct {
	After time.Duration // between the two
}

// A Late delivers an event later; others overtake it.
type Late struct{ By time.Duration }

// An Overtaken keeps an event back until the community's next one has passed
// it.
type Overtaken struct {
	AtMost time.Duration // how long; zero means a minute
}

// A Lost never delivers an event.
type Lost struct{}

// A Poison delivers something else just before an event: an element of updates
// that is no proper event, or a body of that kind to callback servers.
type Poison struct {
	Element json.RawMessage // any JSON; empty means null
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
		panic("fakevk: the poison is no JSON; BadJSON breaks an answer")
	}
}

// callError is an effect that makes an API call fail.
type callError interface{ apiError(c *call) *apiError }

// apiError is the error that the hit answers a call with, or nil.
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
