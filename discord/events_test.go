package discord_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// A stage is a world with a running bot, a message of Anna's, and Boris, a user
// who is not a member yet.
type stage struct {
	*world
	g       *discord.Gateway
	message discord.ID
	boris   fakediscord.ID
	path    string // of the guild
}

// A scene is something that happens, and the event that a bot gets of it.
type scene struct {
	name string
	play func(t *testing.T)
}

// of returns a scene: do makes it happen, and a bot that listens to the kind alone
// gets an event for which sum returns want.
func of[T any](name string, k discord.Kind[T], do func(s *stage), sum func(s *stage, e *T) string, want string) scene {
	return scene{name, func(t *testing.T) {
		inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
			s := &stage{world: w, boris: w.AddUser("Boris"), path: "/guilds/" + w.guild.String()}
			var m struct{ ID discord.ID }
			w.as("POST", "/channels/"+w.general.String()+"/messages", map[string]any{"content": "first"}, &m)
			s.message = m.ID
			var d diary
			r := discord.NewRouter()
			discord.On(r, k, func(c *discord.Context, e *T) error { d.note(sum(s, e)); return nil })
			s.g = w.gateway(r)
			stop := start(t, s.g)
			untilReady(t, s.g, 0)
			if got := discord.Intents(w.connected(t).Intents); got != k.Intents() {
				t.Errorf("the bot asks for %v, want %v", got, k.Intents())
			}
			if do != nil {
				time.Sleep(6 * time.Second) // past the span between identifications
				d.take()
				do(s)
				time.Sleep(2 * time.Second)
			}
			d.is(t, want)
			stop()
		})
	}}
}

// reaction returns the path of Anna's reaction to the message.
func (s *stage) reaction() string {
	return "/channels/" + s.general.String() + "/messages/" + s.message.String() + "/reactions/%F0%9F%91%8D"
}

// must fails the test if an action of the fake's fails.
func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
}

// TestEventsHappen: each event of discord.aio happens in the fake, and reaches a
// typed listener with the fields that discord.aio has.
func TestEventsHappen(t *testing.T) {
	scenes := append(sessionScenes(), guildScenes()...)
	scenes = append(append(scenes, memberScenes()...), messageScenes()...)
	seen := make(map[string]bool)
	for _, s := range scenes {
		seen[s.name] = true
		t.Run(s.name, s.play)
	}
	if len(seen) < 38 {
		t.Errorf("only %d scenes", len(seen))
	}
}

func sessionScenes() []scene {
	return []scene{
		of("ready", discord.EventReady, nil, func(s *stage, e *discord.Ready) string {
			return fmt.Sprint(e.User.ID == discord.ID(s.Me()), s.g.Me().ID == e.User.ID, e.Version, len(e.Guilds), e.SessionID != "")
		}, "true true 10 1 true"),
		of("resumed", discord.EventResumed, func(s *stage) { s.Cut() }, func(*stage, *discord.Resumed) string { return "resumed" }, "resumed"),
		of("invalid_session true", discord.EventInvalidSession, func(s *stage) { s.Invalid(true) },
			func(_ *stage, e *discord.InvalidSession) string { return fmt.Sprint(e.Resumable) }, "true"),
		of("invalid_session false", discord.EventInvalidSession, func(s *stage) { s.Invalid(false) },
			func(_ *stage, e *discord.InvalidSession) string { return fmt.Sprint(e.Resumable) }, "false"),
		of("user_update", discord.EventUserUpdate, func(s *stage) {
			_, err := s.client.EditMe(s.t.Context(), discord.UserEdit{Username: discord.Set("Robot")})
			s.must(err)
		}, func(s *stage, e *discord.UserUpdate) string { return fmt.Sprint(e.Username, s.g.Me().Username) }, "RobotRobot"),
		of("voice_server_update", discord.EventVoiceServerUpdate, func(s *stage) { s.must(s.VoiceServer(fakediscord.ID(s.guild), "")) },
			func(s *stage, e *discord.VoiceServerUpdate) string {
				return fmt.Sprint(e.GuildID == s.guild, e.Token.Reveal() != "", e.Endpoint == "")
			}, "true true true"),
	}
}

func guildScenes() []scene {
	channel := func(s *stage, c discord.Channel) string {
		return fmt.Sprint(c.Name, " ", c.GuildID == s.guild, " ", c.Type)
	}
	role := func(s *stage, guild discord.ID, r discord.Role) string {
		return fmt.Sprint(r.Name, " ", guild == s.guild, " ", r.ID != 0)
	}
	pin := func(s *stage) string {
		return "/channels/" + s.general.String() + "/messages/pins/" + s.message.String()
	}
	return []scene{
		of("channel_create", discord.EventChannelCreate, func(s *stage) { s.as("POST", s.path+"/channels", map[string]any{"name": "new"}, nil) },
			func(s *stage, e *discord.ChannelCreate) string { return channel(s, e.Channel) }, "new true GUILD_TEXT"),
		of("channel_update", discord.EventChannelUpdate, func(s *stage) { s.as("PATCH", "/channels/"+s.general.String(), map[string]any{"name": "other"}, nil) },
			func(s *stage, e *discord.ChannelUpdate) string { return channel(s, e.Channel) }, "other true GUILD_TEXT"),
		of("channel_delete", discord.EventChannelDelete, func(s *stage) { s.as("DELETE", "/channels/"+s.general.String(), nil, nil) },
			func(s *stage, e *discord.ChannelDelete) string { return channel(s, e.Channel) }, "general true GUILD_TEXT"),
		of("channel_pin", discord.EventPinsUpdate, func(s *stage) { s.as("PUT", pin(s), nil, nil) },
			func(s *stage, e *discord.PinsUpdate) string {
				return fmt.Sprint(e.ChannelID == s.general, e.GuildID == s.guild, e.LastPin.IsZero())
			}, "true true false"),
		of("channel_pin null", discord.EventPinsUpdate, func(s *stage) {
			s.Emit("CHANNEL_PINS_UPDATE", map[string]any{"channel_id": s.general, "last_pin_timestamp": nil})
		}, func(s *stage, e *discord.PinsUpdate) string {
			return fmt.Sprint(e.ChannelID == s.general, e.LastPin.IsZero())
		}, "true true"),
		of("channel_pin no time", discord.EventPinsUpdate, func(s *stage) { s.Emit("CHANNEL_PINS_UPDATE", map[string]any{"channel_id": s.general}) },
			func(s *stage, e *discord.PinsUpdate) string {
				return fmt.Sprint(e.ChannelID == s.general, e.LastPin.IsZero())
			}, "true true"),
		of("guild_create", discord.EventGuildCreate, func(s *stage) { s.AddGuild("Second", s.anna) },
			func(_ *stage, e *discord.GuildCreate) string {
				return fmt.Sprint(e.Name, " ", e.Unavailable, " ", len(e.Channels) > 0)
			}, "Second false true"),
		of("guild_delete outage", discord.EventGuildDelete, func(s *stage) { s.must(s.Outage(fakediscord.ID(s.guild), true)) },
			func(s *stage, e *discord.GuildDelete) string { return fmt.Sprint(e.ID == s.guild, e.Unavailable) }, "true true"),
		of("guild_delete removed", discord.EventGuildDelete, func(s *stage) { s.must(s.client.LeaveGuild(s.t.Context(), s.guild)) },
			func(s *stage, e *discord.GuildDelete) string { return fmt.Sprint(e.ID == s.guild, e.Unavailable) }, "true false"),
		of("guild_emojis_update", discord.EventEmojisUpdate, func(s *stage) {
			s.as("POST", s.path+"/emojis", map[string]any{"name": "tea", "image": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}, nil)
		}, func(s *stage, e *discord.EmojisUpdate) string {
			return fmt.Sprint(e.GuildID == s.guild, len(e.Emojis), e.Emojis[0].Name)
		}, "true 1tea"),
		of("guild_integrations_update", discord.EventIntegrationsUpdate, func(s *stage) {
			_, err := s.AddIntegration(fakediscord.ID(s.guild), "twitch", "stream")
			s.must(err)
		}, func(s *stage, e *discord.IntegrationsUpdate) string { return fmt.Sprint(e.GuildID == s.guild) }, "true"),
		of("guild_role_create", discord.EventRoleCreate, func(s *stage) { s.as("POST", s.path+"/roles", map[string]any{"name": "r"}, nil) },
			func(s *stage, e *discord.RoleCreate) string { return role(s, e.GuildID, e.Role) }, "r true true"),
		of("guild_role_update", discord.EventRoleUpdate, func(s *stage) {
			s.as("PATCH", s.path+"/roles/"+s.guild.String(), map[string]any{"permissions": "0"}, nil) // @everyone
		}, func(s *stage, e *discord.RoleUpdate) string { return role(s, e.GuildID, e.Role) }, "@everyone true true"),
		of("guild_role_delete", discord.EventRoleDelete, func(s *stage) {
			id, err := s.AddRole(fakediscord.ID(s.guild), "gone", 0)
			s.must(err)
			s.as("DELETE", s.path+"/roles/"+id.String(), nil, nil)
		}, func(s *stage, e *discord.RoleDelete) string { return fmt.Sprint(e.GuildID == s.guild, e.RoleID != 0) }, "true true"),
		of("webhooks_update", discord.EventWebhooksUpdate, func(s *stage) {
			_, err := s.client.CreateWebhook(s.t.Context(), s.general, "hook")
			s.must(err)
		}, func(s *stage, e *discord.WebhooksUpdate) string {
			return fmt.Sprint(e.GuildID == s.guild, e.ChannelID == s.general)
		}, "true true"),
	}
}

func memberScenes() []scene {
	join := func(s *stage) { s.must(s.Join(fakediscord.ID(s.guild), s.boris)) }
	ofBoris := func(s *stage, guild discord.ID, u discord.User) string {
		return fmt.Sprint(guild == s.guild, u.ID == discord.ID(s.boris))
	}
	ban := func(s *stage) { s.as("PUT", s.path+"/bans/"+s.boris.String(), map[string]any{}, nil) }
	room := func(s *stage) fakediscord.ID { return s.AddChannel(fakediscord.ID(s.guild), 2, "room") }
	return []scene{
		of("guild_member_add", discord.EventMemberAdd, join,
			func(s *stage, e *discord.MemberAdd) string { return ofBoris(s, e.GuildID, *e.User) }, "true true"),
		of("guild_member_remove", discord.EventMemberRemove, func(s *stage) { join(s); s.as("DELETE", s.path+"/members/"+s.boris.String(), nil, nil) },
			func(s *stage, e *discord.MemberRemove) string { return ofBoris(s, e.GuildID, e.User) }, "true true"),
		of("guild_member_update", discord.EventMemberUpdate, func(s *stage) {
			join(s)
			s.as("PATCH", s.path+"/members/"+s.boris.String(), map[string]any{"nick": "Bo"}, nil)
		}, func(s *stage, e *discord.MemberUpdate) string {
			return fmt.Sprint(ofBoris(s, e.GuildID, *e.User), e.Nick, len(e.Roles))
		}, "true trueBo0"),
		of("guild_member_update null", discord.EventMemberUpdate, func(s *stage) {
			s.Emit("GUILD_MEMBER_UPDATE", map[string]any{"guild_id": s.guild, "user": map[string]any{"id": s.boris}, "nick": nil, "joined_at": nil, "roles": []any{}})
		}, func(s *stage, e *discord.MemberUpdate) string {
			return fmt.Sprint(ofBoris(s, e.GuildID, *e.User), " ", e.Nick == "", e.Has("nick"), e.Has("avatar"))
		}, "true true true true false"),
		of("guild_members_chunk", discord.EventMembersChunk, func(s *stage) {
			for _, err := range s.g.Members(s.t.Context(), discord.MembersOf{Guild: s.guild, Users: []discord.ID{discord.ID(s.anna)}}) {
				s.must(err)
			}
		}, func(s *stage, e *discord.MembersChunk) string {
			return fmt.Sprint(e.GuildID == s.guild, len(e.Members), e.Members[0].User.ID == discord.ID(s.anna))
		}, "true 1 true"),
		of("ban", discord.EventBanAdd, ban, func(s *stage, e *discord.BanAdd) string { return ofBoris(s, e.GuildID, e.User) }, "true true"),
		of("ban_remove", discord.EventBanRemove, func(s *stage) { ban(s); s.as("DELETE", s.path+"/bans/"+s.boris.String(), nil, nil) },
			func(s *stage, e *discord.BanRemove) string { return ofBoris(s, e.GuildID, e.User) }, "true true"),
		of("presence_update", discord.EventPresenceUpdate, func(s *stage) {
			s.must(s.SetPresence(s.anna, "dnd", json.RawMessage(`[{"name":"chess","type":0}]`)))
		}, func(s *stage, e *discord.PresenceUpdate) string {
			game, ok := e.Game()
			return fmt.Sprint(e.User.ID == discord.ID(s.anna), e.GuildID == s.guild, e.Status, game.Name, ok)
		}, "true truedndchesstrue"),
		of("voice_state_update", discord.EventVoiceStateUpdate, func(s *stage) { s.must(s.Voice(fakediscord.ID(s.guild), s.anna, room(s))) },
			func(s *stage, e *discord.VoiceStateUpdate) string {
				return fmt.Sprint(e.UserID == discord.ID(s.anna), e.GuildID == s.guild, e.ChannelID != 0, e.SessionID != "", e.SelfMute)
			}, "true true true true false"),
		of("voice_state_update left", discord.EventVoiceStateUpdate, func(s *stage) {
			s.Emit("VOICE_STATE_UPDATE", map[string]any{"guild_id": s.guild, "channel_id": nil, "user_id": s.anna, "session_id": "x"})
		}, func(s *stage, e *discord.VoiceStateUpdate) string {
			return fmt.Sprint(e.UserID == discord.ID(s.anna), e.ChannelID)
		}, "true 0"),
	}
}

func messageScenes() []scene {
	path := func(s *stage) string {
		return "/channels/" + s.general.String() + "/messages/" + s.message.String()
	}
	at := func(s *stage, channel, message, user discord.ID, emoji string) string {
		return fmt.Sprint(channel == s.general, message == s.message, user == discord.ID(s.anna), emoji)
	}
	react := func(s *stage) { s.as("PUT", s.reaction()+"/@me", nil, nil) }
	return []scene{
		of("message", discord.EventMessageCreate, func(s *stage) { s.says("hello") },
			func(s *stage, e *discord.MessageCreate) string {
				return fmt.Sprint(e.Content, " ", e.Author.ID == discord.ID(s.anna), e.ChannelID == s.general, e.GuildID == s.guild, e.Timestamp.IsZero())
			}, "hello true true true false"),
		of("message_update", discord.EventMessageUpdate, func(s *stage) { s.as("PATCH", path(s), map[string]any{"content": "changed"}, nil) },
			func(s *stage, e *discord.MessageUpdate) string {
				return fmt.Sprint(e.Content, " ", e.ID == s.message, e.ChannelID == s.general, e.EditedAt.IsZero(), e.Has("content"))
			}, "changed true true false true"),
		of("message_update partial", discord.EventMessageUpdate, func(s *stage) {
			s.Emit("MESSAGE_UPDATE", map[string]any{"id": s.message, "channel_id": s.general, "embeds": []any{}})
		}, func(s *stage, e *discord.MessageUpdate) string {
			return fmt.Sprint(e.ID == s.message, e.ChannelID == s.general, e.Has("content"), e.Has("embeds"))
		}, "true true false true"),
		of("message_delete", discord.EventMessageDelete, func(s *stage) { s.as("DELETE", path(s), nil, nil) },
			func(s *stage, e *discord.MessageDelete) string {
				return fmt.Sprint(e.ID == s.message, e.ChannelID == s.general, e.GuildID == s.guild)
			}, "true true true"),
		of("message_delete_bulk", discord.EventMessageDeleteBulk, func(s *stage) {
			var m struct{ ID discord.ID }
			s.as("POST", "/channels/"+s.general.String()+"/messages", map[string]any{"content": "second"}, &m)
			s.must(s.client.DeleteMessages(s.t.Context(), s.general, []discord.ID{s.message, m.ID}))
		}, func(s *stage, e *discord.MessageDeleteBulk) string {
			return fmt.Sprint(len(e.IDs), e.ChannelID == s.general)
		}, "2 true"),
		of("message_reaction_add", discord.EventReactionAdd, react,
			func(s *stage, e *discord.ReactionAdd) string {
				return at(s, e.ChannelID, e.MessageID, e.UserID, e.Emoji.Name)
			}, "true true true👍"),
		of("message_reaction_remove", discord.EventReactionRemove, func(s *stage) { react(s); s.as("DELETE", s.reaction()+"/@me", nil, nil) },
			func(s *stage, e *discord.ReactionRemove) string {
				return at(s, e.ChannelID, e.MessageID, e.UserID, e.Emoji.Name)
			}, "true true true👍"),
		of("message_reaction_remove_all", discord.EventReactionRemoveAll, func(s *stage) { react(s); s.as("DELETE", path(s)+"/reactions", nil, nil) },
			func(s *stage, e *discord.ReactionRemoveAll) string {
				return fmt.Sprint(e.ChannelID == s.general, e.MessageID == s.message)
			}, "true true"),
		of("typing_start", discord.EventTypingStart, func(s *stage) { s.as("POST", "/channels/"+s.general.String()+"/typing", nil, nil) },
			func(s *stage, e *discord.TypingStart) string {
				return fmt.Sprint(e.UserID == discord.ID(s.anna), e.ChannelID == s.general, e.Timestamp.Year())
			}, "true true 2026"),
	}
}
