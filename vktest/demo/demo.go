// Package demo runs a bot that a user can talk to: in the terminal or in a
// browser on a fake VK, or on VK itself. The programs in examples/ use it.
//
// It links the fake VK and package testing. For production, a bot has a main
// function of its own; docs/production.md shows it.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/busyport"
	"github.com/vkrouter/vk/vktest"
)

// Main runs a bot until the program gets SIGINT or SIGTERM, then exits with
// status 0. If the bot cannot run, Main prints the error to standard error and
// exits with status 1. It calls newBot once. Where the bot runs depends on the
// command line and the environment:
//
//   - By default it runs on a fake VK in this process, and standard input and
//     output are the conversation. Main also exits at the end of the input.
//   - With VK_TOKEN set to a community's token it runs on VK, with a [vk.Poller].
//   - With the flag -play it runs on a fake VK, and Main serves the page of
//     [vktest.Server.Play] and prints its address, at a free port if the usual
//     one is busy. VK_TOKEN is ignored.
//
// The store is a [vk.MemoryStore], or with the flag -store FILE a file that
// keeps the data for the next run. On VK, unfinished events are kept there too.
// Other flags are declared in package flag before Main is called, which parses
// the command line.
//
// Without others, the conversation on the fake VK is private. With others, it
// is a chat of You, people of these names, and the bot; You and the bot are its
// administrators, and each of the people can talk to the bot in private, too. You
// also administer the community. The screen names are the names in lower case, as
// in @boris.
//
// In the terminal, the hint says what to try. Each line is a message, except
// for these:
//
//	[Buy]         press the button Buy
//	> yes         a reply to the bot's last message in the conversation
//	Boris: hi     Boris, one of the others, says hi; Boris: [Buy] is a press
//	Boris to Bot: hi   Boris says hi to the bot in private; so does You to Bot: hi
//	+Vera         Vera joins the chat
func Main(hint string, newBot func(store vk.Store) vk.Handler, others ...string) {
	d := &demo{
		hint: hint, newBot: newBot, others: others,
		token: os.Getenv("VK_TOKEN"), client: vk.NewClient, in: os.Stdin, out: os.Stdout,
	}
	flag.BoolVar(&d.play, "play", false, "serve a page to talk to the bot, with buttons, a log and faults")
	flag.StringVar(&d.file, "store", "", "keep the bot's data in this `file`; the default is to keep it in memory")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(flag.CommandLine.Output(), "unexpected argument: %s\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := d.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A demo is what Main runs.
type demo struct {
	hint   string
	newBot func(store vk.Store) vk.Handler
	others []string

	play   bool
	file   string // of the store; empty means memory
	token  string // empty means the fake VK
	client func(token string) *vk.Client

	in  io.Reader
	out io.Writer // of the terminal
}

// run opens the store and runs the bot until ctx ends.
func (d *demo) run(ctx context.Context) error {
	if d.file == "" {
		return d.runBot(ctx, new(vk.MemoryStore))
	}
	store, err := filestore.Open(d.file)
	if err != nil {
		return err
	}
	return errors.Join(d.runBot(ctx, store), store.Close())
}

func (d *demo) runBot(ctx context.Context, store vk.Store) error {
	bot := d.newBot(store)
	switch {
	case d.play:
		return d.browser(ctx, bot)
	case d.token != "":
		p := &vk.Poller{
			Client:     d.client(d.token),
			Dispatcher: &vk.Dispatcher{Handler: bot, Store: store},
		}
		return p.Run(ctx)
	default:
		return d.terminal(ctx, bot)
	}
}

// browser runs the bot on a fake VK and serves the page until ctx ends.
func (d *demo) browser(ctx context.Context, bot vk.Handler) error {
	return d.onFake(func(fake *vktest.Server) error {
		if len(d.others) > 0 { // otherwise Play adds users
			newRoom(fake, d.others)
		}
		fake.Start(bot)
		err := fake.Play(ctx, "")
		if busyport.Is(err) {
			err = fake.Play(ctx, "127.0.0.1:0")
		}
		return err
	})
}
