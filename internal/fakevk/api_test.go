package fakevk

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCheckOrder checks the order of the checks. Each call also fails every
// later check: only the first mistake counts.
func TestCheckOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	user := s.AddUserToken(s.anna.ID)
	service := s.AddServiceToken()
	weak := s.AddGroupToken(s.group.ID, "photos")
	tests := []struct {
		name    string
		method  string
		params  []any
		code    int
		subcode int
		msg     string
	}{
		{"no version", "no.such", []any{"v", "", "access_token", "bad"}, 8, 0, "Invalid request: v (version) is required"},
		{"broken version", "no.such", []any{"v", "5.x", "access_token", "bad"}, 8, 0, "Invalid request: v (version) is invalid"},
		{"old version", "no.such", []any{"v", "5.80", "access_token", "bad"}, 8, 0, "Invalid request: versions below 5.81"},
		{"no token", "no.such", []any{"access_token", ""}, 5, 0, "User authorization failed: no access_token passed."},
		{"bad token", "no.such", []any{"access_token", "bad"}, 5, 0, "User authorization failed: invalid access_token (4)."},
		{"unknown method", "no.such", nil, 3, 0, "Unknown method passed"},
		{"method names have case", "Users.get", nil, 3, 0, "Unknown method passed"},
		{"user on a group method", "messages.sendMessageEventAnswer", []any{"access_token", user}, 15, 0, "Access denied"},
		{"service key", "messages.send", []any{"access_token", service}, 28, 0, "Application authorization failed"},
		{"scope", "messages.send", []any{"access_token", weak}, 15, 1133, "Access denied: no access to call this method. It cannot be called with current scopes."},
		{"scope of the setter", "groups.setLongPollSettings", []any{"access_token", weak}, 15, 1133, "Access denied"},
		{"parameters", "messages.send", nil, 100, 0, "One of the parameters specified was missing or invalid: random_id is a required parameter"},
		{"business", "messages.send", []any{"random_id", 1, "peer_id", s.boris.ID, "message", "x"}, 901, 0, "Can't send messages for users without permission"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep := s.call(tt.method, tt.params...)
			if rep.Error == nil {
				t.Fatalf("no error: %s", rep.Response)
			}
			if rep.Error.Code != tt.code || rep.Error.Subcode != tt.subcode || !strings.HasPrefix(rep.Error.Msg, tt.msg) {
				t.Errorf("got %d/%d %q, want %d/%d %q", rep.Error.Code, rep.Error.Subcode, rep.Error.Msg, tt.code, tt.subcode, tt.msg)
			}
		})
	}
}

func TestGroupTokenOnUserMethod(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	service := s.AddServiceToken()
	s.fails(28, "", "groups.getTokenPermissions", "access_token", service)
	c := &call{w: s.World, token: &token{kind: groupToken}, method: &method{tokens: userToken}}
	if err := c.checkKind(); err == nil || err.msg != "Group authorization failed: method is unavailable with group auth." {
		t.Errorf("got %v", err)
	}
}

func TestMissingToken15(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{MissingToken15: true}})
	s.fails(15, "Access denied: token required", "users.get", "access_token", "")
}

func TestRevokedToken(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.RevokeToken(s.group.Token)
	s.fails(5, "invalid access_token (4).", "users.get")
}

func TestRequestForms(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	const method = "/method/utils.resolveScreenName"
	form := "application/x-www-form-urlencoded"
	var parts bytes.Buffer
	mw := multipart.NewWriter(&parts)
	mw.WriteField("v", "5.199")
	mw.WriteField("screen_name", "anna")
	mw.Close()
	token := "access_token=" + url.QueryEscape(s.group.Token)
	tests := []struct {
		name                     string
		verb, target, mime, body string
		bearer                   bool
		code                     int // 0 for a response
	}{
		{"GET", "GET", method + "?v=5.199&screen_name=anna&" + token, "", "", false, 0},
		{"POST form", "POST", method, form, "v=5.199&screen_name=anna&" + token, false, 0},
		{"form with a charset", "POST", method, form + ";charset=UTF-8", "v=5.199&screen_name=anna&" + token, false, 0},
		{"query and body together", "POST", method + "?v=5.199&" + token, form, "screen_name=anna", false, 0},
		{"bearer", "POST", method, form, "v=5.199&screen_name=anna", true, 0},
		{"bearer and GET", "GET", method + "?v=5.199&screen_name=anna", "", "", true, 0},
		{"multipart", "POST", method, mw.FormDataContentType(), parts.String(), true, 0},
		{"empty is absent", "POST", method, form, "v=5.199&screen_name=&", true, 100},
		{"JSON is not read", "POST", method, "application/json", `{"v":"5.199","screen_name":"anna"}`, true, 8},
		{"PUT", "PUT", method + "?v=5.199", form, "", true, 9999},
		{"broken escapes are left out", "POST", method, form, "v=5.199&screen_name=anna&x=%zz", true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.verb, tt.target, strings.NewReader(tt.body))
			if tt.mime != "" {
				r.Header.Set("Content-Type", tt.mime)
			}
			if tt.bearer {
				r.Header.Set("Authorization", "Bearer "+s.group.Token)
			}
			rep := s.do(r)
			switch {
			case tt.code == 0 && rep.Error != nil:
				t.Errorf("error %d %s", rep.Error.Code, rep.Error.Msg)
			case tt.code != 0 && (rep.Error == nil || rep.Error.Code != tt.code):
				t.Errorf("got %+v %s, want error %d", rep.Error, rep.Response, tt.code)
			}
		})
	}
}

func TestRequestParams(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	rep := s.call("users.get", "user_ids", "1,2", "name_case", "xyz", "client_secret", "hush", "fields", "")
	want := []requestParam{
		{"oauth", "1"}, {"method", "users.get"}, {"name_case", "xyz"}, {"user_ids", "1,2"}, {"v", "5.199"},
	}
	if rep.Error == nil {
		t.Fatal("no error")
	}
	if d := cmp.Diff(want, rep.Error.Params); d != "" {
		t.Error(d)
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	r := httptest.NewRequest("POST", "/method/users.get", strings.NewReader("v="+strings.Repeat("5", bodyLimit)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("HTTP status %d, want 413", rec.Code)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	get := func(accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/method/groups.getById?v=5.199", nil)
		r.Header.Set("Authorization", "Bearer "+s.group.Token)
		if accept != "" {
			r.Header.Set("Accept-Encoding", accept)
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		return rec
	}
	plain := get("")
	if e := plain.Header().Get("Content-Encoding"); e != "" {
		t.Errorf("Content-Encoding %q for a client that did not ask", e)
	}
	packed := get("gzip, deflate")
	if e := packed.Header().Get("Content-Encoding"); e != "gzip" {
		t.Fatalf("Content-Encoding %q, want gzip", e)
	}
	zr, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(plain.Body.String(), string(b)); d != "" {
		t.Error(d)
	}
}

// TestRate checks that the window slides: twenty calls at once, then none for
// the rest of the second, then one call for each that has left the window.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{RPS: 20})
		call := func() int {
			if rep := s.call("utils.getServerTime"); rep.Error != nil {
				return rep.Error.Code
			}
			return 0
		}
		for i := range 20 {
			if i == 10 {
				time.Sleep(600 * time.Millisecond)
			}
			if code := call(); code != 0 {
				t.Fatalf("call %d: error %d", i, code)
			}
		}
		if code := call(); code != 6 {
			t.Fatalf("21st call: error %d, want 6", code)
		}
		time.Sleep(400 * time.Millisecond) // the first ten leave the window
		for i := range 10 {
			if code := call(); code != 0 {
				t.Fatalf("call %d after a second: error %d", i, code)
			}
		}
		if code := call(); code != 6 {
			t.Fatalf("after those: error %d, want 6", code)
		}
		other := s.AddGroupToken(s.group.ID)
		s.ok(nil, "utils.getServerTime", "access_token", other)
	})
}

func TestUserRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{RPS: 20})
		user := s.AddUserToken(s.anna.ID)
		for range 3 {
			s.ok(nil, "utils.getServerTime", "access_token", user)
		}
		s.fails(6, "Too many requests per second", "utils.getServerTime", "access_token", user)
	})
}

func TestCalls(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{CallLimit: 3})
	s.ok(nil, "utils.getServerTime")
	s.ok(nil, "users.get", "user_ids", s.anna.ID)
	s.fails(3, "", "no.such")
	s.ok(nil, "users.get", "secret_key", "hush")
	calls := s.Calls("")
	if len(calls) != 3 {
		t.Fatalf("%d calls, want the last 3", len(calls))
	}
	if c := calls[1]; c.Method != "no.such" || c.Error == nil || c.Error.Code != 3 || c.Response != nil {
		t.Errorf("got %+v", c)
	}
	users := s.Calls("users.get")
	if len(users) != 2 {
		t.Fatalf("%d calls of users.get", len(users))
	}
	if d := cmp.Diff(map[string]string{"v": "5.199"}, users[1].Params); d != "" {
		t.Error(d)
	}
	if users[0].Owner != -s.group.ID || !json.Valid(users[0].Response) {
		t.Errorf("got %+v", users[0])
	}
}

func TestClosedWorld(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.Close()
	s.Close()
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", "/method/users.get", nil))
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("HTTP status %d, want 503", rec.Code)
	}
}

func TestServerAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		base, target, want string
	}{
		"from the request": {"", "http://vk.test:8080", "http://vk.test:8080/lp/"},
		"over TLS":         {"", "https://vk.test", "https://vk.test/lp/"},
		"configured":       {"https://proxy.test/vk", "http://vk.test", "https://proxy.test/vk/lp/"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, Config{BaseURL: tt.base})
			q := url.Values{"v": {"5.199"}, "access_token": {s.group.Token}, "group_id": {"200000001"}}
			rep := s.do(httptest.NewRequest("GET", tt.target+"/method/groups.getLongPollServer?"+q.Encode(), nil))
			var p poller
			if json.Unmarshal(rep.Response, &p); !strings.HasPrefix(p.Server, tt.want) {
				t.Errorf("server %q, want %q…", p.Server, tt.want)
			}
		})
	}
}
