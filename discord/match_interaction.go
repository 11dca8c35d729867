package discord

import (
	"errors"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// routeInteraction runs the route of an interaction.
func (t *table) routeInteraction(c *Context, errs *handlerErrors) {
	a := c.inv.answer
	i, d, err := a.decoded()
	if err != nil {
		errs.add(err)
		return
	}
	if i.Type == InteractionPing {
		return
	}
	m := t.findInteraction(i.Type, d)
	if i.Type == InteractionAutocomplete {
		errs.add(c.complete(m, d))
		return
	}
	if c.offer(m) {
		return
	}
	if m.to == nil {
		m.to = t.unknown
		a.stale.Store(true)
	}
	if m.to.route != nil && m.to.route.Ephemeral {
		a.quiet.Store(true)
	}
	err = c.invoke(m.to.name, m.to.run, m)
	errs.add(err)
}

// findInteraction returns the route that an interaction leads to. Its to is nil if there is
// none.
func (t *table) findInteraction(typ InteractionType, d *interactionData) *match {
	switch {
	case typ == InteractionComponent:
		m := &match{whole: string(appendWords([]byte(d.CustomID), d.Values)), extra: len(d.Values) > 0}
		m.to, m.line = t.presses.Find(m.whole)
		return m
	case typ == InteractionModal:
		m := &match{whole: d.CustomID, byName: true, named: d.inputs()}
		m.to, m.line = t.submits.Find(m.whole)
		return m
	case d.Type == CommandUser || d.Type == CommandMessage:
		m := &match{whole: d.Name, to: t.menus[menuKey{d.Type, d.Name}]}
		if m.to == nil {
			m.line = d.Name
		}
		return m
	}
	words, args := d.words()
	line := strings.Join(words, " ")
	m := &match{to: t.slash[line], prefix: "/", byName: true, named: make(map[string]string)}
	for i := range args {
		m.named[args[i].Name] = args[i].text(&d.Resolved)
	}
	if m.to != nil {
		m.line = lineOf(m.to.route.params, m.named)
	}
	m.whole = m.prefix + strings.TrimSpace(line+" "+m.line)
	if m.to == nil {
		m.line = line // as of a typed command without a route
	}
	return m
}

// lineOf returns the arguments of a slash command as a user would have typed
// them.
func lineOf(params []command.Param, named map[string]string) string {
	var line []byte
	for i := range params {
		p := &params[i]
		text, given := named[p.Name]
		if !given {
			continue
		}
		if line = append(line, ' '); p.List || p.Rest {
			line = append(line, text...)
		} else {
			line = command.AppendWord(line, text)
		}
	}
	return strings.TrimSpace(string(line))
}

// appendWords appends words to a line, in quotation marks where they need them.
func appendWords(line []byte, words []string) []byte {
	for _, word := range words {
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = command.AppendWord(line, word)
	}
	return line
}

// isQuiet reports whether the answers to an interaction are for the user alone.
func (t *table) isQuiet(a *response) bool {
	i, d, err := a.decoded()
	if err != nil {
		return false
	}
	m := t.findInteraction(i.Type, d)
	return m.to != nil && m.to.route != nil && m.to.route.Ephemeral
}

// noteStale notes that the arguments of a button or a form do not fit: an older version of
// the bot has made it.
func (c *Context) noteStale(err error) {
	var wrong *ArgError
	if a := c.inv.answer; a != nil && errors.As(err, &wrong) && wrong.IsStale() {
		a.stale.Store(true)
	}
}
