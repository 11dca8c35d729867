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

// Answer answers a press of a callback button without showing anything: the
// button stops spinning. A press can be answered once, by one of the event's
// handlers, with this or another method, and within a minute. If VK reports
// that the press can no longer be answered, although no handler here has
// answered it and less than a minute has passed since it arrived, an earlier
// attempt has reached VK: Answer then returns nil.
//
// A [Dispatcher] calls Answer for a press that no handler has answered when
// all have returned.
//
// For an event that is not a press of a callback button, the error wraps
// [ErrNoPress].
//
// It calls https://dev.vk.com/ru/method/messages.sendMessageEventAnswer.
func (c *Context) Answer() error { return c.answerPress(nil) }

// Snackbar answers a press of a callback button, as [Context.Answer] does, by
// showing a line of text of at most 90 characters for ten seconds.
func (c *Context) Snackbar(text string) error {
	if n := utf8.RuneCountInString(text); n == 0 || n > maxSnackbar {
		return pressError(fmt.Errorf("a snackbar has 1 to %d characters, and this one has %d", maxSnackbar, n))
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
// opening a mini app. The app is opened on the owner's page; owner may be 0.
// The hash is passed to the app after the # of its address; it may be empty.
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

	// pressTime is the time that VK waits for an answer.
	pressTime = time.Minute
)

// answerPress answers a press with the data, or without any if data is nil.
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
		return pressError(errors.New("the press was already answered"))
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

// pressData returns the data of an answer in VK's form.
func pressData(data any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // an & would take six characters
	if err := enc.Encode(data); err != nil {
		return "", err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if n := utf8.RuneCountInString(text); n > maxPressData {
		return "", fmt.Errorf("the answer has %d characters; at most %d are possible", n, maxPressData)
	}
	return text, nil
}

func pressError(err error) error { return fmt.Errorf("vk: %s: %w", pressMethod, err) }

// A PayloadError reports that the payload of a pressed button does not fit its
// route. The handler has not run.
type PayloadError struct {
	Key   string          // the key of the payload, which led to the route
	Value json.RawMessage // its value, or nil if there is none
	Err   error           // the reason
}

// Error returns a message with the key, the value and the reason.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("vk: payload: %q is %.40q: %v", e.Key, e.Value, e.Err)
}

// Unwrap returns e.Err.
func (e *PayloadError) Unwrap() error { return e.Err }

// decodePayload decodes the value of a key in a payload.
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

// payloadKeys returns a payload's values by key, if it is a JSON object.
func payloadKeys(payload json.RawMessage) (values map[string]json.RawMessage) {
	if beginsObject(payload) && json.Unmarshal(payload, &values) != nil {
		return nil
	}
	return values
}

// pressed returns the value that the button's payload has for the route. It is
// decoded once.
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
