package discord

import (
	"fmt"

	"github.com/vkrouter/vk/internal/record"
)

// A Key names the owner of something: the subject of a cooldown, or the owner
// of the state in a [Session]. Keys are compared as a whole; a zero field
// matches everything.
type Key struct {
	Guild, Channel, Message, User ID

	Name string // any other distinction
}

// Global returns the key that is shared by all events.
func Global(*Context) Key { return Key{} }

// PerUser returns the key of the event's user, in any guild and channel.
func PerUser(c *Context) Key { return Key{User: c.UserID()} }

// PerChannel returns the key of the event's channel, for any user.
func PerChannel(c *Context) Key { return Key{Guild: c.GuildID(), Channel: c.ChannelID()} }

// PerMember returns the key of the event's user in the event's guild, in any channel. In
// a direct message, it is the key of the channel.
func PerMember(c *Context) Key {
	if c.GuildID() == 0 {
		return Key{Channel: c.ChannelID(), User: c.UserID()}
	}
	return Key{Guild: c.GuildID(), User: c.UserID()}
}

// PerGuild returns the key of the event's guild. In a direct message, it is the key of the
// channel.
func PerGuild(c *Context) Key {
	if c.GuildID() == 0 {
		return PerChannel(c)
	}
	return Key{Guild: c.GuildID()}
}

// PerMessage returns the key of the message that the event is about, such as that of a
// button that was pressed.
func PerMessage(c *Context) Key {
	return Key{Guild: c.GuildID(), Channel: c.ChannelID(), Message: c.messageID()}
}

// text returns the key as it is written in errors.
func (k Key) text() string {
	if k == (Key{}) {
		return "everybody"
	}
	var b []byte
	for _, f := range [...]struct {
		name string
		id   ID
	}{{"guild", k.Guild}, {"channel", k.Channel}, {"message", k.Message}, {"user", k.User}} {
		if f.id != 0 {
			b = fmt.Appendf(b, "%s %s, ", f.name, f.id)
		}
	}
	if k.Name != "" {
		b = fmt.Appendf(b, "name %.40q, ", k.Name)
	}
	return string(b[:len(b)-2])
}

// id returns the key as a part of a key in a Store.
func (k Key) id() string {
	return fmt.Sprintf("%s/%s/%s/%s/%s", k.Guild, k.Channel, k.Message, k.User, record.Short(k.Name))
}
