package fakevk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"
)

// musts are the requirements of the four clients, in the order in which a bot
// meets them.
var musts = slices.Concat(callMusts, pollMusts, messageMusts, uploadMusts, executeMusts, anyMusts, moreMusts)

var callMusts = []must{
	{"an answer is application/json with HTTP 200, a refusal too", "", func(c *wireClient) {
		c.get(new([]any), "users.get", "user_ids", "1") // read checks the rest
		if rep := c.try("no.such"); rep.Error == nil || rep.Error.Code != 3 || rep.Error.Msg == "" {
			c.t.Errorf("got %+v", rep)
		}
		c.Fail(Fault{On: "users.get", Times: 1, Effect: APIError{Code: 6}})
		if rep := c.try("users.get"); rep.Error == nil || rep.Error.Code != 6 {
			c.t.Errorf("got %+v", rep)
		}
	}},
	{"request_params is a list of strings without the token", "", func(c *wireClient) {
		b := c.read(c.request("messages.send", "peer_id", "x1", "random_id", "5"))
		var rep struct {
			Error struct {
				Params []map[string]string `json:"request_params"`
			}
		}
		if err := json.Unmarshal(b, &rep); err != nil {
			c.t.Fatalf("%v\n%s", err, b)
		}
		if len(rep.Error.Params) == 0 || bytes.Contains(b, []byte("access_token")) || bytes.Contains(b, []byte(c.group.Token)) ||
			!bytes.Contains(b, []byte(`{"key":"random_id","value":"5"}`)) {
			c.t.Errorf("got %s", b)
		}
	}},
	{"a response is compressed only on request", "", func(c *wireClient) {
		if _, err := c.Send(c.anna.ID, -c.group.ID, Draft{Text: strings.Repeat("long ", 500)}); err != nil {
			c.t.Fatal(err)
		}
		var got struct{ Count int }
		c.get(&got, "messages.getHistory", "peer_id", c.her())
		if got.Count != 2 {
			c.t.Errorf("%d messages", got.Count)
		}
	}},
	{"GET does as well", "", func(c *wireClient) {
		q := "?v=" + c.version + "&screen_name=anna"
		r, _ := http.NewRequest("GET", c.base+"/method/utils.resolveScreenName"+q+"&access_token="+url.QueryEscape(c.group.Token), nil)
		if b := c.read(r); !bytes.Contains(b, []byte(`"type":"user"`)) {
			c.t.Errorf("got %s", b)
		}
	}},
	{"parameters of query and body count together", "", func(c *wireClient) {
		r := c.request("users.get", "user_ids", c.her())
		q := r.URL.Query()
		q.Set("fields", "screen_name")
		r.URL.RawQuery = q.Encode()
		if b := c.read(r); !bytes.Contains(b, []byte(`"screen_name":"anna"`)) {
			c.t.Errorf("got %s", b)
		}
	}},
	{"an empty parameter is absent", "", func(c *wireClient) {
		var n int
		c.get(&n, "messages.send", "peer_id", c.her(), "peer_ids", "", "attachment", "", "random_id", "0", "message", "x")
		var groups json.RawMessage
		c.get(&groups, "groups.getById", "group_ids", "")
	}},
	{"true and false in three spellings", "", func(c *wireClient) {
		for _, s := range []string{"1", "true", "True", "0", "false", "False"} {
			c.get(new(int), "groups.setLongPollSettings", "group_id", c.id(), "message_typing_state", s)
			var got struct{ Events map[string]int }
			c.get(&got, "groups.getLongPollSettings", "group_id", c.id())
			if want := boolInt(strings.ContainsAny(s, "1Tt")); got.Events["message_typing_state"] != want {
				c.t.Errorf("%s read as %d", s, got.Events["message_typing_state"])
			}
		}
	}},
	{"lists and cases as it writes them", "", func(c *wireClient) {
		var users []struct {
			Name string `json:"screen_name"`
			Sex  *int
		}
		c.get(&users, "users.get", "user_ids", fmt.Sprint(c.anna.ID, ",", c.boris.ID), "fields", "sex,screen_name", "name_case", "nom")
		if len(users) != 2 || users[1].Name != "boris" || users[1].Sex == nil {
			c.t.Errorf("got %+v", users)
		}
	}},
	{"the token counts where it puts it", "", func(c *wireClient) {
		c.get(new([]any), "users.get")
		c.RevokeToken(c.group.Token)
		if rep := c.try("users.get"); rep.Error == nil || rep.Error.Code != 5 {
			c.t.Errorf("a revoked token: %+v", rep)
		}
	}},
	{"groups.getById without parameters is its own community", "", func(c *wireClient) {
		c.logIn() // checks the form of the version
	}},
	{"users.get of a community is an empty array", "vk_botting", func(c *wireClient) {
		if rep := c.try("users.get"); string(rep.Response) != "[]" {
			c.t.Errorf("got %s %+v", rep.Response, rep.Error)
		}
	}},
}

var pollMusts = []must{
	{"the server is a full address without a query, ts a string", "", func(c *wireClient) {
		c.connect(true) // insists on the new ts
		if n, err := strconv.ParseInt(c.ts, 10, 64); err != nil || n < 1 {
			c.t.Errorf("ts %q", c.ts)
		}
	}},
	{"getLongPollSettings has every event and a version", "vk_botting", func(c *wireClient) {
		var s struct {
			Version string         `json:"api_version"`
			Events  map[string]int `json:"events"`
		}
		c.get(&s, "groups.getLongPollSettings", "group_id", c.id())
		if s.Version != "5.199" || len(s.Events) != len(eventNames) {
			c.t.Errorf("got %+v", s)
		}
	}},
	{"setLongPollSettings answers with a number", "vksdk", func(c *wireClient) {
		c.get(new(int), "groups.setLongPollSettings", "group_id", c.id(), "enabled", "1", "api_version", "5.199", "message_new", "1")
	}},
	{"a wait that runs out", "", func(c *wireClient) {
		c.connect(true)
		start, ts := time.Now(), c.ts
		p := c.waits()
		if want := fmt.Sprintf(`{"ts":%q,"updates":[]}`, ts); p.raw != want {
			c.t.Errorf("got %s, want %s", p.raw, want)
		}
		wait, _ := strconv.Atoi(c.pollRequest().URL.Query().Get("wait"))
		if took := time.Since(start); took != time.Duration(wait)*time.Second {
			c.t.Errorf("after %v, for %d s", took, wait)
		}
	}},
	{"events that wait are told at once", "", func(c *wireClient) {
		c.connect(true)
		c.says("one")
		c.says("two")
		start := time.Now()
		if p := c.waits(); len(p.Updates) != 2 || time.Since(start) != 0 {
			c.t.Errorf("%d updates after %v", len(p.Updates), time.Since(start))
		}
	}},
	{"several polls at once", "", func(c *wireClient) {
		c.connect(true)
		got := make(chan int, 3)
		for range cap(got) {
			go func() {
				var p polled
				json.Unmarshal(c.read(c.pollRequest()), &p)
				got <- len(p.Updates)
			}()
		}
		synctest.Wait()
		if n := c.Polling(c.group.ID); n != cap(got) {
			c.t.Errorf("%d polls wait", n)
		}
		c.says("all of you")
		for range cap(got) {
			if n := <-got; n != 1 {
				c.t.Errorf("%d updates", n)
			}
		}
	}},
	{"a poll ends when its client goes", "", func(c *wireClient) {
		c.connect(true)
		ctx, cancel := context.WithCancel(c.t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := c.http.Do(c.pollRequest().WithContext(ctx))
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; err == nil {
			c.t.Error("it was answered")
		}
		synctest.Wait()
		if n := c.Polling(c.group.ID); n != 0 {
			c.t.Errorf("%d polls still wait", n)
		}
	}},
	{"failed 1 brings the ts to go on from", "", func(c *wireClient) {
		c.connect(true)
		c.says("lost")
		c.LosePollHistory(c.group.ID)
		if p := c.waits(); p.Failed != 1 || len(p.TS) == 0 {
			c.t.Fatalf("got %s", p.raw)
		}
		c.gets("message_new", func() { c.says("on we go") })
	}},
	{"a change of key keeps the history", "", func(c *wireClient) {
		c.connect(true)
		c.says("while the key runs out")
		c.ExpireKey(c.group.ID)
		if p := c.waits(); p.Failed != 2 {
			c.t.Fatalf("got %s", p.raw)
		}
		c.connect(false) // vksdk and vkbottle keep their ts, and the others may
		if p := c.waits(); len(p.Updates) != 1 {
			c.t.Errorf("got %s", p.raw)
		}
	}},
	{"after failed 3 a new server and ts do", "", func(c *wireClient) {
		c.connect(true)
		c.ForgetSession(c.group.ID)
		if p := c.waits(); p.Failed != 3 {
			c.t.Fatalf("got %s", p.raw)
		}
		c.connect(true)
		c.gets("message_new", func() { c.says("again") })
	}},
	{"failed 4 names the versions", "vkbottle", func(c *wireClient) {
		c.connect(true)
		c.Fail(Fault{On: OnLongPoll, Times: 1, Effect: PollFailed{Code: 4}})
		if p := c.waits(); p.Failed != 4 || !strings.Contains(p.raw, `"min_version":`) || !strings.Contains(p.raw, `"max_version":`) {
			c.t.Errorf("got %s", p.raw)
		}
	}},

	{"an update has all its fields", "", func(c *wireClient) {
		c.connect(true)
		c.says("hi")
		var got struct{ Updates []map[string]json.RawMessage }
		json.Unmarshal(c.read(c.pollRequest()), &got)
		for _, k := range []string{"type", "object", "group_id", "event_id", "v"} {
			if len(got.Updates[0][k]) == 0 {
				c.t.Errorf("%s is missing", k)
			}
		}
	}},
	{"a message has all its fields, of the right types", "", func(c *wireClient) {
		c.connect(true)
		m, err := c.Send(c.anna.ID, -c.group.ID, Draft{Text: "x", Payload: `{"a":1}`})
		if err != nil {
			c.t.Fatal(err)
		}
		var o struct{ Message map[string]json.RawMessage }
		json.Unmarshal(c.waits().Updates[0].Object, &o)
		for k, want := range map[string]string{
			"id": "", "conversation_message_id": "", "peer_id": c.her(), "from_id": c.her(), "text": `"x"`, "date": fmt.Sprint(m.Date.Unix()),
			"out": "0", "version": "", "attachments": "[]", "fwd_messages": "[]", "important": "false", "is_hidden": "false",
			"random_id": "0", "payload": `"{\"a\":1}"`,
		} {
			if got := string(o.Message[k]); got == "" || want != "" && got != want {
				c.t.Errorf("%s is %s, want %s", k, got, want)
			}
		}
	}},
	{"a message of a chat has id 0", "", func(c *wireClient) {
		chat := c.chat(ChatSpec{})
		c.connect(true)
		if _, err := c.Send(c.anna.ID, chat.PeerID, Draft{Text: "x"}); err != nil {
			c.t.Fatal(err)
		}
		if o := c.waits().Updates[0].Object; !bytes.Contains(o, []byte(`"id":0,`)) || !bytes.Contains(o, []byte(fmt.Sprint(chat.PeerID))) {
			c.t.Errorf("got %s", o)
		}
	}},
	{"the payload of a press is an object", "", func(c *wireClient) {
		c.connect(true)
		m := c.writes("message", "x", "keyboard", c.keyboard)
		b, _ := m.Button("Like")
		if _, err := c.Press(c.anna.ID, -c.group.ID, m.CMID, b); err != nil {
			c.t.Fatal(err)
		}
		var o struct{ Payload map[string]any }
		if u := c.waits().Updates; json.Unmarshal(u[0].Object, &o) != nil || o.Payload["id"] != 42.0 {
			c.t.Errorf("got %s", u[0].Object)
		}
	}},
}
