package vk_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vkrouter/vk"
)

// FuzzCallback: whatever the body, VK's answers are given to what is VK's alone,
// by the account of encoding/json, and the secret goes no further.
func FuzzCallback(f *testing.F) {
	for _, body := range []string{
		hookEvent("a", 1), `{"type":"confirmation","group_id":7}`, `{"type":"confirmation","group_id":7,"secret":"` + hookSecret + `"}`,
		``, `{}`, `[]`, `null`, `{"group_id":"7","secret":"` + hookSecret + `"}`, `{"group_id":7,"type":1,"secret":"` + hookSecret + `"}`,
		`{"group_id":7,"type":"a","s\u0065cret":"\u0073` + hookSecret[1:] + `"}`, `{"secret":1,"group_id":7e0}`, strings.Repeat(`{"a":`, 1001),
		`{"group_id":7,"type":"a","secret":"x","secret":"` + hookSecret + `"}`, "\xff", "\x00", hookEvent("a", 1) + " ", "\ufeff" + hookEvent("a", 1),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := string(body)
		handled := 0
		cb := newHook(func(c *vk.Context) error {
			handled++
			raw := c.Event().Raw
			if !json.Valid(raw) || len(raw) != len(sent) {
				t.Errorf("the event is %q", raw)
			}
			var top map[string]json.RawMessage
			if json.Unmarshal(raw, &top) == nil && strings.Contains(string(top["secret"]), hookSecret) {
				t.Errorf("the event has the secret: %s", raw)
			}
			return nil
		})
		cb.Patience = time.Hour // the machine may be busy
		w := post(cb, sent)
		var top map[string]any
		object := utf8.ValidString(sent) && json.Unmarshal([]byte(sent), &top) == nil && top != nil
		secret, _ := top["secret"].(string)
		switch w.Code {
		case http.StatusOK:
			confirmed := top["type"] == "confirmation" && secret == "" && w.Body.String() == "c0de"
			if !object || secret != hookSecret && !confirmed {
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
