package fakevk

import "time"

// The kinds of changes.
const (
	ChangeMessage = "message" // somebody wrote
	ChangeEdit    = "edit"    // a message is another: edited, deleted, reacted to
	ChangeTyping  = "typing"
	ChangeRead    = "read"
	ChangePress   = "press"  // of a callback button
	ChangeAnswer  = "answer" // to one
	ChangeCall    = "call"   // of the API
	ChangeEvent   = "event"  // a community is told of something
	ChangeUser    = "user"   // a person is new
	ChangeGroup   = "group"  // a community is new
	ChangeChat    = "chat"   // a chat is new
)

// A Change is something that happened in the world, for those who follow all
// of it. Which fields are set depends on the kind; what they point to is not to
// be written to.
type Change struct {
	Kind string
	Time time.Time

	// The conversation, of message, edit, typing, read, press and answer: of a
	// person (zero in a chat) with Peer, which is the chat or minus the
	// community.
	User, Peer int64

	Message *Message // of message and edit, as nobody in particular sees it
	Who     int64    // who types or reads
	State   string   // what is typed
	CMID    int64    // up to which is read; of press and answer, of the newest message then
	Press   *Press   // of press and answer
	Call    *Call
	Event   *Event
	ID      int64 // of what is new
}

// OnChange registers a function that is told of each change, in order. It runs
// with the world locked: it must not wait, nor call the world.
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

// tellOf is tell for what happens in a dialog.
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

// tellOfPress is tell for a press and its answer.
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
