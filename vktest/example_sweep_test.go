package vktest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// newTill returns a bot that takes money once.
func newTill(s *vktest.Stage) vk.Handler {
	r := vk.NewRouter("!")
	r.Handle("pay", func(c *vk.Context) error {
		if _, err := c.Ask("Sure?", vk.Within(24*time.Hour)); err != nil {
			return err
		}
		_, err := vk.Once(c, "charge", func(key string) (bool, error) {
			s.Effect("charge", key)
			return true, nil
		})
		if err != nil {
			return err
		}
		return c.Send("Paid.")
	})
	return r
}

func pays(p *vktest.People) {
	var anna *vktest.Speaker = p.User("Anna")
	anna.Says("!pay")
	anna.HearsLike("^Sure")
	anna.Sleeps(time.Minute)
	anna.Says("Yes")
	anna.Hears("Paid.")
}

// A test of a bot that must not charge twice, whenever it is killed.
func ExampleSweep() {
	_ = func(t *testing.T) { vktest.Sweep(t, newTill, pays) }
	// The same with other conditions, and a check of each result:
	_ = func(t *testing.T) {
		for _, r := range (vktest.SweepConfig{Webhook: true, Down: 2 * time.Hour}).Run(t, newTill, pays) {
			if !r.Right() {
				fmt.Println(r)
			}
		}
	}
	var none []vktest.SweepResult
	fmt.Println(len(none))
	// Output: 0
}
