package fakesim

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// transcript returns all conversations in the form of package vktest's
// transcripts.
func (r *run) transcript() string {
	var b strings.Builder
	add := func(title, said string) {
		if said == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "# %s\n%s", title, said)
	}
	groups := r.world.Groups()
	for _, u := range r.world.Users() {
		for _, g := range groups {
			add(r.name(u.ID)+" and "+g.Name, r.lines(u.ID, -g.ID))
		}
	}
	for _, c := range r.world.Chats() {
		viewer := c.Owner
		if len(c.Members) > 0 {
			viewer = c.Members[len(c.Members)-1]
		}
		add("the chat "+c.Title, r.lines(viewer, c.PeerID))
	}
	return b.String()
}

func (r *run) lines(viewer, peer int64) string {
	var b strings.Builder
	notes := r.log.of(conversationOf(viewer, peer))
	names := make(map[int64]string)
	upTo := func(cmid int64) {
		for ; len(notes) > 0 && (notes[0].after < cmid || cmid < 0); notes = notes[1:] {
			p := notes[0].press
			fmt.Fprintf(&b, "%s presses [%s]%s\n", r.nameIn(names, p.UserID), label(p.Button), r.answered(p.EventID))
		}
	}
	for _, m := range r.world.Messages(viewer, peer) {
		upTo(m.CMID)
		r.line(&b, names, m)
	}
	upTo(-1)
	return b.String()
}

// answered describes the bot's answer to a press.
func (r *run) answered(event string) string {
	p, known := r.world.Pressed(event)
	switch {
	case !known: // the world drops presses that ended long ago
		return ""
	case !p.Answered:
		return ", which spins"
	}
	switch what := cmp.Or(p.Answer.Text, p.Answer.Link); p.Answer.Type {
	case "":
		return ""
	case "show_snackbar":
		return fmt.Sprintf(", and sees the snackbar %q", what)
	case "open_link":
		return fmt.Sprintf(", and sees the link %q", what)
	default:
		return fmt.Sprintf(", and sees the answer %s %q", p.Answer.Type, what)
	}
}

func (r *run) line(b *strings.Builder, names map[int64]string, m fakevk.Message) {
	if m.Action != nil {
		fmt.Fprintf(b, "%s: (%s)", r.nameIn(names, m.FromID), m.Action.Type)
		if m.Action.MemberID != 0 {
			b.WriteString(" " + r.nameIn(names, m.Action.MemberID))
		}
		if m.Action.Text != "" {
			b.WriteString(" " + m.Action.Text)
		}
		b.WriteString("\n")
		return
	}
	b.WriteString(r.nameIn(names, m.FromID) + ":")
	if m.Deleted {
		b.WriteString(" (deleted)\n")
		return
	}
	if m.Reply != nil {
		fmt.Fprintf(b, " (to %s: %s)", r.nameIn(names, m.Reply.FromID), strings.ReplaceAll(m.Reply.Text, "\n", " "))
	}
	for i, line := range strings.Split(m.Text, "\n") {
		if i > 0 {
			b.WriteString("\n   ")
		}
		b.WriteString(strings.TrimRight(" "+line, " "))
	}
	v := viewOf(m)
	for _, raw := range v.Attachments {
		fmt.Fprintf(b, " <%s>", kindOf(raw))
	}
	if m.Geo != nil {
		b.WriteString(" <location>")
	}
	if len(m.Forward) > 0 {
		fmt.Fprintf(b, " <%d forwarded>", len(m.Forward))
	}
	if v.Edited {
		b.WriteString(" (edited)")
	}
	for _, l := range v.Buttons {
		fmt.Fprintf(b, " [%s]", l)
	}
	if k := m.Keyboard; k != nil && !k.Inline {
		b.WriteString("\n    keyboard:")
		for _, row := range k.Buttons {
			for _, button := range row {
				fmt.Fprintf(b, " [%s]", label(button))
			}
		}
	}
	b.WriteString("\n")
}

// name returns the name of a user or a community.
func (r *run) name(id int64) string { return r.nameIn(make(map[int64]string), id) }

// nameIn is like name, with all names looked up once.
func (r *run) nameIn(names map[int64]string, id int64) string {
	if len(names) == 0 {
		for _, u := range r.world.Users() {
			names[u.ID] = strings.TrimSpace(u.FirstName + " " + u.LastName)
		}
		for _, g := range r.world.Groups() {
			names[-g.ID] = g.Name
		}
	}
	return cmp.Or(names[id], fmt.Sprintf("id%d", id))
}
