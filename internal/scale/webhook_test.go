package scale

import (
	"fmt"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestLongHandlerOrder: the second event of a conversation comes to another process while
// the first is still being handled.
func TestLongHandlerOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if c.Text() == "first" {
					time.Sleep(5 * time.Second)
				}
				log.note("%s: %s", name, c.Text())
				return nil
			}
		}
		a, b := start(t, q, s, h("A")), start(t, q, s, h("B"))
		a.tell(t, "e1", 1, "first")
		b.tell(t, "e2", 1, "second")
		b.tell(t, "e3", 2, "other")
		settle()
		log.is(t, "B: other", "A: first", "A: second")
		stop(a, b)
	})
}

// TestAskAcross: the answer to a question comes to another process.
func TestAskAcross(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if c.Text() != "ask" {
					log.note("%s: route %s", name, c.Text())
					return nil
				}
				ans, err := c.Ask("name?", vk.Within(time.Minute))
				if err != nil {
					log.note("%s: %v", name, err)
					return nil
				}
				log.note("%s: answer %s", name, ans.Text())
				return nil
			}
		}
		a, b := start(t, q, s, h("A")), start(t, q, s, h("B"))
		const questions = 30
		for i := range questions {
			a.tell(t, fmt.Sprint("q", i), i+1, "ask")
		}
		for i := range questions {
			time.Sleep(100 * time.Millisecond)
			b.tell(t, fmt.Sprint("a", i), i+1, fmt.Sprint("Anna", i))
		}
		settle()
		var want []string
		for i := range questions {
			want = append(want, fmt.Sprint("A: answer Anna", i))
		}
		log.is(t, want...)
		stop(a, b)
	})
}
