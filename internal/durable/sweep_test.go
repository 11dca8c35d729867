package durable

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
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
	{"foreign", nil},
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

// TestDurableSweep kills the dialogue after each change of the store.
func TestDurableSweep(t *testing.T) {
	right, all := 0, 0
	for _, store := range stores {
		for _, source := range []string{"poll", "webhook", "both"} {
			for _, down := range []time.Duration{time.Minute, 2 * time.Hour, 11 * 24 * time.Hour} {
				name := fmt.Sprintf("%s %s %v", store.name, source, down)
				c := vktest.SweepConfig{Store: store.make, Poll: source != "webhook", Webhook: source != "poll", Down: down}
				ok := 0
				var wrong []string
				results := c.Run(t, shop, customer)
				for _, r := range results {
					if r.Right() {
						ok++
						continue
					}
					wrong = append(wrong, r.String())
				}
				right, all = right+ok, all+len(results)
				t.Logf("%-28s %d of %d", name, ok, len(results))
				for _, w := range wrong {
					t.Errorf("%s: %s", name, strings.ReplaceAll(w, "\n", "\n\t"))
				}
			}
		}
	}
	t.Logf("%d of %d right", right, all)
}
