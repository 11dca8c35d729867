// Quiz is a bot that asks: a chat, where whoever answers first scores, and one
// person alone. With VK_TOKEN set to a community's token it runs on VK; without,
// it runs on a fake VK in this process, in a chat with you, Boris and Vera:
//
//	go run ./examples/quiz
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

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/terminal"
	"github.com/vkrouter/vk/middleware"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file := flag.String("data", "", "the `file` to keep the points in; without one they end with the program")
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
		Hint:   "Try !quiz, Boris: Paris, !stop, !top, !exam, [Tokyo].",
	}
	return here.Run(ctx)
}

// newBot returns the bot: what it answers to, and how. It keeps the points in
// store.
func newBot(store vk.Store) *vk.Router {
	r := vk.NewRouter("!")
	r.Use(middleware.IgnoreBots(), middleware.Explain(sorry))
	r.Add(vk.Route{Pattern: "help {command...?}", Doc: "Tells what you can do.", Handler: middleware.Help(r)})

	g := &game{points: &vk.Session[points]{Store: store, Name: "points"}}
	one := middleware.NewMaxConcurrency(1, vk.PerChat) // one quiz for a chat, also while it waits for answers
	r.Add(vk.Route{
		Pattern: "quiz {rounds:int=3}",
		Doc:     "Asks the chat: the first right answer scores.",
		Checks:  []vk.Check{middleware.ChatOnly},
		Use:     []vk.Middleware{one.Wrap},
		Handler: g.quiz,
	})
	g.stop = r.Add(vk.Route{Pattern: "stop", Doc: "Ends the quiz.", Handler: func(c *vk.Context) error {
		return c.Reply("There is no quiz.") // or it would have taken the command
	}})
	r.Add(vk.Route{Pattern: "top", Doc: "Who knows most in this chat.", Handler: g.top})
	// Who begins another exam ends this one: a command ends a question.
	r.Add(vk.Route{Pattern: "exam", Doc: "Asks you alone.", Handler: exam})
	return r
}

// sorry has words for the ends of questions. A command in place of an answer,
// which is vk.ErrInterrupted, speaks for itself.
func sorry(c *vk.Context, err error) string {
	var useless *vk.AnswerError
	switch {
	case errors.Is(err, vk.ErrNoAnswer):
		return "Are you still there? Come back when you like."
	case errors.Is(err, vk.ErrCanceled):
		return "As you like."
	case errors.As(err, &useless):
		return "Let us leave it at that."
	}
	return ""
}
