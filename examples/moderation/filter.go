package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// filter returns a module that deletes messages with bad words from one chat. A
// module is a function that registers routes and listeners. They are added and
// removed together, while the bot runs.
func (m *moderator) filter(peer int64, words []string) func(r *vk.Router) error {
	return func(r *vk.Router) error {
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = regexp.QuoteMeta(w)
		}
		bad, err := regexp.Compile(`(?i)(^|\PL)(` + strings.Join(quoted, "|") + `)(\PL|$)`)
		if err != nil {
			return err // nothing has changed
		}
		vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
			if c.PeerID() != peer || e.Message.FromID < 0 || !bad.MatchString(e.Message.Text) {
				return nil
			}
			// A check is a function and can be called anywhere. Administrators may write
			// any word, for example in "!mod filter on".
			if middleware.ChatAdmin(c) == nil {
				return nil
			}
			if err := c.Client().Delete(c, peer, e.Message.CMID); err != nil {
				return err
			}
			who, err := c.Client().User(c, c.FromID())
			if err != nil {
				return err
			}
			return m.addWarning(c, who, "Mind your words.")
		})
		return nil
	}
}

// filterName is the name under which a chat's module is mounted.
func filterName(c *vk.Context) string { return fmt.Sprint("filter of ", c.PeerID()) }

// filterOn mounts the filter of the chat, or swaps it for one with other words;
// no message is handled in between. Data that must survive a restart belong in
// a session.
func (m *moderator) filterOn(c *vk.Context) error {
	words, _ := vk.Arg[[]string](c, "words")
	filter := m.filter(c.PeerID(), words)
	var err error
	if old, ok := m.router.Module(filterName(c)); ok {
		err = old.Swap(filter)
	} else {
		_, err = m.router.Mount(filterName(c), filter)
	}
	if err != nil {
		return err
	}
	return c.Send("Not said here any more: " + vk.Escape(strings.Join(words, ", ")))
}

func (m *moderator) filterOff(c *vk.Context) error {
	if filter, ok := m.router.Module(filterName(c)); ok {
		if err := filter.Unmount(); err != nil {
			return err
		}
	}
	return c.Send("Say what you like.")
}
