package durable

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/vktest"
)

// shop is the dialogue of the sweep: a counter, a send, a question, a payment, a send, a
// question, a counter, a send.
func shop(s *vktest.Stage) vk.Handler {
	r := vk.NewRouter("!")
	visits := &vk.Session[int]{Store: s.Store, Name: "visits"}
	count := func(c *vk.Context) (n int, err error) {
		err = visits.Update(c, vk.PerUser(c), func(v *int) error { *v++; n = *v; return nil })
		return n, err
	}
	r.Handle("order", func(c *vk.Context) error {
		n, err := count(c)
		if err != nil {
			return err
		}
		if err := c.Send(fmt.Sprint("Visit ", n)); err != nil {
			return err
		}
		tea, err := c.Ask("Which tea?", vk.Choices("Green", "Black"), vk.Within(60*24*time.Hour))
		if err != nil {
			return err
		}
		receipt, err := vk.Once(c, "charge", func(key string) (string, error) {
			s.Effect("charge "+tea.Text(), key)
			return "paid " + tea.Text(), nil
		})
		if err != nil {
			return err
		}
		if err := c.Send(receipt); err != nil {
			return err
		}
		cups, err := vk.Ask(c, "How many cups?", strconv.Atoi, vk.Within(60*24*time.Hour))
		if err != nil {
			return err
		}
		if n, err = count(c); err != nil {
			return err
		}
		return c.Send(fmt.Sprint(cups, " cups, count ", n))
	})
	r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
	r.When(vk.If(func(*vk.Context) bool { return true }), func(c *vk.Context) error {
		return c.Send("Welcome!") // an answer that is handled as a message is seen
	})
	return r
}

func customer(p *vktest.People) {
	anna := p.User("Anna")
	anna.Says("!order")
	anna.Hears("Which tea?")
	anna.Sleeps(10 * time.Second)
	anna.Presses("Green")
	anna.Hears("How many cups?")
	anna.Sleeps(10 * time.Second)
	anna.Says("3")
	anna.Hears("3 cups, count 2")
	anna.Says("!ping")
	anna.Hears("pong")
}

// stores are the kinds of stores of the sweep.
var stores = []struct {
	name string
	make func(t *testing.T) func() vk.Store
}{
	{"foreign", func(t *testing.T) func() vk.Store {
		s := struct{ vk.Store }{new(vk.MemoryStore)} // only Get and Swap
		return func() vk.Store { return s }
	}},
	{"MemoryStore", func(t *testing.T) func() vk.Store {
		s := new(vk.MemoryStore)
		return func() vk.Store { return s }
	}},
	{"FileStore", func(t *testing.T) func() vk.Store {
		path := filepath.Join(t.TempDir(), "store")
		var s *filestore.Store
		t.Cleanup(func() { s.Close() })
		return func() vk.Store {
			if s != nil {
				s.Close()
			}
			var err error
			if s, err = filestore.Open(path); err != nil {
				t.Fatal(err)
			}
			return s
		}
	}},
}

// exception returns the named exception that matches a result, or "".
func exception(r vktest.SweepResult, source string) string {
	switch {
	case source == "webhook" && r.Down >= 2*time.Hour && len(r.Transcript) < len(r.WantTranscript):
		return "VK no longer delivers the event"
	case !strings.HasPrefix(r.Key, "done/") && r.Down > time.Hour && r.Effects == r.WantEffects && sameLines(r.Transcript, r.WantTranscript):
		return "between a send and its trail, or the end and done, and down for over an hour"
	}
	return ""
}

// sameLines reports whether two transcripts have the same lines, however often
// they are repeated.
func sameLines(a, b string) bool {
	lines := func(s string) []string {
		all := strings.Split(s, "\n")
		slices.Sort(all)
		return slices.Compact(all)
	}
	return slices.Equal(lines(a), lines(b))
}

// TestDurableDone: with both sources, the record that an event is done is kept
// for as long as one of them may deliver it to the next process, and not much
// longer.
func TestDurableDone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		polled bool
		late   time.Duration // of the poll behind the webhook
		slow   time.Duration // for the Store to mark the event as done
	}{
		{name: "brought by both", polled: true},
		{name: "brought by the webhook alone"},
		{name: "brought by the poll after the mark", polled: true, late: time.Second},
		{name: "brought by the poll while it is marked", polled: true, late: time.Second, slow: 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				fake := vktest.New(t)
				store := &slowDone{wait: tt.slow}
				r := vk.NewRouter("!")
				r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
				d := &vk.Dispatcher{Handler: r, Store: store}
				cb := &vk.Callback{Client: fake.Client(), Dispatcher: d, GroupID: fake.GroupID, Secret: vk.NewSecret("abc"), Confirmation: fake.ConfirmationCode()}
				fake.AddCallback(cb, "abc")
				client := fake.Client()
				client.HTTPClient = &http.Client{Transport: latePolls{client.HTTPClient.Transport, tt.late}}
				p := &vk.Poller{Client: client, Dispatcher: d, GroupID: fake.GroupID, SkipDiagnosis: true}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { p.Run(ctx) })
				sleep(time.Second)
				if !tt.polled {
					err := fake.AdminClient().Call(ctx, "groups.setLongPollSettings", vk.Params{"group_id": fake.GroupID, "enabled": 1, "message_new": 0}, nil)
					if err != nil {
						t.Fatal(err)
					}
				}
				anna := fake.User("Anna")
				done := func() (n int) {
					store.List(ctx, "done/", func(string, []byte) bool { n++; return true })
					return n
				}
				anna.Says("!ping")
				anna.Hears("pong")
				sleep(2 * time.Hour)
				if n := done(); n != 1 {
					t.Errorf("after two hours, %d events are remembered", n)
				}
				fake.Emit("group_join", map[string]any{"user_id": anna.ID}) // a poll returns
				sleep(4 * time.Hour)
				fake.Emit("group_join", map[string]any{"user_id": anna.ID})
				sleep(4 * time.Hour)
				if n := done(); n > 0 {
					t.Errorf("after ten hours, %d events are remembered", n)
				}
				cancel()
				running.Wait()
				cb.Stop(t.Context())
				d.Stop(t.Context())
				anna.HearsNothing()
			})
		})
	}
}

// latePolls delays the answers of long polls.
type latePolls struct {
	http.RoundTripper
	late time.Duration
}

func (l latePolls) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if r.FormValue("act") == "a_check" {
		time.Sleep(l.late)
	}
	return resp, err
}

// A slowDone is a Store that is slow to mark an event as done.
type slowDone struct {
	vk.MemoryStore
	wait time.Duration
}

func (s *slowDone) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if strings.HasPrefix(key, "done/") {
		time.Sleep(s.wait)
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// TestDurableSweep kills the dialogue after each change of the store.
func TestDurableSweep(t *testing.T) {
	right, all := 0, 0
	for i, store := range stores {
		for _, source := range []string{"poll", "webhook", "both"} {
			for _, down := range []time.Duration{time.Minute, 2 * time.Hour, 11 * 24 * time.Hour} {
				if testing.Short() && (i > 0 || down > 2*time.Hour) {
					continue
				}
				c := vktest.SweepConfig{Store: store.make, Poll: source != "webhook", Webhook: source != "poll", Down: down}
				results := c.Run(t, shop, customer)
				ok := 0
				named := make(map[string][]string)
				for _, r := range results {
					why := exception(r, source)
					switch {
					case r.Right():
						ok++
					case why == "":
						t.Errorf("%s %s: %s", store.name, source, strings.ReplaceAll(r.String(), "\n", "\n\t"))
					default:
						named[why] = append(named[why], fmt.Sprintf("%d (%s)", r.Change, r.Key[:min(len(r.Key), 20)]))
					}
				}
				right, all = right+ok, all+len(results)
				t.Logf("%-11s  %-7s  %-8v  %2d of %2d", store.name, source, down, ok, len(results))
				for why, which := range named {
					t.Logf("    %s: %s", why, strings.Join(which, ", "))
				}
			}
		}
	}
	t.Logf("%d of %d right", right, all)
}
