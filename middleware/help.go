package middleware

import (
	"slices"
	"strings"

	"github.com/vkrouter/vk"
)

// Help returns the handler of a help command, which lists the commands that r
// has for the user:
//
//	r.Handle("help {command...?}", middleware.Help(r))
//
// Without an argument, it lists the commands in the order of [vk.Router.Walk],
// each with its usage and the first line of its Doc. It omits commands that are
// hidden or disabled, and those whose checks refuse the user here. If the
// pattern has a placeholder named command, the user can name a command: the
// reply is then the command's whole Doc, also for a hidden command, and the
// commands that begin with these words.
//
// Routes without words are not listed. The checks of this package call VK once
// for all commands.
func Help(r *vk.Router) vk.HandlerFunc {
	return func(c *vk.Context) error {
		w := wordsFor(c)
		name := strings.TrimPrefix(strings.TrimSpace(c.Arg("command")), c.Prefix())
		asked := strings.Fields(name)
		var texts []string
		for rt := range r.Walk() {
			words := wordsOf(rt)
			if len(words) == 0 || !begins(words, asked) || !rt.Enabled() {
				continue
			}
			named := len(words) == len(asked)
			if rt.Hidden && !named || rt.Allowed(c) != nil {
				continue
			}
			usage := c.Prefix() + rt.Pattern
			switch doc := strings.TrimSpace(rt.Doc); {
			case doc == "":
				texts = append(texts, usage)
			case named:
				texts = append(texts, usage+"\n"+doc)
			default:
				first, _, _ := strings.Cut(doc, "\n")
				texts = append(texts, usage+" — "+strings.TrimSpace(first))
			}
		}
		switch {
		case len(texts) == 0 && len(asked) > 0:
			return tell(c, w.unknownCommand(short(c.Prefix()+strings.Join(asked, " "))))
		case len(texts) == 0:
			return tell(c, w.noCommands)
		case len(asked) == 0:
			texts = slices.Insert(texts, 0, w.commands)
		}
		return c.Reply(strings.Join(texts, "\n"), quietly)
	}
}

// wordsOf returns the words of a route's pattern, each perhaps one of several.
func wordsOf(rt *vk.Route) []string {
	words := strings.Fields(rt.Pattern)
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "{") }); i >= 0 {
		words = words[:i]
	}
	return words
}

// begins reports whether the words of a pattern begin with those of a command.
// It is lenient about case: whoever asks for help need not be exact.
func begins(words, asked []string) bool {
	if len(asked) > len(words) {
		return false
	}
	for i, a := range asked {
		if !slices.ContainsFunc(strings.Split(words[i], "|"), func(w string) bool { return strings.EqualFold(w, a) }) {
			return false
		}
	}
	return true
}
