package discord

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Discord's limits of slash commands.
const (
	maxCommands   = 100
	maxOptions    = 25   // of a command; also of subcommands
	maxChoices    = 25   // of an option
	maxName       = 32   // characters of a name
	maxAbout      = 100  // characters of a description, and of a choice
	maxCharacters = 8000 // of a command with all that is in it
	maxWords      = 3    // of a command: command, group, subcommand
	maxNumber     = 1 << 53
	maxMenus      = 15 // commands in the menus of users, and of messages
)

// A SlashError says that Discord would refuse the slash command of a route. A Router panics
// with an error that wraps it.
type SlashError struct {
	Command string // the words of the command, such as "mod ban"
	Option  string // the placeholder, or ""
	Text    string // the mistake
	Mend    string // the remedy
}

// Error names the command, the option, the mistake and the remedy.
func (e *SlashError) Error() string {
	s := "the slash command /" + e.Command
	if e.Option != "" {
		s += ", option " + e.Option
	}
	return s + ": " + e.Text + ": " + e.Mend
}

// checkMenus returns the error of Discord's limit of commands in menus if t is added.
func checkMenus(targets []*target, t *target) error {
	n := 1
	for _, other := range targets {
		if other.menu.typ == t.menu.typ {
			n++
		}
	}
	if n > maxMenus {
		return &SlashError{Command: t.menu.name, Text: fmt.Sprintf("there are %d commands in the menu, and Discord takes %d", n, maxMenus), Mend: "have fewer"}
	}
	return nil
}

// overLimit returns the error of a number that is above a limit.
func overLimit(name, what string, n, limit int) error {
	return &SlashError{Command: name, Text: fmt.Sprintf("there are %d %s, and Discord takes %d", n, what, limit), Mend: "set Only to TypedOnly, or have fewer"}
}

// checkWords returns the error of words that cannot be a slash command.
func checkWords(name string, words []string) error {
	if len(words) > maxWords {
		return overLimit(name, "words", len(words), maxWords)
	}
	for _, word := range words {
		if err := checkName(name, "", word); err != nil {
			return err
		}
	}
	return nil
}

// checkName returns the error of a word that is no name to Discord.
func checkName(command, option, word string) error {
	bad := strings.IndexFunc(word, func(r rune) bool {
		return r != '-' && r != '_' && r != '\'' && !unicode.Is(unicode.L, r) && !unicode.Is(unicode.N, r)
	})
	text, mend := "", "set Only to TypedOnly, or use another word"
	switch n := utf8.RuneCountInString(word); {
	case n == 0 || n > maxName:
		text = fmt.Sprintf("the name %.40q has %d characters, and Discord takes 1 to %d", word, n, maxName)
	case bad >= 0:
		text = fmt.Sprintf("the name %.40q has characters other than letters, digits, -, _ and '", word)
	case strings.ToLower(word) != word:
		text, mend = fmt.Sprintf("the name %.40q is not in lower case", word), fmt.Sprintf("write %q, or set Only to TypedOnly", strings.ToLower(word))
	default:
		return nil
	}
	return &SlashError{Command: command, Option: option, Text: text, Mend: mend}
}

// checkChoices returns the error of words that cannot be choices.
func checkChoices(name, option string, words []string) error {
	for _, word := range words {
		if n := utf8.RuneCountInString(word); n == 0 || n > maxAbout {
			return &SlashError{name, option, fmt.Sprintf("the choice %.40q has %d characters, and Discord takes 1 to %d", word, n, maxAbout), "shorten the word, or set Only to TypedOnly"}
		}
	}
	return nil
}

// described returns a description, or the error of one that Discord would refuse.
func described(name, option, text string) (string, error) {
	if n := utf8.RuneCountInString(text); n == 0 || n > maxAbout {
		return "", &SlashError{name, option, fmt.Sprintf("the description has %d characters, and Discord takes 1 to %d", n, maxAbout), "shorten its line of Doc, or set Only to TypedOnly"}
	}
	return text, nil
}

// clipped returns a description that this package has made, shortened to what Discord takes.
func clipped(s string) string {
	if utf8.RuneCountInString(s) <= maxAbout {
		return s
	}
	return string([]rune(s)[:maxAbout-1]) + "…"
}

// characters returns the number of characters that Discord counts.
func (d *CommandDef) characters() int {
	return utf8.RuneCountInString(d.Name) + utf8.RuneCountInString(d.Description) + optionCharacters(d.Options)
}

func optionCharacters(options []OptionDef) (n int) {
	for i := range options {
		o := &options[i]
		n += utf8.RuneCountInString(o.Name) + utf8.RuneCountInString(o.Description) + optionCharacters(o.Options)
		for _, c := range o.Choices {
			n += utf8.RuneCountInString(c.Name) + utf8.RuneCountInString(c.Value)
		}
	}
	return n
}
