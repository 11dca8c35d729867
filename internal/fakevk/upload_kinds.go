package fakevk

import (
	"encoding/base64"
	"fmt"
	"path"
)

// The servers for photos of messages, walls, albums, communities and covers
// accept a file in a field of any name: clients have sent file, file0 and file1
// for years. The others accept one field each. If VK's pages and clients name
// the field differently, both names are accepted.
var (
	kindMessagePhoto = &uploadKind{name: "message_photo", limit: maxPhotoSize, html: true,
		check: named(checkPhoto), accept: acceptPhoto, wrong: noPhoto}
	kindWallPhoto = &uploadKind{name: "wall_photo", limit: maxPhotoSize, html: true,
		check: named(checkPhoto), accept: acceptPhoto, wrong: noPhoto}
	kindAlbumPhoto = &uploadKind{name: "album_photo", limit: maxPhotoSize, many: true, html: true,
		check: named(checkPhoto), accept: acceptAlbum, wrong: noAlbumPhoto}
	kindOwnerPhoto = &uploadKind{name: "owner_photo", limit: maxPhotoSize, html: true,
		check: named(atLeast(200, 200, 4)), accept: acceptPhoto, wrong: badImage}
	kindCover = &uploadKind{name: "cover", limit: maxPhotoSize, html: true,
		check: named(atLeast(795, 265, 0)), accept: acceptCover, wrong: badImage}
	kindChatPhoto = &uploadKind{name: "chat_photo", fields: []string{"file"}, limit: maxPhotoSize, html: true,
		check: atLeast(200, 200, 0), accept: acceptChatPhoto, wrong: badImage}

	kindDoc   = &uploadKind{name: "doc", fields: []string{"file"}, check: checkDoc, accept: acceptDoc, wrong: noDoc}
	kindVoice = &uploadKind{name: "audio_message", fields: []string{"file"},
		check: checkVoice, accept: acceptDoc, wrong: noDoc}
	kindGraffiti = &uploadKind{name: "graffiti", fields: []string{"file"},
		check: checkGraffiti, accept: acceptDoc, wrong: noDoc}

	kindVideo = &uploadKind{name: "video", fields: []string{"video_file"}, coded: true, check: checkNothing,
		accept: acceptVideo, wrong: noVideo}
	kindStoryPhoto = &uploadKind{name: "story_photo", fields: []string{"file", "photo"}, limit: maxStorySize,
		check: checkPhoto, accept: acceptStory, wrong: noDoc}
	kindStoryVideo = &uploadKind{name: "story_video", fields: []string{"video_file"}, coded: true, check: checkNothing,
		accept: acceptStory, wrong: noVideo}
	kindPollPhoto = &uploadKind{name: "poll_photo", fields: []string{"photo", "file"}, limit: maxPhotoSize, html: true,
		check: checkPhoto, accept: acceptPoll, wrong: badImage}
	kindWidgetImage = &uploadKind{name: "widget_image", fields: []string{"image", "file"}, limit: maxPhotoSize, html: true,
		check: checkPhoto, accept: acceptWidgetImage, wrong: badImage}
)

const (
	maxPhotoSides = 14_000 // maximum of width plus height
	maxPhotoRatio = 20
)

func checkNothing(*Upload) string { return "" }

func checkPhoto(f *Upload) string {
	switch {
	case f.Format != "png" && f.Format != "jpeg" && f.Format != "gif" || f.Width == 0 || f.Height == 0:
		return "ERR_UPLOAD_BAD_IMAGE"
	case f.Width+f.Height > maxPhotoSides:
		return fmt.Sprintf("ERR_UPLOAD_BAD_IMAGE_SIZE: width and height exceed %d", maxPhotoSides)
	case max(f.Width, f.Height) > maxPhotoRatio*min(f.Width, f.Height):
		return fmt.Sprintf("ERR_UPLOAD_BAD_IMAGE_SIZE: ratio exceeds 1:%d", maxPhotoRatio)
	}
	return ""
}

// named returns a check that also refuses a photo without an extension in its
// file name. Any extension is accepted.
func named(check func(*Upload) string) func(*Upload) string {
	return func(f *Upload) string {
		if len(path.Ext(f.FileName)) < 2 {
			return "ERR_UPLOAD_BAD_IMAGE: file name has no extension"
		}
		return check(f)
	}
}

// atLeast returns a check that refuses pictures that are too small or, unless
// ratio is zero, too narrow.
func atLeast(width, height, ratio int) func(*Upload) string {
	return func(f *Upload) string {
		switch wrong := checkPhoto(f); {
		case wrong != "":
			return wrong
		case f.Width < width || f.Height < height:
			return fmt.Sprintf("ERR_UPLOAD_BAD_IMAGE_SIZE: min size %dx%d", width, height)
		case ratio != 0 && max(f.Width, f.Height) > ratio*min(f.Width, f.Height):
			return "ERR_UPLOAD_BAD_IMAGE_SIZE: bad ratio"
		}
		return ""
	}
}

// A photoAnswer is the response of most photo servers. Server is a number and
// photo a string of JSON: clients return both unchanged.
type photoAnswer struct {
	Server int64  `json:"server"`
	Photo  string `json:"photo"`
	Hash   string `json:"hash"`
}

func acceptPhoto(w *World, s *staged) any {
	s.value, s.hash = w.photoValue(s), w.hex(32, "staged", s.n)
	w.stage(s, s.hash)
	return photoAnswer{s.server, s.value, s.hash}
}

// noPhoto returns VK's response to a file that is not a picture: no error, but
// no photo either.
func noPhoto(w *World, s *staged, _ string) any {
	return photoAnswer{s.server, "[]", w.hex(32, "staged", s.n)}
}

type albumAnswer struct {
	Server int64  `json:"server"`
	Photos string `json:"photos_list"`
	Album  int64  `json:"aid"`
	Hash   string `json:"hash"`
	Group  int64  `json:"gid,omitempty"`
}

func acceptAlbum(w *World, s *staged) any {
	s.value, s.hash = w.photoValue(s), w.hex(32, "staged", s.n)
	w.stage(s, s.hash)
	return albumAnswer{s.server, s.value, s.album, s.hash, s.group}
}

func noAlbumPhoto(w *World, s *staged, _ string) any {
	return albumAnswer{s.server, "[]", s.album, w.hex(32, "staged", s.n), s.group}
}

func badImage(w *World, s *staged, what string) any { return uploadError(s.kind, what) }

// photoValue returns the string that stands for uploaded photos until they are
// saved.
func (w *World) photoValue(s *staged) string {
	var list []map[string]any
	for i, f := range s.files {
		list = append(list, map[string]any{
			"markers_restarted": true,
			"photo":             w.hex(10, "photo", s.n, int64(i)) + ":w",
			"sizes":             []int{},
			"latitude":          0, "longitude": 0,
			"kid": w.hex(32, "kid", s.n, int64(i)),
			"sizes2": []any{[]any{
				"s", w.hex(16, "sizes2", s.n, int64(i)), "2129619355609328496", min(f.Width, 75), min(f.Height, 75),
			}},
			"urls":  []int{},
			"urls2": []string{w.hex(20, "urls2", s.n, int64(i)) + ".jpg"},
		})
	}
	return string(mustJSON(list))
}

// encoded returns a value that names the upload and looks like VK's encoded
// values.
func (w *World) encoded(s *staged) string {
	return base64.RawURLEncoding.EncodeToString(mustJSON(map[string]any{
		"oid": s.owner, "photo": map[string]string{"kid": w.hex(32, "kid", s.n)},
	}))
}

func acceptCover(w *World, s *staged) any {
	s.value, s.hash = w.encoded(s), w.hex(32, "staged", s.n)
	w.stage(s, s.hash)
	return map[string]string{"photo": s.value, "hash": s.hash}
}

// acceptWidgetImage refuses a picture that is smaller than its type.
func acceptWidgetImage(w *World, s *staged) any {
	width, height := widgetSize(s.size)
	if f := &s.files[0]; f.Width < width || f.Height < height {
		return badImage(w, s, fmt.Sprintf("ERR_UPLOAD_BAD_IMAGE_SIZE: min size %s", s.size))
	}
	s.value, s.hash = w.encoded(s), w.hex(32, "staged", s.n)
	w.stage(s, s.hash)
	return map[string]string{"image": s.value, "hash": s.hash}
}

func acceptPoll(w *World, s *staged) any { return acceptCover(w, s) }

func acceptChatPhoto(w *World, s *staged) any {
	s.value = w.encoded(s)
	w.stage(s, s.value)
	return map[string]string{"response": s.value}
}

func acceptStory(w *World, s *staged) any {
	s.value = w.encoded(s)
	w.stage(s, s.value)
	return map[string]any{
		"response": map[string]string{"upload_result": s.value},
		"_sig":     w.hex(32, "sig", s.n),
	}
}
