package fakevk

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A wall holds the posts of a user or a community. Posts and comments share one
// numbering, as in VK. Config.HistoryLimit limits both the posts of a wall and
// the comments of a post; the oldest are dropped first.
type wall struct {
	owner int64
	last  int64 // the last number used
	posts []*post
}

type post struct {
	id       int64
	from     int64
	author   int64 // the user who wrote a post as the community
	signed   bool
	date     time.Time
	edited   time.Time
	kind     string // post or suggest
	text     string
	attached []json.RawMessage
	deleted  bool
	closed   bool // comments are closed
	comments []*comment
}

type comment struct {
	id       int64
	from     int64
	date     time.Time
	text     string
	attached []json.RawMessage
	parent   int64 // the comment that starts its thread
	replyTo  int64 // the comment that it replies to
	deleted  bool
}

const maxPostLen = 16_384 // characters of a post or a comment

func (w *World) wall(owner int64) *wall {
	l := w.walls[owner]
	if l == nil {
		l = &wall{owner: owner}
		w.walls[owner] = l
	}
	return l
}

// find returns a post that is not deleted, or nil.
func (l *wall) find(id int64) *post {
	for _, p := range l.posts {
		if p.id == id && !p.deleted {
			return p
		}
	}
	return nil
}

// findComment returns a comment, deleted or not, with its post.
func (l *wall) findComment(id int64) (*post, *comment) {
	for _, p := range l.posts {
		if c := p.find(id); c != nil {
			return p, c
		}
	}
	return nil, nil
}

func (p *post) find(id int64) *comment {
	for _, c := range p.comments {
		if c.id == id {
			return c
		}
	}
	return nil
}

// shown returns the comments that are not deleted, in one thread or, if parent
// is zero, on the first level.
func (p *post) shown(parent int64) []*comment {
	var list []*comment
	for _, c := range p.comments {
		if !c.deleted && c.parent == parent {
			list = append(list, c)
		}
	}
	return list
}

func (p *post) count() int {
	n := 0
	for _, c := range p.comments {
		n += boolInt(!c.deleted)
	}
	return n
}

func (w *World) publish(l *wall, p *post) *post {
	l.last++
	p.id, p.date = l.last, now()
	l.posts = append(l.posts, p)
	if len(l.posts) > w.cfg.HistoryLimit {
		w.forgetLikes(l.owner, l.posts[0])
		l.posts[0] = nil
		l.posts = l.posts[1:]
	}
	w.tellWall(l, "wall_post_new", w.wirePost(l, p, 0))
	return p
}

func (w *World) reply(l *wall, p *post, c *comment) *comment {
	l.last++
	c.id, c.date = l.last, now()
	p.comments = append(p.comments, c)
	if len(p.comments) > w.cfg.HistoryLimit {
		delete(w.likes, likeKey("comment", l.owner, p.comments[0].id))
		p.comments[0] = nil
		p.comments = p.comments[1:]
	}
	w.tellWall(l, "wall_reply_new", w.wireReply(l, p, c))
	return c
}

// tellWall notifies the community that owns the wall, if a community does.
func (w *World) tellWall(l *wall, eventType string, object any) {
	if g := w.groups[-l.owner]; g != nil {
		w.emit(g, eventType, object)
	}
	w.touch()
}

// deleteComment marks a comment and the replies to it in its thread as deleted.
func (w *World) deleteComment(l *wall, p *post, c *comment, by int64) {
	c.deleted = true
	w.tellWall(l, "wall_reply_delete", struct {
		OwnerID   int64 `json:"owner_id"`
		ID        int64 `json:"id"`
		DeleterID int64 `json:"deleter_id"`
		PostID    int64 `json:"post_id"`
	}{l.owner, c.id, by, p.id})
}

// wirePost returns a post as viewer gets it.
func (w *World) wirePost(l *wall, p *post, viewer int64) map[string]any {
	out := map[string]any{
		"inner_type": "wall_wallpost", "id": p.id, "owner_id": l.owner, "from_id": p.from,
		"date": w.unix(p.date), "post_type": p.kind, "type": "post", "text": p.text,
		"attachments": notNull(p.attached), "marked_as_ads": 0, "is_favorite": false,
		"comments": map[string]any{"count": p.count(), "can_post": boolInt(!p.closed), "groups_can_post": true},
		"likes":    w.wireLikes("post", l.owner, p.id, viewer),
		"reposts":  map[string]int{"count": 0, "user_reposted": 0},
		"views":    map[string]int{"count": 1}, "post_source": map[string]string{"type": "api"},
		"can_edit": boolInt(viewer != 0 && viewer == p.author), "can_delete": boolInt(viewer != 0 && viewer == p.author),
	}
	if l.owner < 0 && p.from == l.owner && p.author > 0 {
		out["created_by"] = p.author
	}
	if p.signed {
		out["signer_id"] = p.author
	}
	if !p.edited.IsZero() {
		out["edited"] = w.unix(p.edited)
	}
	return out
}

// wireComment returns a comment as viewer gets it.
func (w *World) wireComment(l *wall, p *post, c *comment, viewer int64) map[string]any {
	out := map[string]any{
		"id": c.id, "from_id": c.from, "date": w.unix(c.date), "text": c.text,
		"post_id": p.id, "owner_id": l.owner, "parents_stack": c.stack(),
		"can_edit": boolInt(viewer != 0 && viewer == c.from),
	}
	if len(c.attached) > 0 {
		out["attachments"] = c.attached
	}
	if c.parent == 0 {
		out["thread"] = map[string]any{
			"count": len(p.shown(c.id)), "items": []any{}, "can_post": !p.closed,
			"show_reply_button": true, "groups_can_post": true,
		}
	}
	if r := p.find(c.replyTo); c.replyTo != 0 && r != nil {
		out["reply_to_comment"], out["reply_to_user"] = r.id, r.from
	}
	return out
}

func (c *comment) stack() []int64 {
	if c.parent == 0 {
		return []int64{}
	}
	return []int64{c.parent}
}

// wireReply returns a comment as events carry it.
func (w *World) wireReply(l *wall, p *post, c *comment) map[string]any {
	out := w.wireComment(l, p, c, 0)
	delete(out, "can_edit")
	out["post_owner_id"] = l.owner
	return out
}

// Post posts on a wall as a user: on the user's own or, with a negative owner,
// on a community's. On a page of which the user is not an editor, the post is a
// suggestion. Post returns the post's number and emits wall_post_new.
func (w *World) Post(user, owner int64, text string) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users[user] == nil || w.mayPost(user, owner) != nil {
		return 0, fmt.Errorf("%w: %d cannot post on %d", ErrForbidden, user, owner)
	}
	return w.publish(w.wall(owner), &post{from: user, author: user, kind: w.postKind(user, owner), text: text}).id, nil
}

func (w *World) postKind(user, owner int64) string {
	if g := w.groups[-owner]; g != nil && g.spec.Type == "page" && !g.may(user, roleEditor) {
		return "suggest"
	}
	return "post"
}

// mayPost returns the error if a user may not post on a wall, or nil.
func (w *World) mayPost(user, owner int64) *apiError {
	if owner == user {
		return nil
	}
	g := w.groups[-owner]
	switch {
	case g == nil && w.users[owner] == nil:
		return invalid("owner_id is invalid")
	case g == nil:
		return fail(codeAddPost)
	case !w.openWall(g, user):
		return fail(codeAddPost)
	}
	return nil
}

// openWall reports whether a user may post on the wall of a community.
func (w *World) openWall(g *group, user int64) bool {
	return !w.isBanned(g, user) && (g.setting("wall") == int64(1) || g.may(user, roleEditor))
}

// Comment writes a comment as a user, in reply to another one unless replyTo is
// zero. It returns the comment's number and emits wall_reply_new.
func (w *World) Comment(user, owner, postID, replyTo int64, text string) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users[user] == nil {
		return 0, fmt.Errorf("%w: no user %d", ErrForbidden, user)
	}
	c, err := w.comment(user, user, owner, postID, replyTo)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", ErrForbidden, err.msg)
	}
	c.text = text
	l := w.wall(owner)
	return w.reply(l, l.find(postID), c).id, nil
}

// comment creates a comment by from, for which user acts, and checks that it is
// allowed.
func (w *World) comment(user, from, owner, postID, replyTo int64) (*comment, *apiError) {
	l := w.walls[owner]
	if l == nil {
		return nil, fail(codeAddReply)
	}
	p := l.find(postID)
	if p == nil || p.closed {
		return nil, fail(codeAddReply)
	}
	if g := w.groups[-owner]; g != nil && user > 0 && w.isBanned(g, user) {
		return nil, fail(codeAddReply)
	}
	c := &comment{from: from}
	if replyTo != 0 {
		r := p.find(replyTo)
		if r == nil || r.deleted {
			return nil, invalid("reply_to_comment is invalid")
		}
		// Threads are one level deep: a reply to a reply joins its thread.
		if c.replyTo, c.parent = replyTo, r.parent; c.parent == 0 {
			c.parent = r.id
		}
	}
	return c, nil
}

// A WallPost is a post as tests see it.
type WallPost struct {
	ID, FromID int64
	Text       string
	Suggested  bool
	Comments   []WallComment
	Likes      []int64
}

// A WallComment is a comment as tests see it.
type WallComment struct {
	ID, FromID, ReplyTo int64
	Text                string
}

// Wall returns the posts of a user or, with a negative owner, of a community,
// oldest first, without deleted ones.
func (w *World) Wall(owner int64) []WallPost {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.walls[owner]
	if l == nil {
		return nil
	}
	var out []WallPost
	for _, p := range l.posts {
		if p.deleted {
			continue
		}
		q := WallPost{ID: p.id, FromID: p.from, Text: p.text, Suggested: p.kind == "suggest",
			Likes: slices.Clone(w.likes[likeKey("post", owner, p.id)])}
		for _, c := range p.comments {
			if !c.deleted {
				q.Comments = append(q.Comments, WallComment{c.id, c.from, c.replyTo, c.text})
			}
		}
		out = append(out, q)
	}
	return out
}
