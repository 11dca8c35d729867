package fakesim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/fakevk"
)

func newSim(t testing.TB) *Sim {
	t.Helper()
	s, err := New(Options{Config: fakevk.Config{RPS: -1}, Hosts: []string{"example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ask makes a request and returns the status and the response.
func ask(s *Sim, method, path, body string) (int, map[string]any) {
	return askIn(context.Background(), s, method, path, body)
}

func askIn(ctx context.Context, s *Sim, method, path, body string) (int, map[string]any) {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	var v map[string]any
	if json.Unmarshal(rec.Body.Bytes(), &v) != nil {
		v = map[string]any{"not JSON": rec.Body.String()}
	}
	return rec.Code, v
}

// must makes a request that must succeed.
func must(t *testing.T, s *Sim, method, path, body string) map[string]any {
	t.Helper()
	status, v := ask(s, method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s %s: %d %v", method, path, body, status, v)
	}
	return v
}

// refused makes a request that must fail.
func refused(t *testing.T, s *Sim, method, path, body string, status int, code, words string) {
	t.Helper()
	got, v := ask(s, method, path, body)
	e, _ := v["error"].(map[string]any)
	message, _ := e["message"].(string)
	if got != status || e["code"] != code || !strings.Contains(message, words) {
		t.Errorf("%s %s %.100s: %d %v, want %d %s with %q", method, path, body, got, v, status, code, words)
	}
}

// api makes an API call as the bot.
func api(t *testing.T, s *Sim, method string, pairs ...string) json.RawMessage {
	t.Helper()
	_, token := s.Group()
	form := url.Values{"v": {"5.199"}, "access_token": {token}, "random_id": {"0"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/method/"+method, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.ServeHTTP(rec, r)
	var v struct {
		Response json.RawMessage
		Error    json.RawMessage
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil || v.Error != nil {
		t.Fatalf("%s: %s", method, rec.Body)
	}
	return v.Response
}

const shop = `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Tea","payload":"{\"buy\":\"tea\"}"}},
	{"action":{"type":"text","label":"Milk","payload":{"buy":"milk"}}}]]}`

// TestConversation checks that a user's actions reach the bot, and that the
// bot's actions can be heard and seen.
func TestConversation(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	must(t, s, "POST", "/sim/send", `{"user":"anna","text":"hi","payload":{"a":1}}`)
	api(t, s, "messages.send", "peer_id", "1", "message", "pong")
	api(t, s, "messages.send", "peer_id", "1", "message", "shop", "keyboard", shop)
	m := must(t, s, "POST", "/sim/hear", `{"user":1,"text":"pong"}`)
	if m["cmid"] != 2.0 || m["from_id"] != -101.0 {
		t.Errorf("heard %v", m)
	}
	refused(t, s, "POST", "/sim/idle", `{"user":"anna","wait":0,"quiet":0.0001}`, 504, "timeout", "1 events of community 101 are not fetched, and no bot polls")
	m = must(t, s, "POST", "/sim/hear", `{"user":"anna","like":"^sh"}`)
	if d := cmp.Diff([]any{"Tea", "Milk"}, m["buttons"]); d != "" {
		t.Error(d)
	}
	api(t, s, "messages.edit", "peer_id", "1", "cmid", "2", "message", "peng")
	must(t, s, "POST", "/sim/see", `{"user":"anna","edited":"peng"}`)
	refused(t, s, "POST", "/sim/see", `{"user":"anna","edited":"peng","wait":0}`, 504, "timeout", "no message is changed")
	api(t, s, "messages.setActivity", "peer_id", "1", "type", "typing")
	must(t, s, "POST", "/sim/see", `{"user":"anna","typing":true}`)
	api(t, s, "messages.markAsRead", "peer_id", "1")
	must(t, s, "POST", "/sim/see", `{"user":"anna","read":1}`)
	api(t, s, "messages.sendReaction", "peer_id", "1", "cmid", "1", "reaction_id", "3")
	must(t, s, "POST", "/sim/see", `{"user":"anna","reaction":{"cmid":1,"reaction_id":3}}`)
	api(t, s, "messages.delete", "peer_id", "1", "cmids", "2", "delete_for_all", "1")
	must(t, s, "POST", "/sim/see", `{"user":"anna","deleted":2}`)

	api(t, s, "messages.send", "peer_id", "1", "message", "left", "random_id", "7")
	refused(t, s, "POST", "/sim/hear", `{"user":"anna","text":"right"}`, 409, "unexpected", `should hear "right", but hears "left"`+"\nThe conversation so far:\nAnna Smirnova: hi\n")
	must(t, s, "POST", "/sim/hear", `{"user":"anna","text":"left"}`) // the failure consumed nothing
	refused(t, s, "POST", "/sim/hear", `{"user":"anna","wait":0}`, 504, "timeout", "there is no new message")

	// A message is heard as it was sent, and each edit is seen, whatever came
	// after.
	api(t, s, "messages.send", "peer_id", "1", "message", "one")
	for _, text := range []string{"two", "three"} {
		api(t, s, "messages.edit", "peer_id", "1", "cmid", "5", "message", text)
	}
	api(t, s, "messages.delete", "peer_id", "1", "cmids", "5", "delete_for_all", "1")
	refused(t, s, "POST", "/sim/see", `{"user":"anna","edited":"two","wait":0}`, 504, "timeout", "no message is changed") // not heard yet
	must(t, s, "POST", "/sim/hear", `{"user":"anna","text":"one"}`)
	for _, text := range []string{"two", "three"} {
		must(t, s, "POST", "/sim/see", `{"user":"anna","edited":"`+text+`","wait":0}`)
		refused(t, s, "POST", "/sim/see", `{"user":"anna","edited":"`+text+`","wait":0}`, 504, "timeout", "no message is changed")
	}
	must(t, s, "POST", "/sim/see", `{"user":"anna","deleted":5,"wait":0}`)

	got := must(t, s, "GET", "/sim/messages?user=anna&after=3", "")
	list, _ := got["messages"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["text"] != "left" || list[1].(map[string]any)["deleted"] != true {
		t.Errorf("messages %v", got)
	}
	if got["read"] != 5.0 {
		t.Errorf("read %v", got["read"])
	}
}

// TestPress checks that a button is pressed by its label or its payload, and
// that the request waits for the answer.
func TestPress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t)
		must(t, s, "POST", "/sim/send", `{"user":"anna","text":"hi"}`)
		api(t, s, "messages.send", "peer_id", "1", "message", "shop", "keyboard", shop)
		refused(t, s, "POST", "/sim/press", `{"user":"anna","label":"Coffee"}`, 404, "not_found", `there are ["Tea" "Milk"]`)
		refused(t, s, "POST", "/sim/press", `{"user":"anna"}`, 400, "bad_request", "label or payload is missing")
		said := must(t, s, "POST", "/sim/press", `{"user":"anna","payload":{"buy":"milk"}}`)
		if said["said"] != 3.0 || said["type"] != "text" {
			t.Errorf("pressed %v", said)
		}
		refused(t, s, "POST", "/sim/press", `{"user":"anna","label":"Tea","wait":5}`, 504, "timeout", `of "Tea" has no answer`)

		press := must(t, s, "POST", "/sim/press", `{"user":"anna","label":"Tea"}`)
		event, _ := press["event_id"].(string)
		answered := make(chan map[string]any)
		go func() {
			_, v := ask(s, "GET", "/sim/presses/"+event+"?wait=10", "")
			answered <- v
		}()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		api(t, s, "messages.sendMessageEventAnswer", "event_id", event, "user_id", "1", "peer_id", "1",
			"event_data", `{"type":"show_snackbar","text":"Added"}`)
		want := map[string]any{"type": "show_snackbar", "text": "Added"}
		if d := cmp.Diff(want, (<-answered)["answer"]); d != "" {
			t.Error(d)
		}
		refused(t, s, "GET", "/sim/presses/none", "", 404, "not_found", "no press")
		text := must(t, s, "GET", "/sim/transcript", "")["transcript"]
		const transcript = `# Anna Smirnova and Bot
Anna Smirnova: hi
Bot: shop [Tea] [Milk]
Anna Smirnova: Milk
Anna Smirnova presses [Tea], which spins
Anna Smirnova presses [Tea], and sees the snackbar "Added"
`
		if d := cmp.Diff(transcript, text); d != "" {
			t.Error(d)
		}
	})
}

// TestEveryAction makes each request for an action, once with the example of
// the list where that is possible.
func TestEveryAction(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	must(t, s, "POST", "/sim/start", `{"user":"anna"}`)
	kinds := func() (list []string) {
		v := must(t, s, "GET", "/sim/events?limit=1000", "")
		for _, e := range v["events"].([]any) {
			e := e.(map[string]any)
			if e["type"] == "event" {
				list = append(list, e["data"].(map[string]any)["event"].(map[string]any)["type"].(string))
			}
		}
		return list
	}
	for _, r := range []struct{ path, body, event string }{
		{"send", `{"user":"anna","sticker":9}`, "message_new"},
		{"send", `{"user":"anna","geo":{"lat":1,"long":2}}`, "message_new"},
		{"send", `{"user":"anna","forward":[1],"reply_to":1,"text":"x","ref":"r","ref_source":"s"}`, "message_new"},
		{"send", `{"user":"anna","attachments":[{"type":"photo","photo":{"id":1,"owner_id":1}}]}`, "message_new"},
		{"send", `{"user":"boris","peer":"Tea","text":"in the chat"}`, "message_new"},
		{"edit", `{"user":"anna","cmid":4,"text":"y"}`, ""},
		{"delete", `{"user":"anna","cmid":4}`, ""},
		{"type", `{"user":"anna"}`, "message_typing_state"},
		{"read", `{"user":"anna","cmid":1}`, "message_read"},
		{"react", `{"user":"anna","cmid":1,"reaction":2}`, "message_reaction_event"},
		{"pin", `{"user":"anna","peer":"Tea","cmid":1}`, "message_new"},
		{"unpin", `{"user":"anna","peer":2000000001}`, "message_new"},
		{"join", `{"user":"anna"}`, "group_join"},
		{"leave", `{"user":"anna"}`, "group_leave"},
		{"allow", `{"user":"anna","key":"k"}`, "message_allow"},
		{"deny", `{"user":"anna"}`, "message_deny"},
		{"block", `{"user":"anna"}`, "user_block"},
		{"unblock", `{"user":"anna"}`, "user_unblock"},
		{"post", `{"user":"anna","text":"p"}`, "wall_post_new"},
		{"comment", `{"user":"anna","post":1,"text":"c"}`, "wall_reply_new"},
		{"like", `{"user":"anna","post":1}`, "like_add"},
		{"users", `{"first_name":"Vera"}`, ""},
		{"invite", `{"user":"anna","peer":"Tea","who":"vera"}`, "message_new"},
		{"kick", `{"user":"anna","peer":"Tea","who":"vera"}`, "message_new"},
		{"rename", `{"user":"anna","peer":"Tea","title":"Coffee"}`, "message_new"},
		{"chat", `{"peer":"Coffee","mentions_only":true,"member":-101,"admin":true}`, ""},
		{"leave", `{"user":"boris","peer":"Coffee"}`, "message_new"},
		{"kick", `{"user":"anna","peer":"Coffee","who":-101}`, ""},
		{"groups", `{"name":"Shop"}`, ""},
		{"chats", `{"title":"Milk","members":[1]}`, ""},
		{"tokens", `{"user_id":1}`, ""},
		{"emit", `{"type":"wall_repost","object":{"id":1}}`, "wall_repost"},
		{"longpoll", `{"do":"expire_key"}`, ""},
		{"longpoll", `{"do":"forget_session"}`, ""},
		{"longpoll", `{"do":"lose_history"}`, ""},
		{"clock", `{"ahead":60}`, ""},
	} {
		before := len(kinds())
		must(t, s, "POST", "/sim/"+r.path, r.body)
		now := kinds()[before:]
		got := ""
		if len(now) > 0 {
			got = now[0]
		}
		if got != r.event {
			t.Errorf("%s %s: the bot gets %q, want %q", r.path, r.body, now, r.event)
		}
	}
	v := must(t, s, "GET", "/sim/world", "")
	for name, n := range map[string]int{"users": 3, "groups": 2, "chats": 2, "tokens": 3} {
		if got := len(v[name].([]any)); got != n {
			t.Errorf("%d %s, want %d", got, name, n)
		}
	}
	token := v["tokens"].([]any)[2].(map[string]any)["token"].(string)
	must(t, s, "POST", "/sim/revoke", `{"token":"`+token+`"}`)
	must(t, s, "POST", "/sim/reset", "")
	if v := must(t, s, "GET", "/sim/world", ""); len(v["users"].([]any)) != 2 {
		t.Errorf("after a reset there are %v", v["users"])
	}
}

// TestNonsense checks that invalid requests are refused with a message and
// change nothing.
func TestNonsense(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	for _, r := range []struct {
		method, path, body string
		status             int
		code, words        string
	}{
		{"GET", "/sim/none", "", 404, "not_found", "/sim/none"},
		{"PUT", "/sim/send", "", 405, "method_not_allowed", "takes POST, not PUT"},
		{"POST", "/sim/world", "", 405, "method_not_allowed", "takes GET"},
		{"PATCH", "/sim/faults", "", 405, "method_not_allowed", "takes GET or POST or DELETE"},
		{"POST", "/sim/send", "{", 400, "bad_json", "ends too early"},
		{"POST", "/sim/send", "[]", 400, "bad_json", "array"},
		{"POST", "/sim/send", "null", 400, "bad_request", "user is missing"},
		{"POST", "/sim/send", "", 400, "bad_request", "user is missing"},
		{"POST", "/sim/send", "\x00\xff", 400, "bad_json", "line 1"},
		{"POST", "/sim/send", "{\n\"user\":1,\n\"txet\":1}", 400, "bad_json", "line 3: txet: there is no such field"},
		{"POST", "/sim/faults", `{"where":"*"}`, 400, "bad_json", "line 1: where: there is no such field; the fields are on, effect, code, "},
		{"POST", "/sim/send", "{\"user\":1,\n\"text\":1}", 400, "bad_json", "line 2: text: it is number, not a string"},
		{"POST", "/sim/send", `{"user":1}{}`, 400, "bad_json", "there is text after"},
		{"POST", "/sim/send", `{"user":[]}`, 400, "bad_json", "a user is an id or a name"},
		{"POST", "/sim/send", `{"user":99,"text":"x"}`, 404, "not_found", "there is no user 99"},
		{"POST", "/sim/send", `{"user":"nobody","text":"x"}`, 404, "not_found", `no user "nobody"`},
		{"POST", "/sim/send", `{"user":1,"peer":5,"text":"x"}`, 404, "not_found", "no chat 5"},
		{"POST", "/sim/send", `{"user":1,"peer":-5,"text":"x"}`, 404, "not_found", "no community 5"},
		{"POST", "/sim/send", `{"user":1,"peer":-9223372036854775808,"text":"x"}`, 404, "not_found", "no community"},
		{"POST", "/sim/send", `{"user":1,"peer":"Milk","text":"x"}`, 404, "not_found", "no chat"},
		{"POST", "/sim/send", `{"user":1,"text":""}`, 409, "refused", "the message is empty"},
		{"POST", "/sim/send", `{"user":1,"text":"x","reply_to":7}`, 409, "refused", "no such message"},
		{"POST", "/sim/send", `{"user":1,"text":"x","payload":"{"}`, 400, "bad_request", "is not JSON"},
		{"POST", "/sim/send", `{"user":1,"attachments":[1]}`, 400, "bad_request", "attachments[0]"},
		{"POST", "/sim/send", `{"user":1,"attachments":[{"type":"photo"}]}`, 400, "bad_request", "no object under"},
		{"POST", "/sim/send", `{"user":1,"text":"` + strings.Repeat("x", 4097) + `"}`, 400, "bad_request", "4096"},
		{"POST", "/sim/send", `{"user":1,"text":"` + strings.Repeat("x", maxBody) + `"}`, 413, "too_large", "bytes"},
		{"POST", "/sim/send?x=1", `{}`, 400, "bad_request", `no parameter "x": this takes none`},
		{"GET", "/sim/messages?user=1&x=1", "", 400, "bad_request", `no parameter "x", but user, peer`},
		{"GET", "/sim/messages?user=1&wait=NaN", "", 400, "bad_request", "wait is NaN"},
		{"GET", "/sim/messages?user=1&wait=61", "", 400, "bad_request", "not from 0 to 60"},
		{"GET", "/sim/messages?user=1&limit=0", "", 400, "bad_request", "limit"},
		{"GET", "/sim/messages?user=%zz", "", 400, "bad_request", "query"},
		{"GET", "/sim/events?since=-10001", "", 400, "bad_request", "since"},
		{"GET", "/sim/calls?method=no.such", "", 404, "not_found", "no.such"},
		{"POST", "/sim/edit", `{"user":1,"cmid":1,"text":"x"}`, 409, "refused", "no such message"},
		{"POST", "/sim/react", `{"user":1,"cmid":1}`, 409, "refused", "no such message"},
		{"POST", "/sim/pin", `{"user":1,"cmid":1}`, 400, "bad_request", "peer is not a chat"},
		{"POST", "/sim/type", `{"user":1,"state":"sleeping"}`, 400, "bad_request", "state"},
		{"POST", "/sim/leave", `{"user":1}`, 409, "refused", "is not in"},
		{"POST", "/sim/invite", `{"user":1,"peer":"Tea","who":2}`, 409, "refused", "cannot invite"},
		{"POST", "/sim/comment", `{"user":1,"post":5,"text":"x"}`, 409, "refused", ""},
		{"POST", "/sim/hear", `{"user":1,"like":"("}`, 400, "bad_request", "regular expression"},
		{"POST", "/sim/hear", `{"user":1,"wait":-1}`, 400, "bad_request", "wait"},
		{"POST", "/sim/see", `{"user":1}`, 400, "bad_request", "name one of"},
		{"POST", "/sim/see", `{"user":1,"typing":true,"read":1}`, 400, "bad_request", "name one of"},
		{"POST", "/sim/users", `{"id":1}`, 400, "bad_request", "id: user id 1 is taken"},
		{"POST", "/sim/users", `{"screen_name":"anna"}`, 400, "bad_request", "screen_name"},
		{"POST", "/sim/users", `{"lang":"xx"}`, 400, "bad_request", "lang: unknown language"},
		{"POST", "/sim/users", `{"deactivated":"maybe"}`, 400, "bad_request", "deactivated"},
		{"POST", "/sim/groups", `{"scopes":["all"]}`, 400, "bad_request", "scopes: unknown scope"},
		{"POST", "/sim/groups", `{"admins":[77]}`, 400, "bad_request", "admins: there is no user 77"},
		{"POST", "/sim/groups", `{"callbacks":[{"url":"file:///etc/passwd"}]}`, 400, "bad_request", "url"},
		{"POST", "/sim/chats", `{"members":[77]}`, 400, "bad_request", "members: no member 77"},
		{"POST", "/sim/chats", `{"members":[]}`, 400, "bad_request", "a chat needs a user"},
		{"POST", "/sim/chats", `{"members":[1],"id":1}`, 400, "bad_request", "id: chat id 1 is taken"},
		{"POST", "/sim/tokens", `{"user_id":77}`, 400, "bad_request", "user_id"},
		{"POST", "/sim/tokens", `{"user_id":1,"group_id":101}`, 400, "bad_request", "a token is"},
		{"POST", "/sim/emit", `{"object":{}}`, 400, "bad_request", "type is missing"},
		{"POST", "/sim/faults", `{"effect":"error","code":6}`, 400, "bad_request", "on is missing"},
		{"POST", "/sim/faults", `{"on":"messages.send"}`, 400, "bad_request", "a fault needs an effect or a delay"},
		{"POST", "/sim/faults", `{"on":"messages.snd","effect":"reset"}`, 400, "bad_request", "no method"},
		{"POST", "/sim/faults", `{"on":"message.*","effect":"reset"}`, 400, "bad_request", "there is no method"},
		{"POST", "/sim/faults", `{"on":"*","effect":"explode"}`, 400, "bad_request", `no effect "explode": the effects are bad_json, `},
		{"POST", "/sim/faults", `{"on":"*","effect":"error"}`, 400, "bad_request", "without a code"},
		{"POST", "/sim/faults", `{"on":"*","effect":"error","code":-5}`, 400, "bad_request", "code is -5"},
		{"POST", "/sim/faults", `{"on":"*","effect":"failed","code":9}`, 400, "bad_request", "1, 2 or 3"},
		{"POST", "/sim/faults", `{"on":"*","effect":"status","code":99}`, 400, "bad_request", "HTTP status"},
		{"POST", "/sim/faults", `{"on":"*","delay":1e30}`, 400, "bad_request", "delay"},
		{"POST", "/sim/faults", `{"on":"*","effect":"reset","chance":2}`, 400, "bad_request", "chance"},
		{"DELETE", "/sim/faults/1", "", 404, "not_found", "no fault"},
		{"DELETE", "/sim/faults/x", "", 404, "not_found", "no fault"},
		{"POST", "/sim/longpoll", `{"do":"nothing"}`, 400, "bad_request", "neither"},
		{"POST", "/sim/clock", `{"ahead":1e300}`, 400, "bad_request", "a year"},
		{"POST", "/sim/callbacks", `{"url":"gopher://x"}`, 400, "bad_request", "url"},
		{"POST", "/sim/callbacks", `{"url":"http://x","title":"` + strings.Repeat("x", 15) + `"}`, 400, "bad_request", "14"},
		{"DELETE", "/sim/callbacks/1", "", 404, "not_found", "no webhook"},
	} {
		refused(t, s, r.method, r.path, r.body, r.status, r.code, r.words)
	}
	if v := must(t, s, "GET", "/sim/world", ""); len(v["users"].([]any)) != 2 || len(v["chats"].([]any)) != 1 || len(v["groups"].([]any)) != 1 {
		t.Errorf("nonsense has left its marks: %v", v)
	}
	if v := must(t, s, "GET", "/sim/messages?user=1", ""); len(v["messages"].([]any)) != 0 {
		t.Errorf("nonsense has said something: %v", v)
	}
}

// TestForeignHost checks that the page and /sim are refused under a foreign
// host name that resolves to this machine, and that VK's API is not.
func TestForeignHost(t *testing.T) {
	s, err := New(Options{Hosts: []string{"Bot.test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "app.localhost:1": 200, "127.0.0.1": 200, "127.0.0.1:80": 200, "[::1]:80": 200, "[::1]": 200,
		"192.168.1.5:80": 200, "bot.test:80": 200, "evil.test": 403, "evil.test:80": 403, "127.0.0.1.evil.test": 403, "localhost.evil.test": 403, "": 403,
	} {
		for _, path := range []string{"/", "/sim", "/requests", "/page/app.js"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = host
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			if got := rec.Code; (got == 403) != (want == 403) {
				t.Errorf("%s of %q: %d", path, host, got)
			}
		}
	}
	r := httptest.NewRequest("GET", "/method/users.get", nil)
	r.Host = "evil.test"
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	if rec.Code == 403 {
		t.Error("the API is refused")
	}
}

// TestCrossOrigin checks that a page of another site cannot do anything.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	r := httptest.NewRequest("POST", "/sim/reset", nil)
	r.Header.Set("Origin", "https://evil.example")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "cross_origin") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestFaults sets up faults, lists them with their hits, and removes them.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	must(t, s, "POST", "/sim/faults", `{"on":"messages.send","effect":"error","code":6,"times":1,"params":{"message":"bad"}}`)
	must(t, s, "POST", "/sim/faults", `{"on":"users.*","effect":"reset","chance":0}`)
	must(t, s, "POST", "/sim/send", `{"user":"anna","text":"hi"}`)
	api(t, s, "messages.send", "peer_id", "1", "message", "good")
	_, token := s.Group()
	_, v := ask(s, "GET", "/method/messages.send?v=5.199&random_id=0&peer_id=1&message=bad&access_token="+url.QueryEscape(token), "")
	if e, _ := v["error"].(map[string]any); e["error_code"] != 6.0 {
		t.Errorf("got %v", v)
	}
	api(t, s, "users.get", "user_ids", "1")
	list := must(t, s, "GET", "/sim/faults", "")["faults"].([]any)
	first := list[0].(map[string]any)
	if len(list) != 2 || first["hits"] != 1.0 || first["spent"] != true || first["effect"] != "error" {
		t.Errorf("faults %v", list)
	}
	must(t, s, "DELETE", "/sim/faults/1", "")
	must(t, s, "DELETE", "/sim/faults", "")
	if list := must(t, s, "GET", "/sim/faults", "")["faults"].([]any); len(list) != 0 {
		t.Errorf("faults %v", list)
	}
	calls := must(t, s, "GET", "/sim/calls?method=messages.send", "")["calls"].([]any)
	if len(calls) != 2 || calls[1].(map[string]any)["error"].(map[string]any)["error_code"] != 6.0 {
		t.Errorf("calls %v", calls)
	}
	if b := string(encode(calls)); strings.Contains(b, token) {
		t.Error("the calls contain the token")
	}
	if v := must(t, s, "POST", "/sim/faults", `{"on":"longpoll","effect":"failed","code":1,"times":1}`); v["on"] != "long poll" {
		t.Errorf("got %v", v)
	}
	for body, want := range map[string]string{
		`{"on":"messages.send","effect":"lost"}`:         "effect lost on messages.send: this cannot happen to calls, but to events",
		`{"on":"webhook","effect":"failed","code":1}`:    "effect failed on callback: this cannot happen to requests to webhooks, but to polls",
		`{"on":"long pol","effect":"reset"}`:             `"long poll", "upload", "callback", "event" or "*"`,
		`{"on":"messages","effect":"reset"}`:             `"messages" is a section: say "messages.*"`,
		`{"on":"message_new","effect":"error","code":6}`: "but to calls",

		`{"on":"long poll","effect":"reset","params":{"ts":"1"}}`: "a fault of polls cannot be limited to parameters: only calls and uploads have them",
		`{"on":"*","effect":"lost","params":{"peer_id":"1"}}`:     "a fault of events cannot be limited to parameters",
		`{"on":"webhook","delay":1,"params":{"peer_id":"1"}}`:     "a fault of requests to webhooks cannot be limited to parameters",
		`{"on":"poll","effect":"empty","peer":1}`:                 "a fault of polls cannot be limited to a conversation: a poll names none",
		`{"on":"*","effect":"failed","code":2,"peer":1}`:          "a fault of polls cannot be limited to a conversation",
	} {
		if status, v := ask(s, "POST", "/sim/faults", body); status != 400 || !strings.Contains(mustText(v), want) {
			t.Errorf("%s: %d %v, want %s", body, status, v, want)
		}
	}
	for name := range effects {
		body := fmt.Sprintf(`{"on":"*","effect":%q,"code":3,"seconds":1,"value":{}}`, name)
		if name == "status" {
			body = `{"on":"*","effect":"status","code":502}`
		}
		must(t, s, "POST", "/sim/faults", body)
	}
}

// TestWaiting checks that waits end when their condition becomes true, at their
// timeout, at a reset, when the server is closed, and when the client
// disconnects.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t)
		type result struct {
			status int
			v      map[string]any
		}
		start := func(ctx context.Context, method, path, body string) <-chan result {
			c := make(chan result, 1)
			go func() {
				status, v := askIn(ctx, s, method, path, body)
				c <- result{status, v}
			}()
			synctest.Wait()
			return c
		}
		must(t, s, "POST", "/sim/send", `{"user":"anna","text":"hi"}`)
		c := start(t.Context(), "POST", "/sim/hear", `{"user":"anna","wait":30}`)
		time.Sleep(10 * time.Second)
		api(t, s, "messages.send", "peer_id", "1", "message", "pong")
		if r := <-c; r.status != 200 || r.v["text"] != "pong" {
			t.Errorf("heard %+v", r)
		}
		begin := time.Now()
		refused(t, s, "POST", "/sim/hear", `{"user":"anna","wait":30}`, 504, "timeout", "after 30 s, there is no new message")
		if d := time.Since(begin); d != 30*time.Second {
			t.Errorf("waited %v", d)
		}
		c = start(t.Context(), "POST", "/sim/hear", `{"user":"anna","wait":30}`)
		must(t, s, "POST", "/sim/reset", "{}")
		if r := <-c; r.status != 409 {
			t.Errorf("at a reset %+v", r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		c = start(ctx, "GET", "/sim/messages?user=1&wait=30", "")
		cancel()
		<-c
		c = start(t.Context(), "GET", "/sim/messages?user=1&wait=30", "")
		e := start(t.Context(), "GET", "/sim/events?since=1000&wait=30", "")
		<-e // lost: it is not a number of the stream
		last := int64(must(t, s, "GET", "/sim/events", "")["next"].(float64))
		e = start(t.Context(), "GET", fmt.Sprintf("/sim/events?since=%d&wait=30", last), "")
		s.Close()
		if r := <-c; r.status != 503 {
			t.Errorf("at the end %+v", r)
		}
		<-e
		refused(t, s, "GET", "/sim/world", "", 503, "closed", "")
	})
}

// TestManyWait checks the limit of concurrent waits, and that there is room
// again after they end.
func TestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{}, maxWaiting)
		for i := range maxWaiting {
			path := "/sim/messages?user=1&wait=60"
			if i%2 == 0 {
				path = fmt.Sprintf("/sim/events?since=%d&wait=60", s.stream.last)
			}
			go func() {
				askIn(ctx, s, "GET", path, "")
				over <- struct{}{}
			}()
		}
		synctest.Wait()
		refused(t, s, "POST", "/sim/hear", `{"user":1}`, 503, "busy", "1000 requests wait already")
		refused(t, s, "GET", fmt.Sprintf("/sim/events?since=%d&wait=1", s.stream.last), "", 503, "busy", "1000")
		must(t, s, "GET", "/sim/world", "") // requests that do not wait are served
		cancel()
		for range maxWaiting {
			<-over
		}
		refused(t, s, "POST", "/sim/hear", `{"user":1,"wait":1}`, 504, "timeout", "")
	})
}

// TestIdle checks that the bot is idle a while after it has polled for more
// events.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t)
		time.Sleep(time.Second)
		must(t, s, "POST", "/sim/idle", `{}`)
		refused(t, s, "POST", "/sim/ready", `{}`, 504, "timeout", "no bot polls community 101")
		go pollFor(t, s, 10)
		must(t, s, "POST", "/sim/ready", `{}`)
		time.Sleep(20 * time.Second)
		must(t, s, "POST", "/sim/send", `{"user":"anna","text":"hi"}`)
		refused(t, s, "POST", "/sim/idle", `{"wait":5}`, 504, "timeout", "not fetched, and no bot polls")
		begin := time.Now()
		go func() {
			time.Sleep(time.Second)
			poll(t, s)
			time.Sleep(200 * time.Millisecond)
			api(t, s, "messages.send", "peer_id", "1", "message", "pong")
		}()
		refused(t, s, "POST", "/sim/idle", `{"user":"anna"}`, 409, "unexpected", `should hear nothing, but hears "pong"`)
		if d := time.Since(begin); d < 1500*time.Millisecond || d > 1700*time.Millisecond {
			t.Errorf("idle after %v, want the end of the quiet time, 1.2 s", d)
		}
		must(t, s, "POST", "/sim/hear", `{"user":"anna"}`)
		must(t, s, "POST", "/sim/idle", `{"user":"anna"}`)
	})
}

// poll fetches all events, as a bot does.
func poll(t *testing.T, s *Sim) { pollFor(t, s, 0) }

func pollFor(t *testing.T, s *Sim, seconds int) {
	var server struct{ Server, Key, TS string }
	json.Unmarshal(api(t, s, "groups.getLongPollServer", "group_id", "101"), &server)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", fmt.Sprintf("%s?act=a_check&key=%s&ts=%s&wait=%d", server.Server, server.Key, server.TS, seconds), nil))
}

// TestStream checks that all events are in the stream, in order, that they can
// be read from a number on, and that dropped events are reported.
func TestStream(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	v := must(t, s, "GET", "/sim/events", "")
	next := v["next"].(float64)
	must(t, s, "POST", "/sim/send", `{"user":"anna","text":"<hi>"}`)
	api(t, s, "messages.send", "peer_id", "1", "message", "shop", "keyboard", shop)
	press := must(t, s, "POST", "/sim/press", `{"user":"anna","label":"Tea"}`)
	api(t, s, "messages.sendMessageEventAnswer", "event_id", press["event_id"].(string), "user_id", "1", "peer_id", "1")
	must(t, s, "POST", "/sim/type", `{"user":"anna"}`)
	must(t, s, "POST", "/sim/read", `{"user":"anna","cmid":2}`)
	must(t, s, "POST", "/sim/reset", "")
	v = must(t, s, "GET", fmt.Sprintf("/sim/events?since=%v", next), "")
	var kinds []string
	for i, e := range v["events"].([]any) {
		e := e.(map[string]any)
		kinds = append(kinds, e["type"].(string))
		if e["seq"] != next+float64(i)+1 {
			t.Errorf("event %d has the number %v", i, e["seq"])
		}
	}
	want := []string{"message", "event", "message", "event", "call", "press", "event", "answer", "call", "typing", "event", "read", "event",
		"user", "user", "group", "chat", "reset"}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
	if v["lost"] == true {
		t.Error("some are lost")
	}
	part := must(t, s, "GET", fmt.Sprintf("/sim/events?since=%v&limit=2", next), "")
	if len(part["events"].([]any)) != 2 || part["next"] != next+2 {
		t.Errorf("a part: %v", part)
	}
	if v := must(t, s, "GET", "/sim/events?since=999999", ""); v["lost"] != true || len(v["events"].([]any)) == 0 {
		t.Errorf("a number that is not of the stream: %v", v["lost"])
	}
}

// TestStreamIsBounded checks the limits of the stream by number and by bytes.
func TestStreamIsBounded(t *testing.T) {
	t.Parallel()
	s := newStream()
	for range streamEvents + 10 {
		s.note("x", 1)
	}
	if len(s.kept) != streamEvents {
		t.Errorf("%d events are kept", len(s.kept))
	}
	events, next, lost, _ := s.since(5, 3)
	if len(events) != 3 || next != 13 || !lost {
		t.Errorf("%d events, next %d, lost %v", len(events), next, lost)
	}
	if _, _, lost, _ := s.since(10, 3); lost {
		t.Error("nothing is lost after the tenth")
	}
	long := strings.Repeat("x", 1<<20)
	for range 40 {
		s.note("x", long)
	}
	total := 0
	for _, b := range s.kept {
		total += len(b)
	}
	if total > streamBytes || total != s.bytes {
		t.Errorf("%d bytes are kept, %d counted", total, s.bytes)
	}
	c := shortCall(callView{Params: map[string]string{"code": long}, Response: json.RawMessage(`"` + long + `"`)})
	if b := encode(c); len(b) > 3*longest || !bytes.Contains(b, []byte(`"response_cut":true`)) {
		t.Errorf("a long call has %d bytes", len(b))
	}
}

// TestCallbacks adds a webhook, which is asked to confirm itself and gets
// events, and removes it.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	got := make(chan string, 10)
	var code string
	ready := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-ready
		var e struct{ Type, Secret string }
		json.NewDecoder(r.Body).Decode(&e)
		got <- e.Type + " " + e.Secret
		if e.Type == "confirmation" {
			fmt.Fprint(w, code)
			return
		}
		fmt.Fprint(w, "ok")
	}))
	defer hook.Close()
	v := must(t, s, "POST", "/sim/callbacks", `{"url":"`+hook.URL+`","secret":"s"}`)
	code = v["confirmation"].(string)
	close(ready)
	if k := <-got; k != "confirmation s" {
		t.Errorf("got %q", k)
	}
	must(t, s, "POST", "/sim/send", `{"user":"anna","text":"hi"}`)
	if k := <-got; k != "message_new s" {
		t.Errorf("got %q", k)
	}
	must(t, s, "POST", "/sim/idle", `{}`)
	v = must(t, s, "GET", "/sim/callbacks", "")
	if len(v["callbacks"].([]any)) != 1 || len(v["deliveries"].([]any)) != 2 || v["confirmation"] != code {
		t.Errorf("callbacks %v", v)
	}
	must(t, s, "DELETE", "/sim/callbacks/1", "")
	if v := must(t, s, "GET", "/sim/callbacks", ""); len(v["callbacks"].([]any)) != 0 {
		t.Errorf("callbacks %v", v)
	}
}

// TestIndex checks that the page and GET /sim list all requests, and that the
// examples of the list are accepted.
func TestIndex(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", "/requests", nil))
	list := must(t, s, "GET", "/sim", "")["endpoints"].([]any)
	if rec.Code != 200 || len(list) < 40 {
		t.Fatalf("%d, %d endpoints", rec.Code, len(list))
	}
	for _, e := range list {
		e := e.(map[string]any)
		if want := fmt.Sprintf("<code>%s %s</code>", e["method"], e["path"]); !strings.Contains(rec.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
		if e["method"] != "POST" {
			continue
		}
		path, example := e["path"].(string), e["example"].(map[string]any)
		switch path {
		case "/sim/hear", "/sim/see", "/sim/idle", "/sim/ready":
			example["wait"] = 0
		case "/sim/callbacks":
			continue // no webhook is to be called
		}
		body, _ := json.Marshal(example)
		if status, v := ask(s, "POST", path, string(body)); status == 400 {
			t.Errorf("%s %s: %v", path, body, v)
		}
	}
	rec = httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("POST", "/requests", nil))
	if rec.Code != 405 {
		t.Errorf("POST /requests: %d", rec.Code)
	}
}

// TestLimits checks that the objects clients can add are limited.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	for range maxGroups - 1 {
		must(t, s, "POST", "/sim/groups", `{}`)
	}
	refused(t, s, "POST", "/sim/groups", `{}`, 429, "too_many", "100 communities")
	for range maxFaults {
		must(t, s, "POST", "/sim/faults", `{"on":"upload","effect":"reset"}`)
	}
	refused(t, s, "POST", "/sim/faults", `{"on":"upload","effect":"reset"}`, 429, "too_many", "1000 faults")
}

// FuzzRequest checks that every request gets a JSON response and leaves the
// world intact.
func FuzzRequest(f *testing.F) {
	s, err := New(Options{Hosts: []string{"example.com"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range s.endpoints() {
		b, _ := json.Marshal(e.body)
		f.Add(e.method, strings.NewReplacer("{event}", "x", "{id}", "1").Replace(e.path), "user=1&since=1", string(b))
	}
	s.Close()
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if len(body) > 4000 || strings.Contains(body, "wait") || strings.Contains(query, "wait") || strings.HasSuffix(path, "hear") ||
			strings.HasSuffix(path, "see") || strings.HasSuffix(path, "idle") || strings.HasSuffix(path, "ready") || strings.Contains(body, "url") {
			return // no waiting, and no webhooks
		}
		s := newSim(t)
		r := &http.Request{Method: method, URL: &url.URL{Path: "/sim/" + strings.TrimPrefix(path, "/sim/"), RawQuery: query},
			Host: "vk.test", Header: http.Header{}, Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
		r = r.WithContext(t.Context())
		if body != "" {
			r.Body = readCloser{strings.NewReader(body)}
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if rec.Code/100 != 3 && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s %q: %d %q", method, r.URL, rec.Code, rec.Body)
		}
		must(t, s, "GET", "/sim/world", "")
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// FuzzWorld checks that every world file is a world or an error with a line.
func FuzzWorld(f *testing.F) {
	f.Add(string(encode(Small())))
	f.Add(`{"groups":[{}],"users":[{"id":1},{"id":1}]}`)
	f.Add("{\n\"groups\":[{\"id\":\"x\"}]}")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWorld([]byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if !strings.Contains(text, "callbacks") {
			s, err := New(Options{World: w, Hosts: []string{"example.com"}})
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			s.Close()
		}
	})
}

// TestBrokenWorld checks that errors in a file are reported with line and
// field.
func TestBrokenWorld(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "line 1: the text ends too early",
		"{\n":                                  "line 2: the text ends too early",
		"{\n}x":                                "line 2: there is text after the end",
		"{}":                                   "line 1: groups: a world needs a community",
		"{\n\"groups\": 1}":                    "line 2: groups: it is number, not an array",
		"{\"groups\":[{}],\n\"x\":1}":          "line 2: x: there is no such field",
		"{\"groups\":[{}\n{}]}":                "line 2: invalid character '{' after array element",
		"{\"groups\":[{},\n{\"id\":\n\"1\"}]}": "line 3: groups.id: it is string, not a number that fits",
		"{\"groups\":[{\"id\":5},\n{\n\"id\":5}]}":                "line 3: groups[1].id: group id 5 is taken or out of range",
		"{\"groups\":[{}],\n\"chats\":[{\"members\":[1]}]}":       "line 2: chats[0].members: no member 1",
		"{\"groups\":[{}],\n\"tokens\":[{},\n{\"user_id\":1}]}":   "line 3: tokens[1].user_id: no such user",
		"{\"groups\":[{\"callbacks\":[\n{\"url\":\"x\"}]}]}":      "line 2: groups[0].url: it is not an http:// or https:// address",
		"{\"users\":[{},{},\n{\"lang\":\"xx\"}],\"groups\":[{}]}": "line 2: users[2].lang: unknown language xx",
		"{\"groups\":[{\"token\":\"a\"},{\n\"token\":\"a\"}]}":    "line 2: groups[1].token: the token is taken",
		"\ufeff{\"groups\":[{\n\"token\":\"a b\"}]}":              "line 2: groups[0].token: it contains white space",
		"{\"groups\":[{\n\"scopes\":[\"message\"]}]}": "line 2: groups[0].scopes: unknown scope message: the scopes are stories, photos, app_widget, " +
			"messages, docs, manage",
		"{\"groups\":[{\n\"long_poll\":{\n\"api_version\":\"latest\"}}]}": "line 3: groups[0].api_version: version \"latest\" is no version of the API, " +
			"such as 5.199",
	} {
		_, err := ParseWorld([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"groups":[{"intents":["spam"]}]}`:                                        "groups[0].intents: unknown intent spam: the intents are default, ",
		`{"groups":[{"long_poll":{"events":{"message_nwe":false}}}]}`:              `groups[0].events: unknown event "message_nwe": the events are `,
		`{"groups":[{"callbacks":[{"url":"http://x","events":{"joined":true}}]}]}`: `groups[0].events: unknown event "joined": the events are `,
	} {
		if _, err := ParseWorld([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "line 1: "+want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
