package middleware

import (
	"slices"

	"github.com/vkrouter/vk"
)

// Users returns a check that allows the users with these ids, such as a bot's
// owner. A community that writes has a negative id.
func Users(ids ...int64) vk.Check {
	ids = slices.Clone(ids)
	return func(c *vk.Context) error {
		if slices.Contains(ids, c.FromID()) {
			return nil
		}
		return errForbidden
	}
}

// NotUsers returns a check that allows everybody except the users with these
// ids.
func NotUsers(ids ...int64) vk.Check {
	ids = slices.Clone(ids)
	return func(c *vk.Context) error {
		if slices.Contains(ids, c.FromID()) {
			return errForbidden
		}
		return nil
	}
}

// ChatOnly is a check that allows events from a chat of several users. It
// refuses others with [ErrChatOnly].
func ChatOnly(c *vk.Context) error {
	if !c.IsChat() {
		return ErrChatOnly
	}
	return nil
}

// PrivateOnly is a check that allows events that are not from a chat of several
// users. It refuses others with [ErrPrivateOnly].
func PrivateOnly(c *vk.Context) error {
	if c.IsChat() {
		return ErrPrivateOnly
	}
	return nil
}
