package main

import (
	"errors"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// newBot returns the bot, which keeps the points in store.
func newBot(store vk.Store) vk.Handler {
	r := vk.NewRouter("!")
	r.Use(middleware.Explain(sorry))
	r.Add(vk.Route{Pattern: "help {command...?}", Doc: "Tells what you can do.", Handler: middleware.Help(r)})

	g := &game{points: &vk.Session[points]{Store: store, Name: "points"}}
	one := middleware.NewMaxConcurrency(1, vk.PerChat) // one quiz per chat, including the time that it waits for answers
	r.Add(vk.Route{
		Pattern: "quiz {rounds:int=3}",
		Doc:     "Asks the chat: the first right answer scores.",
		Checks:  []vk.Check{middleware.ChatOnly},
		Use:     []vk.Middleware{one.Wrap},
		Handler: g.quiz,
	})
	g.stop = r.Add(vk.Route{Pattern: "stop", Doc: "Ends the quiz.", Handler: func(c *vk.Context) error {
		return c.Reply("There is no quiz.") // otherwise the quiz would have handled the command
	}})
	r.Add(vk.Route{Pattern: "top", Doc: "Who knows most in this chat.", Handler: g.top})
	// Another exam ends this one: a command ends a question.
	r.Add(vk.Route{Pattern: "exam", Doc: "Asks you alone.", Handler: exam})
	return r
}

// sorry explains the end of a question. It returns no text for
// vk.ErrInterrupted, since the user has sent a command instead of an answer.
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
