package middleware

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vkrouter/vk/discord"
	lang "github.com/vkrouter/vk/internal/words"
)

// Help returns the handler of a help command, which tells users the commands that r has for
// them:
//
//	r.Handle("help {command...?}", middleware.Help(r))
//
// Alone, it lists them in the order of [discord.Router.Walk], each with its usage and the
// first line of its Doc: those that are not hidden, and that the user may run here, by their
// checks and permissions. If the pattern has a placeholder named command, it tells all of
// the Doc of the command with that name, also of a hidden one, and the commands that begin
// with these words.
//
// The answer to a slash command has slash commands, and only the user sees it. The answer to
// a typed one has typed commands, and a slash command only if it cannot be typed. A list
// that is too long for a message becomes several.
func Help(r *discord.Router) discord.HandlerFunc {
	return func(c *discord.Context) error {
		w := wordsFor(c)
		name := strings.TrimPrefix(strings.TrimSpace(c.Arg("command")), c.Prefix())
		asked := strings.Fields(name)
		var texts []string
		for rt := range r.Walk() {
			words := lang.Of(rt.Pattern)
			if len(words) == 0 || !lang.Begin(words, asked) || rt.Only == discord.TypedOnly && !typed(c) {
				continue
			}
			named := len(words) == len(asked)
			if rt.Hidden && !named || rt.Allowed(c) != nil {
				continue
			}
			prefix := c.Prefix()
			if rt.Only == discord.SlashOnly {
				prefix = "/"
			}
			texts = append(texts, lang.Described("`"+prefix+rt.Pattern+"`", rt.Doc, named))
		}
		switch {
		case len(texts) == 0 && len(asked) > 0:
			return tell(c, w.UnknownCommand(lang.Short(c.Prefix()+strings.Join(asked, " "))))
		case len(texts) == 0:
			return tell(c, w.NoCommands)
		case len(asked) == 0:
			texts = slices.Insert(texts, 0, w.Commands)
		}
		for _, text := range pages(texts) {
			if err := tell(c, text); err != nil {
				return err
			}
		}
		return nil
	}
}

// maxContent is how many characters a message has.
const maxContent = 2000

// pages joins lines to as few messages as possible.
func pages(lines []string) (pages []string) {
	page := ""
	for _, line := range lines {
		line = lang.Cut(line, maxContent)
		if page != "" && utf8.RuneCountInString(page)+1+utf8.RuneCountInString(line) > maxContent {
			pages = append(pages, page)
			page = ""
		}
		if page != "" {
			page += "\n"
		}
		page += line
	}
	return append(pages, page)
}
