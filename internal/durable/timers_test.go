package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/timer"
	"github.com/vkrouter/vk/vktest"
)

// reminders returns a bot that reminds users.
func reminders(store vk.Store) (*vk.Router, *vk.Timers[string]) {
	timers := &vk.Timers[string]{Store: store, Name: "remind"}
	r := vk.NewRouter("!")
	timers.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
	vk.Command(r, "remind {in:duration} {what...}", func(c *vk.Context, a struct {
		In   time.Duration
		What string
	}) error {
		id, err := timers.After(c, a.In, a.What)
		if err != nil {
			return err
		}
		if err := c.Send("I will."); err != nil {
			return err
		}
		if a.What != "ask" {
			return nil
		}
		if _, err := c.Ask("Or shall I not?", within); err != nil {
			return err
		}
		_, err = timers.Cancel(c, vk.PerMember(c), id)
		return err
	})
	return r, timers
}

// TestDurableTimers: timers fire once, at their time or at the first start
// after it. They can be canceled and moved. A handler that runs again does not
// set them again.
func TestDurableTimers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		code := func() vk.Handler { r, _ := reminders(b.store); return r }
		b.Restart(code())
		anna := b.User("Anna")
		anna.Says("!remind 90m tea")
		anna.Hears("I will.")
		anna.Says("!remind 24h ask")
		anna.Hears("I will.")
		anna.Hears("Or shall I not?")
		sleep(80 * time.Minute)
		for range 3 {
			b.Kill()
			sleep(time.Minute)
			b.Start(code())
			sleep(time.Second)
		}
		if n := len(b.keys("timer/")); n != 2 {
			t.Errorf("%d timers", n)
		}
		sleep(6 * time.Minute)
		anna.HearsNothing()
		sleep(2 * time.Minute)
		anna.Hears("Reminder: tea")
		anna.Says("no")
		sleep(time.Minute)
		if left := append(b.keys("timer/"), b.keys("trail/")...); left != nil {
			t.Errorf("left: %q", left)
		}
		anna.Says("!remind 1h bread")
		anna.Hears("I will.")
		sleep(time.Second)
		b.Kill()
		sleep(14 * 24 * time.Hour)
		b.Start(code())
		sleep(time.Second)
		anna.Hears("Reminder: bread")
		sleep(48 * time.Hour)
		anna.HearsNothing()
	})
}

// TestDurableTimersOutside: timers can be set, moved, listed and canceled
// outside of handlers while a bot runs. They can repeat daily; missed days fire
// once.
func TestDurableTimersOutside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		r, timers := reminders(b.Store())
		b.Restart(r)
		anna := b.User("Anna")
		anna.Says("hello")
		ctx, key := context.Background(), vk.Key{Group: b.GroupID, Peer: anna.ID, User: anna.ID}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(timers.Set(ctx, key, "a", time.Now().Add(time.Hour), "one"))
		must(timers.Set(ctx, key, "b", time.Now().Add(-time.Hour), "late"))
		sleep(time.Second)
		anna.Hears("Reminder: late")
		must(timers.Set(ctx, key, "a", time.Now().Add(10*time.Minute), "moved"))
		sleep(11 * time.Minute)
		anna.Hears("Reminder: moved")
		sleep(time.Hour)
		anna.HearsNothing()
		if was, err := timers.Cancel(ctx, key, "a"); was || err != nil {
			t.Error(was, err)
		}
		must(timers.Repeat(ctx, key, "digest", vk.Daily{Hour: 9, Zone: "Europe/Moscow"}, "daily"))
		var listed []string
		for item, err := range timers.List(ctx, b.GroupID) {
			must(err)
			listed = append(listed, fmt.Sprintln(item.ID, item.Key == key, item.Value, item.Daily.Hour, item.Due.UTC().Format("15:04")))
		}
		if want := []string{"digest true daily 9 06:00\n"}; !slices.Equal(listed, want) {
			t.Errorf("listed %q, want %q", listed, want)
		}
		for range 3 {
			sleep(24 * time.Hour)
			anna.Hears("Reminder: daily")
		}
		b.Kill()
		sleep(14 * 24 * time.Hour)
		r, timers = reminders(b.Store())
		b.Start(r)
		sleep(time.Second)
		anna.Hears("Reminder: daily")
		anna.HearsNothing()
		sleep(24 * time.Hour)
		anna.Hears("Reminder: daily")
		if was, err := timers.Cancel(ctx, key, "digest"); !was || err != nil {
			t.Error(was, err)
		}
		sleep(48 * time.Hour)
		anna.HearsNothing()
		if left := b.keys("timer/"); left != nil {
			t.Errorf("left: %q", left)
		}
	})
}

// TestDurableTimersOrder: a timer that is due while its conversation is busy
// fires in its order, or not at all if it was canceled meanwhile. Its handler
// can ask.
func TestDurableTimersOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		code := func() *vk.Router {
			timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
			r := vk.NewRouter("!")
			r.Listen(func(c *vk.Context) error {
				if strings.HasPrefix(c.Event().Kind, "vk.") {
					t.Errorf("Listen gets %s", c.Event().Kind)
				}
				return nil
			})
			r.NotFound(func(c *vk.Context) error { t.Error("NotFound runs for", c.Event().Kind); return nil })
			timers.Handle(r, func(c *vk.Context, what string) error {
				a, err := c.Ask("Done with "+what+"?", within)
				if err != nil {
					return err
				}
				return c.Send(a.Text() + " with " + what)
			})
			r.Handle("busy", func(c *vk.Context) error {
				for _, what := range []string{"tea", "bread"} {
					if err := timers.Set(c, vk.PerMember(c), what, time.Now().Add(time.Second), what); err != nil {
						return err
					}
				}
				time.Sleep(20 * time.Second)
				_, err := timers.Cancel(c, vk.PerMember(c), "bread")
				return errors.Join(err, c.Send("Not busy"))
			})
			return r
		}
		b.Restart(code())
		anna := b.User("Anna")
		anna.Says("!busy")
		sleep(time.Minute)
		b.is("Anna: !busy", "Bot: Not busy", "Bot: Done with tea?")
		for range 2 {
			b.Kill()
			sleep(3 * time.Hour)
			b.Start(code())
		}
		sleep(time.Second)
		anna.Says("yes")
		sleep(time.Minute)
		b.is("Anna: !busy", "Bot: Not busy", "Bot: Done with tea?", "Anna: yes", "Bot: yes with tea")
		if left := append(b.keys("timer/"), b.keys("trail/")...); left != nil {
			t.Errorf("left: %q", left)
		}
	})
}

// TestDurableTimersClock: timers fire by the clock, even if it is set forward
// or back while they wait. Setting it back does not make a timer fire again.
func TestDurableTimersClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		defer timer.SetClock(0)
		b := newBot(t, "", vk.NewRouter())
		r, timers := reminders(b.Store())
		b.Restart(r)
		anna := b.User("Anna")
		anna.Says("hello")
		ctx, key := context.Background(), vk.Key{Group: b.GroupID, Peer: anna.ID, User: anna.ID}
		set := func(what string, in time.Duration) {
			if err := timers.Set(ctx, key, what, time.Now().Add(in), what); err != nil { // the machine's clock is still right
				t.Fatal(err)
			}
		}
		set("forward", 3*time.Hour)
		set("back", 4*time.Hour)
		if err := timers.Repeat(ctx, key, "daily", vk.Daily{Hour: 5, Zone: "UTC"}, "daily"); err != nil {
			t.Fatal(err)
		}
		sleep(time.Hour) // it is one o'clock
		anna.HearsNothing()
		timer.SetClock(2 * time.Hour) // and now three
		sleep(61 * time.Second)
		anna.Hears("Reminder: forward")
		timer.SetClock(-time.Hour) // and now midnight
		sleep(3*time.Hour + 30*time.Minute)
		anna.HearsNothing()
		sleep(31 * time.Minute)
		anna.Hears("Reminder: back")
		sleep(time.Hour) // five o'clock
		anna.Hears("Reminder: daily")
		timer.SetClock(-3 * time.Hour) // and now three again
		sleep(10 * time.Hour)
		anna.HearsNothing()
		timer.SetClock(72*time.Hour - 15*time.Hour)
		sleep(2 * time.Minute)
		anna.Hears("Reminder: daily") // once for all skipped days
		anna.HearsNothing()
	})
}

// TestDurableTimersPoison: a timer that kills five runs after the first crash
// is dropped, with a line in the log. A waiting timer and one that is handled
// at the same time are not dropped.
func TestDurableTimersPoison(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		log := new(logLines)
		b.d.Logger = slog.New(slog.NewTextHandler(log, nil))
		var n counts
		code := func() (*vk.Router, *vk.Timers[string]) {
			timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
			r := vk.NewRouter("!")
			timers.Handle(r, func(c *vk.Context, what string) error {
				n.add(what)
				switch what {
				case "poison":
					<-c.Done() // until the bot dies
				case "ask":
					a, err := c.Ask("?", within)
					if err != nil {
						return err
					}
					return a.Send("Thanks")
				}
				return c.Send(what)
			})
			return r, timers
		}
		r, timers := code()
		b.Restart(r)
		anna, boris := b.User("Anna"), b.User("Boris")
		anna.Says("hello")
		boris.Says("hello")
		set := func(u *vktest.User, what string, in time.Duration) {
			key := vk.Key{Group: b.GroupID, Peer: u.ID, User: u.ID}
			if err := timers.Set(context.Background(), key, what, time.Now().Add(in), what); err != nil {
				t.Fatal(err)
			}
		}
		set(anna, "poison", time.Second)
		set(boris, "ask", time.Second)
		set(boris, "bread", time.Hour)
		sleep(20 * time.Second)
		for range 9 {
			b.Kill()
			sleep(20 * time.Minute)
			r, _ = code()
			b.Start(r)
			sleep(20 * time.Second) // shorter than the time limit of handlers
		}
		boris.Says("yes")
		sleep(time.Minute)
		n.is(t, map[string]int{"poison": 6, "ask": 10, "bread": 1})
		b.is("Anna: hello", "", "Boris: hello", "Bot: ?", "Bot: bread", "Boris: yes", "Bot: Thanks")
		if n := log.count("vk: dropping timer that crashed the bot 5 times"); n != 1 {
			t.Errorf("the log says %d times that the timer is dropped", n)
		}
		if left := append(b.keys("timer/"), b.keys("trail/")...); left != nil {
			t.Errorf("left: %q", left)
		}
	})
}

// TestDurableTimersUnhandled: a timer without a handler is kept, even for a
// module that is mounted later.
func TestDurableTimersUnhandled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		r := vk.NewRouter("!")
		b.Restart(vk.Wrap(r))
		anna := b.User("Anna")
		anna.Says("hello")
		timers := &vk.Timers[string]{Store: b.Store(), Name: "later"}
		if err := timers.Set(context.Background(), vk.Key{Group: b.GroupID, Peer: anna.ID, User: anna.ID}, "x", time.Now(), "tea"); err != nil {
			t.Fatal(err)
		}
		sleep(time.Hour)
		if n := len(b.keys("timer/")); n != 1 {
			t.Fatalf("%d timers", n)
		}
		timers.Handle(r, func(c *vk.Context, v string) error { return c.Send(v) })
		sleep(2 * time.Minute)
		anna.Hears("tea")
		if left := b.keys("timer/"); left != nil {
			t.Errorf("left: %q", left)
		}
	})
}

// TestDurableTimersSweep kills a bot with timers after each change of the store.
func TestDurableTimersSweep(t *testing.T) {
	code := func(s *vktest.Stage) vk.Handler { r, _ := reminders(s.Store); return r }
	c := vktest.SweepConfig{Store: stores[1].make}
	results := c.Run(t, code, func(p *vktest.People) {
		anna := p.User("Anna")
		anna.Says("!remind 5m tea")
		anna.Hears("Reminder: tea")
		anna.Says("!remind 4m bread")
		anna.Hears("Reminder: bread")
	})
	right := 0
	for _, r := range results {
		if r.Right() {
			right++
		} else {
			t.Error(r)
		}
	}
	t.Logf("%d of %d right", right, len(results))
}

// TestDurableTimersErrors: invalid arguments are typed errors.
func TestDurableTimersErrors(t *testing.T) {
	store := new(vk.MemoryStore)
	key := vk.Key{Group: 1, Peer: 5, User: 5}
	ctx := context.Background()
	good := &vk.Timers[float64]{Store: store, Name: "n"}
	if err := good.Set(ctx, key, "x", time.Now(), 0.5); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no Store":                   {new(vk.Timers[int]).Set(ctx, key, "x", time.Now(), 1), "vk: Timers.Set: the Timers have no Store: set the Dispatcher's"},
		"no Store of the Dispatcher": {afterWithoutStore(t), "vk: Timers.After: the Dispatcher has no Store, so it would never handle the timer: set it to the Store of the Timers"},
		"no Lister":                  {(&vk.Timers[int]{Store: struct{ vk.Store }{store}}).Set(ctx, key, "x", time.Now(), 1), "vk: Timers.Set: the Store cannot list its keys: use one that is a vk.Lister, such as a MemoryStore or a filestore.Store"},
		"no community":               {good.Set(ctx, vk.Key{Peer: 5}, "x", time.Now(), 1), "vk: Timers.Set: outside of a handler, the community of a timer is not known: set Group in the Key"},
		"unknown zone":               {good.Repeat(ctx, key, "x", vk.Daily{Zone: "Europe/Atlantis"}, 1), "import _ \"time/tzdata\""},
		"hour 24":                    {good.Repeat(ctx, key, "x", vk.Daily{Hour: 24}, 1), "vk: Daily.Hour is 24: write 0 to 23"},
		"minute 60":                  {good.Repeat(ctx, key, "x", vk.Daily{Minute: 60}, 1), "vk: Daily.Minute is 60: write 0 to 59"},
		"day 7":                      {good.Repeat(ctx, key, "x", vk.Daily{Days: []time.Weekday{7}}, 1), "vk: Daily.Days has a day 7: write time.Sunday to time.Saturday"},
	} {
		var wrong *vk.ConfigError
		if !errors.As(test.err, &wrong) || !strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	var bad *vk.TimerError
	if err := good.Set(ctx, key, "y", time.Now(), math.Inf(1)); !errors.As(err, &bad) || bad.ID != "y" {
		t.Errorf("a value that is no JSON: %v", err)
	}
	other := &vk.Timers[[]string]{Store: store, Name: "n"}
	for item, err := range other.List(ctx, 1) {
		if !errors.As(err, &bad) || string(bad.Value) != "0.5" || item.ID != "x" {
			t.Errorf("another type: %v", err)
		}
	}
	var wrong *vk.ConfigError
	for _, err := range good.List(ctx, 0) {
		if !errors.As(err, &wrong) {
			t.Errorf("no community: %v", err)
		}
	}
	if wrong == nil {
		t.Error("no community: no error")
	}
}

// TestDurableTimersMany: a hundred thousand timers are set and listed, and each
// fires once.
func TestDurableTimersMany(t *testing.T) {
	const n = 100_000
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		fired := make(chan int, n+1)
		code := func() (*vk.Router, *vk.Timers[int]) {
			timers := &vk.Timers[int]{Store: b.Store(), Name: "many"}
			r := vk.NewRouter("!")
			timers.Handle(r, func(c *vk.Context, i int) error { fired <- i; return nil })
			return r, timers
		}
		r, timers := code()
		b.Restart(r)
		began := realTime()
		due := time.Now().Add(time.Hour)
		for i := range n {
			key := vk.Key{Group: b.GroupID, Peer: int64(i + 1), User: int64(i + 1)}
			if err := timers.Set(context.Background(), key, "x", due.Add(time.Duration(i)*time.Millisecond), i); err != nil {
				t.Fatal(err)
			}
		}
		set := realTime()
		listed := 0
		for _, err := range timers.List(context.Background(), b.GroupID) {
			if err != nil {
				t.Fatal(err)
			}
			listed++
		}
		list := realTime()
		for range 3 { // while they fire
			sleep(time.Hour/3 + 10*time.Second)
			b.Kill()
			r, _ = code()
			b.Start(r)
		}
		sleep(10 * time.Minute)
		fire := realTime()
		seen := make(map[int]int)
		for range len(fired) {
			seen[<-fired]++
		}
		if listed != n || len(seen) != n {
			t.Errorf("listed %d, fired %d of %d", listed, len(seen), n)
		}
		if left := b.keys("timer/"); len(left) > 0 {
			t.Errorf("%d are left", len(left))
		}
		t.Logf("%d timers: set in %v, listed in %v, fired in %v", n, set.Sub(began), list.Sub(set), fire.Sub(list))
	})
}

// afterWithoutStore returns the error of Timers.After in a handler of a Dispatcher without
// a Store.
func afterWithoutStore(t *testing.T) (err error) {
	timers := &vk.Timers[int]{Store: new(vk.MemoryStore), Name: "n"}
	r := vk.NewRouter("!")
	r.Handle("set", func(c *vk.Context) error {
		_, err = timers.After(c, time.Minute, 1)
		return c.Send("done")
	})
	anna := vktest.Start(t, r).User("Anna")
	anna.Says("!set")
	anna.Hears("done")
	return err
}
