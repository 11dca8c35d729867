package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// rests is the number of pauses in one flow, in which everybody is quiet
// because the long poll is about to lose its position: VK would lose events
// that came meanwhile, and no bot could get them.
const rests = 20

// fewCallbacks limits the number of waiting callbacks so that VK drops none for
// a while. VK drops callbacks when more than 10,000 wait.
const fewCallbacks = 5000

// flow lets many people write many messages while faults happen. Every message
// must be handled, in each person's order, and get one reply; and the bot must
// free the memory that it used.
func flow(t *testing.T, o options, r *report) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		base, goroutines := heap(), runtime.NumGoroutine()

		var book ledger
		lines := newTally()
		d := &vk.Dispatcher{Handler: newRouter(book.note), Logger: lines.logger()}
		client := vk.NewClient("")
		client.Batch = o.batch
		client.Logger = lines.logger()
		client.MaxAttempts = 12 // with a twentieth of faults, five consecutive ones can happen
		p := &vk.Poller{Client: client, Dispatcher: d, Logger: lines.logger()}

		crowded(t, o, r, p, d, &book)

		synctest.Wait()
		r.counts("log", lines.counts())
		for key := range lines.counts() {
			if strings.HasPrefix(key, "ERROR") && key != "ERROR handler failed" && key != "ERROR long poll: an event cannot be read" {
				t.Errorf("%s: %s", key, lines.example(key))
			}
		}
		end := heap()
		r.add("heap, before and after", mib(base)+", "+mib(end))
		r.add("goroutines, before and after", fmt.Sprint(goroutines, ", ", runtime.NumGoroutine()))
		r.add("time in the bot's world", time.Since(began).Round(time.Second))
		if end > base+8<<20 {
			t.Errorf("the heap grew from %s to %s", mib(base), mib(end))
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines at the end, %d before", n, goroutines)
		}
		runtime.KeepAlive(p)
		runtime.KeepAlive(&book)
	})
}

// crowded runs a bot among the people until all have written their messages.
// Nothing of it is left when it returns.
func crowded(t *testing.T, o options, r *report, p *vk.Poller, d *vk.Dispatcher, book *ledger) {
	l := memnet.Listen("vk.test:80")
	hook := memnet.Listen("bot.test:80")
	hooks := &http.Transport{DialContext: hook.Dial}
	back := &road{to: hooks, rng: rand.New(rand.NewPCG(o.seed, 3))}
	world := fakevk.New(fakevk.Config{
		Seed: o.seed, BaseURL: "http://vk.test",
		// Many concurrent requests: a question occupies a callback until the
		// bot's patience ends, and the slow faults take seconds.
		CallbackClient: &http.Client{Transport: back}, CallbackParallel: 64,
	})
	group := world.AddGroup(fakevk.GroupSpec{Name: "Bot"})
	server := &http.Server{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	people := newCrowd(world, group.ID, o.people, o.seed)
	polls := &follower{crowd: people}
	server.Handler = polls.watch(world)
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial, MaxIdleConnsPerHost: 200}
	way := &road{to: transport, refuse: o.faults / 14, rng: rand.New(rand.NewPCG(o.seed, 0))}
	client := p.Client
	client.Token = vk.NewSecret(group.Token)
	client.BaseURL = "http://vk.test/method/"
	client.HTTPClient = &http.Client{Transport: way}

	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan struct{})
	p.Ready = func(int64) { close(ready) }
	serving.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error("the bot: ", err)
		}
		d.Stop(context.Background())
		stop() // one failure is enough
	})
	select {
	case <-ready:
	case <-ctx.Done():
		t.Fatal("the bot did not start")
	}

	webhook := &http.Server{ErrorLog: server.ErrorLog}
	cb := &vk.Callback{Client: client, Dispatcher: d, GroupID: group.ID, Secret: vk.NewSecret(hookSecret), Confirmation: world.ConfirmationCode(group.ID), Logger: slog.New(slog.DiscardHandler)}
	most := 4 // messages that a person writes in a row
	if o.callbacks {
		webhook.Handler = cb
		serving.Go(func() { webhook.Serve(hook) })
		world.AddCallback(group.ID, fakevk.CallbackSpec{URL: "http://bot.test/", Secret: hookSecret})
		most = 1 // VK's retries come out of order
	}

	injected := make(map[string][]*fakevk.Injection)
	if o.faults > 0 {
		poisons := poisons
		if o.callbacks {
			poisons = signedPoisons
		}
		for _, m := range append(mishaps(o.faults), sorrows(o.faults, people.people, poisons)...) {
			injected[m.name] = append(injected[m.name], world.Fail(m.fault))
		}
	}
	var walking, resting sync.WaitGroup
	each := o.messages / o.people
	watched := make(chan struct{})
	resting.Go(func() { people.restAtTimes(ctx, watched, rests, !o.callbacks, injected) })
	for _, q := range people.people {
		q.most, q.pause, q.thinks = most, 30*time.Second, 10*time.Minute
		walking.Go(func() {
			q.rest(time.Minute)
			if err := q.live(ctx, each); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
				stop() // one failure is enough
			}
		})
	}
	peak := 0
	var top uint64
	resting.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var m runtime.MemStats
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				peak = max(peak, runtime.NumGoroutine())
				if i%60 == 0 {
					runtime.ReadMemStats(&m)
					top = max(top, m.HeapAlloc)
				}
			case <-watched:
				return
			}
		}
	})
	walking.Wait()
	close(watched)
	resting.Wait()
	stop() // the people are done
	world.ClearFaults()

	said, asked, extra := 0, 0, int64(0)
	for _, q := range people.people {
		said, asked, extra = said+q.said, asked+q.asked, extra+q.extra.Load()
		if err := q.check(); err != nil && !t.Failed() {
			t.Error(err)
		}
		if book.last[q.id] != q.said && !t.Failed() {
			t.Errorf("%d: wrote %d, but the last handled message is %d", q.id, q.said, book.last[q.id])
		}
	}
	if len(book.skipped) > 0 {
		t.Errorf("out of order: %d, such as %s", len(book.skipped), book.skipped[0])
	}
	if extra > 0 {
		t.Errorf("%d unread messages", extra)
	}
	hits := make(map[string]int)
	all := int(way.refused.Load())
	hits["refused"] = all
	for name, list := range injected {
		for _, i := range list {
			hits[name] += i.Hits()
		}
	}
	for _, m := range mishaps(0) {
		all += hits[m.name]
	}
	r.add("messages, of them questions", fmt.Sprint(said, ", ", asked))
	r.add("handled, of them again", fmt.Sprint(book.handled, ", ", book.repeated))
	r.add("requests, of them polls", fmt.Sprint(way.requests.Load(), ", ", polls.polls))
	if o.callbacks {
		taken, sent := 0, world.Deliveries(group.ID)
		for _, d := range sent {
			if d.OK {
				taken++
			}
		}
		r.add("callbacks that were sent", back.requests.Load())
		r.add("callbacks that VK dropped", world.Callbacks(group.ID)[0].Dropped)
		r.add("the last callbacks, of them acknowledged", fmt.Sprint(len(sent), ", ", taken))
	}
	r.add("requests hit by faults", fmt.Sprintf("%d (%.1f %%)", all, 100*float64(all)/float64(way.requests.Load()+back.requests.Load())))
	r.counts("faults", hits)
	r.add("peak of heap, VK's included", mib(top))
	r.add("peak of goroutines, people included", peak)

	transport.CloseIdleConnections()
	world.Close()
	cb.Stop(context.Background())
	hooks.CloseIdleConnections()
	webhook.Shutdown(context.Background())
	server.Shutdown(context.Background())
	serving.Wait()
}

// A follower follows the position of the bot's polls.
type follower struct {
	crowd *crowd

	mu    sync.Mutex
	ts    int64
	polls int
}

func (f *follower) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/lp/") {
			ts, _ := strconv.ParseInt(r.URL.Query().Get("ts"), 10, 64)
			f.mu.Lock()
			f.polls++
			moved := ts - f.ts
			if moved > 0 {
				f.ts = ts
			}
			f.mu.Unlock()
			if moved < 256 { // otherwise VK has begun to count anew, with nothing on its way
				f.crowd.delivered(moved)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// restAtTimes makes the long poll lose its position a few times while people
// write. Events on their way at that moment are lost for bots with long poll
// only: for these, nobody writes meanwhile. Other bots get the events by
// callback, unless so many wait there that VK drops them.
func (c *crowd) restAtTimes(ctx context.Context, over <-chan struct{}, times int, quietly bool, injected map[string][]*fakevk.Injection) {
	if len(injected) == 0 {
		return
	}
	for i := range times {
		select {
		case <-time.After(3 * time.Minute):
		case <-over:
			return
		case <-ctx.Done():
			return
		}
		speak := func() {}
		if quietly {
			speak = c.hush()
		}
		for quietly && ctx.Err() == nil && (c.world.Outstanding() > 0 || !c.world.AtHead(c.group)) {
			time.Sleep(time.Second)
		}
		if !quietly && c.world.Callbacks(c.group)[0].Waiting > fewCallbacks {
			continue
		}
		f := fakevk.Fault{On: fakevk.OnLongPoll, Times: 1, Effect: fakevk.PollFailed{Code: 1 + 2*(i%2)}}
		name := fmt.Sprintf("failed %d", 1+2*(i%2))
		switch i % 4 {
		case 0, 1:
			in := c.world.Fail(f)
			injected[name] = append(injected[name], in)
			for in.Hits() == 0 && ctx.Err() == nil {
				time.Sleep(time.Second)
			}
		case 2:
			c.world.LosePollHistory(c.group)
		case 3:
			c.world.ForgetSession(c.group)
		}
		time.Sleep(time.Minute)
		for quietly && !c.world.AtHead(c.group) && ctx.Err() == nil {
			time.Sleep(time.Second)
		}
		speak()
	}
}
