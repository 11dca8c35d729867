package middleware

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk"
)

// words are what people are told in one language.
type words struct {
	unknown, usage string
	missing, extra string
	types          map[string]string // what fits, by the type's name
	unfit, neither string            // neither stands between several types
	quote          string

	works, or   string           // where and for whom a command works
	places      map[error]string // by the refusal
	forbidden   string           // to whom nothing would help
	notNow      string
	oldButton   string
	botNotAdmin string
	disabled    string
	busy        string
	tooLong     string

	waitFor string
	units   [4][]string     // seconds to days, in their forms
	form    func(int64) int // which goes with a number

	commands, noCommands string // of Help
}

var english = words{
	unknown: "There is no such command: %s",
	usage:   "%s\nUsage: %s",
	missing: "Something is missing: %s.",
	extra:   "That is too much: %s",
	types: map[string]string{
		"int": "a whole number", "float": "a number", "bool": "yes or no",
		"duration": "a length of time", "time": "a date or a time", "url": "a link",
		"user": "a person", "group": "a community", "page": "a person or a community", "peer": "a conversation",
	},
	unfit: `%s: "%s" is not %s.`, neither: " or ",
	quote: "The quotation marks do not match.",

	works: "This works only %s.", or: " or ",
	places: map[error]string{
		ErrChatOnly: "in chats", ErrPrivateOnly: "in private messages", ErrNotChatAdmin: "for the administrators of the chat",
		ErrNotManager: "for those who run the community", ErrNotMember: "for members of the community", ErrNotDon: "for those who support the community in VK Donut",
	},
	forbidden:   "You may not do that.",
	notNow:      "You cannot do that now.",
	oldButton:   "This button does not work any more.",
	botNotAdmin: "For this, the bot must be an administrator of the chat.",
	disabled:    "This command is switched off.",
	busy:        "This is running already. Try again when it is done.",
	tooLong:     "That took too long. Try again later.",

	waitFor: "Wait %d %s.",
	units:   [4][]string{{"second", "seconds"}, {"minute", "minutes"}, {"hour", "hours"}, {"day", "days"}},
	form:    one,

	commands: "Commands:", noCommands: "There are no commands for you here.",
}

var russian = words{
	unknown: "Нет такой команды: %s",
	usage:   "%s\nПравильно: %s",
	missing: "Не хватает: %s.",
	extra:   "Это лишнее: %s",
	types: map[string]string{
		"int": "целое число", "float": "число", "bool": "да или нет",
		"duration": "промежуток времени", "time": "дата или время", "url": "ссылка",
		"user": "человек", "group": "сообщество", "page": "человек или сообщество", "peer": "беседа",
	},
	unfit: `%s: "%s" — не %s.`, neither: " и не ",
	quote: "Кавычки не сходятся.",

	works: "Это работает только %s.", or: " или ",
	places: map[error]string{
		ErrChatOnly: "в беседах", ErrPrivateOnly: "в личных сообщениях", ErrNotChatAdmin: "для администраторов беседы",
		ErrNotManager: "для руководителей сообщества", ErrNotMember: "для участников сообщества", ErrNotDon: "для донов сообщества",
	},
	forbidden:   "Вам это недоступно.",
	notNow:      "Сейчас это недоступно.",
	oldButton:   "Эта кнопка больше не работает.",
	botNotAdmin: "Для этого бот должен быть администратором беседы.",
	disabled:    "Эта команда отключена.",
	busy:        "Это уже выполняется. Повторите, когда закончится.",
	tooLong:     "Это заняло слишком много времени. Попробуйте позже.",

	waitFor: "Подождите %d %s.",
	units: [4][]string{
		{"секунду", "секунды", "секунд"}, {"минуту", "минуты", "минут"}, {"час", "часа", "часов"}, {"день", "дня", "дней"},
	},
	form: oneTwoFive,

	commands: "Команды:", noCommands: "Здесь для вас нет команд.",
}

func (w *words) unknownCommand(name string) string { return fmt.Sprintf(w.unknown, name) }

// argument says what is wrong with an argument and, to who has written it, what
// would be right.
func (w *words) argument(c *vk.Context, arg *vk.ArgError) string {
	var what string
	told := (*refusal)(nil)
	switch {
	case errors.As(arg, &told) && told.tell != "":
		what = told.tell // a converter has words of its own
	case errors.Is(arg, vk.ErrMissingArg):
		what = fmt.Sprintf(w.missing, arg.Name)
	case errors.Is(arg, vk.ErrExtraArg):
		what = fmt.Sprintf(w.extra, short(arg.Value))
	case errors.Is(arg, vk.ErrBadQuote):
		what = w.quote
	default:
		what = fmt.Sprintf(w.unfit, arg.Name, short(arg.Value), w.fits(arg.Want))
	}
	if pressed(c) {
		return what // nobody has typed it
	}
	return fmt.Sprintf(w.usage, what, arg.Usage)
}

// fits says what a placeholder of the given types takes. Those of a bot's own
// are called what its usage calls them.
func (w *words) fits(want string) string {
	types := strings.Split(want, "|")
	for i, t := range types {
		if known, ok := w.types[t]; ok {
			types[i] = known
		}
	}
	return strings.Join(types, w.neither)
}

// refusals says why somebody is let through by none of several checks: what
// would help, if there is such a thing.
func (w *words) refusals(errs []error) string {
	var places, told []string
	add := func(to *[]string, s string) {
		if !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
	known := true
	var look func(errs []error)
	look = func(errs []error) {
		for _, err := range errs {
			var none *noneError
			var r *refusal
			switch {
			case errors.As(err, &none):
				look(none.errs)
			case errors.As(err, &r) && r.tell != "":
				add(&told, r.tell)
			case errors.As(err, &r):
				if place, ok := w.places[r]; ok {
					add(&places, place)
				}
			case errors.Is(err, ErrBotNotAdmin):
				add(&told, w.botNotAdmin)
			default:
				known = false
			}
		}
	}
	look(errs)
	switch {
	case len(places) > 0:
		return strings.Join(append([]string{fmt.Sprintf(w.works, strings.Join(places, w.or))}, told...), " ")
	case len(told) > 0:
		return strings.Join(told, " ")
	case known:
		return w.forbidden
	}
	return w.notNow
}

// wait says how long to wait, not less than is right.
func (w *words) wait(d time.Duration) string {
	unit, i := time.Second, 0
	for _, longer := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		if d < 2*longer { // 90 seconds are told more exactly than 2 minutes
			break
		}
		unit, i = longer, i+1
	}
	n := int64((max(d, 1)-1)/unit) + 1
	return fmt.Sprintf(w.waitFor, n, w.units[i][w.form(n)])
}

// one is English: one second, and any other number of seconds.
func one(n int64) int { return min(1, int(n-1)) }

// oneTwoFive is Russian: 1 and 21, 2 and 33, 5 and 12 have each a form of their
// own.
func oneTwoFive(n int64) int {
	switch {
	case n%10 == 1 && n%100 != 11:
		return 0
	case 2 <= n%10 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return 1
	}
	return 2
}
