package fakevk

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const maxAttachments = 10

// An attachment is one piece of media, known to the world or named by a call.
type attachment struct {
	kind      string
	owner, id int64
	accessKey string
	url       string          // of a link
	object    json.RawMessage // the object under the kind; nil if unknown
	picture   picture         // of an uploaded photo
}

// A picture names the bytes of an uploaded photo.
type picture struct {
	format string
	sum    [32]byte
}

// attachmentPattern matches {kind}{owner}_{id}, with an optional key.
var attachmentPattern = regexp.MustCompile(`^([a-z][a-z_]*?)(-?\d+)_(\d+)(?:_([0-9A-Za-z-]+))?$`)

// parseAttachment parses one element of the attachment parameter.
func parseAttachment(s string) (attachment, bool) {
	if strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") {
		return attachment{kind: "link", url: s}, true
	}
	m := attachmentPattern.FindStringSubmatch(s)
	if m == nil {
		return attachment{}, false
	}
	a := attachment{kind: m[1], accessKey: m[4]}
	var err1, err2 error
	a.owner, err1 = strconv.ParseInt(m[2], 10, 64)
	a.id, err2 = strconv.ParseInt(m[3], 10, 64)
	return a, err1 == nil && err2 == nil
}

// name returns the attachment's name as calls write it, without its key.
func (a attachment) name() string { return fmt.Sprintf("%s%d_%d", a.kind, a.owner, a.id) }

// AddMedia adds a photo, a document or another object to the world, so that
// messages that name it carry the whole object. The object is the value that VK
// puts under the kind. It must have id and owner_id. AddMedia returns the name
// that attaches it to a message.
func (w *World) AddMedia(kind string, object json.RawMessage) (string, error) {
	var ids struct {
		ID    int64 `json:"id"`
		Owner int64 `json:"owner_id"`
	}
	if err := json.Unmarshal(object, &ids); err != nil {
		return "", fmt.Errorf("fakevk: media object: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a := attachment{kind: kind, owner: ids.Owner, id: ids.ID, object: object}
	w.media.put(a.name(), a)
	return a.name(), nil
}

// attachments converts the attachment parameter to objects for a message.
func (w *World) attachments(param string) ([]json.RawMessage, *apiError) {
	var out []json.RawMessage
	for s := range strings.SplitSeq(param, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		a, ok := parseAttachment(s)
		if !ok {
			return nil, invalid("attachment is invalid")
		}
		a = w.asSaved(a)
		out = append(out, wrapMedia(a.kind, w.mediaObject(a)))
	}
	if len(out) > maxAttachments {
		return nil, invalid("too many attachments")
	}
	return out, nil
}

// wrapMedia puts an object under its kind: {"type":"photo","photo":{…}}.
func wrapMedia(kind string, object json.RawMessage) json.RawMessage {
	return mustJSON(map[string]any{"type": kind, kind: object})
}

// mediaObject returns the object that an attachment names. If the world does
// not know it, mediaObject returns the minimum that VK would send for it.
func (w *World) mediaObject(a attachment) json.RawMessage {
	if known, ok := w.media.get(a.name()); ok {
		return known.object
	}
	o := map[string]any{"id": a.id, "owner_id": a.owner}
	if a.accessKey != "" {
		o["access_key"] = a.accessKey
	}
	switch a.kind {
	case "link":
		return mustJSON(map[string]any{"url": a.url, "title": "", "caption": "", "description": ""})
	case "photo":
		o["album_id"], o["date"], o["text"], o["has_tags"] = -64, w.unix(now()), "", false
		o["sizes"] = []any{map[string]any{
			"type": "x", "width": 604, "height": 403,
			"url": fmt.Sprintf("https://sun9-1.userapi.com/impg/%d_%d.jpg", a.owner, a.id),
		}}
	case "doc":
		o["title"], o["ext"], o["size"], o["type"] = "file", "bin", 1, 8
		o["date"], o["url"] = w.unix(now()), fmt.Sprintf("https://vk.com/doc%d_%d", a.owner, a.id)
	case "audio":
		o["artist"], o["title"], o["duration"], o["url"], o["date"] = "", "", 0, "", w.unix(now())
	case "video":
		o["title"], o["duration"], o["date"], o["type"] = "", 0, w.unix(now()), "video"
	}
	return mustJSON(o)
}

// stickerObject returns a sticker as messages carry it.
func stickerObject(id int64) json.RawMessage {
	var images []any
	for _, size := range []int{64, 128, 256, 352, 512} {
		images = append(images, map[string]any{
			"url":   fmt.Sprintf("https://vk.com/sticker/1-%d-%d", id, size),
			"width": size, "height": size,
		})
	}
	return wrapMedia("sticker", mustJSON(map[string]any{
		"inner_type": "base_sticker_new", "sticker_id": id, "product_id": 1,
		"images": images, "images_with_background": images, "is_allowed": false,
	}))
}
