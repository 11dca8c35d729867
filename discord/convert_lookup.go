package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/errtext"
)

// A mentionKind is a thing that a mention in a text names.
type mentionKind int

const (
	mentionsNothing mentionKind = iota
	mentionsUser
	mentionsRole
	mentionsChannel
)

// parseMention returns the mention that s begins with, and its length.
func parseMention(s string) (id ID, kind mentionKind, n int) {
	for _, form := range [...]struct {
		begin string
		kind  mentionKind
	}{{"<@&", mentionsRole}, {"<@!", mentionsUser}, {"<@", mentionsUser}, {"<#", mentionsChannel}} {
		rest, ok := strings.CutPrefix(s, form.begin)
		if !ok {
			continue
		}
		digits, _, closed := strings.Cut(rest, ">")
		if id, err := ParseID(digits); closed && err == nil && id != 0 {
			return id, form.kind, len(form.begin) + len(digits) + 1
		}
		return 0, mentionsNothing, 0
	}
	return 0, mentionsNothing, 0
}

// mentionOrName returns the ID that a text mentions or is, or the name that it is.
func mentionOrName(text string, kind mentionKind, sign string) (id ID, name string, err error) {
	text = strings.TrimRight(text, ",:") // users often write these behind a mention
	id, found, n := parseMention(text)
	switch {
	case n > 0 && (found != kind || n < len(text)), text == "":
		return 0, "", ErrArgType
	case n > 0:
		return id, "", nil
	}
	if id, err := ParseID(text); err == nil && id > 1<<40 { // a smaller number is a name: IDs have a time in them
		return id, "", nil
	}
	return 0, strings.TrimPrefix(text, sign), nil
}

// mistaken returns the user's error for an argument that Discord does not know,
// and returns every other error unchanged.
func mistaken(err error) error {
	if errors.Is(err, ErrNotFound) {
		return &unknownError{err}
	}
	return err
}

// An unknownError is the error of an argument that Discord does not know.
type unknownError struct{ err error }

func (e *unknownError) Error() string {
	return ErrArgType.Error() + ": " + errtext.Without("discord: ", e.err)
}

func (e *unknownError) Unwrap() []error { return []error{ErrArgType, e.err} }

// fetching returns a Converter to a type that is got by an ID.
func fetching[T any](like command.Converter, find func(*Context, string) (ID, error), get func(*Context, ID) (T, error)) (command.Converter, bool) {
	conv := command.ConvertFunc(func(ctx context.Context, text string) (v T, err error) {
		c := ctx.(*Context)
		id, err := find(c, text)
		if err == nil {
			v, err = get(c, id)
		}
		return v, mistaken(err)
	})
	conv.Implied = like.Implied
	return conv, true
}

// lookup returns the Converter of texts to IDs.
func lookup(find func(*Context, string) (ID, error)) command.Converter {
	return command.ConvertFunc(func(ctx context.Context, text string) (ID, error) {
		id, err := find(ctx.(*Context), text)
		return id, mistaken(err)
	})
}

// userConverter returns the type of users or, if they must be, of members of the guild.
func userConverter(members bool) command.Converter {
	find := func(c *Context, text string) (ID, error) {
		id, name, err := mentionOrName(text, mentionsUser, "@")
		switch {
		case err != nil:
			return 0, err
		case id == 0:
			return c.userNamed(name)
		case members:
			_, err = c.memberByID(id)
		}
		return id, err
	}
	conv := lookup(find)
	conv.Implied = repliedAuthor
	conv.Fetch = func(field reflect.Type) (command.Converter, bool) {
		switch field {
		case reflect.TypeFor[User]():
			return fetching(conv, find, (*Context).userByID)
		case reflect.TypeFor[Member]():
			return fetching(conv, find, (*Context).memberByID)
		}
		return command.Converter{}, false
	}
	return conv
}

// repliedAuthor names the author of the message that the event's message answers.
func repliedAuthor(ctx context.Context) (text string, ok bool) {
	c := ctx.(*Context)
	if c.event.Kind != "MESSAGE_CREATE" {
		return "", false
	}
	m, err := c.Message()
	if err != nil || m.Type != MessageReply || m.Referenced == nil || m.Referenced.Author.ID == 0 || m.Referenced.WebhookID != 0 {
		return "", false
	}
	return Mention(m.Referenced.Author.ID), true
}

// userByID returns a user, from the event if that has it.
func (c *Context) userByID(id ID) (User, error) {
	if d := c.data(); d != nil {
		if u, ok := d.Resolved.user(id); ok {
			return u, nil
		}
	}
	if m, err := c.Message(); err == nil {
		for _, u := range m.Mentions {
			if u.ID == id {
				return u, nil
			}
		}
	}
	if c.client == nil {
		return User{}, errNoClient
	}
	return c.client.User(c, id)
}

// memberByID returns a member of the event's guild.
func (c *Context) memberByID(id ID) (Member, error) {
	if c.GuildID() == 0 {
		return Member{}, fmt.Errorf("%w: there are no members outside of guilds", ErrArgType)
	}
	if d := c.data(); d != nil {
		if m, ok := d.Resolved.member(id, c.GuildID()); ok {
			return m, nil
		}
	}
	if g := c.Gateway(); g != nil && g.State != nil {
		if known := g.State.Member(c.GuildID(), id); known != nil {
			return *known, nil
		}
	}
	if c.client == nil {
		return Member{}, errNoClient
	}
	return c.client.Member(c, c.GuildID(), id)
}

// maxNamed limits the members that are looked through for a name.
const maxNamed = 1000

// userNamed returns the member of the event's guild with a name.
func (c *Context) userNamed(name string) (ID, error) {
	if c.GuildID() == 0 || name == "" {
		return 0, ErrArgType
	}
	members, err := c.membersNamed(name)
	if err != nil {
		return 0, err
	}
	var found []ID
	for i := range members {
		m := &members[i]
		switch u := m.User; {
		case u == nil:
		case command.EqualFold(u.Username, name):
			return u.ID, nil // there is only one
		case command.EqualFold(u.GlobalName, name), command.EqualFold(m.Nick, name):
			found = append(found, u.ID)
		}
	}
	return only(found, "members", name)
}

// membersNamed returns members that may have the given name.
func (c *Context) membersNamed(name string) ([]Member, error) {
	if g := c.Gateway(); g != nil && g.State != nil && g.State.Members {
		if known := g.State.named(c.GuildID(), name); len(known) > 0 {
			return known, nil
		}
	}
	if c.client == nil {
		return nil, errNoClient
	}
	path := To("/guilds/{}/members/search", c.GuildID()).With("query", name).With("limit", maxNamed)
	return Call[[]Member](c, c.client, http.MethodGet, path, nil)
}

// named returns the members of a guild that have a name.
func (s *State) named(guild ID, name string) (all []Member) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.guilds[guild]
	if g == nil {
		return nil
	}
	for _, m := range g.members {
		if u := m.User; command.EqualFold(m.Nick, name) || u != nil && (command.EqualFold(u.Username, name) || command.EqualFold(u.GlobalName, name)) {
			all = append(all, *m)
		}
	}
	return all
}

// only returns the one ID of those with a name.
func only(found []ID, what, name string) (ID, error) {
	switch len(found) {
	case 0:
		return 0, ErrArgType
	case 1:
		return found[0], nil
	}
	return 0, fmt.Errorf("%w: %d %s have the name %.40q: mention the right one", ErrArgType, len(found), what, name)
}

// channelConverter returns the type of the guild's channels and threads.
func channelConverter() command.Converter {
	find := func(c *Context, text string) (ID, error) {
		id, name, err := mentionOrName(text, mentionsChannel, "#")
		switch {
		case err != nil:
			return 0, err
		case c.GuildID() == 0:
			return 0, ErrArgType
		case id == 0:
			return c.channelNamed(name)
		}
		if d := c.data(); d != nil {
			if _, ok := d.Resolved.Channels[id.String()]; ok {
				return id, nil // Discord offers those of the guild only
			}
		}
		ch, err := c.channelByID(id)
		if errors.Is(err, ErrForbidden) || err == nil && ch.GuildID != c.GuildID() {
			err = ErrArgType // a bot must not be led into another guild
		}
		return id, err
	}
	conv := lookup(find)
	conv.Fetch = func(field reflect.Type) (command.Converter, bool) {
		if field == reflect.TypeFor[Channel]() {
			return fetching(conv, find, (*Context).argChannel)
		}
		return command.Converter{}, false
	}
	return conv
}

// argChannel returns a channel that an argument names: all of it, or the part
// that the interaction has.
func (c *Context) argChannel(id ID) (Channel, error) {
	if d := c.data(); d != nil {
		if ch, ok := d.Resolved.Channels[id.String()]; ok {
			ch.GuildID = c.GuildID()
			return ch, nil
		}
	}
	return c.channelByID(id)
}

// channelNamed returns the channel of the event's guild with a name.
func (c *Context) channelNamed(name string) (ID, error) {
	var all []Channel
	if g := c.Gateway(); g != nil && g.State != nil {
		if known := g.State.Guild(c.GuildID()); known != nil && !known.Unavailable {
			all = append(known.Channels[:len(known.Channels):len(known.Channels)], known.Threads...)
		}
	}
	if all == nil {
		if c.client == nil {
			return 0, errNoClient
		}
		var err error
		if all, err = remember(c, &c.client.lists, c.GuildID(), c.client.Channels); err != nil {
			return 0, err
		}
	}
	var found []ID
	for i := range all {
		if command.EqualFold(all[i].Name, name) {
			found = append(found, all[i].ID)
		}
	}
	return only(found, "channels", name)
}

// roleConverter returns the type of the guild's roles.
func roleConverter() command.Converter {
	find := func(c *Context, text string) (ID, error) {
		role, err := c.role(text)
		return role.ID, err
	}
	conv := lookup(find)
	conv.Fetch = func(field reflect.Type) (command.Converter, bool) {
		if field != reflect.TypeFor[Role]() {
			return command.Converter{}, false
		}
		return fetching(conv, find, func(c *Context, id ID) (Role, error) { return c.role(MentionRole(id)) })
	}
	return conv
}

// role returns the role of the event's guild that a text names.
func (c *Context) role(text string) (Role, error) {
	id, name, err := mentionOrName(text, mentionsRole, "@")
	switch {
	case err != nil:
		return Role{}, err
	case c.GuildID() == 0:
		return Role{}, ErrArgType
	}
	if d := c.data(); d != nil && id != 0 {
		if r, ok := d.Resolved.Roles[id.String()]; ok {
			return r, nil
		}
	}
	guild, err := c.guild()
	if err != nil {
		return Role{}, err
	}
	var found []ID
	for i := range guild.Roles {
		r := &guild.Roles[i]
		if r.ID == id || id == 0 && command.EqualFold(strings.TrimPrefix(r.Name, "@"), name) {
			found = append(found, r.ID)
		}
	}
	if id, err = only(found, "roles", name); err != nil {
		return Role{}, err
	}
	return guild.Roles[roleIndex(guild.Roles, id)], nil
}

// fileConverter returns the type of files: an argument of a slash command, or the first
// file of the message.
func fileConverter() command.Converter {
	conv := command.ConvertFunc(func(ctx context.Context, text string) (Attachment, error) {
		c := ctx.(*Context)
		if d := c.data(); d != nil {
			if a, ok := d.Resolved.Attachments[text]; ok {
				return a, nil
			}
			return Attachment{}, ErrArgType
		}
		for _, a := range c.files() {
			if a.ID.String() == text {
				return a, nil
			}
		}
		return Attachment{}, ErrArgType
	})
	conv.Implied = func(ctx context.Context) (string, bool) {
		if all := ctx.(*Context).files(); len(all) > 0 {
			return all[0].ID.String(), true
		}
		return "", false
	}
	return conv
}

// files returns the files of the message that was written.
func (c *Context) files() []Attachment {
	if c.event.Kind != "MESSAGE_CREATE" {
		return nil
	}
	m, err := c.Message()
	if err != nil {
		return nil
	}
	return m.Attachments
}
