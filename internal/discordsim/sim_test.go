package discordsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/fakediscord"
	"github.com/vkrouter/vk/internal/websocket"
)

type fixture struct {
	t    *testing.T
	fake *fakediscord.Server
	url  string
}

func newFixture(t *testing.T) *fixture {
	fake := fakediscord.New(fakediscord.Config{Global: -1})
	sim := New(fake)
	s := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); fake.Close(); s.Close() })
	return &fixture{t, fake, s.URL}
}

// request makes a request and returns the status and the answer.
func (f *fixture) request(method, path, body string, header ...string) (int, map[string]any) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		f.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	return resp.StatusCode, out
}

func (f *fixture) ok(method, path, body string) map[string]any {
	f.t.Helper()
	status, out := f.request(method, path, body)
	if status != 200 {
		f.t.Fatalf("%s %s %s: %d %v", method, path, body, status, out)
	}
	return out
}

// TestEveryRequest: each request that GET /sim lists works, with a body like its
// example.
func TestEveryRequest(t *testing.T) {
	f := newFixture(t)
	guild := f.fake.Guilds()[0].ID
	message := ""
	define(t, f)
	bot := newBot(t, f.fake)
	bodies := map[string]string{
		"POST /sim/act":     fmt.Sprintf(`{"as":"Anna","method":"PATCH","path":"/guilds/%s","body":{"name":"Renamed"}}`, guild),
		"POST /sim/gateway": `{"do":"reconnect"}`,
		"POST /sim/leave":   `{"user":"Boris"}`,
		"POST /sim/join":    `{"user":"Vera"}`,
		"POST /sim/press":   `{"as":"Anna","channel":"general","button":"Yes"}`,
		"POST /sim/pick":    `{"as":"Anna","channel":"general","menu":"Colour","values":["Red"]}`,
		"POST /sim/menu":    `{"as":"Anna","channel":"general","command":"Report","user":"Boris"}`,

		"POST /sim/endpoint": `{"url":"` + bot.URL + `"}`,
	}
	seen := 0
	for _, v := range f.ok("GET", "/sim", "")["requests"].([]any) {
		e := v.(map[string]any)
		line := e["method"].(string) + " " + e["path"].(string)
		body, err := json.Marshal(e["body"])
		if err != nil {
			t.Fatal(err)
		}
		if b := bodies[line]; b != "" {
			body = []byte(b)
		}
		if e["body"] == nil {
			body = nil
		}
		if line == "POST /sim/react" {
			body = []byte(fmt.Sprintf(`{"as":"Anna","channel":"general","message":%q,"emoji":"👍"}`, message))
		}
		path := e["path"].(string)
		if line == "GET /sim/commands" {
			path += "?as=Anna&channel=general"
		}
		out := f.ok(e["method"].(string), path, string(body))
		if line == "POST /sim/say" {
			message = out["id"].(string)
		}
		if e["about"] == "" {
			t.Errorf("%s says nothing", line)
		}
		seen++
	}
	if seen < 31 {
		t.Errorf("%d requests", seen)
	}
	world := f.ok("GET", "/sim/world", "")
	if g := world["guilds"].([]any)[0].(map[string]any); g["name"] != "Renamed" || len(g["channels"].([]any)) != 3 {
		t.Errorf("the guild is %v", g)
	}
	if len(world["users"].([]any)) != 4 || world["bot"].(map[string]any)["token"] != f.fake.Token() || world["bot"].(map[string]any)["public_key"] != f.fake.PublicKey() {
		t.Errorf("the world is %v", world)
	}
}

// TestGateway: all that the gateway can do, and nothing else.
func TestGateway(t *testing.T) {
	f := newFixture(t)
	for _, body := range []string{
		`{"do":"invalid","resumable":true}`, `{"do":"cut"}`, `{"do":"close","code":4000,"reason":"bye"}`, `{"do":"silence"}`, `{"do":"deaf"}`,
		`{"do":"brick","on":true}`, `{"do":"late","ms":5}`, `{"do":"twice","on":true}`, `{"do":"huge","bytes":1000}`, `{"do":"garble"}`, `{"do":"heartbeat"}`,
	} {
		f.ok("POST", "/sim/gateway", body)
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		words                    string
	}{
		{"no such path", "GET", "/sim/nothing", "", 404, "GET /sim lists what there is"},
		{"another method", "GET", "/sim/say", "", 405, "takes POST"},
		{"not JSON", "POST", "/sim/say", "nonsense", 400, "the body is not as expected"},
		{"a misspelt field", "POST", "/sim/say", `{"text":"a","chanel":"x"}`, 400, `unknown field \"chanel\"`},
		{"no such person", "POST", "/sim/say", `{"as":"Gleb","channel":"general","text":"x"}`, 400, "POST /sim/users makes one"},
		{"nobody", "POST", "/sim/say", `{"channel":"general","text":"x"}`, 400, "the name of a person is missing"},
		{"no such channel", "POST", "/sim/say", `{"as":"Anna","channel":"x","text":"x"}`, 400, "there is no channel"},
		{"no such guild", "POST", "/sim/outage", `{"guild":"x"}`, 400, "there is no guild"},
		{"nothing said", "POST", "/sim/say", `{"as":"Anna","channel":"general"}`, 400, "50006"},
		{"not allowed", "POST", "/sim/act", `{"as":"Boris","method":"POST","path":"/guilds/` + f.fake.Guilds()[0].ID.String() + `/roles"}`, 403, "50013"},
		{"no status", "POST", "/sim/faults", `{"status":700}`, 400, "Fault.Status is no status of an answer"},
		{"a negative time", "POST", "/sim/faults", `{"status":429,"retry_after_ms":-5}`, 400, "is negative"},
		{"a wrong fault", "POST", "/sim/faults", `{"call":"GET /x"}`, 400, "a fault without"},
		{"a wrong code", "POST", "/sim/gateway", `{"do":"close","code":7}`, 400, "code is 1000"},
		{"too huge", "POST", "/sim/gateway", `{"do":"huge","bytes":1000000000}`, 400, "bytes is from"},
		{"nothing to do", "POST", "/sim/gateway", `{}`, 400, "what the gateway can do"},
		{"a wrong number", "GET", "/sim/timeline?after=x", "", 400, "after is no number"},
		{"waiting too long", "GET", "/sim/timeline?wait=61", "", 400, "wait is no number"},
		{"no name", "POST", "/sim/users", `{}`, 400, "name is missing"},
		{"no data", "POST", "/sim/emit", `{"name":"X"}`, 400, "data are needed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			status, out := f.request(tt.method, tt.path, tt.body)
			b, _ := json.Marshal(out)
			if status != tt.status || !strings.Contains(string(b), tt.words) {
				t.Errorf("%d %s, want %d with %q", status, b, tt.status, tt.words)
			}
		})
	}
	f.t = t
	for name, header := range map[string][]string{
		"foreign_host": {"Host", "evil.example"}, "cross_origin": {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
	} {
		status, out := f.request("POST", "/sim/users", `{"name":"x"}`, header...)
		if status != 403 || out["error"].(map[string]any)["code"] != name {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
}

// TestTimeline: it waits for the next happening, also of the bot.
func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakediscord.New(fakediscord.Config{Global: -1})
		sim := New(fake)
		defer fake.Close()
		do := func(method, path, body string) (found []fakediscord.Happening) {
			t.Helper()
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body)))
			var answer struct{ Happenings []fakediscord.Happening }
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
			return answer.Happenings
		}
		do("POST", "/sim/say", `{"as":"Anna","channel":"general","text":"!ping"}`)
		if first := do("GET", "/sim/timeline", ""); len(first) != 1 || first[0].Kind != "message" {
			t.Errorf("got %+v", first)
		}
		general := fake.Channels(fake.Guilds()[0].ID)[0].ID
		time.AfterFunc(3*time.Second, func() {
			if err := fake.Do(fake.Me(), "POST", "/channels/"+general.String()+"/messages", map[string]any{"content": "pong"}, nil); err != nil {
				t.Error(err)
			}
		})
		start := time.Now()
		if next := do("GET", "/sim/timeline?after=1&wait=30", ""); len(next) != 1 || next[0].UserID != fake.Me() || time.Since(start) != 3*time.Second {
			t.Errorf("got %+v after %v", next, time.Since(start))
		}
		start = time.Now()
		if none := do("GET", "/sim/timeline?after=2&wait=5", ""); len(none) != 0 || time.Since(start) != 5*time.Second {
			t.Errorf("got %+v after %v", none, time.Since(start))
		}
	})
}

// TestReady: a script can wait for the bot, and for the bot to have got everything.
func TestReady(t *testing.T) {
	f := newFixture(t)
	if out := f.ok("GET", "/sim/ready", ""); out["session"] != nil {
		t.Errorf("got %v", out)
	}
	c, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(f.url, "http")+"/gateway?v=10&encoding=json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	write := func(s string) {
		t.Helper()
		if err := c.Write(t.Context(), websocket.Text, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"op":2,"d":{"token":"` + f.fake.Token() + `","intents":0,"properties":{"os":"x"}}}`)
	session := f.ok("GET", "/sim/ready?wait=30", "")["session"].(map[string]any)
	if out := f.ok("GET", "/sim/ready?wait=0.01&not="+session["id"].(string), ""); out["session"] != nil {
		t.Errorf("got %v", out)
	}
	if out := f.ok("GET", "/sim/settled", ""); out["settled"] != false {
		t.Errorf("got %v", out)
	}
	for {
		_, b, err := c.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), `"op":1,`) || strings.Contains(string(b), `"op":1}`) {
			break // Settled asks for a heartbeat
		}
	}
	write(`{"op":1,"d":1}`)
	if out := f.ok("GET", "/sim/settled?wait=30", ""); out["settled"] != true {
		t.Errorf("got %v", out)
	}
}

// TestCalls: the calls of the bot, with their bodies and reasons.
func TestCalls(t *testing.T) {
	f := newFixture(t)
	r, err := http.NewRequest("POST", f.url+"/api/v10/users/@me/channels", strings.NewReader(`{"recipient_id":"`+f.fake.Users()[1].ID.String()+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bot "+f.fake.Token())
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	calls := f.ok("GET", "/sim/calls?call=POST+/users/*/channels", "")["calls"].([]any)
	if len(calls) != 1 || calls[0].(map[string]any)["status"] != float64(200) || calls[0].(map[string]any)["body"] == nil {
		t.Errorf("got %v", calls)
	}
}
