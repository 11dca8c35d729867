package demo

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"

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

	mu    sync.Mutex
	names map[int64]string // of users, by id
}

func newRoom(fake *vktest.Server, others []string) *room {
	r := &room{fake: fake, others: make(map[string]*vktest.User), names: make(map[int64]string)}
	r.you = r.person("You")
	if len(others) == 0 {
		return r
	}
	members := []*vktest.User{r.you}
	for _, name := range others {
		members = append(members, r.person(name))
	}
	r.chat = fake.Chat("Friends", members...)
	fake.MakeBotAdmin(r.chat)
	for _, m := range members[1:] {
		r.others[m.Name] = m.In(r.chat)
	}
	r.you = r.you.In(r.chat)
	return r
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

// act performs the action of a line; see Main. It returns an error if the
// action is refused.
func (r *room) act(line string) error {
	actor := r.you
	if name, rest, ok := strings.Cut(line, ":"); ok && r.others[name] != nil {
		actor, line = r.others[name], strings.TrimSpace(rest)
	}
	label, pressed := strings.CutPrefix(line, "[")
	name, invited := strings.CutPrefix(line, "+")
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
		default:
			actor.Says(line)
		}
		return nil
	})
}
