package fakesim

import (
	"encoding/json"

	"github.com/vkrouter/vk/internal/fakevk"
)

// The views of the world in responses and in the stream.

type messageView struct {
	CMID        int64             `json:"cmid"`
	FromID      int64             `json:"from_id"`
	Date        int64             `json:"date"`
	Text        string            `json:"text"`
	Payload     string            `json:"payload,omitempty"`
	Version     int64             `json:"version"`
	Edited      bool              `json:"edited,omitempty"`
	Deleted     bool              `json:"deleted,omitempty"`
	Reply       *messageView      `json:"reply,omitempty"`
	Forward     []messageView     `json:"forward,omitempty"`
	Attachments []json.RawMessage `json:"attachments,omitempty"`
	Buttons     []string          `json:"buttons,omitempty"` // the labels of its buttons
	Keyboard    *fakevk.Keyboard  `json:"keyboard,omitempty"`
	Carousel    []cardView        `json:"carousel,omitempty"`
	Reactions   []reactionView    `json:"reactions,omitempty"`
	Action      *fakevk.Action    `json:"action,omitempty"`
	Geo         *geoView          `json:"geo,omitempty"`
	Ref         string            `json:"ref,omitempty"`
	RefSource   string            `json:"ref_source,omitempty"`
	FormatData  json.RawMessage   `json:"format_data,omitempty"`
	Silent      bool              `json:"silent,omitempty"`
}

type cardView struct {
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	PhotoID     string                 `json:"photo_id,omitempty"`
	Action      *fakevk.TemplateAction `json:"action,omitempty"`
	Buttons     []fakevk.Button        `json:"buttons,omitempty"`
}

type reactionView struct {
	FromID int64 `json:"from_id"`
	ID     int   `json:"reaction_id"`
}

type geoView struct {
	Lat  float64 `json:"lat"`
	Long float64 `json:"long"`
}

func viewOf(m fakevk.Message) messageView {
	v := messageView{
		CMID: m.CMID, FromID: m.FromID, Date: m.Date.Unix(), Text: m.Text, Payload: m.Payload, Version: m.Version,
		Edited: !m.Edited.IsZero(), Deleted: m.Deleted, Attachments: m.Attachments, Keyboard: m.Keyboard, Action: m.Action,
		Ref: m.Ref, RefSource: m.RefSource, FormatData: m.FormatData, Silent: m.Silent,
	}
	if m.Reply != nil {
		r := viewOf(*m.Reply)
		v.Reply = &r
	}
	for _, f := range m.Forward {
		v.Forward = append(v.Forward, viewOf(*f))
	}
	for _, b := range m.Buttons() {
		v.Buttons = append(v.Buttons, label(b))
	}
	if m.Template != nil {
		for _, e := range m.Template.Elements {
			v.Carousel = append(v.Carousel, cardView{e.Title, e.Description, e.PhotoID, e.Action, e.Buttons})
		}
	}
	for _, r := range m.Reactions {
		v.Reactions = append(v.Reactions, reactionView{r.FromID, r.ID})
	}
	if m.Geo != nil {
		v.Geo = &geoView{m.Geo.Lat, m.Geo.Long}
	}
	return v
}

// label returns a button's label; for some kinds it is VK's own text.
func label(b fakevk.Button) string {
	if b.Action.Label != "" {
		return b.Action.Label
	}
	return b.Action.Type
}

type pressView struct {
	EventID  string      `json:"event_id,omitempty"` // of a callback button
	UserID   int64       `json:"user_id"`
	CMID     int64       `json:"cmid,omitempty"` // of the message with the button
	Type     string      `json:"type"`
	Label    string      `json:"label"`
	Payload  string      `json:"payload,omitempty"`
	Answered bool        `json:"answered"`
	Answer   *answerView `json:"answer,omitempty"`
	// Said is the number of the message that the press of a text button sent.
	Said int64 `json:"said,omitempty"`
}

// An answerView is the answer to a press; an empty type is a blank answer.
type answerView struct {
	Type  string `json:"type"`
	Text  string `json:"text,omitempty"`
	Link  string `json:"link,omitempty"`
	AppID int64  `json:"app_id,omitempty"`
}

func pressOf(p fakevk.Press) pressView {
	v := pressView{
		EventID: p.EventID, UserID: p.UserID, CMID: p.CMID, Type: p.Button.Action.Type, Label: label(p.Button),
		Payload: p.Button.Action.Payload, Answered: p.Answered, Said: p.Message.CMID,
	}
	if p.Answered {
		v.Answer = &answerView{p.Answer.Type, p.Answer.Text, p.Answer.Link, p.Answer.AppID}
	}
	return v
}

type callView struct {
	Method   string            `json:"method"`
	Params   map[string]string `json:"params"`
	OwnerID  int64             `json:"owner_id"`         // of the token: a user, or minus a community
	Nested   bool              `json:"nested,omitempty"` // made by an execute
	Time     float64           `json:"time"`             // in Unix seconds
	Error    *errorView        `json:"error,omitempty"`  // set if the call was refused
	Response json.RawMessage   `json:"response,omitempty"`
	Cut      bool              `json:"response_cut,omitempty"` // it is too long for the stream
}

type errorView struct {
	Code    int    `json:"error_code"`
	Subcode int    `json:"error_subcode,omitempty"`
	Msg     string `json:"error_msg"`
}

func callOf(c fakevk.Call) callView {
	v := callView{
		Method: c.Method, Params: c.Params, OwnerID: c.Owner, Nested: c.Nested,
		Time: float64(c.Time.UnixMilli()) / 1000, Response: c.Response,
	}
	if c.Error != nil {
		v.Error = &errorView{c.Error.Code, c.Error.Subcode, c.Error.Msg}
	}
	return v
}
