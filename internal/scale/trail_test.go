package scale

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestTrailFenced: a process that has lost a conversation and does not know it yet cannot
// overwrite what the handler has done in the process that has it.
func TestTrailFenced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				first, err := c.Ask("name?", vk.Within(20*time.Second))
				if errors.Is(err, vk.ErrNoAnswer) {
					_, err = vk.Once(c, "give up", func(string) (int, error) { return 1, nil })
					log.note("%s: gave up, %v", name, err)
					return err
				}
				if err != nil {
					return err
				}
				log.note("%s: %s", name, first.Text())
				second, err := first.Ask("age?", vk.Within(time.Hour))
				if err != nil {
					return err
				}
				log.note("%s: %s, %s", name, first.Text(), second.Text())
				return nil
			}
		}
		a, b := &frail{Queue: q}, &frail{Queue: q}
		pa, pb := start(t, a, s, h("A")), start(t, b, s, h("B"))
		pa.tell(t, "e1", 1, "go")
		time.Sleep(time.Second)
		a.set(func(f *frail) { f.cut = true })
		time.Sleep(2 * vk.QueueLease)
		pb.tell(t, "e2", 1, "Anna")
		time.Sleep(time.Minute) // A gives up meanwhile
		log.is(t, "B: Anna", "A: gave up, <nil>")
		pc := start(t, q, s, h("C"))
		b.set(func(f *frail) { f.cut = true })
		time.Sleep(2 * vk.QueueLease)
		pc.tell(t, "e3", 1, "25")
		time.Sleep(time.Second)
		log.is(t, "B: Anna", "A: gave up, <nil>", "C: Anna", "C: Anna, 25")
		for _, f := range []*frail{a, b} {
			f.set(func(f *frail) { f.cut = false })
		}
		stop(pa, pb, pc)
	})
}

// TestOpenQuestions: a process with 1,000 open questions is killed. All go on in another
// one, none is asked again, and each answer finds its handler.
func TestOpenQuestions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 1000
		q, s, v := new(vktest.Queue), new(vk.MemoryStore), new(tight)
		v.free = true
		var mu sync.Mutex
		answers := make(map[string]int)
		h := func(link *frail) vk.HandlerFunc {
			return func(c *vk.Context) error {
				a, err := c.Ask(c.Text() + "?")
				if err != nil || link.isCut() {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				answers[c.Text()+" "+a.Text()]++
				return nil
			}
		}
		la, lb := &frail{Queue: q}, &frail{Queue: q}
		a, b := start(t, la, s, h(la)), start(t, lb, s, h(lb))
		a.Client.HTTPClient.Transport, b.Client.HTTPClient.Transport = v, v
		for i := range n {
			a.tell(t, fmt.Sprint("q", i), i+1, fmt.Sprint("question", i))
		}
		time.Sleep(5 * time.Second)
		la.set(func(f *frail) { f.cut = true })
		time.Sleep(2 * vk.QueueLease)
		if state := b.Dispatcher.QueueStatus(); len(state) != 1 || state[0].Lanes != n || state[0].Parked != n || state[0].Waiting != 0 {
			t.Errorf("after the take-over: %+v", state)
		}
		for i := range n {
			b.tell(t, fmt.Sprint("a", i), i+1, fmt.Sprint("answer", i))
		}
		settle()
		mu.Lock()
		for i := range n {
			if k := answers[fmt.Sprintf("question%d answer%d", i, i)]; k != 1 {
				t.Fatalf("question %d was answered %d times", i, k)
			}
		}
		mu.Unlock()
		v.mu.Lock()
		if len(v.at) != n {
			t.Errorf("%d messages were sent, want %d", len(v.at), n)
		}
		v.mu.Unlock()
		la.set(func(f *frail) { f.cut = false })
		stop(a, b)
	})
}
