package fakevk

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A Message is one message as one side sees it. It is a snapshot: an edit makes
// a new one. The values it points to are shared and must not be modified.
type Message struct {
	ID      int64 // account-wide; bots see 0 in chats
	CMID    int64 // conversation message id, counted from 1 in each dialog
	PeerID  int64 // the dialog, as the reader knows it
	FromID  int64 // the author; negative for a community
	Out     bool  // reports whether the reader wrote it
	Date    time.Time
	Edited  time.Time // zero if never edited
	Version int64     // the version of its newest change
	Edition int64     // the version of its newest edit; zero if never edited

	Text       string
	Payload    string // JSON of the pressed button, or the bot's own
	RandomID   int32  // as sent; bots see only their own
	FormatData json.RawMessage

	Keyboard    *Keyboard // also the one that it put under the input field
	Template    *Template
	Attachments []json.RawMessage // objects {"type":"photo","photo":{…}}
	Reply       *Message
	Forward     []*Message
	Geo         *Geo
	Action      *Action // of a service message
	Ref         string
	RefSource   string
	Silent      bool
	AdminID     int64 // the admin who wrote as the community
	Reactions   []Reaction

	Deleted bool // for everybody

	sticker bool
	hidden  []int64 // ids that deleted it for themselves
	starred []int64 // ids that marked it as important
}

// A Geo is a place attached to a message.
type Geo struct {
	Lat, Long float64
	Country   string
	City      string
	Title     string
}

// An Action is the action that a service message reports.
type Action struct {
	Type     string          `json:"type"`
	MemberID int64           `json:"member_id,omitempty"`
	Text     string          `json:"text,omitempty"`
	OldText  string          `json:"old_text,omitempty"`
	Email    string          `json:"email,omitempty"`
	CMID     int64           `json:"conversation_message_id,omitempty"`
	Message  string          `json:"message,omitempty"`
	Style    string          `json:"style,omitempty"`
	Photo    json.RawMessage `json:"photo,omitempty"`
}

// Button returns the message's button with a label.
func (m *Message) Button(label string) (Button, bool) {
	return find(m.Buttons(), label)
}

// Buttons returns the message's buttons from left to right and from top to
// bottom: those of its inline keyboard, then those of its carousel. A keyboard
// under the input field does not belong to the message: see [World.Keyboard].
func (m *Message) Buttons() []Button {
	var list []Button
	if m.Keyboard != nil && m.Keyboard.Inline {
		list = m.Keyboard.list()
	}
	if m.Template != nil {
		for _, e := range m.Template.Elements {
			list = append(list, e.Buttons...)
		}
	}
	return list
}

func (m *Message) hiddenFrom(viewer int64) bool { return slices.Contains(m.hidden, viewer) }

// seenBy returns the message as viewer sees it in the dialog that it knows as
// peer.
func (m *Message) seenBy(viewer, peer int64) Message {
	c := *m
	c.PeerID, c.Out, c.hidden, c.starred = peer, m.FromID == viewer, nil, nil
	return c
}

// wireMessage is a message in VK's JSON, with VK's order of keys.
type wireMessage struct {
	Date        int64             `json:"date"`
	FromID      int64             `json:"from_id"`
	ID          int64             `json:"id"`
	Version     int64             `json:"version"`
	Out         int               `json:"out"`
	Forward     []foreignMessage  `json:"fwd_messages"`
	Important   bool              `json:"important"`
	IsHidden    bool              `json:"is_hidden"`
	Attachments []json.RawMessage `json:"attachments"`
	CMID        int64             `json:"conversation_message_id"`
	Text        string            `json:"text"`
	PeerID      int64             `json:"peer_id"`
	RandomID    int32             `json:"random_id"`
	Payload     string            `json:"payload,omitempty"`
	UpdateTime  int64             `json:"update_time,omitempty"`
	Reply       *foreignMessage   `json:"reply_message,omitempty"`
	Geo         *wireGeo          `json:"geo,omitempty"`
	Action      *Action           `json:"action,omitempty"`
	Keyboard    *Keyboard         `json:"keyboard,omitempty"`
	Template    *wireTemplate     `json:"template,omitempty"`
	FormatData  json.RawMessage   `json:"format_data,omitempty"`
	Ref         string            `json:"ref,omitempty"`
	RefSource   string            `json:"ref_source,omitempty"`
	IsSilent    bool              `json:"is_silent,omitempty"`
	IsCropped   bool              `json:"is_cropped,omitempty"`
	AdminID     int64             `json:"admin_author_id,omitempty"`

	Reactions    []reactionCounter `json:"reactions,omitempty"`
	ReactionID   int               `json:"reaction_id,omitempty"`
	LastReaction int               `json:"last_reaction_id,omitempty"`
	IsPinned     bool              `json:"is_pinned,omitempty"`
	PinnedAt     int64             `json:"pinned_at,omitempty"`
}

// foreignMessage is a message inside another: a forwarded one or the one
// replied to.
type foreignMessage struct {
	Date        int64             `json:"date"`
	FromID      int64             `json:"from_id"`
	Text        string            `json:"text"`
	Attachments []json.RawMessage `json:"attachments"`
	CMID        int64             `json:"conversation_message_id"`
	ID          int64             `json:"id"`
	PeerID      int64             `json:"peer_id"`
	UpdateTime  int64             `json:"update_time,omitempty"`
	Geo         *wireGeo          `json:"geo,omitempty"`
	Payload     string            `json:"payload,omitempty"`
	Forward     []foreignMessage  `json:"fwd_messages,omitempty"`
	Reply       *foreignMessage   `json:"reply_message,omitempty"`
}

type wireGeo struct {
	Type        string `json:"type"`
	Coordinates struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
	} `json:"coordinates"`
	Place *wirePlace `json:"place,omitempty"`
}

type wirePlace struct {
	Country string `json:"country,omitempty"`
	City    string `json:"city,omitempty"`
	Title   string `json:"title,omitempty"`
}

// wire returns the message as viewer gets it from the API.
func (w *World) wire(d *dialog, m *Message, viewer int64) wireMessage {
	out := wireMessage{
		Date:        w.unix(m.Date),
		FromID:      m.FromID,
		ID:          m.ID,
		Version:     m.Version,
		Forward:     w.foreignList(m.Forward),
		Attachments: notNull(m.Attachments),
		CMID:        m.CMID,
		Text:        w.text(m.Text),
		PeerID:      d.peerOf(viewer),
		Payload:     m.Payload,
		UpdateTime:  w.unix(m.Edited),
		Geo:         m.Geo.wire(),
		Action:      m.Action,
		Template:    w.wireTemplate(m.Template),
		FormatData:  m.FormatData,
		Ref:         m.Ref,
		RefSource:   m.RefSource,
		IsSilent:    m.Silent,
	}
	if m.Reply != nil {
		f := w.foreign(m.Reply)
		out.Reply = &f
	}
	if m.Keyboard != nil && m.Keyboard.Inline {
		out.Keyboard = m.Keyboard
	}
	if m.FromID == viewer {
		out.Out, out.RandomID, out.AdminID = 1, m.RandomID, m.AdminID
	}
	if d.chat != nil && viewer < 0 {
		out.ID = 0
	}
	out.Important = slices.Contains(m.starred, viewer)
	out.react(m, viewer)
	if d.chat != nil && d.chat.pinned == m.CMID {
		out.IsPinned, out.PinnedAt = true, d.chat.pinnedAt.Unix()
	}
	return out
}

// foreign returns the message as it appears inside another. Its PeerID and ID
// were set when it was quoted.
func (w *World) foreign(m *Message) foreignMessage {
	f := foreignMessage{
		Date:        w.unix(m.Date),
		FromID:      m.FromID,
		Text:        w.text(m.Text),
		Attachments: notNull(m.Attachments),
		CMID:        m.CMID,
		ID:          m.ID,
		PeerID:      m.PeerID,
		UpdateTime:  w.unix(m.Edited),
		Geo:         m.Geo.wire(),
		Payload:     m.Payload,
		Forward:     w.foreignList(m.Forward),
	}
	if m.Reply != nil {
		r := w.foreign(m.Reply)
		f.Reply = &r
	}
	return f
}

func (w *World) foreignList(ms []*Message) []foreignMessage {
	l := make([]foreignMessage, 0, len(ms))
	for _, m := range ms {
		l = append(l, w.foreign(m))
	}
	return l
}

func (g *Geo) wire() *wireGeo {
	if g == nil {
		return nil
	}
	out := &wireGeo{Type: "point"}
	out.Coordinates.Latitude, out.Coordinates.Longitude = g.Lat, g.Long
	if g.Country != "" || g.City != "" || g.Title != "" {
		out.Place = &wirePlace{g.Country, g.City, g.Title}
	}
	return out
}

// text returns a message's text as the API returns it.
func (w *World) text(s string) string {
	if !w.cfg.EscapeText {
		return s
	}
	return escaper.Replace(s)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// notNull returns s, or an empty slice if s is nil, so that its JSON is not
// null.
func notNull[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
