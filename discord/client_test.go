package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
)

func TestClientRequest(t *testing.T) {
	a := newAPI(t, ok(`{"id": "7", "username": "bot"}`))
	u, err := discord.Call[discord.User](t.Context(), a.client, "PATCH", discord.To("/guilds/{}/members/@me", discord.ID(5)).With("x", "a b&c").With("y", true),
		map[string]any{"nick": "<a&b>"}, discord.Reason("spam & 50% ня\n"))
	if err != nil || u.Username != "bot" || u.ID != 7 {
		t.Fatal(u, err)
	}
	c := a.calls()[0]
	want := seenCall{Line: "PATCH /api/guilds/5/members/@me?x=a+b%26c&y=true", Body: `{"nick":"<a&b>"}`}
	if c.Line != want.Line || c.Body != want.Body {
		t.Errorf("%s %s", c.Line, c.Body)
	}
	for name, want := range map[string]string{
		"Authorization":      "Bot " + token,
		"User-Agent":         "DiscordBot (https://github.com/vkrouter/vk, " + discord.Version + ")",
		"Content-Type":       "application/json",
		"X-Audit-Log-Reason": "spam%20%26%2050%25%20%D0%BD%D1%8F%0A",
	} {
		if got := c.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := get(t.Context(), a.client, "/users/@me"); err != nil {
		t.Fatal(err)
	}
	c = a.calls()[1]
	if c.Body != "" || c.Header.Get("Content-Type") != "" || c.Header.Get("X-Audit-Log-Reason") != "" {
		t.Errorf("a call without a body has %q, %v", c.Body, c.Header)
	}
}

// TestClientAuthorization: the token of a bot is sent as such, that of a user as a
// bearer token, and none where the path has a token.
func TestClientAuthorization(t *testing.T) {
	for _, tt := range []struct{ name, token, template, want string }{
		{"a bot", "abc", "/users/@me", "Bot abc"},
		{"with the prefix", "Bot abc", "/users/@me", "Bot abc"},
		{"a line break at the end", "abc\r\n", "/users/@me", "Bot abc"},
		{"a user", "Bearer abc\n", "/users/@me", "Bearer abc"},
		{"a webhook", "abc", "/webhooks/{}/{}", ""},
		{"an interaction", "abc", "/interactions/{}/{}/callback", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, ok("{}"))
			c := discord.NewClient(tt.token)
			c.APIURL, c.HTTPClient = a.client.APIURL+"/", a.client.HTTPClient
			var args []any
			if strings.Contains(tt.template, "{}") {
				args = []any{1, "t"}
			}
			if err := get(t.Context(), c, tt.template, args...); err != nil {
				t.Fatal(err)
			}
			if got := a.calls()[0].Header.Get("Authorization"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestClientConfig: mistakes that keep a call from being sent name the field and the
// remedy, and nothing is sent.
func TestClientConfig(t *testing.T) {
	me := discord.To("/users/@me")
	for _, tt := range []struct {
		name, token, url string
		path             discord.Path
		reason, want     string
	}{
		{"no token", "", "", me, "", "the client has no token: copy the token anew"},
		{"white space", "s3cret token", "", me, "", "white space at byte 6"},
		{"a line break", "s3cret\ntoken", "", me, "", "line break at byte 6"},
		{"not ASCII", "s3crеt", "", me, "", "character at byte 4 that no token has"},
		{"no scheme", token, "discord.com/api", me, "", "Client.APIURL has no scheme"},
		{"a port out of range", token, "http://discord.test:99999/", me, "", "Client.APIURL has a port that is not between 1 and 65535"},
		{"a query", token, "http://discord.test/?x", me, "", "Client.APIURL has a query"},
		{"a password", token, "http://a:s3cret@discord.test/", me, "", "Client.APIURL has a user name"},
		{"no path", token, "", discord.Path{}, "", "Path is empty"},
		{"no slash", token, "", discord.To("users/@me"), "", "does not begin with a slash"},
		{"an argument too few", token, "", discord.To("/guilds/{}/bans/{}", 1), "", "2 places for 1 arguments"},
		{"the zero ID", token, "", discord.To("/guilds/{}", discord.ID(0)), "", "argument 1 of /guilds/{} is the zero ID"},
		{"an empty text", token, "", discord.To("/invites/{}", ""), "", "is empty"},
		{"a dot segment", token, "", discord.To("/invites/{}/x", ".."), "", "dot segment"},
		{"another type", token, "", discord.To("/invites/{}", 1.5), "", "is a float64"},
		{"another type in the query", token, "", me.With("limit", 1.5), "", "parameter limit of /users/@me is a float64"},
		{"a long reason", token, "", me, strings.Repeat("ы", 513), "Reason has 513 characters: Discord takes at most 512"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := discord.NewClient(tt.token)
			c.APIURL = tt.url
			err := c.Call(t.Context(), "GET", tt.path, nil, nil, discord.Reason(tt.reason))
			var wrong *discord.ConfigError
			if !errors.As(err, &wrong) || wrong.Field == "" || wrong.Mend == "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Count(err.Error(), "discord: ") != 1) {
				t.Error(err)
			}
		})
	}
}

func TestClientSecrets(t *testing.T) {
	var log strings.Builder
	a := newAPI(t, inTurn(cut, cut, ok("{}")))
	a.client.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	a.client.Observer = func(i discord.CallInfo) { fmt.Fprintf(&log, "%+v", i) }
	ctx, cancel := context.WithCancel(t.Context())
	err := get(ctx, a.client, "/webhooks/{}/{}", 1, "hookt0ken")
	cancel()
	err2 := get(ctx, a.client, "/webhooks/{}/{}", 1, "hookt0ken")
	secret := discord.NewSecret("hookt0ken")
	b2, _ := json.Marshal(discord.Webhook{Token: secret})
	seen := fmt.Sprintf("%v %s %+v %#v %s %s %v %s %q %x", err, err2, a.client, a.client, b2, b2, secret, secret, secret, secret) + log.String()
	inside := struct{ p discord.Path }{discord.To("/webhooks/{}/{}", 1, "hookt0ken")} // fmt calls no method there
	seen += fmt.Sprintf("%v %+v %#v", inside, inside, inside)
	for _, secret := range []string{"s3cret", "t0ken", "686f6f6b"} {
		if strings.Contains(seen, secret) {
			t.Errorf("%s is shown in %s", secret, seen)
		}
	}
	if secret.Reveal() != "hookt0ken" || secret.String() != "***" || (discord.Secret{}).String() != "" {
		t.Error("the Secret does not hold its text")
	}
	if !strings.Contains(log.String(), "retrying call") {
		t.Error("no line in the log")
	}
}

// TestClientUse: wrappers see each call once, the first outermost, and may change it or
// answer it.
func TestClientUse(t *testing.T) {
	a := newAPI(t, inTurn(cut, ok(`{"id": "3"}`)))
	var seen []string
	wrap := func(name string) func(discord.CallFunc) discord.CallFunc {
		return func(next discord.CallFunc) discord.CallFunc {
			return func(ctx context.Context, r *discord.Request) (json.RawMessage, error) {
				seen = append(seen, name+" "+r.Method+" "+r.Path.Template()+" "+r.Reason)
				own := *r
				own.Reason += "!"
				raw, err := next(ctx, &own)
				seen = append(seen, name+" "+string(raw))
				return raw, err
			}
		}
	}
	a.client.Use(wrap("a"))
	a.client.Use(wrap("b"))
	ch, err := a.client.DeleteChannel(t.Context(), 3, discord.Reason("why"))
	if err != nil || ch.ID != 3 {
		t.Error(ch, err)
	}
	want := []string{"a DELETE /channels/{} why", "b DELETE /channels/{} why!", `b {"id": "3"}`, `a {"id": "3"}`}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if got := a.calls()[0].Header.Get("X-Audit-Log-Reason"); got != "why%21%21" {
		t.Error(got)
	}
	a.client.Use(func(discord.CallFunc) discord.CallFunc {
		return func(context.Context, *discord.Request) (json.RawMessage, error) {
			return json.RawMessage(`{"id": "9"}`), nil
		}
	})
	if u, err := a.client.Me(t.Context()); err != nil || u.ID != 9 {
		t.Error(u, err)
	}
}

func TestClientObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, inTurn(
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Via", "1.1 google")
				w.Header().Set("X-RateLimit-Bucket", "abcd")
				w.Header().Set("Retry-After", "2")
				writeJSON(w, 429, "{}")
			},
			func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); writeJSON(w, 502, "") },
			ok("{}")))
		type key struct{}
		var seen []string
		a.client.Observer = func(i discord.CallInfo) {
			again := "no"
			if i.Again > 0 {
				again = "again"
			}
			seen = append(seen, fmt.Sprintf("%v %s %s %d: %d waited %v took %v, %v, %s",
				i.Context.Value(key{}), i.Method, i.Route, i.Attempt, i.Status, i.Wait, i.Took, i.Err != nil, again))
		}
		if err := get(context.WithValue(t.Context(), key{}, "trace"), a.client, "/channels/{}", 1); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"trace GET /channels/{} 1: 429 waited 0s took 0s, true, again",
			"trace GET /channels/{} 2: 502 waited 0s took 1s, true, again",
			"trace GET /channels/{} 3: 200 waited 0s took 0s, false, no",
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
		var log strings.Builder
		a.client.Logger = slog.New(slog.NewTextHandler(&log, nil))
		a.client.Observer = func(discord.CallInfo) { panic("oh") }
		for range 3 {
			if err := get(t.Context(), a.client, "/channels/{}", 1); err != nil {
				t.Error(err)
			}
		}
		if n := strings.Count(log.String(), "Observer panicked"); n != 1 {
			t.Errorf("%d lines: %s", n, log.String())
		}
	})
}

// TestPath: arguments are escaped, and nothing in them leads elsewhere.
func TestPath(t *testing.T) {
	for _, tt := range []struct {
		path discord.Path
		want string
	}{
		{discord.To("/gateway/bot"), "http://x/gateway/bot"},
		{discord.To("/guilds/{}/bans/{}", discord.ID(1), uint64(2)), "http://x/guilds/1/bans/2"},
		{discord.To("/invites/{}", "a/b?c#d %"), "http://x/invites/a%2Fb%3Fc%23d%20%25"},
		{discord.To("/x/{}/{}", "👍", int64(-3)), "http://x/x/%F0%9F%91%8D/-3"},
		{discord.To("/x/{}", discord.NewSecret("t")), "http://x/x/t"},
		{discord.To("/x").With("ids", []discord.ID{1, 2}).With("n", 5).With("after", discord.ID(7)), "http://x/x?ids=1&ids=2&n=5&after=7"},
	} {
		if got := tt.path.URL("http://x/"); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
	if p := discord.To("/webhooks/{}/{}", 1, "t0ken"); p.String() != "/webhooks/{}/{}" || strings.Contains(fmt.Sprintf("%v %+v %s %#v %#v", p, p, p, p, discord.Request{Path: p}), "t0ken") {
		t.Errorf("%v", p)
	}
}
