package vk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/hooktest"
	"github.com/vkrouter/vk/vktest"
)

// TestCallbackConfirmationCode: if there is no code, it is fetched from VK; not
// for other communities, and not each time.
func TestCallbackConfirmationCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := false
		var asked []string
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, strings.TrimPrefix(r.URL.Path, "/method/"))
			switch {
			case fails:
				io.WriteString(w, `{"error":{"error_code":15,"error_msg":"Access denied"}}`)
			case r.URL.Path == "/method/groups.getById":
				io.WriteString(w, `{"response":{"groups":[{"id":7}]}}`)
			default:
				fmt.Fprintf(w, `{"response":{"code":"code%s"}}`, r.Form.Get("group_id"))
			}
		})
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Client, cb.GroupID, cb.Confirmation = api.client, 0, ""
		for range 5 {
			for group, want := range map[int]string{7: "200 code7", 8: "403 another community's confirmation"} {
				if got := hooktest.Answer(t, hooktest.Post(cb, fmt.Sprintf(`{"type":"confirmation","group_id":%d}`, group))); got != want {
					t.Errorf("community %d: %s, want %s", group, got, want)
				}
			}
		}
		time.Sleep(time.Minute)
		fails = true
		for range 5 {
			if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "503" {
				t.Errorf("when VK refuses: %s", got)
			}
		}
		time.Sleep(5 * time.Second)
		fails = false
		if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "200 code7" {
			t.Errorf("when VK no longer refuses: %s", got)
		}
		code := "groups.getCallbackConfirmationCode"
		if diff := cmp.Diff([]string{"groups.getById", code, code, code}, asked); diff != "" {
			t.Errorf("VK was asked (-want +got):\n%s", diff)
		}
	})
}

// TestCallbackConfirmationInTime: a request that waits for a code times out
// with Patience, and its timeout does not affect the next request.
func TestCallbackConfirmationInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Int64
		slow.Store(int64(5 * time.Second))
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Duration(slow.Load()))
			io.WriteString(w, `{"response":{"code":"api"}}`)
		})
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Client, cb.Confirmation = api.client, ""
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "503" || time.Since(start) != 3*time.Second {
					t.Errorf("%s after %v", got, time.Since(start))
				}
			})
		}
		all.Wait()
		slow.Store(0)
		if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "200 api" {
			t.Error(got)
		}
		time.Sleep(5 * time.Second) // the fake's slow answer
	})
}

// FuzzCallback: for any body, only requests that encoding/json reads as VK's
// get VK's answers, and the secret does not leave the Callback.
func FuzzCallback(f *testing.F) {
	for _, body := range []string{
		hooktest.Event("a", 1), `{"type":"confirmation","group_id":7}`, `{"type":"confirmation","group_id":7,"secret":"` + hooktest.Secret + `"}`,
		``, `{}`, `[]`, `null`, `{"group_id":"7","secret":"` + hooktest.Secret + `"}`, `{"group_id":7,"type":1,"secret":"` + hooktest.Secret + `"}`,
		`{"group_id":7,"type":"a","s\u0065cret":"\u0073` + hooktest.Secret[1:] + `"}`, `{"secret":1,"group_id":7e0}`, strings.Repeat(`{"a":`, 1001),
		`{"group_id":7,"type":"a","secret":"x","secret":"` + hooktest.Secret + `"}`, "\xff", "\x00", hooktest.Event("a", 1) + " ", "\ufeff" + hooktest.Event("a", 1),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := string(body)
		handled := 0
		cb := hooktest.New(func(c *vk.Context) error {
			handled++
			raw := c.Event().Raw
			if !json.Valid(raw) || len(raw) != len(sent) {
				t.Errorf("the event is %q", raw)
			}
			var top map[string]json.RawMessage
			if json.Unmarshal(raw, &top) == nil && strings.Contains(string(top["secret"]), hooktest.Secret) {
				t.Errorf("the event has the secret: %s", raw)
			}
			return nil
		})
		cb.Patience = time.Hour // the machine may be busy
		w := hooktest.Post(cb, sent)
		var top map[string]any
		object := utf8.ValidString(sent) && json.Unmarshal([]byte(sent), &top) == nil && top != nil
		secret, _ := top["secret"].(string)
		switch w.Code {
		case http.StatusOK:
			confirmed := top["type"] == "confirmation" && secret == "" && w.Body.String() == "c0de"
			if !object || secret != hooktest.Secret && !confirmed {
				t.Errorf("taken: %q", sent)
			}
			if got := w.Body.String(); got != "ok" && !(got == "c0de" && top["type"] == "confirmation") {
				t.Errorf("answered %q to %q", got, sent)
			}
		case http.StatusBadRequest, http.StatusForbidden:
			if handled > 0 {
				t.Errorf("handled, and answered %d: %q", w.Code, sent)
			}
		default:
			t.Errorf("answered %d to %q", w.Code, sent)
		}
	})
}

// TestCallbackSetupCode: after Setup, the API's code is used.
func TestCallbackSetupCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newServers(t)
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Client, cb.Confirmation = f.client, "page"
		confirmation := `{"type":"confirmation","group_id":7}`
		if got := hooktest.Answer(t, hooktest.Post(cb, confirmation)); got != "200 page" {
			t.Errorf("before: %s", got)
		}
		if err := cb.Setup(t.Context(), "https://bot.test"); err != nil {
			t.Fatal(err)
		}
		if got := hooktest.Answer(t, hooktest.Post(cb, confirmation)); got != "200 c0de" {
			t.Errorf("after: %s", got)
		}
	})
}

// TestCallbackConfig: a field that cannot match any request of VK causes an
// error of Setup, which names it, and every request is refused.
func TestCallbackConfig(t *testing.T) {
	h := vk.HandlerFunc(nothing)
	c := vk.NewClient("t")
	secret := func(s string) *vk.Callback { return &vk.Callback{Client: c, Handler: h, Secret: vk.NewSecret(s)} }
	for name, tt := range map[string]struct {
		cb          *vk.Callback
		field, text string
	}{
		"line break":     {secret("s3cret\n"), "Callback.Secret", "contains a line break at byte 6"},
		"space at end":   {secret("s3cret "), "Callback.Secret", "contains white space at byte 6"},
		"tab":            {secret("s3\tcret"), "Callback.Secret", "contains white space at byte 2"},
		"long secret":    {secret(strings.Repeat("s", 51)), "Callback.Secret", "more than 50 characters"},
		"confirmation":   {&vk.Callback{Client: c, Handler: h, Confirmation: "ab12 cd34"}, "Callback.Confirmation", "contains white space"},
		"negative":       {&vk.Callback{Client: c, Handler: h, GroupID: -7}, "Callback.GroupID", "is negative: write 7"},
		"negative group": {&vk.Callback{Client: c, Handler: h, Groups: map[int64]vk.CallbackGroup{-7: {}}}, "Callback.Groups", "is not positive"},
		"group's secret": {&vk.Callback{Client: c, Handler: h, Groups: map[int64]vk.CallbackGroup{7: {Secret: vk.NewSecret("s3cret\n")}}}, "Callback.Groups[7].Secret", "line break"},
	} {
		t.Run(name, func(t *testing.T) {
			log, text := logTo()
			tt.cb.Logger = log
			err := tt.cb.Setup(t.Context(), "https://bot.test")
			var wrong *vk.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != tt.field || wrong.Mend == "" || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v", err)
			}
			if got := hooktest.Answer(t, hooktest.Post(tt.cb, hooktest.Event("a", 1))); !strings.HasPrefix(got, "500 ") || strings.Contains(text.String()+fmt.Sprint(err), "s3cret") {
				t.Errorf("%s; %v; logged %s", got, err, text)
			}
		})
	}
	cb := secret("two words")
	if got := hooktest.Answer(t, hooktest.Post(cb, `{"group_id":7,"type":"a","event_id":"1","secret":"two words"}`)); got != "200 ok" {
		t.Errorf("a secret with a space within: %s", got)
	}
}

// TestCallbackStoppedDispatcher: Setup returns an error if the Dispatcher was
// stopped. When events arrive, the log says so, and VK is asked to retry.
func TestCallbackStoppedDispatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &vk.Dispatcher{Handler: vk.HandlerFunc(nothing), Logger: slog.New(slog.DiscardHandler)}
		log, text := logTo()
		cb := &vk.Callback{Client: vk.NewClient("t"), GroupID: 7, Dispatcher: d, Secret: vk.NewSecret(hooktest.Secret), Logger: log}
		d.Stop(t.Context())
		var wrong *vk.ConfigError
		if err := cb.Setup(t.Context(), "https://bot.test"); !errors.Is(err, vk.ErrStopped) || !errors.As(err, &wrong) || wrong.Field != "Callback.Dispatcher" {
			t.Errorf("%v", err)
		}
		for _, id := range []string{"a", "b"} {
			if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event(id, 1))); got != "503" {
				t.Errorf("an event: %s", got)
			}
		}
		if n := strings.Count(text.String(), "the Dispatcher was stopped"); n != 1 {
			t.Errorf("said %d times:\n%s", n, text)
		}
		for _, address := range []string{"bot.test/vk", "https://", "ftp://bot.test", "https://bot.test\n", "https://bot.test:99999"} {
			err := hooktest.New(nothing).Setup(t.Context(), address)
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "write the whole address") {
				t.Errorf("%q: %v", address, err)
			}
		}
	})
}

// TestCallbackForeignGroup: Setup names the community that the token belongs
// to, or reports that the token's user does not administer the community.
func TestCallbackForeignGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		for text, c := range map[string]*vk.Client{
			fmt.Sprintf("is 5, and the token belongs to community %d", s.GroupID): s.Client(),
			"the token may not act for community 5":                               s.AdminClient(),
		} {
			cb := hooktest.New(nothing)
			cb.Client, cb.GroupID = c, 5
			err := cb.Setup(t.Context(), "https://bot.test")
			var wrong *vk.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != "Callback.GroupID" || !strings.Contains(err.Error(), text) {
				t.Errorf("%v, want %s", err, text)
			}
			cb = hooktest.New(nothing)
			cb.Client, cb.GroupID = s.AdminClient(), 0
			if err := cb.Setup(t.Context(), "https://bot.test"); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "or set Callback.GroupID") {
				t.Errorf("a user's token: %v", err)
			}
		}
	})
}
