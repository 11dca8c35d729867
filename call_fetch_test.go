package vk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
)

// newWeb returns a client with a FetchClient that finds h under every address.
func newWeb(t *testing.T, h http.HandlerFunc) *vk.Client {
	l := memnet.Listen("web:80")
	srv := &http.Server{Handler: h}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial, DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	})
	client := vk.NewClient("s3cret")
	client.FetchClient = &http.Client{Transport: transport}
	return client
}

func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("the token travels")
			}
			switch r.URL.Path {
			case "/chunked":
				w.(http.Flusher).Flush()
			case "/named":
				w.Header().Set("Content-Disposition", `attachment; filename*=UTF-8''..%2F%D0%BA%D0%BE%D1%82.png`)
			case "/from":
				http.Redirect(w, r, "http://other.example/dir/cat%20picture.png?size=1", http.StatusFound)
				return
			}
			w.Header().Set("Content-Type", "image/png")
			io.WriteString(w, pngHead)
		})
		for _, tt := range []struct {
			path, name string
			size       int64
		}{
			{"/cat.png?x=1", "cat.png", int64(len(pngHead))},
			{"/chunked", "chunked", -1},
			{"/named", "кот.png", int64(len(pngHead))},
			{"/from", "cat picture.png", int64(len(pngHead))},
			{"/", "", int64(len(pngHead))},
			{"", "", int64(len(pngHead))},
		} {
			d, err := client.Fetch(t.Context(), "http://cats.example"+tt.path)
			if err != nil {
				t.Errorf("%s: %v", tt.path, err)
				continue
			}
			b, err := io.ReadAll(d.Body)
			d.Body.Close()
			if string(b) != pngHead || err != nil || d.Name != tt.name || d.Size != tt.size || tt.size >= 0 && d.ContentType != "image/png" {
				t.Errorf("%s: %q, %v, %+v", tt.path, b, err, d)
			}
		}
	})
}

func TestFetchFails(t *testing.T) {
	const secret = "t0p53cret"
	synctest.Test(t, func(t *testing.T) {
		client := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/404":
				w.WriteHeader(404)
			case "/204":
				w.WriteHeader(204)
			case "/reset":
				panic(http.ErrAbortHandler)
			case "/big":
				w.Header().Set("Content-Length", "101")
				w.Write(make([]byte, 101))
			case "/loop":
				http.Redirect(w, r, "/loop", http.StatusFound)
			default:
				http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
			}
		})
		client.MaxFetch = 100
		for _, tt := range []struct {
			address, text string
			is            error
		}{
			{"http://a.example/404?key=" + secret, "vk: fetch: a.example: HTTP 404 Not Found", nil},
			{"http://a.example/204?key=" + secret, "HTTP 204", nil},
			{"http://a.example/reset?key=" + secret, "vk: fetch: a.example: EOF", io.EOF},
			{"http://a.example/big?key=" + secret, "too large", vk.ErrTooLarge},
			{"http://a.example/loop?key=" + secret, "more than 5 redirects", nil},
			{"http://a.example/?to=ftp://b.example/" + secret, "only http and https", nil},
			{"http://a.example/?to=file:///etc/passwd", "only http and https", nil},
			{"http://a.example/?to=http://user:" + secret + "@b.example/", "password", nil},
			{"file:///etc/passwd", "only http and https", nil},
			{"cats.example/" + secret, "only http and https", nil},
			{"http://user:" + secret + "@a.example/", "password", nil},
			{"http:///" + secret, "no host", nil},
			{"http://%zz/" + secret, "invalid address", nil},
			{"", "only http and https", nil},
		} {
			d, err := client.Fetch(t.Context(), tt.address)
			if err == nil {
				d.Body.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), "vk: fetch: ") || !strings.Contains(err.Error(), tt.text) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%s: %v", tt.address, err)
			}
			if s := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(s, secret) {
				t.Errorf("%s: a secret shows: %s", tt.address, s)
			}
		}
	})
}

// TestFetchCap: a body beyond the limit is cut exactly at the limit, with an
// error.
func TestFetchCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := 0
		client := newWeb(t, func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // no Content-Length
			w.Write(make([]byte, size))
		})
		client.MaxFetch = 1000
		for _, size = range []int{0, 999, 1000, 1001, 100_000} {
			d, err := client.Fetch(t.Context(), "http://a.example/")
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(d.Body)
			if _, again := d.Body.Read(make([]byte, 10)); size > 1000 && !errors.Is(again, vk.ErrTooLarge) {
				t.Errorf("%d: then %v", size, again)
			}
			d.Body.Close()
			if len(b) != min(size, 1000) || (size > 1000) != errors.Is(err, vk.ErrTooLarge) || size <= 1000 && err != nil {
				t.Errorf("%d: %d bytes, %v", size, len(b), err)
			}
		}
	})
}

// TestLongestLimits: MaxFetch and MaxResponse with math.MaxInt64 are no limits,
// and a negative MaxFetch is a mistake.
func TestLongestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.(http.Flusher).Flush() // no Content-Length
			io.WriteString(w, `{"response":[{"id":5}]}`)
		})
		client.HTTPClient, client.BaseURL = client.FetchClient, "http://api.example/method/"
		client.MaxFetch, client.MaxResponse = math.MaxInt64, math.MaxInt64
		d, err := client.Fetch(t.Context(), "http://a.example/")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Body.Close()
		if b, err := io.ReadAll(d.Body); err != nil || len(b) == 0 {
			t.Errorf("Fetch: %q, %v", b, err)
		}
		users, err := vk.Call[[]vk.User](t.Context(), client, "users.get", nil)
		if err != nil || len(users) != 1 || users[0].ID != 5 {
			t.Errorf("Call: %v, %v", users, err)
		}
		client.MaxFetch = -1
		var wrong *vk.ConfigError
		if _, err := client.Fetch(t.Context(), "http://a.example/"); !errors.As(err, &wrong) || wrong.Field != "Client.MaxFetch" {
			t.Errorf("negative: %v", err)
		}
	})
}

// TestFetchContext: a download ends with its context.
func TestFetchContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/body" {
				io.WriteString(w, "begins")
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		for _, path := range []string{"/head", "/body"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			d, err := client.Fetch(ctx, "http://a.example"+path)
			if err == nil {
				_, err = io.ReadAll(d.Body)
				d.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%s: after %v: %v", path, time.Since(start), err)
			}
			cancel()
		}
	})
}

// TestFetchRefusesNeighbours: without a FetchClient, no address of the local
// network can be reached, in any way.
func TestFetchRefusesNeighbours(t *testing.T) {
	reached := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := vk.NewClient("s3cret")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "[fd00::1]"} {
		d, err := client.Fetch(t.Context(), "http://"+host+":"+port+"/")
		if err == nil {
			d.Body.Close()
		}
		if !errors.Is(err, vk.ErrPrivateAddress) {
			t.Errorf("%s: %v", host, err)
		}
		if _, err := client.Upload(t.Context(), vk.PhotoFor(1), vk.URL("http://"+host+":"+port+"/cat.png")); !errors.Is(err, vk.ErrPrivateAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if reached {
		t.Error("a neighbour was reached")
	}
}

// TestUploadURL: the content of an address is uploaded as it arrives, with its
// name, and downloaded again for a retry.
func TestUploadURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := noise(2 << 20)
		for _, chunked := range []bool{false, true} {
			fetched := 0
			web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
				fetched++
				w.Header().Set("Content-Type", "text/plain") // a wrong type, as servers may send
				if chunked {
					w.(http.Flusher).Flush()
				} else {
					w.Header().Set("Content-Length", fmt.Sprint(len(content)))
				}
				w.Write(content)
			})
			v := newUploadVK(t, nil)
			v.client.FetchClient = web.FetchClient
			n := 0
			v.answer = func(w http.ResponseWriter, _ *http.Request) {
				if n++; n == 1 {
					w.WriteHeader(500)
				}
				io.WriteString(w, photoAnswer)
			}
			a, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.URL("http://cats.example/dir/cat.png?x=1"))
			if err != nil || a.Type != "photo" {
				t.Fatalf("%v, %v", a, err)
			}
			if fetched != 2 || len(v.files) != 2 {
				t.Errorf("fetched %d times, uploaded %d times", fetched, len(v.files))
			}
			for _, f := range v.files {
				if f.Name != "cat.png" || f.Type != "image/png" || f.Content != string(content) || (f.Length < 0) != chunked {
					t.Errorf("chunked %v: %d bytes, %s, %s, Content-Length %d", chunked, len(f.Content), f.Name, f.Type, f.Length)
				}
			}
			v.client.MaxFetch = 1 << 20
			if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.URL("http://cats.example/cat.png")); !errors.Is(err, vk.ErrTooLarge) {
				t.Errorf("chunked %v: %v", chunked, err)
			}
		}
	})
}

// TestUploadURLCut: a truncated download is not uploaded as a whole file.
func TestUploadURLCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write(noise(100_000))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		v := newUploadVK(t, nil)
		v.client.FetchClient = web.FetchClient
		_, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.URL("http://cats.example/cat.png"))
		if !errors.Is(err, io.ErrUnexpectedEOF) || v.attempts() != 0 {
			t.Errorf("%d files: %v", v.attempts(), err)
		}
	})
}
