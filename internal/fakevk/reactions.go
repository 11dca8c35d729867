package fakevk

import (
	"fmt"
	"maps"
	"slices"
)

// maxReaction is the highest reaction id that VK's clients offer. The ids start
// at one.
const maxReaction = 16

// A Reaction is one member's reaction to a message. Each member has at most one
// per message.
type Reaction struct {
	FromID int64
	ID     int
}

// A reactionCounter counts one reaction and lists some of its authors.
type reactionCounter struct {
	ID    int     `json:"reaction_id"`
	Count int     `json:"count"`
	Users []int64 `json:"user_ids"`
}

const counterUsers = 3 // number of authors in a counter

// counters counts reactions, most frequent first.
func counters(list []Reaction) []reactionCounter {
	byID := make(map[int]*reactionCounter)
	for _, r := range list {
		c := byID[r.ID]
		if c == nil {
			c = &reactionCounter{ID: r.ID}
			byID[r.ID] = c
		}
		if c.Count++; len(c.Users) < counterUsers {
			c.Users = append(c.Users, r.FromID)
		}
	}
	out := []reactionCounter{}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		out = append(out, *byID[id])
	}
	slices.SortStableFunc(out, func(a, b reactionCounter) int { return b.Count - a.Count })
	return out
}

// react adds a message's reactions to it.
func (out *wireMessage) react(m *Message, viewer int64) {
	if len(m.Reactions) == 0 {
		return
	}
	out.Reactions = counters(m.Reactions)
	out.LastReaction = m.Reactions[len(m.Reactions)-1].ID
	out.ReactionID = m.reactionOf(viewer)
}

// reactionOf returns a member's reaction to the message, or zero.
func (m *Message) reactionOf(who int64) int {
	for _, r := range m.Reactions {
		if r.FromID == who {
			return r.ID
		}
	}
	return 0
}

// React adds a user's reaction to a message and replaces an earlier one. Zero
// removes the reaction. React emits message_reaction_event.
func (w *World) React(user, peer, cmid int64, reaction int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, m := w.lookup(user, peer, cmid)
	if m == nil {
		return fmt.Errorf("%w: %d in %d", ErrNoMessage, cmid, peer)
	}
	if reaction < 0 || reaction > maxReaction {
		return fmt.Errorf("%w: reaction %d", ErrForbidden, reaction)
	}
	w.react(d, m, user, reaction)
	return nil
}

// react notifies the communities of the dialog, except the one that reacts.
func (w *World) react(d *dialog, m *Message, who int64, reaction int) {
	if m.reactionOf(who) == reaction {
		return
	}
	n := *m
	n.Reactions = slices.DeleteFunc(slices.Clone(m.Reactions), func(r Reaction) bool { return r.FromID == who })
	if reaction != 0 {
		n.Reactions = append(n.Reactions, Reaction{who, reaction})
	}
	w.replace(d, &n)
	for _, g := range w.audience(d) {
		if -g.spec.ID == who || d.chat != nil && d.chat.mentionsOnly {
			continue
		}
		w.emit(g, "message_reaction_event", struct {
			ReactedID  int64 `json:"reacted_id"`
			PeerID     int64 `json:"peer_id"`
			CMID       int64 `json:"cmid"`
			ReactionID int   `json:"reaction_id,omitempty"`
		}{who, d.peerOf(-g.spec.ID), m.CMID, reaction})
	}
}
