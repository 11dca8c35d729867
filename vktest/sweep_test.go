package vktest

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
)

// reminding returns a bot with a question and a timer.
func reminding(s *Stage) vk.Handler {
	r := vk.NewRouter("!")
	reminders := &vk.Timers[string]{Store: s.Store, Name: "remind"}
	reminders.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
	r.Handle("remind", func(c *vk.Context) error {
		a, err := c.Ask("Of what?", vk.Choices("Tea", "Bread"))
		if err != nil {
			return err
		}
		_, err = reminders.After(c, 2*time.Hour, a.Text())
		return err
	})
	return r
}

// TestSweepTimers checks that a dialogue with a timer works without any
// setting, and that a bot that only waits for it is not killed at each renewal
// of its lease.
func TestSweepTimers(t *testing.T) {
	results := SweepConfig{}.Run(t, reminding, func(p *People) {
		anna := p.User("Anna")
		anna.Says("!remind")
		anna.Hears("Of what?")
		anna.Presses("Tea")
		anna.HearsLike("^Reminder: (Tea|Bread)$")
	})
	for _, r := range results {
		if !r.Right() {
			t.Error(r)
		}
	}
	if n := len(results); n < 5 || n > 50 {
		t.Errorf("%d kills", n)
	}
}

// TestSweepMissed checks that messages missed without a kill are reported.
func TestSweepMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := SweepConfig{}.run(t, reminding, func(p *People) {
			anna := p.User("Anna")
			anna.Says("!remind")
			anna.Hears("Of what?")
			anna.Presses("Milk")
			anna.Hears("Reminder: Milk")
			anna.HearsLike("^Reminder")
		}, 0)
		if want := []string{`Anna finds no button "Milk"`, `Anna does not hear "Reminder: Milk"`, `Anna does not hear something like ^Reminder`}; !slices.Equal(r.missed, want) {
			t.Errorf("missed %q, want %q", r.missed, want)
		}
	})
}
