package discord_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// A crowded bot has one place for events, which a command takes until release is closed.
func crowded(release <-chan struct{}) *discord.Dispatcher {
	r := discord.NewRouter()
	song := discord.ParseFunc(func(text string) (string, error) { return text, nil })
	song.Complete = func(*discord.Context, string) ([]discord.ChoiceDef, error) { return discord.Choices("a"), nil }
	r.Converter("song", song)
	r.Handle("hold", func(c *discord.Context) error {
		if err := c.Reply("held", discord.Row{{Label: "Press", ID: discord.Cmd("press")}}); err != nil {
			return err
		}
		<-release
		return c.Reply("released")
	})
	r.Handle("play {song:song}", func(c *discord.Context) error { return c.Reply(c.Arg("song")) })
	r.Press("press", func(c *discord.Context) error { return c.Edit("pressed") })
	return &discord.Dispatcher{Handler: r, MaxEvents: 1, TimeLimit: -1}
}

// overload uses a crowded bot, and expects that no user is left without an answer.
func overload(t *testing.T, s *discordtest.Server, release chan<- struct{}) {
	anna, boris := s.User("Anna"), s.User("Boris").Speaks("ru")
	anna.Slash("hold")
	anna.Sees("held")
	if err := anna.TryClick("Press"); err != nil {
		t.Fatal(err)
	}
	anna.SeesEphemeral("The bot is busy. Try again in a minute.")
	boris.Slash("play", "song", "x")
	boris.SeesEphemeral("Бот перегружен. Попробуйте ещё раз через минуту.")
	if got := boris.Completes("play", "song", "r"); len(got) != 0 {
		t.Errorf("choices %q", got)
	}
	close(release)
	anna.Sees("released")
	synctest.Wait() // for the place
	boris.Slash("play", "song", "x")
	boris.Sees("x")
	boris.SeesNothing()
}

// runCrowded runs d on a Gateway, and returns when it is connected. ready receives an element for
// each further connection. stop ends both.
func runCrowded(t *testing.T, s *discordtest.Server, d *discord.Dispatcher) (ready <-chan struct{}, stop func()) {
	connected := make(chan struct{}, 8)
	g := &discord.Gateway{Client: s.Client(), Dispatcher: d, Ready: func(discord.Shard) { connected <- struct{}{} }}
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- g.Run(ctx) }()
	<-connected
	return connected, func() {
		cancel()
		if err := <-end; err != nil {
			t.Error(err)
		}
		d.Stop(t.Context())
	}
}

// TestOverload: when the Dispatcher has MaxEvents, users of interactions are told that the
// bot is busy. The connection stays.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		release := make(chan struct{})
		d := crowded(release)
		ready, stop := runCrowded(t, s, d)
		overload(t, s, release)
		if len(ready) > 0 {
			t.Error("the shard has connected again")
		}
		stop()
	})
}

// TestOverloadHTTP: the same for interactions over HTTP.
func TestOverloadHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		release := make(chan struct{})
		d := crowded(release)
		defs, err := d.Handler.(*discord.Router).Commands()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Client().SyncCommands(t.Context(), defs, discord.SyncChanged); err != nil {
			t.Fatal(err)
		}
		in := &discord.Interactions{Client: s.Client(), Dispatcher: d, PublicKey: s.PublicKey()}
		s.Serve(in)
		overload(t, s, release)
		in.Stop(t.Context())
		d.Stop(t.Context())
	})
}

// TestOverloadFlood: more refusals than are made at the same time lose no place, and the bot
// stops.
func TestOverloadFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		release := make(chan struct{})
		d := crowded(release)
		_, stop := runCrowded(t, s, d)
		anna := s.User("Anna")
		anna.Slash("hold")
		anna.Sees("held")
		slow := s.Fail(discordtest.Fault{Call: "POST /interactions/*/*/callback", Delay: 2 * time.Second})
		for range 200 {
			if err := anna.TrySlash("play", "song", "x"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := d.Pending(); n < 2 || n > 201 {
			t.Errorf("%d pending", n)
		}
		time.Sleep(time.Minute)
		slow.Remove()
		if n := d.Pending(); n != 1 {
			t.Errorf("%d pending in the end", n)
		}
		calls := slices.DeleteFunc(s.Calls("POST /interactions/*/*/callback"), func(c discordtest.Call) bool { return c.Status != 204 })
		if n := len(calls); n != 1+128 {
			t.Errorf("%d answers", n)
		}
		close(release)
		stop()
	})
}
