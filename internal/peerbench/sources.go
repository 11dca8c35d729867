package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	vksdk "github.com/SevereCloud/vksdk/v2/api"
	"github.com/SevereCloud/vksdk/v2/callback"
	longpoll "github.com/SevereCloud/vksdk/v2/longpoll-bot"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
)

var quiet = slog.New(slog.DiscardHandler)

// newStore returns a Store in a new file.
func newStore(tb testing.TB) *filestore.Store {
	store, err := filestore.Open(filepath.Join(tb.TempDir(), "store"))
	must(tb, err)
	tb.Cleanup(func() { store.Close() })
	return store
}

// A pollServer is VK's long poll for one bot, on loopback. For each element of
// batches, it answers a poll with a batch of events with new IDs.
type pollServer struct {
	*httptest.Server
	batches chan struct{}

	answer []byte
	ids    [][]byte // parts of answer
	ts     []byte   // a part of answer
	last   int64
}

const pollBatch = 100

func newPollServer(tb testing.TB) *pollServer {
	s := &pollServer{batches: make(chan struct{}, 1000)}
	head := fmt.Sprintf(`{"ts":"%020d`, 0)
	s.answer = []byte(head + `","updates":[`)
	for i := range pollBatch {
		if i > 0 {
			s.answer = append(s.answer, ',')
		}
		s.answer = append(s.answer, newEvent(148273000+i, 1, "hello").raw...)
	}
	s.answer = append(s.answer, "]}"...)
	s.ts = s.answer[len(head)-20 : len(head)]
	for rest := s.answer; ; {
		_, after, ok := bytes.Cut(rest, []byte(`"event_id":"`))
		if !ok {
			break
		}
		s.ids = append(s.ids, after[:idDigits])
		rest = after
	}
	s.Server = httptest.NewServer(s)
	tb.Cleanup(s.Close)
	return s
}

func (s *pollServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if answerMethod(w, r) {
		return
	}
	select {
	case <-s.batches:
	case <-r.Context().Done():
		return
	}
	for _, id := range s.ids {
		s.last++
		number(id, s.last)
	}
	number(s.ts, s.last)
	w.Header().Set("Content-Length", strconv.Itoa(len(s.answer)))
	w.Write(s.answer)
}

// answerMethod answers a request if it calls a method of the API. It ignores
// polls.
func answerMethod(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	switch path := r.URL.Path; {
	case path == "/poll":
		return false
	case strings.HasSuffix(path, "groups.getLongPollServer"):
		fmt.Fprintf(w, `{"response":{"server":"http://%s/poll","key":"k","ts":"1"}}`, r.Host)
	case strings.HasSuffix(path, "groups.getTokenPermissions"):
		io.WriteString(w, `{"response":{"mask":0,"permissions":[]}}`)
	default:
		io.WriteString(w, `{"response":1}`)
	}
	return true
}

// A turn counts the events that a bot has handled.
type turn struct {
	left atomic.Int64
	done chan struct{}
}

func newTurn() *turn { return &turn{done: make(chan struct{})} }

func (t *turn) event() {
	if t.left.Add(-1) == 0 {
		t.done <- struct{}{}
	}
}

// polled measures twenty batches from a server to handlers that decode.
func polled(tb testing.TB, stored bool) pair {
	const batches = 20
	bot := func(run func(ctx context.Context, s *pollServer, t *turn)) func() {
		s, t := newPollServer(tb), newTurn()
		ctx, cancel := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		ended.Go(func() { run(ctx, s, t) })
		tb.Cleanup(func() { cancel(); ended.Wait() })
		return func() {
			t.left.Store(batches * pollBatch)
			for range batches {
				s.batches <- struct{}{}
			}
			<-t.done
		}
	}
	var store vk.Store
	if stored {
		store = newStore(tb)
	}
	ours := bot(func(ctx context.Context, s *pollServer, t *turn) {
		client := vk.NewClient("s3cret")
		client.BaseURL = s.URL + "/method/"
		d := &vk.Dispatcher{Handler: ourHandler(tb, 1, t.event), Store: store, Logger: quiet}
		p := &vk.Poller{Client: client, Dispatcher: d, GroupID: group, Logger: quiet}
		if err := p.Run(ctx); err != nil && ctx.Err() == nil {
			tb.Error(err)
		}
		d.Stop(context.Background())
	})
	theirs := bot(func(ctx context.Context, s *pollServer, t *turn) {
		client := vksdk.NewVK("s3cret")
		client.MethodURL = s.URL + "/method/"
		lp, err := longpoll.NewLongPoll(client, group)
		if err != nil {
			tb.Error(err)
			return
		}
		lp.FuncList = *theirHandlers(tb, 1, t.event)
		if err := lp.RunWithContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
			tb.Error(err)
		}
	})
	return pair{batches * pollBatch, ours, theirs}
}

// hooks returns the two sides' handlers of requests.
func hooks(tb testing.TB, store vk.Store) (ours, theirs http.Handler) {
	cb := callback.NewCallback()
	cb.SecretKey = secret
	cb.FuncList = *theirHandlers(tb, 1, nothing)
	cb.ErrorLog = log.New(io.Discard, "", 0)
	d := &vk.Dispatcher{Handler: ourHandler(tb, 1, nothing), Store: store, Logger: quiet}
	our := &vk.Callback{Client: vk.NewClient("s3cret"), Dispatcher: d, GroupID: group, Secret: vk.NewSecret(secret), Logger: quiet}
	tb.Cleanup(func() {
		our.Stop(context.Background())
		d.Stop(context.Background())
	})
	return our, http.HandlerFunc(cb.HandleFunc)
}

// A sink is a ResponseWriter that keeps the status only.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(code int) {
	if s.status == 0 {
		s.status = code
	}
}
func (s *sink) Write(p []byte) (int, error) { s.WriteHeader(http.StatusOK); return len(p), nil }

// called measures a request to a webhook, without net/http's part.
func called(tb testing.TB) pair {
	e, last := newEvent(148273615, 1, "hello"), int64(0)
	header := http.Header{"Content-Type": {"application/json"}, "X-Retry-Counter": {"0"}}
	post := func(h http.Handler) func() {
		w := &sink{header: make(http.Header)}
		return func() {
			last++
			e.number(last)
			clear(w.header)
			w.status = 0
			h.ServeHTTP(w, &http.Request{Method: http.MethodPost, Header: header, Body: io.NopCloser(bytes.NewReader(e.raw)), ContentLength: int64(len(e.raw))})
			if w.status != http.StatusOK {
				tb.Fatal(w.status)
			}
		}
	}
	ours, theirs := hooks(tb, nil)
	return pair{1, post(ours), post(theirs)}
}

// called64 measures ten requests on each of 64 connections to a webhook. Our
// side saves the events.
func called64(tb testing.TB) pair {
	const connections, each = 64, 10
	var last atomic.Int64
	side := func(h http.Handler) func() {
		server := httptest.NewServer(h)
		tb.Cleanup(server.Close)
		all := make([]*hookConn, connections)
		for i := range all {
			all[i] = dialHook(tb, server.Listener.Addr().String(), 148273000+i)
		}
		return func() {
			var wg sync.WaitGroup
			for _, c := range all {
				wg.Go(func() {
					for range each {
						if err := c.post(last.Add(1)); err != nil {
							tb.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		}
	}
	ours, theirs := hooks(tb, newStore(tb))
	return pair{connections * each, side(ours), side(theirs)}
}

// A hookConn is a connection of VK to a webhook. It does little work itself, so
// the measured time is mostly the server's.
type hookConn struct {
	net.Conn
	answer  *bufio.Reader
	request []byte
	id      []byte // a part of request
}

func dialHook(tb testing.TB, addr string, peer int) *hookConn {
	conn, err := net.Dial("tcp", addr)
	must(tb, err)
	tb.Cleanup(func() { conn.Close() })
	e := newEvent(peer, 1, "hello")
	head := fmt.Sprintf("POST /vk HTTP/1.1\r\nHost: bot.test\r\nContent-Type: application/json\r\nX-Retry-Counter: 0\r\nContent-Length: %d\r\n\r\n", len(e.raw))
	c := &hookConn{Conn: conn, answer: bufio.NewReader(conn), request: append([]byte(head), e.raw...)}
	at := bytes.Index(c.request, []byte(`"event_id":"`)) + len(`"event_id":"`)
	c.id = c.request[at : at+idDigits]
	return c
}

// post sends an event and reads the answer.
func (c *hookConn) post(n int64) error {
	number(c.id, n)
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && string(body) != "ok" {
		err = fmt.Errorf("the answer is %d %q", resp.StatusCode, body)
	}
	return err
}
