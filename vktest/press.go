package vktest

import (
	"cmp"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A Press is a user's press of a button. The bot answers a callback button with
// a snackbar ([Press.Snackbar]), by opening a link ([Press.Link]), or with an
// empty answer ([Press.Blank]).
type Press struct {
	u     *User
	label string
	press fakevk.Press
}

// Presses presses the button with a label: on the newest message that has one,
// a carousel's buttons included, or on the keyboard under the input field. A
// text button sends its label. A location button, whose label is "location",
// sends a place.
func (u *User) Presses(label string) *Press {
	u.s.tb().Helper()
	b, cmid, ok := u.button(label)
	if !ok {
		u.fails("sees no button %q", label)
	}
	p, err := u.s.world.Press(u.ID, u.peer, cmid, b)
	u.must("press %q", err, label)
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	if b.Action.Type != "text" && b.Action.Type != "location" {
		u.s.noted(note{u.botPeer(), u.last(), u.Name + " presses [" + label + "]", p.EventID})
	}
	return &Press{u, label, p}
}

// button finds a button that the user sees.
func (u *User) button(want string) (b fakevk.Button, cmid int64, ok bool) {
	ms := u.s.world.Messages(u.ID, u.peer)
	for i := len(ms) - 1; i >= 0; i-- {
		for _, b := range ms[i].Buttons() {
			if label(b) == want && !ms[i].Deleted {
				return b, ms[i].CMID, true
			}
		}
	}
	if k := u.s.world.Keyboard(u.ID, u.peer); k != nil {
		for _, row := range k.Buttons {
			for _, b := range row {
				if label(b) == want {
					return b, 0, true
				}
			}
		}
	}
	return b, 0, false
}

// last returns the CMID of the newest message of the conversation.
func (u *User) last() int64 {
	ms := u.s.world.Messages(u.ID, u.peer)
	if len(ms) == 0 {
		return 0
	}
	return ms[len(ms)-1].CMID
}

// Snackbar expects the bot to answer the press with a snackbar of this text.
func (p *Press) Snackbar(text string) { p.u.s.tb().Helper(); p.answer("show_snackbar", text) }

// Link expects the bot to answer the press by opening a link.
func (p *Press) Link(url string) { p.u.s.tb().Helper(); p.answer("open_link", url) }

// Blank expects the bot to answer the press with an empty answer, which ends
// the spinner on the button.
func (p *Press) Blank() { p.u.s.tb().Helper(); p.answer("", "") }

func (p *Press) answer(kind, what string) {
	p.u.s.tb().Helper()
	if p.press.EventID == "" {
		p.u.fails("pressed %q, which is not a callback button: the bot cannot answer it", p.label)
	}
	var got fakevk.EventAnswer
	p.u.await("should get an answer to the button %q", []any{p.label}, func() bool {
		now, ok := p.u.s.world.Pressed(p.press.EventID)
		got = now.Answer
		return ok && now.Answered
	})
	if got.Type != kind || cmp.Or(got.Text, got.Link) != what {
		p.u.fails("should get %s %q for the button %q, but gets %s %q", answerName(kind), what, p.label, answerName(got.Type), cmp.Or(got.Text, got.Link))
	}
}

// answerName returns an answer's type in words.
func answerName(kind string) string {
	switch kind {
	case "":
		return "a blank answer"
	case "show_snackbar":
		return "the snackbar"
	case "open_link":
		return "the link"
	}
	return "the answer " + kind
}
