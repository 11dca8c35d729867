package discord

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

// A Converter makes the value of an argument from its text: it is a type that
// placeholders can name. Every Router has these:
//
//	string    any word; as {x...}, the rest of the text
//	word      any word; as {x...}, a list of words
//	int       a whole number: any type of integer
//	float     a number, with a point or a comma: float32, float64
//	bool      yes y true t on enable 1 да включить правда, no n false f off disable 0 нет выключить ложь: bool
//	duration  90s, 1h30m, 7d, 2w, 1,5ч, 10 минут, 1 день 2 часа: time.Duration, never negative
//	time      15:04, 02.01.2006, 31.12 18:00, завтра 10:00, RFC 3339, as [TimeIn](UTC): time.Time
//	url       an address of the web; its scheme may be omitted: url.URL, *url.URL
//	user      a user: ID, [User], [Member]
//	member    a member of the guild: ID, [User], [Member]
//	channel   a channel or a thread of the guild: ID, [Channel]
//	role      a role of the guild: ID, [Role]
//	file      a file of the slash command or of the message: [Attachment]
//
// A user, channel or role is a mention, an ID, or a name, in any case: a
// channel's name with or without "#"; a role's name with or without "@"; a
// user's username, name or nickname in the guild, with or without "@". A name
// of several words must be in quotation marks. A name that several have is a
// wrong argument, unless it is the username of one of them.
//
// For the type user, a mention and an ID are not checked, and cost no call. For
// the other types, and for names, the [State] of the Gateway is asked first,
// and then Discord; guilds and channels are cached for a minute. Names of users
// need a State with Members, or a call.
//
// In an answer to a message, the first unwritten argument of the types user and
// member is the author of that message: "!warn" in answer to a message warns
// its author. A mention with "?" or a default comes after that.
//
// [Router.Converter] gives names to other types, which [OneOf], [ParseFunc],
// [ConvertFunc] and [TimeIn] make; the zero Converter is invalid. A field of a
// type with an UnmarshalText method needs none: it takes any placeholder with
// text as its value.
//
// In the slash command, a type of the bot's own is a text, unless it is [OneOf]
// or [Between]. With Complete, Discord asks the bot for proposals while a user
// types the text; see [Choices]. It shows at most 25, and the user may write
// something else. Complete must be quick, since Discord waits for three
// seconds; [Context.Arg] returns the other arguments so far.
type Converter struct {
	Complete func(c *Context, typed string) ([]ChoiceDef, error)

	conv     command.Converter
	builtin  bool // one of this package's types
	integer  bool // of Between
	min, max int64
}

// ParseFunc returns a Converter that reads a text by itself, such as
// ParseFunc(netip.ParseAddr). Each error of parse is treated as the user's
// mistake: the command ends in an [*ArgError] with it.
func ParseFunc[T any](parse func(text string) (T, error)) Converter {
	if parse == nil {
		panic("discord: ParseFunc: nil function (at " + callers(1) + ")")
	}
	return Converter{conv: command.ParseFunc(parse)}
}

// ConvertFunc returns a Converter that needs more than the text: the user, a
// call, a database. An error that wraps [ErrArgType] is the user's mistake and
// ends in an [*ArgError]. Every other error means that the value could not be
// determined; the command ends with it, as if the handler had returned it.
//
// As {x...}, such a type is one argument, which gets all of the remaining text.
// Other types make a list of words there; a T that is a slice can be one, too.
//
// The Context has no arguments, and ends when the handler's does.
func ConvertFunc[T any](convert func(c *Context, text string) (T, error)) Converter {
	if convert == nil {
		panic("discord: ConvertFunc: nil function (at " + callers(1) + ")")
	}
	conv := command.ConvertFunc(func(ctx context.Context, text string) (T, error) { return convert(ctx.(*Context), text) })
	conv.Whole = true
	return Converter{conv: conv}
}

// Between returns a Converter that takes whole numbers from least to most. Discord's own
// interface refuses others. Between panics if least is greater than most.
func Between(least, most int64) Converter {
	if least > most {
		panic(fmt.Sprintf("discord: Between(%d, %d) (at %s): there is no number between", least, most, callers(1)))
	}
	conv := ParseFunc(func(text string) (int64, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < least || n > most {
			return 0, &command.RangeError{Least: least, Most: most}
		}
		return n, nil
	})
	conv.integer, conv.min, conv.max = true, least, most
	return conv
}

// OneOf returns a Converter that takes one of the given words, in any case. The value is the
// word as it is given here. OneOf panics if there is no word, or one twice.
func OneOf(words ...string) Converter {
	conv, err := command.OneOf(words...)
	if err != nil {
		panic(fmt.Sprintf("discord: OneOf: %v (at %s)", err, callers(1)))
	}
	return Converter{conv: conv}
}

// TimeIn returns a Converter for a point in time, as users in the zone write
// it; nil means UTC. The type "time" of every Router is TimeIn(nil).
//
// It takes a time of day, "15:04" or "15:04:05"; a date, "02.01.2006",
// "02.01.06", "2.1", "2006-01-02", "today", "сегодня", "tomorrow", "завтра",
// "yesterday" or "вчера"; a date and, behind a space, a time of day; and RFC
// 3339, "2006-01-02T15:04:05Z", which has its own zone. An omitted date or year
// is that of the message. A date alone means its midnight.
func TimeIn(zone *time.Location) Converter {
	return Converter{conv: command.TimeIn(zone, messageTime)}
}

// messageTime returns the time when the message was written.
func messageTime(ctx context.Context) time.Time {
	c, ok := ctx.(*Context)
	if ok && c.event.Kind == "MESSAGE_CREATE" {
		if m, err := c.Message(); err == nil && m.Timestamp.Unix() > 0 {
			return m.Timestamp
		}
	}
	return time.Now()
}

// Converter gives a type of arguments the name that placeholders of r, and of
// Routers inside it, use for it: after
//
//	r.Converter("size", discord.OneOf("S", "M", "L"))
//
// there is {x:size}. The rules for a name are those of a placeholder's name. It
// may replace an existing one, such as "time", but not "string" or "word". It
// applies to the routes that are added from now on.
//
// Converter panics if the name or the Converter is invalid.
func (r *Router) Converter(name string, conv Converter) {
	why := ""
	switch {
	case !command.IsName(name):
		why = "not a name"
	case name == "string" || name == "word":
		why = "the type of text cannot be another"
	case conv.conv.Convert == nil:
		why = "the zero Converter"
	}
	if why != "" {
		panic(fmt.Sprintf("discord: Converter %q (at %s): %s", name, callers(1), why))
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	types := make(map[string]Converter)
	maps.Copy(types, load(&r.types))
	types[name] = conv
	r.types.Store(&types)
}

// typeNamed returns the type that the placeholders of r call by a name.
func (r *Router) typeNamed(name string) (command.Converter, bool) {
	conv, ok := r.converter(name)
	return conv.conv, ok
}

// converter is typeNamed with the parts that only slash commands need.
func (r *Router) converter(name string) (Converter, bool) {
	for ; r != nil; r = r.outer {
		if conv, ok := load(&r.types)[name]; ok {
			return conv, true
		}
	}
	conv, ok := builtinTypes[name]
	return conv, ok
}

// builtinTypes are the types that have a name in every Router.
var builtinTypes = func() map[string]Converter {
	types := make(map[string]Converter)
	add := func(name string, conv command.Converter) { types[name] = Converter{conv: conv, builtin: true} }
	for name, conv := range command.Builtin(messageTime) {
		add(name, conv)
	}
	add("user", userConverter(false))
	add("member", userConverter(true))
	add("channel", channelConverter())
	add("role", roleConverter())
	add("file", fileConverter())
	return types
}()
