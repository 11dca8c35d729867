package fakediscord

import (
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// TestRefusals: mistakes get Discord's status and code.
func TestRefusals(t *testing.T) {
	f := newFixture(t, Config{})
	boris := f.s.AddUser("Boris")
	closed := f.s.AddUser("Closed")
	f.s.CloseDMs(closed)
	hidden := f.s.AddChannel(f.guild, typeText, "hidden")
	category := f.s.AddChannel(f.guild, typeCategory, "category")
	f.as("PUT", "/channels/"+hidden.String()+"/permissions/"+f.guild.String(), object{"type": 0, "deny": "1024"})
	f.as("PATCH", "/guilds/"+f.guild.String()+"/roles/"+f.guild.String(), object{"permissions": "0"})
	for _, r := range f.s.guilds[0].roles[1:] {
		r.permissions = PermViewChannel | PermSend | PermReadHistory
	}
	message := f.says(f.general, "hi").String()
	channel, guild := "/channels/"+f.general.String(), "/guilds/"+f.guild.String()
	for _, tt := range []struct {
		name         string
		status, code int
		method, path string
		body         string
		words        string
	}{
		{"no such channel", 404, 10003, "GET", "/channels/5", "", "Unknown Channel"},
		{"no such guild", 404, 10004, "GET", "/guilds/5", "", "Unknown Guild"},
		{"no such member", 404, 10007, "GET", guild + "/members/" + boris.String(), "", "Unknown Member"},
		{"no such message", 404, 10008, "GET", channel + "/messages/5", "", "Unknown Message"},
		{"no such role", 404, 10011, "GET", guild + "/roles/5", "", "Unknown Role"},
		{"no such user", 404, 10013, "GET", "/users/5", "", "Unknown User"},
		{"no such emoji", 400 + 4, 10014, "PUT", channel + "/messages/" + message + "/reactions/abc/@me", "", "Unknown Emoji"},
		{"no such webhook", 404, 10015, "GET", "/webhooks/5", "", "Unknown Webhook"},
		{"no such invite", 404, 10006, "GET", "/invites/abc", "", "Unknown Invite"},
		{"bots have no connections", 403, 20001, "GET", "/users/@me/connections", "", "Bots cannot"},
		{"a hidden channel", 403, 50001, "GET", "/channels/" + hidden.String(), "", "Missing Access"},
		{"another's message", 403, 50005, "PATCH", channel + "/messages/" + message, `{"content":"x"}`, "another user"},
		{"nothing to send", 400, 50006, "POST", channel + "/messages", `{}`, "empty message"},
		{"spaces to send", 400, 50006, "POST", channel + "/messages", `{"content":"  "}`, "empty message"},
		{"closed DMs", 403, 50007, "POST", "/channels/" + f.s.DM(closed).String() + "/messages", `{"content":"x"}`, "Cannot send messages to this user"},
		{"a category", 400, 50008, "POST", "/channels/" + category.String() + "/messages", `{"content":"x"}`, "non-text"},
		{"no permission", 403, 50013, "PUT", guild + "/bans/" + boris.String(), `{}`, "Missing Permissions"},
		{"one message in bulk", 403, 50013, "POST", channel + "/messages/bulk-delete", `{"messages":["5"]}`, ""},
		{"not JSON", 400, 50109, "POST", channel + "/messages", `{"content":`, "invalid JSON"},
		{"too long", 400, 50035, "POST", channel + "/messages", `{"content":"` + strings.Repeat("я", 2001) + `"}`, `"errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}}`},
		{"a deep field", 400, 50035, "POST", channel + "/messages", `{"embeds":[{"title":"a"},{"fields":[{"name":"a"}]}]}`, `"embeds":{"1":{"fields":{"0":{"value":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a field of white space", 400, 50035, "POST", channel + "/messages", `{"embeds":[{"fields":[{"name":" ","value":"v"}]}]}`, `"embeds":{"0":{"fields":{"0":{"name":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a long title in white space", 400, 50035, "POST", channel + "/messages", `{"embeds":[{"title":" ` + strings.Repeat("я", 256) + ` ","description":" "},{"title":" "}]}`, `"errors":{"embeds":{"1":{"description":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a reply to nothing", 400, 50035, "POST", channel + "/messages", `{"content":"x","message_reference":{"message_id":"5"}}`, "REPLIES_UNKNOWN_MESSAGE"},
		{"a wrong ID", 400, 50035, "GET", "/channels/abc", "", `"channel_id":{"_errors":[{"code":"NUMBER_TYPE_COERCE","message":"Value \"abc\" is not snowflake."}]}`},
		{"a wrong limit", 400, 50035, "GET", channel + "/messages?limit=101", "", "NUMBER_TYPE_MAX"},
		{"another content type", 400, 50035, "POST", channel + "/messages", "content=x", "CONTENT_TYPE_INVALID"},
		{"no such route", 404, 0, "GET", "/nothing", "", "404: Not Found"},
		{"no such method", 405, 0, "PUT", "/users/@me", "{}", "405: Method Not Allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			var header []string
			if strings.HasPrefix(tt.body, "content=") {
				header = []string{"Content-Type", "text/plain"}
			}
			r := f.refused(tt.status, tt.code, tt.method, tt.path, tt.body, header...)
			if !strings.Contains(r.body, tt.words) {
				t.Errorf("%s\nwant %s", r.body, tt.words)
			}
		})
	}
	f.t = t
	f.refused(401, 0, "GET", "/users/@me", "", "Authorization", "Bot wrong")
	f.refused(401, 40001, "GET", guild, "", "Authorization", "Bearer "+f.s.AddBearer(f.anna))
	if r := f.call("DELETE", channel+"/messages/"+message, ""); r.status != 403 {
		t.Errorf("got %d", r.status)
	}
}

// TestHierarchy: nobody acts on members that stand above.
func TestHierarchy(t *testing.T) {
	f := newFixture(t, Config{})
	boris := f.s.AddUser("Boris")
	f.must(f.s.Join(f.guild, boris))
	guild := "/guilds/" + f.guild.String()
	f.refused(403, 50013, "PUT", guild+"/bans/"+f.anna.String(), "")
	role := f.as("POST", guild+"/roles", object{"name": "high"})["id"].(string)
	f.as("PATCH", guild+"/roles", []object{{"id": role, "position": 100}})
	f.refused(403, 50013, "PUT", guild+"/members/"+boris.String()+"/roles/"+role, "")
	f.as("PUT", guild+"/members/"+boris.String()+"/roles/"+role, nil)
	f.refused(403, 50013, "DELETE", guild+"/members/"+boris.String(), "")
	f.as("DELETE", guild+"/members/"+boris.String()+"/roles/"+role, nil)
	f.ok("PUT", guild+"/bans/"+boris.String(), `{"delete_message_seconds":0}`, "X-Audit-Log-Reason", "spam%20%26%20ham")
	if reason, banned := f.s.Banned(f.guild, boris); !banned || reason != "spam & ham" {
		t.Errorf("banned %v for %q", banned, reason)
	}
	if err := f.s.Join(f.guild, boris); err == nil {
		t.Error("a banned person has joined")
	}
	if calls := f.s.Calls("PUT /guilds/*/bans/*"); len(calls) != 2 || calls[1].Reason != "spam & ham" || calls[1].Status != 204 {
		t.Errorf("got %+v", calls)
	}
}

func TestNonce(t *testing.T) {
	f := newFixture(t, Config{})
	path := "/channels/" + f.general.String() + "/messages"
	first := f.ok("POST", path, `{"content":"a","nonce":"n","enforce_nonce":true}`)
	again := f.ok("POST", path, `{"content":"a","nonce":"n","enforce_nonce":true}`)
	other := f.ok("POST", path, `{"content":"a","nonce":"m","enforce_nonce":true}`)
	plain := f.ok("POST", path, `{"content":"a","nonce":"n"}`)
	if first["id"] != again["id"] || first["id"] == other["id"] || first["id"] == plain["id"] {
		t.Errorf("the messages are %v, %v, %v, %v", first["id"], again["id"], other["id"], plain["id"])
	}
	if first["nonce"] != "n" || again["nonce"] != "n" {
		t.Errorf("the nonces are %v, %v", first["nonce"], again["nonce"])
	}
	f.refused(400, 50035, "POST", path, `{"content":"a","nonce":"`+strings.Repeat("n", 26)+`"}`)
}

func TestUpload(t *testing.T) {
	f := newFixture(t, Config{})
	var b strings.Builder
	m := multipart.NewWriter(&b)
	part, _ := m.CreateFormField("payload_json")
	fmt.Fprint(part, `{"content":"files","embeds":[{"image":{"url":"attachment://a.png"}}],"attachments":[{"id":"0"},{"id":1,"description":"notes"}]}`)
	for i, name := range []string{"a.png", "b.txt"} {
		part, _ = m.CreateFormFile(fmt.Sprintf("files[%d]", i), name)
		fmt.Fprint(part, "data of ", name)
	}
	m.Close()
	o := f.ok("POST", "/channels/"+f.general.String()+"/messages", b.String(), "Content-Type", m.FormDataContentType())
	files := o["attachments"].([]any)
	image := o["embeds"].([]any)[0].(object)["image"].(object)["url"].(string)
	if len(files) != 1 || files[0].(object)["filename"] != "b.txt" || files[0].(object)["description"] != "notes" {
		t.Fatalf("got %v", files)
	}
	for url, want := range map[string]string{image: "data of a.png", files[0].(object)["url"].(string): "data of b.txt"} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		n, _ := resp.Body.Read(got)
		resp.Body.Close()
		if string(got[:n]) != want {
			t.Errorf("%s is %d %q", url, resp.StatusCode, got[:n])
		}
	}
	// An edit keeps the attachments that it lists.
	o = f.ok("PATCH", "/channels/"+f.general.String()+"/messages/"+o["id"].(string), `{"content":"none","attachments":[]}`)
	if len(o["attachments"].([]any)) != 0 || o["edited_timestamp"] == nil {
		t.Errorf("got %v", o)
	}
	f.ok("DELETE", "/channels/"+f.general.String()+"/messages/"+o["id"].(string), "")
	resp, err := http.Get(image)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("a file of a deleted message: %d", resp.StatusCode)
	}
}

// TestMessagesAreForgotten: a channel keeps the latest messages.
func TestMessagesAreForgotten(t *testing.T) {
	s := New(Config{})
	anna := s.AddUser("Anna")
	general := s.Channels(s.AddGuild("Guild", anna))[0].ID
	for range kept + 1 {
		if err := s.Do(anna, "POST", "/channels/"+general.String()+"/messages", object{"content": "x"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.channels[general].messages); n != kept-kept/10+1 {
		t.Errorf("%d messages", n)
	}
	if n := len(s.Timeline(0)); n > kept {
		t.Errorf("%d happenings", n)
	}
}

func TestMe(t *testing.T) {
	f := newFixture(t, Config{})
	me := f.ok("PATCH", "/users/@me", `{"avatar":"`+pixel+`"}`)
	resp, err := http.Get(f.url + "/cdn/avatars/" + f.s.Me().String() + "/" + me["avatar"].(string) + ".png?size=64")
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the avatar: %v, %v", resp, err)
	}
	resp.Body.Close()
	for i := range 250 {
		f.s.AddGuild(fmt.Sprintf("g%d", i), f.anna)
	}
	seen, after := 0, "0"
	for {
		v, _ := decode([]byte(f.call("GET", "/users/@me/guilds?after="+after, "").body))
		page := v.([]any)
		if len(page) == 0 {
			break
		}
		seen += len(page)
		after = page[len(page)-1].(object)["id"].(string)
	}
	if seen != 251 {
		t.Errorf("%d guilds", seen)
	}
	if r := f.call("GET", "/users/@me/channels", ""); r.body != "[]" {
		t.Errorf("got %s", r.body)
	}
	token := f.s.AddBearer(f.anna, object{"id": "7", "name": "anna", "type": "github", "revoked": false})
	if r := f.call("GET", "/users/@me/connections", "", "Authorization", "Bearer "+token); !strings.Contains(r.body, `"type":"github"`) {
		t.Errorf("got %s", r.body)
	}
	if r := f.call("DELETE", "/users/@me/guilds/"+f.guild.String(), ""); r.status != 204 || r.header.Get("Content-Type") != "" {
		t.Errorf("got %d %v", r.status, r.header)
	}
	f.refused(404, 10004, "GET", "/guilds/"+f.guild.String(), "")
}

// TestMentions: only allowed mentions count.
func TestMentions(t *testing.T) {
	f := newFixture(t, Config{})
	path := "/channels/" + f.general.String() + "/messages"
	content := `"content":"<@` + f.anna.String() + `> @everyone"`
	for name, tt := range map[string]struct {
		body     string
		users    int
		everyone bool
	}{
		"all":      {content, 1, true},
		"nobody":   {content + `,"allowed_mentions":{"parse":[]}`, 0, false},
		"users":    {content + `,"allowed_mentions":{"parse":["users"]}`, 1, false},
		"one user": {content + `,"allowed_mentions":{"users":["` + f.anna.String() + `"]}`, 1, false},
	} {
		o := f.ok("POST", path, "{"+tt.body+"}")
		if len(o["mentions"].([]any)) != tt.users || o["mention_everyone"] != tt.everyone {
			t.Errorf("%s: %v, %v", name, o["mentions"], o["mention_everyone"])
		}
	}
	f.refused(400, 50035, "POST", path, `{"content":"x","allowed_mentions":{"parse":["users"],"users":["5"]}}`)
}

// TestWebhooks: anybody with the token posts, as anybody.
func TestWebhooks(t *testing.T) {
	f := newFixture(t, Config{})
	w := f.ok("POST", "/channels/"+f.general.String()+"/webhooks", `{"name":"Hook"}`)
	path := "/webhooks/" + w["id"].(string) + "/" + w["token"].(string)
	m := f.ok("POST", path+"?wait=true", `{"content":"hi","username":"Someone"}`, "Authorization", "")
	if m["webhook_id"] != w["id"] || m["author"].(object)["username"] != "Someone" {
		t.Errorf("got %v", m)
	}
	if r := f.call("POST", path, `{"content":"hi"}`); r.status != 204 {
		t.Errorf("got %d", r.status)
	}
	f.ok("PATCH", path+"/messages/"+m["id"].(string), `{"content":"new"}`)
	f.refused(401, 50027, "POST", "/webhooks/"+w["id"].(string)+"/wrong", `{"content":"hi"}`)
	f.ok("DELETE", path, "", "Authorization", "")
	f.refused(404, 10015, "GET", path, "")
}
