package fakediscord

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Upload is the value of an option of the type attachment.
type Upload struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// A usage gathers the options of a command and the things that they refer to.
type usage struct {
	person
	given    map[string]any
	focused  string // the option that is being completed
	option   int    // its type
	resolved object
	said     []string
}

// resolve adds a thing to those that the data refers to.
func (u *usage) resolve(kind string, id ID, o object) {
	of, ok := u.resolved[kind].(object)
	if !ok {
		of = make(object)
		u.resolved[kind] = of
	}
	of[id.String()] = o
}

// fill returns the options of a command that were given, checked as the client
// does.
func (u *usage) fill(doc object) ([]any, error) {
	all := objects(doc, "options")
	out := []any{}
	known := make(map[string]bool)
	for _, o := range all {
		name, key := text(o, "name"), ""
		for given := range u.given {
			if u.calls(o, given) {
				key = given
			}
		}
		known[key] = true
		focused := u.focused != "" && u.calls(o, u.focused)
		v, given := u.given[key]
		switch {
		case focused:
			if !truth(o, "autocomplete") {
				return nil, unable("the option %q is not completed by the bot", name)
			}
			u.option = number(o, "type")
			out = append(out, object{"type": o["type"], "name": name, "value": asText(v), "focused": true})
			continue
		case !given:
			if truth(o, "required") && u.focused == "" {
				return nil, unable("the option %q is required", name)
			}
			continue
		}
		value, said, err := u.value(o, v)
		if err != nil {
			return nil, err
		}
		out = append(out, object{"type": o["type"], "name": name, "value": value})
		u.said = append(u.said, u.local(o, "name")+":"+said)
	}
	for name := range u.given {
		if !known[name] {
			return nil, unable("there is no option %q", name)
		}
	}
	if u.focused != "" && u.option == 0 {
		return nil, unable("there is no option %q", u.focused)
	}
	return out, nil
}

// value returns the value of an option and how the client shows it.
func (u *usage) value(o object, v any) (value any, said string, err error) {
	name := text(o, "name")
	if choices := objects(o, "choices"); len(choices) > 0 {
		for _, c := range choices {
			if s := asText(v); u.calls(c, s) || asText(c["value"]) == s {
				return c["value"], u.local(c, "name"), nil
			}
		}
		return nil, "", unable("the option %q has no choice %q", name, asText(v))
	}
	wrong := unable("the option %q does not take %v", name, v)
	switch number(o, "type") {
	case optionString:
		s := asText(v)
		n := utf8.RuneCountInString(s)
		if hi, ok := o["max_length"].(int); n > 6000 || ok && n > hi {
			return nil, "", unable("the option %q takes fewer than %d characters", name, n)
		}
		if n == 0 || n < number(o, "min_length") {
			return nil, "", unable("the option %q takes more than %d characters", name, n)
		}
		return s, s, nil
	case optionInt:
		n, err := strconv.ParseInt(asText(v), 10, 64)
		if err != nil || n > 1<<53 || n < -1<<53 {
			return nil, "", wrong
		}
		return n, asText(n), u.inBounds(o, float64(n))
	case optionNumber:
		n, ok := float(asText(v))
		if !ok {
			return nil, "", wrong
		}
		return n, asText(n), u.inBounds(o, n)
	case optionBool:
		b, err := strconv.ParseBool(asText(v))
		if err != nil {
			return nil, "", wrong
		}
		return b, asText(b), nil
	case optionAttachment:
		return u.file(v, wrong)
	}
	return u.thing(o, v, wrong)
}

// asText returns a value as a person types it.
func asText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// inBounds returns an error if a number is not within the bounds of its option.
func (u *usage) inBounds(o object, n float64) error {
	if lo, ok := float(o["min_value"]); ok && n < lo {
		return unable("the option %q is at least %v", text(o, "name"), o["min_value"])
	}
	if hi, ok := float(o["max_value"]); ok && n > hi {
		return unable("the option %q is at most %v", text(o, "name"), o["max_value"])
	}
	return nil
}

// thing returns the value of an option that refers to a user, a channel or a role,
// by ID or by name.
func (u *usage) thing(o object, v any, wrong error) (value any, said string, err error) {
	kind := number(o, "type")
	ref := asText(v)
	if kind == optionUser || kind == optionMentionable {
		for _, x := range sorted(u.s.users) {
			if is(ref, x.id, x.global) && u.user(x.id) != nil {
				return x.id, "@" + x.global, nil
			}
		}
	}
	g := u.ch.guild
	if g != nil && (kind == optionRole || kind == optionMentionable) {
		for _, r := range g.roles {
			if is(ref, r.id, text(r.doc, "name")) {
				u.resolve("roles", r.id, r.object())
				return r.id, "@" + text(r.doc, "name"), nil
			}
		}
	}
	if g != nil && kind == optionChannel {
		types, limited := o["channel_types"].([]any)
		for _, ch := range slices.Concat(g.channels, g.threads) {
			if !is(ref, ch.id, text(ch.doc, "name")) || !u.s.permissions(ch, u.u).Has(PermViewChannel) {
				continue
			}
			if limited && !slices.Contains(types, any(ch.kind)) {
				return nil, "", unable("the option %q does not take a channel of the type %d", text(o, "name"), ch.kind)
			}
			partial := object{"id": ch.id, "name": ch.doc["name"], "type": ch.kind, "permissions": u.s.permissions(ch, u.u), "parent_id": ch.doc["parent_id"], "guild_id": g.id}
			if ch.thread() {
				partial["thread_metadata"] = ch.meta
			}
			u.resolve("channels", ch.id, partial)
			return ch.id, "#" + text(ch.doc, "name"), nil
		}
	}
	return nil, "", wrong
}

// is reports whether a reference means a thing of an ID and a name.
func is(ref string, id ID, name string) bool {
	return ref == id.String() || name != "" && strings.EqualFold(strings.TrimLeft(ref, "@#"), strings.TrimLeft(name, "@#"))
}

// user adds a user to the things that the data refers to, with the membership. In
// a private channel, only its two users can be chosen.
func (u *usage) user(id ID) *user {
	x, g := u.s.users[id], u.ch.guild
	if x == nil || g == nil && x != u.u && x != u.s.me {
		return nil
	}
	u.resolve("users", id, x.object())
	if g != nil && g.member(id) != nil {
		member := with(g.member(id).partial(), object{"permissions": u.s.permissions(u.ch, x)})
		delete(member, "deaf")
		delete(member, "mute")
		u.resolve("members", id, member)
	}
	return x
}

// file uploads the value of an option.
func (u *usage) file(v any, wrong error) (value any, said string, err error) {
	up, ok := v.(Upload)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil || json.Unmarshal(b, &up) != nil {
			return nil, "", wrong
		}
	}
	if up.Name == "" || len(up.Data) > maxFile {
		return nil, "", wrong
	}
	id := u.s.newID()
	o := u.s.store(u.ch, id, file{name: up.Name, data: up.Data})
	o["ephemeral"] = true
	u.resolve("attachments", id, o)
	return id, up.Name, nil
}
