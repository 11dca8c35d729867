package vk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
)

// A slowReader returns n bytes, one step of them at a time, with a pause before
// each step.
type slowReader struct {
	n, step int
	pause   time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	time.Sleep(r.pause)
	n := min(len(p), r.step, r.n)
	r.n -= n
	return n, nil
}

// TestUploadLastsAsLongAsItTakes: the time limits for calls do not apply.
func TestUploadLastsAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.client.Timeout = 5 * time.Second
		v.client.HTTPClient.Timeout = 10 * time.Second
		v.answer = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Hour)
			io.WriteString(w, photoAnswer)
		}
		start := time.Now()
		r := &slowReader{n: 2 << 20, step: 1 << 10, pause: time.Minute}
		if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("a", r)); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 2048*time.Minute+time.Hour {
			t.Error(d)
		}
		if v.client.HTTPClient.Timeout != 10*time.Second {
			t.Error("the HTTPClient was changed")
		}
	})
}

// TestUploadContextEnds: an upload returns at the moment its context ends, at
// every point where it can block, with the context's cause.
func TestUploadContextEnds(t *testing.T) {
	const limit = 10 * time.Second
	cause := errors.New("enough")
	for _, tt := range []struct {
		name string
		// stuck returns a source that blocks until release.
		stuck func(v *uploadVK, release <-chan struct{}) vk.Source
	}{
		{"the first Read", func(_ *uploadVK, release <-chan struct{}) vk.Source {
			return vk.Reader("a", readerFunc(func([]byte) (int, error) { <-release; return 0, io.EOF }))
		}},
		{"a Read before anything is sent", func(_ *uploadVK, release <-chan struct{}) vk.Source {
			return vk.Reader("a", io.MultiReader(bytes.NewReader(noise(100_000)), readerFunc(func([]byte) (int, error) { <-release; return 0, io.EOF })))
		}},
		{"a Read in the middle", func(_ *uploadVK, release <-chan struct{}) vk.Source {
			return vk.Reader("a", io.MultiReader(bytes.NewReader(noise(3<<20)), readerFunc(func([]byte) (int, error) { <-release; return 0, io.EOF })))
		}},
		{"a Read in the middle, of known length", func(_ *uploadVK, release <-chan struct{}) vk.Source {
			return vk.Source{Size: 4 << 20, Open: func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(noise(3<<20)), readerFunc(func([]byte) (int, error) { <-release; return 0, io.EOF }))), nil
			}}
		}},
		{"Open", func(_ *uploadVK, release <-chan struct{}) vk.Source {
			return vk.Source{Open: func(context.Context) (io.ReadCloser, error) { <-release; return nil, nil }}
		}},
		{"a server that does not read", func(v *uploadVK, release <-chan struct{}) vk.Source {
			v.early = func(http.ResponseWriter, *http.Request) bool { <-release; return true }
			return vk.Bytes("a", noise(8<<20))
		}},
		{"a server that does not answer", func(v *uploadVK, release <-chan struct{}) vk.Source {
			v.answer = func(http.ResponseWriter, *http.Request) { <-release }
			return vk.Bytes("a", noise(1000))
		}},
		{"a server that does not end its answer", func(v *uploadVK, release <-chan struct{}) vk.Source {
			v.answer = func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, `{"server":`)
				w.(http.Flusher).Flush()
				<-release
			}
			return vk.Bytes("a", noise(1000))
		}},
		{"a pause before another attempt", func(v *uploadVK, _ <-chan struct{}) vk.Source {
			v.client.MaxAttempts = 1000
			v.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
			return vk.Bytes("a", noise(1000))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				release := make(chan struct{})
				defer close(release)
				src := tt.stuck(v, release)
				ctx, cancel := context.WithTimeoutCause(t.Context(), limit, cause)
				defer cancel()
				start := time.Now()
				_, err := v.client.Upload(ctx, vk.PhotoFor(1), src)
				if !errors.Is(err, cause) {
					t.Errorf("err = %v", err)
				}
				if d := time.Since(start); d != limit {
					t.Errorf("returned after %v", d)
				}
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A stuckBody blocks in Read until it is closed, as a download's body does.
type stuckBody struct {
	closed chan struct{}
	closes atomic.Int32
}

func (b *stuckBody) Read([]byte) (int, error) {
	<-b.closed
	return 0, fs.ErrClosed
}

func (b *stuckBody) Close() error {
	if b.closes.Add(1) == 1 {
		close(b.closed)
	}
	return nil
}

// TestUploadClosesSource: the reader returned by Open is closed once: after the
// upload, after its failure, and when the context ends in the middle of a Read,
// which leaves no goroutine behind.
func TestUploadClosesSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		stuck := &stuckBody{closed: make(chan struct{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		src := vk.Source{Open: func(context.Context) (io.ReadCloser, error) { return stuck, nil }}
		if _, err := v.client.Upload(ctx, vk.PhotoFor(1), src); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
		if n := stuck.closes.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}

		for _, tt := range []struct {
			name   string
			status int
			r      io.Reader
		}{
			{"a success", 200, bytes.NewReader(noise(1 << 20))},
			{"a refusal", 400, bytes.NewReader(noise(1 << 20))},
			{"an error at once", 200, iotest.ErrReader(errors.New("x"))},
			{"an error later", 200, io.MultiReader(bytes.NewReader(noise(1<<20)), iotest.ErrReader(errors.New("x")))},
			{"nothing", 200, strings.NewReader("")},
			{"a panic", 200, readerFunc(func([]byte) (int, error) { panic("x") })},
		} {
			v.answer = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, photoAnswer)
			}
			c := &counted{Reader: tt.r}
			v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Source{Open: func(context.Context) (io.ReadCloser, error) { return c, nil }})
			if c.closes.Load() != 1 {
				t.Errorf("%s: closed %d times", tt.name, c.closes.Load())
			}
		}
	})
}

type counted struct {
	io.Reader
	closes atomic.Int32
}

func (c *counted) Close() error { c.closes.Add(1); return nil }

// TestSourceErrors: an error of a source is returned, and not retried.
func TestSourceErrors(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.png")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	oops := errors.New("oops")
	open := func(size int64, r io.Reader) vk.Source {
		return vk.Source{Name: "a", Size: size, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(r), nil }}
	}
	for _, tt := range []struct {
		name string
		src  vk.Source
		is   error
		text string
	}{
		{"no file", vk.File(filepath.Join(dir, "none.png")), fs.ErrNotExist, `upload of "none.png"`},
		{"a directory", vk.File(dir), nil, "is a directory"},
		{"an empty file", vk.File(empty), nil, "empty"},
		{"no bytes", vk.Bytes("a", nil), nil, "empty"},
		{"an empty buffer", vk.Reader("a", new(bytes.Buffer)), nil, "empty"},
		{"an empty reader", vk.Reader("a", plain{new(bytes.Buffer)}), nil, "empty"},
		{"a nil reader", vk.Reader("a", nil), nil, "nil"},
		{"a zero source", vk.Source{}, nil, "Open"},
		{"a nil from Open", vk.Source{Open: func(context.Context) (io.ReadCloser, error) { return nil, nil }}, nil, "nothing"},
		{"an error from Open", vk.Source{Open: func(context.Context) (io.ReadCloser, error) { return nil, oops }}, oops, ""},
		{"an error at once", vk.Reader("a", iotest.ErrReader(oops)), oops, ""},
		{"an error in the beginning", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1000)), iotest.ErrReader(oops))), oops, ""},
		{"an error in the middle", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1<<20)), iotest.ErrReader(oops))), oops, ""},
		{"a cut in the beginning", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1000)), iotest.ErrReader(io.ErrUnexpectedEOF))), io.ErrUnexpectedEOF, ""},
		{"a cut in the middle", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1<<20)), iotest.ErrReader(io.ErrUnexpectedEOF))), io.ErrUnexpectedEOF, ""},
		{"no progress", vk.Reader("a", readerFunc(func([]byte) (int, error) { return 0, nil })), io.ErrNoProgress, ""},
		{"no progress in the middle", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1<<20)), readerFunc(func([]byte) (int, error) { return 0, nil }))), io.ErrNoProgress, ""},
		{"too short", open(2000, bytes.NewReader(noise(1000))), io.ErrUnexpectedEOF, "ended after 1000 of 2000"},
		{"too short, large", open(2<<20, bytes.NewReader(noise(1<<20))), io.ErrUnexpectedEOF, "ended after 1048576 of 2097152"},
		{"too long", open(1000, bytes.NewReader(noise(1001))), nil, "more than 1000"},
		{"too long, large", open(1<<20, bytes.NewReader(noise(1<<20+1))), nil, "more than 1048576"},
		{"a panic at once", vk.Reader("a", readerFunc(func([]byte) (int, error) { panic(oops) })), oops, "panic"},
		{"a panic in the middle", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1<<20)), readerFunc(func([]byte) (int, error) { panic(oops) }))), oops, "panic"},
		{"a panic of Progress", vk.Source{Progress: func(int64, int64) { panic(oops) }, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(noise(1000))), nil
		}}, oops, "panic"},
		{"an exit", vk.Reader("a", readerFunc(func([]byte) (int, error) { runtime.Goexit(); return 0, nil })), nil, "Goexit"},
		{"an exit in the middle", vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1<<20)), readerFunc(func([]byte) (int, error) { runtime.Goexit(); return 0, nil }))), nil, "Goexit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newUploadVK(t, nil)
				start := time.Now()
				_, err := v.client.Upload(t.Context(), vk.PhotoFor(1), tt.src)
				if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) || !strings.HasPrefix(err.Error(), "vk: upload") {
					t.Errorf("err = %v", err)
				}
				var failed *vk.UploadError
				if errors.As(err, &failed) {
					t.Errorf("%#v, which is not the server's fault", failed)
				}
				if v.attempts() != 0 || v.issued > 1 || time.Since(start) > 0 {
					t.Errorf("%d files arrived, %d addresses", v.attempts(), v.issued)
				}
			})
		})
	}
}

// TestUploadCutIsCut: a server can distinguish a truncated file from a whole
// one.
func TestUploadCutIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		ended := make(chan error, 1)
		v.early = func(_ http.ResponseWriter, r *http.Request) bool {
			_, err := io.Copy(io.Discard, r.Body)
			ended <- err
			return true
		}
		oops := errors.New("oops")
		_, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("a", io.MultiReader(bytes.NewReader(noise(1<<20)), iotest.ErrReader(oops))))
		if !errors.Is(err, oops) {
			t.Errorf("err = %v", err)
		}
		if err := <-ended; err == nil {
			t.Error("to the server, the file is whole")
		}
	})
}

// TestFileGrows: bytes added to a file during its upload are left out.
func TestFileGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.log")
	line := []byte(strings.Repeat("all is well\n", 10_000))
	if err := os.WriteFile(path, line, 0o600); err != nil {
		t.Fatal(err)
	}
	v := newUploadVK(t, nil)
	v.answer = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"file":"f"}`) }
	v.saved = func(string) string { return `{"response":{"type":"doc","doc":{"id":1,"owner_id":1}}}` }
	src := vk.File(path)
	src.Progress = func(sent, total int64) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		f.Write(line)
		f.Close()
	}
	if _, err := v.client.Upload(t.Context(), vk.DocumentFor(1), src); err != nil || v.files[0].Content != string(line) {
		t.Errorf("%d bytes arrived, of %d; %v", len(v.files[0].Content), len(line), err)
	}
}

// TestKernelFiles: virtual files, which report the size 0, and pipes are read
// to their end.
func TestKernelFiles(t *testing.T) {
	v := newUploadVK(t, nil)
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		pw.Write(noise(5000))
		pw.Close()
	}()
	if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("a", pr)); err != nil || len(v.files[0].Content) != 5000 {
		t.Errorf("a pipe: %v", err)
	}
	if _, err := os.Stat("/proc/version"); err != nil {
		t.Skip("no /proc")
	}
	if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.File("/proc/version")); err != nil || len(v.files[1].Content) == 0 {
		t.Errorf("/proc/version: %v", err)
	}
}

// TestUploadEarlyAnswer: a refusal is received even if the server sends it
// before it has read everything.
func TestUploadEarlyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.early = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			io.WriteString(w, "too large")
			return true
		}
		r := &slowReader{n: 1 << 30, step: 32 << 10, pause: time.Millisecond}
		_, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("a", r))
		var failed *vk.UploadError
		if !errors.As(err, &failed) || failed.Status != 413 {
			t.Errorf("err = %v", err)
		}
		if r.n < 1<<29 {
			t.Errorf("all but %d bytes were read", r.n)
		}
		left := r.n
		time.Sleep(time.Second)
		if r.n != left {
			t.Error("the source is read after Upload has returned")
		}
	})
}

// TestProgressBeginsAnew: progress starts again with each attempt.
func TestProgressBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		n := 0
		v.answer = func(w http.ResponseWriter, _ *http.Request) {
			if n++; n == 1 {
				w.WriteHeader(502)
			}
			io.WriteString(w, photoAnswer)
		}
		src := vk.Bytes("a", noise(100_000))
		var seen []string
		src.Progress = func(sent, total int64) { seen = append(seen, fmt.Sprintf("%d/%d", sent, total)) }
		if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), src); err != nil {
			t.Fatal(err)
		}
		once := "32768/100000 65536/100000 98304/100000 100000/100000"
		if got := strings.Join(seen, " "); got != once+" "+once {
			t.Error(got)
		}
	})
}

// TestUploadAll: results are in the order of the sources, a few uploads run at
// a time, and a failure does not affect the others.
func TestUploadAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newUploadVK(t, nil)
		v.client.MaxAttempts = 1
		var running, most atomic.Int32
		v.early = func(http.ResponseWriter, *http.Request) bool {
			for n := running.Add(1); ; {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			return false
		}
		v.answer = func(w http.ResponseWriter, r *http.Request) {
			v.mu.Lock()
			name := ""
			for _, f := range v.files {
				if f.N == r.URL.Query().Get("n") {
					name = f.Name
				}
			}
			v.mu.Unlock()
			var i int
			fmt.Sscanf(name, "%d.png", &i)
			time.Sleep(time.Duration(20-i) * time.Second) // the first ones take longest
			running.Add(-1)
			if i == 5 {
				w.WriteHeader(400)
			}
			fmt.Fprintf(w, `{"photo":"%d"}`, i)
		}
		v.client.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				if method == "photos.saveMessagesPhoto" {
					return json.RawMessage(fmt.Sprintf(`[{"id":%v,"owner_id":1}]`, p["photo"])), nil
				}
				return next(ctx, method, p)
			}
		})
		var sources []vk.Source
		for i := 1; i <= 9; i++ {
			sources = append(sources, vk.Bytes(fmt.Sprint(i, ".png"), noise(1000)))
		}
		sources = append(sources, vk.File("does/not/exist"))
		photos, err := v.client.UploadAll(t.Context(), vk.PhotoFor(1), sources...)
		if len(photos) != 10 {
			t.Fatalf("%d results", len(photos))
		}
		for i, p := range photos {
			if want := int64(i + 1); i == 4 || i == 9 {
				if p.ID != 0 {
					t.Errorf("failed, but has a result: %v", p)
				}
			} else if p.ID != want {
				t.Errorf("result %d is %v", i, p)
			}
		}
		var failed *vk.UploadError
		if !errors.As(err, &failed) || failed.Status != 400 || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "file 5 of 10") || !strings.Contains(err.Error(), "file 10 of 10") {
			t.Errorf("err = %v", err)
		}
		if most.Load() != 4 {
			t.Errorf("%d at a time", most.Load())
		}
		if none, err := v.client.UploadAll(t.Context(), vk.PhotoFor(1)); len(none) != 0 || err != nil {
			t.Errorf("of nothing: %v, %v", none, err)
		}
	})
}
