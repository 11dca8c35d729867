package discord_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// withState runs f with a bot that has a State.
func withState(t *testing.T, s *discord.State, f func(t *testing.T, w *world)) {
	t.Helper()
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		g := w.gateway(discord.NewRouter())
		g.State = s
		stop := start(t, g)
		untilReady(t, g, 0)
		f(t, w)
		stop()
	})
}

// as makes a call as Anna, the owner of the guild.
func (w *world) as(method, path string, body, out any) {
	w.t.Helper()
	if err := w.Do(w.anna, method, path, body, out); err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	synctest.Wait()
}

func TestState(t *testing.T) {
	s := new(discord.State)
	if s.Guild(1) != nil || s.Channel(1) != nil || s.Role(1, 1) != nil || s.Member(1, 1) != nil || s.Presence(1, 1) != nil || s.VoiceState(1, 1) != nil || len(s.Guilds()) != 0 {
		t.Error("the zero State has something")
	}
	withState(t, s, func(t *testing.T, w *world) {
		guild := "/guilds/" + w.guild.String()
		g := s.Guild(w.guild)
		if g == nil || g.Name != "Guild" || g.MemberCount != 2 || len(g.Members) != 0 || len(s.Guilds()) != 1 {
			t.Fatalf("the guild is %+v", g)
		}
		if me := s.Member(w.guild, discord.ID(w.Me())); me == nil || me.GuildID != w.guild || s.Member(w.guild, discord.ID(w.anna)) != nil {
			t.Errorf("the bot's member is %+v", me)
		}
		w.as("PATCH", guild, map[string]any{"name": "Other"}, nil)
		if g.Name != "Guild" || s.Guild(w.guild).Name != "Other" || len(s.Guild(w.guild).Channels) != len(g.Channels) {
			t.Error("the guild was not replaced")
		}
		var made struct{ ID discord.ID }
		w.as("POST", guild+"/channels", map[string]any{"name": "new"}, &made)
		c := s.Channel(made.ID)
		if c == nil || c.Name != "new" || c.GuildID != w.guild {
			t.Errorf("the channel is %+v", c)
		}
		w.as("PATCH", "/channels/"+made.ID.String(), map[string]any{"name": "newer"}, nil)
		if c.Name != "new" || s.Channel(made.ID).Name != "newer" {
			t.Error("the channel was not replaced")
		}
		w.as("DELETE", "/channels/"+made.ID.String(), nil, nil)
		if s.Channel(made.ID) != nil {
			t.Error("the channel is still there")
		}
		w.as("POST", guild+"/roles", map[string]any{"name": "role"}, &made)
		r := s.Role(w.guild, made.ID)
		if r == nil || r.Name != "role" {
			t.Errorf("the role is %+v", r)
		}
		w.as("PATCH", guild+"/roles/"+made.ID.String(), map[string]any{"name": "ruler"}, nil)
		if r.Name != "role" || s.Role(w.guild, made.ID).Name != "ruler" {
			t.Error("the role was not replaced")
		}
		w.as("DELETE", guild+"/roles/"+made.ID.String(), nil, nil)
		if s.Role(w.guild, made.ID) != nil {
			t.Error("the role is still there")
		}
		w.Emit("GUILD_CREATE", map[string]any{"id": w.guild, "name": "Again", "members": []any{map[string]any{"user": map[string]any{"id": w.anna}}}})
		synctest.Wait()
		if s.Guild(w.guild).Name != "Again" || s.Member(w.guild, discord.ID(w.anna)) != nil {
			t.Errorf("without Members, Anna is %+v", s.Member(w.guild, discord.ID(w.anna)))
		}
	})
}

func TestStateGuilds(t *testing.T) {
	s := new(discord.State)
	withState(t, s, func(t *testing.T, w *world) {
		second := discord.ID(w.AddGuild("Second", w.anna))
		synctest.Wait()
		names := func() (list string) {
			synctest.Wait()
			for _, g := range s.Guilds() {
				list += fmt.Sprint(g.Name, " ", g.Unavailable, ";")
			}
			return list
		}
		if got := names(); got != "Guild false;Second false;" {
			t.Errorf("the guilds are %s", got)
		}
		w.Outage(fakediscord.ID(w.guild), true)
		if got := names(); got != " true;Second false;" {
			t.Errorf("in an outage, the guilds are %s", got)
		}
		if s.Channel(w.general) != nil {
			t.Error("in an outage, the channel is there")
		}
		w.Outage(fakediscord.ID(w.guild), false)
		if got := names(); got != "Guild false;Second false;" || s.Channel(w.general) == nil {
			t.Errorf("after it, the guilds are %s", got)
		}
		if err := w.client.LeaveGuild(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if got := names(); got != "Guild false;" {
			t.Errorf("after leaving one, the guilds are %s", got)
		}
	})
}

func TestStatePeople(t *testing.T) {
	s := &discord.State{Members: true, Presences: true, VoiceStates: true}
	withState(t, s, func(t *testing.T, w *world) {
		guild, anna := "/guilds/"+w.guild.String(), discord.ID(w.anna)
		if m := s.Member(w.guild, anna); m == nil || m.User.ID != anna {
			t.Errorf("Anna is %+v", m)
		}
		boris := w.AddUser("Boris")
		if err := w.Join(fakediscord.ID(w.guild), boris); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		m := s.Member(w.guild, discord.ID(boris))
		if m == nil || s.Guild(w.guild).MemberCount != 3 {
			t.Fatalf("Boris is %+v", m)
		}
		w.as("PATCH", guild+"/members/"+boris.String(), map[string]any{"nick": "Bo"}, nil)
		if got := s.Member(w.guild, discord.ID(boris)); m.Nick != "" || got.Nick != "Bo" || got.JoinedAt != m.JoinedAt {
			t.Errorf("Boris is %+v", got)
		}
		w.SetPresence(boris, "idle", nil)
		room := w.AddChannel(fakediscord.ID(w.guild), 2, "room")
		w.Voice(fakediscord.ID(w.guild), boris, room)
		synctest.Wait()
		if p := s.Presence(w.guild, discord.ID(boris)); p == nil || p.Status != discord.StatusIdle {
			t.Errorf("the presence is %+v", p)
		}
		if v := s.VoiceState(w.guild, discord.ID(boris)); v == nil || v.ChannelID != discord.ID(room) {
			t.Errorf("the voice state is %+v", v)
		}
		w.SetPresence(boris, "offline", nil)
		w.Voice(fakediscord.ID(w.guild), boris, 0)
		synctest.Wait()
		if s.Presence(w.guild, discord.ID(boris)) != nil || s.VoiceState(w.guild, discord.ID(boris)) != nil {
			t.Error("Boris is still there")
		}
		w.as("DELETE", guild+"/members/"+boris.String(), nil, nil)
		if s.Member(w.guild, discord.ID(boris)) != nil || s.Guild(w.guild).MemberCount != 2 {
			t.Error("Boris is still a member")
		}
	})
}

// TestStateSessions: a new session replaces the contents of the old one.
func TestStateSessions(t *testing.T) {
	s := new(discord.State)
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		second := discord.ID(w.AddGuild("Second", w.anna))
		g := w.gateway(discord.NewRouter())
		g.State = s
		stop := start(t, g)
		untilReady(t, g, 0)
		time.Sleep(10 * time.Second)
		w.Invalid(false)
		synctest.Wait()
		if err := w.client.LeaveGuild(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		untilReady(t, g, time.Second)
		if s.Guild(second) != nil || s.Guild(w.guild) == nil || s.Channel(w.general) == nil {
			t.Errorf("the guilds are %+v", s.Guilds())
		}
		stop()
	})
}

func TestStateThreads(t *testing.T) {
	s := new(discord.State)
	withState(t, s, func(t *testing.T, w *world) {
		thread := func(id int, name string) map[string]any {
			return map[string]any{"id": fmt.Sprint(id), "guild_id": w.guild, "parent_id": w.general, "type": 11, "name": name}
		}
		has := func(id int, name string) {
			t.Helper()
			synctest.Wait()
			c := s.Channel(discord.ID(id))
			if (c == nil) != (name == "") || c != nil && c.Name != name {
				t.Errorf("thread %d is %+v, want %q", id, c, name)
			}
		}
		w.Emit("THREAD_CREATE", thread(1, "a"))
		has(1, "a")
		w.Emit("THREAD_UPDATE", thread(1, "b"))
		has(1, "b")
		w.Emit("THREAD_LIST_SYNC", map[string]any{"guild_id": w.guild, "channel_ids": []any{w.general}, "threads": []any{thread(2, "c")}})
		has(1, "")
		has(2, "c")
		w.Emit("THREAD_DELETE", map[string]any{"id": "2", "guild_id": w.guild, "parent_id": w.general})
		has(2, "")
		w.Emit("THREAD_DELETE", map[string]any{"id": "2", "guild_id": w.guild, "parent_id": w.general})
		w.Emit("GUILD_EMOJIS_UPDATE", map[string]any{"guild_id": w.guild, "emojis": []any{map[string]any{"id": "1", "name": "e"}}})
		w.Emit("GUILD_STICKERS_UPDATE", map[string]any{"guild_id": w.guild, "stickers": []any{map[string]any{"id": "1", "name": "s"}}})
		synctest.Wait()
		if g := s.Guild(w.guild); len(g.Emojis) != 1 || len(g.Stickers) != 1 {
			t.Errorf("the guild has %v and %v", g.Emojis, g.Stickers)
		}
	})
}
