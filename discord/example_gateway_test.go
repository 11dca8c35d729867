package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
	"github.com/vkrouter/vk/filestore"
)

// A whole bot. The intents follow from its listeners.
func ExampleRun() {
	r := discord.NewRouter()
	discord.On(r, discord.EventReady, func(c *discord.Context, e *discord.Ready) error {
		slog.Info("connected", "me", c.Me().Username)
		return nil
	})
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		if m.Content == "!ping" {
			return c.Reply("pong")
		}
		return nil
	})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := discord.Run(ctx, os.Getenv("DISCORD_TOKEN"), r); err != nil {
		log.Fatal(err)
	}
}

// A bot that misses no event over a restart: the Store keeps the sessions.
func ExampleGateway() {
	store, err := filestore.Open("bot.db")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	g := &discord.Gateway{
		Client:   discord.NewClient(os.Getenv("DISCORD_TOKEN")),
		Handler:  discord.NewRouter(),
		Store:    store,
		Presence: &discord.Presence{Status: discord.StatusIdle, Activities: []discord.Activity{{Type: discord.Watching, Name: "the door"}}, Since: time.Now(), AFK: true},
		Ready:    func(s discord.Shard) { slog.Info("ready", "shard", s) },
		Logger:   slog.Default(),
	}
	if err := g.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// The first half of the shards of a bot that runs in two processes. Both ask the same
// limiter before a shard identifies.
func ExampleGateway_shards() {
	var limiter interface {
		Acquire(ctx context.Context, key string, every time.Duration) error
	}
	g := &discord.Gateway{
		Client:  discord.NewClient(os.Getenv("DISCORD_TOKEN")),
		Handler: discord.NewRouter(),
		Intents: discord.IntentGuilds | discord.IntentGuildMessages,
		Shards:  discord.Shards{Total: 16, From: 0, To: 8},
		Turn: func(ctx context.Context, s discord.Shard) error {
			return limiter.Acquire(ctx, "identify", 5*time.Second)
		},
		NoZlib: true, // the traffic is no matter here
	}
	log.Fatal(g.Run(context.Background()))
}

// A health check: the bot is well while no shard has been without a session for long.
func ExampleGateway_Status() {
	g := &discord.Gateway{Client: discord.NewClient(os.Getenv("DISCORD_TOKEN")), Handler: discord.NewRouter()}
	away := func(s discord.ShardStatus) bool {
		return s.Phase != discord.ShardReady && time.Since(s.Since) > time.Minute
	}
	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		for _, s := range g.Status() {
			if away(s) {
				http.Error(w, fmt.Sprintf("shard %v is %v after %d failures: %v", s.Shard, s.Phase, s.Failures, s.Err), http.StatusServiceUnavailable)
				return
			}
			slog.Debug("shard", "latency", s.Latency, "last event", s.LastEvent)
		}
		fmt.Fprintf(w, "%s is well, with a latency of %v", g.Me(), g.Latency())
	})
}

// All phases of a shard, in the order in which they usually come.
func ExampleShardPhase() {
	for _, p := range []discord.ShardPhase{discord.ShardConnecting, discord.ShardIdentifying, discord.ShardReady, discord.ShardWaiting, discord.ShardResuming, discord.ShardStopped} {
		fmt.Println(p)
	}
	// Output:
	// connecting
	// identifying
	// ready
	// waiting
	// resuming
	// stopped
}

// The members of a guild, over the gateway.
func ExampleGateway_Members() {
	count := func(c *discord.Context) (people int, err error) {
		for m, err := range c.Gateway().Members(c, discord.MembersOf{Guild: c.GuildID()}) {
			if err != nil {
				return 0, err
			}
			if !m.User.Bot {
				people++
			}
		}
		return people, nil
	}
	search := func(c *discord.Context, name string) {
		for m, err := range c.Gateway().Members(c, discord.MembersOf{Guild: c.GuildID(), Query: name, Limit: 10}) {
			fmt.Println(m.Nick, err)
		}
	}
	some := discord.MembersOf{Guild: 1, Users: []discord.ID{2, 3}}
	_, _, _ = count, search, some
}

func ExampleGateway_SetPresence() {
	busy := func(c *discord.Context) error {
		return c.Gateway().SetPresence(c, discord.Presence{
			Status:     discord.StatusDND,
			Activities: []discord.Activity{{Type: discord.CustomStatus, Name: "Custom", State: "counting"}},
		})
	}
	_ = busy
}

// The bot joins the voice channel of the author of the message, and leaves it.
func ExampleGateway_SetVoice() {
	join := func(c *discord.Context) error {
		v := c.Gateway().State.VoiceState(c.GuildID(), c.UserID())
		if v == nil {
			return c.Reply("Where are you?")
		}
		return c.Gateway().SetVoice(c, c.GuildID(), v.ChannelID, discord.SelfMute, discord.SelfDeaf)
	}
	leave := func(c *discord.Context) error { return c.Gateway().SetVoice(c, c.GuildID(), 0) }
	var option discord.VoiceOption = discord.SelfDeaf
	_, _, _ = join, leave, option
}

// An event that this package does not know, and all events as they come.
func ExampleOn() {
	r := discord.NewRouter()
	remove := discord.On(r, discord.Kind[struct{ Name string }]("BRAND_NEW"), func(c *discord.Context, e *struct{ Name string }) error {
		fmt.Println("new:", e.Name)
		return nil
	})
	discord.On(r, discord.Kind[json.RawMessage]("BRAND_NEW"), func(c *discord.Context, e *json.RawMessage) error {
		fmt.Printf("raw: %s\n", *e)
		return nil
	})
	r.Listen(func(c *discord.Context) error {
		fmt.Println("any:", c.Kind(), c.Event().Seq, c.Shard())
		return nil
	})
	e, err := discord.NewEvent("BRAND_NEW", []byte(`{"name":"x"}`))
	if err != nil {
		log.Fatal(err)
	}
	c := discord.NewContext(context.Background(), discord.NewClient("token"), e)
	fmt.Println(r.Serve(c))
	remove()
	fmt.Println(r.Serve(c))
	// Output:
	// new: x
	// raw: {"name":"x"}
	// any: BRAND_NEW 0 0/0
	// <nil>
	// raw: {"name":"x"}
	// any: BRAND_NEW 0 0/0
	// <nil>
}

// Middleware around some listeners, and around the whole bot.
func ExampleRouter_Use() {
	r := discord.NewRouter()
	r.Use(middleware.Recover(), middleware.OnError(func(c *discord.Context, err error) error {
		if errors.Is(err, discord.CodeUnknownMessage) {
			return nil // the message was deleted
		}
		return err
	}))
	r.Group(func(r *discord.Router) {
		r.Use(middleware.Logger(slog.Default()), middleware.Timeout(10*time.Second))
		discord.On(r, discord.EventBanAdd, func(c *discord.Context, e *discord.BanAdd) error {
			if err := slow(c); errors.Is(err, middleware.ErrTimeout) {
				return c.Client().Unban(c, e.GuildID, e.User.ID, discord.Reason("took too long"))
			}
			return nil
		})
	})
	var trace discord.Middleware = func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			return next(c.WithContext(context.WithValue(c, traceKey{}, c.Event().Seq)))
		}
	}
	bot := discord.Wrap(r, middleware.IgnoreBots(), trace)
	fmt.Println(discord.IntentsOf(bot))
	// Output: GUILD_MODERATION
}

type traceKey struct{}

func slow(ctx context.Context) error { return ctx.Err() }

// The methods of a handler's Context.
func ExampleContext() {
	h := discord.HandlerFunc(func(c *discord.Context) error {
		u, err := c.User()
		if err != nil {
			return err
		}
		if m, err := c.Member(); err == nil && m.Nick != "" {
			slog.Info("a member", "nick", m.Nick)
		}
		if m, err := c.Message(); err == nil && len(m.Attachments) > 0 {
			return c.Delete(discord.Reason("no files here"))
		}
		if err := c.Typing(); err != nil {
			return err
		}
		switch c.Text() {
		case "!mine":
			return c.Send("Your ID is "+u.ID.String()+".", discord.Silent)
		case "!edit":
			return c.Edit("Only the bot's own messages can be edited.")
		}
		return c.Reply(fmt.Sprint("This is channel ", c.ChannelID(), " of guild ", c.GuildID(), "."))
	})
	_ = h
}

// A handler that waits for the answer of another service does not block the
// later messages of the channel.
func ExampleContext_Park() {
	slowService := make(chan string)
	h := func(c *discord.Context) error {
		var answer string
		err := c.Park(func() error {
			select {
			case answer = <-slowService:
				return nil
			case <-c.Done():
				return context.Cause(c) // discord.ErrStopped, for instance
			}
		})
		if err != nil {
			return err
		}
		return c.Reply(answer)
	}
	_ = h
}

// A Dispatcher of one's own changes the limits, and takes events from other sources.
func ExampleDispatcher() {
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		fmt.Println(m.Content)
		return nil
	})
	d := &discord.Dispatcher{
		Client:    discord.NewClient("token"),
		Handler:   r,
		MaxEvents: 1000,
		Workers:   16,
		TimeLimit: 10 * time.Second,
		Grace:     time.Second,
		DrainTime: 5 * time.Second,
		Logger:    slog.Default(),
	}
	for _, text := range []string{"one", "two"} {
		e, err := discord.NewEvent("MESSAGE_CREATE", []byte(`{"channel_id":"1","content":"`+text+`"}`))
		if err != nil {
			log.Fatal(err)
		}
		if err := d.Dispatch(context.Background(), e); err != nil {
			log.Fatal(err)
		}
	}
	d.Stop(context.Background())
	fmt.Println(d.Pending())
	// Output:
	// one
	// two
	// 0
}

// A listener that needs to know the guild's owner and a role.
func ExampleState() {
	g := &discord.Gateway{
		Client: discord.NewClient(os.Getenv("DISCORD_TOKEN")),
		State:  &discord.State{Members: true, Presences: true, VoiceStates: true},
	}
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		s := c.Gateway().State
		guild, channel := s.Guild(c.GuildID()), s.Channel(c.ChannelID())
		if guild == nil || channel == nil {
			return nil // a direct message
		}
		if me := s.Member(guild.ID, c.Me().ID); me != nil && len(me.Roles) > 0 {
			if role := s.Role(guild.ID, me.Roles[0]); role != nil {
				slog.Info("my first role", "name", role.Name)
			}
		}
		if p := s.Presence(guild.ID, guild.OwnerID); p != nil {
			slog.Info("the owner", "status", p.Status)
		}
		return c.Reply(fmt.Sprintf("This is %s in %s, one of %d guilds.", channel.Name, guild.Name, len(s.Guilds())))
	})
	g.Handler = r
}

// A Store in memory: the next Gateway of the process continues where this one
// ends.
func ExampleMemoryStore() {
	var store discord.Store = new(discord.MemoryStore)
	ctx := context.Background()
	ok, err := store.Swap(ctx, "key", nil, []byte("value"), time.Hour)
	fmt.Println(ok, err)
	v, err := store.Get(ctx, "key")
	fmt.Println(string(v), err)
	if m, ok := store.(*discord.MemoryStore); ok {
		fmt.Println(m.Exclusive())
	}
	// Output:
	// true <nil>
	// value <nil>
	// true
}

// The reaction to the error of Run.
func ExampleCloseError() {
	err := discord.Run(context.Background(), os.Getenv("DISCORD_TOKEN"), discord.NewRouter())
	var closed *discord.CloseError
	var dial *discord.DialError
	var wrong *discord.ConfigError
	switch {
	case err == nil:
		// ctx has ended
	case errors.Is(err, discord.ErrUnauthorized):
		log.Fatal("the token is wrong")
	case errors.As(err, &closed):
		log.Fatalf("code %d, %s: %v", closed.Code, closed.Reason, err)
	case errors.As(err, &dial):
		log.Fatalf("%s answers %d: %v", dial.URL, dial.StatusCode, dial.Err)
	case errors.As(err, &wrong):
		log.Fatalf("change %s: %s", wrong.Field, wrong.Mend)
	}
}

// The errors with which a handler's context ends.
func ExampleErrTimeLimit() {
	h := func(c *discord.Context) error {
		err := slow(c)
		var p *discord.PanicError
		switch cause := context.Cause(c); {
		case errors.Is(cause, discord.ErrTimeLimit):
			slog.Warn("too slow")
		case errors.Is(cause, discord.ErrStopped):
			slog.Info("the bot stops")
		case errors.As(err, &p):
			slog.Error("panic", "value", p.Value, "stack", string(p.Stack))
		}
		return err
	}
	_ = h
}
