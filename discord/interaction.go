package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// An interactionData is the data of an interaction.
type interactionData struct {
	// Of a command.
	ID       ID            `json:"id"`
	Name     string        `json:"name"`
	Type     CommandType   `json:"type"`
	TargetID ID            `json:"target_id"`
	Options  []optionValue `json:"options"`

	// Of a component or a form.
	CustomID   string      `json:"custom_id"`
	Values     []string    `json:"values"`
	Type2      int         `json:"component_type"`
	Components []formValue `json:"components"`

	Resolved resolved `json:"resolved"`
}

// An optionValue is an argument of a slash command, a subcommand, or a group of these.
type optionValue struct {
	Name    string          `json:"name"`
	Type    OptionType      `json:"type"`
	Value   json.RawMessage `json:"value"`
	Focused bool            `json:"focused"`
	Options []optionValue   `json:"options"`
}

// A formValue is an input of a form that was sent, or the row or the label around one.
type formValue struct {
	CustomID   string      `json:"custom_id"`
	Value      string      `json:"value"`
	Values     []string    `json:"values"`
	Component  *formValue  `json:"component"`
	Components []formValue `json:"components"`
}

// Resolved are the objects that the arguments of an interaction name, by their IDs in digits.
type resolved struct {
	Users       map[string]User       `json:"users"`
	Members     map[string]Member     `json:"members"` // without the User
	Roles       map[string]Role       `json:"roles"`
	Channels    map[string]Channel    `json:"channels"` // partial
	Messages    map[string]Message    `json:"messages"`
	Attachments map[string]Attachment `json:"attachments"`
}

// interactionType returns the type in the data of an INTERACTION_CREATE.
func interactionType(raw []byte) (t InteractionType) {
	s := scan.New(raw)
	if !s.Object() {
		return 0
	}
	for s.Member() {
		if string(s.Key()) == "type" {
			n, _ := tolerant.Int(s.Value())
			t = InteractionType(n)
		} else {
			s.Value()
		}
	}
	return t
}

// errNoInteraction returns the error of an event that is no interaction.
func (c *Context) errNoInteraction(what string) error {
	return errors.New("discord: a " + c.event.Kind + " event has no " + what)
}

// Interaction returns the interaction that the event is: a slash command, a press of a
// button, a choice in a menu or a form that was sent. It must not be changed. It is nil for
// all other events.
func (c *Context) Interaction() *Interaction {
	if a := c.inv.answer; a != nil {
		if i, _, err := a.decoded(); err == nil {
			return i
		}
	}
	return nil
}

// data returns the data of the interaction, or nil if the event is none.
func (c *Context) data() *interactionData {
	if a := c.inv.answer; a != nil {
		if _, d, err := a.decoded(); err == nil {
			return d
		}
	}
	return nil
}

// Locale returns the language of the user who caused the interaction, such as
// "en-US" or "ru". For all other events it returns "".
func (c *Context) Locale() string {
	if i := c.Interaction(); i != nil {
		return i.Locale
	}
	return ""
}

// Picked returns the choices of a user in a [Menu]: the values of options, or
// the IDs of users, roles or channels in digits. For all other events it
// returns nil.
func (c *Context) Picked() []string {
	if d := c.data(); d != nil {
		return d.Values
	}
	return nil
}

// Input returns the text of an input of the form that was sent, by its name, without regard
// to case and underscores. It is "" if there is none.
func (c *Context) Input(name string) string {
	if d := c.data(); d != nil {
		return d.inputs()[inputName(name)]
	}
	return ""
}

// inputs returns the texts of a form by the names of inputs.
func (d *interactionData) inputs() map[string]string {
	texts := make(map[string]string)
	var walk func([]formValue)
	walk = func(list []formValue) {
		for _, v := range list {
			if v.Component != nil {
				walk([]formValue{*v.Component})
			}
			walk(v.Components)
			switch {
			case v.CustomID == "", v.Value == "" && len(v.Values) == 0: // left empty
			case v.Values != nil:
				texts[inputName(v.CustomID)] = string(appendWords(nil, v.Values))
			default:
				texts[inputName(v.CustomID)] = v.Value
			}
		}
	}
	walk(d.Components)
	return texts
}

// targetUser returns the user of a command in the menu of users.
func (c *Context) targetUser() (*User, error) {
	d := c.data()
	if d == nil || d.Type != CommandUser {
		return nil, c.errNoInteraction("user to act on")
	}
	u, ok := d.Resolved.user(d.TargetID)
	if !ok {
		return nil, fmt.Errorf("discord: the interaction does not have its user %s", d.TargetID)
	}
	return &u, nil
}

// targetMessage returns the message of a command in the menu of messages.
func (c *Context) targetMessage() (*Message, error) {
	d := c.data()
	if d == nil || d.Type != CommandMessage {
		return nil, c.errNoInteraction("message to act on")
	}
	m, ok := d.Resolved.Messages[d.TargetID.String()]
	if !ok {
		return nil, fmt.Errorf("discord: the interaction does not have its message %s", d.TargetID)
	}
	return &m, nil
}

// user returns a user with the membership.
func (r *resolved) user(id ID) (User, bool) {
	u, ok := r.Users[id.String()]
	if m, in := r.Members[id.String()]; ok && in {
		u.Member = &m
	}
	return u, ok
}

// member returns a member with the user.
func (r *resolved) member(id ID, guild ID) (Member, bool) {
	m, ok := r.Members[id.String()]
	if u, known := r.Users[id.String()]; ok && known {
		m.User, m.GuildID = &u, guild
	}
	return m, ok
}

// words returns the words of a slash command, and the options that are its arguments.
func (d *interactionData) words() (words []string, args []optionValue) {
	words, args = []string{d.Name}, d.Options
	for len(args) == 1 && (args[0].Type == OptionSubcommand || args[0].Type == OptionGroup) {
		words, args = append(words, args[0].Name), args[0].Options
	}
	return words, args
}

// text returns an argument of a slash command as a user would have typed it.
func (o *optionValue) text(r *resolved) string {
	b, ok := tolerant.Text(o.Value)
	s := string(b)
	if !ok {
		s = strings.TrimSpace(string(o.Value)) // a number or a truth value
	}
	id, err := ParseID(s)
	if err != nil {
		return s
	}
	_, isRole := r.Roles[s]
	switch {
	case o.Type == OptionUser, o.Type == OptionMentionable && !isRole:
		return Mention(id)
	case o.Type == OptionRole, o.Type == OptionMentionable:
		return MentionRole(id)
	case o.Type == OptionChannel:
		return MentionChannel(id)
	}
	return s
}
