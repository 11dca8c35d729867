package vktest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// patience limits the time for which an expectation waits.
const patience = 10 * time.Second

// kept limits the notes and edits that are remembered. The world limits
// everything numerous in the same way.
const kept = 10_000

// Hears expects the bot's next message in the conversation to have this text,
// and waits for the message if necessary. It returns the message as it was
// sent, even if the bot has edited or deleted it since: [User.SeesEdited] and
// [User.SeesDeleted] expect that. A message that is not as expected counts as
// not heard.
func (u *User) Hears(text string) Message {
	u.s.tb().Helper()
	return u.hears(fmt.Sprintf("%q", text), func(m Message) bool { return m.Text == text })
}

// HearsLike is like Hears, for a text that contains a match of the regular
// expression.
func (u *User) HearsLike(pattern string) Message {
	u.s.tb().Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		u.s.fatalf("%v", err)
	}
	return u.hears("something like "+pattern, func(m Message) bool { return re.MatchString(m.Text) })
}

func (u *User) hears(want string, ok func(Message) bool) Message {
	u.s.tb().Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errSilence)
	defer cancel()
	m, heard, err := u.next(ctx, ok)
	switch {
	case err != nil:
		u.fails("should hear %s, but %v", want, err)
	case !heard:
		u.fails("should hear %s, but hears %q", want, m.Text)
	}
	return m
}

var errSilence = fmt.Errorf("nothing comes for %v", patience)

// HearsNothing expects that the bot, once it is idle (see [Server.Wait]), has
// sent no message in the conversation that was not heard. It fails if the bot
// is busy for ten seconds. If the bot needs longer, sleep or call Wait before
// it.
func (u *User) HearsNothing() {
	u.s.tb().Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := u.s.Wait(ctx)
	u.s.mu.Lock()
	m, ok := u.unheard()
	u.s.mu.Unlock()
	switch {
	case ok:
		u.fails("should hear nothing, but hears %q", m.Text)
	case err != nil:
		u.fails("should hear nothing, but the bot is still busy after %v", patience)
	}
}

// SeesEdited expects the bot to edit one of its messages that was heard before,
// to this text. It succeeds even if the message was edited again since. Each
// edit is seen once, and no edit is seen after a later one of the same message.
func (u *User) SeesEdited(text string) Message {
	u.s.tb().Helper()
	var got Message
	u.await("should see a message changed to %q", []any{text}, func() bool {
		u.s.mu.Lock()
		defer u.s.mu.Unlock()
		h := u.s.heard(u)
		for _, m := range u.s.world.Edits(u.ID, u.peer) {
			if m.FromID == -u.s.GroupID && m.CMID <= h.upTo && m.Edition > h.edits[m.CMID] && m.Text == text {
				h.see(m, u.fromBot())
				got = message(m)
				return true
			}
		}
		return false
	})
	return got
}

// SeesDeleted expects the bot to delete this message of its own for everybody.
func (u *User) SeesDeleted(m Message) {
	u.s.tb().Helper()
	u.await("should see the message %q deleted", []any{m.Text}, func() bool {
		now, ok := u.s.world.Message(u.ID, u.peer, m.CMID)
		return !ok || now.Deleted
	})
}

// SeesTyping expects the bot to show that it is typing, or a similar activity.
func (u *User) SeesTyping() {
	u.s.tb().Helper()
	u.await("should see the bot typing", nil, func() bool {
		_, ok := u.s.world.Typing(u.ID, u.peer)[-u.s.GroupID]
		return ok
	})
}

// SeesRead expects the bot to mark a message as read.
func (u *User) SeesRead(m Message) {
	u.s.tb().Helper()
	u.await("should see %q read", []any{m.Text}, func() bool {
		return u.s.world.ReadUpTo(-u.s.GroupID, u.botPeer()) >= m.CMID
	})
}

// botPeer returns the conversation's peer id as the bot knows it.
func (u *User) botPeer() int64 {
	if u.peer > 0 {
		return u.peer
	}
	return u.ID
}

// Next waits for the bot's next message in the conversation and returns it as
// it was sent. If ctx ends first, Next returns its cause.
func (u *User) Next(ctx context.Context) (Message, error) {
	m, _, err := u.next(ctx, anyMessage)
	return m, err
}

// next waits for the next message and takes it if it is as expected.
func (u *User) next(ctx context.Context, expected func(Message) bool) (m Message, taken bool, err error) {
	for {
		changed := u.s.world.Changed()
		if m, came, taken := u.take(expected); came {
			return m, taken, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, false, context.Cause(ctx)
		}
	}
}

func anyMessage(Message) bool { return true }

// TryNext returns the bot's next message in the conversation as it was sent, if
// there is one.
func (u *User) TryNext() (Message, bool) {
	m, came, _ := u.take(anyMessage)
	return m, came
}

// take returns the next message, and takes it if it is as expected.
func (u *User) take(expected func(Message) bool) (got Message, came, taken bool) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	m, came := u.unheard()
	if !came {
		return Message{}, false, false
	}
	got = message(m)
	if taken = expected(got); taken {
		u.s.heard(u).upTo = m.CMID
	}
	return got, true, taken
}

// A hearing records the bot's messages and edits that were heard in one
// conversation.
type hearing struct {
	upTo  int64           // the CMID
	edits map[int64]int64 // CMID → the edition that was seen, of edited messages
}

// see records the edition in which a message was seen. It drops messages that
// the conversation has dropped, so that the record stays limited.
func (h *hearing) see(m fakevk.Message, said []fakevk.Message) {
	h.edits[m.CMID] = m.Edition
	if len(h.edits) > kept {
		maps.DeleteFunc(h.edits, func(cmid, _ int64) bool { return cmid < said[0].CMID })
	}
}

// heard returns the hearing of u's conversation. The caller holds s.mu.
func (s *Server) heard(u *User) *hearing {
	h := s.hearings[u.botPeer()]
	if h == nil {
		h = &hearing{edits: make(map[int64]int64)}
		s.hearings[u.botPeer()] = h
	}
	return h
}

// unheard returns the bot's first unheard message, as it was sent. The caller
// holds s.mu.
func (u *User) unheard() (fakevk.Message, bool) {
	for _, m := range u.fromBot() {
		if m.CMID > u.s.heard(u).upTo {
			if sent, ok := u.s.world.Original(u.ID, u.peer, m.CMID); ok {
				return sent, true
			}
		}
	}
	return fakevk.Message{}, false
}

// fromBot returns the bot's messages in the conversation.
func (u *User) fromBot() []fakevk.Message {
	var said []fakevk.Message
	for _, m := range u.s.world.Messages(u.ID, u.peer) {
		if m.FromID == -u.s.GroupID && m.Action == nil {
			said = append(said, m)
		}
	}
	return said
}

// await waits until ok returns true, and fails the test if that does not
// happen.
func (u *User) await(want string, args []any, ok func() bool) {
	u.s.tb().Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		changed := u.s.world.Changed()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			u.fails(want+", but %v", append(args, errSilence)...)
			return
		}
	}
}

// fails fails the test and prints the conversation as the users see it.
func (u *User) fails(format string, args ...any) {
	u.s.tb().Helper()
	u.s.fatalf("%s "+format+"\n%s", append(append([]any{u.Name}, args...), u.s.conversation(u.ID, u.peer))...)
}
