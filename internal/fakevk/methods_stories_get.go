package fakevk

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

func init() {
	register("stories.delete", userOrGroup, scopeStories, (*call).storiesDelete)
	register("stories.get", userOrGroup, scopeStories, (*call).storiesGet)
	register("stories.getById", userOrGroup, scopeStories, (*call).storiesGetByID)
	register("stories.getReplies", userOrGroup, scopeStories, (*call).storiesGetReplies)
	register("stories.getStats", userOrGroup, scopeStories, (*call).storiesGetStats)
	register("stories.getViewers", userOrGroup, scopeStories, (*call).storiesGetViewers)
	register("stories.hideAllReplies", userOrGroup, scopeStories, (*call).storiesHideAllReplies)
	register("stories.hideReply", userOrGroup, scopeStories, (*call).storiesHideReply)
}

// A story is visible for a day. Here it can be viewed only through the API.
type story struct {
	owner, id int64
	parent    string // the name of the story that it replies to
	hidden    bool   // hidden from the replies to that story
	deleted   bool
	expires   time.Time
	object    json.RawMessage
}

func (s *story) name() string { return fmt.Sprintf("%d_%d", s.owner, s.id) }

func (s *story) live() bool { return !s.deleted && now().Before(s.expires) }

// liveStories returns the live stories that accept accepts, oldest first.
func (w *World) liveStories(accept func(*story) bool) []*story {
	var list []*story
	for _, name := range w.stories.order {
		if s, ok := w.stories.get(name); ok && s.live() && accept(s) {
			list = append(list, s)
		}
	}
	return list
}

// story returns the story that owner_id and story_id name. The default owner is
// the caller.
func (c *call) story() *story {
	c.require("story_id")
	owner := c.token.owner
	if c.has("owner_id") {
		owner = c.int("owner_id")
	}
	s, ok := c.w.stories.get(fmt.Sprintf("%d_%d", owner, c.int("story_id")))
	if !ok || s.deleted {
		c.abort(invalid("story_id is invalid"))
	}
	return s
}

// ownStory is like story, for a story that the caller may change.
func (c *call) ownStory() *story {
	s := c.story()
	c.mustOwn(s.owner)
	return s
}

// mustOwn ends the call unless the token may act for the owner of a story.
func (c *call) mustOwn(owner int64) {
	if g := c.w.groups[-owner]; owner != c.token.owner && (g == nil || !g.may(c.token.owner, roleEditor)) {
		c.abort(fail(codeAccess))
	}
}

// storyFeed returns the response of methods that list stories, in one group per
// owner.
func (c *call) storyFeed(list []*story) any {
	items := []map[string]any{}
	var owners []int64
	for _, s := range list {
		i := slices.Index(owners, s.owner)
		if i < 0 {
			i = len(owners)
			owners = append(owners, s.owner)
			items = append(items, map[string]any{
				"type": "stories", "id": fmt.Sprint("stories", s.owner), "owner_id": s.owner, "has_unseen": true,
				"stories": []json.RawMessage{},
			})
		}
		items[i]["stories"] = append(items[i]["stories"].([]json.RawMessage), s.object)
	}
	out := map[string]any{"count": len(items), "items": items, "need_upload_screen": false}
	c.addParties(out, owners)
	return out
}

// addParties adds the owners to an extended response.
func (c *call) addParties(out map[string]any, owners []int64) {
	fields := c.list("fields", 1000)
	if !c.bool("extended") && len(fields) == 0 {
		return
	}
	profiles, groups := c.w.parties(owners, fields)
	out["profiles"], out["groups"] = notNull(profiles), notNull(groups)
}

// storiesGet returns the stories of one owner, or those that the caller
// follows: the caller's own.
func (c *call) storiesGet() (any, *apiError) {
	owner := c.token.owner
	if c.has("owner_id") {
		owner = c.int("owner_id")
	}
	return c.storyFeed(c.w.liveStories(func(s *story) bool { return s.owner == owner && s.parent == "" })), nil
}

// storiesGetByID skips unknown stories. If a single story is requested and it
// has expired, that is an error.
func (c *call) storiesGetByID() (any, *apiError) {
	c.require("stories")
	names := c.list("stories", 100)
	items, owners := []json.RawMessage{}, []int64{}
	for _, name := range names {
		if parts := strings.Split(name, "_"); len(parts) < 2 {
			return nil, invalid("stories is invalid")
		} else if len(parts) > 2 { // with a key
			name = parts[0] + "_" + parts[1]
		}
		s, ok := c.w.stories.get(name)
		switch {
		case !ok || s.deleted:
		case s.live():
			items, owners = append(items, s.object), append(owners, s.owner)
		case len(names) == 1:
			return nil, fail(codeStoryExpired)
		}
	}
	out := map[string]any{"count": len(items), "items": items, "profiles": []any{}, "groups": []any{}}
	c.addParties(out, owners)
	return out, nil
}

func (c *call) storiesDelete() (any, *apiError) {
	var list []*story
	for _, name := range c.list("stories", 100) {
		s, ok := c.w.stories.get(name)
		if !ok || s.deleted {
			return nil, invalid("stories is invalid")
		}
		c.mustOwn(s.owner)
		list = append(list, s)
	}
	if len(list) == 0 {
		list = append(list, c.ownStory())
	}
	for _, s := range list {
		s.deleted = true
	}
	c.w.touch()
	return 1, nil
}

func (c *call) storiesGetReplies() (any, *apiError) {
	c.require("owner_id")
	parent := c.story().name()
	return c.storyFeed(c.w.liveStories(func(s *story) bool { return s.parent == parent && !s.hidden })), nil
}

// storiesGetStats returns the number of replies; a story has no other
// statistics here.
func (c *call) storiesGetStats() (any, *apiError) {
	c.require("owner_id")
	name := c.ownStory().name()
	replies := len(c.w.liveStories(func(s *story) bool { return s.parent == name }))
	out := make(map[string]any)
	for _, what := range []string{"views", "replies", "answer", "shares", "subscribers", "bans", "open_link", "likes"} {
		out[what] = map[string]any{"state": "on", "count": 0}
	}
	out["replies"] = map[string]any{"state": "on", "count": replies}
	return out, nil
}

func (c *call) storiesGetViewers() (any, *apiError) {
	c.intIn("count", 100, 0, math.MaxInt32)
	c.intIn("offset", 0, 0, math.MaxInt32)
	if s := c.ownStory(); !s.live() {
		return nil, fail(codeStoryExpired)
	}
	return map[string]any{"count": 0, "items": []any{}}, nil
}

// storiesHideReply hides a reply to one of the caller's stories.
func (c *call) storiesHideReply() (any, *apiError) {
	c.require("owner_id")
	s := c.story()
	parent, ok := c.w.stories.get(s.parent)
	if !ok {
		return nil, invalid("story_id is invalid")
	}
	c.mustOwn(parent.owner)
	s.hidden = true
	return 1, nil
}

// storiesHideAllReplies hides one user's replies of the last day to the
// caller's stories.
func (c *call) storiesHideAllReplies() (any, *apiError) {
	c.require("owner_id")
	from, to := c.int("owner_id"), c.actor()
	for _, s := range c.w.liveStories(func(s *story) bool { return s.owner == from }) {
		if parent, ok := c.w.stories.get(s.parent); ok && parent.owner == to {
			s.hidden = true
		}
	}
	return 1, nil
}
