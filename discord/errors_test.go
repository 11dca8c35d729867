package discord_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
)

func TestErrors(t *testing.T) {
	const tree = `{"code": 50035, "message": "Invalid Form Body", "errors": {
		"_errors": [{"code": "A", "message": "whole"}],
		"embeds": {"0": {"title": {"_errors": [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]},
			"fields": {"12": {"name": {"_errors": [{"code": "X", "message": "one"}, {"code": "Y", "message": "two"}]}}}}},
		"content": {"_errors": "odd"}}}`
	for _, tt := range []struct {
		name   string
		status int
		kind   string
		body   string
		want   discord.Error
		is     []error
		text   string
	}{
		{"a code", 403, "application/json", `{"code": 50013, "message": "Missing Permissions"}`,
			discord.Error{Status: 403, Code: discord.CodeMissingPermissions, Message: "Missing Permissions"},
			[]error{discord.ErrForbidden, discord.CodeMissingPermissions},
			"discord: GET /channels/{}: 403 Forbidden: Missing Permissions (code 50013): give the bot's role the permission"},
		{"a tree", 400, "application/json", tree,
			discord.Error{Status: 400, Code: discord.CodeInvalidForm, Message: "Invalid Form Body", Fields: []discord.FieldError{
				{"", "A", "whole"},
				{"embeds[0].title", "BASE_TYPE_REQUIRED", "This field is required"},
				{"embeds[0].fields[12].name", "X", "one"},
				{"embeds[0].fields[12].name", "Y", "two"},
			}},
			[]error{discord.CodeInvalidForm},
			"embeds[0].title: This field is required (BASE_TYPE_REQUIRED)"},
		{"not found", 404, "application/json", `{"code": 10008, "message": "Unknown Message"}`,
			discord.Error{Status: 404, Code: discord.CodeUnknownMessage, Message: "Unknown Message"},
			[]error{discord.ErrNotFound, discord.CodeUnknownMessage}, "code 10008"},
		{"unauthorized", 401, "application/json", `{"code": 0, "message": "401: Unauthorized"}`,
			discord.Error{Status: 401, Message: "401: Unauthorized"}, []error{discord.ErrUnauthorized}, "copy the bot's token anew"},
		{"HTML", 403, "text/html; charset=UTF-8", "<html><h1>no</h1></html>",
			discord.Error{Status: 403, Message: `the answer is not Discord's, but of type "text/html; charset=UTF-8", from a proxy or a gateway`},
			[]error{discord.ErrForbidden}, "from a proxy"},
		{"an empty body", 404, "", "", discord.Error{Status: 404}, []error{discord.ErrNotFound}, "discord: GET /channels/{}: 404 Not Found"},
		{"cut JSON", 400, "application/json", `{"code": 5003`, discord.Error{Status: 400, Message: `the answer is not Discord's, but of type "application/json", from a proxy or a gateway`}, nil, "400 Bad Request"},
		{"an odd status", 499, "", "", discord.Error{Status: 499}, nil, "GET /channels/{}: 499"},
		{"values of other types", 400, "application/json", `{"code": "50006", "message": null, "errors": []}`,
			discord.Error{Status: 400, Code: discord.CodeEmptyMessage}, []error{discord.CodeEmptyMessage}, "code 50006"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			err := get(t.Context(), a.client, "/channels/{}", 1)
			var e *discord.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			got := *e
			if got.Header == nil || got.Method != "GET" || got.Route != "/channels/{}" {
				t.Errorf("%+v", got)
			}
			got.Header, got.Method, got.Route = nil, "", ""
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			for _, target := range []error{discord.ErrUnauthorized, discord.ErrForbidden, discord.ErrNotFound, discord.CodeMissingPermissions,
				discord.CodeInvalidForm, discord.CodeUnknownMessage, discord.CodeEmptyMessage} {
				want := false
				for _, is := range tt.is {
					want = want || is == target
				}
				if errors.Is(err, target) != want {
					t.Errorf("errors.Is(%v) is %v", target, !want)
				}
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v, want %q", err, tt.text)
			}
		})
	}
}

// TestNoJSON: an answer to a call that went well, but is no JSON, is an error.
func TestNoJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "well") })
		if _, err := a.client.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "discord: GET /users/@me: ") {
			t.Error(err)
		}
		if err := get(t.Context(), a.client, "/users/@me"); err != nil {
			t.Error(err) // the answer is not needed
		}
	})
}

func TestConfigError(t *testing.T) {
	e := &discord.ConfigError{Place: "Gateway.Run", Text: "the intent is off", Mend: "enable it", Err: &discord.Error{Status: 403}}
	if got, want := e.Error(), "discord: Gateway.Run: the intent is off: enable it (403 Forbidden)"; got != want || !errors.Is(e, discord.ErrForbidden) {
		t.Errorf("%q", got)
	}
}

// TestErrorPrefix: the text of an error has the package's name once, also with a cause.
func TestErrorPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusing := func(code int, body string) *discord.Client {
			return newAPI(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, code, body) }).client
		}
		dead := refusing(401, `{"message":"401: Unauthorized","code":0}`)
		dead.Me(t.Context())
		_, again := dead.Me(t.Context())
		i := event(t, "INTERACTION_CREATE", `{"id":"11","application_id":"12","token":"tok","type":2,"channel_id":"5","data":{"name":"x"}}`)
		expired := discord.NewContext(t.Context(), refusing(404, `{"message":"Unknown interaction","code":10062}`), i).Reply("hi")
		r := discord.NewRouter("!")
		r.Handle("a {m:member}", silent)
		unknown := r.Serve(discord.NewContext(t.Context(), refusing(404, `{"message":"Unknown Member","code":10007}`),
			event(t, "MESSAGE_CREATE", `{"id":"1","guild_id":"2","channel_id":"3","author":{"id":"4"},"content":"!a <@77>"}`)))
		session := discord.Session[int]{Store: &discord.MemoryStore{}, TTL: -1}
		stored := session.Update(t.Context(), discord.Key{User: 5}, func(v *int) error { *v = 1; return nil })
		for name, tt := range map[string]struct {
			err  error
			is   error
			want string
		}{
			"a dead token":           {again, discord.ErrUnauthorized, "does not know the token: GET /users/@me: 401"},
			"an expired interaction": {expired, discord.ErrExpired, "(POST /interactions/{}/{}/callback: 404"},
			"an unknown member":      {unknown, discord.ErrArgType, "another type: GET /guilds/{}/members/{}: 404"},
			"a session":              {stored, nil, "of user 5: store: "},
		} {
			if tt.err == nil || strings.Count(tt.err.Error(), "discord: ") != 1 || !strings.Contains(tt.err.Error(), tt.want) || tt.is != nil && !errors.Is(tt.err, tt.is) {
				t.Errorf("%s: %v", name, tt.err)
			}
		}
	})
}
