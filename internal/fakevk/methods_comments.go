package fakevk

import "slices"

func init() {
	register("wall.createComment", userOrGroup, scopeNone, (*call).wallCreateComment)
	register("wall.deleteComment", userToken, scopeNone, (*call).wallDeleteComment)
	register("wall.editComment", userToken, scopeNone, (*call).wallEditComment)
	register("wall.getComment", userToken, scopeNone, (*call).wallGetComment)
	register("wall.getComments", userToken|serviceToken, scopeNone, (*call).wallGetComments)
	register("wall.restoreComment", userToken, scopeNone, (*call).wallRestoreComment)
}

// wallCreateComment is the only method of a wall that accepts community tokens:
// they comment as the community. A user does that with from_group, the id of a
// community that the user manages.
func (c *call) wallCreateComment() (any, *apiError) {
	owner, id := c.wallOwner(), c.positive("post_id")
	from := c.token.owner
	if g := c.int("from_group"); g != 0 && c.token.kind == userToken {
		if c.w.groups[g] == nil || !c.w.groups[g].may(c.token.owner, roleModerator) {
			return nil, fail(codeAddReply)
		}
		from = -g
	}
	var text post
	if sticker := c.int("sticker_id"); sticker > 0 {
		text.attached = append(text.attached, stickerObject(sticker))
	} else if err := c.wallText(&text); err != nil {
		return nil, err
	}
	cm, err := c.w.comment(c.token.owner, from, owner, id, c.int("reply_to_comment"))
	if err != nil {
		return nil, err
	}
	cm.text, cm.attached = text.text, text.attached
	l := c.w.walls[owner]
	c.w.reply(l, l.find(id), cm)
	return map[string]any{"comment_id": cm.id, "parents_stack": cm.stack()}, nil
}

// ownComment returns the comment that a call changes: the caller's own comment,
// or one on the caller's wall or on the wall of a community that the caller
// moderates.
func (c *call) ownComment() (*wall, *post, *comment, *apiError) {
	id, owner, user := c.positive("comment_id"), c.wallOwner(), c.token.owner
	l := c.w.walls[owner]
	if l == nil {
		return nil, nil, nil, fail(codeCommentAccess)
	}
	p, cm := l.findComment(id)
	if cm == nil || p.deleted {
		return nil, nil, nil, fail(codeCommentAccess)
	}
	g := c.w.groups[-owner]
	if cm.from != user && owner != user && (g == nil || !g.may(user, roleModerator)) {
		return nil, nil, nil, fail(codeCommentAccess)
	}
	return l, p, cm, nil
}

// wallEditComment is for the author only, within a day.
func (c *call) wallEditComment() (any, *apiError) {
	l, p, cm, err := c.ownComment()
	if err != nil {
		return nil, err
	}
	g := c.w.groups[-cm.from]
	switch {
	case cm.deleted:
		return nil, fail(codeCommentAccess)
	case cm.from != c.token.owner && (g == nil || !g.may(c.token.owner, roleModerator)):
		return nil, fail(codeCommentAccess)
	case now().Sub(cm.date) >= editWindow:
		return nil, fail(codeAccess, "edit time expired")
	}
	var text post
	if err := c.wallText(&text); err != nil {
		return nil, err
	}
	cm.text, cm.attached = text.text, text.attached
	c.w.tellWall(l, "wall_reply_edit", c.w.wireReply(l, p, cm))
	return 1, nil
}

func (c *call) wallDeleteComment() (any, *apiError) {
	l, p, cm, err := c.ownComment()
	if err != nil {
		return nil, err
	}
	if cm.deleted {
		return nil, fail(codeCommentAccess)
	}
	c.w.deleteComment(l, p, cm, c.token.owner)
	return 1, nil
}

func (c *call) wallRestoreComment() (any, *apiError) {
	l, p, cm, err := c.ownComment()
	if err != nil {
		return nil, err
	}
	if !cm.deleted {
		return nil, fail(codeNotDeleted)
	}
	cm.deleted = false
	c.w.tellWall(l, "wall_reply_restore", c.w.wireReply(l, p, cm))
	return 1, nil
}

func (c *call) wallGetComment() (any, *apiError) {
	id, owner := c.positive("comment_id"), c.wallOwner()
	if l := c.w.walls[owner]; l != nil {
		if p, cm := l.findComment(id); cm != nil && !cm.deleted && !p.deleted {
			out := map[string]any{"items": []any{c.w.wireComment(l, p, cm, c.token.owner)},
				"can_post": !p.closed, "show_reply_button": true, "groups_can_post": true}
			c.extend(out, []int64{cm.from})
			return out, nil
		}
	}
	return nil, fail(codeReadComments)
}

// wallGetComments returns the first level of comments, or with comment_id a
// thread. Each thread of the first level contains as many replies as requested.
func (c *call) wallGetComments() (any, *apiError) {
	owner, id := c.wallOwner(), c.positive("post_id")
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 10, 0, maxWallPage)
	inThread := c.intIn("thread_items_count", 0, 0, 10)
	sort := c.oneOf("sort", "asc", "desc", "smart")
	needLikes := c.bool("need_likes")
	l := c.w.walls[owner]
	if l == nil || l.find(id) == nil {
		return nil, fail(codeReadComments)
	}
	p := l.find(id)
	list := p.shown(c.int("comment_id"))
	if sort == "desc" {
		slices.Reverse(list)
	}
	var from []int64
	wire := func(cm *comment) map[string]any {
		from = append(from, cm.from)
		out := c.w.wireComment(l, p, cm, c.token.owner)
		if needLikes {
			out["likes"] = c.w.wireLikes("comment", owner, cm.id, c.token.owner)
		}
		return out
	}
	level := len(list)
	items := []any{}
	for _, cm := range page(list, offset, count) {
		item := wire(cm)
		if thread, ok := item["thread"].(map[string]any); ok {
			answers := []any{}
			for _, a := range page(p.shown(cm.id), 0, inThread) {
				answers = append(answers, wire(a))
			}
			thread["items"] = answers
		}
		items = append(items, item)
	}
	out := map[string]any{
		"count": p.count(), "current_level_count": level, "items": items,
		"can_post": !p.closed, "show_reply_button": true, "groups_can_post": true,
	}
	slices.Sort(from)
	c.extend(out, slices.Compact(from))
	return out, nil
}
