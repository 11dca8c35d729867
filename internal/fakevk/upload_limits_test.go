package fakevk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// zeros returns a file of n bytes that takes no memory.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUploadLimit(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	for size, want := range map[int64]int{limit: 200, limit + 1: 413, 4 * limit: 413} {
		s := newScene(t, Config{Readings: Readings{MaxDocSize: limit}})
		ct, around := form("file", "a.bin", []byte("@"))
		head, tail, _ := bytes.Cut(around, []byte("@"))
		r := httptest.NewRequest("POST", s.address("docs.getMessagesUploadServer"),
			io.MultiReader(bytes.NewReader(head), zeros(size), bytes.NewReader(tail)))
		r.Header.Set("Content-Type", ct)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("%d bytes: HTTP status %d, want %d: %s", size, rec.Code, want, rec.Body)
		}
	}
}

// TestUploadMemory uploads files that pass through without being kept.
func TestUploadMemory(t *testing.T) {
	const size = 64 << 20
	s := newScene(t, Config{MediaLimit: 2})
	a := s.address("docs.getMessagesUploadServer")
	ct, around := form("file", "a.bin", []byte("@"))
	head, tail, _ := bytes.Cut(around, []byte("@"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := httptest.NewRequest("POST", a, io.MultiReader(bytes.NewReader(head), zeros(size), bytes.NewReader(tail)))
	r.Header.Set("Content-Type", ct)
	s.ServeHTTP(httptest.NewRecorder(), r)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("an upload of %d MB took %d MB", size>>20, n>>20)
	}
	if u := s.Uploads(); len(u) != 1 || u[0].Size != size {
		t.Errorf("recorded %+v", u)
	}
}

func TestMediaLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{MediaLimit: 2})
	var names []string
	for range 4 {
		var saved struct{ Doc struct{ ID int64 } }
		s.ok(&saved, "docs.save", pairs(s.uploads(s.address("docs.getMessagesUploadServer"), "file", "a.txt", []byte("x")))...)
		names = append(names, fmt.Sprintf("-%d_%d", s.group.ID, saved.Doc.ID))
	}
	var docs []struct{ ID int64 }
	s.ok(&docs, "docs.getById", "docs", strings.Join(names, ","))
	if len(docs) != 2 || len(s.Uploads()) != 2 {
		t.Errorf("%d documents and %d uploads, want the last two", len(docs), len(s.Uploads()))
	}
}

func TestUploadMalformed(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	a := s.address("docs.getMessagesUploadServer")
	ct, body := form("file", "a.txt", []byte("text"))
	for name, tt := range map[string]struct {
		contentType string
		body        []byte
		want        int
	}{
		"no form":       {"text/plain", []byte("text"), 200},
		"no boundary":   {"multipart/form-data", body, 200},
		"cut off":       {ct, body[:len(body)-20], 400},
		"only a header": {ct, body[:10], 400},
		"empty":         {ct, nil, 400},
		"many parts":    {ct, bytes.Repeat(body[:bytes.LastIndex(body, []byte("\r\n--"))+2], 40), 400},
	} {
		r := httptest.NewRequest("POST", a, bytes.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.contentType)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if rec.Code != tt.want || rec.Code == 200 && !strings.Contains(rec.Body.String(), "error") {
			t.Errorf("%s: HTTP status %d, want %d: %s", name, rec.Code, tt.want, rec.Body)
		}
	}
}

// FuzzUpload sends any body to upload hosts: they may refuse it but must not
// panic.
func FuzzUpload(f *testing.F) {
	for _, data := range [][]byte{encoded(png.Encode), ogg(time.Second), []byte("GIF89a"), []byte("\xff\xd8\xff")} {
		ct, body := form("file", "a.png", data)
		f.Add(ct, body)
		ct, body = form("photo", "a.txt", data)
		f.Add(ct, body)
	}
	s := newScene(f, Config{MediaLimit: 10})
	addresses := []string{
		s.address("photos.getMessagesUploadServer"), s.address("docs.getMessagesUploadServer"),
		s.address("docs.getMessagesUploadServer", "type", "audio_message"),
		s.address("docs.getMessagesUploadServer", "type", "graffiti"),
		s.address("stories.getPhotoUploadServer", "add_to_news", 1),
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for _, a := range addresses {
			r := httptest.NewRequest("POST", a, bytes.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			if rec.Code == 200 && !json.Valid(rec.Body.Bytes()) {
				t.Errorf("not JSON: %s", rec.Body)
			}
		}
	})
}
