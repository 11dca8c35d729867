package fakevk

import (
	"cmp"
	"fmt"
)

func init() {
	register("video.save", userToken, scopeNone, (*call).videoSave)
}

// A video exists from video.save on. The file follows, or, for a video on
// another site, a request to the address.
type video struct {
	id          int64
	link        string
	title, text string
	private     bool
}

func (c *call) videoSave() (any, *apiError) {
	owner := c.token.owner
	group := int64(0)
	if c.has("group_id") {
		group = c.group().spec.ID
		owner = -group
	}
	v := &video{
		id: c.w.newMediaID(), link: c.str("link"), private: c.bool("is_private"),
		title: cmp.Or(c.str("name"), "Без названия"), text: c.str("description"),
	}
	if v.link != "" && !validLink(v.link) {
		return nil, invalid("link is invalid")
	}
	c.w.know("video", owner, v.id, c.w.videoObject(v, owner, true))
	return map[string]any{
		"upload_url": c.uploadURL(ticket{kind: kindVideo, owner: owner, group: group, video: v}),
		"video_id":   v.id, "owner_id": owner, "title": v.title, "description": v.text,
		"access_key": c.w.hex(18, "access", v.id),
	}, nil
}

// videoObject returns the video as messages carry it. It has no player until it
// is processed.
func (w *World) videoObject(v *video, owner int64, processing bool) map[string]any {
	o := map[string]any{
		"id": v.id, "owner_id": owner, "title": v.title, "description": v.text, "type": "video",
		"date": w.unix(now()), "duration": 0, "access_key": w.hex(18, "access", v.id), "views": 0,
	}
	if v.private {
		o["is_private"] = 1
	}
	if processing {
		o["processing"] = 1
		return o
	}
	o["player"] = fmt.Sprintf("https://vk.com/video_ext.php?oid=%d&id=%d", owner, v.id)
	return o
}

// acceptVideo processes the video at once.
func acceptVideo(w *World, s *staged) any {
	v := s.video
	w.know("video", s.owner, v.id, w.videoObject(v, s.owner, false))
	return map[string]any{
		"size": s.files[0].Size, "owner_id": s.owner, "video_id": v.id,
		"video_hash":  w.hex(18, "video", v.id),
		"direct_link": fmt.Sprintf("https://vk.com/video%d_%d", s.owner, v.id),
	}
}

func noVideo(_ *World, s *staged, what string) any { return uploadError(s.kind, what) }
