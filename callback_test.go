package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/hooktest"
)

// TestCallbackRequests: each request gets its answer. Only an event that is
// answered with ok is handled; one that cannot be parsed is logged.
func TestCallbackRequests(t *testing.T) {
	const confirmation = `{"type":"confirmation","group_id":7%s}`
	deep := func(n int) string {
		return `{"group_id":7,"type":"a","secret":"` + hooktest.Secret + `","object":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for _, tt := range []struct {
		name, body, want string
		header           []string
	}{
		{"event", hooktest.Event("a", 1), "200 ok", nil},
		{"content type does not matter", hooktest.Event("a", 1), "200 ok", []string{"Content-Type", "text/html"}},
		{"unknown kind", `{"group_id":7,"type":"new_thing","event_id":"a","secret":"` + hooktest.Secret + `"}`, "200 ok", nil},
		{"old version's warning", `{"group_id":7,"type":"message_new","event_id":"a","object":{"warning":"old"},"secret":"` + hooktest.Secret + `"}`, "200 ok", nil},
		{"without an id", `{"group_id":7,"type":"group_join","object":{"user_id":1},"secret":"` + hooktest.Secret + `"}`, "200 ok", nil},
		{"secret written otherwise", strings.Replace(hooktest.Event("a", 1), `"secret":"s`, `"s\u0065cret" : "\u0073`, 1), "200 ok", nil},
		{"without a type, which will not get better", `{"group_id":7,"secret":"` + hooktest.Secret + `"}`, "200 ok", nil},
		{"confirmation without the secret", fmt.Sprintf(confirmation, ""), "200 c0de", nil},
		{"confirmation with an empty secret", fmt.Sprintf(confirmation, `,"secret":""`), "200 c0de", nil},
		{"confirmation with the secret", fmt.Sprintf(confirmation, `,"secret":"`+hooktest.Secret+`"`), "200 c0de", nil},
		{"confirmation with another secret", fmt.Sprintf(confirmation, `,"secret":"x"`), "403 wrong secret", nil},
		{"confirmation of another community", `{"type":"confirmation","group_id":8}`, "403 another community's event", nil},
		{"no secret", `{"group_id":7,"type":"a"}`, "403 wrong secret", nil},
		{"another secret", strings.Replace(hooktest.Event("a", 1), hooktest.Secret, "x", 1), "403 wrong secret", nil},
		{"the beginning of the secret", strings.Replace(hooktest.Event("a", 1), hooktest.Secret, hooktest.Secret[:5], 1), "403 wrong secret", nil},
		{"secret in the object", `{"group_id":7,"type":"a","object":{"secret":"` + hooktest.Secret + `"}}`, "403 wrong secret", nil},
		{"secret not a string", `{"group_id":7,"type":"a","secret":["` + hooktest.Secret + `"]}`, "403 wrong secret", nil},
		{"two secrets", `{"group_id":7,"type":"a","secret":"x","secret":"` + hooktest.Secret + `"}`, "400 ", nil},
		{"two secrets, one with an escape", `{"group_id":7,"type":"a","s\u0065cret":"x","secret":"` + hooktest.Secret + `"}`, "400 ", nil},
		{"confirmation and then an event, without the secret", `{"type":"confirmation","group_id":7,"type":"message_new"}`, "403 wrong secret", nil},
		{"event and then a confirmation, without the secret", `{"type":"message_new","group_id":7,"t\u0079pe":"confirmation"}`, "200 c0de", nil},
		{"confirmation in another case", `{"type":"Confirmation","group_id":7}`, "403 wrong secret", nil},
		{"keys in another case", `{"Type":"confirmation","group_id":7,"type":"a","Secret":"` + hooktest.Secret + `"}`, "403 wrong secret", nil},
		{"two communities", strings.Replace(hooktest.Event("a", 1), `"group_id":7`, `"group_id":7,"group_id":8`, 1), "403 another community's event", nil},
		{"another community", strings.Replace(hooktest.Event("a", 1), `"group_id":7`, `"group_id":8`, 1), "403 another community's event", nil},
		{"no community", strings.Replace(hooktest.Event("a", 1), `"group_id":7,`, ``, 1), "403 another community's event", nil},
		{"empty", ``, "400 ", nil},
		{"not JSON", `hello`, "400 ", nil},
		{"cut off", hooktest.Event("a", 1)[:50], "400 ", nil},
		{"more than one", hooktest.Event("a", 1) + hooktest.Event("b", 1), "400 ", nil},
		{"array", `[` + hooktest.Event("a", 1) + `]`, "400 ", nil},
		{"bad UTF-8", strings.Replace(hooktest.Event("a", 1), `"text":"a"`, "\"text\":\"\xff\"", 1), "400 ", nil},
		{"deep, but not too deep", deep(900), "200 ok", nil},
		{"too deep", deep(1100), "400 ", nil},
		{"compressed", "\x1f\x8b\x08\x00", "415 ", []string{"Content-Encoding", "gzip"}},
		{"not compressed", hooktest.Event("a", 1), "200 ok", []string{"Content-Encoding", "identity"}},
		{"as large as may be", hooktest.Event("a", 1) + strings.Repeat(" ", 1<<20-len(hooktest.Event("a", 1))), "200 ok", nil},
		{"too large", hooktest.Event("a", 1) + strings.Repeat(" ", 1<<20), "413 ", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handled := 0
				cb := hooktest.New(func(c *vk.Context) error { handled++; return nil })
				log, lines := logTo()
				cb.Logger = log
				got := hooktest.Answer(t, hooktest.Post(cb, tt.body, tt.header...))
				synctest.Wait()
				unread := strings.Contains(lines.String(), "an event cannot be read")
				if taken := handled == 1 || unread; taken != (tt.want == "200 ok") || handled > 1 || unread && handled > 0 {
					t.Errorf("handled %d times; log:\n%s", handled, lines)
				}
				if strings.HasSuffix(tt.want, " ") {
					got = got[:min(4, len(got))]
				}
				if got != tt.want {
					t.Errorf("answered %q, want %q", got, tt.want)
				}
				cb.Stop(t.Context())
			})
		})
	}
}

func TestCallbackMethods(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodOptions} {
		w := httptest.NewRecorder()
		hooktest.New(nil).ServeHTTP(w, httptest.NewRequest(method, "/vk", strings.NewReader(hooktest.Event("a", 1))))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

// TestCallbackClosed: without a Secret, nothing is accepted, unless NoSecret is
// set.
func TestCallbackClosed(t *testing.T) {
	for _, tt := range []struct {
		name, body   string
		secret, open string
	}{
		{"event", `{"group_id":7,"type":"group_join","event_id":"a"}`, "403 wrong secret", "200 ok"},
		{"with some secret", `{"group_id":7,"type":"group_join","event_id":"a","secret":"x"}`, "403 wrong secret", "200 ok"},
		{"confirmation", `{"group_id":7,"type":"confirmation"}`, "200 c0de", "200 c0de"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handled := 0
				h := func(c *vk.Context) error { handled++; return nil }
				none := hooktest.New(h)
				none.Secret = vk.Secret{}
				if got := hooktest.Answer(t, hooktest.Post(none, tt.body)); got != "503" {
					t.Errorf("without a Secret: %s", got)
				}
				if got := hooktest.Answer(t, hooktest.Post(hooktest.New(h), tt.body)); got != tt.secret {
					t.Errorf("with one: %s", got)
				}
				synctest.Wait()
				if handled != 0 {
					t.Errorf("handled %d", handled)
				}
				open := hooktest.New(h)
				open.Secret, open.NoSecret = vk.Secret{}, true
				if got := hooktest.Answer(t, hooktest.Post(open, tt.body)); got != tt.open {
					t.Errorf("with NoSecret: %s", got)
				}
				both := hooktest.New(h)
				both.NoSecret = true
				if got := hooktest.Answer(t, hooktest.Post(both, tt.body)); got != tt.secret {
					t.Errorf("with both: %s", got)
				}
			})
		})
	}
}

// TestCallbackStop: accepted events are finished. VK is asked to retry events
// that arrive meanwhile or that are cut off: the next process handles them.
func TestCallbackStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		handle := func(c *vk.Context) error {
			wait, _ := time.ParseDuration(c.Text())
			select {
			case <-time.After(wait):
			case <-c.Done():
				d.note("%s is cut off", c.Text())
				return context.Cause(c)
			}
			d.note("%s is done", c.Text())
			return nil
		}
		cb := hooktest.New(handle)
		cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Handler: vk.HandlerFunc(handle), DrainTime: 2500 * time.Millisecond, Logger: cb.Logger}
		var all sync.WaitGroup
		for peer, wait := range []string{"1s", "2s", "1h"} {
			all.Go(func() {
				got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event(wait, peer+1)))
				d.note("%s: %s", wait, got)
			})
		}
		synctest.Wait()
		all.Go(func() {
			time.Sleep(500 * time.Millisecond)
			d.note("new: %s", hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("0s", 9))))
		})
		time.Sleep(100 * time.Millisecond)
		cb.Stop(t.Context())
		d.note("stopped")
		all.Wait()
		slices.Sort(d.lines) // the order within one moment is undefined
		d.is(t, "1s 1s is done", "1s 1s: 200 ok", "2.6s 1h is cut off", "2.6s 1h: 503", "2.6s stopped", "2s 2s is done", "2s 2s: 200 ok", "500ms new: 503")
		cb.Stop(t.Context()) // again
		if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "503" {
			t.Errorf("after the stop: %s", got)
		}
		next := hooktest.New(func(c *vk.Context) error { return nil })
		if got := hooktest.Answer(t, hooktest.Post(next, hooktest.Event("1h", 3))); got != "200 ok" {
			t.Errorf("the next process: %s", got)
		}
	})
}

// TestCallbackSharedDispatcher: a Callback that stops leaves the Dispatcher
// running for others.
func TestCallbackSharedDispatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		shared := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error { d.note("%s", c.Text()); return nil })}
		one, two := hooktest.New(nil), hooktest.New(nil)
		one.Handler, two.Handler = nil, nil
		one.Dispatcher, two.Dispatcher = shared, shared
		hooktest.Post(one, hooktest.Event("a", 1))
		hooktest.Post(two, hooktest.Event("a", 1)) // the same
		one.Stop(t.Context())
		if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event("b", 1))); got != "200 ok" {
			t.Error(got)
		}
		d.is(t, "0s a", "0s b")
		shared.Stop(t.Context())
		if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event("c", 1))); got != "503" {
			t.Errorf("with a stopped Dispatcher: %s", got)
		}
	})
}

// TestCallbackStopWaitsForNoOther: an event that another source handles goes
// on, and VK is asked to retry.
func TestCallbackStopWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &vk.Dispatcher{Handler: vk.HandlerFunc(func(c *vk.Context) error { time.Sleep(time.Minute); return nil })}
		one, two := hooktest.New(nil), hooktest.New(nil)
		for _, cb := range []*vk.Callback{one, two} {
			cb.Handler, cb.Dispatcher, cb.Patience = nil, shared, time.Hour
		}
		var all sync.WaitGroup
		start := time.Now()
		all.Go(func() {
			if got := hooktest.Answer(t, hooktest.Post(one, hooktest.Event("a", 1))); got != "200 ok" || time.Since(start) != time.Minute {
				t.Errorf("%s after %v", got, time.Since(start))
			}
		})
		synctest.Wait()
		all.Go(func() {
			if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event("a", 1))); got != "503" {
				t.Error(got)
			}
		})
		time.Sleep(time.Second)
		two.Stop(t.Context())
		if d := time.Since(start); d != time.Second {
			t.Errorf("Stop took until %v", d)
		}
		all.Wait()
		one.Stop(t.Context())
		shared.Stop(t.Context())
	})
}

// TestCallbackGroups: each community has its own secret, and its own client.
func TestCallbackGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		seven, other := vk.NewClient("seven"), vk.NewClient("other")
		cb := &vk.Callback{
			Client: other,
			Handler: vk.HandlerFunc(func(c *vk.Context) error {
				d.note("%d %t", c.Event().GroupID, c.Client() == seven)
				return nil
			}),
			Groups: map[int64]vk.CallbackGroup{
				7: {Client: seven, Secret: vk.NewSecret("7!"), Confirmation: "code7"},
				8: {Secret: vk.NewSecret("8!"), Confirmation: "code8\n"},
				9: {Confirmation: "code9"},
			},
			Logger: slog.New(slog.DiscardHandler),
		}
		for _, tt := range []struct{ body, want string }{
			{`{"group_id":7,"type":"a","event_id":"1","secret":"7!"}`, "200 ok"},
			{`{"group_id":8,"type":"a","event_id":"2","secret":"8!"}`, "200 ok"},
			{`{"group_id":8,"type":"a","event_id":"3","secret":"7!"}`, "403 wrong secret"},
			{`{"group_id":9,"type":"a","event_id":"4","secret":"7!"}`, "503"},
			{`{"group_id":10,"type":"a","event_id":"5","secret":"7!"}`, "403 another community's event"},
			{`{"group_id":7,"type":"confirmation"}`, "200 code7"},
			{`{"group_id":8,"type":"confirmation"}`, "200 code8"},
			{`{"group_id":10,"type":"confirmation"}`, "403 another community's event"},
		} {
			if got := hooktest.Answer(t, hooktest.Post(cb, tt.body)); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.body, got, tt.want)
			}
		}
		d.is(t, "0s 7 true", "0s 8 false")
	})
}

// TestCallbackGroupsApart: the same user, or a chat with the same number, in
// two communities are two conversations. A message in one does not answer a
// question in the other, and does not wait for it.
func TestCallbackGroupsApart(t *testing.T) {
	for _, peer := range []int{1, 2000000001} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"response":[{"peer_id":%d,"message_id":1,"conversation_message_id":1}]}`, peer)
			})
			d := newDiary()
			r := vk.NewRouter("!")
			r.Handle("ask", func(c *vk.Context) error {
				a, err := c.Ask("Which colour?")
				if err == nil {
					d.note("%d is answered %s in %d", c.Event().GroupID, a.Text(), a.Event().GroupID)
				}
				return err
			})
			r.Handle("watch", func(c *vk.Context) error {
				a, _, err := vk.Wait(c, vk.EventMessageNew, nil, vk.From{})
				if err == nil {
					d.note("%d sees %s in %d", c.Event().GroupID, a.Text(), a.Event().GroupID)
				}
				return err
			})
			r.Handle("slow", func(c *vk.Context) error { time.Sleep(2 * time.Second); return nil })
			r.Text("blue", func(c *vk.Context) error { d.note("blue in %d", c.Event().GroupID); return nil })
			cb := &vk.Callback{
				Client: api.client, Handler: r, NoSecret: true,
				Groups: map[int64]vk.CallbackGroup{7: {}, 8: {}}, Logger: slog.New(slog.DiscardHandler),
			}
			var all sync.WaitGroup
			n := 0
			says := func(group int, text string) {
				n++
				body := fmt.Sprintf(`{"group_id":%d,"type":"message_new","event_id":"%d","object":{"message":{"peer_id":%d,"from_id":1,"text":%q}}}`, group, n, peer, text)
				all.Go(func() { hooktest.Post(cb, body) })
				synctest.Wait()
			}
			for _, command := range []string{"!ask", "!watch"} {
				says(7, command)
				says(8, "blue")
				says(7, "green")
			}
			says(7, "!slow")
			says(8, "blue")
			all.Wait()
			d.is(t, "0s blue in 8", "0s 7 is answered green in 7", "0s blue in 8", "0s 7 sees green in 7", "0s blue in 8")
			cb.Stop(t.Context())
		})
	}
}

// TestCallbackMisuse: invalid fields cause an answer for the operator, not a
// panic, and nothing is accepted.
func TestCallbackMisuse(t *testing.T) {
	h := vk.HandlerFunc(func(c *vk.Context) error { return nil })
	c := vk.NewClient("t")
	for name, cb := range map[string]*vk.Callback{
		"zero":                      {},
		"no Handler":                {Client: c},
		"none at all":               {Client: c, GroupID: 1, Dispatcher: new(vk.Dispatcher)},
		"no Client":                 {Handler: h},
		"no GroupID":                {Client: c, Handler: h, NoSecret: true},
		"two Handlers":              {Client: c, Handler: h, Dispatcher: &vk.Dispatcher{Handler: h}},
		"Groups and one":            {Client: c, Handler: h, GroupID: 7, Groups: map[int64]vk.CallbackGroup{7: {}}},
		"Groups and a Secret":       {Client: c, Handler: h, Secret: vk.NewSecret("s"), Groups: map[int64]vk.CallbackGroup{7: {}}},
		"Groups and a Confirmation": {Client: c, Handler: h, Confirmation: "c", Groups: map[int64]vk.CallbackGroup{7: {}}},
		"Group's Client":            {Handler: h, Groups: map[int64]vk.CallbackGroup{7: {}}},
		"no Groups":                 {Client: c, Handler: h, Groups: map[int64]vk.CallbackGroup{}},
		"an empty kind":             {Client: c, Handler: h, Kinds: []string{"message_new", ""}},
		"a kind with a space":       {Client: c, Handler: h, Kinds: []string{"message new"}},
	} {
		log, text := logTo()
		cb.Logger = log
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))); !strings.HasPrefix(got, "500 ") {
			t.Errorf("%s: %s", name, got)
		}
		err := cb.Setup(t.Context(), "https://bot.test")
		var wrong *vk.ConfigError
		if !errors.As(err, &wrong) || wrong.Field == "" || wrong.Mend == "" {
			t.Errorf("%s: Setup: %v", name, err)
		} else if !strings.Contains(strings.ReplaceAll(text.String(), `\"`, `"`), wrong.Text) {
			t.Errorf("%s: logged %s", name, text)
		}
		cb.Stop(t.Context())
	}
}

// TestCallbackHidesSecret: the secret is in no event, log or answer, and apart
// from that, the event is as VK sent it.
func TestCallbackHidesSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, text := logTo()
		var raw json.RawMessage
		cb := hooktest.New(func(c *vk.Context) error { raw = c.Event().Raw; return errors.New("boom") })
		cb.Logger = log
		escaped := strings.Replace(hooktest.Event("a", 1), `"secret":"s`, `"\u0073ecret": "\u0073`, 1)
		for _, body := range []string{hooktest.Event("b", 1), escaped, `{"group_id":7,"secret":"` + hooktest.Secret + `"}`, hooktest.Event("c", 1)[:80]} {
			if got := hooktest.Answer(t, hooktest.Post(cb, body)); strings.Contains(got, hooktest.Secret) {
				t.Errorf("answered %s", got)
			}
		}
		hooktest.Post(cb, strings.Replace(hooktest.Event("d", 1), hooktest.Secret, "wr0ng", 1))
		for _, s := range []string{hooktest.Secret, "wr0ng"} {
			if strings.Contains(text.String(), s) {
				t.Errorf("logged:\n%s", text)
			}
		}
		want := strings.Replace(escaped, `\u0073`+hooktest.Secret[1:], strings.Repeat("*", 5+len(hooktest.Secret)), 1)
		if diff := cmp.Diff(want, string(raw)); diff != "" {
			t.Errorf("the event (-want +got):\n%s", diff)
		}
		if s := fmt.Sprintf("%v %+v %#v", cb.Secret, cb.Groups, cb.Secret); strings.Contains(s, hooktest.Secret) {
			t.Error(s)
		}
	})
}

// TestCallbackLogsRefusals: refusals are logged once a minute, with their
// number.
func TestCallbackLogsRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, text := logTo()
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Logger = log
		for range 100 {
			hooktest.Post(cb, `{}`)
		}
		time.Sleep(time.Minute)
		hooktest.Post(cb, `{}`)
		if n := strings.Count(text.String(), "level=WARN"); n != 2 || !strings.Contains(text.String(), "others=99") {
			t.Errorf("%d lines:\n%s", n, text)
		}
	})
}
