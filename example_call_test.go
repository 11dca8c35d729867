package vk_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A client of a bot with much to say: what waits for VK's limit is packed, 25
// calls into one request.
func ExampleClient_batch() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client() // &vk.Client{Token: …, Batch: true}
	client.Batch = true

	var all sync.WaitGroup
	for range 120 {
		all.Go(func() {
			if _, err := vk.Call[[]vk.User](context.Background(), client, "users.get", vk.Params{"user_ids": 1}); err != nil {
				log.Print(err)
			}
		})
	}
	all.Wait()
	requests := 20 + len(fake.Calls("execute")) // 20 at once, and the rest in about 4 more
	fmt.Println("fewer than 40 requests for 120 calls:", requests < 40)
	// Output: fewer than 40 requests for 120 calls: true
}

// A captcha is shown to a person, who answers.
func ExampleClient_captcha() {
	client := vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Captcha = func(ctx context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
		if e.RedirectURI != "" {
			token, err := openInBrowser(ctx, e.RedirectURI)
			return vk.CaptchaAnswer{SuccessToken: token}, err
		}
		fmt.Println("What does this say?", e.CaptchaImg)
		var text string
		fmt.Scanln(&text)
		return vk.CaptchaAnswer{Key: text, Helped: func(ok bool) { fmt.Println("Right:", ok) }}, nil
	}
}

// openInBrowser shows a page, and returns the success_token that it ends with.
func openInBrowser(context.Context, string) (string, error) { return "", errors.New("no browser") }

// What is left of a mailing list, and what to do about the rest.
func ExampleError_unreachable() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client()
	anna, boris := fake.User("Anna"), fake.User("Boris")
	anna.Says("hi") // VK lets a community answer, not begin

	for _, peer := range []int64{anna.ID, boris.ID} {
		err := client.Send(context.Background(), peer, "News!")
		var e *vk.Error
		switch {
		case err == nil:
			fmt.Println("sent")
		case !errors.As(err, &e):
			fmt.Println("not VK's refusal:", err)
		case e.Unreachable():
			fmt.Println("to be struck off:", e.Message)
		case e.Temporary():
			fmt.Println("again in", e.Wait())
		default:
			fmt.Println("our mistake:", err)
		}
	}
	// Output:
	// sent
	// to be struck off: Can't send messages for users without permission
}

// A call that must not be made twice ends with an error that says whether it
// may have been made once.
func Example_maybeDone() {
	fake := vktest.NewServer()
	defer fake.Close()
	fake.Fail("messages.createChat", vktest.ResetAfter())

	_, err := vk.Call[int](context.Background(), fake.Client(), "messages.createChat", vk.Params{"title": "Friends"})
	if errors.Is(err, vk.ErrMaybeDone) {
		fmt.Println("look whether the chat is there before making another one")
	}
	// Output: look whether the chat is there before making another one
}

// A mailing lets everything else pass.
// A struct with the fields on the way takes one value out of a nested answer. It needs
// no tags, and the rest of the answer is dropped.
func ExampleCall_nested() {
	fake := vktest.NewServer()
	defer fake.Close()

	settings, err := vk.Call[struct{ Events struct{ MessageNew bool } }](context.Background(), fake.Client(),
		"groups.getLongPollSettings", vk.Params{"group_id": fake.GroupID})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(settings.Events.MessageNew)
	// Output: true
}

func ExampleWithPriority() {
	mail := func(ctx context.Context, client *vk.Client, peers []int64) {
		var p vk.Priority = vk.PriorityLow // answers have PriorityNormal
		ctx = vk.WithPriority(ctx, p)
		for _, peer := range peers {
			if err := client.Send(ctx, peer, "News!"); err != nil {
				log.Print(err)
			}
		}
	}
	_ = mail

	_ = func(c *vk.Context) error {
		urgent := c.WithContext(vk.WithPriority(c, vk.PriorityHigh))
		if c.Text() == "" {
			urgent = c.WithContext(vk.WithPriority(c, vk.PriorityNormal))
		}
		return urgent.Send("The building is on fire.")
	}
}

// Code that runs at VK: here, who wrote what in one request. Of calls that
// fail inside, the result and the errors are both returned.
func ExampleExecute() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")

	type result struct {
		Users   []vk.User `json:"users"`
		Message int64     `json:"message"`
	}
	r, err := vk.Execute[result](context.Background(), fake.Client(), `return {
		"users": API.users.get({"user_ids": Args.id}),
		"message": API.messages.send({"peer_id": Args.id, "message": "hi", "random_id": 1})
	};`, vk.Params{"id": anna.ID})

	var failed vk.ExecuteErrors
	if errors.As(err, &failed) {
		for _, e := range failed {
			fmt.Println(e.Method, "failed with", int(e.Code))
		}
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Users[0].FirstName, r.Message)
	// Output:
	// messages.send failed with 901
	// Anna 0
}

// The history of a dialog, fetched as the loop asks for it.
func ExamplePages() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	for _, text := range []string{"hi", "are you there?", "well then"} {
		anna.Says(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	for m, err := range vk.Pages[vk.Message](ctx, fake.Client(), "messages.getHistory", vk.Params{"peer_id": anna.ID, "count": 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Text)
	}
	// Output:
	// well then
	// are you there?
	// hi
}

// Metrics of a bot, to be read at /debug/vars of any web server in the program:
// what is under way, how much there was of everything, how long it took and how
// often it failed.
func ExampleObserver() {
	vars := expvar.NewMap("bot")
	count := func(_ context.Context, o vk.Observation) {
		switch o.Step {
		case vk.StepCall:
			vars.Add("calls_open", 1)
		case vk.StepCalled:
			vars.Add("calls_open", -1)
			vars.Add("calls", 1)
			vars.Add("calls_wait_ms", o.Wait.Milliseconds()) // for VK's limit
			vars.Add("calls_took_ms", o.Took.Milliseconds())
		case vk.StepRepeat:
			vars.Add("calls_repeated", 1)
		case vk.StepPolled:
			vars.Add("polls", 1)
		case vk.StepTaken:
			vars.Add("events_open", 1)
		case vk.StepBegun:
			vars.Add("events_wait_ms", o.Wait.Milliseconds()) // behind others of their conversation
		case vk.StepParked:
			vars.Add("handlers_parked", 1)
		case vk.StepResumed:
			vars.Add("handlers_parked", -1)
		case vk.StepDone:
			vars.Add("events_open", -1)
			vars.Add("events", 1)
			vars.Add("events_took_ms", o.Took.Milliseconds())
		}
		if o.Err != nil {
			vars.Add(o.Step.String()+"_failed", 1)
		}
	}

	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client() // vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Observer = count
	fake.Fail("messages.send", vktest.Status(502), vktest.Times(1))

	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error)
	p := &vk.Poller{Client: client, Handler: r, SkipDiagnosis: true, Ready: func(int64) { close(ready) }}
	go func() { ended <- p.Run(ctx) }()
	<-ready
	anna := fake.User("Anna")
	anna.Says("!ping")
	anna.Hears("pong")
	stop()
	<-ended

	for _, name := range []string{"events", "events_open", "calls", "calls_open", "called_failed", "calls_repeated"} {
		fmt.Println(name, vars.Get(name))
	}
	// Output:
	// events 1
	// events_open 0
	// calls 4
	// calls_open 0
	// called_failed 1
	// calls_repeated 1
}

// A log of what is slow. That of a handler which failed is there without it, and
// so is, at the level of debugging, a line for each event.
func ExampleObservation() {
	slow := func(limit time.Duration, log *slog.Logger) vk.Observer {
		return func(ctx context.Context, o vk.Observation) {
			if o.Wait+o.Took < limit {
				return
			}
			switch o.Step {
			case vk.StepCalled:
				log.WarnContext(ctx, "slow call", "method", o.Method, "attempt", o.Attempt, "waited", o.Wait, "took", o.Took)
			case vk.StepDone:
				log.WarnContext(ctx, "slow event", "kind", o.Event.Kind, "event", o.Event.ID, "route", o.Route, "waited", o.Wait, "took", o.Took)
			}
		}
	}

	client := vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Observer = slow(2*time.Second, slog.Default())
	client.Observer(context.Background(), vk.Observation{Step: vk.StepPolled, Events: 3}) // no call, no event
	// Output:
}

// A check before a bot goes into service. Run logs the same when it begins.
func ExampleDiagnose() {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	vk.On(r, vk.EventMessageTypingState, func(*vk.Context, *vk.MessageTyping) error { return nil })

	fake := vktest.Config{Scopes: []string{"messages", "photos", "docs"}}.NewServer()
	defer fake.Close()
	for _, f := range vk.Diagnose(context.Background(), fake.Client(), r) {
		fmt.Println(f)
		if f.Severity >= slog.LevelError {
			defer os.Exit(1)
		}
	}
	// Output:
	// warn: VK does not send these events by long poll, although they have handlers: message_typing_state: switch them on under Manage, API usage, Long Poll API, Event types, or set Poller.EnableEvents
	// info: the token lacks the right manage: the bot cannot change settings, such as Poller.EnableEvents does: if the bot needs to do that, make a token that has them under Manage, API usage, Access tokens
}

// Who can mend it.
func ExampleFinding() {
	who := func(f vk.Finding) string {
		switch f.Problem {
		case vk.ProblemToken, vk.ProblemRights:
			return fmt.Sprint("whoever makes the tokens: ", f.Text, f.Rights)
		case vk.ProblemLongPollOff, vk.ProblemEventsOff, vk.ProblemCallback, vk.ProblemBotsOff:
			return fmt.Sprint("whoever administers the community: ", f.Mend, f.Kinds)
		case vk.ProblemVersion, vk.ProblemNoHandlers, vk.ProblemUnknownKind:
			return "whoever writes the bot: " + f.Text
		case vk.ProblemUnchecked:
			return fmt.Sprint("time, perhaps: ", f.Err)
		}
		return string(f.Problem)
	}

	var problem vk.Problem = vk.ProblemNoHandlers
	fmt.Println(who(vk.Finding{Problem: problem, Text: "the bot has neither routes nor listeners"}))
	// Output: whoever writes the bot: the bot has neither routes nor listeners
}

// A bot that puts the community's settings right by itself: what its handlers
// want is switched on, and nothing is switched off.
func ExamplePoller_enableEvents() {
	r := vk.NewRouter("!")
	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error { return c.Send("Welcome!") })

	p := &vk.Poller{
		Client:       vk.NewClient(os.Getenv("VK_TOKEN")), // with the right manage
		Handler:      r,
		EnableEvents: true,
	}
	if err := p.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
}

// A ConfigError is for the bot's owner: it says what to change.
func ExampleConfigError() {
	client := vk.NewClient("vk1.a.token from a page")
	err := client.Call(context.Background(), "users.get", nil, nil)
	var wrong *vk.ConfigError
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Field)
	}
	client = vk.NewClient("vk1.a.token")
	client.BaseURL = "127.0.0.1:5199"
	for _, f := range vk.Diagnose(context.Background(), client, nil) {
		fmt.Println(f.Problem == vk.ProblemClient, f.Text)
	}
	// Output:
	// Client.Token
	// true Client.BaseURL has no scheme
}

func ExampleError_Right() {
	err := error(&vk.Error{Code: vk.CodeAccess, Subcode: 1133, Method: "docs.save", Message: "Access denied"})
	var refused *vk.Error
	if errors.As(err, &refused) && refused.Right() != "" {
		fmt.Println("make a token with the right", refused.Right())
	}
	// Output: make a token with the right docs
}

// What a bot that is an admin of a chat does there.
func ExampleClient_chats() {
	fake := vktest.NewServer()
	defer fake.Close()
	client, ctx := fake.Client(), context.Background()
	anna, boris := fake.User("Anna"), fake.User("Boris")
	chat := fake.Chat("Tea", anna, boris)
	fake.MakeBotAdmin(chat)

	fmt.Println(client.SetTitle(ctx, chat.ID, "Coffee"))
	fmt.Println(client.DeletePhoto(ctx, chat.ID))
	link, err := client.InviteLink(ctx, chat.ID, true) // a new one
	fmt.Println(link != "", err)
	fmt.Println(client.Kick(ctx, chat.ID, boris.ID))
	fmt.Println(client.Kick(ctx, anna.ID, boris.ID))
	// Output:
	// <nil>
	// <nil>
	// true <nil>
	// <nil>
	// vk: messages.removeChatUser: parameter "chat_id": peer 100000002 is no chat
}

// Somebody must not write for an hour, and is told why.
func ExampleClient_Mute() {
	r := vk.NewRouter("!")
	r.Handle("mute {who:user} {reason...}", func(c *vk.Context) error {
		who, _ := vk.Arg[vk.User](c, "who")
		err := c.Client().Mute(c, c.PeerID(), time.Hour, who.ID)
		var left *vk.MuteError
		if errors.As(err, &left) {
			return c.Reply("VK does not mute administrators.")
		}
		if err != nil {
			return err
		}
		return c.Send(who.Mention() + " is silent for an hour: " + vk.Escape(c.Arg("reason")))
	})
	r.Handle("unmute {who:user}", func(c *vk.Context) error {
		who, _ := vk.Arg[vk.User](c, "who")
		return c.Client().Unmute(c, c.PeerID(), who.ID)
	})
}

// An answer that the program has kept, decoded as calls decode it.
func ExampleDecode() {
	var post vk.Post
	err := vk.Decode([]byte(`{"id": "5", "text": "Hi", "date": 1700000000, "is_pinned": 1}`), &post)
	fmt.Println(post.ID, post.Text, post.Date.Year(), post.Pinned, err)
	// Output: 5 Hi 2023 true <nil>
}
