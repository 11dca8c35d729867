package middleware

import (
	"slices"
	"strings"

	"github.com/vkrouter/vk"
	lang "github.com/vkrouter/vk/internal/words"
)

// Help returns the handler of a help command, which lists the commands that r
// has for the user:
//
//	r.Handle("help {command...?}", middleware.Help(r))
//
// Without an argument, it lists the commands in the order of [vk.Router.Walk],
// each with its usage and the first line of its Doc. It omits commands that are
// hidden, that are disabled, or that the checks refuse to the user here. If the
// pattern has a placeholder named command, the user can name a command: the
// reply is then the command's whole Doc, also for a hidden command, and the
// commands that begin with these words.
//
// Routes without words are not listed. The checks of this package call VK once
// for all commands.
func Help(r *vk.Router) vk.HandlerFunc {
	if r == nil {
		panic("middleware: Help: nil Router")
	}
	return func(c *vk.Context) error {
		w := wordsFor(c)
		name := strings.TrimPrefix(strings.TrimSpace(c.Arg("command")), c.Prefix())
		asked := strings.Fields(name)
		var texts []string
		for rt := range r.Walk() {
			words := lang.Of(rt.Pattern)
			if len(words) == 0 || !lang.Begin(words, asked) || !rt.Enabled() {
				continue
			}
			named := len(words) == len(asked)
			if rt.Hidden && !named || rt.Allowed(c) != nil {
				continue
			}
			texts = append(texts, lang.Described(c.Prefix()+rt.Pattern, rt.Doc, named))
		}
		switch {
		case len(texts) == 0 && len(asked) > 0:
			return tell(c, w.UnknownCommand(lang.Short(c.Prefix()+strings.Join(asked, " "))))
		case len(texts) == 0:
			return tell(c, w.NoCommands)
		case len(asked) == 0:
			texts = slices.Insert(texts, 0, w.Commands)
		}
		return c.Reply(strings.Join(texts, "\n"), quietly)
	}
}
