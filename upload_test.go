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

	// The response of the upload server for message photos; see
	// testdata/payloads.
	photoAnswer = `{"server":856312,"photo":"[{\"photo\":\"6f26a6640b:w\",\"sizes\":[]}]","hash":"c464cfd54600df4c"}`
	photoSaved  = `{"response":[{"album_id":-64,"id":457240200,"owner_id":-203551742,"access_key":"7f2c1a94d0be63a815","sizes":[]}]}`

	urlHash = "d34db33fc0ffee" // a secret in every upload's address

	badGateway = "bad gateway" // as the saved value: HTTP 502
)

// An uploadCall is an API call of an upload, an uploaded is a received file.
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

// uploadVK serves both VK's API and its upload servers.
type uploadVK struct {
	client *vk.Client
	server string                                            // members of the response beside upload_url: `,"album_id":-3`
	answer func(w http.ResponseWriter, r *http.Request)      // of the upload server, after the file
	early  func(w http.ResponseWriter, r *http.Request) bool // before the file; true ends it
	saved  func(method string) string                        // the response of any other method

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
	srv.ConnState = func(_ net.Conn, s http.ConnState) { // connections stay open for longer than Close waits
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

// attempts returns the number of received files.
func (u *uploadVK) attempts() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.files)
}

// plain hides all methods of a reader except Read.
type plain struct{ io.Reader }

// noise returns n bytes without repeated neighbors.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	copy(b, pngHead)
	return b
}

// TestUploadLength: a file of known length is sent with its length, and so is a
// short one. All arrive unchanged.
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

// TestUploadNames: names are made harmless and match the content.
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

// TestUploadFails: the upload server's error is returned, without the secrets
// of its address; transient errors are retried, at a new address.
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
		{"a reset", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, vk.UploadError{}, all, "no response"},
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

// TestUploadAgain: sources that can be read again are read from their original
// position.
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
					if !errors.As(err, &failed) || failed.Status != 503 || !strings.Contains(err.Error(), "not retried") || v.attempts() != 1 {
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

// TestUploadUnread: a transport that responds without reading or closing the
// body, as a test's may, blocks nothing.
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
