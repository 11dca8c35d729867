package discord

import (
	"fmt"
	"maps"
	"slices"
)

// locales are the languages that Discord's apps have.
var locales = []string{
	"bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr", "hi", "hr", "hu", "id", "it", "ja", "ko",
	"lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
}

// Local adds translations of the texts that Discord shows for slash commands:
// the names of commands, options and menus, their descriptions, and the names
// of choices. The keys are the texts as the routes have them. The locale is
// Discord's, such as "ru" or "en-GB".
//
//	r.Local("ru", map[string]string{
//		"ban":           "бан",
//		"Ban somebody.": "Забанить участника.",
//		"user":          "участник",
//	})
//
// A user with an app in that language sees the translations; the handlers get
// the same arguments. The names in a language must differ from each other as
// those in English do. If Discord would refuse a name, [Router.Commands] and
// [Gateway.Run] return an error.
//
// Local panics if Discord does not have the locale.
func (r *Router) Local(locale string, words map[string]string) {
	if !slices.Contains(locales, locale) {
		panic(fmt.Sprintf("discord: Local (at %s): Discord has no locale %q: take one of %q", callers(1), locale, locales))
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if top.locales == nil {
		top.locales = make(map[string]map[string]string)
	}
	all := maps.Clone(top.locales[locale])
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, words)
	top.locales[locale] = all
}

// A localizer adds translations to definitions.
type localizer struct {
	words map[string]map[string]string // by locale
}

// of returns the translations of a text, or nil.
func (l *localizer) of(text string) map[string]string {
	var all map[string]string
	for locale, words := range l.words {
		if s, ok := words[text]; ok && text != "" {
			if all == nil {
				all = make(map[string]string)
			}
			all[locale] = s
		}
	}
	return all
}

// commands adds the translations to commands.
func (l *localizer) commands(defs []CommandDef) error {
	names := make(map[CommandType]nameSet)
	for i := range defs {
		d := &defs[i]
		if err := l.command(d); err != nil {
			return err
		}
		if n := d.characters(); n > maxCharacters {
			return tooLarge(d.Name, n, "shorten the translations in Local")
		}
		if names[d.Type] == nil {
			names[d.Type] = make(nameSet)
		}
		if err := names[d.Type].add(d.Name, "", d.Name, d.NameLocal); err != nil {
			return err
		}
	}
	return nil
}

// A nameSet is the translated names of commands, options or choices, by locale and name: the
// names that have them.
type nameSet map[[2]string]string

// add adds a name, or returns the error of a translation that another name has.
func (s nameSet) add(command, option, name string, local map[string]string) error {
	for locale, text := range local {
		key := [2]string{locale, text}
		if other, twice := s[key]; twice {
			return &SlashError{command, option, fmt.Sprintf("its name in %s is %q, as that of %s", locale, text, other), "translate them apart in Local"}
		}
		s[key] = name
	}
	return nil
}

// command adds the translations to a command.
func (l *localizer) command(d *CommandDef) error {
	d.NameLocal, d.AboutLocal = l.of(d.Name), l.of(d.Description)
	slash := d.Type == 0 || d.Type == CommandSlash
	if err := checkLocal(d.Name, "", d.NameLocal, d.AboutLocal, slash); err != nil {
		return err
	}
	return l.options(d.Name, d.Options)
}

// options adds the translations to options.
func (l *localizer) options(command string, options []OptionDef) error {
	names := make(nameSet)
	for i := range options {
		o := &options[i]
		o.NameLocal, o.AboutLocal = l.of(o.Name), l.of(o.Description)
		if err := checkLocal(command, o.Name, o.NameLocal, o.AboutLocal, true); err != nil {
			return err
		}
		if err := names.add(command, o.Name, o.Name, o.NameLocal); err != nil {
			return err
		}
		choices := make(nameSet)
		for j := range o.Choices {
			ch := &o.Choices[j]
			ch.NameLocal = l.of(ch.Name)
			if err := choices.add(command, o.Name+", choice "+ch.Name, ch.Name, ch.NameLocal); err != nil {
				return err
			}
			for _, name := range ch.NameLocal {
				if err := checkChoices(command, o.Name, []string{name}); err != nil {
					return err
				}
			}
		}
		if err := l.options(command, o.Options); err != nil {
			return err
		}
	}
	return nil
}

// checkLocal returns the error of a translation that Discord would refuse.
func checkLocal(command, option string, names, abouts map[string]string, slash bool) error {
	for locale, name := range names {
		if slash {
			if err := checkName(command, option, name); err != nil {
				err := *err.(*SlashError)
				err.Text, err.Mend = "in "+locale+", "+err.Text, "change the translation in Local"
				return &err
			}
		} else if n := len([]rune(name)); n == 0 || n > maxName {
			return &SlashError{command, option, fmt.Sprintf("in %s, the name %.40q has %d characters, and Discord takes 1 to %d", locale, name, n, maxName), "change the translation in Local"}
		}
	}
	for locale, about := range abouts {
		if _, err := described(command, option, about); err != nil {
			err := *err.(*SlashError)
			err.Text, err.Mend = "in "+locale+", "+err.Text, "change the translation in Local"
			return &err
		}
	}
	return nil
}
