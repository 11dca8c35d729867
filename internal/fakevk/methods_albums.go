package fakevk

import (
	"cmp"
	"math"
	"slices"
	"time"
)

func init() {
	register("photos.createAlbum", userToken, scopeNone, (*call).photosCreateAlbum)
	register("photos.getAlbums", userToken|serviceToken, scopeNone, (*call).photosGetAlbums)
}

// An album is an album that a user created, not one of the built-in albums.
type album struct {
	id, owner   int64
	title, text string
	size        int
	created     time.Time
	updated     time.Time
}

func (w *World) wireAlbum(a *album) map[string]any {
	return map[string]any{
		"id": a.id, "owner_id": a.owner, "title": a.title, "description": a.text, "size": a.size,
		"created": w.unix(a.created), "updated": w.unix(a.updated), "thumb_id": 0, "can_upload": 1,
	}
}

const (
	firstAlbum = 289_219_319
	maxAlbums  = 10_000
)

func (c *call) photosCreateAlbum() (any, *apiError) {
	c.require("title")
	owner := c.token.owner
	if c.has("group_id") {
		owner = -c.group().spec.ID
	}
	if len(c.w.uploads.albums) >= maxAlbums {
		return nil, fail(codeAlbums)
	}
	a := &album{id: firstAlbum + int64(len(c.w.uploads.albums)), owner: owner,
		title: c.str("title"), text: c.str("description"), created: now(), updated: now()}
	c.w.uploads.albums[a.id] = a
	return c.w.wireAlbum(a), nil
}

func (c *call) photosGetAlbums() (any, *apiError) {
	owner := c.int("owner_id")
	if owner == 0 && c.token.kind == userToken {
		owner = c.token.owner
	}
	if owner == 0 {
		return nil, invalid("owner_id is undefined")
	}
	ids := c.ints("album_ids", 100)
	offset, count := c.intIn("offset", 0, 0, math.MaxInt32), c.intIn("count", math.MaxInt32, 0, math.MaxInt32)
	var found []*album
	for _, a := range c.w.uploads.albums {
		if a.owner == owner && (len(ids) == 0 || slices.Contains(ids, a.id)) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b *album) int { return cmp.Compare(b.id, a.id) })
	items := []map[string]any{}
	for _, a := range page(found, offset, count) {
		items = append(items, c.w.wireAlbum(a))
	}
	return map[string]any{"count": len(found), "items": items}, nil
}
