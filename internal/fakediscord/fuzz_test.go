package fakediscord

import (
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
