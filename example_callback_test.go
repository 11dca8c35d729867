package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/vktest"
)

// This bot receives events from VK by webhook. The address, the secret key and
// the confirmation are those in the community's settings.
func ExampleCallback() {
	_ = func() error {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()

		cb := &vk.Callback{
			Client:       vk.NewClient(os.Getenv("VK_TOKEN")),
			Handler:      vk.NewRouter("!"),
			Secret:       vk.NewSecret(os.Getenv("VK_SECRET")),
			Confirmation: "ab12cd34",
		}
		http.Handle("/vk", cb)
		srv := &http.Server{Addr: ":8080", ReadHeaderTimeout: 10 * time.Second}
		stopped := make(chan struct{})
		context.AfterFunc(ctx, func() {
			defer close(stopped)
			cb.Stop(context.Background())
			srv.Shutdown(context.Background()) // returns when VK has its responses
		})
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		<-stopped // ListenAndServe does not wait for Shutdown
		return nil
	}
}

// This bot serves two communities, loses no events when it is restarted, and
// registers its address itself. The example shows the order of starting and
// stopping.
func ExampleCallback_durable() {
	_ = func(ctx context.Context, r *vk.Router) error { // ctx ends by SIGTERM, as above
		store, err := filestore.Open("bot.db")
		if err != nil {
			return err
		}
		defer store.Close() // after everything else

		d := &vk.Dispatcher{Handler: r, Store: store}
		defer d.Stop(context.Background())

		cb := &vk.Callback{
			Dispatcher: d,
			Groups: map[int64]vk.CallbackGroup{
				203551742: {Client: vk.NewClient(os.Getenv("TEA_TOKEN"))}, // Setup makes the secrets
				203551743: {Client: vk.NewClient(os.Getenv("CAKE_TOKEN"))},
			},
		}
		mux := http.NewServeMux()
		mux.Handle("/vk", cb)
		srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
		l, err := net.Listen("tcp", ":8080")
		if err != nil {
			return err
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()

		if err := cb.Setup(ctx, "https://bot.example.org/vk"); err != nil { // VK requests the address meanwhile
			log.Print(err) // perhaps for one community only: the others continue
		}
		select {
		case err = <-served:
		case <-ctx.Done():
		}
		cb.Stop(context.Background())
		return errors.Join(err, srv.Shutdown(context.Background()))
	}
}

// The bot registers its address itself, with the kinds of events that it has
// handlers for.
func ExampleCallback_Setup() {
	bot := vktest.NewServer()
	defer bot.Close()
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	cb := &vk.Callback{
		Client:  bot.Client(),
		Title:   "Ping",
		Kinds:   []string{"message_reaction_event"}, // awaited by a handler
		Handler: r,
	}
	address := bot.Host(cb) // only in tests: a real bot is served at "https://bot.example.org/vk" by now
	if err := cb.Setup(context.Background(), address); err != nil {
		log.Fatal(err)
	}
	defer cb.Stop(context.Background())

	anna := bot.User("Anna")
	anna.Says("!ping")
	fmt.Println(anna.HearsLike("").Text)
	// Output: pong
}

// Several communities can share one address.
func ExampleCallbackGroup() {
	_ = &vk.Callback{
		Handler: vk.NewRouter("!"),
		Groups: map[int64]vk.CallbackGroup{
			203551742: {Client: vk.NewClient(os.Getenv("TEA_TOKEN")), Secret: vk.NewSecret(os.Getenv("TEA_SECRET")), Confirmation: "ab12cd34"},
			203551743: {Client: vk.NewClient(os.Getenv("CAKE_TOKEN")), Secret: vk.NewSecret(os.Getenv("CAKE_SECRET"))}, // Setup gets the code from VK
		},
		Patience: 5 * time.Second,
		MaxBody:  256 << 10,
	}
	// Behind a proxy that admits only VK, in a test, …
	_ = &vk.Callback{Client: vk.NewClient("token"), GroupID: 203551742, Handler: vk.NewRouter("!"), NoSecret: true}
}

// This handler cannot do its work now, but perhaps in a minute.
func ExampleRetryAfter() {
	var errLocked = errors.New("the till is locked")
	attempts := 0
	r := vk.NewRouter("!")
	r.Handle("pay", func(c *vk.Context) error {
		if attempts++; attempts == 1 {
			return fmt.Errorf("%w: %w", errLocked, vk.RetryAfter(time.Second))
		}
		return c.Send(fmt.Sprintf("Paid. VK has tried %d times before.", c.RetryCounter()))
	})

	bot := vktest.NewServer()
	defer bot.Close()
	cb := &vk.Callback{Client: bot.Client(), Handler: r, Secret: vk.NewSecret("s3cret"), Confirmation: bot.ConfirmationCode()}
	bot.AddCallback(cb, "s3cret")
	defer cb.Stop(context.Background())

	anna := bot.User("Anna")
	anna.Says("!pay")
	fmt.Println(anna.HearsLike("").Text)
	// Output: Paid. VK has tried 1 times before.
}

// This bot removes itself from a community on request.
func ExampleCallback_remove() {
	r := vk.NewRouter("!")
	r.Handle("shutdown forever", func(c *vk.Context) error { return vk.ErrRemoveServer })
	_ = r
}

// This bot loses no events when it is restarted or killed, and has a health
// check.
func ExamplePoller_durable() {
	store, err := filestore.Open("bot.db")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	p := &vk.Poller{
		Client:     vk.NewClient("token"),
		Dispatcher: &vk.Dispatcher{Handler: r, Store: store},
		OnGap: func(from, to string) {
			log.Printf("VK has dropped the events from %s to %s", from, to)
		},
	}
	started := time.Now()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		s := p.Status()
		last := s.LastPoll
		if last.IsZero() { // the first poll takes time, too
			last = started
		}
		if time.Since(last) > 2*time.Minute {
			http.Error(w, fmt.Sprintf("no poll since %v, %d failures: %v", last, s.Failures, s.Err), http.StatusServiceUnavailable)
		}
	})
	go http.ListenAndServe("localhost:8080", nil)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := p.Run(ctx); err != nil {
		log.Print(err)
	}
}

// Bots can share a Store. Here they run one after another: the second continues
// where the first was stopped.
func ExampleDispatcher_store() {
	world := vktest.NewServer()
	defer world.Close()
	anna := world.User("Anna")
	store := new(vk.MemoryStore) // or a filestore.Store, or a database

	run := func(name string, meanwhile func()) {
		handled := make(chan string, 1)
		ready := make(chan struct{})
		p := &vk.Poller{
			Client: world.Client(),
			Dispatcher: &vk.Dispatcher{Store: store, Handler: vk.HandlerFunc(func(c *vk.Context) error {
				handled <- c.Text()
				return nil
			})},
			Ready: func(int64) { close(ready) },
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		<-ready
		meanwhile()
		fmt.Println(name, "has handled", <-handled)
		stop()
		fmt.Println(<-ended)
	}
	run("the first", func() { anna.Says("one") })
	anna.Says("two") // no bot is running
	run("the second", func() {})

	// Output:
	// the first has handled one
	// <nil>
	// the second has handled two
	// <nil>
}

// Run calls Ready once it has reached the current position in the history.
func ExampleRun_ready() {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	err := vk.Run(context.Background(), os.Getenv("VK_TOKEN"), r, func(p *vk.Poller) {
		p.Ready = func(groupID int64) { log.Printf("https://vk.com/club%d is online", groupID) }
	})
	if err != nil {
		log.Fatal(err)
	}
}

func ExamplePoller_Status() {
	var p vk.Poller
	var s vk.PollerStatus = p.Status()
	fmt.Println(s.GroupID, s.TS == "", s.LastPoll.IsZero(), s.LastEvent.IsZero(), s.Failures, s.Err)
	// Output: 0 true true true 0 <nil>
}

// ExampleCallback_Status serves a readiness check: it fails before the bot drains, so
// that a load balancer sends new events to other processes.
func ExampleCallback_Status() {
	cb := &vk.Callback{Client: vk.NewClient("token"), Handler: vk.NewRouter("!"), GroupID: 1, Secret: vk.NewSecret("secret"), Logger: slog.New(slog.DiscardHandler)}
	var leaving atomic.Bool
	ready := func(w http.ResponseWriter, _ *http.Request) {
		var s vk.CallbackStatus = cb.Status()
		if leaving.Load() || !s.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	check := func() int {
		w := httptest.NewRecorder()
		ready(w, nil)
		return w.Code
	}
	fmt.Println(check())
	leaving.Store(true) // on SIGTERM; then wait until the balancer has noticed
	fmt.Println(check())
	cb.Stop(context.Background())
	fmt.Println(cb.Status().Ready)
	// Output:
	// 200
	// 503
	// false
}

// Two processes run one bot: one asks the question, and the other receives the
// answer. Both have the same Queue and Store, such as those of module
// redisstore, and the same Limits.
func ExampleDispatcher_queue() {
	queue, store, limits := new(vktest.Queue), new(vk.MemoryStore), new(vktest.Limits)
	asked, answered := make(chan bool, 1), make(chan string, 1)
	process := func() *vk.Callback {
		client := vk.NewClient("token")
		client.Limits = limits
		client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			rec := httptest.NewRecorder()
			rec.Header().Set("Content-Type", "application/json")
			rec.Body.WriteString(sentAnswer)
			asked <- true
			return rec.Result(), nil
		})}
		r := vk.NewRouter("!")
		r.Handle("name", func(c *vk.Context) error {
			a, err := c.Ask("What is your name?")
			if errors.Is(err, vk.ErrLaneLost) {
				return err // another process continues
			}
			if err != nil {
				return err
			}
			answered <- a.Text()
			return nil
		})
		return &vk.Callback{
			Client: client, GroupID: 1, Secret: vk.NewSecret("s"), Logger: slog.New(slog.DiscardHandler),
			Dispatcher: &vk.Dispatcher{Handler: r, Queue: queue, Store: store, Logger: slog.New(slog.DiscardHandler)},
		}
	}
	first, second := process(), process()
	deliver := func(to *vk.Callback, id, text string) {
		rec := httptest.NewRecorder()
		to.ServeHTTP(rec, httptest.NewRequest("POST", "/", strings.NewReader(
			`{"type":"message_new","event_id":"`+id+`","group_id":1,"secret":"s","object":{"message":{"from_id":5,"peer_id":5,"text":"`+text+`"}}}`)))
		fmt.Println("VK hears " + rec.Body.String())
	}
	deliver(first, "a", "!name")
	<-asked
	var status vk.QueueStatus = first.Dispatcher.QueueStatus()[0]
	fmt.Println("conversations held:", status.Lanes)

	deliver(second, "b", "Anna")
	fmt.Println("The answer is " + <-answered + ".")
	for _, cb := range []*vk.Callback{first, second} {
		cb.Stop(context.Background())
		cb.Dispatcher.Stop(context.Background())
	}
	// Output:
	// VK hears ok
	// conversations held: 1
	// VK hears ok
	// The answer is Anna.
}

// An openQueue reports the conversations that its process gets from other
// processes and loses to them.
type openQueue struct{ vk.Queue }

// Beat implements [vk.Queue].
func (q openQueue) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	a, err := q.Queue.Beat(ctx, w, held)
	q.lost(a.Lost)
	for _, b := range a.Batches {
		q.died(b)
	}
	return a, err
}

func (openQueue) lost(lanes []vk.QueueLost) {
	for _, l := range lanes {
		fmt.Println("lost:", l.Lane)
	}
}

func (openQueue) died(b vk.QueueBatch) {
	suspects := slices.DeleteFunc(slices.Clone(b.Events), func(e vk.QueuedEvent) bool { return e.Tries == 0 })
	for _, e := range suspects {
		fmt.Printf("%d processes have died of event %s of %s\n", e.Tries, e.ID, b.Lane)
	}
}

// This Queue wraps another one and adds output.
func ExampleQueue() {
	var q vk.Queue = openQueue{new(vktest.Queue)}
	w := vk.QueueWorker{Group: 1, ID: "this process", Room: 1}
	q.Beat(context.Background(), w, []vk.QueueHeld{{Lane: "5", Epoch: 1}})
	_, err := q.Put(context.Background(), w, nil, &vk.QueueMark{Role: "poll", Value: "100"})
	fmt.Println(errors.Is(err, vk.ErrNotLeading), "dead after", vk.QueueLease)
	// Output:
	// lost: 5
	// true dead after 5s
}
