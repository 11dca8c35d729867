package fakevk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPollAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		p := s.poller()
		s.says("one")
		s.says("two")
		start := time.Now()
		r := p.poll(25)
		if d := time.Since(start); d != 0 {
			t.Errorf("waited %v although events were there", d)
		}
		if len(r.Updates) != 2 {
			t.Fatalf("%d updates, want 2", len(r.Updates))
		}
		for _, u := range r.Updates {
			if u.Type != "message_new" || u.GroupID != s.group.ID || u.V != "5.199" || len(u.EventID) != 40 {
				t.Errorf("got %+v", u)
			}
			checkEvent(t, u)
		}
		if r.Updates[0].EventID == r.Updates[1].EventID {
			t.Error("two events have one id")
		}
	})
}

func TestPollTimeout(t *testing.T) {
	tests := []struct {
		name string
		wait string
		want time.Duration
	}{
		{"as asked", "25", 25 * time.Second},
		{"none", "0", 0},
		{"default", "", 25 * time.Second},
		{"at most 90", "500", 90 * time.Second},
		{"negative", "-5", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, Config{})
				p := s.poller()
				start := time.Now()
				rec := httptest.NewRecorder()
				s.ServeHTTP(rec, httptest.NewRequest("POST", fmt.Sprintf("%s?act=a_check&key=%s&ts=%s&wait=%s", p.Server, p.Key, p.TS, tt.wait), nil))
				if d := time.Since(start); d != tt.want {
					t.Errorf("took %v, want %v", d, tt.want)
				}
				// The ts is a string, and the same as before.
				want := fmt.Sprintf(`{"ts":%q,"updates":[]}`, p.TS)
				if d := cmp.Diff(want, rec.Body.String()); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestPollsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		const n = 3 // every poll has its own cursor and gets the event
		got := make(chan pollReply, n)
		for range n {
			p := s.poller()
			go func() { got <- p.poll(25) }()
		}
		synctest.Wait()
		if polling := s.Polling(s.group.ID); polling != n || !s.AtHead(s.group.ID) {
			t.Errorf("%d polls wait, want %d", polling, n)
		}
		time.Sleep(10 * time.Second)
		s.says("now")
		start := time.Now()
		for range n {
			if r := <-got; len(r.Updates) != 1 {
				t.Errorf("%d updates, want 1", len(r.Updates))
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the event took %v", d)
		}
		if polling := s.Polling(s.group.ID); polling != 0 || s.AtHead(s.group.ID) {
			t.Errorf("%d polls still count as waiting", polling)
		}
	})
}

func TestPollEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(s *scene, cancel func())
		want string // in the response
	}{
		{"the client goes", func(s *scene, cancel func()) { cancel() }, "closed"},
		{"the world closes", func(s *scene, _ func()) { s.Close() }, "closed"},
		{"the key expires", func(s *scene, _ func()) { s.ExpireKey(s.group.ID) }, `{"failed":2}`},
		{"the session is lost", func(s *scene, _ func()) { s.ForgetSession(s.group.ID) }, `{"failed":3}`},
		{"long poll is switched off", func(s *scene, _ func()) {
			s.SetLongPoll(s.group.ID, LongPollSettings{Disabled: true})
		}, `{"failed":2}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, Config{})
				p := s.poller()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rec := httptest.NewRecorder()
				done := make(chan struct{})
				go func() {
					defer close(done)
					s.ServeHTTP(rec, p.request(25).WithContext(ctx))
				}()
				synctest.Wait()
				start := time.Now()
				tt.end(s, cancel)
				<-done
				if d := time.Since(start); d != 0 {
					t.Errorf("took %v", d)
				}
				if !strings.Contains(rec.Body.String(), tt.want) {
					t.Errorf("answer %q, want %q", rec.Body, tt.want)
				}
			})
		})
	}
}

func TestPollFailed(t *testing.T) {
	t.Run("1 after a gap", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			p := s.poller()
			for range pollHistory {
				s.says("x")
			}
			old := *p
			if r := p.poll(0); len(r.Updates) != pollHistory {
				t.Fatalf("%d updates, want all %d", len(r.Updates), pollHistory)
			}
			s.says("one more")
			if got, want := string(old.raw(0)), fmt.Sprintf(`{"failed":1,"ts":%d}`, 2+pollHistory+1); got != want {
				t.Errorf("got %s, want %s (the ts a number)", got, want)
			}
		})
	})
	t.Run("1 for a ts from the future", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			p := s.poller()
			head := p.TS
			for _, ts := range []string{"99999", "-1", "x", ""} {
				p.TS = ts
				if got, want := string(p.raw(0)), fmt.Sprintf(`{"failed":1,"ts":%s}`, head); got != want {
					t.Errorf("ts %q: got %s, want %s", ts, got, want)
				}
			}
		})
	})
	t.Run("2 after an hour, the history stays", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			p := s.poller()
			s.says("before")
			time.Sleep(time.Hour)
			if got := string(p.raw(0)); got != `{"failed":2}` {
				t.Fatalf("got %s", got)
			}
			// A new key with the old ts, as two of the real clients send it.
			p.Key = s.poller().Key
			if r := p.poll(0); len(r.Updates) != 1 {
				t.Errorf("%d updates, want 1", len(r.Updates))
			}
		})
	})
	t.Run("2 for a key never seen", func(t *testing.T) {
		s := newScene(t, Config{})
		p := s.poller()
		p.Key = "nonsense"
		if got := string(p.raw(0)); got != `{"failed":2}` {
			t.Errorf("got %s", got)
		}
	})
	t.Run("3 and the old ts is worth nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			p := s.poller()
			s.says("lost")
			s.ForgetSession(s.group.ID)
			if got := string(p.raw(0)); got != `{"failed":3}` {
				t.Fatalf("got %s", got)
			}
			fresh := s.poller()
			p.Key = fresh.Key
			if r := p.poll(0); r.Failed != 1 {
				t.Errorf("the old ts with the new key: %+v", r)
			}
			s.says("found")
			if r := fresh.poll(0); len(r.Updates) != 1 {
				t.Errorf("%+v", r)
			}
		})
	})
	t.Run("1 when history is lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, Config{})
			p := s.poller()
			s.says("lost")
			s.LosePollHistory(s.group.ID)
			if r := p.poll(0); r.Failed != 1 {
				t.Errorf("%+v", r)
			}
			s.says("found")
			if r := p.poll(0); len(r.Updates) != 1 {
				t.Errorf("with the ts of the failure: %+v", r)
			}
		})
	})
}

func TestDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		p := s.poller()
		check := func(acked, head int64) {
			t.Helper()
			if a, h := s.Delivered(s.group.ID); a != acked || h != head {
				t.Errorf("delivered %d of %d, want %d of %d", a, h, acked, head)
			}
		}
		p.poll(0)
		check(2, 2)
		s.says("x")
		check(2, 3)
		p.poll(0) // the client was sent the event but may have lost it
		check(2, 3)
		p.poll(0)
		check(3, 3)
	})
}

func TestLongPollSettings(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	var got struct {
		APIVersion string         `json:"api_version"`
		Enabled    bool           `json:"is_enabled"`
		Events     map[string]int `json:"events"`
	}
	s.ok(&got, "groups.getLongPollSettings", "group_id", s.group.ID)
	if got.APIVersion != "5.199" || !got.Enabled || len(got.Events) != len(eventNames) {
		t.Errorf("got %+v", got)
	}
	for name, on := range got.Events {
		off := name == "message_reply" || name == "message_edit" || name == "message_typing_state" || name == "message_read"
		if off != (on == 0) {
			t.Errorf("%s is %d by default", name, on)
		}
	}
	s.ok(nil, "groups.setLongPollSettings", "group_id", s.group.ID, "message_reply", "True", "message_new", 0, "api_version", "5.131")
	got.Events = nil
	s.ok(&got, "groups.getLongPollSettings", "group_id", s.group.ID)
	if got.APIVersion != "5.131" || !got.Enabled || got.Events["message_reply"] != 1 || got.Events["message_new"] != 0 || got.Events["group_join"] != 1 {
		t.Errorf("got %+v", got)
	}
	s.fails(100, "api_version", "groups.setLongPollSettings", "group_id", s.group.ID, "api_version", "4")
	s.fails(100, "boolean", "groups.setLongPollSettings", "group_id", s.group.ID, "message_new", "yes")
	s.fails(100, "group_id is undefined", "groups.getLongPollServer")
	s.fails(100, "positive", "groups.getLongPollServer", "group_id", -5)

	s.ok(nil, "groups.setLongPollSettings", "group_id", s.group.ID, "enabled", 0)
	s.fails(100, "longpoll for this group is not enabled", "groups.getLongPollServer", "group_id", s.group.ID)
}

func TestForeignGroup(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	other := s.AddGroup(GroupSpec{Admins: []int64{s.anna.ID}})
	s.fails(15, "Access denied", "groups.getLongPollServer", "group_id", other.ID)
	s.fails(100, "group_id", "groups.getLongPollServer", "group_id", 5)
	s.ok(nil, "groups.getLongPollServer", "group_id", other.ID, "access_token", s.AddUserToken(s.anna.ID))
	s.fails(15, "Access denied", "groups.getLongPollServer", "group_id", other.ID, "access_token", s.AddUserToken(s.boris.ID))
}

// TestSwitchedOffEvents checks that an event that is off takes no number.
func TestSwitchedOffEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		p := s.poller()
		s.writes("message", "off by default")
		if r := p.poll(0); len(r.Updates) != 0 {
			t.Errorf("got %+v", r.Updates)
		}
		s.SetLongPoll(s.group.ID, LongPollSettings{Events: map[string]bool{
			"message_reply": true, "message_edit": true, "message_typing_state": true, "message_read": true}})
		m := s.writes("message", "hello", "random_id", 77)
		s.ok(nil, "messages.edit", "peer_id", s.anna.ID, "cmid", m.CMID, "message", "bye")
		if err := s.Type(s.anna.ID, -s.group.ID, "typing"); err != nil {
			t.Fatal(err)
		}
		if err := s.Read(s.anna.ID, -s.group.ID, m.CMID); err != nil {
			t.Fatal(err)
		}
		var types []string
		r := p.poll(0)
		for _, u := range r.Updates {
			types = append(types, u.Type)
			checkEvent(t, u)
		}
		if d := cmp.Diff([]string{"message_reply", "message_edit", "message_typing_state", "message_read"}, types); d != "" {
			t.Fatal(d)
		}
		var reply wireMessage
		json.Unmarshal(r.Updates[0].Object, &reply)
		if reply.Out != 1 || reply.RandomID != 77 || reply.FromID != -s.group.ID {
			t.Errorf("message_reply: %+v", reply)
		}
	})
}

func TestEventVersions(t *testing.T) {
	tests := []struct {
		version string
		keys    string // of the object, one of them
	}{
		{"5.199", "client_info"},
		{"5.103", "client_info"},
		{"5.101", "from_id"},
		{"5.80", "warning"},
	}
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			s := newScene(t, Config{})
			s.SetLongPoll(s.group.ID, LongPollSettings{APIVersion: tt.version})
			p := s.poller()
			s.says("x")
			r := p.poll(0)
			var object map[string]json.RawMessage
			json.Unmarshal(r.Updates[0].Object, &object)
			if _, ok := object[tt.keys]; !ok || r.Updates[0].V != tt.version {
				t.Errorf("v %s, object %s", r.Updates[0].V, r.Updates[0].Object)
			}
		})
	}
}

func TestBadPolls(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for target, want := range map[string]int{
		"/lp/x?act=a_check":                        http.StatusBadRequest,
		fmt.Sprintf("/lp/%d", s.group.ID):          http.StatusBadRequest,
		fmt.Sprintf("/lp/%d?act=x", s.group.ID):    http.StatusBadRequest,
		"/lp/1?act=a_check&wait=0&ts=1&key=x":      http.StatusOK, // failed 2
		"/lp/1/2?act=a_check&wait=0&ts=1&key=x":    http.StatusNotFound,
		"/lp/99999999999999999999999?act=a_check&": http.StatusBadRequest,
	} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest("GET", target, nil))
		if rec.Code != want {
			t.Errorf("%s: HTTP status %d, want %d", target, rec.Code, want)
		}
	}
}

// TestSockets runs the server on a real socket: a poll ends when its client
// disconnects, and the server can then be closed.
func TestSockets(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	srv := httptest.NewServer(s.World)
	defer srv.Close()
	defer s.Close()
	resp, err := srv.Client().PostForm(srv.URL+"/method/groups.getLongPollServer", url.Values{
		"v": {"5.199"}, "access_token": {s.group.Token}, "group_id": {fmt.Sprint(s.group.ID)}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Response poller }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	p := got.Response
	if !strings.HasPrefix(p.Server, srv.URL+"/lp/") || strings.Contains(p.Server, "?") {
		t.Fatalf("server %q", p.Server)
	}
	ctx, cancel := context.WithCancel(t.Context())
	// An empty POST with a body of unknown type, as one of the real clients
	// sends it.
	target := fmt.Sprintf("%s?act=a_check&key=%s&ts=%s&wait=25&rps_delay=0", p.Server, p.Key, p.TS)
	req, _ := http.NewRequestWithContext(ctx, "POST", target, nil)
	req.Header.Set("Content-Type", "application/octet-stream")
	done := make(chan error, 1)
	go func() {
		resp, err := srv.Client().Do(req)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		done <- err
	}()
	s.await(func() bool { return s.Polling(s.group.ID) == 1 })
	cancel()
	if err := <-done; err == nil {
		t.Error("the poll was answered after it was canceled")
	}
	s.await(func() bool { return s.Polling(s.group.ID) == 0 })
}

// await waits until ok returns true.
func (s *scene) await(ok func() bool) {
	for {
		changed := s.Changed()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-s.t.Context().Done():
			s.t.Fatal("the world did not come to it")
		}
	}
}

// TestPollWait checks the forms in which clients send the duration of a poll.
func TestPollWait(t *testing.T) {
	for sent, want := range map[string]time.Duration{
		"": pollWait, "x": pollWait, "NaN": pollWait,
		"0": 0, "-1": 0, "-Inf": 0, "0.5": 0,
		"1": 1, "10.0": 10, "25": 25, "2.5": 2, "1e1": 10,
		"90": pollWaitMax, "91": pollWaitMax, "1e300": pollWaitMax, "99999999999999999999": pollWaitMax, "Inf": pollWaitMax,
	} {
		r := httptest.NewRequest("GET", "/lp/1?wait="+sent, nil)
		if got := waitOf(r); got != want*time.Second {
			t.Errorf("wait=%s: %v", sent, got)
		}
	}
}
