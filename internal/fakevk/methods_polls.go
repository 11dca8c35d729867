package fakevk

func init() {
	register("polls.getPhotoUploadServer", userToken, scopeNone, (*call).pollsGetPhotoUploadServer)
	register("polls.savePhoto", userToken, scopeNone, (*call).pollsSavePhoto)
}

func (c *call) pollsGetPhotoUploadServer() (any, *apiError) {
	owner := c.token.owner
	if id := c.int("owner_id"); id != 0 && id != owner {
		if g := c.w.groups[-id]; g == nil || !g.may(c.token.owner, roleModerator) {
			return nil, fail(codeAccess)
		}
		owner = id
	}
	return c.uploadServer(ticket{kind: kindPollPhoto, owner: owner, group: max(-owner, 0)}), nil
}

// pollsSavePhoto saves a photo as the background of a poll.
func (c *call) pollsSavePhoto() (any, *apiError) {
	c.require("photo", "hash")
	s := c.staged(c.str("hash"), kindPollPhoto)
	if s == nil || c.str("photo") != s.value {
		return nil, fail(codeParamPhoto)
	}
	s.saved = true
	f, id := &s.files[0], c.w.newMediaID()
	return map[string]any{
		"id": id, "type": "tile", "color": "3f3f3f", "width": f.Width, "height": f.Height,
		"images": []any{map[string]any{"url": c.w.photoURL(id, "poll"), "width": f.Width, "height": f.Height}},
	}, nil
}
