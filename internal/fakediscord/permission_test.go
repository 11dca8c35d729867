package fakediscord

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPermissions: overwrites count in Discord's order.
func TestPermissions(t *testing.T) {
	type o = object
	for _, tt := range []struct {
		name       string
		overwrites func(f *fixture, a, b ID, boris ID) []object
		view, send bool
	}{
		{"none", func(f *fixture, a, b, boris ID) []object { return nil }, true, true},
		{"everyone may not send", func(f *fixture, a, b, boris ID) []object {
			return []object{{"id": f.guild, "type": 0, "deny": PermSend}}
		}, true, false},
		{"a role may", func(f *fixture, a, b, boris ID) []object {
			return []object{{"id": f.guild, "type": 0, "deny": PermSend}, {"id": a, "type": 0, "allow": PermSend}}
		}, true, true},
		{"one role may, the other may not", func(f *fixture, a, b, boris ID) []object {
			return []object{{"id": a, "type": 0, "allow": PermSend}, {"id": b, "type": 0, "deny": PermSend}}
		}, true, true},
		{"the member may not", func(f *fixture, a, b, boris ID) []object {
			return []object{{"id": a, "type": 0, "allow": PermSend}, {"id": boris, "type": 1, "deny": PermSend}}
		}, true, false},
		{"nobody sees it", func(f *fixture, a, b, boris ID) []object {
			return []object{{"id": f.guild, "type": 0, "deny": PermViewChannel}}
		}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, Config{})
			boris := f.boris()
			a, err := f.s.AddRole(f.guild, "a", 0, boris)
			f.must(err)
			b, err := f.s.AddRole(f.guild, "b", 0, boris)
			f.must(err)
			f.as("PATCH", f.channelPath(), o{"permission_overwrites": append([]object{}, tt.overwrites(f, a, b, boris)...)})
			see := f.s.Do(boris, "GET", f.channelPath(), nil, nil) == nil
			send := f.s.Do(boris, "POST", f.channelPath()+"/messages", o{"content": "x"}, nil) == nil
			if see != tt.view || send != tt.send {
				t.Errorf("Boris sees %v, sends %v", see, send)
			}
			f.as("POST", f.channelPath()+"/messages", o{"content": "the owner may always"})
		})
	}
}

// TestRoles: a role of the same height is not below, and nobody gives permissions
// that they lack.
func TestRoles(t *testing.T) {
	f := newFixture(t, Config{})
	boris, vera := f.boris(), f.s.AddUser("Vera")
	f.must(f.s.Join(f.guild, vera))
	_, err := f.s.AddRole(f.guild, "moderators", PermKick|PermManageRoles, boris, vera)
	f.must(err)
	refusal := func(err error) int {
		e, _ := err.(*Error)
		if e == nil {
			return 0
		}
		return e.Code
	}
	if code := refusal(f.s.Do(boris, "DELETE", f.guildPath()+"/members/"+vera.String(), nil, nil)); code != 50013 {
		t.Errorf("one moderator removes another: %d", code)
	}
	if code := refusal(f.s.Do(boris, "POST", f.guildPath()+"/roles", object{"permissions": PermBan}, nil)); code != 50013 {
		t.Errorf("a moderator makes a role that may ban: %d", code)
	}
	f.must(f.s.Do(boris, "POST", f.guildPath()+"/roles", object{"permissions": PermKick}, nil))
}

// TestTimeout: a member with a timeout sees and reads, and nothing else.
func TestTimeout(t *testing.T) {
	inBubble(t, Config{Global: -1}, func(t *testing.T, f *fixture, client *http.Client) {
		boris := f.boris()
		until := f.s.Now().Add(time.Minute).Format(time.RFC3339)
		f.as("PATCH", f.guildPath()+"/members/"+boris.String(), object{"communication_disabled_until": until})
		write := func() error {
			return f.s.Do(boris, "POST", f.channelPath()+"/messages", object{"content": "x"}, nil)
		}
		if err := write(); err == nil {
			t.Error("Boris writes")
		}
		f.must(f.s.Do(boris, "GET", f.channelPath()+"/messages", nil, nil))
		time.Sleep(time.Minute + time.Second)
		f.must(write())
	})
}

// TestInvites: they end after their time and their uses.
func TestInvites(t *testing.T) {
	inBubble(t, Config{Global: -1}, func(t *testing.T, f *fixture, client *http.Client) {
		made := func(body object) string {
			return "/invites/" + f.as("POST", f.channelPath()+"/invites", body)["code"].(string)
		}
		short, once, forever := made(object{"max_age": 60}), made(object{"max_uses": 1}), made(object{"max_age": 0})
		boris, vera := f.s.AddUser("Boris"), f.s.AddUser("Vera")
		f.must(f.s.Do(boris, "POST", once, nil, nil))
		if err := f.s.Do(vera, "POST", once, nil, nil); err == nil {
			t.Error("it is used twice")
		}
		f.must(f.s.Do(vera, "GET", short, nil, nil))
		time.Sleep(time.Minute)
		if err := f.s.Do(vera, "GET", short, nil, nil); err == nil {
			t.Error("it lasts for more than its time")
		}
		time.Sleep(30 * 24 * time.Hour)
		f.must(f.s.Do(vera, "POST", forever, nil, nil))
	})
}

// TestPins: a second pin changes nothing, and the system tells about the first.
func TestPins(t *testing.T) {
	f := newFixture(t, Config{})
	pin := f.channelPath() + "/messages/pins/" + f.says(f.general, "hi").String()
	f.ok("PUT", pin, "")
	f.ok("PUT", pin, "")
	pins := f.ok("GET", f.channelPath()+"/messages/pins", "")
	if items := pins["items"].([]any); len(items) != 1 || items[0].(object)["message"].(object)["content"] != "hi" || pins["has_more"] != false {
		t.Errorf("got %v", pins)
	}
	all, _ := decode([]byte(f.call("GET", f.channelPath()+"/messages", "").body))
	if list := all.([]any); len(list) != 2 || number(list[0].(object), "type") != 6 {
		t.Errorf("got %v", all)
	}
	f.ok("DELETE", pin, "")
	if old := f.call("GET", f.channelPath()+"/pins", ""); old.body != "[]" {
		t.Errorf("got %s", old.body)
	}
}

// TestEmbedSize: the texts of all embeds count together.
func TestEmbedSize(t *testing.T) {
	f := newFixture(t, Config{})
	embed := `{"description":"` + strings.Repeat("a", 3001) + `"}`
	f.ok("POST", f.channelPath()+"/messages", `{"embeds":[`+embed+`]}`)
	r := f.refused(400, 50035, "POST", f.channelPath()+"/messages", `{"embeds":[`+embed+`,`+embed+`]}`)
	if !strings.Contains(r.body, "MAX_EMBED_SIZE_EXCEEDED") {
		t.Errorf("got %s", r.body)
	}
}

// TestVoice: the state of a member follows the moderators.
func TestVoice(t *testing.T) {
	f := newFixture(t, Config{})
	g := f.connect(IntentVoiceStates)
	member := f.guildPath() + "/members/" + f.anna.String()
	f.refused(400, 40032, "PATCH", member, `{"mute":true}`)
	room, other := f.voiceChannel(), f.voiceChannel()
	f.must(f.s.Voice(f.guild, f.anna, room))
	if v := g.wait("VOICE_STATE_UPDATE"); v["mute"] != false || v["deaf"] != false || v["channel_id"] != room.String() {
		t.Errorf("got %v", v)
	}
	f.ok("PATCH", member, `{"mute":true}`)
	if v := g.wait("VOICE_STATE_UPDATE"); v["mute"] != true || v["member"].(object)["mute"] != true {
		t.Errorf("got %v", v)
	}
	f.ok("PATCH", member, `{"channel_id":"`+other.String()+`"}`)
	if v := g.wait("VOICE_STATE_UPDATE"); v["channel_id"] != other.String() {
		t.Errorf("got %v", v)
	}
	f.as("DELETE", "/channels/"+other.String(), nil)
	if v := g.wait("VOICE_STATE_UPDATE"); v["channel_id"] != nil {
		t.Errorf("got %v", v)
	}
}

// TestManyShards: each guild is on the shard that its ID says.
func TestManyShards(t *testing.T) {
	inBubble(t, Config{MaxConcurrency: 3, Shards: 3}, func(t *testing.T, f *fixture, client *http.Client) {
		for i := range 20 {
			time.Sleep(time.Millisecond)
			f.s.AddGuild(fmt.Sprint("g", i), f.anna)
		}
		seen := make(map[string]bool)
		for shard := range 3 {
			g := dialIn(t, f, client)
			g.op(opHello)
			g.identify(f.s.Token(), 0, fmt.Sprintf(`,"shard":[%d,3]`, shard))
			guilds := g.wait("READY")["guilds"].([]any)
			for _, v := range guilds {
				id, _ := ParseID(v.(object)["id"].(string))
				if int(uint64(id)>>22%3) != shard || seen[id.String()] {
					t.Errorf("guild %v is on shard %d", id, shard)
				}
				seen[id.String()] = true
			}
			if len(guilds) < 5 {
				t.Errorf("%d guilds are on shard %d", len(guilds), shard)
			}
		}
		if len(seen) != 21 {
			t.Errorf("%d guilds", len(seen))
		}
	})
}
