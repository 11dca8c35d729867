package discordtest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// patience is how long an expectation waits.
const patience = 10 * time.Second

var errSilence = fmt.Errorf("nothing comes for %v", patience)

// A hearing says how much of the bot was heard in one channel.
type hearing struct {
	upTo   int64                    // the last happening that was a message for all and heard
	own    map[fakediscord.ID]int64 // the same of messages that only one person sees
	edits  map[fakediscord.ID]int64 // the last happening that was an edit and seen, by message
	typing int64
	seen   map[sight]int64 // the last happening of another kind
}

// A sight is a kind of happening and the person that looks for it.
type sight struct {
	kind   string
	person fakediscord.ID
}

// of returns the hearing of a channel. The caller holds s.mu.
func (s *Server) of(c *Channel) *hearing {
	h := s.heard[fakediscord.ID(c.ID)]
	if h == nil {
		h = &hearing{own: make(map[fakediscord.ID]int64), edits: make(map[fakediscord.ID]int64), seen: make(map[sight]int64)}
		s.heard[fakediscord.ID(c.ID)] = h
	}
	return h
}

// next returns the bot's first happening of a kind after a number that the person
// sees and that is as wanted; nil wants any.
func (u *User) next(after int64, kind string, wanted func(*fakediscord.Happening) bool) (fakediscord.Happening, bool) {
	bot := u.s.fake.Me()
	return u.s.fake.Next(after, func(h *fakediscord.Happening) bool {
		return h.ChannelID == fakediscord.ID(u.in.ID) && h.Kind == kind && h.UserID == bot &&
			(h.Only == 0 || h.Only == fakediscord.ID(u.ID)) && (wanted == nil || wanted(h))
	})
}

// messageOf returns the message of a happening.
func messageOf(h fakediscord.Happening) (m discord.Message) {
	json.Unmarshal(h.Message, &m)
	return m
}

// Sees expects that the bot's next message in the channel, which it may still be
// about to send, has this text, and returns it as it was sent.
func (u *User) Sees(text string) discord.Message {
	u.s.tb().Helper()
	return u.sees(fmt.Sprintf("%q", text), func(m discord.Message) bool { return m.Content == text })
}

// SeesLike is Sees for a text that the regular expression matches somewhere.
func (u *User) SeesLike(pattern string) discord.Message {
	u.s.tb().Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		u.s.fatalf("%v", err)
	}
	return u.sees("something like "+pattern, func(m discord.Message) bool { return re.MatchString(m.Content) })
}

// SeesEmbed is Sees for a message with an embed of this title.
func (u *User) SeesEmbed(title string) discord.Message {
	u.s.tb().Helper()
	return u.sees(fmt.Sprintf("an embed %q", title), func(m discord.Message) bool {
		for _, e := range m.Embeds {
			if e.Title == title {
				return true
			}
		}
		return false
	})
}

// SeesFile is Sees for a message with a file of this name.
func (u *User) SeesFile(name string) discord.Message {
	u.s.tb().Helper()
	return u.sees(fmt.Sprintf("a file %q", name), func(m discord.Message) bool {
		for _, a := range m.Attachments {
			if a.Filename == name {
				return true
			}
		}
		return false
	})
}

func (u *User) sees(want string, ok func(discord.Message) bool) discord.Message {
	u.s.tb().Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errSilence)
	defer cancel()
	for {
		changed := u.s.fake.Changed()
		if m, came, taken := u.take(ok); taken {
			return m
		} else if came {
			u.fails("should see %s, but sees %s", want, written(m))
			return m
		}
		select {
		case <-changed:
		case <-ctx.Done():
			u.fails("should see %s, but %v", want, context.Cause(ctx))
			return discord.Message{}
		}
	}
}

// take returns the bot's next message, and takes it if it is as expected.
func (u *User) take(ok func(discord.Message) bool) (m discord.Message, came, taken bool) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	h := u.s.of(u.in)
	own := h.own[fakediscord.ID(u.ID)]
	unheard, came := u.next(min(h.upTo, own), fakediscord.HappeningMessage, func(x *fakediscord.Happening) bool {
		return x.Only == 0 && x.N > h.upTo || x.Only != 0 && x.N > own
	})
	if !came {
		return m, false, false
	}
	if m = messageOf(unheard); ok(m) {
		if unheard.Only == 0 {
			h.upTo = unheard.N
		} else {
			h.own[unheard.Only] = unheard.N
		}
		return m, true, true
	}
	return m, true, false
}

// TryNext returns the bot's next message in the channel as it was sent, if there is
// one.
func (u *User) TryNext() (m discord.Message, ok bool) {
	m, ok, _ = u.take(func(discord.Message) bool { return true })
	return m, ok
}

// SeesNothing expects that the bot, once it has nothing to do (see [Server.Wait]),
// has said nothing in the channel that was not heard.
func (u *User) SeesNothing() {
	u.s.tb().Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := u.s.Wait(ctx)
	m, came, _ := u.take(func(discord.Message) bool { return false })
	switch {
	case came:
		u.fails("should see nothing, but sees %s", written(m))
	case err != nil:
		u.fails("should see nothing, but the bot is still busy after %v", patience)
	}
}

// SeesEdited expects that a message of the bot's is changed and then has this text,
// even if it was changed again since. Each edit is seen once, and none after a
// later one of the same message.
func (u *User) SeesEdited(text string) (m discord.Message) {
	u.s.tb().Helper()
	u.await(fmt.Sprintf("should see a message changed to %q", text), func() bool {
		u.s.mu.Lock()
		defer u.s.mu.Unlock()
		seen := u.s.of(u.in).edits
		h, ok := u.next(0, fakediscord.HappeningEdit, func(h *fakediscord.Happening) bool {
			return h.N > seen[h.MessageID] && messageOf(*h).Content == text
		})
		if ok {
			m, seen[h.MessageID] = messageOf(h), h.N
		}
		return ok
	})
	return m
}

// SeesDeleted expects that a message is deleted.
func (u *User) SeesDeleted(m discord.Message) {
	u.s.tb().Helper()
	u.await(fmt.Sprintf("should see %s deleted", written(m)), func() bool {
		_, ok := u.s.fake.Next(0, func(h *fakediscord.Happening) bool {
			return h.Kind == fakediscord.HappeningDelete && h.MessageID == fakediscord.ID(m.ID)
		})
		return ok
	})
}

// SeesReaction expects that the bot reacts to a message with an emoji: "👍" or
// "name:id".
func (u *User) SeesReaction(m discord.Message, emoji string) {
	u.s.tb().Helper()
	u.await(fmt.Sprintf("should see the reaction %s to %s", emoji, written(m)), func() bool {
		_, ok := u.next(0, fakediscord.HappeningReact, func(h *fakediscord.Happening) bool {
			return h.MessageID == fakediscord.ID(m.ID) && h.Emoji == emoji
		})
		return ok
	})
}

// SeesTyping expects that the bot shows that it types.
func (u *User) SeesTyping() {
	u.s.tb().Helper()
	u.await("should see the bot typing", func() bool {
		u.s.mu.Lock()
		defer u.s.mu.Unlock()
		h := u.s.of(u.in)
		t, ok := u.next(h.typing, fakediscord.HappeningTyping, nil)
		if ok {
			h.typing = t.N
		}
		return ok
	})
}

// await waits for something to become true, and fails if it does not.
func (u *User) await(want string, ok func() bool) {
	u.s.tb().Helper()
	if u.waits(ok) {
		u.fails("%s, but %v", want, errSilence)
	}
}

// waits waits for something to become true, and reports whether it does not.
func (u *User) waits(ok func() bool) (late bool) {
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		changed := u.s.fake.Changed()
		if ok() {
			return false
		}
		select {
		case <-changed:
		case <-end.C:
			return true
		}
	}
}

// fails fails the test, with the conversation.
func (u *User) fails(format string, args ...any) {
	u.s.tb().Helper()
	u.s.fatalf("%s "+format+"\n%s", append(append([]any{u.Name}, args...), u.s.conversation(u.in))...)
}
