// Moderation is a bot that keeps order in chats. With VK_TOKEN set to a
// community's token it runs on VK, where it must be an administrator of its
// chats; without, it runs on a fake VK in this process, in a chat with you,
// Boris and Vera:
//
//	go run ./examples/moderation
//
// or with -play in a browser.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/terminal"
	"github.com/vkrouter/vk/middleware"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file := flag.String("data", "", "the `file` to keep warnings and bans in; without one they end with the program")
	inBrowser := flag.Bool("play", false, "serve a page to talk to the bot, with buttons, a log and faults")
	flag.Parse()
	if err := run(ctx, *file, *inBrowser); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string, inBrowser bool) error {
	var store vk.Store = new(vk.MemoryStore)
	if file != "" {
		f, err := filestore.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		store = f
	}
	bot := newBot(store)
	if inBrowser {
		return terminal.Play(ctx, bot)
	}
	if token := os.Getenv("VK_TOKEN"); token != "" {
		return vk.Run(ctx, token, bot)
	}
	here := &terminal.Chat{
		Bot:    bot,
		Others: []string{"Boris", "Vera"},
		Hint:   "Try !help, !mod warn @boris caps, !mod filter on spam, Boris: spam, Vera: !report, +Gleb.",
	}
	return here.Run(ctx)
}

// A moderator is the bot: what its handlers share.
type moderator struct {
	router  *vk.Router
	members *vk.Session[member]
}

// A member is what the bot knows of somebody in one chat.
type member struct {
	Warnings int       `json:",omitzero"`
	Muted    time.Time `json:",omitzero"` // until then
	Banned   time.Time `json:",omitzero"` // until then
}

// newBot returns the bot: what it answers to, and how. It keeps what it knows
// in store.
func newBot(store vk.Store) *vk.Router {
	r := vk.NewRouter("!")
	m := &moderator{
		router:  r,
		members: &vk.Session[member]{Store: store, Name: "member", TTL: 365 * 24 * time.Hour},
	}
	// The order counts: what Explain is to tell people of must be inside of it.
	r.Use(middleware.IgnoreBots(), m.deaf, middleware.Explain(sorry))

	help := r.Add(vk.Route{Pattern: "help {command...?}", Doc: "Tells what you can do.", Handler: middleware.Help(r)})
	r.Add(vk.Route{Pattern: "rules", Doc: "What is allowed here.", Handler: rules})
	rare := middleware.NewCooldown(1, 10*time.Minute, vk.PerMember)
	r.Add(vk.Route{
		Pattern: "report {reason...?}",
		Doc:     "Calls the administrators.\nOnce in ten minutes.",
		Checks:  []vk.Check{middleware.ChatOnly},
		Use:     []vk.Middleware{rare.Wrap},
		Handler: report,
	})

	// Everything below "!mod" is for the administrators of the chat. So are the
	// lines of the help: who may not run a command does not see it.
	r.Route("mod", func(r *vk.Router) {
		r.Check(middleware.ChatAdmin)
		r.Handle("", func(c *vk.Context) error { return c.Invoke(help, "mod") }) // "!mod" alone
		vk.AddCommand(r, vk.Route{Pattern: "warn {who:user} {reason...?}", Doc: "Warns somebody; the third time they go."}, m.warn)
		vk.AddCommand(r, vk.Route{Pattern: "forgive {who:user}", Doc: "Forgets warnings, a mute and a ban."}, m.forgive)
		vk.AddCommand(r, vk.Route{Pattern: "mute {who:user} {time:duration=10m}", Doc: "Deletes what somebody says."}, m.mute)
		vk.AddCommand(r, vk.Route{Pattern: "kick {who:user} {reason...?}", Doc: "Removes somebody."}, m.kick)
		vk.AddCommand(r, vk.Route{Pattern: "ban {who:user} {time:duration=7d}", Doc: "Removes somebody, and lets nobody bring them back."}, m.ban)
		r.Add(vk.Route{Pattern: "filter on {words:word...}", Doc: "Deletes messages with these words.", Handler: m.filterOn})
		r.Add(vk.Route{Pattern: "filter off", Doc: "Allows all words.", Handler: m.filterOff})
	})

	// Listeners see every message, whatever the routes make of it.
	vk.On(r, vk.EventMessageNew, m.silence)
	vk.On(r, vk.EventChatInviteUser, m.welcome)
	vk.On(r, vk.EventChatInviteUserByLink, m.welcome)
	return r
}

// sorry has words for errors that Explain has none for, because what they mean
// depends on what was tried.
func sorry(c *vk.Context, err error) string {
	switch {
	case errors.Is(err, vk.CodeNotInChat):
		return "They are not in this chat."
	case errors.Is(err, vk.CodeAccess):
		return "That is not in my power."
	}
	return "" // and Explain finds its own
}
