package discord_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// A happening is an event that a world causes by itself: a user does something.
type happening struct {
	seed    string // the event in discord.aio
	intents discord.Intents
	listen  func(r *discord.Router, got func(string))
	cause   func(p play) (want string) // makes it happen, and returns the parameters that the listener gets
}

// A play is a world in which something happens.
type play struct {
	*world
	t *testing.T
	g *discord.Gateway
}

// do makes a call as Anna, the owner of the guild, and returns the ID of the
// created object.
func (p play) do(method, path string, body map[string]any) discord.ID {
	p.t.Helper()
	var sent any // not a nil map
	if body != nil {
		sent = body
	}
	var out json.RawMessage
	if err := p.Do(p.anna, method, path, sent, &out); err != nil {
		p.t.Fatal(method, path, err)
	}
	var made struct{ ID discord.ID }
	json.Unmarshal(out, &made)
	return made.ID
}

// person returns a new member of the guild.
func (p play) person(name string) fakediscord.ID {
	id := p.AddUser(name)
	p.must(p.Join(fakediscord.ID(p.guild), id))
	return id
}

func (p play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p play) inGuild(rest string) string   { return "/guilds/" + p.guild.String() + rest }
func (p play) inChannel(rest string) string { return "/channels/" + p.general.String() + rest }

// message writes a message as Anna.
func (p play) message(text string) discord.ID {
	p.t.Helper()
	return p.do("POST", p.inChannel("/messages"), map[string]any{"content": text})
}

func happens[T any](seed string, k discord.Kind[T], show func(e *T) string, cause func(p play) string) happening {
	return happening{seed, k.Intents(), func(r *discord.Router, got func(string)) {
		discord.On(r, k, func(_ *discord.Context, e *T) error { got(show(e)); return nil })
	}, cause}
}

// TestEventsInWorld: each event of discord.aio, caused as it is at Discord, comes with
// all its parameters to a bot that listens to nothing else, and the bot asks for exactly
// the intents of its kind.
func TestEventsInWorld(t *testing.T) {
	seeds := make(map[string]bool)
	for _, h := range slices.Concat(connectionHappenings(), guildHappenings(), memberHappenings(), messageHappenings()) {
		name, _, _ := strings.Cut(h.seed, ",")
		seeds[name] = true
		t.Run(h.seed, func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				var mu sync.Mutex
				var got []string
				r := discord.NewRouter()
				h.listen(r, func(s string) { mu.Lock(); defer mu.Unlock(); got = append(got, s) })
				g := w.gateway(r)
				stop := start(t, g)
				time.Sleep(time.Second)
				if asked := discord.Intents(w.connected(t).Intents); asked != h.intents {
					t.Errorf("asks for %v, want %v", asked, h.intents)
				}
				want := h.cause(play{w, t, g})
				time.Sleep(10 * time.Second)
				if err := stop(); err != nil {
					t.Error(err)
				}
				if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })); n != 1 {
					t.Errorf("came %d times: %q in %q", n, want, got)
				}
			})
		})
	}
	if len(seeds) != 33 {
		t.Errorf("%d events", len(seeds))
	}
}

func connectionHappenings() []happening {
	invalid := func(e *discord.InvalidSession) string { return fmt.Sprint(e.Resumable) }
	server := func(e *discord.VoiceServerUpdate) string {
		return fmt.Sprintf("%v %q %v", e.GuildID, e.Endpoint, e.Token.Reveal() != "")
	}
	voice := func(e *discord.VoiceStateUpdate) string {
		return fmt.Sprintf("%v %v %v", e.GuildID, e.ChannelID, e.UserID)
	}
	return []happening{
		happens("ready", discord.EventReady, func(e *discord.Ready) string { return fmt.Sprint(e.User.ID, len(e.Guilds)) },
			func(p play) string { return fmt.Sprint(discord.ID(p.Me()), 1) }),
		happens("resumed", discord.EventResumed, func(*discord.Resumed) string { return "resumed" }, func(p play) string { p.Reconnect(); return "resumed" }),
		happens("invalid_session, resumable", discord.EventInvalidSession, invalid, func(p play) string { p.Invalid(true); return "true" }),
		happens("invalid_session, over", discord.EventInvalidSession, invalid, func(p play) string { p.Invalid(false); return "false" }),
		happens("user_update", discord.EventUserUpdate, func(e *discord.UserUpdate) string { return e.Username }, func(p play) string {
			_, err := p.client.EditMe(p.t.Context(), discord.UserEdit{Username: discord.Set("newname")})
			p.must(err)
			return "newname"
		}),
		happens("voice_state_update", discord.EventVoiceStateUpdate, voice, func(p play) string {
			room := p.AddChannel(fakediscord.ID(p.guild), int(discord.ChannelVoice), "room")
			p.must(p.Voice(fakediscord.ID(p.guild), p.anna, room))
			return fmt.Sprintf("%v %v %v", p.guild, discord.ID(room), discord.ID(p.anna))
		}),
		happens("voice_state_update, left", discord.EventVoiceStateUpdate, voice, func(p play) string {
			room := p.AddChannel(fakediscord.ID(p.guild), int(discord.ChannelVoice), "room")
			p.must(p.Voice(fakediscord.ID(p.guild), p.anna, room))
			p.must(p.Voice(fakediscord.ID(p.guild), p.anna, 0))
			return fmt.Sprintf("%v 0 %v", p.guild, discord.ID(p.anna))
		}),
		happens("voice_server_update", discord.EventVoiceServerUpdate, server, func(p play) string {
			p.must(p.VoiceServer(fakediscord.ID(p.guild), "eu.example"))
			return fmt.Sprintf("%v %q true", p.guild, "eu.example")
		}),
		happens("voice_server_update, null", discord.EventVoiceServerUpdate, server, func(p play) string {
			p.must(p.VoiceServer(fakediscord.ID(p.guild), ""))
			return fmt.Sprintf("%v %q true", p.guild, "")
		}),
	}
}

func guildHappenings() []happening {
	channel := func(c discord.Channel) string {
		return fmt.Sprintf("%v %v %v %q %q", c.ID, c.GuildID, c.Type, c.Name, c.Topic)
	}
	pins := func(e *discord.PinsUpdate) string { return fmt.Sprint(e.ChannelID, e.LastPin.IsZero()) }
	role := func(guild discord.ID, r discord.Role) string {
		return fmt.Sprintf("%v %v %q %v", guild, r.ID, r.Name, r.Permissions)
	}
	newRole := func(p play) discord.ID {
		return p.do("POST", p.inGuild("/roles"), map[string]any{"name": "tea", "permissions": "4"})
	}
	removed := func(e *discord.GuildDelete) string { return fmt.Sprint(e.ID, e.Unavailable) }
	return []happening{
		happens("channel_create", discord.EventChannelCreate, func(e *discord.ChannelCreate) string { return channel(e.Channel) }, func(p play) string {
			id := p.do("POST", p.inGuild("/channels"), map[string]any{"name": "new", "topic": "t"})
			return channel(discord.Channel{ID: id, GuildID: p.guild, Name: "new", Topic: "t"})
		}),
		happens("channel_update", discord.EventChannelUpdate, func(e *discord.ChannelUpdate) string { return channel(e.Channel) }, func(p play) string {
			p.do("PATCH", p.inChannel(""), map[string]any{"topic": "changed"})
			return channel(discord.Channel{ID: p.general, GuildID: p.guild, Name: "general", Topic: "changed"})
		}),
		happens("channel_delete", discord.EventChannelDelete, func(e *discord.ChannelDelete) string { return channel(e.Channel) }, func(p play) string {
			p.do("DELETE", p.inChannel(""), nil)
			return channel(discord.Channel{ID: p.general, GuildID: p.guild, Name: "general"})
		}),
		happens("channel_pin", discord.EventPinsUpdate, pins, func(p play) string {
			p.do("PUT", p.inChannel("/messages/pins/"+p.message("x").String()), nil)
			return fmt.Sprint(p.general, false)
		}),
		happens("channel_pin, null", discord.EventPinsUpdate, pins, func(p play) string {
			m := p.message("x").String()
			p.do("PUT", p.inChannel("/messages/pins/"+m), nil)
			p.do("DELETE", p.inChannel("/messages/pins/"+m), nil)
			return fmt.Sprint(p.general, true)
		}),
		happens("guild_create", discord.EventGuildCreate, func(e *discord.GuildCreate) string { return fmt.Sprintf("%v %q %d", e.ID, e.Name, len(e.Channels)) }, func(p play) string {
			return fmt.Sprintf("%v %q %d", discord.ID(p.AddGuild("Second", p.anna)), "Second", 1)
		}),
		happens("guild_delete, removed", discord.EventGuildDelete, removed, func(p play) string {
			p.must(p.client.LeaveGuild(p.t.Context(), p.guild))
			return fmt.Sprint(p.guild, false)
		}),
		happens("guild_delete, outage", discord.EventGuildDelete, removed, func(p play) string {
			p.must(p.Outage(fakediscord.ID(p.guild), true))
			return fmt.Sprint(p.guild, true)
		}),
		happens("guild_emojis_update", discord.EventEmojisUpdate, func(e *discord.EmojisUpdate) string { return fmt.Sprint(e.GuildID, len(e.Emojis), e.Emojis) }, func(p play) string {
			id := p.do("POST", p.inGuild("/emojis"), map[string]any{"name": "blob", "image": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAA="})
			return fmt.Sprint(p.guild, 1, []discord.Emoji{{ID: id, Name: "blob"}})
		}),
		happens("guild_integrations_update", discord.EventIntegrationsUpdate, func(e *discord.IntegrationsUpdate) string { return e.GuildID.String() }, func(p play) string {
			_, err := p.AddIntegration(fakediscord.ID(p.guild), "twitch", "anna")
			p.must(err)
			return p.guild.String()
		}),
		happens("guild_role_create", discord.EventRoleCreate, func(e *discord.RoleCreate) string { return role(e.GuildID, e.Role) }, func(p play) string {
			return role(p.guild, discord.Role{ID: newRole(p), Name: "tea", Permissions: discord.PermBanMembers})
		}),
		happens("guild_role_update", discord.EventRoleUpdate, func(e *discord.RoleUpdate) string { return role(e.GuildID, e.Role) }, func(p play) string {
			id := newRole(p)
			p.do("PATCH", p.inGuild("/roles/"+id.String()), map[string]any{"name": "coffee"})
			return role(p.guild, discord.Role{ID: id, Name: "coffee", Permissions: discord.PermBanMembers})
		}),
		happens("guild_role_delete", discord.EventRoleDelete, func(e *discord.RoleDelete) string { return fmt.Sprint(e.GuildID, e.RoleID) }, func(p play) string {
			id := newRole(p)
			p.do("DELETE", p.inGuild("/roles/"+id.String()), nil)
			return fmt.Sprint(p.guild, id)
		}),
		happens("webhooks_update", discord.EventWebhooksUpdate, func(e *discord.WebhooksUpdate) string { return fmt.Sprint(e.GuildID, e.ChannelID) }, func(p play) string {
			p.do("POST", p.inChannel("/webhooks"), map[string]any{"name": "hook"})
			return fmt.Sprint(p.guild, p.general)
		}),
	}
}

func memberHappenings() []happening {
	update := func(e *discord.MemberUpdate) string {
		return fmt.Sprintf("%v %v %q %d %v", e.GuildID, e.User.ID, e.Nick, len(e.Roles), e.Has("nick"))
	}
	return []happening{
		happens("guild_member_add", discord.EventMemberAdd, func(e *discord.MemberAdd) string { return fmt.Sprint(e.GuildID, " ", e.User.DisplayName()) }, func(p play) string {
			p.person("Boris")
			return fmt.Sprint(p.guild, " Boris")
		}),
		happens("guild_member_remove", discord.EventMemberRemove, func(e *discord.MemberRemove) string { return fmt.Sprint(e.GuildID, e.User.ID) }, func(p play) string {
			id := p.person("Boris")
			p.do("DELETE", p.inGuild("/members/"+id.String()), nil)
			return fmt.Sprint(p.guild, discord.ID(id))
		}),
		happens("guild_member_update", discord.EventMemberUpdate, update, func(p play) string {
			id := p.person("Boris")
			_, err := p.AddRole(fakediscord.ID(p.guild), "tea", 0, id)
			p.must(err)
			p.do("PATCH", p.inGuild("/members/"+id.String()), map[string]any{"nick": "Bo"})
			return fmt.Sprintf("%v %v %q %d true", p.guild, discord.ID(id), "Bo", 1)
		}),
		happens("guild_member_update, null nick", discord.EventMemberUpdate, update, func(p play) string {
			id := p.person("Boris")
			p.do("PATCH", p.inGuild("/members/"+id.String()), map[string]any{"nick": "Bo"})
			p.do("PATCH", p.inGuild("/members/"+id.String()), map[string]any{"nick": nil})
			return fmt.Sprintf("%v %v %q %d true", p.guild, discord.ID(id), "", 0)
		}),
		happens("guild_members_chunk", discord.EventMembersChunk, func(e *discord.MembersChunk) string { return fmt.Sprint(e.GuildID, len(e.Members), e.Index, e.Count) }, func(p play) string {
			for _, err := range p.g.Members(p.t.Context(), discord.MembersOf{Guild: p.guild, Query: "Ann", Limit: 5}) {
				p.must(err)
			}
			return fmt.Sprint(p.guild, 1, 0, 1)
		}),
		happens("ban", discord.EventBanAdd, func(e *discord.BanAdd) string { return fmt.Sprint(e.GuildID, e.User.ID) }, func(p play) string {
			id := p.person("Boris")
			p.do("PUT", p.inGuild("/bans/"+id.String()), map[string]any{})
			return fmt.Sprint(p.guild, discord.ID(id))
		}),
		happens("ban_remove", discord.EventBanRemove, func(e *discord.BanRemove) string { return fmt.Sprint(e.GuildID, e.User.ID) }, func(p play) string {
			id := p.person("Boris")
			p.do("PUT", p.inGuild("/bans/"+id.String()), map[string]any{})
			p.do("DELETE", p.inGuild("/bans/"+id.String()), nil)
			return fmt.Sprint(p.guild, discord.ID(id))
		}),
		happens("presence_update", discord.EventPresenceUpdate, func(e *discord.PresenceUpdate) string {
			game, _ := e.Game()
			return fmt.Sprintf("%v %v %v %q %v", e.GuildID, e.User.ID, e.Status, game.Name, e.Has("user.username"))
		}, func(p play) string {
			p.must(p.SetPresence(p.anna, "dnd", json.RawMessage(`[{"name": "Chess", "type": 0, "created_at": 1}]`)))
			return fmt.Sprintf("%v %v dnd %q false", p.guild, discord.ID(p.anna), "Chess")
		}),
	}
}

func messageHappenings() []happening {
	type update = discord.MessageUpdate
	reaction := func(guild, channel, message, user discord.ID, e discord.Emoji) string {
		return fmt.Sprint(guild, channel, message, user, e.APIName())
	}
	const thumb = "/reactions/%F0%9F%91%8D"
	return []happening{
		happens("message", discord.EventMessageCreate, func(e *discord.MessageCreate) string {
			return fmt.Sprintf("%v %v %v %v %q %v", e.ID, e.GuildID, e.ChannelID, e.Author.ID, e.Content, e.Member != nil)
		}, func(p play) string {
			return fmt.Sprintf("%v %v %v %v %q true", p.message("hello"), p.guild, p.general, discord.ID(p.anna), "hello")
		}),
		happens("message_update", discord.EventMessageUpdate, func(e *update) string { return fmt.Sprintf("%v %q", e.ID, e.Content) }, func(p play) string {
			id := p.message("hello")
			p.do("PATCH", p.inChannel("/messages/"+id.String()), map[string]any{"content": "changed"})
			return fmt.Sprintf("%v %q", id, "changed")
		}),
		happens("message_update, partial", discord.EventMessageUpdate, func(e *update) string {
			return fmt.Sprint(e.ID, e.ChannelID, e.Has("content"), e.Has("embeds"), len(e.Embeds))
		}, func(p play) string {
			id := p.message("https://example.com")
			p.must(p.Preview(fakediscord.ID(p.general), fakediscord.ID(id), "https://example.com", "Example"))
			return fmt.Sprint(id, p.general, false, true, 1)
		}),
		happens("message_delete", discord.EventMessageDelete, func(e *discord.MessageDelete) string { return fmt.Sprint(e.ID, e.ChannelID, e.GuildID) }, func(p play) string {
			id := p.message("hello")
			p.do("DELETE", p.inChannel("/messages/"+id.String()), nil)
			return fmt.Sprint(id, p.general, p.guild)
		}),
		happens("message_delete_bulk", discord.EventMessageDeleteBulk, func(e *discord.MessageDeleteBulk) string { return fmt.Sprint(e.IDs, e.ChannelID, e.GuildID) }, func(p play) string {
			ids := []discord.ID{p.message("a"), p.message("b")}
			p.do("POST", p.inChannel("/messages/bulk-delete"), map[string]any{"messages": ids})
			return fmt.Sprint(ids, p.general, p.guild)
		}),
		happens("message_reaction_add", discord.EventReactionAdd, func(e *discord.ReactionAdd) string {
			return reaction(e.GuildID, e.ChannelID, e.MessageID, e.UserID, e.Emoji)
		}, func(p play) string {
			id := p.message("a")
			p.do("PUT", p.inChannel("/messages/"+id.String()+thumb+"/@me"), nil)
			return reaction(p.guild, p.general, id, discord.ID(p.anna), discord.Emoji{Name: "👍"})
		}),
		happens("message_reaction_remove", discord.EventReactionRemove, func(e *discord.ReactionRemove) string {
			return reaction(e.GuildID, e.ChannelID, e.MessageID, e.UserID, e.Emoji)
		}, func(p play) string {
			id := p.message("a")
			p.do("PUT", p.inChannel("/messages/"+id.String()+thumb+"/@me"), nil)
			p.do("DELETE", p.inChannel("/messages/"+id.String()+thumb+"/@me"), nil)
			return reaction(p.guild, p.general, id, discord.ID(p.anna), discord.Emoji{Name: "👍"})
		}),
		happens("message_reaction_remove_all", discord.EventReactionRemoveAll, func(e *discord.ReactionRemoveAll) string { return fmt.Sprint(e.GuildID, e.ChannelID, e.MessageID) }, func(p play) string {
			id := p.message("a")
			p.do("PUT", p.inChannel("/messages/"+id.String()+thumb+"/@me"), nil)
			p.do("DELETE", p.inChannel("/messages/"+id.String()+"/reactions"), nil)
			return fmt.Sprint(p.guild, p.general, id)
		}),
		happens("typing_start", discord.EventTypingStart, func(e *discord.TypingStart) string {
			return fmt.Sprint(e.GuildID, e.ChannelID, e.UserID, e.Timestamp.Year())
		}, func(p play) string {
			p.do("POST", p.inChannel("/typing"), nil)
			return fmt.Sprint(p.guild, p.general, discord.ID(p.anna), 2026)
		}),
	}
}
