package discord_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// TestCallsInWorld: the calls of discord.aio have the intended effect on a
// world.
func TestCallsInWorld(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		ctx, c := t.Context(), w.client
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		anna := discord.ID(w.anna)
		me, err := c.Me(ctx)
		must(err)
		if !me.Bot || me.ID != discord.ID(w.Me()) {
			t.Errorf("me is %+v", me)
		}
		u, err := c.User(ctx, anna)
		if must(err); u.DisplayName() != "Anna" {
			t.Errorf("%+v", u)
		}
		w.AddMembers(fakediscord.ID(w.guild), "p", 999)
		n := 0
		for m, err := range c.Members(ctx, w.guild) {
			if must(err); m.User == nil {
				t.Fatal("a member has no user")
			}
			n++
		}
		if n != 1001 {
			t.Errorf("%d members", n)
		}
		m, err := c.Member(ctx, w.guild, anna)
		g, err2 := c.Guild(ctx, w.guild)
		if must(errors.Join(err, err2)); !g.IsOwner(m) || len(g.Roles) < 2 || g.ApproximateMembers != 1001 {
			t.Errorf("%+v", g)
		}
		for range 401 {
			w.AddGuild("more", w.anna)
		}
		last := discord.ID(0)
		n = 0
		for g, err := range c.Guilds(ctx) {
			must(err)
			last = g.ID
			n++
		}
		if pages := len(w.Calls("GET /users/@me/guilds")); n != 402 || pages != 3 {
			t.Errorf("%d guilds on %d pages", n, pages)
		}
		must(c.LeaveGuild(ctx, last))
		if _, err := c.Guild(ctx, last); !errors.Is(err, discord.ErrNotFound) && !errors.Is(err, discord.ErrForbidden) {
			t.Errorf("the guild that was left: %v", err)
		}

		category := discord.ID(w.AddChannel(fakediscord.ID(w.guild), int(discord.ChannelCategory), "cat"))
		child, err := c.EditChannel(ctx, w.general, discord.ChannelEdit{ParentID: discord.Set(category), Topic: discord.Set("tea")})
		if must(err); child.ParentID != category || child.Topic != "tea" {
			t.Errorf("%+v", child)
		}
		was, err := c.DeleteChannel(ctx, category, discord.Reason("tidy & clean"))
		if must(err); was.Name != "cat" {
			t.Errorf("%+v", was)
		}
		if calls := w.Calls("DELETE /channels/*"); len(calls) != 1 || calls[0].Reason != "tidy & clean" {
			t.Errorf("%+v", calls)
		}
		child, err = c.Channel(ctx, w.general)
		if must(err); child.ParentID != 0 {
			t.Errorf("the child has the parent %v", child.ParentID)
		}
		if _, err := c.Channel(ctx, category); !errors.Is(err, discord.CodeUnknownChannel) || !errors.Is(err, discord.ErrNotFound) {
			t.Errorf("the category that was deleted: %v", err)
		}
		if dms, err := c.DMs(ctx); err != nil || len(dms) != 0 {
			t.Errorf("%v, %v", dms, err)
		}
		dm, err := c.DM(ctx, anna)
		if must(err); dm.Type != discord.ChannelDM || len(dm.Recipients) != 1 || dm.Recipients[0].ID != anna {
			t.Errorf("%+v", dm)
		}
		bearer := withToken(c, "Bearer "+w.AddBearer(w.anna, map[string]any{"id": "gh", "name": "anna", "type": "github"}))
		if list, err := bearer.Connections(ctx); err != nil || len(list) != 1 || list[0].Type != "github" {
			t.Errorf("%v, %v", list, err)
		}
		image, err := discord.Image([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"))
		must(err)
		if me, err = c.EditMe(ctx, discord.UserEdit{Avatar: discord.Set(image), Username: discord.Set("newname")}); err != nil || me.Avatar == "" || me.Username != "newname" {
			t.Errorf("%+v, %v", me, err)
		}
	})
}

// TestMessagesInWorld: messages, reactions, pins, bans and webhooks.
func TestMessagesInWorld(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		ctx, c := t.Context(), w.client
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		m, err := c.Send(ctx, w.general, "Look: @everyone", discord.Embed{Title: "T", Image: discord.EmbedMedia{URL: "attachment://a.txt"}},
			discord.Bytes("a.txt", []byte("hello")), discord.Bytes("b.bin", make([]byte, 5000)))
		// The file that the embed shows is not among the attachments.
		if must(err); len(m.Attachments) != 1 || m.Attachments[0].Size != 5000 || len(m.Embeds) != 1 || m.MentionEveryone {
			t.Errorf("%+v", m)
		}
		answer, err := c.Send(ctx, w.general, "yes", discord.ReplyTo(m.ID), discord.Silent)
		if must(err); answer.Reference.MessageID != m.ID || answer.Type != discord.MessageReply || !answer.Flags.Has(discord.FlagSuppressNotifications) {
			t.Errorf("%+v", answer)
		}
		edited, err := c.EditMessage(ctx, w.general, m.ID, "Look again", discord.KeepFiles(m.Attachments[0].ID), discord.Embeds())
		if must(err); edited.Content != "Look again" || len(edited.Attachments) != 1 || len(edited.Embeds) != 0 || edited.EditedAt.IsZero() {
			t.Errorf("%+v", edited)
		}
		must(c.React(ctx, w.general, m.ID, "👍"))
		n := 0
		for u, err := range c.Reactions(ctx, w.general, m.ID, "👍") {
			if must(err); u.ID == discord.ID(w.Me()) {
				n++
			}
		}
		if m, err = c.Message(ctx, w.general, m.ID); err != nil || n != 1 || len(m.Reactions) != 1 || !m.Reactions[0].Me {
			t.Errorf("%d, %+v, %v", n, m, err)
		}
		must(c.Unreact(ctx, w.general, m.ID, "👍"))
		must(c.Pin(ctx, w.general, m.ID))
		must(c.Unpin(ctx, w.general, m.ID))
		must(c.Typing(ctx, w.general))
		var ids []discord.ID
		for i := range 103 {
			m, err := c.Send(ctx, w.general, fmt.Sprint(i))
			must(err)
			ids = append(ids, m.ID)
		}
		n = 0
		for m, err := range c.Messages(ctx, w.general, discord.Span{After: answer.ID}) {
			if must(err); m.Type == discord.MessagePinned {
				continue
			}
			if m.Content != fmt.Sprint(n) {
				t.Fatalf("%q in place %d", m.Content, n)
			}
			n++
		}
		if n != 103 {
			t.Errorf("%d messages", n)
		}
		boris := discord.ID(w.AddUser("Boris"))
		must(c.Ban(ctx, w.guild, boris, discord.Purge(time.Hour), discord.Reason("spam")))
		if reason, banned := w.Banned(fakediscord.ID(w.guild), fakediscord.ID(boris)); !banned || reason != "spam" {
			t.Errorf("banned %v for %q", banned, reason)
		}
		for b, err := range c.Bans(ctx, w.guild) {
			if must(err); b.User.ID != boris || b.Reason != "spam" {
				t.Errorf("%+v", b)
			}
		}
		must(c.Unban(ctx, w.guild, boris))
		hook, err := c.CreateWebhook(ctx, w.general, "hook")
		must(err)
		if m, err = c.ExecuteWebhook(ctx, hook, "by a hook", discord.Name("Cat", "")); err != nil || m.Author.Username != "Cat" || m.WebhookID != hook.ID {
			t.Errorf("%+v, %v", m, err)
		}
		must(c.DeleteMessages(ctx, w.general, ids))
		if _, err := c.Message(ctx, w.general, ids[50]); !errors.Is(err, discord.CodeUnknownMessage) {
			t.Errorf("a message that was deleted: %v", err)
		}
		role, err := w.AddRole(fakediscord.ID(w.guild), "tea", 0)
		must(err)
		must(c.AddRole(ctx, w.guild, discord.ID(w.anna), discord.ID(role)))
		if m, err := c.Member(ctx, w.guild, discord.ID(w.anna)); err != nil || !m.HasRole(discord.ID(role)) {
			t.Errorf("%+v, %v", m, err)
		}
		must(c.RemoveRole(ctx, w.guild, discord.ID(w.anna), discord.ID(role)))
		_, err1 := c.Roles(ctx, w.guild)
		_, err2 := c.Emojis(ctx, w.guild)
		_, err3 := c.Integrations(ctx, w.guild)
		_, err4 := c.WidgetSettings(ctx, w.guild)
		_, err5 := c.Invites(ctx, w.guild)
		_, err6 := c.VoiceRegions(ctx)
		_, err7 := c.Webhooks(ctx, w.general)
		_, err8 := c.Application(ctx)
		_, err9 := c.GatewayBot(ctx)
		_, err10 := c.Channels(ctx, w.guild)
		_, err11 := c.EditMember(ctx, w.guild, discord.ID(w.AddMembers(fakediscord.ID(w.guild), "x", 1)[0]), discord.MemberEdit{Nick: discord.Set("N"), TimedOut: discord.Set(time.Now().Add(time.Hour))})
		must(errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10))
		if err11 != nil && !errors.Is(err11, discord.CodeInvalidForm) { // the bubble's clock is not the world's
			t.Error(err11)
		}
	})
}

// TestLimitsInWorld: a world that keeps Discord's limits never has to refuse a call.
func TestLimitsInWorld(t *testing.T) {
	inBubble(t, fakediscord.Config{Global: 50}, func(t *testing.T, w *world) {
		channels := []discord.ID{w.general}
		for range 9 {
			channels = append(channels, discord.ID(w.AddChannel(fakediscord.ID(w.guild), 0, "c")))
		}
		errs := inParallel(200, func(i int) error {
			m, err := w.client.Send(t.Context(), channels[i%10], fmt.Sprint("number ", i))
			if err == nil && i%4 == 0 {
				err = w.client.React(t.Context(), channels[i%10], m.ID, "👍")
			}
			return err
		})
		if len(errs) > 0 {
			t.Fatal(errs[0])
		}
		for _, call := range w.Calls("*") {
			if call.Status == 429 {
				t.Errorf("%s %s was refused", call.Method, call.Path)
			}
		}
	})
}

// TestFaultsInWorld: after any fault, a message exists exactly once.
func TestFaultsInWorld(t *testing.T) {
	for name, fault := range map[string]fakediscord.Fault{
		"429 of the user": {Status: 429, RetryAfter: 400 * time.Millisecond, Scope: "user"},
		"shared 429":      {Status: 429, RetryAfter: 400 * time.Millisecond, Scope: "shared"},
		"global 429":      {Status: 429, RetryAfter: 400 * time.Millisecond, Scope: "global"},
		"HTML 429":        {Status: 429, HTML: true},
		"502":             {Status: 502},
		"HTML 503":        {Status: 503, HTML: true},
		"lost":            {Lost: true},
		"empty 500":       {Status: 500, Empty: true},
		"slow":            {Delay: 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				fault.Call, fault.Times = "POST /channels/*/messages", 2
				hits := w.Fail(fault)
				began := time.Now()
				if _, err := w.client.Send(t.Context(), w.general, "once"); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > 2*time.Minute || hits.Hits() != 2 {
					t.Errorf("took %v with %d faults", took, hits.Hits())
				}
				n := 0
				for m, err := range w.client.Messages(t.Context(), w.general, discord.Span{}) {
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(m.Content, "once") {
						n++
					}
				}
				if n != 1 {
					t.Errorf("%d messages", n)
				}
			})
		})
	}
}
