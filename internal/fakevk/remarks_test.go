package fakevk

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/vkfacts"
)

// TestUnknownMethods checks that the kind of the token is checked before the
// name of the method.
func TestUnknownMethods(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	user, service := s.AddUserToken(s.anna.ID), s.AddServiceToken()
	for _, tt := range []struct {
		method, token string
		code          int
		words         string
	}{
		{"apps.get", s.group.Token, 27, "method is unavailable with group auth."},
		{"account.ban", service, 28, "method is unavailable with service token."},
		{"appWidgets.update", user, 15, "method is unavailable with user auth."},
		{"apps.get", user, 3, "Unknown method passed: vktest does not have apps.get"},
		{"no.such", s.group.Token, 3, "Unknown method passed"},
		{"messages.shout", user, 3, "Unknown method passed"},
	} {
		s.fails(tt.code, tt.words, tt.method, "access_token", tt.token)
	}
	rep := s.call("execute", "code", `return [API.apps.get(), API.no.such()];`)
	var codes []int
	for _, e := range rep.ExecuteErrors {
		codes = append(codes, e.Code)
	}
	if !slices.Equal(codes, []int{27, 3}) {
		t.Errorf("got %+v", rep.ExecuteErrors)
	}
}

// TestFactsAgree checks that the schema and the fake agree on the tokens of
// each method.
func TestFactsAgree(t *testing.T) {
	t.Parallel()
	for _, name := range Methods() {
		m, known := vkfacts.Lookup(name)
		if !known {
			t.Errorf("the schema has no %s", name)
			continue
		}
		for kind, letter := range tokenFacts {
			if here := methods[name].tokens&kind != 0; here != m.May(letter) {
				t.Errorf("%s: a token of kind %c may call it: here %v, by the schema %v", name, letter, here, m.May(letter))
			}
		}
	}
}

// TestRemarks checks that each remark is made once, and that there is none
// about parameters that VK accepts.
func TestRemarks(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	s := newScene(t, Config{OnRemark: func(text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text)
	}})
	for range 2 {
		s.writes("message", "x", "keybord", "{}", "lang", "ru", "captcha_sid", 1)
	}
	s.ok(nil, "execute", "code", `return API.users.get({"user_id": 1, "fields": "sex"});`, "anything", 1)
	s.fails(3, "", "apps.get", "access_token", s.AddUserToken(s.anna.ID), "user", 1)
	s.fails(27, "", "apps.get", "user", 1)
	for range 2 {
		s.fails(3, "", "messages.noSuch", "user", 1)
	}
	s.ok(nil, "execute", "code", `return API.messages.none();`)
	s.fails(5, "", "messages.noToken", "access_token", "x")
	s.ok(nil, restrict, "peer_id", s.adminChat().PeerID, "member_ids", s.boris.ID, "action", "ro", "fro", 60)
	s.fails(100, "", "messages.send", "random_id", 0, "pear_id", 1)
	want := []string{
		"messages.send has no parameter keybord: did you mean keyboard?",
		"users.get has no parameter user_id: did you mean user_ids?",
		"vktest does not have the method apps.get: handle it with vk.Client.Use",
		"the fake knows no method messages.noSuch: correct its name, or handle it with vk.Client.Use",
		"the fake knows no method messages.none: correct its name, or handle it with vk.Client.Use",
		restrict + " has no parameter fro: did you mean for?",
		"messages.send has no parameter pear_id: did you mean peer_id?",
	}
	if d := cmp.Diff(want, said); d != "" {
		t.Error(d)
	}
	for i := range maxRemarks + 10 {
		s.ok(nil, "utils.getServerTime", fmt.Sprintf("p%d", i), 1)
	}
	if len(said) != maxRemarks {
		t.Errorf("%d remarks, want %d", len(said), maxRemarks)
	}
	if i := slices.IndexFunc(said, func(r string) bool { return strings.Contains(r, s.group.Token) }); i >= 0 {
		t.Errorf("a remark contains the token: %s", said[i])
	}
}

// TestRemarkBody checks that a body with parameters that are not read
// causes a remark.
func TestRemarkBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, verb, kind, body, want string }{
		{"form", "POST", formType, "user_ids=1", ""},
		{"form with a charset", "POST", "Application/X-WWW-Form-Urlencoded ; charset=utf-8", "user_ids=1", ""},
		{"multipart", "POST", "multipart/form-data; boundary=x", "--x--", ""},
		{"nothing", "POST", "application/json", "", ""},
		{"query", "GET", "", "", ""},
		{"JSON", "POST", "application/json; charset=utf-8", `{"user_ids":1}`,
			`users.get: a body of type "application/json" is not read: send application/x-www-form-urlencoded or multipart/form-data`},
		{"no type", "POST", "", "user_ids=1", `users.get: a body of type "" is not read: send application/x-www-form-urlencoded or multipart/form-data`},
		{"GET", "GET", formType, "user_ids=1", "users.get: the body of a GET request is not read: put the parameters into the query, or use POST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said []string
			s := newScene(t, Config{OnRemark: func(text string) { said = append(said, text) }})
			r := httptest.NewRequest(tt.verb, "/method/users.get?v=5.199&access_token="+s.group.Token, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			s.do(r)
			if got := strings.Join(said, "\n"); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
