package fakevk

import (
	"encoding/json"
	"fmt"
)

func init() {
	register("photos.saveMessagesPhoto", userOrGroup, scopePhotos, (*call).photosSaveMessagesPhoto)
	register("photos.saveOwnerCoverPhoto", userOrGroup, scopePhotos, (*call).photosSaveCover)
	register("photos.saveOwnerPhoto", userToken, scopeNone, (*call).photosSaveOwnerPhoto)
	register("photos.saveWallPhoto", userToken, scopeNone, (*call).photosSaveWallPhoto)
	register("photos.save", userToken, scopeNone, (*call).photosSave)
}

// uploaded returns the upload that a call names with the parameters server,
// hash and the one that holds the photo. All of them must equal the upload
// host's values byte for byte.
func (c *call) uploaded(kind *uploadKind, photo string, changed int) (*staged, *apiError) {
	if c.str(photo) == "[]" {
		return nil, invalid("photos_list is invalid")
	}
	s, ok := c.w.uploads.staged.get(c.str("hash"))
	switch {
	case !ok || c.staged(s.hash, s.kind) == nil:
		return nil, fail(codeParamHash)
	case s.kind != kind:
		return nil, fail(codeParamAlbum)
	case c.str("server") != fmt.Sprint(s.server):
		return nil, fail(codeParamServer)
	case c.str(photo) != s.value:
		return nil, fail(changed)
	}
	s.saved = true
	return s, nil
}

func (c *call) photosSaveMessagesPhoto() (any, *apiError) {
	c.require("photo")
	s, err := c.uploaded(kindMessagePhoto, "photo", codeParamHash)
	if err != nil {
		return nil, err
	}
	return []json.RawMessage{c.w.addPhoto(&s.files[0], s.owner, albumMessages, nil)}, nil
}

func (c *call) photosSaveWallPhoto() (any, *apiError) {
	c.require("photo")
	s, err := c.uploaded(kindWallPhoto, "photo", codeParamHash)
	if err != nil {
		return nil, err
	}
	if c.int("group_id") != s.group {
		return nil, fail(codeParamAlbum)
	}
	return []json.RawMessage{c.w.addPhoto(&s.files[0], s.owner, albumWall, c.caption())}, nil
}

// caption returns the fields of a saved photo that the call sets.
func (c *call) caption() map[string]any {
	more := map[string]any{"text": c.strMax("caption", 2048)}
	if c.has("latitude") || c.has("longitude") {
		more["lat"], more["long"] = c.float("latitude", -90, 90), c.float("longitude", -180, 180)
	}
	return more
}

// photosSave adds photos to an album. The owner of a community's photo is the
// community.
func (c *call) photosSave() (any, *apiError) {
	c.require("photos_list")
	s, err := c.uploaded(kindAlbumPhoto, "photos_list", codeParamHash)
	if err != nil {
		return nil, err
	}
	a := c.w.uploads.albums[s.album]
	if a == nil || c.int("album_id") != s.album || c.int("group_id") != s.group {
		s.saved = false
		return nil, fail(codeParamAlbum)
	}
	more := c.caption()
	if s.owner < 0 {
		more["user_id"] = 100 // stands for any user who acts for the community
	}
	var out []json.RawMessage
	for i := range s.files {
		out = append(out, c.w.addPhoto(&s.files[i], s.owner, s.album, more))
		a.size++
	}
	a.updated = now()
	return out, nil
}

func (c *call) photosSaveOwnerPhoto() (any, *apiError) {
	c.require("photo")
	s, err := c.uploaded(kindOwnerPhoto, "photo", codeParamPhoto)
	if err != nil {
		return nil, err
	}
	id := c.w.newMediaID()
	url := c.w.photoURL(id, "avatar")
	if g := c.w.groups[-s.owner]; g != nil {
		c.w.emit(g, "group_change_photo", map[string]any{
			"user_id": c.token.owner,
			"photo":   c.w.addPhoto(&s.files[0], s.owner, albumProfile, nil),
		})
	}
	return map[string]any{
		"photo_hash": c.w.hex(32, "avatar", id), "photo_src": url, "photo_src_big": url, "photo_src_small": url,
		"saved": 1, "post_id": id - firstMedia + 1,
	}, nil
}

// photosSaveCover does not check a server, because cover servers return none.
func (c *call) photosSaveCover() (any, *apiError) {
	c.require("photo", "hash")
	s := c.staged(c.str("hash"), kindCover)
	if s == nil || c.str("photo") != s.value {
		return nil, fail(codeParamPhoto)
	}
	s.saved = true
	f, id := &s.files[0], c.w.newMediaID()
	images := []map[string]any{}
	for _, side := range []int{200, 400, 795, 1080, 1590} {
		width, height := scale(f.Width, f.Height, side)
		images = append(images, map[string]any{
			"url": c.w.photoURL(id, fmt.Sprintf("cover%dx%d", width, height)), "width": width, "height": height,
		})
	}
	return map[string]any{"images": images}, nil
}
