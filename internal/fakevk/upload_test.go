package fakevk

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pngHead returns the beginning of a PNG, enough to determine its dimensions.
func pngHead(width, height int) []byte {
	ihdr := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 0, 0)
	binary.BigEndian.PutUint32(ihdr[4:], uint32(width))
	binary.BigEndian.PutUint32(ihdr[8:], uint32(height))
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\r"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func encoded(encode func(io.Writer, image.Image) error) []byte {
	var b bytes.Buffer
	if err := encode(&b, image.NewPaletted(image.Rect(0, 0, 40, 30), color.Palette{color.Black})); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// ogg returns two pages of Opus with the given duration.
func ogg(d time.Duration) []byte {
	page := func(granule uint64, body string) []byte {
		b := append([]byte("OggS\x00\x02"), make([]byte, 20)...)
		binary.LittleEndian.PutUint64(b[6:], granule)
		return append(append(b, 1, byte(len(body))), body...)
	}
	return append(page(0, "OpusHead\x01"), page(uint64(d.Seconds()*opusRate), strings.Repeat("x", 100))...)
}

// form returns a multipart body with one file.
func form(field, name string, data []byte) (contentType string, body []byte) {
	var b bytes.Buffer
	mw := multipart.NewWriter(&b)
	var p io.Writer
	if name == "" {
		p, _ = mw.CreateFormField(field)
	} else {
		p, _ = mw.CreateFormFile(field, name)
	}
	p.Write(data)
	mw.Close()
	return mw.FormDataContentType(), b.Bytes()
}

// address calls a method and returns its upload address.
func (s *scene) address(method string, pairs ...any) string {
	s.t.Helper()
	var a struct {
		URL string `json:"upload_url"`
	}
	s.ok(&a, method, pairs...)
	return a.URL
}

// sends uploads a file and returns the recorded response.
func (s *scene) sends(address, field, name string, data []byte) *httptest.ResponseRecorder {
	s.t.Helper()
	ct, body := form(field, name, data)
	r := httptest.NewRequest("POST", address, bytes.NewReader(body))
	r.Header.Set("Content-Type", ct)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec
}

// uploads is like sends, for a response that is a JSON object.
func (s *scene) uploads(address, field, name string, data []byte) map[string]any {
	s.t.Helper()
	rec := s.sends(address, field, name, data)
	var out map[string]any
	d := json.NewDecoder(rec.Body)
	d.UseNumber()
	if err := d.Decode(&out); err != nil || rec.Code != http.StatusOK {
		s.t.Fatalf("upload: HTTP status %d, %v", rec.Code, err)
	}
	return out
}

// pairs converts an upload's response to parameters, as clients do.
func pairs(answer map[string]any, more ...any) []any {
	for k, v := range answer {
		more = append(more, k, v)
	}
	return more
}

func TestUploadMessagePhoto(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"png":  encoded(png.Encode),
		"jpeg": encoded(func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }),
		"gif":  encoded(func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, Config{})
			s.SetLongPoll(s.group.ID, LongPollSettings{Events: map[string]bool{"message_reply": true}})
			p := s.poller()
			// Neither the name nor the type of the part can be trusted.
			a := s.uploads(s.address("photos.getMessagesUploadServer", "peer_id", s.anna.ID), "photo", "photo.jpeg", data)
			if _, ok := a["server"].(json.Number); !ok || len(a) != 3 {
				t.Errorf("got %v", a)
			}
			var photos []struct {
				ID      int64
				Owner   int64  `json:"owner_id"`
				Key     string `json:"access_key"`
				AlbumID int64  `json:"album_id"`
				Sizes   []photoSize
			}
			s.ok(&photos, "photos.saveMessagesPhoto", pairs(a)...)
			if len(photos) != 1 {
				t.Fatalf("%d photos, want 1", len(photos))
			}
			ph := photos[0]
			last := ph.Sizes[len(ph.Sizes)-1]
			if ph.Owner != -s.group.ID || ph.Key == "" || ph.AlbumID != -64 || last.Width != 40 || last.Height != 30 {
				t.Errorf("got %+v", ph)
			}
			m := s.writes("attachment", fmt.Sprintf("photo%d_%d_%s", ph.Owner, ph.ID, ph.Key))
			var sent struct {
				Type  string
				Photo struct{ ID int64 }
			}
			json.Unmarshal(m.Attachments[0], &sent)
			if sent.Type != "photo" || sent.Photo.ID != ph.ID || !bytes.Contains(m.Attachments[0], []byte("web_view_token")) {
				t.Errorf("the message carries %s", m.Attachments[0])
			}
			s.ok(nil, "messages.getHistory", "peer_id", s.anna.ID)
			ups := p.poll(0).Updates
			if len(ups) != 1 || !bytes.Contains(ups[0].Object, []byte("web_view_token")) {
				t.Errorf("events: %+v", ups)
			}
			checkEvent(t, ups[0])
			u := s.Uploads()
			if len(u) != 1 || u[0].Format != name || u[0].Size != int64(len(data)) || u[0].Kind != "message_photo" ||
				u[0].Peer != s.anna.ID || u[0].FileName != "photo.jpeg" || u[0].Wrong != "" {
				t.Errorf("recorded %+v", u)
			}
		})
	}
}

func TestUploadBadPhoto(t *testing.T) {
	t.Parallel()
	good := encoded(png.Encode)
	tests := []struct {
		name, field, file string
		data              []byte
		ok                bool
	}{
		{"good", "photo", "a.png", good, true},
		{"no extension", "photo", "a", good, false},
		{"a dot and no extension", "photo", "a.", good, false},
		{"extension of another format", "photo", "a.dat", good, true},
		{"another field", "file", "a.png", good, true},
		{"field of an album", "file1", "a.png", good, true},
		{"field counted from zero", "file0", "a.png", good, true},
		{"no file name", "photo", "", good, false},
		{"empty", "photo", "a.png", nil, false},
		{"text", "photo", "a.png", []byte("not a picture"), false},
		{"cut off", "photo", "a.png", good[:20], false},
		{"other format", "photo", "a.bmp", append([]byte("BM"), make([]byte, 100)...), false},
		{"14000 wide and high together", "photo", "a.png", pngHead(13000, 1000), true},
		{"14001", "photo", "a.png", pngHead(13000, 1001), false},
		{"1:20", "photo", "a.png", pngHead(20, 400), true},
		{"slimmer", "photo", "a.png", pngHead(20, 401), false},
		{"slimmer the other way", "photo", "a.png", pngHead(401, 20), false},
		{"no size", "photo", "a.png", pngHead(0, 10), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, Config{})
			a := s.uploads(s.address("photos.getMessagesUploadServer"), tt.field, tt.file, tt.data)
			if ok := a["photo"] != "[]"; ok != tt.ok {
				t.Fatalf("accepted: %v, want %v: %v", ok, tt.ok, a)
			}
			if tt.ok {
				s.ok(nil, "photos.saveMessagesPhoto", pairs(a)...)
				return
			}
			s.fails(100, "photos_list is invalid", "photos.saveMessagesPhoto", pairs(a)...)
		})
	}
}

// TestUploadSaves changes the upload host's values in every possible way.
func TestUploadSaves(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *scene, a map[string]any)
		code   int
	}{
		{"photo is missing", func(s *scene, a map[string]any) { delete(a, "photo") }, 100},
		{"server is missing", func(s *scene, a map[string]any) { delete(a, "server") }, 118},
		{"another server", func(s *scene, a map[string]any) { a["server"] = 1 }, 118},
		{"hash is missing", func(s *scene, a map[string]any) { delete(a, "hash") }, 121},
		{"another hash", func(s *scene, a map[string]any) { a["hash"] = "0123" }, 121},
		{"the photo was decoded and encoded", func(s *scene, a map[string]any) {
			var v any
			json.Unmarshal([]byte(a["photo"].(string)), &v)
			b, _ := json.MarshalIndent(v, "", " ")
			a["photo"] = string(b)
		}, 121},
		{"by somebody else", func(s *scene, a map[string]any) { a["access_token"] = s.AddUserToken(s.anna.ID) }, 121},
		{"too late", func(s *scene, a map[string]any) { time.Sleep(uploadLifetime) }, 121},
		{"twice", func(s *scene, a map[string]any) { s.ok(nil, "photos.saveMessagesPhoto", pairs(a)...) }, 121},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, Config{})
				a := s.uploads(s.address("photos.getMessagesUploadServer"), "photo", "a.png", encoded(png.Encode))
				tt.change(s, a)
				s.fails(tt.code, "", "photos.saveMessagesPhoto", pairs(a)...)
			})
		})
	}
	t.Run("for another purpose", func(t *testing.T) {
		s := newScene(t, Config{})
		token := s.AddUserToken(s.anna.ID)
		a := s.uploads(s.address("photos.getWallUploadServer", "access_token", token), "photo", "a.png", encoded(png.Encode))
		s.fails(114, "Invalid album id", "photos.saveMessagesPhoto", pairs(a, "access_token", token)...)
		s.ok(nil, "photos.saveWallPhoto", pairs(a, "access_token", token)...)
	})
}

func TestUploadAddress(t *testing.T) {
	good := encoded(png.Encode)
	tests := []struct {
		name   string
		change func(address string) string
		want   string
	}{
		{"another kind", func(a string) string { return strings.Replace(a, "message_photo", "doc", 1) }, uploadBadHash},
		{"another hash", func(a string) string { return strings.Replace(a, "&hash=", "&hash=0", 1) }, uploadBadHash},
		{"no query", func(a string) string { a, _, _ = strings.Cut(a, "?"); return a }, uploadBadHash},
		{"too late", func(a string) string { time.Sleep(uploadLifetime); return a }, uploadExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, Config{BaseURL: "http://vk.test"})
				a := s.address("photos.getMessagesUploadServer")
				if !strings.HasPrefix(a, "http://vk.test/upload/message_photo?") {
					t.Errorf("address %s", a)
				}
				got := s.uploads(tt.change(a), "photo", "a.png", good)
				if got["error"] != tt.want || len(s.Uploads()) != 0 {
					t.Errorf("got %v", got)
				}
			})
		})
	}
	t.Run("GET", func(t *testing.T) {
		s := newScene(t, Config{})
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest("GET", s.address("photos.getMessagesUploadServer"), nil))
		if !strings.Contains(rec.Body.String(), uploadNoFile) {
			t.Errorf("got %s", rec.Body)
		}
	})
	t.Run("several times", func(t *testing.T) {
		s := newScene(t, Config{})
		a := s.address("photos.getMessagesUploadServer")
		for range 2 {
			s.ok(nil, "photos.saveMessagesPhoto", pairs(s.uploads(a, "photo", "a.png", good))...)
		}
	})
}

func TestUploadTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for _, method := range []string{
		"photos.getWallUploadServer", "photos.getUploadServer", "photos.getOwnerPhotoUploadServer",
		"photos.saveWallPhoto", "photos.save", "photos.saveOwnerPhoto", "photos.createAlbum",
		"docs.getUploadServer", "docs.get", "video.save", "polls.getPhotoUploadServer", "polls.savePhoto",
	} {
		s.fails(27, "Group authorization failed: method is unavailable with group auth.", method)
	}
	weak := s.AddGroupToken(s.group.ID, "messages")
	for _, method := range []string{
		"photos.getMessagesUploadServer", "photos.saveMessagesPhoto", "docs.getMessagesUploadServer", "docs.save",
		"stories.save", "photos.getChatUploadServer", "photos.getOwnerCoverPhotoUploadServer",
	} {
		s.fails(15, "scopes", method, "access_token", weak)
	}
	s.fails(901, "", "photos.getMessagesUploadServer", "peer_id", s.boris.ID)
	s.fails(901, "", "docs.getMessagesUploadServer", "peer_id", s.boris.ID)
	s.fails(15, "", "photos.getOwnerCoverPhotoUploadServer", "group_id", s.group.ID, "access_token", s.AddUserToken(s.anna.ID))
}

func TestUploadContentType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, field string
		json          bool
		want          string
	}{
		{"photos.getMessagesUploadServer", "photo", false, "text/html; charset=utf-8"},
		{"photos.getMessagesUploadServer", "photo", true, "application/json; charset=utf-8"},
		{"docs.getMessagesUploadServer", "file", false, "application/json; charset=utf-8"},
	} {
		s := newScene(t, Config{Readings: Readings{UploadJSON: tt.json}})
		rec := s.sends(s.address(tt.method), tt.field, "a.png", encoded(png.Encode))
		if got := rec.Header().Get("Content-Type"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.method, got, tt.want)
		}
	}
}

func TestFaultOnUpload(t *testing.T) {
	overBoth(t, Config{}, func(t *testing.T, c *client) {
		address := strings.Replace(c.address("docs.getMessagesUploadServer", "peer_id", c.anna.ID), "http://example.com", c.base, 1)
		ct, body := form("file", "a.txt", bytes.Repeat([]byte("text"), 100_000))
		post := func() answer {
			r, _ := http.NewRequest("POST", address, bytes.NewReader(body))
			r.Header.Set("Content-Type", ct)
			return c.fetch(r)
		}
		c.Fail(Fault{On: OnUpload, Peer: c.anna.ID, Times: 1, Effect: ResetBefore{}})
		if a := post(); a.err == nil || len(c.Uploads()) != 0 {
			t.Errorf("reset before: %+v, %d uploads", a, len(c.Uploads()))
		}
		c.Fail(Fault{On: OnUpload, Times: 1, Effect: ResetAfter{}})
		if a := post(); !isReset(a.err) || len(c.Uploads()) != 1 {
			t.Errorf("reset after: %+v, %d uploads", a, len(c.Uploads()))
		}
		c.Fail(Fault{On: OnUpload, Times: 1, Effect: HTTPStatus{Status: 504}})
		if a := post(); a.status != 504 {
			t.Errorf("got %+v", a)
		}
		if a := post(); a.status != 200 || cmp.Equal(a.body, "") {
			t.Errorf("got %+v", a)
		}
	})
}
