package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A message can have options besides its text.
func ExampleSendOption() {
	r := vk.NewRouter("!")
	r.Handle("where", func(c *vk.Context) error {
		return c.Reply("Here.", vk.Location{Lat: 59.935634, Long: 30.325935}, vk.NoMentions, vk.NoLinkPreview)
	})
	r.Handle("love", func(c *vk.Context) error { return c.Send("", vk.Sticker(163), vk.Silent) })
	r.Handle("quote", func(c *vk.Context) error {
		m, err := c.Message()
		if err != nil {
			return err
		}
		return c.Send("You have said this:", vk.Forward(m), vk.MessagePayload("a quotation"))
	})
	r.Handle("news", func(c *vk.Context) error { // for users who have subscribed to newsletters
		return c.Send("News!", vk.Intent("promo_newsletter"), vk.Extra{"subscribe_id": 1})
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!where")
	m := anna.HearsLike("")
	fmt.Println(m.Text, m.ReplyTo)
	anna.Says("!love")
	fmt.Println(anna.HearsLike("").Attachments)
	anna.Says("!quote")
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// Here. 1
	// [sticker]
	// You have said this:
}

// A message that was sent can be changed, replied to and deleted.
func ExampleInto() {
	r := vk.NewRouter("!")
	r.Handle("count", func(c *vk.Context) error {
		var m vk.Sent
		if err := c.Reply("Counting…", vk.Into(&m)); err != nil {
			return err
		}
		for i := range 3 {
			if err := m.Edit(c, fmt.Sprint(i+1, "…"), vk.KeepForwards, vk.KeepSnippets); err != nil {
				return err
			}
		}
		if err := m.React(c, 1); err != nil {
			return err
		}
		if err := m.Reply(c, "Done."); err != nil {
			return err
		}
		return m.Delete(c)
	})

	c, rec := vktest.NewContext("!count")
	if err := r.Serve(c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rec.Text())
	// Output: Done.
}

// A Sent is plain data: it can be stored, and used later by another client.
func ExampleSent() {
	pinned := vk.Sent{PeerID: 2000000017, CMID: 2760} // from a database
	later := func(c *vk.Context) error {
		if err := pinned.Pin(c); err != nil {
			return err
		}
		return c.Reply("I have pinned it.", vk.ReplyTo(pinned))
	}
	_ = later
}

// Sends without a fixed order, and repeated sends, have names.
func ExampleAs() {
	r := vk.NewRouter("!")
	r.Handle("pay", func(c *vk.Context) error {
		var err error
		for range 3 {
			if err = c.Send("Thank you, here is your receipt.", vk.As("receipt")); err == nil {
				break
			}
		}
		return err
	})

	// Outside handlers, only the name counts.
	remind := func(ctx context.Context, client *vk.Client, user int64, order int) error {
		return client.Send(ctx, user, "Your order is waiting.", vk.As(fmt.Sprint("reminder of order ", order)))
	}

	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	anna.Says("hello")
	for range 2 { // the second send, perhaps after a restart, shows nothing
		if err := remind(context.Background(), fake.Client(), anna.ID, 7); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(anna.HearsLike("").Text)
	_, more := anna.TryNext()
	fmt.Println(more)
	// Output:
	// Your order is waiting.
	// false
}

// This menu is one message: pressing its buttons changes it.
func ExampleContext_Show() {
	menu := func(c *vk.Context) error {
		return c.Show("Tea or coffee?", vk.Extra{
			"keyboard": `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Tea","payload":"{\"cup\":\"tea\"}"}}]]}`,
		})
	}
	r := vk.NewRouter("!")
	r.Handle("menu", menu) // sends
	vk.On(r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		if err := c.Snackbar("One tea."); err != nil {
			return err
		}
		return c.Show("Here is your tea.") // edits
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!menu")
	fmt.Println(anna.Hears("Tea or coffee?").Buttons)
	anna.Presses("Tea").Snackbar("One tea.")
	bot.Wait(context.Background())
	fmt.Println(len(bot.Calls("messages.edit")))
	// Output:
	// [Tea]
	// 1
}

// A press of a callback button can be answered in several ways, but only once.
func ExampleContext_Answer() {
	var r vk.Router
	vk.On(&r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		switch string(e.Payload) {
		case `{"show":"site"}`:
			return c.OpenLink("https://vk.com/")
		case `{"show":"app"}`:
			return c.OpenApp(6232540, -e.PeerID, "start=1")
		case `{"show":"text"}`:
			return c.Snackbar("Added.")
		}
		return c.Answer() // empty: the button's spinner stops
	})

	// This handler serves both commands and buttons.
	_ = func(c *vk.Context) error {
		if err := c.Snackbar("Added."); errors.Is(err, vk.ErrNoPress) {
			return c.Reply("Added.")
		} else {
			return err
		}
	}
}

// Messages with a known number can be changed.
func ExampleClient_Edit() {
	tidy := func(ctx context.Context, client *vk.Client, chat, rules, spam int64) error {
		if err := client.Edit(ctx, chat, rules, "Be kind."); err != nil {
			return err
		}
		if err := client.Pin(ctx, chat, rules); err != nil { // client.Unpin(ctx, chat)
			return err
		}
		if err := client.React(ctx, chat, rules, 1); err != nil { // client.Unreact(ctx, chat, rules)
			return err
		}
		if err := client.MarkRead(ctx, chat, 0); err != nil {
			return err
		}
		err := client.Delete(ctx, chat, spam, spam+1)
		var refused *vk.MessageError
		switch {
		case errors.Is(err, vk.ErrNotFound):
			return nil // another member was faster
		case errors.As(err, &refused):
			log.Print("this one stays: ", refused.CMID)
			return client.DeleteForSelf(ctx, refused.PeerID, refused.CMID)
		}
		return err
	}
	undo := func(ctx context.Context, client *vk.Client, chat, rules int64) error {
		return errors.Join(client.Unpin(ctx, chat), client.Unreact(ctx, chat, rules))
	}
	_, _ = tidy, undo
}

func ExampleClient_Broadcast() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna, boris, vera := fake.User("Anna"), fake.User("Boris"), fake.User("Vera")
	anna.Says("hello")
	vera.Says("hello")

	sent := 0
	peers := []int64{anna.ID, boris.ID, vera.ID}
	for d := range fake.Client().Broadcast(context.Background(), peers, "We are open again!", vk.As("open 2025-01-07")) {
		var refused *vk.Error
		switch {
		case d.Err == nil:
			sent++
		case errors.As(d.Err, &refused) && refused.Unreachable():
			fmt.Println("no longer a subscriber:", d.PeerID == boris.ID, d.Sent.CMID)
		default:
			log.Print(d.Err) // the others get the message
		}
	}
	fmt.Println("sent to", sent)
	// Output:
	// no longer a subscriber: true 0
	// sent to 2
}

// History yields the messages of a day, the newest first.
func ExampleClient_History() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	for _, text := range []string{"one", "two", "three"} {
		anna.Says(text)
	}
	yesterday := time.Now().AddDate(0, 0, -1)
	for m, err := range fake.Client().History(context.Background(), anna.ID) {
		if err != nil {
			log.Fatal(err)
		}
		if m.Date.Before(yesterday) {
			break // nothing more is fetched
		}
		fmt.Println(m.Text)
	}
	// Output:
	// three
	// two
	// one
}

func ExampleClient_Members() {
	fake := vktest.NewServer()
	defer fake.Close()
	chat := fake.Chat("Tea", fake.User("Anna"), fake.User("Boris"))
	fake.MakeBotAdmin(chat)
	for m, err := range fake.Client().Members(context.Background(), chat.ID, "sex") {
		if err != nil {
			log.Fatal(err)
		}
		var who vk.Member = m
		switch {
		case who.User == nil: // a community
		case who.Owner:
			fmt.Println(who.Name, "owns the chat")
		default:
			fmt.Println(who.Name, who.Admin, who.CanKick, who.Restricted, who.InvitedBy != 0, !who.Joined.IsZero())
		}
	}
	// Unordered output:
	// Anna owns the chat
	// Boris false true false true true
}

// Profile returns the page of a user or a community.
func ExampleClient_Profile() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	for _, id := range []int64{anna.ID, -fake.GroupID} { // of any kind
		p, err := fake.Client().Profile(context.Background(), id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.User != nil, p.Group != nil)
	}
	// Output:
	// true false
	// false true
}

func ExampleClient_Profiles() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	ctx, client := context.Background(), fake.Client()

	self, err := client.Self(ctx) // finds the token's owner
	if err != nil {
		log.Fatal(err)
	}
	pages, err := client.Profiles(ctx, []int64{anna.ID, self.PeerID, 1999999999})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range pages {
		var page vk.Profile = p
		fmt.Printf("%q, a person: %v, a community: %v\n", page.Name, page.User != nil, page.Group != nil)
	}
	// Output:
	// "Anna", a person: true, a community: false
	// "Bot", a person: false, a community: true
	// "", a person: false, a community: false
}

func ExampleClient_Users() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna, boris := fake.User("Anna"), fake.User("Boris")
	ctx, client := context.Background(), fake.Client()

	users, err := client.Users(ctx, []int64{anna.ID, boris.ID}, vk.Fields("sex", "city"), vk.NameCase("gen"))
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range users {
		fmt.Println(u.FirstName, len(u.Raw) > 0)
	}
	if _, err := client.User(ctx, 1999999999); errors.Is(err, vk.ErrNotFound) {
		fmt.Println("nobody")
	}
	named := []vk.ProfileOption{vk.ScreenNames("bot")}
	groups, err := client.Groups(ctx, nil, named...)
	if err != nil {
		log.Fatal(err)
	}
	group, err := client.Group(ctx, groups[0].ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(group.Name)
	// Output:
	// Anna true
	// Boris true
	// nobody
	// Bot
}

// Resolve finds the page that a text refers to.
func ExampleClient_Resolve() {
	fake := vktest.NewServer()
	defer fake.Close()
	for _, text := range []string{"[id1|Pavel]", "https://vk.com/club5", "@bot", "@nobody"} {
		var who vk.Resolved
		who, err := fake.Client().Resolve(context.Background(), text)
		if errors.Is(err, vk.ErrNotFound) {
			fmt.Println("nobody")
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(who.Kind, who.PeerID == who.ID, who.PeerID == -who.ID)
	}
	// Output:
	// user true false
	// group false true
	// group false true
	// nobody
}

// Users see that the bot is working.
func ExampleContext_KeepTyping() {
	search := func(query string) (string, error) { return "…", nil } // slow
	r := vk.NewRouter("!")
	r.Handle("find {query...}", func(c *vk.Context) error {
		var found string
		err := c.KeepTyping(func() (err error) {
			found, err = search(c.Arg("query"))
			return err
		})
		if err != nil {
			return err
		}
		return c.Reply(found)
	})
	r.Handle("soon", func(c *vk.Context) error { return c.Typing() })
}

// MessageRef allows options for both received and sent messages.
func ExampleMessageRef() {
	together := func(c *vk.Context, sent vk.Sent) error {
		m, err := c.Message()
		if err != nil {
			return err
		}
		return c.Send("These two:", vk.Forward[vk.MessageRef](m, sent))
	}
	_ = together
}

// This bot repeats a message, with all its attachments.
func ExampleOptions() {
	r := vk.NewRouter("!")
	r.Handle("echo {text...?}", func(c *vk.Context) error {
		m, err := c.FullMessage()
		if err != nil {
			return err
		}
		return c.Send(c.Arg("text"), vk.Options(m.Attachments...), vk.Silent)
	})
}

// Any flag of messages.send can be an option.
func ExampleSendFlag() {
	quiet := []vk.SendOption{vk.Silent, vk.NoMentions, vk.SendFlag("dont_parse_links")}
	c, rec := vktest.NewContext("hello")
	if err := c.Send("psst", quiet...); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rec.Text())
	// Output: psst
}

// Deliveries also tell the recipients to retry.
func ExampleDelivery() {
	again := func(ctx context.Context, client *vk.Client, peers []int64) {
		for range 3 {
			var failed []int64
			for d := range client.Broadcast(ctx, peers, "News!", vk.As("news of today")) {
				var delivery vk.Delivery = d
				if delivery.Err != nil && !errors.Is(delivery.Err, vk.CodeCannotWrite) {
					failed = append(failed, delivery.PeerID)
				}
			}
			peers = failed
		}
	}
	_ = again
}
