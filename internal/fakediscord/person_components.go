package fakediscord

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// walk calls f for each component of a list, also those within others, until it
// reports false.
func walk(l []any, f func(object) bool) bool {
	for _, v := range l {
		o, ok := v.(object)
		if !ok {
			continue
		}
		inner, _ := o["components"].([]any)
		if !f(o) || !walk(inner, f) || !walk([]any{o["accessory"], o["component"]}, f) {
			return false
		}
	}
	return true
}

// messages returns the bot's messages in the channel that the person sees, the
// latest first, or one of them.
func (p person) messages(id ID) []*message {
	var all []*message
	for _, m := range slices.Concat(p.ch.messages, p.s.private) {
		if m.channel == p.ch && m.author == p.s.me && (id == 0 || m.id == id) && (m.only == nil || m.only == p.u) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *message) int { return cmp.Compare(b.id, a.id) })
	return all
}

// idle returns an error while the bot has not acknowledged something that the person
// has done, on a message if that is not 0: the client shows that it waits.
func (p person) idle(message ID) error {
	for _, in := range p.s.interactions {
		if message != 0 && (in.message == nil || in.message.id != message) {
			continue
		}
		if in.user == p.u && in.channel == p.ch && in.answered == 0 && !in.late && in.kind != interactionAutocomplete {
			return absent("the bot has not acknowledged what %s did before", p.u.global)
		}
	}
	return nil
}

// component returns the component that is as wanted, and its message.
func (p person) component(id ID, what, name string, wanted func(object) bool) (*message, object, error) {
	if err := p.idle(id); err != nil {
		return nil, nil, err
	}
	for _, m := range p.messages(id) {
		var found object
		walk(m.doc["components"].([]any), func(o object) bool {
			if wanted(o) {
				found = o
			}
			return found == nil
		})
		switch {
		case found == nil:
		case truth(found, "disabled"):
			return nil, nil, unable("the %s %q is disabled", what, name)
		default:
			return m, found, nil
		}
	}
	return nil, nil, absent("no message of the bot has the %s %q", what, name)
}

// Press presses a button as a person. The button is given by its label, its emoji
// or its custom ID, on a message or, if that is 0, on the latest one that has it.
func (s *Server) Press(as, channel, message ID, button string) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.person(as, channel)
	if err != nil {
		return 0, err
	}
	m, o, err := p.component(message, "button", button, func(o object) bool {
		emoji, _ := o["emoji"].(object)
		return number(o, "type") == componentButton && slices.Contains([]string{text(o, "label"), text(o, "custom_id"), text(emoji, "name")}, button) && button != ""
	})
	switch {
	case err != nil:
		return 0, err
	case text(o, "custom_id") == "":
		return 0, unable("the button %q opens a page, and the bot is not told", button)
	}
	return p.touches(HappeningPress, m, o, cmp.Or(text(o, "label"), button), object{}), nil
}

// touches begins the interaction of a component.
func (p person) touches(kind string, m *message, o object, said string, data object) ID {
	in := &interaction{kind: interactionComponent, user: p.u, channel: p.ch, message: m}
	p.s.record(Happening{Kind: kind, GuildID: p.ch.guildID(), ChannelID: p.ch.id, MessageID: m.id, UserID: p.u.id, Text: said, Only: p.u.id})
	return p.s.begin(in, with(data, object{"custom_id": o["custom_id"], "component_type": o["type"], "id": o["id"]}))
}

// Pick chooses values in a select menu as a person. The menu is given by its
// placeholder or its custom ID, on a message or, if that is 0, on the latest one
// that has it.
func (s *Server) Pick(as, channel, message ID, menu string, values []any) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.person(as, channel)
	if err != nil {
		return 0, err
	}
	m, o, err := p.component(message, "menu", menu, func(o object) bool {
		return isMenu(o) && (menu == text(o, "placeholder") || menu == text(o, "custom_id"))
	})
	if err != nil {
		return 0, err
	}
	u := &usage{person: p, resolved: make(object)}
	picked, said, err := u.pick(o, menu, values)
	if err != nil {
		return 0, err
	}
	data := object{"values": picked}
	if len(u.resolved) > 0 {
		data["resolved"] = u.resolved
	}
	return p.touches(HappeningPick, m, o, said+" in "+menu, data), nil
}

func isMenu(o object) bool {
	kind := number(o, "type")
	return kind == componentSelect || kind >= componentUsers && kind <= componentChannels
}

// optionOfMenu are the types of the options that take the same values as a menu.
var optionOfMenu = map[int]int{componentUsers: optionUser, componentRoles: optionRole, componentMentionable: optionMentionable, componentChannels: optionChannel}

// pick returns the values of a select menu, and how they look.
func (u *usage) pick(o object, menu string, values []any) (picked []any, said string, err error) {
	picked = []any{}
	var words []string
	for _, v := range values {
		value, label, err := u.choose(o, menu, v)
		if err != nil {
			return nil, "", err
		}
		if slices.Contains(picked, value) {
			return nil, "", unable("%v is chosen twice in the menu %q", v, menu)
		}
		picked = append(picked, value)
		words = append(words, label)
	}
	lo, hi := number(o, "min_values"), number(o, "max_values")
	if len(picked) < lo || len(picked) > hi {
		return nil, "", unable("the menu %q takes from %d to %d values, not %d", menu, lo, hi, len(picked))
	}
	return picked, strings.Join(words, ", "), nil
}

// choose returns one value of a select menu.
func (u *usage) choose(o object, menu string, v any) (value any, said string, err error) {
	if kind := number(o, "type"); kind != componentSelect {
		as := with(o, object{"type": optionOfMenu[kind], "name": menu})
		return u.thing(as, v, unable("the menu %q does not take %v", menu, v))
	}
	for _, option := range objects(o, "options") {
		if s := asText(v); text(option, "label") == s || text(option, "value") == s {
			return option["value"], text(option, "label"), nil
		}
	}
	return nil, "", unable("the menu %q has no option %q", menu, asText(v))
}

// Fill fills in the form that has opened for a person and sends it. The fields are
// given by their labels or custom IDs. Those that are not given keep the values
// that they have.
func (s *Server) Fill(as, channel ID, fields map[string]any) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.person(as, channel)
	if err != nil {
		return 0, err
	}
	if err := p.idle(0); err != nil {
		return 0, err
	}
	opener := p.u.form
	if opener == nil || opener.channel != p.ch {
		return 0, absent("no form is open")
	}
	f := &filling{usage: usage{person: p, resolved: make(object), given: fields}, used: make(map[string]bool)}
	var parts []any
	for _, part := range objects(opener.form, "components") {
		filled, err := f.part(part)
		if err != nil {
			return 0, err
		}
		parts = append(parts, filled)
	}
	for name := range fields {
		if !f.used[name] {
			return 0, unable("the form has no field %q", name)
		}
	}
	p.u.form = nil
	in := &interaction{kind: interactionForm, user: p.u, channel: p.ch, parent: opener, message: opener.message}
	p.s.record(in.happening(HappeningFill, Happening{UserID: p.u.id, Only: p.u.id, Text: text(opener.form, "title") + ": " + strings.Join(f.said, ", ")}))
	data := object{"custom_id": opener.form["custom_id"], "components": parts}
	if len(f.resolved) > 0 {
		data["resolved"] = f.resolved
	}
	return s.begin(in, data), nil
}

// A filling is a form that a person fills in.
type filling struct {
	usage
	used map[string]bool // the names of the fields that were filled in
}

// part returns a part of a form as the bot gets it.
func (f *filling) part(part object) (object, error) {
	out := object{"type": part["type"], "id": part["id"]}
	label := text(part, "label")
	if inner, ok := part["component"].(object); ok {
		filled, err := f.field(inner, label)
		out["component"] = filled
		return out, err
	}
	for _, inner := range objects(part, "components") {
		filled, err := f.field(inner, text(inner, "label"))
		if err != nil {
			return nil, err
		}
		out["components"] = []any{filled}
	}
	return out, nil
}

// field returns a field of a form as the bot gets it.
func (f *filling) field(o object, label string) (object, error) {
	v := o["value"]
	for _, name := range []string{label, text(o, "custom_id")} {
		if given, ok := f.given[name]; ok {
			v = given
			f.used[name] = true
		}
	}
	out := object{"type": o["type"], "id": o["id"], "custom_id": o["custom_id"]}
	name := cmp.Or(label, text(o, "custom_id"))
	if isMenu(o) {
		values, ok := v.([]any)
		if !ok && v != nil {
			values = []any{v}
		}
		required, given := o["required"].(bool)
		if len(values) == 0 && given && !required {
			out["values"] = []any{}
			return out, nil
		}
		picked, said, err := f.pick(o, name, values)
		out["values"] = picked
		f.said = append(f.said, name+"="+said)
		return out, err
	}
	s := asText(v)
	n := utf8.RuneCountInString(s)
	lo, hi := number(o, "min_length"), cmp.Or(number(o, "max_length"), 4000)
	switch {
	case n == 0 && !truth(o, "required"):
	case n == 0:
		return nil, unable("the field %q is required", name)
	case n < lo || n > hi:
		return nil, unable("the field %q takes from %d to %d characters, not %d", name, lo, hi, n)
	default:
		f.said = append(f.said, name+"="+s)
	}
	out["value"] = s
	return out, nil
}
