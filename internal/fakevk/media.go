package fakevk

import (
	"encoding/json"
	"fmt"
	"strings"
)

// firstMedia is the first id of uploaded media.
const firstMedia = 457_239_017

// know registers a media object, so that messages can attach it by name. If
// there are too many, the oldest are dropped; messages keep the objects they
// carry.
func (w *World) know(kind string, owner, id int64, object any) attachment {
	a := attachment{kind: kind, owner: owner, id: id, object: mustJSON(object)}
	w.media.put(a.name(), a)
	return a
}

func (w *World) newMediaID() int64 {
	w.uploads.media++
	return w.uploads.media
}

// photoSizes are the sizes in which VK keeps a photo: the letter and the
// maximum width and height.
var photoSizes = []struct {
	letter string
	side   int
}{
	{"s", 75}, {"m", 130}, {"x", 604}, {"o", 130}, {"p", 200}, {"q", 320}, {"r", 510}, {"y", 807}, {"z", 1280}, {"w", 2560},
}

type photoSize struct {
	Height int    `json:"height"`
	Type   string `json:"type"`
	Width  int    `json:"width"`
	URL    string `json:"url"`
}

// scale returns the width and height scaled down to fit into a square. It never
// enlarges.
func scale(width, height, side int) (int, int) {
	longer := max(width, height)
	if longer <= side {
		return width, height
	}
	return max(width*side/longer, 1), max(height*side/longer, 1)
}

// sizesOf returns the sizes of a photo, up to the first one that holds it in
// full.
func (w *World) sizesOf(f *Upload, id int64) []photoSize {
	var out []photoSize
	for _, s := range photoSizes {
		width, height := scale(f.Width, f.Height, s.side)
		out = append(out, photoSize{Height: height, Type: s.letter, Width: width,
			URL: w.photoURL(id, fmt.Sprintf("%s%dx%d", s.letter, width, height))})
		if s.letter >= "x" && s.side >= max(f.Width, f.Height) {
			break
		}
	}
	return out
}

func (w *World) photoURL(id int64, name string) string {
	return fmt.Sprintf("https://sun9-1.userapi.com/impg/%s/%s.jpg?quality=95&type=album", w.hex(12, "impg", id), name)
}

// addPhoto creates a photo from an uploaded file.
func (w *World) addPhoto(f *Upload, owner, album int64, more map[string]any) json.RawMessage {
	id := w.newMediaID()
	sizes := w.sizesOf(f, id)
	whole := sizes[len(sizes)-1]
	o := map[string]any{
		"album_id": album, "date": w.unix(now()), "id": id, "owner_id": owner,
		"access_key": w.hex(18, "access", id), "sizes": sizes, "text": "",
		"web_view_token": w.hex(18, "view", id), "has_tags": false,
		"orig_photo": map[string]any{"height": f.Height, "type": "base", "url": whole.URL, "width": f.Width},
	}
	for k, v := range more {
		o[k] = v
	}
	a := w.know("photo", owner, id, o)
	a.picture = picture{f.Format, f.SHA256}
	w.media.put(a.name(), a)
	return a.object
}

// addDoc creates a document, a voice message or a graffiti from an uploaded
// file and returns it with its kind.
func (w *World) addDoc(s *staged, title string, tags []string) (kind string, object json.RawMessage) {
	f, id := &s.files[0], w.newMediaID()
	o := map[string]any{"id": id, "owner_id": s.owner, "access_key": w.hex(18, "access", id)}
	switch s.kind {
	case kindVoice:
		base := fmt.Sprintf("https://psv4.userapi.com/c%d/%d", s.server, id)
		o["duration"] = int(f.Duration.Seconds() + 0.5)
		o["link_mp3"], o["link_ogg"], o["waveform"] = base+".mp3", base+".ogg", waveform(f)
	case kindGraffiti:
		o["url"] = fmt.Sprintf("https://psv4.userapi.com/c%d/%d.png", s.server, id)
		o["width"], o["height"] = f.Width, f.Height
	default:
		o["title"], o["size"], o["ext"], o["date"] = title, f.Size, f.ext(), w.unix(now())
		o["type"] = docType(f.ext())
		o["url"] = fmt.Sprintf("https://vk.com/doc%d_%d?hash=%s&dl=1&api=1&no_preview=1", s.owner, id, w.hex(16, "dochash", id))
		if f.Width > 0 {
			o["preview"] = map[string]any{"photo": map[string]any{"sizes": w.previews(f, id)}}
		}
		if len(tags) > 0 {
			o["tags"] = tags
		}
	}
	return s.kind.name, w.know(s.kind.name, s.owner, id, o).object
}

// previews returns the sizes of a picture sent as a document.
func (w *World) previews(f *Upload, id int64) []map[string]any {
	var out []map[string]any
	for _, s := range w.sizesOf(f, id) {
		if strings.Contains("msxo", s.Type) {
			out = append(out, map[string]any{"src": s.URL, "width": s.Width, "height": s.Height, "type": s.Type})
		}
	}
	return out
}

const waveformLen = 128

// waveform returns an invented waveform, the same for equal files.
func waveform(f *Upload) []int {
	out := make([]int, waveformLen)
	for i := range out {
		out[i] = int(f.SHA256[i%len(f.SHA256)]>>(i/len(f.SHA256))) % 32
	}
	return out
}

// asSaved returns an attachment under the kind it was saved as. Voice messages
// and graffiti may be attached as the documents they were uploaded as.
func (w *World) asSaved(a attachment) attachment {
	if a.kind != "doc" {
		return a
	}
	for _, kind := range []string{"doc", kindVoice.name, kindGraffiti.name} {
		b := a
		b.kind = kind
		if _, ok := w.media.get(b.name()); ok {
			return b
		}
	}
	return a
}
