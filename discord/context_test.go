package discord_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

func TestContextFields(t *testing.T) {
	e := event(t, "MESSAGE_CREATE", `{"id":"5","guild_id":"1","channel_id":"2","author":{"id":"3","username":"anna"},"member":{"nick":"Annie"},"content":"\u0068i"}`)
	e.Shard = discord.Shard{ID: 1, Total: 2}
	client := discord.NewClient("t")
	type key struct{}
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), time.Hour)
	c := discord.NewContext(ctx, client, e)
	if c.Event() != e || c.Client() != client || c.Kind() != "MESSAGE_CREATE" || c.Shard().String() != "1/2" || c.GuildID() != 1 || c.ChannelID() != 2 || c.UserID() != 3 || c.Text() != "hi" {
		t.Errorf("%v %v %v %v %v %q", c.Kind(), c.Shard(), c.GuildID(), c.ChannelID(), c.UserID(), c.Text())
	}
	if c.Gateway() != nil || c.Me().ID != 0 {
		t.Errorf("outside of a Gateway: %v, %v", c.Gateway(), c.Me())
	}
	if m, err := c.Message(); err != nil || m.Content != "hi" {
		t.Errorf("Message: %+v, %v", m, err)
	}
	first, _ := c.Message()
	if again, _ := c.Message(); again != first {
		t.Error("the message is decoded twice")
	}
	if u, err := c.User(); err != nil || u.Username != "anna" {
		t.Errorf("User: %+v, %v", u, err)
	}
	if m, err := c.Member(); err != nil || m.Nick != "Annie" || m.User == nil || m.User.ID != 3 {
		t.Errorf("Member: %+v, %v", m, err)
	}
	if _, ok := c.Deadline(); !ok || c.Value(key{}) != "v" || c.Err() != nil {
		t.Error("it is not the context inside")
	}
	inner := c.WithContext(context.WithValue(c, key{}, "w"))
	if inner.Value(key{}) != "w" || inner.UserID() != 3 {
		t.Error("WithContext")
	}
	cancel()
	<-c.Done()
	if !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("Err: %v", c.Err())
	}
	defer func() {
		if v := recover(); v != "discord: WithContext: nil context" {
			t.Errorf("panic: %v", v)
		}
	}()
	var none context.Context
	c.WithContext(none)
}

// TestContextPeople: the user and the member are found wherever an event has them.
func TestContextPeople(t *testing.T) {
	for _, tt := range []struct {
		kind, data   string
		user, member string // names, or the beginning of the error
	}{
		{"MESSAGE_CREATE", `{"author":{"id":"1","username":"a"}}`, "a", "discord: a MESSAGE_CREATE event has no member"},
		{"GUILD_BAN_ADD", `{"guild_id":"1","user":{"id":"1","username":"b"}}`, "b", "discord: a GUILD_BAN_ADD event has no member"},
		{"MESSAGE_REACTION_ADD", `{"user_id":"1","member":{"nick":"C","user":{"id":"1","username":"c"}}}`, "c", "C"},
		{"MESSAGE_REACTION_REMOVE", `{"user_id":"1"}`, "discord: a MESSAGE_REACTION_REMOVE event has no user", "discord: a MESSAGE_REACTION_REMOVE event has no member"},
		{"READY", `null`, "discord: a READY event has no user", "discord: a READY event has no member"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			c := discord.NewContext(t.Context(), nil, event(t, tt.kind, tt.data))
			user, member := "", ""
			if u, err := c.User(); err != nil {
				user = err.Error()
			} else {
				user = u.Username
			}
			if m, err := c.Member(); err != nil {
				member = err.Error()
			} else {
				member = m.Nick
			}
			if !strings.HasPrefix(user, tt.user) || !strings.HasPrefix(member, tt.member) {
				t.Errorf("User: %s, Member: %s", user, member)
			}
			if _, err := c.Message(); (err == nil) != (tt.kind == "MESSAGE_CREATE") {
				t.Errorf("Message: %v", err)
			}
		})
	}
	c := discord.NewContext(t.Context(), nil, &discord.Event{Kind: "MESSAGE_CREATE", Data: []byte("{")})
	if _, err := c.User(); err == nil {
		t.Error("User of bad JSON")
	}
	if _, err := c.Message(); err == nil {
		t.Error("Message of bad JSON")
	}
}

// TestContextAnswers: the answers of a handler reach the fake Discord.
func TestContextAnswers(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		var d diary
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			if m.Author.ID == c.Me().ID {
				if m.Content == "sent" {
					return c.Edit("edited")
				}
				return nil
			}
			if c.Gateway() == nil || c.Client() == nil {
				t.Error("no Gateway or Client")
			}
			if err := c.Typing(); err != nil {
				return err
			}
			switch m.Content {
			case "send":
				return c.Send("sent")
			case "reply":
				return c.Reply("replied")
			}
			return c.Delete(discord.Reason("spam"))
		})
		discord.On(r, discord.EventMessageDelete, func(c *discord.Context, e *discord.MessageDelete) error {
			d.note("deleted")
			return c.Reply("who was that?")
		})
		discord.On(r, discord.EventTypingStart, func(c *discord.Context, e *discord.TypingStart) error { return nil })
		g := w.gateway(r)
		stop := start(t, g)
		untilReady(t, g, 0)
		for _, text := range []string{"send", "reply", "spam"} {
			w.says(text)
			time.Sleep(time.Second)
		}
		d.is(t, "deleted")
		var list []struct {
			Content   string `json:"content"`
			Reference struct {
				MessageID string `json:"message_id"`
			} `json:"message_reference"`
		}
		w.Do(w.anna, "GET", "/channels/"+w.general.String()+"/messages", nil, &list)
		var got []string
		for _, m := range list {
			got = append(got, fmt.Sprint(m.Content, " ", m.Reference.MessageID != ""))
		}
		if s := strings.Join(got, ", "); s != "who was that? false, replied true, reply false, edited false, send false" {
			t.Errorf("the channel has %s", s)
		}
		stop()
	})
}

func TestContextAnswersNowhere(t *testing.T) {
	c := discord.NewContext(t.Context(), discord.NewClient("t"), event(t, "READY", `{}`))
	for name, err := range map[string]error{
		"Send": c.Send("x"), "Reply": c.Reply("x"), "Edit": c.Edit("x"), "Delete": c.Delete(), "Typing": c.Typing(),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "discord: a READY event has no ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestContextNonces: an event that is handled again after a crash does not send its
// messages again.
func TestContextNonces(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		e := event(t, "TYPING_START", fmt.Sprintf(`{"channel_id":"%s"}`, w.general))
		e.Seq = 7
		for range 2 {
			c := discord.NewContext(t.Context(), w.client, e)
			for range 2 {
				if err := c.Send("hi"); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Send("named", discord.As("greeting")); err != nil {
				t.Fatal(err)
			}
		}
		var list []struct{ Nonce string }
		w.Do(w.anna, "GET", "/channels/"+w.general.String()+"/messages", nil, &list)
		if len(list) != 3 {
			t.Errorf("%d messages", len(list))
		}
		other := event(t, "TYPING_START", fmt.Sprintf(`{"channel_id":"%s","user_id":"1"}`, w.general))
		other.Seq = 7 // of another session
		discord.NewContext(t.Context(), w.client, other).Send("hi")
		w.Do(w.anna, "GET", "/channels/"+w.general.String()+"/messages", nil, &list)
		if len(list) != 4 {
			t.Errorf("%d messages", len(list))
		}
		e.Seq = 0 // not from a gateway
		for range 2 {
			discord.NewContext(t.Context(), w.client, e).Send("hi")
		}
		w.Do(w.anna, "GET", "/channels/"+w.general.String()+"/messages", nil, &list)
		if len(list) != 6 {
			t.Errorf("%d messages", len(list))
		}
	})
}

// TestGatewayLog: the log contains the start, the end and the events between,
// and no token.
func TestGatewayLog(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		var log syncBuffer
		g := w.gateway(texts(new(diary)))
		g.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		g.Store = new(discord.MemoryStore)
		g.Ready = func(discord.Shard) { panic("in Ready") }
		stop := start(t, g)
		untilReady(t, g, 0)
		w.says("secret words")
		w.Cut()
		synctest.Wait()
		untilReady(t, g, time.Second)
		stop()
		s := log.String()
		for _, want := range []string{
			"msg=\"discord: bot started\" shards=1 of=1 intents=GUILD_MESSAGES|DIRECT_MESSAGES|MESSAGE_CONTENT store=true",
			"msg=\"discord: session begun\" shard=0/1", "msg=\"discord: connection lost\" shard=0/1", "msg=\"discord: session resumed\" shard=0/1",
			"msg=\"discord: Gateway.Ready failed\"", "msg=\"discord: event finished\"", "msg=\"discord: bot stopped\" drained=0 skipped=0",
		} {
			if !strings.Contains(s, want) {
				t.Errorf("the log has no %s:\n%s", want, s)
			}
		}
		for _, secret := range []string{w.Token(), "secret words"} {
			if strings.Contains(s, secret) {
				t.Errorf("the log has %s", secret)
			}
		}
		if s := fmt.Sprintf("%v %+v %#v", g, g, g); strings.Contains(s, w.Token()) {
			t.Error("the Gateway prints its token")
		}
	})
}

// TestNothing: a nil option does nothing, a nil State has nothing, and nil handlers and
// middleware are refused where they are given.
func TestNothing(t *testing.T) {
	a := newAPI(t, ok(`{"id":"1"}`))
	var e *discord.Embed
	var u *discord.Upload
	if _, err := a.client.Send(t.Context(), 5, "x", e, u, nil, discord.Options(e, e)); err != nil || strings.Contains(a.calls()[0].Body, "embeds") {
		t.Errorf("Send: %v", err)
	}
	var s *discord.State
	if s.Guild(1) != nil || s.Guilds() != nil || s.Channel(1) != nil || s.Role(1, 2) != nil || s.Member(1, 2) != nil || s.Presence(1, 2) != nil || s.VoiceState(1, 2) != nil {
		t.Error("a nil State has something")
	}
	for name, f := range map[string]func(){
		"handler":    func() { discord.Wrap(nil) },
		"function":   func() { discord.Wrap(discord.HandlerFunc(nil)) },
		"middleware": func() { discord.Wrap(discord.NewRouter(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "discord: Wrap: nil handler or middleware (at context_test.go:") {
					t.Errorf("panic: %s", text)
				}
			}()
			f()
		})
	}
}
