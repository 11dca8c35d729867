package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones for systems that have none

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A bot reminds people.
type bot struct {
	reminders *vk.Timers[string]
	digests   *vk.Timers[string]
}

// A cancel is the payload of the button that cancels a reminder.
type cancel struct {
	ID string `json:"id"`
}

var workdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}

// newBot returns the bot, which keeps its data in store.
func newBot(store vk.Store) vk.Handler {
	b := &bot{
		reminders: &vk.Timers[string]{Store: store, Name: "reminder"},
		digests:   &vk.Timers[string]{Store: store, Name: "digest"},
	}
	r := vk.NewRouter("/")
	r.Use(middleware.Explain())

	b.reminders.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
	b.digests.Handle(r, b.digest)

	vk.Command(r, "remind {in:duration} {what...}", b.remind)
	r.Handle("list", b.list)
	vk.Press(r, "cancel", b.cancel)
	r.Handle("digest", b.subscribe)
	r.Handle("nodigest", b.unsubscribe)
	return r
}

// remind sets a reminder. If the handler runs again, After does not set another
// one.
func (b *bot) remind(c *vk.Context, a struct {
	In   time.Duration
	What string
}) error {
	if _, err := b.reminders.After(c, a.In, a.What); err != nil {
		return err
	}
	return c.Reply(fmt.Sprintf("I will, in %v.", a.In))
}

// own returns the user's reminders in this conversation, the next one first.
func (b *bot) own(c *vk.Context) (own []vk.Timer[string], err error) {
	for t, err := range b.reminders.List(c, c.Event().GroupID) {
		if err != nil {
			return nil, err
		}
		if t.Key == vk.PerMember(c) {
			own = append(own, t)
		}
	}
	slices.SortFunc(own, func(a, b vk.Timer[string]) int { return a.Due.Compare(b.Due) })
	return own, nil
}

// show returns the reminders as text, with a button for each of the first few.
func (b *bot) show(c *vk.Context) (string, *vk.Keyboard, error) {
	own, err := b.own(c)
	if err != nil {
		return "", nil, err
	}
	if len(own) == 0 {
		return "Nothing is on my list.", &vk.Keyboard{Inline: true}, nil
	}
	var text strings.Builder
	kb := &vk.Keyboard{Inline: true}
	for i, t := range own {
		fmt.Fprintf(&text, "%d. %s, in %v\n", i+1, t.Value, time.Until(t.Due).Round(time.Second))
		if i < 5 {
			kb.Row(vk.CallbackButton(fmt.Sprintf("Cancel %d", i+1), map[string]any{"cancel": cancel{t.ID}}))
		}
	}
	return strings.TrimSuffix(text.String(), "\n"), kb, nil
}

func (b *bot) list(c *vk.Context) error {
	text, kb, err := b.show(c)
	if err != nil {
		return err
	}
	return c.Send(text, kb)
}

// cancel cancels a reminder of the user who pressed the button: the key
// contains the owner, and the payload cannot change it.
func (b *bot) cancel(c *vk.Context, p cancel) error {
	was, err := b.reminders.Cancel(c, vk.PerMember(c), p.ID)
	if err != nil {
		return err
	}
	answer := "Canceled."
	if !was {
		answer = "It is over already."
	}
	if err := c.Snackbar(answer); err != nil {
		return err
	}
	text, kb, err := b.show(c)
	if err != nil {
		return err
	}
	return c.Show(text, kb)
}

// subscribe sets the digest: one for each user and conversation, since its ID
// is always the same.
func (b *bot) subscribe(c *vk.Context) error {
	city, err := c.Ask("Which clock do you live by?", vk.Choices("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Vladivostok"), vk.As("zone"), vk.Within(24*time.Hour))
	if err != nil {
		return err
	}
	daily := vk.Daily{Hour: 9, Zone: city.Text(), Days: workdays}
	if _, err := daily.Next(time.Now()); err != nil {
		return city.Reply("I do not know that clock.")
	}
	if err := b.digests.Repeat(c, vk.PerMember(c), "digest", daily, ""); err != nil {
		return err
	}
	return city.Reply("Your digest comes at nine, Monday to Friday.")
}

func (b *bot) unsubscribe(c *vk.Context) error {
	was, err := b.digests.Cancel(c, vk.PerMember(c), "digest")
	switch {
	case err != nil:
		return err
	case !was:
		return c.Reply("You have no digest.")
	}
	return c.Reply("No digest any more.")
}

// digest sends the list.
func (b *bot) digest(c *vk.Context, _ string) error {
	own, err := b.own(c)
	if err != nil {
		return err
	}
	return c.Send(fmt.Sprintf("Good morning! Reminders to come: %d.", len(own)))
}
