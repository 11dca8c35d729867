package vk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Answer answers a press of a callback button with nothing: the button stops to
// spin. A press is answered once, by one of the event's handlers, with this
// method or another, and within a minute. Then it is over. If VK says that it
// is over although nobody here has answered it and the minute has not passed
// since it came, an earlier attempt has reached VK: that is no error.
//
// What no handler has answered when all have returned, a [Dispatcher] answers
// in this way.
//
// Of an event that is no press of a callback button, the error wraps
// [ErrNoPress].
//
// It calls https://dev.vk.com/ru/method/messages.sendMessageEventAnswer.
func (c *Context) Answer() error { return c.answerPress(nil) }

// Snackbar answers a press of a callback button, as [Context.Answer] does, with
// a line of text, at most 90 characters, that shows for ten seconds.
func (c *Context) Snackbar(text string) error {
	if n := utf8.RuneCountInString(text); n == 0 || n > maxSnackbar {
		return pressError(fmt.Errorf("a snackbar has 1 to %d characters, and this one %d", maxSnackbar, n))
	}
	return c.answerPress(struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}{"show_snackbar", text})
}

// OpenLink answers a press of a callback button, as [Context.Answer] does, by
// opening an http or https address.
func (c *Context) OpenLink(link string) error {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return pressError(fmt.Errorf("%.100q is not an http or https address", link))
	}
	return c.answerPress(struct {
		Type string `json:"type"`
		Link string `json:"link"`
	}{"open_link", link})
}

// OpenApp answers a press of a callback button, as [Context.Answer] does, by
// opening a mini app. The owner, whose page the app is opened on, may be 0, and
// the hash, which the app gets behind the # of its address, empty.
func (c *Context) OpenApp(app, owner int64, hash string) error {
	if app <= 0 {
		return pressError(fmt.Errorf("there is no app %d", app))
	}
	return c.answerPress(struct {
		Type  string `json:"type"`
		App   int64  `json:"app_id"`
		Owner int64  `json:"owner_id,omitempty"`
		Hash  string `json:"hash"`
	}{"open_app", app, owner, hash})
}

const (
	maxSnackbar  = 90   // characters of its text
	maxPressData = 1000 // characters of event_data

	// pressTime is how long VK waits for an answer.
	pressTime = time.Minute
)

// answerPress answers a press with the data, or with nothing if they are nil.
func (c *Context) answerPress(data any) error {
	press := c.event.press
	if press == nil {
		return pressError(fmt.Errorf("a %s event is %w", c.event.Kind, ErrNoPress))
	}
	e, err := decode[MessageEvent](c.event)
	if err != nil {
		return err
	}
	p := Params{"event_id": e.EventID, "user_id": e.UserID, "peer_id": e.PeerID}
	if data != nil {
		text, err := pressData(data)
		if err != nil {
			return pressError(err)
		}
		p["event_data"] = text
	}
	if c.client.known() == tokenOther {
		if err := c.client.onlyCommunity(c, pressMethod); err != nil {
			return err
		}
	}
	if !press.answered.CompareAndSwap(false, true) {
		return pressError(errors.New("the press was answered before"))
	}
	err = c.client.Call(c, pressMethod, p, nil)
	if pressOver(err) && time.Since(press.at) < pressTime {
		err = nil
	}
	if err != nil {
		press.answered.Store(false)
	}
	return err
}

// pressData returns the data of an answer as VK takes them.
func pressData(data any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it would take six characters for an &
	if err := enc.Encode(data); err != nil {
		return "", err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if n := utf8.RuneCountInString(text); n > maxPressData {
		return "", fmt.Errorf("the answer has %d characters, and at most %d are possible", n, maxPressData)
	}
	return text, nil
}

func pressError(err error) error { return fmt.Errorf("vk: %s: %w", pressMethod, err) }

// A PayloadError says that the payload of a pressed button is not what its route
// takes. The handler has not run.
type PayloadError struct {
	Key   string          // of the payload, that the route is found by
	Value json.RawMessage // what stands there, or nil if there is nothing
	Err   error           // what is wrong with it
}

// Error says what is wrong with the payload.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("vk: payload: %q is %.40q: %v", e.Key, e.Value, e.Err)
}

// Unwrap returns e.Err.
func (e *PayloadError) Unwrap() error { return e.Err }

// decodePayload returns what stands at a key of a payload.
func decodePayload[T any](key string, payload json.RawMessage) (v T, err error) {
	raw := payloadKeys(payload)[key]
	if raw == nil {
		return v, &PayloadError{key, nil, ErrMissingArg}
	}
	if v, err = decodeButton[T](raw); err != nil {
		return v, &PayloadError{key, raw, err}
	}
	return v, nil
}

// payloadKeys returns a payload's values by their keys, if it is a JSON object.
func payloadKeys(payload json.RawMessage) (values map[string]json.RawMessage) {
	if beginsObject(payload) && json.Unmarshal(payload, &values) != nil {
		return nil
	}
	return values
}

// pressed returns what the payload of the button holds for the route, decoded
// once.
func (c *Context) pressed() (any, error) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	f := i.finding()
	if !f.decoded && i.route != nil && i.route.decode != nil {
		f.decoded = true
		f.payload, f.err = i.route.decode(c)
	}
	return f.payload, f.err
}
