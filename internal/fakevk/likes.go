package fakevk

import (
	"fmt"
	"slices"
)

func init() {
	register("likes.add", userToken, scopeNone, (*call).likesAdd)
	register("likes.delete", userToken, scopeNone, (*call).likesDelete)
	register("likes.getList", userToken|serviceToken, scopeNone, (*call).likesGetList)
	register("likes.isLiked", userToken, scopeNone, (*call).likesIsLiked)
}

// likeTypes are the types that can be liked. Posts and comments exist here, and
// the photos and videos that the world knows; objects of the other types do not
// exist.
var likeTypes = []string{
	"post", "comment", "photo", "audio", "video", "note", "market", "photo_comment", "video_comment",
	"topic_comment", "market_comment", "sitepage", "textpost", "community_review", "story", "group_like",
}

// likeKey returns the key of a liked object.
func likeKey(kind string, owner, id int64) string { return fmt.Sprintf("%s%d_%d", kind, owner, id) }

// likable reports whether an object exists and, for a comment, returns the post
// that it belongs to.
func (w *World) likable(kind string, owner, id int64) (postID int64, ok bool) {
	l := w.walls[owner]
	switch kind {
	case "post":
		return 0, l != nil && l.find(id) != nil
	case "comment":
		if l == nil {
			return 0, false
		}
		p, c := l.findComment(id)
		if c == nil || c.deleted || p.deleted {
			return 0, false
		}
		return p.id, true
	case "photo", "video":
		_, ok := w.media.get(likeKey(kind, owner, id))
		return 0, ok
	}
	return 0, false
}

func (w *World) wireLikes(kind string, owner, id, viewer int64) map[string]int {
	list := w.likes[likeKey(kind, owner, id)]
	return map[string]int{
		"count": len(list), "user_likes": boolInt(viewer != 0 && slices.Contains(list, viewer)),
		"can_like": 1, "can_publish": 1,
	}
}

// like adds or removes a like and notifies the community that owns the object.
func (w *World) like(who int64, kind string, owner, id, postID int64, on bool) {
	key := likeKey(kind, owner, id)
	list := w.likes[key]
	if slices.Contains(list, who) == on {
		return
	}
	event := "like_remove"
	if on {
		event = "like_add"
		w.likes[key] = append(list, who)
	} else if list = slices.DeleteFunc(list, func(l int64) bool { return l == who }); len(list) > 0 {
		w.likes[key] = list
	} else {
		delete(w.likes, key)
	}
	if g := w.groups[-owner]; g != nil {
		w.emit(g, event, struct {
			LikerID       int64  `json:"liker_id"`
			ObjectType    string `json:"object_type"`
			OwnerID       int64  `json:"object_owner_id"`
			ObjectID      int64  `json:"object_id"`
			ThreadReplyID int64  `json:"thread_reply_id"`
			PostID        int64  `json:"post_id"`
		}{LikerID: who, ObjectType: kind, OwnerID: owner, ObjectID: id, PostID: postID})
	}
	w.touch()
}

// forgetLikes drops the likes of a deleted post and of its comments.
func (w *World) forgetLikes(owner int64, p *post) {
	delete(w.likes, likeKey("post", owner, p.id))
	for _, c := range p.comments {
		delete(w.likes, likeKey("comment", owner, c.id))
	}
}

// Like likes a post, a comment, a photo or a video as a user, by its owner and
// id. It emits like_add.
func (w *World) Like(user int64, kind string, owner, id int64) error {
	return w.setLike(user, kind, owner, id, true)
}

// Unlike removes a like and emits like_remove.
func (w *World) Unlike(user int64, kind string, owner, id int64) error {
	return w.setLike(user, kind, owner, id, false)
}

func (w *World) setLike(user int64, kind string, owner, id int64, on bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	postID, ok := w.likable(kind, owner, id)
	if !ok || w.users[user] == nil {
		return fmt.Errorf("%w: %d cannot like %s", ErrForbidden, user, likeKey(kind, owner, id))
	}
	w.like(user, kind, owner, id, postID, on)
	return nil
}

// liked returns the object that a call names. If the call names no owner, it is
// the caller.
func (c *call) liked() (kind string, owner, id, postID int64) {
	c.require("type", "item_id")
	kind, owner, id = c.oneOf("type", likeTypes...), c.token.owner, c.int("item_id")
	if c.has("owner_id") {
		owner = c.int("owner_id")
	}
	postID, ok := c.w.likable(kind, owner, id)
	if !ok {
		c.abort(invalid("object not found"))
	}
	return kind, owner, id, postID
}

func (c *call) likesAdd() (any, *apiError)    { return c.setLike(true) }
func (c *call) likesDelete() (any, *apiError) { return c.setLike(false) }

// setLike returns the number of likes after the change. Removing a like that
// does not exist is an error.
func (c *call) setLike(on bool) (any, *apiError) {
	kind, owner, id, postID := c.liked()
	key := likeKey(kind, owner, id)
	if !on && !slices.Contains(c.w.likes[key], c.token.owner) {
		return nil, fail(codeAccess)
	}
	c.w.like(c.token.owner, kind, owner, id, postID, on)
	return map[string]int{"likes": len(c.w.likes[key])}, nil
}

func (c *call) likesIsLiked() (any, *apiError) {
	kind, owner, id, _ := c.liked()
	user := c.intIn("user_id", c.token.owner, 1, chatBase)
	return map[string]int{"liked": boolInt(slices.Contains(c.w.likes[likeKey(kind, owner, id)], user)), "copied": 0}, nil
}

func (c *call) likesGetList() (any, *apiError) {
	kind, owner, id, _ := c.liked()
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 100, 0, 1000)
	c.oneOf("filter", "likes", "copies")
	list := slices.Clone(c.w.likes[likeKey(kind, owner, id)])
	slices.Reverse(list) // newest first
	total := len(list)
	list = notNull(page(list, offset, count))
	if !c.bool("extended") {
		return map[string]any{"count": total, "items": list}, nil
	}
	items := []map[string]any{}
	for _, who := range list {
		items = append(items, c.w.users[who].wire(c.list("fields", 1000), "nom"))
	}
	return map[string]any{"count": total, "items": items}, nil
}
