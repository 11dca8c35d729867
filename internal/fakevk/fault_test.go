package fakevk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hitsOf makes n calls and reports for each whether a fault hit it.
func (s *scene) hitsOf(n int, method string, pairs ...any) []bool {
	s.t.Helper()
	var out []bool
	for range n {
		out = append(out, s.call(method, pairs...).Error != nil)
	}
	return out
}

func TestFaultSelects(t *testing.T) {
	t.Parallel()
	const x = true
	e := APIError{Code: 10}
	tests := []struct {
		name  string
		fault Fault
		call  string
		want  []bool
	}{
		{"all", Fault{Effect: e}, "utils.getServerTime", []bool{x, x, x, x}},
		{"star", Fault{On: OnAll, Effect: e}, "utils.getServerTime", []bool{x, x, x, x}},
		{"method", Fault{On: "utils.getServerTime", Effect: e}, "utils.getServerTime", []bool{x, x, x, x}},
		{"another method", Fault{On: "users.get", Effect: e}, "utils.getServerTime", []bool{false, false, false, false}},
		{"section", Fault{On: "utils.*", Effect: e}, "utils.getServerTime", []bool{x, x, x, x}},
		{"another section", Fault{On: "users.*", Effect: e}, "utils.getServerTime", []bool{false, false, false, false}},
		{"another place", Fault{On: OnLongPoll, Effect: HTTPStatus{}}, "utils.getServerTime", []bool{false, false, false, false}},
		{"times", Fault{Times: 2, Effect: e}, "utils.getServerTime", []bool{x, x, false, false}},
		{"the third", Fault{Skip: 2, Times: 1, Effect: e}, "utils.getServerTime", []bool{false, false, x, false}},
		{"group", Fault{Group: firstGroup, Effect: e}, "utils.getServerTime", []bool{x, x, x, x}},
		{"another group", Fault{Group: 1, Effect: e}, "utils.getServerTime", []bool{false, false, false, false}},
		{"peer", Fault{Peer: firstUser, Effect: e}, "messages.getHistory", []bool{x, x, x, x}},
		{"another peer", Fault{Peer: firstUser + 1, Effect: e}, "messages.getHistory", []bool{false, false, false, false}},
		{"match", Fault{Match: func(o Occasion) bool { return o.Params["v"] == "5.199" && o.On == "users.get" }, Effect: e}, "users.get", []bool{x, x, x, x}},
		{"no match", Fault{Match: func(o Occasion) bool { return false }, Effect: e}, "users.get", []bool{false, false, false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, Config{})
			i := s.Fail(tt.fault)
			got := s.hitsOf(len(tt.want), tt.call, "peer_id", s.anna.ID)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			n := 0
			for _, hit := range tt.want {
				n += boolInt(hit)
			}
			if i.Hits() != n {
				t.Errorf("%d hits, want %d", i.Hits(), n)
			}
		})
	}
}

func TestFaultPeers(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	i := s.Fail(Fault{Peer: chat.PeerID, Effect: APIError{Code: 9}})
	s.fails(9, "Flood control", "messages.send", "random_id", 1, "message", "x", "chat_id", 1)
	s.fails(9, "", "messages.send", "random_id", 2, "message", "x", "peer_ids", fmt.Sprint(s.anna.ID, ",", chat.PeerID))
	s.ok(nil, "messages.send", "random_id", 3, "message", "x", "peer_ids", s.anna.ID)
	if i.Hits() != 2 {
		t.Errorf("%d hits, want 2", i.Hits())
	}
}

func TestFaultChance(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []bool {
		s := newScene(t, Config{Seed: seed})
		s.Fail(Fault{Chance: 0.3, Effect: APIError{Code: 10}})
		return s.hitsOf(200, "utils.getServerTime")
	}
	got := run(1)
	n := 0
	for _, hit := range got {
		n += boolInt(hit)
	}
	if n < 40 || n > 80 {
		t.Errorf("%d of 200 were hit, want about 60", n)
	}
	if d := cmp.Diff(got, run(1)); d != "" {
		t.Error("the same seed gave other random numbers:", d)
	}
	if cmp.Equal(got, run(2)) {
		t.Error("another seed gave the same random numbers")
	}
}

func TestFaultWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		i := s.Fail(Fault{After: time.Minute, For: time.Minute, Effect: APIError{Code: 10}})
		for minute, want := range []bool{false, true, false} {
			if hit := s.call("utils.getServerTime").Error != nil; hit != want {
				t.Errorf("minute %d: hit %v, want %v", minute, hit, want)
			}
			if spent := i.Spent(); spent != (minute == 2) {
				t.Errorf("minute %d: spent %v", minute, spent)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestFaultRemoval(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	one := s.Fail(Fault{Effect: APIError{Code: 10}})
	s.Fail(Fault{Effect: APIError{Code: 9}})
	s.fails(10, "Internal server error", "utils.getServerTime")
	one.Remove()
	if !one.Spent() {
		t.Error("a removed fault is not spent")
	}
	s.fails(9, "", "utils.getServerTime")
	s.ClearFaults()
	s.ok(nil, "utils.getServerTime")
}

func TestFaultNonsense(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for name, f := range map[string]Fault{
		"no effect":          {},
		"no code":            {Effect: APIError{}},
		"no such failure":    {Effect: PollFailed{Code: 5}},
		"poison is not JSON": {Effect: Poison{json.RawMessage("{")}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			s.Fail(f)
		})
	}
}

func TestFaultAPIError(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.Fail(Fault{Times: 1, Effect: APIError{Code: 17, Extra: map[string]any{"redirect_uri": "https://m.vk.ru/login"}}})
	rec := s.call("messages.send", "peer_id", s.anna.ID, "message", "x", "random_id", 1)
	if rec.Error == nil || rec.Error.Msg != "Validation required: please open redirect_uri in browser" || len(rec.Error.Params) == 0 {
		t.Errorf("got %+v", rec.Error)
	}
	if n := len(s.Messages(s.anna.ID, -s.group.ID)); n != 1 {
		t.Errorf("%d messages: the call was done all the same", n)
	}
	if c := s.Calls("messages.send"); len(c) != 1 || c[0].Error.Code != 17 || c[0].Owner != -s.group.ID {
		t.Errorf("recorded %+v", c)
	}
	s.Fail(Fault{Times: 1, Effect: APIError{Code: 4242, Subcode: 7, Msg: "Something new"}})
	if e := s.call("users.get").Error; e.Code != 4242 || e.Subcode != 7 || e.Msg != "Something new" {
		t.Errorf("got %+v", e)
	}
}

func TestFaultCaptcha(t *testing.T) {
	t.Parallel()
	overMem(t, Config{}, func(t *testing.T, c *client) {
		for _, isNew := range []bool{false, true} {
			i := c.Fail(Fault{On: "users.get", Effect: Captcha{Key: "solved", New: isNew}})
			var a struct {
				Error struct {
					Code int    `json:"error_code"`
					SID  string `json:"captcha_sid"`
					URI  string `json:"redirect_uri"`
				}
			}
			json.Unmarshal([]byte(c.post("users.get").body), &a)
			if a.Error.Code != 14 || (a.Error.SID == "") != isNew || (a.Error.URI == "") == isNew {
				t.Errorf("new %v: got %+v", isNew, a)
			}
			wrong, right := c.post("users.get", "captcha_sid", a.Error.SID, "captcha_key", "guess"), answer{}
			if isNew {
				right = c.post("users.get", "success_token", "solved")
			} else {
				right = c.post("users.get", "captcha_sid", a.Error.SID, "captcha_key", "solved")
			}
			if i.Hits() != 2 || right.body != `{"response":[]}` {
				t.Errorf("new %v: %d hits\n%s\n%s", isNew, i.Hits(), wrong.body, right.body)
			}
			c.ClearFaults()
		}
	})
}

func TestFaultHTTPStatus(t *testing.T) {
	overBoth(t, Config{}, func(t *testing.T, c *client) {
		c.Fail(Fault{Times: 1, Effect: HTTPStatus{}})
		if a := c.post("utils.getServerTime"); a.status != 502 || a.header.Get("Content-Type") != "text/html" || a.body == "" {
			t.Errorf("got %+v", a)
		}
		c.Fail(Fault{Times: 1, Effect: HTTPStatus{Status: 503, ContentType: "text/plain", Body: "later", Header: http.Header{"retry-after": {"3"}}}})
		if a := c.post("utils.getServerTime"); a.status != 503 || a.body != "later" || a.header.Get("Retry-After") != "3" || a.header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %+v", a)
		}
		if n := len(c.Calls("")); n != 0 {
			t.Errorf("%d calls were done", n)
		}
	})
}

func TestFaultResets(t *testing.T) {
	overBoth(t, Config{}, func(t *testing.T, c *client) {
		send := func(id string) answer {
			return c.post("messages.send", "peer_id", fmt.Sprint(c.anna.ID), "message", "x", "random_id", id)
		}
		c.Fail(Fault{Times: 1, Effect: ResetBefore{}})
		if a := send("1"); !isReset(a.err) || len(c.Calls("")) != 0 {
			t.Errorf("before: %v, %d calls", a.err, len(c.Calls("")))
		}
		c.Fail(Fault{Times: 1, Effect: ResetAfter{}})
		if a := send("2"); !isReset(a.err) || len(c.Calls("")) != 1 {
			t.Errorf("after: %v, %d calls", a.err, len(c.Calls("")))
		}
		send("2") // the response was lost; VK knows the message
		if n := len(c.Messages(c.anna.ID, -c.group.ID)); n != 2 {
			t.Errorf("%d messages, want Anna's and one", n)
		}
	})
}

func TestFaultBodies(t *testing.T) {
	const timeCall = "utils.getServerTime"
	tests := []struct {
		name   string
		effect Effect
		method string
		check  func(a, good answer) bool
	}{
		{"truncated", Truncate{}, timeCall, func(a, good answer) bool {
			return a.err != nil && a.body == good.body[:len(good.body)/2]
		}},
		{"truncated after 3", Truncate{Keep: 3}, timeCall, func(a, good answer) bool {
			return a.err != nil && a.body == good.body[:3]
		}},
		{"truncated after the header", Truncate{Keep: -1}, timeCall, func(a, good answer) bool {
			return a.err != nil && a.status == 200 && a.body == ""
		}},
		{"empty", EmptyBody{}, timeCall, func(a, good answer) bool { return a.err == nil && a.status == 200 && a.body == "" }},
		{"bad JSON", BadJSON{}, timeCall, func(a, good answer) bool {
			return a.err == nil && a.body != "" && !json.Valid([]byte(a.body))
		}},
		{"bad JSON in gzip", BadJSON{}, "groups.getById", func(a, good answer) bool {
			return a.err == nil && a.body != "" && !json.Valid([]byte(a.body))
		}},
		{"wrong type", WrongType{}, timeCall, func(a, good answer) bool {
			return a.body == good.body && a.header.Get("Content-Type") == "text/html; charset=windows-1251"
		}},
		{"another wrong type", WrongType{"application/octet-stream"}, timeCall, func(a, good answer) bool {
			return a.body == good.body && a.header.Get("Content-Type") == "application/octet-stream"
		}},
		{"cut gzip", CutGzip{}, "groups.getById", func(a, good answer) bool { return a.err != nil && a.status == 200 }},
		{"cut gzip of little", CutGzip{}, timeCall, func(a, good answer) bool { return a.err != nil && a.status == 200 }},
		{"huge", Huge{Bytes: 1 << 20}, timeCall, func(a, good answer) bool {
			return a.err == nil && len(a.body) > 1<<20 && json.Valid([]byte(a.body))
		}},
		{"gzip bomb", Huge{Bytes: 1 << 20, Gzip: true}, "groups.getById", func(a, good answer) bool {
			return a.err == nil && len(a.body) > 1<<20 && json.Valid([]byte(a.body))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overBoth(t, Config{}, func(t *testing.T, c *client) {
				good := c.post(tt.method)
				c.Fail(Fault{Times: 1, Effect: tt.effect})
				if a := c.post(tt.method); !tt.check(a, good) {
					t.Errorf("got %d %v %.200q %v", a.status, a.header, a.body, a.err)
				}
				if a := c.post(tt.method); a.err != nil || a.status != 200 {
					t.Errorf("afterwards: %+v", a)
				}
				if n := len(c.Calls(tt.method)); n != 3 {
					t.Errorf("%d calls were done, want 3", n)
				}
			})
		})
	}
}

func TestFaultTimes(t *testing.T) {
	tests := []struct {
		name   string
		fault  Fault
		during int // calls finished at half time
	}{
		{"delay", Fault{Delay: 10 * time.Second}, 0},
		{"stall", Fault{Effect: Stall{10 * time.Second}}, 1},
		{"slow body", Fault{Effect: SlowBody{10 * time.Second}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMem(t, Config{}, func(t *testing.T, c *client) {
				c.Fail(tt.fault)
				time.AfterFunc(5*time.Second, func() {
					if n := len(c.Calls("")); n != tt.during {
						t.Errorf("%d calls were done after five seconds, want %d", n, tt.during)
					}
				})
				a := c.post("utils.getServerTime")
				if a.took != 10*time.Second || !json.Valid([]byte(a.body)) {
					t.Errorf("got %+v", a)
				}
			})
		})
		t.Run(tt.name+" ends with the world", func(t *testing.T) {
			overMem(t, Config{}, func(t *testing.T, c *client) {
				c.Fail(tt.fault)
				time.AfterFunc(time.Second, c.Close)
				if a := c.post("utils.getServerTime"); a.took != time.Second {
					t.Errorf("took %v", a.took)
				}
			})
		})
	}
}

func TestFaultDelaysAddUp(t *testing.T) {
	overMem(t, Config{}, func(t *testing.T, c *client) {
		c.Fail(Fault{Delay: 2 * time.Second})
		c.Fail(Fault{Delay: time.Second, Effect: HTTPStatus{Status: 500}})
		if a := c.post("utils.getServerTime"); a.took != 3*time.Second || a.status != 500 {
			t.Errorf("took %v, status %d", a.took, a.status)
		}
	})
}

func TestFaultPollFailed(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		1: `{"failed":1,"ts":3}`, 2: `{"failed":2}`, 3: `{"failed":3}`,
		4: `{"failed":4,"min_version":1,"max_version":19}`,
	} {
		s := newScene(t, Config{})
		p := s.poller()
		s.says("two")
		s.Fail(Fault{Times: 1, Effect: PollFailed{Code: code}})
		if got := string(p.raw(0)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if n := len(p.poll(0).Updates); n != 1 {
			t.Errorf("afterwards %d updates, want 1", n)
		}
	}
}

func TestFaultOnPoll(t *testing.T) {
	overMem(t, Config{}, func(t *testing.T, c *client) {
		p := c.poller()
		p.Server = c.base + "/lp/" + fmt.Sprint(c.group.ID)
		c.says("two")
		poll := func() answer {
			r := p.request(25)
			r.RequestURI = ""
			return c.fetch(r)
		}
		c.Fail(Fault{On: OnLongPoll, Group: c.group.ID, Times: 1, Effect: BadJSON{}})
		if a := poll(); json.Valid([]byte(a.body)) {
			t.Errorf("got %s", a.body)
		}
		if a := poll(); !json.Valid([]byte(a.body)) {
			t.Errorf("the answer is gone: got %s", a.body)
		}
	})
}

func TestFaultOverRecorder(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.Fail(Fault{Effect: ResetBefore{}})
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("got %v, want http.ErrAbortHandler", err)
		}
	}()
	s.call("utils.getServerTime")
}

func TestClockOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{ClockOffset: time.Hour})
		p := s.poller()
		check := func(want time.Duration) {
			t.Helper()
			var server int64
			s.ok(&server, "utils.getServerTime")
			s.says("hi")
			var o struct{ Message struct{ Date int64 } }
			json.Unmarshal(p.poll(0).Updates[0].Object, &o)
			if now := time.Now().Add(want).Unix(); server != now || o.Message.Date != now {
				t.Errorf("server time %d, date %d, want %d", server, o.Message.Date, now)
			}
		}
		check(time.Hour)
		s.SetClock(-24 * time.Hour)
		check(-24 * time.Hour)
	})
}
