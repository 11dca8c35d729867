package fakediscord

import (
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// define replaces the bot's global commands.
func (f *fixture) define(commands string) {
	f.t.Helper()
	f.ok("PUT", f.commands(), "["+commands+"]")
}

// A use is an interaction as the bot knows it.
type use struct {
	f     *fixture
	id    ID
	token string
}

// of returns an interaction by its ID.
func (f *fixture) of(id ID, err error) use {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return use{f: f, id: id, token: f.s.interactions[id].token}
}

// slash lets Anna use a command.
func (f *fixture) slash(words string, options map[string]any) use {
	f.t.Helper()
	return f.of(f.s.Slash(f.anna, f.general, words, options))
}

func (u use) path() string { return "/interactions/" + u.id.String() + "/" + u.token + "/callback" }
func (u use) hook() string { return "/webhooks/" + u.f.s.Me().String() + "/" + u.token }

// reply answers an interaction with a callback that must succeed.
func (u use) reply(body string) {
	u.f.t.Helper()
	if r := u.f.call("POST", u.path(), body, "Authorization", ""); r.status != 204 || r.body != "" {
		u.f.t.Fatalf("%s: %d %s", body, r.status, r.body)
	}
}

// press lets Anna press a button of the latest message that has it.
func (f *fixture) press(button string) use {
	f.t.Helper()
	return f.of(f.s.Press(f.anna, f.general, 0, button))
}

const oneButton = `"components":[{"type":1,"components":[{"type":2,"style":1,"label":"Yes","custom_id":"yes"}]}]`

const oneForm = `{"type":9,"data":{"custom_id":"f","title":"Form","components":[{"type":1,"components":[{"type":4,"custom_id":"q","label":"Question","style":1}]}]}}`

// panel lets the bot answer a command with a button.
func (f *fixture) panel() {
	f.t.Helper()
	f.slash("a", nil).reply(`{"type":4,"data":{"content":"panel",` + oneButton + `}}`)
}

const simpleCommand = `{"name":"a","description":"d"}`

// TestCallbackErrors: each refusal of a callback.
func TestCallbackErrors(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand + `,{"name":"c","description":"d","options":[{"type":4,"name":"n","description":"d","autocomplete":true}]}`)
	f.panel()
	command := func() use { return f.slash("a", nil) }
	button := func() use { return f.press("Yes") }
	complete := func() use { return f.of(f.s.Complete(f.anna, f.general, "c", "n", map[string]any{"n": "1"})) }
	form := func() use {
		f.slash("a", nil).reply(oneForm)
		return f.of(f.s.Fill(f.anna, f.general, map[string]any{"Question": "x"}))
	}
	for _, tt := range []struct {
		name   string
		of     func() use
		body   string
		status int
		code   int
		words  string
	}{
		{"no type", command, `{}`, 400, 50035, `"type":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"an unknown type", command, `{"type":77}`, 400, 50035, `"type"`},
		{"a pong", command, `{"type":1}`, 400, 50035, `"type"`},
		{"an update of a command", command, `{"type":7,"data":{"content":"x"}}`, 400, 50035, `"type"`},
		{"a deferred update of a command", command, `{"type":6}`, 400, 50035, `"type"`},
		{"choices for a command", command, `{"type":8,"data":{"choices":[]}}`, 400, 50035, `"type"`},
		{"a message for a completion", complete, `{"type":4,"data":{"content":"x"}}`, 400, 50035, `"type"`},
		{"a form for a form", form, oneForm, 400, 50035, `"type"`},
		{"an update of a form of a command", form, `{"type":7,"data":{"content":"x"}}`, 400, 50035, `"type"`},
		{"no data", command, `{"type":4}`, 400, 50035, `"data":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"data of a wrong type", command, `{"type":4,"data":5}`, 400, 50035, `"data":{"_errors":[{"code":"MODEL_TYPE_CONVERT"`},
		{"nothing to say", command, `{"type":4,"data":{}}`, 400, 50006, ""},
		{"too long", command, `{"type":4,"data":{"content":"` + strings.Repeat("x", 2001) + `"}}`, 400, 50035, `"data":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"a wrong embed", command, `{"type":4,"data":{"embeds":[{"title":"` + strings.Repeat("x", 257) + `"}]}}`, 400, 50035, `"title":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"a wrong component", button, `{"type":7,"data":{"components":[{"type":1,"components":[]}]}}`, 400, 50035, `"data":{"components":{"0":{"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"an emptied message", button, `{"type":7,"data":{"content":"","components":[]}}`, 400, 50006, ""},
		{"no choices", complete, `{"type":8,"data":{}}`, 400, 50035, `"data":{"choices":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"26 choices", complete, `{"type":8,"data":{"choices":[` + many(26, `{"name":"n%d","value":1}`) + `]}}`, 400, 50035, `"data":{"choices":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"a text as a number", complete, `{"type":8,"data":{"choices":[{"name":"n","value":"x"}]}}`, 400, 50035, `"data":{"choices":{"0":{"value"`},
		{"an empty form", command, `{"type":9,"data":{"custom_id":"f","title":"t","components":[]}}`, 400, 50035, `"data":{"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"not JSON", command, `{`, 400, 50109, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			u := tt.of()
			if r := f.refused(tt.status, tt.code, "POST", u.path(), tt.body); !strings.Contains(r.body, tt.words) {
				t.Errorf("%s\nwant %s", r.body, tt.words)
			}
			f.refused(404, 10015, "POST", u.hook(), `{"content":"x"}`) // it still waits
			if in := f.s.interactions[u.id]; in.kind == interactionAutocomplete {
				u.reply(`{"type":8,"data":{"choices":[]}}`)
				f.refused(404, 10015, "POST", u.hook(), `{"content":"x"}`)
			} else {
				u.reply(`{"type":4,"data":{"content":"x"}}`)
			}
			f.refused(400, 40060, "POST", u.path(), `{"type":4,"data":{"content":"x"}}`)
		})
	}
	f.t = t
	u := f.slash("a", nil)
	f.refused(404, 10062, "POST", "/interactions/5/"+u.token+"/callback", `{"type":5}`)
	f.refused(404, 10062, "POST", "/interactions/"+u.id.String()+"/x/callback", `{"type":5}`)
	f.refused(401, 50027, "POST", "/webhooks/"+f.s.Me().String()+"/x", `{"content":"x"}`)
	u.reply(oneForm)
	f.refused(404, 10008, "GET", u.hook()+"/messages/@original", "")
	f.refused(404, 10008, "PATCH", u.hook()+"/messages/5", `{"content":"x"}`)
	u = f.press("Yes")
	u.reply(`{"type":6}`)
	f.ok("DELETE", u.hook()+"/messages/@original", "")
	f.refused(404, 10008, "PATCH", u.hook()+"/messages/@original", `{"content":"x"}`)
	f.panel()
	u = f.press("Yes")
	f.as("DELETE", "/channels/"+f.general.String()+"/messages/"+f.s.channels[f.general].last.String(), nil)
	f.refused(404, 10008, "POST", u.path(), `{"type":7,"data":{"content":"x"}}`)
}

// TestAnswers: the messages and events that answers make.
func TestAnswers(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	g := f.connect(everything)
	u := f.slash("a", nil)
	e := g.wait("INTERACTION_CREATE")
	if e["id"] != u.id.String() || e["token"] != u.token || number(e, "type") != 2 || e["application_id"] != f.s.Me().String() || e["guild_id"] != f.guild.String() ||
		e["channel_id"] != f.general.String() || text(e["member"].(object)["user"].(object), "username") != "anna" || e["user"] != nil || number(e, "context") != 0 ||
		e["locale"] != "en-US" || e["member"].(object)["permissions"] == nil || e["app_permissions"] == nil {
		t.Errorf("the event is %v", e)
	}
	r := f.ok("POST", u.path()+"?with_response=true", `{"type":4,"data":{"content":"hi"}}`, "Authorization", "")
	about, made := r["interaction"].(object), r["resource"].(object)["message"].(object)
	if about["response_message_id"] != made["id"] || about["response_message_loading"] != false || about["response_message_ephemeral"] != false || number(made, "type") != 20 {
		t.Errorf("got %v", r)
	}
	m := g.wait("MESSAGE_CREATE")
	meta := m["interaction_metadata"].(object)
	if m["content"] != "hi" || m["webhook_id"] != f.s.Me().String() || m["application_id"] != f.s.Me().String() || meta["id"] != u.id.String() || meta["name"] != "a" {
		t.Errorf("the message is %v", m)
	}
	if got := f.ok("PATCH", u.hook()+"/messages/@original", `{"content":"there"}`, "Authorization", ""); got["content"] != "there" || got["edited_timestamp"] == nil {
		t.Errorf("got %v", got)
	}
	if got := f.ok("GET", u.hook()+"/messages/@original", "", "Authorization", ""); got["content"] != "there" {
		t.Errorf("got %v", got)
	}
	more := f.ok("POST", u.hook(), `{"content":"more"}`, "Authorization", "")
	if number(more, "type") != 19 || more["message_reference"].(object)["message_id"] != made["id"] {
		t.Errorf("the follow-up is %v", more)
	}
}

// TestPrivateAnswers: answers that one person sees, and those that are put off. The
// bot is told of public ones alone.
func TestPrivateAnswers(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	g := f.connect(everything)
	u := f.slash("a", nil)
	u.reply(`{"type":4,"data":{"content":"public"}}`)
	secret := f.ok("POST", u.hook(), `{"content":"secret","flags":64}`, "Authorization", "")
	if number(secret, "flags") != 64 {
		t.Errorf("got %v", secret)
	}
	f.refused(404, 10008, "GET", "/channels/"+f.general.String()+"/messages/"+text(secret, "id"), "")
	path := u.hook() + "/messages/" + text(secret, "id")
	if got := f.ok("PATCH", path, `{"content":"deep secret"}`); got["content"] != "deep secret" || number(got, "flags") != 64 {
		t.Errorf("got %v", got)
	}
	f.ok("DELETE", path, "")
	f.refused(404, 10008, "GET", path, "")

	u = f.slash("a", nil)
	u.reply(`{"type":5,"data":{"flags":64}}`)
	if got := f.ok("GET", u.hook()+"/messages/@original", ""); number(got, "flags") != 64+128 {
		t.Errorf("got %v", got)
	}
	if got := f.ok("POST", u.hook(), `{"content":"now"}`); number(got, "flags") != 64 || got["edited_timestamp"] != nil {
		t.Errorf("the first follow-up does not fill in: %v", got)
	}
	if got := f.ok("POST", u.hook(), `{"content":"later"}`); number(got, "flags") != 0 {
		t.Errorf("got %v", got)
	}
	u = f.slash("a", nil)
	u.reply(`{"type":5,"data":{"flags":64}}`)
	if got := f.ok("PATCH", u.hook()+"/messages/@original", `{"content":"secret flags","flags":4}`); number(got, "flags") != 64+4 || got["edited_timestamp"] != nil {
		t.Errorf("got %v", got)
	}
	f.says(f.general, "the end")
	var told []string
	for {
		p, err := g.read()
		if err != nil {
			t.Fatal(err)
		}
		content := text(p.object(t), "content")
		if content == "the end" {
			break
		}
		if content != "" || p.T == "MESSAGE_DELETE" {
			told = append(told, p.T+" "+content)
		}
	}
	if got := strings.Join(told, ", "); got != "MESSAGE_CREATE public, MESSAGE_CREATE later" {
		t.Errorf("the bot is told of %s", got)
	}
}

// TestUpdates: a press may change the message that has the button.
func TestUpdates(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	f.panel()
	g := f.connect(everything)
	u := f.press("Yes")
	e := g.wait("INTERACTION_CREATE")
	data, message := e["data"].(object), e["message"].(object)
	if number(e, "type") != 3 || data["custom_id"] != "yes" || number(data, "component_type") != 2 || message["content"] != "panel" {
		t.Errorf("the event is %v", e)
	}
	u.reply(`{"type":7,"data":{"content":"pressed"}}`)
	if m := g.wait("MESSAGE_UPDATE"); m["content"] != "pressed" || len(m["components"].([]any)) != 1 || m["id"] != message["id"] {
		t.Errorf("got %v", m)
	}
	if got := f.ok("GET", u.hook()+"/messages/@original", ""); got["id"] != message["id"] {
		t.Errorf("the original is %v", got)
	}
	u = f.press("yes")
	u.reply(`{"type":6}`)
	f.ok("PATCH", u.hook()+"/messages/@original", `{"content":"pressed again"}`)
	if m := g.wait("MESSAGE_UPDATE"); m["content"] != "pressed again" {
		t.Errorf("got %v", m)
	}
	u = f.press("Yes")
	u.reply(`{"type":4,"data":{"content":"an answer"}}`)
	if m := g.wait("MESSAGE_CREATE"); number(m, "type") != 19 || m["interaction_metadata"].(object)["interacted_message_id"] != message["id"] {
		t.Errorf("got %v", m)
	}
	u = f.press("Yes")
	u.reply(oneForm)
	u = f.of(f.s.Fill(f.anna, f.general, map[string]any{"q": "x"}))
	g.wait("INTERACTION_CREATE")
	if e := g.wait("INTERACTION_CREATE"); number(e, "type") != 5 || e["message"].(object)["id"] != message["id"] {
		t.Errorf("the event is %v", e)
	}
	u.reply(`{"type":7,"data":{"content":"filled in","components":[]}}`)
	if m := g.wait("MESSAGE_UPDATE"); m["content"] != "filled in" || len(m["components"].([]any)) != 0 {
		t.Errorf("got %v", m)
	}
}

// TestInteractionTimes: three seconds for the first answer, fifteen minutes for the
// others.
func TestInteractionTimes(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fixture, client *http.Client) {
		do := func(method, path string, body object) (int, int) {
			t.Helper()
			r, err := http.NewRequest(method, "http://discord.test/api/v10"+path, strings.NewReader(string(encode(body))))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bot "+f.s.Token())
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var out object
			json.NewDecoder(resp.Body).Decode(&out)
			code, _ := out["code"].(float64)
			return resp.StatusCode, int(code)
		}
		want := func(what string, status, code int) func(int, int) {
			return func(gotStatus, gotCode int) {
				t.Helper()
				if gotStatus != status || gotCode != code {
					t.Errorf("%s: %d, code %d, want %d, code %d", what, gotStatus, gotCode, status, code)
				}
			}
		}
		want("the command", 201, 0)(do("POST", f.commands(), object{"name": "a", "description": "d"}))
		u := f.slash("a", nil)
		time.Sleep(2999 * time.Millisecond)
		want("just in time", 204, 0)(do("POST", u.path(), object{"type": 5}))
		late := f.slash("a", nil)
		time.Sleep(3 * time.Second)
		synctest.Wait() // the time is over at this moment
		want("too late", 404, 10062)(do("POST", late.path(), object{"type": 5}))
		want("never acknowledged", 404, 10015)(do("POST", late.hook(), object{"content": "x"}))
		var seen []string
		for _, h := range f.s.Timeline(0) {
			if h.Kind == HappeningNoResponse {
				seen = append(seen, fmt.Sprint(h.Text+" ", h.Only == f.anna, h.Interaction == late.id))
			}
		}
		if len(seen) != 1 || seen[0] != "The application did not respond true true" {
			t.Errorf("Anna sees %q", seen)
		}
		time.Sleep(15*time.Minute - 6*time.Second)
		want("just before the end", 200, 0)(do("PATCH", u.hook()+"/messages/@original", object{"content": "x"}))
		time.Sleep(time.Second)
		synctest.Wait()
		want("after the end", 401, 50027)(do("PATCH", u.hook()+"/messages/@original", object{"content": "x"}))
		time.Sleep(3 * time.Second)
		f.slash("a", nil)
		f.s.mu.Lock()
		if n := len(f.s.interactions); n != 1 {
			t.Errorf("%d interactions are remembered", n)
		}
		f.s.mu.Unlock()
	})
}

// TestLimitsOfCallbacks: callbacks do not count globally, and faults hit them.
func TestLimitsOfCallbacks(t *testing.T) {
	inBubble(t, Config{Global: 1}, func(t *testing.T, f *fixture, client *http.Client) {
		f.define(simpleCommand)
		f.s.mu.Lock()
		f.s.global.since = time.Now() // the request above has used it up
		f.s.mu.Unlock()
		var uses []use
		for range 3 {
			u := f.slash("a", nil)
			u.reply(`{"type":5}`)
			uses = append(uses, u)
		}
		f.ok("PATCH", uses[0].hook()+"/messages/@original", `{"content":"x"}`, "Authorization", "")
		for range 5 {
			f.ok("POST", uses[1].hook(), `{"content":"x"}`, "Authorization", "")
		}
		f.refused(429, 0, "POST", uses[1].hook(), `{"content":"x"}`, "Authorization", "")
		f.ok("POST", uses[2].hook(), `{"content":"x"}`, "Authorization", "") // each token has its own bucket
		f.s.Fail(Fault{Call: "POST /interactions/*/*/callback", Times: 1, Status: 429, RetryAfter: time.Second})
		f.s.Fail(Fault{Call: "POST /interactions/*/*/callback", Times: 1, Lost: true})
		u := f.slash("a", nil)
		f.refused(429, 0, "POST", u.path(), `{"type":5}`)
		r, err := http.NewRequest("POST", f.url+"/api/v10"+u.path(), strings.NewReader(`{"type":5}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if resp, err := client.Do(r); err == nil {
			resp.Body.Close()
			t.Error("the answer is not lost")
		}
		f.refused(400, 40060, "POST", u.path(), `{"type":5}`)
	})
}

// TestCutBeforeCallback: the callback does not need the gateway, and an event that the
// bot has missed comes again with a resume.
func TestCutBeforeCallback(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	g := f.connect(0)
	seq := g.seq
	f.s.Cut()
	u := f.slash("a", nil)
	again := f.dial("v=10&encoding=json")
	again.op(opHello)
	again.send(fmt.Sprintf(`{"op":6,"d":{"token":%q,"session_id":%q,"seq":%d}}`, f.s.Token(), g.session, seq))
	if e := again.wait("INTERACTION_CREATE"); e["token"] != u.token {
		t.Errorf("got %v", e)
	}
	f.s.Cut()
	u.reply(`{"type":4,"data":{"content":"x"}}`)
}

// TestFilesOfAnswers: an answer has uploads, and its embeds show them.
func TestFilesOfAnswers(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	u := f.slash("a", nil)
	var b strings.Builder
	w := multipart.NewWriter(&b)
	w.WriteField("payload_json", `{"type":4,"data":{"embeds":[{"image":{"url":"attachment://a.png"}}],"attachments":[{"id":0,"description":"d"},{"id":1}]}}`)
	for i, name := range []string{"a.png", "b.txt"} {
		part, err := w.CreateFormFile(fmt.Sprintf("files[%d]", i), name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte("x"))
	}
	w.Close()
	r := f.ok("POST", u.path()+"?with_response=1", b.String(), "Content-Type", w.FormDataContentType())
	m := r["resource"].(object)["message"].(object)
	files := m["attachments"].([]any)
	if len(files) != 1 || files[0].(object)["filename"] != "b.txt" || !strings.Contains(m["embeds"].([]any)[0].(object)["image"].(object)["url"].(string), "/cdn/attachments/") {
		t.Errorf("got %v", m)
	}
}

// TestButtonEditWithFile: the message of a button, which is no answer, gets an upload by the
// token of the press, as a call without a user.
func TestButtonEditWithFile(t *testing.T) {
	f := newFixture(t, Config{})
	f.ok("POST", "/channels/"+f.general.String()+"/messages", `{"content":"panel",`+oneButton+`}`)
	u := f.press("Yes")
	u.reply(`{"type":6}`)
	var b strings.Builder
	w := multipart.NewWriter(&b)
	w.WriteField("payload_json", `{"content":"with a file"}`)
	part, err := w.CreateFormFile("files[0]", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	part.Write([]byte("x"))
	w.Close()
	m := f.ok("PATCH", u.hook()+"/messages/@original", b.String(), "Content-Type", w.FormDataContentType(), "Authorization", "")
	if files := m["attachments"].([]any); len(files) != 1 || m["content"] != "with a file" {
		t.Errorf("got %v", m)
	}
	f.ok("POST", u.hook(), `{"content":"x","message_reference":{"message_id":"`+m["id"].(string)+`"}}`, "Authorization", "")
}
