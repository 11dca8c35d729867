package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// onFake calls f with a fake VK, and closes it afterwards. The bot's warnings
// and errors are logged to standard error.
func (d *demo) onFake(f func(fake *vktest.Server) error) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := vktest.Config{Logger: log}
	if d.file != "" {
		// Each run has its own event ids. A session in the file would take an
		// event with an old id for a retry of that event.
		c.Seed = rand.Uint64()
	}
	return try(func() error {
		fake := c.NewServer()
		defer fake.Close()
		return f(fake)
	})
}

// try calls f and returns its error. Outside of a test, vktest panics if an
// action of a user is refused, or if the bot does not start; try returns that
// as an error, too.
func try(f func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		text, _ := v.(string)
		if !strings.HasPrefix(text, "vktest: ") {
			panic(v)
		}
		text, _, _ = strings.Cut(text, "\n")
		text, _, _ = strings.Cut(text, ": fakevk: ")
		err = errors.New(text)
	}()
	return f()
}

// A room is the conversation with the bot on the fake VK.
type room struct {
	fake   *vktest.Server
	you    *vktest.User
	others map[string]*vktest.User // by name, in the chat
	chat   *vktest.Chat            // nil if the conversation is private

	mu      sync.Mutex
	names   map[int64]string                // of users, by id
	dialogs []*vktest.User                  // beside the chat
	last    map[*vktest.User]vktest.Message // the bot's last message, by the first user of the conversation
}

func newRoom(fake *vktest.Server, others []string) *room {
	r := &room{
		fake: fake, others: make(map[string]*vktest.User), names: map[int64]string{-fake.GroupID: "Bot"}, last: make(map[*vktest.User]vktest.Message),
	}
	r.you = r.person("You")
	r.employ(r.you)
	if len(others) == 0 {
		return r
	}
	members := []*vktest.User{r.you}
	r.dialogs = append(r.dialogs, r.you)
	for _, name := range others {
		m := r.person(name)
		members = append(members, m)
		r.dialogs = append(r.dialogs, m)
	}
	r.chat = fake.Chat("Friends", members...)
	fake.MakeBotAdmin(r.chat)
	for _, m := range members[1:] {
		r.others[m.Name] = m.In(r.chat)
	}
	r.you = r.you.In(r.chat)
	return r
}

// employ makes a user an administrator of the community.
func (r *room) employ(u *vktest.User) {
	u.Joins()
	p := vk.Params{"group_id": r.fake.GroupID, "user_id": u.ID, "role": "administrator"}
	if err := r.fake.AdminClient().Call(context.Background(), "groups.editManager", p, nil); err != nil {
		panic("vktest: " + err.Error())
	}
}

// person adds a user to the fake VK.
func (r *room) person(name string) *vktest.User {
	u := r.fake.Person(vktest.Person{Name: name, ScreenName: strings.ToLower(name)})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[u.ID] = name
	return u
}

// name returns the name of a user, or the id if the id is unknown.
func (r *room) name(id int64) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.names[id], fmt.Sprint(id))
}

// next returns the bot's next message that is not shown yet, and the name of the
// user if it was sent in private, or "".
func (r *room) next() (m vktest.Message, to string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, ok := r.you.TryNext(); ok {
		r.last[r.you] = m
		return m, "", true
	}
	for _, u := range r.dialogs {
		if m, ok := u.TryNext(); ok {
			r.last[u] = m
			return m, u.Name, true
		}
	}
	return m, "", false
}

// dialog returns the user of this name in the private conversation beside the
// chat, or nil.
func (r *room) dialog(name string) *vktest.User {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.dialogs {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// lastTo returns the bot's last message in the conversation of a user.
func (r *room) lastTo(u *vktest.User) vktest.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.dialogs, u) {
		return r.last[u]
	}
	return r.last[r.you]
}

// act performs the action of a line; see Main. It returns an error if the
// action is refused.
func (r *room) act(line string) error {
	actor := r.you
	if who, rest, ok := strings.Cut(line, ":"); ok {
		name, private := strings.CutSuffix(who, " to Bot")
		speaker := r.others[name]
		if private {
			speaker = r.dialog(name)
		}
		if speaker != nil {
			actor, line = speaker, strings.TrimSpace(rest)
		}
	}
	label, pressed := strings.CutPrefix(line, "[")
	name, invited := strings.CutPrefix(line, "+")
	reply, replies := strings.CutPrefix(line, "> ")
	return try(func() error {
		switch {
		case line == "":
		case pressed && strings.HasSuffix(label, "]"):
			actor.Presses(strings.TrimSuffix(label, "]"))
		case invited && r.chat != nil && name != "":
			guest := r.others[name]
			if guest == nil {
				guest = r.person(name).In(r.chat)
				r.others[name] = guest
			}
			actor.Invites(guest)
		case replies:
			m := r.lastTo(actor)
			if m.CMID == 0 {
				return errors.New(actor.Name + " sees no message to reply to")
			}
			actor.Replies(m, reply)
		default:
			actor.Says(line)
		}
		return nil
	})
}
