package fakesim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/format"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// goTest returns a conversation as a Go test that repeats it.
func (q *request) goTest() (any, error) {
	user, peer, err := inPeer{whoOf(q.query["user"]), whoOf(q.query["peer"])}.find(q)
	if err != nil {
		return nil, err
	}
	if peer < 0 && peer != -q.group {
		return nil, &failure{http.StatusConflict, "refused", "a test has one community: the first"}
	}
	w := &testWriter{run: q.run, me: user, peer: peer, taken: make(map[string]bool), people: make(map[int64]string), vars: make(map[int64]string)}
	text, err := w.write()
	if err != nil {
		return nil, err
	}
	return map[string]string{"test": text}, nil
}

// A testWriter writes one test.
type testWriter struct {
	*run
	me, peer int64
	b        strings.Builder
	taken    map[string]bool  // the variable names in use
	people   map[int64]string // names of users, by id
	vars     map[int64]string // variables of messages that later steps name, by CMID
	seen     map[int64]*fakevk.Message
	labels   map[string]bool // labels of the buttons that bots have shown
	reader   string          // the variable of the user who hears the bot's messages
}

func (w *testWriter) f(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

func (w *testWriter) write() (string, error) {
	steps, forgot := w.log.stepsOf(conversationOf(w.me, w.peer))
	w.f(`package main // or where your bot is

import (
	"testing"

	"github.com/vkrouter/vk/vktest"
)

// TestConversation has a conversation with the bot that newRouter returns: put
// your own function in its place.
func TestConversation(t *testing.T) {
	bot := vktest.Start(t, newRouter())
`)
	for _, name := range []string{"t", "bot", "vktest", "testing", "newRouter", "TestConversation", "chat", "len", "nil", "string"} {
		w.taken[name] = true
	}
	if forgot {
		w.f("// Earlier messages are no longer kept.\n")
	}
	w.mu.Lock()
	if n := len(w.faults); n > 0 {
		w.f("// Faults were set meanwhile (%d): see vktest's Server.Fail.\n", n)
	}
	w.mu.Unlock()
	w.cast(steps)
	for _, cmid := range spokenOf(steps) {
		w.vars[cmid] = fmt.Sprintf("m%d", cmid)
		w.taken[w.vars[cmid]] = true
	}
	w.seen, w.labels = make(map[int64]*fakevk.Message), make(map[string]bool)
	for i, s := range steps {
		if s.person && i > 0 && !steps[i-1].person {
			w.f("\n")
		}
		switch s.kind {
		case fakevk.ChangeMessage:
			if s.person {
				w.says(s.m)
			} else {
				w.hears(s.m)
			}
			w.seen[s.m.CMID] = s.m
		case fakevk.ChangeEdit:
			w.changed(s)
			w.seen[s.m.CMID] = s.m
		case fakevk.ChangePress:
			w.presses(s.press)
		}
	}
	w.f("%s.HearsNothing()\n}\n", w.reader)
	text, err := format.Source([]byte(w.b.String()))
	return string(text), err
}

// spokenOf returns the messages that a later step needs to name.
func spokenOf(steps []step) []int64 {
	var list []int64
	for _, s := range steps {
		if s.kind == fakevk.ChangeEdit {
			if s.person || len(s.m.Reactions) > 0 || s.m.Deleted {
				list = append(list, s.m.CMID)
			}
			continue
		}
		if s.m == nil || !s.person {
			continue
		}
		if s.m.Reply != nil {
			list = append(list, s.m.Reply.CMID)
		}
		for _, f := range s.m.Forward {
			list = append(list, f.CMID)
		}
		if s.m.Action != nil && s.m.Action.Type == "chat_pin_message" {
			list = append(list, s.m.Action.CMID)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// assign writes a statement. Its message gets a variable if a later step names
// it.
func (w *testWriter) assign(cmid int64, format string, args ...any) {
	if v := w.vars[cmid]; v != "" {
		w.f("%s := ", v)
	}
	w.f(format+"\n", args...)
}

var clubMention = regexp.MustCompile(`^\[club\d+\|[^\]]*\] `)

// says writes a user's message.
func (w *testWriter) says(m *fakevk.Message) {
	who := cmp.Or(w.people[m.FromID], w.reader)
	if m.Action != nil {
		w.acts(who, m)
		return
	}
	pressed := clubMention.ReplaceAllString(m.Text, "")
	if m.Geo != nil && pressed == "" {
		pressed = "location"
	}
	switch {
	case m.Payload == `{"command":"start"}` && m.Text == "Start":
		w.f("%s.PressesStart()\n", who)
		return
	case m.Payload != "" && w.labels[pressed]:
		w.f("%s.Presses(%q)\n", who, pressed)
		return
	case m.Payload != "":
		w.f("// With the payload %s, which cannot be typed:\n", strconv.Quote(m.Payload))
	}
	var with string
	for _, raw := range m.Attachments {
		if made := attached(raw); made != "" {
			with += ", " + made
		} else {
			w.f("// And with %s attached:\n", strconv.Quote(kindOf(raw)))
		}
	}
	if m.Geo != nil {
		with += fmt.Sprintf(", vktest.Location(%v, %v)", m.Geo.Lat, m.Geo.Long)
	}
	for _, f := range m.Forward {
		if v := w.vars[f.CMID]; v != "" && w.seen[f.CMID] != nil {
			with += ", vktest.Forward(" + v + ")"
		}
	}
	switch {
	case m.Ref != "" && with == "":
		w.f("%s.Comes(%q, %q, %q)\n", who, m.Ref, m.RefSource, m.Text)
	case m.Reply != nil && w.seen[m.Reply.CMID] != nil:
		w.assign(m.CMID, "%s.Replies(%s, %q%s)", who, w.vars[m.Reply.CMID], m.Text, with)
	default:
		w.assign(m.CMID, "%s.Says(%q%s)", who, m.Text, with)
	}
}

// acts writes a user's change of a chat.
func (w *testWriter) acts(who string, m *fakevk.Message) {
	a := m.Action
	switch {
	case a.Type == "chat_invite_user" && w.people[a.MemberID] != "":
		w.f("%s.Invites(%s)\n", who, w.people[a.MemberID])
	case a.Type == "chat_kick_user" && a.MemberID == m.FromID:
		w.f("%s.Leaves()\n", who)
	case a.Type == "chat_kick_user" && a.MemberID == -w.group:
		w.f("%s.KicksBot()\n", who)
	case a.Type == "chat_kick_user" && w.people[a.MemberID] != "":
		w.f("%s.Kicks(%s)\n", who, w.people[a.MemberID])
	case a.Type == "chat_title_update":
		w.f("%s.Renames(%q)\n", who, a.Text)
	case a.Type == "chat_pin_message" && w.vars[a.CMID] != "":
		w.f("%s.Pins(%s)\n", who, w.vars[a.CMID])
	case a.Type == "chat_unpin_message":
		w.f("%s.Unpins()\n", who)
	default:
		w.f("// %s: %s\n", who, a.Type)
	}
}

// attached returns the attachment as Go code, or "" if package vktest has no
// such attachment.
func attached(raw json.RawMessage) string {
	var a struct {
		Type  string
		Photo struct {
			Sizes []struct{ Width, Height int }
		}
		Doc struct {
			Title string
			Size  int
		}
		Voice struct{ Duration int } `json:"audio_message"`
		Stick struct {
			ID int64 `json:"sticker_id"`
		} `json:"sticker"`
	}
	json.Unmarshal(raw, &a)
	switch a.Type {
	case "photo":
		width, height := 1280, 720
		if n := len(a.Photo.Sizes); n > 0 {
			width, height = a.Photo.Sizes[n-1].Width, a.Photo.Sizes[n-1].Height
		}
		return fmt.Sprintf("vktest.Photo(%d, %d)", width, height)
	case "doc":
		return fmt.Sprintf("vktest.Document(%q, %d)", a.Doc.Title, a.Doc.Size)
	case "audio_message":
		return fmt.Sprintf("vktest.Voice(%d)", a.Voice.Duration)
	case "sticker":
		return fmt.Sprintf("vktest.Sticker(%d)", a.Stick.ID)
	}
	return ""
}

// hears writes a message of the bot, as it was sent.
func (w *testWriter) hears(m *fakevk.Message) {
	for _, b := range m.Buttons() {
		w.labels[label(b)] = true
	}
	if m.Keyboard != nil {
		for _, b := range slices.Concat(m.Keyboard.Buttons...) {
			w.labels[label(b)] = true
		}
	}
	if m.Action != nil || m.FromID != -w.group {
		return
	}
	if mention.MatchString(m.Text) {
		// The ids of users differ in a test.
		like := quotedMention.ReplaceAllString(regexp.QuoteMeta(m.Text), `\[${1}\d+\|`)
		w.assign(m.CMID, "%s.HearsLike(%q)", w.reader, "^"+like+"$")
		return
	}
	w.assign(m.CMID, "%s.Hears(%q)", w.reader, m.Text)
}

var (
	mention       = regexp.MustCompile(`\[(id|club|public)\d+\|`)
	quotedMention = regexp.MustCompile(`\\\[(id|club|public)\d+\\\|`)
)

// changed writes a change of a message.
func (w *testWriter) changed(s step) {
	was := w.seen[s.m.CMID]
	if was == nil {
		return
	}
	v := w.vars[s.m.CMID]
	for _, r := range s.m.Reactions {
		if slices.Contains(was.Reactions, r) || v == "" {
			continue
		}
		if r.FromID > 0 {
			w.f("%s.Reacts(%s, %d)\n", cmp.Or(w.people[r.FromID], w.reader), v, r.ID)
		} else if r.FromID == -w.group {
			w.f("%s.SeesReaction(%s, %d)\n", w.reader, v, r.ID)
		}
	}
	for _, r := range was.Reactions {
		if r.FromID > 0 && v != "" && !slices.ContainsFunc(s.m.Reactions, func(now fakevk.Reaction) bool { return now.FromID == r.FromID }) {
			w.f("%s.Reacts(%s, 0)\n", cmp.Or(w.people[r.FromID], w.reader), v)
		}
	}
	if s.person {
		who := cmp.Or(w.people[s.m.FromID], w.reader)
		switch {
		case s.m.Deleted:
			w.f("%s.Deletes(%s)\n", who, v)
		case s.m.Text != was.Text:
			w.f("%s.Edits(%s, %q)\n", who, v, s.m.Text)
		}
		return
	}
	if s.m.FromID > 0 && s.m.Deleted && !was.Deleted {
		w.f("%s.SeesDeleted(%s)\n", w.reader, v)
		return
	}
	switch {
	case was.FromID != -w.group:
	case s.m.Deleted && !was.Deleted:
		w.f("%s.SeesDeleted(%s)\n", w.reader, v)
	case s.m.Text != was.Text && mention.MatchString(s.m.Text):
		w.f("// The bot changes a message to %s.\n", strconv.Quote(s.m.Text)) // the numbers differ in a test
	case s.m.Text != was.Text:
		w.f("%s.SeesEdited(%q)\n", w.reader, s.m.Text)
	}
}

// presses writes the press of a callback button and its answer.
func (w *testWriter) presses(p fakevk.Press) {
	w.f("%s.Presses(%q)", cmp.Or(w.people[p.UserID], w.reader), label(p.Button))
	now, known := w.world.Pressed(p.EventID)
	switch {
	case !known || !now.Answered:
		w.f(" // not answered\n")
	case now.Answer.Type == "":
		w.f(".Blank()\n")
	case now.Answer.Type == "show_snackbar":
		w.f(".Snackbar(%q)\n", now.Answer.Text)
	case now.Answer.Type == "open_link":
		w.f(".Link(%q)\n", now.Answer.Link)
	default:
		w.f(" // answered with %s\n", now.Answer.Type)
	}
}
