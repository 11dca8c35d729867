package vk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
)

const (
	pngHead = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	oggHead = "OggS\x00\x02\x00\x00\x00\x00"

	// What a message photo's upload server answers; see testdata/payloads.
	photoAnswer = `{"server":856312,"photo":"[{\"photo\":\"6f26a6640b:w\",\"sizes\":[]}]","hash":"c464cfd54600df4c"}`
	photoSaved  = `{"response":[{"album_id":-64,"id":457240200,"owner_id":-203551742,"access_key":"7f2c1a94d0be63a815","sizes":[]}]}`

	urlHash = "d34db33fc0ffee" // a secret in every upload's address

	badGateway = "bad gateway" // as what is saved: HTTP 502
)

// An uploadCall is an API call of an upload, an uploaded a file that arrived.
type (
	uploadCall struct {
		Method string
		Params map[string]string // without v
	}
	uploaded struct {
		Field, Name, Type string
		Content           string
		Form              map[string]string
		Length            int64 // the request's Content-Length, or -1
		N                 string
	}
)

// uploadVK plays both VK's API and its upload servers.
type uploadVK struct {
	client *vk.Client
	server string                                            // what is answered beside upload_url: `,"album_id":-3`
	answer func(w http.ResponseWriter, r *http.Request)      // of the upload server, after the file
	early  func(w http.ResponseWriter, r *http.Request) bool // before the file; true ends it
	saved  func(method string) string                        // the answer of any other method

	mu     sync.Mutex
	calls  []uploadCall
	files  []uploaded
	issued int
}

// newUploadVK serves on l, or on a network in memory if l is nil.
func newUploadVK(tb testing.TB, l net.Listener) *uploadVK {
	u := &uploadVK{
		answer: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, photoAnswer) },
		saved:  func(string) string { return photoSaved },
	}
	transport := &http.Transport{}
	host := "vk.test"
	if l == nil {
		m := memnet.Listen("vk.test:80")
		transport.DialContext = m.Dial
		l = m
	} else {
		host = l.Addr().String()
	}
	srv := &http.Server{Handler: u, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	srv.ConnState = func(_ net.Conn, s http.ConnState) { // connections linger for longer than Close waits
		switch s {
		case http.StateNew:
			serving.Add(1)
		case http.StateClosed:
			serving.Done()
		}
	}
	serving.Go(func() { srv.Serve(l) })
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	})
	u.client = vk.NewClient("s3cret")
	u.client.BaseURL = "http://" + host + "/method/"
	u.client.HTTPClient = &http.Client{Transport: transport}
	u.client.Logger = slog.New(slog.DiscardHandler)
	return u
}

func (u *uploadVK) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method, ok := strings.CutPrefix(r.URL.Path, "/method/")
	if !ok {
		u.upload(w, r)
		return
	}
	r.ParseForm()
	params := make(map[string]string)
	for name := range r.PostForm {
		if name != "v" {
			params[name] = r.PostForm.Get(name)
		}
	}
	u.mu.Lock()
	u.calls = append(u.calls, uploadCall{method, params})
	n := u.issued
	if strings.Contains(method, "Upload") || method == "video.save" {
		u.issued++
	}
	issued := u.issued > n
	u.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if issued {
		fmt.Fprintf(w, `{"response":{"upload_url":"http://%s/upload.php?act=do_add&n=%d&hash=%s"%s}}`, r.Host, n+1, urlHash, u.server)
		return
	}
	answer := u.saved(method)
	if answer == badGateway {
		w.WriteHeader(http.StatusBadGateway)
	}
	io.WriteString(w, answer)
}

func (u *uploadVK) upload(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		panic("the token travels to the upload server")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8") // as VK's do
	if u.early != nil && u.early(w, r) {
		return
	}
	got := uploaded{Length: r.ContentLength, N: r.URL.Query().Get("n"), Form: make(map[string]string)}
	if r.Method == http.MethodPost {
		mr, err := r.MultipartReader()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				return // the connection broke
			}
			b, err := io.ReadAll(p)
			if err != nil {
				return
			}
			if _, params, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition")); params["filename"] == "" {
				got.Form[p.FormName()] = string(b)
				continue
			}
			got.Field, got.Name, got.Type, got.Content = p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(b)
		}
	}
	u.mu.Lock()
	u.files = append(u.files, got)
	u.mu.Unlock()
	u.answer(w, r)
}

// attempts returns how many files arrived.
func (u *uploadVK) attempts() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.files)
}

// plain hides all methods of a reader but Read.
type plain struct{ io.Reader }

// noise is n bytes that are never the same twice in a row.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	copy(b, pngHead)
	return b
}

// TestUploadKinds: each kind makes VK's calls, and returns what VK made of it.
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

// TestUploadAnswerUnchanged: every key that the upload server answers goes to
// the method that saves, as it was.
func TestUploadAnswerUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.answer = func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "\ufeff"+` {"server":12345678901234567890,"photo":"[{\"a\":\"\\u0416 é +&=%\\/\"}]","hash":"a b","float":1.50,"yes":true,"no":false,
				"none":null,"list":[1, 2],"object":{"x" : "y"},"error":"","access_token":"stolen","v":"1"}`)
		}
		if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Bytes("", []byte(pngHead))); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"server": "12345678901234567890", "photo": `[{"a":"\u0416 é +&=%\/"}]`, "hash": "a b", "float": "1.50",
			"yes": "1", "no": "0", "list": "[1, 2]", "object": `{"x" : "y"}`,
		}
		if diff := cmp.Diff(want, v.calls[1].Params); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestUploadLength: whatever has a length is sent with it, and so is what ends
// soon. All arrives as it was.
func TestUploadLength(t *testing.T) {
	t.Parallel()
	small, large := noise(100_000), noise(1<<20+17)
	path := filepath.Join(t.TempDir(), "large.png")
	if err := os.WriteFile(path, large, 0o600); err != nil {
		t.Fatal(err)
	}
	seeked := bytes.NewReader(append([]byte("skip"), large...))
	seeked.Seek(4, io.SeekStart)
	for _, tt := range []struct {
		name    string
		src     vk.Source
		content []byte
		chunked bool
	}{
		{"file", vk.File(path), large, false},
		{"bytes", vk.Bytes("a", large), large, false},
		{"seeker, from where it is", vk.Reader("a", struct{ io.ReadSeeker }{seeked}), large, false},
		{"buffer", vk.Reader("a", bytes.NewBuffer(bytes.Clone(large))), large, false},
		{"small reader", vk.Reader("a", plain{bytes.NewReader(small)}), small, false},
		{"small reader with an odd pace", vk.Reader("a", iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(small)))), small, false},
		{"large reader", vk.Reader("a", plain{bytes.NewReader(large)}), large, true},
		{"large reader with an odd pace", vk.Reader("a", iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(large)))), large, true},
		{"reader of just what is read ahead", vk.Reader("a", plain{bytes.NewReader(large[:512<<10])}), large[:512<<10], true},
		{"literal with a size", vk.Source{Size: int64(len(large)), Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(plain{bytes.NewReader(large)}), nil
		}}, large, false},
		{"literal without", vk.Source{Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(plain{bytes.NewReader(large)}), nil
		}}, large, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				var last, total int64
				tt.src.Progress = func(sent, of int64) {
					if sent <= last || total != 0 && of != total {
						t.Errorf("progress %d of %d after %d of %d", sent, of, last, total)
					}
					last, total = sent, of
				}
				if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), tt.src); err != nil {
					t.Fatal(err)
				}
				got := v.files[0]
				if got.Content != string(tt.content) {
					t.Errorf("%d bytes arrived, not those %d", len(got.Content), len(tt.content))
				}
				if chunked := got.Length < 0; chunked != tt.chunked {
					t.Errorf("Content-Length: %d", got.Length)
				}
				wantTotal := int64(len(tt.content))
				if tt.chunked {
					wantTotal = -1
				}
				if last != int64(len(tt.content)) || total != wantTotal {
					t.Errorf("progress ended with %d of %d", last, total)
				}
			})
		})
	}
}

// TestUploadNames: names are made harmless and fit to the content.
func TestUploadNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		for _, tt := range []struct {
			src       vk.Source
			name, typ string
		}{
			{vk.Bytes("cat.png", []byte(pngHead)), "cat.png", "image/png"},
			{vk.Bytes("", []byte(pngHead)), "file.png", "image/png"},
			{vk.Bytes("voice", []byte(oggHead)), "voice.ogg", "application/ogg"},
			{vk.Bytes("Отчёт \"май\"\r\n.pdf", []byte("%PDF-1.7")), "Отчёт _май_.pdf", "application/pdf"},
			{vk.Bytes("/etc/../a b.txt", []byte("hello")), "a b.txt", "text/plain"},
			{vk.Source{Name: "x", ContentType: "audio/ogg", Open: func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(oggHead)), nil
			}}, "x.ogg", "audio/ogg"},
		} {
			if _, err := v.client.Upload(t.Context(), vk.DocumentFor(1), tt.src); err == nil {
				t.Error("docs.save is not answered as such")
			}
			got := v.files[len(v.files)-1]
			if got.Name != tt.name || got.Type != tt.typ {
				t.Errorf("%q: sent as %q, %q", tt.src.Name, got.Name, got.Type)
			}
		}
	})
}

// TestUploadFails: what the upload server says against a file is told, without
// the secrets of its address; what may pass is tried again, at a new address.
func TestUploadFails(t *testing.T) {
	status := func(code int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	say := func(body string) func(http.ResponseWriter) { return status(200, body) }
	const all, once = 3, 1
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter)
		want   vk.UploadError // without Method and Err
		tries  int
		text   string // in the error's
	}{
		{"an unreadable picture", say(`{"server":1,"photo":"[]","hash":"x"}`), vk.UploadError{Status: 200}, once, "could make nothing of the file (cat.png, image/png)"},
		{"an empty photo", say(`{"server":1,"photo":"","hash":"x"}`), vk.UploadError{Status: 200}, once, "could make nothing of the file"},
		{"no photo", say(`{"server":1}`), vk.UploadError{Status: 200}, once, "could make nothing of the file"},
		{"error", say(`{"error":"unknown error"}`), vk.UploadError{Status: 200, Message: "unknown error"}, once, ""},
		{"error and description", say(`{"error":"no_file","error_descr":"File is\nlost"}`), vk.UploadError{Status: 200, Message: "no_file: File is lost"}, once, ""},
		{"error code", say(`{"error_code":7,"error_msg":"bad video"}`), vk.UploadError{Status: 200, Code: 7, Message: "bad video"}, once, "error 7: bad video"},
		{"error code alone", say(`{"errcode":5}`), vk.UploadError{Status: 200, Code: 5}, once, ""},
		{"error object", say(`{"error":{"error_code":"100","error_msg":"x"}}`), vk.UploadError{Status: 200, Code: 100, Message: "x"}, once, ""},
		{"error number", say(`{"error":12}`), vk.UploadError{Status: 200, Code: 12}, once, ""},
		{"error true", say(`{"error":true}`), vk.UploadError{Status: 200, Message: "true"}, once, ""},
		{"empty error object", say(`{"error":{}}`), vk.UploadError{Status: 200, Message: "no reason is given"}, once, ""},
		{"overload", say(`{"error":"ERR_UPLOAD_BUSY: try later"}`), vk.UploadError{Status: 200, Message: "ERR_UPLOAD_BUSY: try later"}, all, ""},
		{"a picture too small", say(`{"error":"ERR_UPLOAD_BAD_IMAGE_SIZE: min size 400x400"}`), vk.UploadError{Status: 200, Message: "ERR_UPLOAD_BAD_IMAGE_SIZE: min size 400x400"}, once, ""},
		{"plain text", say(`Security Breach2`), vk.UploadError{Status: 200, Message: "Security Breach2"}, all, "is not a JSON object"},
		{"a page", say(`<html>Sorry</html>`), vk.UploadError{Status: 200}, all, "is not a JSON object"},
		{"cut JSON", say(`{"server":1,"photo":"[{`), vk.UploadError{Status: 200}, all, "is not a JSON object"},
		{"nothing", say(``), vk.UploadError{Status: 200}, all, "is not a JSON object"},
		{"a list", say(`[]`), vk.UploadError{Status: 200, Message: "[]"}, all, "is not a JSON object"},
		{"HTTP 502", status(502, "<html>"), vk.UploadError{Status: 502}, all, "HTTP 502 Bad Gateway"},
		{"HTTP 500 with a reason", status(500, `{"error":"disk full"}`), vk.UploadError{Status: 500, Message: "disk full"}, all, "HTTP 500 Internal Server Error: disk full"},
		{"HTTP 429", status(429, ""), vk.UploadError{Status: 429}, all, ""},
		{"HTTP 413", status(413, "too much"), vk.UploadError{Status: 413, Message: "too much"}, once, ""},
		{"HTTP 302", func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(302) }, vk.UploadError{Status: 302}, once, ""},
		{"a reset", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, vk.UploadError{}, all, "no answer"},
		{"a cut answer", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"server":1`)
		}, vk.UploadError{Status: 200}, all, "unexpected EOF"},
		{"an endless answer", func(w http.ResponseWriter) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, strings.Repeat(`{"x":"`, 1000))
			}
		}, vk.UploadError{Status: 200}, once, "too large"},
		{"its address", say(`{"error":"bad hash ` + urlHash + ` in http://vk.test/upload.php?act=do_add&n=1&hash=` + urlHash + `"}`), vk.UploadError{Status: 200, Message: "bad hash *** in ***"}, once, ""},
		{"its address as a page", status(404, "no "+urlHash), vk.UploadError{Status: 404, Message: "no ***"}, once, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				v := newUploadVK(t, nil)
				v.client.MaxAttempts = all
				v.client.Logger = slog.New(slog.NewTextHandler(&logged, nil))
				v.answer = func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) }
				start := time.Now()
				_, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Bytes("cat.png", []byte(pngHead)))
				var failed *vk.UploadError
				if !errors.As(err, &failed) {
					t.Fatalf("%T %v", err, err)
				}
				if tt.want.Message == "" && tt.text != "" {
					tt.want.Message = failed.Message
				}
				tt.want.Method = "photos.getMessagesUploadServer"
				if diff := cmp.Diff(tt.want, *failed, cmpopts.IgnoreFields(vk.UploadError{}, "Err")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if !strings.HasPrefix(err.Error(), "vk: photos.getMessagesUploadServer: upload: ") || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "\n") {
					t.Errorf("Error() = %q", err)
				}
				for _, s := range []string{fmt.Sprintf("%v %+v %#v", err, failed, failed), logged.String()} {
					if strings.Contains(s, urlHash) || strings.Contains(s, "upload.php") || strings.Contains(s, "s3cret") {
						t.Errorf("a secret shows: %s", s)
					}
				}
				if v.attempts() != tt.tries || v.issued != tt.tries || v.files[len(v.files)-1].N != fmt.Sprint(tt.tries) {
					t.Errorf("%d attempts with %d addresses, the last with number %s", v.attempts(), v.issued, v.files[len(v.files)-1].N)
				}
				if waited := time.Since(start); (waited > 0) != (tt.tries > 1) {
					t.Errorf("waited for %v", waited)
				}
				for _, c := range v.calls {
					if strings.Contains(c.Method, "save") {
						t.Error("something was saved")
					}
				}
			})
		})
	}
}

// TestUploadAgain: what can be read again is, from where it began.
func TestUploadAgain(t *testing.T) {
	t.Parallel()
	large := noise(2 << 20)
	path := filepath.Join(t.TempDir(), "large.png")
	if err := os.WriteFile(path, large, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		src   func() vk.Source
		size  int
		again bool
	}{
		{"file", func() vk.Source { return vk.File(path) }, len(large), true},
		{"bytes", func() vk.Source { return vk.Bytes("a", large) }, len(large), true},
		{"seeker", func() vk.Source {
			r := bytes.NewReader(large)
			r.Seek(100, io.SeekStart)
			return vk.Reader("a", r)
		}, len(large) - 100, true},
		{"literal", func() vk.Source {
			return vk.Source{Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(large)), nil }}
		}, len(large), true},
		{"small reader", func() vk.Source { return vk.Reader("a", plain{bytes.NewReader(large[:400_000])}) }, 400_000, true},
		{"large reader", func() vk.Source { return vk.Reader("a", plain{bytes.NewReader(large)}) }, len(large), false},
		{"large buffer", func() vk.Source { return vk.Reader("a", bytes.NewBuffer(bytes.Clone(large))) }, len(large), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				n := 0
				v.answer = func(w http.ResponseWriter, _ *http.Request) {
					if n++; n < 3 {
						w.WriteHeader(503)
						return
					}
					io.WriteString(w, photoAnswer)
				}
				_, err := v.client.Upload(t.Context(), vk.PhotoFor(1), tt.src())
				if !tt.again {
					var failed *vk.UploadError
					if !errors.As(err, &failed) || failed.Status != 503 || !strings.Contains(err.Error(), "not tried again") || v.attempts() != 1 {
						t.Errorf("after %d attempts: %v", v.attempts(), err)
					}
					return
				}
				if err != nil || v.attempts() != 3 || v.issued != 3 {
					t.Fatalf("%d attempts: %v", v.attempts(), err)
				}
				for i, f := range v.files {
					if f.Content != v.files[0].Content || len(f.Content) != tt.size {
						t.Errorf("attempt %d sent %d bytes", i+1, len(f.Content))
					}
				}
			})
		})
	}
}

// TestUploadSaveFails: a save that VK says it did not do begins the upload
// anew; one of unknown outcome only where it would not show twice.
func TestUploadSaveFails(t *testing.T) {
	refuse := func(code int) string {
		return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, code)
	}
	for _, tt := range []struct {
		name  string
		to    vk.UploadTarget
		fails string
		tries int
	}{
		{"upload error", vk.WallPhotoFor(1), refuse(22), 2},
		{"photo changed", vk.ChatPhotoFor(2000000001), refuse(1160), 2},
		{"could not save file", vk.WallDocumentFor(1), refuse(105), 2},
		{"invalid hash", vk.PhotoFor(1), refuse(121), 1},
		{"access", vk.PhotoFor(1), refuse(15), 1},
		{"internal error, unseen", vk.PhotoFor(1), refuse(10), 2},
		{"internal error, unseen document", vk.VoiceFor(1), refuse(1), 2},
		{"internal error, in view", vk.WallPhotoFor(1), refuse(10), 1},
		{"internal error, published", vk.StoryPhotoFor(1), refuse(10), 1},
		{"nonsense, unseen", vk.PhotoFor(1), `<html>`, 2},
		{"HTTP 502, unseen", vk.PhotoFor(1), badGateway, 2},
		{"HTTP 502, in view", vk.WallPhotoFor(1), badGateway, 1},
		{"nonsense, in view", vk.AlbumPhotoFor(1, 2), `<html>`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				v.client.MaxAttempts = 2
				v.answer = func(w http.ResponseWriter, _ *http.Request) {
					io.WriteString(w, `{"server":1,"photo":"x","photos_list":"x","hash":"x","file":"x","response":{"upload_result":"x"}}`)
				}
				v.saved = func(string) string { return tt.fails }
				_, err := v.client.Upload(t.Context(), tt.to, vk.Bytes("cat.png", []byte(pngHead)))
				if err == nil || !strings.Contains(err.Error(), tt.to.Save) {
					t.Errorf("err = %v", err)
				}
				if v.attempts() != tt.tries {
					t.Errorf("%d uploads", v.attempts())
				}
			})
		})
	}
}

// TestUploadVideoOnce: a video is there when its last byte is, so what comes
// after that is not repeated.
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

// TestUploadUnread: a transport that answers without reading or closing the
// body, as a test's may, holds nothing up.
func TestUploadUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := vk.NewClient("s3cret")
		client.HTTPClient = &http.Client{Transport: careless{}}
		a, err := client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("a", plain{bytes.NewReader(noise(1 << 20))}))
		if err != nil || a.ID != 1 {
			t.Errorf("%v, %v", a, err)
		}
	})
}

type careless struct{}

func (careless) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := `{"server":1,"photo":"x","hash":"x"}`
	switch path.Base(r.URL.Path) {
	case "photos.getMessagesUploadServer":
		answer = `{"response":{"upload_url":"http://vk.test/up"}}`
	case "photos.saveMessagesPhoto":
		answer = `{"response":[{"id":1,"owner_id":1}]}`
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// TestUploadServerFails: what VK says instead of an address is returned, and
// nothing is uploaded.
func TestUploadServerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":901,"error_msg":"no permission"}}`))
		_, err := api.client.Upload(t.Context(), vk.PhotoFor(1), vk.Bytes("a", []byte(pngHead)))
		if !errors.Is(err, vk.CodeCannotWrite) || api.calls() != 1 {
			t.Errorf("%d calls: %v", api.calls(), err)
		}
		for _, response := range []string{`{}`, `{"upload_url":""}`, `{"upload_url":"ftp://x/` + urlHash + `"}`, `{"upload_url":"http://[` + urlHash + `"}`, `[]`, `5`} {
			api.answer = respond(`{"response":` + response + `}`)
			_, err := api.client.Upload(t.Context(), vk.PhotoFor(1), vk.Bytes("a", []byte(pngHead)))
			if err == nil || err.Error() != "vk: photos.getMessagesUploadServer: the answer has no address to upload to" {
				t.Errorf("%s: %v", response, err)
			}
		}
		if _, err := api.client.Upload(t.Context(), vk.UploadTarget{}, vk.Bytes("a", []byte("x"))); err == nil {
			t.Error("a zero target was taken")
		}
	})
}

// TestUploadUnnamed: an answer to the save that names nothing is an error.
func TestUploadUnnamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		for _, saved := range []string{`{"response":[]}`, `{"response":{}}`, `{"response":1}`, `{"response":[{"id":1}]}`, `{"response":null}`, `{"response":{"items":[]}}`} {
			v.saved = func(string) string { return saved }
			if a, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Bytes("a", []byte(pngHead))); err == nil {
				t.Errorf("%s: %v", saved, a)
			}
		}
	})
}

func TestUploadAddressAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.saved = func(string) string { return `{"response":"http://vk.test/up?hash=` + urlHash + `"}` }
		v.answer = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"photo":"1_2"}`) }
		a, err := v.client.Upload(t.Context(), vk.UploadTarget{Server: "prettyCards.getAddress", Field: "file"}, vk.Bytes("a", []byte(pngHead)))
		if err != nil || string(a.Object) != `{"photo":"1_2"}` {
			t.Errorf("%s, %v", a.Object, err)
		}
	})
}

// TestUploadRace: one target and one source serve several uploads at once.
func TestUploadRace(t *testing.T) {
	v := newUploadVK(t, nil)
	to, src := vk.WallPhotoFor(1), vk.Bytes("a.png", noise(200_000))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := v.client.Upload(t.Context(), to, src); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func FuzzUploadAnswer(f *testing.F) {
	for _, seed := range []string{photoAnswer, `{"error":{"error_code":1}}`, `{"response":{"upload_result":"x"}}`, `{"error":"x","error_descr":1}`, "[]", "", "\ufeff{}", `{"photo":"[]"}`, `{"errcode":"7"}`, `{"error":{"error":{"error":true}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		for _, to := range []vk.UploadTarget{vk.PhotoFor(1), vk.ChatPhotoFor(2000000001), vk.StoryPhotoFor(1), vk.ProductPhotoFor(1), vk.VideoFor(1)} {
			saved := false
			client := vk.NewClient("s3cret")
			client.MaxAttempts = 1
			client.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request, body string) string {
				switch {
				case r.URL.Path == "/up":
					return answer
				case strings.HasSuffix(r.URL.Path, to.Server):
					return `{"response":{"upload_url":"http://vk.test/up?hash=` + urlHash + `","owner_id":1,"video_id":1}}`
				}
				saved = true
				form, err := url.ParseQuery(body)
				if err != nil || form.Has("access_token") {
					t.Errorf("%q is saved as %q", answer, body)
				}
				return `{"response":[{"id":1,"owner_id":1}]}`
			})}
			_, err := client.Upload(t.Context(), to, vk.Bytes("a.png", []byte(pngHead)))
			if to.Save != "" && (err == nil) && !saved {
				t.Errorf("%q: nothing was saved", answer)
			}
			if err != nil && (strings.Contains(err.Error(), urlHash) || strings.ContainsAny(err.Error(), "\n\r")) {
				t.Errorf("%q: %q", answer, err)
			}
		}
	})
}

// roundTrip answers requests, which it has read whole, with what a function
// returns.
type roundTrip func(r *http.Request, body string) string

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: 200,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(f(r, string(body)))),
		Request:    r,
	}, nil
}
