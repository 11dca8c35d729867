package vk_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// picture is a PNG of that size.
func picture(width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestUploadToFakeVK uploads every kind that the fake VK has, with the token
// that its documentation names, and sends what can be sent.
func TestUploadToFakeVK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("vk.test:80")
		world := fakevk.New(fakevk.Config{BaseURL: "http://vk.test", RPS: -1, UserRPS: -1})
		anna := world.AddUser(fakevk.UserSpec{FirstName: "Anna"})
		group := world.AddGroup(fakevk.GroupSpec{Name: "Cats", Admins: []int64{anna.ID}})
		chat := world.AddChat(fakevk.ChatSpec{Title: "Tea", Members: []int64{anna.ID, -group.ID}})
		world.SetAdmin(chat.PeerID, -group.ID, true)
		world.Allow(anna.ID, group.ID, "")
		srv := &http.Server{Handler: world}
		transport := &http.Transport{DialContext: l.Dial}
		var serving sync.WaitGroup
		serving.Go(func() { srv.Serve(l) })
		t.Cleanup(func() {
			transport.CloseIdleConnections()
			world.Close()
			srv.Close()
			serving.Wait()
		})
		client := func(token string) *vk.Client {
			c := vk.NewClient(token)
			c.BaseURL = "http://vk.test/method/"
			c.HTTPClient = &http.Client{Transport: transport}
			return c
		}
		ours, hers := client(group.Token), client(world.AddUserToken(anna.ID))
		album, err := vk.Call[struct {
			ID int64 `json:"id"`
		}](t.Context(), hers, "photos.createAlbum", vk.Params{"title": "Cats", "group_id": group.ID})
		if err != nil {
			t.Fatal(err)
		}

		cat := vk.Bytes("cat.png", picture(800, 600))
		voice := vk.Bytes("voice", []byte(oggHead+strings.Repeat("x", 1000)))
		unsized := vk.Reader("cat.png", plain{bytes.NewReader(append(picture(800, 600), make([]byte, 2<<20)...))})
		for _, tt := range []struct {
			name   string
			client *vk.Client
			to     vk.UploadTarget
			src    vk.Source
			kind   string
			sent   string // how the attachment begins; "" if it is not one
		}{
			{"photo", ours, vk.PhotoFor(anna.ID), cat, "message_photo", "photo-"},
			{"photo with a person's token", hers, vk.PhotoFor(0), cat, "message_photo", "photo"},
			{"photo in chunks", ours, vk.PhotoFor(chat.PeerID), unsized, "message_photo", "photo-"},
			{"document", ours, vk.DocumentFor(anna.ID), cat, "doc", "doc-"},
			{"wall document", ours, vk.WallDocumentFor(group.ID), cat, "doc", "doc-"},
			{"voice", ours, vk.VoiceFor(anna.ID), voice, "audio_message", "audio_message-"},
			{"graffiti", ours, vk.GraffitiFor(anna.ID), cat, "graffiti", "graffiti-"},
			{"wall photo", hers, vk.WallPhotoFor(group.ID), cat, "wall_photo", "photo"},
			{"album photo", hers, vk.AlbumPhotoFor(group.ID, album.ID), cat, "album_photo", "photo"},
			{"chat photo", ours, vk.ChatPhotoFor(chat.PeerID), cat, "chat_photo", ""},
			{"owner photo", hers, vk.OwnerPhotoFor(-group.ID), cat, "owner_photo", ""},
			{"own photo", hers, vk.OwnerPhotoFor(0), cat, "owner_photo", ""},
			{"cover", ours, vk.CoverFor(group.ID), cat, "cover", ""},
			{"video", hers, vk.VideoFor(group.ID), vk.Bytes("a.mp4", noise(1000)), "video", "video-"},
			{"video elsewhere", hers, vk.VideoFor(0), vk.VideoLink("https://video.example/watch?v=1"), "", "video"},
			{"story", ours, vk.StoryPhotoFor(group.ID), cat, "story_photo", "story-"},
			{"story of a video", ours, vk.StoryVideoFor(group.ID), vk.Bytes("a.mp4", noise(1000)), "story_video", "story-"},
			{"poll photo", hers, vk.PollPhotoFor(0), cat, "poll_photo", ""},
		} {
			before := len(world.Uploads())
			a, err := tt.client.Upload(t.Context(), tt.to, tt.src)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			files := world.Uploads()[before:]
			if tt.kind == "" && len(files) != 0 || tt.kind != "" && (len(files) != 1 || files[0].Kind != tt.kind || files[0].Field != tt.to.Field) {
				t.Errorf("%s: uploaded %+v", tt.name, files)
			}
			err = ours.Send(t.Context(), anna.ID, tt.name, a)
			if tt.sent == "" {
				if err == nil {
					t.Errorf("%s: %v can be sent", tt.name, a)
				}
				continue
			}
			if err != nil || !strings.HasPrefix(a.String(), tt.sent) || a.AccessKey == "" && tt.kind != "wall_photo" && tt.kind != "album_photo" {
				t.Errorf("%s: %v: %v", tt.name, a, err)
			}
		}

		for _, tt := range []struct {
			name string
			to   vk.UploadTarget
			src  vk.Source
			code error // of VK; nil is an UploadError
		}{
			{"a person's method", vk.WallPhotoFor(group.ID), cat, vk.CodeGroupAuth},
			{"no picture", vk.PhotoFor(anna.ID), vk.Bytes("cat.png", []byte("<html>")), nil},
			{"too small", vk.CoverFor(group.ID), vk.Bytes("cat.png", picture(20, 20)), nil},
			{"no program", vk.DocumentFor(anna.ID), vk.Bytes("a.exe", noise(1000)), nil},
			{"no voice", vk.VoiceFor(anna.ID), cat, nil},
		} {
			start := time.Now()
			a, err := ours.Upload(t.Context(), tt.to, tt.src)
			var failed *vk.UploadError
			if tt.code != nil && !errors.Is(err, tt.code) || tt.code == nil && !errors.As(err, &failed) {
				t.Errorf("%s: %v, %v", tt.name, a, err)
			}
			if time.Since(start) > 0 {
				t.Errorf("%s: tried again", tt.name)
			}
		}
	})
}
