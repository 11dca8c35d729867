package fakevk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// A scene is a world with a community and two users: Anna, who has written to
// the community, and Boris, who has not.
type scene struct {
	*World
	t     testing.TB
	group Group
	anna  User
	boris User
}

func newScene(t testing.TB, cfg Config) *scene {
	t.Helper()
	if cfg.RPS == 0 {
		cfg.RPS = -1
	}
	w := New(cfg)
	s := &scene{World: w, t: t}
	s.group = w.AddGroup(GroupSpec{Name: "Bots", ScreenName: "botclub"})
	s.anna = w.AddUser(UserSpec{FirstName: "Anna", LastName: "Smith", ScreenName: "anna"})
	s.boris = w.AddUser(UserSpec{FirstName: "Boris", LastName: "Jones", ScreenName: "boris"})
	s.says("hi")
	return s
}

// says sends a message from Anna to the community.
func (s *scene) says(text string) Message {
	s.t.Helper()
	m, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: text})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// chat opens a chat with Anna, Boris and the community.
func (s *scene) chat(spec ChatSpec) Chat {
	spec.Members = append(spec.Members, s.anna.ID, s.boris.ID, -s.group.ID)
	return s.AddChat(spec)
}

// A reply is the response to a call.
type reply struct {
	Response json.RawMessage
	Error    *struct {
		Code    int            `json:"error_code"`
		Subcode int            `json:"error_subcode"`
		Msg     string         `json:"error_msg"`
		Params  []requestParam `json:"request_params"`
	}
	ExecuteErrors []executeError `json:"execute_errors"`
}

// call makes a call with the community's token in v 5.199; pairs override both.
func (s *scene) call(method string, pairs ...any) reply {
	s.t.Helper()
	form := url.Values{"v": {"5.199"}, "access_token": {s.group.Token}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i].(string), fmt.Sprint(pairs[i+1]))
	}
	r := httptest.NewRequest("POST", "/method/"+method, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rep := s.do(r)
	if rep.Error == nil && form.Get("v") == "5.199" {
		checkSchema(s.t, method, rep.Response)
	}
	return rep
}

func (s *scene) do(r *http.Request) reply {
	s.t.Helper()
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		s.t.Fatalf("%s: HTTP status %d", r.URL, rec.Code)
	}
	if ct := rec.Header().Get("Content-Type"); ct != "application/json; charset=utf-8" {
		s.t.Errorf("%s: Content-Type %q", r.URL, ct)
	}
	var rep reply
	if err := json.Unmarshal(rec.Body.Bytes(), &rep); err != nil {
		s.t.Fatalf("%s: %v\n%s", r.URL, err, rec.Body)
	}
	return rep
}

// ok makes a call that must succeed. If v is not nil, the response is decoded
// into it.
func (s *scene) ok(v any, method string, pairs ...any) {
	s.t.Helper()
	rep := s.call(method, pairs...)
	if rep.Error != nil {
		s.t.Fatalf("%s %v: %d %s", method, pairs, rep.Error.Code, rep.Error.Msg)
	}
	if v != nil {
		if err := json.Unmarshal(rep.Response, v); err != nil {
			s.t.Fatalf("%s: %v\n%s", method, err, rep.Response)
		}
	}
}

// fails makes a call that must fail with the given code and with a text that
// contains words.
func (s *scene) fails(code int, words, method string, pairs ...any) {
	s.t.Helper()
	rep := s.call(method, pairs...)
	noteRefusal(method, rep)
	switch {
	case rep.Error == nil:
		s.t.Errorf("%s %v = %s, want error %d", method, pairs, rep.Response, code)
	case rep.Error.Code != code || !strings.Contains(rep.Error.Msg, words):
		s.t.Errorf("%s %v: error %d %q, want %d with %q", method, pairs, rep.Error.Code, rep.Error.Msg, code, words)
	}
}

// writes sends a message from the community to Anna and returns it as she sees
// it.
func (s *scene) writes(pairs ...any) Message {
	s.t.Helper()
	s.ok(nil, "messages.send", append([]any{"peer_id", s.anna.ID, "random_id", 0}, pairs...)...)
	return s.last(s.anna.ID, -s.group.ID)
}

func (s *scene) last(viewer, peer int64) Message {
	s.t.Helper()
	ms := s.Messages(viewer, peer)
	if len(ms) == 0 {
		s.t.Fatal("no messages")
	}
	return ms[len(ms)-1]
}

// A poller is a minimal long poll client.
type poller struct {
	s      *scene
	Server string `json:"server"`
	Key    string `json:"key"`
	TS     string `json:"ts"`
}

type pollReply struct {
	Failed  int
	TS      json.RawMessage
	Updates []update
}

type update struct {
	Type    string          `json:"type"`
	GroupID int64           `json:"group_id"`
	EventID string          `json:"event_id"`
	V       string          `json:"v"`
	Object  json.RawMessage `json:"object"`
}

func (s *scene) poller() *poller {
	s.t.Helper()
	p := &poller{s: s}
	s.ok(p, "groups.getLongPollServer", "group_id", s.group.ID)
	return p
}

func (p *poller) request(wait int) *http.Request {
	q := url.Values{"act": {"a_check"}, "key": {p.Key}, "ts": {p.TS}, "wait": {strconv.Itoa(wait)}}
	return httptest.NewRequest("GET", p.Server+"?"+q.Encode(), nil)
}

// raw polls once and returns the raw response.
func (p *poller) raw(wait int) []byte {
	p.s.t.Helper()
	rec := httptest.NewRecorder()
	p.s.ServeHTTP(rec, p.request(wait))
	if rec.Code != http.StatusOK {
		p.s.t.Fatalf("poll: HTTP status %d", rec.Code)
	}
	return rec.Body.Bytes()
}

// poll polls once and stores the new ts.
func (p *poller) poll(wait int) pollReply {
	p.s.t.Helper()
	var r pollReply
	if err := json.Unmarshal(p.raw(wait), &r); err != nil {
		p.s.t.Fatal(err)
	}
	if len(r.TS) > 0 {
		p.TS = string(bytes.Trim(r.TS, `"`))
	}
	return r
}
