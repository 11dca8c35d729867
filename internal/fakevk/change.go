package fakevk

import "time"

// The kinds of changes.
const (
	ChangeMessage = "message" // a new message
	ChangeEdit    = "edit"    // a message was edited, deleted or reacted to
	ChangeTyping  = "typing"
	ChangeRead    = "read"
	ChangePress   = "press"  // a press of a callback button
	ChangeAnswer  = "answer" // a response to a press
	ChangeCall    = "call"   // an API call
	ChangeEvent   = "event"  // an event for a community
	ChangeUser    = "user"   // a new user
	ChangeGroup   = "group"  // a new community
	ChangeChat    = "chat"   // a new chat
)

// A Change is something that happened in the world, for observers of the whole
// world. The kind determines which fields are set. The values they point to
// must not be modified.
type Change struct {
	Kind string
	Time time.Time

	// User and Peer name the conversation of a message, edit, typing, read,
	// press or answer. User is zero in a chat. Peer is the chat, or minus the
	// community.
	User, Peer int64

	Message *Message // of message and edit, from no particular member's view
	Who     int64    // the member that types or reads
	State   string   // the activity of Who, such as typing
	CMID    int64    // of a read, the last message read; of press and answer, the newest message then
	Press   *Press   // of press and answer
	Call    *Call
	Event   *Event
	ID      int64 // of the new user, community or chat
}

// OnChange registers a function that is called with each change, in order. It
// runs with the world locked: it must not block or call the world.
func (w *World) OnChange(f func(Change)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.followers = append(w.followers, f)
}

func (w *World) tell(c Change) {
	if len(w.followers) == 0 {
		return
	}
	c.Time = now()
	for _, f := range w.followers {
		f(c)
	}
}

// tellOf is like tell, for a change in a dialog.
func (w *World) tellOf(d *dialog, c Change) {
	switch {
	case d.chat != nil:
		c.Peer = d.chat.peer
	case d.sides.a < 0:
		c.User, c.Peer = d.sides.b, d.sides.a
	default:
		c.User, c.Peer = d.sides.a, d.sides.b
	}
	w.tell(c)
}

// tellOfPress is like tell, for a press or the response to one.
func (w *World) tellOfPress(kind string, p *Press) {
	c := *p
	change := Change{Kind: kind, User: p.UserID, Peer: -p.GroupID, Press: &c}
	if p.PeerID > chatBase {
		change.User, change.Peer = 0, p.PeerID
	}
	if d := w.dialogOf(-p.GroupID, p.PeerID); d != nil {
		change.CMID = d.last
	}
	w.tell(change)
}
