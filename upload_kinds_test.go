package vk_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// TestUploadKinds: each kind makes VK's calls, and returns VK's result.
func TestUploadKinds(t *testing.T) {
	const group, peer = 203551742, 148273615
	wall := vk.WallPhotoFor(group)
	wall.SaveParams["caption"] = "Sunset"
	square := vk.OwnerPhotoFor(-group)
	square.Form["_square_crop"] = "10,20,200"
	crop := vk.ChatPhotoFor(2000000017)
	crop.ServerParams["crop_width"] = 300
	titled := vk.DocumentFor(peer)
	titled.SaveParams["title"] = "Report"
	type params = map[string]string
	for _, tt := range []struct {
		name         string
		to           vk.UploadTarget
		serverParams params
		field        string
		server       string // beside upload_url
		answer       string
		saved        string
		saveParams   params
		want         vk.Attachment // without its Object
		form         params
	}{
		{
			name: "message photo", to: vk.PhotoFor(peer), serverParams: params{"peer_id": "148273615"}, field: "photo",
			answer: photoAnswer, saved: photoSaved,
			saveParams: params{"server": "856312", "photo": `[{"photo":"6f26a6640b:w","sizes":[]}]`, "hash": "c464cfd54600df4c"},
			want:       vk.Attachment{Type: "photo", OwnerID: -203551742, ID: 457240200, AccessKey: "7f2c1a94d0be63a815"},
		},
		{
			name: "message photo for anybody", to: vk.PhotoFor(0), serverParams: params{}, field: "photo",
			answer: photoAnswer, saved: photoSaved,
			saveParams: params{"server": "856312", "photo": `[{"photo":"6f26a6640b:w","sizes":[]}]`, "hash": "c464cfd54600df4c"},
			want:       vk.Attachment{Type: "photo", OwnerID: -203551742, ID: 457240200, AccessKey: "7f2c1a94d0be63a815"},
		},
		{
			name: "wall photo", to: wall, serverParams: params{"group_id": "203551742"}, field: "photo",
			answer: `{"server":1,"photo":"[{}]","hash":"h"}`, saved: `{"response":[{"id":5,"owner_id":-203551742}]}`,
			saveParams: params{"server": "1", "photo": "[{}]", "hash": "h", "group_id": "203551742", "caption": "Sunset"},
			want:       vk.Attachment{Type: "photo", OwnerID: -203551742, ID: 5},
		},
		{
			name: "album photo", to: vk.AlbumPhotoFor(-group, 77), serverParams: params{"group_id": "203551742", "album_id": "77"}, field: "file1",
			answer: `{"server":858212,"photos_list":"[{\"photo\":\"x\"}]","aid":77,"hash":"h","gid":203551742}`, saved: `{"response":[{"id":6,"owner_id":-203551742}]}`,
			saveParams: params{"server": "858212", "photos_list": `[{"photo":"x"}]`, "aid": "77", "hash": "h", "gid": "203551742", "group_id": "203551742", "album_id": "77"},
			want:       vk.Attachment{Type: "photo", OwnerID: -203551742, ID: 6},
		},
		{
			name: "chat photo", to: crop, serverParams: params{"chat_id": "17", "crop_width": "300"}, field: "file",
			answer: `{"response":"eyJvaWQiOjAsInBob3RvIjp7fX0"}`, saved: `{"response":{"message_id":4,"chat":{"id":17,"type":"chat"}}}`,
			saveParams: params{"file": "eyJvaWQiOjAsInBob3RvIjp7fX0"},
		},
		{
			name: "owner photo", to: square, serverParams: params{"owner_id": "-203551742"}, field: "photo",
			answer: `{"server":1,"photo":"p","hash":"h","mid":1,"message_code":2,"profile_aid":-6}`, saved: `{"response":{"photo_hash":"x","saved":1,"post_id":3}}`,
			saveParams: params{"server": "1", "photo": "p", "hash": "h", "mid": "1", "message_code": "2", "profile_aid": "-6"},
			form:       params{"_square_crop": "10,20,200"},
		},
		{
			name: "cover", to: vk.CoverFor(group), serverParams: params{"group_id": "203551742"}, field: "photo",
			answer: `{"hash":"h","photo":"cGhvdG8="}`, saved: `{"response":{"images":[{"url":"u","width":795,"height":265}]}}`,
			saveParams: params{"hash": "h", "photo": "cGhvdG8="},
		},
		{
			name: "document", to: titled, serverParams: params{"peer_id": "148273615", "type": "doc"}, field: "file",
			answer: `{"file":"743784474|0|0|240331|e24cd4aa3c|pdf|14854|name.pdf|"}`, saved: `{"response":{"type":"doc","doc":{"id":7,"owner_id":-203551742,"access_key":"Tq"}}}`,
			saveParams: params{"file": "743784474|0|0|240331|e24cd4aa3c|pdf|14854|name.pdf|", "title": "Report"},
			want:       vk.Attachment{Type: "doc", OwnerID: -203551742, ID: 7, AccessKey: "Tq"},
		},
		{
			name: "wall document", to: vk.WallDocumentFor(group), serverParams: params{"group_id": "203551742"}, field: "file",
			answer: `{"file":"f"}`, saved: `{"response":{"type":"doc","doc":{"id":7,"owner_id":-203551742}}}`,
			saveParams: params{"file": "f"},
			want:       vk.Attachment{Type: "doc", OwnerID: -203551742, ID: 7},
		},
		{
			name: "voice", to: vk.VoiceFor(peer), serverParams: params{"peer_id": "148273615", "type": "audio_message"}, field: "file",
			answer: `{"file":"f"}`, saved: `{"response":{"type":"audio_message","audio_message":{"duration":3,"id":8,"owner_id":-203551742,"access_key":"Ws","waveform":[0]}}}`,
			saveParams: params{"file": "f"},
			want:       vk.Attachment{Type: "audio_message", OwnerID: -203551742, ID: 8, AccessKey: "Ws"},
		},
		{
			name: "graffiti", to: vk.GraffitiFor(peer), serverParams: params{"peer_id": "148273615", "type": "graffiti"}, field: "file",
			answer: `{"file":"f"}`, saved: `{"response":{"type":"graffiti","graffiti":{"id":9,"owner_id":-203551742,"access_key":"g"}}}`,
			saveParams: params{"file": "f"},
			want:       vk.Attachment{Type: "graffiti", OwnerID: -203551742, ID: 9, AccessKey: "g"},
		},
		{
			name: "voice that VK calls a document", to: vk.VoiceFor(0), serverParams: params{"type": "audio_message"}, field: "file",
			answer: `{"file":"f"}`, saved: `{"response":{"type":"doc","doc":{"id":8,"owner_id":1}}}`,
			saveParams: params{"file": "f"},
			want:       vk.Attachment{Type: "doc", OwnerID: 1, ID: 8},
		},
		{
			name: "video", to: vk.VideoFor(group), serverParams: params{"group_id": "203551742"}, field: "video_file",
			server: `,"access_key":"494c","owner_id":-203551742,"video_id":456239017,"title":"t"`,
			answer: `{"video_hash":"x","size":3,"owner_id":-203551742,"video_id":456239017}`,
			want:   vk.Attachment{Type: "video", OwnerID: -203551742, ID: 456239017, AccessKey: "494c"},
		},
		{
			name: "story photo", to: vk.StoryPhotoFor(group), serverParams: params{"group_id": "203551742", "add_to_news": "1"}, field: "file",
			answer: `{"response":{"upload_result":"abc=="},"_sig":"s"}`, saved: `{"response":{"count":1,"items":[{"id":10,"owner_id":-203551742,"access_key":"sk","type":"photo","photo":{"id":99,"owner_id":1}}]}}`,
			saveParams: params{"upload_results": "abc=="},
			want:       vk.Attachment{Type: "story", OwnerID: -203551742, ID: 10, AccessKey: "sk"},
		},
		{
			name: "story video", to: vk.StoryVideoFor(0), serverParams: params{"add_to_news": "1"}, field: "video_file",
			answer: `{"response":{"upload_result":"abc=="}}`, saved: `{"response":{"count":1,"items":[{"id":11,"owner_id":5}]}}`,
			saveParams: params{"upload_results": "abc=="},
			want:       vk.Attachment{Type: "story", OwnerID: 5, ID: 11},
		},
		{
			name: "product photo", to: vk.ProductPhotoFor(group), serverParams: params{"group_id": "203551742"}, field: "file",
			answer: `{"sha":"x", "secret":"","meta":{"w":1}}`, saved: `{"response":{"photo_id":12}}`,
			saveParams: params{"upload_response": `{"sha":"x", "secret":"","meta":{"w":1}}`},
			want:       vk.Attachment{ID: 12},
		},
		{
			name: "poll photo", to: vk.PollPhotoFor(-group), serverParams: params{"owner_id": "-203551742"}, field: "photo",
			answer: `{"photo":"p","hash":"h"}`, saved: `{"response":{"id":13,"color":"ffffff","width":1}}`,
			saveParams: params{"photo": "p", "hash": "h"},
			want:       vk.Attachment{ID: 13},
		},
		{
			name: "a kind of one's own", to: vk.UploadTarget{Server: "leadForms.getUploadURL", Field: "file"}, serverParams: params{}, field: "file",
			answer: `{"photo":"-1_2"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				v.server = tt.server
				v.answer = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tt.answer) }
				v.saved = func(string) string { return tt.saved }
				a, err := v.client.Upload(t.Context(), tt.to, vk.Bytes("cat.png", []byte(pngHead)))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, a, cmpopts.IgnoreFields(vk.Attachment{}, "Object")); diff != "" {
					t.Errorf("attachment (-want +got):\n%s", diff)
				}
				if len(a.Object) == 0 || strings.Contains(string(a.Object), urlHash) {
					t.Errorf("Object: %s", a.Object)
				}
				calls := []uploadCall{{tt.to.Server, tt.serverParams}}
				if tt.to.Save != "" {
					calls = append(calls, uploadCall{tt.to.Save, tt.saveParams})
				}
				if diff := cmp.Diff(calls, v.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if tt.form == nil {
					tt.form = params{}
				}
				want := []uploaded{{Field: tt.field, Name: "cat.png", Type: "image/png", Content: pngHead, N: "1", Form: tt.form}}
				if diff := cmp.Diff(want, v.files, cmpopts.IgnoreFields(uploaded{}, "Length")); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// picture is a PNG of the given size.
func picture(width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestUploadToFakeVK uploads every kind that the fake VK has, with the token
// that its documentation names, and sends the results that can be sent.
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
			sent   string // the beginning of the attachment; "" if there is none
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

// TestUploadVideoOnce: a video exists once its last byte has arrived, so later
// failures are not retried.
func TestUploadVideoOnce(t *testing.T) {
	t.Parallel()
	reset := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for _, tt := range []struct {
		name          string
		early, answer func(http.ResponseWriter)
		tries         int
	}{
		{"no answer after the last byte", nil, reset, 1},
		{"a senseless answer after the last byte", nil, func(w http.ResponseWriter) { io.WriteString(w, "<html>") }, 1},
		{"refused after the last byte", nil, func(w http.ResponseWriter) { w.WriteHeader(503) }, 2},
		{"overload after the last byte", nil, func(w http.ResponseWriter) { io.WriteString(w, `{"error":"ERR_UPLOAD_X"}`) }, 2},
		{"cut off in the middle", reset, nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				v.client.MaxAttempts = 2
				if tt.early != nil {
					v.early = func(w http.ResponseWriter, _ *http.Request) bool { tt.early(w); return true }
				} else {
					v.answer = func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) }
				}
				_, err := v.client.Upload(t.Context(), vk.VideoFor(1), vk.Bytes("a.mp4", noise(4<<20)))
				if err == nil || v.issued != tt.tries {
					t.Errorf("%d attempts: %v", v.issued, err)
				}
			})
		})
	}
}

func TestUploadVideoLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.server = `,"owner_id":1,"video_id":2,"access_key":"k"`
		v.answer = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"response":1}`) }
		link := vk.VideoLink("https://video.example/watch?v=1")
		to := vk.VideoFor(7)
		a, err := v.client.Upload(t.Context(), to, link)
		if err != nil || a.String() != "video1_2_k" {
			t.Errorf("%v, %v", a, err)
		}
		want := []uploadCall{{"video.save", map[string]string{"group_id": "7", "link": "https://video.example/watch?v=1"}}}
		if diff := cmp.Diff(want, v.calls); diff != "" || v.attempts() != 1 || len(to.ServerParams) != 1 {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		v.answer = func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"error_code":204,"error_msg":"Access denied"}`)
		}
		_, err = v.client.Upload(t.Context(), to, link)
		if failed := (*vk.UploadError)(nil); !errors.As(err, &failed) || failed.Code != 204 {
			t.Errorf("err = %v", err)
		}
		if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), link); err == nil || v.attempts() != 2 {
			t.Errorf("a photo by link: %v", err)
		}
	})
}

func TestUploadVideoLinkContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
		defer cancel()
		if _, err := v.client.Upload(ctx, vk.VideoFor(1), vk.VideoLink("https://video.example/")); !errors.Is(err, cause) {
			t.Errorf("err = %v", err)
		}
	})
}
