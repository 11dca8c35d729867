// Package terminal lets people talk to a bot where they have started it,
// without VK: the programs in examples/ run on it unless they are given a token.
package terminal

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A Chat is a conversation with a bot that runs on a fake VK in this process.
// Each line that is typed is a message to it; these are something else:
//
//	[Buy]         presses the button Buy
//	Boris: hi     is said by Boris, one of the Others; Boris: [Buy] is his press
//	+Vera         brings Vera into the chat
//
// What the bot says and does is shown when it happens, also while nobody types.
// What goes wrong inside of it is logged to os.Stderr.
type Chat struct {
	Bot  vk.Handler
	Hint string // what to try, for a person

	// Others are in a chat with You and the bot, which both administer it; their
	// addresses are their names, as in @boris. Without Others, You and the bot
	// are in private.
	Others []string

	In  io.Reader // nil means os.Stdin
	Out io.Writer // nil means os.Stdout
}

// Run runs the bot until In or ctx ends, which is no error.
func (c *Chat) Run(ctx context.Context) error {
	in := cmp.Or[io.Reader](c.In, os.Stdin)
	prompt := isTerminal(in)
	s := &screen{out: cmp.Or[io.Writer](c.Out, os.Stdout), names: make(map[int64]string)}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	fake := vktest.Config{Logger: log}.NewServer()
	defer fake.Close()
	room := newRoom(fake, s, c.Others)
	fake.Client().Use(s.watch)
	fake.Start(c.Bot)
	if prompt {
		s.print("This is a fake VK; with VK_TOKEN=<a community's token> the bot runs on the real one.")
		s.print(c.Hint + " Ctrl-D or Ctrl-C ends.")
	}
	lines := readLines(ctx, in)
	for {
		s.prompt(prompt)
		select {
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			s.prompt(false)
			if err := room.does(line); err != nil {
				s.print(fmt.Sprintf("(%v)", err))
			}
		case <-ctx.Done():
			return nil
		}
		if fake.Wait(ctx) != nil {
			return nil
		}
		s.hear()
	}
}

// readLines sends the lines of in until it or ctx ends. A read that waits for
// somebody to type cannot be ended; it ends with the program.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- strings.TrimSpace(s.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// isTerminal reports whether somebody sits at in.
func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A room is where people talk to the bot.
type room struct {
	fake   *vktest.Server
	screen *screen
	you    *vktest.User
	people map[string]*vktest.User // the Others, by name, in the chat
	chat   *vktest.Chat            // nil if You are in private
}

func newRoom(fake *vktest.Server, s *screen, others []string) *room {
	r := &room{fake: fake, screen: s, people: make(map[string]*vktest.User)}
	r.you = r.person("You")
	if len(others) > 0 {
		members := []*vktest.User{r.you}
		for _, name := range others {
			members = append(members, r.person(name))
		}
		r.chat = fake.Chat("Friends", members...)
		fake.MakeBotAdmin(r.chat)
		for _, m := range members[1:] {
			r.people[m.Name] = m.In(r.chat)
		}
		r.you = r.you.In(r.chat)
	}
	s.hears = r.you
	return r
}

// person makes somebody.
func (r *room) person(name string) *vktest.User {
	u := r.fake.Person(vktest.Person{Name: name, ScreenName: strings.ToLower(name)})
	r.screen.mu.Lock()
	defer r.screen.mu.Unlock()
	r.screen.names[u.ID] = name
	return u
}

// does what a line says. What people cannot do, vktest panics of where there is
// no test; here it is an error.
func (r *room) does(line string) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		text, _ := v.(string)
		text, ours := strings.CutPrefix(text, "vktest: ")
		if !ours {
			panic(v)
		}
		text, _, _ = strings.Cut(text, "\n")
		text, _, _ = strings.Cut(text, ": fakevk: ")
		err = fmt.Errorf("%s", text)
	}()
	who := r.you
	if name, rest, ok := strings.Cut(line, ":"); ok && r.people[name] != nil {
		who, line = r.people[name], strings.TrimSpace(rest)
	}
	label, pressed := strings.CutPrefix(line, "[")
	name, invited := strings.CutPrefix(line, "+")
	switch {
	case line == "":
	case pressed && strings.HasSuffix(label, "]"):
		who.Presses(strings.TrimSuffix(label, "]"))
	case invited && r.chat != nil && name != "":
		guest := r.people[name]
		if guest == nil {
			guest = r.person(name).In(r.chat)
			r.people[name] = guest
		}
		who.Invites(guest)
	default:
		who.Says(line)
	}
	return nil
}
