package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A ticket is an open question. A person has at most one.
type ticket struct {
	Name    string    // of the person
	Opened  time.Time // zero if there is no ticket
	Waiting time.Time // of the first message without an answer, or zero
	StaffID int64     // the member of the staff with the ticket, or zero
	Staff   string    // the name
}

// String returns the text above a forwarded message.
func (t ticket) String() string {
	if t.StaffID == 0 {
		return t.Name + " asks:"
	}
	return t.Name + " asks " + t.Staff + ":"
}

// buttons returns the buttons below a forwarded message of user.
func buttons(user int64, t ticket) *vk.Keyboard {
	var row []vk.Button
	if t.StaffID == 0 {
		row = append(row, vk.CallbackButton("Take", map[string]int64{"take": user}).Positive())
	}
	row = append(row, vk.CallbackButton("Close", map[string]int64{"close": user}))
	return (&vk.Keyboard{Inline: true}).Row(row...)
}

var errClosed = middleware.Refuse("This ticket is closed.")

// change changes the ticket of user, or returns errClosed if there is none.
func (d *desk) change(c *vk.Context, user int64, f func(t *ticket) error) error {
	return d.tickets.Update(c, vk.Key{User: user}, func(t *ticket) error {
		if t.Opened.IsZero() {
			return errClosed
		}
		return f(t)
	})
}

// take handles the button Take: the ticket gets the name of the first member of the
// staff to press it. The message is edited in place.
func (d *desk) take(c *vk.Context, user int64) error {
	author, err := c.Author()
	if err != nil {
		return err
	}
	var taken ticket
	err = d.change(c, user, func(t *ticket) error {
		if t.StaffID != 0 && t.StaffID != c.FromID() {
			return middleware.Refuse(t.Staff + " has taken this ticket.")
		}
		t.StaffID, t.Staff = c.FromID(), author.Name
		taken = *t
		return nil
	})
	if err != nil {
		return err
	}
	var shown vk.Sent // another message if the first one is older than a day
	if err := c.Show(taken.String(), buttons(user, taken), vk.KeepForwards, vk.Into(&shown)); err != nil {
		return err
	}
	return d.note(c, shown, user)
}

// close handles the button Close. If the process dies in the middle, another one
// handles the press again, and nothing shows twice.
func (d *desk) close(c *vk.Context, user int64) error {
	t, err := d.tickets.Get(c, vk.Key{User: user})
	if err != nil {
		return err
	}
	if t.Opened.IsZero() {
		return errClosed
	}
	author, err := c.Author()
	if err != nil {
		return err
	}
	if err := c.Show(t.Name+" asked. Closed by "+author.Name+".", vk.KeepForwards); err != nil {
		return err
	}
	err = c.Client().Send(c, user, "Your question is closed. Write again at any time.")
	if err != nil && !isUnwelcome(err) {
		return err
	}
	return d.tickets.Delete(c, vk.Key{User: user})
}

// list lists the open tickets, the one that waits longest first.
func (d *desk) list(c *vk.Context) error {
	var all []ticket
	for item, err := range d.tickets.All(c, c.Event().GroupID) {
		if err != nil {
			return err
		}
		all = append(all, item.Value)
	}
	if len(all) == 0 {
		return c.Reply("No open tickets.")
	}
	now := time.Now()
	since := func(t ticket) time.Time {
		if t.Waiting.IsZero() {
			return now // answered: behind those that wait
		}
		return t.Waiting
	}
	slices.SortFunc(all, func(a, b ticket) int {
		if n := since(a).Compare(since(b)); n != 0 {
			return n
		}
		return a.Opened.Compare(b.Opened)
	})
	var text strings.Builder
	for i, t := range all {
		fmt.Fprintf(&text, "%d. %s: ", i+1, t.Name)
		if t.Waiting.IsZero() {
			text.WriteString("answered")
		} else {
			fmt.Fprintf(&text, "waits for %d min", int(now.Sub(t.Waiting).Minutes()))
		}
		if t.StaffID != 0 {
			text.WriteString(", taken by " + t.Staff)
		}
		text.WriteByte('\n')
	}
	return c.Reply(strings.TrimSuffix(text.String(), "\n"))
}
