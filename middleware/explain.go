package middleware

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vkrouter/vk"
)

// Explain tells people in words what was wrong with their command: an argument
// that is missing or does not fit, with the command's usage; in private also
// that there is no such command. In a chat, an unknown command may be meant for
// somebody else.
//
// What was explained is dealt with: the middleware around sees no error. Other
// errors pass. The words are Russian for who uses VK in Russian, Ukrainian or
// Belarusian, and English for all others.
func Explain() vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			err := next(c)
			if text := explanation(c, err); text != "" {
				return c.Reply(text)
			}
			return err
		}
	}
}

// words are what Explain says in one language.
type words struct {
	unknown, usage string
	missing, extra string
	types          map[string]string // what fits, by the type's name
	unfit, quote   string
}

var english = words{
	unknown: "There is no such command: %s",
	usage:   "%s\nUsage: %s",
	missing: "Something is missing: %s.",
	extra:   "That is too much: %s",
	types:   map[string]string{"int": "a whole number", "float": "a number", "bool": "yes or no"},
	unfit:   "%s: %q is not %s.",
	quote:   "The quotation marks do not match.",
}

var russian = words{
	unknown: "Нет такой команды: %s",
	usage:   "%s\nПравильно: %s",
	missing: "Не хватает: %s.",
	extra:   "Это лишнее: %s",
	types:   map[string]string{"int": "целое число", "float": "число", "bool": "да или нет"},
	unfit:   "%s: %q — не %s.",
	quote:   "Кавычки не сходятся.",
}

// explanation returns what to tell about err, or "".
func explanation(c *vk.Context, err error) string {
	w := english
	switch c.Lang() {
	case "ru", "uk", "be":
		w = russian
	}
	var unknown *vk.NotFoundError
	if errors.As(err, &unknown) && !c.IsChat() {
		word, _, _ := strings.Cut(unknown.Line, " ")
		return fmt.Sprintf(w.unknown, unknown.Prefix+short(word))
	}
	var arg *vk.ArgError
	if !errors.As(err, &arg) {
		return ""
	}
	fits, typed := w.types[arg.Want]
	var what string
	switch {
	case errors.Is(arg, vk.ErrMissingArg):
		what = fmt.Sprintf(w.missing, arg.Name)
	case errors.Is(arg, vk.ErrExtraArg):
		what = fmt.Sprintf(w.extra, short(arg.Value))
	case errors.Is(arg, vk.ErrBadQuote):
		what = w.quote
	default:
		if !typed {
			fits = arg.Want
		}
		what = fmt.Sprintf(w.unfit, arg.Name, short(arg.Value), fits)
	}
	return fmt.Sprintf(w.usage, what, arg.Usage)
}

// short cuts what a person wrote to what is enough to recognize it.
func short(s string) string {
	const enough = 40
	if r := []rune(s); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return s
}
