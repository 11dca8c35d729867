package fakediscord

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// get makes a request in a bubble.
func (f *fixture) get(client *http.Client, method, path, body string) reply {
	f.t.Helper()
	r, err := http.NewRequest(method, "http://discord.test/api/v10"+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bot "+f.s.Token())
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return reply{body: err.Error()}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	v, _ := decode(b)
	o, _ := v.(object)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(b), json: o}
}

func TestBuckets(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fixture, client *http.Client) {
		path := "/channels/" + f.general.String() + "/messages"
		for i := range 5 {
			r := f.get(client, "POST", path, `{"content":"x"}`)
			if want := string("43210"[i]); r.status != 200 || r.header.Get("X-RateLimit-Remaining") != want || r.header.Get("X-RateLimit-Limit") != "5" {
				t.Errorf("request %d: %d %v", i, r.status, r.header)
			}
		}
		time.Sleep(1500 * time.Millisecond)
		r := f.get(client, "POST", path, `{"content":"x"}`)
		if r.status != 429 || r.header.Get("X-RateLimit-Reset-After") != "3.500" || r.header.Get("Retry-After") != "4" || r.header.Get("X-RateLimit-Scope") != "user" ||
			!strings.Contains(r.body, `"retry_after":3.5`) || !strings.Contains(r.body, `"global":false`) {
			t.Errorf("got %d %v %s", r.status, r.header, r.body)
		}
		other := f.s.AddChannel(f.guild, typeText, "other")
		if r := f.get(client, "POST", "/channels/"+other.String()+"/messages", `{"content":"x"}`); r.status != 200 {
			t.Errorf("another channel: %d", r.status)
		}
		time.Sleep(3500 * time.Millisecond)
		if r := f.get(client, "POST", path, `{"content":"x"}`); r.status != 200 {
			t.Errorf("after the window: %d", r.status)
		}
	})
}

func TestGlobalLimit(t *testing.T) {
	inBubble(t, Config{Global: 3}, func(t *testing.T, f *fixture, client *http.Client) {
		for _, path := range []string{"/users/@me", "/gateway/bot", "/users/@me/guilds"} {
			if r := f.get(client, "GET", path, ""); r.status != 200 {
				t.Errorf("%s: %d", path, r.status)
			}
		}
		r := f.get(client, "GET", "/voice/regions", "")
		if r.status != 429 || r.header.Get("X-RateLimit-Global") != "true" || !strings.Contains(r.body, `"global":true`) || r.header.Get("X-RateLimit-Bucket") != "" {
			t.Errorf("got %d %v %s", r.status, r.header, r.body)
		}
	})
}

// TestBannedAddress: too many refusals make every answer a page of HTML.
func TestBannedAddress(t *testing.T) {
	inBubble(t, Config{Global: -1}, func(t *testing.T, f *fixture, client *http.Client) {
		f.s.mu.Lock()
		for range refusals - 1 {
			f.s.refusal(403, "")
			f.s.refusal(429, "shared")
			f.s.refusal(404, "")
		}
		f.s.mu.Unlock()
		if r := f.get(client, "GET", "/users/@me", ""); r.status != 200 {
			t.Errorf("got %d", r.status)
		}
		f.s.Fail(Fault{Status: 401, Times: 1})
		if r := f.get(client, "GET", "/users/@me", ""); r.status != 401 {
			t.Errorf("got %d", r.status)
		}
		r := f.get(client, "GET", "/users/@me", "")
		if r.status != 429 || r.header.Get("Retry-After") != "600" || r.header.Get("Via") != "" || !strings.Contains(r.body, "<html>") {
			t.Errorf("got %d %v %s", r.status, r.header, r.body)
		}
		time.Sleep(10 * time.Minute)
		if r := f.get(client, "GET", "/users/@me", ""); r.status != 200 {
			t.Errorf("after ten minutes: %d", r.status)
		}
	})
}

func TestFaults(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fixture, client *http.Client) {
		path := "/channels/" + f.general.String() + "/messages"
		for _, tt := range []struct {
			name   string
			fault  Fault
			status int
			words  string
			sent   int
			took   time.Duration
		}{
			{"shared", Fault{Status: 429, RetryAfter: 400 * time.Millisecond, Scope: "shared"}, 429, `"retry_after":0.4`, 0, 0},
			{"global", Fault{Status: 429, RetryAfter: time.Second, Scope: "global"}, 429, `"global":true`, 0, 0},
			{"a page", Fault{Status: 502, HTML: true}, 502, "<html>", 0, 0},
			{"nothing", Fault{Status: 500, Empty: true}, 500, "", 0, 0},
			{"an error", Fault{Status: 503}, 503, `"code":0`, 0, 0},
			{"a lost answer", Fault{Lost: true}, 0, "EOF", 1, 0},
			{"a lost request", Fault{Lost: true, Status: 502}, 0, "EOF", 0, 0},
			{"late", Fault{Delay: 3 * time.Second}, 200, `"content":"x"`, 1, 3 * time.Second},
		} {
			tt.fault.Call, tt.fault.Times, tt.fault.Skip = "POST /channels/*/messages", 1, 1
			i := f.s.Fail(tt.fault)
			if r := f.get(client, "POST", path, `{"content":"first"}`); r.status != 200 {
				t.Errorf("%s: the first is %d", tt.name, r.status)
			}
			before := len(f.s.Timeline(0))
			start := time.Now()
			r := f.get(client, "POST", path, `{"content":"x"}`)
			if r.status != tt.status || !strings.Contains(r.body, tt.words) || len(f.s.Timeline(0))-before != tt.sent || time.Since(start) != tt.took || i.Hits() != 1 {
				t.Errorf("%s: %d %s, %d messages, %v, %d hits", tt.name, r.status, r.body, len(f.s.Timeline(0))-before, time.Since(start), i.Hits())
			}
			if tt.fault.Scope != "" && r.header.Get("X-RateLimit-Scope") != tt.fault.Scope {
				t.Errorf("%s: %v", tt.name, r.header)
			}
			i.Remove()
			time.Sleep(time.Minute)
		}
	})
}

func TestFaultMistakes(t *testing.T) {
	s := New(Config{})
	for name, f := range map[string]Fault{
		"nothing": {}, "no method": {Call: "/guilds/*", Status: 500}, "lower case": {Call: "get /x", Status: 500},
		"a scope": {Status: 429, Scope: "all"}, "a pattern": {Call: "GET /[", Status: 500},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			s.Fail(f)
		}()
	}
}
