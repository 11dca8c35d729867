package fakevk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestUploadDoc(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		file string
		kind int // of the document; 0 if it is refused
	}{
		{"text", "notes.txt", 1},
		{"archive", "a.tar.gz", 2},
		{"gif", "A.GIF", 3},
		{"picture", "a.png", 4},
		{"sound", "a.ogg", 5},
		{"film", "a.mp4", 6},
		{"book", "a.epub", 7},
		{"other", "a.xyz", 8},
		{"mp3", "a.mp3", 0},
		{"MP3", "a.MP3", 0},
		{"executable", "a.exe", 0},
		{"no extension", "README", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, Config{})
			a := s.uploads(s.address("docs.getMessagesUploadServer", "type", "doc", "peer_id", s.anna.ID), "file", tt.file, pngHead(300, 200))
			if tt.kind == 0 {
				if a["error"] == nil || a["error_descr"] == nil || a["file"] != nil {
					t.Errorf("got %v", a)
				}
				return
			}
			var saved struct {
				Type string
				Doc  struct {
					ID    int64
					Owner int64  `json:"owner_id"`
					Key   string `json:"access_key"`
					Title string
					Ext   string
					Size  int
					Type  int
				}
			}
			s.ok(&saved, "docs.save", pairs(a)...)
			d := saved.Doc
			if saved.Type != "doc" || d.Type != tt.kind || d.Title != tt.file || d.Size != 33 || d.Owner != -s.group.ID || d.Key == "" {
				t.Errorf("got %+v", saved)
			}
			s.fails(105, "Couldn't save file", "docs.save", pairs(a)...)
			m := s.writes("attachment", fmt.Sprintf("doc%d_%d_%s", d.Owner, d.ID, d.Key))
			if !strings.Contains(string(m.Attachments[0]), tt.file) {
				t.Errorf("the message carries %s", m.Attachments[0])
			}
		})
	}
}

func TestUploadDocSave(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	address := s.address("docs.getWallUploadServer")
	a := s.uploads(address, "file", "a.txt", []byte("x"))
	file := a["file"].(string)
	s.fails(100, "file is undefined", "docs.save")
	s.fails(105, "", "docs.save", "file", file+"|")
	s.fails(105, "", "docs.save", "file", file, "access_token", s.AddUserToken(s.anna.ID))
	var saved struct {
		Doc struct {
			ID    int64
			Title string
			Tags  []string
		}
	}
	s.ok(&saved, "docs.save", "file", file, "title", "Notes", "tags", "a,b")
	if saved.Doc.Title != "Notes" || len(saved.Doc.Tags) != 2 {
		t.Errorf("got %+v", saved)
	}
	var found []json.RawMessage
	s.ok(&found, "docs.getById", "docs", fmt.Sprintf("-%d_%d,-1_2", s.group.ID, saved.Doc.ID))
	if len(found) != 1 {
		t.Errorf("%d documents, want 1", len(found))
	}
	s.ok(&found, "docs.getById", "docs", fmt.Sprintf("-%d_%d_wrong", s.group.ID, saved.Doc.ID))
	if len(found) != 0 {
		t.Error("found with a wrong key")
	}
	// A picture is accepted as a document, but not the other way round.
	p := s.uploads(s.address("photos.getMessagesUploadServer"), "photo", "a.png", encoded(png.Encode))
	s.fails(105, "", "docs.save", "file", p["hash"])
}

func TestDocsGet(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	token := s.AddUserToken(s.anna.ID)
	for _, name := range []string{"a.txt", "b.zip", "c.txt"} {
		s.ok(nil, "docs.save", pairs(s.uploads(s.address("docs.getUploadServer", "access_token", token), "file", name, []byte("x")), "access_token", token)...)
	}
	for _, tt := range []struct {
		params []any
		want   string
	}{
		{nil, "3 c.txt b.zip a.txt"},
		{[]any{"offset", 1, "count", 1}, "3 b.zip"},
		{[]any{"type", 1}, "2 c.txt a.txt"},
		{[]any{"owner_id", s.boris.ID}, "0"},
	} {
		var got struct {
			Count int
			Items []struct{ Title string }
		}
		s.ok(&got, "docs.get", append([]any{"access_token", token}, tt.params...)...)
		line := fmt.Sprint(got.Count)
		for _, it := range got.Items {
			line += " " + it.Title
		}
		if line != tt.want {
			t.Errorf("%v: %s, want %s", tt.params, line, tt.want)
		}
	}
}

func TestUploadVoice(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	address := s.address("docs.getMessagesUploadServer", "type", "audio_message", "peer_id", s.anna.ID)
	if a := s.uploads(address, "file", "a.ogg", []byte("ID3 no ogg")); a["error"] == nil {
		t.Errorf("got %v", a)
	}
	a := s.uploads(address, "file", "voice", ogg(7*time.Second)) // the name does not matter
	var saved struct {
		Type  string
		Voice struct {
			ID       int64
			Owner    int64  `json:"owner_id"`
			Key      string `json:"access_key"`
			Duration int
			Waveform []int
		} `json:"audio_message"`
	}
	s.ok(&saved, "docs.save", pairs(a)...)
	v := saved.Voice
	if saved.Type != "audio_message" || v.Duration != 7 || len(v.Waveform) != waveformLen {
		t.Errorf("got %+v", saved)
	}
	m := s.writes("attachment", fmt.Sprintf("audio_message%d_%d_%s", v.Owner, v.ID, v.Key))
	if !bytes.Contains(m.Attachments[0], []byte("waveform")) {
		t.Errorf("the message carries %s", m.Attachments[0])
	}
	// Older clients attach it as a document.
	m = s.writes("attachment", fmt.Sprintf("doc%d_%d", v.Owner, v.ID))
	if !bytes.Contains(m.Attachments[0], []byte(`"type":"audio_message"`)) {
		t.Errorf("the message carries %s", m.Attachments[0])
	}
}

func TestOggDuration(t *testing.T) {
	t.Parallel()
	b := ogg(90 * time.Second)
	for _, size := range []int{1, 7, 13, 14, 64, len(b)} {
		var s oggScanner
		for i := 0; i < len(b); i += size {
			s.Write(b[i:min(i+size, len(b))])
		}
		// Written in single bytes, OpusHead is not found, and the size
		// determines the duration.
		if d := s.duration(int64(len(b))); size >= 14 && d != 90*time.Second || d < time.Second {
			t.Errorf("in writes of %d: %v", size, d)
		}
	}
}

func TestUploadGraffiti(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	address := s.address("docs.getMessagesUploadServer", "type", "graffiti")
	if a := s.uploads(address, "file", "a.png", []byte("GIF89a")); a["error"] == nil {
		t.Errorf("got %v", a)
	}
	var saved struct {
		Type     string
		Graffiti struct {
			Width, Height int
			ID            int64
			Owner         int64 `json:"owner_id"`
		}
	}
	s.ok(&saved, "docs.save", pairs(s.uploads(address, "file", "a.png", pngHead(30, 20)))...)
	if g := saved.Graffiti; saved.Type != "graffiti" || g.Width != 30 || g.Height != 20 {
		t.Errorf("got %+v", saved)
	}
	m := s.writes("attachment", fmt.Sprintf("graffiti%d_%d", saved.Graffiti.Owner, saved.Graffiti.ID))
	if !bytes.Contains(m.Attachments[0], []byte("psv4")) {
		t.Errorf("the message carries %s", m.Attachments[0])
	}
	s.fails(100, "type should be one of", "docs.getMessagesUploadServer", "type", "sticker")
}

func TestUploadCover(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	address := s.address("photos.getOwnerCoverPhotoUploadServer", "group_id", s.group.ID, "crop_x2", 1590, "crop_y2", 400)
	if a := s.uploads(address, "photo", "a.png", pngHead(794, 265)); a["error"] == nil {
		t.Errorf("got %v", a)
	}
	a := s.uploads(address, "photo", "a.png", pngHead(1590, 530))
	s.fails(129, "Invalid photo", "photos.saveOwnerCoverPhoto", "photo", "x", "hash", a["hash"])
	s.fails(129, "", "photos.saveOwnerCoverPhoto", "photo", a["photo"], "hash", "x")
	s.ok(nil, "photos.saveOwnerCoverPhoto", pairs(a)...)
	s.fails(129, "", "photos.saveOwnerCoverPhoto", pairs(a)...)
}

func TestUploadOwnerPhoto(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	g := s.AddGroup(GroupSpec{Admins: []int64{s.anna.ID}})
	token := s.AddUserToken(s.anna.ID)
	var p poller
	p.s = s
	s.ok(&p, "groups.getLongPollServer", "group_id", g.ID, "access_token", token)
	address := s.address("photos.getOwnerPhotoUploadServer", "owner_id", -g.ID, "access_token", token)
	for _, small := range [][]byte{pngHead(199, 300), pngHead(300, 199), pngHead(200, 801)} {
		if a := s.uploads(address, "photo", "a.png", small); a["error"] == nil {
			t.Errorf("got %v", a)
		}
	}
	a := s.uploads(address, "photo", "a.png", pngHead(200, 800))
	s.ok(nil, "photos.saveOwnerPhoto", pairs(a, "access_token", token)...)
	if u := p.poll(0).Updates; len(u) != 1 || u[0].Type != "group_change_photo" {
		t.Errorf("events %v", u)
	} else {
		checkEvent(t, u[0])
	}
	s.fails(15, "", "photos.getOwnerPhotoUploadServer", "owner_id", -s.group.ID, "access_token", token)
}

func TestUploadAlbum(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	token := s.AddUserToken(s.anna.ID)
	var album struct{ ID int64 }
	s.ok(&album, "photos.createAlbum", "title", "Holidays", "access_token", token)
	s.fails(100, "album_id is invalid", "photos.getUploadServer", "album_id", 1, "access_token", token)
	address := s.address("photos.getUploadServer", "album_id", album.ID, "access_token", token)
	if a := s.uploads(address, "file1", "a", encoded(png.Encode)); a["photos_list"] != "[]" {
		t.Errorf("got %v", a)
	}
	a := s.uploads(address, "photo", "a.png", encoded(png.Encode))
	s.fails(114, "", "photos.save", pairs(a, "album_id", 5, "access_token", token)...)
	var saved []struct {
		ID   int64
		Text string
	}
	s.ok(&saved, "photos.save", pairs(a, "album_id", album.ID, "caption", "Sea", "access_token", token)...)
	if len(saved) != 1 || saved[0].Text != "Sea" {
		t.Errorf("got %+v", saved)
	}
	var albums struct {
		Count int
		Items []struct{ ID, Size int64 }
	}
	s.ok(&albums, "photos.getAlbums", "access_token", token)
	if albums.Count != 1 || albums.Items[0].Size != 1 {
		t.Errorf("got %+v", albums)
	}
	var photos []json.RawMessage
	s.ok(&photos, "photos.getById", "photos", fmt.Sprintf("%d_%d", s.anna.ID, saved[0].ID), "access_token", token)
	if len(photos) != 1 {
		t.Errorf("%d photos, want 1", len(photos))
	}
}

func TestUploadChatPhoto(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.fails(917, "", "photos.getChatUploadServer", "chat_id", 7)
	chat := s.chat(ChatSpec{Title: "Work"})
	s.fails(100, "crop_width", "photos.getChatUploadServer", "chat_id", 1, "crop_width", 199)
	address := s.address("photos.getChatUploadServer", "chat_id", 1)
	if a := s.uploads(address, "file", "a.png", pngHead(199, 300)); a["error"] == nil {
		t.Errorf("got %v", a)
	}
	a := s.uploads(address, "file", "a.png", pngHead(300, 300))
	s.fails(22, "Upload error", "messages.setChatPhoto", "file", "x")
	s.fails(925, "", "messages.setChatPhoto", "file", a["response"])
	s.SetAdmin(chat.PeerID, -s.group.ID, true)
	var set struct {
		MessageID int64 `json:"message_id"`
		Chat      struct{ Title string }
	}
	s.ok(&set, "messages.setChatPhoto", "file", a["response"])
	if set.MessageID != 0 || set.Chat.Title != "Work" {
		t.Errorf("got %+v", set)
	}
	if m := s.last(s.anna.ID, chat.PeerID); m.Action == nil || m.Action.Type != "chat_photo_update" || m.Action.Photo == nil {
		t.Errorf("got %+v", m)
	}
	s.fails(1160, "Original photo was changed", "messages.setChatPhoto", "file", a["response"])
}

func TestUploadStory(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.fails(100, "", "stories.getPhotoUploadServer")
	result := func(method, field, file string) string {
		t.Helper()
		a := s.uploads(s.address(method, "add_to_news", 1), field, file, pngHead(720, 1280))
		r, _ := a["response"].(map[string]any)
		if r == nil {
			t.Fatalf("got %v", a)
		}
		return r["upload_result"].(string)
	}
	one := result("stories.getPhotoUploadServer", "file", "a.png")
	two := result("stories.getVideoUploadServer", "video_file", "a.mp4")
	var saved struct {
		Count int
		Items []struct{ Type string }
	}
	s.fails(100, "upload_results is invalid", "stories.save", "upload_results", one+",x")
	s.ok(&saved, "stories.save", "upload_results", one+","+two)
	if saved.Count != 2 || saved.Items[0].Type != "photo" || saved.Items[1].Type != "video" {
		t.Errorf("got %+v", saved)
	}
	s.fails(100, "", "stories.save", "upload_results", one)
}

func TestUploadPollPhoto(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	token := s.AddUserToken(s.anna.ID)
	a := s.uploads(s.address("polls.getPhotoUploadServer", "access_token", token), "photo", "a.png", pngHead(510, 200))
	s.fails(129, "", "polls.savePhoto", "photo", "x", "hash", a["hash"], "access_token", token)
	s.ok(nil, "polls.savePhoto", pairs(a, "access_token", token)...)
	s.fails(129, "", "polls.savePhoto", pairs(a, "access_token", token)...)
}

func TestUploadVideo(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	token := s.AddUserToken(s.anna.ID)
	var v struct {
		URL   string `json:"upload_url"`
		ID    int64  `json:"video_id"`
		Owner int64  `json:"owner_id"`
	}
	s.ok(&v, "video.save", "name", "Film", "access_token", token)
	if a := s.uploads(v.URL, "file", "a.mp4", []byte("film")); a["error_code"] == nil {
		t.Errorf("got %v", a)
	}
	video := func() string { return string(s.mediaObjectOf(fmt.Sprintf("video%d_%d", v.Owner, v.ID))) }
	if !strings.Contains(video(), "processing") {
		t.Errorf("got %s", video())
	}
	a := s.uploads(v.URL, "video_file", "a.mp4", []byte("film"))
	if fmt.Sprint(a["video_id"]) != fmt.Sprint(v.ID) || fmt.Sprint(a["size"]) != "4" || strings.Contains(video(), "processing") {
		t.Errorf("got %v, %s", a, video())
	}
	address := s.address("video.save", "link", "https://example.com/film", "access_token", token)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", address, nil))
	if rec.Body.String() != `{"response":1}` {
		t.Errorf("got %s", rec.Body)
	}
}

// mediaObjectOf returns a media object as a message carries it.
func (s *scene) mediaObjectOf(name string) json.RawMessage {
	a, ok := parseAttachment(name)
	if !ok {
		s.t.Fatalf("bad name %s", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mediaObject(a)
}
