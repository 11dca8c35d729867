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

	"github.com/google/go-cmp/cmp"
)

// TestRenewIncomplete: an incomplete long poll server is requested again, as
// after any other failure.
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

// TestWithoutReferer: a redirect does not pass on the address, and is followed
// or not according to the HTTPClient's policy or that of net/http.
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

// TestStreak: the first of several consecutive failures is reported, and their
// end. Occasional failures are reported at most once per minute.
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

// TestStrangersConfirmations: confirmation requests for communities without
// Setup are answered and not remembered.
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

// TestStoreDownLog: while a Store fails, the events of a webhook share one log
// line, and there is another when it works again. Status reports the failure
// meanwhile.
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
		if n := strings.Count(log.String(), "events cannot be accepted"); n != 1 || !strings.Contains(log.String(), "down") {
			t.Errorf("%d lines for 100 events:\n%.2000s", n, &log)
		}
		s.down.Store(false)
		time.Sleep(time.Minute)
		post(200)
		if n := strings.Count(log.String(), "events can be accepted again"); n != 1 {
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

// TestLoggerFails: a slog.Handler that fails is reported once, on standard
// error.
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

// A retryingStore has a driver that repeats a Swap after a lost answer: it
// returns false although the first Swap has succeeded.
type retryingStore struct {
	MemoryStore
	lost atomic.Bool
}

func (s *retryingStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	ok, err := s.MemoryStore.Swap(ctx, key, old, new, ttl)
	return ok && !s.lost.Swap(false), err
}

// TestSessionDriverRetry: an Update or Delete with a Swap that the driver
// repeats counts once.
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

// TestPollRecoveryLog: the first of several consecutive failed polls is logged
// as a warning with its cause, and the recovery is logged too.
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

// A tardyStore takes a second to save events.
type tardyStore struct{ *MemoryStore }

func (s tardyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if bytes.Contains(new, []byte("message_new")) {
		time.Sleep(time.Second)
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// copied returns a Store with the current values of s, as after the end of the
// process.
func (s tardyStore) copied(t *testing.T) tardyStore {
	c := new(MemoryStore)
	s.List(t.Context(), "", func(key string, value []byte) bool {
		c.Swap(t.Context(), key, nil, value, 0)
		return true
	})
	return tardyStore{c}
}

// A historian is a bot and a long poll server that has a number of events at
// each of the positions 5 and 6 of the history.
type historian struct {
	each  int
	began time.Time
	polls []string
	times map[string]time.Duration // when each event was handled
	order []string
	asked func(ts string) // called for each poll
}

func (h *historian) run(t *testing.T, ctx context.Context, d *Dispatcher) {
	h.began, h.times = time.Now(), make(map[string]time.Duration)
	client := NewClient("x")
	client.HTTPClient = &http.Client{Transport: answering(func(r *http.Request) string {
		if r.URL.Host != "lp.test" {
			return `{"response":{"server":"http://lp.test","key":"k","ts":"5"}}`
		}
		ts := r.URL.Query().Get("ts")
		h.polls = append(h.polls, fmt.Sprint(ts, " at ", time.Since(h.began)))
		h.asked(ts)
		if ts != "5" && ts != "6" {
			<-r.Context().Done()
			return ""
		}
		var events []string
		for i := range h.each {
			events = append(events, fmt.Sprintf(`{"type":"message_new","event_id":"%s-%d","group_id":7,"object":{"message":{"peer_id":1,"from_id":1,"text":"x"}}}`, ts, i))
		}
		return fmt.Sprintf(`{"ts":"%c","updates":[%s]}`, ts[0]+1, strings.Join(events, ","))
	})}
	d.Logger = slog.New(slog.DiscardHandler)
	d.Handler = HandlerFunc(func(c *Context) error {
		h.order = append(h.order, c.event.ID)
		h.times[c.event.ID] = time.Since(h.began)
		return nil
	})
	p := &Poller{Client: client, GroupID: 7, SkipDiagnosis: true, Dispatcher: d, Logger: d.Logger}
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
}

// all returns the events of positions in the history.
func (h *historian) all(places ...string) (ids []string) {
	for _, ts := range places {
		for i := range h.each {
			ids = append(ids, fmt.Sprint(ts, "-", i))
		}
	}
	return ids
}

// TestPollsAhead: while many events are being saved, the next poll is in
// progress. Their handlers still begin after they are saved, in order, and
// Pending counts them.
func TestPollsAhead(t *testing.T) {
	for _, tt := range []struct {
		each, pending int
		polls         []string
	}{
		{minAhead, 1, []string{"5 at 0s", "6 at 0s", "7 at 1s"}},
		{minAhead - 1, 0, []string{"5 at 0s", "6 at 1s", "7 at 2s"}},
	} {
		t.Run(fmt.Sprint(tt.each, " events"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				h := &historian{each: tt.each, asked: func(string) {}}
				d := &Dispatcher{Store: tardyStore{new(MemoryStore)}}
				time.AfterFunc(time.Second/2, func() {
					if n := d.Pending(); n != tt.pending {
						t.Errorf("%d pending, want %d", n, tt.pending)
					}
				})
				h.run(t, ctx, d)
				if diff := cmp.Diff(tt.polls, h.polls); diff != "" {
					t.Errorf("polls (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(h.all("5", "6"), h.order); diff != "" {
					t.Errorf("handled (-want +got):\n%s", diff)
				}
				if first, second := h.times["5-0"], h.times["6-0"]; first != time.Second || second != 2*time.Second {
					t.Errorf("handled after %v and %v, before they are saved", first, second)
				}
				if n := d.Pending(); n != 0 {
					t.Errorf("%d pending in the end", n)
				}
			})
		})
	}
}

// TestPolledAheadCrash: events that a poll returned and that were not saved
// when the process died go to the next process, after the saved ones.
func TestPolledAheadCrash(t *testing.T) {
	for _, tt := range []struct {
		crash time.Duration
		poll  string // the first poll of the next run
		want  []string
	}{
		{time.Second / 2, "5 at 0s", []string{"5", "6"}},
		{3 * time.Second / 2, "6 at 0s", []string{"5", "6"}}, // it is not yet written that the events of 5 are done
		{5 * time.Second / 2, "7 at 0s", nil},
	} {
		t.Run(fmt.Sprint("after ", tt.crash), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run := func(s tardyStore) *historian {
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					h := &historian{each: minAhead, asked: func(string) {}}
					h.run(t, ctx, &Dispatcher{Store: s})
					return h
				}
				store, left := tardyStore{new(MemoryStore)}, make(chan tardyStore, 1)
				time.AfterFunc(tt.crash, func() { left <- store.copied(t) })
				run(store)
				h := run(<-left)
				if h.polls[0] != tt.poll {
					t.Errorf("the first poll is %s, want %s", h.polls[0], tt.poll)
				}
				if diff := cmp.Diff(h.all(tt.want...), h.order); diff != "" {
					t.Errorf("handled (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestPolledAheadStop: without a Store, events that a poll returned are handled
// even if the bot is stopped before their turn.
func TestPolledAheadStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := &historian{each: minAhead, asked: func(ts string) {
			if ts == "6" {
				cancel()
			}
		}}
		h.run(t, ctx, new(Dispatcher))
		if diff := cmp.Diff(h.all("5", "6"), h.order); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	})
}
