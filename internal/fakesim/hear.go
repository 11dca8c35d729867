package fakesim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A conversation is a conversation between a user (zero in a chat) and a
// community or chat.
type conversation struct{ user, peer int64 }

func conversationOf(user, peer int64) conversation {
	if peer > 0 {
		user = 0 // a message in a chat is heard once, by the first user who listens
	}
	return conversation{user, peer}
}

// A hearing records the bots' messages and edits that were heard in a
// conversation.
type hearing struct {
	upTo  int64           // the CMID
	edits map[int64]int64 // CMID → the edition that was seen, of edited messages
}

const maxEdits = 10_000 // per conversation

func (r *run) heard(c conversation) *hearing {
	h := r.hearings[c]
	if h == nil {
		h = &hearing{edits: make(map[int64]int64)}
		r.hearings[c] = h
	}
	return h
}

func (h *hearing) see(m fakevk.Message) {
	h.edits[m.CMID] = m.Edition
	if len(h.edits) > maxEdits {
		maps.DeleteFunc(h.edits, func(cmid, _ int64) bool { return cmid < m.CMID-maxEdits })
	}
}

// fromBots returns the communities' messages in a conversation.
func (r *run) fromBots(user, peer int64) []fakevk.Message {
	var said []fakevk.Message
	for _, m := range r.world.Messages(user, peer) {
		if m.FromID < 0 && m.Action == nil {
			said = append(said, m)
		}
	}
	return said
}

// next returns the next unheard message, as it was sent. It counts as heard if
// it is as expected.
func (r *run) next(user, peer int64, expected func(fakevk.Message) bool) (m fakevk.Message, came, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard(conversationOf(user, peer))
	for _, m := range r.fromBots(user, peer) {
		if m.CMID <= h.upTo {
			continue
		}
		sent, ok := r.world.Original(user, peer, m.CMID)
		if !ok {
			continue
		}
		if taken = expected(sent); taken {
			h.upTo = m.CMID
		}
		return sent, true, taken
	}
	return fakevk.Message{}, false, false
}

// defaultWait is the default for the time in seconds that requests wait.
const defaultWait = 10

type hearingOf struct {
	inPeer
	Text *string  `json:"text,omitempty"` // the expected text
	Like string   `json:"like,omitempty"` // or a regular expression that must match somewhere in it
	Wait *float64 `json:"wait,omitempty"` // in seconds; the default is 10
}

func waitOf(f *float64) (float64, error) {
	if f == nil {
		return defaultWait, nil
	}
	return *f, checkWait(*f)
}

// hear takes the bot's next message as it was sent. If the message is not as
// expected, hear fails and the message counts as not heard.
func (q *request) hear(in hearingOf) (any, error) {
	user, peer, err := in.find(q)
	if err != nil {
		return nil, err
	}
	seconds, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	like, err := regexp.Compile(in.Like)
	if err != nil {
		return nil, bad("like is not a regular expression: %v", err)
	}
	var m fakevk.Message
	came, err := q.wait(seconds, 0, func() (ok bool) {
		m, ok, _ = q.next(user, peer, func(m fakevk.Message) bool {
			return (in.Text == nil || m.Text == *in.Text) && like.MatchString(m.Text)
		})
		return ok
	})
	switch {
	case err != nil:
		return nil, err
	case !came:
		return nil, q.timeoutIn(user, peer, seconds, "there is no new message")
	case in.Text != nil && m.Text != *in.Text:
		return nil, q.unexpected(user, peer, "should hear %q, but hears %q", *in.Text, m.Text)
	case !like.MatchString(m.Text):
		return nil, q.unexpected(user, peer, "should hear something like %s, but hears %q", in.Like, m.Text)
	}
	return viewOf(m), nil
}

// A sight is an observation to wait for. One of the fields after Wait selects
// it.
type sight struct {
	inPeer
	Wait     *float64  `json:"wait,omitempty"`    // in seconds; the default is 10
	Edited   *string   `json:"edited,omitempty"`  // a heard message of the bot is changed to this text
	Deleted  int64     `json:"deleted,omitempty"` // this message is deleted for everybody
	Typing   bool      `json:"typing,omitempty"`
	Read     int64     `json:"read,omitempty"`     // the bot has read up to this message
	Pinned   int64     `json:"pinned,omitempty"`   // this message is pinned
	Reaction *reaction `json:"reaction,omitempty"` // the bot has added this reaction
}

type reaction struct {
	CMID int64 `json:"cmid"`
	ID   int   `json:"reaction_id"`
}

func (q *request) see(in sight) (any, error) {
	user, peer, err := in.find(q)
	if err != nil {
		return nil, err
	}
	seconds, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	var looks []func() bool
	var what string
	var seen any = done
	look := func(is bool, words string, f func() bool) {
		if is {
			looks, what = append(looks, f), words
		}
	}
	look(in.Edited != nil, "no message is changed to that text", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		h := q.heard(conversationOf(user, peer))
		for _, m := range q.world.Edits(user, peer) {
			if m.FromID < 0 && m.CMID <= h.upTo && m.Edition > h.edits[m.CMID] && m.Text == *in.Edited {
				h.see(m)
				seen = viewOf(m)
				return true
			}
		}
		return false
	})
	look(in.Deleted != 0, "the message is not deleted", func() bool {
		m, ok := q.world.Message(user, peer, in.Deleted)
		return !ok || m.Deleted
	})
	look(in.Typing, "no bot is typing", func() bool {
		for id := range q.world.Typing(user, peer) {
			if id < 0 {
				return true
			}
		}
		return false
	})
	look(in.Read != 0, "the message is not read", func() bool {
		group, at := q.group, peer
		if peer < 0 {
			group, at = -peer, user
		}
		return q.world.ReadUpTo(-group, at) >= in.Read
	})
	look(in.Pinned != 0, "the message is not pinned", func() bool { return q.world.Pinned(peer) == in.Pinned })
	look(in.Reaction != nil, "no bot has left that reaction", func() bool {
		m, _ := q.world.Message(user, peer, in.Reaction.CMID)
		for _, r := range m.Reactions {
			if r.FromID < 0 && r.ID == in.Reaction.ID {
				return true
			}
		}
		return false
	})
	if len(looks) != 1 {
		return nil, bad("name one of edited, deleted, typing, read, pinned or reaction")
	}
	came, err := q.wait(seconds, 0, looks[0])
	if err != nil {
		return nil, err
	}
	if !came {
		return nil, q.timeoutIn(user, peer, seconds, "%s", what)
	}
	return seen, nil
}

// A readiness names the community whose bot must be running.
type readiness struct {
	GroupID int64    `json:"group_id,omitempty"`
	Wait    *float64 `json:"wait,omitempty"` // in seconds; the default is 10
}

// ready waits for a bot. Events that happen before the bot requests the long
// poll server are in no poll.
func (q *request) ready(in readiness) (any, error) {
	group, err := q.community(in.GroupID)
	if err != nil {
		return nil, err
	}
	seconds, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	is, err := q.wait(seconds, 50*time.Millisecond, func() bool {
		for _, hook := range q.world.Callbacks(group) {
			if hook.Status == "ok" {
				return true
			}
		}
		return q.world.Polling(group) > 0
	})
	if err == nil && !is {
		err = q.timeout(seconds, "no bot polls community %d", group)
	}
	return done, err
}

// An idling waits until the bots are idle. A bot in another process does not
// report that: it counts as idle if it has fetched every event and nothing has
// happened for a while.
type idling struct {
	User  who      `json:"user,omitzero"` // the user who must then have nothing to hear; optional
	Peer  who      `json:"peer,omitzero"`
	Quiet float64  `json:"quiet,omitempty"` // seconds without any change; zero means 0.3
	Wait  *float64 `json:"wait,omitempty"`  // in seconds; the default is 10
}

const defaultQuiet = 0.3

func (q *request) idle(in idling) (any, error) {
	var user, peer int64
	var err error
	if in.User != (who{}) {
		if user, peer, err = (inPeer{in.User, in.Peer}).find(q); err != nil {
			return nil, err
		}
	}
	seconds, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	if err := checkWait(in.Quiet); err != nil {
		return nil, bad("quiet is %v, which is not from 0 to %v seconds", in.Quiet, maxWait.Seconds())
	}
	quiet := time.Duration(cmp.Or(in.Quiet, defaultQuiet) * float64(time.Second))
	why := ""
	came, err := q.wait(seconds, min(quiet, 50*time.Millisecond), func() bool {
		why = q.busy()
		if why == "" && time.Since(q.log.last()) < quiet {
			why = "the world is still changing"
		}
		return why == ""
	})
	if err != nil {
		return nil, err
	}
	if !came {
		return nil, q.timeout(seconds, "%s", why)
	}
	if user != 0 {
		nothing := func(fakevk.Message) bool { return false }
		if m, ok, _ := q.next(user, peer, nothing); ok {
			return nil, q.unexpected(user, peer, "should hear nothing, but hears %q", m.Text)
		}
	}
	return done, nil
}

// busy describes the events that are still to be fetched or sent, or returns
// "".
func (r *run) busy() string {
	for _, g := range r.world.Groups() {
		if acked, head := r.world.Delivered(g.ID); acked != head && len(r.world.Callbacks(g.ID)) == 0 {
			if r.world.Polling(g.ID) == 0 {
				return fmt.Sprintf("%d events of community %d are not fetched, and no bot polls", head-acked, g.ID)
			}
			return fmt.Sprintf("%d events of community %d are not fetched", head-acked, g.ID)
		}
		for _, hook := range r.world.Callbacks(g.ID) {
			if hook.Due > 0 {
				return fmt.Sprintf("%d events are on their way to %s", hook.Due, hook.URL)
			}
		}
	}
	return ""
}

func (q *request) timeout(seconds float64, format string, args ...any) error {
	return &failure{http.StatusGatewayTimeout, "timeout", fmt.Sprintf("after %v s, ", seconds) + fmt.Sprintf(format, args...)}
}

// timeoutIn is like timeout, with the conversation in the message.
func (q *request) timeoutIn(user, peer int64, seconds float64, format string, args ...any) error {
	return q.timeout(seconds, "%s", fmt.Sprintf(format, args...)+"\n"+q.told(user, peer))
}

func (q *request) unexpected(user, peer int64, format string, args ...any) error {
	return &failure{http.StatusConflict, "unexpected", fmt.Sprintf("%s %s\n%s", q.name(user), fmt.Sprintf(format, args...), q.told(user, peer))}
}

// told returns the end of a conversation for a failure message.
func (q *request) told(user, peer int64) string {
	const most = 4000
	said := q.lines(user, peer)
	if said == "" {
		return "Nothing was said so far."
	}
	if len(said) > most {
		said = said[len(said)-most:]
		_, said, _ = strings.Cut(said, "\n")
	}
	return "The conversation so far:\n" + strings.TrimSuffix(said, "\n")
}

// A diary records facts that the world does not keep: presses, for the
// transcript, and the time of the last change. Its lock is acquired with the
// world locked, so the holder must not call the world.
type diary struct {
	mu     sync.Mutex
	notes  []note
	active time.Time
	steps  []step
	forgot bool // the first steps were dropped
	doing  doing

	changing sync.Mutex // one user at a time; acquired before the world's
}

// A note is a press.
type note struct {
	conversation
	after int64 // the CMID of the newest message at that time
	event string
	press fakevk.Press
}

const maxNotes = 10_000

func (d *diary) add(c fakevk.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active = time.Now()
	d.step(c)
	if c.Kind != fakevk.ChangePress {
		return
	}
	if len(d.notes) >= maxNotes {
		d.notes[0] = note{}
		d.notes = d.notes[1:]
	}
	d.notes = append(d.notes, note{conversation{c.User, c.Peer}, c.CMID, c.Press.EventID, *c.Press})
}

func (d *diary) last() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active
}

func (d *diary) of(c conversation) []note {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []note
	for _, n := range d.notes {
		if n.conversation == c {
			out = append(out, n)
		}
	}
	return out
}
