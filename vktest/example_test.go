package vktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func router() *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	return r
}

// A test of a bot.
func ExampleStart() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		anna.Says("pong yourself")
		anna.HearsNothing()
	}
}

// In a chat, all members hear the bot's messages at once.
func ExampleUser_In() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		var tea *vktest.Chat = bot.Chat("Tea", anna, boris)
		anna.In(tea).Says("!ping")
		var m vktest.Message = boris.In(tea).Hears("pong")
		if m.ReplyTo == 0 {
			t.Error("the answer does not refer to the question")
		}
		boris.HearsNothing() // in private
	}
}

// A program that needs the client before it has a bot.
func ExampleNew() {
	_ = func(t *testing.T) {
		fake := vktest.New(t)
		client := fake.Client()
		fake.Start(vk.HandlerFunc(func(c *vk.Context) error {
			return client.Send(c, c.FromID(), "Hello!")
		}))
		anna := fake.User("Anna")
		anna.Says("hi")
		anna.HearsLike("(?i)hello")
		if err := fake.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// A VK that refuses the second call within a second, and a bot that handles one
// event at a time.
func ExampleConfig() {
	_ = func(t *testing.T) {
		bot := vktest.Config{RPS: 1, Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Says("!ping")
		anna.Hears("pong")
		anna.Hears("pong") // after a second, and a retry
	}
}

// Outside of a test, the fake VK is a server on the loopback interface.
func ExampleNewServer() {
	var fake *vktest.Server = vktest.NewServer()
	defer fake.Close()
	fake.Start(router())

	anna := fake.User("Anna")
	anna.Says("!ping")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := anna.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Text)

	for _, call := range fake.Calls("messages.send") {
		fmt.Println(call.Params["message"], call.Code == 0)
	}
	// Output:
	// pong
	// pong true
}

// A single handler or router.
func ExampleNewContext() {
	c, rec := vktest.NewContext("!ping")
	if err := router().Serve(c); err != nil {
		log.Fatal(err)
	}
	var sent *vktest.Recorder = rec
	fmt.Println(sent.Text(), len(sent.Messages()))
	// Output: pong 1
}

// Actions of users besides talking.
func ExampleUser() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna, иван := bot.User("Anna"), bot.Person(vktest.Person{Name: "Иван", Lang: "ru"})
		tea := bot.Chat("Tea", anna)
		bot.MakeBotAdmin(tea)

		anna.PressesStart()
		anna.Comes("friend", "poster", "Hello!") // by vk.me/bot?ref=friend&ref_source=poster
		anna.Types()
		m := anna.Says("look at that", vktest.Photo(1280, 720), vktest.Document("notes.txt", 1024))
		anna.Says("", vktest.Voice(7))
		anna.Says("", vktest.Sticker(9046))
		both := []vktest.Attachment{vktest.Location(59.94, 30.33), vktest.Forward(m)}
		anna.Says("here", both...)
		anna.Replies(m, "and that")
		anna.Edits(m, "look at this")
		anna.Deletes(m)
		иван.Allows("newsletter")
		иван.Denies()

		anna.In(tea).Invites(иван)
		anna.In(tea).Renames("Green tea")
		иван.In(tea).MakeAdmin()
		иван.In(tea).Kicks(anna)
		иван.In(tea).KicksBot()

		bot.Emit("wall_post_new", map[string]any{"id": 1, "owner_id": -bot.GroupID, "text": "News"})
	}
}

// Users to whom the bot cannot write.
func ExampleServer_Person() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		bot.Person(vktest.Person{Name: "Jane Closed", Closed: true})
		bot.Person(vktest.Person{Deactivated: "banned"})                  // error 18
		bot.Person(vktest.Person{Name: "Quiet", Private: true})           // error 902
		shy := bot.Person(vktest.Person{Name: "Shy", DenyMessages: true}) // error 901
		shy.Says("!ping")
		shy.HearsNothing()
		shy.Allows("")
		shy.Says("!ping")
		shy.Hears("pong")
	}
}

// A chat in which no administrator has granted the bot anything.
func ExampleServer_MentionsOnly() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		tea := bot.Chat("Tea", anna)
		bot.MentionsOnly(tea)
		anna.In(tea).Says("!ping")
		anna.In(tea).HearsNothing()
	}
}

// A VK with other readings of its documentation.
func ExampleReadings() {
	_ = func(t *testing.T) {
		bot := vktest.Config{Readings: vktest.Readings{MaxMessageLen: 9000, EditKeepsAttachments: true}}.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
	}
}

// The bot's actions that users see besides its messages.
func ExampleUser_SeesEdited() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		said := anna.Says("!count")
		anna.SeesRead(said)
		anna.SeesTyping()
		m := anna.Hears("1")
		anna.Reads(m)
		anna.SeesEdited("2")
		anna.SeesEdited("3")
		anna.SeesDeleted(m)
	}
}

// Buttons are pressed by their labels.
func ExampleUser_Presses() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!shop")
		anna.Hears("What would you like?")
		anna.Presses("Tea").Snackbar("Added")
		anna.Presses("Site").Link("https://vk.com")
		var p *vktest.Press = anna.Presses("Refresh")
		p.Blank()
	}
}

// A transcript for a golden file.
func ExampleServer_Transcript() {
	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(router())
	anna := bot.User("Anna")
	anna.Says("!ping")
	anna.Hears("pong")
	fmt.Print(bot.Transcript())
	// Output:
	// # Anna and the bot
	// Anna: !ping
	// Bot: (to Anna: !ping) pong
}

// Failures of the real VK, as often as needed.
func ExampleServer_Fail() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		bot.Fail("messages.send", vktest.Error(vk.CodeTooManyRequests), vktest.Times(3))
		bot.Fail("messages.*", vktest.ResetAfter(), vktest.Chance(0.05))
		bot.Fail("users.get", vktest.Status(502), vktest.Skip(2))
		bot.Fail("users.get", vktest.Captcha("", true), vktest.Times(1))
		bot.Fail("messages.send", vktest.Stall(time.Minute), vktest.Peer(2000000001))
		bot.Fail("messages.send", vktest.Reset(), vktest.If(func(params map[string]string) bool { return params["message"] == "" }))
		bot.Fail(vktest.LongPoll, vktest.Failed(2), vktest.During(time.Minute, time.Hour))
		bot.Fail("message_new", vktest.Duplicate(time.Second), vktest.Chance(0.1))
		bot.Fail(vktest.Upload, vktest.Truncate())
		bot.Fail(vktest.Callback, vktest.Delay(time.Second))
		for _, what := range []vktest.FaultOption{
			vktest.Slow(time.Second), vktest.Empty(), vktest.BadJSON(), vktest.WrongType(), vktest.Huge(1 << 30),
		} {
			bot.Fail(vktest.Anything, what, vktest.Times(1))
		}
		for _, what := range []vktest.FaultOption{
			vktest.Late(time.Minute), vktest.Overtaken(), vktest.Lost(), vktest.Poison("null"),
		} {
			bot.Fail("message_new", what, vktest.Times(1))
		}
		bot.ExpireKey()
		bot.ForgetSession()
		bot.LoseHistory()
		bot.SetClock(-time.Hour)

		var fault *vktest.Fault = bot.Fail("users.get", vktest.Error(vk.CodeServer))
		if fault.Hits() > 0 {
			fault.Remove()
		}
	}
}

// Events in the community and in chats.
func ExampleUser_Joins() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		tea := bot.Chat("Tea", anna)
		anna.Joins()
		post := anna.Posts("Hello, all!")
		anna.Comments(post, "First!")
		anna.Likes(post)
		anna.Leaves()
		bot.Block(anna)
		bot.Unblock(anna)

		m := anna.In(tea).Says("important")
		anna.In(tea).Reacts(m, 1)
		anna.In(tea).SeesReaction(m, 2)
		anna.In(tea).Pins(m)
		anna.In(tea).SeesPinned(m)
		anna.In(tea).Unpins()
	}
}

// A webhook gets the events without a network. VK retries failed deliveries on
// its own schedule.
func ExampleServer_AddCallback() {
	bot := vktest.NewServer()
	defer bot.Close()
	hook := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct{ Type string }
		json.NewDecoder(r.Body).Decode(&e)
		fmt.Println(e.Type)
		if e.Type == "confirmation" {
			io.WriteString(w, bot.ConfirmationCode())
			return
		}
		io.WriteString(w, "ok")
	})
	bot.AddCallback(hook, "secret")
	bot.User("Anna").Says("hi")
	if err := bot.Wait(context.Background()); err != nil {
		log.Fatal(err)
	}
	var all []vktest.Delivery = bot.Deliveries()
	fmt.Println(len(all), all[1].OK)
	// Output:
	// confirmation
	// message_new
	// 2 true
}

// Calls that need an administrator's token.
func ExampleServer_AdminClient() {
	_ = func(t *testing.T) {
		fake := vktest.New(t)
		err := fake.AdminClient().Call(t.Context(), "groups.setSettings", vk.Params{"group_id": fake.GroupID, "messages": true}, nil)
		if err != nil {
			t.Error(err)
		}
	}
}

// The rights that the token of the real bot will need.
func ExampleServer_Rights() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		if got := bot.Rights(); len(got) != 1 || got[0] != "messages" {
			t.Errorf("the bot needs the rights %v", got)
		}
	}
}
