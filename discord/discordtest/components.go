package discordtest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// Clicks presses the button with a label, an emoji or a custom ID, on the latest
// message that has it. The message may still be about to come; and before, the bot
// must acknowledge the command, the press or the form that the person sent last.
func (u *User) Clicks(button string) {
	u.s.tb().Helper()
	u.ClicksOn(discord.Message{}, button)
}

// ClicksOn is Clicks for a button on a certain message. It waits only for the answer
// to the person's last press on this message.
func (u *User) ClicksOn(m discord.Message, button string) {
	u.s.tb().Helper()
	u.manages(fmt.Sprintf("press %q", button), func() error { return u.press(m, button) })
}

func (u *User) press(m discord.Message, button string) error {
	_, err := u.s.fake.Press(fakediscord.ID(u.ID), fakediscord.ID(u.in.ID), fakediscord.ID(m.ID), button)
	return err
}

// TryClick is Clicks that does not wait, and returns the refusal of Discord's client.
func (u *User) TryClick(button string) error {
	return clientError(u.press(discord.Message{}, button))
}

// Picks chooses values in the select menu with a placeholder or a custom ID, on the
// latest message that has it, which may still be about to come. The values are the
// labels or the values of options, or in menus of people, channels and roles a
// [*User], a [*Channel] or the [discord.ID] of a role.
func (u *User) Picks(menu string, values ...any) {
	u.s.tb().Helper()
	u.manages(fmt.Sprintf("choose in the menu %q", menu), func() error { return u.pick(menu, values) })
}

func (u *User) pick(menu string, values []any) error {
	_, err := u.s.fake.Pick(fakediscord.ID(u.ID), fakediscord.ID(u.in.ID), 0, menu, plainValue(values).([]any))
	return err
}

// TryPick is Picks that does not wait, and returns the refusal of Discord's client.
func (u *User) TryPick(menu string, values ...any) error {
	return clientError(u.pick(menu, values))
}

// Fills fills in the form that has opened, or is about to, and sends it. Each field
// is a name, which is its label or its custom ID, and a value; those that are not
// named keep their values.
//
//	anna.Fills("What do you ask?", "Tea?")
func (u *User) Fills(fields ...any) {
	u.s.tb().Helper()
	given := u.pairs("field", fields)
	u.manages("fill in the form", func() error { return u.fill(given) })
}

func (u *User) fill(given map[string]any) error {
	_, err := u.s.fake.Fill(fakediscord.ID(u.ID), fakediscord.ID(u.in.ID), given)
	return err
}

// TryFill is Fills that does not wait, and returns the refusal of Discord's client.
func (u *User) TryFill(fields ...any) error {
	u.s.tb().Helper()
	return clientError(u.fill(u.pairs("field", fields)))
}

// manages does something as soon as the thing that it needs is there, and fails the
// test if Discord's client refuses it.
func (u *User) manages(what string, do func() error) {
	u.s.tb().Helper()
	var err error
	missing := false
	late := u.waits(func() bool {
		err = do()
		refusal := (*fakediscord.ClientError)(nil)
		missing = errors.As(err, &refusal) && refusal.Absent
		return !missing
	})
	if late {
		u.fails("should %s, but after %v %v", what, patience, clientError(err))
		return
	}
	u.cannot(what, clientError(err))
}

// A Form is a form that has opened for a person.
type Form struct {
	ID     string // the custom ID
	Title  string
	Fields []FormField
}

// A FormField is a field of a form.
type FormField struct {
	ID       string // the custom ID
	Label    string
	Value    string // that it has already
	Required bool
}

// SeesForm expects that a form with a title opens for the person, and returns it.
func (u *User) SeesForm(title string) (f Form) {
	u.s.tb().Helper()
	h := u.happens(fmt.Sprintf("should see the form %q", title), fakediscord.HappeningForm)
	if h.Text != title {
		u.fails("should see the form %q, but sees the form %q", title, h.Text)
		return f
	}
	return formOf(h)
}

// formOf returns the form of a happening.
func formOf(h fakediscord.Happening) (f Form) {
	type input struct {
		CustomID string `json:"custom_id"`
		Label    string
		Value    string
		Required *bool
	}
	var raw struct {
		CustomID   string `json:"custom_id"`
		Title      string
		Components []struct {
			Label      string
			Component  *input
			Components []input
		}
	}
	json.Unmarshal(h.Form, &raw)
	f = Form{ID: raw.CustomID, Title: raw.Title}
	for _, part := range raw.Components {
		if part.Component != nil {
			part.Component.Label = part.Label
			part.Components = append(part.Components, *part.Component)
		}
		for _, in := range part.Components {
			f.Fields = append(f.Fields, FormField{in.CustomID, in.Label, in.Value, in.Required == nil || *in.Required})
		}
	}
	return f
}
