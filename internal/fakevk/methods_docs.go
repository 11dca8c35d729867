package fakevk

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
)

func init() {
	register("docs.get", userToken, scopeNone, (*call).docsGet)
	register("docs.getById", userOrGroup, scopeDocs, (*call).docsGetByID)
	register("docs.getMessagesUploadServer", userOrGroup, scopeDocs, (*call).docsGetMessagesUploadServer)
	register("docs.getUploadServer", userToken, scopeNone, (*call).docsGetUploadServer)
	register("docs.getWallUploadServer", userOrGroup, scopeDocs, (*call).docsGetWallUploadServer)
	register("docs.search", userOrGroup, scopeDocs, (*call).docsSearch)
	register("docs.save", userOrGroup, scopeDocs, (*call).docsSave)
}

func (c *call) docsGetMessagesUploadServer() (any, *apiError) {
	kind := kindDoc
	switch c.oneOf("type", "doc", "audio_message", "graffiti") {
	case "audio_message":
		kind = kindVoice
	case "graffiti":
		kind = kindGraffiti
	}
	peer, err := c.mayUploadFor()
	if err != nil {
		return nil, err
	}
	return c.uploadServer(ticket{kind: kind, owner: c.token.owner, peer: peer, album: -1}), nil
}

// docsGetUploadServer is for a user's documents, or for those of a community
// that the user may act for.
func (c *call) docsGetUploadServer() (any, *apiError) {
	t := ticket{kind: kindDoc, owner: c.token.owner, album: -1}
	if c.has("group_id") {
		t.group = c.group().spec.ID
		t.owner = -t.group
	}
	return c.uploadServer(t), nil
}

func (c *call) docsGetWallUploadServer() (any, *apiError) {
	return c.docsGetUploadServer()
}

func (c *call) docsSave() (any, *apiError) {
	c.require("file")
	value := c.str("file")
	s, ok := c.w.uploads.staged.get(value)
	if !ok || s.value != value || c.staged(value, s.kind) == nil ||
		!slices.Contains([]*uploadKind{kindDoc, kindVoice, kindGraffiti}, s.kind) {
		return nil, fail(codeSaveFile)
	}
	s.saved = true
	title := cmp.Or(c.str("title"), s.files[0].FileName)
	kind, object := c.w.addDoc(s, title, c.list("tags", 100))
	return map[string]any{"type": kind, kind: object}, nil
}

// docsGetByID skips unknown documents.
func (c *call) docsGetByID() (any, *apiError) {
	c.require("docs")
	return c.known("doc", c.list("docs", 100)), nil
}

// docsSearch returns the documents with the words in the title, newest first.
func (c *call) docsSearch() (any, *apiError) {
	q := strings.ToLower(c.strMax("q", 512))
	own := c.bool("search_own")
	offset, count := c.intIn("offset", 0, 0, math.MaxInt32), c.intIn("count", 20, 0, math.MaxInt32)
	return c.documents(offset, count, func(a attachment) bool {
		var doc struct{ Title string }
		json.Unmarshal(a.object, &doc)
		return (!own || a.owner == c.token.owner) && strings.Contains(strings.ToLower(doc.Title), q)
	}), nil
}

// docsGet returns an owner's documents, newest first.
func (c *call) docsGet() (any, *apiError) {
	owner := c.token.owner
	if id := c.int("owner_id"); id != 0 {
		owner = id
	}
	kind := c.intIn("type", 0, 0, docTypeOther)
	offset, count := c.intIn("offset", 0, 0, math.MaxInt32), c.intIn("count", math.MaxInt32, 0, math.MaxInt32)
	return c.documents(offset, count, func(a attachment) bool {
		var doc struct{ Type int64 }
		json.Unmarshal(a.object, &doc)
		return a.owner == owner && (kind == 0 || doc.Type == kind)
	}), nil
}

// documents returns a page of the documents that match accepts, newest first.
func (c *call) documents(offset, count int64, match func(attachment) bool) any {
	var found []attachment
	for _, a := range c.w.media.m {
		if a.kind == "doc" && match(a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b attachment) int { return cmp.Compare(b.id, a.id) })
	items := []json.RawMessage{}
	for _, a := range page(found, offset, count) {
		items = append(items, a.object)
	}
	return map[string]any{"count": len(found), "items": items}
}

// known returns the media of one kind that names lists. Each name has the form
// {owner}_{id} with an optional key. A wrong key counts as an unknown id.
func (c *call) known(kind string, names []string) []json.RawMessage {
	out := []json.RawMessage{}
	for _, name := range names {
		a, ok := parseAttachment(kind + strings.TrimPrefix(name, kind))
		if !ok {
			c.abort(invalid("%ss is invalid", kind))
		}
		found, ok := c.w.media.get(a.name())
		if !ok {
			continue
		}
		var key struct {
			Key string `json:"access_key"`
		}
		json.Unmarshal(found.object, &key)
		if a.accessKey == "" || a.accessKey == key.Key {
			out = append(out, found.object)
		}
	}
	return out
}
