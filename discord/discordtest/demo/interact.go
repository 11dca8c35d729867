package demo

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/vkrouter/vk/discord/discordtest"
)

// interact uses a command, a component or a form of the bot.
func (d *demo) interact(u *discordtest.User, command, arg string) error {
	name, value, _ := strings.Cut(arg, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	switch command {
	case "/commands":
		d.print("(" + strings.Join(u.Offers(), ", ") + ")")
		return nil
	case "/use":
		target := d.people[strings.ToLower(strings.TrimPrefix(value, "@"))]
		if target == nil {
			return errors.New("/use needs a command and a person, as in /use Report: Boris")
		}
		return u.TryUse(name, target)
	case "/press":
		return u.TryClick(arg)
	case "/pick":
		values := []any{}
		for v := range strings.SplitSeq(value, ",") {
			if v = strings.TrimSpace(v); v != "" {
				values = append(values, v)
			}
		}
		return u.TryPick(name, values...)
	case "/fill":
		return fill(u, arg)
	}
	words, options := slash(command + " " + arg)
	err := u.TrySlash(words, options...)
	if err != nil && strings.Contains(err.Error(), "the bot has no command") {
		return fmt.Errorf("there is no %s: /dm, /react, /unreact, /type, /join, /leave, /press, /pick, /fill and /use are there, and the commands that /commands lists", command)
	}
	return err
}

// fill fills in a form with fields such as "Question: Tea?; More: no".
func fill(u *discordtest.User, arg string) error {
	var fields []any
	for part := range strings.SplitSeq(arg, ";") {
		name, value, ok := strings.Cut(part, ":")
		if !ok {
			return errors.New("/fill needs fields and their values, as in /fill Question: Tea?; More: no")
		}
		fields = append(fields, strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return u.TryFill(fields...)
}

var optionName = regexp.MustCompile(`^([-_\p{L}\p{N}]+):(.*)$`)

// slash reads a slash command, such as "/mod ban user:Boris reason:spam and more".
// A word that begins with a name and a colon begins an option, unless it is an
// address.
func slash(line string) (words string, options []any) {
	var before []string
	for _, word := range strings.Fields(strings.TrimPrefix(line, "/")) {
		m := optionName.FindStringSubmatch(word)
		switch {
		case m != nil && !strings.HasPrefix(m[2], "//"):
			options = append(options, m[1], m[2])
		case len(options) == 0:
			before = append(before, word)
		default:
			last := len(options) - 1
			options[last] = strings.TrimSpace(options[last].(string) + " " + word)
		}
	}
	return strings.Join(before, " "), options
}
