package fakesim

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/fakevk"
)

// In requests, a user is an id or a name. A peer is a conversation as that user
// knows it: the default is the dialog with the first community, minus an id is
// the dialog with another community, and a chat is named by its id or title.

type inPeer struct {
	User who `json:"user"`
	Peer who `json:"peer,omitzero"`
}

// find returns the user and the peer that the request names.
func (p inPeer) find(q *request) (user, peer int64, err error) {
	if user, err = q.person(p.User); err != nil {
		return 0, 0, err
	}
	peer, err = q.peer(p.Peer)
	return user, peer, err
}

// chat is like find, for requests that need a chat.
func (p inPeer) chat(q *request) (user, peer int64, err error) {
	user, peer, err = p.find(q)
	if err == nil && peer < 0 {
		err = bad("peer is not a chat")
	}
	return user, peer, err
}

type atMessage struct {
	inPeer
	CMID int64 `json:"cmid"`
}

type sending struct {
	inPeer
	Text        string            `json:"text,omitempty"`
	Payload     json.RawMessage   `json:"payload,omitempty"` // JSON, or a string of JSON
	Attachments []json.RawMessage `json:"attachments,omitempty"`
	ReplyTo     int64             `json:"reply_to,omitempty"`
	Forward     []int64           `json:"forward,omitempty"` // of the same conversation
	Sticker     int64             `json:"sticker,omitempty"`
	Geo         *geoView          `json:"geo,omitempty"`
	Ref         string            `json:"ref,omitempty"`
	RefSource   string            `json:"ref_source,omitempty"`
}

const (
	maxAttached = 10
	maxPayload  = 1000 // bytes
)

func (q *request) send(in sending) (any, error) {
	user, peer, err := in.find(q)
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(in.Text) > maxText {
		return nil, bad("text has more than %d characters", maxText)
	}
	d := fakevk.Draft{
		Text: in.Text, Attachments: in.Attachments, ReplyTo: in.ReplyTo, Ref: in.Ref, RefSource: in.RefSource, StickerID: in.Sticker,
	}
	if d.Payload, err = payloadText(in.Payload); err != nil {
		return nil, err
	}
	if len(in.Attachments) > maxAttached {
		return nil, bad("a message has at most %d attachments", maxAttached)
	}
	for i, raw := range in.Attachments {
		if err := q.learn(raw); err != nil {
			return nil, bad("attachments[%d]: %v", i, err)
		}
	}
	for _, cmid := range in.Forward {
		d.Forward = append(d.Forward, fakevk.Ref{PeerID: peer, CMID: cmid})
	}
	if in.Geo != nil {
		d.Geo = &fakevk.Geo{Lat: in.Geo.Lat, Long: in.Geo.Long}
	}
	if len(d.Payload) > maxPayload {
		return nil, bad("payload has more than %d bytes", maxPayload)
	}
	m, err := q.world.Send(user, peer, d)
	if err != nil {
		return nil, err
	}
	return viewOf(m), nil
}

// payloadText returns a payload in the form of messages: a text of JSON.
func payloadText(raw json.RawMessage) (string, error) {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "", nil
	case json.Unmarshal(raw, &text) != nil:
		return string(raw), nil
	case text != "" && !json.Valid([]byte(text)):
		return "", bad("payload is a string that is not JSON")
	}
	return text, nil
}

// learn registers an attachment, {"type":"photo","photo":{…}}, so that bots can
// attach it by its name, if it has one.
func (q *request) learn(raw json.RawMessage) error {
	var fields map[string]json.RawMessage
	var kind string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields["type"], &kind) != nil || kind == "" {
		return fmt.Errorf("it is not an object with a type")
	}
	var object struct {
		ID      int64 `json:"id"`
		OwnerID int64 `json:"owner_id"`
	}
	if json.Unmarshal(fields[kind], &object) != nil {
		return fmt.Errorf("it has no object under %q", clip(kind))
	}
	if object.ID == 0 || object.OwnerID == 0 {
		return nil
	}
	_, err := q.world.AddMedia(kind, fields[kind])
	return err
}

type pressing struct {
	inPeer
	Label   string          `json:"label,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"` // selects the button instead of the label
	CMID    int64           `json:"cmid,omitempty"`    // of the message; zero means the newest one with the button, -1 the keyboard under the input field
	Wait    float64         `json:"wait,omitempty"`    // seconds to wait for the answer to a callback button
}

// press presses the button with a label or a payload: on the newest message
// that has one, or on the keyboard under the input field.
func (q *request) press(in pressing) (any, error) {
	user, peer, err := in.find(q)
	if err != nil {
		return nil, err
	}
	if err := checkWait(in.Wait); err != nil {
		return nil, err
	}
	payload, err := payloadText(in.Payload)
	if err != nil {
		return nil, err
	}
	if in.Label == "" && payload == "" {
		return nil, bad("label or payload is missing")
	}
	b, cmid, ok := q.button(user, peer, in.CMID, func(b fakevk.Button) bool {
		return (in.Label == "" || label(b) == in.Label) && (payload == "" || sameJSON(b.Action.Payload, payload))
	})
	if !ok {
		return nil, missing("there is no such button: %s", q.buttons(user, peer))
	}
	p, err := q.world.Press(user, peer, cmid, b)
	if err != nil {
		return nil, err
	}
	if p.EventID == "" || in.Wait == 0 {
		return pressOf(p), nil
	}
	return q.awaitAnswer(p.EventID, in.Wait)
}

// awaitAnswer waits until a press is answered.
func (q *request) awaitAnswer(event string, seconds float64) (any, error) {
	var p fakevk.Press
	known := true
	answered, err := q.wait(seconds, 0, func() bool {
		p, known = q.world.Pressed(event)
		return p.Answered || !known
	})
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, missing("there is no press %q, or it ended long ago", clip(event))
	case !answered && seconds > 0:
		return nil, q.timeout(seconds, "the press %s of %q has no answer", event, label(p.Button))
	}
	return pressOf(p), nil
}

func (q *request) button(user, peer, cmid int64, is func(fakevk.Button) bool) (b fakevk.Button, at int64, ok bool) {
	ms := q.world.Messages(user, peer)
	for i := len(ms) - 1; i >= 0; i-- {
		if ms[i].Deleted || ms[i].FromID > 0 || cmid != 0 && ms[i].CMID != cmid {
			continue
		}
		for _, b := range ms[i].Buttons() {
			if is(b) {
				return b, ms[i].CMID, true
			}
		}
	}
	if k := q.world.Keyboard(user, peer); k != nil && cmid <= 0 {
		for _, row := range k.Buttons {
			for _, b := range row {
				if is(b) {
					return b, 0, true
				}
			}
		}
	}
	return b, 0, false
}

// buttons lists a few of the existing buttons.
func (q *request) buttons(user, peer int64) string {
	var labels []string
	q.button(user, peer, 0, func(b fakevk.Button) bool {
		labels = append(labels, label(b))
		return len(labels) >= 20
	})
	if len(labels) == 0 {
		return "there are no buttons"
	}
	return fmt.Sprintf("there are %q", labels)
}

// sameJSON reports whether two JSON texts have the same value.
func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	return string(encode(x)) == string(encode(y))
}

type editing struct {
	atMessage
	Text string `json:"text"`
}

type reacting struct {
	atMessage
	Reaction int `json:"reaction"` // 0 removes it
}

type typing struct {
	inPeer
	State string `json:"state,omitempty"` // typing or audiomessage; the default is typing
}

type member struct {
	User    who    `json:"user"`
	GroupID int64  `json:"group_id,omitempty"`
	Key     string `json:"key,omitempty"`
}

func (m member) find(q *request) (user, group int64, err error) {
	if user, err = q.person(m.User); err != nil {
		return 0, 0, err
	}
	group, err = q.community(m.GroupID)
	return user, group, err
}

type inviting struct {
	inPeer
	Who who `json:"who"` // a user, or minus the id of a community
}

// other returns the id to invite or remove.
func (in inviting) other(q *request) (int64, error) {
	if in.Who.id < 0 {
		id, err := q.community(-in.Who.id)
		return -id, err
	}
	return q.person(in.Who)
}

type renaming struct {
	inPeer
	Title string `json:"title"`
}

// A chatChange grants or revokes a right in a chat, as its administrator.
type chatChange struct {
	Peer         who   `json:"peer"`
	MentionsOnly *bool `json:"mentions_only,omitempty"`
	Member       who   `json:"member,omitzero"` // a user, or minus the id of a community
	Admin        *bool `json:"admin,omitempty"`
}

func (q *request) changeChat(in chatChange) (any, error) {
	peer, err := q.peer(in.Peer)
	if err != nil {
		return nil, err
	}
	if peer < 0 {
		return nil, bad("peer is not a chat")
	}
	if in.Admin != nil {
		id, err := (inviting{Who: in.Member}).other(q)
		if err != nil {
			return nil, err
		}
		q.world.SetAdmin(peer, id, *in.Admin)
	}
	if in.MentionsOnly != nil {
		q.world.SetMentionsOnly(peer, *in.MentionsOnly)
	}
	return done, nil
}

type posting struct {
	User    who    `json:"user"`
	GroupID int64  `json:"group_id,omitempty"`
	Text    string `json:"text,omitempty"`
	Post    int64  `json:"post,omitempty"`     // the post to comment on or like
	ReplyTo int64  `json:"reply_to,omitempty"` // a comment
}

type numbered struct {
	ID int64 `json:"id"`
}

func (p posting) find(q *request) (user, owner int64, err error) {
	user, group, err := member{User: p.User, GroupID: p.GroupID}.find(q)
	return user, -group, err
}

type emitting struct {
	GroupID int64           `json:"group_id,omitempty"`
	Type    string          `json:"type"`
	Object  json.RawMessage `json:"object"`
}

func (q *request) emit(in emitting) (any, error) {
	group, err := q.community(in.GroupID)
	if err != nil {
		return nil, err
	}
	if in.Type == "" {
		return nil, bad("type is missing: the kind of the event")
	}
	if len(in.Object) == 0 {
		in.Object = json.RawMessage("{}")
	}
	return map[string]string{"event_id": q.world.Emit(group, in.Type, in.Object)}, nil
}
