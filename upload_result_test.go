package vk_test

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
)

// TestUploadAnswerUnchanged: every key of the upload server's response is
// passed unchanged to the method that saves.
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

// TestUploadServerFails: an error from VK instead of an address is returned,
// and nothing is uploaded.
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
			if err == nil || err.Error() != "vk: photos.getMessagesUploadServer: the response has no upload address" {
				t.Errorf("%s: %v", response, err)
			}
		}
		if _, err := api.client.Upload(t.Context(), vk.UploadTarget{}, vk.Bytes("a", []byte("x"))); err == nil {
			t.Error("a zero target was taken")
		}
	})
}

// TestUploadUnnamed: a response to the save without an id is an error.
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

// roundTrip reads each request entirely, and responds with the result of a
// function.
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

// zeros is a reader of n zero bytes without further methods.
func zeros(n int64) io.Reader { return plain{io.LimitReader(zero{}, n)} }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// newSink serves VK on a port of the loopback interface; its upload server
// reads files and discards them.
func newSink(tb testing.TB) *uploadVK {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	v := newUploadVK(tb, l)
	v.early = func(w http.ResponseWriter, r *http.Request) bool {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			tb.Error(err)
		}
		io.WriteString(w, photoAnswer)
		return true
	}
	return v
}

// barePipe uploads without this package: a multipart writer behind a pipe, one
// request, and nothing else.
func barePipe(hc *http.Client, address string, r io.Reader) error {
	pr, pw := io.Pipe()
	w := multipart.NewWriter(pw)
	go func() {
		part, err := w.CreateFormFile("photo", "photo.png")
		if err == nil {
			_, err = io.Copy(part, r)
		}
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	resp, err := hc.Post(address, w.FormDataContentType(), pr)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// peak runs f and returns the largest growth of the heap, including garbage.
func peak(f func()) uint64 {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	runtime.GC() // including pools
	base, most := heap(), uint64(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	<-watched
	return max(most, base) - base
}

// TestUploadMemory: little of a reader is in memory, regardless of its length.
func TestUploadMemory(t *testing.T) {
	v := newSink(t)
	upload := func() {
		if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("", zeros(64<<20))); err != nil {
			t.Error(err)
		}
	}
	upload() // fills connections and pools
	p := peak(upload)
	t.Logf("peak heap: %d KiB above base", p>>10)
	if p > 2<<20 {
		t.Errorf("64 MiB took %d bytes of heap", p)
	}
}

// BenchmarkUpload uploads from a plain reader over loopback. It reports the
// time relative to a bare io.Pipe, and the growth of the heap in MiB for both.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int64{1, 64, 256} { // MiB
		b.Run(fmt.Sprintf("MiB=%d", size), func(b *testing.B) {
			v := newSink(b)
			v.client.RPS = -1 // each upload makes two calls
			address := v.client.BaseURL[:len(v.client.BaseURL)-len("method/")] + "upload.php"
			ours := func() {
				if _, err := v.client.Upload(b.Context(), vk.PhotoFor(1), vk.Reader("", zeros(size<<20))); err != nil {
					b.Fatal(err)
				}
			}
			bare := func() {
				if err := barePipe(v.client.HTTPClient, address, zeros(size<<20)); err != nil {
					b.Fatal(err)
				}
			}
			ours()
			bare()
			ourPeak, barePeak := peak(ours), peak(bare)
			versus.Run(b, "io.Pipe", 1, ours, bare)
			b.ReportMetric(float64(ourPeak)/(1<<20), "ours-MiB-peak")
			b.ReportMetric(float64(barePeak)/(1<<20), "bare-MiB-peak")
		})
	}
}

// TestUploadSaveFails: an upload is retried from the beginning if VK reports
// that it did not save it; if the result is unknown, only if a duplicate would
// be invisible.
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
