package vk_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/hooktest"
	"github.com/vkrouter/vk/internal/memnet"
	"github.com/vkrouter/vk/internal/versus"
)

// TestCallbackLoad: there are 200 concurrent senders and a handler that cannot
// keep up. No event is lost, none is handled twice, the number of events in
// progress is limited, and a refused sender is asked to retry later.
func TestCallbackLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, each, room = 200, 5, 50
		var mu sync.Mutex
		handled := make(map[string]int)
		d := &vk.Dispatcher{MaxEvents: room, Workers: 20, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(2 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			handled[c.Text()]++
			return nil
		})}
		cb := hooktest.New(nil)
		cb.Handler, cb.Dispatcher = nil, d
		var all sync.WaitGroup
		var refused, most atomic.Int64
		var slowest atomic.Int64
		before := heap()
		start := time.Now()
		for s := range senders {
			luck := rand.New(rand.NewPCG(1, uint64(s)))
			all.Go(func() {
				for n := range each {
					id := fmt.Sprintf("%d-%d", s, n)
					for try := 0; ; try++ {
						began := time.Now()
						w := hooktest.Post(cb, hooktest.Event(id, s+1), "X-Retry-Counter", strconv.Itoa(try))
						slowest.Store(max(slowest.Load(), int64(time.Since(began))))
						if p := int64(d.Pending()); p > most.Load() {
							most.Store(p)
						}
						if hooktest.Answer(t, w) == "200 ok" {
							break
						}
						refused.Add(1)
						after, _ := strconv.Atoi(w.Header().Get("Retry-After"))
						time.Sleep(time.Duration(after)*time.Second + time.Duration(luck.Int64N(1e9)))
					}
				}
			})
		}
		all.Wait()
		took := time.Since(start)
		cb.Stop(t.Context())
		d.Stop(t.Context())
		after := heap()
		if len(handled) != senders*each {
			t.Errorf("%d of %d events handled", len(handled), senders*each)
		}
		for id, n := range handled {
			if n != 1 {
				t.Errorf("event %s was handled %d times", id, n)
			}
		}
		if most.Load() > room {
			t.Errorf("%d events in hand, more than %d", most.Load(), room)
		}
		if time.Duration(slowest.Load()) > 3*time.Second {
			t.Errorf("an answer took %v", time.Duration(slowest.Load()))
		}
		t.Logf("%d events of %d senders in %v, %d told to come again, at most %d in hand, heap %+d KiB", senders*each, senders, took.Round(time.Second), refused.Load(), most.Load(), (after-before)/1024)
	})
}

// TestCallbackBound: if there is no room, VK is asked to retry at once instead
// of waiting for room.
func TestCallbackBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cb := hooktest.New(nil)
		cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{MaxEvents: 1, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(2 * time.Second)
			return nil
		})}
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))); got != "200 ok" {
				t.Error(got)
			}
		})
		synctest.Wait()
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("b", 2))); got != "503" || time.Since(start) != 0 {
			t.Errorf("%s after %v", got, time.Since(start))
		}
		all.Wait()
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("b", 2))); got != "200 ok" {
			t.Error(got)
		}
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A metered is a reader that counts the bytes read.
type metered struct {
	io.Reader
	n int64
}

func (c *metered) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

// forever is an endless reader of one byte.
type forever byte

func (f forever) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(f)
	}
	return len(b), nil
}

// TestCallbackHostile: a stranger's request is refused, at a limited cost.
func TestCallbackHostile(t *testing.T) {
	const large = 64 << 20
	begin := hooktest.Event("a", 1)
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		header string
		want   int
		read   int64 // at most
		memory int64 // allocated in total, at most
	}{
		{"64 MiB", forever(' '), large, "", 413, 0, 64 << 10},
		{"64 MiB, not said before", io.LimitReader(forever(' '), large), -1, "", 413, 1<<20 + 1, 6 << 20},
		{"gzip bomb", io.LimitReader(forever(0), large), -1, "gzip", 415, 0, 64 << 10},
		{"deep arrays", strings.NewReader(strings.Repeat("[", 1e6)), 1e6, "", 400, 1 << 20, 6 << 20},
		{"deep objects", strings.NewReader(strings.Repeat(`{"a":`, 2e5)), 1e6, "", 400, 1 << 20, 6 << 20},
		{"a deep event with the secret", strings.NewReader(begin[:len(begin)-1] + `,"x":` + strings.Repeat("[", 1e6)), -1, "", 400, 1 << 20, 6 << 20},
		{"many secrets", strings.NewReader("{" + strings.Repeat(`"secret":"x",`, 7e4) + `"group_id":7}`), -1, "", 400, 1 << 20, 6 << 20},
		{"bad UTF-8", io.LimitReader(forever(0xff), 1<<20), 1 << 20, "", 400, 1 << 20, 6 << 20},
		{"a long number", strings.NewReader(`{"group_id":` + strings.Repeat("9", 1e6) + `}`), -1, "", 403, 1 << 20, 8 << 20},
		{"zeros", io.LimitReader(forever(0), 1<<20), 1 << 20, "", 400, 1 << 20, 6 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cb := hooktest.New(func(c *vk.Context) error { t.Error("handled"); return nil })
			body := &metered{Reader: tt.body}
			r := httptest.NewRequest(http.MethodPost, "/vk", body)
			r.ContentLength = tt.length
			if tt.header != "" {
				r.Header.Set("Content-Encoding", tt.header)
			}
			w := httptest.NewRecorder()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			cb.ServeHTTP(w, r)
			runtime.ReadMemStats(&after)
			memory := int64(after.TotalAlloc - before.TotalAlloc)
			if w.Code != tt.want || body.n > tt.read || memory > tt.memory {
				t.Errorf("%d %s, %d bytes read, %d allocated; want %d, at most %d, %d", w.Code, w.Body, body.n, memory, tt.want, tt.read, tt.memory)
			}
			t.Logf("%d, %d KiB read, %d KiB allocated", w.Code, body.n>>10, memory>>10)
		})
	}
}

// TestCallbackSlowBodies: strangers that begin many large bodies and do not
// finish them leave room for VK, and are disconnected in the end.
func TestCallbackSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		l := memnet.Listen("bot.test:80")
		srv := &http.Server{Handler: cb}
		var serving sync.WaitGroup
		serving.Go(func() { srv.Serve(l) })
		defer serving.Wait()
		defer srv.Close()

		const strangers = 200
		codes := make(map[int]int)
		var mu sync.Mutex
		var all sync.WaitGroup
		start := time.Now()
		for range strangers {
			all.Go(func() {
				conn, err := l.Dial(t.Context(), "tcp", "bot.test:80")
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "POST /vk HTTP/1.1\r\nHost: bot.test\r\nContent-Length: %d\r\n\r\n", 1<<20)
				go conn.Write(bytes.Repeat([]byte(" "), 1<<19))
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				mu.Lock()
				defer mu.Unlock()
				codes[resp.StatusCode]++
			})
		}
		synctest.Wait()
		client := &http.Client{Transport: &http.Transport{DialContext: l.Dial}}
		defer client.CloseIdleConnections()
		for n := range 3 {
			resp, err := client.Post("http://bot.test/vk", "application/json", strings.NewReader(hooktest.Event(strconv.Itoa(n), 1)))
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(b) != "ok" {
				t.Errorf("VK is answered %d %s", resp.StatusCode, b)
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("VK waits for %v", took)
		}
		all.Wait()
		if codes[http.StatusServiceUnavailable] == 0 || codes[http.StatusRequestTimeout] == 0 || codes[503]+codes[408] != strangers {
			t.Errorf("the strangers are answered %v", codes)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("the strangers are here for %v", took)
		}
		time.Sleep(time.Second) // the server closes a connection half a second late
	})
}

// TestCallbackLargeBodies: the room for large bodies is released.
func TestCallbackLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		padding := strings.Repeat(" ", 700_000)
		for n := range 100 {
			if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event(strconv.Itoa(n), 1)+padding)); got != "200 ok" {
				t.Fatalf("body %d: %s", n, got)
			}
		}
	})
}

// TestCallbackReadDeadline: the deadline for a body ends with the body, and is
// the server's own if that has one.
func TestCallbackReadDeadline(t *testing.T) {
	serve := func(t *testing.T, cb *vk.Callback, timeout time.Duration) *memnet.Listener {
		l := memnet.Listen("bot.test:80")
		srv := &http.Server{Handler: cb, ReadTimeout: timeout}
		var serving sync.WaitGroup
		serving.Go(func() { srv.Serve(l) })
		t.Cleanup(func() {
			srv.Close()
			serving.Wait()
		})
		return l
	}
	bubble := func(name string, f func(*testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}
	bubble("a handler that is slower than bodies may be", func(t *testing.T) {
		cb := hooktest.New(func(c *vk.Context) error { time.Sleep(15 * time.Second); return nil })
		cb.Patience = 20 * time.Second
		l := serve(t, cb, 0)
		client := &http.Client{Transport: &http.Transport{DialContext: l.Dial}}
		defer client.CloseIdleConnections()
		for _, id := range []string{"a", "b"} { // over one connection
			resp, err := client.Post("http://bot.test/vk", "application/json", strings.NewReader(hooktest.Event(id, 1)))
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(b) != "ok" {
				t.Errorf("%d %s", resp.StatusCode, b)
			}
			time.Sleep(15 * time.Second)
		}
	})
	for name, tt := range map[string]struct {
		method, header string
		timeout        time.Duration
		status         int
	}{
		"a body that breaks off":      {"POST", "", 0, http.StatusRequestTimeout},
		"a server with a ReadTimeout": {"POST", "", 3 * time.Second, http.StatusRequestTimeout},
		"a wrong method":              {"PUT", "", 0, http.StatusMethodNotAllowed},
		"an encoding":                 {"POST", "Content-Encoding: gzip\r\n", 0, http.StatusUnsupportedMediaType},
	} {
		bubble(name, func(t *testing.T) {
			l := serve(t, hooktest.New(func(c *vk.Context) error { return nil }), tt.timeout)
			start := time.Now()
			conn, err := l.Dial(t.Context(), "tcp", "bot.test:80")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s /vk HTTP/1.1\r\nHost: bot.test\r\n%sContent-Length: 100\r\n\r\n{", tt.method, tt.header)
			conn.SetReadDeadline(start.Add(time.Hour))
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if took := time.Since(start); resp.StatusCode != tt.status || took != cmp.Or(tt.timeout, 10*time.Second) {
				t.Errorf("%d after %v", resp.StatusCode, took)
			}
			time.Sleep(time.Second) // the server closes a connection half a second late
		})
	}
}

// BenchmarkCallback measures a request with a handler that does nothing, in
// units of the necessary work: net/http's recorder and the parsing of the
// event.
func BenchmarkCallback(b *testing.B) {
	body := hooktest.Event("a", 1)
	serve := func(h http.Handler) func() {
		n := 0
		return func() {
			id := strconv.Itoa(n)
			n++
			r := httptest.NewRequest(http.MethodPost, "/vk", strings.NewReader(strings.ReplaceAll(body, `"a"`, `"`+id+`"`)))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				b.Fatal(w.Code)
			}
		}
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if _, err := vk.ParseEvent(raw); err != nil {
			b.Error(err)
		}
		io.WriteString(w, "ok")
	})
	versus.Run(b, "ParseEvent", 1, serve(hooktest.New(func(c *vk.Context) error { return nil })), serve(bare))
}

// TestLongestBody: MaxBody may be so large that it is no limit.
func TestLongestBody(t *testing.T) {
	for _, limit := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 16} {
		for _, size := range []int{10, 1000, 40_000, 3 << 20} {
			for _, known := range []bool{true, false} {
				t.Run(fmt.Sprint(limit, ", ", size, ", length known ", known), func(t *testing.T) {
					read := 0
					cb := hooktest.New(func(c *vk.Context) error { read = len(c.Text()); return nil })
					cb.MaxBody = limit
					body := hooktest.Event("a", 1)
					body = strings.Replace(body, `"text":"`, `"text":"`+strings.Repeat("x", size), 1)
					r := httptest.NewRequest("POST", "/", strings.NewReader(body))
					if !known {
						r.ContentLength = -1
					}
					w := httptest.NewRecorder()
					cb.ServeHTTP(w, r)
					if w.Body.String() != "ok" || read < size {
						t.Errorf("%d %s, and the handler gets %d bytes", w.Code, w.Body, read)
					}
				})
			}
		}
	}
}

// A doneCounter counts the calls of Done.
type doneCounter struct {
	context.Context
	calls int
}

// Done counts a call.
func (c *doneCounter) Done() <-chan struct{} {
	c.calls++
	return c.Context.Done()
}

// TestCallbackLazyDeadline: an event with a Store that does not wait needs no
// context with a deadline, as one without a Store.
func TestCallbackLazyDeadline(t *testing.T) {
	calls := func(store vk.Store) int {
		cb := hooktest.New(nil)
		cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: store, Handler: vk.HandlerFunc(nothing)}
		defer cb.Dispatcher.Stop(t.Context())
		defer cb.Stop(t.Context())
		hooktest.Post(cb, hooktest.Event("first", 1)) // opens the journal
		base, cancel := context.WithCancel(t.Context())
		defer cancel()
		ctx := &doneCounter{Context: base}
		if got := hooktest.Answer(t, hooktest.PostContext(ctx, cb, hooktest.Event("second", 1))); got != "200 ok" {
			t.Errorf("the answer is %s", got)
		}
		return ctx.calls
	}
	if with, without := calls(new(vk.MemoryStore)), calls(nil); with != without {
		t.Errorf("%d calls of Done, and %d without a Store", with, without)
	}
}
