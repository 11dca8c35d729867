// Package words holds the texts for users about their commands, in English and
// in Russian.
package words

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

// Words are the texts for users in one language.
type Words struct {
	NotNow    string // a check refuses for an unknown reason
	Forbidden string // the user cannot get the right
	OldButton string
	BadAnswer string // a question got no valid answer
	Busy      string
	TooLong   string // the handler took too long

	Commands, NoCommands string // of a list of commands
	Or                   string // between places

	types          map[string]string // descriptions of valid values, by the name of the type
	unknown, usage string
	missing, extra string
	unfit, neither string // neither stands between several types
	quote          string
	works          string // places and users for which a command works

	waitFor string
	units   [4][]string     // seconds to days, in their forms
	form    func(int64) int // returns the form for a number
}

// English are the words in English.
var English = Words{
	NotNow:    "You cannot do that now.",
	Forbidden: "You may not do that.",
	OldButton: "This button does not work any more.",
	BadAnswer: "I did not understand the answer. Please start again.",
	Busy:      "This is running already. Try again when it is done.",
	TooLong:   "That took too long. Try again later.",

	Commands: "Commands:", NoCommands: "There are no commands for you here.",
	Or: " or ",

	types: map[string]string{
		"int": "a whole number", "float": "a number", "bool": "yes or no",
		"duration": "a length of time", "time": "a date or a time", "url": "a link",
	},
	unknown: "There is no such command: %s",
	usage:   "%s\nUsage: %s",
	missing: "Something is missing: %s.",
	extra:   "That is too much: %s",
	unfit:   `%s: "%s" is not %s.`, neither: " or ",
	quote: "The quotation marks do not match.",
	works: "This works only %s.",

	waitFor: "Wait %d %s.",
	units:   [4][]string{{"second", "seconds"}, {"minute", "minutes"}, {"hour", "hours"}, {"day", "days"}},
	form:    one,
}

// Russian are the words in Russian.
var Russian = Words{
	NotNow:    "Сейчас это недоступно.",
	Forbidden: "Вам это недоступно.",
	OldButton: "Эта кнопка больше не работает.",
	BadAnswer: "Ответ не распознан. Начните, пожалуйста, сначала.",
	Busy:      "Это уже выполняется. Повторите, когда закончится.",
	TooLong:   "Это заняло слишком много времени. Попробуйте позже.",

	Commands: "Команды:", NoCommands: "Здесь для вас нет команд.",
	Or: " или ",

	types: map[string]string{
		"int": "целое число", "float": "число", "bool": "да или нет",
		"duration": "промежуток времени", "time": "дата или время", "url": "ссылка",
	},
	unknown: "Нет такой команды: %s",
	usage:   "%s\nПравильно: %s",
	missing: "Не хватает: %s.",
	extra:   "Это лишнее: %s",
	unfit:   `%s: "%s" — не %s.`, neither: " и не ",
	quote: "Кавычки не сходятся.",
	works: "Это работает только %s.",

	waitFor: "Подождите %d %s.",
	units: [4][]string{
		{"секунду", "секунды", "секунд"}, {"минуту", "минуты", "минут"}, {"час", "часа", "часов"}, {"день", "дня", "дней"},
	},
	form: oneTwoFive,
}

// UnknownCommand returns a text that says that there is no command of that
// name.
func (w *Words) UnknownCommand(name string) string { return fmt.Sprintf(w.unknown, name) }

// An Arg is an invalid argument of a command.
type Arg struct {
	command.ArgError
	Usage string            // the command's usage; empty if the user has not typed the command
	Told  string            // the text of a converter, or ""
	Types map[string]string // descriptions of valid values, by the names of types that these Words do not have
}

// Argument returns a text about an invalid argument. If the user has typed the
// command, the text includes its usage.
func (w *Words) Argument(a Arg) string {
	var what string
	switch {
	case a.Told != "":
		what = a.Told
	case errors.Is(a.Err, command.ErrMissing):
		what = fmt.Sprintf(w.missing, a.Name)
	case errors.Is(a.Err, command.ErrExtra):
		what = fmt.Sprintf(w.extra, Short(a.Value))
	case errors.Is(a.Err, command.ErrBadQuote):
		what = w.quote
	default:
		what = fmt.Sprintf(w.unfit, a.Name, Short(a.Value), w.fits(a.Want, a.Types))
	}
	if a.Usage == "" {
		return what
	}
	return fmt.Sprintf(w.usage, what, a.Usage)
}

// fits describes the valid values of a placeholder of the given types. A bot's
// own types have the names that the usage shows.
func (w *Words) fits(want string, more map[string]string) string {
	types := strings.Split(want, "|")
	for i, t := range types {
		if known, ok := w.types[t]; ok {
			types[i] = known
		} else if known, ok := more[t]; ok {
			types[i] = known
		}
	}
	return strings.Join(types, w.neither)
}

// Refused returns a text that says why a user may not run a command: the places
// or the users for which it works, and the texts of checks. Without either, it
// says that the user may not, or, if known is false, that the user cannot now.
func (w *Words) Refused(places, told []string, known bool) string {
	switch {
	case len(places) > 0:
		return strings.Join(append([]string{fmt.Sprintf(w.works, strings.Join(places, w.Or))}, told...), " ")
	case len(told) > 0:
		return strings.Join(told, " ")
	case known:
		return w.Forbidden
	}
	return w.NotNow
}

// Wait returns a text with the time to wait, rounded up.
func (w *Words) Wait(d time.Duration) string {
	unit, i := time.Second, 0
	for _, longer := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		if d < 2*longer { // 90 seconds are shown more exactly than as 2 minutes
			break
		}
		unit, i = longer, i+1
	}
	n := int64((max(d, 1)-1)/unit) + 1
	return fmt.Sprintf(w.waitFor, n, w.units[i][w.form(n)])
}

// one returns the form for English: one second, and any other number of
// seconds.
func one(n int64) int { return min(1, int(n-1)) }

// oneTwoFive returns the form for Russian: 1 and 21, 2 and 33, 5 and 12 each
// have a form of their own.
func oneTwoFive(n int64) int {
	switch {
	case n%10 == 1 && n%100 != 11:
		return 0
	case 2 <= n%10 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return 1
	}
	return 2
}

// Short shortens a user's text to a length that is enough to recognize it.
func Short(s string) string { return Cut(s, 41) }

// Cut shortens s to at most the given number of characters.
func Cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
