package middleware

import (
	"slices"

	"github.com/vkrouter/vk"
)

// Users returns a check that lets through the people with these ids: a bot's
// owner, for instance. A community that writes has its id negative.
func Users(ids ...int64) vk.Check {
	ids = slices.Clone(ids)
	return func(c *vk.Context) error {
		if slices.Contains(ids, c.FromID()) {
			return nil
		}
		return errForbidden
	}
}

// NotUsers returns a check that lets through everybody but the people with
// these ids.
func NotUsers(ids ...int64) vk.Check {
	ids = slices.Clone(ids)
	return func(c *vk.Context) error {
		if slices.Contains(ids, c.FromID()) {
			return errForbidden
		}
		return nil
	}
}

// ChatOnly is a check that lets through what comes from a chat of several
// people. It refuses with [ErrChatOnly].
func ChatOnly(c *vk.Context) error {
	if !c.IsChat() {
		return ErrChatOnly
	}
	return nil
}

// PrivateOnly is a check that lets through what does not come from a chat of
// several people. It refuses with [ErrPrivateOnly].
func PrivateOnly(c *vk.Context) error {
	if c.IsChat() {
		return ErrPrivateOnly
	}
	return nil
}
