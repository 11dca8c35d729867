package vktest

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A conversation is a conversation of the server.
type conversation struct {
	viewer, peer int64 // one of its members, and the peer id by which that member knows it
	title        string
}

// A note is an event between messages: a press.
type note struct {
	peer  int64 // the conversation as the bot knows it
	after int64 // the CMID
	text  string
	event string
}

// noted keeps a note. If there are too many, the oldest are dropped. The caller
// holds s.mu.
func (s *Server) noted(n note) {
	if len(s.notes) >= kept {
		s.notes[0] = note{}
		s.notes = s.notes[1:]
	}
	s.notes = append(s.notes, n)
}

// Transcript returns all conversations as users see them, with the last 10,000
// presses of buttons. Nothing in it depends on time or chance, so it can be
// compared with a golden file.
func (s *Server) Transcript() string {
	s.mu.Lock()
	all := s.conversations
	s.mu.Unlock()
	var b strings.Builder
	for _, c := range all {
		if said := s.lines(c.viewer, c.peer); said != "" {
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "# %s\n%s", c.title, said)
		}
	}
	return b.String()
}

// conversation returns the text of one conversation for a failure message.
func (s *Server) conversation(viewer, peer int64) string {
	if said := s.lines(viewer, peer); said != "" {
		return "The conversation so far:\n\t" + strings.ReplaceAll(strings.TrimSuffix(said, "\n"), "\n", "\n\t")
	}
	return "Nothing was said so far."
}

func (s *Server) lines(viewer, peer int64) string {
	key := peer
	if peer < 0 {
		key = viewer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	notes := s.notes
	upTo := func(cmid int64) {
		for ; len(notes) > 0 && (notes[0].after < cmid || cmid < 0); notes = notes[1:] {
			if notes[0].peer == key {
				b.WriteString(notes[0].text + s.answered(notes[0].event) + "\n")
			}
		}
	}
	for _, m := range s.world.Messages(viewer, peer) {
		upTo(m.CMID)
		s.line(&b, m)
	}
	upTo(-1)
	return b.String()
}

// answered describes the bot's answer to a press.
func (s *Server) answered(event string) string {
	p, ok := s.world.Pressed(event)
	switch {
	case event == "", !ok: // the world drops presses that ended long ago
		return ""
	case !p.Answered:
		return ", which spins"
	case p.Answer.Type == "":
		return ""
	}
	return fmt.Sprintf(", and sees %s %q", answerName(p.Answer.Type), cmp.Or(p.Answer.Text, p.Answer.Link))
}

func (s *Server) line(b *strings.Builder, m fakevk.Message) {
	if m.Action != nil {
		fmt.Fprintf(b, "%s: (%s)", s.name(m.FromID), m.Action.Type)
		if m.Action.MemberID != 0 {
			b.WriteString(" " + s.name(m.Action.MemberID))
		}
		if m.Action.Text != "" {
			b.WriteString(" " + m.Action.Text)
		}
		b.WriteString("\n")
		return
	}
	b.WriteString(s.name(m.FromID) + ":")
	if m.Deleted {
		b.WriteString(" (deleted)\n")
		return
	}
	if m.Reply != nil {
		fmt.Fprintf(b, " (to %s: %s)", s.name(m.Reply.FromID), strings.ReplaceAll(m.Reply.Text, "\n", " "))
	}
	for i, line := range strings.Split(m.Text, "\n") {
		if i > 0 {
			b.WriteString("\n   ")
		}
		b.WriteString(strings.TrimRight(" "+line, " "))
	}
	shown := message(m)
	for _, a := range shown.Attachments {
		fmt.Fprintf(b, " <%s>", a)
	}
	if m.Geo != nil {
		b.WriteString(" <location>")
	}
	if len(m.Forward) > 0 {
		fmt.Fprintf(b, " <%d forwarded>", len(m.Forward))
	}
	if !m.Edited.IsZero() {
		b.WriteString(" (edited)")
	}
	for _, l := range shown.Buttons {
		fmt.Fprintf(b, " [%s]", l)
	}
	if k := m.Keyboard; k != nil && !k.Inline {
		b.WriteString("\n    keyboard:")
		for _, l := range shown.Keyboard {
			fmt.Fprintf(b, " [%s]", l)
		}
	}
	b.WriteString("\n")
}

// name returns the name of a user or a community. The caller holds s.mu.
func (s *Server) name(id int64) string {
	return cmp.Or(s.people[id], fmt.Sprintf("id%d", id))
}
