package scale

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestLostAnswers: while calls of the Queue and their answers are lost at random, every
// event is handled once, in the order of its conversation.
func TestLostAnswers(t *testing.T) {
	for _, odds := range []float64{0.02, 0.2, 0.5} {
		t.Run(fmt.Sprint("odds=", odds), func(t *testing.T) {
			bubble(t, func(t *testing.T) { lostAnswers(t, odds) })
		})
	}
}

func lostAnswers(t *testing.T, odds float64) {
	const lanes, each = 12, 25
	q, s := new(vktest.Queue), new(vk.MemoryStore)
	var mu sync.Mutex
	got := make(map[int64][]string)
	h := func(c *vk.Context) error {
		time.Sleep(rand.N(30 * time.Millisecond))
		mu.Lock()
		defer mu.Unlock()
		got[c.PeerID()] = append(got[c.PeerID()], c.Text())
		return nil
	}
	var links []*frail
	var all []*process
	for range 3 {
		links = append(links, &frail{Queue: q, odds: odds})
		all = append(all, start(t, links[len(links)-1], s, h))
	}
	var sending sync.WaitGroup
	for lane := range lanes {
		sending.Go(func() {
			for n := range each {
				for try := 0; ; try++ {
					p := all[rand.N(len(all))]
					if p.post(fmt.Sprint(lane, "-", n), lane+1, fmt.Sprint(n), try) == "200 ok" {
						break
					}
					time.Sleep(time.Second)
				}
				time.Sleep(rand.N(20 * time.Millisecond))
			}
		})
	}
	sending.Wait()
	for range 600 {
		time.Sleep(time.Second)
		mu.Lock()
		n := 0
		for _, texts := range got {
			n += len(texts)
		}
		mu.Unlock()
		if n >= lanes*each {
			break
		}
	}
	var want []string
	for n := range each {
		want = append(want, fmt.Sprint(n))
	}
	for lane := range lanes {
		if texts := got[int64(lane+1)]; strings.Join(texts, " ") != strings.Join(want, " ") {
			t.Errorf("conversation %d: %v", lane+1, texts)
		}
	}
	for _, l := range links {
		l.set(func(f *frail) { f.odds = 0 })
	}
	stop(all...)
}

// TestKills: of processes that are killed under load, no event is lost, and none is
// overtaken by a later one of its conversation.
func TestKills(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const lanes, each = 30, 20
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var mu sync.Mutex
		got := make(map[int64]map[int]bool)
		overtaken := 0
		type member struct {
			*process
			link *frail
			dead atomic.Bool
		}
		begin := func() *member {
			m := &member{link: &frail{Queue: q}}
			m.process = start(t, m.link, s, func(c *vk.Context) error {
				time.Sleep(rand.N(100 * time.Millisecond))
				mu.Lock()
				defer mu.Unlock()
				if m.dead.Load() {
					return nil // the process is not there
				}
				seen := got[c.PeerID()]
				if seen == nil {
					seen = make(map[int]bool)
					got[c.PeerID()] = seen
				}
				n, _ := strconv.Atoi(c.Text())
				if n > 0 && !seen[n-1] || seen[n+1] {
					overtaken++
				}
				seen[n] = true
				return nil
			})
			return m
		}
		var team sync.Mutex
		alive := []*member{begin(), begin(), begin()}
		var dead []*member
		var sending sync.WaitGroup
		for lane := range lanes {
			sending.Go(func() {
				for n := range each {
					for try := 0; ; try++ {
						team.Lock()
						p := alive[rand.N(len(alive))]
						team.Unlock()
						if p.post(fmt.Sprint(lane, "-", n), lane+1, fmt.Sprint(n), try) == "200 ok" && !p.dead.Load() {
							break
						}
						time.Sleep(time.Second)
					}
					time.Sleep(rand.N(2 * time.Second))
				}
			})
		}
		for range 3 {
			time.Sleep(5 * time.Second)
			team.Lock()
			victim := alive[0]
			victim.dead.Store(true)
			victim.link.set(func(f *frail) { f.cut = true })
			alive = append(alive[1:], begin())
			team.Unlock()
			dead = append(dead, victim)
		}
		sending.Wait()
		time.Sleep(3 * vk.QueueLease)
		mu.Lock()
		total := 0
		for _, seen := range got {
			total += len(seen)
		}
		mu.Unlock()
		if total != lanes*each || overtaken > 0 {
			t.Errorf("%d of %d events were handled, %d overtaken", total, lanes*each, overtaken)
		}
		for _, m := range dead {
			m.link.set(func(f *frail) { f.cut = false })
			m.stop()
		}
		for _, m := range alive {
			m.stop()
		}
	})
}

// TestAmbiguousPut: the Queue takes an event, and the answer is lost. VK delivers the event
// again, to another process; it is handled once, at once.
func TestAmbiguousPut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		began := time.Now()
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				log.note("%s: %s", name, c.Text())
				if d := time.Since(began); d > 2*vk.QueueLease {
					t.Errorf("handled after %v", d)
				}
				return nil
			}
		}
		link := &frail{Queue: q}
		a, b := start(t, link, s, h("A")), start(t, q, s, h("B"))
		time.Sleep(time.Second)
		link.set(func(f *frail) { f.lies = true })
		if got := a.post("e1", 1, "one"); got[:3] != "503" {
			t.Errorf("VK hears %q", got)
		}
		link.set(func(f *frail) { f.lies = false })
		for i := range 12 {
			time.Sleep(10 * time.Minute)
			if got := b.post("e1", 1, "one", i+1); got != "200 ok" {
				t.Errorf("VK hears %q when it delivers the event again", got)
			}
		}
		log.is(t, "A: one")
		stop(a, b)
	})
}

// TestStuck: an event that is handled while the Queue is away is done for all processes
// when it is back, and is not handled again, by whichever process, also after hours.
func TestStuck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		link := &frail{Queue: q}
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				log.note("%s: %s", name, c.Text())
				if name == "A" {
					link.set(func(f *frail) { f.cut = true })
				}
				return nil
			}
		}
		a, b := start(t, link, s, h("A")), start(t, link, s, h("B"))
		a.post("e1", 1, "one")
		time.Sleep(20 * time.Second)
		link.set(func(f *frail) { f.cut = false })
		time.Sleep(90 * time.Minute)
		if got := b.post("e1", 1, "one", 1); got != "200 ok" {
			t.Errorf("VK hears %q", got)
		}
		settle()
		a.stop() // a deploy
		if got := b.post("e1", 1, "one", 2); got != "200 ok" {
			t.Errorf("VK hears %q", got)
		}
		settle()
		log.is(t, "A: one")
		b.stop()
	})
}
