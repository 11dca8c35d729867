package fakevk

import "math"

func init() {
	register("photos.getMessagesUploadServer", userOrGroup, scopePhotos, (*call).photosGetMessagesUploadServer)
	register("photos.getChatUploadServer", userOrGroup, scopePhotos, (*call).photosGetChatUploadServer)
	register("photos.getOwnerCoverPhotoUploadServer", userOrGroup, scopePhotos, (*call).photosGetCoverUploadServer)
	register("photos.getOwnerPhotoUploadServer", userToken, scopeNone, (*call).photosGetOwnerPhotoUploadServer)
	register("photos.getUploadServer", userToken, scopeNone, (*call).photosGetUploadServer)
	register("photos.getWallUploadServer", userToken, scopeNone, (*call).photosGetWallUploadServer)
	register("photos.getById", userToken|serviceToken, scopeNone, (*call).photosGetByID)
}

// The albums that every owner has.
const (
	albumMessages = -64 // the album_id of a saved photo
	albumMail     = -3  // the same album, as the upload server names it
	albumWall     = -14
	albumProfile  = -6
)

// mayUploadFor checks the dialog that an upload is for, if the call names one.
func (c *call) mayUploadFor() (peer int64, err *apiError) {
	if !c.has("peer_id") {
		return 0, nil
	}
	peer = c.int("peer_id")
	if peer == 0 {
		return 0, nil
	}
	return peer, c.w.mayWrite(c.token.owner, peer)
}

func (c *call) photosGetMessagesUploadServer() (any, *apiError) {
	peer, err := c.mayUploadFor()
	if err != nil {
		return nil, err
	}
	owner := c.token.owner
	out := map[string]any{
		"album_id": albumMail, "user_id": max(owner, 0),
		"upload_url": c.uploadURL(ticket{kind: kindMessagePhoto, owner: owner, peer: peer, album: albumMail}),
	}
	if owner < 0 {
		out["group_id"] = -owner
	}
	return out, nil
}

func (c *call) photosGetChatUploadServer() (any, *apiError) {
	c.require("chat_id")
	peer := chatBase + c.intIn("chat_id", 0, 1, maxChatID)
	c.intIn("crop_x", 0, 0, math.MaxInt32)
	c.intIn("crop_y", 0, 0, math.MaxInt32)
	c.intIn("crop_width", 0, 200, math.MaxInt32)
	ch := c.w.chats[peer]
	if ch == nil {
		return nil, fail(codeNoChatAccess)
	}
	if err := ch.denies(c.token.owner); err != nil {
		return nil, err
	}
	return c.uploadServer(ticket{kind: kindChatPhoto, owner: c.token.owner, peer: peer}), nil
}

func (c *call) photosGetCoverUploadServer() (any, *apiError) {
	if c.token.kind == userToken {
		c.require("group_id")
	}
	for _, name := range []string{"crop_x", "crop_y", "crop_x2", "crop_y2"} {
		c.intIn(name, 0, 0, math.MaxInt32)
	}
	id := c.group().spec.ID
	return c.uploadServer(ticket{kind: kindCover, owner: -id, group: id}), nil
}

// photosGetOwnerPhotoUploadServer is for the photo of a user or of a community
// that the user manages.
func (c *call) photosGetOwnerPhotoUploadServer() (any, *apiError) {
	owner := c.token.owner
	if id := c.int("owner_id"); id != 0 && id != owner {
		if g := c.w.groups[-id]; g == nil || !g.may(c.token.owner, roleModerator) {
			return nil, fail(codeAccess)
		}
		owner = id
	}
	return c.uploadServer(ticket{kind: kindOwnerPhoto, owner: owner, album: albumProfile, group: max(-owner, 0)}), nil
}

// photosGetUploadServer is for an album of the user or of a community.
func (c *call) photosGetUploadServer() (any, *apiError) {
	owner := c.token.owner
	group := c.intIn("group_id", 0, 1, math.MaxInt64)
	if group != 0 {
		owner = -c.group().spec.ID
	}
	c.require("album_id")
	a := c.w.uploads.albums[c.int("album_id")]
	if a == nil || a.owner != owner {
		return nil, invalid("album_id is invalid")
	}
	return map[string]any{
		"album_id": a.id, "user_id": c.token.owner,
		"upload_url": c.uploadURL(ticket{kind: kindAlbumPhoto, owner: owner, group: group, album: a.id}),
	}, nil
}

// photosGetWallUploadServer is for callers who may post on the wall.
func (c *call) photosGetWallUploadServer() (any, *apiError) {
	group := c.intIn("group_id", 0, 1, math.MaxInt64)
	switch {
	case group == 0:
	case c.w.groups[group] == nil:
		return nil, invalid("group_id is undefined")
	case !c.w.openWall(c.w.groups[group], c.token.owner):
		return nil, fail(codeAccess)
	}
	return map[string]any{
		"album_id": albumWall, "user_id": c.token.owner,
		"upload_url": c.uploadURL(ticket{kind: kindWallPhoto, owner: c.token.owner, group: group, album: albumWall}),
	}, nil
}

// photosGetByID skips unknown photos.
func (c *call) photosGetByID() (any, *apiError) {
	c.require("photos")
	return c.known("photo", c.list("photos", 100)), nil
}
