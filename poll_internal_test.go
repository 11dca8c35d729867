package vk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRenewIncomplete: a long poll server that lacks something is asked for
// again, as after any other failure.
func TestRenewIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []string{
			`{"response":{}}`,
			`{"response":{"key":"k","ts":"5"}}`,
			`{"response":{"server":"http://lp.test","ts":"5"}}`,
			`{"response":{"server":"http://lp.test","key":"k"}}`,
			`{"response":{"server":"http://lp.test","key":"k","ts":"5"}}`,
		}
		asked := 0
		client := NewClient("x")
		client.HTTPClient = &http.Client{Transport: answering(func(*http.Request) string {
			asked++
			return answers[min(asked, len(answers))-1]
		})}
		f := &follower{Poller: &Poller{Client: client}, log: slogOr(slog.New(slog.DiscardHandler)), group: 7}
		if err := f.renew(t.Context(), false); err != nil {
			t.Error(err)
		}
		if asked != len(answers) || f.server != "http://lp.test" || f.key != "k" || f.ts != "5" {
			t.Errorf("asked %d times: server %q, key %q, ts %q", asked, f.server, f.key, f.ts)
		}
	})
}

// TestWithoutReferer: a redirect carries no address on, and is followed or not
// as the HTTPClient says, or as net/http does.
func TestWithoutReferer(t *testing.T) {
	check := func(own func(*http.Request, []*http.Request) error, via int) error {
		t.Helper()
		r := &http.Request{Header: http.Header{"Referer": {"http://lp.test/?key=k"}}}
		err := withoutReferer(own)(r, make([]*http.Request, via))
		if len(r.Header) != 0 {
			t.Errorf("header %v", r.Header)
		}
		return err
	}
	if err := check(func(*http.Request, []*http.Request) error { return io.EOF }, 1); !errors.Is(err, io.EOF) {
		t.Errorf("of the client's own: %v", err)
	}
	if err := check(func(*http.Request, []*http.Request) error { return nil }, 20); err != nil {
		t.Errorf("of the client's own: %v", err)
	}
	if err := check(nil, 9); err != nil {
		t.Errorf("the ninth: %v", err)
	}
	if err := check(nil, 10); err == nil {
		t.Error("the tenth is followed")
	}
}

// TestStreak: of failures in a row the first is told, and that they are over; what
// fails now and then is told once in a minute.
func TestStreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s streak
		is := func(when string, want bool) {
			t.Helper()
			if got := s.failed(); got != want {
				t.Errorf("%s: told is %v", when, got)
			}
		}
		over := func(when string, wantFailures int, want bool) {
			t.Helper()
			if n, got := s.worked(); got != want || n != wantFailures {
				t.Errorf("%s: told is %v, after %d failures", when, got, n)
			}
		}
		over("at first", 0, false)
		is("first", true)
		is("second", false)
		time.Sleep(time.Hour)
		is("an hour later", false)
		over("recovery", 3, true)
		over("second success", 0, false)
		is("again, an hour after the first line", true)
		over("recovery", 1, true)
		is("again at once", false)
		over("of what was not told", 1, false)
		time.Sleep(time.Minute)
		is("a minute later", true)
	})
}

// TestStrangersConfirmations: confirmations of communities that nobody sets up are
// answered and not remembered.
func TestStrangersConfirmations(t *testing.T) {
	cb := &Callback{Client: NewClient("t"), Handler: HandlerFunc(func(*Context) error { return nil }), Secret: NewSecret("s"), Confirmation: "c0de", Logger: slog.New(slog.DiscardHandler)}
	for i := range 100 {
		w := httptest.NewRecorder()
		cb.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(fmt.Sprintf(`{"type":"confirmation","group_id":%d}`, i+1))))
		if w.Body.String() != "c0de" {
			t.Fatalf("answered %q", w.Body)
		}
	}
	if n := len(cb.asked); n != 0 {
		t.Errorf("%d communities are remembered", n)
	}
}

// A downStore is a shared Store that fails while down is set.
type downStore struct {
	m    MemoryStore
	down atomic.Bool
}

func (s *downStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.down.Load() {
		return nil, errors.New("down")
	}
	return s.m.Get(ctx, key)
}

func (s *downStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.down.Load() {
		return false, errors.New("down")
	}
	return s.m.Swap(ctx, key, old, new, ttl)
}

// TestStoreDownLog: while a Store fails, a webhook's events have one line together, and
// another when it works again. Status tells of it meanwhile.
func TestStoreDownLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := new(downStore)
		logger := slog.New(slog.NewTextHandler(&log, nil))
		d := &Dispatcher{Store: s, Handler: HandlerFunc(func(*Context) error { return nil }), Logger: logger}
		cb := &Callback{Client: NewClient("t"), Dispatcher: d, GroupID: 7, Secret: NewSecret("s"), Logger: logger}
		post := func(id int) {
			body := fmt.Sprintf(`{"type":"message_new","event_id":"%d","group_id":7,"secret":"s","object":{"message":{"from_id":1,"peer_id":1,"text":"x"}}}`, id)
			cb.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(body)))
		}
		if st := cb.Status(); !st.Ready || !st.LastEvent.IsZero() || st.Err != nil {
			t.Errorf("the status at first is %+v", st)
		}
		post(0)
		s.down.Store(true)
		for i := range 100 {
			post(i + 1)
		}
		if st := cb.Status(); !st.Ready || st.LastEvent.IsZero() || st.Err == nil || st.Answering != 0 {
			t.Errorf("the status of a failing store is %+v", st)
		}
		if n := strings.Count(log.String(), "events cannot be taken"); n != 1 || !strings.Contains(log.String(), "down") {
			t.Errorf("%d lines for 100 events:\n%.2000s", n, &log)
		}
		s.down.Store(false)
		time.Sleep(time.Minute)
		post(200)
		if n := strings.Count(log.String(), "events can be taken again"); n != 1 {
			t.Errorf("%d lines of the recovery:\n%.2000s", n, &log)
		}
		if st := cb.Status(); st.Err != nil {
			t.Errorf("the status after the recovery is %+v", st)
		}
		cb.Stop(context.Background())
		d.Stop(context.Background())
		if st := cb.Status(); st.Ready {
			t.Error("ready after Stop")
		}
		for _, want := range []string{`msg="vk: callback started" groups=[7]`, `msg="vk: callback stopped"`} {
			if n := strings.Count(log.String(), want); n != 1 {
				t.Errorf("%d lines %s", n, want)
			}
		}
	})
}

// TestLoggerFails: a slog.Handler that fails is told of once, on standard error.
func TestLoggerFails(t *testing.T) {
	var said bytes.Buffer
	lament = &said
	lamented.Store(false)
	defer func() { lament = os.Stderr }()
	l := slogOr(slog.New(brokenHandler{}))
	for range 3 {
		l.LogAttrs(t.Context(), slog.LevelError, "x")
		if l.Enabled(t.Context(), slog.LevelDebug) {
			t.Error("enabled")
		}
	}
	if n := strings.Count(said.String(), "slog.Handler"); n != 1 || !strings.Contains(said.String(), "no log") {
		t.Errorf("%q", said.String())
	}
}

type brokenHandler struct{ slog.Handler }

func (brokenHandler) Enabled(context.Context, slog.Level) bool { panic("no log") }

// A retryingStore has a driver that repeats a Swap after a lost answer: it returns
// false for what it has swapped.
type retryingStore struct {
	MemoryStore
	lost atomic.Bool
}

func (s *retryingStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	ok, err := s.MemoryStore.Swap(ctx, key, old, new, ttl)
	return ok && !s.lost.Swap(false), err
}

// TestSessionDriverRetry: an Update or Delete whose Swap was repeated by the driver counts
// once.
func TestSessionDriverRetry(t *testing.T) {
	e, err := ParseEvent([]byte(`{"type":"message_new","event_id":"1","group_id":1,"object":{"message":{"from_id":1,"peer_id":1,"text":"x"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := NewContext(t.Context(), NewClient("t"), e)
	store := new(retryingStore)
	n := &Session[int]{Store: store, Name: "n"}
	add := func() {
		t.Helper()
		if err := n.Update(c, PerUser(c), func(v *int) error { *v++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for want := 1; want <= 3; want++ {
		store.lost.Store(want != 2)
		add()
		if got, err := n.Get(c, PerUser(c)); got != want || err != nil {
			t.Errorf("after %d updates: %d, %v", want, got, err)
		}
	}
	store.lost.Store(true)
	if err := n.Delete(c, PerUser(c)); err != nil {
		t.Error(err)
	}
	if got, err := n.Get(c, PerUser(c)); got != 0 || err != nil {
		t.Errorf("after Delete: %d, %v", got, err)
	}
}

// TestPollRecoveryLog: of polls that fail in a row the first has a warning with its cause,
// and the recovery a line.
func TestPollRecoveryLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		polls := 0
		client := NewClient("x")
		client.HTTPClient = &http.Client{Transport: answering(func(r *http.Request) string {
			if r.URL.Host != "lp.test" {
				return `{"response":{"server":"http://lp.test","key":"k","ts":"5"}}`
			}
			if polls++; polls > 1 && polls < 5 {
				return "not JSON"
			}
			time.Sleep(time.Second)
			return `{"ts":"5","updates":[]}`
		})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p := &Poller{Client: client, GroupID: 7, SkipDiagnosis: true, Handler: new(Router), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		for want, n := range map[string]int{
			`level=WARN msg="vk: long poll failed"`:                             1,
			`level=DEBUG msg="vk: long poll failed"`:                            2,
			`level=INFO msg="vk: long poll works again" failures=3`:             1,
			`level=INFO msg="vk: bot started" group=7 name=""`:                  1,
			`level=INFO msg="vk: bot stopped" group=7 ts=5 drained=0 skipped=0`: 1,
		} {
			if got := strings.Count(log.String(), want); got != n {
				t.Errorf("%d lines %s, want %d:\n%.3000s", got, want, n, &log)
			}
		}
		if !strings.Contains(log.String(), `level=DEBUG msg="vk: long poll" events=0`) {
			t.Error("no line for a poll")
		}
	})
}
