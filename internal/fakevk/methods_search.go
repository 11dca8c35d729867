package fakevk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func init() {
	register("messages.getHistoryAttachments", userOrGroup, scopeMessages, (*call).messagesGetHistoryAttachments)
	register("messages.getImportantMessages", userOrGroup, scopeMessages, (*call).messagesGetImportantMessages)
	register("messages.markAsImportant", userToken, scopeMessages, (*call).messagesMarkMessages)
	register("messages.restore", userOrGroup, scopeMessages, (*call).messagesRestore)
	register("messages.search", userOrGroup, scopeMessages, (*call).messagesSearch)
}

// everything returns the messages that viewer sees and wanted accepts, newest
// first.
func (w *World) everything(viewer int64, wanted func(*Message) bool) []located {
	var found []located
	for _, d := range w.dialogsOf(viewer) {
		for _, m := range d.history(viewer) {
			if wanted(m) {
				found = append(found, located{d, m})
			}
		}
	}
	slices.SortFunc(found, func(a, b located) int { return int(b.message.ID - a.message.ID) })
	return found
}

// messagesSearch searches for a text in one dialog or in all, up to the day
// that date gives as DDMMYYYY.
func (c *call) messagesSearch() (any, *apiError) {
	viewer := c.actor()
	q := strings.ToLower(c.strMax("q", 9000))
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 20, 0, 100)
	before := time.Time{}
	if c.has("date") {
		day, err := time.Parse("02012006", fmt.Sprintf("%08s", c.str("date")))
		if err != nil {
			return nil, invalid("date is invalid")
		}
		before = day
	}
	if !c.has("q") && before.IsZero() {
		return nil, invalid("q is undefined")
	}
	var only *dialog
	if c.has("peer_id") {
		d, err := c.w.readable(viewer, c.int("peer_id"))
		if err != nil {
			return nil, err
		}
		if d == nil {
			return c.messageList(viewer, nil, 0), nil
		}
		only = d
	}
	found := c.w.everything(viewer, func(m *Message) bool {
		return strings.Contains(strings.ToLower(m.Text), q) && (before.IsZero() || m.Date.Before(before))
	})
	if only != nil {
		found = slices.DeleteFunc(found, func(l located) bool { return l.dialog != only })
	}
	return c.messageList(viewer, page(found, offset, count), len(found)), nil
}

// messagesGetImportantMessages lists the messages marked by markAsImportant.
func (c *call) messagesGetImportantMessages() (any, *apiError) {
	viewer := c.actor()
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 20, 0, maxHistory)
	found := c.w.everything(viewer, func(m *Message) bool { return slices.Contains(m.starred, viewer) })
	total := len(found)
	found = page(found, offset, count)
	list := c.messageList(viewer, found, total)
	dialogs := make(map[int64]wireConversation)
	for _, l := range found {
		peer := l.dialog.peerOf(viewer)
		dialogs[peer] = c.w.conversation(l.dialog, viewer, peer)
	}
	conversations := []wireConversation{}
	for _, peer := range slices.Sorted(maps.Keys(dialogs)) {
		conversations = append(conversations, dialogs[peer])
	}
	out := map[string]any{
		"messages":      map[string]any{"count": list.Count, "items": list.Items},
		"conversations": conversations,
	}
	if c.bool("extended") {
		out["profiles"], out["groups"] = notNull(list.Profiles), notNull(list.Groups)
	}
	return out, nil
}

// messagesMarkMessages returns the ids of the messages that exist.
func (c *call) messagesMarkMessages() (any, *apiError) {
	actor := c.actor()
	c.require("message_ids")
	on := !c.has("important") || c.bool("important")
	done := []int64{}
	for _, id := range c.ints("message_ids", 1000) {
		d, m := c.w.messageByID(actor, id)
		if m == nil {
			continue
		}
		n := *m
		n.starred = slices.DeleteFunc(slices.Clone(m.starred), func(who int64) bool { return who == actor })
		if on {
			n.starred = append(n.starred, actor)
		}
		c.w.replace(d, &n)
		done = append(done, id)
	}
	return done, nil
}

// messageByID returns a message that viewer sees by its account-wide id.
func (w *World) messageByID(viewer, id int64) (*dialog, *Message) {
	p, ok := w.byID[id]
	if !ok || p.dialog.chat != nil && viewer < 0 {
		return nil, nil
	}
	return w.lookup(viewer, p.dialog.peerOf(viewer), p.cmid)
}

// messagesRestore restores a message that the actor deleted for itself. A
// message deleted for everybody is not restored.
func (c *call) messagesRestore() (any, *apiError) {
	actor := c.actor()
	var d *dialog
	cmid := c.int("cmid")
	if cmid != 0 {
		c.require("peer_id")
		var err *apiError
		if d, err = c.w.readable(actor, c.int("peer_id")); err != nil {
			return nil, err
		}
	} else {
		c.require("message_id")
		p := c.w.byID[c.int("message_id")]
		if d, cmid = p.dialog, p.cmid; d != nil && (d.chat != nil && actor < 0 || c.w.dialogOf(actor, d.peerOf(actor)) != d) {
			d = nil
		}
	}
	if d == nil {
		return nil, invalid("message_id is invalid")
	}
	m := d.find(cmid)
	if m == nil || m.Deleted {
		return nil, invalid("message_id is invalid")
	}
	if m.hiddenFrom(actor) {
		n := *m
		n.hidden = slices.DeleteFunc(slices.Clone(m.hidden), func(who int64) bool { return who == actor })
		c.w.replace(d, &n)
	}
	return 1, nil
}

// A historyAttachment is one entry of messages.getHistoryAttachments.
type historyAttachment struct {
	MessageID  int64           `json:"message_id"`
	CMID       int64           `json:"cmid"`
	FromID     int64           `json:"from_id"`
	Date       int64           `json:"date"`
	Level      int             `json:"forward_level"`
	Position   int             `json:"position"`
	Attachment json.RawMessage `json:"attachment"`
}

var mediaTypes = []string{
	"photo", "app_action_games", "app_action_mini_apps", "audio", "audio_message", "clip", "doc", "graffiti",
	"link", "market", "share", "video", "wall",
}

// messagesGetHistoryAttachments returns attachments newest first, with
// next_from for the next page if there is one.
func (c *call) messagesGetHistoryAttachments() (any, *apiError) {
	viewer := c.actor()
	c.require("peer_id")
	types := c.list("attachment_types", len(mediaTypes))
	if len(types) == 0 {
		types = []string{c.oneOf("media_type", mediaTypes...)}
	}
	for i, t := range types {
		if !slices.Contains(mediaTypes, t) {
			return nil, invalid("attachment_types is invalid")
		}
		if t == "share" {
			types[i] = "link"
		}
	}
	count := int(c.intIn("count", 30, 0, maxHistory))
	depth := int(c.intIn("max_forwards_level", maxForwardDepth, 0, maxForwardDepth))
	start := 0
	if c.has("start_from") {
		if _, err := fmt.Sscanf(c.str("start_from"), "%d", &start); err != nil || start < 0 {
			return nil, invalid("start_from is invalid")
		}
	}
	d, err := c.w.readable(viewer, c.int("peer_id"))
	if err != nil {
		return nil, err
	}
	items := []historyAttachment{}
	authors := make(map[int64]bool)
	if d != nil {
		ms := d.history(viewer)
		slices.Reverse(ms)
		if c.has("cmid") {
			ms = slices.DeleteFunc(ms, func(m *Message) bool { return m.CMID != c.int("cmid") })
		}
		for _, m := range ms {
			items = c.w.collect(items, m, m, messageID(viewer, d.peerOf(viewer), m), 0, depth, types)
		}
	}
	total := len(items)
	items = page(items, int64(start), int64(count))
	for _, it := range items {
		authors[it.FromID] = true
	}
	out := map[string]any{"items": items}
	if start+count < total {
		out["next_from"] = fmt.Sprint(start + count)
	}
	c.extend(out, slices.Sorted(maps.Keys(authors)))
	return out, nil
}

// collect adds the wanted attachments of m, which is top or forwarded in it.
func (w *World) collect(items []historyAttachment, top, m *Message, id int64, level, depth int, types []string) []historyAttachment {
	for i, a := range m.Attachments {
		var head struct {
			Type string `json:"type"`
		}
		json.Unmarshal(a, &head) // a test may attach anything
		if slices.Contains(types, head.Type) {
			items = append(items, historyAttachment{
				MessageID: id, CMID: top.CMID, FromID: m.FromID, Date: w.unix(m.Date),
				Level: level, Position: i + 1, Attachment: a,
			})
		}
	}
	if level < depth {
		for _, f := range m.Forward {
			items = w.collect(items, top, f, id, level+1, depth, types)
		}
	}
	return items
}
