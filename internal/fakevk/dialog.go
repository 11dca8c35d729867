package fakevk

import (
	"time"
)

// A pair names a personal dialog by its two sides, the smaller id first.
type pair struct{ a, b int64 }

// A dialog holds the messages of a chat or of a personal dialog, in the order
// of their CMIDs, which count from one without gaps.
type dialog struct {
	chat     *chat // nil in a personal dialog
	sides    pair  // zero in a chat
	last     int64 // CMID of the newest message
	version  int64 // of its newest change
	messages []*Message
	replaced []*Message // the versions that edits replaced, in the order of the edits

	sent     map[sendKey]*Message // by random_id
	keyboard *Keyboard            // the keyboard under the input field
	read     map[int64]int64      // CMID up to which each side has read
	typing   map[int64]typing
	marks    map[int64]marks // each side's own marks on messages
}

// A place locates a message by its account-wide id.
type place struct {
	dialog *dialog
	cmid   int64
}

// A sendKey is the key by which VK recognizes a duplicate send.
type sendKey struct {
	sender   int64
	randomID int32
}

type typing struct {
	state string
	until time.Time
}

func newDialog() *dialog {
	return &dialog{
		sent:   make(map[sendKey]*Message),
		read:   make(map[int64]int64),
		typing: make(map[int64]typing),
		marks:  make(map[int64]marks),
	}
}

// between returns the personal dialog of two sides and opens it if necessary.
func (w *World) between(x, y int64) *dialog {
	p := pair{min(x, y), max(x, y)}
	d := w.dialogs[p]
	if d == nil {
		d = newDialog()
		d.sides = p
		w.dialogs[p] = d
	}
	return d
}

// dialogOf returns the dialog that viewer knows as peer, or nil.
func (w *World) dialogOf(viewer, peer int64) *dialog {
	if c := w.chats[peer]; c != nil {
		if c.members[viewer] == nil {
			return nil
		}
		return c.dialog
	}
	return w.dialogs[pair{min(viewer, peer), max(viewer, peer)}]
}

// peerOf returns the peer id by which viewer knows the dialog.
func (d *dialog) peerOf(viewer int64) int64 {
	switch {
	case d.chat != nil:
		return d.chat.peer
	case d.sides.a == viewer:
		return d.sides.b
	default:
		return d.sides.a
	}
}

// find returns the message with a CMID, or nil if there is none or it was
// dropped. The CMIDs have no gaps, so the position is computed.
func (d *dialog) find(cmid int64) *Message {
	i := d.index(cmid)
	if i < 0 {
		return nil
	}
	return d.messages[i]
}

func (d *dialog) index(cmid int64) int {
	if len(d.messages) == 0 {
		return -1
	}
	i := cmid - d.messages[0].CMID
	if i < 0 || i >= int64(len(d.messages)) {
		return -1
	}
	return int(i)
}

// visible reports whether viewer may see a message of the dialog: it was sent
// after viewer joined and was not deleted for viewer.
func (d *dialog) visible(viewer int64, m *Message) bool {
	if m.Deleted || m.hiddenFrom(viewer) || m.CMID <= d.marks[viewer].cleared {
		return false
	}
	if d.chat == nil {
		return true
	}
	mb := d.chat.members[viewer]
	return mb != nil && m.CMID > mb.since
}

// history returns the messages that viewer sees in the dialog, oldest first.
func (d *dialog) history(viewer int64) []*Message {
	var list []*Message
	for _, m := range d.messages {
		if d.visible(viewer, m) {
			list = append(list, m)
		}
	}
	return list
}

// duplicate returns the message sent with the same random_id within the last
// hour and among the last hundred messages of the dialog.
func (d *dialog) duplicate(k sendKey) *Message {
	m := d.sent[k]
	if m == nil || k.randomID == 0 || now().Sub(m.Date) >= dedupeWindow || d.last-m.CMID >= dedupeSpan {
		return nil
	}
	return m
}

// remember records a random_id. It drops expired records only when their map
// has grown to twice the number that may matter, so the work stays small.
func (d *dialog) remember(k sendKey, m *Message) {
	if k.randomID == 0 {
		return
	}
	d.sent[k] = m
	if len(d.sent) > 2*dedupeSpan {
		for k, m := range d.sent {
			if d.last-m.CMID >= dedupeSpan {
				delete(d.sent, k)
			}
		}
	}
}

// post appends a message, fills in the fields that the world assigns, and
// notifies every community that takes part.
func (w *World) post(d *dialog, m *Message) *Message {
	w.lastMessage++
	w.lastVersion++
	d.last++
	m.ID, m.CMID, m.Version, m.Date = w.lastMessage, d.last, w.lastVersion, now()
	d.version = m.Version
	d.messages = append(d.messages, m)
	w.byID[m.ID] = place{d, m.CMID}
	if len(d.messages) > w.cfg.HistoryLimit {
		delete(w.byID, d.messages[0].ID)
		d.messages[0] = nil
		d.messages = d.messages[1:]
	}
	d.show(m.Keyboard)
	delete(d.typing, m.FromID)
	d.answeredBy(m.FromID)
	d.read[m.FromID] = m.CMID
	w.tellOf(d, Change{Kind: ChangeMessage, Message: m})
	w.announce(d, m)
	w.touch()
	return m
}

// show puts a message's keyboard under the input field. A keyboard without
// buttons removes the present one.
func (d *dialog) show(k *Keyboard) {
	switch {
	case k == nil || k.Inline:
	case len(k.Buttons) == 0:
		d.keyboard = nil
	default:
		d.keyboard = k
	}
}

// replace puts an edited copy in the place of a message. Stored messages are
// never modified, because a reader may hold one.
func (w *World) replace(d *dialog, m *Message) {
	i := d.index(m.CMID)
	if i < 0 {
		return
	}
	w.lastVersion++
	m.Version = w.lastVersion
	d.version = m.Version
	d.messages[i] = m
	w.tellOf(d, Change{Kind: ChangeEdit, Message: m})
	w.touch()
}

// maxDelivered limits the attachments, and the forwarded messages, in an event;
// a message with more is cropped. VK limits the size instead, and that limit is
// unknown.
const maxDelivered = 5

// cropped returns the message as an event carries it. A long message is reduced
// to its first attachment and its first forwarded message.
func (m wireMessage) cropped() wireMessage {
	if len(m.Attachments) > maxDelivered || len(m.Forward) > maxDelivered {
		m.IsCropped = true
		m.Attachments = m.Attachments[:min(len(m.Attachments), 1)]
		m.Forward = m.Forward[:min(len(m.Forward), 1)]
	}
	return m
}

// announce emits message_new to the communities of the dialog and message_reply
// to the community that wrote.
func (w *World) announce(d *dialog, m *Message) {
	for _, g := range w.audience(d) {
		id := -g.spec.ID
		switch {
		case m.FromID == id:
			w.emit(g, "message_reply", w.wire(d, m, id))
		case d.chat == nil || d.chat.shows(id, g.spec.ScreenName, m):
			w.emit(g, "message_new", messageNew{w.wire(d, m, id).cropped(), w.clientOf(m.FromID)})
		}
	}
}
