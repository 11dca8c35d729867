package vktest

import (
	"encoding/json"
	"fmt"

	"github.com/vkrouter/vk/internal/fakevk"
)

// An Attachment is an attachment that a user adds to a message: [Photo],
// [Voice], [Document], [Sticker], [Location] or [Forward].
type Attachment func(u *User, d *fakevk.Draft)

// Photo attaches a picture of the given size in pixels.
func Photo(width, height int) Attachment {
	return media("photo", func(id, owner int64) any {
		return map[string]any{
			"id": id, "owner_id": owner, "album_id": -15, "date": 1736240400, "text": "", "has_tags": false, "access_key": key(id),
			"sizes": []map[string]any{
				{"type": "s", "width": 75, "height": max(1, 75*height/max(width, 1)), "url": fmt.Sprintf("https://sun9-1.userapi.com/s%d.jpg", id)},
				{"type": "x", "width": width, "height": height, "url": fmt.Sprintf("https://sun9-1.userapi.com/x%d.jpg", id)},
			},
		}
	})
}

// Voice attaches a voice message of the given length in seconds.
func Voice(seconds int) Attachment {
	return media("audio_message", func(id, owner int64) any {
		return map[string]any{
			"id": id, "owner_id": owner, "duration": seconds, "access_key": key(id), "waveform": make([]int, 128),
			"link_mp3": fmt.Sprintf("https://psv4.userapi.com/%d.mp3", id), "link_ogg": fmt.Sprintf("https://psv4.userapi.com/%d.ogg", id),
		}
	})
}

// Document attaches a file with the given name and size in bytes.
func Document(name string, size int) Attachment {
	return media("doc", func(id, owner int64) any {
		ext := name
		for i := range name {
			if name[i] == '.' {
				ext = name[i+1:]
			}
		}
		return map[string]any{
			"id": id, "owner_id": owner, "title": name, "size": size, "ext": ext, "date": 1736240400, "type": 8,
			"url": fmt.Sprintf("https://vk.com/doc%d_%d", owner, id), "access_key": key(id),
		}
	})
}

// Sticker attaches a sticker. It is sent alone, without a text.
func Sticker(id int64) Attachment {
	return func(_ *User, d *fakevk.Draft) { d.StickerID = id }
}

// Location attaches a place on the map.
func Location(lat, long float64) Attachment {
	return func(_ *User, d *fakevk.Draft) { d.Geo = &fakevk.Geo{Lat: lat, Long: long} }
}

// Forward attaches a forwarded message of the same conversation.
func Forward(m Message) Attachment {
	return func(u *User, d *fakevk.Draft) {
		d.Forward = append(d.Forward, fakevk.Ref{PeerID: u.peer, CMID: m.CMID})
	}
}

// media attaches a new object that belongs to the user.
func media(kind string, object func(id, owner int64) any) Attachment {
	return func(u *User, d *fakevk.Draft) {
		u.s.tb().Helper()
		u.s.mu.Lock()
		u.s.media++
		id := 457_240_000 + u.s.media
		u.s.mu.Unlock()
		b, err := json.Marshal(object(id, u.ID))
		if err == nil {
			_, err = u.s.world.AddMedia(kind, b)
		}
		u.must("attach a "+kind, err)
		d.Attachments = append(d.Attachments, json.RawMessage(fmt.Sprintf(`{"type":%q,%q:%s}`, kind, kind, b)))
	}
}

func key(id int64) string { return fmt.Sprintf("key%d", id) }
