package discordtest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// A File is the value of an option that takes a file.
type File struct {
	Name string
	Data []byte
}

// Slash uses a slash command: its words and then its options, each a name and a
// value.
//
//	anna.Slash("ban", "user", boris, "reason", "spam")
//	anna.Slash("mod role add", "user", boris, "role", role)
//
// A value is a string, a number, a bool, a [*User], a [*Channel], the
// [discord.ID] of a role, or a [File]. For an option with choices, it is the name or the value of a
// choice. The test fails if Discord's client would not send the command: it is not
// offered to the person in this channel, lacks a required option, or a value is out
// of bounds.
func (u *User) Slash(words string, options ...any) {
	u.s.tb().Helper()
	u.cannot("use /"+words, u.TrySlash(words, options...))
}

// TrySlash is Slash that returns the refusal of Discord's client.
func (u *User) TrySlash(words string, options ...any) error {
	u.s.tb().Helper()
	_, err := u.s.fake.Slash(fakediscord.ID(u.ID), fakediscord.ID(u.in.ID), words, u.pairs("option", options))
	return clientError(err)
}

// clientError returns the words of a refusal by Discord's client.
func clientError(err error) error {
	if refusal := (*fakediscord.ClientError)(nil); errors.As(err, &refusal) {
		return errors.New(refusal.Reason)
	}
	return err
}

// cannot fails the test if Discord's client refuses something.
func (u *User) cannot(do string, err error) {
	u.s.tb().Helper()
	if err != nil {
		u.fails("cannot %s: %v", do, err)
	}
}

// pairs reads names and values, and fails the test if they are none.
func (u *User) pairs(what string, list []any) map[string]any {
	u.s.tb().Helper()
	if len(list)%2 != 0 {
		u.s.fatalf("the last %s has no value: write each as name, value", what)
		return nil
	}
	values := make(map[string]any)
	for i := 0; i < len(list); i += 2 {
		name, ok := list[i].(string)
		if !ok {
			u.s.fatalf("the %T %[1]v stands where a name belongs: write each %s as name, value", list[i], what)
			return nil
		}
		values[name] = plainValue(list[i+1])
	}
	return values
}

// plainValue returns a value as the fake takes it.
func plainValue(v any) any {
	switch v := v.(type) {
	case *User:
		return v.ID.String()
	case *Channel:
		return v.ID.String()
	case discord.ID:
		return v.String()
	case File:
		return fakediscord.Upload{Name: v.Name, Data: v.Data}
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, plainValue(x))
		}
		return out
	case []string:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, x)
		}
		return out
	case float64:
		return v
	}
	return fmt.Sprint(v)
}

// Uses uses a command in the menu of a person or of a message: the target is a
// [*User] or a [discord.Message].
//
//	anna.Uses("Report", boris)
func (u *User) Uses(name string, target any) {
	u.s.tb().Helper()
	u.cannot("use "+name, u.TryUse(name, target))
}

// TryUse is Uses that returns the refusal of Discord's client.
func (u *User) TryUse(name string, target any) (err error) {
	u.s.tb().Helper()
	me, in := fakediscord.ID(u.ID), fakediscord.ID(u.in.ID)
	switch target := target.(type) {
	case *User:
		_, err = u.s.fake.UserMenu(me, in, name, fakediscord.ID(target.ID))
	case discord.Message:
		_, err = u.s.fake.MessageMenu(me, in, name, fakediscord.ID(target.ID))
	default:
		u.s.fatalf("%s has no menu on the %T %[2]v: the target is a *User or a discord.Message", name, target)
	}
	return clientError(err)
}

// Offers returns the commands that Discord's client offers the person in the
// channel, in the person's language: slash commands as "/mod ban", the others by their
// names.
func (u *User) Offers() []string {
	u.s.tb().Helper()
	all, err := u.s.fake.Offers(fakediscord.ID(u.ID), fakediscord.ID(u.in.ID))
	u.cannot("see the commands", err)
	names := []string{}
	for _, o := range all {
		if o.Type == 1 {
			o.Name = "/" + o.Name
		}
		names = append(names, o.Name)
	}
	return names
}

// Completes types into an option of a slash command that the bot completes, and
// returns the choices that the bot offers. Other options may be filled in already, as
// in [User.Slash].
//
//	anna.Completes("play", "song", "ro") // ["Rosamunde", "Romance"]
func (u *User) Completes(words, option, typed string, others ...any) []string {
	u.s.tb().Helper()
	options := u.pairs("option", others)
	options[option] = typed
	id, err := u.s.fake.Complete(fakediscord.ID(u.ID), fakediscord.ID(u.in.ID), words, option, options)
	u.cannot("complete "+option+" of /"+words, clientError(err))
	var names []string
	u.await("should see choices for "+option, func() bool {
		h, ok := u.s.fake.Next(0, func(h *fakediscord.Happening) bool {
			return h.Interaction == id && (h.Kind == fakediscord.HappeningChoices || h.Kind == fakediscord.HappeningNoResponse)
		})
		if !ok {
			return false
		}
		if h.Kind == fakediscord.HappeningNoResponse {
			u.fails("should see choices for %s, but the bot did not respond", option)
		}
		names = choicesOf(h)
		return true
	})
	return names
}

// choicesOf returns the names of the choices of a happening.
func choicesOf(h fakediscord.Happening) []string {
	var choices []struct{ Name string }
	json.Unmarshal(h.Choices, &choices)
	names := make([]string, 0, len(choices))
	for _, c := range choices {
		names = append(names, c.Name)
	}
	return names
}

// Speaks sets the language of the person's client, such as "ru". The default is
// "en-US".
func (u *User) Speaks(locale string) *User {
	u.s.fake.Speaks(fakediscord.ID(u.ID), locale)
	return u
}

// SeesEphemeral is [User.Sees] for a message that only this person sees.
func (u *User) SeesEphemeral(text string) discord.Message {
	u.s.tb().Helper()
	return u.sees(fmt.Sprintf("alone %q", text), func(m discord.Message) bool { return m.Content == text && m.Flags.Has(discord.FlagEphemeral) })
}

// SeesThinking expects that the bot puts its answer off: people see that it
// thinks. Sees then waits for the answer itself.
func (u *User) SeesThinking() {
	u.s.tb().Helper()
	u.happens("should see the bot thinking", fakediscord.HappeningThinking)
}

// SeesNoResponse expects that Discord tells the person that the bot did not
// respond to a command, a press or a form within three seconds.
func (u *User) SeesNoResponse() {
	u.s.tb().Helper()
	u.happens("should see that the bot did not respond", fakediscord.HappeningNoResponse)
}

// happens waits for a happening of a kind that the person has not seen yet.
func (u *User) happens(want, kind string) (found fakediscord.Happening) {
	u.s.tb().Helper()
	u.await(want, func() (ok bool) {
		u.s.mu.Lock()
		defer u.s.mu.Unlock()
		h := u.s.of(u.in)
		seen := sight{kind, fakediscord.ID(u.ID)}
		if found, ok = u.next(h.seen[seen], kind, nil); ok {
			h.seen[seen] = found.N
		}
		return ok
	})
	return found
}
