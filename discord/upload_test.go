package discord_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
)

// A sentFile is a part of a form.
type sentFile struct{ Field, Name, Type, Content string }

// readForm returns the JSON and the files of a request.
func readForm(t testing.TB, c seenCall) (payload map[string]any, files []sentFile) {
	t.Helper()
	_, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(strings.NewReader(c.Body), params["boundary"])
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return payload, files
		} else if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if p.FormName() == "payload_json" {
			if p.Header.Get("Content-Type") != "application/json" || p.FileName() != "" {
				t.Errorf("payload_json has %v", p.Header)
			}
			if err := json.Unmarshal(b, &payload); err != nil {
				t.Fatal(err)
			}
			continue
		}
		files = append(files, sentFile{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(b)})
	}
}

func TestUpload(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chart.png")
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 5000)
	if err := os.WriteFile(path, []byte(png), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newAPI(t, ok(`{"id": "5", "attachments": [{"id": "9", "filename": "chart.png", "size": 5008}]}`))
	notes := discord.Bytes("notes \"1\"\r\n.txt", []byte("hello"))
	notes.Description, notes.Spoiler = "what I noted", true
	pipe, w := io.Pipe()
	go func() { io.WriteString(w, "from a pipe"); w.Close() }()
	m, err := a.client.Send(t.Context(), 1, "Look:", discord.File(path), notes, discord.Reader("p.bin", pipe),
		discord.FileFunc("", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("made up")), nil }),
		discord.Embed{Title: "Report", Image: discord.EmbedMedia{URL: "attachment://chart.png"}})
	if err != nil || m.ID != 5 || len(m.Attachments) != 1 || m.Attachments[0].Size != 5008 {
		t.Fatal(m, err)
	}
	c := a.calls()[0]
	payload, files := readForm(t, c)
	want := []sentFile{
		{"files[0]", "chart.png", "image/png", png},
		{"files[1]", files[1].Name, "text/plain", "hello"},
		{"files[2]", "p.bin", files[2].Type, "from a pipe"},
		{"files[3]", "file", "text/plain; charset=utf-8", "made up"},
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
	if name := files[1].Name; !strings.HasPrefix(name, "SPOILER_notes") || strings.ContainsAny(name, "\r\n\"") {
		t.Errorf("name %q", name)
	}
	attachments, _ := payload["attachments"].([]any)
	if len(attachments) != 4 || !cmp.Equal(attachments[1], any(map[string]any{"id": "1", "filename": files[1].Name, "description": "what I noted"})) {
		t.Errorf("%v", attachments)
	}
	if payload["content"] != "Look:" || payload["nonce"] == nil {
		t.Errorf("%v", payload)
	}
}

// TestUploadLength: the length of a form is sent if all files have one.
func TestUploadLength(t *testing.T) {
	for _, tt := range []struct {
		name  string
		file  *discord.Upload
		known bool
	}{
		{"bytes", discord.Bytes("a", []byte("abc")), true},
		{"a seeker", discord.Reader("a", strings.NewReader("abc")), true},
		{"a reader", discord.Reader("a", io.LimitReader(strings.NewReader("abc"), 3)), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var length int64
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { length = r.ContentLength; writeJSON(w, 200, "{}") })
			if _, err := a.client.Send(t.Context(), 1, "", tt.file); err != nil {
				t.Fatal(err)
			}
			c := a.calls()[0]
			if _, files := readForm(t, c); len(files) != 1 || files[0].Content != "abc" {
				t.Error(files)
			}
			if known := length >= 0; known != tt.known || known && length != int64(len(c.Body)) {
				t.Errorf("length %d of %d", length, len(c.Body))
			}
		})
	}
}

// TestUploadAgain: after a 429 or a 502, files that can be read again are, from their
// beginning; others fail with the reason.
func TestUploadAgain(t *testing.T) {
	opened := 0
	seeker := strings.NewReader("skip:content")
	seeker.Seek(5, io.SeekStart)
	for _, tt := range []struct {
		name string
		file *discord.Upload
		ok   bool
	}{
		{"bytes", discord.Bytes("a", []byte("content")), true},
		{"a seeker, from where it was", discord.Reader("a", seeker), true},
		{"a function", discord.FileFunc("a", func() (io.ReadCloser, error) {
			opened++
			return io.NopCloser(strings.NewReader("content")), nil
		}), true},
		{"a reader", discord.Reader("a", bytes.NewBufferString("content")), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, inTurn(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(429)
				}, status(502), ok("{}")))
				_, err := a.client.Send(t.Context(), 1, "", tt.file)
				if (err == nil) != tt.ok {
					t.Error(err)
				}
				var refused *discord.Error
				if !tt.ok && (!errors.As(err, &refused) || refused.Status != 429 || !strings.Contains(err.Error(), "cannot be rewound")) {
					t.Error(err)
				}
				for _, c := range a.calls() {
					if _, files := readForm(t, c); files[0].Content != "content" {
						t.Error(files)
					}
				}
				if n, want := len(a.calls()), map[bool]int{true: 3, false: 1}[tt.ok]; n != want {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
	if opened != 3 {
		t.Errorf("opened %d times", opened)
	}
}

// A badReader is an io.Reader made of a function.
type badReader struct{ read func([]byte) (int, error) }

func (r badReader) Read(b []byte) (int, error) { return r.read(b) }

// TestUploadFailures: a file that cannot be read is an error that names it, the call
// ends, and nothing is sent again.
func TestUploadFailures(t *testing.T) {
	broken := errors.New("disk on fire")
	after := func(n int, then func([]byte) (int, error)) io.Reader {
		return io.MultiReader(bytes.NewReader(make([]byte, n)), badReader{then})
	}
	for _, tt := range []struct {
		name string
		file *discord.Upload
		is   error
		text string
	}{
		{"no such file", discord.File(filepath.Join(t.TempDir(), "nope.png")), fs.ErrNotExist, `file "nope.png": `},
		{"a directory", discord.File(t.TempDir()), nil, "is a directory"},
		{"fails at once", discord.Reader("a.bin", after(0, func([]byte) (int, error) { return 0, broken })), broken, `file "a.bin": disk on fire`},
		{"fails later", discord.Reader("a.bin", after(100_000, func([]byte) (int, error) { return 0, broken })), broken, `file "a.bin": disk on fire`},
		{"panics", discord.Reader("a.bin", after(100_000, func([]byte) (int, error) { panic("oh") })), nil, "reading panicked: oh"},
		{"does not open", discord.FileFunc("a.bin", func() (io.ReadCloser, error) { return nil, broken }), broken, `file "a.bin": disk on fire`},
		{"panics while it opens", discord.FileFunc("a.bin", func() (io.ReadCloser, error) { panic("oh") }), nil, "opening a file panicked: oh"},
		{"shorter than it says", &discord.Upload{Name: "a.bin", Open: func(context.Context) (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader("abc")), 10, nil
		}}, nil, `file "a.bin": ends after 3 of 10 bytes`},
		{"without Open", &discord.Upload{Name: "a.bin"}, nil, "Upload.Open is nil"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, ok("{}"))
				_, err := a.client.Send(t.Context(), 1, "", tt.file)
				if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "POST /channels/{}/messages") {
					t.Errorf("%v, want %q", err, tt.text)
				}
				if n := len(a.calls()); n > 1 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// TestUploadContext: a file that blocks does not keep the call from ending with its
// context.
func TestUploadContext(t *testing.T) {
	cause := errors.New("enough")
	for _, tt := range []struct {
		name string
		n    int // bytes before the file blocks
	}{
		{"at once", 0},
		{"later", 100_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, ok("{}"))
				release := make(chan struct{})
				file := discord.Reader("a", io.MultiReader(bytes.NewReader(make([]byte, tt.n)), badReader{func([]byte) (int, error) { <-release; return 0, io.EOF }}))
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
				defer cancel()
				began := time.Now()
				_, err := a.client.Send(ctx, 1, "", file)
				if took := time.Since(began); !errors.Is(err, cause) || took != time.Minute {
					t.Errorf("took %v: %v", took, err)
				}
				close(release)
			})
		})
	}
}

// TestUploadStalls: an upload that Discord neither reads nor answers ends; an
// upload of a slow file does not.
func TestUploadStalls(t *testing.T) {
	slow := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a"), badReader{func([]byte) (int, error) { time.Sleep(5 * time.Minute); return 0, io.EOF }})), nil
	}
	for _, tt := range []struct {
		name   string
		file   *discord.Upload
		handle http.HandlerFunc
		took   time.Duration
		ok     bool
	}{
		{"no answer", discord.Bytes("a", []byte("abc")), func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, 30 * time.Second, false},
		{"nothing is read", discord.Bytes("a", make([]byte, 8<<20)), func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute) }, 30 * time.Second, false},
		{"a slow file", discord.FileFunc("a", slow), func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); writeJSON(w, 200, "{}") }, 5 * time.Minute, true},
		{"a slow reader", discord.Bytes("a", make([]byte, 2<<20)), func(w http.ResponseWriter, r *http.Request) {
			for b := make([]byte, 256<<10); ; time.Sleep(20 * time.Second) {
				if _, err := io.ReadFull(r.Body, b); err != nil {
					break
				}
			}
			writeJSON(w, 200, "{}")
		}, 160 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, nil)
				a.handler = tt.handle
				a.client.MaxAttempts = 1
				began := time.Now()
				_, err := a.client.Send(t.Context(), 1, "", tt.file)
				if took := time.Since(began); took < tt.took || took > tt.took+time.Minute || (err == nil) != tt.ok {
					t.Errorf("took %v: %v", took, err)
				}
				time.Sleep(time.Minute) // for the handler
				if !tt.ok && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		})
	}
}

// TestUploadStreams: a large file is not held in memory, and one that grows is cut.
func TestUploadStreams(t *testing.T) {
	var got int64
	a := newAPI(t, nil)
	a.client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.ContentLength > 0 {
			got, _ = io.Copy(io.Discard, r.Body)
		}
		r.Body.Close()
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	})}
	const size = 64 << 20
	file := &discord.Upload{Name: "a", Open: func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(badReader{func(b []byte) (int, error) { return len(b), nil }}), size, nil
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := a.client.Send(t.Context(), 1, "", file); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 4<<20 || got < size || got > size+2000 {
		t.Errorf("%d bytes for %d", bytes, got)
	}
}
