package fakesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// script returns a conversation as curl requests that repeat it in an equal
// world without messages.
func (q *request) script() (any, error) {
	user, peer, err := inPeer{whoOf(q.query["user"]), whoOf(q.query["peer"])}.find(q)
	if err != nil {
		return nil, err
	}
	w := &scriptWriter{run: q.run, me: user, peer: peer, seen: make(map[int64]*fakevk.Message)}
	return map[string]string{"script": w.write()}, nil
}

// A scriptWriter writes one script.
type scriptWriter struct {
	*run
	me, peer int64
	b        strings.Builder
	seen     map[int64]*fakevk.Message
}

func (w *scriptWriter) write() string {
	steps, forgot := w.log.stepsOf(conversationOf(w.me, w.peer))
	w.b.WriteString(`# A conversation with the bot. BASE is the address of the fake VK.
set -e
sim() { curl -sS --fail-with-body "$BASE/sim/$1" -d "$2"; echo; }
sim ready '{}'
`)
	if forgot {
		w.b.WriteString("# Earlier messages are no longer kept.\n")
	}
	for _, s := range steps {
		switch s.kind {
		case fakevk.ChangeMessage:
			w.message(s)
			w.seen[s.m.CMID] = s.m
		case fakevk.ChangeEdit:
			w.changed(s)
			w.seen[s.m.CMID] = s.m
		case fakevk.ChangePress:
			w.request("press", s.press.UserID, "label", label(s.press.Button), "cmid", s.press.CMID, "wait", 10)
		}
	}
	w.request("idle", w.me)
	return w.b.String()
}

// request writes a request of a user in this conversation. pairs are its other
// fields; empty ones are omitted.
func (w *scriptWriter) request(path string, user int64, pairs ...any) {
	fields := []string{fmt.Sprintf(`"user":%d`, user)}
	if w.peer != -w.group {
		fields = append(fields, fmt.Sprintf(`"peer":%d`, w.peer))
	}
	for i := 0; i < len(pairs); i += 2 {
		v := encode(pairs[i+1])
		_, heard := pairs[i+1].(heardText)
		if heard || !slices.Contains([]string{`""`, "0", "null", "[]"}, string(v)) {
			fields = append(fields, fmt.Sprintf("%q:%s", pairs[i], v))
		}
	}
	body := "{" + strings.Join(fields, ",") + "}"
	fmt.Fprintf(&w.b, "sim %s '%s'\n", path, strings.ReplaceAll(body, "'", `'\''`))
}

func (w *scriptWriter) message(s step) {
	m := s.m
	switch {
	case s.person && m.Action != nil:
		w.acts(m)
	case s.person && m.Payload != "" && m.Text == "Start" && m.Payload == `{"command":"start"}`:
		w.request("start", m.FromID)
	case s.person:
		w.says(m)
	case m.Action != nil || m.FromID != -w.group:
	case mention.MatchString(m.Text):
		w.request("hear", w.me, "like", "^"+quotedMention.ReplaceAllString(regexp.QuoteMeta(m.Text), `\[${1}\d+\|`)+"$")
	default:
		w.request("hear", w.me, "text", heardText(m.Text))
	}
}

// heardText is a text that is written even if it is empty.
type heardText string

func (w *scriptWriter) says(m *fakevk.Message) {
	var forward []int64
	for _, f := range m.Forward {
		forward = append(forward, f.CMID)
	}
	var reply int64
	if m.Reply != nil {
		reply = m.Reply.CMID
	}
	var geo any
	if m.Geo != nil {
		geo = map[string]float64{"lat": m.Geo.Lat, "long": m.Geo.Long}
	}
	attachments, sticker := m.Attachments, int64(0)
	var a struct {
		Type    string
		Sticker struct {
			ID int64 `json:"sticker_id"`
		}
	}
	if len(attachments) == 1 && json.Unmarshal(attachments[0], &a) == nil && a.Type == "sticker" {
		attachments, sticker = nil, a.Sticker.ID
	}
	w.request("send", m.FromID, "text", clubMention.ReplaceAllString(m.Text, ""), "payload", m.Payload, "attachments", attachments,
		"sticker", sticker, "reply_to", reply, "forward", forward, "geo", geo, "ref", m.Ref, "ref_source", m.RefSource)
}

// acts writes a user's change of a chat.
func (w *scriptWriter) acts(m *fakevk.Message) {
	a := m.Action
	switch {
	case a.Type == "chat_invite_user":
		w.request("invite", m.FromID, "who", a.MemberID)
	case a.Type == "chat_kick_user" && a.MemberID == m.FromID:
		w.request("leave", m.FromID)
	case a.Type == "chat_kick_user":
		w.request("kick", m.FromID, "who", a.MemberID)
	case a.Type == "chat_title_update":
		w.request("rename", m.FromID, "title", a.Text)
	case a.Type == "chat_pin_message":
		w.request("pin", m.FromID, "cmid", a.CMID)
	case a.Type == "chat_unpin_message":
		w.request("unpin", m.FromID)
	default:
		fmt.Fprintf(&w.b, "# %s\n", a.Type)
	}
}

// changed writes a change of a message.
func (w *scriptWriter) changed(s step) {
	was := w.seen[s.m.CMID]
	if was == nil {
		return
	}
	for _, r := range s.m.Reactions {
		switch {
		case slices.Contains(was.Reactions, r):
		case r.FromID > 0:
			w.request("react", r.FromID, "cmid", s.m.CMID, "reaction", r.ID)
		case r.FromID == -w.group:
			w.request("see", w.me, "reaction", reaction{s.m.CMID, r.ID})
		}
	}
	for _, r := range was.Reactions {
		gone := !slices.ContainsFunc(s.m.Reactions, func(now fakevk.Reaction) bool { return now.FromID == r.FromID })
		if gone && r.FromID > 0 {
			w.request("react", r.FromID, "cmid", s.m.CMID)
		}
	}
	switch deleted := s.m.Deleted && !was.Deleted; {
	case deleted && s.person:
		w.request("delete", s.m.FromID, "cmid", s.m.CMID)
	case deleted:
		w.request("see", w.me, "deleted", s.m.CMID)
	case s.m.Text == was.Text:
	case s.person:
		w.request("edit", s.m.FromID, "cmid", s.m.CMID, "text", s.m.Text)
	default:
		w.request("see", w.me, "edited", s.m.Text)
	}
}

// pictured returns an uploaded photo.
func (q *request) pictured() (any, error) {
	format, data, ok := q.world.Picture(q.r.PathValue("name"))
	if !ok {
		return nil, missing("there is no picture %q", clip(q.r.PathValue("name")))
	}
	return file{"image/" + format, data}, nil
}

// A file is a response that is not JSON.
type file struct {
	contentType string
	data        []byte
}

// serve writes the file with headers that keep browsers from running it.
func (f file) serve(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Write(f.data) // an error means that the client disconnected
}
