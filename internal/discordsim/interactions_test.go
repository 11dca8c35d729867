package discordsim

import (
	"crypto/ed25519"
	"encoding/hex"
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
)

type object = map[string]any

// define makes the commands of the examples.
func define(t *testing.T, f *fixture) {
	t.Helper()
	for _, body := range []object{
		{"name": "ban", "description": "d", "options": []any{object{"type": 6, "name": "user", "description": "d"}}},
		{"name": "play", "description": "d", "options": []any{object{"type": 3, "name": "song", "description": "d", "autocomplete": true}}},
		{"name": "ask", "description": "d", "name_localizations": object{"ru": "спроси"}}, {"name": "Report", "type": 2}, {"name": "Report", "type": 3},
	} {
		if err := f.fake.Do(f.fake.Me(), "POST", "/applications/"+f.fake.Me().String()+"/commands", body, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// newBot returns a bot that answers interactions over HTTP. A press opens a form.
func newBot(t *testing.T, fake *fakediscord.Server) *httptest.Server {
	key, err := hex.DecodeString(fake.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signature, _ := hex.DecodeString(r.Header.Get("X-Signature-Ed25519"))
		if !ed25519.Verify(key, append([]byte(r.Header.Get("X-Signature-Timestamp")), body...), signature) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var in struct {
			Type int
			Data struct {
				Name     string
				CustomID string `json:"custom_id"`
			}
		}
		json.Unmarshal(body, &in)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case in.Type == 1:
			io.WriteString(w, `{"type":1}`)
		case in.Type == 4:
			io.WriteString(w, `{"type":8,"data":{"choices":[{"name":"Rosamunde","value":"r"}]}}`)
		case in.Data.CustomID == "yes" || in.Data.Name == "ask":
			io.WriteString(w, `{"type":9,"data":{"custom_id":"f","title":"A poll","components":[{"type":1,"components":[{"type":4,"custom_id":"q","label":"Question","style":1}]}]}}`)
		case in.Data.CustomID == "colour":
			io.WriteString(w, `{"type":6}`)
		case in.Data.CustomID == "f":
			fmt.Fprint(w, `{"type":4,"data":{"content":"asked","flags":64}}`)
		case in.Data.Name == "ban":
			io.WriteString(w, `{"type":4,"data":{"content":"sure?","components":[{"type":1,"components":[{"type":2,"style":1,"label":"Yes","custom_id":"yes"}]},
				{"type":1,"components":[{"type":3,"custom_id":"colour","placeholder":"Colour","options":[{"label":"Red","value":"r"}]}]}]}}`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(bot.Close)
	return bot
}

// TestInteractions: people use commands, press, choose, fill in and complete; their
// client is as strict as Discord's.
func TestInteractions(t *testing.T) {
	f := newFixture(t)
	define(t, f)
	f.ok("POST", "/sim/endpoint", `{"url":"`+newBot(t, f.fake).URL+`"}`)
	f.ok("POST", "/sim/locale", `{"user":"Boris","locale":"ru"}`)
	if out, _ := json.Marshal(f.ok("GET", "/sim/commands?as=Boris&channel=general", "")["commands"]); !strings.Contains(string(out), `"спроси"`) {
		t.Errorf("Boris is offered %s", out)
	}
	id := f.ok("POST", "/sim/slash", `{"as":"Boris","channel":"general","command":"ban","options":{"user":"Anna"}}`)["interaction"]
	f.ok("POST", "/sim/pick", `{"as":"Boris","channel":"general","menu":"Colour","values":["Red"]}`)
	f.ok("POST", "/sim/press", `{"as":"Boris","channel":"general","button":"Yes"}`)
	f.ok("POST", "/sim/fill", `{"as":"Boris","channel":"general","fields":{"Question":"Tea?"}}`)
	for changed := f.fake.Changed(); !f.fake.Delivered(); changed = f.fake.Changed() {
		select {
		case <-changed: // the answer to the form
		case <-t.Context().Done():
			t.Fatal("the bot does not answer the form")
		}
	}
	if out := f.ok("POST", "/sim/complete", `{"as":"Boris","channel":"general","command":"play","option":"song","options":{"song":"ro"}}`); fmt.Sprint(out["choices"].([]any)[0].(object)["name"]) != "Rosamunde" {
		t.Errorf("got %v", out)
	}
	var kinds []string
	boris := ""
	for _, v := range f.ok("GET", "/sim/timeline", "")["happenings"].([]any) {
		h := v.(object)
		kinds = append(kinds, h["kind"].(string))
		if h["kind"] == "command" {
			boris = h["user_id"].(string)
		}
		m, _ := h["message"].(object)
		if h["kind"] == "message" && m["content"] == "asked" && h["only"] != boris {
			t.Errorf("the last answer is for %v, want %s alone", h["only"], boris)
		}
		if h["kind"] == "message" && m["content"] == "sure?" && h["interaction"] != id {
			t.Errorf("got %v", h)
		}
	}
	if got := strings.Join(kinds, ","); got != "command,message,pick,press,form,fill,message,choices" {
		t.Errorf("the timeline has %s", got)
	}
	message := f.ok("POST", "/sim/say", `{"as":"Anna","channel":"general","text":"x"}`)["id"]
	f.ok("POST", "/sim/menu", fmt.Sprintf(`{"as":"Anna","channel":"general","command":"Report","message":%q}`, message))
	f.ok("POST", "/sim/endpoint", `{"url":""}`)
	for _, tt := range []struct {
		name, path, body string
		status           int
		words            string
	}{
		{"no such command", "/sim/slash", `{"as":"Anna","channel":"general","command":"kick"}`, 409, `"code":"absent"`},
		{"no such option", "/sim/slash", `{"as":"Anna","channel":"general","command":"ban","options":{"x":1}}`, 409, `"code":"client_refuses"`},
		{"no option", "/sim/complete", `{"as":"Anna","channel":"general","command":"play"}`, 409, `"the option to complete is missing"`},
		{"no such value", "/sim/pick", `{"as":"Boris","channel":"general","menu":"Colour","values":["Blue"]}`, 409, `has no option`},
		{"no such user", "/sim/menu", `{"as":"Anna","channel":"general","command":"Report","user":"Gleb"}`, 400, `there is no user`},
		{"no such language", "/sim/locale", `{"user":"Anna","locale":"xx"}`, 400, `no language xx`},
		{"a wrong endpoint", "/sim/endpoint", `{"url":"` + f.url + `"}`, 400, `could not be verified`},
		{"nobody", "/sim/press", `{"channel":"general","button":"Yes"}`, 400, `the name of a person is missing`},
		{"no channel", "/sim/fill", `{"as":"Anna","channel":"x"}`, 400, `there is no channel`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			status, out := f.request("POST", tt.path, tt.body)
			if b, _ := json.Marshal(out); status != tt.status || !strings.Contains(string(b), tt.words) {
				t.Errorf("%d %s, want %d with %q", status, b, tt.status, tt.words)
			}
		})
	}
}

// TestPatience: requests wait for the bot, but not for ever.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakediscord.New(fakediscord.Config{Global: -1})
		sim := New(fake)
		defer fake.Close()
		define(t, &fixture{t: t, fake: fake})
		for _, tt := range []struct {
			path, body, code string
			took             time.Duration
		}{
			{"/sim/complete", `{"as":"Anna","channel":"general","command":"play","option":"song","options":{"song":""}}`, "no_response", 3 * time.Second},
			{"/sim/press", `{"as":"Anna","channel":"general","button":"Yes"}`, "absent", 5 * time.Second},
			{"/sim/fill", `{"as":"Anna","channel":"general"}`, "absent", 5 * time.Second},
		} {
			start := time.Now()
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost"+tt.path, strings.NewReader(tt.body)))
			if took := time.Since(start); w.Code != 409 || !strings.Contains(w.Body.String(), tt.code) || took != tt.took {
				t.Errorf("%s: %d %s after %v", tt.path, w.Code, w.Body, took)
			}
		}
	})
}
