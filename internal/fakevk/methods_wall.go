package fakevk

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func init() {
	register("wall.closeComments", userOrGroup, scopeNone, (*call).wallCloseComments)
	register("wall.delete", userToken, scopeNone, (*call).wallDelete)
	register("wall.edit", userToken, scopeNone, (*call).wallEdit)
	register("wall.get", userToken|serviceToken, scopeNone, (*call).wallGet)
	register("wall.getById", userToken|serviceToken, scopeNone, (*call).wallGetByID)
	register("wall.openComments", userOrGroup, scopeNone, (*call).wallOpenComments)
	register("wall.post", userToken, scopeNone, (*call).wallPost)
}

const maxWallPage = 100

// wallOwner returns the owner of the wall that a call is about. The default is
// the caller.
func (c *call) wallOwner() int64 {
	if c.has("owner_id") {
		return c.int("owner_id")
	}
	return c.token.owner
}

// wallText reads the text and the attachments of a post or a comment.
func (c *call) wallText(p *post) *apiError {
	p.text = c.str("message")
	if utf8.RuneCountInString(p.text) > maxPostLen {
		return invalid("message is too long")
	}
	var err *apiError
	if p.attached, err = c.w.attachments(c.strMax("attachments", maxAttachParam)); err != nil {
		return err
	}
	if strings.TrimSpace(p.text) == "" && len(p.attached) == 0 {
		return invalid("message is undefined")
	}
	return nil
}

// wallPost publishes at once; scheduled posts are not supported.
func (c *call) wallPost() (any, *apiError) {
	user, owner := c.token.owner, c.wallOwner()
	for _, later := range []string{"publish_date", "post_id", "donut_paid_duration"} {
		if c.has(later) {
			return nil, fail(codeNotDone, "%s", later)
		}
	}
	p := &post{from: user, author: user, closed: c.bool("close_comments")}
	if err := c.wallText(p); err != nil {
		return nil, err
	}
	if err := c.w.mayPost(user, owner); err != nil {
		return nil, err
	}
	p.kind = c.w.postKind(user, owner)
	if c.bool("from_group") && owner < 0 {
		if !c.w.groups[-owner].may(user, roleEditor) {
			return nil, fail(codeAddPost)
		}
		p.from, p.signed = owner, c.bool("signed")
	}
	return map[string]int64{"post_id": c.w.publish(c.w.wall(owner), p).id}, nil
}

// ownPost returns the post that a call changes: the caller's own, or any on the
// wall of a community where the caller is an editor.
func (c *call) ownPost() (*wall, *post, *apiError) {
	id, owner := c.positive("post_id"), c.wallOwner()
	l := c.w.walls[owner]
	if l == nil || l.find(id) == nil {
		return nil, nil, fail(codePostAccess)
	}
	p := l.find(id)
	g := c.w.groups[-owner]
	if p.author != c.token.owner && owner != c.token.owner && (g == nil || !g.may(c.token.owner, roleEditor)) {
		return nil, nil, fail(codePostAccess)
	}
	return l, p, nil
}

func (c *call) wallEdit() (any, *apiError) {
	_, p, err := c.ownPost()
	if err != nil {
		return nil, err
	}
	if now().Sub(p.date) >= editWindow {
		return nil, fail(codeAccess, "edit time expired")
	}
	if err := c.wallText(p); err != nil {
		return nil, err
	}
	p.edited = now()
	c.w.touch()
	return map[string]int64{"post_id": p.id}, nil
}

func (c *call) wallCloseComments() (any, *apiError) { return c.closeComments(true) }

func (c *call) wallOpenComments() (any, *apiError) { return c.closeComments(false) }

// closeComments closes the comments of a post, or opens them again.
func (c *call) closeComments(closed bool) (any, *apiError) {
	c.require("owner_id")
	_, p, err := c.ownPost()
	if err != nil {
		return nil, err
	}
	p.closed = closed
	c.w.touch()
	return 1, nil
}

func (c *call) wallDelete() (any, *apiError) {
	l, p, err := c.ownPost()
	if err != nil {
		return nil, err
	}
	p.deleted = true
	c.w.forgetLikes(l.owner, p)
	c.w.touch()
	return 1, nil
}

// wallGet returns posts newest first. Suggestions are returned on request, and
// only to the editors who decide on them.
func (c *call) wallGet() (any, *apiError) {
	owner := c.wallOwner()
	if c.has("domain") {
		var ok bool
		if owner, ok = c.w.resolve(c.str("domain")); !ok {
			return nil, invalid("domain is invalid")
		}
	}
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 20, 0, maxWallPage)
	filter := c.oneOf("filter", "all", "owner", "others", "suggests", "postponed", "archived", "donut")
	if !c.w.exists(owner) {
		return nil, invalid("owner_id is invalid")
	}
	if g := c.w.groups[-owner]; filter == "suggests" && (g == nil || !g.may(c.token.owner, roleEditor)) {
		return nil, fail(codeAccess)
	}
	var posts []*post
	if l := c.w.walls[owner]; l != nil {
		for _, p := range slices.Backward(l.posts) {
			if !p.deleted && p.matches(filter, owner) {
				posts = append(posts, p)
			}
		}
	}
	out := map[string]any{"count": len(posts)}
	c.postList(out, owner, page(posts, offset, count))
	return out, nil
}

func (p *post) matches(filter string, owner int64) bool {
	if p.kind == "suggest" || filter == "suggests" {
		return p.kind == filter[:len(filter)-1]
	}
	switch filter {
	case "owner":
		return p.from == owner
	case "others":
		return p.from != owner
	}
	return filter == "all"
}

// postList adds posts of one wall to a response.
func (c *call) postList(out map[string]any, owner int64, posts []*post) {
	items := []any{}
	var from []int64
	for _, p := range posts {
		items = append(items, c.w.wirePost(c.w.walls[owner], p, c.token.owner))
		from = append(from, p.from)
	}
	out["items"] = items
	slices.Sort(from)
	c.extend(out, slices.Compact(from))
}

// wallGetByID skips unknown posts. From 5.138 on, the list is wrapped in an
// object.
func (c *call) wallGetByID() (any, *apiError) {
	c.require("posts")
	items := []any{}
	var from []int64
	for _, s := range c.list("posts", maxWallPage) {
		owner, id, ok := strings.Cut(s, "_")
		o, err1 := strconv.ParseInt(owner, 10, 64)
		n, err2 := strconv.ParseInt(strings.SplitN(id, "_", 2)[0], 10, 64)
		if !ok || err1 != nil || err2 != nil {
			return nil, invalid("posts is invalid")
		}
		l := c.w.walls[o]
		if l == nil {
			continue
		}
		if p := l.find(n); p != nil {
			items = append(items, c.w.wirePost(l, p, c.token.owner))
			from = append(from, p.from)
		}
	}
	if c.version < version5_138 && !c.bool("extended") {
		return items, nil
	}
	out := map[string]any{"items": items}
	slices.Sort(from)
	c.extend(out, slices.Compact(from))
	return out, nil
}
