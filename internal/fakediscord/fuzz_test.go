package fakediscord

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// newWorld returns a world with something of everything, and the paths of it all.
func newWorld() (s *Server, ids map[string]string) {
	s = New(Config{Global: -1})
	anna := s.AddUser("Anna")
	guild := s.AddGuild("Guild", anna)
	general := s.Channels(guild)[0].ID
	voice := s.AddChannel(guild, typeVoice, "Voice")
	ids = map[string]string{"guild": guild.String(), "channel": general.String(), "voice": voice.String(), "user": anna.String(), "me": s.Me().String()}
	do := func(method, path string, body object) object {
		var out object
		s.Do(anna, method, path, body, &out)
		return out
	}
	ids["message"], _ = do("POST", "/channels/"+general.String()+"/messages", object{"content": "hi"})["id"].(string)
	ids["role"], _ = do("POST", "/guilds/"+guild.String()+"/roles", object{"name": "tea"})["id"].(string)
	ids["thread"], _ = do("POST", "/channels/"+general.String()+"/threads", object{"name": "t", "type": 11})["id"].(string)
	hook := do("POST", "/channels/"+general.String()+"/webhooks", object{"name": "W"})
	ids["webhook"], _ = hook["id"].(string)
	ids["token"], _ = hook["token"].(string)
	ids["code"], _ = do("POST", "/channels/"+general.String()+"/invites", object{})["code"].(string)
	ids["application"] = s.Me().String()
	var command object
	s.Do(s.Me(), "POST", "/applications/"+s.Me().String()+"/commands", object{"name": "a", "description": "d"}, &command)
	ids["command"], _ = command["id"].(string)
	in, _ := s.Slash(anna, general, "a", nil)
	ids["interaction"], ids["itoken"] = in.String(), s.interactions[in].token
	return s, ids
}

// FuzzAPI: no request makes the fake panic, and each answer is JSON or empty. The
// path has names in braces, as templates have, for the things of the world.
func FuzzAPI(f *testing.F) {
	for _, list := range routes {
		for _, rt := range list {
			f.Add(rt.method, rt.template, `{}`)
		}
	}
	for _, body := range []string{
		`{"content":"x","embeds":[{"title":"a","fields":[{"name":"a","value":"b"}],"image":{"url":"attachment://a"}}],"nonce":5,"enforce_nonce":true}`,
		`{"content":"x","message_reference":{"message_id":"{message}"},"allowed_mentions":{"parse":["users"],"roles":["1"]},"attachments":[{"id":0}]}`,
		`{"content":null,"embeds":null,"components":[1],"poll":{},"flags":"4","sticker_ids":[1],"tts":1}`, `[{"id":"{channel}","position":1}]`, `null`, `[]`, `"x"`, `{`,
	} {
		f.Add("POST", "/channels/{channel}/messages", body)
		f.Add("PATCH", "/channels/{channel}/messages/{message}", body)
	}
	f.Add("PATCH", "/guilds/{guild}/members/{user}", `{"nick":null,"roles":["{role}"],"mute":true,"channel_id":"{voice}","communication_disabled_until":"2026-01-02T00:00:00Z"}`)
	f.Add("PATCH", "/channels/{thread}", `{"archived":true,"locked":true,"auto_archive_duration":60}`)
	f.Add("PATCH", "/channels/{voice}", `{"bitrate":8000,"permission_overwrites":[{"id":"{guild}","type":0,"deny":"1024"}]}`)
	f.Add("PUT", "/channels/{channel}/messages/{message}/reactions/%F0%9F%91%8D/@me", "")
	const callback = "/interactions/{interaction}/{itoken}/callback"
	f.Add("POST", callback, `{"type":4,"data":{"content":"x","flags":64,"components":[{"type":1,"components":[{"type":2,"style":1,"label":"a","custom_id":"a"}]}]}}`)
	f.Add("POST", callback+"?with_response=true", `{"type":5,"data":{"flags":64}}`)
	f.Add("POST", callback, `{"type":9,"data":{"custom_id":"f","title":"t","components":[{"type":18,"label":"l","component":{"type":3,"custom_id":"m","options":[{"label":"a","value":"b"}]}},{"type":1,"components":[{"type":4}]}]}}`)
	f.Add("PUT", "/applications/{application}/commands", `[{"name":"a","description":"d","name_localizations":{"ru":"б"},"options":[{"type":2,"options":[{"type":1,"options":[{"type":4,"min_value":1e99,"choices":[{"value":1}]}]}]}]}]`)
	f.Add("PATCH", "/applications/{application}/commands/{command}", `{"options":[{}],"contexts":[9]}`)
	f.Add("POST", "/channels/{channel}/messages", `{"flags":32768,"components":[{"type":17,"components":[{"type":9,"accessory":{"type":11},"components":[{}]}]},null,{"type":1,"components":[{"type":8,"default_values":[1]}]}]}`)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		s, ids := newWorld()
		for name, id := range ids {
			path = strings.ReplaceAll(path, "{"+name+"}", id)
			body = strings.ReplaceAll(body, "{"+name+"}", id)
		}
		r, err := http.NewRequest(method, "http://discord.test/api/v10"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bot "+s.Token())
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Body.Len() > 0 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			if _, err := decode(w.Body.Bytes()); err != nil {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
		}
		if w.Code >= 500 {
			t.Errorf("%s %s: %d", method, path, w.Code)
		}
	})
}

// FuzzGateway: no payload of a client makes the fake panic.
func FuzzGateway(f *testing.F) {
	for _, p := range []string{
		`{"op":1,"d":5}`, `{"op":2,"d":{"token":"{bot}","intents":1,"properties":{"os":"x"},"shard":[0,1],"presence":{"status":"dnd","activities":[1]}}}`,
		`{"op":3,"d":{"status":"idle"}}`, `{"op":4,"d":{"guild_id":"{guild}","channel_id":"{voice}"}}`, `{"op":6,"d":{"token":"{bot}","session_id":"x","seq":1}}`,
		`{"op":8,"d":{"guild_id":{guild},"query":"","limit":0,"nonce":1}}`, `{"op":8,"d":{"guild_id":"{guild}","user_ids":["1",2,null]}}`, `[]`, `{"op":null}`, `{"op":2,"d":null}`, `{"op":1e9}`,
	} {
		f.Add(p, true)
		f.Add(p, false)
	}
	f.Fuzz(func(t *testing.T, p string, identified bool) {
		s, ids := newWorld()
		ids["bot"] = s.Token()
		for name, id := range ids {
			p = strings.ReplaceAll(p, "{"+name+"}", id)
		}
		c := &conn{s: s, wake: make(chan struct{}, 1), gone: make(chan struct{}), version: 10, beats: newStoppedTimer()}
		s.mu.Lock()
		defer s.mu.Unlock()
		if identified {
			c.handle([]byte(`{"op":2,"d":{"token":"` + s.token + `","intents":33554431,"properties":{"os":"x"}}}`))
		}
		c.handle([]byte(p))
		for _, o := range c.queue {
			if o.data != nil {
				if _, err := decode(o.data); err != nil {
					t.Errorf("the gateway sends %s", o.data)
				}
			}
		}
	})
}

// newStoppedTimer returns a timer that does nothing.
func newStoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// FuzzOptions: no values of options make the fake panic.
func FuzzOptions(f *testing.F) {
	for _, values := range []string{
		`{"s":"x","i":5,"n":1.5,"b":true}`, `{"s":null,"i":"5","n":"NaN","b":"x"}`, `{"u":"Anna","c":"general","r":"tea","m":"@Anna"}`, `{"file":{"name":"a","data":"eA=="}}`, `{"i":1e300,"file":[]}`, `{"":1}`,
	} {
		f.Add("a", values, "")
		f.Add("/a", values, "s")
	}
	f.Add("a b c", `{}`, "i")
	f.Fuzz(func(t *testing.T, words, values, focused string) {
		var options object
		if json.Unmarshal([]byte(values), &options) != nil {
			return
		}
		s, ids := newWorld()
		path := "/applications/" + ids["application"] + "/commands"
		var list []any
		for i, name := range []string{"s", "i", "b", "u", "c", "r", "m", "n", "file"} {
			list = append(list, object{"type": i + 3, "name": name, "description": "d", "autocomplete": name == "s" || name == "i"})
		}
		if err := s.Do(s.Me(), "POST", path, object{"name": "a", "description": "d", "options": list}, nil); err != nil {
			t.Fatal(err)
		}
		anna, _ := ParseID(ids["user"])
		general, _ := ParseID(ids["channel"])
		use := func() (ID, error) { return s.Slash(anna, general, words, options) }
		if focused != "" {
			use = func() (ID, error) { return s.Complete(anna, general, words, focused, options) }
		}
		if _, err := use(); err != nil && err.Error() == "" {
			t.Error("a refusal without words")
		}
		s.Close()
	})
}
