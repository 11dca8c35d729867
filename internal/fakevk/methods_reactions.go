package fakevk

import (
	"fmt"
	"maps"
	"slices"
)

func init() {
	register("messages.deleteReaction", userOrGroup, scopeMessages, (*call).messagesDeleteReaction)
	register("messages.getMessagesReactions", userOrGroup, scopeMessages, (*call).messagesGetMessagesReactions)
	register("messages.getReactedPeers", userOrGroup, scopeMessages, (*call).messagesGetReactedPeers)
	register("messages.getReactionsAssets", userToken, scopeMessages, (*call).messagesGetReactionsAssets)
	register("messages.markReactionsAsRead", userToken, scopeMessages, (*call).messagesMarkReactionsAsRead)
	register("messages.sendReaction", userOrGroup, scopeMessages, (*call).messagesSendReaction)
}

// reactable returns the message that peer_id and cmid name; VK accepts no
// message_id here.
func (c *call) reactable(actor int64) (*dialog, *Message, *apiError) {
	c.require("peer_id", "cmid")
	d, err := c.w.readable(actor, c.int("peer_id"))
	if err != nil {
		return nil, nil, err
	}
	if d != nil {
		if m := d.find(c.int("cmid")); m != nil && d.visible(actor, m) {
			return d, m, nil
		}
	}
	return nil, nil, invalid("cmid is invalid")
}

func (c *call) messagesSendReaction() (any, *apiError) {
	actor := c.actor()
	d, m, err := c.reactable(actor)
	if err != nil {
		return nil, err
	}
	c.require("reaction_id")
	id := c.int("reaction_id")
	if id < 1 || id > maxReaction {
		return nil, fail(codeReaction)
	}
	c.w.react(d, m, actor, int(id))
	return 1, nil
}

// messagesDeleteReaction returns 0 if there was no reaction.
func (c *call) messagesDeleteReaction() (any, *apiError) {
	actor := c.actor()
	d, m, err := c.reactable(actor)
	if err != nil {
		return nil, err
	}
	had := m.reactionOf(actor) != 0
	c.w.react(d, m, actor, 0)
	return boolInt(had), nil
}

// reacted adds the authors of reactions to extended responses.
func (c *call) reacted(out map[string]any, ms ...*Message) {
	who := make(map[int64]bool)
	for _, m := range ms {
		for _, r := range m.Reactions {
			who[r.FromID] = true
		}
	}
	profiles, groups := c.w.parties(slices.Sorted(maps.Keys(who)), nil)
	out["profiles"], out["groups"] = notNull(profiles), notNull(groups)
}

// messagesGetReactedPeers lists all reactions, or with reaction_id only those
// of one kind.
func (c *call) messagesGetReactedPeers() (any, *apiError) {
	_, m, err := c.reactable(c.actor())
	if err != nil {
		return nil, err
	}
	only := int(c.int("reaction_id"))
	if only < 0 || only > maxReaction {
		return nil, fail(codeReaction)
	}
	type item struct {
		UserID     int64 `json:"user_id"`
		ReactionID int   `json:"reaction_id"`
	}
	items := []item{}
	for _, r := range m.Reactions {
		if only == 0 || r.ID == only {
			items = append(items, item{r.FromID, r.ID})
		}
	}
	out := map[string]any{"count": len(items), "reactions": items, "counters": counters(m.Reactions)}
	c.reacted(out, m)
	return out, nil
}

// messagesGetMessagesReactions skips unknown messages.
func (c *call) messagesGetMessagesReactions() (any, *apiError) {
	c.require("peer_id", "cmids")
	found, err := c.byCMID(c.actor(), c.ints("cmids", maxMessageIDs))
	if err != nil {
		return nil, err
	}
	type item struct {
		CMID     int64             `json:"cmid"`
		Counters []reactionCounter `json:"counters"`
	}
	items := []item{}
	var ms []*Message
	for _, l := range found {
		items = append(items, item{l.message.CMID, counters(l.message.Reactions)})
		ms = append(ms, l.message)
	}
	out := map[string]any{"items": items}
	c.reacted(out, ms...)
	return out, nil
}

func (c *call) messagesMarkReactionsAsRead() (any, *apiError) {
	c.require("peer_id")
	c.ints("cmids", maxMessageIDs)
	_, err := c.w.readable(c.actor(), c.int("peer_id"))
	return 1, err
}

func (c *call) messagesGetReactionsAssets() (any, *apiError) {
	c.intIn("client_version", 1, 1, 1<<31)
	var assets []any
	var ids []int
	for id := 1; id <= maxReaction; id++ {
		at := fmt.Sprintf("https://vk.com/reaction/1-%d", id)
		ids = append(ids, id)
		assets = append(assets, map[string]any{"reaction_id": id, "links": map[string]string{
			"big_animation": at + "-b.json", "small_animation": at + "-s.json", "static": at + "-t.png",
		}})
	}
	return map[string]any{"version": 1, "assets": assets, "reaction_ids": ids}, nil
}
