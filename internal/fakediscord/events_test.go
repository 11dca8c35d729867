package fakediscord

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

// eventCases are the events, each with its intent and a way to make it happen.
var eventCases = []struct {
	name    string
	intents Intents
	do      func(f *fixture, g *gatewayClient)
	want    string // members of the data, as JSON, with names for IDs
}{
	{"CHANNEL_CREATE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.as("POST", f.guildPath()+"/channels", object{"name": "new"}) }, `"name":"new"`},
	{"CHANNEL_UPDATE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.as("PATCH", f.channelPath(), object{"topic": "tea"}) }, `"topic":"tea"`},
	{"CHANNEL_DELETE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.as("DELETE", f.channelPath(), nil) }, `"id":"GENERAL"`},
	{"CHANNEL_PINS_UPDATE", IntentGuilds, func(f *fixture, g *gatewayClient) {
		f.as("PUT", f.channelPath()+"/messages/pins/"+f.says(f.general, "hi").String(), nil)
	}, `"last_pin_timestamp":"20`},
	{"CHANNEL_PINS_UPDATE", IntentDirectMessages, func(f *fixture, g *gatewayClient) {
		dm := f.s.DM(f.anna)
		f.as("PUT", "/channels/"+dm.String()+"/pins/"+f.says(dm, "hi").String(), nil)
	}, `"last_pin_timestamp":"20`},
	{"GUILD_UPDATE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.as("PATCH", f.guildPath(), object{"name": "Other"}) }, `"name":"Other"`},
	{"GUILD_CREATE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.s.AddGuild("Second", f.anna) }, `"name":"Second"`},
	{"GUILD_DELETE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.must(f.s.Outage(f.guild, true)) }, `"id":"GUILD","unavailable":true`},
	{"GUILD_DELETE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.as("DELETE", f.guildPath()+"/members/"+f.s.Me().String(), nil) }, `{"id":"GUILD"}`},
	{"GUILD_ROLE_CREATE", IntentGuilds, func(f *fixture, g *gatewayClient) { f.as("POST", f.guildPath()+"/roles", object{"name": "tea"}) }, `"name":"tea"`},
	{"GUILD_ROLE_UPDATE", IntentGuilds, func(f *fixture, g *gatewayClient) {
		f.as("PATCH", f.guildPath()+"/roles/"+f.guild.String(), object{"color": 5})
	}, `"color":5`},
	{"GUILD_ROLE_DELETE", IntentGuilds, func(f *fixture, g *gatewayClient) {
		r := f.as("POST", f.guildPath()+"/roles", object{})
		f.as("DELETE", f.guildPath()+"/roles/"+r["id"].(string), nil)
	}, `"role_id":"`},
	{"THREAD_CREATE", IntentGuilds, func(f *fixture, g *gatewayClient) {
		f.as("POST", f.channelPath()+"/threads", object{"name": "t", "type": 11})
	}, `"newly_created":true`},
	{"GUILD_EMOJIS_UPDATE", IntentExpressions, func(f *fixture, g *gatewayClient) {
		f.as("POST", f.guildPath()+"/emojis", object{"name": "tea", "image": pixel})
	}, `"name":"tea"`},
	{"GUILD_INTEGRATIONS_UPDATE", IntentIntegrations, func(f *fixture, g *gatewayClient) { f.s.AddIntegration(f.guild, "twitch", "anna") }, `"guild_id":"GUILD"`},
	{"GUILD_MEMBER_ADD", IntentMembers, func(f *fixture, g *gatewayClient) { f.boris() }, `"global_name":"Boris"`},
	{"GUILD_MEMBER_REMOVE", IntentMembers, func(f *fixture, g *gatewayClient) {
		f.must(f.s.Do(f.boris(), "DELETE", "/users/@me/guilds/"+f.guild.String(), nil, nil))
	}, `"global_name":"Boris"`},
	{"GUILD_MEMBER_UPDATE", IntentMembers, func(f *fixture, g *gatewayClient) {
		f.as("PATCH", f.guildPath()+"/members/"+f.boris().String(), object{"nick": "B"})
	}, `"nick":"B"`},
	{"GUILD_MEMBER_UPDATE", IntentMembers, func(f *fixture, g *gatewayClient) {
		f.as("PATCH", f.guildPath()+"/members/"+f.boris().String(), object{"nick": nil})
	}, `"nick":null`},
	{"GUILD_MEMBERS_CHUNK", IntentMembers, func(f *fixture, g *gatewayClient) {
		g.send(`{"op":8,"d":{"guild_id":` + f.guild.String() + `,"query":"","limit":0,"nonce":"n"}}`)
	}, `"chunk_count":1`},
	{"GUILD_BAN_ADD", IntentModeration, func(f *fixture, g *gatewayClient) { f.as("PUT", f.guildPath()+"/bans/"+f.boris().String(), nil) }, `"global_name":"Boris"`},
	{"GUILD_BAN_REMOVE", IntentModeration, func(f *fixture, g *gatewayClient) {
		path := f.guildPath() + "/bans/" + f.boris().String()
		f.as("PUT", path, nil)
		f.as("DELETE", path, nil)
	}, `"global_name":"Boris"`},
	{"MESSAGE_CREATE", IntentGuildMessages | IntentContent, func(f *fixture, g *gatewayClient) { f.messagePath() }, `"content":"hi"`},
	{"MESSAGE_CREATE", IntentGuildMessages, func(f *fixture, g *gatewayClient) { f.messagePath() }, `"content":""`},
	{"MESSAGE_CREATE", IntentGuildMessages, func(f *fixture, g *gatewayClient) {
		f.says(f.general, "for <@"+f.s.Me().String()+">")
	}, `"content":"for `},
	{"MESSAGE_CREATE", IntentDirectMessages, func(f *fixture, g *gatewayClient) { f.says(f.s.DM(f.anna), "private") }, `"content":"private"`},
	{"MESSAGE_UPDATE", IntentGuildMessages | IntentContent, func(f *fixture, g *gatewayClient) { f.as("PATCH", f.messagePath(), object{"content": "new"}) }, `"content":"new"`},
	{"MESSAGE_UPDATE", IntentGuildMessages | IntentContent, func(f *fixture, g *gatewayClient) {
		f.must(f.s.Preview(f.general, f.says(f.general, "https://a.test"), "https://a.test", "A"))
	}, `{"channel_id":"GENERAL","embeds":[{"title":"A","type":"link","url":"https://a.test"}],"guild_id":"GUILD","id"`},
	{"MESSAGE_DELETE", IntentGuildMessages, func(f *fixture, g *gatewayClient) { f.as("DELETE", f.messagePath(), nil) }, `"channel_id":"GENERAL"`},
	{"MESSAGE_DELETE_BULK", IntentGuildMessages, func(f *fixture, g *gatewayClient) {
		f.as("POST", f.channelPath()+"/messages/bulk-delete", object{"messages": []ID{f.says(f.general, "1"), f.says(f.general, "2")}})
	}, `"ids":["`},
	{"MESSAGE_REACTION_ADD", IntentGuildReactions, func(f *fixture, g *gatewayClient) { f.as("PUT", f.messagePath()+"/reactions/👍/@me", nil) }, `"emoji":{"id":null,"name":"👍"}`},
	{"MESSAGE_REACTION_REMOVE", IntentGuildReactions, func(f *fixture, g *gatewayClient) {
		m := f.messagePath()
		f.as("PUT", m+"/reactions/👍/@me", nil)
		f.as("DELETE", m+"/reactions/👍/@me", nil)
	}, `"user_id":"ANNA"`},
	{"MESSAGE_REACTION_REMOVE_ALL", IntentGuildReactions, func(f *fixture, g *gatewayClient) { f.as("DELETE", f.messagePath()+"/reactions", nil) }, `"guild_id":"GUILD"`},
	{"MESSAGE_REACTION_REMOVE_EMOJI", IntentGuildReactions, func(f *fixture, g *gatewayClient) { f.as("DELETE", f.messagePath()+"/reactions/👍", nil) }, `"name":"👍"`},
	{"PRESENCE_UPDATE", IntentPresences, func(f *fixture, g *gatewayClient) {
		f.must(f.s.SetPresence(f.anna, "idle", []byte(`[{"name":"tea","type":0}]`)))
	}, `"user":{"id":"ANNA"}`},
	{"TYPING_START", IntentGuildTyping, func(f *fixture, g *gatewayClient) { f.as("POST", f.channelPath()+"/typing", nil) }, `"timestamp":1`},
	{"TYPING_START", IntentDirectTyping, func(f *fixture, g *gatewayClient) { f.as("POST", "/channels/"+f.s.DM(f.anna).String()+"/typing", nil) }, `"timestamp":1`},
	{"USER_UPDATE", 0, func(f *fixture, g *gatewayClient) { f.ok("PATCH", "/users/@me", `{"username":"Renamed"}`) }, `"username":"Renamed"`},
	{"VOICE_STATE_UPDATE", IntentVoiceStates, func(f *fixture, g *gatewayClient) { f.must(f.s.Voice(f.guild, f.anna, f.voiceChannel())) }, `"user_id":"ANNA"`},
	{"VOICE_STATE_UPDATE", IntentVoiceStates, func(f *fixture, g *gatewayClient) {
		f.must(f.s.Voice(f.guild, f.anna, f.voiceChannel()))
		g.wait("VOICE_STATE_UPDATE")
		f.must(f.s.Voice(f.guild, f.anna, 0))
	}, `"channel_id":null`},
	{"VOICE_SERVER_UPDATE", 0, func(f *fixture, g *gatewayClient) {
		g.send(fmt.Sprintf(`{"op":4,"d":{"guild_id":"%s","channel_id":"%s","self_mute":false,"self_deaf":true}}`, f.guild, f.voiceChannel()))
	}, `"endpoint":"voice.discord.test:443"`},
	{"VOICE_SERVER_UPDATE", 0, func(f *fixture, g *gatewayClient) { f.must(f.s.VoiceServer(f.guild, "")) }, `"endpoint":null`},
	{"WEBHOOKS_UPDATE", IntentWebhooks, func(f *fixture, g *gatewayClient) { f.as("POST", f.channelPath()+"/webhooks", object{"name": "hook"}) }, `"channel_id":"GENERAL"`},
	{"INVITE_CREATE", IntentInvites, func(f *fixture, g *gatewayClient) { f.as("POST", f.channelPath()+"/invites", object{}) }, `"max_age":86400`},
	{"INVITE_DELETE", IntentInvites, func(f *fixture, g *gatewayClient) {
		i := f.as("POST", f.channelPath()+"/invites", object{})
		f.as("DELETE", "/invites/"+i["code"].(string), nil)
	}, `"code":"i`},
}

func (f *fixture) channelPath() string { return "/channels/" + f.general.String() }
func (f *fixture) guildPath() string   { return "/guilds/" + f.guild.String() }

// messagePath returns the path of a new message of Anna's.
func (f *fixture) messagePath() string {
	return f.channelPath() + "/messages/" + f.says(f.general, "hi").String()
}

// boris adds a member.
func (f *fixture) boris() ID {
	id := f.s.AddUser("Boris")
	f.must(f.s.Join(f.guild, id))
	return id
}

// voiceChannel adds a voice channel.
func (f *fixture) voiceChannel() ID { return f.s.AddChannel(f.guild, typeVoice, "Voice") }

// TestEvents: each event comes because the world does the thing, to a session
// with the event's intent alone, and not to one without it.
func TestEvents(t *testing.T) {
	for _, tt := range eventCases {
		t.Run(tt.name+"/"+tt.want, func(t *testing.T) {
			f := newFixture(t, Config{})
			g := f.connect(tt.intents)
			if tt.intents.Has(IntentGuilds) && tt.intents != 0 {
				g.wait("GUILD_CREATE")
			}
			tt.do(f, g)
			data := string(encode(g.wait(tt.name)))
			for name, id := range map[string]ID{"GUILD": f.guild, "GENERAL": f.general, "ANNA": f.anna} {
				data = strings.ReplaceAll(data, `"`+id.String()+`"`, `"`+name+`"`)
			}
			if !strings.Contains(data, tt.want) {
				t.Errorf("%s\nwant %s", data, tt.want)
			}
			if tt.intents == 0 {
				return
			}
			f = newFixture(t, Config{})
			g = f.connect(everything &^ tt.intents &^ IntentContent)
			if tt.name == "GUILD_MEMBERS_CHUNK" {
				tt.do(f, g)
				g.closed(4014)
				return
			}
			if strings.Contains(tt.want, ":null") && tt.name == "VOICE_STATE_UPDATE" {
				return // it waits for the first event itself
			}
			tt.do(f, g)
			f.s.Emit("LAST", object{})
			for {
				p, err := g.read()
				if err != nil {
					t.Fatal(err)
				}
				if p.T == tt.name && p.T != "GUILD_CREATE" {
					t.Errorf("it came without the intent: %s", p.D)
				}
				if p.T == "LAST" {
					return
				}
			}
		})
	}
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// TestCategoryIsDeleted: its channels stay, without a parent.
func TestCategoryIsDeleted(t *testing.T) {
	f := newFixture(t, Config{})
	category := f.s.AddChannel(f.guild, typeCategory, "Category")
	f.as("PATCH", "/channels/"+f.general.String(), object{"parent_id": category})
	g := f.connect(IntentGuilds)
	f.ok("DELETE", "/channels/"+category.String(), "", "X-Audit-Log-Reason", "tidy%20up")
	if c := g.wait("CHANNEL_DELETE"); c["id"] != category.String() {
		t.Errorf("got %v", c)
	}
	if c := g.wait("CHANNEL_UPDATE"); c["id"] != f.general.String() || c["parent_id"] != nil {
		t.Errorf("got %v", c)
	}
	log := f.as("GET", "/guilds/"+f.guild.String()+"/audit-logs?limit=1", nil)
	if e := log["audit_log_entries"].([]any)[0].(object); e["reason"] != "tidy up" || number(e, "action_type") != 12 {
		t.Errorf("got %v", e)
	}
}

// TestMemberChunks: 2,001 members come in three chunks.
func TestMemberChunks(t *testing.T) {
	f := newFixture(t, Config{})
	f.s.AddMembers(f.guild, "m", 1999)
	g := f.connect(IntentMembers | IntentPresences)
	g.send(`{"op":8,"d":{"guild_id":"` + f.guild.String() + `","query":"","limit":0,"nonce":"x","presences":true}}`)
	total := 0
	for i := range 3 {
		c := g.wait("GUILD_MEMBERS_CHUNK")
		if number(c, "chunk_index") != i || number(c, "chunk_count") != 3 || c["nonce"] != "x" {
			t.Errorf("chunk %d is %v of %v", i, c["chunk_index"], c["chunk_count"])
		}
		total += len(c["members"].([]any))
	}
	f.s.Busy(1, 1500*time.Millisecond)
	g.send(`{"op":8,"d":{"guild_id":` + f.guild.String() + `,"query":"","limit":0,"nonce":"y"}}`)
	if c := g.wait("RATE_LIMITED"); string(encode(c["retry_after"])) != "1.5" || c["meta"].(object)["nonce"] != "y" || number(c, "opcode") != 8 {
		t.Errorf("got %v", c)
	}
	if total != 2001 {
		t.Errorf("%d members", total)
	}
	g.send(`{"op":8,"d":{"guild_id":` + f.guild.String() + `,"user_ids":["` + f.anna.String() + `","5"]}}`)
	if c := g.wait("GUILD_MEMBERS_CHUNK"); len(c["members"].([]any)) != 1 || len(c["not_found"].([]any)) != 1 {
		t.Errorf("got %v", c)
	}
}

// TestGuildCreate: without the intent for presences, GUILD_CREATE has only the bot
// and members in voice channels.
func TestGuildCreate(t *testing.T) {
	f := newFixture(t, Config{})
	f.boris()
	f.must(f.s.SetPresence(f.anna, "idle", nil))
	f.must(f.s.Voice(f.guild, f.anna, f.voiceChannel()))
	for _, tt := range []struct {
		intents            Intents
		members, presences int
	}{{IntentGuilds, 2, 0}, {IntentGuilds | IntentPresences, 3, 1}} {
		f.s.mu.Lock()
		clear(f.s.identifies)
		f.s.mu.Unlock()
		g := f.connect(tt.intents).wait("GUILD_CREATE")
		if len(g["members"].([]any)) != tt.members || len(g["presences"].([]any)) != tt.presences || len(g["voice_states"].([]any)) != 1 || number(g, "member_count") != 3 {
			t.Errorf("intents %d: %v, %v, %v", tt.intents, g["members"], g["presences"], g["voice_states"])
		}
		for _, c := range append(g["channels"].([]any), g["voice_states"].([]any)...) {
			if _, has := c.(object)["guild_id"]; has {
				t.Errorf("the guild's ID is in %v", c)
			}
		}
	}
}
