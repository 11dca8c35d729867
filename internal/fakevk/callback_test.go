package fakevk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A webhook is a bot's server without a network. It records requests and
// returns the configured responses.
type webhook struct {
	mu     sync.Mutex
	got    []hook
	answer func(h hook) (status int, body string, header http.Header)
}

type hook struct {
	Type    string
	GroupID int64  `json:"group_id"`
	EventID string `json:"event_id"`
	V       string
	Secret  string
	Object  struct{ Message struct{ Text string } }

	at     time.Duration // since the first request
	header http.Header
	body   string
}

var bootTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of a bubble

func (b *webhook) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h := hook{header: r.Header, at: time.Since(bootTime), body: string(body)}
	json.Unmarshal(body, &h)
	b.mu.Lock()
	b.got = append(b.got, h)
	f := b.answer
	b.mu.Unlock()
	status, answer, header := f(h)
	rec := httptest.NewRecorder()
	for k, v := range header {
		rec.Header()[k] = v
	}
	rec.WriteHeader(status)
	io.WriteString(rec, answer)
	return rec.Result(), nil
}

// becomes changes the webhook's responses.
func (b *webhook) becomes(answer func(hook) (int, string, http.Header)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

func (b *webhook) list() []hook {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]hook(nil), b.got...)
}

// hooked runs f with a scene and a confirmed webhook.
func hooked(t *testing.T, spec CallbackSpec, f func(t *testing.T, s *scene, b *webhook)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &webhook{answer: always(200, "ok")}
		s := newScene(t, Config{CallbackClient: &http.Client{Transport: b}})
		defer s.Close()
		spec.URL, spec.Confirmed = "https://bot.test/cb", true
		s.AddCallback(s.group.ID, spec)
		f(t, s, b)
	})
}

func always(status int, body string) func(hook) (int, string, http.Header) {
	return func(hook) (int, string, http.Header) { return status, body, nil }
}

func TestCallback(t *testing.T) {
	hooked(t, CallbackSpec{Secret: "hush"}, func(t *testing.T, s *scene, b *webhook) {
		p := s.poller()
		s.says("one")
		s.says("two")
		s.writes("message", "an answer") // message_reply is off
		synctest.Wait()
		got := b.list()
		if len(got) != 2 {
			t.Fatalf("%d requests, want 2: one for each event", len(got))
		}
		h := got[0]
		if h.Type != "message_new" || h.GroupID != s.group.ID || h.V != "5.199" || h.Secret != "hush" ||
			h.Object.Message.Text != "one" || h.header.Get("Content-Type") != "application/json" || h.header.Get("X-Retry-Counter") != "" {
			t.Errorf("got %+v", h)
		}
		// Long poll has the same event with the same id and without the secret.
		polled := p.poll(0).Updates
		if len(polled) != 2 || polled[0].EventID != h.EventID {
			t.Errorf("long poll: %+v", polled)
		}
		d := s.Deliveries(s.group.ID)
		if len(d) != 2 || !d[0].OK || d[0].Status != 200 || d[0].Answer != "ok" || d[0].Attempt != 1 || d[0].EventID != h.EventID {
			t.Errorf("recorded %v", d)
		}
		if cb := s.Callbacks(s.group.ID); len(cb) != 1 || cb[0].Waiting != 0 || cb[0].Status != "ok" {
			t.Errorf("got %+v", cb)
		}
	})
}

func TestCallbackSwitches(t *testing.T) {
	hooked(t, CallbackSpec{Events: map[string]bool{"message_new": false, "message_reply": true}, APIVersion: "5.90"}, func(t *testing.T, s *scene, b *webhook) {
		s.says("one")
		s.writes("message", "an answer")
		s.ok(nil, "groups.setCallbackSettings", "group_id", s.group.ID, "server_id", 1, "message_new", 1, "api_version", "5.199")
		s.says("two")
		synctest.Wait()
		var got []string
		for _, h := range b.list() {
			got = append(got, h.Type+" "+h.V)
		}
		if d := cmp.Diff([]string{"message_reply 5.90", "message_new 5.199"}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestCallbackConfirmation(t *testing.T) {
	tests := []struct {
		name   string
		answer func(code string) (int, string)
		status string
	}{
		{"right", func(code string) (int, string) { return 200, code }, "ok"},
		{"with a newline", func(code string) (int, string) { return 200, code + "\n" }, "failed"},
		{"in quotes", func(code string) (int, string) { return 200, `"` + code + `"` }, "failed"},
		{"ok", func(code string) (int, string) { return 200, "ok" }, "failed"},
		{"another status", func(code string) (int, string) { return 201, code }, "failed"},
		{"forbidden", func(code string) (int, string) { return 403, "" }, "failed"},
		{"redirect", func(code string) (int, string) { return 302, "" }, "failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &webhook{}
				s := newScene(t, Config{CallbackClient: &http.Client{Transport: b}})
				defer s.Close()
				code := s.ConfirmationCode(s.group.ID)
				asked := make(chan struct{}) // the webhook responds slowly
				b.answer = func(h hook) (int, string, http.Header) {
					if h.Type != "confirmation" {
						return 200, "ok", nil
					}
					<-asked
					status, body := tt.answer(code)
					return status, body, http.Header{"Location": {"https://bot.test/elsewhere"}}
				}
				s.AddCallback(s.group.ID, CallbackSpec{URL: "https://bot.test/cb", Secret: "hush"})
				if cb := s.Callbacks(s.group.ID); cb[0].Status != "wait" {
					t.Errorf("status %s, want wait", cb[0].Status)
				}
				s.says("one") // meanwhile
				close(asked)
				synctest.Wait()
				if cb := s.Callbacks(s.group.ID); cb[0].Status != tt.status {
					t.Errorf("status %s, want %s", cb[0].Status, tt.status)
				}
				s.says("two")
				synctest.Wait()
				got := b.list()
				if want := fmt.Sprintf(`{"group_id":%d,"type":"confirmation","secret":"hush"}`, s.group.ID); got[0].body != want {
					t.Errorf("got %s, want %s", got[0].body, want)
				}
				if want := map[string]int{"ok": 3, "failed": 1}[tt.status]; len(got) != want {
					t.Errorf("%d requests, want %d", len(got), want)
				}
			})
		})
	}
}

func TestConfirmWithoutSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &webhook{answer: always(200, "")}
		s := newScene(t, Config{CallbackClient: &http.Client{Transport: b}, Readings: Readings{ConfirmWithoutSecret: true}})
		defer s.Close()
		s.AddCallback(s.group.ID, CallbackSpec{URL: "https://bot.test/cb", Secret: "hush"})
		synctest.Wait()
		if want := fmt.Sprintf(`{"group_id":%d,"type":"confirmation"}`, s.group.ID); len(b.list()) != 1 || b.list()[0].body != want {
			t.Errorf("got %+v, want %s", b.list(), want)
		}
	})
}

func TestCallbackMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &webhook{}
		s := newScene(t, Config{CallbackClient: &http.Client{Transport: b}})
		defer s.Close()
		var code struct{ Code string }
		s.ok(&code, "groups.getCallbackConfirmationCode", "group_id", s.group.ID)
		if code.Code == s.ConfirmationCode(s.group.ID) || len(code.Code) != 8 {
			t.Errorf("code %q differs from that of the API", code.Code)
		}
		b.answer = func(h hook) (int, string, http.Header) {
			if h.Type == "confirmation" {
				return 200, code.Code, nil
			}
			return 200, "ok", nil
		}
		g := []any{"group_id", s.group.ID}
		with := func(more ...any) []any { return append(g[:2:2], more...) }
		s.fails(100, "url is undefined", "groups.addCallbackServer", g...)
		s.fails(100, "url is invalid", "groups.addCallbackServer", with("url", "bot", "title", "bot")...)
		s.fails(100, "title is too long", "groups.addCallbackServer", with("url", "https://bot.test", "title", strings.Repeat("я", 15))...)
		s.fails(100, "secret_key is too long", "groups.addCallbackServer", with("url", "https://bot.test", "title", "b", "secret_key", strings.Repeat("k", 51))...)
		s.fails(15, "", "groups.addCallbackServer", with("access_token", s.AddGroupToken(s.group.ID, "messages"))...)
		var added struct {
			ID int64 `json:"server_id"`
		}
		s.ok(&added, "groups.addCallbackServer", with("url", "https://bot.test", "title", strings.Repeat("я", 14), "secret_key", "k")...)
		synctest.Wait()
		var list struct {
			Count int
			Items []struct {
				ID     int64
				Status string
			}
		}
		s.ok(&list, "groups.getCallbackServers", g...)
		if list.Count != 1 || list.Items[0].ID != added.ID || list.Items[0].Status != "ok" {
			t.Errorf("got %+v", list)
		}
		s.ok(&list, "groups.getCallbackServers", with("server_ids", "77")...)
		if list.Count != 0 {
			t.Errorf("got %+v", list)
		}
		s.fails(100, "server_id is required", "groups.getCallbackSettings", g...)
		s.fails(104, "", "groups.getCallbackSettings", with("server_id", 77)...)
		var settings struct {
			Events map[string]int
		}
		s.ok(&settings, "groups.getCallbackSettings", with("server_id", added.ID)...)
		if len(settings.Events) != len(eventNames) || settings.Events["message_new"] != 0 {
			t.Errorf("got %+v: a new server gets nothing", settings)
		}
		s.says("unheard")
		s.fails(100, "api_version is invalid", "groups.setCallbackSettings", with("server_id", added.ID, "api_version", "5.1")...)
		s.ok(nil, "groups.setCallbackSettings", with("server_id", added.ID, "message_new", 1)...)
		s.says("heard")
		synctest.Wait()
		if got := b.list(); len(got) != 2 || got[1].Object.Message.Text != "heard" || got[1].Secret != "k" {
			t.Errorf("got %+v", got)
		}
		code.Code = "wrong"
		s.ok(nil, "groups.editCallbackServer", with("server_id", added.ID, "url", "https://bot.test/2", "title", "b")...)
		synctest.Wait()
		if cb := s.Callbacks(s.group.ID)[0]; cb.Status != "failed" || cb.URL != "https://bot.test/2" || cb.Secret != "" {
			t.Errorf("got %+v", cb)
		}
		for range maxCallbacks - 1 {
			s.AddCallback(s.group.ID, CallbackSpec{})
		}
		s.ok(&list, "groups.getCallbackServers", g...)
		if list.Count != 10 || list.Items[9].Status != "unconfigured" {
			t.Errorf("got %+v", list)
		}
		s.fails(2000, "Servers number limit is reached", "groups.addCallbackServer", with("url", "https://bot.test", "title", "b")...)
		s.ok(nil, "groups.deleteCallbackServer", with("server_id", added.ID)...)
		s.fails(104, "", "groups.deleteCallbackServer", with("server_id", added.ID)...)
	})
}

// TestCallbackOverSockets delivers over real sockets.
func TestCallbackOverSockets(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	code := s.ConfirmationCode(s.group.ID)
	got := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var h hook
		if err := json.NewDecoder(r.Body).Decode(&h); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if got <- h.Type; h.Type == "confirmation" {
			io.WriteString(rw, code)
			return
		}
		io.WriteString(rw, "ok")
	}))
	defer srv.Close()
	defer s.Close()
	s.AddCallback(s.group.ID, CallbackSpec{URL: srv.URL})
	s.says("one")
	for _, want := range []string{"confirmation", "message_new"} {
		if h := <-got; h != want {
			t.Errorf("got %s, want %s", h, want)
		}
	}
}
