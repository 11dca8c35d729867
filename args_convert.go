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
//	url       an address of the web, whose scheme may be left out: url.URL, *url.URL
//	user      a person: int64, the id, or [User]
//	group     a community: int64, the id, which is positive, or [Group]
//	page      either: int64, negative for a community, or [Profile]
//	peer      either, or a chat by its number: int64, whom messages go to
//
// A person or community is mentioned ("[id1|Anna Petrova]", "@id1", "@durov"),
// linked to ("vk.com/durov") or an id ("1", "id1", "club1"). What has a number
// in it is taken at its word, a short address is asked of VK by
// https://dev.vk.com/ru/method/utils.resolveScreenName, and a page, where a
// field wants it, by [Client.Profiles]; what does not exist is a wrong
// argument. A bare "durov" is a word like others, and none of these.
//
// In an answer to a message, the first of a command's arguments that is of these
// four types and is not written is the author of that message; in a message that
// forwards others, the author of the first of them. So "!warn" in answer to a
// message warns its author, as "!warn @durov" does anybody else: what is written
// comes first, then the message that is answered, then the forwarded one, and
// only then "?" or a default. An author of another type, such as a community
// where a person is wanted, does not count.
//
// A mention with spaces in it is one argument for these four types, without
// quotation marks, as are "10 минут" for duration and "31.12 18:00" for time.
//
// [Router.Converter] gives names to others, which [OneOf], [ParseFunc],
// [ConvertFunc] and [TimeIn] make; the zero Converter is none. A field of a type
// that has an UnmarshalText method needs none: it takes any placeholder whose
// value is text.
type Converter struct{ conv command.Converter }

// ParseFunc returns a Converter that reads a text by itself, such as
// ParseFunc(netip.ParseAddr). Whatever error parse returns is the person's
// mistake: the command ends in an [*ArgError] with it.
func ParseFunc[T any](parse func(text string) (T, error)) Converter {
	if parse == nil {
		panic("vk: ParseFunc: nil function (at " + callers(1) + ")")
	}
	return Converter{command.ParseFunc(parse)}
}

// ConvertFunc returns a Converter that needs to know more than the text: who
// asks, a call, a database. An error that wraps [ErrArgType] is the person's
// mistake and ends in an [*ArgError]:
//
//	return nil, fmt.Errorf("%w: nobody has this role", vk.ErrArgType)
//
// Every other error means that it could not be found out. It is the command's
// outcome, as if the handler had returned it.
//
// As {x...}, such a type is one argument, which gets all of the text that is left:
// the name of a role may be of several words. Other types make a list of words
// there; a T that is a slice can be one, too.
//
// The Context has no arguments, and ends when the handler's does.
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

// OneOf returns a Converter that takes one of the given words, whatever its
// case. The value is the word as it is given here. OneOf panics if there is no
// word, or one twice.
func OneOf(words ...string) Converter {
	conv, err := command.OneOf(words...)
	if err != nil {
		panic(fmt.Sprintf("vk: OneOf: %v (at %s)", err, callers(1)))
	}
	return Converter{conv}
}

// TimeIn returns a Converter for a point in time, as people write it who live
// in the zone; nil means UTC. The type "time" of every Router is TimeIn(nil). A
// bot for one country says
//
//	r.Converter("time", vk.TimeIn(moscow))
//
// It takes a time of day, "15:04" or "15:04:05"; a date, "02.01.2006",
// "02.01.06", "2.1", "2006-01-02", "today", "сегодня", "tomorrow", "завтра",
// "yesterday" or "вчера"; a date and, behind a space, a time of day; and RFC
// 3339, "2006-01-02T15:04:05Z", whose zone is its own. What is left out is
// that of now: the date, the year. A date alone is its midnight.
func TimeIn(zone *time.Location) Converter {
	return Converter{command.TimeIn(zone, messageTime)}
}

// Converter gives a type of arguments the name by which placeholders of r, and
// of Routers inside of it, call it: after
//
//	r.Converter("size", vk.OneOf("S", "M", "L"))
//
// there is {x:size}. A name is made as a placeholder's. It may be one that is
// there already, as "time", but not "string" or "word". It holds for the routes
// that are added from now on; those that are there keep the types they have.
//
// Converter panics if the name or the Converter is none.
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

// typeNamed returns the type that the placeholders of r call by a name.
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

// builtinTypes are the types that have a name in every Router. The values of
// user, group, page and peer are ids, which cost nothing: only a short address
// is asked of VK, and a page is fetched only for a field that wants it.
var builtinTypes = func() map[string]command.Converter {
	types := command.Builtin(messageTime)
	types["user"] = pageConverter(func(peer int64) bool { return 0 < peer && peer < chatPeers })
	types["group"] = pageConverter(func(peer int64) bool { return -chatPeers < peer && peer < 0 })
	types["page"] = pageConverter(func(peer int64) bool { return -chatPeers < peer && peer < chatPeers && peer != 0 })
	types["peer"] = pageConverter(func(peer int64) bool { return peer > -chatPeers && peer != 0 && peer != chatPeers })
	return types
}()

// messageTime returns the time that "tomorrow" in a message counts from: that
// when the message was written, whenever it is read.
func messageTime(ctx context.Context) time.Time {
	if m, err := ctx.(*Context).Message(); err == nil && m.Date.Unix() > 0 {
		return m.Date
	}
	return time.Now()
}

// errNoClient is the error of a Context that was made without one.
var errNoClient = errors.New("vk: there is no client to ask")

// pageConverter returns the type of those peers that fit.
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

// page returns the peer that a text names. Where a community is looked for, a
// number is that of one.
func (c *Context) page(text string, group bool) (peer int64, err error) {
	text = strings.TrimRight(text, ",:") // VK's apps put it behind a mention
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
	case bare: // "spam" is a word, and may be somebody's address as well
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

// fetching returns the Converter that has a peer's page for a value.
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

// quotedAuthor names the author of the message that the event's message answers,
// or of the first one that it forwards, as [Context.page] reads it.
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

// markupLen returns the length of the mention that s begins with, which may
// have spaces in it, and of the comma that VK's apps put behind.
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
