package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
)

// hostile sends the bot data that no sane server would send: as API responses,
// as events, and as responses of a broken long poll server.
func hostile(t *testing.T, o options, r *report) {
	t.Run("answers", func(t *testing.T) { hostileAnswers(t, o, r) })
	t.Run("polls", func(t *testing.T) { hostilePolls(t, o, r) })
	t.Run("events", func(t *testing.T) { hostileEvents(t, r) })
}

// A garbage is a useless response.
type garbage struct {
	name  string
	write func(w http.ResponseWriter)
}

func text(s string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { io.WriteString(w, s) }
}

// long returns a writer of a text that is repeated up to a size, between two
// others.
func long(head, s, tail string, size int64) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { writeLong(w, head, s, tail, size) }
}

func writeLong(w io.Writer, head, s, tail string, size int64) {
	io.WriteString(w, head)
	chunk := []byte(strings.Repeat(s, 64<<10/len(s)))
	for ; size > 0; size -= int64(len(chunk)) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
	io.WriteString(w, tail)
}

// bomb is like long, in a thousandth of the bytes.
func bomb(head, s, tail string, size int64) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		writeLong(z, head, s, tail, size)
		z.Close()
	}
}

// tooMuch returns responses that are too large or too deep for every recipient.
// With the given beginning and end, their content would be a valid response.
func tooMuch(head, tail string, o options) []garbage {
	limit, huge := o.limit, o.huge
	return []garbage{
		{"a little too much", long(`{"padding":"`, "x", `",`+head+tail+`}`, limit)},
		{"too much", long(`{"padding":"`, "x", `",`+head+tail+`}`, huge)},
		{"a gzip bomb", bomb(`{"padding":"`, "x", `",`+head+tail+`}`, huge)},
		{"a gzip bomb of brackets", bomb(`{"a":`, "[", ``, huge)},
		{"brackets", long(`{"a":`, "[", ``, limit/2)},
		{"objects", long(``, `{"a":`, ``, limit/2)},
		{"deep and valid", text(`{"a":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `,` + head + tail + `}`)},
		{"members", long(`{"a":1`, `,"a":1`, `}`, limit/2)},
		{"elements", long(`{`+head+`[0`, `,0`, `]}`, limit/2)},
		{"a number", long(`{`+head, `9`, `}`, limit/2)},
		{"escapes", long(`{"a":"`, `\ud800`, `",`+head+tail+`}`, limit/2)},
		{"bad UTF-8", text("{\"a\":\"\xff\xfe\xc0\x80\xed\xa0\x80\"," + head + tail + "}")},
		{"a gzip of nothing", func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip") }},
		{"no gzip", func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "{"+head+tail+"}")
		}},
	}
}

// A madhouse is a server that responds with garbage.
type madhouse struct {
	http.Server
	client    *vk.Client
	transport *http.Transport
	serving   sync.WaitGroup
}

func newMadhouse(h http.Handler) *madhouse {
	l := memnet.Listen("vk.test:80")
	m := &madhouse{transport: &http.Transport{DialContext: l.Dial}}
	m.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		h.ServeHTTP(w, r)
	})
	m.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	m.client = vk.NewClient("t")
	m.client.BaseURL = "http://vk.test/method/"
	m.client.HTTPClient = &http.Client{Transport: m.transport}
	m.client.Logger = slog.New(slog.DiscardHandler)
	m.serving.Go(func() { m.Serve(l) })
	return m
}

func (m *madhouse) close() {
	m.transport.CloseIdleConnections()
	m.Close()
	m.serving.Wait()
}

// watchHeap runs f, outside of any bubble. It returns the peak growth of the
// heap during f, and the growth that remains.
func watchHeap(f func()) (peak, left uint64) {
	base := heap()
	top := atomic.Uint64{}
	over := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		var m runtime.MemStats
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				top.Store(max(top.Load(), m.HeapAlloc))
			}
		}
	})
	f()
	close(over)
	looking.Wait()
	end := heap()
	return max(top.Load(), base) - base, max(end, base) - base
}

// hostileAnswers makes API calls with garbage responses. Each call ends, with
// an error or without, and uses no more memory than the maximum response.
func hostileAnswers(t *testing.T, o options, r *report) {
	var most, left uint64
	var slowest time.Duration
	var slow, big string
	list := tooMuch(`"response":`, `1`, o)
	for _, g := range list {
		m := newMadhouse(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { g.write(w) }))
		m.client.MaxAttempts, m.client.MaxResponse = 1, o.limit
		began := time.Now()
		var err error
		var peak uint64
		peak, left = watchHeap(func() {
			var v int64
			err = m.client.Call(context.Background(), "utils.getServerTime", nil, &v)
		})
		if d := time.Since(began); d > slowest {
			slowest, slow = d, g.name
		}
		if peak > most {
			most, big = peak, g.name
		}
		m.close()
		switch g.name {
		case "a little too much", "too much", "a gzip bomb", "a gzip bomb of brackets":
			if !errors.Is(err, vk.ErrTooLarge) {
				t.Errorf("%s: %v", g.name, err)
			}
		case "bad UTF-8", "escapes", "elements", "a number":
			if err != nil {
				t.Errorf("%s: %v", g.name, err)
			}
		default:
			if err == nil {
				t.Errorf("%s: accepted as a response", g.name)
			}
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", g.name, len(err.Error()))
		}
		if left > 8<<20 {
			t.Errorf("%s: %s are left", g.name, mib(left))
		}
	}
	r.add("responses, the largest heap", fmt.Sprintf("%s (%s)", mib(most), big))
	r.add("responses, the slowest", fmt.Sprintf("%v (%s)", slowest.Round(time.Millisecond), slow))
	if most > 8*uint64(o.limit) {
		t.Errorf("the heap grew by %s", mib(most))
	}
}

// ruts are responses that a long poll server may repeat forever.
var ruts = []garbage{
	{"nothing", text("")},
	{"null", text("null")},
	{"a page", func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html>")
	}},
	{"502", func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }},
	{"204", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }},
	{"a redirect to itself", func(w http.ResponseWriter) {
		w.Header().Set("Location", "/lp?x")
		w.WriteHeader(http.StatusFound)
	}},
	{"a broken connection", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
	{"noise", text("\x00\xff{]")},
	{"half of an answer", text(`{"ts":"2","updates":[{"type":"message_new"`)},
	{"failed 1", text(`{"failed":1,"ts":30}`)},
	{"failed 1 without ts", text(`{"failed":1}`)},
	{"failed 2", text(`{"failed":2}`)},
	{"failed 3", text(`{"failed":3}`)},
	{"failed 4", text(`{"failed":4,"min_version":1,"max_version":19}`)},
	{"failed -1", text(`{"failed":-1}`)},
	{"failed 1e99", text(`{"failed":1e99}`)},
	{"no ts", text(`{"updates":[]}`)},
	{"nothing new", text(`{"ts":"2","updates":[]}`)},
	{"updates of null", text(`{"ts":"2","updates":null}`)},
	{"updates that are a text", text(`{"ts":"2","updates":"x"}`)},
	{"nulls", text(`{"ts":"2","updates":[null,null]}`)},
	{"no events", text(`{"ts":"2","updates":[1,"x",{},[],{"type":7},{"type":""}]}`)},
	{"the same event", text(`{"ts":"2","updates":[{"type":"message_new","event_id":"e","group_id":1,"object":{"message":{"peer_id":7,"from_id":7,"text":"!m 1"}}}]}`)},
}

// hostilePolls makes polls with garbage responses, as fast as they come. The
// bot must poll at most ten times a second, must continue, and must handle the
// events after the server has recovered.
func hostilePolls(t *testing.T, o options, r *report) {
	const lasts = 10 * time.Minute
	var fastest float64
	var fast string
	list := append(ruts[:len(ruts):len(ruts)], tooMuch(`"ts":"2","updates":`, `[]`, o)...)
	for i, g := range list {
		large := i >= len(ruts)
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int64
			var sane atomic.Bool
			handled := make(chan struct{}, 1)
			m := newMadhouse(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				asked.Add(1)
				switch {
				case strings.HasPrefix(q.URL.Path, "/method/"):
					io.WriteString(w, `{"response":{"key":"k","server":"http://vk.test/lp","ts":"1"}}`)
				case !sane.Load():
					g.write(w)
				case q.URL.Query().Get("ts") == "99":
					<-q.Context().Done()
				default:
					io.WriteString(w, `{"ts":"99","updates":[{"type":"message_new","event_id":"sane","group_id":1,"object":{"message":{"peer_id":5,"from_id":5,"text":"at last"}}}]}`)
				}
			}))
			defer m.close()
			m.client.MaxResponse = o.limit
			m.client.RPS = -1 // the Poller itself must hold back
			p := &vk.Poller{Client: m.client, GroupID: 1, Logger: slog.New(slog.DiscardHandler), Handler: vk.HandlerFunc(func(c *vk.Context) error {
				if c.Text() == "at last" {
					handled <- struct{}{}
				}
				return nil
			})}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			before := asked.Load()
			span := lasts
			if large {
				span = 2 * time.Second
			}
			began := time.Now()
			time.Sleep(span)
			rate := float64(asked.Load()-before) / time.Since(began).Seconds()
			if rate > fastest {
				fastest, fast = rate, g.name
			}
			if rate > 10 {
				t.Errorf("%s: %.1f requests per second", g.name, rate)
			}
			sane.Store(true)
			select {
			case <-handled:
			case <-time.After(time.Hour):
				t.Errorf("%s: no event is handled afterwards", g.name)
			case err := <-ended:
				t.Errorf("%s: the bot has ended: %v", g.name, err)
				ended <- nil
			}
			stop()
			<-ended
		})
	}
	r.add("polls, the most in a second", fmt.Sprintf("%.1f (%s)", fastest, fast))
	r.add("polls, kinds of garbage", len(list))
}

// hostileEvents gives a router nonsensical events.
func hostileEvents(t *testing.T, r *report) {
	router := newRouter(func(int64, int) {})
	vk.On(router, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { return nil })
	events := append([]string{
		strings.Repeat(`[`, 1<<20),
		`{"type":"message_new","object":` + strings.Repeat(`{"message":`, 1<<20),
		`{"type":"message_new","object":{"message":{"text":"` + strings.Repeat("!m 1 ", 1<<20) + `","from_id":1,"peer_id":1}}}`,
		`{"type":"message_new","object":{"message":{"text":"!` + strings.Repeat("m", 1<<20) + `","from_id":1,"peer_id":1}}}`,
		`{"type":"message_new","object":{"message":{"text":"!m ` + strings.Repeat("9", 1<<20) + `","from_id":1,"peer_id":1}}}`,
		`{"type":"message_new","object":{"message":{"text":"!m \"` + strings.Repeat(`\"`, 1<<19) + `","from_id":1,"peer_id":1}}}`,
		"{\"type\":\"message_new\",\"object\":{\"message\":{\"text\":\"!m \xff\xc0\x80\",\"from_id\":1,\"peer_id\":1}}}",
		`{"type":"message_new","object":{"message":{"text":"x","payload":"` + strings.Repeat(`{\"command\":`, 1<<18) + `","from_id":1,"peer_id":1}}}`,
		`{"type":"message_new","object":{"message":{"text":"x","payload":"{\"command\":\"ask ask\"}","from_id":9e99,"peer_id":-9223372036854775809}}}`,
	}, poisons...)
	var slowest time.Duration
	peak, _ := watchHeap(func() {
		client := vk.NewClient("t")
		client.BaseURL = "http://vk.test/method/"
		client.MaxAttempts = 1
		client.HTTPClient = &http.Client{Transport: nowhere{}}
		for _, raw := range events {
			for _, raw := range [][]byte{[]byte(raw), bytes.TrimRight([]byte(raw), "}")} {
				began := time.Now()
				e, err := vk.ParseEvent(raw)
				if err == nil {
					_ = router.Serve(vk.NewContext(t.Context(), client, e))
				}
				slowest = max(slowest, time.Since(began))
			}
		}
	})
	r.add("events, the largest heap", mib(peak))
	r.add("events, the slowest", slowest.Round(time.Millisecond))
}

// nowhere is a network without hosts.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("there is no such host")
}
