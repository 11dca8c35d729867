package fakevk

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

func init() {
	register("messages.sendMessageEventAnswer", groupToken, scopeMessages, (*call).sendMessageEventAnswer)
}

// maxPresses is the number of presses that the world keeps before it drops the
// finished ones.
const maxPresses = 4096

// A Press is a user's press of a button and its result.
type Press struct {
	EventID string // of the message_event; empty unless it is a callback button
	UserID  int64
	PeerID  int64 // the dialog as the community knows it
	CMID    int64 // of the message with the button; zero for a button under the input field
	GroupID int64 // the community that the button belongs to
	Button  Button
	Time    time.Time

	// Message is the message that the press of a text or location button sent.
	Message Message

	// Answered and Answer hold the response to a press of a callback button.
	Answered   bool
	AnsweredAt time.Time
	Answer     EventAnswer
}

// An EventAnswer is the action that messages.sendMessageEventAnswer triggered
// in the user's client. It is zero if the press was acknowledged without an
// action.
type EventAnswer struct {
	Type    string `json:"type"` // show_snackbar, open_link or open_app
	Text    string `json:"text"`
	Link    string `json:"link"`
	AppID   int64  `json:"app_id"`
	OwnerID int64  `json:"owner_id"`
	Hash    string `json:"hash"`
}

// Press presses a button as a user. If cmid is not zero, the button is on that
// message in the dialog that the user knows as peer; otherwise it is on the
// keyboard under the input field. A text or location button sends a message. A
// callback button emits message_event and can be answered for a minute. Other
// buttons open something in the client, and no bot gets an event.
func (w *World) Press(user, peer, cmid int64, b Button) (Press, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dialogOf(user, peer)
	if d == nil || w.users[user] == nil {
		return Press{}, ErrNoDialog
	}
	author, err := d.authorOf(user, cmid, b)
	if err != nil {
		return Press{}, err
	}
	p := Press{UserID: user, PeerID: d.peerOf(author), CMID: cmid, GroupID: -author, Button: b, Time: now()}
	switch b.Action.Type {
	case "text", "location":
		draft := Draft{Payload: b.Action.Payload, Text: b.Action.Label}
		if b.Action.Type == "location" {
			draft.Text = ""
			draft.Geo = &Geo{Lat: 59.935634, Long: 30.325935, Country: "Россия", City: "Санкт-Петербург"}
		}
		if d.chat != nil && !w.cfg.PlainPress && draft.Text != "" {
			g := w.groups[p.GroupID]
			draft.Text = fmt.Sprintf("[club%d|@%s] %s", p.GroupID, g.spec.ScreenName, draft.Text)
		}
		if cmid == 0 && d.keyboard.OneTime {
			d.keyboard = nil
		}
		p.Message, err = w.send(user, peer, draft)
		return p, err
	case "callback":
		w.pressCallback(&p)
	case "intent_subscribe":
		w.subscribe(w.groups[p.GroupID], user, b.Action.Intent, b.Action.SubscribeID)
	case "intent_unsubscribe":
		delete(w.groups[p.GroupID].subscribers, subscription{user, b.Action.Intent, b.Action.SubscribeID})
	}
	return p, nil
}

// authorOf finds the button and returns the author of its keyboard.
func (d *dialog) authorOf(user, cmid int64, b Button) (int64, error) {
	if cmid == 0 {
		if d.keyboard == nil || !slices.Contains(d.keyboard.list(), b) {
			return 0, ErrNoButton
		}
		return d.keyboard.AuthorID, nil
	}
	m := d.find(cmid)
	if m == nil || !d.visible(user, m) {
		return 0, ErrNoMessage
	}
	if m.FromID > 0 || !slices.Contains(m.Buttons(), b) {
		return 0, ErrNoButton
	}
	return m.FromID, nil
}

// pressCallback emits message_event and records the press, so that it can be
// answered.
func (w *World) pressCallback(p *Press) {
	w.lastPress++
	p.EventID = w.hex(12, "press", w.lastPress)
	if len(w.presses) > maxPresses {
		for id, old := range w.presses {
			if now().Sub(old.Time) > pressLifetime {
				delete(w.presses, id)
			}
		}
	}
	kept := *p
	w.presses[p.EventID] = &kept
	w.tellOfPress(ChangePress, &kept)
	payload := json.RawMessage(p.Button.Action.Payload)
	if len(payload) == 0 {
		payload = json.RawMessage("{}")
	}
	if w.cfg.StringPressPayload {
		payload = mustJSON(string(payload))
	}
	w.emit(w.groups[p.GroupID], "message_event", struct {
		UserID  int64           `json:"user_id"`
		PeerID  int64           `json:"peer_id"`
		EventID string          `json:"event_id"`
		Payload json.RawMessage `json:"payload"`
		CMID    int64           `json:"conversation_message_id,omitempty"`
	}{p.UserID, p.PeerID, p.EventID, payload, p.CMID})
}

// Pressed returns the state of a press of a callback button. Finished presses
// are dropped when there are thousands of presses.
func (w *World) Pressed(eventID string) (Press, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.presses[eventID]
	if p == nil {
		return Press{}, false
	}
	return *p, true
}

// The types of answers to presses and their limits.
const (
	maxEventData = 1000
	maxSnackbar  = 90
)

func (c *call) sendMessageEventAnswer() (any, *apiError) {
	c.require("event_id", "user_id", "peer_id")
	user, peer := c.int("user_id"), c.int("peer_id")
	data := c.strMax("event_data", maxEventData)
	var answer EventAnswer
	if data != "" {
		c.json("event_data", &answer)
		if wrong := answer.check(); wrong != "" {
			return nil, invalid("event_data %s", wrong)
		}
	}
	p := c.w.presses[c.str("event_id")]
	switch {
	case p == nil || p.GroupID != -c.token.owner:
		return nil, invalid("event_id is invalid")
	case p.UserID != user:
		return nil, invalid("user_id is invalid")
	case p.PeerID != peer:
		return nil, invalid("peer_id is invalid")
	case p.Answered:
		return nil, invalid("event_id is already answered")
	case now().Sub(p.Time) > pressLifetime:
		return nil, invalid("event_id is expired")
	}
	p.Answered, p.AnsweredAt, p.Answer = true, now(), answer
	c.w.tellOfPress(ChangeAnswer, p)
	c.w.touch()
	return 1, nil
}

func (a *EventAnswer) check() string {
	switch a.Type {
	case "show_snackbar":
		n := len([]rune(a.Text))
		if n == 0 || n > maxSnackbar {
			return fmt.Sprintf("text should contain from 1 to %d characters", maxSnackbar)
		}
	case "open_link":
		if !validLink(a.Link) {
			return "link is invalid"
		}
	case "open_app":
		if a.AppID <= 0 {
			return "app_id is required"
		}
	default:
		return "type is invalid"
	}
	return ""
}
