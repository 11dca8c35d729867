package discord_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// exampleBot runs a bot on a fake Discord with a user.
func exampleBot(h discord.Handler) (anna *discordtest.User, end func()) {
	bot := discordtest.NewServer()
	bot.Start(h)
	return bot.User("Anna"), bot.Close
}

// A conversation: the answer is a press of a button or a text.
func ExampleContext_Ask() {
	r := discord.NewRouter("!")
	r.Handle("order", func(c *discord.Context) error {
		size, err := c.Ask("Which size?", discord.Answers("S", "M", "L"), discord.Cancel("stop"), discord.Within(10*time.Minute))
		switch {
		case errors.Is(err, discord.ErrCanceled):
			return c.Send("As you like.")
		case errors.Is(err, discord.ErrNoAnswer):
			return c.Send("You are too slow.")
		case err != nil: // ErrInterrupted, ErrStopped and others
			return err
		}
		return size.Reply("Size " + size.Text() + ".")
	})
	anna, end := exampleBot(r)
	defer end()
	anna.Slash("order")
	anna.Sees("Which size?")
	anna.Clicks("M")
	fmt.Println(anna.Sees("Size M.").Content)
	anna.Says("!order")
	anna.Sees("Which size?")
	anna.Says("Stop")
	fmt.Println(anna.Sees("As you like.").Content)
	// Output:
	// Size M.
	// As you like.
}

// An answer is parsed, and the user is asked again.
func ExampleAsk() {
	r := discord.NewRouter("!")
	r.Handle("age", func(c *discord.Context) error {
		age, err := discord.Ask(c, "How old are you?", strconv.Atoi, discord.Retry(2, "A number, please."), discord.AnyText())
		var wrong *discord.InputError
		if errors.As(err, &wrong) {
			return c.Send("Never mind: " + wrong.Text + ".")
		} else if err != nil {
			return err
		}
		return c.Send(fmt.Sprint("In a year you are ", age+1, "."))
	})
	anna, end := exampleBot(r)
	defer end()
	anna.Says("!age")
	anna.Sees("How old are you?")
	anna.Says("old")
	anna.Sees("A number, please.")
	anna.Says("30")
	fmt.Println(anna.Sees("In a year you are 31.").Content)
	// Output: In a year you are 31.
}

// A form in the middle of a conversation.
func ExampleOpenAsk() {
	r := discord.NewRouter()
	r.Handle("join", func(c *discord.Context) error {
		press, err := c.Ask("Ready?", discord.Answers("Fill in"))
		if err != nil {
			return err
		}
		f, answer, err := discord.OpenAsk[struct{ Name string }](press, discord.Form{Title: "You", Inputs: []discord.Input{{Name: "name", Label: "Name"}}})
		if err != nil {
			return err
		}
		return answer.Reply("Welcome, " + f.Name + ".")
	})
	anna, end := exampleBot(r)
	defer end()
	anna.Slash("join")
	anna.Clicks("Fill in")
	anna.Fills("Name", "Anna")
	anna.Sees("Ready?")
	fmt.Println(anna.Sees("Welcome, Anna.").Content)
	// Output: Welcome, Anna.
}

// A game that the first user with the right answer in the channel wins.
func ExampleNewWatch() {
	r := discord.NewRouter("!")
	r.Handle("game", func(c *discord.Context) error {
		w := discord.NewWatch(c, discord.EventMessageCreate, func(_ *discord.Context, m *discord.MessageCreate) bool {
			return m.Content == "42"
		}, discord.Within(time.Minute))
		defer w.Stop()
		if err := c.Send("What is six times seven?"); err != nil {
			return err
		}
		_, m, err := w.Next()
		if err != nil {
			return err
		}
		return c.Send(m.Author.DisplayName() + " wins.")
	})
	anna, end := exampleBot(r)
	defer end()
	anna.Says("!game")
	anna.Sees("What is six times seven?")
	anna.Says("41")
	anna.Says("42")
	fmt.Println(anna.Sees("Anna wins.").Content)
	// Output: Anna wins.
}

// A handler waits for one event. From names the user.
func ExampleWait() {
	h := func(c *discord.Context) error {
		_, joined, err := discord.Wait(c, discord.EventMemberAdd, nil, discord.From{Guild: c.GuildID()})
		if errors.Is(err, discord.ErrNoDispatcher) {
			return nil // the handler was called by hand
		} else if err != nil {
			return err
		}
		return c.Send("Welcome, " + joined.User.Mention() + "!")
	}
	_ = h
}

// State of a user, in a Store that outlives the process.
func ExampleSession() {
	store := new(discord.MemoryStore) // or filestore.Open
	points := &discord.Session[int]{Store: store, Name: "points", TTL: 24 * time.Hour}
	r := discord.NewRouter("!")
	r.Handle("point", func(c *discord.Context) error {
		n := 0
		err := points.Update(c, discord.PerMember(c), func(v *int) error { *v++; n = *v; return nil })
		var changed *discord.SessionError
		switch {
		case errors.As(err, &changed):
			return points.Delete(c, changed.Key) // the state is of another type
		case errors.Is(err, discord.ErrContended):
			return c.Reply("Try again.")
		case err != nil:
			return err
		}
		return c.Reply(fmt.Sprint(n))
	})
	r.When(points.If(discord.PerMember, func(n int) bool { return n >= 2 }), func(c *discord.Context) error {
		return c.Reply("You have enough points.")
	})
	anna, end := exampleBot(r)
	defer end()
	anna.Says("!point")
	anna.Sees("1")
	anna.Says("!point")
	anna.Sees("2")
	anna.Says("hello")
	fmt.Println(anna.Sees("You have enough points.").Content)
	n, err := points.Get(context.Background(), discord.Key{User: anna.ID}) // another key
	fmt.Println(n, err)
	// Output:
	// You have enough points.
	// 0 <nil>
}

// A key names the owner of a state or a cooldown.
func ExampleKey() {
	e, _ := discord.NewEvent("MESSAGE_CREATE", []byte(`{"id":"9","guild_id":"4","channel_id":"8","author":{"id":"2"}}`))
	c := discord.NewContext(context.Background(), nil, e)
	for _, key := range []func(*discord.Context) discord.Key{discord.PerUser, discord.PerMember, discord.PerChannel, discord.PerGuild, discord.PerMessage, discord.Global} {
		fmt.Printf("%+v\n", key(c))
	}
	// Output:
	// {Guild:0 Channel:0 Message:0 User:2 Name:}
	// {Guild:4 Channel:0 Message:0 User:2 Name:}
	// {Guild:4 Channel:8 Message:0 User:0 Name:}
	// {Guild:4 Channel:0 Message:0 User:0 Name:}
	// {Guild:4 Channel:8 Message:9 User:0 Name:}
	// {Guild:0 Channel:0 Message:0 User:0 Name:}
}

// Claims and hooks around a handler.
func ExampleContext_Claim() {
	coins := 1
	r := discord.NewRouter("!")
	r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			c.Claim(func(*discord.Context) (giveBack func(), err error) {
				if coins == 0 {
					return nil, errors.New("no coins")
				}
				coins--
				return func() { coins++ }, nil
			})
			c.Before(func(*discord.Context) error { fmt.Println("before"); return nil })
			c.After(func(_ *discord.Context, err error) error { fmt.Println("after"); return nil })
			return next(c)
		}
	})
	r.Handle("play {n:int}", func(c *discord.Context) error { fmt.Println("handler"); return nil })
	exampleSays(r, "!play x") // costs nothing
	exampleSays(r, "!play 1")
	exampleSays(r, "!play 2")
	// Output:
	// discord: play {n:int}: usage: !play {n:int}: n: "x" is of another type
	// before
	// handler
	// after
	// discord: play {n:int}: no coins
}

// A module comes and goes while the bot runs.
func ExampleRouter_Mount() {
	r := discord.NewRouter("!")
	quiz := func(answer string) func(r *discord.Router) error {
		return func(r *discord.Router) error {
			r.Cleanup(func() { fmt.Println("cleanup of", answer) })
			r.Handle("quiz", func(*discord.Context) error { fmt.Println(answer); return nil })
			return nil
		}
	}
	m, err := r.Mount("quiz", quiz("first"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = r.Mount("quiz", quiz("again"))
	var wrong *discord.ModuleError
	fmt.Println(errors.As(err, &wrong), errors.Is(err, discord.ErrMounted))
	exampleSays(r, "!quiz")
	m.Swap(quiz("second"))
	exampleSays(r, "!quiz")
	for m := range r.Modules() {
		for rt := range m.Walk() {
			fmt.Println(m.Name(), rt.Pattern, rt.Module() == m)
		}
	}
	m.Unmount()
	fmt.Println(errors.Is(m.Unmount(), discord.ErrUnmounted))
	_, mounted := r.Module("quiz")
	fmt.Println(mounted)
	// Output:
	// cleanup of again
	// true true
	// first
	// cleanup of first
	// second
	// quiz quiz true
	// cleanup of second
	// true
	// false
}

// A route is replaced and removed while the bot runs.
func ExampleRouter_Replace() {
	r := discord.NewRouter("!")
	rt := r.Handle("news", func(*discord.Context) error { fmt.Println("old news"); return nil })
	rt, replaced := r.Replace(rt, discord.Route{Handler: func(*discord.Context) error { fmt.Println("new news"); return nil }})
	exampleSays(r, "!news")
	fmt.Println(replaced, r.Remove(rt), r.Remove(rt))
	sync := func(c *discord.Context) error { // tells Discord the current slash commands
		defs, err := r.Commands()
		if err != nil {
			return err
		}
		_, err = c.Client().SyncCommands(c, defs, discord.SyncChanged)
		return err
	}
	_ = sync
	// Output:
	// new news
	// true true false
}
