package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
)

var byReason = discord.Reason("why")

// TestCalls: each method makes the request that Discord documents, and returns the
// answer.
func TestCalls(t *testing.T) {
	type client = discord.Client
	png := "\x89PNG\r\n\x1a\n"
	picture, err := discord.Image([]byte(png))
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	ignore := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		seed   string // its name in discord.aio
		call   func(ctx context.Context, c *client) error
		want   string
		body   string
		reason bool
	}{
		{"get_self_user", func(ctx context.Context, c *client) error { return ignore(c.Me(ctx)) }, "GET /users/@me", "", false},
		{"get_user", func(ctx context.Context, c *client) error { return ignore(c.User(ctx, 5)) }, "GET /users/5", "", false},
		{"change_avatar", func(ctx context.Context, c *client) error {
			return ignore(c.EditMe(ctx, discord.UserEdit{Username: discord.Set("bot2"), Avatar: discord.Set(picture), Banner: discord.Null[discord.ImageData]()}))
		}, "PATCH /users/@me", `{"username":"bot2","avatar":"data:image/png;base64,iVBORw0KGgo=","banner":null}`, false},
		{"leave_guild", func(ctx context.Context, c *client) error { return c.LeaveGuild(ctx, 1) }, "DELETE /users/@me/guilds/1", "", false},
		{"get_dms", func(ctx context.Context, c *client) error { return ignore(c.DMs(ctx)) }, "GET /users/@me/channels", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.DM(ctx, 5)) }, "POST /users/@me/channels", `{"recipient_id":"5"}`, false},
		{"get_connections", func(ctx context.Context, c *client) error { return ignore(c.Connections(ctx)) }, "GET /users/@me/connections", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Application(ctx)) }, "GET /applications/@me", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.GatewayBot(ctx)) }, "GET /gateway/bot", "", false},
		{"get_guild", func(ctx context.Context, c *client) error { return ignore(c.Guild(ctx, 1)) }, "GET /guilds/1?with_counts=true", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Channels(ctx, 1)) }, "GET /guilds/1/channels", "", false},
		{"get_guild_member", func(ctx context.Context, c *client) error { return ignore(c.Member(ctx, 1, 5)) }, "GET /guilds/1/members/5", "", false},
		{"", func(ctx context.Context, c *client) error {
			return ignore(c.EditMember(ctx, 1, 5, discord.MemberEdit{Nick: discord.Set("N"), Roles: discord.Set([]discord.ID{7}), Mute: discord.Set(false), Deaf: discord.Set(true),
				ChannelID: discord.Null[discord.ID](), TimedOut: discord.Set(until)}, byReason))
		}, "PATCH /guilds/1/members/5", `{"nick":"N","roles":["7"],"mute":false,"deaf":true,"channel_id":null,"communication_disabled_until":"2026-03-04T05:06:07Z"}`, true},
		{"", func(ctx context.Context, c *client) error { return c.AddRole(ctx, 1, 5, 7, byReason) }, "PUT /guilds/1/members/5/roles/7", "", true},
		{"", func(ctx context.Context, c *client) error { return c.RemoveRole(ctx, 1, 5, 7, byReason) }, "DELETE /guilds/1/members/5/roles/7", "", true},
		{"", func(ctx context.Context, c *client) error { return c.Kick(ctx, 1, 5, byReason) }, "DELETE /guilds/1/members/5", "", true},
		{"", func(ctx context.Context, c *client) error { return c.Ban(ctx, 1, 5, byReason) }, "PUT /guilds/1/bans/5", "{}", true},
		{"", func(ctx context.Context, c *client) error {
			return c.Ban(ctx, 1, 5, discord.Purge(time.Hour), byReason)
		}, "PUT /guilds/1/bans/5", `{"delete_message_seconds":3600}`, true},
		{"", func(ctx context.Context, c *client) error {
			return c.Ban(ctx, 1, 5, discord.Purge(1000*time.Hour), nil, byReason)
		}, "PUT /guilds/1/bans/5", `{"delete_message_seconds":604800}`, true},
		{"", func(ctx context.Context, c *client) error {
			return c.Unban(ctx, 1, 5, discord.Purge(time.Hour), byReason)
		}, "DELETE /guilds/1/bans/5", "", true},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Roles(ctx, 1)) }, "GET /guilds/1/roles", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Emojis(ctx, 1)) }, "GET /guilds/1/emojis", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Integrations(ctx, 1)) }, "GET /guilds/1/integrations", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.WidgetSettings(ctx, 1)) }, "GET /guilds/1/widget", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Invites(ctx, 1)) }, "GET /guilds/1/invites", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Invite(ctx, "a/b")) }, "GET /invites/a%2Fb?with_counts=true", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.VoiceRegions(ctx)) }, "GET /voice/regions", "", false},
		{"get_channel", func(ctx context.Context, c *client) error { return ignore(c.Channel(ctx, 2)) }, "GET /channels/2", "", false},
		{"", func(ctx context.Context, c *client) error {
			return ignore(c.EditChannel(ctx, 2, discord.ChannelEdit{Name: discord.Set("n"), Topic: discord.Null[string](),
				Overwrites: discord.Set([]discord.Overwrite{{ID: 7, Type: discord.OverwriteMember, Allow: discord.PermViewChannel}})}, byReason))
		}, "PATCH /channels/2", `{"name":"n","topic":null,"permission_overwrites":[{"id":"7","type":1,"allow":"1024","deny":"0"}]}`, true},
		{"delete_channel", func(ctx context.Context, c *client) error { return ignore(c.DeleteChannel(ctx, 2, byReason)) }, "DELETE /channels/2", "", true},
		{"", func(ctx context.Context, c *client) error { return c.Typing(ctx, 2) }, "POST /channels/2/typing", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.ChannelInvites(ctx, 2)) }, "GET /channels/2/invites", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Webhooks(ctx, 2)) }, "GET /channels/2/webhooks", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.GuildWebhooks(ctx, 1)) }, "GET /guilds/1/webhooks", "", false},
		{"", func(ctx context.Context, c *client) error { return ignore(c.CreateWebhook(ctx, 2, "n", byReason)) }, "POST /channels/2/webhooks", `{"name":"n"}`, true},
		{"", func(ctx context.Context, c *client) error { return ignore(c.Message(ctx, 2, 3)) }, "GET /channels/2/messages/3", "", false},
		{"", func(ctx context.Context, c *client) error { return c.DeleteMessage(ctx, 2, 3, byReason) }, "DELETE /channels/2/messages/3", "", true},
		{"", func(ctx context.Context, c *client) error { return c.React(ctx, 2, 3, "👍") }, "PUT /channels/2/messages/3/reactions/%F0%9F%91%8D/@me", "", false},
		{"", func(ctx context.Context, c *client) error { return c.React(ctx, 2, 3, "<a:apple:9>") }, "PUT /channels/2/messages/3/reactions/apple:9/@me", "", false},
		{"", func(ctx context.Context, c *client) error { return c.Unreact(ctx, 2, 3, "<:apple:9>") }, "DELETE /channels/2/messages/3/reactions/apple:9/@me", "", false},
		{"", func(ctx context.Context, c *client) error { return c.RemoveReaction(ctx, 2, 3, 5, "apple:9") }, "DELETE /channels/2/messages/3/reactions/apple:9/5", "", false},
		{"", func(ctx context.Context, c *client) error { return c.ClearReactions(ctx, 2, 3, "") }, "DELETE /channels/2/messages/3/reactions", "", false},
		{"", func(ctx context.Context, c *client) error { return c.ClearReactions(ctx, 2, 3, "👍") }, "DELETE /channels/2/messages/3/reactions/%F0%9F%91%8D", "", false},
		{"", func(ctx context.Context, c *client) error { return c.Pin(ctx, 2, 3, byReason) }, "PUT /channels/2/messages/pins/3", "", true},
		{"", func(ctx context.Context, c *client) error { return c.Unpin(ctx, 2, 3, byReason) }, "DELETE /channels/2/messages/pins/3", "", true},
	} {
		t.Run(tt.want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, status(204))
				if err := tt.call(t.Context(), a.client); err != nil {
					t.Fatal(err)
				}
				c := a.calls()[0]
				method, path, _ := strings.Cut(tt.want, " ")
				if c.Line != method+" /api"+path || c.Body != tt.body {
					t.Errorf("%s %s, want %s %s", c.Line, c.Body, tt.want, tt.body)
				}
				if got := c.Header.Get("X-Audit-Log-Reason"); (got == "why") != tt.reason {
					t.Errorf("reason %q", got)
				}
				a.answer = func(w http.ResponseWriter, r *http.Request) {
					writeJSON(w, 404, `{"code": 10004, "message": "Unknown"}`)
				}
				if err := tt.call(t.Context(), a.client); !errors.Is(err, discord.ErrNotFound) {
					t.Errorf("404 is %v", err)
				}
				a.answer = inTurn(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Via", "x")
					w.Header().Set("X-RateLimit-Bucket", "abcd")
					w.Header().Set("Retry-After", "0.5")
					w.WriteHeader(429)
				}, status(204))
				began := time.Now()
				if err := tt.call(t.Context(), a.client); err != nil || time.Since(began) != 500*time.Millisecond {
					t.Errorf("429 is %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// TestCallResults: the methods return Discord's answers.
func TestCallResults(t *testing.T) {
	a := newAPI(t, ok(`{"id": "5", "name": "n", "code": "abc", "url": "wss://x", "enabled": true, "username": "u", "nick": "N", "content": "c", "shards": 3}`))
	ctx, c := t.Context(), a.client
	u, err1 := c.User(ctx, 5)
	g, err2 := c.Guild(ctx, 5)
	ch, err3 := c.Channel(ctx, 5)
	m, err4 := c.Message(ctx, 2, 5)
	mem, err5 := c.Member(ctx, 1, 5)
	i, err6 := c.Invite(ctx, "abc")
	w, err7 := c.WidgetSettings(ctx, 1)
	gw, err8 := c.GatewayBot(ctx)
	app, err9 := c.Application(ctx)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %v %v %v %v %v %v %v %v", u, g.Name, ch.Name, m.Content, mem.Nick, i.Code, w.Enabled, gw.Shards, app.Name)
	if got != "u n n c N abc true 3 n" {
		t.Error(got)
	}
	a.answer = ok(`[{"id": "5", "name": "n", "code": "abc"}, {"id": "6"}]`)
	roles, err1 := c.Roles(ctx, 1)
	emojis, err2 := c.Emojis(ctx, 1)
	dms, err3 := c.DMs(ctx)
	hooks, err4 := c.Webhooks(ctx, 2)
	invites, err5 := c.Invites(ctx, 1)
	regions, err6 := c.VoiceRegions(ctx)
	integrations, err7 := c.Integrations(ctx, 1)
	connections, err8 := c.Connections(ctx)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{len(roles), len(emojis), len(dms), len(hooks), len(invites), len(regions), len(integrations), len(connections)} {
		if n != 2 {
			t.Errorf("%d elements", n)
		}
	}
}

// pagesOf answers with the elements of a list with IDs from 1 to n, in pages, as Discord
// does: after an ID, or before one with the last first.
func pagesOf(n int, element func(id int) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limit, _ := strconv.Atoi(q.Get("limit"))
		number := func(name string) (int, bool) { v, err := strconv.Atoi(q.Get(name)); return v, err == nil }
		var ids []int
		after, isAfter := number("after")
		before, isBefore := number("before")
		switch messages := strings.HasSuffix(r.URL.Path, "/messages"); {
		case messages && isAfter:
			for id := min(after+limit, n); id > after; id-- {
				ids = append(ids, id)
			}
		case messages:
			if !isBefore {
				before = n + 1
			}
			for id := before - 1; id > max(before-1-limit, 0); id-- {
				ids = append(ids, id)
			}
		default:
			for id := after + 1; id <= min(after+limit, n); id++ {
				ids = append(ids, id)
			}
		}
		var parts []string
		for _, id := range ids {
			parts = append(parts, element(id))
		}
		writeJSON(w, 200, "["+strings.Join(parts, ",")+"]")
	}
}

func plain(id int) string { return fmt.Sprintf(`{"id": "%d"}`, id) }

func inside(id int) string { return fmt.Sprintf(`{"user": {"id": "%d"}}`, id) }

// collect returns the IDs of a list.
func collect[T any](list iter.Seq2[T, error], id func(T) discord.ID) (ids []discord.ID, err error) {
	for v, err := range list {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id(v))
	}
	return ids, nil
}

// TestLists: lists go through all pages, in order, and end.
func TestLists(t *testing.T) {
	messages := func(s discord.Span) func(context.Context, *discord.Client) ([]discord.ID, error) {
		return func(ctx context.Context, c *discord.Client) ([]discord.ID, error) {
			return collect(c.Messages(ctx, 2, s), func(m discord.Message) discord.ID { return m.ID })
		}
	}
	for _, tt := range []struct {
		name     string
		n        int
		element  func(int) string
		list     func(context.Context, *discord.Client) ([]discord.ID, error)
		requests []string
		first    discord.ID
		last     discord.ID
		count    int
	}{
		{"get_guilds", 401, plain, func(ctx context.Context, c *discord.Client) ([]discord.ID, error) {
			return collect(c.Guilds(ctx), func(g discord.Guild) discord.ID { return g.ID })
		}, []string{"/users/@me/guilds?limit=200&with_counts=true", "/users/@me/guilds?after=200&limit=200&with_counts=true", "/users/@me/guilds?after=400&limit=200&with_counts=true"}, 1, 401, 401},
		{"get_guild_members", 1001, inside, func(ctx context.Context, c *discord.Client) ([]discord.ID, error) {
			return collect(c.Members(ctx, 1), func(m discord.Member) discord.ID { return m.User.ID })
		}, []string{"/guilds/1/members?limit=1000", "/guilds/1/members?after=1000&limit=1000"}, 1, 1001, 1001},
		{"bans", 1000, inside, func(ctx context.Context, c *discord.Client) ([]discord.ID, error) {
			return collect(c.Bans(ctx, 1), func(b discord.Ban) discord.ID { return b.User.ID })
		}, []string{"/guilds/1/bans?limit=1000", "/guilds/1/bans?after=1000&limit=1000"}, 1, 1000, 1000},
		{"reactions", 150, plain, func(ctx context.Context, c *discord.Client) ([]discord.ID, error) {
			return collect(c.Reactions(ctx, 2, 3, "👍"), func(u discord.User) discord.ID { return u.ID })
		}, []string{"/channels/2/messages/3/reactions/👍?limit=100", "/channels/2/messages/3/reactions/👍?after=100&limit=100"}, 1, 150, 150},
		{"messages", 150, plain, messages(discord.Span{}), []string{"/channels/2/messages?limit=100", "/channels/2/messages?before=51&limit=100"}, 150, 1, 150},
		{"messages before", 150, plain, messages(discord.Span{Before: 51}), []string{"/channels/2/messages?before=51&limit=100"}, 50, 1, 50},
		{"messages after", 250, plain, messages(discord.Span{After: 40}), []string{"/channels/2/messages?after=40&limit=100", "/channels/2/messages?after=140&limit=100", "/channels/2/messages?after=240&limit=100"}, 41, 250, 210},
		{"an empty list", 0, plain, messages(discord.Span{}), []string{"/channels/2/messages?limit=100"}, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, pagesOf(tt.n, tt.element))
			ids, err := tt.list(t.Context(), a.client)
			if err != nil || len(ids) != tt.count {
				t.Fatal(len(ids), err)
			}
			if tt.count > 0 && (ids[0] != tt.first || ids[len(ids)-1] != tt.last) {
				t.Errorf("from %v to %v", ids[0], ids[len(ids)-1])
			}
			step := 1
			if tt.first > tt.last {
				step = -1
			}
			for i := 1; i < len(ids); i++ {
				if int(ids[i])-int(ids[i-1]) != step {
					t.Fatalf("%v after %v", ids[i], ids[i-1])
				}
			}
			var lines []string
			for _, line := range a.lines() {
				u, err := url.Parse(strings.TrimPrefix(line, "GET /api"))
				if err != nil {
					t.Fatal(err)
				}
				lines = append(lines, u.Path+"?"+u.Query().Encode())
			}
			if diff := cmp.Diff(tt.requests, lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestListsEnd: a list ends with the first error, when its reader stops, and
// when the server has no more pages.
func TestListsEnd(t *testing.T) {
	a := newAPI(t, inTurn(pagesOf(500, plain), status(403)))
	ids, err := collect(a.client.Guilds(t.Context()), func(g discord.Guild) discord.ID { return g.ID })
	if len(ids) != 200 || !errors.Is(err, discord.ErrForbidden) {
		t.Error(len(ids), err)
	}
	a = newAPI(t, pagesOf(500, plain))
	for g := range a.client.Guilds(t.Context()) {
		if g.ID == 3 {
			break
		}
	}
	if n := len(a.calls()); n != 1 {
		t.Errorf("%d requests", n)
	}
	same := make([]string, 200)
	for i := range same {
		same[i] = plain(7)
	}
	a = newAPI(t, ok("["+strings.Join(same, ",")+"]"))
	if ids, err := collect(a.client.Guilds(t.Context()), func(g discord.Guild) discord.ID { return g.ID }); len(ids) != 400 || err != nil {
		t.Error(len(ids), err)
	}
	var wrong *discord.ConfigError
	if _, err := collect(a.client.Messages(t.Context(), 2, discord.Span{Before: 1, After: 2}), func(m discord.Message) discord.ID { return m.ID }); !errors.As(err, &wrong) || wrong.Field != "Span" {
		t.Error(err)
	}
}

// TestDeleteMessages: messages are deleted 100 at a time, those older than two weeks
// one by one.
func TestDeleteMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)))
		a := newAPI(t, status(204))
		fresh := discord.IDAt(time.Now().Add(-time.Hour))
		old := discord.IDAt(time.Now().Add(-15 * 24 * time.Hour))
		ids := []discord.ID{fresh, fresh, old}
		for i := range 200 {
			ids = append(ids, fresh+discord.ID(i)+1)
		}
		if err := a.client.DeleteMessages(t.Context(), 2, ids, byReason); err != nil {
			t.Fatal(err)
		}
		want := []string{"DELETE /api/channels/2/messages/" + old.String(), "POST /api/channels/2/messages/bulk-delete", "POST /api/channels/2/messages/bulk-delete",
			"DELETE /api/channels/2/messages/" + (fresh + 200).String()}
		if diff := cmp.Diff(want, a.lines()); diff != "" {
			t.Error(diff)
		}
		var body struct{ Messages []string }
		c := a.calls()[1]
		if json.Unmarshal([]byte(c.Body), &body); len(body.Messages) != 100 || body.Messages[0] != fresh.String() || c.Header.Get("X-Audit-Log-Reason") != "why" {
			t.Error(c)
		}
		a.answer = inTurn(status(403), status(204))
		if err := a.client.DeleteMessages(t.Context(), 2, ids); !errors.Is(err, discord.ErrForbidden) || len(a.calls()) != 8 {
			t.Error(err, len(a.calls()))
		}
		if err := a.client.DeleteMessages(t.Context(), 2, nil); err != nil || len(a.calls()) != 8 {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.client.DeleteMessages(ctx, 2, ids); !errors.Is(err, context.Canceled) || strings.Count(err.Error(), "\n") > 0 {
			t.Error(err)
		}
	})
}

func TestImage(t *testing.T) {
	for content, want := range map[string]string{"GIF89a": "data:image/gif;base64,R0lGODlh", "\xff\xd8\xff": "data:image/jpeg;base64,/9j/", "hello": "", "": "", "<svg></svg>": ""} {
		got, err := discord.Image([]byte(content))
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%q: %s, %v", content, got, err)
		}
	}
	if _, err := discord.NewClient("x").DM(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "zero ID") {
		t.Error(err)
	}
}
