package fakevk

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzCall calls the API with any method and body: it may refuse the call, in
// JSON, but must not panic.
func FuzzCall(f *testing.F) {
	for name := range methods {
		f.Add(name, "peer_id=100000001&random_id=1&message=x&cmid=1&group_id=200000001&fields=sex")
	}
	f.Add("messages.send", "peer_ids=100000001,2000000001&random_id=18446744073709551615&message=x&forward={\"peer_id\":1,\"cmids\":1}")
	f.Add("messages.send", "peer_id=2000000001&random_id=-1&attachment=photo1_2,http://&keyboard={\"buttons\":[[{\"action\":{\"type\":\"text\"}}]]}")
	f.Add("messages.send", "peer_id=100000001&random_id=0&message=x&template={\"type\":\"carousel\",\"elements\":[{}]}")
	f.Add("messages.getHistory", "peer_id=100000001&offset=-9&start_message_id=-1&count=200&rev=1")
	f.Add("messages.delete", "peer_id=2000000001&cmids=1,2,3&message_ids=40001&v=5.131")
	f.Add("messages.sendMessageEventAnswer", "event_id=x&user_id=1&peer_id=1&event_data=[]")
	f.Fuzz(func(t *testing.T, name, body string) {
		s := newScene(t, Config{})
		s.chat(ChatSpec{Admins: []int64{-s.group.ID}})
		for _, token := range []string{s.group.Token, s.AddUserToken(s.anna.ID)} {
			r := httptest.NewRequest("POST", "/method/"+url.PathEscape(name)+"?v=5.199", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", "Bearer "+token)
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			if rec.Code == http.StatusOK && !json.Valid(rec.Body.Bytes()) {
				t.Errorf("not JSON: %s", rec.Body)
			}
		}
	})
}
