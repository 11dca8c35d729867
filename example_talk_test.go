package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A conversation is written from top to bottom. Meanwhile the bot serves other
// users.
func ExampleContext_Ask() {
	r := vk.NewRouter("!")
	r.Handle("order", func(c *vk.Context) error {
		tea, err := c.Ask("Which tea?", vk.Choices("Green", "Black"), vk.Cancel("never mind"))
		if errors.Is(err, vk.ErrCanceled) {
			return c.Send("As you like.")
		}
		if err != nil {
			return err
		}
		return tea.Reply("One " + strings.ToLower(tea.Text()) + " tea.")
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!order")
	fmt.Println(anna.HearsLike("").Buttons)
	anna.Presses("Green")
	fmt.Println(anna.HearsLike("").Text)
	anna.Says("!order")
	anna.Hears("Which tea?")
	anna.Says("Never mind")
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// [Green Black]
	// One green tea.
	// As you like.
}

func ExampleAsk() {
	r := vk.NewRouter("!")
	r.Handle("register", func(c *vk.Context) error {
		age, err := vk.Ask(c, "How old are you?", strconv.Atoi, vk.Retry(2, "A number, please."), vk.Within(5*time.Minute))
		var useless *vk.AnswerError
		switch {
		case errors.As(err, &useless):
			return c.Send("Another time, then.")
		case errors.Is(err, vk.ErrNoAnswer):
			return c.Send("Are you still there?")
		case err != nil:
			return err // vk.ErrInterrupted, vk.ErrStopped, …: nothing to say
		}
		return c.Send(fmt.Sprintf("In a year you are %d.", age+1))
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!register")
	anna.Hears("How old are you?")
	anna.Says("guess")
	fmt.Println(anna.HearsLike("").Text)
	anna.Says("41")
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// A number, please.
	// In a year you are 42.
}

// This question is for another user.
func ExampleFrom() {
	const owner = 1
	r := vk.NewRouter("!")
	r.Handle("leave", func(c *vk.Context) error {
		a, err := c.Ask(fmt.Sprintf("May %d leave?", c.FromID()), vk.From{Peer: owner, User: owner}, vk.Choices("Yes", "No"))
		if err != nil {
			return err
		}
		return c.Send("The owner says: " + a.Text())
	})
}

// If commands have no prefix, an answer may look like a command.
func ExampleAnyText() {
	r := &vk.Router{Prefix: vk.NoPrefixInPrivate}
	r.Handle("no", func(c *vk.Context) error { return c.Send("As you like.") })
	r.Handle("form", func(c *vk.Context) error {
		a, err := c.Ask("Any bad habits?", vk.AnyText(), vk.Cancel("never mind"))
		if err != nil {
			return err
		}
		return c.Send("You say: " + a.Text())
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("form")
	anna.Hears("Any bad habits?")
	anna.Says("no")
	fmt.Println(anna.Hears("You say: no").Text)
	// Output: You say: no
}

// A part of the program outside handlers can wait for the bot's events.
func ExampleWatchOn() {
	d := &vk.Dispatcher{Client: vk.NewClient("token"), Handler: vk.NewRouter("!")}
	w := vk.WatchOn(context.Background(), d, vk.EventGroupJoin, nil, vk.Within(time.Minute))
	defer w.Stop()
	e, err := vk.ParseEvent([]byte(`{"type":"group_join","group_id":1,"object":{"user_id":5,"join_type":"join"}}`))
	if err != nil {
		log.Fatal(err)
	}
	d.Dispatch(context.Background(), e) // as a Poller does
	c, join, err := w.Next()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(join.UserID, c.Event().GroupID)
	// Output: 5 1
}

// The first member of the chat with the right answer wins.
func ExampleNewWatch() {
	r := vk.NewRouter("!")
	r.Handle("quiz", func(c *vk.Context) error {
		w := vk.NewWatch(c, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool {
			return e.Message.Text == "42"
		}, vk.Within(time.Minute))
		defer w.Stop()
		if err := c.Send("What is 6 × 7?"); err != nil {
			return err
		}
		winner, _, err := w.Next()
		if errors.Is(err, vk.ErrNoAnswer) {
			return c.Send("Nobody? It is 42.")
		}
		if err != nil {
			return err
		}
		return winner.Reply("Right!")
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna, boris := bot.User("Anna"), bot.User("Boris")
	chat := bot.Chat("Friends", anna, boris)
	anna, boris = anna.In(chat), boris.In(chat)
	anna.Says("!quiz")
	anna.Hears("What is 6 × 7?")
	anna.Says("41")
	boris.Says("42")
	fmt.Println(boris.HearsLike("").Text)
	// Output: Right!
}

// Every user takes part by writing in time.
func ExampleWatch() {
	names := func(w *vk.Watch[vk.MessageNew]) (names []string, err error) {
		for {
			a, _, err := w.Next()
			if errors.Is(err, vk.ErrNoAnswer) {
				return names, nil
			}
			if err != nil {
				return nil, err
			}
			names = append(names, a.Text())
		}
	}
	r := vk.NewRouter("!")
	r.Handle("party", func(c *vk.Context) error {
		w := vk.NewWatch(c, vk.EventMessageNew, nil, vk.Within(10*time.Minute))
		defer w.Stop()
		if err := c.Send("Who will come? Write your names."); err != nil {
			return err
		}
		guests, err := names(w)
		if err != nil {
			return err
		}
		return c.Send("There will be " + strings.Join(guests, ", "))
	})
}

func ExampleWait() {
	r := vk.NewRouter("!")
	r.Handle("gift", func(c *vk.Context) error {
		if err := c.Send("Join the community, and it is yours."); err != nil {
			return err
		}
		opts := []vk.WaitOption{vk.From(vk.PerUser(c)), vk.Within(24 * time.Hour)}
		_, _, err := vk.Wait(c, vk.EventGroupJoin, nil, opts...)
		if errors.Is(err, vk.ErrNoAnswer) {
			return nil
		}
		if err != nil {
			return err
		}
		return c.Send("Here it is.")
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!gift")
	fmt.Println(anna.HearsLike("").Text)
	bot.Emit("group_join", map[string]any{"user_id": anna.ID, "join_type": "join"})
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// Join the community, and it is yours.
	// Here it is.
}

// This middleware lets one handler at a time print. The others wait without
// blocking the bot.
func ExampleContext_Park() {
	printer := func(next vk.HandlerFunc) vk.HandlerFunc {
		free := make(chan struct{}, 1) // held by one handler at a time
		return func(c *vk.Context) error {
			err := c.Park(func() error {
				select {
				case free <- struct{}{}:
					return nil
				case <-c.Done():
					return context.Cause(c)
				}
			})
			if err != nil {
				return err
			}
			defer func() { <-free }()
			return next(c)
		}
	}
	r := vk.NewRouter("!")
	r.Handle("print {text...}", func(c *vk.Context) error { return c.Send("Printed: " + c.Arg("text")) }, printer)

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!print hello")
	fmt.Println(anna.HearsLike("").Text)
	// Output: Printed: hello
}

// Errors that end a wait are not failures: logs and explanations may leave them
// out.
func ExampleErrInterrupted() {
	quiet := func(err error) bool {
		for _, end := range []error{
			vk.ErrNoAnswer, vk.ErrInterrupted, vk.ErrCanceled, // caused by the user
			vk.ErrStopped, vk.ErrUnmounted, // caused by the bot
		} {
			if errors.Is(err, end) {
				return true
			}
		}
		return false
	}
	fmt.Println(quiet(fmt.Errorf("vk: order: %w", vk.ErrInterrupted)))
	fmt.Println(quiet(vk.ErrNoDispatcher)) // a mistake in the program
	// Output:
	// true
	// false
}

// A session keeps a user's state from one message to the next.
func ExampleSession() {
	type cart struct{ Items []string }
	carts := &vk.Session[cart]{Store: new(vk.MemoryStore), Name: "cart", TTL: 24 * time.Hour}

	r := vk.NewRouter("!")
	r.Handle("buy {item...}", func(c *vk.Context) error {
		var n int
		err := carts.Update(c, vk.PerUser(c), func(v *cart) error {
			if len(v.Items) == 3 {
				return errors.New("the cart is full")
			}
			v.Items = append(v.Items, c.Arg("item"))
			n = len(v.Items)
			return nil
		})
		switch {
		case errors.Is(err, vk.ErrContended):
			return c.Send("Not all at once, please.")
		case err != nil:
			return err
		}
		return c.Send(fmt.Sprintf("%d in the cart", n))
	})
	r.Handle("cart", func(c *vk.Context) error {
		v, err := carts.Get(c, vk.PerUser(c))
		if err != nil {
			return err
		}
		return c.Send(fmt.Sprint(v.Items))
	})
	r.Handle("clear", func(c *vk.Context) error { return carts.Delete(c, vk.PerUser(c)) })

	for _, text := range []string{"!buy tea", "!buy milk", "!cart", "!clear", "!cart"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %q\n", text, rec.Text())
	}
	// Output:
	// !buy tea: "1 in the cart"
	// !buy milk: "2 in the cart"
	// !cart: "[tea milk]"
	// !clear: ""
	// !cart: "[]"
}

// This dialog has several steps. Each answer is routed to its step by the
// user's state, so a restart of the bot in between does no harm.
func ExampleSession_If() {
	type order struct{ Step, Item string }
	orders := &vk.Session[order]{Store: new(vk.MemoryStore), Name: "order", TTL: time.Hour}
	at := func(step string) vk.Cond {
		return orders.If(vk.PerUser, func(o order) bool { return o.Step == step })
	}

	r := vk.NewRouter("!")
	r.Handle("order {item...}", func(c *vk.Context) error {
		err := orders.Update(c, vk.PerUser(c), func(o *order) error {
			*o = order{Step: "address", Item: c.Arg("item")}
			return nil
		})
		if err != nil {
			return err
		}
		return c.Send("Where to?")
	})
	r.When(at("address"), func(c *vk.Context) error {
		o, err := orders.Get(c, vk.PerUser(c))
		if err != nil {
			return err
		}
		if err := c.Send(o.Item + " for " + c.Text() + ", thank you!"); err != nil {
			return err
		}
		return orders.Delete(c, vk.PerUser(c))
	})

	for _, text := range []string{"hello", "!order tea", "Nevsky 1", "hello"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %q\n", text, rec.Text())
	}
	// Output:
	// hello: ""
	// !order tea: "Where to?"
	// Nevsky 1: "tea for Nevsky 1, thank you!"
	// hello: ""
}

// A SessionError reports state of an older version of the bot.
func ExampleSessionError() {
	store := new(vk.MemoryStore)
	c, _ := vktest.NewContext("hi")
	older := &vk.Session[string]{Store: store, Name: "city"}
	older.Update(c, vk.PerUser(c), func(v *string) error { *v = "Omsk"; return nil })

	type place struct{ City, Street string }
	places := &vk.Session[place]{Store: store, Name: "city"}
	_, err := places.Get(c, vk.PerUser(c))
	var old *vk.SessionError
	if errors.As(err, &old) {
		fmt.Printf("%s of %t: %s\n", old.Session, old.Key == vk.PerUser(c), old.Value)
		places.Delete(c, old.Key)
	}
	// Output: city of true: "Omsk"
}

// soleStore is a Store in a database that no other process uses.
type soleStore struct{ vk.Store }

func (soleStore) Exclusive() bool { return true }

// A custom Store can tell the Dispatcher that no other process uses it. Then
// the Dispatcher does not wait for another process's lease at its start.
func ExampleStore_exclusive() {
	var database vk.Store = new(vk.MemoryStore) // for instance a Store over SQLite
	store := soleStore{database}
	d := &vk.Dispatcher{Handler: vk.NewRouter("!"), Store: store}
	defer d.Stop(context.Background())
	fmt.Println(store.Exclusive())
	// Output: true
}

// A Lister lists the values of a Store by key prefix.
func ExampleLister() {
	var store vk.Store = new(vk.MemoryStore)
	ctx := context.Background()
	for _, name := range []string{"Anna", "Boris"} {
		if _, err := store.Swap(ctx, "guest/"+name, nil, []byte("yes"), time.Hour); err != nil {
			log.Fatal(err)
		}
	}
	lister, ok := store.(vk.Lister)
	if !ok {
		log.Fatal("this Store cannot list")
	}
	guests := 0
	err := lister.List(ctx, "guest/", func(key string, value []byte) bool {
		guests++
		return true
	})
	fmt.Println(guests, err)
	// Output: 2 <nil>
}

// A supervisor starts the new process while the old one still runs. The new one
// waits until the old one has stopped.
func ExampleErrJournalTaken() {
	_ = func(ctx context.Context, p *vk.Poller) error {
		for {
			err := p.Run(ctx)
			if !errors.Is(err, vk.ErrJournalTaken) {
				return err
			}
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// A Store can also elect a single process for a task, for a limited time.
func ExampleStore() {
	var store vk.Store = new(vk.MemoryStore)
	ctx := context.Background()
	try := func(who string) {
		ok, err := store.Swap(ctx, "digest of today", nil, []byte(who), time.Hour)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(who, ok)
	}
	try("first process")
	try("second process")
	who, err := store.Get(ctx, "digest of today")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s sends it\n", who)
	// Output:
	// first process true
	// second process false
	// first process sends it
}
