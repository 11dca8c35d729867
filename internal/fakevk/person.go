package fakevk

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Draft is a message that a user is about to send. It needs visible content:
// a text, an attachment, a sticker, a place, a quote or, for a service message,
// an action.
type Draft struct {
	Text        string
	Payload     string            // JSON, like that of a pressed button
	Attachments []json.RawMessage // objects {"type":"photo","photo":{…}}
	ReplyTo     int64             // CMID in the same dialog
	Forward     []Ref
	Geo         *Geo
	Ref         string // of the vk.me link that opened the dialog
	RefSource   string
	Action      *Action // makes a service message
	StickerID   int64
	FormatData  json.RawMessage
}

// A Ref names a message by its CMID and its dialog, which is the peer id as the
// naming user knows it.
type Ref struct {
	PeerID int64
	CMID   int64
}

// Errors of the users' actions. Unlike a bot, a user gets no error codes: a
// client would not even offer the action.
var (
	ErrNoDialog  = errors.New("fakevk: no such dialog")
	ErrForbidden = errors.New("fakevk: not allowed")
	ErrNoMessage = errors.New("fakevk: no such message")
	ErrNoButton  = errors.New("fakevk: no such button")
)

// Send sends a message as a user. peer is the dialog as the user knows it:
// minus the community, or a chat. Writing to a community allows it to reply,
// unless the user's DenyMessages is set. The communities of the dialog get
// message_new.
func (w *World) Send(from, peer int64, d Draft) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.send(from, peer, d)
}

func (w *World) send(from, peer int64, draft Draft) (Message, error) {
	u := w.users[from]
	if u == nil {
		return Message{}, fmt.Errorf("%w: no user %d", ErrForbidden, from)
	}
	if u.Deactivated != "" {
		return Message{}, fmt.Errorf("%w: the page of %d is %s", ErrForbidden, from, u.Deactivated)
	}
	var d *dialog
	switch {
	case peer < 0:
		g := w.groups[-peer]
		if g == nil {
			return Message{}, fmt.Errorf("%w: no community %d", ErrNoDialog, -peer)
		}
		if !g.features.messages {
			return Message{}, fmt.Errorf("%w: community %d takes no messages", ErrForbidden, -peer)
		}
		if w.isBanned(g, from) {
			return Message{}, fmt.Errorf("%w: %d is on the blacklist of %d", ErrForbidden, from, -peer)
		}
		g.allowed[from] = !u.DenyMessages
		d = w.between(from, peer)
	case peer > chatBase:
		if d = w.dialogOf(from, peer); d == nil {
			return Message{}, fmt.Errorf("%w: %d is not in chat %d", ErrNoDialog, from, peer)
		}
		if err := d.chat.silences(from); err != nil {
			return Message{}, err
		}
	default:
		return Message{}, fmt.Errorf("%w: %d", ErrNoDialog, peer)
	}
	m := &Message{
		FromID:      from,
		Text:        draft.Text,
		Payload:     draft.Payload,
		Attachments: draft.Attachments,
		Geo:         draft.Geo,
		Ref:         draft.Ref,
		RefSource:   draft.RefSource,
		Action:      draft.Action,
		FormatData:  draft.FormatData,
	}
	if d.chat != nil {
		m.Text = w.expandMention(m.Text)
	}
	if draft.StickerID != 0 {
		m.Text, m.Attachments, m.sticker = "", []json.RawMessage{stickerObject(draft.StickerID)}, true
	}
	if draft.ReplyTo != 0 {
		if m.Reply = w.quote(from, Ref{peer, draft.ReplyTo}); m.Reply == nil {
			return Message{}, fmt.Errorf("%w: %d", ErrNoMessage, draft.ReplyTo)
		}
	}
	for _, r := range draft.Forward {
		q := w.quote(from, r)
		if q == nil {
			return Message{}, fmt.Errorf("%w: %d in %d", ErrNoMessage, r.CMID, r.PeerID)
		}
		m.Forward = append(m.Forward, q)
	}
	if m.Action == nil && m.isEmpty() {
		return Message{}, fmt.Errorf("%w: the message is empty", ErrForbidden)
	}
	return w.post(d, m).seenBy(from, peer), nil
}

// quote returns a message in the form in which another message contains it, or
// nil if viewer does not see it.
func (w *World) quote(viewer int64, r Ref) *Message {
	d := w.dialogOf(viewer, r.PeerID)
	if d == nil {
		return nil
	}
	m := d.find(r.CMID)
	if m == nil || !d.visible(viewer, m) {
		return nil
	}
	q := m.seenBy(viewer, r.PeerID)
	if d.chat != nil {
		q.ID = 0
	}
	return &q
}

// expandMention rewrites a mention at the beginning of a text to the form that
// VK stores: "@club1 hi" and "@name hi" become "[club1|@name] hi".
func (w *World) expandMention(text string) string {
	if !strings.HasPrefix(text, "@") && !strings.HasPrefix(text, "*") {
		return text
	}
	name, rest := text, ""
	if i := strings.IndexAny(text, " ,\n"); i >= 0 {
		name, rest = text[:i], text[i:]
	}
	owner, ok := w.resolve(name[1:])
	if !ok {
		return text
	}
	kind := "id"
	if owner < 0 {
		kind, owner = "club", -owner
	}
	return fmt.Sprintf("[%s%d|%s]%s", kind, owner, name, rest)
}

// shows reports whether a community in the chat gets a message.
func (c *chat) shows(viewer int64, screenName string, m *Message) bool {
	if !c.mentionsOnly || m.Action != nil || strings.HasPrefix(m.Text, "/") ||
		m.Reply != nil && m.Reply.FromID == viewer {
		return true
	}
	for _, kind := range []string{"club", "public", "event"} {
		if strings.Contains(m.Text, fmt.Sprintf("[%s%d|", kind, -viewer)) {
			return true
		}
	}
	return strings.Contains(m.Text, "@"+screenName)
}

// Edit changes the text of a user's own message. Communities get no event: VK
// sends message_edit only for their own messages.
func (w *World) Edit(user, peer, cmid int64, text string) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, m := w.lookup(user, peer, cmid)
	if m == nil || m.FromID != user {
		return Message{}, fmt.Errorf("%w: %d of %d in %d", ErrNoMessage, cmid, user, peer)
	}
	c := *m
	c.Text, c.Edited = text, now()
	w.edit(d, &c)
	return c.seenBy(user, peer), nil
}

// Delete deletes a user's own message for everybody.
func (w *World) Delete(user, peer, cmid int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, m := w.lookup(user, peer, cmid)
	if m == nil || m.FromID != user {
		return fmt.Errorf("%w: %d of %d in %d", ErrNoMessage, cmid, user, peer)
	}
	c := *m
	c.Deleted = true
	w.replace(d, &c)
	return nil
}

// lookup returns a message that viewer sees.
func (w *World) lookup(viewer, peer, cmid int64) (*dialog, *Message) {
	d := w.dialogOf(viewer, peer)
	if d == nil {
		return nil, nil
	}
	m := d.find(cmid)
	if m == nil || !d.visible(viewer, m) {
		return d, nil
	}
	return d, m
}

// Messages returns a dialog as one side sees it, oldest first. The viewer is a
// user or, if negative, a community; peer is the dialog as the viewer knows it.
// Messages deleted for everybody are included, marked Deleted, so that a test
// can distinguish a deleted message from one that never existed.
func (w *World) Messages(viewer, peer int64) []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dialogOf(viewer, peer)
	if d == nil {
		return nil
	}
	var out []Message
	for _, m := range d.messages {
		if (m.Deleted || d.visible(viewer, m)) && !m.hiddenFrom(viewer) && m.CMID > d.marks[viewer].cleared {
			out = append(out, m.seenBy(viewer, peer))
		}
	}
	return out
}

// Message returns one message as one side sees it.
func (w *World) Message(viewer, peer, cmid int64) (Message, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, m := w.lookup(viewer, peer, cmid)
	if m == nil {
		return Message{}, false
	}
	return m.seenBy(viewer, peer), true
}

// Keyboard returns the keyboard under a user's input field in a dialog, or nil.
func (w *World) Keyboard(user, peer int64) *Keyboard {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.dialogOf(user, peer); d != nil {
		return d.keyboard
	}
	return nil
}

// Type shows that a user is typing or, with the state audiomessage, recording.
// It emits message_typing_state in personal dialogs, if the community has that
// event switched on.
func (w *World) Type(user, peer int64, state string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dialogOf(user, peer)
	if peer < 0 && w.groups[-peer] != nil {
		d = w.between(user, peer)
	}
	if d == nil {
		return ErrNoDialog
	}
	if d.chat != nil {
		if err := d.chat.silences(user); err != nil {
			return err
		}
	}
	d.typing[user] = typing{state, now().Add(typingShown)}
	w.tellOf(d, Change{Kind: ChangeTyping, Who: user, State: state})
	if d.chat == nil && peer < 0 {
		w.emit(w.groups[-peer], "message_typing_state", struct {
			State  string `json:"state"`
			FromID int64  `json:"from_id"`
			ToID   int64  `json:"to_id"`
		}{state, user, peer})
	}
	w.touch()
	return nil
}

// Typing returns the members besides the viewer that are typing in a dialog
// now, each with its state: typing, audiomessage, photo, video or file. A state
// is shown for ten seconds or until the message comes.
func (w *World) Typing(viewer, peer int64) map[int64]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dialogOf(viewer, peer)
	if d == nil {
		return nil
	}
	out := make(map[int64]string)
	for _, who := range slices.Collect(maps.Keys(d.typing)) {
		if t := d.typing[who]; who != viewer && now().Before(t.until) {
			out[who] = t.state
		}
	}
	return out
}

// Read marks a dialog as read by a user up to a message and emits message_read
// in personal dialogs.
func (w *World) Read(user, peer, cmid int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, m := w.lookup(user, peer, cmid)
	if m == nil {
		return fmt.Errorf("%w: %d in %d", ErrNoMessage, cmid, peer)
	}
	d.read[user] = max(d.read[user], cmid)
	w.tellOf(d, Change{Kind: ChangeRead, Who: user, CMID: d.read[user]})
	if d.chat == nil && peer < 0 {
		w.emit(w.groups[-peer], "message_read", struct {
			FromID int64 `json:"from_id"`
			PeerID int64 `json:"peer_id"`
			ReadID int64 `json:"read_message_id"`
			CMID   int64 `json:"conversation_message_id"`
		}{user, user, m.ID, cmid})
	}
	w.touch()
	return nil
}

// ReadUpTo returns the CMID up to which a side has read a dialog.
func (w *World) ReadUpTo(viewer, peer int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.dialogOf(viewer, peer); d != nil {
		return d.read[viewer]
	}
	return 0
}
