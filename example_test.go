package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// This example runs a bot on a fake VK and talks to it.
func Example() {
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	vk.Command(r, "add {a:int} {b:int}", func(c *vk.Context, a struct{ A, B int }) error {
		return c.Reply(fmt.Sprint(a.A + a.B))
	})

	bot := vktest.NewServer() // vk.Run(ctx, token, r) in a real bot
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!ping")
	fmt.Println(anna.HearsLike("").Text)
	anna.Says("!add 2 40")
	fmt.Println(anna.HearsLike("").Text)
	anna.Says("!add 2 many")
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// pong
	// 42
	// b: "many" is not a whole number.
	// Usage: !add {a:int} {b:int}
}

func ExampleRun() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	if err := vk.Run(ctx, os.Getenv("VK_TOKEN"), r); err != nil {
		log.Fatal(err)
	}
}

func ExampleCall() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	client := fake.Client() // vk.NewClient(token)

	users, err := vk.Call[[]vk.User](context.Background(), client, "users.get", vk.Params{
		"user_ids": []int64{anna.ID},
		"fields":   []string{"sex", "screen_name"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(users[0].FirstName)
	// Output: Anna
}

func ExampleClient_Call() {
	fake := vktest.NewServer()
	defer fake.Close()
	var own struct {
		Groups []vk.Group `json:"groups"`
	}
	if err := fake.Client().Call(context.Background(), "groups.getById", nil, &own); err != nil {
		log.Fatal(err)
	}
	fmt.Println(own.Groups[0].Name)
	// Output: Bot
}

// Each token needs a client of its own.
func ExampleClient() {
	community := vk.NewClient(os.Getenv("VK_TOKEN"))
	admin := &vk.Client{
		Token:       vk.NewSecret(os.Getenv("VK_ADMIN_TOKEN")),
		Lang:        "en",
		Timeout:     10 * time.Second,
		MaxAttempts: 3,
	}
	var secret vk.Secret = admin.Token
	fmt.Println(community, secret) // tokens always print as ***
}

// Use wraps every call: here, the first wrapper logs, and the second one
// answers instead of VK.
func ExampleClient_Use() {
	client := vk.NewClient("token")
	client.Use(
		func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				answer, err := next(ctx, method, p)
				fmt.Printf("%s: %s, %v\n", method, answer, err)
				return answer, err
			}
		},
		func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				return json.RawMessage(`1736240400`), nil
			}
		},
	)
	client.Call(context.Background(), "utils.getServerTime", nil, nil)
	// Output: utils.getServerTime: 1736240400, <nil>
}

func ExampleClient_Send() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	anna.Says("hello") // a community may reply to users who wrote to it

	ctx := context.Background()
	quietly := []vk.SendOption{vk.Extra{"disable_mentions": true, "dont_parse_links": true}}
	var sent vk.Sent
	err := fake.Client().Send(ctx, anna.ID, "Your order is ready", append(quietly, vk.Into(&sent))...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sent.PeerID == anna.ID, sent.CMID)

	err = fake.Client().Send(ctx, fake.User("Boris").ID, "Hello, stranger")
	fmt.Println(errors.Is(err, vk.CodeCannotWrite))
	// Output:
	// true 2
	// true
}

// The error of a call can be of several types.
func ExampleError() {
	send := func(ctx context.Context, c *vk.Client) error {
		err := c.Send(ctx, 1, "hi")
		var (
			refused *vk.Error
			foreign *vk.HTTPError
			param   *vk.ParamError
		)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, vk.CodeCannotWrite), errors.Is(err, vk.CodePermission), errors.Is(err, vk.CodeAccess):
			return nil // they do not want messages
		case errors.Is(err, vk.CodeFlood), errors.Is(err, vk.CodeRateLimit):
			return fmt.Errorf("much later: %w", err)
		case errors.Is(err, vk.CodeTooManyRequests), errors.Is(err, vk.CodeServer), errors.Is(err, vk.CodeUnknown):
			return fmt.Errorf("a little later: Call has tried some times: %w", err)
		case errors.Is(err, vk.CodeAuth), errors.Is(err, vk.CodeGroupAuth), errors.Is(err, vk.ErrNoToken):
			return fmt.Errorf("a new token is needed: %w", err)
		case errors.Is(err, vk.CodeParam), errors.As(err, &param):
			return fmt.Errorf("a bug of ours: %w", err)
		case errors.As(err, &refused):
			return fmt.Errorf("VK says %d (%s): %w", refused.Code, refused.Message, err)
		case errors.As(err, &foreign), errors.Is(err, vk.ErrTooLarge):
			return fmt.Errorf("not VK, but a proxy or gateway: %w", err)
		}
		return fmt.Errorf("the network: %w", err)
	}
	fmt.Println(send(context.Background(), vk.NewClient("")))
	// Output: a new token is needed: vk: messages.send: the client has no token: make one under Manage, API usage, Access tokens
}

func ExampleRouter() {
	var r vk.Router // no prefix: every message is a command line
	r.Handle("help", func(c *vk.Context) error { return c.Send("There is no help.") })

	c, rec := vktest.NewContext("help")
	if err := r.Serve(c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rec.Text())
	// Output: There is no help.
}

// Some commands are for admins; all of them share words and middleware.
func ExampleRouter_Route() {
	admins := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			if c.FromID() != 1 {
				return c.Reply("Admins only.")
			}
			return next(c)
		}
	}
	r := &vk.Router{Prefix: vk.Literal("!", "bot, ")}
	r.Handle("rules", func(c *vk.Context) error { return c.Send("Be kind.") })
	r.Route("admin", func(r *vk.Router) {
		r.Use(admins)
		r.Handle("reload", func(c *vk.Context) error { return c.Send("Done.") }) // "!admin reload"
		r.NotFound(func(c *vk.Context) error { return c.Send("Only reload.") })  // "!admin anything"
	})

	for _, text := range []string{"bot, rules", "!admin reload"} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Println(rec.Text())
	}
	// Output:
	// Be kind.
	// Admins only.
}

func ExampleRouter_Group() {
	r := vk.NewRouter("/")
	r.Group(func(r *vk.Router) {
		r.Use(middleware.Logger(nil))
		r.Handle("report", func(c *vk.Context) error { return c.Send("…") })
	})
}

// Routes can be added and removed while the bot runs.
func ExampleRouter_Remove() {
	r := vk.NewRouter("/")
	quiz := r.Add(vk.Route{
		Pattern: "quiz",
		Use:     []vk.Middleware{middleware.Typing()},
		Handler: func(c *vk.Context) error { return c.Send("How many legs has a spider?") },
	})
	fmt.Println(r.Remove(quiz))

	c, rec := vktest.NewContext("/quiz")
	var unknown *vk.NotFoundError
	if errors.As(r.Serve(c), &unknown) {
		fmt.Println("nobody answers", unknown.Line, rec.Messages())
	}
	// Output:
	// true
	// nobody answers quiz []
}

func ExampleCommand() {
	type order struct {
		What  string
		Count int
		Notes *string // nil if there are none
	}
	r := vk.NewRouter("/")
	vk.Command(r, "order|buy {what} {count:int=1} {notes...?}", func(c *vk.Context, o order) error {
		text := fmt.Sprintf("%d × %s", o.Count, o.What)
		if o.Notes != nil {
			text += ", " + *o.Notes
		}
		return c.Send(text)
	})
	for _, text := range []string{"/order tea", `/buy "green tea" 2 with milk, please`} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Text())
	}
	// Output:
	// 1 × tea
	// 2 × green tea, with milk, please
}

// A middleware that explains errors, such as Explain, uses the fields of
// ArgError.
func ExampleArgError() {
	r := vk.NewRouter("/")
	r.Handle("ban {user} {days:int=1}", func(c *vk.Context) error { return nil })
	for _, text := range []string{"/ban", "/ban anna soon", "/ban anna 3 4", `/ban "anna`} {
		c, _ := vktest.NewContext(text)
		err := r.Serve(c)
		var arg *vk.ArgError
		switch {
		case !errors.As(err, &arg):
			log.Fatal(err)
		case errors.Is(err, vk.ErrMissingArg):
			fmt.Println("missing:", arg.Name)
		case errors.Is(err, vk.ErrArgType):
			fmt.Println("not of type", arg.Want+":", arg.Value)
		case errors.Is(err, vk.ErrExtraArg):
			fmt.Println("too much:", arg.Value)
		case errors.Is(err, vk.ErrBadQuote):
			fmt.Println("a quote does not end:", arg.Value)
		}
	}
	// Output:
	// missing: user
	// not of type int: soon
	// too much: 4
	// a quote does not end: "anna
}

// Listeners observe events of a kind. A listener with the wrong type does not
// compile.
func ExampleOn() {
	var r vk.Router
	vk.On(&r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		var info vk.ClientInfo = e.ClientInfo
		fmt.Printf("%q in %s, keyboards: %v\n", e.Message.Text, c.Lang(), info.Keyboard)
		return nil
	})
	vk.On(&r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error {
		return c.Client().Send(c, e.UserID, "Welcome!")
	})
	vk.On(&r, vk.EventGroupLeave, func(c *vk.Context, e *vk.GroupLeave) error {
		fmt.Println("left of their own will:", e.Self)
		return nil
	})

	c, _ := vktest.NewContext("hi")
	r.Serve(c)
	// Output: "hi" in en, keyboards: true
}

// Each kind of event about conversations has its type.
func ExampleKind() {
	var r vk.Router
	vk.On(&r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error { return nil }) // a button
	vk.On(&r, vk.EventMessageAllow, func(c *vk.Context, e *vk.MessageAllow) error { return nil }) // a user allowed messages
	vk.On(&r, vk.EventMessageDeny, func(c *vk.Context, e *vk.MessageDeny) error { return nil })   // a user forbade messages
	vk.On(&r, vk.EventMessageTypingState, func(c *vk.Context, e *vk.MessageTyping) error { return nil })
	vk.On(&r, vk.EventMessageReply, func(c *vk.Context, m *vk.Message) error { return nil }) // our own message
	vk.On(&r, vk.EventMessageEdit, func(c *vk.Context, m *vk.Message) error { return nil })

	// To listen to a kind without a type in this package, use its name.
	type wave struct {
		UserID int64 `json:"user_id"`
		ToID   int64 `json:"to_id"`
	}
	remove := vk.On(&r, vk.Kind[wave]("user_waves"), func(c *vk.Context, w *wave) error {
		fmt.Println(w.UserID, "waves to", w.ToID)
		return nil
	})
	defer remove()

	e, err := vk.ParseEvent([]byte(`{"type":"user_waves","event_id":"1","object":{"user_id":5,"to_id":12}}`))
	if err != nil {
		log.Fatal(err)
	}
	r.Serve(vk.NewContext(context.Background(), nil, e))
	// Output: 5 waves to 12
}

// A Context describes the event, the message and the route.
func ExampleContext() {
	r := vk.NewRouter("!")
	r.Handle("about {topic...}", func(c *vk.Context) error {
		m, err := c.Message()
		if err != nil {
			return err // the event is not about a message
		}
		var e *vk.Event = c.Event()
		fmt.Println(e.Kind, c.Prefix(), c.Route().Pattern, c.Arg("topic"))
		fmt.Println(m.Text == c.Text(), m.PeerID == c.PeerID(), m.FromID == c.FromID(), m.IsChat() || c.IsChat())
		fmt.Println(c.Payload() == nil)
		return nil
	})
	c, _ := vktest.NewContext("!about the weather")
	r.Serve(c)
	// Output:
	// message_new ! about {topic...} the weather
	// true true true false
	// true
}

// A middleware can pass values on in a context.Context.
func ExampleContext_WithContext() {
	type key struct{}
	language := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			return next(c.WithContext(context.WithValue(c, key{}, "ru")))
		}
	}
	r := vk.NewRouter("!")
	r.Use(language)
	r.Handle("lang", func(c *vk.Context) error { return c.Send(c.Value(key{}).(string)) })

	c, rec := vktest.NewContext("!lang")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: ru
}

// A whole bot can be one function, and middleware can wrap it.
func ExampleHandlerFunc() {
	shout := vk.HandlerFunc(func(c *vk.Context) error { return c.Send(strings.ToUpper(c.Text())) })
	var mw vk.Middleware = middleware.Logger(slog.New(slog.DiscardHandler))
	var h vk.Handler = mw(shout)

	c, rec := vktest.NewContext("hello")
	h.Serve(c)
	fmt.Println(rec.Text())
	// Output: HELLO
}

// Middleware around a whole bot also wraps listeners, and sees all events.
func ExampleWrap() {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	counted := 0
	count := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			counted++
			return next(c)
		}
	}
	bot := vk.Wrap(r, count)

	for _, text := range []string{"!ping", "hello"} {
		c, _ := vktest.NewContext(text)
		bot.Serve(c)
	}
	fmt.Println(counted)
	// Output: 2
}

func ExamplePoller() {
	r := vk.NewRouter("!")
	p := &vk.Poller{
		Client:  vk.NewClient(os.Getenv("VK_TOKEN")),
		Handler: r,
		Ready:   func(groupID int64) { log.Printf("following https://vk.com/club%d", groupID) },
	}
	switch err := p.Run(context.Background()); {
	case errors.Is(err, vk.ErrLongPollOff):
		log.Fatal("switch on the Long Poll API under Manage, API usage")
	case err != nil:
		log.Fatal(err)
	}
}

// This bot serves two communities: the sources share a dispatcher, which its
// creator must stop.
func ExampleDispatcher() {
	d := &vk.Dispatcher{
		Handler:   vk.HandlerFunc(func(c *vk.Context) error { fmt.Println(c.Text()); return nil }),
		Workers:   32,
		TimeLimit: 30 * time.Second,
	}
	e, err := vk.ParseEvent([]byte(`{"type":"message_new","event_id":"1","object":{"message":{"peer_id":1,"text":"hi"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	if err := d.Dispatch(context.Background(), e); err != nil {
		log.Fatal(err)
	}
	d.Stop(context.Background())
	fmt.Println(d.Pending(), d.Dispatch(context.Background(), e) == vk.ErrStopped)
	// Output:
	// hi
	// 0 true
}

// The cause of a handler's context tells why it has ended.
func ExampleDispatcher_timeLimit() {
	_ = func(c *vk.Context) error {
		select {
		case <-time.After(time.Hour):
			return c.Send("Done.")
		case <-c.Done():
			switch cause := context.Cause(c); {
			case errors.Is(cause, vk.ErrTimeLimit):
				return fmt.Errorf("too slow: %w", cause)
			case errors.Is(cause, vk.ErrStopped):
				return cause // another process will handle it
			}
			return c.Err()
		}
	}
}

func ExamplePanicError() {
	var r vk.Router
	r.Handle("boom", func(c *vk.Context) error { panic("out of cheese") })
	c, _ := vktest.NewContext("boom")
	err := r.Serve(c)
	var p *vk.PanicError
	if errors.As(err, &p) {
		fmt.Println(p.Value, len(p.Stack) > 0)
	}
	fmt.Println(err)
	// Output:
	// out of cheese true
	// vk: boom: panic: out of cheese
}
