package fakevk

import "slices"

func init() {
	register("board.deleteComment", userOrGroup, scopeNone, (*call).boardDeleteComment)
	register("board.restoreComment", userOrGroup, scopeNone, (*call).boardRestoreComment)
}

// A topicComment is a comment in a topic, known from an event board_post_new.
// The world has no topics of its own.
type topicComment struct {
	id, topic, from int64
	object          map[string]any
	deleted         bool
}

func (w *World) learnTopic(g *group, o map[string]any) {
	t := &topicComment{id: number(o["id"]), topic: number(o["topic_id"]), from: number(o["from_id"]), object: o}
	if t.id != 0 && t.topic != 0 {
		g.topics = keepLast(append(g.topics, t), w.cfg.HistoryLimit)
	}
}

// topicComment returns the comment that a call names, if the caller is its
// author or a moderator.
func (c *call) topicComment() (*group, *topicComment) {
	id, topic, comment := c.positive("group_id"), c.positive("topic_id"), c.positive("comment_id")
	g := c.w.groups[id]
	if g == nil {
		c.abort(invalid("group_id is undefined"))
	}
	i := slices.IndexFunc(g.topics, func(t *topicComment) bool { return t.topic == topic && t.id == comment })
	if i < 0 {
		c.abort(invalid("comment_id is invalid"))
	}
	if g.topics[i].from != c.token.owner {
		c.rights(g, roleModerator)
	}
	return g, g.topics[i]
}

func (c *call) boardDeleteComment() (any, *apiError) {
	g, t := c.topicComment()
	if t.deleted {
		return nil, invalid("comment_id is invalid")
	}
	t.deleted = true
	c.w.emit(g, "board_post_delete", map[string]int64{"topic_owner_id": -g.spec.ID, "topic_id": t.topic, "id": t.id})
	c.w.touch()
	return 1, nil
}

func (c *call) boardRestoreComment() (any, *apiError) {
	g, t := c.topicComment()
	if !t.deleted {
		return nil, invalid("comment_id is invalid")
	}
	t.deleted = false
	c.w.emit(g, "board_post_restore", t.object)
	c.w.touch()
	return 1, nil
}
