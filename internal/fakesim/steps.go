package fakesim

import (
	"github.com/vkrouter/vk/internal/fakevk"
)

// A step is something that happened in a conversation, for the Go test that
// does it again.
type step struct {
	conversation
	kind   string          // message, edit or press, as changes call them
	m      *fakevk.Message // of message and edit
	press  fakevk.Press
	person bool // a person did it, not a bot
}

const maxSteps = 10_000

// step keeps a change that a test needs to know of. The caller holds d.mu.
func (d *diary) step(c fakevk.Change) {
	s := step{conversation: conversation{c.User, c.Peer}, kind: c.Kind, m: c.Message}
	switch c.Kind {
	case fakevk.ChangeMessage:
		s.person = c.Message.FromID > 0
	case fakevk.ChangeEdit:
		s.person = d.doing == doing{s.conversation, c.Message.CMID}
	case fakevk.ChangePress:
		s.press, s.person = *c.Press, true
	default:
		return
	}
	if len(d.steps) >= maxSteps {
		d.steps[0] = step{}
		d.steps = d.steps[1:]
		d.forgot = true
	}
	d.steps = append(d.steps, s)
}

// doing is what a person is changing at the moment: a change does not say whose
// it is.
type doing struct {
	conversation
	cmid int64
}

// change does what a person does to a message.
func (d *diary) change(user, peer, cmid int64, do func() error) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	set := func(now doing) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.doing = now
	}
	set(doing{conversationOf(user, peer), cmid})
	defer set(doing{})
	return do()
}

// stepsOf is what happened in a conversation, and whether the beginning may be
// forgotten.
func (d *diary) stepsOf(c conversation) (list []step, forgot bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.steps {
		if s.conversation == c {
			list = append(list, s)
		}
	}
	return list, d.forgot
}
