package discord

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/command"
)

// Choices returns choices with names equal to their values, for the Complete of
// a [Converter].
func Choices(words ...string) []ChoiceDef {
	all := make([]ChoiceDef, len(words))
	for i, word := range words {
		all[i] = ChoiceDef{Name: word, Value: word}
	}
	return all
}

// complete proposes values for the option that a user is typing.
func (c *Context) complete(m *match, d *interactionData) error {
	var choices []ChoiceDef
	var err error
	if m.to != nil && m.to.route != nil {
		m.partial = true
		err = c.invoke(m.to.name, func(c *Context) error {
			if m.to.route.Allowed(c) != nil {
				return nil // nothing is proposed
			}
			choices, err = m.to.route.complete(c, d)
			return err
		}, m)
	}
	a := c.inv.answer
	if fault := a.begin(c, "Complete"); fault != nil {
		return fault
	}
	defer a.end()
	if fault := a.complete(c, fitting(choices)); err == nil {
		err = fault
	}
	return err
}

// complete returns the choices for the option that has the focus.
func (rt *Route) complete(c *Context, d *interactionData) ([]ChoiceDef, error) {
	_, args := d.words()
	for _, arg := range args {
		if !arg.Focused {
			continue
		}
		typed := arg.text(&d.Resolved)
		for i := range rt.params {
			if rt.params[i].Name != arg.Name {
				continue
			}
			for _, conv := range rt.convs[i] {
				if conv.Complete != nil {
					return conv.Complete(c, typed)
				}
			}
			return matching(rt.params[i].Choices(), typed), nil
		}
	}
	return nil, nil
}

// matching returns the words that have a text in them, in any case; first those that begin
// with it.
func matching(words []string, typed string) []ChoiceDef {
	key := command.Fold(strings.TrimSpace(typed))
	var first, rest []string
	for _, word := range words {
		switch folded := command.Fold(word); {
		case strings.HasPrefix(folded, key):
			first = append(first, word)
		case strings.Contains(folded, key):
			rest = append(rest, word)
		}
	}
	return Choices(append(first, rest...)...)
}

// fitting returns the choices that Discord takes.
func fitting(choices []ChoiceDef) (fit []ChoiceDef) {
	for _, ch := range choices {
		if n := utf8.RuneCountInString(ch.Value); n == 0 || n > maxAbout || ch.Name == "" {
			continue
		}
		ch.Name = clipped(ch.Name)
		if slices.ContainsFunc(fit, func(other ChoiceDef) bool { return other.Name == ch.Name }) {
			continue // Discord would refuse them all
		}
		if fit = append(fit, ch); len(fit) == maxChoices {
			break
		}
	}
	return fit
}
