package vk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

// A Converter is a type of arguments that placeholders can name: it converts
// an argument's text into a value. Every Router has these types:
//
//	string    any word; as {x...}, the rest of the text
//	word      any word; as {x...}, a list of words
//	int       a whole number: any type of integer
//	float     a number, with a point or a comma: float32, float64
//	bool      yes y true t on enable 1 да включить правда, no n false f off disable 0 нет выключить ложь: bool
//	duration  90s, 1h30m, 7d, 2w, 1,5ч, 10 минут, 1 день 2 часа: time.Duration, never negative
//	time      15:04, 02.01.2006, 31.12 18:00, завтра 10:00, RFC 3339, as [TimeIn](UTC): time.Time
//	url       an address of the web, whose scheme may be left out: url.URL, *url.URL
//	user      a person: int64, the id, or [User]
//	group     a community: int64, the id, which is positive, or [Group]
//	page      either: int64, negative for a community, or [Profile]
//	peer      either, or a chat by its number: int64, the conversation to send messages to
//
// A user or community is written as a mention ("[id1|Anna Petrova]", "@id1",
// "@durov"), a link ("vk.com/durov") or an id ("1", "id1", "club1"). A number
// in it is used as it is. A short address is looked up with
// https://dev.vk.com/ru/method/utils.resolveScreenName, and a page, if the
// field needs it, with [Client.Profiles]. An address or page that does not
// exist is an invalid argument. A bare "durov" is an ordinary word and matches
// none of these types.
//
// If the message is a reply, the command's first missing argument of these
// four types is the author of the original message; if the message forwards
// others, it is the author of the first of them. So "!warn" in reply to a
// message warns its author, as "!warn @durov" warns that user. A written
// argument has precedence, then the original message, then the forwarded one,
// and only then "?" or a default. An author of another type, such as a
// community for a user argument, is ignored.
//
// A mention with spaces in it is one argument for these four types, without
// quotation marks, as are "10 минут" for duration and "31.12 18:00" for time.
//
// [Router.Converter] adds further types under names of your choice. [OneOf],
// [ParseFunc], [ConvertFunc] and [TimeIn] make them; the zero Converter is
// invalid. A field of a type with an UnmarshalText method needs no Converter:
// it accepts any placeholder with a text value.
type Converter struct{ conv command.Converter }

// ParseFunc returns a Converter that needs only the text, such as
// ParseFunc(netip.ParseAddr). Any error of parse counts as the user's mistake:
// the command ends with an [*ArgError] that wraps it.
func ParseFunc[T any](parse func(text string) (T, error)) Converter {
	if parse == nil {
		panic("vk: ParseFunc: nil function (at " + callers(1) + ")")
	}
	return Converter{command.ParseFunc(parse)}
}

// ConvertFunc returns a Converter that needs more than the text: the sender,
// an API call, a database. An error that wraps [ErrArgType] is the user's
// mistake and results in an [*ArgError]:
//
//	return nil, fmt.Errorf("%w: nobody has this role", vk.ErrArgType)
//
// Any other error means that the conversion failed. It is the command's
// result, as if the handler had returned it.
//
// As {x...}, such a type is one argument with the rest of the text, for values
// of several words, such as the name of a role. Other types make a list of
// words there. T may also be a slice.
//
// The Context has no arguments, and is canceled when the handler's is.
func ConvertFunc[T any](convert func(c *Context, text string) (T, error)) Converter {
	if convert == nil {
		panic("vk: ConvertFunc: nil function (at " + callers(1) + ")")
	}
	conv := command.ConvertFunc(func(ctx context.Context, text string) (T, error) {
		return convert(ctx.(*Context), text)
	})
	conv.Whole = true
	return Converter{conv}
}

// OneOf returns a Converter that accepts one of the given words, ignoring
// case. The value is the word as given to OneOf. OneOf panics if there are no
// words or duplicates.
func OneOf(words ...string) Converter {
	conv, err := command.OneOf(words...)
	if err != nil {
		panic(fmt.Sprintf("vk: OneOf: %v (at %s)", err, callers(1)))
	}
	return Converter{conv}
}

// TimeIn returns a Converter for a time, as users in the given zone write it;
// nil means UTC. The type "time" of every Router is TimeIn(nil). A bot for one
// country replaces it:
//
//	r.Converter("time", vk.TimeIn(moscow))
//
// TimeIn accepts a time of day, "15:04" or "15:04:05"; a date, "02.01.2006",
// "02.01.06", "2.1", "2006-01-02", "today", "сегодня", "tomorrow", "завтра",
// "yesterday" or "вчера"; a date, a space and a time of day; and RFC 3339,
// "2006-01-02T15:04:05Z", which has its own zone. A missing date or year is
// the current one. A date alone is its midnight.
func TimeIn(zone *time.Location) Converter {
	return Converter{command.TimeIn(zone, messageTime)}
}

// Converter adds a type of arguments under a name, for the placeholders of r
// and of the Routers inside it. After
//
//	r.Converter("size", vk.OneOf("S", "M", "L"))
//
// there is {x:size}. The name follows the rules for placeholders' names. It
// may replace an existing one, such as "time", but not "string" or "word". It
// applies to routes that are added later; existing routes keep their types.
//
// Converter panics if the name or the Converter is invalid.
func (r *Router) Converter(name string, conv Converter) {
	fail := func(why string) {
		panic(fmt.Sprintf("vk: Converter %q (at %s): %s", name, callers(2), why))
	}
	switch {
	case !command.IsName(name):
		fail("not a name")
	case name == "string" || name == "word":
		fail("the type of text cannot be another")
	case conv.conv.Convert == nil:
		fail("the zero Converter")
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	types := make(map[string]command.Converter)
	if old := r.types.Load(); old != nil {
		maps.Copy(types, *old)
	}
	types[name] = conv.conv
	r.types.Store(&types)
}

// typeNamed returns the type with the given name for placeholders of r.
func (r *Router) typeNamed(name string) (command.Converter, bool) {
	for ; r != nil; r = r.outer {
		if types := r.types.Load(); types != nil {
			if conv, ok := (*types)[name]; ok {
				return conv, true
			}
		}
	}
	conv, ok := builtinTypes[name]
	return conv, ok
}

// builtinTypes are the named types of every Router. The values of user, group,
// page and peer are ids, which need no call, except that a short address is
// looked up. A page is fetched only for a field that needs it.
var builtinTypes = func() map[string]command.Converter {
	types := command.Builtin(messageTime)
	types["user"] = pageConverter(func(peer int64) bool { return 0 < peer && peer < chatPeers })
	types["group"] = pageConverter(func(peer int64) bool { return -chatPeers < peer && peer < 0 })
	types["page"] = pageConverter(func(peer int64) bool { return -chatPeers < peer && peer < chatPeers && peer != 0 })
	types["peer"] = pageConverter(func(peer int64) bool { return peer > -chatPeers && peer != 0 && peer != chatPeers })
	return types
}()

// messageTime returns the time that "tomorrow" in a message is relative to:
// the time when the message was written, not when it is read.
func messageTime(ctx context.Context) time.Time {
	if m, err := ctx.(*Context).Message(); err == nil && m.Date.Unix() > 0 {
		return m.Date
	}
	return time.Now()
}

// errNoClient is the error of a Context without a client.
var errNoClient = errors.New("vk: the Context has no client")

// pageConverter returns the type of the peers for which fits returns true.
func pageConverter(fits func(peer int64) bool) command.Converter {
	community := !fits(1) // its number has no sign
	find := func(c *Context, text string) (peer int64, err error) {
		peer, err = c.page(text, community)
		if err == nil && !fits(peer) {
			err = ErrArgType
		}
		return peer, err
	}
	conv := command.ConvertFunc(func(ctx context.Context, text string) (id int64, err error) {
		id, err = find(ctx.(*Context), text)
		if community {
			id = -id
		}
		return id, err
	})
	conv.Span, conv.Implied = markupLen, quotedAuthor
	conv.Fetch = func(field reflect.Type) (command.Converter, bool) {
		switch {
		case fits(chatPeers + 1):
			return command.Converter{}, false // a chat has no page
		case field == reflect.TypeFor[User]() && !fits(-1):
			return fetching(find, func(p Profile) User { return *p.User }), true
		case field == reflect.TypeFor[Group]() && !fits(1):
			return fetching(find, func(p Profile) Group { return *p.Group }), true
		case field == reflect.TypeFor[Profile]():
			return fetching(find, func(p Profile) Profile { return p }), true
		}
		return command.Converter{}, false
	}
	return conv
}

// page returns the peer that a text names. If group is set, a bare number is a
// community's.
func (c *Context) page(text string, group bool) (peer int64, err error) {
	text = strings.TrimRight(text, ",:") // VK's apps put it after a mention
	id, _, n, ok := parseMention(text)
	bare := at(text, 0)|0x20 >= 'a' && at(text, 0)|0x20 <= 'z' && !strings.Contains(text, "/")
	switch {
	case !ok || n < len(text):
		return 0, ErrArgType
	case id != 0:
		if group && id > 0 && digits(text) == len(text) {
			id = -id
		}
		return id, nil
	case bare: // "spam" is a word, and may be a short address as well
		return 0, ErrArgType
	case c.client == nil:
		return 0, errNoClient
	}
	found, err := c.client.Resolve(c, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, fmt.Errorf("%w: %w", ErrArgType, err)
	case err != nil:
		return 0, err
	case found.PeerID == 0: // an application
		return 0, ErrArgType
	}
	return found.PeerID, nil
}

// fetching returns a Converter to a peer's page.
func fetching[T any](find func(c *Context, text string) (peer int64, err error), value func(Profile) T) command.Converter {
	conv := command.ConvertFunc(func(ctx context.Context, text string) (v T, err error) {
		c := ctx.(*Context)
		peer, err := find(c, text)
		switch {
		case err != nil:
			return v, err
		case c.client == nil:
			return v, errNoClient
		}
		pages, err := c.client.Profiles(c, []int64{peer})
		switch {
		case err != nil:
			return v, err
		case pages[0].PeerID == 0:
			return v, fmt.Errorf("%w: vk: page %d: %w", ErrArgType, peer, ErrNotFound)
		}
		return value(pages[0]), nil
	})
	conv.Span, conv.Implied = markupLen, quotedAuthor
	return conv
}

// quotedAuthor returns the author of the message that the event's message
// replies to, or of the first one that it forwards, in a form for
// [Context.page].
func quotedAuthor(ctx context.Context) (text string, ok bool) {
	m, err := ctx.(*Context).Message()
	if err != nil {
		return "", false
	}
	author := int64(0)
	switch {
	case m.Reply != nil:
		author = m.Reply.FromID
	case len(m.Forwarded) > 0:
		author = m.Forwarded[0].FromID
	}
	switch {
	case author > 0:
		return "id" + strconv.FormatInt(author, 10), true
	case author < 0:
		return "club" + strconv.FormatInt(-author, 10), true
	}
	return "", false
}

// markupLen returns the length of the mention at the beginning of s, which may
// contain spaces, including the comma that VK's apps put after it.
func markupLen(s string) int {
	_, _, n, ok := parseMarkup(s)
	if !ok {
		return 0
	}
	if c := at(s, n); c == ',' || c == ':' {
		n++
	}
	if n < len(s) && !command.StartsWithSpace(s[n:]) {
		return 0
	}
	return n
}
