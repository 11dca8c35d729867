package fakesim

import (
	"github.com/vkrouter/vk/internal/fakevk"
)

// A step is an action in a conversation, for the Go test that repeats it.
type step struct {
	conversation
	kind   string          // message, edit or press, as in changes
	m      *fakevk.Message // of message and edit
	press  fakevk.Press
	person bool // done by a user, not by a bot
}

const maxSteps = 10_000

// step keeps a change that a test needs. The caller holds d.mu.
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

// doing is the change that a user is making at the moment, because a change
// does not include its author.
type doing struct {
	conversation
	cmid int64
}

// change calls do for a user's change of a message.
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

// stepsOf returns the steps of a conversation, and reports whether the
// beginning may have been dropped.
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
