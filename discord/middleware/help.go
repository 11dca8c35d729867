package middleware

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vkrouter/vk/discord"
	lang "github.com/vkrouter/vk/internal/words"
)

// Help returns the handler of a help command, which shows users the commands of r that they
// may run:
//
//	r.Handle("help {command...?}", middleware.Help(r))
//
// Alone, it lists them in the order of [discord.Router.Walk], each with its usage and the
// first line of its Doc: those that are not hidden, and that the checks allow the user to
// run here. A typed help command lists typed commands, and the slash commands that cannot be
// typed; a slash command lists slash commands. If the
// pattern has a placeholder named command, it shows the whole Doc of the command of that
// name, also of a hidden one, and the commands that begin with these words.
//
// Routes that have no words are not listed. The list is one message, or as many as it needs.
// In answer to a slash command, only the user sees it. For its language see [Locale].
func Help(r *discord.Router) discord.HandlerFunc {
	return func(c *discord.Context) error {
		w := wordsFor(c)
		prefix := c.Prefix()
		asked := strings.Fields(strings.TrimPrefix(strings.TrimSpace(c.Arg("command")), prefix))
		if strings.HasPrefix(prefix, "<@") {
			prefix = "" // a mention of the bot would show as digits
		}
		var texts []string
		for rt := range r.Walk() {
			words := lang.Of(rt.Pattern)
			if len(words) == 0 || !lang.Begin(words, asked) || !reachable(c, rt) {
				continue
			}
			named := len(words) == len(asked)
			if rt.Hidden && !named || rt.Allowed(c) != nil {
				continue
			}
			before := prefix
			if rt.Only == discord.SlashOnly {
				before = "/"
			}
			texts = append(texts, lang.Described("`"+before+rt.Pattern+"`", rt.Doc, named))
		}
		switch {
		case len(texts) == 0 && len(asked) > 0:
			return tell(c, w.UnknownCommand(lang.Short(prefix+strings.Join(asked, " "))))
		case len(texts) == 0:
			return tell(c, w.NoCommands)
		case len(asked) == 0:
			texts = slices.Insert(texts, 0, w.Commands)
		}
		for _, part := range parts(texts) {
			if err := tell(c, part); err != nil {
				return err
			}
		}
		return nil
	}
}

// reachable reports whether a command can be used in the way in which c was.
func reachable(c *discord.Context, rt *discord.Route) bool {
	return c.Interaction() == nil || rt.Only != discord.TypedOnly && !rt.Hidden
}

// parts joins lines to texts that each fit into a message.
func parts(lines []string) (texts []string) {
	size := messageSize
	for _, line := range lines {
		line = lang.Cut(line, messageSize)
		n := utf8.RuneCountInString(line) + 1
		if size += n; size > messageSize {
			texts, size = append(texts, line), n
			continue
		}
		texts[len(texts)-1] += "\n" + line
	}
	return texts
}
