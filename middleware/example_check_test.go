package middleware_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// Rights for commands, and the replies to users without them.
func ExampleAny() {
	bot := vktest.NewServer()
	defer bot.Close()
	owner, anna := bot.User("Owner"), bot.User("Anna")
	ok := func(c *vk.Context) error { return c.Reply("As you wish.") }

	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Route("admin", func(r *vk.Router) {
		r.Check(middleware.Any(middleware.Users(owner.ID), middleware.ChatAdmin))
		r.Handle("reload", ok)
	})
	r.Add(vk.Route{Pattern: "poll", Checks: []vk.Check{middleware.ChatOnly}, Handler: ok})
	r.Add(vk.Route{Pattern: "letter", Checks: []vk.Check{middleware.PrivateOnly}, Handler: ok})

	bot.Start(r)
	for _, says := range []string{"!admin reload", "!poll", "!letter"} {
		anna.Says(says)
		fmt.Println(anna.HearsLike("").Text)
	}
	owner.Says("!admin reload")
	fmt.Println(owner.HearsLike("").Text)
	// Output:
	// This works only in chats.
	// This works only in chats.
	// As you wish.
	// As you wish.
}

func ExampleAll() {
	spammers := []int64{101, 102}
	r := vk.NewRouter("!")
	r.Check(middleware.All(middleware.NotUsers(spammers...), middleware.Not(middleware.Manager("advertiser"))))
}

// A command for subscribers: after joining, users can use it at once.
func ExampleMember() {
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Add(vk.Route{
		Pattern: "bonus",
		Checks:  []vk.Check{middleware.Member},
		Handler: func(c *vk.Context) error { return c.Reply("+10") },
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!bonus")
	fmt.Println(anna.HearsLike("").Text)
	anna.Joins()
	anna.Says("!bonus")
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// This works only for members of the community.
	// +10
}

// The owner of a bot, as the bot's settings name them, or the community's
// creator.
func ExampleManager() {
	owner := middleware.Manager("creator")
	if id, err := strconv.ParseInt(os.Getenv("OWNER"), 10, 64); err == nil {
		owner = middleware.Users(id)
	}
	r := vk.NewRouter("!")
	r.Add(vk.Route{Pattern: "stop", Checks: []vk.Check{owner}, Handler: func(*vk.Context) error { return nil }})
}

// A custom check with a text of its own.
func ExampleRefuse() {
	open := false
	opened := func(c *vk.Context) error {
		if !open {
			return middleware.Refuse("The shop is closed.")
		}
		return nil
	}
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Check(opened)
	r.Handle("buy {what...}", func(c *vk.Context) error { return c.Reply("Here you are.") })

	c, rec := vktest.NewContext("!buy tea")
	err := r.Serve(c)
	fmt.Println(rec.Text(), err)
	// Output: The shop is closed. <nil>
}

// Refusals with other texts, or with an action.
func ExampleExplain() {
	r := vk.NewRouter("!")
	r.Use(middleware.Explain(func(c *vk.Context, err error) string {
		switch {
		case errors.Is(err, middleware.ErrNotMember):
			return "Join us first: vk.com/club" + strconv.FormatInt(c.Event().GroupID, 10)
		case errors.Is(err, middleware.ErrChatOnly), errors.Is(err, middleware.ErrPrivateOnly):
			return "Not here."
		case errors.Is(err, middleware.ErrNotChatAdmin), errors.Is(err, middleware.ErrNotManager), errors.Is(err, middleware.ErrNotDon):
			return "Ask somebody who may."
		case errors.Is(err, middleware.ErrBotNotAdmin):
			return "Give me a star, please: the one of administrators."
		case errors.Is(err, middleware.ErrRefused):
			return "No."
		}
		return "" // the default text
	}))
	r.Add(vk.Route{Pattern: "poll", Checks: []vk.Check{middleware.ChatOnly}, Handler: func(*vk.Context) error { return nil }})

	c, rec := vktest.NewContext("!poll")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: Not here.
}

// A command for dons that replies with the start of their subscription.
func ExampleDon() {
	type don struct{ Since time.Time }
	dons := &vk.Session[don]{Name: "dons"}
	key := func(user int64) vk.Key { return vk.Key{User: user} }

	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	vk.On(r, vk.EventDonutSubscriptionCreate, func(c *vk.Context, e *vk.Donation) error {
		return dons.Update(c, key(e.UserID), func(d *don) error {
			d.Since = time.Now()
			return nil
		})
	})
	vk.On(r, vk.EventDonutSubscriptionExpired, func(c *vk.Context, e *vk.DonationEnd) error {
		return dons.Delete(c, key(e.UserID))
	})
	r.Add(vk.Route{
		Pattern: "thanks",
		Checks:  []vk.Check{middleware.Don},
		Handler: func(c *vk.Context) error {
			d, err := dons.Get(c, key(c.FromID()))
			if err != nil || d.Since.IsZero() { // a don since before the bot existed
				return errors.Join(err, c.Reply("Thank you!"))
			}
			return c.Reply("Thank you since " + d.Since.Format(time.DateOnly) + "!")
		},
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!thanks")
	fmt.Println(anna.HearsLike("").Text)
	// Output: This works only for those who support the community in VK Donut.
}
