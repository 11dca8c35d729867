package fakevk

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	register("messages.getLongPollHistory", userOrGroup, scopeMessages, (*call).messagesGetLongPollHistory)
	register("messages.getLongPollServer", userOrGroup, scopeMessages, (*call).messagesGetLongPollServer)
}

// The User Long Poll delivers messages to the clients of users and of a
// community's inbox. It has two kinds of events here: the new message, 4, and
// the edited one, 5. It keeps no history of its own: every change of a message
// gives the message the next version of the world, and ts and pts are such
// versions. The changes since a version are found by searching the messages.

// inboxLimit limits the changes in one response.
const inboxLimit = 200

// Flags of a message in the User Long Poll.
const (
	flagUnread = 1
	flagOut    = 2
	flagChat   = 16
	flagMedia  = 512
)

func (w *World) inboxKey(owner int64) string { return w.hex(40, "inbox", owner) }

// messagesGetLongPollServer returns an address without a scheme, as clients
// expect, which add one. VK's documentation shows it with one.
func (c *call) messagesGetLongPollServer() (any, *apiError) {
	owner := c.actor()
	c.intIn("lp_version", 0, 0, 100)
	return c.inboxServer(owner, c.bool("need_pts")), nil
}

func (c *call) inboxServer(owner int64, pts bool) map[string]any {
	base := c.baseURL
	if _, host, ok := strings.Cut(base, "://"); ok && !c.w.cfg.LongPollScheme {
		base = host
	}
	out := map[string]any{
		"server": fmt.Sprintf("%s/im/%d", base, owner),
		"key":    c.w.inboxKey(owner),
		"ts":     c.w.lastVersion,
	}
	if pts {
		out["pts"] = c.w.lastVersion
	}
	return out
}

// changes returns the changed messages that viewer sees with a version after
// since, in the order of the changes, and the version up to which the list is
// complete.
func (w *World) changes(viewer, since int64, limit int) (found []located, upTo int64) {
	for _, d := range w.dialogsOf(viewer) {
		if d.version <= since {
			continue
		}
		for _, m := range d.history(viewer) {
			if m.Version > since {
				found = append(found, located{d, m})
			}
		}
	}
	slices.SortFunc(found, func(a, b located) int { return int(a.message.Version - b.message.Version) })
	if len(found) > limit {
		return found[:limit], found[limit-1].message.Version
	}
	return found, w.lastVersion
}

// The versions from which events have another form.
const (
	inboxWithCMID  = 10 // adds the CMID and the time of the edit at the end
	inboxCMIDFirst = 19 // puts the CMID in the place of the id, and uses codes from 10000 on
)

// inboxEvent returns one change in the form of a version of the User Long Poll:
// [4, id, flags, peer, …]. The history returns only those four elements, as VK
// does, because it returns the messages beside them.
func (w *World) inboxEvent(viewer int64, l located, version int, short bool) []any {
	m, peer := l.message, l.dialog.peerOf(viewer)
	code, flags := 4, 0
	if !m.Edited.IsZero() {
		code = 5
	}
	if m.FromID == viewer {
		flags |= flagOut
	}
	if m.CMID > l.dialog.read[viewer] {
		flags |= flagUnread
	}
	if l.dialog.chat != nil {
		flags |= flagChat
	}
	if len(m.Attachments) > 0 {
		flags |= flagMedia
	}
	event := []any{code, m.ID, flags, peer}
	if short {
		return event
	}
	if version >= inboxCMIDFirst {
		event = []any{10000 + code, m.CMID, flags, peer}
		if code == 4 {
			event = []any{10000 + code, m.CMID, flags, m.ID, peer} // the fourth is the minor sort id
		}
	}
	event = append(event, w.unix(m.Date), escaper.Replace(m.Text), inboxExtra(l), inboxAttached(m), m.RandomID)
	if version < inboxWithCMID {
		return event
	}
	edited := int64(0)
	if !m.Edited.IsZero() {
		edited = w.unix(m.Edited)
	}
	if version < inboxCMIDFirst {
		return append(event, m.CMID, edited)
	}
	return append(event, m.ID, edited)
}

// inboxExtra returns an event's named strings about a message.
func inboxExtra(l located) map[string]string {
	m, extra := l.message, map[string]string{}
	if l.dialog.chat != nil {
		extra["from"] = strconv.FormatInt(m.FromID, 10)
	} else {
		extra["title"] = " ... "
	}
	if m.Payload != "" {
		extra["payload"] = m.Payload
	}
	if a := m.Action; a != nil {
		extra["source_act"] = a.Type
		if a.MemberID != 0 {
			extra["source_mid"] = strconv.FormatInt(a.MemberID, 10)
		}
		if a.Text != "" {
			extra["source_text"] = a.Text
		}
	}
	return extra
}

// inboxAttached returns the named strings about attachments and quotes.
func inboxAttached(m *Message) map[string]string {
	attached := map[string]string{}
	for i, raw := range m.Attachments {
		key := fmt.Sprintf("attach%d", i+1)
		var fields map[string]json.RawMessage
		json.Unmarshal(raw, &fields)
		var kind string
		json.Unmarshal(fields["type"], &kind)
		var o struct {
			ID        int64 `json:"id"`
			OwnerID   int64 `json:"owner_id"`
			StickerID int64 `json:"sticker_id"`
			ProductID int64 `json:"product_id"`
		}
		json.Unmarshal(fields[kind], &o)
		switch {
		case o.StickerID != 0:
			attached[key], attached[key+"_product_id"] = strconv.FormatInt(o.StickerID, 10), strconv.FormatInt(o.ProductID, 10)
		case o.ID != 0:
			attached[key] = fmt.Sprintf("%d_%d", o.OwnerID, o.ID)
		}
		if k := map[string]string{"audio_message": "audiomsg", "graffiti": "graffiti"}[kind]; k != "" {
			kind, attached[key+"_kind"] = "doc", k
		}
		attached[key+"_type"] = kind
	}
	if n := len(m.Attachments); n > 0 {
		attached["attachments_count"] = strconv.Itoa(n)
		attached["attachments"] = string(mustJSON(m.Attachments))
	}
	if m.Reply != nil {
		attached["reply"] = fmt.Sprintf(`{"conversation_message_id":%d}`, m.Reply.CMID)
	}
	if len(m.Forward) > 0 {
		attached["fwd"] = "0_0"
	}
	return attached
}

// messagesGetLongPollHistory returns the changes since ts or pts. Versions from
// before the world are too old, and future ones too new.
func (c *call) messagesGetLongPollHistory() (any, *apiError) {
	viewer := c.actor()
	limit := int(c.intIn("msgs_limit", inboxLimit, inboxLimit, 1<<31))
	c.intIn("events_limit", 1000, 1000, 1<<31)
	since := c.int("pts")
	if since == 0 {
		since = c.int("ts")
	}
	switch {
	case since == 0:
		return nil, invalid("ts is undefined")
	case since < firstVersion:
		return nil, fail(codeOldPTS)
	case since > c.w.lastVersion:
		return nil, fail(codeNewPTS)
	}
	found, upTo := c.w.changes(viewer, since, min(limit, 1000))
	history := [][]any{}
	for _, l := range found {
		history = append(history, c.w.inboxEvent(viewer, l, 0, true))
	}
	list := c.messageList(viewer, found, len(found))
	out := map[string]any{
		"history":  history,
		"messages": map[string]any{"count": len(found), "items": list.Items},
		"new_pts":  upTo, "from_pts": since,
	}
	if upTo < c.w.lastVersion {
		out["more"] = true
	}
	if list.Profiles != nil || list.Groups != nil {
		out["profiles"], out["groups"] = notNull(list.Profiles), notNull(list.Groups)
	}
	if c.bool("credentials") {
		out["credentials"] = c.inboxServer(viewer, true)
	}
	return out, nil
}

// serveInbox serves one poll of the User Long Poll.
func (w *World) serveInbox(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, bodyLimit)
	owner, err := strconv.ParseInt(r.PathValue("owner"), 10, 64)
	if err != nil || r.FormValue("act") != "a_check" {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	io.Copy(io.Discard, r.Body) // so that the server notices a disconnect
	ts, err := strconv.ParseInt(r.FormValue("ts"), 10, 64)
	if err != nil {
		ts = -1
	}
	wait := waitOf(r)
	mode, _ := strconv.Atoi(r.FormValue("mode"))
	version, _ := strconv.Atoi(r.FormValue("version"))
	h, failed := w.strikePoll(-owner, true)
	rw, ok := w.begin(rw, r, h)
	if !ok {
		return
	}
	if failed != nil {
		writeJSON(rw, r, failed)
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	for ended := false; ; {
		changed := w.Changed()
		if body := w.inboxAnswer(owner, r.FormValue("key"), ts, mode, version, ended); body != nil {
			writeJSON(rw, r, body)
			return
		}
		select {
		case <-changed:
		case <-t.C:
			ended = true
		case <-r.Context().Done():
			return
		case <-w.done:
			http.Error(rw, "the server is closed", http.StatusServiceUnavailable)
			return
		}
	}
}

const modePTS = 32 // the bit of mode that asks for pts

// inboxAnswer returns the response to a poll, or nil while there are no changes
// and the poll must wait. ts is a number here, also in the response with failed
// 1.
func (w *World) inboxAnswer(owner int64, key string, ts int64, mode, version int, ended bool) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case key != w.inboxKey(owner) || !w.exists(owner):
		return mustJSON(pollFailed{Failed: 2})
	case ts < firstVersion || ts > w.lastVersion:
		return mustJSON(pollFailed{Failed: 1, TS: w.lastVersion})
	}
	found, upTo := w.changes(owner, ts, inboxLimit)
	if len(found) == 0 && !ended {
		return nil
	}
	updates := [][]any{}
	for _, l := range found {
		updates = append(updates, w.inboxEvent(owner, l, version, false))
	}
	out := map[string]any{"ts": upTo, "updates": updates}
	if mode&modePTS != 0 {
		out["pts"] = upTo
	}
	return mustJSON(out)
}
