package fakevk

import (
	"encoding/json"
	"time"
)

func init() {
	register("stories.getPhotoUploadServer", userOrGroup, scopeStories, (*call).storiesGetPhotoUploadServer)
	register("stories.getVideoUploadServer", userOrGroup, scopeStories, (*call).storiesGetVideoUploadServer)
	register("stories.save", userOrGroup, scopeStories, (*call).storiesSave)
}

const (
	storyLifetime = 24 * time.Hour
	maxStoryLink  = 2048
)

func (c *call) storiesGetPhotoUploadServer() (any, *apiError) {
	return c.storyUploadServer(kindStoryPhoto)
}

func (c *call) storiesGetVideoUploadServer() (any, *apiError) {
	return c.storyUploadServer(kindStoryVideo)
}

// storyUploadServer requires an audience for the story: the news or the users
// listed in user_ids.
func (c *call) storyUploadServer(kind *uploadKind) (any, *apiError) {
	users := c.ints("user_ids", 100)
	if !c.bool("add_to_news") && len(users) == 0 {
		return nil, invalid("add_to_news or user_ids should be passed")
	}
	if link := c.strMax("link_url", maxStoryLink); link != "" && !validLink(link) {
		return nil, invalid("link_url is invalid")
	}
	reply := c.str("reply_to_story")
	if _, there := c.w.stories.get(reply); reply != "" && !there {
		return nil, invalid("reply_to_story is invalid")
	}
	owner, group := c.token.owner, int64(0)
	if c.has("group_id") || owner < 0 {
		group = c.group().spec.ID
		owner = -group
	}
	return map[string]any{
		"upload_url": c.uploadURL(ticket{kind: kind, owner: owner, group: group, reply: reply}),
		"user_ids":   notNull(users), "peer_ids": notNull(users),
	}, nil
}

func (c *call) storiesSave() (any, *apiError) {
	c.require("upload_results")
	var saved []*staged
	for _, value := range c.list("upload_results", 10) {
		s, ok := c.w.uploads.staged.get(value)
		if !ok || s.kind != kindStoryPhoto && s.kind != kindStoryVideo || c.staged(value, s.kind) == nil {
			return nil, invalid("upload_results is invalid")
		}
		saved = append(saved, s)
	}
	items := []json.RawMessage{}
	for _, s := range saved {
		s.saved = true
		items = append(items, c.w.addStory(s))
	}
	return map[string]any{"count": len(items), "items": items}, nil
}

func (w *World) addStory(s *staged) json.RawMessage {
	id := w.newMediaID()
	o := map[string]any{
		"id": id, "owner_id": s.owner, "access_key": w.hex(18, "access", id), "can_see": 1, "is_one_time": false,
		"date": w.unix(now()), "expires_at": w.unix(now().Add(storyLifetime)),
	}
	if s.kind == kindStoryPhoto {
		o["type"], o["photo"] = "photo", w.addPhoto(&s.files[0], s.owner, -81, nil)
	} else {
		v := &video{id: w.newMediaID(), title: "Story"}
		o["type"], o["video"] = "video", w.videoObject(v, s.owner, false)
	}
	if parent, ok := w.stories.get(s.reply); ok {
		o["parent_story_owner_id"], o["parent_story_id"] = parent.owner, parent.id
	}
	made := &story{owner: s.owner, id: id, parent: s.reply, expires: now().Add(storyLifetime)}
	made.object = w.know("story", s.owner, id, o).object
	w.stories.put(made.name(), made)
	return made.object
}
